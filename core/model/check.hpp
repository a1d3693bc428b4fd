// Derivative checks for inner objectives and criteria: for tests, and for whoever writes one.
#pragma once
#include <string>

#include <tacit/core/model/model.hpp>

namespace tacit {

/// What a check found.
struct DerivativeCheck {
  double error = 0;     ///< largest relative deviation; infinite when something is not finite
  std::string message;  ///< one sentence: what deviated most, with both numbers
  bool ok(double tolerance) const { return error <= tolerance; }
};

/// f_x d, f_xx d and f_xu w against central differences of f and f_x (extrapolated, O(h^4)) along four random directions of fixed
/// seed, relative to the length of the derivative; and value, gradient, linearize(at) against each other. A right objective comes
/// out near 1e-9, or as well as rounding of f allows.
DerivativeCheck check_gradient(const Objective& f, In x, In u);
/// p'(f_xx q) against q'(f_xx p), and hessian_batch, diagonal and dense against single products. A right objective: below 1e-12.
DerivativeCheck check_hessian_symmetry(const Objective& f, In x, In u);
/// w'(f_ux p) against p'(f_xu w), and both adjoint() forms and tangents() against single products. A right objective: below
/// 1e-12.
DerivativeCheck check_cross_adjointness(const Objective& f, In x, In u);
/// l_x and l_u against central differences of l.
DerivativeCheck check_criterion(const Criterion& l, In x, In u);
/// Taylor test: the remainder f(x + t d) - f(x) - t f_x'd - t^2/2 d'f_xx d falls like t^3. `error` is how far the observed order
/// falls short of 3, at least 0; 0 when the remainder is rounding, as it is for quadratics.
DerivativeCheck check_taylor(const Objective& f, In x, In u);

}  // namespace tacit
