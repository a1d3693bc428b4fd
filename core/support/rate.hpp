// What the step norms of a run of a fixed-point map tell: its contraction factor and how far its last iterate is off.
#pragma once
#include <limits>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// A contraction factor rho and whether it may be relied on.
struct RateEstimate {
  double rate = std::numeric_limits<double>::quiet_NaN();
  bool reliable = false;
};

/// rho_hat from the step norms r_k = ||x_{k+1} - x_k|| of one run of T steps, w = max(5, T/3) shrunk to fit:
/// q1 = (r_{T-1}/r_{T-1-w})^{1/w}, q0 the same a window earlier; if q0 < q1 < 1: 1 - (1-q1)^2/(1-q0), else q1; clipped to [1e-3,
/// 1-1e-7]. Reliable: q1 and q0 agree ((1-q0) <= 1.25 (1-q1) where q0 < q1) and r fell tenfold. Momentum makes r oscillate, so
/// there the window is at least 20 and maxima of r over up to 20 steps stand in for r. Steps below `floor` (rounding) at the end
/// are left out. NaN: fewer than 3 steps, or steps that did not shrink. For symmetric positive maps the uncorrected ratio is a
/// LOWER estimate of rho.
TACIT_EXPORT RateEstimate residual_rate(const std::vector<double>& step_norms, bool momentum = false, double floor = 0);

/// rho_used: the largest of the last five rates (a short warm run sees only the fast modes); NaN when there is none.
TACIT_EXPORT double largest_recent(const std::vector<double>& rates);

/// Estimate of ||x_T - x*||: r_{T-1} rho/(1 - rho), with momentum the largest r_{T-1-j} rho^j, j < 20, in place of r_{T-1}. rho:
/// rho_hat of the run, at least `least_rate` and at most `rate_bound`, a rigorous bound where one is known (NaN: none). NaN: no
/// rate.
TACIT_EXPORT double estimated_iterate_error(const std::vector<double>& step_norms, bool momentum, double least_rate,
                                            double rate_bound);

}  // namespace tacit::inline TACIT_ABI
