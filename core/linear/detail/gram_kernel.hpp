// H = A' diag(w) A over dense and sparse rows: tiles of H that stay in registers, built for the machine that runs them.
#pragma once
#include <array>
#include <cstdint>
#include <vector>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// The entries of a row x as they act: a_j = (x_j - shift_j) inverse_j (x_j where shift is null), with `beside` one more that
/// comes with the row, and with `ones` a last one of 1.
struct GramColumns {
  Index features = 0;
  const double* shift = nullptr;
  const double* inverse = nullptr;
  bool ones = false;
  bool beside = false;
  Index count() const { return features + (beside ? 1 : 0) + (ones ? 1 : 0); }
};

/// Rows that are packed at once.
constexpr Index kGramRows = 256;

/// The loops for one instruction set.
struct GramKernel {
  const char* name;
  double dense_from;  ///< share of its columns from which on a sparse row is faster when it is spread out
  /// Doubles that `add` packs the rows into.
  Index (*packed)(Index columns, Index rows);
  /// h += sum_r w[r] a_r a_r' on and above the diagonal; what stands below it is undefined then. At most kGramRows rows; the rows
  /// of h are `stride` doubles apart, `pack` begins at a cache line.
  void (*add)(const GramColumns& columns, const double* const* x, const double* beside, const double* w, Index rows, double* pack,
              double* h, Index stride);
};

/// Those that this machine runs, the fastest first.
TACIT_EXPORT const std::vector<GramKernel>& gram_kernels();

/// h = sum of w a a' over the rows that are added, on and above the diagonal. A row x is read in `finish` at the latest, a row
/// of weight 0 never.
class TACIT_EXPORT GramSum {
public:
  /// Of at most `rows` rows; h is columns.count() x columns.count().
  GramSum(const GramColumns& columns, Index rows, OutM h, const GramKernel& kernel = gram_kernels().front());
  void add(const double* x, double w, double beside = 0) {
    if (w == 0) return;
    x_[static_cast<std::size_t>(held_)] = x;
    beside_[static_cast<std::size_t>(held_)] = beside;
    w_[static_cast<std::size_t>(held_)] = w;
    if (++held_ == kGramRows) finish();
  }
  /// A sparse row of `count` ascending columns, which act as they are; read at once.
  void add_sparse(const std::int32_t* column, const double* value, Index count, double w);
  /// Adds the rows that wait for others.
  void finish();

private:
  GramColumns columns_;
  Index most_;
  const GramKernel& kernel_;
  OutM h_;
  Index held_ = 0;
  std::array<const double*, kGramRows> x_;
  std::array<double, kGramRows> w_, beside_;
  Buffer pack_, spread_;
};

/// Copies what stands above the diagonal below it.
TACIT_EXPORT void mirror_upper(OutM h);

}  // namespace tacit::inline TACIT_ABI::kernels
