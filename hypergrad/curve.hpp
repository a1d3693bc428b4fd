// The error of an inner iteration and of its unrolled derivative, step by step, beside the bounds of the theory.
#pragma once
#include <string>
#include <vector>

#include <tacit/core/inner/maps.hpp>
#include <tacit/hypergrad/bounds.hpp>

namespace tacit {

struct CurveOptions {
  Index steps = 300;             ///< N: errors are given for k = 0 .. N
  std::vector<Index> starts{0};  ///< the steps at which a derivative recursion starts from zero
  bool log = false;              ///< differentiate in ln u instead of u
  double cost = 1;               ///< of differentiating a step, in plain steps (theorem 6)
};

/// One recursion X_{k+1} = P_k X_k + Q_k with X_k = 0 up to k = start.
struct DerivativeCurve {
  Index start = 0;
  std::vector<double> error;  ///< ||X_k - X*||, k = 0 .. N: spectral norm of the part that belongs to x
  std::vector<double> bound;  ///< derivative_bound; empty when the constants are not known
  Index peak = 0;             ///< argmax of error
};

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
};

/// Runs the algorithm's map from the problem's cold start for N steps and all derivative recursions along with it, in one batch a
/// step; the truth is x* by Newton to rounding and X* = -f_xx^{-1} f_xu there. Throws UsageError when x* cannot be found (f_xx
/// not positive definite) or the iteration is not finite. One state of memory a recursion and hyperparameter.
Curve convergence_curve(const Problem& problem, In u, const Algorithm& algorithm, const CurveOptions& options);

/// dx*/du = -f_xx^{-1} f_xu at a stationary point x, n x m; du: weights of the columns (ones, or u for the derivative in ln u).
/// Throws UsageError when f_xx is not positive definite there.
Mat solution_jacobian(const Problem& problem, In u, In x, In du);

/// Inner variables of a curve at most: the truth comes from dense solves.
inline constexpr Index kCurveDim = 2000;

/// Largest singular value.
double spectral_norm(InM a);

}  // namespace tacit
