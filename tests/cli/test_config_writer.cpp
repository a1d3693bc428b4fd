// The resolved configuration, the schema, the manual and the starter files: all from the same list of fields.
#include <filesystem>
#include <fstream>
#include <set>

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/describe.hpp>
#include <tacit/cli/verbs/schema.hpp>
#include <tacit/cli/verbs/starter.hpp>

#include "config_support.hpp"
#include "paths.hpp"

using namespace tacit;
using config_test::catalog;
using config_test::errors;
using config_test::kGood;
using config_test::read;

TEST_CASE("resolved configuration: reading it again gives the same") {
  const std::vector<std::string> bodies = {
      "",
      "name: \"a: \\\"b\\\"\\t\"\nseed: 9007199254740993\n",
      "outer: {tolerance: 0.1234567890123456789, optimizer: adam, step: 1e-300}\n",
      "hyper: {l2: {start: {\"a b\": 0.1, \"x, y\": 3}, range: [1.2345678901234567e-5, 1e22]}}\n",
      "hyper: {l2: {fix: [0, 0.1]}}\n",
      "hyper: {l2: {start: old.csv, per: feature}}\n",
      "inner: {solver: gradient-descent, step: 0.1, max_steps: 7, start: [1, 2.5]}\nhypergradient: {estimator: truncated-unroll, "
      "window: all}\n",
      "hypergradient: {estimator: auto, window: 9, max_steps: 3, accuracy: 0.5}\n",
      "model: {kind: logistic, positive: \"auto\", class_weight: {\"yes\": 2, 1: 0.5}}\n",
      "validation: {scheme: files, file: v.csv, target: \"null\"}\nlimits: {time: 5min, memory: 1GiB, threads: 2}\n",
      "diagnostics: {warn_error: null, fail_error: 0.25}\noutput: {dir: \"out/{name} x\", checkpoint: null}\n",
      "compare: {reference: implicit-cg, estimators: [{label: \"x: y\", estimator: implicit-cg, inner: {warm_start: false}}], "
      "sweep: {inner.max_steps: [1, 2]}}\n",
      "curve: {starts: [0, 5], variable: log}\n",
  };
  for (const std::string& body : bodies) {
    CAPTURE(body);
    const RunConfig first = read(kGood + body);
    const std::string yaml = to_yaml(first, catalog());
    // Another file name, another folder: the name is written out, paths are absolute.
    const RunConfig second = read_run_text("config.resolved.yaml", yaml, "/elsewhere", {}, catalog());
    CHECK(to_yaml(second, catalog()) == yaml);
    CHECK(second.run_name == first.run_name);
    CHECK(second.seed == first.seed);
    CHECK(second.outer.tolerance == first.outer.tolerance);
    CHECK(second.hyper.at("l2").range.bounds == first.hyper.at("l2").range.bounds);
    CHECK(second.hyper.at("l2").start.named == first.hyper.at("l2").start.named);
    CHECK(second.model.positive.text == first.model.positive.text);
    CHECK(second.validation.target.text == first.validation.target.text);
  }
}

TEST_CASE("resolved configuration: the whole of a small one") {
  const std::string yaml =
      to_yaml(read("tacit: 1\ndata: {train: /d/a.csv, target: y}\ninner: {solver: gradient-descent, max_steps: 7}\n"
                   "hypergradient: {estimator: implicit-cg}\nmodel: {intercept: false}\n"),
              catalog());
  CHECK(yaml == R"(tacit: 1
name: run
seed: 0
data:
  train: /d/a.csv
  format: auto
  target: "y"
  features: all
  drop: []
  categorical: auto
  feature_groups: null
  weight: null
  group: null
  header: auto
  skip_rows: 0
  delimiter: auto
  decimal: "."
  missing: error
  missing_values: ["", NA, "NaN", "?"]
  unpack_ratio: 200
  test: null
prepare:
  standardize: auto
validation:
  scheme: auto
  fraction: 0.25
  folds: 5
  repeats: 1
  outer_folds: 0
  file: null
  loss: auto
  stratify: auto
  split_column: null
model:
  kind: ridge
  intercept: false
  reduction: mean
hyper:
  l2:
    start: auto
    range: auto
    per: all
inner:
  solver: gradient-descent
  start: 0
  response: solution
  warm_start: true
  tolerance: 1.0e-08
  max_steps: 7
  step: auto
hypergradient:
  estimator: implicit-cg
  max_steps: 200
  warm_start: true
  preconditioner: auto
outer:
  optimizer: lbfgs
  max_steps: 50
  tolerance: 1.0e-04
  schedule: auto
  select: best
  metric: null
  patience: null
  refit: true
diagnostics:
  reference: 5
  audit: 0
  warn_error: 0.1
  level: full
  fail_error: null
limits:
  time: null
  memory: null
  threads: auto
output:
  dir: "runs/{name}"
  predictions: false
)");
}

TEST_CASE("schema: closed, every key with a text, a strategy's keys tied to its name") {
  const nlohmann::json schema = nlohmann::json::parse(json_schema(catalog()));
  CHECK(schema["additionalProperties"] == false);
  CHECK(schema["required"] == nlohmann::json::array({"tacit", "data"}));
  const nlohmann::json& properties = schema["properties"];
  for (const KeyInfo& k : list_keys(RunConfig{}, catalog(), Listed::all)) {
    CAPTURE(k.path);
    std::string pointer = "/" + k.path;
    for (std::size_t i = pointer.find('.'); i != std::string::npos; i = pointer.find('.', i))
      pointer.replace(i, 1, "/properties/");
    REQUIRE(properties.contains(nlohmann::json::json_pointer(pointer)));
    const nlohmann::json& property = properties.at(nlohmann::json::json_pointer(pointer));
    CHECK(property["description"].get<std::string>().size() > 3);
    if (k.block) CHECK(property["additionalProperties"] == false);
  }
  CHECK(properties["validation"]["properties"]["fraction"] ==
        nlohmann::json::parse(R"({"type": "number", "exclusiveMinimum": 0.0, "exclusiveMaximum": 1.0, "default": 0.25,
                                  "description": "holdout: share of the rows that validate"})"));
  CHECK(properties["hypergradient"]["properties"]["window"]["anyOf"] ==
        nlohmann::json::parse(R"([{"type": "integer", "minimum": 1}, {"const": "all"}])"));
  const nlohmann::json& rule = properties["hypergradient"]["allOf"][2];
  CHECK(rule["if"]["properties"]["estimator"]["const"] == "implicit-cg");
  CHECK(rule["if"]["required"] == nlohmann::json::array({"estimator"}));
  CHECK(rule["then"]["propertyNames"]["enum"] ==
        nlohmann::json::array({"estimator", "accuracy", "max_steps", "warm_start", "preconditioner"}));
}

TEST_CASE("describe: keys, strategies, models, codes, and what is near") {
  CHECK(describe("truncated-unroll", catalog()) == R"(truncated-unroll (hypergradient.estimator)
  the last steps

Its keys in the block hypergradient, with their defaults:
  window: 50  the last K steps
              whole number >= 1 | all
  stride: 1   keep every s-th state
              whole number >= 1 | auto
)");
  CHECK(describe("hypergradient.max_steps", catalog()) == R"(hypergradient.max_steps
  iterations at most
  values    whole number >= 1
  default   200
  used by   implicit-cg
  override  hypergradient.max_steps=VALUE after the run file
)");
  CHECK(describe("E209", catalog()) ==
        "E209: a number with a leading zero\n  Some readers take 010 as eight, others as ten: write it without the zero.\n  exit "
        "code 2\n");
  CHECK(describe("D108", catalog()).find("exit code 3") != std::string::npos);
  CHECK(describe("ridge", catalog()).find("hyperparameters  l2") != std::string::npos);
  CHECK(describe("lasso", catalog()).find("not available in this version; use ridge") != std::string::npos);
  CHECK(describe("inner", catalog()).find("solver: auto") != std::string::npos);
  const std::string overview = describe("", catalog());
  for (const char* name : {"inner", "ridge", "newton-cg", "implicit-cg", "hoag"}) CHECK(overview.find(name) != std::string::npos);
  CHECK(overview.find("lasso") == std::string::npos);
  CHECK_THROWS_WITH_AS(describe("implict-cg", catalog()),
                       "there is nothing named 'implict-cg' to describe; did you mean 'implicit-cg'?", UsageError);
}

TEST_CASE("describe: every code that the program can print is in the manual, once") {
  std::set<std::string> known, used;
  for (const CodeDoc& code : error_codes()) CHECK(known.insert(code.code).second);
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(std::filesystem::path(tacit::test::source_dir()) / "cli")) {
    if (entry.path().extension() != ".cpp") continue;
    std::ifstream in(entry.path());
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    for (std::size_t i = 0; i + 5 < text.size(); ++i) {
      const std::string code = text.substr(i + 1, 4);
      const bool letter = code[0] == 'E' || code[0] == 'W';
      if (text[i] != '"' || text[i + 5] != '"' || !letter || code.find_first_not_of("0123456789", 1) != std::string::npos)
        continue;
      used.insert(code);
    }
  }
  CHECK(used.size() > 20);
  for (const std::string& code : used) {
    CAPTURE(code);
    CHECK(known.count(code) == 1);
  }
}

TEST_CASE("init: starter files are good run files") {
  for (const ModelKind& kind : model_kinds()) {
    if (kind.available()) {
      CHECK(errors(starter_file(kind.name)) == "");
      CHECK(read(starter_file(kind.name)).model.kind == kind.name);
    } else {
      CHECK_THROWS_AS(starter_file(kind.name), UsageError);
    }
  }
  CHECK_THROWS_WITH_AS(starter_file("rigde"), "unknown model 'rigde'; did you mean 'ridge'? Known: ridge, logistic", UsageError);
  DataSummary data;
  data.file = "my data.csv";
  data.format = "csv";
  data.columns = {{"city", false, true}, {"age", true, false}, {"diagnosis: final", false, false}};
  data.target = "diagnosis: final";
  data.target_column = 2;
  data.weight = "w";
  data.classes = {"ill\nish", "no", "well"};
  const Strategies strategies;
  const std::string text = starter_file("", data, *read_overrides({"data.delimiter=;"}, strategies.catalog).node);
  CAPTURE(text);
  REQUIRE(errors(text) == "");
  const RunConfig c = read(text);
  CHECK(c.data.train.path == "/data/my data.csv");
  CHECK(c.data.delimiter == ";");
  CHECK(c.data.target.text == "diagnosis: final");
  CHECK(c.data.weight.text == "w");
  CHECK(c.data.missing == "median");
  CHECK(c.model.kind == "logistic");
  CHECK(c.model.positive.text == "well");
  CHECK(text.find("one-hot: city\n") != std::string::npos);
  DataSummary sparse;
  sparse.file = "a.svm";
  sparse.format = "libsvm";
  CHECK(errors(starter_file("", sparse)) == "");
}

TEST_CASE("run files of the repository are good") {
  const Strategies strategies;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(std::filesystem::path(tacit::test::source_dir()) / "configs")) {
    if (entry.path().extension() != ".yaml") continue;
    ++files;
    CAPTURE(entry.path().string());
    CHECK_NOTHROW(load_run_file(entry.path().string(), {}, strategies.catalog));
  }
  CHECK(files >= 4);
}

TEST_CASE("warnings stand under their code") {
  CHECK(render_warning("W301", "step 12", "the inner problem has not converged.", "Line one.\nLine two.") ==
        "warning[W301] step 12: the inner problem has not converged.\n              Line one.\n              Line two.\n");
}
