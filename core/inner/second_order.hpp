// What f_xx shows of a point that a solver took for a solution, by a few products.
#pragma once
#include <limits>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// Extreme eigenvalues of f_xx by Lanczos: `least` is at least the smallest, `largest` at most the largest.
struct SecondOrder {
  double least = std::numeric_limits<double>::quiet_NaN(), largest = least;
  /// least < 0 by more than 1e-6 |f_xx|: no minimum. A Ritz value is a Rayleigh quotient, so this is proof; false is none.
  bool negative = false;
  Vec direction;  ///< p with p' f_xx p = least, of length 1
  Index products = 0;
};

/// At most `steps` Lanczos steps (Lanczos 1950) at (x, u) from a fixed pseudo-random start; f_xx has to be symmetric.
TACIT_EXPORT SecondOrder second_order(const Objective& f, In x, In u, Index steps = 20);

/// |q'(f_xx p) - p'(f_xx q)| / (||q|| ||f_xx p|| + ||p|| ||f_xx q||) for one fixed pair of pseudo-random vectors: rounding where
/// f_xx is symmetric. Two products.
TACIT_EXPORT double asymmetry(const Objective& f, In x, In u);

}  // namespace tacit::inline TACIT_ABI
