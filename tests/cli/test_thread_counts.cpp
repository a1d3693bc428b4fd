// limits.threads: no bit of a run depends on it, whichever level uses the threads.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "cli/process.hpp"
#include "cli/run_support.hpp"

using run_test::Folder;
using run_test::has;
using run_test::Ran;
using run_test::read;
using run_test::run;

namespace {

constexpr int kRows = 7000, kColumns = 60;  // half of it is 1.7 MB: three chunks a pass, more than there are folds

void write_table(const std::filesystem::path& file) {
  std::ofstream out(file);
  for (int j = 0; j < kColumns; ++j) out << 'x' << j << ',';
  out << "y\n";
  for (int i = 0; i < kRows; ++i) {
    double z = 0;
    for (int j = 0; j < kColumns; ++j) {
      const int digits = (i * 7919 + j * 104729 + i * j * 31) % 2001 - 1000;
      if (j < 9) z += digits * (j % 2 == 0 ? 1 : -1);
      out << digits << ',';
    }
    out << (z + 900 * std::sin(50.0 * i) > 0 ? 1 : 0) << '\n';
  }
}

struct Result {
  std::vector<std::string> trace;
  std::string hyper, model, threads;
};

Result tuned(const Folder& folder, const std::vector<std::string>& overrides, const std::string& threads) {
  std::vector<std::string> arguments{"tune", (folder.path / "run.yaml").string(), "-o", (folder.path / "out").string(), "--force",
                                     "-q",   "limits.threads=" + threads};
  arguments.insert(arguments.end(), overrides.begin(), overrides.end());
  const Ran ran = run(arguments);
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  const std::string facts = read(folder.path / "out" / "run.json");
  const auto at = facts.find("\"threads\":");
  REQUIRE(at != std::string::npos);
  return {process_test::timeless(folder.path / "out" / "trace.csv"), read(folder.path / "out" / "hyper.csv"),
          read(folder.path / "out" / "model.json"), facts.substr(at, facts.find_first_of(",}", at) - at)};
}

}  // namespace

TEST_CASE("tune: one, two and three threads leave the same trace, hyperparameters and model, on a hold-out and on folds") {
  const Folder folder("thread-counts");
  write_table(folder.path / "d.csv");
  std::ofstream(folder.path / "run.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nmodel: {kind: logistic}\n"
                                             "outer: {max_steps: 3}\n";
  const std::vector<std::vector<std::string>> runs = {
      {},
      {"validation.scheme=kfold", "validation.folds=2"},  // three threads: the rows of each fold
      {"outer.optimizer=grid", "outer.max_steps=4"},
  };
  for (const std::vector<std::string>& overrides : runs) {
    const Result one = tuned(folder, overrides, "1");
    CHECK(one.trace.size() >= 2);
    CHECK(one.threads == "\"threads\": 1");
    for (const std::string threads : {"2", "3"}) {
      CAPTURE(threads);
      const Result many = tuned(folder, overrides, threads);
      CHECK(many.trace == one.trace);
      CHECK(many.hyper == one.hyper);
      CHECK(many.model == one.model);
      CHECK(many.threads == "\"threads\": " + threads);
    }
  }
}

TEST_CASE("tune: threads that have nothing to do are not used, and where they were asked for the run says so") {
  const Folder folder("thread-idle");
  std::ofstream data(folder.path / "d.csv");
  data << "a,y\n";
  for (int i = 0; i < 40; ++i) data << i % 7 << ',' << i % 7 + i % 3 << '\n';
  data.close();
  std::ofstream(folder.path / "run.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nmodel: {kind: ridge}\n";
  const Result one = tuned(folder, {"validation.scheme=holdout"}, "3");
  CHECK(one.threads == "\"threads\": 1");
  has(read(folder.path / "out" / "run.json"), "limits.threads: ");
  CHECK(tuned(folder, {"validation.scheme=kfold"}, "3").threads == "\"threads\": 3");
}
