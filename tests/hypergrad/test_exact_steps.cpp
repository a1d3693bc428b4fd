// A tolerance of 0 means exactly K steps: each estimator that counts steps against dense matrices, one K after the other, so that
// a step too few or too many shows.
#include <doctest/doctest.h>

#include <Eigen/Dense>

#include <tacit/hypergrad/estimators.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

struct Dense {
  Problem problem;
  Vec u;
  InnerSolution inner;
  Eigen::MatrixXd h;
  Vec lx, lu;
};

/// A problem of a few variables, solved a little, with its Hessian and l_x there.
Dense dense_case(bool logistic) {
  Dense c{test::random_problem(41, 6, logistic, true, 0.3), Vec::LinSpaced(6, 0.05, 0.4), {}, {}, Vec(6), Vec(6)};
  c.inner = test::run_map(std::make_unique<GradientDescent>(), c.problem, c.u, 7, {TapeRequest::kAll, 1});
  Mat h(6, 6);
  REQUIRE(c.problem.f->linearize(c.inner.x(), c.u)->dense(h));
  c.h = h;
  c.problem.l->gradient(c.inner.x(), c.u, c.lx, c.lu);
  return c;
}

/// l_u - f_ux w: the hypergradient that belongs to an adjoint.
Vec gradient_of(const Dense& c, const Vec& w) {
  Vec fux(c.u.size());
  c.problem.f->linearize(c.inner.x(), c.u)->cross(w, fux);
  return c.lu - fux;
}

void check_same(const Vec& got, const Vec& expected) {
  REQUIRE(got.size() == expected.size());
  CHECK((got - expected).norm() <= 1e-10 * expected.norm());
}

}  // namespace

TEST_CASE("exact steps: implicit-cg with tolerance 0 takes the K-th step of conjugate gradients too") {
  for (const bool logistic : {false, true}) {
    const Dense c = dense_case(logistic);
    CAPTURE(logistic);
    // The textbook iteration, without a preconditioner.
    Vec w = Vec::Zero(6), r = c.lx, p = r;
    for (Index k = 1; k <= 5; ++k) {
      CAPTURE(k);
      const Vec hp = c.h * p;
      const double rr = r.squaredNorm(), alpha = rr / p.dot(hp);
      w += alpha * p;
      r -= alpha * hp;
      p = r + r.squaredNorm() / rr * p;
      ImplicitCgEstimator cg;
      cg.max_steps = k;
      cg.preconditioner = "none";
      const Hypergradient got = cg.estimate(c.problem, c.u, c.inner, nullptr, 0);
      CHECK(got.linear_steps == k);
      check_same(got.gradient, gradient_of(c, w));
    }
  }
}

TEST_CASE("exact steps: neumann has K terms, one-step the first, fixed-point K steps from where it starts") {
  for (const bool logistic : {false, true}) {
    const Dense c = dense_case(logistic);
    CAPTURE(logistic);
    const double alpha = c.inner.map->step_size();
    const Eigen::MatrixXd p = Eigen::MatrixXd::Identity(6, 6) - alpha * c.h;
    Vec sum = Vec::Zero(6), term = c.lx;
    FixedPointEstimator warm;
    warm.max_steps = 3;
    const Hypergradient before = warm.estimate(c.problem, c.u, c.inner, nullptr, 0);
    Vec from = before.state_adjoint;
    for (Index k = 1; k <= 12; ++k) {
      CAPTURE(k);
      sum += term;
      term = p * term;
      from = p * from + c.lx;
      NeumannEstimator neumann;
      neumann.max_steps = k;
      check_same(neumann.estimate(c.problem, c.u, c.inner, nullptr, 0).gradient, gradient_of(c, alpha * sum));
      if (k == 1)
        check_same(OneStepEstimator().estimate(c.problem, c.u, c.inner, nullptr, 0).gradient, gradient_of(c, alpha * sum));
      FixedPointEstimator fixed;
      fixed.max_steps = k;
      check_same(fixed.estimate(c.problem, c.u, c.inner, nullptr, 0).gradient, gradient_of(c, alpha * sum));
      check_same(fixed.estimate(c.problem, c.u, c.inner, &before, 0).gradient, gradient_of(c, alpha * from));
    }
  }
}

TEST_CASE("exact steps: a window of K differentiates the last K steps, no more and no fewer") {
  const Dense c = dense_case(false);  // quadratic: every step has the same Jacobian, and its own state
  const double alpha = c.inner.map->step_size();
  std::vector<Vec> states{Vec::Zero(6)};
  Vec next(6);
  for (Index k = 0; k < 7; ++k) {
    c.inner.map->step(k, states.back(), c.u, next);
    states.push_back(next);
  }
  CHECK((states.back() - c.inner.x()).norm() <= 1e-14);
  for (Index k = 1; k <= 7; ++k) {
    CAPTURE(k);
    Vec lam = c.lx, g = c.lu;
    for (Index i = 0; i < k; ++i) {
      Vec fux(6);
      c.problem.f->linearize(states[static_cast<std::size_t>(6 - i)], c.u)->cross(lam, fux);
      g -= alpha * fux;
      lam = lam - alpha * (c.h * lam);
    }
    UnrollEstimator last(true);
    last.window = Count::of(k);
    check_same(last.estimate(c.problem, c.u, c.inner, nullptr, 0).gradient, g);
  }
}
