// Whole runs with estimators that aim at an error: every row's hypergradient is as near to the reference as was asked, and the
// point that is kept is solved in full.
#include <doctest/doctest.h>

#include <algorithm>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

constexpr double kTarget = 0.01;

std::shared_ptr<HypergradientEstimator> aimed(bool sweep) {
  std::shared_ptr<HypergradientEstimator> estimator;
  if (sweep) {
    auto unroll = std::make_shared<UnrollEstimator>(true);
    unroll->window = Count::automatic();
    estimator = unroll;
  } else {
    estimator = std::make_shared<ImplicitCgEstimator>();
  }
  estimator->aim(kTarget);
  return estimator;
}

std::shared_ptr<IterateSolver> solver_with(std::unique_ptr<Algorithm> algorithm) {
  auto solver = std::make_shared<IterateSolver>(std::move(algorithm));
  solver->options.max_steps = 50000;
  return solver;
}

}  // namespace

TEST_CASE("target: rows of a long run stay within it, past the tenth, where chi is measured again") {
  Registry<OuterOptimizer> optimizers("optimizer", "outer.optimizer");
  register_optimizers(optimizers);
  Registry<Algorithm> algorithms("algorithm", "inner.solver");
  register_algorithms(algorithms);
  int rows = 0, met = 0;
  for (const bool sweep : {true, false}) {
    for (const char* map : {"gradient-descent", "nesterov"}) {
      for (const char* name : {"hoag", "lbfgs", "adam"}) {
        CAPTURE(sweep);
        CAPTURE(std::string(map));
        CAPTURE(std::string(name));
        Problem p = test::reference_problem("ridge_diabetes", true);
        // Gradient descent can solve all of this box.
        p.space = HyperSpace({HyperBlock{"l2", p.space.size(), Scale::log, 1e-3, 1e2}});
        OracleOptions options;
        options.reference_every = 1;
        const auto oracle = make_oracle(p, solver_with(algorithms.make(map)), aimed(sweep), options);
        CHECK(oracle->target() == kTarget);
        CHECK_FALSE(oracle->may_loosen());
        DriverOptions driver;
        driver.max_steps = 30;
        driver.tolerance = 1e-5;
        const auto optimizer = optimizers.make(name);
        const auto look = [&](const StepRecord& r) {
          ++rows;
          met += r.diagnostics.hypergradient_error_reference <= kTarget;
          CHECK(r.diagnostics.hypergradient_error_reference <= 3 * kTarget);
          CHECK(r.diagnostics.sensitivity >= 1);
          if (sweep) CHECK(r.diagnostics.tape_bytes <= 50.0 * 8 * 2 * static_cast<double>(p.f->inner_dim()));
        };
        const Summary s = solve(driver, p.space, *oracle, *optimizer, Vec::Constant(p.space.size(), std::log(0.1)), {look});
        // The rows were solved for their hypergradients alone; what is kept is the solution.
        REQUIRE(s.best_evaluation.state != nullptr);
        CHECK(s.best_evaluation.state->inner.residual <= 1e-8);
      }
    }
  }
  CHECK(rows > 150);
  CHECK(met >= 0.95 * rows);
  MESSAGE(met << " of " << rows << " rows met the target");
}
