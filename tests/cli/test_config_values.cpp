// What good run files say, in all the forms that are allowed.
#include <algorithm>
#include <clocale>
#include <filesystem>
#include <locale>

#include <doctest/doctest.h>

#include "config_support.hpp"

using namespace tacit;
using config_test::catalog;
using config_test::errors;
using config_test::kGood;
using config_test::read;

TEST_CASE("run file: defaults are those of the manual") {
  const RunConfig c = read(kGood);
  CHECK(c.run_name == "run");
  CHECK(c.data.train.path == "/data/a.csv");
  CHECK_FALSE(c.data.target.text.has_value());
  CHECK_FALSE(c.data.features.names.has_value());
  CHECK(c.data.missing_values == std::vector<std::string>{"", "NA", "NaN", "?"});
  CHECK(c.validation.fraction == 0.25);
  CHECK(c.model.kind == "ridge");
  CHECK(c.hyper.at("l2").start.is_auto());
  CHECK_FALSE(c.hyper.at("l2").fixed());
  CHECK(c.inner.solver == "auto");
  CHECK(c.inner.start.number == 0);
  CHECK(c.outer.optimizer == "lbfgs");
  CHECK(c.outer.tolerance == 1e-4);
  CHECK(c.diagnostics.warn_error == 0.1);
  CHECK_FALSE(c.diagnostics.fail_error.has_value());
  CHECK(c.limits.threads.is_auto());
  CHECK(c.output.checkpoint.seconds == 30);
}

TEST_CASE("run file: every form of a value") {
  const RunConfig c = read(R"(tacit: 1
name: "010"
seed: +7
data:
  train: ../x/a.csv
  target: 3
  features: [age, "bmi*", no]
  drop: []
  feature_groups: {body: [bmi, bp], rest: ["s?"]}
  missing_values: [null, ~, -9, ""]
  test: 0.5
prepare: {standardize: false}
model: {kind: logistic, positive: no, class_weight: {no: 2, "yes": .5}}
hyper:
  l2: {start: {bmi: 1, bp: 2.5}, range: [1e-4, 1.0e+2], per: feature}
inner: {solver: gradient-descent, start: [1, -2], step: 0.5, tolerance: 0, warm_start: false}
hypergradient: {estimator: truncated-unroll, window: all, stride: auto}
diagnostics: {warn_error: null, fail_error: 0.5}
limits: {time: 1.5h, memory: 2GiB, threads: 3}
output: {checkpoint: null}
)");
  CHECK(c.run_name == "010");
  CHECK(c.seed == 7);
  CHECK(c.data.train.path == "/x/a.csv");
  CHECK(c.data.target.text == "3");
  CHECK(c.data.features.names == std::vector<std::string>{"age", "bmi*", "no"});
  CHECK(c.data.missing_values == std::vector<std::string>{"null", "~", "-9", ""});
  REQUIRE(c.data.feature_groups.groups.size() == 2);
  CHECK(c.data.feature_groups.groups[1].second == std::vector<std::string>{"s?"});
  CHECK(c.data.test.fraction == 0.5);
  CHECK(c.prepare.standardize.value == false);
  CHECK(c.model.positive.text == "no");
  CHECK(c.model.class_weight.weights == std::vector<std::pair<std::string, double>>{{"no", 2}, {"yes", 0.5}});
  CHECK(c.hyper.at("l2").start.named == std::vector<std::pair<std::string, double>>{{"bmi", 1}, {"bp", 2.5}});
  CHECK(c.hyper.at("l2").range.bounds == std::pair(1e-4, 1e2));
  CHECK(c.hyper.at("l2").per == "feature");
  CHECK(c.inner.start.list == std::vector<double>{1, -2});
  CHECK_FALSE(c.inner.warm_start);
  CHECK_FALSE(c.diagnostics.warn_error.has_value());
  CHECK(c.limits.time.seconds == 5400);
  CHECK(c.limits.memory.bytes == 2147483648.0);
  CHECK(c.limits.threads == Count::of(3));
  CHECK_FALSE(c.output.checkpoint.seconds.has_value());

  config_test::Descent solver;
  c.inner.configure(solver);
  CHECK(solver.step == 0.5);
  CHECK(solver.tolerance == 0);
  CHECK(solver.max_steps == 1000);
  config_test::Truncated estimator;
  c.hypergradient.configure(estimator);
  CHECK(estimator.window.is_all());
  CHECK(estimator.stride.is_auto());
}

TEST_CASE("run file: forms of hyperparameters and of the start") {
  CHECK(read(kGood + "hyper: {l2: {start: 0.5}}\n").hyper.at("l2").start.number == 0.5);
  CHECK(read(kGood + "hyper: {l2: {start: [1, 2]}}\n").hyper.at("l2").start.list == std::vector<double>{1, 2});
  CHECK(read(kGood + "hyper: {l2: {start: old/hyper.csv}}\n").hyper.at("l2").start.file == "/data/old/hyper.csv");
  const RunConfig fixed = read(kGood + "hyper: {l2: {fix: 0}}\n");
  CHECK(fixed.hyper.at("l2").fixed());
  CHECK(fixed.hyper.at("l2").fix.number == 0);
  CHECK(read(kGood + "inner: {start: ../x0.txt}\n").inner.start.file == "/x0.txt");
  CHECK(read(kGood + "inner: {start: -0.5}\n").inner.start.number == -0.5);
  CHECK(read(kGood + "hyper: {l2: {start: .csv}}\n", {"hyper.l2.start=2"}).hyper.at("l2").start.number == 2);
}

TEST_CASE("run file: under auto the keys of every candidate are allowed, and reach the one that has them") {
  const RunConfig c = read(kGood + "hypergradient: {estimator: auto, window: 7, max_steps: 30}\n");
  config_test::Cg cg;
  c.hypergradient.configure(cg);
  CHECK(cg.max_steps == 30);
  config_test::Truncated truncated;
  c.hypergradient.configure(truncated);
  CHECK(truncated.window == Count::of(7));
  CHECK(truncated.stride == Count::of(1));
}

TEST_CASE("run file: an argument is typed by its key, the last one wins, and its paths start at the working folder") {
  const RunConfig c =
      read(kGood + "seed: 1\nname: x\n",
           {"seed=2", "seed=3", "name=010", "data.target=a: b # c", "data.drop=[a, \"b c\"]", "inner.solver=gradient-descent",
            "inner.max_steps=5", "data.features=[\"*x\"]", "hyper={l2: {fix: 2}}", "data.train=b.csv", "limits.time=null"});
  CHECK(c.seed == 3);
  CHECK(c.run_name == "010");
  CHECK(c.data.target.text == "a: b # c");
  CHECK(c.data.drop == std::vector<std::string>{"a", "b c"});
  CHECK(c.data.features.names == std::vector<std::string>{"*x"});
  CHECK(c.hyper.at("l2").fix.number == 2);
  CHECK(c.data.train.path == (std::filesystem::current_path() / "b.csv").string());
  config_test::Descent solver;
  c.inner.configure(solver);
  CHECK(solver.max_steps == 5);
  // What an argument replaces is no longer an error of the file.
  CHECK(errors(kGood + "seed: many\n", {"seed=1"}).empty());
}

TEST_CASE("run file: numbers do not hang on the locale") {
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  const std::locale before = std::locale::global(std::locale(std::locale::classic(), new Comma));
  const std::string c_before = std::setlocale(LC_ALL, nullptr);
  std::setlocale(LC_ALL, "de_DE.UTF-8");  // where it is installed
  const std::string text = kGood + "seed: 123456\nouter: {tolerance: 0.5}\nhyper: {l2: {start: 1234.5}}\n";
  const RunConfig c = read(text);
  const std::string yaml = to_yaml(c, catalog());
  const std::string wrong = errors(kGood + "outer:\n  tolerance: 0,5\nseed: 1234567.5\n");
  std::setlocale(LC_ALL, c_before.c_str());
  std::locale::global(before);
  CHECK(c.outer.tolerance == 0.5);
  CHECK(yaml == to_yaml(read(text), catalog()));
  CHECK(yaml.find("start: 1234.5\n") != std::string::npos);
  CHECK(yaml.find("seed: 123456\n") != std::string::npos);
  CHECK(wrong.find("run.yaml:4:14") != std::string::npos);
  CHECK(wrong.find("write a decimal point: 0.5") != std::string::npos);
}

TEST_CASE("run file: an error of a later stage finds its key") {
  const RunConfig c = read(kGood + "inner:\n  solver: cholesky\n", {"hypergradient.estimator=full-unroll"});
  const Issue at_file = c.issue_of(UsageError("they do not go together", "inner.solver"));
  CHECK(at_file.line == 4);
  CHECK(at_file.column == 11);
  CHECK(at_file.source_line == "  solver: cholesky");
  CHECK(c.issue_of(UsageError("no", "hypergradient.estimator")).argument);
  // A key that was not given: the block above it, or the file alone.
  CHECK(c.issue_of(UsageError("no", "inner.max_steps")).line == 3);
  CHECK(c.issue_of(UsageError("no", "outer.step")).line == 0);
  CHECK(c.issue_of(UsageError("no", "outer.step")).file == "run.yaml");
}

TEST_CASE("run file: an alias bomb and a flood of keys end at once, with as many errors as anybody reads") {
  std::string bomb = kGood + "a: &a [x, x, x, x, x, x, x, x, x]\n";
  for (char name = 'b'; name <= 'z'; ++name) {
    const std::string last = std::string("*") + static_cast<char>(name - 1);
    bomb += std::string(1, name) + ": &" + name + " [" + last;
    for (int i = 0; i < 8; ++i) bomb += ", " + last;
    bomb += "]\n";
  }
  CHECK(errors(bomb).find("error[E106]: an anchor ('&name') is not used in run files") == 0);
  std::string flood = kGood;
  for (int i = 0; i < 20000; ++i) flood += "key" + std::to_string(i) + ": 1\n";
  try {
    read(flood);
    FAIL("no error");
  } catch (const RunFileError& e) {
    CHECK(e.issues().size() == kMaxIssues);
  }
  std::string deep(1000, '[');
  CHECK(errors(deep).find("error[E108]: more than 40 levels of brackets or blocks") == 0);
  CHECK(errors(std::string(2u << 20, ' ')).find("error[E108]: the file has more than 1 MiB: it is no run file") == 0);
  CHECK(errors(kGood + "name: \xFF\xFE\n").find("3 | name: ??") != std::string::npos);
}

TEST_CASE("run file: files that cannot be read") {
  const auto what = [](const std::string& path) -> std::string {
    try {
      load_run_file(path, {}, catalog());
    } catch (const RunFileError& e) {
      return render(e.issues().front());
    }
    return {};
  };
  CHECK(what("no/such.yaml") ==
        "error[E101]: the run file cannot be read: No such file or directory\n --> no/such.yaml\n  = help: check the path; "
        "`tacit init` prints a starter run file\n");
  CHECK(what("/tmp").find("error[E101]: the run file is a folder") == 0);
}

TEST_CASE("run file: the keys of a strategy are read once, into the strategy that everything else uses") {
  const RunConfig c = read(kGood +
                           "inner: {solver: gradient-descent, step: 0.5, max_steps: 7}\n"
                           "hypergradient: {estimator: truncated-unroll, window: all}\nouter: {optimizer: adam, step: 2}\n");
  auto* solver = dynamic_cast<config_test::Descent*>(c.inner.strategy.get());
  auto* estimator = dynamic_cast<config_test::Truncated*>(c.hypergradient.strategy.get());
  auto* optimizer = dynamic_cast<config_test::Adam*>(c.outer.strategy.get());
  REQUIRE(solver);
  REQUIRE(estimator);
  REQUIRE(optimizer);
  CHECK(solver->step == 0.5);
  CHECK(solver->max_steps == 7);
  CHECK(solver->tolerance == 1e-8);
  CHECK(estimator->window.is_all());
  CHECK(optimizer->step == 2);
  CHECK(RunConfig(c).inner.strategy == c.inner.strategy);
  CHECK(c.inner.options.empty());
  // What the object says is what is written and what a fresh one gets.
  solver->max_steps = 9;
  estimator->window = Count::of(3);
  const std::string yaml = to_yaml(c, config_test::catalog());
  CHECK(yaml.find("max_steps: 9\n") != std::string::npos);
  CHECK(yaml.find("window: 3\n") != std::string::npos);
  config_test::Descent fresh;
  c.inner.configure(fresh);
  CHECK(fresh.max_steps == 9);
  CHECK(fresh.step == 0.5);
  // A block that is not there has its strategy too; under auto there is none yet.
  const RunConfig bare = read(kGood);
  CHECK(bare.outer.strategy);
  CHECK_FALSE(bare.inner.strategy);
  CHECK(bare.hypergradient.aims());
  CHECK_FALSE(c.hypergradient.aims());
  estimator->window = Count::automatic();
  CHECK(c.hypergradient.aims());
}

TEST_CASE("run file: a strategy taken in place of auto gets what was given for it") {
  RunConfig c = read(kGood + "inner: {step: 0.25, tolerance: 0.5}\n");
  CHECK(c.inner.options.size() == 2);
  c.inner.choose("gradient-descent", "inner", config_test::catalog());
  CHECK(c.inner.solver == "gradient-descent");
  CHECK(c.inner.options.empty());
  const auto* solver = dynamic_cast<config_test::Descent*>(c.inner.strategy.get());
  REQUIRE(solver);
  CHECK(solver->step == 0.25);
  CHECK(solver->tolerance == 0.5);
  CHECK(to_yaml(c, config_test::catalog()).find("  solver: gradient-descent\n") != std::string::npos);
}

TEST_CASE("run file: hyperparameters are a list of blocks by the names that the models have") {
  const RunConfig c = read(kGood);
  std::vector<std::string> names;
  for (const auto& named : c.hyper.entries) names.push_back(named.name);
  for (const ModelKind& kind : model_kinds()) {
    CAPTURE(kind.name);
    for (const std::string& name : kind.hyper) CHECK(std::count(names.begin(), names.end(), name) == 1);
    RunConfig of = c;
    of.model.kind = kind.name;
    CHECK(&of.penalty() == &of.hyper.at(kind.hyper.front()));
    CHECK(of.penalty_key("start") == "hyper." + kind.hyper.front() + ".start");
    // Every block that the kind has can be given, none of the others.
    for (const std::string& name : names) {
      if (!kind.available()) continue;
      const std::string text = kGood + "model: {kind: " + kind.name + "}\nhyper: {" + name + ": {start: 0.5}}\n";
      if (kind.has(name))
        CHECK(read(text).hyper.at(name).start.number == 0.5);
      else
        CHECK(config_test::errors(text).find("error[E205]: 'hyper." + name + "' is not used") == 0);
    }
  }
  CHECK(names.size() >= 2);
  CHECK_THROWS(c.hyper.at("nothing"));
}
