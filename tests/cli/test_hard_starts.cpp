// Data and settings at which there is little or nothing to differentiate: a start that cannot be solved, gradients that are
// rounding alone, a target without spread. check and tune end with a sentence, never in a crash or in nonsense.
#include <doctest/doctest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "run_support.hpp"

namespace {

using nlohmann::json;
using run_test::Folder;
using run_test::Ran;
using run_test::run;

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

/// Balanced XOR cells of five rows in given units, twice: the gradient at zero coefficients is nothing but rounding.
std::string xor_rows(double unit, double shift, bool labels) {
  std::ostringstream text;
  text.precision(17);
  text << "a,b,y,part\n";
  for (int i = 0; i < 40; ++i) {
    const int a = i % 2, b = i / 2 % 2;
    text << unit * a + shift << "," << unit * b - shift << ",";
    if (labels)
      text << (a == b ? "same" : "other");
    else
      text << (a == b ? 0.1 : -0.1);
    text << "," << (i < 20 ? "train" : "validation") << "\n";
  }
  return text.str();
}

std::string run_file(const std::string& kind, const std::string& rest = "") {
  return "tacit: 1\ndata: {train: d.csv, target: y}\nvalidation: {split_column: part}\nmodel: {kind: " + kind + "}\n" + rest;
}

/// Rows whose target is `train` on the training rows and `other` on the rest; NaN: noise.
std::string constant_rows(double train, double other) {
  std::ostringstream text;
  text.precision(17);
  text << "a,b,w,y,part\n";
  for (int i = 0; i < 45; ++i) {
    const double y = i % 3 == 2 ? other : train;
    text << std::sin(1.7 * i) << "," << std::cos(2.9 * i) << "," << 0.1 + i % 7 << "," << (std::isnan(y) ? std::sin(5.0 * i) : y)
         << "," << (i % 3 == 2 ? "validation" : "train") << "\n";
  }
  return text.str();
}

}  // namespace

TEST_CASE("check --gradient: a start that cannot be solved is refused with a sentence and exit code 4") {
  const Folder f("no-start");
  const std::string ridge = tacit::test::source_dir() + "/configs/ridge_diabetes.yaml";
  for (const std::vector<std::string>& more : {std::vector<std::string>{},
                                               {"hypergradient.estimator=full-unroll"},
                                               {"hypergradient.estimator=neumann"},
                                               {"hyper.l2.per=feature"},
                                               {"hypergradient.estimator=forward", "--json"}}) {
    std::vector<std::string> arguments{"check", ridge, "inner.step=100", "--gradient"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const Ran r = run(arguments);
    CAPTURE(r.err);
    CHECK(r.code == 4);
    if (!more.empty() && more.back() == "--json")
      CHECK(json::parse(r.out).at("errors").at(0).at("code") == "E401");
    else
      CHECK(r.out.empty());
    CHECK(r.err.find("error[E401]: the start is no usable point: the inner iteration is not finite") != std::string::npos);
    CHECK(r.err.find("run folder") == std::string::npos);  // a check leaves none
  }
}

TEST_CASE(
    "tune with a grid or random points goes on past penalties at which gradient descent diverges, and fails where it always "
    "does") {
  const Folder f("wall");
  // With the penalties as strong as the upper end of the range this step is too long.
  write(f.path / "c.yaml", "tacit: 1\ndata: {train: " + tacit::test::source_dir() +
                               "/data/diabetes.csv, target: target, test: 0.2}\nvalidation: {scheme: holdout}\n"
                               "inner: {solver: gradient-descent, step: 0.05}\nouter: {max_steps: 9}\n");
  for (const std::string optimizer : {"outer.optimizer=grid", "outer.optimizer=random"}) {
    CAPTURE(optimizer);
    const auto with = [&](const char* range) {
      return run({"tune", (f.path / "c.yaml").string(), optimizer, range, "seed=12", "--json", "-q", "-o",
                  (f.path / "run").string(), "--force"});
    };
    const Ran some = with("hyper.l2.range=[1e-3, 1e3]");
    CAPTURE(some.err);
    REQUIRE(some.code == 0);
    const json record = json::parse(run_test::read(f.path / "run/run.json"));
    CHECK(record["status"] == "budget");
    CHECK(record["outer_steps"] == 8);
    CHECK(record["start_loss"].is_null());
    CHECK(record["gain"]["over_start"].is_null());
    CHECK(record["gain"]["test"]["over_start"].is_null());
    CHECK(record["gain"]["over_intercept"]["mean"].get<double>() > 0);
    std::istringstream lines(run_test::read(f.path / "run/trace.jsonl"));
    double least = HUGE_VAL;
    std::size_t rows = 0, without = 0;
    for (std::string line; std::getline(lines, line); ++rows) {
      const json row = json::parse(line);
      if (rows == 0) CHECK_FALSE(row.contains("outer_loss"));
      if (row.contains("outer_loss"))
        least = std::min(least, row["outer_loss"].get<double>());
      else
        ++without;
    }
    CHECK(rows == 9);
    CHECK(without < 9);
    CHECK(record["best"]["outer_loss"].get<double>() == doctest::Approx(least).epsilon(1e-9));
    CHECK(run_test::read(f.path / "run/report.html").find(" from nan") == std::string::npos);
    const Ran none = with("hyper.l2.range=[200, 1e3]");
    CHECK(none.code == 4);
    run_test::has(none.err,
                  "error[E401]: none of the 9 points has a finite loss; of the first one: the inner iteration is not finite");
    const json failed = json::parse(run_test::read(f.path / "run/run.json"));
    CHECK(failed["status"] == "failed");
    CHECK(failed["best"].is_null());
  }
}

TEST_CASE("check --gradient and tune: gradients that are rounding alone end in a result or a sentence") {
  const Folder f("rounding");
  struct Case {
    double unit, shift;
  };
  for (const Case& c : {Case{1, 0}, {0.1, 0.3}, {1e6, 1 / 3.0}, {1e-9, 1e-3}, {0, 0}}) {
    for (const char* kind : {"logistic", "ridge"}) {
      write(f.path / "d.csv", xor_rows(c.unit, c.shift, std::string(kind) == "logistic"));
      write(f.path / "c.yaml", run_file(kind));
      for (const char* more : {"hyper.l2.start=0.01", "hyper.l2.start=auto", "hyper.l2.per=feature", "inner.solver=newton",
                               "inner.solver=gradient-descent", "model.intercept=false", "prepare.standardize=false"}) {
        CAPTURE(c.unit);
        CAPTURE(kind);
        CAPTURE(more);
        const std::string config = (f.path / "c.yaml").string(), quiet = "hyper.l2.range=[1e-6,1e3]";
        const Ran checked = run({"check", config, more, quiet, "--gradient", "--json"});
        CAPTURE(checked.err);
        CHECK((checked.code == 0 || checked.code == 4));
        if (checked.code == 0) CHECK(json::parse(checked.out).at("relative_error").is_number());
        const Ran tuned = run({"tune", config, more, quiet, "--json", "-q", "-o", (f.path / "run").string(), "--force"});
        CAPTURE(tuned.err);
        CHECK((tuned.code == 0 || tuned.code == 4));
        if (tuned.code == 4) CHECK(tuned.err.find("error[E401]: ") != std::string::npos);
      }
    }
  }
}

TEST_CASE("a constant target is said, on all rows or on the training rows alone, and a wider range is not the advice") {
  const Folder f("constant-target");
  const double noise = std::nan("");
  struct Case {
    double train, other;
    const char* says;
  };
  for (const Case& c : {Case{5, 5, "the target is 5 in every row"},
                        {0.1, 0.1, "the target is 0.1 in every row"},
                        {-1e6, -1e6, "the target is -1e+06 in every row"},
                        {0, 0, "the target is 0 in every row"},
                        {0.3, noise, "the target is 0.3 in all 30 training rows, though not in the others"}}) {
    write(f.path / "d.csv", constant_rows(c.train, c.other));
    write(f.path / "c.yaml", run_file("ridge"));
    for (const char* more : {"data.drop=[w]", "data.weight=w", "hyper.l2.start=0.1", "hyper.l2.per=feature"}) {
      CAPTURE(c.says);
      CAPTURE(more);
      const std::string config = (f.path / "c.yaml").string();
      const Ran r = run({"tune", config, more, "-o", (f.path / "run").string(), "--force"});
      CAPTURE(r.err);
      CHECK(r.code == 0);
      CHECK(r.err.find(std::string("warning[W202] data: ") + c.says) != std::string::npos);
      CHECK(r.err.find("W310") == std::string::npos);
      CHECK(r.out.find("nan") == std::string::npos);
      CHECK((r.out.find("r2 undefined") != std::string::npos) == !std::isnan(c.other));
      const std::string page = run_test::read(f.path / "run/report.html");
      CHECK((page.find("r2 undefined") != std::string::npos) == !std::isnan(c.other));
      CHECK(page.find("class=\"verdict good\"") == std::string::npos);
      const Ran checked = run({"check", config, more, "--gradient"});
      CAPTURE(checked.out);
      CHECK(checked.code == 0);
      CHECK(checked.out.find("passed") != std::string::npos);
      CHECK(checked.err.find("W202") != std::string::npos);
      CHECK(run({"check", config, more}).err.find("W202") != std::string::npos);
    }
  }
  write(f.path / "d.csv", constant_rows(noise, 5));  // the validation rows alone: there is something to learn
  CHECK(run({"tune", (f.path / "c.yaml").string(), "-o", (f.path / "run").string(), "--force"}).err.find("W202") ==
        std::string::npos);
}

TEST_CASE("test rows are scored with the model that is left, validation rows with the one that was tuned") {
  const Folder f("scored-model");
  for (const bool classes : {false, true}) {
    CAPTURE(classes);
    std::ostringstream all, test;
    all << "a,b,c,y,part\n";
    test << "a,b,c\n";
    std::vector<double> target;
    for (int i = 0; i < 60; ++i) {
      const double a = std::sin(1.3 * i), b = std::cos(2.1 * i), c = std::sin(0.7 * i * i), y = a - 0.5 * b + std::sin(9.1 * i);
      const char* part = i % 3 == 0 ? "train" : i % 3 == 1 ? "validation" : "test";
      all << a << "," << b << "," << c << ",";
      if (classes)
        all << (y > 0 ? "yes" : "no");
      else
        all << y;
      all << "," << part << "\n";
      if (i % 3 != 2) continue;
      test << a << "," << b << "," << c << "\n";
      target.push_back(y);
    }
    write(f.path / "d.csv", all.str());
    write(f.path / "test.csv", test.str());
    write(f.path / "c.yaml", run_file(classes ? "logistic" : "ridge"));
    json result[2];
    for (const bool refit : {false, true}) {
      CAPTURE(refit);
      const std::string folder = (f.path / (refit ? "refit" : "tuned")).string();
      const Ran r = run({"tune", (f.path / "c.yaml").string(), refit ? "outer.refit=true" : "outer.refit=false",
                         "output.predictions=true", "hyper.l2.start=0.1", "--json", "-q", "-o", folder, "--force"});
      CAPTURE(r.err);
      REQUIRE(r.code == 0);
      result[refit] = json::parse(r.out);
      const Ran predicted = run({"predict", folder, (f.path / "test.csv").string()});
      REQUIRE(predicted.code == 0);
      std::istringstream lines(predicted.out);
      std::string line;
      std::getline(lines, line);
      double sum = 0;
      for (const double y : target) {
        REQUIRE(std::getline(lines, line));
        const double last = std::stod(line.substr(line.rfind(',') + 1));  // the prediction, or the probability of yes
        sum += classes ? -std::log(y > 0 ? last : 1 - last) : 0.5 * (last - y) * (last - y);
      }
      // The targets were written with six digits.
      CHECK(result[refit].at("test").at("loss").get<double>() ==
            doctest::Approx(sum / static_cast<double>(target.size())).epsilon(1e-4));
    }
    // What was gained over the start is against a model refitted in the same way, where there is a refit.
    for (const bool refit : {false, true}) {
      CAPTURE(refit);
      const Ran r =
          run({"tune", (f.path / "c.yaml").string(), refit ? "outer.refit=true" : "outer.refit=false", "outer.max_steps=0",
               "hyper.l2.start=0.1", "--json", "-q", "-o", (f.path / "start").string(), "--force"});
      REQUIRE(r.code == 0);
      const json start = json::parse(r.out);
      for (const bool on_test : {false, true}) {
        const char* block = on_test ? "test" : "metrics";
        const json& gain = on_test ? result[refit]["gain"]["test"] : result[refit]["gain"];
        CHECK(gain["over_start"]["mean"].get<double>() ==
              doctest::Approx(start[block]["loss"].get<double>() - result[refit][block]["loss"].get<double>()).epsilon(1e-5));
        CHECK(gain["over_start"]["mean"].get<double>() != 0);
        CHECK((on_test ? start["gain"]["test"] : start["gain"])["over_start"]["mean"] == 0.0);
      }
    }
    // The refit changes the model of the test rows, and nothing of what the validation rows say.
    CHECK(std::abs(result[1]["test"]["loss"].get<double>() / result[0]["test"]["loss"].get<double>() - 1) > 1e-3);
    CHECK(result[1]["metrics"] == result[0]["metrics"]);
    CHECK(result[1]["gain"]["over_start"] == result[0]["gain"]["over_start"]);
    CHECK(run_test::read(f.path / "refit/predictions.csv") == run_test::read(f.path / "tuned/predictions.csv"));
  }
}
