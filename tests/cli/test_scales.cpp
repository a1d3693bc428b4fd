// Raw units, ends of ranges, and what a tuned model is held against, as the program tells them.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include <tacit/cli/run/warnings.hpp>

#include "run_support.hpp"

namespace {

using nlohmann::json;
using run_test::Folder;
using run_test::Ran;
using tacit::HyperRow;

/// Normal numbers, near enough.
double noise(int i) { return std::sin(12.9898 * i) + std::sin(78.233 * i + 1) + std::sin(37.719 * i + 2); }

/// y = z + noise, with z the first column in its own unit; `columns` numbers a row, column j scaled by unit[j] and moved by
/// mean[j].
void write_data(const std::filesystem::path& file, const std::vector<double>& unit, const std::vector<double>& mean, bool libsvm,
                bool classes = false) {
  std::ofstream out(file);
  out.precision(17);
  const std::size_t columns = unit.size();
  if (!libsvm) {
    for (std::size_t j = 0; j < columns; ++j) out << 'x' << j + 1 << ',';
    out << "y\n";
  }
  for (int i = 1; i <= 120; ++i) {
    double z = 0;
    std::string row;
    for (std::size_t j = 0; j < columns; ++j) {
      const double a = noise(i + 1000 * static_cast<int>(j));
      z += a;
      std::ostringstream cell;
      cell.precision(17);
      cell << a * unit[j] + mean[j];
      row += libsvm ? " " + std::to_string(j + 1) + ":" + cell.str() : cell.str() + ",";
    }
    const double y = z + 0.3 * noise(i + 9000);
    const std::string target = classes ? (y > 0 ? "1" : "-1") : std::to_string(y);
    out << (libsvm ? target + row : row + target) << "\n";
  }
}

json tuned(const Folder& folder, const std::string& data, const std::vector<std::string>& overrides) {
  std::ofstream(folder.path / "run.yaml") << "tacit: 1\ndata: {train: " << data << "}\nvalidation: {scheme: holdout}\n";
  std::vector<std::string> arguments{"tune", (folder.path / "run.yaml").string()};
  arguments.insert(arguments.end(), overrides.begin(), overrides.end());
  for (const std::string& more :
       {std::string("-o"), (folder.path / "out").string(), std::string("--force"), std::string("--json"), std::string("-q")})
    arguments.push_back(more);
  const Ran r = run_test::run(arguments);
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  return json::parse(r.out);
}

bool warned(const json& result, const std::string& code) {
  for (const json& w : result.at("warnings")) {
    if (w.at("code") == code) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("scales: raw columns far from 0 or of other units reach the loss of standardized ones, or are named") {
  const std::vector<double> ones(3, 1), zeros(3, 0);
  for (const bool classes : {false, true}) {
    const std::string kind = classes ? "model.kind=logistic" : "model.kind=ridge";
    for (const bool libsvm : {false, true}) {
      const std::string data = libsvm ? "d.svm" : "d.csv";
      Folder folder("scales");
      const auto loss = [&](const std::vector<double>& unit, const std::vector<double>& mean, const std::string& per, json* all) {
        write_data(folder.path / data, unit, mean, libsvm, classes);
        std::vector<std::string> overrides{kind, "hyper.l2.per=" + per, "diagnostics.reference=0"};
        if (!libsvm) overrides.push_back("prepare.standardize=false");
        const json r = tuned(folder, data, overrides);
        if (all) *all = r;
        return r.at("best").at("outer_loss").get<double>();
      };
      const double plain = loss(ones, zeros, "all", nullptr), alone = classes ? 0.69 : 2.5;
      for (const std::string& per : {std::string("all"), std::string("feature")}) {
        for (const auto& layout : {std::pair(std::vector<double>{1, 1, 1}, std::vector<double>{2e3, 0, 0}),
                                   std::pair(std::vector<double>{1, 1, 1}, std::vector<double>{1e4, -3e3, 0}),
                                   std::pair(std::vector<double>{8, 3e4, 1}, std::vector<double>{2010, 1.7e7, 0})}) {
          const std::vector<double>&unit = layout.first, &mean = layout.second;
          CAPTURE(kind);
          CAPTURE(data);
          CAPTURE(per);
          CAPTURE(mean[0]);
          json all;
          const double reached = loss(unit, mean, per, &all);
          CHECK(reached <= plain + 0.02 * alone);
          CHECK(
              (*std::max_element(unit.begin(), unit.end()) < 1e3 || warned(all, "W313")));  // the unit alone: means are taken off
        }
      }
    }
  }
}

TEST_CASE("scales: numbers whose squares leave double precision are refused by name, standardized columns are not") {
  Folder folder("overflow");
  std::ofstream(folder.path / "run.yaml") << "tacit: 1\ndata: {train: d.csv}\nvalidation: {scheme: holdout}\n";
  const auto run = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"check", (folder.path / "run.yaml").string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_test::run(arguments);
  };
  const auto rows = [&](const std::string& a, const std::string& y) {
    std::ofstream out(folder.path / "d.csv");
    out << "aa,b,yy\n";
    for (int i = 0; i < 12; ++i) out << i % 5 + 1 << a << ',' << i % 3 << ',' << i % 7 + 1 << y << "\n";
  };
  for (const char* unit : {"e140", "e-140"}) {
    rows("", unit);
    const Ran r = run({});
    CHECK(r.code == 3);
    CHECK(r.err.find("D124") != std::string::npos);
    CHECK(r.err.find("'yy'") != std::string::npos);
    CHECK(r.err.find("another unit") != std::string::npos);
  }
  rows("e140", "");
  CHECK(run({}).code == 0);
  const Ran raw = run({"prepare.standardize=false"});
  CHECK(raw.code == 3);
  CHECK(raw.err.find("'aa'") != std::string::npos);
  CHECK(raw.err.find("prepare.standardize=true") != std::string::npos);
  rows("e-300", "");
  CHECK(run({}).code == 0);
}

TEST_CASE("scales: a column of size 1e-300 is as good as any once standardized") {
  Folder folder("tiny");
  write_data(folder.path / "d.csv", {1, 1}, {0, 0}, false);
  const double plain = tuned(folder, "d.csv", {}).at("best").at("outer_loss");
  write_data(folder.path / "d.csv", {1e-300, 1}, {0, 0}, false);
  CHECK(tuned(folder, "d.csv", {}).at("best").at("outer_loss").get<double>() == doctest::Approx(plain).epsilon(1e-9));
}

TEST_CASE("many penalties are shown beside the single one and the intercept alone, on test rows too, given a start or not") {
  Folder folder("beside");
  write_data(folder.path / "d.csv", {1, 1, 1, 1}, {0, 0, 0, 0}, false);
  double single = 0;
  for (const std::string& start : {std::string("auto"), std::string("0.01")}) {
    for (const std::string& test : {std::string("null"), std::string("0.2")}) {
      CAPTURE(start);
      CAPTURE(test);
      const json r = tuned(folder, "d.csv", {"hyper.l2.per=feature", "hyper.l2.start=" + start, "data.test=" + test});
      const json &one = r.at("single_penalty"), &none = r.at("intercept_alone");
      CHECK(one.at("loss").get<double>() < none.at("loss").get<double>());
      CHECK(r.at("best").at("outer_loss").get<double>() <= one.at("loss").get<double>() * 1.001);
      CHECK(one.at("hyperparameters").at("l2").get<double>() > 0);
      CHECK(one.at("loss_standard_error").is_number());
      CHECK(one.at("test").is_null() == (test == "null"));
      CHECK(none.at("test").is_null() == (test == "null"));
      if (test == "null") {
        // The single one is what a run of one penalty finds.
        const json alone = tuned(folder, "d.csv", {});
        single = alone.at("best").at("outer_loss");
        CHECK(alone.at("single_penalty").is_null());
        CHECK(one.at("loss").get<double>() == doctest::Approx(single).epsilon(1e-4));
      } else {
        CHECK(one.at("test").at("loss").get<double>() < none.at("test").at("loss").get<double>());
        // Scored as the run's own model is: a run that starts and stays at that value has the same test loss.
        const std::string value = std::to_string(one.at("hyperparameters").at("l2").get<double>());
        const json same = tuned(folder, "d.csv", {"hyper.l2.start=" + value, "outer.max_steps=0", "data.test=" + test});
        CHECK(same.at("test").at("loss").get<double>() == doctest::Approx(one.at("test").at("loss").get<double>()).epsilon(1e-5));
      }
      const json file = json::parse(run_test::read(folder.path / "out" / "run.json"));
      CHECK(file.contains("single_penalty"));
    }
  }
}

TEST_CASE("the edge of a range is told by which end it is, and by whether the run moved") {
  const auto row = [](const std::string& name, double value, double start) {
    return HyperRow{"l2", name, value, start, 1e-3, 1e2, value == 1e-3 || value == 1e2};
  };
  const auto text = [](const std::vector<HyperRow>& rows) {
    const auto all = tacit::bound_warnings(rows);
    REQUIRE(all.size() == 1);
    return all[0].what + " " + all[0].more;
  };
  const auto has = [](const std::string& whole, const std::string& part) { return whole.find(part) != std::string::npos; };
  CHECK(tacit::bound_warnings({row("a", 0.1, 1)}).empty());
  const std::string upper = text({row("a", 1e2, 1), row("b", 1, 1)});
  CHECK(has(upper, "the upper end: a = 100"));
  CHECK(has(upper, "switched off"));
  CHECK_FALSE(has(upper, "lower end"));
  const std::string lower = text({row("a", 1e-3, 1)});
  CHECK(has(lower, "the lower end: a = 0.001"));
  CHECK_FALSE(has(lower, "switched off"));
  CHECK(has(lower, "hyper.l2.range"));
  const std::string both = text({row("a", 1e-3, 1), row("b", 1e2, 1)});
  CHECK(has(both, "the upper end: b = 100; the lower end: a = 0.001"));
  const std::string still = text({row("a", 1e-3, 1e-3), row("b", 1e-3, 1e-3)});
  CHECK(has(still, "where the run started"));
  CHECK(has(still, "hyper.l2.start"));
  std::vector<HyperRow> many;
  for (int j = 0; j < 500; ++j) many.push_back(row("c" + std::to_string(j), 1e2, 1));
  CHECK(has(text(many), "c4 = 100 and 495 more"));
  many.resize(5);
  CHECK(has(text(many), "c4 = 100."));
}
