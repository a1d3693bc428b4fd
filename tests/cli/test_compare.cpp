// tacit compare through the command line: its files, its table, what it refuses.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "csv_rows.hpp"
#include "paths.hpp"
#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using run_test::Folder;
using run_test::has;
using run_test::Ran;
using run_test::read;
using run_test::rows_of;
using run_test::run;

const fs::path kSource = tacit::test::source_dir();

std::string first_line(const fs::path& file) {
  std::ifstream in(file);
  std::string line;
  std::getline(in, line);
  return line;
}

/// A small run file: per-feature ridge on the diabetes data.
fs::path write_config(const Folder& f, const std::string& compare, const std::string& inner = "max_steps: 200, tolerance: 0") {
  const fs::path file = f.path / "c.yaml";
  std::ofstream(file) << "tacit: 1\ndata: {train: " << (kSource / "data/diabetes.csv").string()
                      << ", target: target}\nvalidation: {fraction: 0.25}\nhyper: {l2: {per: feature, start: 0.1}}\ninner: {"
                      << (inner.empty() ? "" : "solver: gradient-descent, " + inner)
                      << "}\nouter: {optimizer: lbfgs, max_steps: 3}\n"
                      << "compare: {" << compare << "}\n";
  return file;
}

const std::string kThree =
    "estimators: [{label: full, estimator: full-unroll}, {label: last-20, estimator: truncated-unroll, "
    "window: 20}, {label: cg, estimator: implicit-cg, tolerance: 1e-10}]";

}  // namespace

TEST_CASE("tacit compare: one trajectory, the columns of the contract, and numbers that belong to it") {
  const Folder f("compare-columns");
  const fs::path config = write_config(f, "path: 3, " + kThree), dir = f.path / "run";
  const Ran r = run({"compare", config.string(), "-o", dir.string()});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(first_line(dir / "compare.csv") ==
        "label,estimator,point,repeat,relative_error,cosine,seconds,tape_bytes,gradients,hessian_products,linear_steps,status");
  const auto rows = rows_of(dir / "compare.csv");
  REQUIRE(rows.size() == 9);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    CHECK(rows[i].at("point") == std::to_string(i / 3));
    CHECK(rows[i].at("label") == std::vector<std::string>{"full", "last-20", "cg"}[i % 3]);
    CHECK(std::stod(rows[i].at("seconds")) > 0);
    CHECK(std::stod(rows[i].at("relative_error")) > 0);
  }
  CHECK(rows[0].at("hessian_products") == "200");
  CHECK(rows[0].at("tape_bytes") == std::to_string(201 * 11 * 8));
  CHECK(rows[1].at("hessian_products") == "20");
  CHECK(rows[2].at("tape_bytes") == "0");
  CHECK(std::stod(rows[1].at("relative_error")) > std::stod(rows[0].at("relative_error")));
  for (const char* name :
       {"config.yaml", "config.resolved.yaml", "run.json", "log.txt", "plots/error_cost.svg", "plots/error_cost.csv",
        "plots/error_tape.svg", "plots/error_tape.csv", "plots/error_steps.svg", "plots/error_cost_with_solve.svg"})
    CHECK(fs::exists(dir / name));
  CHECK_FALSE(fs::exists(dir / "own-run"));
  CHECK(r.out.find("central differences agree to") != std::string::npos);
  CHECK(r.out.find("inner solve") != std::string::npos);
  const json facts = json::parse(read(dir / "run.json"));
  CHECK(facts.at("reference").at("confirmed") == true);
  CHECK(facts.at("reference").at("checked") == 3);
  REQUIRE(facts.at("inner_solve_points").size() == 3);
  for (const json& solve : facts.at("inner_solve_points")) CHECK(solve.at("work").at("gradients") == 201);
  // The resolved run file repeats the comparison, to the last digit of all but the times.
  const fs::path again = f.path / "again";
  const Ran second = run({"compare", (dir / "config.resolved.yaml").string(), "-o", again.string(), "-q"});
  CAPTURE(second.err);
  REQUIRE(second.code == 0);
  CHECK(second.out.empty());
  auto repeated = rows_of(again / "compare.csv");
  REQUIRE(repeated.size() == rows.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    repeated[i]["seconds"] = rows[i].at("seconds");
    CHECK(repeated[i] == rows[i]);
  }
}

TEST_CASE("tacit compare: a sweep times repeats is a row for each, and a swept key reaches what it names") {
  const Folder f("compare-sweep");
  const fs::path dir = f.path / "run";
  const fs::path config =
      write_config(f, "path: 2, repeats: 3, sweep: {inner.max_steps: [20, 60], hypergradient.window: [5, 10]}, " + kThree);
  const Ran r = run({"compare", config.string(), "-o", dir.string(), "-q"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(first_line(dir / "compare.csv") ==
        "label,estimator,point,repeat,inner.max_steps,hypergradient.window,relative_error,cosine,seconds,tape_bytes,gradients,"
        "hessian_products,linear_steps,status");
  const auto rows = rows_of(dir / "compare.csv");
  CHECK(rows.size() == 3 * 2 * 3 * 2 * 2);
  std::set<std::string> errors;
  for (const auto& row : rows) {
    if (row.at("label") == "full") CHECK(row.at("hessian_products") == row.at("inner.max_steps"));
    if (row.at("label") == "last-20") CHECK(row.at("hessian_products") == row.at("hypergradient.window"));
    if (row.at("label") == "full" && row.at("point") == "0" && row.at("inner.max_steps") == "20" &&
        row.at("hypergradient.window") == "5")
      errors.insert(row.at("relative_error"));
  }
  CHECK(errors.size() == 3);  // each seed has a split of its own
}

TEST_CASE("tacit compare: --json is one object with medians and quartiles") {
  const Folder f("compare-json");
  const fs::path config = write_config(f, "path: 2, repeats: 2, " + kThree);
  const Ran r = run({"compare", config.string(), "-o", (f.path / "run").string(), "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json j = json::parse(r.out);
  CHECK(j.at("status") == "done");
  REQUIRE(j.at("table").size() == 3);
  std::vector<double> errors;
  for (const auto& row : rows_of(f.path / "run/compare.csv")) {
    if (row.at("label") == "last-20") errors.push_back(std::stod(row.at("relative_error")));
  }
  REQUIRE(errors.size() == 4);
  std::sort(errors.begin(), errors.end());
  const json& spread = j.at("table")[1].at("relative_error");
  CHECK(j.at("table")[1].at("label") == "last-20");
  CHECK(spread.at("median").get<double>() == doctest::Approx((errors[1] + errors[2]) / 2));
  CHECK(spread.at("lower_quartile").get<double>() == doctest::Approx(errors[0] + 0.75 * (errors[1] - errors[0])));
  CHECK(spread.at("upper_quartile").get<double>() == doctest::Approx(errors[2] + 0.25 * (errors[3] - errors[2])));
  REQUIRE(j.at("inner_solves").size() == 1);
  CHECK(j.at("inner_solves")[0].at("label") == "shared");
  CHECK(j.at("inner_solves")[0].at("steps") == 200);
}

TEST_CASE("tacit compare: own runs are runs of tune, each in its folder, and both modes are told apart by a column") {
  const Folder f("compare-own");
  const fs::path dir = f.path / "run";
  const fs::path config =
      write_config(f,
                   "path: 2, mode: both, estimators: [{label: \"a/b\", estimator: full-unroll}, {label: cold, "
                   "estimator: implicit-cg, inner: {solver: newton, warm_start: false}}]");
  const Ran r = run({"compare", config.string(), "-o", dir.string()});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(first_line(dir / "compare.csv").find("repeat,mode,relative_error") != std::string::npos);
  std::map<std::string, int> modes;
  for (const auto& row : rows_of(dir / "compare.csv")) ++modes[row.at("mode") + " " + row.at("label")];
  CHECK(modes["same-path a/b"] == 2);
  CHECK(modes["same-path cold"] == 2);
  const auto trace = rows_of(dir / "own-run/a-b/trace.csv");
  CHECK(modes["own-run a/b"] == static_cast<int>(trace.size()));
  CHECK(trace.size() == 4);
  // tune with the file that stands there takes the same steps.
  const fs::path again = f.path / "again";
  const Ran tuned = run({"tune", (dir / "own-run/a-b/config.resolved.yaml").string(), "-o", again.string(), "-q"});
  CAPTURE(tuned.err);
  REQUIRE(tuned.code == 0);
  const auto repeated = rows_of(again / "trace.csv");
  REQUIRE(repeated.size() == trace.size());
  for (std::size_t k = 0; k < trace.size(); ++k) {
    CHECK(std::stod(repeated[k].at("outer_loss")) == doctest::Approx(std::stod(trace[k].at("outer_loss"))).epsilon(1e-12));
    CHECK(repeated[k].at("gradients") == trace[k].at("gradients"));
  }
  const json own = json::parse(read(dir / "own-run/a-b/run.json")), alone = json::parse(read(again / "run.json"));
  for (const char* key :
       {"verb", "status", "schedule", "outer_steps", "work", "diagnostic_work", "method", "tolerances", "start_loss"})
    CHECK(own.at(key) == alone.at(key));
  CHECK(own.at("name") == "a/b");
  CHECK(read(dir / "own-run/a-b/hyper.csv") == read(again / "hyper.csv"));
  const Ran page = run({"report", (dir / "own-run/a-b").string(), "-q"});
  CAPTURE(page.err);
  CHECK(page.code == 0);
  CHECK(fs::exists(dir / "own-run/a-b/report.html"));
  // With --force all of it goes, own runs too.
  CHECK(run({"compare", config.string(), "compare.mode=same-path", "-o", dir.string(), "--force", "-q"}).code == 0);
  CHECK_FALSE(fs::exists(dir / "own-run"));
}

TEST_CASE("tacit compare: an own run is the run of its resolved file, all columns but the times to the last digit") {
  const Folder f("compare-own-bits");
  const fs::path config = write_config(
      f,
      "mode: own-run, estimators: [{label: auto, estimator: auto}, {label: window, estimator: truncated-unroll, window: auto}, "
      "{label: full, estimator: full-unroll}, {label: neumann, estimator: neumann, inner: {solver: newton-cg}}, "
      "{label: cg, estimator: implicit-cg, inner: {solver: nesterov, warm_start: false}}]",
      "max_steps: 3000");
  for (const std::string start : {"hyper.l2.start=auto", "hyper.l2.start=0.1", "hyper.l2.per=all"}) {
    CAPTURE(start);
    const fs::path dir = f.path / "run";
    // With this seed the best common value lies inside the range, so that the run that starts there goes on.
    const Ran r = run({"compare", config.string(), start, "seed=2", "diagnostics.audit=2", "-o", dir.string(), "--force", "-q"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    for (const std::string label : {"auto", "window", "full", "neumann", "cg"}) {
      CAPTURE(label);
      const fs::path own = dir / "own-run" / label, again = f.path / "again";
      const Ran tuned = run({"tune", (own / "config.resolved.yaml").string(), "-o", again.string(), "--force", "-q"});
      CAPTURE(tuned.err);
      REQUIRE(tuned.code == 0);
      auto one = rows_of(own / "trace.csv"), other = rows_of(again / "trace.csv");
      REQUIRE(one.size() > 1);
      for (auto* rows : {&one, &other}) {
        for (auto& row : *rows)
          std::erase_if(row, [](const auto& cell) { return cell.first.find("seconds") != std::string::npos; });
      }
      CHECK(one == other);
    }
  }
}

TEST_CASE("tacit compare: own runs follow outer.schedule as tune does") {
  const Folder f("compare-schedule");
  const fs::path config = write_config(f, "mode: own-run, estimators: [{label: cg, estimator: implicit-cg}]");
  for (const std::string schedule : {"fixed", "cubic", "adaptive"}) {
    const std::string dir = (f.path / schedule).string();
    const Ran r = run({"compare", config.string(), "outer.schedule=" + schedule, "-o", dir, "-q"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    CHECK(json::parse(read(fs::path(dir) / "own-run/cg/run.json")).at("schedule") == schedule);
  }
}

TEST_CASE("tacit compare: an automatic inner solver is one that every entry can use") {
  const Folder f("compare-auto");
  const fs::path config = write_config(f, "path: 1, " + kThree, "");
  const Ran r = run({"compare", config.string(), "-o", (f.path / "a").string(), "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(json::parse(r.out).at("inner_solves")[0].at("steps").get<double>() > 10);
  const Ran direct =
      run({"compare", config.string(), "compare.estimators=[{estimator: implicit-cg}, {estimator: implicit-direct}]", "-o",
           (f.path / "b").string(), "--json"});
  CAPTURE(direct.err);
  REQUIRE(direct.code == 0);
  CHECK(json::parse(direct.out).at("inner_solves")[0].at("steps") <= 2);  // cholesky
  CHECK(json::parse(direct.out).at("table")[0].at("label") == "implicit-cg");
}

TEST_CASE("tacit compare: what cannot be compared is refused with the entry, the reason and the remedy, and nothing is written") {
  const Folder f("compare-refusals");
  struct Mistake {
    std::string compare;
    std::vector<std::string> says;
  };
  const std::vector<Mistake> mistakes{
      {"path: 2", {"nothing to compare", "name the estimators"}},
      {"estimators: []", {"nothing to compare"}},
      {"estimators: [{estimator: one-step}, {estimator: one-step}]", {"have the label 'one-step'", "label of its own"}},
      {"estimators: [{label: mine, estimator: full-unroll, inner: {solver: newton}}]",
       {"'mine'", "needs a recorded trajectory", "'implicit-cg' or an iterative solver", "c.yaml:7"}},
      {"estimators: [{label: mine, estimator: truncated-unroll, window: 5}], reference: full-unroll",
       {"exact inner solution", "among compare.estimators", "c.yaml:7"}},
      {"sweep: {hypergradient.window: [1]}, estimators: [{estimator: one-step}]", {"not used by any entry"}},
      {"sweep: {hypergradient.estimator: [one-step]}, estimators: [{estimator: one-step}]", {"an entry of compare.estimators"}},
      {"sweep: {compare.path: [1, 2]}, estimators: [{estimator: one-step}]", {"cannot be swept"}},
      {"sweep: {inner.max_steps: []}, estimators: [{estimator: one-step}]", {"no value to sweep over"}},
      {"estimators: [{label: n, estimator: one-step, inner: {solver: nesterov}}], sweep: {model.kind: [logistic], data.train: "
       "[\"" +
           (kSource / "data/logistic_small.csv").string() + "\"], data.target: [label], prepare.standardize: [false]}",
       {"'n'", "cannot choose its momentum"}},
      {"estimators: [{label: f, estimator: implicit-cg, preconditioner: factor}]",
       {"'f'", "needs an inner solver that leaves a factor"}},
  };
  for (const Mistake& m : mistakes) {
    CAPTURE(m.compare);
    const fs::path config = write_config(f, m.compare), out = f.path / "out";
    const Ran r = run({"compare", config.string(), "-o", out.string()});
    CAPTURE(r.err);
    CHECK(r.code == 2);
    for (const std::string& word : m.says) CHECK(r.err.find(word) != std::string::npos);
    CHECK(r.out.empty());
    CHECK_FALSE(fs::exists(out));
  }
  const fs::path config = write_config(f, kThree);
  const Ran fixed = run({"compare", config.string(), "hyper.l2={fix: 0.1}", "-o", (f.path / "fixed").string()});
  CHECK(fixed.code == 2);
  CHECK(fixed.err.find("nothing is tuned") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "fixed"));
}

TEST_CASE("tacit compare: swept files are found again from the run folder, and wide problems are checked along two directions") {
  const Folder f("compare-paths");
  std::ofstream data(f.path / "d.csv"), other(f.path / "e.csv");
  for (int j = 0; j < 110; ++j) data << "x" << j << ",";
  data << "y\n";
  for (int i = 0; i < 60; ++i) {
    for (int j = 0; j < 110; ++j) data << std::sin(1 + i * (j + 1)) << ",";
    data << std::cos(i) << "\n";
  }
  data.close();
  other << read(f.path / "d.csv");
  other.close();
  std::ofstream(f.path / "c.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nhyper: {l2: {per: feature, start: 0.1}}\n"
                                      "compare: {path: 2, sweep: {data.train: [d.csv, e.csv]}, estimators: [{estimator: "
                                      "implicit-cg}]}\n";
  const fs::path dir = f.path / "run";
  const Ran r = run({"compare", (f.path / "c.yaml").string(), "-o", dir.string()});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(r.out.find("central differences along two directions agree to") != std::string::npos);
  const Ran again = run({"compare", (dir / "config.resolved.yaml").string(), "-o", (f.path / "again").string(), "--json"});
  CAPTURE(again.err);
  CHECK(again.code == 0);
  CHECK(rows_of(f.path / "again/compare.csv").size() == 4);
}

TEST_CASE("tacit compare: a swept file that is missing ends it with what was compared before") {
  const Folder f("compare-missing");
  const fs::path dir = f.path / "run";
  const fs::path config = write_config(
      f, "path: 2, sweep: {data.train: [\"" + (kSource / "data/diabetes.csv").string() + "\", nowhere.csv]}, " + kThree);
  const Ran r = run({"compare", config.string(), "-o", dir.string()});
  CHECK(r.code == 3);
  CHECK(r.err.find("nowhere.csv") != std::string::npos);
  CHECK(rows_of(dir / "compare.csv").size() == 6);
  CHECK(json::parse(read(dir / "run.json")).at("status") == "failed");
}

TEST_CASE("tacit compare: own runs alone check the reference at the start, and auto is an estimator too") {
  const Folder f("compare-own-alone");
  const fs::path config = write_config(f, "mode: own-run, estimators: [{label: a, estimator: auto}, {estimator: one-step}]");
  const Ran r = run({"compare", config.string(), "-o", (f.path / "run").string(), "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json j = json::parse(r.out);
  CHECK(j.at("reference").at("checked") == 1);
  CHECK(j.at("inner_solves").empty());
  REQUIRE(j.at("own_runs").size() == 2);
  REQUIRE(j.at("table").size() == 2);
  CHECK(j.at("table")[0].at("estimator") == "implicit-cg");
  CHECK(j.at("table")[0].at("mode") == "own-run");
  const auto rows = rows_of(f.path / "run/compare.csv");
  CHECK(rows.front().count("mode") == 0);
  CHECK(rows.size() ==
        j.at("own_runs")[0].at("outer_steps").get<std::size_t>() + j.at("own_runs")[1].at("outer_steps").get<std::size_t>() + 2);
}

TEST_CASE("tacit compare: a time limit ends it with what is there") {
  const Folder f("compare-limits");
  const fs::path config = write_config(f, "path: 4, " + kThree);
  const Ran r = run({"compare", config.string(), "-o", (f.path / "run").string(), "--time", "0.000001s", "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  CHECK(json::parse(r.out).at("status") == "budget");
  CHECK(rows_of(f.path / "run/compare.csv").empty());
}

TEST_CASE("tacit compare: the shipped run files") {
  const Folder f("compare-shipped");
  const Ran r = run({"compare", (kSource / "configs/compare_estimators.yaml").string(), "-o", (f.path / "a").string(), "--json"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json j = json::parse(r.out);
  CHECK(j.at("reference").at("confirmed") == true);
  std::map<std::string, json> of;
  for (const json& row : j.at("table")) of[row.at("label")] = row;
  REQUIRE(of.size() == 10);
  CHECK(of["checkpointed"]["tape_bytes"].get<double>() < 0.5 * of["full unroll"]["tape_bytes"].get<double>());
  CHECK(of["one step"]["relative_error"]["median"].get<double>() > of["last 50"]["relative_error"]["median"].get<double>());
  CHECK(of["last 50"]["relative_error"]["median"].get<double>() > of["cg"]["relative_error"]["median"].get<double>());
  CHECK(j.at("inner_solves").size() == 2);
}

namespace {

double number(const std::map<std::string, std::string>& row, const std::string& name) {
  const std::string& cell = row.at(name);
  return cell.empty() ? std::nan("") : std::stod(cell);
}

/// The median of a column over the rows of one label, mode and budget after the first point.
double median_of(const std::vector<std::map<std::string, std::string>>& rows, const std::string& label, const std::string& mode,
                 const std::string& budget, const std::string& column) {
  std::vector<double> values;
  for (const auto& row : rows) {
    if (row.at("label") == label && row.at("mode") == mode && row.at("inner.max_steps") == budget && row.at("point") != "0")
      values.push_back(number(row, column));
  }
  REQUIRE_FALSE(values.empty());
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

}  // namespace

TEST_CASE("tacit compare: the shipped study of warm starts shows what they do, step by step and in words") {
  const Folder f("compare-warm");
  const std::string out = (f.path / "run").string();
  const Ran r = run({"compare", (kSource / "configs/compare_warm_start.yaml").string(), "-o", out});
  CAPTURE(r.err);
  CAPTURE(r.out);
  REQUIRE(r.code == 0);
  const auto rows = rows_of(f.path / "run/steps.csv");
  CHECK(rows.size() == rows_of(f.path / "run/compare.csv").size());
  CHECK(rows.size() == 7u * 3 * (8 + 16));
  for (const auto& row : rows) {
    // Two parts make the whole, as far as lengths can say.
    const double e = number(row, "relative_error"), a = number(row, "forgetting"), b = number(row, "curse");
    CHECK(e <= (1 + 1e-9) * (a + b));
    CHECK(e >= (1 - 1e-9) * std::abs(a - b));
    if (row.at("label").substr(0, 5) == "cold ") {
      if (row.at("label") != "cold adjoint") CHECK(number(row, "k_eff") == 0);
    } else if (row.at("label") == "warm" && row.at("point") != "0") {
      CHECK(number(row, "k_eff") >= 0.8 * number(row, "k_match"));
      CHECK(number(row, "k_eff") <= 1.5 * number(row, "k_match"));
    }
  }
  // The figure has the same numbers, under one name where entries share the inner solutions.
  std::map<std::string, int> drawn;
  std::ifstream figure(f.path / "run/plots/implicit_truncation_1.csv");
  std::string line;
  for (std::getline(figure, line); std::getline(figure, line);) {
    const std::size_t end = line.find("\",");  // the names hold commas, so they stand in quotation marks
    REQUIRE(end != std::string::npos);
    const std::string name = line.substr(1, end - 1);
    std::istringstream cells(line.substr(end + 2));
    std::string x, y;
    std::getline(std::getline(cells, x, ','), y, ',');
    ++drawn[name];
    const auto same = std::find_if(rows.begin(), rows.end(), [&](const auto& row) {
      return row.at("label") == "warm" && row.at("mode") == "same-path" && row.at("inner.max_steps") == "20" &&
             row.at("point") == x;
    });
    REQUIRE(same != rows.end());
    CHECK(std::stod(y) == number(*same, name.find("(k_match)") != std::string::npos ? "k_match" : "k_eff"));
  }
  CHECK(drawn == std::map<std::string, int>{{"warm, warm adjoint, cold adjoint (k_eff)", 8},
                                            {"warm, warm adjoint, cold adjoint, audited (k_match)", 8}});
  for (const std::string mode : {"same-path", "own-run"}) {
    for (const std::string budget : {"5", "20", "80"}) {
      CAPTURE(mode);
      CAPTURE(budget);
      const auto ratio = [&](const std::string& label, const std::string& other, const std::string& part) {
        return median_of(rows, label, mode, budget, part) / median_of(rows, other, mode, budget, part);
      };
      CHECK(ratio("warm", "cold", "forgetting") == doctest::Approx(1).epsilon(0.1));
      CHECK(ratio("warm", "cold", "curse") < 0.05);
      CHECK(ratio("warm adjoint", "cold adjoint", "forgetting") < 0.01);
      CHECK(ratio("warm adjoint", "cold adjoint", "curse") == doctest::Approx(1).epsilon(0.05));
      if (budget == "80") continue;
      const std::string late = budget == "5" ? "cold 25 last 5" : "cold 51 last 20";
      CHECK(ratio(late, "warm", "forgetting") == doctest::Approx(1).epsilon(0.05));
      CHECK(ratio(late, "warm", "curse") > 0.5);
      CHECK(ratio(late, "warm", "curse") < 2);
    }
  }
  CHECK(r.out.find("finding     a warm iterate, against a cold one, leaves the forgetting term as it is") != std::string::npos);
  CHECK(r.out.find("and shrinks the curse term") != std::string::npos);
  CHECK(r.out.find("finding     a warm adjoint, against a cold one, shrinks the forgetting term") != std::string::npos);
  CHECK(json::parse(read(f.path / "run/run.json")).at("findings").size() == 6 + 6 + 4 + 3);
}

TEST_CASE("tacit compare: findings follow the numbers, and nothing is found where nothing was audited") {
  const Folder f("compare-findings");
  // With the labels of the study, but both entries cold: no twins, no findings.
  const std::string one =
      "path: 3, estimators: [{label: warm, estimator: full-unroll, inner: {warm_start: false}}, "
      "{label: cold, estimator: full-unroll, inner: {warm_start: false}}]";
  const Ran same =
      run({"compare", write_config(f, one).string(), "diagnostics.audit=1", "-o", (f.path / "a").string(), "--json"});
  REQUIRE(same.code == 0);
  CHECK(json::parse(same.out).at("findings").empty());
  CHECK(rows_of(f.path / "a/steps.csv").size() == 6);
  // Enough steps to forget everything but rounding of either start: one step of warm start has little left to shrink.
  const std::string two =
      "path: 3, estimators: [{label: a, estimator: one-step}, {label: b, estimator: one-step, inner: "
      "{warm_start: false}}]";
  const Ran none = run({"compare", write_config(f, two, "max_steps: 20000, tolerance: 1e-12").string(), "diagnostics.audit=1",
                        "-o", (f.path / "b").string()});
  REQUIRE(none.code == 0);
  CHECK(none.out.find("a warm iterate, against a cold one, leaves the forgetting term as it is") != std::string::npos);
  CHECK(none.out.find("shrinks") == std::string::npos);
  // Into the folder of the run before: what that audited must not be taken for this one's.
  const Ran silent = run({"compare", write_config(f, two).string(), "-o", (f.path / "b").string(), "--force"});
  REQUIRE(silent.code == 0);
  CHECK(silent.out.find("  finding  ") == std::string::npos);
  CHECK_FALSE(fs::exists(f.path / "b/steps.csv"));
}
