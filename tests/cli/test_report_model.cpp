// The figures and tables of the model in a report: of records that are made up here, and of runs.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <string>
#include <vector>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/report/report_page.hpp>
#include <tacit/cli/report/run_folder.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/metrics.hpp>

#include "paths.hpp"
#include "run_support.hpp"
#include "xml_check.hpp"

namespace {

using namespace tacit;
using nlohmann::json;
using run_test::has;
namespace fs = std::filesystem;

Table table(const std::string& text) {
  TableOptions options;
  options.header = Header::present;
  options.delimiter = ",";
  options.missing_values = {"", "nan"};
  return Table::parse(TextFile::from_string("x/made-up.csv", text), options);
}

/// The coefficients of features f1, f2, ... with these values and deviations; `penalties`: how many are tuned.
json coefficients(const std::vector<double>& value, const std::vector<double>& deviation, int penalties) {
  json largest = json::array();
  for (std::size_t i = 0; i < value.size(); ++i)
    largest.push_back({{"name", "f" + std::to_string(i + 1)},
                       {"value", value[i]},
                       {"deviation", deviation[i]},
                       {"l2", 0.1 * static_cast<double>(i + 1)}});
  return {{"total", value.size()}, {"penalties", penalties}, {"largest", largest}};
}

/// A finished run of tune with a model, as if read from a folder.
RunRecord finished() {
  RunRecord r;
  r.folder = "x";
  r.verb = "tune";
  r.name = "made up";
  r.run = {{"status", "converged"},
           {"model", {{"kind", "ridge"}, {"loss", "squared"}}},
           {"metrics", {{"loss", 2.0}, {"loss_standard_error", 0.25}, {"rmse", 2.0}}},
           {"intercept_alone", {{"loss", 5.0}, {"loss_standard_error", 0.5}, {"test", nullptr}}},
           {"best", {{"outer_loss", 2.0}, {"step", 3}, {"hyperparameters", {{"l2", 1.0}}}}},
           {"coefficients", coefficients({3, -1, 0.5}, {1, 10, 2}, 1)},
           {"held_out",
            {{"of", "validation"},
             {"draws", 1},
             {"rows", 3},
             {"weighted", false},
             {"scatter", {{"observed", {1, 2, 4}}, {"predicted", {1.5, 2, 3}}}}}}};
  return r;
}

RunRecord of_classes(bool weighted) {
  RunRecord r = finished();
  r.run["model"] = {{"kind", "logistic"}, {"loss", "logistic"}};
  r.run["held_out"] = {{"of", "out_of_fold"},
                       {"draws", 2},
                       {"rows", 10},
                       {"weighted", weighted},
                       {"negative", "no"},
                       {"positive", "<yes>"},
                       {"roc",
                        {{"auc", 0.8125},
                         {"points", 9},
                         {"false_positive", {0, 0.25, 1}},
                         {"true_positive", {0, 0.75, 1}},
                         {"threshold", {nullptr, 1, -2}}}},
                       {"confusion", {{"rows", {{3, 1}, {2, 4}}}, {"weight", {{6.0, 2.0}, {1.0, 3.0}}}}},
                       {"calibration",
                        {{"rows", {5, 5}},
                         {"weight", {6, 6}},
                         {"predicted", {0.2, 0.7}},
                         {"observed", {0.25, 0.5}},
                         {"lo", {0.1, 0.3}},
                         {"hi", {0.5, 0.8}}}}};
  return r;
}

const Figure& named(const std::vector<Figure>& figures, const std::string& name) {
  const auto at = std::find_if(figures.begin(), figures.end(), [&](const Figure& f) { return f.name == name; });
  REQUIRE(at != figures.end());
  return *at;
}

const Series& series(const Figure& f, const std::string& name) {
  const auto at = std::find_if(f.chart.series.begin(), f.chart.series.end(), [&](const Series& s) { return s.name == name; });
  CAPTURE(name);
  REQUIRE(at != f.chart.series.end());
  return *at;
}

bool lacks(const Figure& f, const std::string& name) {
  return std::none_of(f.chart.series.begin(), f.chart.series.end(), [&](const Series& s) { return s.name == name; });
}

std::string page_of(const RunRecord& r) {
  const std::string html = run_page(r, tune_figures(r));
  CHECK(xml_test::what_is_wrong(html.substr(html.find('\n') + 1)) == "");
  return html;
}

/// The same text with each of these in this order?
bool in_order(const std::string& text, const std::vector<std::string>& parts) {
  std::size_t at = 0;
  for (const std::string& part : parts) {
    at = text.find(part, at);
    if (at == std::string::npos) return false;
  }
  return true;
}

// The loss dips again at 10, within one standard error (0.2) of the least, after it was above at 3.
const char* const kPath =
    "l2,outer_loss,standard_error,coefficient[f1],coefficient[f2],coefficient[f3]\n"
    "0.1,2.3,0.2,4,-2,1\n0.3,2.1,0.2,3.5,-1.5,0.8\n1,2,0.2,3,-1,0.5\n3,2.4,0.2,2,-0.5,0.3\n10,2.15,0.2,1,-0.2,0.1\n30,4,0.3,0,0,"
    "0\n";

}  // namespace

TEST_CASE("report model: along the path one-se is the strongest penalty within one standard error, not the first crossing") {
  RunRecord r = finished();
  r.path = table(kPath);
  const Figure f = named(model_figures(r), "path_loss");
  CHECK(f.missing.empty());
  CHECK(f.chart.log_x);
  CHECK(series(f, "best").x == std::vector<double>{1});
  CHECK(series(f, "one-se").x == std::vector<double>{10});
  CHECK(series(f, "one-se").y == std::vector<double>{2.15});
  CHECK(series(f, "one standard error").lo[2] == doctest::Approx(1.8));
  CHECK(series(f, "one standard error").hi[5] == doctest::Approx(4.3));
  CHECK(lacks(f, "many penalties, tuned"));
  has(f.shows, "'best' is the least loss, at 1;");
  // What run.json says of one penalty goes before what the path shows.
  r.run["one_se"] = {{"outer_loss", 2.12}, {"hyperparameters", {{"l2", 8.0}}}};
  CHECK(series(named(model_figures(r), "path_loss"), "one-se").x == std::vector<double>{8});
  // Of many penalties it is the single one that has a place there.
  r.run["coefficients"]["penalties"] = 3;
  r.run["single_penalty"] = {{"loss", 2.05}, {"hyperparameters", {{"l2", 0.5}}}};
  r.run["best"]["hyperparameters"]["l2"] = {1, 2, 3};
  r.run["one_se"]["hyperparameters"]["l2"] = {4, 5, 6};
  const Figure many = named(model_figures(r), "path_loss");
  CHECK(series(many, "best").x == std::vector<double>{0.5});
  CHECK(series(many, "one-se").x == std::vector<double>{10});
  CHECK(series(many, "many penalties, tuned").y == std::vector<double>{2, 2});
}

TEST_CASE("report model: coefficients along the path are times the deviations where all are known") {
  RunRecord r = finished();
  r.path = table(kPath);
  const Figure f = named(model_figures(r), "path_coefficients");
  REQUIRE(f.chart.series.size() == 3);
  CHECK(f.chart.series[0].name == "f2");  // 10 at the best penalty, f1 has 3 and f3 has 1
  CHECK(f.chart.series[0].y == std::vector<double>{-20, -15, -10, -5, -2, 0});
  CHECK(f.chart.series[2].name == "f3");
  CHECK(f.chart.y_label == "coefficient for one deviation");
  REQUIRE(f.chart.markers.size() == 2);
  CHECK(f.chart.markers[1].x == 10);
  // A column without a coefficient anywhere is no line, and in nobody's way.
  r.path = table("l2,outer_loss,standard_error,coefficient[f1],coefficient[zero]\n1,2,0.1,3,0\n2,3,0.1,2,0\n");
  CHECK(named(model_figures(r), "path_coefficients").chart.series.size() == 1);
  CHECK(named(model_figures(r), "path_coefficients").chart.y_label == "coefficient for one deviation");
  r.path = table(kPath);
  r.run["coefficients"]["largest"].erase(2);
  const Figure plain = named(model_figures(r), "path_coefficients");
  CHECK(plain.chart.series[0].name == "f1");
  CHECK(plain.chart.series[0].y[0] == 4);
  has(plain.shows, "in the unit of its own feature");
}

TEST_CASE("report model: loss and coefficients along the path stand side by side from 1400 pixels on, on screens alone") {
  RunRecord r = finished();
  r.path = table(kPath);
  const std::string page = page_of(r);
  const std::string grid = "<div class=\"figures\">";
  const auto first = page.find("id=\"path_loss\""), second = page.find("id=\"path_coefficients\"");
  REQUIRE(second != std::string::npos);
  CHECK(first < second);
  CHECK(page.rfind(grid, first) == page.rfind(grid, second));  // in one grid
  const std::regex rule(
      "@media screen and \\(min-width:([0-9.]+)rem\\)\\{\\.figures\\{display:grid;grid-template-columns:1fr 1fr;");
  std::smatch width;
  REQUIRE(std::regex_search(page, width, rule));
  CHECK(16 * std::stod(width[1]) <= 1400);
  CHECK(16 * std::stod(width[1]) > 1000);
  const auto other = page.find(".figures{", page.find(width[0].str()) + width[0].length());
  CHECK(other == std::string::npos);  // no other rule makes a grid of them, on paper say
}

TEST_CASE("report model: of many lines the six largest have names in the legend, the others are thin") {
  RunRecord r = finished();
  std::string head = "l2,outer_loss,standard_error", low = "0.5,2,0.1", high = "1,1.9,0.1";
  for (int j = 1; j <= 12; ++j) {
    head += ",coefficient[g" + std::to_string(j) + "]";
    low += "," + std::to_string(2 * j);
    high += "," + std::to_string(j);
  }
  r.path = table(head + "\n" + low + "\n" + high + "\n");
  r.run["coefficients"]["total"] = 50000;
  const Figure f = named(model_figures(r), "path_coefficients");
  REQUIRE(f.chart.series.size() == 12);
  CHECK(std::count_if(f.chart.series.begin(), f.chart.series.end(), [](const Series& s) { return s.faint; }) == 6);
  CHECK(series(f, "g12").legend);
  CHECK_FALSE(series(f, "g6").legend);
  CHECK(f.chart.series.back().legend);  // on top of the thin ones
  has(f.shows, "Shown are 12 of 50000 features");
}

TEST_CASE("report model: coefficients are bars with their sign in units of their columns, penalties stand beside them") {
  RunRecord r = finished();
  const Figure f = named(model_figures(r), "coefficients");
  CHECK(f.chart.rows == std::vector<std::string>{"f1", "f2", "f3"});
  CHECK(series(f, "raises the prediction").x == std::vector<double>{3, 1});
  CHECK(series(f, "raises the prediction").y == std::vector<double>{0, 2});
  CHECK(series(f, "lowers it").x == std::vector<double>{-10});
  CHECK(chart_csv(f.chart) ==
        "series,x,y,name\nraises the prediction,3,0,f1\nraises the prediction,1,2,f3\nlowers it,-10,1,f2\n");
  has(f.shows, "all 3 coefficients");
  const auto there = [&](const char* name) {
    const std::vector<Figure> all = model_figures(r);
    return std::any_of(all.begin(), all.end(), [&](const Figure& g) { return g.name == name; });
  };
  CHECK_FALSE(there("penalties"));
  r.run["coefficients"] = coefficients({3, -1, 0.5}, {1, 10, 2}, 40);
  r.run["coefficients"]["total"] = 40;
  CHECK(there("penalties"));
  const Series& dots = series(named(model_figures(r), "penalties"), "penalty");
  CHECK(dots.x[2] == doctest::Approx(0.3));
  has(named(model_figures(r), "coefficients").shows, "the 3 largest of 40 coefficients");
  // A model of its intercept alone has nothing to show, and says so.
  r.run["coefficients"] = coefficients({}, {}, 1);
  has(named(model_figures(r), "coefficients").missing, "but its intercept");
}

TEST_CASE("report model: losses of the models stand below each other, those of test rows beside them") {
  RunRecord r = finished();
  const Figure f = named(model_figures(r), "model_losses");
  CHECK(f.chart.rows == std::vector<std::string>{"intercept alone", "tuned"});
  CHECK(series(f, "validation rows").x == std::vector<double>{5, 2});
  CHECK(series(f, "validation rows").lo == std::vector<double>{4.5, 1.75});
  CHECK(lacks(f, "test rows"));
  has(f.shows, "chose the penalty, so the tuned model looks better on them than it is");
  r.run["single_penalty"] = {{"loss", 2.5}, {"test", {{"loss", 2.6}, {"loss_standard_error", 0.1}}}};
  r.run["one_se"] = {{"outer_loss", 2.2}};
  r.run["test"] = {{"loss", 3}, {"loss_standard_error", 0.4}};
  r.run["coefficients"]["penalties"] = 3;
  r.run["held_out"]["of"] = "out_of_fold";
  const Figure many = named(model_figures(r), "model_losses");
  CHECK(many.chart.rows == std::vector<std::string>{"intercept alone", "single penalty", "many penalties", "one-se"});
  CHECK(series(many, "out-of-fold rows").x == std::vector<double>{5, 2.5, 2, 2.2});
  CHECK(series(many, "test rows").hi[2] == doctest::Approx(3.4));
  has(chart_csv(many.chart), "test rows,3,2.15,2.6,3.4,many penalties\n");
}

TEST_CASE("report model: paired differences are in units of their own error, and a loss is no gain") {
  RunRecord r = finished();
  r.run["gain"] = {{"over_intercept", {{"mean", 3.0}, {"standard_error", 0.5}, {"in_standard_errors", 6.0}}},
                   {"over_single", {{"mean", -0.25}, {"standard_error", 0.5}, {"in_standard_errors", -0.5}}},
                   {"over_start", nullptr},
                   {"test", nullptr},
                   {"optimistic", true}};
  const std::string html = page_of(r);
  has(html, "3 \xC2\xB1 0.5 (6)");
  has(html, "-0.25 \xC2\xB1 0.5 (-0.5)");
  CHECK(html.find("on the test rows") == std::string::npos);  // a column without content
  CHECK(html.find(">the start<") == std::string::npos);
}

TEST_CASE("report model: regression shows observed and residuals against predicted, and says how many rows") {
  RunRecord r = finished();
  const std::vector<Figure> all = model_figures(r);
  CHECK(series(named(all, "observed_predicted"), "rows").x == std::vector<double>{1.5, 2, 3});
  CHECK(series(named(all, "observed_predicted"), "observed = predicted").y == std::vector<double>{1.5, 3});
  CHECK(series(named(all, "prediction_residuals"), "rows").y == std::vector<double>{-0.5, 0, 1});
  has(named(all, "observed_predicted").shows, "All 3 validation rows.");
  r.run["held_out"]["rows"] = 70000;
  has(named(model_figures(r), "observed_predicted").shows, "Shown are 3 of the 70000 validation rows");
}

TEST_CASE("report model: classes have ROC, calibration and a confusion table with weights said") {
  const RunRecord r = of_classes(true);
  const std::vector<Figure> all = model_figures(r);
  const Figure roc = named(all, "roc");
  CHECK(roc.chart.square);                                                       // two shares of the same kind
  CHECK(series(roc, "as predicted (margin 0)").x == std::vector<double>{0.25});  // 2 of a weight of 8
  CHECK(series(roc, "as predicted (margin 0)").y == std::vector<double>{0.75});
  has(roc.shows, "The area below is 0.8125");
  has(roc.shows, "10 out-of-fold rows of the first draw of folds");
  has(roc.shows, "Drawn are 3 of its 9 points");
  const Figure bins = named(all, "calibration");
  CHECK(series(bins, "rows with like predictions").lo == std::vector<double>{0.1, 0.3});
  has(bins.shows, "in 2 bins");
  const std::string html = page_of(r);
  has(html, "4 (weight 3)");
  has(html, "predicted '&lt;yes&gt;'");
  has(html, "75 %");
  const std::string plain = page_of(of_classes(false));
  CHECK(plain.find("(weight") == std::string::npos);
  // One class alone has no curve; a model of margins no probabilities.
  RunRecord none = of_classes(false);
  none.run["held_out"]["roc"] = nullptr;
  none.run["held_out"]["calibration"] = nullptr;
  has(named(model_figures(none), "roc").missing, "one class alone");
  has(named(model_figures(none), "calibration").missing, "no probabilities");
  page_of(none);
}

TEST_CASE("report model: the page has verdict, gains, path, coefficients and predictions before the optimizer") {
  RunRecord r = finished();
  r.path = table(kPath);
  r.trace = table("step,seconds,outer_loss\n0,0.1,3\n1,0.2,2\n");
  const std::string html = page_of(r);
  CHECK(in_order(html, {"class=\"verdict", ">What was gained<", "id=\"model_losses\"", ">The path<", "id=\"path_loss\"",
                        "id=\"path_coefficients\"", ">The coefficients<", "id=\"coefficients\"", ">The predictions<",
                        "id=\"observed_predicted\"", ">Key facts<", ">How the optimizer got there<", "id=\"loss_steps\""}));
}

TEST_CASE("report model: losses that differ by rounding alone are one in words, others are told apart") {
  RunRecord r = finished();
  r.run["start_loss"] = 2 * (1 + 4e-15);
  r.run["single_penalty"] = {{"loss", 2 * (1 - 2e-15)}};
  has(page_of(r), "It reached a validation loss of 2 at step 3, from 2 at the start; one penalty for all, tuned, has 2;");
  r.run["single_penalty"]["loss"] = 2 * (1 + 1e-9);
  has(page_of(r), "one penalty for all, tuned, has 2.000000002;");
}

TEST_CASE("report model: a part that is missing is said so, and an older run folder still makes a page") {
  RunRecord r = finished();
  for (const char* name : {"path_loss", "path_coefficients"})
    has(named(model_figures(r), name).missing, "the run folder holds no path.csv");
  r.run.erase("coefficients");
  r.run.erase("held_out");
  has(named(model_figures(r), "coefficients").missing, "kept nothing to draw it from");
  has(named(model_figures(r), "predictions").missing, "kept nothing to draw it from");
  has(page_of(r), "No figure: the run folder holds no path.csv");
  // A run that left no model has no part of it on the page.
  r.run["metrics"] = nullptr;
  r.run["status"] = "failed";
  CHECK(model_figures(r).empty());
  CHECK(page_of(r).find("What was gained") == std::string::npos);
}

TEST_CASE("report model: what was edited into nonsense is an error with its place") {
  RunRecord r = finished();
  r.run["held_out"]["scatter"]["observed"] = "all";
  CHECK_THROWS_AS(model_figures(r), DataError);
  r = finished();
  r.path = table("l2,outer_loss,standard_error\nweak,2,0.1\n");
  CHECK_THROWS_AS(model_figures(r), DataError);
  r = finished();
  r.run["coefficients"]["largest"][0]["deviation"] = "wide";
  CHECK_THROWS_AS(model_figures(r), DataError);
}

TEST_CASE("report model: a page of 50,000 features and as many penalties is small") {
  RunRecord r = finished();
  std::vector<double> value, deviation;
  std::string head = "l2,outer_loss,standard_error", hyper = "name,value,start,lower,upper,at_bound\n";
  for (int j = 1; j <= 30; ++j) {
    value.push_back(j % 2 == 0 ? 1.0 / j : -1.0 / j);
    deviation.push_back(1);
    head += ",coefficient[a rather long name of a feature " + std::to_string(j) + "]";
  }
  std::string path = head + "\n";
  for (int i = 0; i < 50; ++i) {
    path += number_text(std::exp(0.2 * i - 5)) + "," + number_text(2 + 0.01 * i * i) + ",0.1";
    for (int j = 1; j <= 30; ++j) path += "," + number_text(1.0 / (j + i));
    path += "\n";
  }
  r.path = table(path);
  for (int j = 1; j <= 50000; ++j) hyper += "l2[f" + std::to_string(j) + "]," + number_text(0.001 * j) + ",1,0.001,1000,false\n";
  r.hyper = table(hyper);
  r.run["coefficients"] = coefficients(value, deviation, 50000);
  r.run["coefficients"]["total"] = 50000;
  std::vector<double> many;
  for (int i = 0; i < 400; ++i) many.push_back(std::sin(i) * 1e3 / 3);
  r.run["held_out"]["scatter"] = {{"observed", many}, {"predicted", many}};
  const std::string html = page_of(r);
  CHECK(html.size() < 700000);
  has(html, "the 30 largest of 50000 coefficients");
}

namespace {

/// The rows of a CSV file, each by the names of its columns.
std::vector<std::map<std::string, std::string>> rows_of(const fs::path& file) {
  const Table t = Table::read(file.string(), {});
  std::vector<std::map<std::string, std::string>> rows;
  for (Index i = 0; i < t.rows(); ++i) {
    rows.emplace_back();
    for (Index c = 0; c < t.cols(); ++c) rows.back()[t.names()[static_cast<std::size_t>(c)]] = t.cell(i, c);
  }
  return rows;
}

json tuned(const fs::path& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "tune");
  for (const std::string& more : {std::string("-q"), std::string("-o"), folder.string()}) arguments.push_back(more);
  const run_test::Ran ran = run_test::run(arguments);
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  return json::parse(std::ifstream(folder / "run.json"));
}

const std::string kConfigs = test::source_dir() + "/configs/";

}  // namespace

TEST_CASE("report model: run.json keeps few numbers of the held-out rows, which fit its metrics and predictions.csv") {
  const run_test::Folder folder("model-pictures");
  const json run = tuned(folder.path / "classes", {kConfigs + "logistic_breast_cancer.yaml", "output.predictions=true"});
  const json& held = run["held_out"];
  CHECK(held["of"] == "validation");
  CHECK(held["rows"] == run["rows"]["validation"]);
  CHECK(held["roc"]["auc"].get<double>() == doctest::Approx(run["metrics"]["auc"].get<double>()).epsilon(1e-13));
  const json& table = held["confusion"]["rows"];
  const double right = table[0][0].get<double>() + table[1][1].get<double>();
  CHECK(right / held["rows"].get<double>() == doctest::Approx(run["metrics"]["accuracy"].get<double>()).epsilon(1e-13));
  const std::vector<std::map<std::string, std::string>> rows = rows_of(folder.path / "classes/predictions.csv");
  CHECK(rows.size() == held["rows"].get<std::size_t>());
  double loss = 0, hits = 0;
  for (const auto& row : rows) {
    CHECK(row.size() == 6);
    CHECK(row.at("fold") == "validation");
    const double zero = std::stod(row.at("probability_0")), one = std::stod(row.at("probability_1"));
    CHECK(zero + one == doctest::Approx(1).epsilon(1e-14));
    CHECK((one > 0.5) == (row.at("prediction") == "1"));
    loss -= std::log(row.at("target") == "1" ? one : zero);
    hits += row.at("target") == row.at("prediction") ? 1 : 0;
  }
  CHECK(loss / static_cast<double>(rows.size()) == doctest::Approx(run["metrics"]["loss"].get<double>()).epsilon(1e-10));
  CHECK(hits == right);
}

TEST_CASE("report model: with folds the figures are of all rows, each once however often folds are drawn") {
  const run_test::Folder folder("model-pictures-folds");
  std::ofstream(folder.path / "folds.yaml") << "tacit: 1\ndata: {train: '" + test::source_dir() +
                                                   "/data/diabetes.csv', target: target}\n"
                                                   "validation: {scheme: kfold, folds: 4, repeats: 2}\nmodel: {kind: ridge}\n";
  const json run = tuned(folder.path / "folds", {(folder.path / "folds.yaml").string(), "output.predictions=true"});
  const json& held = run["held_out"];
  CHECK(held["of"] == "out_of_fold");
  CHECK(held["draws"] == 2);
  const std::vector<std::map<std::string, std::string>> rows = rows_of(folder.path / "folds/predictions.csv");
  const auto once = held["rows"].get<std::size_t>();
  CHECK(rows.size() == 2 * once);
  std::map<std::string, int> seen;
  std::vector<double> predicted;
  for (const auto& row : rows) {
    CHECK(row.size() == 5);
    ++seen[row.at("row") + " in draw " + row.at("repeat")];
    const int fold = std::stoi(row.at("fold"));
    CHECK((fold >= 1 && fold <= 4));
    if (row.at("repeat") == "1") predicted.push_back(std::stod(row.at("prediction")));
  }
  CHECK(seen.size() == rows.size());
  CHECK(predicted.size() == once);
  const auto shown = held["scatter"]["predicted"].get<std::vector<double>>();
  CHECK(shown.size() == std::min<std::size_t>(once, 400));
  for (const double z : shown) CHECK(std::find(predicted.begin(), predicted.end(), z) != predicted.end());
  has(run_test::read(folder.path / "folds/report.html"), "out-of-fold rows of the first draw of folds");
}

TEST_CASE("report model: the largest coefficients are those of model.json times the deviations of their columns") {
  const run_test::Folder folder("model-pictures-coefficients");
  const json run = tuned(folder.path / "run", {kConfigs + "ridge_diabetes.yaml"});
  const json model = json::parse(std::ifstream(folder.path / "run/model.json"));
  const json& list = run["coefficients"]["largest"];
  CHECK(run["coefficients"]["total"] == 10);
  CHECK(run["coefficients"]["penalties"] == 1);
  REQUIRE(list.size() == 10);
  double last = HUGE_VAL;
  for (const json& c : list) {
    CHECK(c["value"] == model["coefficients"][c["name"].get<std::string>()]);
    const double effect = std::abs(c["value"].get<double>() * c["deviation"].get<double>());
    CHECK(effect <= last);
    last = effect;
  }
  // The deviation of a column over the rows of the fit: all but the test rows.
  REQUIRE(run["rows"]["test"] == 0);
  const Table data = Table::read(test::source_dir() + "/data/diabetes.csv", {});
  const Index c = data.find(list[0]["name"].get<std::string>());
  REQUIRE(c >= 0);
  Vec x(data.rows());
  for (Index i = 0; i < x.size(); ++i) x[i] = data.value(i, c);
  CHECK(list[0]["deviation"].get<double>() == doctest::Approx(std::sqrt((x.array() - x.mean()).square().mean())).epsilon(1e-12));
}
