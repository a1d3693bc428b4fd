// The target of an estimator where the run starts next to the solution, so that no two of its points differ by much.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/reference.hpp>
#include <tacit/hypergrad/unroll.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Ten features of sizes 1 to 10^-1.5, and hyperparameters that lie within 1 or 10 % of what generated the task.
struct Task {
  Problem problem;
  Vec u;
};

Task task(unsigned seed, bool near) {
  constexpr Index kFeatures = 10;
  test::Numbers numbers(seed);
  Mat a = numbers.mat(2 * kFeatures, kFeatures);
  for (Index j = 0; j < kFeatures; ++j) a.col(j) *= std::pow(10, -1.5 * static_cast<double>(j) / (kFeatures - 1));
  const Vec truth = 2 * numbers.vec(kFeatures), away = numbers.vec(kFeatures);
  const Mat c = numbers.mat(2 * kFeatures, kFeatures);
  Task t;
  t.problem.f = adapt(test::Proximal{a, a * truth + 0.05 * numbers.vec(2 * kFeatures), 0.05});
  t.problem.l = adapt_criterion(test::ProximalLoss{c, c * truth + 0.05 * numbers.vec(2 * kFeatures)});
  t.problem.space = HyperSpace({HyperBlock{"u", kFeatures, Scale::linear, -1e6, 1e6}});
  if (near) t.problem.start = std::make_shared<test::StartAtU>();
  t.u = truth + (seed % 2 ? 0.01 : 0.1) * truth.norm() / away.norm() * away;
  return t;
}

struct Account {
  Index tried = 0, met = 0, far_and_usable = 0;
};

/// One hypergradient, nothing known before, by the plan of the estimator alone.
void count(Account& account, const Task& t, const HypergradientEstimator& estimator, double target) {
  IterateSolver solver(std::make_unique<GradientDescent>());
  solver.options.max_steps = 100000;
  Calibration calibration;
  const Accuracy asked{1e-11};
  InnerSolution inner = solve_as_planned(t.problem, t.u, solver, estimator, nullptr, calibration, asked);
  const Hypergradient h = estimate_as_planned(t.problem, t.u, solver, estimator, inner, nullptr, calibration, asked, 1e-6);
  const Vec x = NewtonSolver().solve(t.problem, t.u, nullptr, {1e-13}, {}).x();
  const Vec truth = reference_hypergradient(t.problem, t.u, x).gradient;
  const double error = (h.gradient - truth).norm() / truth.norm();
  ++account.tried;
  account.met += error <= target;
  account.far_and_usable += usable(h.status) && error > 3 * target;
}

}  // namespace

TEST_CASE("target: met from a start at the hyperparameters and from zero, by both estimators that have one") {
  for (const bool near : {true, false}) {
    for (const double target : {1e-1, 1e-2, 1e-3}) {
      CAPTURE(near);
      CAPTURE(target);
      Account cg, sweep;
      for (unsigned seed = 1; seed <= 25; ++seed) {
        const Task t = task(seed, near);
        ImplicitCgEstimator implicit;
        implicit.aim(target);
        count(cg, t, implicit, target);
        UnrollEstimator window(true);
        window.window = Count::automatic();
        window.aim(target);
        count(sweep, t, window, target);
      }
      CHECK(cg.met >= 24);
      CHECK(sweep.met >= 24);
      CHECK(cg.far_and_usable == 0);
      CHECK(sweep.far_and_usable == 0);
    }
  }
}

TEST_CASE("target: what cannot be reached has a status that says so, with both numbers") {
  const Task t = task(1, true);
  ImplicitCgEstimator cg;
  cg.aim(1e-3);
  IterateSolver solver(std::make_unique<GradientDescent>());
  solver.options.max_steps = 12;
  Calibration calibration;
  InnerSolution inner = solve_as_planned(t.problem, t.u, solver, cg, nullptr, calibration, {1e-11});
  const Hypergradient h = estimate_as_planned(t.problem, t.u, solver, cg, inner, nullptr, calibration, {1e-11}, 1e-6);
  CHECK(h.status == Status::step_limit);
  CHECK(h.message.find("off by estimate, its target is 1.0e-03") != std::string::npos);
}
