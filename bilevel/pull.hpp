// Many penalties pulled towards each other: less freedom to fit the validation rows.
#pragma once
#include <memory>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// (strength/2) s sum_j h(theta_j - c) over the entries of every block of several, c the median of the block's theta (the mean of
/// the middle two of an even number) and h Huber's function, t^2 up to |t| = 1 and 2 |t| - 1 beyond, so that an entry at an end
/// of its range does not drag the others. theta is ln u where the block is on a log scale.
struct Pull {
  double strength = 0;
  double scale = 1;  ///< s, in the unit of the outer loss: what the pull weighs does not depend on the unit of y
};

/// The value, and its gradient added to `gradient`, that of the median included: it is the share of the middle entry, or half of
/// it of either. Where entries tie around the median the pull has a kink, unless they are all equal; then the entry of least
/// index counts as the lower.
TACIT_EXPORT double pull_value(const Pull& pull, const HyperSpace& space, In theta, Out gradient);

/// The oracle behind with the pull in value and gradient, of which Evaluation::loss() is without: optimizers, line searches and
/// tolerances are of the sum. The errors of the loss and of the hypergradient are those of the oracle behind, the latter over the
/// norm of the sum's gradient. Throws UsageError for a strength or a scale that is negative or not finite.
TACIT_EXPORT std::unique_ptr<Oracle> pulled_oracle(std::shared_ptr<const Oracle> behind, HyperSpace space, Pull pull);

}  // namespace tacit::inline TACIT_ABI
