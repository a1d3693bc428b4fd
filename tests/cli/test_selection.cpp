// Which point of a run is taken, and how many penalties are kept from fooling it.
#include <doctest/doctest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "cli/config_support.hpp"
#include "paths.hpp"
#include "run_support.hpp"

using nlohmann::json;
using run_test::Folder;

namespace {

struct Run {
  json result, record;
  std::vector<json> trace;
  std::string path;  ///< path.csv
};

Run tuned(const Folder& f, const std::string& kind, std::vector<std::string> overrides) {
  const bool ridge = kind == "ridge";
  std::ofstream(f.path / "run.yaml") << "tacit: 1\n";
  std::vector<std::string> words{
      "tune",
      (f.path / "run.yaml").string(),
      "-q",
      "--json",
      "--force",
      "-o",
      (f.path / "run").string(),
      "data.train=" + tacit::test::source_dir() + (ridge ? "/data/diabetes.csv" : "/data/breast_cancer.csv"),
      "model.kind=" + kind};
  if (!ridge) words.insert(words.end(), {"data.header=absent", "data.skip_rows=1"});
  words.insert(words.end(), overrides.begin(), overrides.end());
  const run_test::Ran ran = run_test::run(words);
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  Run r{json::parse(ran.out), json::parse(run_test::read(f.path / "run/run.json")), {}, run_test::read(f.path / "run/path.csv")};
  std::istringstream lines(run_test::read(f.path / "run/trace.jsonl"));
  for (std::string line; std::getline(lines, line);) r.trace.push_back(json::parse(line));
  return r;
}

std::vector<std::vector<std::string>> cells_of(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    std::vector<std::string> cells;
    std::istringstream parts(line);
    for (std::string cell; std::getline(parts, cell, ',');) cells.push_back(cell);
    rows.push_back(cells);
  }
  return rows;
}

/// The linear interpolation in ln l2 of the path's loss.
double loss_at(const std::vector<std::vector<std::string>>& path, double l2) {
  for (std::size_t i = 2; i < path.size(); ++i) {
    const double low = std::log(std::stod(path[i - 1][0])), high = std::log(std::stod(path[i][0])), t = std::log(l2);
    if (t < low || t > high) continue;
    const double a = std::stod(path[i - 1][1]), b = std::stod(path[i][1]);
    return a + (b - a) * (t - low) / (high - low);
  }
  return std::nan("");
}

/// The step of the row with the least `judged`; of equal ones that of the lower loss.
std::size_t least_judged(const std::vector<json>& trace) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < trace.size(); ++i) {
    const double judged = trace[i]["judged"].get<double>(), least = trace[best]["judged"].get<double>();
    if (judged < least || (judged == least && trace[i]["outer_loss"] < trace[best]["outer_loss"])) best = i;
  }
  return best;
}

/// The columns of a file of comma-separated values by their names.
std::map<std::string, std::vector<std::string>> columns_of(const std::string& csv) {
  const auto rows = cells_of(csv);
  std::map<std::string, std::vector<std::string>> all;
  for (std::size_t j = 0; j < rows.at(0).size(); ++j)
    for (std::size_t i = 1; i < rows.size(); ++i) all[rows[0][j]].push_back(rows[i].at(j));
  return all;
}

std::vector<double> numbers(const json& list) { return list.get<std::vector<double>>(); }

}  // namespace

TEST_CASE("selection: one-se is the strongest common penalty within one standard error of the best, and can be taken") {
  const Folder f("one-se");
  const Run best = tuned(f, "ridge", {"validation.folds=5"});
  const auto path = cells_of(best.path);
  REQUIRE(path.size() == 51);  // a head and 50 points
  CHECK(path[0][0] == "l2");
  CHECK(path[0][2] == "standard_error");
  CHECK(path[0].size() == 3 + 10);
  CHECK(path[0][3].find("coefficient[") == 0);
  for (std::size_t i = 2; i < path.size(); ++i) CHECK(std::stod(path[i][0]) > std::stod(path[i - 1][0]));
  const json &at = best.result["best"], &one = best.result["one_se"];
  const double limit = at["outer_loss"].get<double>() + at["loss_standard_error"].get<double>();
  const double factor = one["factor"].get<double>(), l2 = one["hyperparameters"]["l2"].get<double>();
  CHECK(at["factor"] == 1);
  CHECK(at["loss_standard_error"].get<double>() > 0);
  CHECK(factor > 1);
  CHECK(l2 == doctest::Approx(factor * at["hyperparameters"]["l2"].get<double>()));
  CHECK(one["outer_loss"].get<double>() <= limit * (1 + 1e-9));
  CHECK(loss_at(path, 1.05 * l2) > limit);
  CHECK(best.record["one_se"] == one);
  const Run taken = tuned(f, "ridge", {"validation.folds=5", "outer.select=one-se"});
  CHECK(taken.result["one_se"] == one);
  CHECK(taken.result["best"]["outer_loss"] == at["outer_loss"]);
  CHECK(std::stod(cells_of(run_test::read(f.path / "run/hyper.csv")).at(1).at(1)) == doctest::Approx(l2));
  CHECK(taken.result["metrics"]["loss"].get<double>() == doctest::Approx(one["outer_loss"].get<double>()).epsilon(1e-8));
}

TEST_CASE("selection: one-se has left the start also where the best row is the start") {
  const Folder f("one-se-start");
  const Run run = tuned(f, "ridge", {"data.test=0.25", "validation.folds=5", "outer.max_steps=0", "outer.select=one-se"});
  const json& gain = run.result["gain"];
  CHECK(run.result["best"]["step"] == 0);
  CHECK(run.result["one_se"]["factor"].get<double>() > 1);
  for (const json& on : {gain, gain["test"]}) {
    const double lost = on["over_best"]["mean"];
    CHECK(lost != 0);
    CHECK(on["over_start"]["mean"].get<double>() == doctest::Approx(lost).epsilon(1e-6));
  }
}

TEST_CASE("selection: what the best gains over one-se is told in paired differences, whichever is taken") {
  const Folder f("one-se-paired");
  struct Case {
    std::vector<std::string> rows;
    double folds;
  };
  for (const Case& c : {Case{{"validation.folds=5"}, 5}, {{"validation.scheme=holdout"}, 0}}) {
    CAPTURE(c.folds);
    std::vector<std::string> words = c.rows;
    words.insert(words.end(), {"data.test=0.25", "output.predictions=true"});
    const Run best = tuned(f, "ridge", words);
    const auto of_best = columns_of(run_test::read(f.path / "run/predictions.csv"));
    words.emplace_back("outer.select=one-se");
    const Run taken = tuned(f, "ridge", words);
    const auto of_one_se = columns_of(run_test::read(f.path / "run/predictions.csv"));
    // The difference row by row; of folds the spread of their means.
    std::map<std::string, std::pair<double, double>> groups;  // sum, rows
    double sum = 0, n = 0;
    for (std::size_t i = 0; i < of_best.at("row").size(); ++i) {
      REQUIRE(of_best.at("row")[i] == of_one_se.at("row")[i]);
      const double y = std::stod(of_best.at("target")[i]), p = std::stod(of_best.at("prediction")[i]),
                   q = std::stod(of_one_se.at("prediction")[i]), d = ((y - q) * (y - q) - (y - p) * (y - p)) / 2;
      auto& group = groups[c.folds > 0 ? of_best.at("fold")[i] : of_best.at("row")[i]];
      group.first += d;
      group.second += 1;
      sum += d;
      n += 1;
    }
    const double mean = sum / n, count = static_cast<double>(groups.size());
    double spread = 0;
    for (const auto& [name, g] : groups) spread += g.second * std::pow(g.first / g.second - mean, 2);
    const double error = std::sqrt(spread / n / (count - 1));
    if (c.folds > 0) CHECK(count == c.folds);
    const json &gain = best.result["gain"]["over_one_se"], &loss = taken.result["gain"]["over_best"];
    CHECK(gain["mean"].get<double>() == doctest::Approx(mean).epsilon(1e-4));
    CHECK(gain["standard_error"].get<double>() == doctest::Approx(error).epsilon(1e-4));
    CHECK(gain["in_standard_errors"].get<double>() == doctest::Approx(mean / error).epsilon(1e-4));
    CHECK(gain["mean"].get<double>() ==
          doctest::Approx(best.result["one_se"]["outer_loss"].get<double>() - best.result["best"]["outer_loss"].get<double>())
              .epsilon(1e-4));
    CHECK(loss["mean"].get<double>() == -gain["mean"].get<double>());
    CHECK(loss["standard_error"] == gain["standard_error"]);
    CHECK(best.result["gain"]["over_best"].is_null());
    CHECK(taken.result["gain"]["over_one_se"].is_null());
    // On test rows the final fits of both are held against each other.
    const json &tested = best.result["gain"]["test"]["over_one_se"], &other = taken.result["gain"]["test"]["over_best"];
    CHECK(tested["mean"].get<double>() ==
          doctest::Approx(best.result["one_se"]["test"]["loss"].get<double>() - best.result["test"]["loss"].get<double>()));
    CHECK(other["mean"].get<double>() == doctest::Approx(-tested["mean"].get<double>()).epsilon(1e-6));
    CHECK(other["standard_error"].get<double>() == doctest::Approx(tested["standard_error"].get<double>()).epsilon(1e-6));
    CHECK(taken.result["best"]["test"]["loss"].get<double>() ==
          doctest::Approx(best.result["test"]["loss"].get<double>()).epsilon(1e-6));
    CHECK(best.record["gain"] == best.result["gain"]);
    // In words, where the gains are.
    run_test::has(run_test::read(f.path / "run/report.html"), "over the best row");
  }
}

TEST_CASE("selection: one-se of many penalties multiplies them all, each up to the end of its range") {
  const Folder f("one-se-many");
  const Run r = tuned(f, "ridge", {"hyper.l2.per=feature", "hyper.l2.pull=0", "hyper.l2.range=[1e-4, 1e2]"});
  const std::vector<double> best = numbers(r.result["best"]["hyperparameters"]["l2"]),
                            one = numbers(r.result["one_se"]["hyperparameters"]["l2"]);
  const double factor = r.result["one_se"]["factor"].get<double>();
  REQUIRE(best.size() == 10);
  for (std::size_t j = 0; j < best.size(); ++j) CHECK(one[j] == doctest::Approx(std::min(factor * best[j], 100.0)).epsilon(1e-6));
  CHECK(r.result["one_se"]["outer_loss"].get<double>() <=
        r.result["best"]["outer_loss"].get<double>() * (1 + 1e-6) + r.result["best"]["loss_standard_error"].get<double>());
  CHECK(r.result["gain"]["over_single"]["mean"].is_number());
}

TEST_CASE("selection: the pull is in what is minimised and not in the outer loss") {
  const Folder f("pull");
  const std::vector<std::string> start{"hyper.l2.per=feature", "hyper.l2.start=0.1"};
  const auto with = [&](const char* pull) {
    std::vector<std::string> words = start;
    words.push_back(std::string("hyper.l2.pull=") + pull);
    return tuned(f, "ridge", words);
  };
  const Run none = with("0"), some = with("1");
  CHECK(none.trace[0]["outer_loss"] == some.trace[0]["outer_loss"]);
  for (const json& row : none.trace) CHECK_FALSE(row.contains("outer_pull"));
  CHECK(some.trace[0]["outer_pull"] == 0);  // all equal
  CHECK(some.trace.back()["outer_pull"].get<double>() > 0);
  CHECK(some.result["best"]["outer_loss"].get<double>() > none.result["best"]["outer_loss"].get<double>());
  const auto spread = [](const Run& r) {
    const std::vector<double> u = numbers(r.result["best"]["hyperparameters"]["l2"]);
    return std::log(*std::max_element(u.begin(), u.end()) / *std::min_element(u.begin(), u.end()));
  };
  CHECK(spread(some) < 0.7 * spread(none));
  CHECK(some.result["pull"]["value"] == 1);
  CHECK(some.result["pull"]["candidates"].empty());
}

TEST_CASE("selection: pull auto is the best on folds or one penalty, the same in every run and for any number of threads") {
  const Folder f("pull-auto");
  const Run r = tuned(f, "ridge", {"hyper.l2.per=feature", "data.test=0.3", "diagnostics.level=off"});
  const json& pull = r.result["pull"];
  REQUIRE(pull["candidates"].size() == 5);
  CHECK(pull["candidates"][0]["pull"] == "one");
  json best = pull["candidates"][0];
  for (const json& c : pull["candidates"]) {
    CHECK(c["loss_standard_error"].get<double>() > 0);
    if (c["loss"].get<double>() < best["loss"].get<double>()) best = c;
  }
  const bool clear = best["gain"]["mean"].get<double>() >= 2 * best["gain"]["standard_error"].get<double>();
  CHECK(pull["value"] == (clear && best["pull"] != "one" ? best["pull"] : json("one")));
  CHECK(r.record["pull"] == pull);
  const Run again = tuned(f, "ridge", {"hyper.l2.per=feature", "data.test=0.3", "diagnostics.level=off", "limits.threads=2"});
  CHECK(again.result["pull"] == pull);
  CHECK(again.result["best"] == r.result["best"]);
  CHECK(tuned(f, "ridge", {"diagnostics.level=off"}).result["pull"].is_null());
}

TEST_CASE("selection: a metric tells the best row") {
  const Folder f("metric");
  const Run r = tuned(f, "logistic",
                      {"hyper.l2.per=feature", "hyper.l2.pull=0", "hyper.l2.start=1", "outer.metric=auc",
                       "validation.scheme=holdout", "outer.max_steps=12"});
  const std::size_t best = least_judged(r.trace);
  for (const json& row : r.trace) {
    CHECK(row["judged"].get<double>() < -0.5);
    CHECK(row["judged"].get<double>() >= -1);
  }
  CHECK(r.result["best"]["step"] == r.trace[best]["step"]);
  CHECK(r.result["metrics"]["auc"].get<double>() == doctest::Approx(-r.trace[best]["judged"].get<double>()).epsilon(1e-3));
}

TEST_CASE("selection: on folds f1 is that of the rows of all folds together, the mean over the draws") {
  const Folder f("metric-folds");
  for (const int repeats : {1, 2}) {
    CAPTURE(repeats);
    const Run r = tuned(f, "logistic",
                        {"hyper.l2.per=feature", "hyper.l2.pull=0", "hyper.l2.start=10", "outer.metric=f1", "validation.folds=4",
                         "validation.repeats=" + std::to_string(repeats), "outer.max_steps=8", "output.predictions=true"});
    const std::size_t best = least_judged(r.trace);
    CHECK(r.result["best"]["step"] == r.trace[best]["step"]);
    CHECK(best > 0);
    // From what the best row predicts for each row by the fold that had not seen it.
    const auto rows = columns_of(run_test::read(f.path / "run/predictions.csv"));
    const std::string positive = r.record["target"]["positive"].get<std::string>();
    double f1 = 0;
    for (int draw = 1; draw <= repeats; ++draw) {
      double right = 0, said = 0, are = 0;
      for (std::size_t i = 0; i < rows.at("target").size(); ++i) {
        if (repeats > 1 && rows.at("repeat")[i] != std::to_string(draw)) continue;
        const bool is = rows.at("target")[i] == positive, called = rows.at("prediction")[i] == positive;
        right += is && called ? 1 : 0;
        said += called ? 1 : 0;
        are += is ? 1 : 0;
      }
      CHECK(are > 100);
      f1 += 2 * right / (said + are) / repeats;
    }
    CHECK(rows.at("target").size() == 569U * static_cast<std::size_t>(repeats));
    CHECK(-r.trace[best]["judged"].get<double>() == doctest::Approx(f1).epsilon(1e-12));
  }
}

TEST_CASE("selection: patience stops a run by rows that are in no outer loss") {
  const Folder f("patience");
  const std::vector<std::string> words{"hyper.l2.per=feature", "hyper.l2.pull=0", "hyper.l2.start=10", "outer.tolerance=0",
                                       "outer.max_steps=100"};
  struct Case {
    const char* rows;
    std::size_t held_out;  ///< rows that a part or all of them hold out
  };
  for (const Case& c : {Case{"validation.scheme=holdout", 0}, {"validation.folds=3", 569}}) {
    CAPTURE(c.rows);
    std::vector<std::string> more = words;
    more.insert(more.end(), {c.rows, "output.predictions=true"});
    const Run all = tuned(f, "logistic", more);
    const auto whole = columns_of(run_test::read(f.path / "run/predictions.csv"));
    if (c.held_out > 0) CHECK(whole.at("row").size() == c.held_out);
    more.emplace_back("outer.patience=2");
    const Run r = tuned(f, "logistic", more);
    CHECK(r.record["stop_reason"] == "patience");
    CHECK(r.record["status"] == "budget");
    CHECK(r.result["best"]["step"].get<int>() == r.result["outer_steps"].get<int>() - 2);
    CHECK(r.result["best"]["step"].get<std::size_t>() == least_judged(r.trace));
    CHECK(r.trace[0]["outer_loss"] != all.trace[0]["outer_loss"]);  // of two thirds of the rows
    for (const json& row : r.trace) CHECK(row["judged"].is_number());
    CHECK(r.record["notes"].dump().find("a third of the validation rows is kept aside") != std::string::npos);
    // Of every part a third is in no score; those that stay are held out by the part that held them out before.
    const auto kept = columns_of(run_test::read(f.path / "run/predictions.csv"));
    std::map<std::string, std::string> fold;
    std::map<std::string, int> had, has;
    for (std::size_t i = 0; i < whole.at("row").size(); ++i) {
      fold[whole.at("row")[i]] = whole.at("fold")[i];
      ++had[whole.at("fold")[i]];
    }
    for (std::size_t i = 0; i < kept.at("row").size(); ++i) {
      CHECK(fold[kept.at("row")[i]] == kept.at("fold")[i]);
      ++has[kept.at("fold")[i]];
    }
    CHECK(has.size() == had.size());
    for (const auto& [name, rows] : had) CHECK(std::abs(has[name] - 2 * rows / 3.0) <= 2);
  }
}

TEST_CASE("selection: a metric of the other kind, and patience without rows, are refused") {
  using config_test::errors;
  using config_test::kGood;
  CHECK(errors(kGood + "outer: {metric: auc}\n") ==
        R"(error[E208]: 'outer.metric: auc' is a metric of classes, and 'ridge' predicts numbers
 --> run.yaml:3:17
  |
3 | outer: {metric: auc}
  |                 ^^^
  = help: use rmse or mae
)");
  CHECK(errors(kGood + "model: {kind: logistic}\nouter: {metric: mae, patience: 3}\n") ==
        R"(error[E208]: 'outer.metric: mae' is a metric of numbers, and 'logistic' predicts classes
 --> run.yaml:4:17
  |
4 | outer: {metric: mae, patience: 3}
  |                 ^^^
  = help: use auc, accuracy or f1

error[E208]: 'outer.metric' and 'outer.patience' exclude each other
 --> run.yaml:4:17
  |
4 | outer: {metric: mae, patience: 3}
  |                 ^^^
  = help: either tells the best row of the run: remove one of the two
)");
  CHECK(errors(kGood + "hyper: {l2: {pull: 1}}\n").find("'hyper.l2.pull' is not used: there is one penalty") !=
        std::string::npos);
}
