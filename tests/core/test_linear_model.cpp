// Linear models against dense formulas and differences.
#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

struct Case {
  Mat x;
  Vec y, s, u, point;
  std::shared_ptr<WorkCounter> work = std::make_shared<WorkCounter>();
  std::shared_ptr<LinearModel> f;
  Eigen::MatrixXd a;  // explicit matrix
};

Case make_case(bool logistic, bool sparse, Index n, Index d, bool per_feature = true) {
  test::Numbers random(static_cast<unsigned>(n + d));
  Case c;
  c.x = random.mat(n, d);
  if (sparse) c.x = (c.x.array().abs() < 0.5).select(0, c.x).eval();
  c.y = random.vec(n);
  if (logistic) c.y = c.y.array().sign();
  c.s = random.vec(n).cwiseAbs() / static_cast<double>(n);
  const Vec shift = random.vec(d), scale = random.vec(d).cwiseAbs().array() + 0.5;
  Design design = sparse ? Design(std::make_shared<CsrMatrix>(c.x.sparseView())) : Design(std::make_shared<Mat>(c.x));
  design = design.standardized(shift, scale).with_intercept().counted(c.work);
  c.a.resize(n, d + 1);
  c.a << (c.x.rowwise() - shift.transpose()) * scale.cwiseInverse().asDiagonal(), Vec::Ones(n);
  Penalty penalty = per_feature ? penalty_per_feature(d, true) : one_penalty(d, true);
  c.u = random.vec(penalty.outer_dim()).cwiseAbs();
  c.point = random.vec(d + 1);
  std::shared_ptr<const Loss> loss = std::make_shared<SquaredLoss>();
  if (logistic) loss = std::make_shared<LogisticLoss>();
  c.f = std::make_shared<LinearModel>(design, loss, c.y, c.s, std::move(penalty));
  return c;
}

/// f, f_x and f_xx written down directly.
struct Dense {
  double value = 0;
  Vec gradient;
  Eigen::MatrixXd hessian;
};

Dense dense(const Case& c, bool logistic) {
  const Vec z = c.a * c.point;
  Vec phi(z.size()), first(z.size()), second(z.size());
  for (Index i = 0; i < z.size(); ++i) {
    if (logistic) {
      const double p = 1 / (1 + std::exp(-c.y[i] * z[i]));
      phi[i] = -std::log(p);
      first[i] = -c.y[i] * (1 - p);
      second[i] = p * (1 - p);
    } else {
      phi[i] = std::pow(z[i] - c.y[i], 2) / 2;
      first[i] = z[i] - c.y[i];
      second[i] = 1;
    }
  }
  Vec l(c.point.size());
  for (Index j = 0; j + 1 < l.size(); ++j) l[j] = c.u.size() == 1 ? c.u[0] : c.u[j];
  l[l.size() - 1] = 0;
  Dense r;
  r.value = c.s.dot(phi) + l.dot(c.point.cwiseAbs2()) / 2;
  r.gradient = c.a.transpose() * c.s.cwiseProduct(first) + l.cwiseProduct(c.point);
  r.hessian = c.a.transpose() * c.s.cwiseProduct(second).asDiagonal() * c.a;
  r.hessian.diagonal() += l;
  return r;
}

double relative(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) { return (a - b).norm() / (1e-300 + b.norm()); }

}  // namespace

TEST_CASE("value, gradient and all second-order products of a linear model are those of the formula") {
  for (const bool logistic : {false, true}) {
    for (const bool sparse : {false, true}) {
      for (const bool per_feature : {false, true}) {
        Case c = make_case(logistic, sparse, 400, 23, per_feature);
        const Dense want = dense(c, logistic);
        const Index n = c.point.size(), m = c.u.size();
        test::Numbers random(1);
        const Vec p = random.vec(n), v = random.vec(m);
        Vec g(n), out(n), outer(m);
        CHECK(c.f->value(c.point, c.u) == doctest::Approx(want.value).epsilon(1e-13));
        CHECK(c.f->gradient(c.point, c.u, g) == doctest::Approx(want.value).epsilon(1e-13));
        CHECK(relative(g, want.gradient) < 1e-12);
        FirstOrder at;
        const auto h = c.f->linearize(c.point, c.u, &at);
        CHECK(at.value == doctest::Approx(want.value).epsilon(1e-13));
        CHECK(relative(at.gradient, want.gradient) < 1e-12);
        h->hessian(p, out);
        CHECK(relative(out, want.hessian * p) < 1e-12);
        c.f->linearize(c.point, c.u)->hessian(p, out);
        CHECK(relative(out, want.hessian * p) < 1e-12);
        h->diagonal(out);
        CHECK(relative(out, want.hessian.diagonal()) < 1e-12);
        c.f->adjoint(c.point, c.u, p, out, outer);
        CHECK(relative(out, want.hessian * p) < 1e-12);
        const Mat pk = random.mat(n, 5), vk = random.mat(m, 5);
        Mat outk(n, 5), full(n, n);
        h->hessian_batch(pk, outk);
        CHECK(relative(outk, want.hessian * pk) < 1e-12);
        c.f->tangents(c.point, c.u, pk, vk, g, outk);
        CHECK(relative(g, want.gradient) < 1e-12);
        Eigen::MatrixXd tangent = want.hessian * pk;
        for (Index j = 0; j + 1 < n; ++j) tangent.row(j) += c.point[j] * vk.row(per_feature ? j : 0);
        CHECK(relative(outk, tangent) < 1e-12);
        h->dense(full);
        CHECK(relative(full, want.hessian) < 1e-12);
        h->hessian(p, out);  // of a quadratic: now from the kept Gram matrix
        CHECK(relative(out, want.hessian * p) < 1e-12);
        c.f->adjoint(c.point, c.u, p, out, outer);
        CHECK(relative(out, want.hessian * p) < 1e-12);
      }
    }
  }
}

TEST_CASE("linear models pass all checks") {
  for (const bool logistic : {false, true}) {
    for (const bool sparse : {false, true}) {
      const Case c = make_case(logistic, sparse, 120, 7);
      Problem p;
      p.f = c.f;
      const VerifyReport r = verify(p, {c.u, c.point});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      for (const Finding& f : r.findings) CHECK_FALSE(f.difference > 1e-8);
    }
  }
}

TEST_CASE("a counted linear model reports its passes, and an objective without data says that it has none to count") {
  const Case c = make_case(true, false, 300, 12);
  const auto counter = std::make_shared<WorkCounter>();
  Problem problem;
  problem.f = c.f;
  const Problem p = counted(problem, counter);
  const auto elsewhere = c.work->data_passes.load();
  Vec g(c.point.size());
  for (int k = 0; k < 3; ++k) p.f->gradient(c.point, c.u, g);
  p.f->linearize(c.point, c.u)->hessian(c.point, g);
  const Work w = counter->read();
  CHECK(w.passes_known);
  CHECK(w.data_passes == 5);
  CHECK(c.work->data_passes.load() == elsewhere + 5);  // who counted before goes on
  const auto other = std::make_shared<WorkCounter>();
  const Problem plain = counted(test::ridge_problem(), other);
  g.resize(plain.f->inner_dim());
  plain.f->gradient(Vec::Zero(g.size()), Vec::Ones(1), g);
  CHECK(other->read().gradients == 1);
  CHECK_FALSE(other->read().passes_known);
}

TEST_CASE("each product of a linear model is one pass over the data") {
  for (const bool logistic : {false, true}) {
    const Case c = make_case(logistic, false, 300, 12);
    const Index n = c.point.size(), m = c.u.size();
    Vec g(n), out(n), outer(m);
    Mat pk = Mat::Ones(n, 4), vk = Mat::Ones(m, 4), outk(n, 4);
    const auto passes = [&](auto&& work) {
      const auto before = c.work->data_passes.load();
      work();
      return c.work->data_passes.load() - before;
    };
    CHECK(passes([&] { c.f->value(c.point, c.u); }) == 1);
    CHECK(passes([&] { c.f->gradient(c.point, c.u, g); }) == 1);
    CHECK(passes([&] { c.f->adjoint(c.point, c.u, g, out, outer); }) == 1);
    CHECK(passes([&] { c.f->tangents(c.point, c.u, pk, vk, g, outk); }) == 1);
    CHECK(passes([&] { c.f->linearize(c.point, c.u); }) == (logistic ? 1 : 0));
    FirstOrder at;
    CHECK(passes([&] { c.f->linearize(c.point, c.u, &at); }) == 1);
    const auto h = c.f->linearize(c.point, c.u);
    CHECK(passes([&] { h->hessian(g, out); }) == (logistic ? 1 : 0));
    CHECK(passes([&] { h->hessian_batch(pk, outk); }) == (logistic ? 1 : 0));
    CHECK(passes([&] { h->cross(g, outer); }) == 0);
    CHECK(passes([&] { h->adjoint(g, out, outer); }) == (logistic ? 1 : 0));
    CHECK(passes([&] { c.f->gradient_scale(c.u); }) == 1);
    CHECK(passes([&] { c.f->gradient_scale(2 * c.u); }) == 0);
    Mat full(n, n);
    CHECK(passes([&] { h->dense(full); }) == (logistic ? 1 : 0));
    CHECK(passes([&] { h->dense(full); }) == (logistic ? 1 : 0));
  }
}

TEST_CASE("a product with what a linearization keeps has the bits of the one at the point, from memory too") {
  for (const bool sparse : {false, true}) {
    for (const auto& size : {std::pair<Index, Index>{300, 40}, {9000, 130}, {1500, 800}}) {
      CAPTURE(size.first);
      const Case c = make_case(true, sparse, size.first, size.second);
      const Index n = c.point.size();
      test::Numbers random(3);
      const Vec p = random.vec(n);
      Vec once(n), once_u(c.u.size()), kept(n), kept_u(c.u.size()), g(n);
      FirstOrder at;
      c.f->linearize(c.point, c.u, &at)->adjoint(p, kept, kept_u);
      c.f->adjoint(c.point, c.u, p, once, once_u);
      CHECK(kept == once);
      CHECK(kept_u == once_u);
      CHECK(c.f->gradient(c.point, c.u, g) == at.value);
      CHECK(at.gradient == g);
    }
  }
}

TEST_CASE("a product goes through the Gram matrix where that reads fewer numbers, and a wide model reads its rows") {
  struct Shape {
    Index rows, columns;
    bool sparse, logistic, by_gram;
  };
  for (const Shape& s :
       {Shape{20, 100, false, false, true}, Shape{20, 100, true, false, true}, Shape{20, 100, false, true, false},
        Shape{400, 400, false, false, true}, Shape{100, 400, false, false, false}, Shape{300, 400, true, false, false},
        Shape{1500, 2100, false, false, false}}) {
    const Case c = make_case(s.logistic, s.sparse, s.rows, s.columns);
    CAPTURE(s.rows);
    CAPTURE(s.columns);
    CHECK(c.f->by_gram() == s.by_gram);
    const Index n = c.point.size();
    Vec out(n);
    const auto h = c.f->linearize(c.point, c.u);
    const auto before = c.work->data_passes.load();
    for (int k = 0; k < 3; ++k) h->hessian(c.point, out);
    CHECK(c.work->data_passes.load() - before == (s.by_gram ? 1 : 3));  // the Gram matrix once
  }
}

TEST_CASE("a curvature outlives its model") {
  Case c = make_case(true, false, 50, 4);
  const Dense want = dense(c, true);
  const auto h = c.f->linearize(c.point, c.u);
  c.f.reset();
  Vec out(5);
  h->hessian(Vec::Ones(5), out);
  CHECK(relative(out, want.hessian * Vec::Ones(5)) < 1e-12);
}

TEST_CASE("smoothness and convexity enclose the eigenvalues of the Hessian") {
  for (const bool logistic : {false, true}) {
    for (const Index d : {5, 60, 310}) {
      const Case c = make_case(logistic, false, 500, d);
      const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(dense(c, logistic).hessian, Eigen::EigenvaluesOnly);
      const double least = eigen.eigenvalues()[0], largest = eigen.eigenvalues()[d];
      CHECK(c.f->smoothness(c.u) >= largest);
      CHECK(c.f->convexity(c.u) <= least);
      CHECK(c.f->convexity(c.u) >= 0);
      if (logistic || d > LinearModel::kEigenDim) continue;
      CHECK(c.f->smoothness(c.u) == doctest::Approx(largest).epsilon(1e-10));
      CHECK(c.f->convexity(c.u) == doctest::Approx(least).epsilon(1e-9));
      CHECK(c.f->smoothness(2 * c.u) > c.f->smoothness(c.u));
    }
  }
  const Case free = make_case(true, false, 100, 3);
  CHECK(free.f->convexity(free.u) == 0);  // the intercept is not penalised
}

TEST_CASE("gradient_scale is the norm of the gradient at zero, for every u") {
  const Case c = make_case(true, true, 200, 9);
  Vec g(10);
  c.f->gradient(Vec::Zero(10), c.u, g);
  CHECK(c.f->gradient_scale(c.u) == doctest::Approx(g.norm()).epsilon(1e-13));
  CHECK(c.f->gradient_scale(5 * c.u) == c.f->gradient_scale(c.u));
}

TEST_CASE("Lanczos bounds the largest eigenvalue from above, closely") {
  for (const Index n : {1, 2, 30, 400}) {
    const Vec d = Vec::LinSpaced(n, 0.5, 3);
    CHECK(lanczos_largest([&](In v, Out out) { out = d.cwiseProduct(v); }, n) >= d[n - 1]);
    CHECK(lanczos_largest([&](In v, Out out) { out = d.cwiseProduct(v); }, n) <= d[n - 1] * 1.001);
    CHECK(lanczos_largest([&](In v, Out out) { out = 0 * v; }, n) == 0);
    CHECK(lanczos_largest([&](In v, Out out) { out = 2 * v; }, n) == doctest::Approx(2).epsilon(1e-10));
  }
}

TEST_CASE("a linear model says what is wrong") {
  const Design a(std::make_shared<Mat>(Mat::Ones(4, 2)));
  const auto logistic = std::make_shared<LogisticLoss>();
  const Vec y = Vec::Ones(4), s = Vec::Ones(4);
  CHECK_THROWS_AS(LinearModel(a, nullptr, y, s, one_penalty(2, false)), UsageError);
  CHECK_THROWS_AS(LinearModel(a, logistic, Vec::Ones(3), s, one_penalty(2, false)), UsageError);
  CHECK_THROWS_AS(LinearModel(a, logistic, y, -s, one_penalty(2, false)), UsageError);
  CHECK_THROWS_AS(LinearModel(a, logistic, y, s, one_penalty(3, false)), UsageError);
  CHECK_THROWS_AS(LinearModel(a, logistic, 0.5 * y, s, one_penalty(2, false)), UsageError);
  CHECK_THROWS_AS(Penalty({0, 1}, Vec::Zero(2), 1), UsageError);
  CHECK_THROWS_AS(Penalty({0}, Vec::Zero(2), 1), UsageError);
  CHECK_THROWS_AS(Penalty({-1, 0}, Vec::Constant(2, -1), 1), UsageError);
}
