// Hyperparameters move as logarithms, but numbers that somebody gave are shown as they were given.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/problems/data/split.hpp>
#include "problems/files.hpp"
#include "run_support.hpp"

namespace {

using namespace tacit;
using nlohmann::json;
using tacit_test::Folder;

/// Numbers with few digits, over twelve decades, as somebody writes them.
std::vector<std::string> given_numbers(int count) {
  SplitMix64 random(11);
  std::vector<std::string> all{"0.001", "0.1", "0.3", "7e-04", "1e-05"};
  while (static_cast<int>(all.size()) < count)
    all.push_back(number_text(
        std::stod(std::to_string(1 + random.below(999)) + "e" + std::to_string(static_cast<int>(random.below(10)) - 8))));
  all.resize(static_cast<std::size_t>(count));
  return all;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& w : words) text += (text.empty() ? "" : ", ") + w;
  return text;
}

/// Twelve rows, whatever the number of features.
std::string wide_table(int features) {
  SplitMix64 random(2);
  std::string text = "y";
  for (int j = 0; j < features; ++j) text += ",x" + std::to_string(j);
  for (int i = 0; i < 12; ++i) {
    text += "\n" + std::to_string(random.below(100));
    for (int j = 0; j < features; ++j) text += "," + std::to_string(random.below(100));
  }
  return text + "\n";
}

std::vector<std::vector<std::string>> cells(const std::string& csv) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream lines(csv);
  for (std::string line; std::getline(lines, line);) {
    rows.emplace_back();
    std::istringstream in(line);
    for (std::string cell; std::getline(in, cell, ',');) rows.back().push_back(cell);
  }
  return rows;
}

/// tune with a start and no step: what hyper.csv, --json and model.json say is what was given.
void check_shown(const Folder& folder, const std::string& name, const std::string& hyper,
                 const std::vector<std::string>& expected) {
  const std::string config = folder.write(
      name + ".yaml", "tacit: 1\ndata: {train: d.csv, target: y}\nhyper: {l2: {" + hyper + "}}\nouter: {max_steps: 0}\n");
  const run_test::Ran r = run_test::run({"tune", config, "-q", "--json", "-o", folder.path(name)});
  CAPTURE(name);
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const auto rows = cells(run_test::read(folder.path(name) + "/hyper.csv"));
  REQUIRE(rows.size() == expected.size() + 1);
  const json shown = json::parse(r.out)["best"]["hyperparameters"]["l2"],
             kept = json::parse(run_test::read(folder.path(name) + "/model.json"))["hyperparameters"]["l2"];
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CHECK(rows[i + 1][1] == expected[i]);
    CHECK(rows[i + 1][2] == expected[i]);
    const double given = std::stod(expected[i]);
    CHECK((shown.is_array() ? shown[i] : shown).get<double>() == given);
  }
  CHECK(kept.dump().find(json(std::stod(expected.front())).dump()) != std::string::npos);
}

}  // namespace

TEST_CASE("hyper values: a start is shown as it was given, as number, list, names or file") {
  constexpr int kFeatures = 60;
  const Folder folder;
  folder.write("d.csv", wide_table(kFeatures));
  const std::vector<std::string> numbers = given_numbers(kFeatures);
  std::string named, file = "name,value,start,lower,upper,at_bound\n";
  for (int j = 0; j < kFeatures; ++j) {
    const std::string& number = numbers[static_cast<std::size_t>(j)];
    named += (j > 0 ? ", x" : "x") + std::to_string(j) + ": " + number;
    file += "l2[x" + std::to_string(j) + "]," + number + ",1,0.1,10,false\n";
  }
  folder.write("old.csv", file);
  const std::string wide = ", per: feature, range: [1e-12, 1e12]";
  check_shown(folder, "list", "start: [" + joined(numbers) + "]" + wide, numbers);
  check_shown(folder, "named", "start: {" + named + "}" + wide, numbers);
  check_shown(folder, "file", "start: old.csv" + wide, numbers);
  for (std::size_t i = 0; i < 4; ++i)
    check_shown(folder, "number" + std::to_string(i), "start: " + numbers[i] + ", range: [1e-12, 1e12]", {numbers[i]});
}

TEST_CASE("hyper values: the ends of a range are shown as they were given, however a run came there") {
  const std::vector<std::string> numbers = given_numbers(400);
  int inexact = 0;
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    CAPTURE(numbers[i]);
    const double end = std::stod(numbers[i]);
    const HyperSpace space({{"l2", 3, Scale::log, end, 20 * end, {}}});
    inexact += std::exp(std::log(end)) != end;
    const Vec start = Vec::Constant(3, std::log(3 * end));
    Vec theta = start;
    theta[0] = space.lower()[0];
    theta[1] = space.upper()[1];
    const std::vector<HyperRow> rows = hyper_rows(space, theta, {start, Vec::Constant(3, 3 * end)});
    CHECK(rows[0].value == end);
    CHECK(rows[0].at_bound);
    CHECK(rows[1].value == 20 * end);
    CHECK(rows[1].at_bound);
    CHECK(rows[2].value == 3 * end);
    CHECK_FALSE(rows[2].at_bound);
    for (const HyperRow& row : rows) CHECK(row.start == 3 * end);
    // A start that is an end, and a point that is neither.
    theta[2] = std::log(5 * end);
    CHECK(natural_values(space, theta)[2] == std::exp(theta[2]));
    CHECK(natural_values(space, theta)[0] == end);
  }
  CHECK(inexact > 20);
}
