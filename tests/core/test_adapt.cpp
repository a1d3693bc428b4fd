#include <doctest/doctest.h>

#include <cmath>

#include <Eigen/Dense>

#include <tacit/core/model/adapt.hpp>
#include <tacit/core/model/check.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// sum_j u_j x_j^4 / 4 + 1/2 (1'x)^2, with a switch that breaks one derivative.
struct Quartic {
  enum class Fault { none, gradient, hessian, cross, cross_t, diagonal } fault = Fault::none;
  double off(Fault f) const { return fault == f ? 1.01 : 1; }
  Index inner_dim() const { return 5; }
  Index outer_dim() const { return 5; }
  double value(const Vec& x, const Vec& u) const { return u.dot(x.array().pow(4).matrix()) / 4 + 0.5 * x.sum() * x.sum(); }
  Vec gradient(const Vec& x, const Vec& u) const {
    return off(Fault::gradient) * u.cwiseProduct(x.array().cube().matrix()) + Vec::Constant(5, x.sum());
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    Vec out = 3 * u.cwiseProduct(x.cwiseAbs2()).cwiseProduct(p) + Vec::Constant(5, p.sum());
    if (fault == Fault::hessian) out[0] += 0.01 * p[1];
    return out;
  }
  Vec hessian_diagonal(const Vec& x, const Vec& u) const {
    return off(Fault::diagonal) * (3 * u.cwiseProduct(x.cwiseAbs2()) + Vec::Ones(5));
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const {
    return off(Fault::cross) * x.array().cube().matrix().cwiseProduct(p);
  }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const {
    return off(Fault::cross_t) * x.array().cube().matrix().cwiseProduct(w);
  }
};

struct WrongCriterion {
  double factor_x = 1, factor_u = 1;
  double value(const Vec& x, const Vec& u) const { return x.squaredNorm() + std::exp(-u[0]); }
  Vec gradient_x(const Vec& x, const Vec&) const { return 2 * factor_x * x; }
  Vec gradient_u(const Vec&, const Vec& u) const {
    Vec g = Vec::Zero(u.size());
    g[0] = -factor_u * std::exp(-u[0]);
    return g;
  }
};

}  // namespace

TEST_CASE("adapt: plain structs pass the derivative checks") {
  const Vec u = (Vec(1) << 0.3).finished();
  for (const Index each : {Index{0}, Index{1}}) {
    for (const Problem& p : {test::ridge_problem(each), test::logistic_problem(each)}) {
      CAPTURE(p.name);
      CHECK(p.check().empty());
      const Vec x = test::Numbers(21).vec(p.f->inner_dim()), at = Vec::Constant(p.f->outer_dim(), u[0]);
      for (const DerivativeCheck& c : {check_gradient(*p.f, x, at), check_hessian_symmetry(*p.f, x, at),
                                       check_cross_adjointness(*p.f, x, at), check_criterion(*p.l, x, at)}) {
        CAPTURE(c.message);
        CHECK(c.ok(1e-8));
        CHECK_FALSE(c.message.empty());
      }
      const DerivativeCheck taylor = check_taylor(*p.f, x, at);
      CAPTURE(taylor.message);
      CHECK(taylor.ok(0.2));
      CHECK(p.f->smoothness(at) > p.f->convexity(at));
    }
  }
}

TEST_CASE("check: each fault is found by the check that looks for it, and named") {
  const Vec x = test::Numbers(31).vec(5), u = Vec::LinSpaced(5, 0.5, 2);
  using Fault = Quartic::Fault;
  const auto f = [](Fault fault) { return adapt(Quartic{fault}); };
  CHECK(check_gradient(*f(Fault::none), x, u).ok(1e-7));
  CHECK(check_hessian_symmetry(*f(Fault::none), x, u).ok(1e-12));
  CHECK(check_cross_adjointness(*f(Fault::none), x, u).ok(1e-12));
  CHECK(check_taylor(*f(Fault::none), x, u).ok(0.2));

  const DerivativeCheck gradient = check_gradient(*f(Fault::gradient), x, u);
  CHECK(gradient.error > 1e-4);
  CHECK(gradient.message.find("f_x") != std::string::npos);
  CHECK(check_taylor(*f(Fault::gradient), x, u).error > 1);
  CHECK(check_hessian_symmetry(*f(Fault::hessian), x, u).error > 1e-5);
  CHECK(check_gradient(*f(Fault::hessian), x, u).message.find("f_xx") != std::string::npos);
  CHECK(check_taylor(*f(Fault::hessian), x, u).error > 0.5);
  CHECK(check_cross_adjointness(*f(Fault::cross), x, u).error > 1e-4);
  CHECK(check_gradient(*f(Fault::cross_t), x, u).message.find("f_xu") != std::string::npos);
  CHECK(check_hessian_symmetry(*f(Fault::diagonal), x, u).message.find("diagonal") != std::string::npos);

  const Vec one = Vec::Ones(2);
  CHECK(check_criterion(*adapt_criterion(WrongCriterion{}), x, one).ok(1e-8));
  CHECK(check_criterion(*adapt_criterion(WrongCriterion{1.01, 1}), x, one).error > 1e-4);
  CHECK(check_criterion(*adapt_criterion(WrongCriterion{1, 1.01}), x, one).error > 1e-4);
}

TEST_CASE("adapt: the step constants are found, or taken from the struct") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.25);
  Mat h(8, 8);
  const auto curvature = p.f->linearize(Vec::Zero(8), u);
  for (Index j = 0; j < 8; ++j) {
    Vec column(8);
    curvature->hessian(Vec::Unit(8, j), column);
    h.col(j) = column;
  }
  const double top = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h).eigenvalues().maxCoeff();
  CHECK(p.f->smoothness(u) >= top * (1 - 1e-9));
  CHECK(p.f->smoothness(u) < top * 1.01);
  CHECK(p.f->convexity(u) == 0.25);
  CHECK(p.f->quadratic());
  CHECK(adapt(Quartic{})->convexity(u) == 0);
  CHECK_FALSE(adapt(Quartic{})->quadratic());
}
