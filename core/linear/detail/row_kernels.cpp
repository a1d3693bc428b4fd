#include <tacit/core/linear/detail/row_kernels.hpp>

#include <algorithm>
#include <utility>

// Chosen by hand as those of gram_kernel.cpp are.
#if defined(__x86_64__) && defined(__GNUC__)
#define TACIT_ROW_X86 1
#include <immintrin.h>
#endif

namespace tacit::inline TACIT_ABI::kernels {
namespace {

constexpr int kLine = 8;  // doubles of a cache line

#ifdef TACIT_ROW_X86
namespace avx512 {
#define TACIT_ROW_TARGET __attribute__((target("avx512f")))
constexpr int kLanes = 8, kMany = 20;
using Lane = double __attribute__((vector_size(64)));
struct Part {
  __mmask8 mask;
  explicit Part(Index n) : mask(static_cast<__mmask8>((1 << n) - 1)) {}
  TACIT_ROW_TARGET Lane load(const double* from) const { return _mm512_maskz_loadu_pd(mask, from); }
};
#include <tacit/core/linear/detail/row_tiles.inc>
#undef TACIT_ROW_TARGET
}  // namespace avx512

namespace avx2 {
#define TACIT_ROW_TARGET __attribute__((target("avx2,fma")))
constexpr int kLanes = 4, kMany = 10;
using Lane = double __attribute__((vector_size(32)));
constexpr long long kOnes[] = {-1, -1, -1, 0, 0, 0};
struct Part {
  const __m256i* mask;  // of n ones and 4 - n zeros
  explicit Part(Index n) : mask(reinterpret_cast<const __m256i*>(kOnes + 3 - n)) {}
  TACIT_ROW_TARGET Lane load(const double* from) const { return _mm256_maskload_pd(from, _mm256_loadu_si256(mask)); }
};
#include <tacit/core/linear/detail/row_tiles.inc>
#undef TACIT_ROW_TARGET
}  // namespace avx2
#endif

namespace plain {
#define TACIT_ROW_TARGET
constexpr int kLanes = 2, kMany = 10;
using Lane = double __attribute__((vector_size(16)));
struct Part {
  explicit Part(Index) {}
  static Lane load(const double* from) { return Lane{*from, 0}; }
};
#include <tacit/core/linear/detail/row_tiles.inc>
#undef TACIT_ROW_TARGET
}  // namespace plain

}  // namespace

#define TACIT_ROW_PRODUCTS(set)                                                             \
  {set::dots<1>, set::dots<2>, set::dots<3>, set::dots<4>, set::dots<5>}, {                 \
    set::axpys<1>, set::axpys<2>, set::axpys<3>, set::axpy_columns<4>, set::axpy_columns<5> \
  }
const std::vector<RowKernels>& row_kernels() {
  static const std::vector<RowKernels> runs_here = [] {
    std::vector<RowKernels> found;
#ifdef TACIT_ROW_X86
    if (__builtin_cpu_supports("avx512f")) found.push_back({"avx512f", TACIT_ROW_PRODUCTS(avx512)});
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) found.push_back({"avx2", TACIT_ROW_PRODUCTS(avx2)});
#endif
    found.push_back({"plain", TACIT_ROW_PRODUCTS(plain)});
    return found;
  }();
  return runs_here;
}
#undef TACIT_ROW_PRODUCTS

namespace {

/// Four vectors at a time, the last five together, then what is left. Rows are fetched once.
void in_groups(const RowKernels::Products& products, const double* const* x, Index rows, Fetch fetch, Index d, Index k,
               const Strided<const double>& from, const Strided<double>& to) {
  Index c = 0;
  const auto next = [&](Index width, RowKernels::Product product) {
    product(x, rows, fetch, d, {from.at(c), from.apart}, {to.at(c), to.apart});
    fetch = {};
    c += width;
  };
  while (c + 4 <= k) k - c == 5 ? next(5, products.five) : next(4, products.four);
  if (k - c == 3) next(3, products.three);
  if (k - c == 2) next(2, products.two);
  if (k - c == 1) next(1, products.one);
}

}  // namespace

void dot_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, Index k, const Strided<const double>& v,
              const Strided<double>& t, const RowKernels& kernel) {
  in_groups(kernel.dot, x, rows, fetch, d, k, v, t);
}

void axpy_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, Index k, const Strided<const double>& w,
               const Strided<double>& out, const RowKernels& kernel) {
  in_groups(kernel.axpy, x, rows, fetch, d, k, w, out);
}

}  // namespace tacit::inline TACIT_ABI::kernels
