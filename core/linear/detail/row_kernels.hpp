// Products with dense rows, several rows and vectors at once, built for the machine that runs them.
#pragma once
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// Rows that a kernel asks memory for while it works on others: beside four rows x[r] .. x[r + 3] the rows x[r + ahead + first]
/// .. x[r + ahead + last - 1], where x[r + ahead + 3] is among the first `listed` of x. The default asks for none, which is right
/// for rows that lie in the cache anyway.
struct Fetch {
  Index ahead = 0, listed = 0, first = 0, last = 0;
};

inline constexpr Index kStrip = 64;  // columns that are worked on between two rounds of fetching

// Four short streams at a time are too little for the hardware to see ahead, and without this a product waits for memory most of
// the time. Into the second-level cache: requests for the first level hold up what is worked on.
inline void fetch_ahead(const double* const* x, Index r, const Fetch& fetch, Index begin, Index end) {
  constexpr Index kLine = 8;  // doubles of a cache line
  if (r + fetch.ahead + 4 > fetch.listed) return;
  for (Index k = fetch.first; k < fetch.last; ++k) {
    const double* row = x[r + fetch.ahead + k];
    for (Index j = begin; j < end; j += kLine) __builtin_prefetch(row + j, 0, 2);
  }
}

/// Vectors that begin `apart` doubles after each other.
template <class Number>
struct Strided {
  Number* begin;
  Index apart;
  Number* at(Index c) const { return begin + c * apart; }
};

/// The loops for one instruction set.
struct RowKernels {
  using Product = void (*)(const double* const* x, Index rows, const Fetch& fetch, Index d, const Strided<const double>& from,
                           const Strided<double>& to);
  struct Products {
    Product one, two, four;  ///< for so many vectors
  };
  const char* name;
  Products dot, axpy;  ///< as dot_rows and axpy_rows below
};

/// Those that this machine runs, the fastest first.
TACIT_EXPORT const std::vector<RowKernels>& row_kernels();

/// Vectors of d numbers have room for so many, the ones behind d being 0 before and after.
inline Index padded(Index d) { return (d + 7) / 8 * 8; }

/// t_c[r] = x[r] . v_c for rows x[0 .. rows - 1] of length d and k padded vectors v. A number has the same bits whatever k and
/// rows are.
TACIT_EXPORT void dot_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, Index k,
                           const Strided<const double>& v, const Strided<double>& t,
                           const RowKernels& kernel = row_kernels().front());
/// out_c += sum_r w_c[r] x[r], k padded vectors.
TACIT_EXPORT void axpy_rows(const double* const* x, Index rows, const Fetch& fetch, Index d, Index k,
                            const Strided<const double>& w, const Strided<double>& out,
                            const RowKernels& kernel = row_kernels().front());

}  // namespace tacit::inline TACIT_ABI::kernels
