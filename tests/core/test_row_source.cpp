// Rows that do not lie in memory: a design of them has the bits of one in memory, in every operation.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/row_source.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/threads.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Rows that are copied when they are asked for, as a file's are, each with numbers behind it that are no part of it.
class CopiedRows final : public RowSource {
public:
  CopiedRows(Mat x, Index behind) : RowSource(x.rows(), x.cols()), x_(std::move(x)), behind_(behind) {}
  Index stride() const override { return cols() + behind_; }
  void read(Index first, Index count, double* room, const double** at) const override {
    if (first < 0 || count < 0 || first + count > rows()) throw UsageError("rows that are not there");
    if (broken) throw DataError("D101", "the disk is gone", {}, "find it");
    ++reads;
    std::fill_n(room, count * stride(), std::numeric_limits<double>::quiet_NaN());
    for (Index k = 0; k < count; ++k) {
      std::copy_n(x_.data() + (first + k) * cols(), cols(), room + k * stride());
      at[k] = room + k * stride();
    }
  }
  mutable std::atomic<int> reads{0};
  bool broken = false;

private:
  Mat x_;
  Index behind_;
};

bool same_bits(const Mat& a, const Mat& b) {
  return a.rows() == b.rows() && a.cols() == b.cols() &&
         std::memcmp(a.data(), b.data(), static_cast<std::size_t>(a.size()) * sizeof(double)) == 0;
}

/// What every operation of a design gives, one matrix each.
std::vector<Mat> results(const Design& a) {
  test::Numbers random(5);
  const Index n = a.rows(), d = a.cols();
  const Vec v = random.vec(d), p = random.vec(d), y = random.vec(n);
  Vec w = random.vec(n);
  for (Index i = 1; i < n; i += 7) w[i] = 0;
  w[0] = 1;
  std::vector<Mat> all;
  Vec t(n), out(d);
  const auto scaled = [&](Index row0, BlockIn b, BlockOut o) {
    o = b.array().colwise() * w.segment(row0, b.rows()).array();
    return b.sum();
  };
  const auto product = [&](Index, BlockIn b, BlockOut o) { o.col(0) = b.col(0).cwiseProduct(b.col(1)); };
  a.multiply(v, t);
  all.push_back(t);
  a.multiply_t(w, out);
  all.push_back(out);
  all.push_back(Mat::Constant(1, 1, a.sweep(v, scaled, out)));
  all.push_back(out);
  a.sweep_pair(v, p, product, out);
  all.push_back(out);
  all.push_back(Mat::Constant(1, 1, a.visit(v, [](Index, BlockIn b, BlockOut) { return b.squaredNorm(); })));
  for (const Index k : {2, 5, 7}) {
    const Mat vk = random.mat(d, k);
    Mat more(d, k);
    a.sweep_batch(vk, scaled, more);
    all.push_back(more);
    a.sweep_more(v, vk, scaled, out, more);
    all.push_back(more);
  }
  Mat h(d, d), beside(d + 1, d + 1);
  a.weighted_gram(w, h);
  all.push_back(h);
  a.weighted_gram_beside(w, y, beside);
  all.push_back(beside);
  a.weighted_squares(w, out);
  all.push_back(out);
  const ColumnMoments m = a.column_moments(w);
  for (const Vec& moment : {m.mean, m.deviation, m.rms, m.size, m.low, m.high}) all.push_back(moment);
  all.push_back(a.row(n / 2));
  return all;
}

void require_same(const Design& outside, const Design& inside) {
  const std::vector<Mat> a = results(outside), b = results(inside);
  REQUIRE(a.size() == b.size());
  for (std::size_t k = 0; k < a.size(); ++k) {
    CAPTURE(k);
    CHECK(same_bits(a[k], b[k]));
  }
}

/// Every third row, some next to each other, and the last.
std::vector<Index> ascending_rows(Index n) {
  std::vector<Index> rows;
  for (Index i = 0; i < n; ++i) {
    if (i % 3 == 0 || i % 11 < 4 || i + 1 == n) rows.push_back(i);
  }
  return rows;
}

std::vector<Index> backward_rows(Index n) {
  std::vector<Index> rows;
  for (Index i = n; i-- > 0;) {
    rows.push_back(i);
    if (i % 5 == 0) rows.push_back(i);
  }
  return rows;
}

}  // namespace

TEST_CASE("a design of rows outside of memory has the bits of one in memory: all operations, rows and columns chosen, threads") {
  struct Size {
    Index n, d;
  };
  // From one block to several chunks of them; rows shorter than what is read over, and longer.
  for (const Size& size : {Size{1, 1}, Size{37, 6}, Size{700, 53}, Size{3001, 60}, Size{600, 500}, Size{60, 3000}}) {
    CAPTURE(size.n);
    CAPTURE(size.d);
    test::Numbers random(static_cast<unsigned>(size.n + size.d));
    const Mat x = random.mat(size.n, size.d);
    const Vec shift = random.vec(size.d), scale = random.vec(size.d).cwiseAbs().array() + 0.3;
    const Design inside(std::make_shared<Mat>(x));
    for (const Index behind : {0, 3}) {
      const Design outside(std::make_shared<CopiedRows>(x, behind));
      for (const Index threads : {1, 2, 3}) {
        const ThreadScope scope(threads);
        require_same(outside, inside);
      }
      require_same(outside.standardized(shift, scale).with_intercept(), inside.standardized(shift, scale).with_intercept());
      if (size.n < 10) continue;
      const ThreadScope scope(2);
      require_same(outside.row_range(3, size.n - 5), inside.row_range(3, size.n - 5));
      for (const std::vector<Index>& rows : {ascending_rows(size.n), backward_rows(size.n)})
        require_same(outside.row_list(rows).standardized(shift, scale), inside.row_list(rows).standardized(shift, scale));
    }
  }
}

TEST_CASE("rows with other numbers between them lie in memory as they are") {
  test::Numbers random(3);
  const Mat x = random.mat(900, 71);
  const Mat middle = x.middleCols(2, 60);
  const SharedRows all = matrix_rows(std::make_shared<Mat>(x));
  std::vector<Index> columns;
  for (Index j = 0; j < 60; ++j) columns.push_back(j + 2);
  const SharedRows chosen = chosen_columns(all, columns);
  CHECK(chosen->data() == all->data() + 2);
  CHECK(chosen->stride() == 71);
  require_same(Design(chosen), Design(std::make_shared<Mat>(middle)));
}

TEST_CASE("aligned rows: every operation has the bits of a matrix, whatever lies between the rows") {
  for (const Index d : {1, 7, 8, 30, 100, 112, 500, 501, 3000}) {
    CAPTURE(d);
    const Index n = 400000 / d / (d < 30 ? 20 : 1) + 3;
    const Mat x = test::Numbers(static_cast<unsigned>(d)).mat(n, d);
    AlignedRows wide(n, d + 1);
    wide.setConstant(std::numeric_limits<double>::quiet_NaN());
    wide.leftCols(d) = x;
    wide.conserve(n, d);  // a column of NaN is behind the rows now
    const auto shared = std::make_shared<AlignedRows>(wide);
    CHECK(same_bits(*shared, x));
    const Design expected(std::make_shared<Mat>(x));
    require_same(Design(shared), expected);
    require_same(Design(std::make_shared<AlignedRows>(std::move(wide))), expected);
  }
}

TEST_CASE("aligned rows begin at cache lines where that takes little memory, and are copied, moved and cut like a matrix") {
  const auto line_of = [](const double* row) { return reinterpret_cast<std::uintptr_t>(row) % 64; };
  for (const Index d : {8, 64, 112, 500, 504}) {
    const AlignedRows x(5, d);
    CAPTURE(d);
    CHECK(x.outerStride() == (d + 7) / 8 * 8);
    for (Index i = 0; i < 5; ++i) CHECK(line_of(x.begin_of(i)) == 0);
  }
  for (const Index d : {1, 3, 30, 57}) CHECK(AlignedRows(5, d).outerStride() == d);  // a seventeenth more, at least
  const AlignedRows large(2500, 500);
  CHECK(reinterpret_cast<std::uintptr_t>(large.data()) % (std::size_t{1} << 21U) == 0);

  const Mat numbers = test::Numbers(9).mat(7, 120);
  AlignedRows x(numbers);
  const double* const place = x.data();
  AlignedRows copy = x;
  CHECK(copy.data() != place);
  CHECK(copy == numbers);
  copy *= 2;
  CHECK(x == numbers);
  AlignedRows moved = std::move(copy);
  CHECK(moved == Mat(2 * numbers));
  copy = x;  // what was moved from is of use again
  CHECK(copy == numbers);
  moved.swap(copy);
  CHECK(moved == numbers);
  CHECK(copy == Mat(2 * numbers));
  moved = Mat(numbers.topRows(2));
  CHECK(moved == numbers.topRows(2));
  moved = moved.colwise().reverse();
  CHECK(moved == numbers.topRows(2).colwise().reverse());

  x.conserve(4, 101);
  CHECK(x.data() == place);
  CHECK(x == numbers.topLeftCorner(4, 101));
  x.conserve(7, 101);  // memory has room for them
  CHECK(x.data() == place);
  CHECK(x.topRows(4) == numbers.topLeftCorner(4, 101));
  x.bottomRows(3) = numbers.bottomRows(3).leftCols(101);
  x.conserve(20, 101);
  CHECK(x.rows() == 20);
  CHECK(x.topRows(7) == numbers.leftCols(101));
  x.resize(20, 101);  // as it is
  CHECK(x.topRows(7) == numbers.leftCols(101));
  x.resize(3, 2);
  CHECK(x.outerStride() == 2);

  AlignedRows upper(10, 120);
  upper.topRows(7) = numbers;
  AlignedRows lower = upper.behind(7);
  CHECK(lower.rows() == 3);
  CHECK(lower.begin_of(0) == upper.begin_of(7));
  lower.topRows(2) = numbers.topRows(2);
  const AlignedRows last = lower.behind(2);
  CHECK(last.begin_of(0) == upper.begin_of(9));
  upper.conserve(7, 120);
  upper.conserve(9, 120);
  CHECK(upper.bottomRows(2) == numbers.topRows(2));
  lower.conserve(4, 120);  // more than there is: memory of its own
  CHECK(lower.topRows(2) == numbers.topRows(2));
  lower(0, 0) = 7;
  CHECK(upper(7, 0) == numbers(0, 0));
  { const AlignedRows gone = std::move(upper); }
  CHECK(last.begin_of(0) != nullptr);  // memory stays as long as somebody has a part of it
  CHECK(AlignedRows().behind(0).rows() == 0);

  AlignedRows none;
  none.conserve(2, 3);
  CHECK(none.rows() == 2);
  CHECK(none.cols() == 3);
  CHECK(AlignedRows(0, 5).cols() == 5);
}

TEST_CASE("rows: columns chosen, parts below each other, less a centre, one in the other") {
  test::Numbers random(4);
  const Mat x = random.mat(500, 9), y = random.mat(41, 9);
  const Vec centre = random.vec(4);
  const std::vector<Index> columns = {7, 0, 3, 7};
  for (const bool in_memory : {true, false}) {
    const auto rows_of = [&](const Mat& m) -> SharedRows {
      if (in_memory) return matrix_rows(std::make_shared<Mat>(m));
      return std::make_shared<CopiedRows>(m, 2);
    };
    const SharedRows one = chosen_columns(rows_of(x), columns), two = chosen_columns(rows_of(y), columns);
    const SharedRows all = shifted_rows(stacked_rows({one, two, one}), centre);
    Mat expected(1041, 4);
    expected << x(Eigen::all, columns), y(Eigen::all, columns), x(Eigen::all, columns);
    expected.rowwise() -= centre.transpose();
    CHECK(same_bits(matrix_of(all), expected));
    require_same(Design(all).row_list(ascending_rows(1041)),
                 Design(std::make_shared<Mat>(expected)).row_list(ascending_rows(1041)));
    CHECK(same_bits(matrix_of(chosen_columns(rows_of(x), {4, 5, 6})), Mat(x.middleCols(4, 3))));
    RowCursor cursor(all);
    for (const Index i : {Index{3}, Index{1040}, Index{0}, Index{520}, Index{521}})
      CHECK(same_bits(Eigen::Map<const Mat>(cursor.row(i), 1, 4), expected.row(i)));
  }
  CHECK_THROWS_AS(stacked_rows({}), UsageError);
  CHECK_THROWS_AS(stacked_rows({matrix_rows(std::make_shared<Mat>(x)), matrix_rows(std::make_shared<Mat>(2, 3))}), UsageError);
  CHECK_THROWS_AS(chosen_columns(matrix_rows(std::make_shared<Mat>(x)), {9}), UsageError);
  CHECK_THROWS_AS(shifted_rows(matrix_rows(std::make_shared<Mat>(x)), centre), UsageError);
  CHECK_THROWS_AS(Design{SharedRows()}, UsageError);
}

TEST_CASE("rows are read once in a pass, 1 MiB at a time, and rows that are left out between others with them") {
  test::Numbers random(6);
  const auto rows = std::make_shared<CopiedRows>(random.mat(4096, 64), 0);  // 2 MiB
  const Design a(rows);
  const Vec v = random.vec(64);
  Vec t(4096);
  a.multiply(v, t);
  CHECK(rows->reads == a.chunks());
  CHECK(a.chunks() == 4);
  rows->reads = 0;
  std::vector<Index> some;
  for (Index i = 0; i < 4096; i += 4) some.push_back(i);
  a.row_list(some).multiply(v, t.head(1024));
  CHECK(rows->reads == 2);
  rows->reads = 0;
  a.row_list({0, 1, 4000, 4001, 4002}).multiply(v, t.head(5));
  CHECK(rows->reads == 2);
}

TEST_CASE("rows that cannot be read end a pass with what was wrong, and a later pass may have them") {
  test::Numbers random(7);
  const auto rows = std::make_shared<CopiedRows>(random.mat(5000, 60), 1);
  const Design a(rows);
  const ThreadScope scope(2);
  const std::vector<Mat> before = results(a);
  rows->broken = true;
  Vec t(a.rows());
  CHECK_THROWS_AS(a.multiply(Vec::Ones(60), t), DataError);
  CHECK_THROWS_AS(a.column_moments(Vec::Ones(5000)), DataError);
  Mat h(60, 60);
  CHECK_THROWS_AS(a.weighted_gram(Vec::Ones(5000), h), DataError);
  rows->broken = false;
  const std::vector<Mat> after = results(a);
  for (std::size_t k = 0; k < before.size(); ++k) CHECK(same_bits(before[k], after[k]));
}
