#include <tacit/core/linear/detail/cholesky.hpp>

#include <algorithm>
#include <array>

#include <Eigen/Cholesky>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>
#include <tacit/core/linear/detail/kernels.hpp>

namespace tacit::inline TACIT_ABI::detail {

namespace {

constexpr Index kBlock = 48;  // columns that a factor gets at a time
constexpr Index kFew = 8;     // columns that a solve takes at a time

/// x = x L'^{-1}, rows that the first-level cache holds at a time.
void divide_by_transposed(const Eigen::Ref<const Eigen::MatrixXd>& l, Eigen::Ref<Eigen::MatrixXd> x) {
  constexpr Index kRows = 96;
  std::array<double, kBlock> row{};
  for (Index r = 0; r < x.rows(); r += kRows) {
    auto part = x.middleRows(r, std::min(kRows, x.rows() - r));
    for (Index j = 0; j < x.cols(); ++j) {
      for (Index i = 0; i < j; ++i) row[static_cast<std::size_t>(i)] = l(j, i);
      kernels::subtract_columns(part.rows(), j, part.data(), x.outerStride(), row.data(), part.col(j).data());
      part.col(j) *= 1 / l(j, j);
    }
  }
}

}  // namespace

bool cholesky_factor(Eigen::MatrixXd& h) {
  const kernels::GramKernel& kernel = kernels::gram_kernels().front();
  kernels::Buffer pack;
  std::array<double, kBlock> minus, beside{};
  std::array<const double*, kBlock> column;
  minus.fill(-1);
  const Index n = h.rows();
  for (Index k = 0; k < n; k += kBlock) {
    const Index count = std::min(kBlock, n - k), below = n - k - count;
    Eigen::Ref<Eigen::MatrixXd> own = h.block(k, k, count, count);
    if (Eigen::LLT<Eigen::Ref<Eigen::MatrixXd>>(own).info() != Eigen::Success) return false;
    if (below == 0) break;
    Eigen::Ref<Eigen::MatrixXd> under = h.block(k + count, k, below, count);
    divide_by_transposed(own, under);
    for (Index j = 0; j < count; ++j) column[static_cast<std::size_t>(j)] = under.col(j).data();
    // A row's entries on and behind the diagonal lie where a column's on and below it do.
    if (pack.size() == 0) pack.resize(kernel.packed(below, kBlock));
    double* rest = h.block(k + count, k + count, below, below).data();
    kernel.add({below}, column.data(), beside.data(), minus.data(), count, pack.data(), rest, n);
  }
  return h.diagonal().allFinite();
}

void cholesky_solve(const Eigen::MatrixXd& l, double* y) {
  const Index n = l.rows(), last = (n - 1) / kFew * kFew;
  for (Index k = 0; k < n; k += kFew) {
    const Index end = std::min(k + kFew, n);
    for (Index j = k; j < end; ++j) {
      y[j] /= l(j, j);
      for (Index i = j + 1; i < end; ++i) y[i] -= l(i, j) * y[j];
    }
    if (end < n) kernels::subtract_columns(n - end, end - k, &l(end, k), n, y + k, y + end);
  }
  for (Index k = last; k >= 0; k -= kFew) {
    const Index end = std::min(k + kFew, n);
    if (end < n) kernels::subtract_products(n - end, end - k, &l(end, k), n, y + end, y + k);
    for (Index j = end - 1; j >= k; --j) {
      for (Index i = j + 1; i < end; ++i) y[j] -= l(i, j) * y[i];
      y[j] /= l(j, j);
    }
  }
}

}  // namespace tacit::inline TACIT_ABI::detail
