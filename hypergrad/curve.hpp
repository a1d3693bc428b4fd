// The error of an inner iteration and of its unrolled derivative, step by step, beside the bounds of the theory.
#pragma once
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/inner/maps.hpp>
#include <tacit/hypergrad/bounds.hpp>

namespace tacit::inline TACIT_ABI {

struct CurveOptions {
  Index steps = 300;             ///< N: errors are given for k = 0 .. N
  std::vector<Index> starts{0};  ///< the steps at which a derivative recursion starts from zero
  bool log = false;              ///< differentiate in ln u instead of u
  /// c of theorem 6: what differentiating a step costs more than a plain step, in plain steps; empty: differentiation_cost.
  std::optional<double> cost;
};

/// One recursion X_{k+1} = P_k X_k + Q_k with X_k = 0 up to k = start.
struct DerivativeCurve {
  Index start = 0;
  std::vector<double> error;  ///< ||X_k - X*||, k = 0 .. N: spectral norm of the part that belongs to x
  std::vector<double> bound;  ///< derivative_bound; empty when the constants are not known
  Index peak = 0;             ///< argmax of error
};

/// A late start at the cost of a full unroll of K steps: t of the differentiated steps are dropped, plain ones come first for
/// what they cost.
struct EqualCostStart {
  Index dropped = 0;                                        ///< t; 0: the full unroll itself
  Index plain = 0;                                          ///< k0 = floor((1 + c) t)
  Index differentiated = 0;                                 ///< K - t
  double error = std::numeric_limits<double>::quiet_NaN();  ///< ||X - X*|| after k0 + K - t steps
  double bound = std::numeric_limits<double>::quiet_NaN();  ///< derivative_bound there; NaN when the constants are not known
};
/// The split of steps above, without its error.
TACIT_EXPORT EqualCostStart equal_cost_start(Index steps, Index dropped, double cost);

struct Curve {
  Vec x;         ///< x*(u) to rounding
  Mat jacobian;  ///< dx*/du or dx*/d ln u, n x m
  double step_size = 0, momentum = 0;
  double smoothness = 0, convexity = 0;  ///< L and mu of the inner objective, valid at every x; mu 0: not known
  double gradient_norm = 0;              ///< ||f_x|| at x: how exact the solution is
  double local_rate = 0;                 ///< spectral radius of the state Jacobian of the map at x*
  /// rho = max(|1 - step mu|, |1 - step L|), C, M, e_0; rho or C NaN where not known, and with momentum, whose bounds on
  /// quadratics are PowerBounds.
  ContractionConstants constants;
  std::string unknown;                ///< why there are no bounds; empty when there are
  std::vector<double> iterate_error;  ///< ||x_k - x*||
  std::vector<double> iterate_bound;  ///< empty when rho is not known
  std::vector<DerivativeCurve> derivative;
  /// What the bound says; meaningful when there are bounds.
  CursePeak peak;
  Index best_start = 0;  ///< theorem 5, not clipped to N
  BudgetSplit late_start, frozen;
  double cost = 0;  ///< c in use
  /// Beside the full unroll of N steps, the first one: starts spread over it, and where the constants are known that of theorem 6
  /// for its cost (1 + c) N.
  std::vector<EqualCostStart> equal_cost;
  Index planned = -1;  ///< place of the last named in it; -1: not known
};

/// Runs the algorithm's map from the problem's cold start for N steps and all derivative recursions along with it, in one batch a
/// step; the truth is x* by Newton to rounding and X* = -f_xx^{-1} f_xu there. Throws UsageError when x* cannot be found (f_xx
/// not positive definite) or the iteration is not finite. One state of memory a recursion and hyperparameter.
TACIT_EXPORT Curve convergence_curve(const Problem& problem, In u, const Algorithm& algorithm, const CurveOptions& options);

/// What a reverse step of the map costs more than the plain step it differentiates, in plain steps: reads of the data, or where
/// one of them makes none (products through a Gram matrix) gradients and Hessian products.
TACIT_EXPORT double differentiation_cost(const Problem& problem, In u, const Algorithm& algorithm);

/// dx*/du = -f_xx^{-1} f_xu at a stationary point x, n x m; du: weights of the columns (ones, or u for the derivative in ln u).
/// Throws UsageError when f_xx is not positive definite there.
TACIT_EXPORT Mat solution_jacobian(const Problem& problem, In u, In x, In du);

/// Inner variables of a curve at most: the truth comes from dense solves.
inline constexpr Index kCurveDim = 2000;

/// Largest singular value.
TACIT_EXPORT double spectral_norm(InM a);

}  // namespace tacit::inline TACIT_ABI
