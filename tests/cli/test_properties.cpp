// What must hold of a whole run whatever the data: weights, order of the features, units of the target, the way from init to
// labels.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>

#include <tacit/problems/data/split.hpp>
#include "paths.hpp"
#include "problems/files.hpp"
#include "run_support.hpp"

namespace {

using nlohmann::json;
using run_test::Ran;
using run_test::run;
using tacit_test::Folder;

struct Row {
  double x[4];
  int weight;
  double y;
  std::string part;
};

/// Rows in which three of four features matter, under noise that makes the best penalty neither very small nor very large.
std::vector<Row> noisy_rows() {
  tacit::SplitMix64 random(5);
  const auto uniform = [&] { return static_cast<double>(random.below(2000001)) / 1e6 - 1; };
  std::vector<Row> rows(90);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    Row& r = rows[i];
    for (double& v : r.x) v = uniform();
    r.weight = static_cast<int>(random.below(4));
    r.y = 1.2 * r.x[0] - 0.8 * r.x[1] + 0.4 * r.x[2] + uniform() + uniform();
    r.part = i % 3 == 2 ? "validation" : "train";
  }
  return rows;
}

struct Written {
  std::vector<int> order{0, 1, 2, 3};  // of the features
  double unit = 1;                     // of y
  bool classes = false, repeated = false;
};

std::string table(const std::vector<Row>& rows, const Written& how) {
  std::ostringstream text;
  text.precision(17);
  for (const int j : how.order) text << "x" << j << ",";
  text << "part,w,y\n";
  for (const Row& r : rows) {
    for (int copy = 0; copy < (how.repeated ? r.weight : 1); ++copy) {
      for (const int j : how.order) text << r.x[j] << ",";
      text << r.part << "," << (how.repeated ? 1 : r.weight) << ",";
      if (how.classes)
        text << (r.y > 0 ? "up" : "down") << "\n";
      else
        text << how.unit * r.y << "\n";
    }
  }
  return text.str();
}

struct Tuned {
  std::vector<double> l2;
  std::map<std::string, double> coefficients;
  double intercept = 0;
  int steps = 0;
};

Tuned tune(const Written& how, const std::string& per, const std::string& optimizer = "lbfgs") {
  const Folder folder;
  folder.write("d.csv", table(noisy_rows(), how));
  const std::string config =
      folder.write("c.yaml",
                   "tacit: 1\ndata: {train: d.csv, target: y, weight: w}\nvalidation: {split_column: part}\n"
                   "model: {kind: " +
                       std::string(how.classes ? "logistic" : "ridge") + "}\nhyper: {l2: {per: " + per + "}}\n");
  const Ran r = run({"tune", config, "-q", "--json", "-o", folder.path("run"), "outer.optimizer=" + optimizer});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json result = json::parse(r.out), model = json::parse(std::ifstream(folder.path("run") + "/model.json"));
  const json& l2 = result["best"]["hyperparameters"]["l2"];
  return {l2.is_array() ? l2.get<std::vector<double>>() : std::vector<double>{l2.get<double>()},
          model["coefficients"].get<std::map<std::string, double>>(), model["intercept"].get<double>(),
          result["outer_steps"].get<int>()};
}

void check_same(const Tuned& a, const Tuned& b, double unit = 1) {
  CHECK(a.steps == b.steps);
  REQUIRE(a.l2.size() == b.l2.size());
  for (std::size_t i = 0; i < a.l2.size(); ++i) CHECK(b.l2[i] == doctest::Approx(a.l2[i]).epsilon(1e-8));
  for (const auto& [name, w] : a.coefficients) CHECK(std::abs(b.coefficients.at(name) / unit - w) <= 1e-8);
  CHECK(std::abs(b.intercept / unit - a.intercept) <= 1e-8);
}

/// Makes a folder the working folder while the object lives.
class Inside {
public:
  explicit Inside(const std::string& folder) : before_(std::filesystem::current_path()) { std::filesystem::current_path(folder); }
  ~Inside() { std::filesystem::current_path(before_); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

private:
  std::filesystem::path before_;
};

/// A text column, missing cells, weights, labels as text.
std::string patients() {
  tacit::SplitMix64 random(8);
  const std::vector<std::string> cities{"Oslo", "Rom", "\"Bern, CH\""};
  std::string text = "age,dose (mg),city,weight,outcome\n";
  for (int i = 0; i < 80; ++i) {
    const auto age = static_cast<int>(20 + random.below(60)), dose = static_cast<int>(random.below(100));
    const std::string& city = cities[static_cast<std::size_t>(random.below(3))];
    const bool sick = static_cast<int>(random.below(160)) < age + dose - 20;
    text += (i % 9 == 4 ? "" : std::to_string(age)) + "," + (i % 11 == 6 ? "NA" : std::to_string(dose)) + "," +
            (i % 13 == 7 ? "" : city) + "," + std::to_string(random.below(3)) + "," + (sick ? "sick" : "well") + "\n";
  }
  return text;
}

}  // namespace

namespace {

/// What a run says in --json of the table with its last rows as test rows and all weights times `unit`.
json scores_of(double unit, bool classes) {
  std::vector<Row> rows = noisy_rows();
  for (std::size_t i = 0; i < rows.size(); i += 5) rows[i].part = "test";
  const Folder folder;
  std::ostringstream text;
  text.precision(17);
  text << "x0,x1,x2,x3,part,w,y\n";
  for (const Row& r : rows) {
    for (const double x : r.x) text << x << ",";
    text << r.part << "," << unit * r.weight << "," << (classes ? (r.y > 0 ? 1.0 : 0.0) : r.y) << "\n";
  }
  folder.write("d.csv", text.str());
  const std::string config = folder.write(
      "c.yaml", "tacit: 1\ndata: {train: d.csv, target: y, weight: w}\nvalidation: {split_column: part}\nmodel: {kind: " +
                    std::string(classes ? "logistic" : "ridge") + "}\nhyper: {l2: {start: 1}}\n");
  const Ran r = run({"tune", config, "-q", "--json", "-o", folder.path("run")});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  json all = json::parse(r.out);
  all["intercept_alone"] = json::parse(std::ifstream(folder.path("run") + "/run.json"))["intercept_alone"];
  return all;
}

}  // namespace

TEST_CASE("weights in another unit change no loss, no standard error and no gain") {
  for (const bool classes : {false, true}) {
    CAPTURE(classes);
    const json one = scores_of(1, classes);
    CHECK(one["gain"]["over_start"]["standard_error"].get<double>() > 0);
    CHECK(one["metrics"]["loss_standard_error"].get<double>() > 0);
    for (const double unit : {1000.0, 1e-3}) {
      CAPTURE(unit);
      const json other = scores_of(unit, classes);
      for (const char* block : {"metrics", "test", "gain", "intercept_alone"}) {
        const json a = one[block].flatten(), b = other[block].flatten();
        REQUIRE(a.size() == b.size());
        for (const auto& item : a.items()) {
          const std::string path = item.key();
          const json& value = item.value();
          CAPTURE(std::string(block) + path);
          if (value.is_number())
            CHECK(b[path].get<double>() == doctest::Approx(value.get<double>()).epsilon(1e-6));
          else
            CHECK(b[path] == value);
        }
      }
    }
  }
}

TEST_CASE("what a run gained is the difference of the losses that it reports, and of no others") {
  for (const bool classes : {false, true}) {
    CAPTURE(classes);
    const json j = scores_of(1, classes);
    const json& gain = j["gain"];
    const double loss = j["metrics"]["loss"];
    CHECK(gain["over_intercept"]["mean"].get<double>() ==
          doctest::Approx(j["intercept_alone"]["loss"].get<double>() - loss).epsilon(1e-9));
    CHECK(gain["optimistic"] == true);
    CHECK(gain["start_searched"] == false);
    const json& over = gain["over_start"];
    CHECK(over["mean"].get<double>() > 0);
    CHECK(over["in_standard_errors"].get<double>() ==
          doctest::Approx(over["mean"].get<double>() / over["standard_error"].get<double>()).epsilon(1e-12));
    CHECK(gain["test"]["over_intercept"]["mean"].is_number());
    CHECK(gain["test"]["over_start"]["mean"].is_number());
  }
}

TEST_CASE("properties: weight k is the row k times") {
  for (const bool classes : {false, true}) {
    for (const char* per : {"all", "feature"}) {
      CAPTURE(classes);
      CAPTURE(per);
      check_same(tune({{0, 1, 2, 3}, 1, classes, false}, per), tune({{0, 1, 2, 3}, 1, classes, true}, per));
    }
  }
}

TEST_CASE("properties: features in another order have their penalties in that order") {
  for (const bool classes : {false, true}) {
    CAPTURE(classes);
    Tuned plain = tune({{0, 1, 2, 3}, 1, classes, false}, "feature");
    const std::vector<int> order{2, 0, 3, 1};
    const Tuned permuted = tune({order, 1, classes, false}, "feature");
    CHECK(*std::max_element(plain.l2.begin(), plain.l2.end()) > 2 * *std::min_element(plain.l2.begin(), plain.l2.end()));
    std::vector<double> expected;
    for (const int j : order) expected.push_back(plain.l2[static_cast<std::size_t>(j)]);
    plain.l2 = expected;
    check_same(plain, permuted);
  }
}

TEST_CASE("properties: another unit of the target changes neither the penalties nor the number of outer steps") {
  for (const char* optimizer : {"lbfgs", "gradient-descent", "hoag", "adam"}) {
    for (const char* per : {"all", "feature"}) {
      CAPTURE(optimizer);
      CAPTURE(per);
      const Tuned plain = tune({}, per, optimizer);
      CHECK(plain.steps > 0);
      check_same(plain, tune({{0, 1, 2, 3}, 1e5, false, false}, per, optimizer), 1e5);
      check_same(plain, tune({{0, 1, 2, 3}, 1e-5, false, false}, per, optimizer), 1e-5);
    }
  }
}

namespace {

/// Gradients and Hessian products of a run until its outer loss is at most `loss`: what comes after is spent within rounding.
long work_until(const std::filesystem::path& run, double loss) {
  std::istringstream lines(run_test::read(run / "trace.jsonl"));
  long work = 0;
  for (std::string line; std::getline(lines, line);) {
    const json row = json::parse(line);
    work += row["gradients"].get<long>() + row["hessian_products"].get<long>();
    if (row["outer_loss"].get<double>() <= loss) break;
  }
  return work;
}

}  // namespace

TEST_CASE("properties: every shipped logistic run ends at the loss of tight tolerances throughout, with less work") {
  const Folder folder;
  int runs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(tacit::test::source_dir() + "/configs")) {
    const std::string name = entry.path().stem().string();
    if (name.rfind("logistic", 0) != 0) continue;
    CAPTURE(name);
    const auto tuned = [&](const std::string& schedule) {
      const Ran r =
          run({"tune", entry.path().string(), "-q", "--json", "-o", folder.path(name + schedule), "inner.tolerance=1e-8",
               "hypergradient.tolerance=1e-6", "diagnostics.reference=0", "outer.schedule=" + schedule,
               // Its own tolerance, 1e-6 of a start twice as high, promises less than the 1e-6 of the loss asked below.
               name.ends_with("per_feature") ? "outer.tolerance=1e-7" : "outer.tolerance=1e-4"});
      CAPTURE(r.err);
      REQUIRE(r.code == 0);
      const json result = json::parse(r.out);
      CHECK(result["status"] == "converged");
      return result["best"]["outer_loss"].get<double>();
    };
    const double loss = tuned("adaptive"), tight_loss = tuned("fixed"), near = (1 + 1e-6) * std::max(loss, tight_loss);
    CHECK(std::abs(loss - tight_loss) <= 1e-6 * tight_loss);
    CHECK(work_until(folder.path(name + "adaptive"), near) < work_until(folder.path(name + "fixed"), near));
    ++runs;
  }
  CHECK(runs >= 3);
}

TEST_CASE("properties: a data file goes through init, tune and predict to labels without an edit, and again without a flag") {
  const Folder folder;
  folder.write("d.csv", patients());
  const Inside inside(folder.path());
  const Ran starter = run({"init", "data.train=d.csv"});
  REQUIRE(starter.code == 0);
  folder.write("run.yaml", starter.out);
  for (const char* expected : {"runs/run", "runs/run-2"}) {
    const Ran tuned = run({"tune", "run.yaml", "-q", "--json"});
    CAPTURE(tuned.err);
    REQUIRE(tuned.code == 0);
    CHECK(tacit_test::contains(json::parse(tuned.out)["output"].get<std::string>(), expected));
  }
  const Ran predicted = run({"predict", "runs/run", "d.csv"});
  CAPTURE(predicted.err);
  REQUIRE(predicted.code == 0);
  std::istringstream lines(predicted.out);
  std::string line;
  std::getline(lines, line);
  CHECK(line == "row,prediction,probability_sick,probability_well");
  std::map<std::string, int> labels;
  while (std::getline(lines, line)) ++labels[line.substr(line.find(',') + 1, 4)];
  CHECK(labels.size() == 2);
  CHECK(labels["sick"] + labels["well"] == 80);
}

TEST_CASE("properties: init takes the format from the name of the file, not of its folder") {
  const Folder folder;
  std::filesystem::create_directories(folder.path("old.svm.d"));
  const Ran starter =
      run({"init", "data.train=" + folder.write("old.svm.d/d.csv", "a,b,target\n1,2,3.5\n3,4,5\n2,9,4\n7,1,2\n5,5,1\n4,8,6\n")});
  CHECK(starter.code == 0);
  CHECK(tacit_test::contains(starter.out, "target: target"));
}

TEST_CASE("properties: init of a classifier tells one of several numbers from the rest, the one that is named or the last") {
  const Folder folder;
  std::string csv = "a,b,y\n", svm;
  for (int i = 0; i < 60; ++i) {
    const std::string a = std::to_string(i * 7 % 11), b = std::to_string(i * 5 % 13), y = std::to_string(i % 4 * 5);
    csv += a + "," + b + "," + y + "\n";
    svm += y + " 1:" + a + " 2:" + b + "\n";
  }
  for (const std::string& file : {folder.write("d.csv", csv), folder.write("d.svm", svm)}) {
    const Ran last = run({"init", "logistic", "data.train=" + file});
    CAPTURE(last.err);
    CHECK(last.code == 0);
    CHECK(tacit_test::contains(last.out, "positive: \"15\""));
    const Ran named = run({"init", "logistic", "data.train=" + file, "model.positive=5"});
    CAPTURE(named.err);
    CHECK(named.code == 0);
    CHECK(tacit_test::contains(named.out, "positive: 5"));
    const std::string config = folder.write("r.yaml", named.out);
    CHECK(
        run({"tune", config, "-q", "-o", folder.path("r-" + std::to_string(file.size()) + file.substr(file.size() - 3))}).code ==
        0);
  }
}

TEST_CASE("properties: predict finds columns by name, whatever else the file holds, and names the one that is not there") {
  const Folder folder;
  folder.write("d.csv", "a,b,y\n1,5,2\n2,3,3\n3,8,1\n4,1,6\n5,2,4\n6,9,5\n");
  const std::string config = folder.write("c.yaml", "tacit: 1\ndata: {train: d.csv}\nmodel: {kind: ridge}\n"),
                    model = folder.path("run");
  REQUIRE(run({"tune", config, "-q", "-o", model}).code == 0);
  const Ran plain = run({"predict", model, folder.path("d.csv")});
  REQUIRE(plain.code == 0);
  // a number among the names must not make the header a row
  const std::string other = folder.write("other.csv", "b,2020,a\n5,9,1\n3,9,2\n8,9,3\n1,9,4\n2,9,5\n9,9,6\n");
  CHECK(run({"predict", model, other}).out == plain.out);
  CHECK(run({"predict", model + "/model.json", other}).out == plain.out);
  const Ran missing = run({"predict", model, folder.write("less.csv", "a,B\n1,2\n")});
  CHECK(missing.code == 3);
  CHECK(tacit_test::contains(missing.err, "there is no column 'b'"));
  CHECK(tacit_test::contains(missing.err, "did you mean 'B'?"));
}

TEST_CASE("properties: a run with a fixed penalty and nothing to tune fits the model") {
  const Folder folder;
  folder.write("d.csv", table(noisy_rows(), {}));
  const std::string config = folder.write("c.yaml",
                                          "tacit: 1\ndata: {train: d.csv, target: y}\nvalidation: {split_column: part}\n"
                                          "model: {kind: ridge}\nhyper: {l2: {fix: 0.01}}\n");
  for (const char* estimator : {"auto", "implicit-direct", "full-unroll", "finite-difference"}) {
    const std::string out = folder.path(std::string("run-") + estimator);
    const Ran r = run({"tune", config, "-q", "-o", out, std::string("hypergradient.estimator=") + estimator});
    CAPTURE(estimator);
    CAPTURE(r.err);
    CHECK(r.code == 0);
    CHECK(std::filesystem::exists(out + "/model.json"));
  }
}

TEST_CASE("properties: a weight column chosen by its number has its name in elsewhere.py") {
  const Folder folder;
  folder.write("d.csv", table(noisy_rows(), {}));
  const std::string config =
      folder.write("c.yaml",
                   "tacit: 1\ndata: {train: d.csv, target: y, weight: 6}\nvalidation: {split_column: part}\n"
                   "model: {kind: ridge}\nouter: {max_steps: 1}\n");
  const Ran r = run({"tune", config, "-q", "-o", folder.path("run")});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  std::ifstream script(folder.path("run") + "/elsewhere.py");
  CHECK(tacit_test::contains({std::istreambuf_iterator<char>(script), {}}, "WEIGHT = \"w\""));
}

TEST_CASE("properties: init leaves rows out whose target is missing, so that its run file runs") {
  const Folder folder;
  const std::string data = folder.write("d.csv", "a,b,y\n1,5,2\n2,,3\n3,8,\n4,1,6\n5,2,4\n6,9,5\n7,1,3\n");
  const Ran starter = run({"init", "data.train=" + data});
  REQUIRE(starter.code == 0);
  CHECK(tacit_test::contains(starter.out, "missing: drop-row"));
  const Ran checked = run({"check", folder.write("run.yaml", starter.out)});
  CAPTURE(checked.err);
  CHECK(checked.code == 0);
}
