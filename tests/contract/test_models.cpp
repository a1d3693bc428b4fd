// What every registered model owes, whatever its name, and every model of a loss that came through the loss door: derivatives
// that fit, constants that enclose the curvature, the same numbers from dense and sparse rows, weights that count rows, an
// intercept that is free.
#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/verify/verify.hpp>

#include "model_families.hpp"

using namespace tacit;
using namespace models_test;

TEST_CASE("models: derivatives of every registered model and of its criterion pass all checks") {
  for_each_model([](const Made& m) {
    test::Numbers draw(3);
    for (int k = 0; k < 3; ++k) {
      const VerifyReport r = verify(m.problem, {penalties(m.problem), draw.vec(m.problem.f->inner_dim())});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      for (const Finding& f : r.findings) {
        CAPTURE(f.sentence());
        if (f.verdict == Verdict::not_checked) continue;
        CHECK(f.difference <= (f.against.find("differences") == 0 ? 1e-7 : 1e-12));
      }
    }
  });
}

TEST_CASE("models: no check gives a false alarm, whatever the units of x and of the penalties are") {
  int seed = 0;
  for_each_model([&](const Made& m) {
    for (const double size : {0.0, 1e-6, 1e-3, 1e3, 1e6}) {
      for (const double level : {1e-6, 1e-2, 1e2, 1e6}) {
        VerifyOptions options;
        options.seed = static_cast<std::uint64_t>(++seed);
        const Vec x = size * test::Numbers(static_cast<unsigned>(seed)).vec(m.problem.f->inner_dim());
        const VerifyReport r = verify(m.problem, {level * penalties(m.problem), x}, options);
        CAPTURE(size);
        CAPTURE(level);
        CAPTURE(r.to_text());
        CHECK(r.ok());
        CHECK(r.find("hessian")->verdict == Verdict::ok);
      }
    }
    for (const double level : {1e-6, 1.0, 1e6}) {  // at a point of its own
      const VerifyReport r = verify(m.problem, {level * penalties(m.problem)});
      CAPTURE(level);
      CAPTURE(r.to_text());
      CHECK(r.ok());
    }
  });
}

TEST_CASE("models: dense form, diagonal and batches are one and the same Hessian, before and after it is kept") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Vec u = penalties(m.problem), x = test::Numbers(9).vec(f.inner_dim());
    const Index n = f.inner_dim();
    const auto curvature = f.linearize(x, u);
    Mat single(n, n), batch(n, n), dense(n, n);
    Vec column(n), diagonal(n);
    for (Index j = 0; j < n; ++j) {
      curvature->hessian(Vec::Unit(n, j), column);
      single.col(j) = column;
    }
    curvature->hessian_batch(Mat::Identity(n, n), batch);
    CHECK((batch - single).norm() <= 1e-13 * single.norm());
    if (curvature->diagonal(diagonal)) CHECK((diagonal - single.diagonal()).norm() <= 1e-13 * diagonal.norm());
    if (!curvature->dense(dense)) return;
    CHECK((dense - single).norm() <= 1e-13 * single.norm());
    CHECK(curvature->factor_cost(n) >= 0);
    CHECK(std::isfinite(curvature->factor_cost(n)));
    CHECK(curvature->refactor_cost(n) >= 0);
    CHECK(curvature->refactor_cost(n) <= curvature->factor_cost(n));
    f.linearize(x, u)->hessian_batch(Mat::Identity(n, n), batch);
    CHECK((batch - single).norm() <= 1e-13 * single.norm());
  });
}

TEST_CASE("models: the diagonal that u adds to the Hessian is what u changes of it") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Index n = f.inner_dim();
    const Vec u = penalties(m.problem), other = 3 * u, x = test::Numbers(10).vec(n);
    Vec c(n), more(n);
    REQUIRE(f.penalty_diagonal(u, c));
    REQUIRE(f.penalty_diagonal(other, more));
    CHECK(c.maxCoeff() > 0);
    Mat a(n, n), b(n, n);
    hessian_matrix(*f.linearize(x, u), a);
    hessian_matrix(*f.linearize(x, other), b);
    const Mat expected = a + Mat((more - c).asDiagonal());
    CHECK((b - expected).norm() <= 1e-13 * b.norm());
  });
}

TEST_CASE("models: smoothness and convexity enclose the curvature everywhere, and so does the criterion's constant") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Criterion& l = *m.problem.l;
    const Index n = f.inner_dim();
    test::Numbers draw(11);
    for (const double level : {1e-9, 1e-3, 1.0, 1e6}) {
      const Vec u = level * penalties(m.problem);
      for (const double size : {0.0, 0.1, 30.0}) {
        const Vec x = size * draw.vec(n);
        Mat h(n, n);
        hessian_matrix(*f.linearize(x, u), h);
        const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(h), Eigen::EigenvaluesOnly).eigenvalues();
        const double rounding = 1e-14 * e[n - 1];
        CHECK(f.smoothness(u) >= e[n - 1] - rounding);
        CHECK(f.convexity(u) <= e[0] + rounding);
        CHECK(f.convexity(u) >= 0);
      }
    }
    if (std::isnan(l.smoothness())) return;
    const Vec u = penalties(m.problem);
    Vec ga(n), gb(n), gu(u.size());
    for (int k = 0; k < 200; ++k) {
      const Vec a = draw.vec(n), b = a + std::pow(10.0, 2 * draw.next()) * draw.vec(n);
      l.gradient(a, u, ga, gu);
      CHECK(gu.isZero(0));  // a constant promises that l_u does not depend on x
      l.gradient(b, u, gb, gu);
      CHECK((ga - gb).norm() <= l.smoothness() * (a - b).norm() * (1 + 1e-12));
    }
  });
}

TEST_CASE("models: sparse rows give the numbers of dense ones") {
  for_each_model([](const Made& m) {
    if (!m.sparse) return;
    const Problem other = m.family.make(parts_of(m.family.classifier, false, m.parts.weights.size() > 0), m.options);
    const Index n = m.problem.f->inner_dim();
    const Vec u = penalties(m.problem), x = test::Numbers(13).vec(n), p = test::Numbers(14).vec(n);
    Vec ga(n), gb(n), ca(u.size()), cb(u.size());
    CHECK(m.problem.f->gradient(x, u, ga) == doctest::Approx(other.f->gradient(x, u, gb)).epsilon(1e-14));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    m.problem.f->adjoint(x, u, p, ga, ca);
    other.f->adjoint(x, u, p, gb, cb);
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    CHECK((ca - cb).norm() <= 1e-13 * cb.norm());
    CHECK(m.problem.l->gradient(x, u, ga, ca) == doctest::Approx(other.l->gradient(x, u, gb, cb)).epsilon(1e-14));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
    CHECK((m.problem.space.lower() - other.space.lower()).norm() <= 1e-13);
  });
}

TEST_CASE("models: weight 2 is a row twice and weight 0 a row left out") {
  for_each_model([](const Made& m) {
    ModelParts weighted = m.parts, repeated = m.parts;
    weighted.weights = Vec::Ones(kTrain);
    weighted.weights[3] = 2;
    weighted.weights[8] = 0;
    std::vector<Index> rows;
    for (Index i = 0; i < kTrain; ++i)
      for (Index k = 0; k < static_cast<Index>(weighted.weights[i]); ++k) rows.push_back(i);
    repeated.train = weighted.train.row_list(rows);
    repeated.y = weighted.y(rows);
    repeated.weights = Vec();
    const Problem a = m.family.make(weighted, m.options), b = m.family.make(repeated, m.options);
    const Vec u = penalties(a), x = test::Numbers(15).vec(a.f->inner_dim());
    Vec ga(x.size()), gb(x.size());
    CHECK(a.f->gradient(x, u, ga) == doctest::Approx(b.f->gradient(x, u, gb)).epsilon(1e-13));
    CHECK((ga - gb).norm() <= 1e-13 * gb.norm());
  });
}

TEST_CASE("models: the intercept is a last coordinate that no penalty touches") {
  for_each_model([](const Made& m) {
    CHECK(m.problem.f->inner_dim() == kFeatures + (m.options.intercept ? 1 : 0));
    if (!m.options.intercept) return;
    const Index n = m.problem.f->inner_dim(), b = n - 1;
    const Vec u = penalties(m.problem), x = test::Numbers(17).vec(n);
    Vec g(n), more(n), cross(n);
    m.problem.f->gradient(x, u, g);
    m.problem.f->gradient(x, 3 * u, more);
    CHECK(more[b] == g[b]);
    CHECK((more - g).head(b).norm() > 0);
    m.problem.f->linearize(x, u)->cross_t(Vec::Ones(u.size()), cross);
    CHECK(cross[b] == 0);
    // It acts as a column of ones.
    ModelOptions without = m.options;
    without.intercept = false;
    const Problem plain = m.family.make(m.parts, without);
    Vec level = x;
    level[b] = 0;
    CHECK(m.problem.f->value(level, u) == doctest::Approx(plain.f->value(x.head(b), u)).epsilon(1e-14));
  });
}

TEST_CASE("models: tangents without du are those of the identity, bit for bit, and count the same") {
  for_each_model([](const Made& m) {
    const Index n = m.problem.f->inner_dim(), k = m.problem.f->outer_dim();
    const Vec u = penalties(m.problem), x = test::Numbers(51).vec(n);
    const Mat dx = test::Numbers(52).mat(n, k);
    Vec g(n), same(n);
    Mat dg(n, k), explicitly(n, k);
    const auto with = std::make_shared<WorkCounter>(), without = std::make_shared<WorkCounter>();
    counted(m.problem, with).f->tangents(x, u, dx, Mat::Identity(k, k), same, explicitly);
    counted(m.problem, without).f->tangents(x, u, dx, Mat(), g, dg);
    CHECK(g == same);
    CHECK(dg == explicitly);
    CHECK(with->read() == without->read());
  });
}
