// The design matrix against plain matrix formulas.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/errors.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

double relative(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) { return (a - b).norm() / (1e-300 + b.norm()); }

/// The matrix that a design stands for, row by row.
Eigen::MatrixXd explicit_matrix(const Design& a) {
  Eigen::MatrixXd m(a.rows(), a.cols());
  for (Index i = 0; i < a.rows(); ++i) m.row(i) = a.row(i).transpose();
  return m;
}

Mat with_zeros(Index n, Index d, unsigned seed) {
  test::Numbers random(seed);
  Mat x = random.mat(n, d);
  return (x.array().abs() < 0.6).select(0, x);
}

std::shared_ptr<CsrMatrix> to_csr(const Mat& x) {
  auto csr = std::make_shared<CsrMatrix>(x.sparseView());
  csr->makeCompressed();
  return csr;
}

/// The Gram matrix with weights of any sign against that of the explicit matrix m.
void check_gram(const Design& a, const Vec& w, const Eigen::MatrixXd& m) {
  CAPTURE(a.rows());
  CAPTURE(a.cols());
  REQUIRE(a.rows() == m.rows());
  Mat h = Mat::Constant(a.cols(), a.cols(), std::numeric_limits<double>::quiet_NaN());
  a.weighted_gram(w, h);
  CHECK((h - m.transpose() * w.asDiagonal() * m).norm() <= 1e-12 * (m.transpose() * w.cwiseAbs().asDiagonal() * m).norm());
  CHECK(h == h.transpose());
}

/// All products of a design against those of the explicit matrix m.
void check_products(const Design& a, const Eigen::MatrixXd& m) {
  REQUIRE(a.rows() == m.rows());
  REQUIRE(a.cols() == m.cols());
  test::Numbers random(5);
  const Index n = a.rows(), d = a.cols();
  const Vec v = random.vec(d), p = random.vec(d), s = random.vec(n), q = s.cwiseAbs();
  Vec t(n), out(d), diagonal(d);
  a.multiply(v, t);
  CHECK(relative(t, m * v) < 1e-14);
  a.multiply_t(s, out);
  CHECK(relative(out, m.transpose() * s) < 1e-13);
  a.sweep(
      v, [&](Index row0, BlockIn b, BlockOut w) { w.col(0) = b.col(0).cwiseProduct(s.segment(row0, b.rows())); }, out);
  CHECK(relative(out, m.transpose() * s.cwiseProduct(m * v)) < 1e-13);
  a.sweep_pair(
      v, p, [&](Index, BlockIn b, BlockOut w) { w.col(0) = b.col(0).cwiseProduct(b.col(1)); }, out);
  CHECK(relative(out, m.transpose() * (m * v).cwiseProduct(m * p)) < 1e-13);
  const auto weighted = [&](Index row0, BlockIn b, BlockOut w) { w = b.array().colwise() * s.segment(row0, b.rows()).array(); };
  Mat both(d, 2), beside(d, 2);
  both << v, p;
  a.sweep_batch(both, weighted, beside);
  a.sweep(v, weighted, out);
  CHECK(out == beside.col(0));
  for (const Index k : {1, 2, 3, 4, 5, 7, 9}) {
    const Mat vk = random.mat(d, k);
    Mat outk(d, k), more(d, k);
    a.sweep_batch(
        vk, [&](Index row0, BlockIn b, BlockOut w) { w = b.array().colwise() * s.segment(row0, b.rows()).array(); }, outk);
    CHECK(relative(outk, m.transpose() * (s.asDiagonal() * (m * vk))) < 1e-13);
    a.sweep_more(
        v, vk, [&](Index, BlockIn b, BlockOut w) { w = b; }, out, more);
    CHECK(relative(out, m.transpose() * (m * v)) < 1e-13);
    CHECK(relative(more, m.transpose() * (m * vk)) < 1e-13);
  }
  Mat h(d, d);
  for (const Vec& w : {q, s}) {  // weights of any sign
    a.weighted_gram(w, h);
    CHECK(relative(h, m.transpose() * w.asDiagonal() * m) < 1e-12);
    CHECK(h == h.transpose());
    a.weighted_squares(w, diagonal);
    CHECK(relative(diagonal, (m.transpose() * w.asDiagonal() * m).diagonal()) < 1e-12);
  }
}

}  // namespace

TEST_CASE(
    "a design multiplies like the matrix it stands for: dense and sparse, whole, range, list, standardized, with intercept") {
  for (const Index n : {1, 3, 37, 700}) {
    for (const Index d : {1, 6, 53}) {
      const Mat x = with_zeros(n, d, static_cast<unsigned>(100 * n + d));
      test::Numbers random(9);
      const Vec shift = random.vec(d), scale = random.vec(d).cwiseAbs().array() + 0.3;
      Eigen::MatrixXd scaled = (x.rowwise() - shift.transpose()) * scale.cwiseInverse().asDiagonal();
      Eigen::MatrixXd full(n, d + 1);
      full << scaled, Vec::Ones(n);
      for (const Design& a : {Design(std::make_shared<Mat>(x)), Design(to_csr(x))}) {
        check_products(a, x);
        check_products(a.standardized(shift, scale), scaled);
        check_products(a.standardized(shift, scale).with_intercept(), full);
        CHECK(relative(explicit_matrix(a.standardized(shift, scale).with_intercept()), full) < 1e-15);
        if (n < 10) continue;
        check_products(a.row_range(5, n - 9).with_intercept().standardized(shift, scale), full.middleRows(5, n - 9));
        const std::vector<Index> rows = {7, 0, 3, 3, n - 1, 12};
        Eigen::MatrixXd copied(6, d);
        for (Index i = 0; i < 6; ++i) copied.row(i) = x.row(rows[static_cast<std::size_t>(i)]);
        check_products(a.row_list(rows), copied);
        check_products(a.row_range(2, 20).row_list({5, 1, 2}).row_range(1, 2), x.middleRows(3, 2));
        check_products(a.row_list(rows).row_list({4, 1}), copied(std::vector<Index>{4, 1}, Eigen::seqN(0, d)));
      }
    }
  }
}

TEST_CASE("a product has the same bits alone and beside another where the sums of two are as long as a chunk") {
  const Index n = 64, d = 3000;
  test::Numbers random(4);
  const Design a(std::make_shared<Mat>(random.mat(n, d)));
  REQUIRE(a.chunks() == 2);
  const Mat v = random.mat(d, 2);
  const auto same = [](Index, BlockIn t, BlockOut w) { w = t; };
  Mat both(d, 2);
  a.sweep_batch(v, same, both);
  Vec alone(d);
  a.sweep(v.col(0), same, alone);
  CHECK(alone == both.col(0));
}

TEST_CASE("a Gram matrix is the plain product for every number of columns and rows, whatever is left of a block") {
  for (const Index n : {1, 5, 255, 256, 257, 600}) {
    for (const Index d : {1, 2, 3, 7, 8, 17, 24, 25, 130, 257}) {
      test::Numbers random(static_cast<unsigned>(1000 * n + d));
      const Mat x = random.mat(n, d);
      const Vec shift = random.vec(d), scale = random.vec(d).cwiseAbs().array() + 0.3;
      Vec w = random.vec(n);
      for (Index i = 2; i < n; i += 3) w[i] = 0;
      const Mat scaled = (x.rowwise() - shift.transpose()) * scale.cwiseInverse().asDiagonal();
      Mat full(n, d + 1);
      full << scaled, Vec::Ones(n);
      std::vector<Index> rows;  // backwards, some twice
      for (Index i = n; i-- > 0;) {
        rows.push_back(i);
        if (i % 5 == 0) rows.push_back(i);
      }
      for (const Design& a : {Design(std::make_shared<Mat>(x)), Design(to_csr(x))}) {
        check_gram(a, w, x);
        check_gram(a.with_intercept().standardized(shift, scale), w, full);
        check_gram(a.standardized(shift, scale).row_list(rows), w(rows), scaled(rows, Eigen::all));
      }
    }
  }
}

TEST_CASE("sparse rows: a product has the same bits whatever goes along") {
  test::Numbers random(21);
  const Index n = 90, d = 40;
  const Design a(to_csr(with_zeros(n, d, 4)));
  const auto product = [](Index, BlockIn t, BlockOut w) { w = t; };
  const Vec v = random.vec(d);
  Vec alone(d);
  a.sweep(v, product, alone);
  for (const Index k : {1, 2, 3, 6, 7}) {
    CAPTURE(k);
    Mat more = random.mat(d, k), out(d, k);
    more.col(k - 1) = v;
    a.sweep_batch(more, product, out);
    CHECK(out.col(k - 1) == alone);
  }
}

TEST_CASE("sparse rows whose columns do not ascend are refused with their number") {
  for (const std::int32_t second : {1, 0}) {  // the same column twice, or backwards
    const std::shared_ptr<CsrMatrix> csr = to_csr(Mat{{1, 0, 0}, {0, 2, 3}});
    csr->innerIndexPtr()[2] = second;
    CHECK_THROWS_WITH_AS(
        Design(std::shared_ptr<const CsrMatrix>(csr)),
        "row 1 of a sparse matrix has columns that do not ascend; sort them, and add up those that are there twice", UsageError);
  }
}

TEST_CASE("a Gram matrix of sparse rows is the same whether they are spread out or not") {
  const Index n = 300, d = 60;
  const Vec w = test::Numbers(1).vec(n);
  for (const double zeros : {0.2, 0.5, 0.6, 0.7, 0.9, 1.5}) {  // of numbers of a standard deviation of about 1
    Mat x = test::Numbers(2).mat(n, d);
    x = (x.array().abs() < zeros).select(0, x);
    x.row(3).setZero();
    x.row(7).setOnes();  // one full row among others, and an empty one
    check_gram(Design(to_csr(x)), w, x);
  }
}

TEST_CASE("a column beside those of a design is one more of the Gram matrix, before the ones") {
  for (const Index d : {1, 6, 7, 8, 23, 24, 40}) {
    const Index n = 270;
    const Mat x = test::Numbers(3).mat(n, d);
    const Vec w = test::Numbers(4).vec(n), y = test::Numbers(5).vec(n), shift = test::Numbers(6).vec(d);
    const Design a = Design(std::make_shared<Mat>(x)).standardized(shift, Vec::Constant(d, 0.5));
    Mat full(n, d + 2);
    full << 2 * (x.rowwise() - shift.transpose()), y, Vec::Ones(n);
    Mat h(d + 2, d + 2), without(d + 1, d + 1);
    a.with_intercept().weighted_gram_beside(w, y, h);
    CHECK(relative(h, full.transpose() * w.asDiagonal() * full) < 1e-13);
    CHECK(h == h.transpose());
    a.weighted_gram_beside(w, y, without);
    CHECK(relative(without, h.topLeftCorner(d + 1, d + 1)) < 1e-14);
    CHECK_THROWS_AS(a.weighted_gram_beside(w, y.head(n - 1), h), UsageError);
    CHECK_THROWS_AS(a.weighted_gram_beside(w, y, h), UsageError);
    CHECK_THROWS_AS(Design(to_csr(x)).weighted_gram_beside(w, y, without), UsageError);
  }
}

TEST_CASE("design: the Gram matrix of rows over their features, dense and sparse, scaled, with an intercept that has no part") {
  const Index n = 37, p = 300;  // more columns than are transposed at once
  const auto x = std::make_shared<Mat>(test::Numbers(5).mat(60, p));
  *x = x->unaryExpr([](double a) { return std::abs(a) < 0.7 ? 0.0 : a; });
  Vec scale = test::Numbers(6).vec(p).cwiseAbs();
  scale[3] = 0;
  std::vector<Index> list;
  for (Index i = 0; i < n; ++i) list.push_back((7 * i + 3) % 60);
  for (const bool sparse : {false, true}) {
    for (const bool scaled : {false, true}) {
      Design a = (sparse ? Design(to_csr(*x)) : Design(x)).row_list(list);
      if (scaled) a = a.standardized(test::Numbers(7).vec(p), test::Numbers(8).vec(p).cwiseAbs().array() + 0.5);
      a = a.with_intercept();
      Mat rows(n, p);
      for (Index i = 0; i < n; ++i) rows.row(i) = a.row(i).head(p);
      const Mat plain = rows * scale.asDiagonal() * rows.transpose();
      Mat k(n, n);
      a.row_gram(scale, k);
      CAPTURE(sparse);
      CAPTURE(scaled);
      CHECK(relative(k, plain) < 1e-13);
      CHECK(k == k.transpose());
      CHECK_THROWS_AS(a.row_gram(scale.head(p - 1), k), UsageError);
      CHECK_THROWS_AS(a.row_gram(scale, k.topRows(n - 1)), UsageError);
    }
  }
}

TEST_CASE("rows of weight 0 are not in a Gram matrix, whatever they hold") {
  for (const bool sparse : {false, true}) {
    Mat x = test::Numbers(3).mat(300, 20);
    Vec w = test::Numbers(4).vec(300);
    w[0] = w[17] = w[299] = 0;
    const Mat plain = x.transpose() * w.asDiagonal() * x;
    x.row(17).setConstant(std::numeric_limits<double>::quiet_NaN());
    x(299, 5) = std::numeric_limits<double>::infinity();
    Mat h(20, 20);
    (sparse ? Design(to_csr(x)) : Design(std::make_shared<Mat>(x))).weighted_gram(w, h);
    CHECK(relative(h, plain) < 1e-13);
  }
}

TEST_CASE("a row list gives bit for bit what a copy of the rows gives, and a consecutive one is a range") {
  const auto x = std::make_shared<Mat>(test::Numbers(3).mat(300, 40));
  std::vector<Index> rows;
  for (Index i = 0; i < 300; i += 3) rows.push_back(i);
  const auto copy = std::make_shared<Mat>((*x)(rows, Eigen::seqN(0, x->cols())));
  const Vec v = test::Numbers(4).vec(40);
  Vec a(40), b(40);
  const auto square = [](Index, BlockIn t, BlockOut w) { w.col(0) = t.col(0); };
  Design(x).row_list(rows).sweep(v, square, a);
  Design(copy).sweep(v, square, b);
  CHECK(a == b);
  Design(x).row_list({10, 11, 12, 13}).sweep(v, square, a);
  Design(x).row_range(10, 4).sweep(v, square, b);
  CHECK(a == b);
}

TEST_CASE("each full read of the rows counts once, whatever the number of columns") {
  auto work = std::make_shared<WorkCounter>();
  const Design a = Design(std::make_shared<Mat>(test::Numbers(3).mat(500, 90))).counted(work).with_intercept();
  Vec v = Vec::Ones(91), out(91), t(500);
  Mat vk = Mat::Ones(91, 8), outk(91, 8), h(91, 91);
  const auto same = [](Index, BlockIn b, BlockOut w) { w = b.leftCols(w.cols()); };
  a.sweep(v, same, out);
  CHECK(work->data_passes == 1);
  a.sweep_pair(v, v, same, out);
  a.sweep_batch(vk, same, outk);
  a.sweep_more(v, vk, same, out, outk);
  CHECK(work->data_passes == 4);
  a.multiply(v, t);
  a.multiply_t(t, out);
  a.visit(v, [](Index, BlockIn, BlockOut) {});
  CHECK(work->data_passes == 7);
  a.weighted_gram(t, h);
  a.weighted_squares(t, out);
  CHECK(work->data_passes == 9);
  a.row(3);
  CHECK(work->data_passes == 9);
}

TEST_CASE("a read counts with every counter that was added, once with each") {
  const auto first = std::make_shared<WorkCounter>(), second = std::make_shared<WorkCounter>();
  const Design plain(std::make_shared<Mat>(test::Numbers(3).mat(50, 9)));
  const Design one = plain.counted(first), both = one.counted(second).counted(first).counted(nullptr).row_range(0, 20);
  const Vec v = Vec::Ones(9);
  Vec t(50), some(20);
  plain.multiply(v, t);
  CHECK(first->data_passes == 0);
  one.multiply(v, t);
  CHECK(first->data_passes == 1);
  both.multiply(v, some);
  CHECK(first->data_passes == 2);
  CHECK(second->data_passes == 1);
  CHECK(second->passes_known);
}

TEST_CASE("a pass returns what its blocks return, added in their order, whatever else it does") {
  const Index n = 3000, d = 40;
  for (const bool sparse : {false, true}) {
    const Mat x = with_zeros(n, d, 5);
    const Design a = sparse ? Design(to_csr(x)) : Design(std::make_shared<Mat>(x));
    const Vec v = test::Numbers(1).vec(d);
    const Mat more = test::Numbers(2).mat(d, 3);
    Vec out(d);
    Mat outs(d, 3), wide(d, 4);
    double total = 0;
    Index blocks = 0, last = -1;
    const auto share = [&](Index row0, BlockIn t, BlockOut w) {
      w.setZero();
      CHECK(row0 > last);
      last = row0;
      ++blocks;
      double sum = 0;
      for (Index i = 0; i < t.rows(); ++i) sum += std::exp(10 * t(i, 0));
      return sum;
    };
    const auto sums = [&](double got) {  // of the pass before
      last = -1;
      const Index seen = std::exchange(blocks, 0);
      if (total == 0) total = got;
      CHECK(got == total);
      CHECK(seen > 1);
    };
    sums(a.visit(v, share));
    sums(a.sweep(v, share, out));
    sums(a.sweep_pair(v, v, share, out));
    Mat first(d, 3);
    first << v, more.leftCols(2);
    sums(a.sweep_batch(first, share, outs));
    sums(a.sweep_more(v, more, share, out, outs));
    // Nothing returned: 0.
    CHECK(a.visit(v, [](Index, BlockIn, BlockOut) {}) == 0);
    double by_hand = 0;
    const double again = a.visit(v, [&](Index, BlockIn t, BlockOut) {
      double sum = 0;
      for (Index i = 0; i < t.rows(); ++i) sum += std::exp(10 * t(i, 0));
      by_hand += sum;
      return sum;
    });
    CHECK(again == by_hand);
    CHECK(again == total);
  }
}

TEST_CASE("a block function may use a design of its own") {
  const Design a(std::make_shared<Mat>(test::Numbers(3).mat(200, 30)));
  const Vec v = test::Numbers(1).vec(30);
  Vec out(30), plain(30), inner(200);
  a.multiply(v, inner);
  a.multiply_t(inner, plain);
  a.sweep(
      v,
      [&](Index row0, BlockIn, BlockOut w) {
        Vec again(200);
        a.multiply(v, again);
        w.col(0) = again.segment(row0, w.rows());
      },
      out);
  CHECK(relative(out, plain) < 1e-15);
}

TEST_CASE("the design says what is wrong") {
  const Design a(std::make_shared<Mat>(Mat::Ones(4, 3)));
  Vec out(3);
  CHECK_THROWS_AS(Design(std::shared_ptr<const Mat>{}), UsageError);
  CHECK_THROWS_AS(a.row_range(2, 3), UsageError);
  CHECK_THROWS_AS(a.row_range(-1, 2), UsageError);
  CHECK_THROWS_AS(a.row_list({0, 4}), UsageError);
  CHECK_THROWS_AS(a.row(4), UsageError);
  CHECK_THROWS_AS(a.standardized(Vec::Zero(3), Vec::Zero(3)), UsageError);
  CHECK_THROWS_AS(a.standardized(Vec::Zero(2), Vec::Ones(2)), UsageError);
  CHECK_THROWS_AS(a.multiply_t(Vec::Ones(3), out), UsageError);
  CHECK_THROWS_AS(a.with_intercept().multiply_t(Vec::Ones(4), out), UsageError);
  auto loose = std::make_shared<CsrMatrix>(3, 3);
  loose->insert(1, 1) = 2;
  loose->uncompress();
  CHECK_THROWS_AS(Design{std::shared_ptr<const CsrMatrix>(loose)}, UsageError);
}
