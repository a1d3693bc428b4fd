#include <tacit/core/linear/detail/cholesky.hpp>

#include <algorithm>
#include <array>

#include <Eigen/Cholesky>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>

namespace tacit::inline TACIT_ABI::detail {

bool cholesky_factor(Eigen::MatrixXd& h) {
  constexpr Index kBlock = 48;  // columns
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
    auto under = h.block(k + count, k, below, count);
    own.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(under);
    for (Index j = 0; j < count; ++j) column[static_cast<std::size_t>(j)] = under.col(j).data();
    // A row's entries on and behind the diagonal lie where a column's on and below it do.
    if (pack.size() == 0) pack.resize(kernel.packed(below, kBlock));
    double* rest = h.block(k + count, k + count, below, below).data();
    kernel.add({below}, column.data(), beside.data(), minus.data(), count, pack.data(), rest, n);
  }
  return h.diagonal().allFinite();
}

}  // namespace tacit::inline TACIT_ABI::detail
