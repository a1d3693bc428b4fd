// What every registered model owes, whatever its name: derivatives that fit, constants that enclose the curvature, the same
// numbers from dense and sparse rows, weights that count rows, an intercept that is free.
#include <doctest/doctest.h>

#include <Eigen/Eigenvalues>

#include <cmath>
#include <functional>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/check.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

constexpr Index kFeatures = 6, kTrain = 30, kValidation = 17;

/// Rows of one storage; a third of the entries are zero, one column is zero throughout, scales are uneven.
Design rows_of(Mat a, bool sparse) {
  if (!sparse) return Design(std::make_shared<Mat>(std::move(a)));
  return Design(std::make_shared<CsrMatrix>(a.sparseView()));
}

Mat raw_rows(Index n, unsigned seed) {
  Mat a = test::uneven_data(n, kFeatures, seed);
  a = (a.array().abs() < 0.3).select(0, a).eval();
  a.col(2).setZero();
  return a;
}

Vec targets(const Mat& a, unsigned seed, bool classifier) {
  const Vec y = a * Vec::LinSpaced(kFeatures, -2, 1) + test::Numbers(seed).vec(a.rows());
  return classifier ? Vec(y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })) : y;
}

ModelParts parts_of(bool classifier, bool sparse, bool weighted) {
  const Mat train = raw_rows(kTrain, 5), validation = raw_rows(kValidation, 6);
  ModelParts p;
  p.train = rows_of(train, sparse);
  p.validation = rows_of(validation, sparse);
  p.y = targets(train, 7, classifier);
  p.validation_y = targets(validation, 8, classifier);
  if (weighted) {
    p.weights = Vec::LinSpaced(kTrain, 0.2, 3);
    p.validation_weights = Vec::LinSpaced(kValidation, 2, 0.5);
  }
  p.groups = {{"even", {0, 2, 4}}, {"odd", {1, 3, 5}}};
  return p;
}

struct Made {
  std::string name;
  const ModelTask& family;
  ModelParts parts;
  ModelOptions options;
  bool sparse;
  Problem problem;
};

/// body(made) for every model in every way in which it can be set up.
void for_each_model(const std::function<void(const Made&)>& body) {
  Registry<ModelTask> registry("model", "model.kind");
  register_models(registry);
  for (const std::string& name : registry.names()) {
    const auto family = registry.make(name);
    for (const bool sparse : {false, true}) {
      for (const bool rich : {false, true}) {  // intercept, weights and a sum, or none of them
        for (const PenaltyPer per : {PenaltyPer::all, PenaltyPer::feature, PenaltyPer::group}) {
          ModelOptions options;
          options.per = per;
          options.intercept = rich;
          options.reduction = rich ? Reduction::sum : Reduction::mean;
          const ModelParts parts = parts_of(family->classifier(), sparse, rich);
          CAPTURE(name);
          CAPTURE(sparse);
          CAPTURE(rich);
          CAPTURE(static_cast<int>(per));
          body({name, *family, parts, options, sparse, family->make(parts, options)});
        }
      }
    }
  }
}

Vec penalties(const Problem& p) { return Vec::LinSpaced(p.f->outer_dim(), 0.03, 0.4); }

}  // namespace

TEST_CASE("models: derivatives of every registered model and of its criterion pass the checks") {
  for_each_model([](const Made& m) {
    const Objective& f = *m.problem.f;
    const Vec u = penalties(m.problem);
    test::Numbers draw(3);
    for (int k = 0; k < 3; ++k) {
      const Vec x = draw.vec(f.inner_dim());
      const auto holds = [](const DerivativeCheck& check, double tolerance) {
        INFO(check.message);
        CHECK(check.ok(tolerance));
      };
      holds(check_gradient(f, x, u), 1e-7);
      holds(check_hessian_symmetry(f, x, u), 1e-12);
      holds(check_cross_adjointness(f, x, u), 1e-12);
      holds(check_taylor(f, x, u), 0.1);
      holds(check_criterion(*m.problem.l, x, u), 1e-7);
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
    f.linearize(x, u)->hessian_batch(Mat::Identity(n, n), batch);
    CHECK((batch - single).norm() <= 1e-13 * single.norm());
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
    const Problem other = m.family.make(parts_of(m.family.classifier(), false, m.parts.weights.size() > 0), m.options);
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
