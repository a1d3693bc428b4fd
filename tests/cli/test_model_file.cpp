#include <doctest/doctest.h>

#include <cstdlib>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>

#include <tacit/cli/model/model_file.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/core/support/errors.hpp>

namespace fs = std::filesystem;
using namespace tacit;

namespace {

struct Scratch {
  fs::path path;
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tacit-model-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { fs::remove_all(path); }
  std::string file(const std::string& name, const std::string& text) const {
    write_atomically(path / name, text);
    return (path / name).string();
  }
};

EncodedColumn number_column(const std::string& name) {
  EncodedColumn c;
  c.name = name;
  return c;
}

/// age (filled by 40), city with two levels and one for missing cells, size.
FittedModel table_model() {
  FittedModel m;
  m.tacit_version = "0.1.0";
  m.name = "a \"run\"";
  m.kind = "logistic";
  m.task = Task::binary;
  m.objective = "1/n sum ...";
  m.classes = {"no, never", "yes"};
  m.positive = "yes";
  m.encoder.classes = m.classes;
  m.encoder.target = "bought";
  m.encoder.target_column = 3;
  m.encoder.source_columns = 4;
  m.encoder.missing = Missing::mean;
  m.encoder.table.missing_values = {"", "?"};
  EncodedColumn age = number_column("age"), city = number_column("city"), size = number_column("size \u00e9\n");
  age.fill = 40;
  age.has_fill = true;
  city.categorical = city.missing_level = true;
  city.levels = {"Bergen", "Oslo"};
  city.first = 1;
  size.first = 4;
  size.has_fill = true;
  m.encoder.columns = {age, city, size};
  m.features = m.encoder.feature_names();
  m.coefficients = Vec(5);
  m.coefficients << 0.1, 1.0 / 3, -2e-17, 5e-324, 1.7976931348623157e308;
  m.intercept = -4.000000000000001;
  m.hyperparameters = {{"l1", {}, {1e-8}}, {"l2", m.features, {1, 2, 3, 4, 5.5}}};
  m.metrics = {{"accuracy", 0.9}, {"auc", std::nan("")}, {"log_loss", 0.25}};
  return m;
}

FittedModel sparse_model() {
  FittedModel m;
  m.tacit_version = "0.1.0";
  m.kind = "ridge";
  m.encoder.sparse = true;
  m.encoder.features_total = 5;
  m.encoder.kept_features = {0, 2, 4};
  m.features = m.encoder.feature_names();
  m.coefficients = Vec(3);
  m.coefficients << 1, 10, 100;
  m.intercept = 0.5;
  return m;
}

std::string error_of(const std::string& text) {
  try {
    parse_model(text, "m.json");
  } catch (const DataError& e) {
    return e.code() + ":" + std::to_string(e.where().line) + ": " + e.what();
  } catch (const UsageError& e) {
    return std::string("usage: ") + e.what();
  }
  return "no error";
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("a model survives the file bit by bit") {
  const Scratch dir;
  const FittedModel m = table_model();
  write_model(m, dir.path / "model.json");
  const FittedModel r = read_model(dir.path);
  CHECK(r.coefficients == m.coefficients);
  CHECK(r.intercept == m.intercept);
  CHECK(r.features == m.features);
  CHECK(r.name == m.name);
  CHECK(r.kind == m.kind);
  CHECK(r.task == Task::binary);
  CHECK(r.classes == m.classes);
  CHECK(r.positive == "yes");
  REQUIRE(r.hyperparameters.size() == 2);
  CHECK(r.hyperparameters[1].labels == m.features);
  CHECK(r.hyperparameters[1].values == m.hyperparameters[1].values);
  CHECK(r.hyperparameters[0].values[0] == 1e-8);
  REQUIRE(r.metrics.size() == 3);
  CHECK(r.metrics[0].second == 0.9);
  CHECK(std::isnan(r.metrics[1].second));
  CHECK(r.encoder.target == "bought");
  CHECK(r.encoder.missing == Missing::mean);
  CHECK(r.encoder.table.missing_values == m.encoder.table.missing_values);
  CHECK(r.encoder.columns[1].missing_level);
  CHECK(r.encoder.columns[2].first == 4);
  CHECK(r.encoder.columns[0].fill == 40);
  CHECK(model_json(r) == model_json(m));
  // What another program sees.
  const auto json = nlohmann::json::parse(model_json(m));
  CHECK(json["coefficients"]["city=Bergen"].get<double>() == 1.0 / 3);
  CHECK(json["hyperparameters"]["l2"]["city=(missing)"].get<double>() == 4);
  CHECK(json["metrics"]["auc"].is_null());
  CHECK(model_json(parse_model(model_json(sparse_model()), "m")) == model_json(sparse_model()));
}

TEST_CASE("random doubles come back as they were") {
  FittedModel m = sparse_model();
  m.encoder.kept_features.clear();
  m.encoder.features_total = 2000;
  m.features = m.encoder.feature_names();
  m.coefficients.resize(2000);
  std::mt19937_64 random(1);
  for (double& c : m.coefficients) {
    do {
      const std::uint64_t bits = random();
      std::memcpy(&c, &bits, sizeof c);
    } while (!std::isfinite(c));
  }
  CHECK(parse_model(model_json(m), "m").coefficients == m.coefficients);
}

TEST_CASE("a damaged model file is refused with its place") {
  const std::string good = model_json(table_model());
  CHECK(error_of(good) == "no error");
  CHECK(error_of(good.substr(0, good.size() / 2)).find("D103:") == 0);
  CHECK(error_of("{\n\"tacit\": x}").find("D103:2: ") == 0);
  CHECK(error_of("[1]").find("no model file") != std::string::npos);
  CHECK(error_of("{\"a\": 1}").find("no model file") != std::string::npos);
  CHECK(error_of(replaced(good, "\"format\": 1", "\"format\": 2")).find("usage: 'm.json' was written by Tacit 0.1.0") == 0);
  CHECK(error_of(replaced(good, "\"age\": 0.1", "\"age\": \"0.1\"")).find("'coefficients.age': a number") != std::string::npos);
  CHECK(error_of(replaced(good, "\"age\": 0.1", "\"aged\": 0.1")).find("none for the feature 'age'") != std::string::npos);
  CHECK(error_of(replaced(good, "\"age\": 0.1,", "")).find("one for each") != std::string::npos);
  CHECK(error_of(replaced(good, "\"intercept\"", "\"interzept\"")).find("'intercept': it is missing") != std::string::npos);
  CHECK(error_of(replaced(good, "\"positive\": \"yes\"", "\"positive\": \"no\"")).find("two classes") != std::string::npos);
  CHECK(error_of(replaced(good, "\"levels\": [\"Bergen\", ", "\"levels\": [\"Bergen\", \"X\", ")).find("other features") !=
        std::string::npos);
  CHECK(error_of(replaced(good, "\"kind\": \"categorical\"", "\"kind\": \"word\"")).find("number or categorical") !=
        std::string::npos);
  CHECK(error_of(replaced(good, "\"missing\": \"mean\"", "\"missing\": \"mode\"")).find("drop-row") != std::string::npos);
  CHECK(error_of(replaced(model_json(sparse_model()), "[0, 2, 4]", "[0, 2, 5]")).find("kept_features") != std::string::npos);
  const Scratch dir;
  CHECK_THROWS_WITH_AS(read_model(dir.path), doctest::Contains("no model.json"), UsageError);
  CHECK_THROWS_AS(read_model(dir.path / "none.json"), DataError);
}

TEST_CASE("a model that does not fit together is not written") {
  FittedModel m = sparse_model();
  m.coefficients(1) = INFINITY;
  CHECK_THROWS_AS(model_json(m), UsageError);
  m = sparse_model();
  m.features[0] = "x9";
  CHECK_THROWS_AS(model_json(m), UsageError);
  m = table_model();
  m.classes = {"yes"};
  CHECK_THROWS_AS(model_json(m), UsageError);
  m = table_model();
  m.hyperparameters[1].values.pop_back();
  CHECK_THROWS_AS(model_json(m), UsageError);
}

TEST_CASE("predict finds columns by name, fills missing cells, warns of unknown levels") {
  const Scratch dir;
  FittedModel m = table_model();
  m.coefficients << 0.1, 1, 2, 3, 0.5;
  m.intercept = -4;
  write_model(m, dir.path / "model.json");
  // Another order, a column too many, no target.
  const std::string data =
      dir.file("new.csv", "city,extra,\"size \u00e9\n\",age\nOslo,x,2,10\nBergen,y,?,\n?,z,4,10\nParis,z,8,10\n");
  std::ostringstream out;
  const std::vector<std::string> warnings = predict(dir.path, data, std::nullopt, out);
  REQUIRE(warnings.size() == 1);
  CHECK(warnings[0].find("Paris") != std::string::npos);
  // margins: 1 + 2 + 1 - 4 = 0; 4 + 1 + 0 - 4 = 1; 1 + 3 + 2 - 4 = 2; 1 + 0 + 4 - 4 = 1
  const Margins result = margins(m, data);
  Vec expected(4);
  expected << 0, 1, 2, 1;
  CHECK((result.values - expected).cwiseAbs().maxCoeff() < 1e-15);
  std::istringstream lines(out.str());
  std::string line;
  std::getline(lines, line);
  CHECK(line == "row,prediction,\"probability_no, never\",probability_yes");
  std::getline(lines, line);
  CHECK(line == "1,\"no, never\",0.5,0.5");
  std::getline(lines, line);
  CHECK(line.find("2,yes,0.26894142136999") == 0);
  std::ostringstream nothing;
  predict(dir.path / "model.json", data, (dir.path / "out.csv").string(), nothing);
  CHECK(nothing.str().empty());
  CHECK(read_whole(dir.path / "out.csv") == out.str());
}

TEST_CASE("predict says which column is missing, and which was near") {
  const Scratch dir;
  write_model(table_model(), dir.path / "model.json");
  const std::string data = dir.file("new.csv", "cities,\"size \u00e9\n\",age\nOslo,2,10\n");
  std::ostringstream out;
  try {
    predict(dir.path, data, std::nullopt, out);
    FAIL("no error");
  } catch (const DataError& e) {
    CHECK(e.code() == "D107");
    CHECK(std::string(e.what()).find("'city'") != std::string::npos);
    CHECK((e.what() + e.remedy()).find("cities") != std::string::npos);
  }
  CHECK(out.str().empty());
}

TEST_CASE("predict reads LIBSVM by index and leaves unknown indices out") {
  const Scratch dir;
  write_model(sparse_model(), dir.path / "model.json");
  const std::string data = dir.file("new.svm", "0 1:2 2:7 3:3\n0 5:1 9:4\n0\n");
  std::ostringstream out;
  const std::vector<std::string> warnings = predict(dir.path, data, std::nullopt, out);
  CHECK(warnings.size() == 1);
  CHECK(out.str() == "row,prediction\n1,32.5\n2,100.5\n3,0.5\n");
}

TEST_CASE("predictions.csv with folds, targets and rows without a margin") {
  FittedModel m = sparse_model();
  Vec margin(2);
  margin << 1.25, std::nan("");
  PredictionExtra extra;
  extra.row = {3, 7};
  extra.fold = {"train", "validation"};
  extra.target = {"1", "2"};
  CHECK(predictions_csv(m, margin, extra) == "row,fold,target,prediction\n3,train,1,1.25\n7,validation,2,\n");
  m = table_model();
  CHECK(predictions_csv(m, margin.tail(1)) == "row,prediction,\"probability_no, never\",probability_yes\n1,,,\n");
  extra.fold.pop_back();
  CHECK_THROWS_AS(predictions_csv(m, margin, extra), UsageError);
  CHECK(sigmoid(-800) == 0);
  CHECK(sigmoid(800) == 1);
  CHECK(sigmoid(-40) == doctest::Approx(std::exp(-40.0)).epsilon(1e-15));
}
