// Newton steps to x*, shared by all that polish a solution. Not part of the public interface.
#pragma once
#include <memory>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// A point with f, f_x and f_xx there.
struct NewtonPoint {
  Vec x;
  FirstOrder at;
  std::shared_ptr<const Curvature> curvature;
  double norm() const { return at.gradient.norm(); }
};
NewtonPoint newton_point(const Problem& problem, In u, Vec x);
/// At the inner solution: what the solver left of it, else evaluated anew.
NewtonPoint newton_point(const Problem& problem, In u, const InnerSolution& inner);

/// Whether a trial point along a descent direction is progress: enough decrease of f, or, where rounding hides differences of f,
/// a smaller gradient. slope: f_x' times the step taken.
bool improves(const FirstOrder& at, const FirstOrder& trial, double slope);

/// Moves p to x + t d with the first t of 1, 1/2, 1/4, ... that improves; false when none of so many does, p as it was.
bool halve_step(const Problem& problem, In u, NewtonPoint& p, const Vec& d, int trials);

}  // namespace tacit::inline TACIT_ABI::detail
