// The theory of unrolled derivatives in numbers: error bounds, the peak of the curse of unrolling, the best late start.
#pragma once
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// Constants of a contraction x_{k+1} = A(x_k, u) near its fixed point x*(u) and of the recursion X_{k+1} = P_k X_k + Q_k, P =
/// A_x, Q = A_u, for the Jacobian X* = dx*/du. The bounds below hold when rho and C do (Mehmood, Knoll and Ochs 2026; Scieur et
/// al. 2022).
struct TACIT_EXPORT ContractionConstants {
  double rate = 0;         ///< rho < 1, ||P|| <= rho
  double forcing = 0;      ///< C: Lipschitz constant of x -> P(x) X* + Q(x)
  double jacobian = 0;     ///< M = ||X*||, the error of a zero start of the recursion
  double start_error = 0;  ///< e_0 = ||x_0 - x*||
  bool known() const;      ///< all finite, 0 < rho < 1
};

/// ||x_k - x*|| <= rho^k e_0.
TACIT_EXPORT double iterate_bound(const ContractionConstants& c, Index k);
/// ||X_k - X*|| of a recursion that is zero up to step k0: rho^m M + C m rho^(k-1) e_0 with m = k - k0, and M for k <= k0. The
/// first term forgets the wrong start, the second is the curse: early iterates, far off, pollute the derivative.
TACIT_EXPORT double derivative_bound(const ContractionConstants& c, Index k, Index k0 = 0);

/// The same for a linear iteration whose matrix P is known through the norms of its powers, p_k = ||P^k||, k = 0 .. N: what is
/// left where momentum makes ||P|| > 1. ||z_k - z*|| <= p_k E_0, and from a zero start at k0, m = k - k0,
///   ||Z_k - Z*|| <= p_m D_0 + C E_0 sum_{j=k0}^{k-1} p_{k-1-j} p_j.
/// E_0 = ||z_0 - z*||, D_0 = ||Z*|| and C belong to the whole state z.
struct TACIT_EXPORT PowerBounds {
  std::vector<double> powers;
  double start_error = 0, jacobian = 0, forcing = 0;
  double iterate(Index k) const { return powers[static_cast<std::size_t>(k)] * start_error; }
  double derivative(Index k, Index k0) const;
};

/// The hump of the bound of a recursion started at step 0.
struct CursePeak {
  bool present = false;  ///< the bound grows at first: C e_0 > (1 - rho) M
  double peak = 0;       ///< argmax over real k, 1/a - 1/s with a = ln(1/rho), s = C e_0/(rho M)
  double height = 0;     ///< the bound there over M
  double burn_in = 0;    ///< the k > 0 at which the bound is back at M
};
TACIT_EXPORT CursePeak curse_peak(const ContractionConstants& c);
/// The real k at which the bound has fallen to `share` of M for good.
TACIT_EXPORT double steps_to(const ContractionConstants& c, double share);

/// The late start that minimises the bound after any fixed number of steps: the first k0 with C rho^k0 e_0 < (1 - rho) M. It does
/// not depend on the number of steps; a run that ends before it should not be differentiated by unrolling at all.
TACIT_EXPORT Index best_start(const ContractionConstants& c);

/// How to spend a budget of N plain steps when differentiating a step costs `cost` plain ones more.
struct BudgetSplit {
  double plain = 0;           ///< steps not differentiated (late start), or steps of the solve (frozen)
  double differentiated = 0;  ///< differentiated steps, or terms at the last iterate
  double bound = 0;           ///< of ||X - X*|| at that split
};
/// Late start: plain + (1 + cost) differentiated = N, bound of derivative_bound.
TACIT_EXPORT BudgetSplit best_late_start(const ContractionConstants& c, double budget, double cost);
/// Solve first, then terms of the recursion frozen at the last iterate: plain + cost differentiated = N, bound
/// rho^K M + C rho^T e_0 / (1 - rho).
TACIT_EXPORT BudgetSplit best_frozen(const ContractionConstants& c, double budget, double cost);

/// The lower real branch of Lambert's W: w <= -1 with w e^w = -exp(-y - 1), y >= 0, from y, so that no argument underflows
/// (Corless et al. 1996).
TACIT_EXPORT double lambert_lower(double y);
/// The principal branch from the logarithm of its argument: w > 0 with w + ln w = log_x.
TACIT_EXPORT double lambert_upper_of_log(double log_x);

}  // namespace tacit::inline TACIT_ABI
