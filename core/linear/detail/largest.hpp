// The largest eigenpair by Lanczos from a start of one's own. Not part of the public interface.
#pragma once
#include <functional>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// value: as lanczos_largest returns it, from above; vector: of length 1, empty where the value is NaN.
struct LargestPair {
  double value;
  Vec vector;
};

/// A fixed start of n numbers without structure.
Vec start_of_largest(Index n);
/// As lanczos_largest, from a start of length 1: the nearer it is to the eigenvector, the fewer products.
LargestPair largest_from(const std::function<void(In, Out)>& h, Vec start, double tolerance, Index max_steps);

}  // namespace tacit::inline TACIT_ABI::detail
