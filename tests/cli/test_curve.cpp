// tacit curve through the command line: the shipped run files against the exact values, and what it refuses.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "paths.hpp"
#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using run_test::Ran;
using run_test::run;

const fs::path kSource = tacit::test::source_dir();

struct Folder {
  fs::path path;
  explicit Folder(const std::string& name) : path(fs::temp_directory_path() / ("tacit-curve-" + name)) { fs::remove_all(path); }
  ~Folder() { fs::remove_all(path); }
};

/// The columns of a CSV by name; an empty cell is NaN.
std::map<std::string, std::vector<double>> columns(const fs::path& file) {
  std::ifstream in(file);
  std::string line, cell;
  std::getline(in, line);
  std::vector<std::string> names;
  for (std::istringstream s(line); std::getline(s, cell, ',');) names.push_back(cell);
  std::map<std::string, std::vector<double>> all;
  while (std::getline(in, line)) {
    std::istringstream s(line);
    for (const std::string& name : names) {
      cell.clear();
      std::getline(s, cell, ',');
      all[name].push_back(cell.empty() ? std::nan("") : std::stod(cell));
    }
  }
  return all;
}

void check_series(const std::vector<double>& got, const json& expected) {
  REQUIRE(got.size() == expected.size());
  double worst = 0;
  for (std::size_t k = 0; k < got.size(); ++k) {
    const double e = expected[k];
    worst = std::max(worst, std::abs(got[k] - e) / (1e-9 * std::abs(e) + 1e-12));
  }
  CHECK(worst <= 1);
}

std::string list_of(const json& x0) {
  std::string text;
  for (const json& v : x0) text += (text.empty() ? "" : ",") + v.dump();
  return "[" + text + "]";
}

}  // namespace

TEST_CASE("tacit curve: every stored run comes out of the shipped run files, with bounds that hold") {
  std::ifstream in(kSource / "tests/reference/curves.json");
  const json all = json::parse(in);
  const Folder f("exact");
  int runs = 0;
  for (const auto& [key, config] : {std::pair{"tikhonov", "curve_gradient_descent"},
                                    {"heavy_ball", "curve_heavy_ball"},
                                    {"logistic_small", "curve_logistic"}}) {
    for (const json& run_of : all.at(key).at("runs")) {
      const fs::path dir = f.path / std::to_string(runs++);
      const double step = run_of.contains("alpha") ? run_of.at("alpha").get<double>() : all.at(key).at("alpha").get<double>();
      std::string starts = "curve.starts=[0";
      for (const auto& [s, values] : run_of.at("ebar").items()) starts += "," + s;
      const Ran r =
          run({"curve", (kSource / "configs" / (std::string(config) + ".yaml")).string(), "inner.step=" + json(step).dump(),
               "inner.start=" + list_of(run_of.at("x0")), starts + "]", "-o", dir.string(), "-q"});
      CAPTURE(r.err);
      REQUIRE(r.code == 0);
      const auto table = columns(dir / "curve.csv");
      check_series(table.at("iterate_error"), run_of.at("e"));
      check_series(table.at("derivative_error_0"), run_of.at("edot"));
      for (const auto& [s, values] : run_of.at("ebar").items()) check_series(table.at("derivative_error_" + s), values);
      std::ifstream summary(dir / "curve.json");
      const json facts = json::parse(summary);
      CHECK(facts.at("why_no_bounds").is_null());
      for (const auto& [name, values] : table) {
        if (name.find("bound") == std::string::npos) continue;
        const std::string error = std::string(name).replace(name.find("bound"), 5, "error");
        const double scale = facts.at(name == "iterate_bound" ? "e_0" : "M").get<double>();
        for (std::size_t k = 0; k < values.size(); ++k) {
          CHECK(table.at(error)[k] <= values[k] * (1 + 1e-9) + 1e-12 * scale);
        }
      }
      if (run_of.contains("k0_opt_fixed_T_bound")) {
        CHECK(facts.at("best_start") == run_of.at("k0_opt_fixed_T_bound"));
        CHECK(facts.at("peak").get<double>() == doctest::Approx(run_of.at("bound_peak_k").get<double>()).epsilon(1e-9));
        CHECK(facts.at("measured_peak").at("0").at("k") == run_of.at("peak_k"));
      }
      CHECK(fs::exists(dir / "plots/curve.svg"));
    }
  }
  CHECK(runs == 12);
}

TEST_CASE(
    "tacit curve: shipped run files end well, print a table or one JSON object, and run the same from their resolved form") {
  const Folder f("shipped");
  for (const char* name : {"curve_gradient_descent", "curve_late_start", "curve_heavy_ball", "curve_logistic"}) {
    CAPTURE(name);
    const std::string config = (kSource / "configs" / (std::string(name) + ".yaml")).string();
    const fs::path first = f.path / name, second = f.path / (std::string(name) + "-again");
    const Ran table = run({"curve", config, "-o", first.string()});
    CHECK(table.code == 0);
    CHECK(table.out.find("derivative error") != std::string::npos);
    const Ran again = run({"curve", (first / "config.resolved.yaml").string(), "-o", second.string(), "--json"});
    CAPTURE(again.err);
    REQUIRE(again.code == 0);
    CHECK(json::parse(again.out).at("output") == second.string());
    CHECK(columns(first / "curve.csv").at("derivative_error_0") == columns(second / "curve.csv").at("derivative_error_0"));
  }
}

TEST_CASE("tacit curve: what it cannot do is refused with a sentence, and nothing is written") {
  const Folder f("refused");
  const std::string config = (kSource / "configs/curve_gradient_descent.yaml").string();
  struct Mistake {
    std::vector<std::string> overrides;
    std::string says;
  };
  for (const Mistake& m : std::vector<Mistake>{{{"hyper.l2.start=auto"}, "hyper.l2.start"},
                                               {{"curve.starts=[0,-3]"}, "curve.starts"},
                                               {{"curve.starts=[]"}, "empty list"},
                                               {{"curve.starts=5"}, "list of whole numbers"},
                                               {{"curve.steps=0"}, "curve.steps"},
                                               {{"inner.step=1.5", "curve.steps=2000"}, "too large"}}) {
    std::vector<std::string> arguments{"curve", config};
    arguments.insert(arguments.end(), m.overrides.begin(), m.overrides.end());
    arguments.insert(arguments.end(), {"-o", f.path.string()});
    const Ran r = run(arguments);
    CAPTURE(r.err);
    CHECK(r.code == 2);
    CHECK(r.err.find(m.says) != std::string::npos);
    CHECK_FALSE(fs::exists(f.path));
  }
  const Ran no_map =
      run({"curve", (kSource / "configs/ridge_diabetes.yaml").string(), "inner.solver=newton-cg", "-o", f.path.string()});
  CHECK(no_map.code == 2);
  CHECK(no_map.err.find("fixed-point map") != std::string::npos);
  CHECK_FALSE(fs::exists(f.path));
}

TEST_CASE("tacit curve: the cost of a differentiated step is counted or given, and is in file, table, figure and words") {
  const Folder f("cost");
  const std::string config = (kSource / "configs/curve_gradient_descent.yaml").string();
  const auto facts_of = [&](const std::vector<std::string>& overrides, const fs::path& dir, std::string& table) {
    std::vector<std::string> arguments{"curve", config};
    arguments.insert(arguments.end(), overrides.begin(), overrides.end());
    arguments.insert(arguments.end(), {"-o", dir.string()});
    const Ran r = run(arguments);
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    table = r.out;
    std::ifstream summary(dir / "curve.json");
    return json::parse(summary);
  };
  std::string table;
  const json counted = facts_of({}, f.path / "auto", table);
  CHECK(counted.at("budget").at("cost_of_differentiating") == 1);
  CHECK(run_test::read(f.path / "auto/config.resolved.yaml").find("cost: 1\n") != std::string::npos);
  CHECK(table.find("differentiating a step costs 1 more") != std::string::npos);
  const json dear = facts_of({"curve.cost=2.5"}, f.path / "dear", table);
  CHECK(dear.at("budget").at("cost_of_differentiating") == 2.5);
  CHECK(run_test::read(f.path / "dear/config.resolved.yaml").find("cost: 2.5\n") != std::string::npos);
  CHECK(table.find("differentiating a step costs 2.5 more") != std::string::npos);
  CHECK(table.find("costing 2") == std::string::npos);
  CHECK(dear.at("budget").at("late_start") != counted.at("budget").at("late_start"));
  CHECK(run_test::read(f.path / "dear/report.html").find("Differentiating a step costs 2.5 plain steps more.") !=
        std::string::npos);
  for (const json& j : {counted, dear}) {
    const json& equal = j.at("equal_cost");
    const double cost = equal.at("cost_of_differentiating");
    CHECK(equal.at("full_unroll").at("differentiated_steps") == 300);
    CHECK(equal.at("full_unroll").at("plain_steps") == 0);
    // The curse of this run makes a late start the better buy.
    CHECK(equal.at("planned").at("error").get<double>() < 0.5 * equal.at("full_unroll").at("error").get<double>());
    for (const json& s : equal.at("starts"))
      CHECK(s.at("plain_steps").get<double>() == std::floor((1 + cost) * s.at("dropped_steps").get<double>() * (1 + 1e-12)));
    CHECK(equal.at("best_measured").at("error") <= equal.at("planned").at("error"));
  }
  const std::string figure = run_test::read(f.path / "dear/plots/equal_cost.csv");
  for (const char* series : {"\nlate start at equal cost,", "\nits bound,", "\nfull unroll,"})
    CHECK(figure.find(series) != std::string::npos);
  CHECK(fs::exists(f.path / "dear/plots/equal_cost.svg"));
  for (const char* wrong : {"curve.cost=0", "curve.cost=-1", "curve.cost=much", "curve.cost=inf"}) {
    CAPTURE(wrong);
    const Ran r = run({"curve", config, wrong, "-o", (f.path / "no").string()});
    CHECK(r.code == 2);
    CHECK(r.err.find("curve.cost") != std::string::npos);
    CHECK_FALSE(fs::exists(f.path / "no"));
  }
}
