// How much of an inner run a warm start replaces: rate of the map, head start in nats, implicit truncation k_eff.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/rate.hpp>

namespace tacit::inline TACIT_ABI {

/// Spectral radius of the state Jacobian A_z of a map whose blocks are polynomials of f_xx (gradient descent, heavy ball,
/// Nesterov): the larger one of its restrictions to the two extreme eigenvectors. NaN when the state is no stack of copies of x.
TACIT_EXPORT double map_rate(const StepJacobian& jacobian, Index inner_dim, Index state_dim, Index outer_dim,
                             const Spectrum& spectrum);

/// ln(e_cold / e_warm) with its interval, from distances to a stand-in for x* that is at most `error` away from it:
/// [ln((D_c - E)/(D_w + E)), ln((D_c + E)/(D_w - E))], the upper end infinite when D_w <= E.
struct HeadStart {
  double nats = 0, lo = 0, hi = 0;
};
TACIT_EXPORT HeadStart head_start(double cold_distance, double warm_distance, double error);

/// What one outer step shows about the warm start (theory sheet of the project's docs, "Warm starts = implicit truncation"). NaN:
/// not measured.
struct Truncation {
  double rate = std::numeric_limits<double>::quiet_NaN();  ///< contraction in use
  double rate_seen = rate;                                 ///< rho_hat of this run alone
  std::optional<bool> reliable;
  bool own_map = false;                                ///< false: in steps of gradient descent at 1/L
  double iterate_error = rate;                         ///< estimate of ||x_T - x*||
  double warm_distance = rate, cold_distance = rate;   ///< to the stand-in for x*
  double stand_in_error = rate;                        ///< E, bound or estimate of the stand-in's distance to x*
  double nats = rate, nats_lo = rate, nats_hi = rate;  ///< head start
  double k_eff = rate, k_eff_lo = rate, k_eff_hi = rate, k_match = rate;
  double warm_residual = rate, cold_residual = rate;  ///< ||x - A(x)|| at x_0 and x_cold
  Vec solution;                                       ///< the stand-in for x*
  Vec soft_mode;                                      ///< eigenvector of the smallest curvature: the next step's Lanczos start
};

/// What may be spent on it.
struct TruncationOptions {
  bool correct = true;       ///< Newton corrections and Lanczos at x_T; false: the free quantities of the run alone
  Index max_products = 200;  ///< Hessian products of one correction
  Index max_corrections = 6;
  double corrected_gradient = std::numeric_limits<double>::quiet_NaN();  ///< ||f_x|| at x_T + correction; NaN: not known
  double corrected_error =
      corrected_gradient;       ///< estimate of ||x_T + correction - x*|| by a factor of f_xx near; NaN: not known
  Vec near_mode, near_product;  ///< soft_mode_near, and f_xx at x_T + correction times it; empty: not known
  bool audit = false;           ///< count plain cold iterations until ||x_k - x*|| <= ||x_0 - x*||: k_match
  Index audit_limit = 50000;    ///< iterations after which the audit gives up (k_match stays missing)
};

/// Where the solver has kept f_xx of a point near, the eigenvector of its smallest eigenvalue (n entries), whose product with
/// f_xx is asked for; empty where none will be.
TACIT_EXPORT Vec soft_mode_near(const InnerSolution& inner);

/// The quantities of one inner run. Without corrections: rate = largest of `rates` and this run's rho_hat, x_T stands in for x*
/// with E = r_{T-1} rho/(1 - rho) (or ||f_x||/mu, whichever is smaller). With corrections: x_T minus Newton steps H^{-1} f_x
/// stands in for x*, with the rigorous E = ||f_x||/mu there where mu > 0 is known, or with what the solver's factor makes of f_x
/// where that is less, and the rate is the spectral radius of the map at that point. `correction`: a Newton step already known,
/// x* ~ x_T + correction, or empty; `soft_mode`: from the previous outer step, or empty. Head start and k_eff are exactly 0 when
/// x_0 = x_cold.
TACIT_EXPORT Truncation measure_truncation(const Problem& problem, In u, const InnerSolution& inner,
                                           const std::vector<double>& rates, In correction, In soft_mode,
                                           const TruncationOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
