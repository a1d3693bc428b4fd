// tacit compare with outer optimizers beside estimators: own runs of grid, random and others, and their one figure.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

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

const std::string kBaselines =
    "mode: own-run, estimators: [{label: lbfgs, estimator: implicit-cg}, {label: grid, optimizer: grid}, "
    "{label: random, optimizer: random}, {label: adam, estimator: implicit-cg, optimizer: adam}]";

fs::path write_baselines(const Folder& f, const std::string& compare, const std::string& more = "") {
  const fs::path file = f.path / "c.yaml";
  std::ofstream(file)
      << "tacit: 1\ndata: {train: " << (kSource / "data/diabetes.csv").string()
      << ", target: target}\nvalidation: {scheme: holdout, fraction: 0.25}\nhyper: {l2: {start: 1}}\ninner: {solver: newton-cg}\n"
      << "outer: {max_steps: 20, tolerance: 1e-6}\n"
      << more << "compare: {" << compare << "}\n";
  return file;
}

double sum_of_column(const std::vector<std::map<std::string, std::string>>& rows, const std::string& name) {
  double sum = 0;
  for (const auto& row : rows) sum += std::stod(row.at(name));
  return sum;
}

}  // namespace

TEST_CASE("own runs of other optimizers: values alone have no error, their work is that of their trace, one figure shows all") {
  const Folder f("compare-optimizers");
  const fs::path dir = f.path / "run";
  const Ran r = run({"compare", write_baselines(f, kBaselines).string(), "-o", dir.string(), "--progress", "none"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json j = json::parse(read(dir / "run.json"));
  REQUIRE(j["own_runs"].size() == 4);
  double best = 1e300;
  for (const json& own : j["own_runs"]) {
    const std::string label = own["label"];
    CAPTURE(label);
    CHECK(own["optimizer"] == label);
    const auto trace = rows_of(dir / own["folder"].get<std::string>() / "trace.csv");
    CHECK(sum_of_column(trace, "gradients") <= own["work"]["gradients"].get<double>());
    best = std::min(best, own["outer_loss"].get<double>());
    const bool values = label == "grid" || label == "random";
    CHECK(trace.size() == (values ? 20 : trace.size()));
    for (const auto& row : trace) CHECK(row.at("hypergradient_norm").empty() == values);
    CHECK(own["worst_hypergradient_error"].is_null() == values);
    const json record = json::parse(read(dir / own["folder"].get<std::string>() / "run.json"));
    CHECK((record["method"]["estimator"] == "none") == values);
    CHECK(record["doubt"].is_null());
  }
  for (const auto& row : rows_of(dir / "compare.csv")) {
    const bool values = row.at("label") == "grid" || row.at("label") == "random";
    CHECK((row.at("estimator") == "none") == values);
    CHECK(row.at("relative_error").empty() == values);
  }
  // The figure: sums of the traces, never rising, all four.
  const auto drawn = rows_of(dir / "plots/own_run_loss_work.csv");
  std::map<std::string, std::vector<std::pair<double, double>>> lines;
  for (const auto& row : drawn) lines[row.at("series")].emplace_back(std::stod(row.at("x")), std::stod(row.at("y")));
  REQUIRE(lines.size() == 4);
  for (const auto& pair : lines) {
    const std::string& label = pair.first;
    const auto& line = pair.second;
    CAPTURE(label);
    CHECK(std::is_sorted(line.begin(), line.end(), [](const auto& a, const auto& b) { return a.second > b.second; }));
    const auto trace = rows_of(dir / "own-run" / label / "trace.csv");
    CHECK(line.back().first == sum_of_column(trace, "gradients") + sum_of_column(trace, "hessian_products"));
    double least = 1e300;
    for (const auto& row : trace) least = std::min(least, std::stod(row.at("outer_loss")));
    CHECK(line.back().second == least);
    CHECK(least >= best * (1 - 1e-6));
  }
  // The resolved file of a grid's own run repeats it.
  const Ran again = run({"tune", (dir / "own-run/grid/config.resolved.yaml").string(), "-o", (f.path / "again").string(), "-q",
                         "--progress", "none"});
  CAPTURE(again.err);
  REQUIRE(again.code == 0);
  const auto a = rows_of(f.path / "again/trace.csv"), b = rows_of(dir / "own-run/grid/trace.csv");
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) CHECK(a[i].at("outer_loss") == b[i].at("outer_loss"));
}

TEST_CASE("an optimizer of its own is refused on a shared path, and an estimator beside one that asks for values") {
  const Folder f("compare-optimizers-refused");
  const auto refused = [&](const std::string& compare, const std::string& more = "") {
    const Ran r = run({"compare", write_baselines(f, compare, more).string(), "-o", (f.path / "run").string()});
    CHECK(r.code == 2);
    CHECK(!fs::exists(f.path / "run"));
    return r.err;
  };
  has(refused("mode: both, estimators: [{label: cg, estimator: implicit-cg}, {label: grid, optimizer: grid}]"),
      "an outer optimizer of its own has an effect on a run of its own alone, and compare.mode is both");
  has(refused("mode: own-run, estimators: [{label: grid, optimizer: grid, estimator: implicit-cg}]"),
      "'estimator' is not used: the optimizer is grid, which asks for no hypergradient");
  has(refused("mode: own-run, estimators: [{label: x, optimizer: gird}]"), "did you mean 'grid'?");
  has(refused("mode: own-run, estimators: [{label: x}]"), "names no estimator");
}
