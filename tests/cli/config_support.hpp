// Strategies with known fields, so that the texts of errors do not hang on the registered ones.
#pragma once
#include <array>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <tacit/cli/runfile/config.hpp>
#include <tacit/core/support/registry.hpp>

namespace config_test {

using namespace tacit;

struct Strategy : Configurable {};

struct Descent final : Strategy {
  std::optional<double> step, momentum;
  double tolerance = 1e-8;
  Index max_steps = 1000;
  void fields(FieldVisitor& v) override {
    v.field("tolerance", tolerance, Range{0, 1, false, false}, "relative gradient norm");
    v.field("max_steps", max_steps, Range::at_least(1), "iterations at most");
    v.field("step", step, Range::positive(), "step size");
  }
};

struct Newton final : Strategy {
  double tolerance = 1e-8;
  void fields(FieldVisitor& v) override { v.field("tolerance", tolerance, Range{0, 1}, "relative gradient norm"); }
};

struct Cholesky final : Strategy {};

struct Truncated final : Strategy {
  Count window = Count::of(50);
  Count stride = Count::of(1);
  void fields(FieldVisitor& v) override {
    v.field("window", window, Range::at_least(1), CountWords{true, false}, "the last K steps");
    v.field("stride", stride, Range::at_least(1), CountWords{false, true}, "keep every s-th state");
  }
};

struct Cg final : Strategy {
  Index max_steps = 200;
  bool warm_start = true;
  std::string preconditioner = "auto";
  void fields(FieldVisitor& v) override {
    v.field("max_steps", max_steps, Range::at_least(1), "iterations at most");
    v.field("warm_start", warm_start, "from the last adjoint");
    v.field("preconditioner", preconditioner, {"auto", "none", "jacobi", "factor"}, "of CG");
  }
};

struct Adam final : Strategy {
  std::optional<double> step;
  void fields(FieldVisitor& v) override { v.field("step", step, Range::positive(), "step length in theta"); }
};

using Names = Registry<Strategy>;

inline const StrategyCatalog& catalog() {
  static const auto make = [] {
    auto names = std::make_unique<std::array<Names, 3>>();
    (*names)[0].add("gradient-descent", "plain steps", [] { return std::make_unique<Descent>(); });
    (*names)[0].add("newton-cg", "Newton's method", [] { return std::make_unique<Newton>(); });
    (*names)[0].add("cholesky", "one factorization", [] { return std::make_unique<Cholesky>(); });
    (*names)[1].add("full-unroll", "all steps", [] { return std::make_unique<Cholesky>(); });
    (*names)[1].add("truncated-unroll", "the last steps", [] { return std::make_unique<Truncated>(); });
    (*names)[1].add("implicit-cg", "the implicit function theorem", [] { return std::make_unique<Cg>(); });
    (*names)[2].add("lbfgs", "quasi-Newton", [] { return std::make_unique<Cholesky>(); });
    (*names)[2].add("adam", "moments", [] { return std::make_unique<Adam>(); });
    (*names)[2].add("hoag", "decreasing tolerances", [] { return std::make_unique<Cholesky>(); });
    return names;
  };
  static const auto names = make();
  static const RegistryCatalog<Names, Names, Names> all((*names)[0], (*names)[1], (*names)[2]);
  return all;
}

/// The run file of that text, in the folder /data.
inline RunConfig read(const std::string& text, const std::vector<std::string>& overrides = {}) {
  return read_run_text("run.yaml", text, "/data", overrides, catalog());
}

/// What is printed for that text, "" when it is good.
inline std::string errors(const std::string& text, const std::vector<std::string>& overrides = {}) {
  try {
    read(text, overrides);
  } catch (const RunFileError& e) {
    std::ostringstream out;
    print_errors(out, e.issues());
    return out.str();
  }
  return {};
}

/// The two lines that every run file needs; what is wrong in the tests stands below them, from line 3 on.
inline const std::string kGood = "tacit: 1\ndata: {train: a.csv}\n";

}  // namespace config_test
