// The program as a user runs it, in one process: golden values, mistakes, exit codes, nothing written on an error.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include <tacit/cli/run/warnings.hpp>

#include "paths.hpp"
#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using run_test::Folder;
using run_test::Ran;
using run_test::read;
using run_test::run;

const fs::path kSource = tacit::test::source_dir();

/// A table of the reference with a column that names the parts: row i validates when i mod 3 == 2. Returns the
/// names of its columns.
std::vector<std::string> write_split_data(const std::string& table, const fs::path& file) {
  std::ifstream in(kSource / "tests/reference" / table);
  std::ofstream out(file);
  std::string line;
  std::getline(in, line);
  out << line << ",part\n";
  std::vector<std::string> names;
  std::istringstream header(line);
  for (std::string name; std::getline(header, name, ',');) names.push_back(name);
  for (int i = 0; std::getline(in, line); ++i) out << line << (i % 3 == 2 ? ",validation\n" : ",train\n");
  return names;
}

/// A number, or a list of them.
std::vector<double> numbers(const json& j) {
  return j.is_number() ? std::vector<double>{j.get<double>()} : j.get<std::vector<double>>();
}

/// exp(theta) as the value of hyper.l2.start.
std::string start_at(const std::vector<double>& theta) {
  std::ostringstream text;
  text.precision(17);
  text << "hyper.l2.start=" << (theta.size() > 1 ? "[" : "");
  for (std::size_t j = 0; j < theta.size(); ++j) text << (j ? "," : "") << std::exp(theta[j]);
  text << (theta.size() > 1 ? "]" : "");
  return text.str();
}

/// One stored point through the program: coefficients, outer loss and hypergradient.
void check_golden(const fs::path& folder, const std::vector<std::string>& names, const json& point) {
  const std::vector<double> theta = numbers(point["theta"]), gradient = numbers(point["hypergrad"]), w = numbers(point["w"]);
  const fs::path dir = folder / "run";
  const Ran r =
      run({"tune", (folder / "c.yaml").string(), start_at(theta), theta.size() > 1 ? "hyper.l2.per=feature" : "hyper.l2.per=all",
           "hyper.l2.pull=0", "-o", dir.string(), "-q", "--force"});
  CAPTURE(r.err);
  REQUIRE(r.code == 0);
  const json row = json::parse(read(dir / "trace.jsonl"));
  const double loss = point["outer_loss"];
  CHECK(std::abs(row["outer_loss"].get<double>() - loss) <= 1e-10 * loss);
  const std::vector<double> got = numbers(row["hypergradient"]["l2"]);
  REQUIRE(got.size() == gradient.size());
  for (std::size_t j = 0; j < got.size(); ++j)
    CHECK(std::abs(got[j] - gradient[j]) <= 1e-8 * std::max(std::abs(gradient[j]), 1e-3));
  const json model = json::parse(read(dir / "model.json"));
  REQUIRE(model["coefficients"].size() == w.size());
  double off = 0, size = 0;
  for (std::size_t j = 0; j < w.size(); ++j) {
    off += std::pow(model["coefficients"].at(names.at(j)).get<double>() - w[j], 2);
    size += w[j] * w[j];
  }
  CHECK(std::sqrt(off) <= 1e-10 * std::sqrt(size));
}

}  // namespace

TEST_CASE("program: the golden values of ridge and logistic, scalar and per feature, come out of the command line") {
  const json golden = json::parse(read(kSource / "tests/reference/golden.json"));
  for (const std::string kind : {"ridge", "logistic"}) {
    CAPTURE(kind);
    const json& stored = golden[kind == "ridge" ? "ridge_diabetes" : "logistic_breast_cancer"];
    const Folder f("program-golden-" + kind);
    const std::vector<std::string> names = write_split_data(stored["data"], f.path / "d.csv");
    std::ofstream(f.path / "c.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nvalidation: {split_column: part}\n"
                                        "prepare: {standardize: false}\nmodel: {kind: " +
                                            kind +
                                            ", intercept: false}\nhyper: {l2: {range: [1.0e-6, 1.0e+3]}}\n"
                                            "inner: {solver: newton, tolerance: 1.0e-13}\nhypergradient: {tolerance: "
                                            "1.0e-12}\nouter: {max_steps: 0, refit: false}\n";
    std::size_t scalar = 0, each = 0;
    for (const json& point : stored["points"]) {
      CAPTURE(point["theta"].dump());
      check_golden(f.path, names, point);
      ++(point["theta"].is_number() ? scalar : each);
    }
    CHECK(scalar == 3);
    CHECK(each == 2);
  }
}

TEST_CASE("program: the unit of y changes neither l2 nor the number of outer steps, whatever the optimizer") {
  const Folder f("program-unit");
  const auto tuned = [&](double unit, const std::string& optimizer) {
    std::ifstream in(kSource / "tests/reference/diabetes.csv");
    std::ofstream data(f.path / "d.csv");
    data.precision(17);
    std::string line;
    std::getline(in, line);
    data << line << "\n";
    while (std::getline(in, line)) {
      const std::size_t comma = line.rfind(',');
      data << line.substr(0, comma + 1) << unit * std::stod(line.substr(comma + 1)) << "\n";
    }
    data.close();
    std::ofstream(f.path / "c.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nvalidation: {fraction: 0.3}\n"
                                        "model: {kind: ridge}\nhyper: {l2: {per: feature, start: 0.1, pull: 0}}\n"
                                        "inner: {solver: newton}\nouter: {max_steps: 40, optimizer: " +
                                            optimizer + "}\n";
    const fs::path out = f.path / "run";
    const Ran r = run({"tune", (f.path / "c.yaml").string(), "-o", out.string(), "-q", "--force"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    std::ifstream rows(out / "trace.jsonl");
    std::vector<json> all;
    while (std::getline(rows, line)) all.push_back(json::parse(line));
    return std::pair(all.size(), numbers(all.back()["theta"]["l2"]));
  };
  for (const std::string optimizer : {"lbfgs", "gradient-descent", "hoag", "adam"}) {
    CAPTURE(optimizer);
    const auto [steps, theta] = tuned(1, optimizer);
    CHECK(steps > 5);
    for (const double unit : {1e-8, 1e5}) {
      CAPTURE(unit);
      const auto [other_steps, other] = tuned(unit, optimizer);
      CHECK(other_steps == steps);
      REQUIRE(other.size() == theta.size());
      for (std::size_t j = 0; j < theta.size(); ++j) CHECK(std::abs(other[j] - theta[j]) < 1e-3);
    }
  }
}

TEST_CASE("program: mistakes end with their exit code, say what to do, and write nothing") {
  const Folder f("program-mistakes");
  const std::string config = (kSource / "configs/logistic_breast_cancer.yaml").string();
  const std::string out = (f.path / "run").string();
  struct Mistake {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  };
  const std::vector<Mistake> mistakes{
      {{"tuen", config}, 2, "tune"},
      {{"resume", config}, 2, "not available in this version"},
      {{"compare", config}, 2, "nothing to compare"},
      {{"tune", config, "inner.max_stepz=3"}, 2, "max_steps"},
      {{"tune", config, "inner.max_steps=many"}, 2, "inner.max_steps"},
      {{"tune", config, "validation.fraction=2"}, 2, "validation.fraction"},
      {{"tune", config, "hypergradient.estimator=implicit-cgg"}, 2, "implicit-cg"},
      {{"tune", config, "hypergradient.estimator=full-unroll"}, 2, "implicit-cg"},
      {{"tune", config, "data.train=no-such-file.csv"}, 3, "no-such-file.csv"},
      {{"tune", config, "data.target=nobody"}, 3, "nobody"},
  };
  for (const Mistake& m : mistakes) {
    auto arguments = m.arguments;
    arguments.insert(arguments.end(), {"-o", out});
    const Ran r = run(arguments);
    CAPTURE(r.err);
    CHECK(r.code == m.code);
    CHECK(r.err.find(m.says) != std::string::npos);
    CHECK(r.out.empty());
    CHECK_FALSE(fs::exists(out));
  }
}

TEST_CASE(
    "program: a folder in use is refused without --force, and an early stop of the inner solver is reported with the damage") {
  const Folder f("program-early");
  const std::string config = (kSource / "configs/logistic_breast_cancer.yaml").string(), out = (f.path / "run").string();
  const Ran first = run({"tune", config, "inner.max_steps=3", "outer.max_steps=1", "-o", out});
  CHECK(first.code == 0);
  CHECK(first.err.find("W301") != std::string::npos);
  CHECK(first.err.find("The hypergradient is off by") != std::string::npos);
  const Ran second = run({"tune", config, "outer.max_steps=1", "-o", out});
  CHECK(second.code == 2);
  CHECK(second.err.find("--force") != std::string::npos);
}

TEST_CASE("program: an error that the schedule mends is warned of apart from one that stays at the tightest tolerances") {
  tacit::RunFacts facts;
  facts.asked = {1e-6, 1e-6};
  facts.tolerance_given = true;
  facts.solver = "lbfgs";
  facts.estimator = "implicit-cg";
  tacit::StepRecord row;
  row.outer_loss = 1;
  row.diagnostics.inner_status = row.diagnostics.hypergradient_status = tacit::Status::converged;
  row.diagnostics.outer_loss_error = 1e-12;
  tacit::Warnings all;
  // The loose one first: the other must not pass for a repetition of it, nor a repetition for another.
  for (const auto& [inner, error] : {std::pair(1e-3, 0.5), {1e-3, 0.7}, {1e-6, 1.2}, {1e-6, 1.3}, {1e-6, 0.01}}) {
    row.solved = {inner, 1e-6};
    row.diagnostics.hypergradient_error = error;
    for (const tacit::Warning& w : tacit::step_warnings(row, facts)) all.add(w);
    ++row.step;
  }
  const json warnings = all.json();
  REQUIRE(warnings.size() == 2);
  for (const json& w : warnings) CHECK(w["code"] == "W303");
  CHECK(warnings[0]["remedy"].get<std::string>().find("tightens from step to step") != std::string::npos);
  CHECK(warnings[1]["remedy"].get<std::string>().find("smaller inner.tolerance") != std::string::npos);
  CHECK(all.all()[0].count == 2);
  CHECK(all.all()[1].count == 2);
}
