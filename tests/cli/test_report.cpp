// The report of a run folder: made again to the byte, readable as XML and HTML whatever the data are called, honest about runs
// that did not end, and an error with a place for a folder that was damaged.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/report/report_page.hpp>
#include <tacit/cli/report/run_folder.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/number_file.hpp>

#include "long_numbers.hpp"
#include "paths.hpp"
#include "process.hpp"
#include "run_support.hpp"
#include "xml_check.hpp"

namespace {

namespace fs = std::filesystem;
using namespace tacit;
using nlohmann::json;
using process_test::read_text;
using process_test::Scratch;
using process_test::write_text;
using run_test::has;
using run_test::Ran;
using run_test::run;

const std::string kConfigs = tacit::test::source_dir() + "/configs/";

/// All files below a folder, by name.
std::map<std::string, std::string> contents(const fs::path& folder) {
  std::map<std::string, std::string> all;
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file()) all[entry.path().lexically_relative(folder).string()] = read_text(entry.path());
  }
  return all;
}

void check_run(const std::vector<std::string>& arguments, int code = 0) {
  const Ran ran = run(arguments);
  CAPTURE(ran.err);
  CHECK(ran.code == code);
}

/// What every page owes: XML, nothing from elsewhere, ids that are unique and known, headings in order, captions, descriptions.
void check_page(const std::string& html) {
  const xml_test::Document page = xml_test::parse(html);
  CHECK(page.error == "");
  for (const std::string& id : page.ids) CHECK(page.ids.count(id) == 1);
  char level = '1';
  for (const std::string& tag : page.tags) {
    for (const char* outside : {"script", "link", "img", "iframe", "object", "embed", "base", "form", "use", "image"})
      CHECK(tag != outside);
    if (tag.size() == 2 && tag[0] == 'h' && tag[1] >= '1' && tag[1] <= '6') {
      CHECK(tag[1] <= level + 1);
      level = tag[1];
    }
  }
  for (const auto& [key, value] : page.attributes) {
    CHECK(key.rfind("on", 0) != 0);
    CHECK(key != "src");
    CHECK(key != "href");
    if (key != "aria-labelledby") continue;
    for (std::size_t at = 0; at < value.size();
         at = value.find(' ', at) == std::string::npos ? value.size() : value.find(' ', at) + 1)
      CHECK(page.ids.count(value.substr(at, value.find(' ', at) - at)) == 1);
  }
  const auto tags = [&](const char* name) { return std::count(page.tags.begin(), page.tags.end(), name); };
  CHECK(tags("table") == tags("caption"));
  CHECK(tags("svg") == tags("desc"));
  CHECK(tags("figure") == tags("figcaption"));
  CHECK(tags("h1") == 1);
  CHECK(html.find("<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">") != std::string::npos);
  for (const char* remote : {"url(", "@import", "https://"}) CHECK(html.find(remote) == std::string::npos);
}

/// A small data set with columns of the given names.
std::string data(const std::string& a, const std::string& b) {
  std::string text = a + "," + b + ",y\n";
  for (int i = 0; i < 24; ++i) {
    text += std::to_string(i % 7) + "," + std::to_string((i * 5) % 11) + "," + std::to_string((i * i) % 13) + ".5\n";
  }
  return text;
}

std::string config(const std::string& extra) {
  return "tacit: 1\ndata: {train: d.csv, target: y}\nhyper: {l2: {start: 1, per: feature}}\nouter: {max_steps: 3}\n" + extra;
}

}  // namespace

TEST_CASE("report: tune, compare and curve leave what tacit report makes again to the byte, as valid pages") {
  const Scratch work;
  const std::vector<std::vector<std::string>> runs{
      {"tune", kConfigs + "ridge_diabetes.yaml", "diagnostics.audit=2"},
      {"tune", kConfigs + "logistic_breast_cancer_per_feature.yaml"},
      {"tune", kConfigs + "ridge_diabetes.yaml", "hypergradient.estimator=full-unroll", "inner.max_steps=300", "data.test=0.2"},
      {"compare", kConfigs + "compare_warm_start.yaml", "compare.path=3"},
      {"compare", kConfigs + "compare_estimators.yaml", "compare.path=2"},
      {"curve", kConfigs + "curve_late_start.yaml"},
      {"curve", kConfigs + "curve_logistic.yaml"}};
  int n = 0;
  for (std::vector<std::string> arguments : runs) {
    CAPTURE(arguments[1]);
    const fs::path folder = work / std::to_string(n++);
    arguments.insert(arguments.end(), {"-q", "-o", folder.string()});
    check_run(arguments);
    const auto left = contents(folder);
    REQUIRE(left.count("report.html") == 1);
    check_page(left.at("report.html"));
    for (const json& line : json::parse(left.at("run.json")).value("findings", json::array()))
      CHECK(left.at("report.html").find("<li>" + xml_text(line.get<std::string>()) + "</li>") != std::string::npos);
    for (const auto& [name, text] : left) {
      if (name.rfind("plots/", 0) == 0 && name.substr(name.size() - 4) == ".svg") CHECK(xml_test::what_is_wrong(text) == "");
    }
    fs::remove(folder / "report.html");
    fs::remove_all(folder / "plots");
    check_run({"report", folder.string()});
    CHECK(contents(folder) == left);
  }
}

TEST_CASE("report: every figure of the page is in plots, and its numbers too") {
  const Scratch work;
  const fs::path folder = work / "run";
  check_run({"tune", kConfigs + "ridge_diabetes.yaml", "-q", "-o", folder.string()});
  const std::string html = read_text(folder / "report.html");
  std::size_t figures = 0;
  for (const Figure& f : tune_figures(read_run(folder))) {
    CAPTURE(f.name);
    CHECK(fs::exists(folder / "plots" / (f.name + ".svg")) == f.missing.empty());
    CHECK(fs::exists(folder / "plots" / (f.name + ".csv")) == f.missing.empty());
    if (!f.missing.empty()) continue;
    ++figures;
    CHECK(read_text(folder / "plots" / (f.name + ".csv")) == chart_csv(f.chart));
    CHECK(html.find(chart_element(f.chart, "figure-" + f.name).text) != std::string::npos);
  }
  CHECK(figures == 15);
}

TEST_CASE("report: names from data and run file are text, never markup") {
  const Scratch work;
  const std::string evil = "<script>alert('\xC3\xA9')<b> & \"q\"";
  write_text(work / "d.csv", data("\"<img src=x onerror=\"\"alert(1)\"\">\"", "\"b]]> &amp; \xCE\xBB\""));
  write_text(work / "run.yaml", config("name: \"<script>alert('\xC3\xA9')<b> & \\\"q\\\"\"\n"));
  check_run({"tune", (work / "run.yaml").string(), "-q", "-o", (work / "out").string()});
  const std::string html = read_text(work / "out/report.html");
  check_page(html);
  CHECK(html.find("<h1>" + xml_text(evil) + "</h1>") != std::string::npos);
  CHECK(html.find("l2[&lt;img src=x onerror=&quot;alert(1)&quot;&gt;]") != std::string::npos);
  CHECK(html.find("l2[b]]&gt; &amp;amp; \xCE\xBB]") != std::string::npos);
  CHECK(html.find("<script") == std::string::npos);
}

TEST_CASE("report: a run without a step, and one that tunes nothing, say so and draw what there is") {
  const Scratch work;
  write_text(work / "d.csv", data("a", "b"));
  write_text(work / "run.yaml", config(""));
  const std::string file = (work / "run.yaml").string();
  check_run({"tune", file, "outer.max_steps=0", "-q", "-o", (work / "still").string()});
  check_page(read_text(work / "still/report.html"));
  CHECK(read_text(work / "still/plots/loss_steps.csv").find("validation loss,0,") != std::string::npos);
  write_text(work / "fixed.yaml", "tacit: 1\ndata: {train: d.csv, target: y}\nhyper: {l2: {fix: 1}}\n");
  check_run({"tune", (work / "fixed.yaml").string(), "-q", "-o", (work / "fixed").string()});
  const std::string fixed = read_text(work / "fixed/report.html");
  check_page(fixed);
  CHECK(fixed.find("nothing was tuned in this run.") != std::string::npos);
  CHECK(fixed.find("fixed at 1.") != std::string::npos);
}

TEST_CASE("report: a run that failed, was interrupted or killed has a report that says so") {
  const Scratch work;
  write_text(work / "d.csv", data("a", "b"));
  write_text(work / "run.yaml", config("inner: {solver: gradient-descent, step: 100}\n"));
  const fs::path failed = work / "failed";
  check_run({"tune", (work / "run.yaml").string(), "-q", "-o", failed.string()}, 4);
  const std::string html = read_text(failed / "report.html");
  check_page(html);
  CHECK(html.find("<strong>Failed. </strong>The run failed: ") != std::string::npos);
  for (const auto& [status, words] :
       {std::pair{"running", "still at work, or it was killed"}, {"interrupted", "The run was interrupted"}}) {
    json run_json = json::parse(read_text(failed / "run.json"));
    run_json["status"] = status;
    write_text(failed / "run.json", run_json.dump());
    fs::remove(failed / "trace.jsonl");
    check_run({"report", failed.string()});
    check_page(read_text(failed / "report.html"));
    CHECK(read_text(failed / "report.html").find(words) != std::string::npos);
  }
}

TEST_CASE("report: of a trace that was cut in its last line the report is that of the lines before") {
  const Scratch work;
  const fs::path out = work / "out";
  check_run({"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=2", "-q", "-o", out.string()});
  const std::string whole = read_text(out / "report.html");
  for (const char* name : {"trace.csv", "trace.jsonl"}) {
    const std::string text = read_text(out / name), last = process_test::lines_of(text).back();
    write_text(out / name, text + last.substr(0, last.size() / 2));
  }
  check_run({"report", out.string()});
  CHECK(read_text(out / "report.html") == whole);
}

TEST_CASE("report: a run.json with anything in place of anything is a page or an error with its place") {
  const Scratch work;
  const std::vector<std::vector<std::string>> runs{{"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=2"},
                                                   {"compare", kConfigs + "compare_warm_start.yaml", "compare.path=1"},
                                                   {"curve", kConfigs + "curve_late_start.yaml", "curve.steps=20"}};
  int refused = 0, made = 0, turn = 0;
  for (std::vector<std::string> arguments : runs) {
    const fs::path folder = work / arguments[0];
    arguments.insert(arguments.end(), {"-q", "-o", folder.string()});
    check_run(arguments);
    for (const char* name : {"run.json", "curve.json"}) {
      if (!fs::exists(folder / name)) continue;
      const std::string whole = read_text(folder / name);
      const json good = json::parse(whole);
      const auto flat = good.flatten();
      for (const auto& [path, value] : flat.items()) {
        // Of a list the first entry stands for all.
        if (path.find_first_of("123456789") != std::string::npos && path.find("/0") == std::string::npos) continue;
        // The leaf itself, then the block around it.
        for (const std::string& at : {path, path.substr(0, path.find_last_of('/'))}) {
          const json all[] = {json("x<"), json(7), json(nullptr), json::array({1}), json::array(), json{{"a", 1}}};
          ++turn;
          for (int i = 0; i < 6; ++i) {
            // One after the other takes its turn; all of them where a long test is asked for.
            if (at.empty() || (i != turn % 6 && !std::getenv("TACIT_FUZZ_ROUNDS"))) continue;
            const json& bad = all[i];
            json changed = good;
            changed[json::json_pointer(at)] = bad;
            write_text(folder / name, changed.dump());
            const Ran ran = run({"report", folder.string(), "-q"});
            CAPTURE(at);
            CAPTURE(bad.dump());
            CAPTURE(ran.err);
            if (ran.code == 0) {
              ++made;
              CHECK(xml_test::what_is_wrong(read_text(folder / "report.html")) == "");
            } else {
              ++refused;
              CHECK(ran.code == 3);
              CHECK(ran.err.find("error[E60") == 0);
              CHECK(ran.err.find("--> ") != std::string::npos);
            }
          }
        }
      }
      for (const std::size_t cut : {std::size_t{0}, std::size_t{1}, whole.size() / 3, whole.size() - 3}) {
        write_text(folder / name, whole.substr(0, cut));
        CHECK(run({"report", folder.string()}).code == 3);
      }
      write_text(folder / name, whole);
    }
  }
  CHECK(refused > 100);
  CHECK(made > 100);
}

TEST_CASE("report: several runs stand side by side, with the keys in which they differ") {
  const Scratch work;
  const std::string file = kConfigs + "ridge_diabetes.yaml";
  check_run({"tune", file, "-q", "-o", (work / "a/run").string()});
  check_run({"tune", file, "inner.tolerance=1e-5", "seed=3", "-q", "-o", (work / "b/run").string()});
  check_run({"tune", file, "model.intercept=false", "-q", "-o", (work / "c").string()});
  check_run({"report", (work / "a/run").string(), (work / "b/run").string(), "-q", "-o", (work / "both").string()});
  std::string html = read_text(work / "both/report.html");
  check_page(html);
  CHECK(html.find("inner.tolerance</th>") != std::string::npos);
  CHECK(html.find(">seed</th>") != std::string::npos);
  CHECK(html.find("hyper.l2.start") == std::string::npos);
  CHECK(html.find("split them differently") != std::string::npos);
  // Two folders of the same name are told apart by their paths, and runs by what differs in them.
  CHECK(html.find(">" + (work / "b/run").string() + ": tolerance 1.0e-05, seed 3</th>") != std::string::npos);
  CHECK(html.find("Not compared") != std::string::npos);
  const std::string csv = read_text(work / "both/plots/loss_steps.csv");
  CHECK(csv.find("\n" + (work / "a/run").string() + ": seed 0") != std::string::npos);
  CHECK(csv.find("\n\"" + (work / "b/run").string() + ": tolerance ") != std::string::npos);
  // A folder that is not empty stays as it is.
  CHECK(run({"report", (work / "a/run").string(), (work / "c").string(), "-o", (work / "both").string()}).code == 2);
  CHECK(read_text(work / "both/report.html") == html);
  check_run({"curve", kConfigs + "curve_late_start.yaml", "-q", "-o", (work / "v1").string()});
  check_run({"curve", kConfigs + "curve_heavy_ball.yaml", "-q", "-o", (work / "v2").string()});
  check_run({"report", (work / "v1").string(), (work / "v2").string(), "-q", "-o", (work / "curves").string()});
  check_page(read_text(work / "curves/report.html"));
  check_run({"compare", kConfigs + "compare_warm_start.yaml", "compare.path=2", "-q", "-o", (work / "m1").string()});
  check_run({"report", (work / "m1").string(), (work / "m1").string(), "-q", "-o", (work / "medians").string()});
  const std::string medians = read_text(work / "medians/report.html");
  check_page(medians);
  for (const std::string row : {"warm, inner.max_steps 5", "warm, inner.max_steps 5, own run"})  // a row for each mode
    CHECK(medians.find(">" + row + "</th>") != std::string::npos);
  CHECK(read_text(work / "curves/report.html").find("<strong>Side by side. </strong>The runs read the same data files") !=
        std::string::npos);
  CHECK(fs::exists(work / "curves/plots/derivative_error.svg"));
}

TEST_CASE("report: a solver that is no map has no worth of its warm start in iterations, neither on the page nor in the table") {
  const Scratch work;
  const std::string file = kConfigs + "ridge_diabetes.yaml";
  const Ran newton = run({"tune", file, "inner={solver: newton}", "-o", (work / "newton").string()});
  CHECK(newton.out.find("warm start") == std::string::npos);
  CHECK_FALSE(fs::exists(work / "newton/plots/implicit_truncation.svg"));
  has(read_text(work / "newton/report.html"), "the inner solver is no fixed-point map");
  const Ran descent = run({"tune", file, "-o", (work / "descent").string()});
  has(descent.out, "inner iterations at the last step, which ran ");
  CHECK(fs::exists(work / "descent/plots/implicit_truncation.svg"));
}

TEST_CASE("report: no sentence of a page has a number of more than four significant digits") {
  const Scratch work;
  check_run({"tune", kConfigs + "ridge_diabetes_per_feature.yaml", "-q", "output.predictions=true", "-o", (work / "a").string()});
  check_run({"tune", kConfigs + "ridge_diabetes.yaml", "-q", "output.predictions=true", "-o", (work / "b").string()});
  check_run({"tune", kConfigs + "logistic_breast_cancer.yaml", "-q", "-o", (work / "c").string()});
  check_run({"compare", kConfigs + "compare_estimators.yaml", "-q", "-o", (work / "d").string()});
  check_run({"curve", kConfigs + "curve_logistic.yaml", "-q", "-o", (work / "e").string()});
  check_run({"report", (work / "a").string(), (work / "b").string(), "-q", "-o", (work / "f").string()});
  std::size_t sentences = 0;
  static const std::regex prose("<(p|li|figcaption|summary|h3)( [^>]*)?>"), tags("<[^>]*>");
  for (const char* name : {"a", "b", "c", "d", "e", "f"}) {
    CAPTURE(name);
    const std::string html = read_text(work / name / "report.html");
    for (std::sregex_iterator i(html.begin(), html.end(), prose), end; i != end; ++i) {
      const auto from = static_cast<std::size_t>(i->position() + i->length());
      const std::string text =
          std::regex_replace(html.substr(from, html.find("</" + (*i)[1].str() + ">", from) - from), tags, "");
      CAPTURE(text);
      ++sentences;
      CHECK(join(words_test::long_numbers(text)) == "");
    }
  }
  CHECK(sentences > 100);
}

TEST_CASE("report: a page of classes says which is +1, and figures over outer steps have whole numbers") {
  const Scratch work;
  std::string text = "a,y\n";
  for (int i = 0; i < 60; ++i)
    text += std::to_string(i * 7 % 13) + "." + std::to_string(i % 10) + ",c" + std::to_string(i % 3) + "\n";
  write_text(work / "d.csv", text);
  write_text(work / "run.yaml", "tacit: 1\ndata: {train: d.csv, target: y}\nmodel: {kind: logistic, positive: c1}\n");
  check_run({"tune", (work / "run.yaml").string(), "-q", "-o", (work / "run").string()});
  const std::string html = read_text(work / "run/report.html");
  check_page(html);
  has(html, "y: 'c1' is +1, the rest -1 ('c0' in 20 rows, 'c1' in 20 rows, 'c2' in 20 rows)");
  std::size_t over_steps = 0;
  for (const Figure& f : tune_figures(read_run(work / "run"))) {
    CHECK(f.chart.whole_x == (f.chart.x_label == "outer step"));
    over_steps += f.chart.whole_x ? 1 : 0;
  }
  CHECK(over_steps > 5);
}

TEST_CASE("report: the snippets of docs/report.md redraw their figures from real run folders, and every figure has one") {
  const std::string doc = tacit::test::source_dir() + "/docs/report.md", text = read_text(doc);
  const Scratch work;
  const auto folder = [&](const std::string& name) { return (work / ("runs/" + name)).string(); };
  const std::string ridge = kConfigs + "ridge_diabetes.yaml", per_feature = "logistic_breast_cancer_per_feature";
  // An unrolled estimator, so that there is a tape to draw.
  check_run({"tune", ridge, "hypergradient.estimator=full-unroll", "inner.max_steps=300", "inner.tolerance=0",
             "diagnostics.audit=2", "-q", "-o", folder("ridge_diabetes")});
  write_text(folder("ridge_diabetes") + "/path.csv",
             "l2,outer_loss,standard_error,coefficient[bmi],coefficient[s5]\n0.01,1400,200,20,25\n0.1,1350,190,18,20\n"
             "1,1500,210,10,9\n10,2500,300,2,3\n");
  check_run({"report", folder("ridge_diabetes"), "-q"});
  check_run({"tune", kConfigs + per_feature + ".yaml", "-q", "-o", folder(per_feature)});
  check_run({"compare", kConfigs + "compare_estimators.yaml", "compare.path=2", "-q", "-o", folder("compare_estimators")});
  check_run({"compare", kConfigs + "compare_warm_start.yaml", "compare.path=2", "-q", "-o", folder("compare_warm_start")});
  check_run({"curve", kConfigs + "curve_late_start.yaml", "-q", "-o", folder("curve_late_start")});
  check_run({"report", folder("ridge_diabetes"), folder(per_feature), "-q", "-o", folder("report")});
  for (const char* run : {"ridge_diabetes", "logistic_breast_cancer_per_feature", "compare_estimators", "curve_late_start"}) {
    for (const auto& entry : fs::directory_iterator(folder(run) + "/plots"))
      CHECK(text.find("### `" + entry.path().stem().string() + "`\n") != std::string::npos);
  }
  process_test::Start start;
  start.folder = work.path();
  start.arguments = {"-c", "import pandas, matplotlib"};
  const std::string python = "/usr/bin/python3";
  if (process_test::run(start, python).code != 0) {
    MESSAGE("skipped: /usr/bin/python3 has no pandas and matplotlib (Debian: python3-pandas python3-matplotlib)");
    return;
  }
  start.arguments = {tacit::test::source_dir() + "/tests/redraw_figures.py", doc, work.path().string()};
  const process_test::Ran drawn = process_test::run(start, python);
  CAPTURE(drawn.err);
  CHECK(drawn.code == 0);
  CHECK(std::count(drawn.out.begin(), drawn.out.end(), '\n') == 31);
  // The same figure of a run with many penalties has bands.
  std::string bands = text;
  for (std::size_t at = bands.find("runs/ridge_diabetes/plots/hyper"); at != std::string::npos;
       at = bands.find("runs/ridge_diabetes/plots/hyper"))
    bands.replace(at, 19, "runs/" + per_feature);
  write_text(work / "bands.md", bands);
  start.arguments[1] = (work / "bands.md").string();
  CHECK(process_test::run(start, python).code == 0);
}

TEST_CASE("report: of more than 1000 hyperparameters the vectors are rows of .npy files, and the page stays small") {
  const run_test::Folder folder("many-penalties");
  const int count = 1200;
  std::ofstream data(folder.path / "d.svm");
  for (int i = 0; i < 40; ++i) {
    data << (i % 7 - 3 + 0.25 * (i % 3));
    for (int j = 1 + i % 3; j <= count; j += 3) data << ' ' << j << ':' << std::cos(1.0 + i * j % 101);
    data << "\n";
  }
  data.close();
  std::ofstream(folder.path / "run.yaml")
      << "tacit: 1\ndata: {train: d.svm, features_total: 1200}\nvalidation: {scheme: holdout}\n"
         "hyper: {l2: {per: feature, start: 0.1}}\nouter: {max_steps: 3}\n";
  const std::string out = (folder.path / "out").string();
  const run_test::Ran ran = run_test::run({"tune", (folder.path / "run.yaml").string(), "-o", out, "-q"});
  CAPTURE(ran.err);
  REQUIRE(ran.code == 0);
  std::istringstream lines(run_test::read(fs::path(out) / "trace.jsonl"));
  Index steps = 0;
  for (std::string line; std::getline(lines, line); ++steps) {
    const nlohmann::json row = nlohmann::json::parse(line);
    CHECK(row.contains("outer_loss"));
    for (const char* key : {"theta", "u", "hypergradient"}) CHECK_FALSE(row.contains(key));
  }
  const Mat theta = read_number_file(out + "/theta.npy", "npy").x.dense,
            gradient = read_number_file(out + "/hypergradient.npy", "npy").x.dense;
  CHECK(theta.rows() == steps);
  CHECK(gradient.rows() == steps);
  CHECK(theta.cols() == count);
  CHECK(std::abs(theta(0, 7) - std::log(0.1)) <= 1e-15);
  const std::vector<double> norms = column(Table::read(out + "/trace.csv", {}), "hypergradient_norm");
  for (Index i = 0; i < steps; ++i) CHECK(gradient.row(i).norm() >= norms[static_cast<std::size_t>(i)]);  // that is projected
  const std::string page = run_test::read(fs::path(out) / "report.html");
  CHECK(page.find("The first 200 of 1200 values") != std::string::npos);
  CHECK(page.size() < 300000);
  CHECK(fs::exists(fs::path(out) / "plots/hyperparameters.svg"));
}
