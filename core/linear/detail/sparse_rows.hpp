// Products with rows of which only some entries are stored.
#pragma once
#include <cstdint>
#include <type_traits>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// The stored entries of one row: columns ascend.
struct SparseRow {
  const double* value;
  const std::int32_t* column;
  Index count;
};

inline bool ascending(const SparseRow& row) {
  Index wrong = 0;
  for (Index e = 1; e < row.count; ++e) wrong += row.column[e - 1] >= row.column[e] ? 1 : 0;
  return wrong == 0;
}

inline constexpr Index kTogether = 4;  // entries: with one sum each would wait for the one before

/// t[c * ld] = row . v_c, entry j of v_c at v[j * apart + c], for K vectors.
template <int K>
inline void dot_entries(const SparseRow& row, const double* v, Index apart, double* t, Index ld) {
  double sum[kTogether][K] = {};
  const Index whole = row.count / kTogether * kTogether;
  for (Index e = 0; e < whole; e += kTogether) {
    for (Index i = 0; i < kTogether; ++i) {
      const double* at = v + row.column[e + i] * apart;
      for (int c = 0; c < K; ++c) sum[i][c] += row.value[e + i] * at[c];
    }
  }
  for (Index e = whole; e < row.count; ++e) {
    const double* at = v + row.column[e] * apart;
    for (int c = 0; c < K; ++c) sum[0][c] += row.value[e] * at[c];
  }
  for (int c = 0; c < K; ++c) t[c * ld] = (sum[0][c] + sum[1][c]) + (sum[2][c] + sum[3][c]);
}

/// out_c += term(value, c) at each entry, entry j of out_c at out[j * apart + c], for K vectors. Four entries are loaded before
/// any is stored: no two of a row are of one column, which a compiler cannot know.
template <int K, class Term>
inline void add_entries(const SparseRow& row, const Term& term, double* out, Index apart) {
  const Index whole = row.count / kTogether * kTogether;
  for (Index e = 0; e < whole; e += kTogether) {
    double now[kTogether][K];
    for (Index i = 0; i < kTogether; ++i) {
      const double* at = out + row.column[e + i] * apart;
      for (int c = 0; c < K; ++c) now[i][c] = at[c] + term(row.value[e + i], c);
    }
    for (Index i = 0; i < kTogether; ++i) {
      double* at = out + row.column[e + i] * apart;
      for (int c = 0; c < K; ++c) at[c] = now[i][c];
    }
  }
  for (Index e = whole; e < row.count; ++e) {
    double* at = out + row.column[e] * apart;
    for (int c = 0; c < K; ++c) at[c] += term(row.value[e], c);
  }
}

/// out_c += w[c * ld] row.
template <int K>
inline void axpy_entries(const SparseRow& row, const double* w, Index ld, double* out, Index apart) {
  double weight[K];
  for (int c = 0; c < K; ++c) weight[c] = w[c * ld];
  add_entries<K>(
      row, [&](double value, int c) { return value * weight[c]; }, out, apart);
}

/// part(c0, width, apart) for `count` vectors in parts of 4, 2 and 1, width as a constant; apart: how many stand side by side.
template <class Part>
inline void in_parts(Index count, const Part& part) {
  constexpr std::integral_constant<int, 1> one;
  if (count == 1) return part(Index{0}, one, one);
  Index c = 0;
  for (; c + 4 <= count; c += 4) part(c, std::integral_constant<int, 4>{}, count);
  if (c + 2 <= count) {
    part(c, std::integral_constant<int, 2>{}, count);
    c += 2;
  }
  if (c < count) part(c, one, count);
}

}  // namespace tacit::inline TACIT_ABI::kernels
