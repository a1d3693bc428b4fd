// What the shipped runs cost in gradients, Hessian products and passes over the data, against tests/golden/pass_counts.txt.
// Counts are of whole commands. They do not depend on the machine but for the last digits of sums, which follow from the width of
// its vectors and the compiler and move a run by some steps; the file says of which they are.
#include <doctest/doctest.h>

#include <array>
#include <cstdlib>
#include <map>
#include <set>
#include <sstream>

#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "process.hpp"
#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::array<const char*, 3> kKinds{"gradients", "hessian_products", "data_passes"};
using Counts = std::array<std::int64_t, 3>;

/// By the run file and the part of its run: "logistic_digits start".
struct Table {
  std::string made_with;
  std::map<std::string, Counts> rows;
};

const std::string kHead =
    "# What each part of the runs of configs/*.yaml asks for: gradients, Hessian products, passes over the data.\n"
    "# TACIT_GOLDEN_UPDATE=1 build/release/tests/tacit_tests -tc='pass counts*' writes this file; a count that grows needs a "
    "reason.\n";

fs::path table_file() { return fs::path(tacit::test::source_dir()) / "tests/golden/pass_counts.txt"; }

/// What last digits depend on.
std::string this_build() {
  std::string vectors = "plain";
#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__)
  if (__builtin_cpu_supports("avx512f"))
    vectors = "avx512f";
  else if (__builtin_cpu_supports("avx2"))
    vectors = "avx2";
#endif
#if defined(__clang__)
  return vectors + ", clang++ " + std::to_string(__clang_major__);
#elif defined(__GNUC__)
  return vectors + ", g++ " + std::to_string(__GNUC__);
#else
  return vectors;
#endif
}

Counts counts_of(const json& work) {
  Counts n{};
  for (std::size_t k = 0; k < n.size(); ++k) {
    const auto at = work.find(kKinds[k]);
    if (at != work.end() && at->is_number()) n[k] = at->get<std::int64_t>();
  }
  return n;
}

Counts operator+(Counts a, const Counts& b) {
  for (std::size_t k = 0; k < a.size(); ++k) a[k] += b[k];
  return a;
}

/// The parts of `tacit tune`. They are the whole, and two counts of the outer steps that are made apart from each other agree.
void add_tune(Table& table, const std::string& name, const json& record) {
  Counts sum{};
  for (const json& phase : record.at("phases")) {
    const Counts n = counts_of(phase);
    sum = sum + n;
    if (phase.at("name") == "outer_steps") CHECK(n == counts_of(record.at("work")) + counts_of(record.at("diagnostic_work")));
    if (phase.at("name") == "reading" || phase.at("name") == "preparation")
      CHECK(n == Counts{});
    else
      table.rows[name + " " + phase.at("name").get<std::string>()] = n;
  }
  CHECK(sum == counts_of(record.at("work_in_all")));
}

/// What `tacit compare` counts of each method; its estimates are repeated for as long as their times need.
void add_compare(Table& table, const std::string& name, const json& record) {
  Counts solves{}, estimates{}, own{};
  for (const json& solve : record.at("inner_solve_points")) solves = solves + counts_of(solve.at("work"));
  for (const json& row : record.at("table")) estimates = estimates + counts_of(row);
  for (const json& run : record.at("own_runs")) own = own + counts_of(run.at("work"));
  table.rows[name + " solves"] = solves;
  table.rows[name + " estimates"] = estimates;
  table.rows[name + " own_runs"] = own;
}

/// A run file's name begins with its verb, that of `tune` with the model.
void add_run(Table& table, const std::string& name) {
  CAPTURE(name);
  const std::string first = name.substr(0, name.find('_')), verb = first == "compare" || first == "curve" ? first : "tune";
  const process_test::Scratch folder;
  const std::string out = (folder / "out").string();
  const auto ran = run_test::run({verb, tacit::test::source_dir() + "/configs/" + name + ".yaml", "-o", out, "-q"});
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  const json record = json::parse(run_test::read(fs::path(out) / "run.json"));
  if (verb == "tune")
    add_tune(table, name, record);
  else if (verb == "compare")
    add_compare(table, name, record);
  else
    table.rows[name + " all"] = counts_of(record.at("work_in_all"));
}

const std::string kMadeWith = "# with ";

Table read_table(const std::string& text) {
  Table table;
  for (const std::string& line : process_test::lines_of(text)) {
    if (line.rfind(kMadeWith, 0) == 0) table.made_with = line.substr(kMadeWith.size());
    if (line.empty() || line.front() == '#') continue;
    std::istringstream cells(line);
    std::string run, part;
    Counts n{};
    cells >> run >> part >> n[0] >> n[1] >> n[2];
    CAPTURE(line);
    REQUIRE(!cells.fail());
    table.rows[run + " " + part] = n;
  }
  return table;
}

std::string table_text(const Table& table) {
  std::string text = kHead + kMadeWith + table.made_with + "\n";
  for (const auto& [key, n] : table.rows)
    text += key + " " + std::to_string(n[0]) + " " + std::to_string(n[1]) + " " + std::to_string(n[2]) + "\n";
  return text;
}

enum class Move { none, grown, fallen, far_fallen };

/// Of the same build more than 2 % and more than 3 is a change. One that has fallen by more than 10 % and 10 leaves a bound that
/// holds nothing any more, so that the file has to be written again; less is worth a hint. Last digits of another build move
/// counts by up to 17 % and 45 (AVX-512 against AVX2 and plain x86-64), so that there only gross changes show.
Move moved(std::int64_t expected, std::int64_t got, bool same_build) {
  const std::int64_t more = got - expected;
  const auto beyond = [expected](std::int64_t by, std::int64_t count, std::int64_t percent) {
    return by > count && 100 * by > percent * expected;
  };
  if (!same_build) return beyond(more, 50, 25) ? Move::grown : Move::none;
  if (beyond(more, 3, 2)) return Move::grown;
  return beyond(-more, 10, 10) ? Move::far_fallen : beyond(-more, 3, 2) ? Move::fallen : Move::none;
}

}  // namespace

TEST_CASE("pass counts: the bound is 2 % and 3, upwards, and a table that is far too high is out of date") {
  const struct {
    std::int64_t before, now;
    bool same_build;
    Move move;
  } moves[] = {{100, 103, true, Move::none},    {100, 104, true, Move::grown},   {1000, 1020, true, Move::none},
               {1000, 1021, true, Move::grown}, {0, 4, true, Move::grown},       {1000, 980, true, Move::none},
               {1000, 979, true, Move::fallen}, {1000, 900, true, Move::fallen}, {1000, 899, true, Move::far_fallen},
               {12, 2, true, Move::fallen},     {1000, 1250, false, Move::none}, {1000, 1251, false, Move::grown},
               {100, 150, false, Move::none},   {1000, 1, false, Move::none}};
  for (const auto& m : moves) {
    CAPTURE(m.before);
    CAPTURE(m.now);
    CHECK(moved(m.before, m.now, m.same_build) == m.move);
  }
  const Table one{"a machine", {{"a all", {1, 2, 3}}}};
  CHECK(read_table(table_text(one)).rows == one.rows);
  CHECK(read_table(table_text(one)).made_with == one.made_with);
}

TEST_CASE("pass counts: no shipped run takes more than it did") {
  Table got{this_build(), {}};
  for (const auto& file : fs::directory_iterator(fs::path(tacit::test::source_dir()) / "configs"))
    if (file.path().extension() == ".yaml") add_run(got, file.path().stem().string());
  if (std::getenv("TACIT_GOLDEN_UPDATE")) return process_test::write_text(table_file(), table_text(got));
  const Table expected = read_table(process_test::read_text(table_file()));
  const bool same_build = got.made_with == expected.made_with;
  if (!same_build) MESSAGE("loose bounds: the table was counted with " << expected.made_with << ", this is " << got.made_with);
  std::set<std::string> listed, there;
  for (const auto& [key, n] : expected.rows) listed.insert(key);
  for (const auto& [key, n] : got.rows) there.insert(key);
  REQUIRE(listed == there);
  for (const auto& [key, n] : got.rows) {
    for (std::size_t k = 0; k < n.size(); ++k) {
      const std::int64_t before = expected.rows.at(key)[k];
      const std::string what = key + ": " + std::to_string(n[k]) + " " + kKinds[k] + ", in the table " + std::to_string(before);
      CAPTURE(what);
      const Move move = moved(before, n[k], same_build);
      CHECK(move != Move::grown);
      CHECK(move != Move::far_fallen);
      if (move == Move::fallen) MESSAGE("fewer than in the table, which may be written again: " << what);
    }
  }
}
