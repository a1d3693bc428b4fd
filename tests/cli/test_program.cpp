// The program as a user runs it, in one process: golden values, mistakes, exit codes, nothing written on an error.
#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "run_support.hpp"

namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using run_test::Ran;
using run_test::run;

const fs::path kSource = TACIT_SOURCE_DIR;

struct Folder {
  fs::path path;
  explicit Folder(const std::string& name) : path(fs::temp_directory_path() / ("tacit-program-" + name)) {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~Folder() { fs::remove_all(path); }
};

std::string read(const fs::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// diabetes.csv of the reference with a column that names the parts: row i validates when i mod 3 == 2.
void write_split_data(const fs::path& file) {
  std::ifstream in(kSource / "tests/reference/diabetes.csv");
  std::ofstream out(file);
  std::string line;
  std::getline(in, line);
  out << line << ",part\n";
  for (int i = 0; std::getline(in, line); ++i) out << line << (i % 3 == 2 ? ",validation\n" : ",train\n");
}

}  // namespace

TEST_CASE("program: the golden ridge values come out of the command line") {
  const Folder f("golden");
  write_split_data(f.path / "d.csv");
  std::ofstream(f.path / "c.yaml") << "tacit: 1\ndata: {train: d.csv, target: y}\nvalidation: {split_column: part}\n"
                                      "prepare: {standardize: false}\nmodel: {kind: ridge, intercept: false}\n"
                                      "inner: {solver: newton, tolerance: 1.0e-13}\nouter: {max_steps: 0}\n";
  const json golden = json::parse(read(kSource / "tests/reference/golden.json"));
  int scalar_points = 0;
  for (const json& point : golden["ridge_diabetes"]["points"]) {
    if (!point["theta"].is_number()) continue;
    ++scalar_points;
    std::ostringstream start;
    start.precision(17);
    start << "hyper.l2.start=" << std::exp(point["theta"].get<double>());
    const fs::path dir = f.path / ("run" + std::to_string(scalar_points));
    const Ran r = run({"tune", (f.path / "c.yaml").string(), start.str(), "-o", dir.string(), "-q"});
    CAPTURE(r.err);
    REQUIRE(r.code == 0);
    const json row = json::parse(read(dir / "trace.jsonl"));
    const double loss = point["outer_loss"], gradient = point["hypergrad"];
    CHECK(std::abs(row["outer_loss"].get<double>() - loss) <= 1e-10 * loss);
    CHECK(std::abs(row["hypergradient"]["l2"].get<double>() - gradient) <= 1e-8 * std::max(std::abs(gradient), 1e-3));
  }
  CHECK(scalar_points >= 2);
}

TEST_CASE("program: mistakes end with their exit code, say what to do, and write nothing") {
  const Folder f("mistakes");
  const std::string config = (kSource / "configs/logistic_breast_cancer.yaml").string();
  const std::string out = (f.path / "run").string();
  struct Mistake {
    std::vector<std::string> arguments;
    int code;
    std::string says;
  };
  const std::vector<Mistake> mistakes{
      {{"tuen", config}, 2, "tune"},
      {{"compare", config}, 2, "not available in this version"},
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
  const Folder f("early");
  const std::string config = (kSource / "configs/logistic_breast_cancer.yaml").string(), out = (f.path / "run").string();
  const Ran first = run({"tune", config, "inner.max_steps=3", "outer.max_steps=1", "-o", out});
  CHECK(first.code == 0);
  CHECK(first.err.find("W301") != std::string::npos);
  CHECK(first.err.find("The hypergradient is off by") != std::string::npos);
  const Ran second = run({"tune", config, "outer.max_steps=1", "-o", out});
  CHECK(second.code == 2);
  CHECK(second.err.find("--force") != std::string::npos);
}
