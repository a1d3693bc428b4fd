#include <tacit/core/linear/detail/gram_kernel.hpp>

#include <algorithm>

// Chosen by hand and not by target_clones, as the loops of kernels.cpp are: the shape of a tile follows the registers that an
// instruction set has, and target_clones takes one feature a clone, but the multiply-adds beside AVX2 are a feature of their own.
#if defined(__x86_64__) && defined(__GNUC__)
#define TACIT_GRAM_X86 1
#endif

namespace tacit::inline TACIT_ABI::kernels {
namespace {

constexpr Index kBlockColumns = 120;  // of kGramRows rows: 240 KiB
constexpr Index kRowsAhead = 16;      // up to 100 columns 1.1 to 1.5 times faster than without

// A tile's sums, one row of its right factor and a factor of its left one fill the registers: 32, 16 and 16.
#ifdef TACIT_GRAM_X86
namespace avx512 {
constexpr int kLanes = 8, kVectors = 3;
#define TACIT_GRAM_TARGET __attribute__((target("avx512f")))
#include <tacit/core/linear/detail/gram_tiles.inc>
#undef TACIT_GRAM_TARGET
}  // namespace avx512

namespace avx2 {
constexpr int kLanes = 4, kVectors = 3;
#define TACIT_GRAM_TARGET __attribute__((target("avx2,fma")))
#include <tacit/core/linear/detail/gram_tiles.inc>
#undef TACIT_GRAM_TARGET
}  // namespace avx2
#endif

namespace plain {
constexpr int kLanes = 2, kVectors = 4;
#define TACIT_GRAM_TARGET
#include <tacit/core/linear/detail/gram_tiles.inc>
#undef TACIT_GRAM_TARGET
}  // namespace plain

/// h += w x x' on and above the diagonal for `Count` entries of a sparse row from `a` on times those behind them: together, so
/// that each of the others is loaded once.
template <int Count>
void add_pairs(const std::int32_t* column, const double* value, Index a, Index end, double w, double* h, Index stride) {
  double weighted[Count];
  double* row[Count];
  for (int i = 0; i < Count; ++i) {
    weighted[i] = w * value[a + i];
    row[i] = h + column[a + i] * stride;
  }
  for (int k = 0; k < Count; ++k) {
    for (int i = 0; i <= k; ++i) row[i][column[a + k]] += weighted[i] * value[a + k];
  }
  for (Index b = a + Count; b < end; ++b) {
    const Index j = column[b];
    const double v = value[b];
    for (int i = 0; i < Count; ++i) row[i][j] += weighted[i] * v;
  }
}

}  // namespace

const std::vector<GramKernel>& gram_kernels() {
  static const std::vector<GramKernel> runs_here = [] {
    std::vector<GramKernel> found;
#ifdef TACIT_GRAM_X86
    if (__builtin_cpu_supports("avx512f")) found.push_back({"avx512f", 0.33, avx512::packed, avx512::add});
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back({"avx2", 0.33, avx2::packed, avx2::add});
#endif
    found.push_back({"plain", 0.6, plain::packed, plain::add});
    return found;
  }();
  return runs_here;
}

GramSum::GramSum(const GramColumns& columns, Index rows, OutM h, const GramKernel& kernel)
    : columns_(columns), most_(std::min(rows, kGramRows)), kernel_(kernel), h_(h) {
  h_.setZero();
}

void GramSum::add_sparse(const std::int32_t* column, const double* value, Index count, double w) {
  if (w == 0) return;
  const Index p = columns_.features, stride = h_.outerStride();
  if (static_cast<double>(count) >= kernel_.dense_from * static_cast<double>(p)) {
    if (spread_.size() == 0) spread_.resize(most_ * p);
    double* row = spread_.data() + held_ * p;
    std::fill_n(row, p, 0.0);
    for (Index e = 0; e < count; ++e) row[column[e]] = value[e];
    add(row, w);
    return;
  }
  Index a = 0;
  for (; a + 4 <= count; a += 4) add_pairs<4>(column, value, a, count, w, h_.data(), stride);
  for (; a < count; ++a) add_pairs<1>(column, value, a, count, w, h_.data(), stride);
}

void GramSum::finish() {
  if (held_ == 0) return;
  if (pack_.size() == 0) pack_.resize(kernel_.packed(columns_.count(), most_));
  kernel_.add(columns_, x_.data(), beside_.data(), w_.data(), held_, pack_.data(), h_.data(), h_.outerStride());
  held_ = 0;
}

void mirror_upper(OutM h) {
  constexpr Index kTile = 32;
  const Index d = h.rows();
  for (Index i0 = 0; i0 < d; i0 += kTile) {
    for (Index j0 = 0; j0 <= i0; j0 += kTile) {
      for (Index i = i0; i < std::min(d, i0 + kTile); ++i) {
        for (Index j = j0; j < std::min(i, j0 + kTile); ++j) h(i, j) = h(j, i);
      }
    }
  }
}

}  // namespace tacit::inline TACIT_ABI::kernels
