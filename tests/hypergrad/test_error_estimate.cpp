// The estimate of a hypergradient's error against the true one, over inner and adjoint budgets of every kind.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

struct Case {
  Problem problem;
  Vec u;
  InnerSolution inner;
  Hypergradient hyper;
  std::string what;
};

/// An integer between lo and hi, spread evenly in its logarithm.
Index budget(test::Numbers& draw, double lo, double hi) {
  return static_cast<Index>(std::lround(std::exp(std::log(lo) + 0.5 * (draw.next() + 1) * std::log(hi / lo))));
}

InnerSolution rough_solve(test::Numbers& draw, const Problem& p, In u, std::string& what) {
  const Index steps = budget(draw, 2, 400);
  what += " steps " + std::to_string(steps);
  switch (budget(draw, 1, 5)) {
    case 1: {
      what += " heavy-ball";
      return test::run_map(std::make_unique<HeavyBall>(), p, u, steps, {TapeRequest::kAll, 1});
    }
    case 2: {
      what += " nesterov";
      return test::run_map(std::make_unique<Nesterov>(), p, u, steps, {TapeRequest::kAll, 1});
    }
    case 3: {
      LbfgsSolver solver;
      what += " lbfgs";
      return solver.solve(p, u, nullptr, {std::pow(10.0, -1.0 - 0.02 * static_cast<double>(steps))}, {});
    }
    case 4: {
      NewtonCgSolver solver;
      what += " newton-cg";
      return solver.solve(p, u, nullptr, {std::pow(10.0, -1.0 - 0.02 * static_cast<double>(steps))}, {});
    }
    default:
      return test::run_map(std::make_unique<GradientDescent>(), p, u, steps, {TapeRequest::kAll, 1});
  }
}

Hypergradient rough_estimate(test::Numbers& draw, const Problem& p, In u, const InnerSolution& s, std::string& what) {
  const Index terms = budget(draw, 1, 200);
  const double tolerance = std::pow(10.0, -4 * (draw.next() + 1));
  what += " terms " + std::to_string(terms) + " tol " + std::to_string(tolerance);
  const Index kind = budget(draw, 1, 6);
  if (s.tape && kind == 1) {
    what += " full";
    return UnrollEstimator(false).estimate(p, u, s, nullptr, 0);
  }
  if (s.tape && kind == 2) {
    UnrollEstimator e(true);
    e.window = Count::of(terms);
    what += " truncated";
    return e.estimate(p, u, s, nullptr, 0);
  }
  if (kind == 3) {
    NeumannEstimator e;
    e.max_steps = terms;
    what += " neumann";
    return e.estimate(p, u, s, nullptr, 1e-10);
  }
  if (kind == 4) {
    what += " one-step";
    return OneStepEstimator().estimate(p, u, s, nullptr, 0);
  }
  if (kind == 5) {
    what += " direct";
    return ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
  }
  what += " cg";
  return ImplicitCgEstimator().estimate(p, u, s, nullptr, tolerance);
}

Case rough_case(unsigned seed) {
  test::Numbers draw(seed);
  Case c;
  const Index d = budget(draw, 3, 25);
  const bool logistic = draw.next() > 0, per_feature = draw.next() > 0;
  const double smallest = std::pow(10.0, -1 + draw.next());
  c.problem = test::random_problem(1000 + seed, d, logistic, per_feature, smallest);
  c.u = Vec(c.problem.f->outer_dim());
  const double level = std::pow(10.0, -3 + 2 * draw.next());
  for (double& each : c.u) each = level * std::pow(10.0, 0.7 * draw.next());
  c.what = "seed " + std::to_string(seed) + " " + c.problem.name + " d " + std::to_string(d) + " level " + std::to_string(level) +
           " smallest " + std::to_string(smallest);
  c.inner = rough_solve(draw, c.problem, c.u, c.what);
  c.hyper = rough_estimate(draw, c.problem, c.u, c.inner, c.what);
  return c;
}

double quantile(std::vector<double> v, double share) {
  std::sort(v.begin(), v.end());
  return v.at(static_cast<std::size_t>(share * static_cast<double>(v.size() - 1)));
}

}  // namespace

TEST_CASE("error estimate: close to the true error over random problems, solvers, estimators and budgets") {
  std::vector<double> ratios;
  for (unsigned seed = 1; seed <= 240; ++seed) {
    const Case c = rough_case(seed);
    CAPTURE(c.what);
    const Hypergradient truth = reference_hypergradient(c.problem, c.u, c.inner.x());
    REQUIRE(usable(truth.status));
    const double off = test::relative_in_theta(c.problem, c.u, c.hyper.gradient, truth.gradient);
    const ErrorEstimate e = estimate_error(c.problem, c.u, c.inner, c.hyper);
    CHECK(e.status == Status::converged);
    if (off < 1e-11) continue;  // nothing but rounding to be seen
    ratios.push_back(test::relative_in_theta(c.problem, c.u, c.hyper.gradient, e.corrected) / off);
    CHECK(ratios.back() > 0.3);
    CHECK(ratios.back() < 3);
  }
  CHECK(ratios.size() > 200);
  CHECK(quantile(ratios, 0.5) == doctest::Approx(1).epsilon(0.02));
  CHECK(quantile(ratios, 0.05) > 0.8);
  CHECK(quantile(ratios, 0.95) < 1.25);
}

TEST_CASE("error estimate: the distance to the inner solution, and errors in the units of theta") {
  for (unsigned seed = 1; seed <= 40; ++seed) {
    const Case c = rough_case(seed);
    CAPTURE(c.what);
    const Vec exact = polish(c.problem, c.u, c.inner.x()).x;
    const double off = (c.inner.x() - exact).norm();
    if (off < 1e-10 * exact.norm()) continue;
    const ErrorEstimate e = estimate_error(c.problem, c.u, c.inner, c.hyper);
    CHECK(e.iterate_error == doctest::Approx(off).epsilon(0.2));
    CHECK(e.error == doctest::Approx(c.u.cwiseProduct(c.hyper.gradient - e.corrected).norm()).epsilon(1e-10));
  }
}

TEST_CASE("error estimate: the bound holds, is near the error, and is empty where constants are missing") {
  std::vector<double> tightness;
  for (unsigned seed = 1; seed <= 240; ++seed) {
    const Case c = rough_case(seed);
    CAPTURE(c.what);
    const ErrorEstimate e = estimate_error(c.problem, c.u, c.inner, c.hyper);
    if (!c.problem.f->quadratic()) {
      CHECK(std::isnan(e.bound));
      CHECK(std::isnan(e.bound_theta));
      CHECK(std::isnan(e.least_theta));
      continue;
    }
    const Vec truth = reference_hypergradient(c.problem, c.u, c.inner.x()).gradient, off = c.hyper.gradient - truth;
    const double size = c.u.cwiseProduct(truth).norm();
    CHECK(e.least_theta <= size);
    CHECK(e.least_theta >= 0.99 * size);
    CHECK(e.bound >= off.norm());
    CHECK(e.bound_theta >= c.u.cwiseProduct(off).norm());
    tightness.push_back(e.bound_theta / std::max(1e-300, c.u.cwiseProduct(off).norm()));
  }
  CHECK(tightness.size() > 80);
  CHECK(quantile(tightness, 0.5) < 1.001);
  CHECK(quantile(tightness, 0.9) < 2);
}

TEST_CASE("error estimate: with more columns than rows and next to no penalty, soft modes do not hide") {
  for (const Index d : {60, 320}) {  // with and without a factor of f_xx
    for (const bool logistic : {false, true}) {
      for (const double penalty : {1e-6, 1e-4}) {
        test::Numbers draw(5);
        const auto rows = [&](Index n) {
          const Mat a = 1.7 * draw.mat(n, d);
          const Vec y = a.col(0) + 0.3 * draw.vec(n);
          return std::pair<Mat, Vec>(a, logistic ? Vec(y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })) : y);
        };
        const auto train = rows(d / 4), validation = rows(d / 10);
        std::shared_ptr<const Loss> loss = std::make_shared<SquaredLoss>();
        if (logistic) loss = std::make_shared<LogisticLoss>();
        const Problem p = test::linear_problem("wide", loss, train, validation, false);
        const Vec u = Vec::Constant(1, penalty);
        const auto check = [&](const std::string& what, const InnerSolution& s) {
          CAPTURE(d);
          CAPTURE(logistic);
          CAPTURE(penalty);
          CAPTURE(what);
          const Hypergradient h = ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-6);
          const Hypergradient truth = reference_hypergradient(p, u, s.x());
          REQUIRE(usable(truth.status));
          const double off = test::relative_in_theta(p, u, h.gradient, truth.gradient);
          const double seen = test::relative_in_theta(p, u, h.gradient, estimate_error(p, u, s, h).corrected);
          CHECK(std::abs(seen - off) <= 0.1 * off + (d <= LinearModel::kEigenDim ? 1e-6 : 1e-2));
        };
        check("heavy-ball", test::run_map(std::make_unique<HeavyBall>(), p, u, 700, {}));
        check("gradient-descent", test::run_map(std::make_unique<GradientDescent>(), p, u, 700, {}));
        check("lbfgs", LbfgsSolver().solve(p, u, nullptr, {1e-5}, {}));
        check("newton-cg", NewtonCgSolver().solve(p, u, nullptr, {1e-3}, {}));
      }
    }
  }
}

TEST_CASE("error estimate: two passes and a third of the work, where everything was solved tightly") {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(test::reference_problem("logistic_breast_cancer", true), counter);
  const Vec u = Vec::Constant(30, 0.01);
  const InnerSolution s = NewtonCgSolver().solve(p, u, nullptr, {1e-9}, {});
  const Hypergradient h = ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-7);
  const auto solve = counter->read().inner_units();
  const ErrorEstimate e = estimate_error(p, u, s, h);
  const auto estimate = counter->read().inner_units() - solve;
  CHECK(e.rounds <= 2);
  CHECK(3 * estimate <= solve);
  const double off = test::relative_in_theta(p, u, h.gradient, reference_hypergradient(p, u, s.x()).gradient);
  CHECK(off > 1e-12);
  CHECK(test::relative_in_theta(p, u, h.gradient, e.corrected) == doctest::Approx(off).epsilon(0.5));
}

namespace {

struct Saving {
  double truth, estimate;
  Index rounds;
  std::int64_t units;
};

/// The estimate of one random ridge problem, with what it cost.
Saving estimate_of(unsigned seed, const std::function<InnerSolution(const Problem&, In)>& solve,
                   const HypergradientEstimator& estimator, double tolerance, Index size_of_x = 0,
                   const ErrorOptions& options = {}) {
  test::Numbers draw(seed);
  const auto counter = std::make_shared<WorkCounter>();
  const Index d = size_of_x > 0 ? size_of_x : budget(draw, 3, 25);
  const double smallest = std::pow(10.0, -1 + draw.next());
  const Problem p = counted(test::random_problem(3000 + seed, d, false, seed % 2 == 0, smallest), counter);
  Vec u(p.f->outer_dim());
  for (double& each : u) each = std::pow(10.0, -2 + draw.next());
  const InnerSolution s = solve(p, u);
  const Hypergradient h = estimator.estimate(p, u, s, nullptr, tolerance);
  const Vec truth = reference_hypergradient(p, u, s.x()).gradient;
  const double size = u.cwiseProduct(truth).norm(), off = u.cwiseProduct(Vec(h.gradient - truth)).norm();
  const auto before = counter->read().inner_units();
  const ErrorEstimate e = estimate_error(p, u, s, h, options);
  const auto units = counter->read().inner_units() - before;
  CAPTURE(seed);
  CHECK(e.status == Status::converged);
  CHECK(e.bound_theta >= off);
  const Vec x = polish(p, u, s.x()).x;
  CHECK((e.x - x).norm() <= 1e-2 * (s.x() - x).norm() + 1e-10 * x.norm());
  return {off / size, e.error / u.cwiseProduct(e.corrected).norm(), e.rounds, units};
}

}  // namespace

TEST_CASE("error estimate: no corrective solve where point and adjoint were solved tightly enough to tell") {
  int told = 0, told_above = 0, asked = 0;
  for (unsigned seed = 1; seed <= 480; ++seed) {
    // From far too loose to rounding, so that what must not be told is there too. A slow solver and a slow estimator stop right
    // at their tolerances, conjugate gradients far below.
    const double step = (seed - 1) % 240 + 1;
    const double tolerance = std::pow(10.0, seed % 3 == 0 ? -8.5 - 0.02 * step : -1 - 0.05 * step);
    const auto solve = [&](const Problem& p, In u) {
      if (seed % 3 == 1) return CholeskySolver().solve(p, u, nullptr, {1e-12}, {});
      if (seed % 3 == 2) return NewtonCgSolver().solve(p, u, nullptr, {tolerance}, {});
      IterateSolver slow(std::make_unique<GradientDescent>());
      slow.options.max_steps = 20000;
      return slow.solve(p, u, nullptr, {tolerance}, {});
    };
    const ImplicitCgEstimator cg;
    NeumannEstimator slow;
    slow.max_steps = 20000;
    const Saving s = estimate_of(seed, solve, seed % 3 == 0 ? static_cast<const HypergradientEstimator&>(slow) : cg, tolerance);
    CAPTURE(seed);
    CHECK(s.estimate <= 3 * s.truth + 1e-12);
    CHECK(s.estimate >= 0.3 * s.truth - 2e-13);
    if (s.rounds > 0) {
      ++asked;
      continue;
    }
    ++told;
    told_above += s.truth > 1e-12 ? 1 : 0;
    CHECK(s.units <= 2);  // a gradient, and the residual of the adjoint
    CHECK(s.truth <= 1e-9);
  }
  MESSAGE(told << " told, " << told_above << " of them of errors above 1e-12; " << asked << " not");
  CHECK(told >= 50);
  CHECK(told_above >= 3);
  CHECK(asked >= 100);
}

TEST_CASE("error estimate: one round where the rigorous bound shows that it knows the error") {
  std::vector<double> ratios, units;
  for (unsigned seed = 1; seed <= 320; ++seed) {
    test::Numbers draw(7000 + seed);
    const Index steps = budget(draw, 2, 60), terms = budget(draw, 1, 60);
    const auto solve = [&](const Problem& p, In u) {
      return test::run_map(std::make_unique<GradientDescent>(), p, u, steps, {TapeRequest::kAll, 1});
    };
    NeumannEstimator neumann;
    neumann.max_steps = terms;
    const UnrollEstimator full(false);
    const Saving s = estimate_of(seed, solve, seed % 2 == 0 ? static_cast<const HypergradientEstimator&>(full) : neumann, 1e-10);
    if (s.rounds != 1 || !(s.truth > 1e-9)) continue;
    ratios.push_back(s.estimate / s.truth);
    units.push_back(static_cast<double>(s.units));
  }
  REQUIRE(ratios.size() >= 200);
  MESSAGE(ratios.size() << " pairs, estimate / truth: 5 % " << quantile(ratios, 0.05) << ", median " << quantile(ratios, 0.5)
                        << ", 95 % " << quantile(ratios, 0.95) << "; gradients and products: median " << quantile(units, 0.5));
  CHECK(quantile(ratios, 0.5) == doctest::Approx(1).epsilon(0.01));
  CHECK(quantile(ratios, 0) > 0.9);
  CHECK(quantile(ratios, 1) < 1.1);
  CHECK(quantile(units, 0.5) <= 4);
}

TEST_CASE("error estimate: beyond the factor a sloppy round is one of several, until the bound knows the error") {
  ErrorOptions sloppy;
  sloppy.relative = 0.4;
  int several = 0;
  for (unsigned seed = 1; seed <= 16; ++seed) {
    CAPTURE(seed);
    const auto solve = [&](const Problem& p, In u) {
      return test::run_map(std::make_unique<GradientDescent>(), p, u, 5 * seed, {TapeRequest::kAll, 1});
    };
    NeumannEstimator neumann;
    neumann.max_steps = 3 * seed;
    const Saving s = estimate_of(seed, solve, neumann, 1e-10, LinearModel::kEigenDim + 10, sloppy);
    several += s.rounds > 1 ? 1 : 0;
    REQUIRE(s.truth > 1e-9);
    CHECK(s.estimate >= 0.94 * s.truth);
    CHECK(s.estimate <= 1.06 * s.truth);
  }
  CHECK(several >= 8);
}

TEST_CASE("error estimate: what is not finite gives no estimate") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const Vec u = Vec::Constant(1, 0.1);
  InnerSolution s = CholeskySolver().solve(p, u, nullptr, {1e-12}, {});
  const Hypergradient h = ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
  s.z[0] = std::nan("");
  const ErrorEstimate e = estimate_error(p, u, s, h);
  CHECK(e.status == Status::failed);
  CHECK(e.corrected.size() == 0);
  CHECK(std::isnan(e.error));
}

TEST_CASE("error estimate: what the residuals alone tell is the whole error, also without a factor to correct with") {
  int told = 0;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    const Index d = LinearModel::kEigenDim + 10;  // no factor of f_xx beyond that
    const Problem p = test::random_problem(9000 + seed, d, false, seed % 2 == 0, 0.5);
    const Vec u = Vec::Constant(p.f->outer_dim(), 0.3);
    const InnerSolution s = NewtonCgSolver().solve(p, u, nullptr, {1e-14}, {});
    ImplicitCgEstimator cg;
    cg.max_steps = 1000;
    const Hypergradient exact = cg.estimate(p, u, s, nullptr, 1e-14);
    const double size = u.cwiseProduct(exact.gradient).norm();
    // A hypergradient that is off by a known part of its length while point and adjoint are right: what is told is that part.
    for (const double off : {1e-6, 1e-3, 0.3}) {
      CAPTURE(off);
      Hypergradient wrong = exact;
      wrong.gradient += off * exact.gradient;
      const ErrorEstimate e = estimate_error(p, u, s, wrong);
      CHECK(e.error / (off * size) == doctest::Approx(1).epsilon(0.01));
      told += e.rounds == 0 ? 1 : 0;
      CHECK(e.bound_theta >= off * size * (1 - 1e-6));
    }
    // Nothing known to be wrong: what the residuals leave open counts, of which the bound knows as much.
    const ErrorEstimate e = estimate_error(p, u, s, exact);
    if (e.rounds == 0) CHECK(e.error >= 0.99 * 0.5 * e.bound_theta);
    told += e.rounds == 0 ? 1 : 0;
  }
  CHECK(told >= 12);
}

TEST_CASE("error estimate: a known error is estimated as such on every path: factor, rounds of CG, logistic") {
  int told = 0;  // by the factor
  for (const bool logistic : {false, true}) {
    for (const Index d : {Index{8}, LinearModel::kEigenDim + 5}) {
      CAPTURE(logistic);
      CAPTURE(d);
      const Problem p = test::random_problem(9100, d, logistic, true, 0.5);
      const Vec u = Vec::Constant(d, 0.3);
      for (const double tolerance : {1e-3, 1e-7, 1e-13}) {
        CAPTURE(tolerance);
        const InnerSolution s = NewtonCgSolver().solve(p, u, nullptr, {tolerance}, {});
        ImplicitCgEstimator cg;
        cg.max_steps = 1000;
        Hypergradient h = cg.estimate(p, u, s, nullptr, tolerance);
        const Vec truth = reference_hypergradient(p, u, s.x()).gradient;
        h.gradient += 0.1 * truth;
        const double off = u.cwiseProduct(Vec(h.gradient - truth)).norm();
        const ErrorEstimate e = estimate_error(p, u, s, h);
        CHECK(e.error / off == doctest::Approx(1).epsilon(0.05));
        told += e.rounds == 0 && d <= LinearModel::kEigenDim ? 1 : 0;
      }
    }
  }
  CHECK(told >= 1);
}
