// What pages and figures say of a run record: sentences, verdicts and series of records that are made up here.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <tuple>
#include <vector>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/report/report_page.hpp>
#include <tacit/cli/report/run_folder.hpp>

#include "run_support.hpp"

namespace {

using namespace tacit;
using nlohmann::json;
using run_test::has;

/// A run record with a trace of its own, as if read from a folder.
RunRecord record(const std::string& trace, const std::string& run_json = "{}") {
  RunRecord r;
  r.folder = "x";
  r.verb = "tune";
  r.name = "made up";
  r.run = json::parse(run_json);
  TableOptions options;
  options.header = Header::present;
  options.delimiter = ",";
  options.missing_values = {"", "nan"};
  if (!trace.empty()) r.trace = Table::parse(TextFile::from_string("x/trace.csv", trace), options);
  return r;
}

const Figure& named(const std::vector<Figure>& figures, const std::string& name) {
  const auto at = std::find_if(figures.begin(), figures.end(), [&](const Figure& f) { return f.name == name; });
  REQUIRE(at != figures.end());
  return *at;
}

RunRecord compared(double accuracy, bool confirmed, const std::vector<std::tuple<std::string, double, double>>& entries,
                   const std::vector<int>& swept = {0}) {
  RunRecord r = record("");
  r.verb = "compare";
  r.run = {{"reference", {{"confirmed", confirmed}}}, {"accuracy", accuracy}, {"mode", "same-path"}, {"table", json::array()}};
  for (const int value : swept) {
    for (const auto& [label, error, seconds] : entries)
      r.run["table"].push_back({{"label", label},
                                {"mode", "same-path"},
                                {"sweep", {{"k", std::to_string(value)}}},
                                {"relative_error", {{"upper_quartile", error * (1 + value)}}},
                                {"seconds", seconds}});
  }
  return r;
}

}  // namespace

TEST_CASE("report: a comparison names the fastest estimator that is accurate enough, or says why none can be named") {
  const std::vector<std::tuple<std::string, double, double>> entries{
      {"full", 0.001, 3e-4}, {"last", 0.2, 1e-5}, {"cg", 0.002, 1e-4}, {"direct", 0.0099999, 9e-5}};
  const std::string best = estimator_to_use(compared(0.01, true, entries));
  has(best, "Use 'direct'");
  has(best, "its error is 0.0099999 or less");  // not "0.01"
  has(best, "of the 3 of 4 that are");
  has(best, "About as fast: 'cg'.");
  has(estimator_to_use(compared(1e-4, true, entries)), "None of them keeps the error within hypergradient.accuracy, 0.0001");
  has(estimator_to_use(compared(1e-4, true, entries)), "the nearest is 'full' with 0.001");
  has(estimator_to_use(compared(0.01, false, entries)), "cannot be told");
  has(estimator_to_use(compared(0.01, true, {{"a", std::nan(""), 1}})), "no error is known");
  // Twice the error in the second combination, ten times in the third: there 'full' is left, and then 'full' alone.
  const std::string several = estimator_to_use(compared(0.01, true, entries, {0, 1, 8, 99}));
  has(several, "Of 4 combinations");
  has(several, "'direct' in 1");
  has(several, "'cg' in 1");
  has(several, "'full' in 1");
  has(several, "and none in 1");
  CHECK(estimator_to_use(compared(0.01, true, {})) == "");
}

TEST_CASE("report: of several runs the best is named, with what its gain is worth on the same rows") {
  const auto run_of = [](double loss, const std::string& predictions) {
    RunRecord r = record("");
    r.run = {{"best", {{"outer_loss", loss}}}, {"model", {{"loss", "squared"}, {"weights", false}}}};
    TableOptions options;
    options.header = Header::present;
    if (!predictions.empty()) r.predictions = Table::parse(TextFile::from_string("x/predictions.csv", predictions), options);
    return r;
  };
  const auto rows = [](double off, double wobble) {
    std::string text = "row,fold,target,prediction\n";
    for (int i = 0; i < 40; ++i)
      text += std::to_string(i) + ",validation,1," + std::to_string(1 + off + (i % 2 == 0 ? wobble : -wobble)) + "\n";
    return text;
  };
  // Losses 0.5, and 0.72 or 0.5 (1 +- 0.9)^2 on average 0.905 with a large spread.
  const RunRecord a = run_of(0.5, rows(1, 0)), b = run_of(0.72, rows(1.2, 0.01)), c = run_of(0.905, rows(1, 0.9)),
                  d = run_of(0.6, "");
  const std::string text = best_of_runs({b, a, c, d}, {"b", "a", "c", "d"});
  has(text, "'a' has the least validation loss, 0.5.");
  has(text, "'b' has 0.72, 0.2201 \xC2\xB1 0.001922 more on the same rows: more than chance.");
  has(text, "'c' has 0.905, 0.405 \xC2\xB1 0.1441 more on the same rows: more than chance.");
  has(text, "'d' has 0.6; whether that is more than chance cannot be told");
  has(text, "output.predictions=true");
  has(best_of_runs({a, run_of(0.54, rows(1, 0.3))}, {"a", "b"}), "no more than chance can do");
  has(best_of_runs({a, run_of(0.5000001, "")}, {"a", "b"}), "has the least validation loss, 0.5. 'b' has 0.5000001");
  CHECK(best_of_runs({record("")}, {"none"}) == "None of the runs has a loss.");
  // What is said of several runs is said once, and a run in doubt is named.
  const std::string blind = best_of_runs({run_of(1, ""), run_of(2, ""), run_of(3, "")}, {"a", "b", "c"});
  has(blind, "'b' has 2, 'c' 3; whether that is more than chance cannot be told without the losses row by row.");
  std::vector<RunRecord> three{run_of(1, ""), run_of(2, ""), run_of(3, "")};
  three[0].run["status"] = "converged";
  three[1].run["status"] = "doubtful";
  three[2].run["status"] = "failed";
  has(doubtful_runs(three, {"a", "b", "c"}), "own reports: 'b' (doubtful), 'c' (failed).");
  CHECK(doubtful_runs({three[0]}, {"a"}).empty());
  std::vector<RunRecord> many;
  std::vector<std::string> names;
  for (int i = 0; i < 9; ++i) {
    many.push_back(run_of(1 + i, ""));
    names.push_back("r" + std::to_string(i));
  }
  has(best_of_runs(many, names), "And 3 more have larger ones.");
}

TEST_CASE("report figures: series that cannot be told apart are named, others are not") {
  Chart c;
  const auto add = [&](const char* name, std::vector<double> y, bool points = false) {
    Series s;
    s.name = name;
    s.x = {1, 2, 3};
    s.y = std::move(y);
    s.points = points;
    c.series.push_back(std::move(s));
  };
  add("a", {1, 10, 100});
  add("b", {1.0001, 10.0001, 100});
  add("c", {1, 10, 130});
  CHECK(coinciding(c) == "Here 'a' and 'b' lie on one another.");
  add("d", {1, 10, 100}, true);
  CHECK(coinciding(c) == "Here 'a', 'b' and 'd' lie on one another.");
  c.series[1].x = {1, 2, 4};
  c.series[3].y = {1, std::nan(""), 100};
  CHECK(coinciding(c) == "");
}

TEST_CASE("report figures: what was not measured is a gap, never 0, and a figure without numbers says why there is none") {
  const std::vector<Figure> all =
      tune_figures(record("step,seconds,outer_loss,hypergradient_error,hypergradient_error_bound,tape_bytes,"
                          "implicit_truncation,k_eff_lo,k_eff_hi,rate_reliable\n"
                          "0,0.1,3,0.5,,,,,,\n"
                          "1,0.2,2,,,,10,8,inf,false\n"
                          "2,0.3,1,0.25,,0,12,11,13,true\n",
                          R"({"warn_error": 0.1})"));
  CHECK(chart_csv(named(all, "hypergradient_error").chart) ==
        "series,x,y\nestimate,0,0.5\nestimate,1,\nestimate,2,0.25\ndiagnostics.warn_error,0,0.1\ndiagnostics.warn_error,2,0.1\n");
  CHECK(chart_csv(named(all, "implicit_truncation").chart) ==
        "series,x,y,lo,hi\nworth of the warm start (k_eff),0,,,\nworth of the warm start (k_eff),1,10,8,inf\n"
        "worth of the warm start (k_eff),2,12,11,13\nrate not reliable,1,10,,\n");
  CHECK(named(all, "tape").missing.find("needs none") != std::string::npos);
  CHECK_FALSE(named(all, "residuals").missing.empty());
  CHECK(named(all, "loss_steps").missing.empty());
  for (const Figure& f : tune_figures(record(""))) {
    CHECK(f.missing.find("no row") != std::string::npos);
    CHECK(f.shows.size() > 60);
  }
}

TEST_CASE("report figures: many penalties are a band with its quartiles, and the few that moved most by name") {
  RunRecord r = record("step,seconds,outer_loss\n0,0,1\n1,1,1\n");
  json first, second;
  for (int j = 1; j <= 9; ++j) {
    first.push_back(1);
    second.push_back(j);
  }
  r.steps = {json{{"step", 0}, {"u", {{"l2", first}}}}, json{{"step", 1}, {"u", {{"l2", second}}}}};
  const Figure f = named(tune_figures(r), "hyperparameters");
  REQUIRE(f.chart.series.size() == 7);
  CHECK(f.chart.series[0].lo[1] == 1);
  CHECK(f.chart.series[0].hi[1] == 9);
  CHECK(f.chart.series[1].lo[1] == 3);
  CHECK(f.chart.series[1].hi[1] == 7);
  CHECK(f.chart.series[2].y[1] == 5);
  CHECK(f.shows.find("no wider than the line") == std::string::npos);
  r.steps[1]["u"]["l2"] = {1, 1.01, 1.01, 1.01, 1.01, 1.01, 1.01, 1.01, 50};
  has(named(tune_figures(r), "hyperparameters").shows, "The middle half is no wider than the line of the median.");
  CHECK(f.chart.series[3].name == "hyperparameter 9");
  CHECK(f.chart.series[6].name == "hyperparameter 6");
}

TEST_CASE("report figures: losses over several decades have a logarithmic axis, and the text says so") {
  const auto loss = [](const std::string& last) {
    return named(tune_figures(record("step,seconds,outer_loss\n0,0,1\n1,1," + last + "\n")), "loss_steps");
  };
  CHECK(loss("0.01").chart.log_y);
  has(loss("0.01").shows, "The axis is logarithmic.");
  CHECK_FALSE(loss("0.1").chart.log_y);
  CHECK_FALSE(loss("0").chart.log_y);
  CHECK_FALSE(loss("-0.01").chart.log_y);
  CHECK(loss("0.1").shows.find("logarithmic") == std::string::npos);
  const RunRecord a = record("step,seconds,outer_loss\n0,0,1\n1,1,0.9\n"), b = record("step,seconds,outer_loss\n0,0,0.02\n");
  CHECK(named(overlaid_figures({a, b}, {"a", "b"}), "loss_steps").chart.log_y);
  CHECK_FALSE(named(overlaid_figures({a, a}, {"a", "b"}), "loss_steps").chart.log_y);
}

TEST_CASE("report: a run that was interrupted before its first point says that there is nothing") {
  RunRecord r =
      record("", R"({"status": "interrupted", "message": "interrupted before the start was solved; there is no point to keep"})");
  CHECK(interruption(r) == "The run was interrupted before the start was solved; there is no point to keep.");
  r.run["status"] = "running";
  has(interruption(r), "it was killed. No point had been evaluated by then.");
  r.run["status"] = "interrupted";
  r.run["best"] = {{"outer_loss", 1}};
  has(interruption(r), "what it had reached by then is below");
}

TEST_CASE("report: the size of an error is said in words that fit it") {
  CHECK(error_in_words(1e-7).find("negligible") != std::string::npos);
  CHECK(error_in_words(0.01).find("1 % of its length, which is small") != std::string::npos);
  CHECK(error_in_words(0.1).find("does not mislead") != std::string::npos);
  CHECK(error_in_words(0.5).find("wrong way") != std::string::npos);
  CHECK(error_in_words(3).find("not even its direction") != std::string::npos);
  CHECK(error_in_words(std::numeric_limits<double>::infinity()).find("not even its direction") != std::string::npos);
  CHECK(error_in_words(std::nan("")).find("not known") != std::string::npos);
}
