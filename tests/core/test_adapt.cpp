#include <doctest/doctest.h>

#include <Eigen/Dense>

#include <tacit/core/model/adapt.hpp>
#include <tacit/core/verify/verify.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// sum_j u_j x_j^4 / 4 + 1/2 (1'x)^2.
struct Quartic {
  Index inner_dim() const { return 5; }
  Index outer_dim() const { return 5; }
  double value(const Vec& x, const Vec& u) const { return u.dot(x.array().pow(4).matrix()) / 4 + 0.5 * x.sum() * x.sum(); }
  Vec gradient(const Vec& x, const Vec& u) const { return u.cwiseProduct(x.array().cube().matrix()) + Vec::Constant(5, x.sum()); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return 3 * u.cwiseProduct(x.cwiseAbs2()).cwiseProduct(p) + Vec::Constant(5, p.sum());
  }
  Vec hessian_diagonal(const Vec& x, const Vec& u) const { return 3 * u.cwiseProduct(x.cwiseAbs2()) + Vec::Ones(5); }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return x.array().cube().matrix().cwiseProduct(p); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x.array().cube().matrix().cwiseProduct(w); }
};

}  // namespace

TEST_CASE("adapt: plain structs pass all checks") {
  for (const Index each : {Index{0}, Index{1}}) {
    for (const Problem& p : {test::ridge_problem(each), test::logistic_problem(each)}) {
      CAPTURE(p.name);
      CHECK(p.check().empty());
      const Vec x = test::Numbers(21).vec(p.f->inner_dim()), at = Vec::Constant(p.f->outer_dim(), 0.3);
      const VerifyReport r = verify(p, {at, x});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      for (const Finding& f : r.findings) CHECK_FALSE(f.difference > 1e-8);
      CHECK(p.f->smoothness(at) > p.f->convexity(at));
    }
  }
}

TEST_CASE("adapt: an estimated smoothness that is too small is no wrong promise, and is said") {
  const Problem p = test::plain_problem("quartic", Quartic{});
  const VerifyReport r = verify(p, {Vec::LinSpaced(5, 0.5, 2), Vec(3 * Vec::Ones(5))});
  CAPTURE(r.to_text());
  CHECK(r.ok());
  CHECK_FALSE(p.f->smoothness_bounds());
  REQUIRE(r.find("smoothness"));
  CHECK(r.find("smoothness")->verdict == Verdict::not_checked);
  CHECK(r.find("smoothness")->note.find("give smoothness(u)") != std::string::npos);
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
