#include <tacit/core/linear/detail/kernels.hpp>

#include <cmath>

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

constexpr Index kLine = 8;    // doubles of a cache line
constexpr Index kStrip = 64;  // columns that are worked on between two rounds of fetching
static_assert(kRowsAhead % 4 == 0);

// Asks for the same columns of four rows, kRowsAhead further on: four short streams at a time are too little for the hardware to
// see ahead, and without this a product waits for memory most of the time.
inline void fetch_ahead(const double* const* x, Index begin, Index end) {
  for (Index k = 0; k < 4; ++k) {
    const double* row = x[kRowsAhead + k];
    for (Index j = begin; j < end; j += kLine) __builtin_prefetch(row + j, 0, 2);
  }
}

TACIT_CLONES void dot_rows(const double* const* x, Index rows, Index listed, Index d, const double* __restrict v,
                           double* __restrict t) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const bool ahead = r + kRowsAhead + 4 <= listed;
    double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
    for (Index j0 = 0; j0 < d; j0 += kStrip) {
      const Index end = j0 + kStrip < d ? j0 + kStrip : d;
      if (ahead) fetch_ahead(x + r, j0, end);
#pragma omp simd reduction(+ : s0, s1, s2, s3)
      for (Index j = j0; j < end; ++j) {
        const double vj = v[j];
        s0 += x0[j] * vj;
        s1 += x1[j] * vj;
        s2 += x2[j] * vj;
        s3 += x3[j] * vj;
      }
    }
    t[r] = s0;
    t[r + 1] = s1;
    t[r + 2] = s2;
    t[r + 3] = s3;
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    double s0 = 0;
#pragma omp simd reduction(+ : s0)
    for (Index j = 0; j < d; ++j) s0 += x0[j] * v[j];
    t[r] = s0;
  }
}

TACIT_CLONES void dot_rows2(const double* const* x, Index rows, Index listed, Index d, const double* __restrict v1,
                            const double* __restrict v2, double* __restrict t1, double* __restrict t2) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const bool ahead = r + kRowsAhead + 4 <= listed;
    double a0 = 0, a1 = 0, a2 = 0, a3 = 0, b0 = 0, b1 = 0, b2 = 0, b3 = 0;
    for (Index j0 = 0; j0 < d; j0 += kStrip) {
      const Index end = j0 + kStrip < d ? j0 + kStrip : d;
      if (ahead) fetch_ahead(x + r, j0, end);
#pragma omp simd reduction(+ : a0, a1, a2, a3, b0, b1, b2, b3)
      for (Index j = j0; j < end; ++j) {
        const double p = v1[j], q = v2[j];
        a0 += x0[j] * p;
        a1 += x1[j] * p;
        a2 += x2[j] * p;
        a3 += x3[j] * p;
        b0 += x0[j] * q;
        b1 += x1[j] * q;
        b2 += x2[j] * q;
        b3 += x3[j] * q;
      }
    }
    t1[r] = a0;
    t1[r + 1] = a1;
    t1[r + 2] = a2;
    t1[r + 3] = a3;
    t2[r] = b0;
    t2[r + 1] = b1;
    t2[r + 2] = b2;
    t2[r + 3] = b3;
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    double a0 = 0, b0 = 0;
#pragma omp simd reduction(+ : a0, b0)
    for (Index j = 0; j < d; ++j) {
      a0 += x0[j] * v1[j];
      b0 += x0[j] * v2[j];
    }
    t1[r] = a0;
    t2[r] = b0;
  }
}

TACIT_CLONES void axpy_rows(const double* const* x, Index rows, Index d, const double* __restrict w, double* __restrict out) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const double w0 = w[r], w1 = w[r + 1], w2 = w[r + 2], w3 = w[r + 3];
#pragma omp simd
    for (Index j = 0; j < d; ++j) out[j] += (w0 * x0[j] + w1 * x1[j]) + (w2 * x2[j] + w3 * x3[j]);
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    const double w0 = w[r];
#pragma omp simd
    for (Index j = 0; j < d; ++j) out[j] += w0 * x0[j];
  }
}

TACIT_CLONES void axpy_rows2(const double* const* x, Index rows, Index d, const double* __restrict w1,
                             const double* __restrict w2, double* __restrict out1, double* __restrict out2) {
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const double a0 = w1[r], a1 = w1[r + 1], a2 = w1[r + 2], a3 = w1[r + 3];
    const double b0 = w2[r], b1 = w2[r + 1], b2 = w2[r + 2], b3 = w2[r + 3];
#pragma omp simd
    for (Index j = 0; j < d; ++j) {
      out1[j] += (a0 * x0[j] + a1 * x1[j]) + (a2 * x2[j] + a3 * x3[j]);
      out2[j] += (b0 * x0[j] + b1 * x1[j]) + (b2 * x2[j] + b3 * x3[j]);
    }
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    const double a0 = w1[r], b0 = w2[r];
#pragma omp simd
    for (Index j = 0; j < d; ++j) {
      out1[j] += a0 * x0[j];
      out2[j] += b0 * x0[j];
    }
  }
}

// Two rows by four vectors: eight sums fill the registers of AVX2 and hide the latency of the multiply-add.
TACIT_CLONES void dot_rows4(const double* const* x, Index rows, Index d, const double* __restrict v, Index v_stride,
                            double* __restrict t, Index t_stride) {
  const double* __restrict p = v;
  const double* __restrict q = v + v_stride;
  const double* __restrict y = v + 2 * v_stride;
  const double* __restrict z = v + 3 * v_stride;
  Index r = 0;
  for (; r + 2 <= rows; r += 2) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    double a0 = 0, a1 = 0, b0 = 0, b1 = 0, c0 = 0, c1 = 0, e0 = 0, e1 = 0;
#pragma omp simd reduction(+ : a0, a1, b0, b1, c0, c1, e0, e1)
    for (Index j = 0; j < d; ++j) {
      a0 += x0[j] * p[j];
      a1 += x1[j] * p[j];
      b0 += x0[j] * q[j];
      b1 += x1[j] * q[j];
      c0 += x0[j] * y[j];
      c1 += x1[j] * y[j];
      e0 += x0[j] * z[j];
      e1 += x1[j] * z[j];
    }
    t[r] = a0;
    t[r + 1] = a1;
    t[t_stride + r] = b0;
    t[t_stride + r + 1] = b1;
    t[2 * t_stride + r] = c0;
    t[2 * t_stride + r + 1] = c1;
    t[3 * t_stride + r] = e0;
    t[3 * t_stride + r + 1] = e1;
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    double a0 = 0, b0 = 0, c0 = 0, e0 = 0;
#pragma omp simd reduction(+ : a0, b0, c0, e0)
    for (Index j = 0; j < d; ++j) {
      a0 += x0[j] * p[j];
      b0 += x0[j] * q[j];
      c0 += x0[j] * y[j];
      e0 += x0[j] * z[j];
    }
    t[r] = a0;
    t[t_stride + r] = b0;
    t[2 * t_stride + r] = c0;
    t[3 * t_stride + r] = e0;
  }
}

TACIT_CLONES void axpy_rows4(const double* const* x, Index rows, Index d, const double* __restrict w, Index w_stride,
                             double* __restrict out, Index out_stride) {
  double* __restrict o0 = out;
  double* __restrict o1 = out + out_stride;
  double* __restrict o2 = out + 2 * out_stride;
  double* __restrict o3 = out + 3 * out_stride;
  Index r = 0;
  for (; r + 2 <= rows; r += 2) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double a0 = w[r], a1 = w[r + 1], b0 = w[w_stride + r], b1 = w[w_stride + r + 1];
    const double c0 = w[2 * w_stride + r], c1 = w[2 * w_stride + r + 1], e0 = w[3 * w_stride + r], e1 = w[3 * w_stride + r + 1];
#pragma omp simd
    for (Index j = 0; j < d; ++j) {
      o0[j] += a0 * x0[j] + a1 * x1[j];
      o1[j] += b0 * x0[j] + b1 * x1[j];
      o2[j] += c0 * x0[j] + c1 * x1[j];
      o3[j] += e0 * x0[j] + e1 * x1[j];
    }
  }
  for (; r < rows; ++r) {
    const double* __restrict x0 = x[r];
    const double a0 = w[r], b0 = w[w_stride + r], c0 = w[2 * w_stride + r], e0 = w[3 * w_stride + r];
#pragma omp simd
    for (Index j = 0; j < d; ++j) {
      o0[j] += a0 * x0[j];
      o1[j] += b0 * x0[j];
      o2[j] += c0 * x0[j];
      o3[j] += e0 * x0[j];
    }
  }
}

// Four rows at a time, like the others. Without a shift x - 0 is x.
TACIT_CLONES void squares_rows(const double* const* x, Index rows, Index listed, Index d, const double* __restrict w,
                               const double* __restrict shift, double* __restrict out) {
  const auto moved = [shift](const double* row, Index j) { return shift ? row[j] - shift[j] : row[j]; };
  Index r = 0;
  for (; r + 4 <= rows; r += 4) {
    const double* __restrict x0 = x[r];
    const double* __restrict x1 = x[r + 1];
    const double* __restrict x2 = x[r + 2];
    const double* __restrict x3 = x[r + 3];
    const double w0 = w[r], w1 = w[r + 1], w2 = w[r + 2], w3 = w[r + 3];
    const bool ahead = r + kRowsAhead + 4 <= listed;
    for (Index j0 = 0; j0 < d; j0 += kStrip) {
      const Index end = j0 + kStrip < d ? j0 + kStrip : d;
      if (ahead) fetch_ahead(x + r, j0, end);
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

// exp as in taylor.hpp, without what arguments above 0 or below -708 need. log(1 + e) = 2 artanh(f), f = e / (2 + e) <= 1/3, by
// its odd series up to f^33. No branches and no tables, so that the loops vectorize.
TACIT_CLONES void exp_log1p(Index n, const double* __restrict m, double* __restrict e, double* __restrict l) {
#pragma omp simd
  for (Index i = 0; i < n; ++i) {
    double a = std::fabs(m[i]);
    a = a > 708 ? 708 : a;
    const taylor_detail::Reduced parts = taylor_detail::reduce(-a);
    const double power = taylor_detail::scaled((taylor_detail::exp_tail(parts.r) * parts.r + 1) * parts.r + 1, parts.shifted);
    e[i] = a == a ? power : a;  // the bits of a NaN (R's NA has some) make no exponent
  }
  if (!l) return;
#pragma omp simd
  for (Index i = 0; i < n; ++i) {
    const double f = e[i] / (2 + e[i]);
    const double q = f * f;
    double p = 1.0 / 33;
    p = p * q + 1.0 / 31;
    p = p * q + 1.0 / 29;
    p = p * q + 1.0 / 27;
    p = p * q + 1.0 / 25;
    p = p * q + 1.0 / 23;
    p = p * q + 1.0 / 21;
    p = p * q + 1.0 / 19;
    p = p * q + 1.0 / 17;
    p = p * q + 1.0 / 15;
    p = p * q + 1.0 / 13;
    p = p * q + 1.0 / 11;
    p = p * q + 1.0 / 9;
    p = p * q + 1.0 / 7;
    p = p * q + 1.0 / 5;
    p = p * q + 1.0 / 3;
    l[i] = 2 * f + 2 * f * q * p;
  }
}

TACIT_CLONES void logistic_rows(Index n, const double* __restrict m, const double* __restrict y, const double* __restrict e,
                                double* __restrict first, double* __restrict second) {
  if (first) {
#pragma omp simd
    for (Index i = 0; i < n; ++i) first[i] = -y[i] * ((m[i] > 0 ? e[i] : 1) / (1 + e[i]));
  }
  if (second) {
#pragma omp simd
    for (Index i = 0; i < n; ++i) second[i] = e[i] / ((1 + e[i]) * (1 + e[i]));
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

void dot_rows(const double* const* x, Index rows, Index listed, Index d, const double* v, double* t) {
  clones::dot_rows(x, rows, listed, d, v, t);
}
void dot_rows2(const double* const* x, Index rows, Index listed, Index d, const double* v1, const double* v2, double* t1,
               double* t2) {
  clones::dot_rows2(x, rows, listed, d, v1, v2, t1, t2);
}
void axpy_rows(const double* const* x, Index rows, Index d, const double* w, double* out) {
  clones::axpy_rows(x, rows, d, w, out);
}
void axpy_rows2(const double* const* x, Index rows, Index d, const double* w1, const double* w2, double* out1, double* out2) {
  clones::axpy_rows2(x, rows, d, w1, w2, out1, out2);
}
void dot_rows4(const double* const* x, Index rows, Index d, const double* v, Index v_stride, double* t, Index t_stride) {
  clones::dot_rows4(x, rows, d, v, v_stride, t, t_stride);
}
void axpy_rows4(const double* const* x, Index rows, Index d, const double* w, Index w_stride, double* out, Index out_stride) {
  clones::axpy_rows4(x, rows, d, w, w_stride, out, out_stride);
}
void squares_rows(const double* const* x, Index rows, Index listed, Index d, const double* w, const double* shift, double* out) {
  clones::squares_rows(x, rows, listed, d, w, shift, out);
}
void exp_log1p(Index n, const double* m, double* e, double* l) { clones::exp_log1p(n, m, e, l); }
void logistic_rows(Index n, const double* m, const double* y, const double* e, double* first, double* second) {
  clones::logistic_rows(n, m, y, e, first, second);
}
double sum(const double* x, Index n) { return clones::sum(x, n); }

}  // namespace tacit::inline TACIT_ABI::kernels
