// The shipped runs as the benchmarks have them in code are those of the run files.
#include <doctest/doctest.h>

#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/start.hpp>

#include "../../bench/shipped.hpp"
#include "paths.hpp"

using namespace tacit;

namespace {

Summary run_of(const Problem& problem, const std::shared_ptr<const InnerSolver>& solver,
               const std::shared_ptr<const HypergradientEstimator>& estimator, OuterOptimizer& optimizer,
               const DriverOptions& driver, const Vec& start) {
  return solve(driver, problem.space, *make_oracle(problem, solver, estimator, shipped::Run::quiet()), optimizer, start);
}

}  // namespace

TEST_CASE("shipped: every run that a benchmark has in code is that of its run file, to the bit") {
  const std::string source = tacit::test::source_dir();
  const Strategies strategies;
  for (const std::string& name : shipped::names()) {
    CAPTURE(name);
    const auto a = assemble(load_run_file(source + "/configs/" + name + ".yaml", {}, strategies.catalog), strategies);
    const shipped::Run here(shipped::choices(name, source));
    const Vec start = starting_point(*a, strategies);
    CHECK(here.start() == start);
    DriverOptions driver;
    driver.max_steps = a->config.outer.max_steps;
    driver.tolerance = a->config.outer.tolerance;
    const Summary expected =
        run_of(a->problem, a->method.solver, a->method.estimator, *make_optimizer(a->config, strategies), driver, start);
    const Summary got = run_of(here.problem(), here.solver, here.estimator, *here.optimizer(), here.choices.driver, here.start());
    CHECK(got.steps == expected.steps);
    CHECK(got.best.theta == expected.best.theta);
    CHECK(got.best.outer_loss == expected.best.outer_loss);
    CHECK(got.work.gradients == expected.work.gradients);
    CHECK(got.work.hessian_products == expected.work.hessian_products);
  }
}
