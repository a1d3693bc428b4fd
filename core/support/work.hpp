// What a computation cost, in machine-independent units.
#pragma once
#include <atomic>
#include <cstdint>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Products with the inner objective and steps of its map. Data passes are full reads of the design matrix.
struct TACIT_EXPORT Work {
  std::int64_t values = 0;            ///< evaluations of f alone
  std::int64_t gradients = 0;         ///< evaluations of f_x
  std::int64_t hessian_products = 0;  ///< f_xx p, one per vector
  std::int64_t cross_products = 0;    ///< f_ux p or f_xu w, one per vector
  std::int64_t map_steps = 0;         ///< steps of a fixed-point map, replayed ones included
  std::int64_t data_passes = 0;       ///< reads of X, meaningful when passes_known
  bool passes_known = false;          ///< the objective is one whose reads are counted

  Work& operator+=(const Work& o);
  Work& operator-=(const Work& o);
  friend Work operator+(Work a, const Work& b) { return a += b; }
  friend Work operator-(Work a, const Work& b) { return a -= b; }
  bool operator==(const Work&) const = default;
  /// Gradients plus Hessian products: the unit in which methods are compared.
  std::int64_t inner_units() const { return gradients + hessian_products; }
};

/// A Work that several threads may add to.
class TACIT_EXPORT WorkCounter {
public:
  std::atomic<std::int64_t> values{0}, gradients{0}, hessian_products{0}, cross_products{0}, map_steps{0}, data_passes{0};
  std::atomic<bool> passes_known{false};  ///< set by the first design that reports here
  Work read() const;
};

}  // namespace tacit::inline TACIT_ABI
