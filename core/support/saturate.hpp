// Sums and products of counts that stay at the largest number instead of running over.
#pragma once
#include <concepts>
#include <limits>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// a + b, at most the largest number of the type. For a, b >= 0.
template <std::integral T>
constexpr T add_saturated(T a, T b) {
  constexpr T kMost = std::numeric_limits<T>::max();
  return a > kMost - b ? kMost : static_cast<T>(a + b);
}

/// a b, at most the largest number of the type. For a, b >= 0.
template <std::integral T>
constexpr T multiply_saturated(T a, T b) {
  constexpr T kMost = std::numeric_limits<T>::max();
  return b != 0 && a > kMost / b ? kMost : static_cast<T>(a * b);
}

}  // namespace tacit::inline TACIT_ABI
