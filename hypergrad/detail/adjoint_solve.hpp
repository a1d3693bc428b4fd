// The adjoint equation f_xx w = l_x, shared by all that solve it. Not part of the public interface.
#pragma once
#include <memory>

#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// CG on f_xx w = b from w.
TACIT_EXPORT CgResult solve_with(const Curvature& c, In b, Out w, const CgOptions& options);
/// l_u - f_ux w
TACIT_EXPORT Vec implicit_gradient(const Curvature& c, In w, In lu);
/// du/dtheta at u, entrywise; ones when the problem has no hyperparameter space.
TACIT_EXPORT Vec theta_slope(const Problem& problem, In u);

/// w = the state adjoint of the last outer step in the units of this step's map, w ~ (alpha f_xx)^{-1} l_x, alpha moving with u;
/// untouched where there is none that fits. v = (l_x, 0): for v = 0 the answer is zero and needs no start.
TACIT_EXPORT void carry_over(const FixedPointMap& map, In v, const Hypergradient* previous, Vec& w);

}  // namespace tacit::inline TACIT_ABI::detail
