#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include <Eigen/Dense>

#include <tacit/core/linear/dual_inverse.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// A' diag(weight) A + diag(c), by the rows as the design shows them.
Mat hessian(const Design& a, const Vec& weight, const Vec& c) {
  Mat h = c.asDiagonal();
  for (Index i = 0; i < a.rows(); ++i) h += weight[i] * a.row(i) * a.row(i).transpose();
  return h;
}

}  // namespace

TEST_CASE("dual inverse: solves with A'WA + diag(c), dense and sparse, scaled, with and without an intercept") {
  test::Numbers draw(7);
  const Index n = 37, p = 90;
  const Mat x = draw.mat(n, p);
  CsrMatrix csr = Mat((x.array() > 0.5).select(x, 0.0)).sparseView();
  csr.makeCompressed();
  Vec weight = draw.vec(n).cwiseAbs2() / n;
  weight[3] = weight[20] = 0;
  for (const bool sparse : {false, true}) {
    for (const bool scaled : {false, true}) {
      for (const bool intercept : {false, true}) {
        Design a = sparse ? Design(std::make_shared<const CsrMatrix>(csr)) : Design(std::make_shared<const Mat>(x));
        if (scaled) a = a.standardized(sparse ? Vec(Vec::Zero(p)) : draw.vec(p), draw.vec(p).cwiseAbs().array() + 0.5);
        if (intercept) a = a.with_intercept();
        for (const double size : {1e-4, 1.0, 1e3}) {
          Vec c = size * (draw.vec(a.cols()).cwiseAbs2().array() + 1e-2);
          if (intercept) c[p] = 0;
          const auto inverse = dual_inverse(a, weight, c);
          REQUIRE(inverse);
          REQUIRE(inverse->dim() == a.cols());
          const Vec r = draw.vec(a.cols());
          Vec got(a.cols());
          inverse->apply(r, got);
          const Vec exact = hessian(a, weight, c).ldlt().solve(r);
          CAPTURE(sparse);
          CAPTURE(scaled);
          CAPTURE(intercept);
          CAPTURE(size);
          CHECK((got - exact).norm() <= 1e-10 * exact.norm());
        }
      }
    }
  }
}

TEST_CASE("dual inverse: of one penalty from the products of the rows, which serve every penalty and weight") {
  test::Numbers draw(9);
  const Index n = 23, p = 70;
  const Design a = Design(std::make_shared<const Mat>(draw.mat(n, p)))
                       .standardized(draw.vec(p), draw.vec(p).cwiseAbs().array() + 0.5)
                       .with_intercept();
  Mat products(n, n);
  a.row_gram(Vec::Ones(p), products);
  for (const double size : {1e-3, 1.0, 50.0}) {
    const Vec weight = draw.vec(n).cwiseAbs2() / n;
    Vec c = Vec::Constant(p + 1, size);
    c[p] = 0;
    const Vec r = draw.vec(p + 1);
    Vec with(p + 1), without(p + 1);
    dual_inverse(a, weight, c, &products)->apply(r, with);
    dual_inverse(a, weight, c)->apply(r, without);
    CHECK((with - without).norm() <= 1e-11 * without.norm());
    // Of unequal penalties they say nothing, and are not used.
    c[0] *= 2;
    dual_inverse(a, weight, c, &products)->apply(r, with);
    dual_inverse(a, weight, c)->apply(r, without);
    CHECK(with == without);
  }
}

TEST_CASE("dual inverse: it preconditions ridge regressions of many penalties and hundreds of rows, and is kept for a point") {
  test::Numbers draw(10);
  const Index n = 300, p = 1500;
  const auto x = std::make_shared<const Mat>(draw.mat(n, p));
  const LinearModel f(Design(x), std::make_shared<SquaredLoss>(), draw.vec(n), Vec::Constant(n, 1.0 / n),
                      penalty_per_feature(p, false));
  const Vec u = draw.vec(p).unaryExpr([](double a) { return std::pow(10.0, 4 * a); }), b = draw.vec(p);
  const auto curvature = f.linearize(Vec::Zero(p), u);
  const auto inverse = curvature->preconditioner(p);
  CgOptions options;
  options.tolerance = 1e-8;
  options.preconditioner = inverse.get();
  Vec w = Vec::Zero(p);
  const CgResult r = conjugate_gradient([&](In v, Out out) { curvature->hessian(v, out); }, b, w, options);
  CHECK(r.status == Status::converged);
  CHECK(r.steps <= 3);
  CHECK(f.linearize(w, u)->preconditioner(p) == inverse);
  CHECK(f.linearize(w, 2 * u)->preconditioner(p) != inverse);
}

TEST_CASE("dual inverse: there is none where a column has no penalty, or a penalised intercept") {
  test::Numbers draw(8);
  const Design a = Design(std::make_shared<const Mat>(draw.mat(5, 12))).with_intercept();
  Vec c = Vec::Ones(13);
  CHECK_FALSE(dual_inverse(a, Vec::Ones(5), c));
  c[12] = 0;
  CHECK(dual_inverse(a, Vec::Ones(5), c));
  c[4] = 0;
  CHECK_FALSE(dual_inverse(a, Vec::Ones(5), c));
  c[4] = 1;
  CHECK_FALSE(dual_inverse(a, Vec::Zero(5), c));  // nothing determines the intercept
}
