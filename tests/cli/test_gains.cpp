// The words for what was gained, and the verdict of a report that follows them.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include <tacit/cli/run/gains.hpp>

#include "paths.hpp"
#include "run_support.hpp"

using namespace tacit;
using nlohmann::json;

namespace {

Gains of(MeanLoss over_intercept, MeanLoss over_start) {
  Gains g;
  g.validation = {over_intercept, over_start};
  return g;
}

const double kUnknown = std::nan("");

}  // namespace

TEST_CASE("gains: evidence is counted in the gain's own standard errors") {
  CHECK(evidence_of(MeanLoss{2.0, 1.0}) == Evidence::clear);
  CHECK(evidence_of(MeanLoss{1.9, 1.0}) == Evidence::chance);
  CHECK(evidence_of(MeanLoss{1e-9, 1e-10}) == Evidence::clear);
  CHECK(evidence_of(MeanLoss{-1.9, 1.0}) == Evidence::chance);
  CHECK(evidence_of(MeanLoss{-2.0, 1.0}) == Evidence::worse);
  CHECK(evidence_of(MeanLoss{0.0, 0.0}) == Evidence::chance);
  CHECK(evidence_of(MeanLoss{1.0, 0.0}) == Evidence::clear);  // every row gained the same
  CHECK(evidence_of(MeanLoss{1.0, kUnknown}) == Evidence::unknown);
  CHECK(evidence_of(MeanLoss{kUnknown, kUnknown}) == Evidence::unknown);
}

TEST_CASE("gains: a run is as sure as its least sure gain, test rows decide, and a searched start is none to beat") {
  Gains g = of({100, 10}, {12, 25});
  CHECK(evidence_of(g) == Evidence::chance);
  g.searched = true;
  CHECK(evidence_of(g) == Evidence::clear);
  g.searched = false;
  g.test = PairedGains{{100, 10}, {12, 3}};
  CHECK(evidence_of(g) == Evidence::clear);
  g.test->over_start.mean = -12;
  CHECK(evidence_of(g) == Evidence::worse);
  CHECK(evidence_of(of({100, 10}, {kUnknown, kUnknown})) == Evidence::clear);  // nothing was tuned
  CHECK(evidence_of(of({1, 10}, {12, 3})) == Evidence::chance);
}

TEST_CASE("gains: best and one-se are held against each other in words, and have no part in how sure a run is") {
  Gains g = of({100, 10}, {12, 3});
  g.validation.over_one_se = {1, 5};
  CHECK(evidence_of(g) == Evidence::clear);
  run_test::has(gains_in_words(g), "; and 1 +- 5 (paired), 0.2 standard errors, over one-se: no more than chance can do.");
  run_test::has(gains_text(g.validation, false), "; 1 +- 5 (paired), 0.2 standard errors, over one-se");
  CHECK(gains_json(g)["over_one_se"]["mean"] == 1.0);
  CHECK(gains_json(g)["over_best"].is_null());
  g.validation = {{100, 10}, {12, 3}};
  g.validation.over_best = {-12, 4};
  CHECK(evidence_of(g) == Evidence::clear);
  run_test::has(gains_in_words(g), "; and -12 +- 4 (paired), -3 standard errors, over the best row: so it is worse.");
}

TEST_CASE("gains: the words say the gain, its standard error and what that means") {
  const Gains g = of({100, 10}, {12, 25});
  CHECK(
      gains_text(g.validation, true) ==
      "100 +- 10 (paired), 10 standard errors, over the intercept alone; 12 +- 25 (paired), 0.5 standard errors, over the start; "
      "optimistic: these rows chose the penalty");
  CHECK(
      gains_in_words(g) ==
      "On the validation rows it gains 100 +- 10 (paired), 10 standard errors, over the intercept alone: more than chance; and "
      "12 +- 25 (paired), 0.5 standard errors, over the start: no more than chance can do. That is optimistic, since these rows "
      "chose the penalty.");
  Gains none = of({kUnknown, kUnknown}, {kUnknown, kUnknown});
  CHECK(gains_in_words(none).empty());
  CHECK(gains_text(none.validation, true).empty());
  Gains tested = of({3, 1}, {kUnknown, kUnknown});
  tested.chosen = false;
  tested.test = PairedGains{{-4, 1}, {kUnknown, kUnknown}};
  CHECK(gains_in_words(tested) ==
        "On the validation rows it gains 3 +- 1 (paired), 3 standard errors, over the intercept alone: more than chance. On the "
        "test rows it gains -4 +- 1 (paired), -4 standard errors, over the intercept alone: so it is worse.");
}

TEST_CASE("gains: the verdict calls good only what gained more than chance can") {
  const run_test::Folder f("gain-verdicts");
  const std::string config = tacit::test::source_dir() + "/configs/ridge_diabetes.yaml", folder = (f.path / "run").string();
  REQUIRE(run_test::run({"tune", config, "-q", "-o", folder}).code == 0);
  const json as_run = json::parse(run_test::read(f.path / "run/run.json"));
  const auto page = [&](double gain, double error) {
    json changed = as_run;
    changed["gain"]["over_start"] = {{"mean", gain}, {"standard_error", error}, {"in_standard_errors", gain / error}};
    std::ofstream(f.path / "run/run.json") << changed.dump();
    REQUIRE(run_test::run({"report", folder, "-q"}).code == 0);
    return run_test::read(f.path / "run/report.html");
  };
  // The run itself gains 12 with a paired error of 26.
  const std::string shipped = run_test::read(f.path / "run/report.html");
  CHECK(shipped.find("verdict good") == std::string::npos);
  CHECK(shipped.find("Converged, but gained no more over its start than chance can.") != std::string::npos);
  CHECK(page(60, 25).find("class=\"verdict good\"") != std::string::npos);
  CHECK(page(40, 25).find("class=\"verdict good\"") == std::string::npos);
  CHECK(page(-60, 25).find("Converged, but lost.") != std::string::npos);
}

TEST_CASE("gains: the first run of the README pays, on rows that chose nothing too") {
  const run_test::Folder f("gain-first-run");
  const auto ran = run_test::run(
      {"tune", tacit::test::source_dir() + "/configs/logistic_digits.yaml", "--json", "-q", "-o", (f.path / "run").string()});
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  const json j = json::parse(ran.out), &gain = j["gain"];
  CHECK(j["status"] == "converged");
  for (const json& on : {gain, gain["test"]}) {
    CHECK(on["over_intercept"]["in_standard_errors"].get<double>() > 10);
    CHECK(on["over_start"]["in_standard_errors"].get<double>() > 2);
  }
  CHECK(gain["test"]["over_start"]["mean"].get<double>() > 2 * j["test"]["loss"].get<double>());
  CHECK(run_test::read(f.path / "run/report.html").find("class=\"verdict good\"") != std::string::npos);
}
