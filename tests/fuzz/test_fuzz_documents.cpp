// Edited run files and model files: refused with sentences, or read so that writing and reading again changes nothing.
#include <doctest/doctest.h>

#include <tacit/cli/model/model_file.hpp>
#include <tacit/core/support/errors.hpp>
#include "cli/config_support.hpp"
#include "mutate.hpp"

using namespace tacit;

namespace {

const std::vector<std::string> kRunFiles{
    "tacit: 1\nname: run\nseed: 3\ndata:\n  train: a.csv  # rows\n  target: y\n  features: [a, 'b c', \"d*\"]\n  missing: "
    "median\n"
    "validation: {scheme: holdout, fraction: 0.25}\nmodel: {kind: logistic, class_weight: {yes: 2, 'no': 0.5}}\n"
    "inner: {solver: gradient-descent, max_steps: 300, step: auto}\nhypergradient:\n  estimator: truncated-unroll\n  window: "
    "20\n",
    "tacit: 1\ndata: {train: d/b.svm.gz, index_base: 0, features_total: 12}\nhyper:\n  l2: {start: 1.0e-2, range: [1e-6, 10], "
    "per: all}\n"
    "outer: {optimizer: adam, step: 0.1, max_steps: 5}\nlimits: {time: 5min, threads: 2}\noutput: {dir: \"runs/{name}\"}\n",
    "tacit: 1\ndata: {train: a.csv, feature_groups: {g: [a, b], h: [c]}}\nhyper: {l2: {per: group, start: {g: 1, h: 0.5}}}\n"
    "hypergradient: {estimator: implicit-cg, max_steps: 20}\ninner: {solver: newton-cg, start: [0, 1, 2]}\n",
};
const std::vector<std::string> kRunWords{
    "010",        "yes",      "null", "~",    "&a ",        "*a",         "<<: ",  "---\n",
    "...\n",      "!!int ",   "|\n",  ">-\n", "0x10",       ".inf",       "1e999", "9999999999999999999999",
    "\t",         "? ",       "- ",   "{",    "}",          "[[",         "''",    "\"",
    "train: x\n", "\xc3\xa9", "\xff", "true", "alpha: 1\n", "%YAML 1.2\n"};

std::string model_text() {
  FittedModel m;
  m.tacit_version = "0";
  m.name = "m";
  m.kind = "logistic";
  m.task = Task::binary;
  m.objective = "a text";
  m.encoder.target = "y";
  m.encoder.had_header = true;
  m.encoder.source_columns = 3;
  m.encoder.target_column = 2;
  m.encoder.columns = {{"a", false, {}, false, 0.5, true, 0}, {"city", true, {"Oslo", "Rom"}, true, 0, false, 1}};
  m.encoder.classes = m.classes = {"no", "yes"};
  m.positive = "yes";
  m.features = m.encoder.feature_names();
  m.coefficients = Vec::LinSpaced(4, -1, 2);
  m.intercept = 0.25;
  m.hyperparameters = {{"l2", {}, {0.125}}};
  m.metrics = {{"accuracy", 0.75}};
  return model_json(m);
}

std::string sparse_model_text() {
  FittedModel m;
  m.tacit_version = "0";
  m.kind = "ridge";
  m.encoder.sparse = true;
  m.encoder.features_total = 4;
  m.encoder.kept_features = {0, 3};
  m.encoder.target = "label";
  m.features = m.encoder.feature_names();
  m.coefficients = Vec::LinSpaced(2, 1, 2);
  m.hyperparameters = {{"l2", m.features, {0.125, 3}}};
  return model_json(m);
}

}  // namespace

TEST_CASE("fuzz: an edited run file is refused with sentences, or what it says survives writing and reading") {
  fuzz::Mutator mutator(21, kRunFiles, kRunWords);
  const StrategyCatalog& catalog = config_test::catalog();
  long read = 0, refused = 0;
  for (long i = 0; i < fuzz::rounds(3000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    std::string written;
    try {
      written = to_yaml(config_test::read(text), catalog);
    } catch (const RunFileError& e) {
      ++refused;
      REQUIRE_FALSE(e.issues().empty());
      for (const Issue& issue : e.issues()) {
        REQUIRE_FALSE(issue.what.empty());
        REQUIRE_FALSE(issue.code.empty());
        REQUIRE_FALSE(issue.remedy.empty());
      }
      continue;
    }
    ++read;
    INFO("written: ", written);
    REQUIRE(config_test::errors(written) == "");
    REQUIRE(to_yaml(config_test::read(written), catalog) == written);
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}

TEST_CASE("fuzz: an edited model file is refused with a sentence, or what it says survives writing and reading") {
  const std::vector<std::string> corpus{model_text(), sparse_model_text()};
  fuzz::Mutator mutator(
      22, corpus,
      {"null", "1e999", "-1", "9999999999999999999", "[", "{", "\"x\": 1, ", "true", "\"\"", "\\u0000", "\\ud800", "4000000000"});
  long read = 0, refused = 0;
  for (long i = 0; i < fuzz::rounds(6000); ++i) {
    const std::string text = mutator.next();
    INFO("round ", i, ": ", fuzz::shown(text));
    std::string written;
    try {
      written = model_json(parse_model(text, "model.json"));
    } catch (const DataError& e) {
      ++refused;
      REQUIRE_FALSE(std::string(e.what()).empty());
      continue;
    } catch (const UsageError& e) {  // of a newer version
      ++refused;
      REQUIRE_FALSE(std::string(e.what()).empty());
      continue;
    }
    ++read;
    REQUIRE(model_json(parse_model(written, "model.json")) == written);
  }
  CHECK(read > 0);
  CHECK(refused > 0);
}
