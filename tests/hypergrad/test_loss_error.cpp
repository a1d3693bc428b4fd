// The error of an outer loss, estimated cheaply at a solve (loss_error) and with the hypergradient's (estimate_error).
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/loss_error.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "reference_problems.hpp"

namespace {

using namespace tacit;

InnerSolution point(const Problem& problem, In u, const Vec& x) {
  InnerSolution s;
  s.inner_dim = x.size();
  s.z = x;
  s.gradient.resize(x.size());
  problem.f->gradient(x, u, s.gradient);
  s.gradient_norm = s.gradient.norm();
  s.residual = s.gradient_norm / problem.f->gradient_scale(u);
  s.status = Status::step_limit;
  return s;
}

Hypergradient adjoint_at(const Problem& problem, In u, const InnerSolution& inner) {
  return ImplicitDirectEstimator().estimate(problem, u, inner, nullptr, 0);
}

double median(std::vector<double> v) {
  std::sort(v.begin(), v.end());
  return v[v.size() / 2];
}

double at(std::vector<double> v, double share) {
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(share * static_cast<double>(v.size() - 1))];
}

}  // namespace

TEST_CASE("loss error: its two parts are what a loss is off, and what is left when the adjoint has corrected it") {
  std::vector<double> plain, corrected;
  for (unsigned seed = 0; seed < 40; ++seed) {
    const bool logistic = seed % 2 == 1;
    const Problem p = test::random_problem(seed, 6, logistic, seed % 4 < 2, 0.1);
    const Vec u = Vec::Constant(p.f->outer_dim(), std::pow(10.0, -1.0 - seed % 3));
    const Vec best = polish(p, u, Vec::Zero(6)).x;
    const double truth = p.l->value(best, u);
    test::Numbers draw(seed + 100);
    const InnerSolution inner = point(p, u, best + 1e-2 * std::pow(0.5, seed % 5) * best.norm() * draw.vec(6));
    const OuterPoint here = outer_point(p, u, inner);
    const Hypergradient h = adjoint_at(p, u, inner);
    const double first = h.adjoint.dot(here.fx);
    const LossError none = loss_error(p, u, inner, here, nullptr, 0, 0), with = loss_error(p, u, inner, here, &h.adjoint, 0, 0);
    plain.push_back(none.plain() / std::abs(here.value - truth));
    corrected.push_back(with.second / std::abs(here.value - first - truth));
    CHECK(with.first == doctest::Approx(std::abs(first)).epsilon(1e-12));
  }
  CHECK(median(plain) == doctest::Approx(1).epsilon(0.3));
  CHECK(at(plain, 0.05) > 0.3);
  CHECK(at(plain, 0.95) < 5);
  CHECK(median(corrected) == doctest::Approx(1).epsilon(0.3));
  CHECK(at(corrected, 0.05) > 0.2);
  CHECK(at(corrected, 0.95) < 5);
}

TEST_CASE("loss error: where a bound is enough it is one, and takes no product") {
  for (unsigned seed = 0; seed < 20; ++seed) {
    Problem p = test::random_problem(seed, 6, seed % 2 == 1, true, 0.3);
    p.space = HyperSpace();
    const Vec u = Vec::Constant(6, 0.1);
    const Vec best = polish(p, u, Vec::Zero(6)).x;
    test::Numbers draw(seed);
    const InnerSolution inner = point(p, u, best + 1e-4 * draw.vec(6));
    const OuterPoint here = outer_point(p, u, inner);
    const LossError e = loss_error(p, u, inner, here, nullptr, 0, 1e6);
    CHECK(std::abs(here.value - p.l->value(best, u)) <= e.plain());
    const Hypergradient h = adjoint_at(p, u, inner);
    const double left = h.residual * here.lx.norm(), value = here.value - h.adjoint.dot(here.fx);
    const LossError with = loss_error(p, u, inner, here, &h.adjoint, left, 1e6);
    CHECK(std::abs(value - p.l->value(best, u)) <= with.second + 1e-15);
  }
}

TEST_CASE("loss error: a soft mode that the gradient hides is in the error of the loss") {
  // Wide data with a tiny penalty: the gradient at an old solution is small and the way to the new one is long.
  for (unsigned seed = 0; seed < 10; ++seed) {
    test::Numbers draw(seed);
    const bool logistic = seed % 2 == 0;
    const auto rows = [&](Index n) {
      std::pair<Mat, Vec> r{draw.mat(n, 30), draw.vec(n)};
      if (logistic) r.second = r.second.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; });
      return r;
    };
    std::shared_ptr<const Loss> loss;
    if (logistic)
      loss = std::make_shared<LogisticLoss>();
    else
      loss = std::make_shared<SquaredLoss>();
    const Problem p = test::linear_problem("wide", loss, rows(10), rows(20), false);
    const Vec before = Vec::Constant(1, 1e-7), u = Vec::Constant(1, 3e-8);
    const InnerSolution inner = point(p, u, polish(p, before, Vec::Zero(30)).x);
    CHECK(inner.residual < 1e-5);
    const OuterPoint here = outer_point(p, u, inner);
    const double off = std::abs(here.value - p.l->value(polish(p, u, inner.z).x, u));
    const double estimate = loss_error(p, u, inner, here, nullptr, 0, 1e-12 * here.value).plain();
    CAPTURE(seed);
    CHECK(estimate <= 10 * off);
    CHECK(estimate >= 0.1 * off);
  }
}

TEST_CASE("loss error: no curvature to solve with is an error that is not known") {
  const Problem p = test::random_problem(1, 4, true, false, 0.5);
  Problem flat = p;  // a penalty of -10: f_xx is indefinite
  const Vec u = Vec::Constant(1, -10);
  const InnerSolution inner = point(flat, u, Vec::Ones(4));
  const LossError e = loss_error(flat, u, inner, outer_point(flat, u, inner), nullptr, 0, 1);
  CHECK(std::isnan(e.plain()));
}

TEST_CASE("error estimate: the error of the reported loss, plain and corrected, at random budgets") {
  std::vector<double> plain, corrected;
  std::mt19937_64 random(7);
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Problem p = test::random_problem(seed, 8, seed % 2 == 1, seed % 4 < 2, 0.1);
    const Vec u = Vec::Constant(p.f->outer_dim(), std::pow(10.0, -1.0 - seed % 3));
    const auto steps = static_cast<Index>(1 + random() % 60);
    const InnerSolution inner = test::run_map(std::make_unique<GradientDescent>(), p, u, steps, {});
    const Hypergradient h = adjoint_at(p, u, inner);
    const OuterPoint here = outer_point(p, u, inner);
    const double truth = p.l->value(polish(p, u, inner.x()).x, u);
    for (const bool correct : {false, true}) {
      ErrorOptions options;
      options.value = correct ? here.value - h.adjoint.dot(here.fx) : here.value;
      const double off = std::abs(options.value - truth);
      if (!(off > 1e-11 * truth)) continue;
      (correct ? corrected : plain).push_back(estimate_error(p, u, inner, h, options).value_error / off);
    }
  }
  REQUIRE(plain.size() > 40);
  REQUIRE(corrected.size() > 40);
  for (const auto& ratio : {plain, corrected}) {
    CHECK(median(ratio) == doctest::Approx(1).epsilon(0.2));
    CHECK(at(ratio, 0.05) > 0.5);
    CHECK(at(ratio, 0.95) < 2);
  }
}

TEST_CASE("error estimate: rounding that a tiny penalty makes large is in the estimate") {
  int compared = 0;
  // Newton and Cholesky with more columns than rows: x has errors of eps / l2 in the null space, where w is 1 / l2 long.
  for (const double l2 : {1e-7, 1e-9, 1e-11, 1e-13}) {
    for (unsigned seed = 0; seed < 6; ++seed) {
      test::Numbers draw(seed);
      const auto rows = [&](Index n) { return std::pair<Mat, Vec>{draw.mat(n, 40), draw.vec(n)}; };
      const Problem p = test::linear_problem("wide", std::make_shared<SquaredLoss>(), rows(12), rows(8), seed % 2 == 1);
      const Vec u = Vec::Constant(p.f->outer_dim(), l2);
      InnerSolution inner;
      if (seed % 3 == 0)
        inner = NewtonSolver().solve(p, u, nullptr, {}, {});
      else
        inner = CholeskySolver().solve(p, u, nullptr, {}, {});
      if (!usable(inner.status)) continue;
      const Hypergradient h = adjoint_at(p, u, inner);
      const double value = p.l->value(inner.x(), u);
      ErrorOptions options;
      options.floor = 1e-4 * value;
      options.value = value;
      const ErrorEstimate e = estimate_error(p, u, inner, h, options);
      const Hypergradient truth = reference_hypergradient(p, u, inner.x());
      const double off = (l2 * (h.gradient - truth.gradient)).norm(),
                   scale = std::max((l2 * truth.gradient).norm(), options.floor);
      CAPTURE(l2);
      CAPTURE(seed);
      // The reference is double precision too: what it differs by from another start is what it does not know.
      const Vec other = reference_hypergradient(p, u, Vec::Zero(40)).gradient;
      const double noise = (l2 * (truth.gradient - other)).norm();
      if (!(off > 1e-6 * scale && off > 10 * noise)) continue;
      ++compared;
      CHECK(e.error >= 0.1 * off);
      // Where the condition number takes nearly all digits the correction is rounding too, and may say more than there is.
      if (l2 > 1e-12) CHECK(e.error <= 10 * off);
    }
  }
  CHECK(compared >= 5);
}
