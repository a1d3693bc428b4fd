// What earlier versions left on disk is read for ever: tests/releases/VERSION holds models and run folders as that version wrote
// them, with the predictions that it made.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <tacit/cli/report/run_folder.hpp>

#include "paths.hpp"
#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using run_test::Folder;
using run_test::has;
using run_test::Ran;
using run_test::read;
using run_test::run;

/// Runs of tune that each release has, and the data they were made of.
const std::vector<std::pair<std::string, std::string>> kModels = {
    {"one", "diabetes.csv"}, {"many", "cells.csv"}, {"words", "houses.csv"}};

std::vector<fs::path> releases() {
  std::vector<fs::path> all;
  for (const auto& entry : fs::directory_iterator(fs::path(tacit::test::source_dir()) / "tests/releases")) all.push_back(entry);
  std::sort(all.begin(), all.end());
  return all;
}

std::vector<std::vector<std::string>> cells(const std::string& csv) {
  std::vector<std::vector<std::string>> all;
  std::istringstream lines(csv);
  for (std::string line, cell; std::getline(lines, line);) {
    all.emplace_back();
    for (std::istringstream s(line); std::getline(s, cell, ',');) all.back().push_back(cell);
  }
  return all;
}

/// The same table, numbers within the rounding of a sum.
void check_same(const std::string& now, const std::string& then) {
  const auto a = cells(now), b = cells(then);
  REQUIRE(a.size() == b.size());
  REQUIRE(a.size() > 1);
  for (std::size_t i = 0; i < a.size(); ++i) {
    REQUIRE(a[i].size() == b[i].size());
    for (std::size_t j = 0; j < a[i].size(); ++j) {
      if (a[i][j] == b[i][j]) continue;
      CHECK(std::stod(a[i][j]) == doctest::Approx(std::stod(b[i][j])).epsilon(1e-12));
    }
  }
}

}  // namespace

TEST_CASE("models of every release predict what they predicted, from their run folder and from model.json") {
  REQUIRE(!releases().empty());
  for (const fs::path& release : releases()) {
    CAPTURE(release.string());
    for (const auto& pair : kModels) {
      const std::string name = pair.first, data = pair.second;
      CAPTURE(name);
      const std::string then = read(release / (name + ".predicted.csv"));
      for (const fs::path& model : {release / name, release / name / "model.json"}) {
        const Ran r = run({"predict", model.string(), (release / data).string()});
        CAPTURE(r.err);
        REQUIRE(r.code == 0);
        check_same(r.out, then);
      }
    }
  }
}

TEST_CASE("run folders of every release are read, and make a report that says what the run found") {
  for (const fs::path& release : releases()) {
    CAPTURE(release.string());
    const Folder f("releases");
    std::vector<fs::path> tuned;
    for (const auto& entry : fs::directory_iterator(release)) {
      if (!entry.is_directory()) continue;
      const fs::path name = entry.path().filename();
      CAPTURE(name.string());
      fs::copy(entry.path(), f.path / name, fs::copy_options::recursive);
      const tacit::RunRecord record = tacit::read_run(f.path / name);
      CHECK(record.name == name);
      const Ran r = run({"report", (f.path / name).string()});
      CAPTURE(r.err);
      CHECK(r.code == 0);
      const std::string page = read(f.path / name / "report.html");
      CHECK(page.size() > 10000);
      CHECK(page.find("<svg") != std::string::npos);
      if (record.verb == "tune") {
        tuned.push_back(f.path / name);
        has(page, tacit::text_at(record, "message"));
        CHECK(record.trace.has_value());
        CHECK(record.hyper.has_value());
        CHECK(record.predictions.has_value());
      }
      if (record.verb == "compare") {
        CHECK(record.compare->rows() > 0);
        REQUIRE(record.own_runs.size() == 2);
        for (const auto& trace : record.own_runs) CHECK(trace->rows() > 1);
        has(page, "outer loss against work");
      }
      if (record.verb == "curve") CHECK(record.curve->rows() > 0);
    }
    REQUIRE(tuned.size() == 3);
    const Ran r = run({"report", tuned[0].string(), tuned[1].string(), "-o", (f.path / "both").string()});
    CAPTURE(r.err);
    CHECK(r.code == 0);
  }
}

TEST_CASE("run files of every release run as they did: the resolved ones to the losses of then") {
  for (const fs::path& release : releases()) {
    CAPTURE(release.string());
    for (const auto& pair : kModels) {
      const std::string name = pair.first;
      CAPTURE(name);
      const Folder f("releases-again");
      const Ran r = run({"tune", (release / name / "config.resolved.yaml").string(), "-o", (f.path / "out").string(), "-q",
                         "--progress", "none", "data.train=" + (release / pair.second).string()});
      CAPTURE(r.err);
      REQUIRE(r.code == 0);
      const tacit::RunRecord then = tacit::read_run(release / name), now = tacit::read_run(f.path / "out");
      CHECK(tacit::number_at(now, "best.outer_loss") == doctest::Approx(tacit::number_at(then, "best.outer_loss")).epsilon(1e-6));
    }
  }
}

namespace {

/// The keys of an object that docs/run-json.md does not name.
std::string undocumented(const nlohmann::json& object) {
  const std::string page = read(fs::path(tacit::test::source_dir()) / "docs/run-json.md");
  std::string missing;
  for (const auto& [key, value] : object.items()) {
    if (page.find("`" + key + "`") == std::string::npos) missing += " " + key;
  }
  return missing;
}

}  // namespace

TEST_CASE("docs: run-json.md names every key of run.json and of --json") {
  const Folder f("releases-keys");
  const fs::path release = releases().front();
  for (const auto& pair : {std::pair("tune", "many"), {"tune", "one"}, {"compare", "compared"}, {"curve", "curve"}}) {
    const std::string verb = pair.first, name = pair.second;
    CAPTURE(name);
    const fs::path out = f.path / name;
    const Ran r = run({verb, (release / (name + ".yaml")).string(), "-o", out.string(), "--json", "--progress", "none"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    CHECK(undocumented(nlohmann::json::parse(read(out / "run.json"))) == "");
    CHECK(undocumented(nlohmann::json::parse(r.out)) == "");
  }
}
