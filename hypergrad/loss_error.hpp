// How far the outer loss of an inexact inner solution is off, cheaply enough to ask at every solve.
#pragma once
#include <limits>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// l, l_x and f_x at an inner point.
struct OuterPoint {
  double value = std::numeric_limits<double>::quiet_NaN();
  Vec lx, fx;
};
/// At the end of a run; fx is the solver's where it has it.
TACIT_EXPORT OuterPoint outer_point(const Problem& problem, In u, const InnerSolution& inner);

/// l(x) - l(x*) in two parts, x* the solution near x. With d = f_xx^{-1} f_x and the adjoint w = f_xx^{-1} l_x the first is
/// w.f_x = l_x.d, which l(x) - w.f_x is without; the second what is left: d' l_xx d / 2, the change of f_xx along d, and what w
/// itself is off. NaN: not known.
struct LossError {
  double first = std::numeric_limits<double>::quiet_NaN();   ///< its size
  double second = std::numeric_limits<double>::quiet_NaN();  ///< its size
  /// Of l(x) as it stands.
  double plain() const { return first + second; }
};

/// What a step with the solver's kept factor leaves of ||f_x||, by the steps that it took, doubled: what is left now lies in the
/// modes that it knows least. NaN: too much for such a step to tell anything, or none was taken.
TACIT_EXPORT double factor_leaves(const InnerSolution& inner);

/// By the bounds ||d|| <= ||f_x|| / mu and ||l_xx|| <= L_l where these are known and show an error of at most `enough`; else from
/// d itself, by the solver's factor of f_xx at x, or by CG to a tenth (without w a hundredth), and the difference to the loss at
/// x - d. Where a factor that is near shows an error of four times `enough` and more, that is all that is said of it. w: an
/// adjoint with
/// ||l_x - f_xx w|| = w_residual, or null. Not known where f_xx is not symmetric or not positive definite. Cost: a linear solve
/// to a tenth, one gradient and one value, or nothing.
TACIT_EXPORT LossError loss_error(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, const Vec* w,
                                  double w_residual, double enough);

}  // namespace tacit::inline TACIT_ABI
