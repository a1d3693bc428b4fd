// Moments of rows: merged sets against the same rows together, columns far from 0, constant columns, and the inverses they give.
#include <doctest/doctest.h>

#include <limits>
#include <memory>
#include <vector>

#include <Eigen/Eigenvalues>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/moment_model.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

Design rows_of(const Mat& a, bool sparse = false) {
  if (sparse) return Design(std::make_shared<CsrMatrix>(a.sparseView()));
  return Design(std::make_shared<Mat>(a));
}

/// Moments by their definition, in long double.
struct Plain {
  Vec mean, cross;
  Mat gram;
  double y_mean, square;
};

Plain plain_moments(const Mat& a, const Vec& y, const Vec& w) {
  using Wide = Eigen::Matrix<long double, Eigen::Dynamic, Eigen::Dynamic>;
  const Wide x = a.cast<long double>(), t = y.cast<long double>(), v = w.cast<long double>();
  const long double total = v.sum();
  const Wide mean = x.transpose() * v / total;
  const long double level = (v.transpose() * t)(0, 0) / total;
  const Wide centred = x.rowwise() - mean.col(0).transpose(), off = (t.array() - level).matrix();
  const Wide weighted = v.col(0).asDiagonal() * centred;
  const Wide gram = weighted.transpose() * centred, cross = weighted.transpose() * off;
  const long double square = (off.cwiseAbs2().transpose() * v)(0, 0);
  return {mean.cast<double>(), cross.cast<double>(), gram.cast<double>(), static_cast<double>(level),
          static_cast<double>(square)};
}

void check_near(const RowMoments& m, const Plain& p, double tolerance) {
  CHECK((m.gram - p.gram).norm() <= tolerance * p.gram.norm());
  CHECK((m.cross - p.cross).norm() <= tolerance * (p.cross.norm() + std::sqrt(p.gram.trace() * p.square)));
  CHECK(m.square == doctest::Approx(p.square).epsilon(tolerance));
  CHECK((m.anchor + m.mean - p.mean).cwiseAbs().maxCoeff() <= 1e-15 * p.mean.cwiseAbs().maxCoeff() + 1e-15);
  CHECK(m.y_anchor + m.y_mean == doctest::Approx(p.y_mean).epsilon(1e-14));
}

Mat some_rows(Index n, Index d, unsigned seed) {
  Mat a = test::Numbers(seed).mat(n, d);
  for (Index j = 0; j < d; ++j) a.col(j) *= std::pow(10.0, static_cast<double>(j % 4) - 2);
  return (a.array().abs() < 0.003).select(0, a);
}

}  // namespace

TEST_CASE("moments: of dense and of sparse rows they are what their definition says, for any weights") {
  const Mat a = some_rows(90, 7, 3);
  const Vec y = (test::Numbers(4).vec(90).array() + 5).matrix();
  Vec w = (test::Numbers(5).vec(90).array() + 1.5).matrix();
  w[3] = 0;
  const Plain plain = plain_moments(a, y, w);
  for (const bool sparse : {false, true}) {
    CAPTURE(sparse);
    const RowMoments m = row_moments(rows_of(a, sparse), y, w);
    CHECK(m.weight == doctest::Approx(w.sum()));
    check_near(m, plain, 1e-13);
    CHECK((m.cancelled.maxCoeff() > 0) == sparse);
  }
  CHECK(row_moments(rows_of(a), y, Vec::Zero(90)).weight == 0);
  CHECK_THROWS_WITH_AS(row_moments(rows_of(a), y, Vec::Constant(90, -1)), doctest::Contains("not negative"), UsageError);
  CHECK_THROWS_AS(row_moments(rows_of(a).with_intercept(), y, w), UsageError);
}

TEST_CASE("moments: sets that are merged give those of their rows together, in any grouping") {
  const Mat a = some_rows(60, 5, 7);
  const Vec y = test::Numbers(8).vec(60), w = (test::Numbers(9).vec(60).array() + 1.2).matrix();
  std::vector<RowMoments> sets;
  for (const auto& [first, count] : {std::pair<Index, Index>{0, 7}, {7, 30}, {37, 1}, {38, 22}})
    sets.push_back(row_moments(rows_of(a.middleRows(first, count)), y.segment(first, count), w.segment(first, count)));
  RowMoments all;
  for (const RowMoments& m : sets) all = merged(all, m);
  check_near(all, plain_moments(a, y, w), 1e-13);
  check_near(merged(merged(sets[3], sets[1]), merged(sets[2], sets[0])), plain_moments(a, y, w), 1e-13);
  const std::vector<RowMoments> others = all_but_one(sets);
  for (std::size_t k = 0; k < sets.size(); ++k) {
    CHECK(others[k].weight + sets[k].weight == doctest::Approx(w.sum()));
    check_near(merged(sets[k], others[k]), plain_moments(a, y, w), 1e-13);
  }
  CHECK(all_but_one({sets[0]})[0].weight == 0);
}

TEST_CASE("moments: of a set nothing is left in those of all but it, not a bit, and a column constant outside is constant") {
  const Mat a = some_rows(40, 4, 11);
  const Vec y = test::Numbers(12).vec(40), one = Vec::Ones(10);
  for (const bool sparse : {false, true}) {
    CAPTURE(sparse);
    const auto sets = [&](double huge) {
      Mat b = a;
      b.middleRows(10, 30).col(2).setConstant(0.1);  // varies in the first set alone
      b.topRows(10) *= huge;
      std::vector<RowMoments> m;
      for (Index k = 0; k < 4; ++k) {
        Vec target = y.segment(10 * k, 10);
        if (k == 0) target *= huge;
        m.push_back(row_moments(rows_of(b.middleRows(10 * k, 10), sparse), target, one));
      }
      return all_but_one(m)[0];
    };
    const RowMoments before = sets(1), after = sets(1e30);
    CHECK(before.gram == after.gram);
    CHECK(before.cross == after.cross);
    CHECK(before.mean == after.mean);
    CHECK(before.anchor == after.anchor);
    CHECK(before.square == after.square);
    CHECK(before.gram.col(2).isZero(0));
    CHECK(before.cross[2] == 0);
    CHECK(before.low[2] == 0.1);
    CHECK(before.high[2] == 0.1);
    CHECK(before.column_moments().mean[2] == 0.1);
    CHECK(before.column_moments().deviation[2] == 0);
  }
}

TEST_CASE("moments: columns and targets far from 0 keep the digits in which their rows differ") {
  Mat a = test::Numbers(13).mat(50, 3);
  a.col(0).array() += 1e8;
  a.col(1).array() -= 3e6;
  const Vec y = (test::Numbers(14).vec(50).array() + 1e7).matrix(), w = Vec::Ones(50);
  const Plain plain = plain_moments(a, y, w);
  check_near(row_moments(rows_of(a), y, w), plain, 1e-14);
  RowMoments all;
  for (Index k = 0; k < 5; ++k)
    all = merged(all, row_moments(rows_of(a.middleRows(10 * k, 10)), y.segment(10 * k, 10), w.head(10)));
  check_near(all, plain, 1e-14);
  // Columns less a centre and over a scale, taken from the moments, and from the rows themselves.
  const Vec centre = all.column_moments().mean, shift = Vec::Constant(3, 0.25), scale = Vec::LinSpaced(3, 0.5, 2);
  Mat b = ((a.rowwise() - centre.transpose()).rowwise() - shift.transpose()) * scale.cwiseInverse().asDiagonal();
  const RowMoments scaled = standardized(all, shift, scale, centre);
  check_near(scaled, plain_moments(b, y, w), 1e-14);
  CHECK((scaled.low - b.colwise().minCoeff().transpose()).norm() <= 1e-14);
  CHECK((scaled.high - b.colwise().maxCoeff().transpose()).norm() <= 1e-14);
  // Sparse rows are not shifted, and say how much that costs.
  CHECK(row_moments(rows_of(a, true), y, w).lost() > 1e14);
  CHECK(row_moments(rows_of(test::Numbers(15).mat(50, 3), true), y, w).lost() < 1);
}

TEST_CASE("moments: the inverse of the curvature is one, of one penalty and of many, with an intercept and without") {
  const Mat a = (some_rows(80, 6, 17).array() + 0.3).matrix();
  const Vec y = test::Numbers(18).vec(80), s = Vec::Constant(80, 1.0 / 80);
  for (const bool intercept : {false, true}) {
    for (const bool many : {false, true}) {
      CAPTURE(intercept);
      CAPTURE(many);
      const Design x = intercept ? rows_of(a).with_intercept() : rows_of(a);
      const auto rows = std::make_shared<const LinearModel>(x, std::make_shared<SquaredLoss>(), y, s,
                                                            many ? penalty_per_feature(6, intercept) : one_penalty(6, intercept));
      Problem p;
      p.f = std::make_shared<MomentModel>(
          rows, std::make_shared<const MomentSquares>(row_moments(rows_of(a), y, Vec::Ones(80)), intercept, 1.0 / 80));
      const Index n = p.f->inner_dim();
      for (const double level : {1e-6, 1e-2, 10.0}) {
        const Vec u = level * Vec::LinSpaced(p.f->outer_dim(), 1, 2), b = test::Numbers(19).vec(n);
        const auto curvature = p.f->linearize(Vec::Zero(n), u);
        const auto inverse = curvature->inverse();
        REQUIRE(inverse);
        CHECK(inverse->dim() == n);
        Vec w(n), back(n);
        inverse->apply(b, w);
        curvature->hessian(w, back);
        CHECK((back - b).norm() <= 4 * kEps * p.f->smoothness(u) * w.norm());  // backward stable
        const InnerSolution solved = CholeskySolver().solve(p, u, nullptr, Accuracy{1e-12}, {});
        CHECK(solved.offered);
        CHECK(!solved.inverse);
        Problem through_rows;
        through_rows.f = rows;
        const InnerSolution other = CholeskySolver().solve(through_rows, u, nullptr, Accuracy{1e-12}, {});
        CHECK((solved.x() - other.x()).norm() <= 1e-10 * other.x().norm());
      }
    }
  }
}

TEST_CASE("moments: a matrix that is not positive definite has no inverse in tridiagonal form") {
  Eigen::MatrixXd h = Eigen::MatrixXd::Identity(4, 4);
  h(2, 2) = -0.5;
  const TridiagonalForm form(h);
  CHECK(form.inverse(0.25) == nullptr);
  CHECK(form.inverse(0.75) != nullptr);
  CHECK(form.extreme_eigenvalues().first == doctest::Approx(-0.5));
  CHECK(form.extreme_eigenvalues().second == doctest::Approx(1));
  const TridiagonalForm single(Eigen::MatrixXd::Constant(1, 1, 3.0));
  Vec x = Vec::Ones(1), out(1);
  single.inverse(1)->apply(x, out);
  CHECK(out[0] == 0.25);
}

// 40 columns are three groups of reflections, of which the last one is not full.
TEST_CASE("moments: the tridiagonal form has the inverse and the ends of the spectrum of the matrix") {
  for (const Index n : {2, 3, 17, 40}) {
    CAPTURE(n);
    const Eigen::MatrixXd a = some_rows(n + 3, n, 23), h = a.transpose() * a - 0.1 * Eigen::MatrixXd::Identity(n, n);
    const TridiagonalForm form(h);
    const Vec e = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h, Eigen::EigenvaluesOnly).eigenvalues();
    CHECK(std::abs(form.extreme_eigenvalues().first - e[0]) <= 1e-14 * h.norm());
    CHECK(std::abs(form.extreme_eigenvalues().second - e[n - 1]) <= 1e-14 * h.norm());
    const Vec b = test::Numbers(29).vec(n);
    Vec x(n);
    form.inverse(1)->apply(b, x);
    CHECK((h * x + x - b).norm() <= 1e-12 * b.norm());
  }
  const TridiagonalForm flat(Eigen::MatrixXd::Zero(5, 5));
  CHECK(flat.extreme_eigenvalues().first == 0);
  CHECK(flat.extreme_eigenvalues().second == 0);
}
