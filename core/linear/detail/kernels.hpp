// Loops that the compiler vectorizes for each machine that may run them: squares and moments of rows, what a loss needs,
// products with matrices whose columns lie in memory one after the other.
#pragma once
#include <tacit/core/linear/detail/row_kernels.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// out += sum_r w[r] (x[r] - shift)^2 entrywise; shift may be null
TACIT_EXPORT void squares_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, const double* w,
                               const double* shift, double* out);
/// How columns act: (x_j - shift_j) inverse_j, or x_j where both are null.
struct Acting {
  const double* shift = nullptr;
  const double* inverse = nullptr;
};
/// Of the entries a of d columns as they act, the rows one after the other: low = the least, high = the largest (NaN is neither),
/// sum += w t and square += w t^2 with t = a unit, unit one number a column.
TACIT_EXPORT void measure_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting,
                               const double* unit, double* low, double* high, double* sum, double* square);
/// The same with t = a unit - mean: square += w t^2 and fourth += w t^4.
TACIT_EXPORT void spread_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting,
                              const double* unit, const double* mean, double* square, double* fourth);
/// phi = log(1 + exp(-m)), m = y z, and its derivatives in z, first = -y / (1 + exp(m)) and second = exp(-m) / (1 + exp(-m))^2,
/// entrywise, to a few units in the last place (beyond |m| = 708 exp(-|m|) is that of 708); a null pointer: not wanted. The
/// others are apart from z and y and from each other. NaN stays NaN.
TACIT_EXPORT void logistic_rows(Index n, const double* z, const double* y, double* phi, double* first, double* second);
/// Of a symmetric n x n matrix A with columns `stride` apart, of which only the lower triangle is touched: A -= v w' + w v' and
/// y = A p, in one pass over it.
TACIT_EXPORT void update_symmetric(Index n, double* a, Index stride, const double* v, const double* w, const double* p,
                                   double* y);
/// y = A p alone.
TACIT_EXPORT void multiply_symmetric(Index n, const double* a, Index stride, const double* p, double* y);
/// Of an n x k matrix A with columns `stride` apart: y -= A c, n numbers.
TACIT_EXPORT void subtract_columns(Index n, Index k, const double* a, Index stride, const double* c, double* y);
/// The same, y -= A' x, k numbers.
TACIT_EXPORT void subtract_products(Index n, Index k, const double* a, Index stride, const double* x, double* y);
/// Sum of n numbers: what reading them costs, for benchmarks.
TACIT_EXPORT double sum(const double* x, Index n);

}  // namespace tacit::inline TACIT_ABI::kernels
