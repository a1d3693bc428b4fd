// The line search of the Newton solvers. Not part of the public interface.
#pragma once
#include <memory>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Result of a line search by backtracking from step 1.
struct Backtrack {
  bool accepted = false;
  double step = 0;
  double slope = 0;  ///< f_x(x)' d at the start
};

/// Finds t in {1, shorter} with f(x + t d) <= f(x) + 1e-4 t f_x'd; where rounding hides differences of f, with a smaller slope of
/// f instead (Hager and Zhang 2005). One evaluation (value, gradient, curvature in one pass) a trial. On success trial point, its
/// first order and its curvature are filled in.
Backtrack backtrack(const Objective& f, In u, In x, const FirstOrder& at, In d, Vec& trial_x, FirstOrder& trial,
                    std::unique_ptr<const Curvature>& curvature);

}  // namespace tacit::inline TACIT_ABI::detail
