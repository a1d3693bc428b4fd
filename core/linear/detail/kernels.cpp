#include <tacit/core/linear/detail/kernels.hpp>

#include <cmath>
#include <type_traits>

#include <tacit/core/linear/taylor.hpp>

// One clone per vector width, chosen when the program starts. Not under sanitizers that instrument the resolver before their run
// time is up (ThreadSanitizer crashes), nor where the loader has no such choice. Only loops with `omp simd` are reassociated.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define TACIT_NO_CLONES 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define TACIT_NO_CLONES 1
#endif
#if defined(__x86_64__) && defined(__linux__) && defined(__GLIBC__) && defined(__has_attribute) && !defined(TACIT_NO_CLONES)
#if __has_attribute(target_clones)
#define TACIT_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#endif
#endif
#ifndef TACIT_CLONES
#define TACIT_CLONES
#endif

namespace tacit::inline TACIT_ABI::kernels {

// Clones are of this file alone: the symbol that picks one of several is shown by a shared library whatever its visibility (g++
// 12).
namespace clones {
namespace {

constexpr Index kStrip = 64;  // columns that are worked on between two rounds of fetching

void fetch_strip(const double* const* later, Index begin, Index end) {
  constexpr Index kLine = 8;  // doubles of a cache line
  for (int k = 0; k < 4; ++k) {
    for (Index j = begin; j < end; j += kLine) __builtin_prefetch(later[k] + j, 0, kFetchLevel);
  }
}

// Four rows at a time, like the others. Without a shift x - 0 is x.
TACIT_CLONES void squares_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, const double* __restrict w,
                               const double* __restrict shift, double* __restrict out) {
  const auto moved = [shift](const double* row, Index j) { return shift ? row[j] - shift[j] : row[j]; };
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const double w0 = w[r], w1 = w[r + 1], w2 = w[r + 2], w3 = w[r + 3];
    for (Index j0 = 0; j0 < d; j0 += kStrip) {
      const Index end = j0 + kStrip < d ? j0 + kStrip : d;
      if (r + 4 <= fetch.rows) fetch_strip(x + r + fetch.ahead, j0, end);
#pragma omp simd
      for (Index j = j0; j < end; ++j) {
        const double a = moved(x0, j), b = moved(x1, j), c = moved(x2, j), e = moved(x3, j);
        out[j] += (w0 * a * a + w1 * b * b) + (w2 * c * c + w3 * e * e);
      }
    }
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    const double w0 = w[r];
#pragma omp simd
    for (Index j = 0; j < d; ++j) {
      const double a = moved(x0, j);
      out[j] += w0 * a * a;
    }
  }
}

// each(j, w, a) for every entry as it acts, two rows at a time, one after the other in each column.
template <class Each>
inline __attribute__((always_inline)) void each_acting(const double* const* x, Index rows, Index d, const double* w,
                                                       const Acting& acting, const Each& each) {
  const double* __restrict shift = acting.shift;
  const double* __restrict inverse = acting.inverse;
  const auto all = [&](const auto& act) __attribute__((always_inline)) {
    Index r = 0;
    for (; r + 2 <= rows; r += 2) {
      const double* __restrict x0 = x[r];
      const double* __restrict x1 = x[r + 1];
      const double w0 = w[r], w1 = w[r + 1];
#pragma omp simd
      for (Index j = 0; j < d; ++j) {
        each(j, w0, act(x0[j], j));
        each(j, w1, act(x1[j], j));
      }
    }
    for (; r < rows; ++r) {
      const double* __restrict x0 = x[r];
      const double w0 = w[r];
#pragma omp simd
      for (Index j = 0; j < d; ++j) each(j, w0, act(x0[j], j));
    }
  };
  if (inverse)
    all([&](double a, Index j) __attribute__((always_inline)) { return (a - shift[j]) * inverse[j]; });
  else
    all([](double a, Index) __attribute__((always_inline)) { return a; });
}

TACIT_CLONES void measure_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting,
                               const double* __restrict unit, double* __restrict low, double* __restrict high,
                               double* __restrict sum, double* __restrict square) {
  each_acting(
      x, rows, d, w, acting, [=](Index j, double weight, double a) __attribute__((always_inline)) {
        low[j] = a < low[j] ? a : low[j];
        high[j] = high[j] < a ? a : high[j];
        const double t = a * unit[j];
        sum[j] += weight * t;
        square[j] += weight * t * t;
      });
}

TACIT_CLONES void spread_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting,
                              const double* __restrict unit, const double* __restrict mean, double* __restrict square,
                              double* __restrict fourth) {
  each_acting(
      x, rows, d, w, acting, [=](Index j, double weight, double a) __attribute__((always_inline)) {
        const double t = a * unit[j] - mean[j], tt = t * t;
        square[j] += weight * tt;
        fourth[j] += weight * tt * tt;
      });
}

// exp as in taylor.hpp, without what arguments above 0 or below -708 need.
inline double exp_of_minus(double a) {
  a = a > 708 ? 708 : a;
  const taylor_detail::Reduced parts = taylor_detail::reduce(-a);
  const double power = taylor_detail::scaled((taylor_detail::exp_tail(parts.r) * parts.r + 1) * parts.r + 1, parts.shifted);
  return a == a ? power : a;  // the bits of a NaN (R's NA has some) make no exponent
}

// log(1 + e) = 2 artanh(f), f = e / (2 + e) <= 1/3, by its series up to f^33.
inline double log1p_of(double e) {
  const double f = e / (2 + e);
  const double q = f * f;
  double p = 1.0 / 33;
  p = p * q + 1.0 / 31;
  p = p * q + 1.0 / 29;
  p = p * q + 1.0 / 27;
  p = p * q + 1.0 / 25;
  return 2 * f + 2 * f * q * taylor_detail::artanh_tail(q, p * q + 1.0 / 23);
}

// With m = y z and e = exp(-|m|) in (0, 1] nothing overflows, and no difference cancels. All that is wanted of a row at once,
// without branches and tables, so that the loop is vectorized.
template <bool Phi, bool First, bool Second>
inline __attribute__((always_inline)) void logistic(Index n, const double* __restrict z, const double* __restrict y,
                                                    double* __restrict phi, double* __restrict first, double* __restrict second) {
#pragma omp simd
  for (Index i = 0; i < n; ++i) {
    const double m = y[i] * z[i], e = exp_of_minus(std::fabs(m));
    if constexpr (Phi) phi[i] = (-m > 0 ? -m : 0) + log1p_of(e);
    if constexpr (First) first[i] = -y[i] * ((m > 0 ? e : 1) / (1 + e));
    if constexpr (Second) second[i] = e / ((1 + e) * (1 + e));
  }
}

TACIT_CLONES void logistic_rows(Index n, const double* z, const double* y, double* phi, double* first, double* second) {
  switch ((phi ? 4 : 0) + (first ? 2 : 0) + (second ? 1 : 0)) {
    case 1:
      return logistic<false, false, true>(n, z, y, phi, first, second);
    case 2:
      return logistic<false, true, false>(n, z, y, phi, first, second);
    case 3:
      return logistic<false, true, true>(n, z, y, phi, first, second);
    case 4:
      return logistic<true, false, false>(n, z, y, phi, first, second);
    case 5:
      return logistic<true, false, true>(n, z, y, phi, first, second);
    case 6:
      return logistic<true, true, false>(n, z, y, phi, first, second);
    case 7:
      return logistic<true, true, true>(n, z, y, phi, first, second);
    default:
      return;
  }
}

// Four columns at a time: v, w, p and y are then read once for four entries of A.
template <bool Update>
inline __attribute__((always_inline)) void symmetric(Index n, std::conditional_t<Update, double, const double>* a, Index stride,
                                                     const double* __restrict v, const double* __restrict w,
                                                     const double* __restrict p, double* __restrict y) {
  using Entry = std::conditional_t<Update, double, const double>;
  for (Index i = 0; i < n; ++i) y[i] = 0;
  const auto at_corner = [&](Index i, Index j) __attribute__((always_inline)) {
    Entry& entry = a[i + j * stride];
    if constexpr (Update) entry -= v[i] * w[j] + w[i] * v[j];
    y[i] += entry * p[j];
    if (i > j) y[j] += entry * p[i];
  };
  Index j = 0;
  for (; j + 4 <= n; j += 4) {
    for (Index c = j; c < j + 4; ++c)
      for (Index i = c; i < j + 4; ++i) at_corner(i, c);
    Entry* __restrict a0 = a + j * stride;
    Entry* __restrict a1 = a0 + stride;
    Entry* __restrict a2 = a1 + stride;
    Entry* __restrict a3 = a2 + stride;
    double v0 = 0, v1 = 0, v2 = 0, v3 = 0, w0 = 0, w1 = 0, w2 = 0, w3 = 0;
    if constexpr (Update) {
      v0 = v[j], v1 = v[j + 1], v2 = v[j + 2], v3 = v[j + 3];
      w0 = w[j], w1 = w[j + 1], w2 = w[j + 2], w3 = w[j + 3];
    }
    const double p0 = p[j], p1 = p[j + 1], p2 = p[j + 2], p3 = p[j + 3];
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
    for (Index i = j + 4; i < n; ++i) {
      double b0 = a0[i], b1 = a1[i], b2 = a2[i], b3 = a3[i];
      if constexpr (Update) {
        b0 -= v[i] * w0 + w[i] * v0, b1 -= v[i] * w1 + w[i] * v1;
        b2 -= v[i] * w2 + w[i] * v2, b3 -= v[i] * w3 + w[i] * v3;
        a0[i] = b0;
        a1[i] = b1;
        a2[i] = b2;
        a3[i] = b3;
      }
      s0 += b0 * p[i];
      s1 += b1 * p[i];
      s2 += b2 * p[i];
      s3 += b3 * p[i];
      y[i] += (b0 * p0 + b1 * p1) + (b2 * p2 + b3 * p3);
    }
    y[j] += s0;
    y[j + 1] += s1;
    y[j + 2] += s2;
    y[j + 3] += s3;
  }
  for (; j < n; ++j)
    for (Index i = j; i < n; ++i) at_corner(i, j);
}

TACIT_CLONES void update_symmetric(Index n, double* a, Index stride, const double* v, const double* w, const double* p,
                                   double* y) {
  symmetric<true>(n, a, stride, v, w, p, y);
}

TACIT_CLONES void multiply_symmetric(Index n, const double* a, Index stride, const double* p, double* y) {
  symmetric<false>(n, a, stride, nullptr, nullptr, p, y);
}

constexpr Index kColumns = 8;  // at a time: sums of so many are rounded less than their terms one after the other would be

inline __attribute__((always_inline)) void point_to(const double* (&column)[kColumns], const double* a, Index stride) {
  for (Index c = 0; c < kColumns; ++c) column[c] = a + c * stride;
}

TACIT_CLONES void subtract_columns(Index n, Index k, const double* a, Index stride, const double* __restrict c,
                                   double* __restrict y) {
  Index j = 0;
  for (; j + kColumns <= k; j += kColumns) {
    const double* at[kColumns];
    point_to(at, a + j * stride, stride);
    const double c0 = c[j], c1 = c[j + 1], c2 = c[j + 2], c3 = c[j + 3];
    const double c4 = c[j + 4], c5 = c[j + 5], c6 = c[j + 6], c7 = c[j + 7];
#pragma omp simd
    for (Index i = 0; i < n; ++i) {
      const double low = (at[0][i] * c0 + at[1][i] * c1) + (at[2][i] * c2 + at[3][i] * c3);
      const double high = (at[4][i] * c4 + at[5][i] * c5) + (at[6][i] * c6 + at[7][i] * c7);
      y[i] -= low + high;
    }
  }
  for (; j < k; ++j) {
    const double* at = a + j * stride;
    const double c0 = c[j];
#pragma omp simd
    for (Index i = 0; i < n; ++i) y[i] -= at[i] * c0;
  }
}

TACIT_CLONES void subtract_products(Index n, Index k, const double* a, Index stride, const double* __restrict x,
                                    double* __restrict y) {
  Index j = 0;
  for (; j + kColumns <= k; j += kColumns) {
    const double* at[kColumns];
    point_to(at, a + j * stride, stride);
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0, s4 = 0, s5 = 0, s6 = 0, s7 = 0;
#pragma omp simd reduction(+ : s0, s1, s2, s3, s4, s5, s6, s7)
    for (Index i = 0; i < n; ++i) {
      s0 += at[0][i] * x[i];
      s1 += at[1][i] * x[i];
      s2 += at[2][i] * x[i];
      s3 += at[3][i] * x[i];
      s4 += at[4][i] * x[i];
      s5 += at[5][i] * x[i];
      s6 += at[6][i] * x[i];
      s7 += at[7][i] * x[i];
    }
    const double sum[kColumns] = {s0, s1, s2, s3, s4, s5, s6, s7};
    for (Index c = 0; c < kColumns; ++c) y[j + c] -= sum[c];
  }
  for (; j < k; ++j) {
    const double* at = a + j * stride;
    double s0 = 0;
#pragma omp simd reduction(+ : s0)
    for (Index i = 0; i < n; ++i) s0 += at[i] * x[i];
    y[j] -= s0;
  }
}

TACIT_CLONES double sum(const double* x, Index n) {
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  const Index q = n / 4;
  const double* __restrict x0 = x;
  const double* __restrict x1 = x + q;
  const double* __restrict x2 = x + 2 * q;
  const double* __restrict x3 = x + 3 * q;
#pragma omp simd reduction(+ : s0, s1, s2, s3)
  for (Index i = 0; i < q; ++i) {
    s0 += x0[i];
    s1 += x1[i];
    s2 += x2[i];
    s3 += x3[i];
  }
  for (Index i = 4 * q; i < n; ++i) s0 += x[i];
  return (s0 + s1) + (s2 + s3);
}

}  // namespace
}  // namespace clones

void squares_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, const double* w, const double* shift,
                  double* out) {
  clones::squares_rows(x, rows, fetch, d, w, shift, out);
}
void measure_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting, const double* unit,
                  double* low, double* high, double* sum, double* square) {
  clones::measure_rows(x, rows, d, w, acting, unit, low, high, sum, square);
}
void spread_rows(const double* const* x, Index rows, Index d, const double* w, const Acting& acting, const double* unit,
                 const double* mean, double* square, double* fourth) {
  clones::spread_rows(x, rows, d, w, acting, unit, mean, square, fourth);
}
void logistic_rows(Index n, const double* z, const double* y, double* phi, double* first, double* second) {
  clones::logistic_rows(n, z, y, phi, first, second);
}
void update_symmetric(Index n, double* a, Index stride, const double* v, const double* w, const double* p, double* y) {
  clones::update_symmetric(n, a, stride, v, w, p, y);
}
void multiply_symmetric(Index n, const double* a, Index stride, const double* p, double* y) {
  clones::multiply_symmetric(n, a, stride, p, y);
}
void subtract_columns(Index n, Index k, const double* a, Index stride, const double* c, double* y) {
  clones::subtract_columns(n, k, a, stride, c, y);
}
void subtract_products(Index n, Index k, const double* a, Index stride, const double* x, double* y) {
  clones::subtract_products(n, k, a, stride, x, y);
}
double sum(const double* x, Index n) { return clones::sum(x, n); }

}  // namespace tacit::inline TACIT_ABI::kernels
