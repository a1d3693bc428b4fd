// What is wrong with a hypergradient: an estimate by correction, and a rigorous bound where the constants are known.
#pragma once
#include <limits>

#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

struct ErrorOptions {
  double floor = 0;          ///< in theta: what a shorter hypergradient counts as where errors are set against its length
  double relative = 0.01;    ///< residual, over the one at its start, to which each corrective solve goes
  Index max_rounds = 10;     ///< corrections of point and adjoint
  Index max_newton = 3;      ///< Newton steps a round at most: a further one where ||f_x|| did not fall to a tenth
  double resolution = 0.05;  ///< rounds end when the last one moved the corrected hypergradient by at most this share of the
                             ///< error found, or of its own length if that is less
  double negligible = 1e-3;  ///< below this relative error one round is enough, when residuals of point and adjoint are small
                             ///< too; where the convexity of f is known, it vouches for this share
  double value = std::numeric_limits<double>::quiet_NaN();  ///< the outer loss as it is reported; NaN: of no interest
  Vec along;            ///< a vector (n entries) whose product with f_xx is of use, where a pass can take it along; empty: none
  double told = 1e-10;  ///< no round at all where a rigorous bound, from the residuals as they are, leaves open at most this
                        ///< share of the hypergradient, or the share `resolution` of the error
};

/// A point and an adjoint nearer to the truth, and the hypergradient there, which stands in for the true one.
struct ErrorEstimate {
  Vec corrected;             ///< hypergradient in u after the corrections; empty when nothing could be computed
  Vec x;                     ///< corrected inner variable
  Vec adjoint;               ///< corrected adjoint
  double iterate_error = 0;  ///< ||x_T - x||, estimate of ||x_T - x*||
  double gradient_norm = std::numeric_limits<double>::quiet_NaN();  ///< ||f_x(x, u)|| of that x; NaN: was not computed
  /// |value - l(x*)| of the reported outer loss, l(x*) by l(x) - w.f_x(x) at the corrected point and adjoint w, and what that
  /// leaves open.
  double value_error = std::numeric_limits<double>::quiet_NaN();
  /// ||g - corrected|| in theta, and at least `uncertainty`; without a round and without a factor of f_xx at least what the
  /// residuals leave open of it.
  double error = std::numeric_limits<double>::quiet_NaN();
  double uncertainty =
      std::numeric_limits<double>::quiet_NaN();  ///< how far the last round moved `corrected`, in theta; NaN after one round
  /// Rigorous bounds of ||g - grad Phi|| in u and in theta: quadratic linear model with mu > 0 and a criterion with a smoothness
  /// constant; NaN where constants are missing.
  double bound = std::numeric_limits<double>::quiet_NaN();
  double bound_theta = std::numeric_limits<double>::quiet_NaN();
  /// Rigorous lower bound of ||grad Phi|| in theta, where the bounds above are known.
  double least_theta = std::numeric_limits<double>::quiet_NaN();
  Vec along;  ///< f_xx near `x` times ErrorOptions::along; empty where no pass took it along
  Vec fx;     ///< f_x(x, u) of that x, where steps with the solver's factor have led there; else empty
  double distance = std::numeric_limits<double>::quiet_NaN();  ///< estimate of ||x - x*|| in that case
  Index rounds = 0;                                            ///< 0: the residuals of point and adjoint told enough
  Status status = Status::not_run;
};

/// Estimates the total error of `hyper` (inner solve, adjoint, truncation). A round is a Newton direction for x by CG with Jacobi
/// (or the solver's factor) as preconditioner, its step halved while neither f nor ||f_x|| falls, then CG on the residual of the
/// adjoint in hand at the corrected point, both to 1 % of their start. A second round shows how well the first knew the error;
/// rounds go on until that is known to 5 %. Residuals alone would not do: soft modes hide in them, so up to
/// LinearModel::kEigenDim variables CG has a factor of f_xx, and its convexity, where known, must vouch for point and adjoint.
/// Of a linear model whose solver left a factor that leaves half of a gradient at most, steps with that correct point and adjoint
/// in one pass each, mostly a single one; by what they leave of each other it is known how well they tell the error.
/// A factor of f_xx at the very point replaces CG, and for the step of x one whose steps left little
/// (InnerSolution::inverse_left). Where the rigorous bound is known, it ends the rounds as soon as it leaves little open: after
/// none, where the solver and the estimator solved tightly enough to tell. Where only rounding is left of the residuals and no
/// convexity vouches for what that does to soft modes, further steps are taken in it: they improve, or what they move is what
/// rounding hides. The work is counted with `problem.work`, if any.
TACIT_EXPORT ErrorEstimate estimate_error(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper,
                                          const ErrorOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
