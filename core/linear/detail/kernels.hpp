// The hot loops over dense rows: several rows at once, vectorized for the machine that runs them.
#pragma once
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// So many rows ahead of those that are worked on are fetched from memory meanwhile.
inline constexpr Index kRowsAhead = 16;
/// t[r] = x[r] . v for rows x[0 .. rows - 1] of length d. x[0 .. listed - 1] are rows that may be fetched ahead, those that come
/// next among them; listed = 0: none, where all lies in the cache anyway.
TACIT_EXPORT void dot_rows(const double* const* x, Index rows, Index listed, Index d, const double* v, double* t);
/// The same for two vectors, each row read once.
TACIT_EXPORT void dot_rows2(const double* const* x, Index rows, Index listed, Index d, const double* v1, const double* v2,
                            double* t1, double* t2);
/// out += sum_r w[r] x[r]
TACIT_EXPORT void axpy_rows(const double* const* x, Index rows, Index d, const double* w, double* out);
/// The same for two weights.
TACIT_EXPORT void axpy_rows2(const double* const* x, Index rows, Index d, const double* w1, const double* w2, double* out1,
                             double* out2);
/// Four vectors: v, t, w and out hold them v_stride (t_stride, ...) doubles apart.
TACIT_EXPORT void dot_rows4(const double* const* x, Index rows, Index d, const double* v, Index v_stride, double* t,
                            Index t_stride);
TACIT_EXPORT void axpy_rows4(const double* const* x, Index rows, Index d, const double* w, Index w_stride, double* out,
                             Index out_stride);
/// out += sum_r w[r] (x[r] - shift)^2 entrywise; shift may be null, listed as in dot_rows
TACIT_EXPORT void squares_rows(const double* const* x, Index rows, Index listed, Index d, const double* w, const double* shift,
                               double* out);
/// e = exp(-|m|) and, unless null, l = log(1 + e), entrywise; to about 2 units in the last place (e of |m| > 708 is that of 708).
/// NaN stays NaN.
TACIT_EXPORT void exp_log1p(Index n, const double* m, double* e, double* l);
/// Derivatives of log(1 + exp(-m)), m = y z, in z from e = exp(-|m|), entrywise: first = -y / (1 + exp(m)), second = e / (1 +
/// e)^2; a null pointer: not wanted.
TACIT_EXPORT void logistic_rows(Index n, const double* m, const double* y, const double* e, double* first, double* second);
/// Sum of n numbers: what reading them costs, for benchmarks.
TACIT_EXPORT double sum(const double* x, Index n);

}  // namespace tacit::inline TACIT_ABI::kernels
