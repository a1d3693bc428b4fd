// Estimates and references by steps with a factor of f_xx from another point and other penalties, against the truth.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include <tacit/hypergrad/detail/near_steps.hpp>
#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

struct Case {
  Problem problem;
  Vec u, best;
  Vec truth;  ///< hypergradient
  InnerSolution inner;
  Hypergradient hyper;
};

/// f_xx^{-1} at another point, with penalties between 0.6 and 1.6 times those of u.
std::shared_ptr<const CholeskyInverse> factor_elsewhere(test::Numbers& draw, const Problem& p, In u, In x) {
  const Vec other = u.cwiseProduct(draw.vec(u.size()).unaryExpr([](double t) { return std::pow(1.6, t); }));
  Mat h(x.size(), x.size());
  REQUIRE(p.f->linearize(Vec(x + 0.1 * x.norm() / std::sqrt(x.size()) * draw.vec(x.size())), other)->dense(h));
  return cholesky_inverse(h);
}

/// A point and an adjoint that are off by up to `off` of their lengths, solved for with such a factor.
Case some_case(unsigned seed, double off) {
  const Index d = 12;
  Case c{test::random_problem(seed, d, true, true, 0.05), {}, {}, {}, {}, {}};
  test::Numbers draw(seed + 500);
  c.u = draw.vec(d).unaryExpr([](double t) { return std::pow(10.0, -2 + t); });
  c.best = polish(c.problem, c.u, Vec::Zero(d)).x;
  const Hypergradient exact = reference_hypergradient(c.problem, c.u, c.best);
  c.truth = exact.gradient;
  const auto aside = [&](const Vec& v) { return Vec(v + off * v.norm() / std::sqrt(v.size()) * draw.vec(v.size())); };
  InnerSolution& s = c.inner;
  s.z = aside(c.best);
  s.x0 = s.x_cold = Vec::Zero(d);
  s.inner_dim = d;
  s.status = Status::converged;
  s.inverse = factor_elsewhere(draw, c.problem, c.u, c.best);
  REQUIRE(s.inverse);
  FirstOrder at;
  s.curvature = c.problem.f->linearize(s.z, c.u, &at);
  s.gradient = at.gradient;
  s.value = at.value;
  s.gradient_norm = at.gradient.norm();
  s.residual = s.gradient_norm / c.problem.f->gradient_scale(c.u);
  Vec step(d), g(d), lx(d), lu(d), cross(d);
  s.inverse->apply(at.gradient, step);
  c.problem.f->gradient(s.z - step, c.u, g);
  s.inverse_left = g.norm() / at.gradient.norm();
  Hypergradient& h = c.hyper;
  h.adjoint = aside(exact.adjoint);
  c.problem.l->gradient(s.z, c.u, lx, lu);
  s.curvature->cross(h.adjoint, cross);
  h.gradient = lu - cross;
  h.status = Status::converged;
  return c;
}

double in_theta(const Case& c, const Vec& gradient) { return c.u.cwiseProduct(gradient).norm(); }

}  // namespace

TEST_CASE("near steps: they tell the error of a hypergradient, the point and how far that is off") {
  int by_steps = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const double off = std::pow(10.0, -2.0 - seed % 5);
    const Case c = some_case(seed, off);
    CAPTURE(seed);
    CAPTURE(c.inner.inverse_left);
    const ErrorEstimate e = estimate_error(c.problem, c.u, c.inner, c.hyper);
    CHECK(e.status == Status::converged);
    if (e.fx.size() == 0) continue;
    ++by_steps;
    const double truth = in_theta(c, c.hyper.gradient - c.truth), size = in_theta(c, c.truth);
    CHECK(e.error == doctest::Approx(truth).epsilon(truth <= 1e-3 * size ? 0.3 : 0.1));
    const double away = (e.x - c.best).norm();
    CHECK(e.distance >= away);
    CHECK(e.distance <= 6 * away + 1e-12 * c.best.norm());
    CHECK(away <= 0.5 * (c.inner.x() - c.best).norm());
    Vec g(c.best.size());
    c.problem.f->gradient(e.x, c.u, g);
    CHECK((g - e.fx).norm() <= 1e-12 * c.problem.f->gradient_scale(c.u));
  }
  CHECK(by_steps >= 40);
}

TEST_CASE("near steps: a reference by them is the truth to 1e-3 of what it measures") {
  int told = 0;
  for (unsigned seed = 0; seed < 60; ++seed) {
    const Case c = some_case(seed, std::pow(10.0, -1.0 - seed % 8));
    CAPTURE(seed);
    CAPTURE(c.inner.inverse_left);
    if (!(c.inner.inverse_left <= 0.5)) continue;
    ReferenceStart near{c.inner.inverse, c.hyper.adjoint, c.hyper.gradient, c.hyper.gradient, c.inner.gradient};
    near.left = c.inner.inverse_left;
    const Hypergradient h = reference_hypergradient(c.problem, c.u, c.inner.x(), near);
    told += std::isnan(h.residual) ? 1 : 0;  // else it took CG
    const double measured = in_theta(c, c.hyper.gradient - c.truth);
    CHECK(in_theta(c, h.gradient - c.truth) <= 2e-3 * measured + 1e-11 * in_theta(c, c.truth));
  }
  CHECK(told >= 30);
}

TEST_CASE("near steps: a factor of another matrix is found out") {
  Case c = some_case(3, 1e-2);
  c.inner.inverse = cholesky_inverse(Mat::Identity(12, 12));
  c.inner.inverse_left = 0.1;  // so it says
  const ErrorEstimate e = estimate_error(c.problem, c.u, c.inner, c.hyper);
  CHECK(e.fx.size() == 0);
  CHECK(e.status == Status::converged);
  const double truth = in_theta(c, c.hyper.gradient - c.truth);
  CHECK(e.error == doctest::Approx(truth).epsilon(0.1));
  ReferenceStart near{c.inner.inverse, c.hyper.adjoint, c.hyper.gradient, c.hyper.gradient, c.inner.gradient};
  near.left = 0.1;
  const Hypergradient h = reference_hypergradient(c.problem, c.u, c.inner.x(), near);
  CHECK(in_theta(c, h.gradient - c.truth) <= 1e-9 * in_theta(c, c.truth));
}
