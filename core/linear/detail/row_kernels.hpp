// Products with dense rows, several rows and vectors at once, built for the machine that runs them.
#pragma once
#include <cstdint>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// Rows that a kernel asks memory for while it works on others: x[r + ahead] beside each x[r] of the first `rows`. The default
/// asks for none, which is right for rows that lie in the cache anyway.
struct Fetch {
  enum class Part : std::uint8_t { all, first_half, second_half };
  static constexpr Index kGroup = 8;  // rows of which a part is one
  Index ahead = 0, rows = 0;
  Part part = Part::all;
  /// Rows beside which others are fetched: a part is one of whole groups.
  Index last() const { return part == Part::all ? rows : rows / kGroup * kGroup; }
  /// The first of those that are fetched beside x[r] and others behind it.
  Index begin(Index r) const {
    const Index in_group = r % kGroup;
    return ahead + (part == Part::all ? r : r - in_group + in_group / 2 + (part == Part::first_half ? 0 : kGroup / 2));
  }
};

// Into the second-level cache. On one machine (EPYC, Zen 5) the first one does as well or, where rows do not begin at cache
// lines, better; on another (Zen 4) requests for it took 1.5 times as long.
inline constexpr int kFetchLevel = 2;  // as __builtin_prefetch counts

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
    Product one, two, three, four, five;  ///< for so many vectors
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
