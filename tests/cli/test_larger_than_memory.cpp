// A packed file of four times the memory that the program may take (ulimit -v): the same results as with all of it.
#include <doctest/doctest.h>

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <vector>

#include "process.hpp"
#include "sanitized.hpp"

#ifndef TACIT_TEST_SANITIZED

namespace {

using namespace process_test;

constexpr int kRows = 120000, kColumns = 250;  // 242 MB with the two targets

/// Numbers of one digit behind the point, a constant column in front, a target that they make and its sign.
void write_table(const fs::path& file) {
  std::vector<std::string> words;
  for (int k = -20; k <= 20; ++k)
    words.push_back((k < 0 ? "-" : "") + std::to_string(std::abs(k) / 10) + "." + std::to_string(std::abs(k) % 10) + ",");
  std::uint64_t state = 11;
  const auto next = [&state] {
    state = state * 6364136223846793005U + 1442695040888963407U;
    return state >> 33U;
  };
  std::ofstream out(file, std::ios::binary);
  out << "one";
  for (int j = 1; j < kColumns; ++j) out << ",x" << j;
  out << ",y,c\n";
  std::string line;
  for (int i = 0; i < kRows; ++i) {
    line = "1,";
    int sum = static_cast<int>(next() % 401) - 200;
    for (int j = 1; j < kColumns; ++j) {
      const int k = static_cast<int>(next() % 41);
      line += words[static_cast<std::size_t>(k)];
      sum += j % 9 == 0 ? k - 20 : 0;
    }
    line += std::to_string(sum) + (sum > 0 ? ",1\n" : ",0\n");
    out << line;
  }
}

std::set<std::string> names_in(const fs::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : fs::recursive_directory_iterator(folder))
    names.insert(entry.path().lexically_relative(folder).string());
  return names;
}

struct Work {
  Scratch folder;
  std::uintmax_t cap = 0;
  /// Runs the program in the folder; capped: with a quarter of the addresses that the numbers take.
  void program(const std::vector<std::string>& arguments, bool capped, int code = 0, const std::string& says = "") const {
    Start start;
    start.arguments = arguments;
    start.folder = folder.path();
    if (capped) start.addresses = static_cast<rlim_t>(cap);
    const Ran ran = run(start);
    INFO(ran.err);
    REQUIRE(ran.code == code);
    CHECK(ran.err.find(says) != std::string::npos);
  }
  std::string text(const std::string& name) const { return read_text(folder / name); }
};

void require_same_results(const Work& work, const std::string& name, const std::string& data) {
  CAPTURE(name);
  std::set<std::string> files[2];
  for (const bool capped : {false, true}) {
    const std::string out = name + (capped ? ".capped" : ".free");
    std::vector<std::string> tune{"tune", name + ".yaml", "-q", "-o", out};
    if (capped) tune.push_back("limits.threads=1");  // a thread more has a stack of 8 MiB
    work.program(tune, capped);
    files[capped ? 1 : 0] = names_in(work.folder / out);
    work.program({"predict", out + "/model.json", data, "-o", out + ".csv"}, capped);
  }
  CHECK(files[0] == files[1]);
  CHECK(files[0].count("report.html") == 1);
  CHECK(files[0].count("predictions.csv") == 1);
  for (const std::string file : {"/model.json", "/predictions.csv", ".csv"}) {
    const bool same = work.text(name + ".free" + file) == work.text(name + ".capped" + file);
    CAPTURE(file);
    CHECK(same);
    CHECK(work.text(name + ".free" + file).size() > 1000);
  }
  CHECK(timeless(work.folder / (name + ".free/trace.csv")) == timeless(work.folder / (name + ".capped/trace.csv")));
}

}  // namespace

TEST_CASE("packed data of four times the memory: ridge and logistic tune, report and predict as with all of it") {
  Work work;
  write_table(work.folder / "d.csv");
  work.program({"pack", "d.csv", "-o", "d.tacit"}, false);
  fs::remove(work.folder / "d.csv");
  work.cap = fs::file_size(work.folder / "d.tacit") / 4;
  const std::string last = "hyper: {l2: {start: 0.01}}\noutput: {predictions: true}\ndiagnostics: {level: off}\n";
  write_text(work.folder / "ridge.yaml",
             "tacit: 1\ndata: {train: d.tacit, target: y, drop: [c]}\nmodel: {kind: ridge}\nouter: {max_steps: 1}\n" + last);
  write_text(work.folder / "logistic.yaml",
             "tacit: 1\ndata: {train: d.tacit, target: c, drop: [y, one], test: 0.1}\n"
             "model: {kind: logistic}\nouter: {max_steps: 1, refit: false}\n" +
                 last);
  require_same_results(work, "ridge", "d.tacit");
  require_same_results(work, "logistic", "d.tacit");
  // Cells that are filled are copied, which is refused before memory runs out.
  const std::string file = (work.folder / "d.tacit").string();
  for (const std::string& says : {"error[D134]: the numbers of '" + file + "' take 0.24 GB of memory", "\n --> " + file + "\n",
                                  std::string("\n  = help: leave such columns out")})
    work.program({"tune", "ridge.yaml", "data.missing=mean", "-q", "-o", "none"}, true, 3, says);
}

#endif
