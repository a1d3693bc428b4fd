// What the inner solvers share: start, unit of the tolerance, rounding floor, closing account. Not part of the public interface.
#pragma once
#include <limits>
#include <string>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI::detail {

inline constexpr double kEps = std::numeric_limits<double>::epsilon();

/// A solution with the start filled in: the previous x when it is finite, else the cold start. Throws UsageError when it does not
/// fit, for an option of the solver out of its range, and for a hyperparameter that is NaN.
InnerSolution begin(const InnerSolver& solver, const Problem& problem, In u, const InnerSolution* previous);

/// The unit of the tolerance: ||f_x(0, u)||, but at least what rounding leaves of the terms that cancel in it (balanced classes
/// on a balanced design have a gradient at 0 that is rounding alone). `first` is ||f_x(x0, u)||, which is the same number when x0
/// = 0. 1 where both are 0 or not finite.
double gradient_unit(const Problem& problem, In u, In x0, double first);

/// A gradient up to this is rounding alone, and its point solved: the unit, where that is only what rounding leaves of the terms
/// that cancel at 0; else 0, since nearer to a solution other terms may cancel.
double unknowable(const Problem& problem, In u, double unit);

/// Throws UsageError when a tape is asked of a solver that leaves none.
void refuse_tape(const TapeRequest& tape, const char* solver);

/// No gradient below this can be told from zero: the rounding error of f_x and of moving x at all, for curvature up to l. At
/// most a thousandth of the unit, since a point of a larger gradient is no solution, but for the terms that cancel at 0.
double rounding_floor(const Problem& problem, In u, double unit, double l, double x_norm);

/// Watches gradient norms near the rounding floor. best, since: what an earlier part of the run has seen.
class StallWatch {
public:
  explicit StallWatch(Index patience, double best = std::numeric_limits<double>::infinity(), Index since = 0)
      : patience_(patience), since_(since), best_(best) {}
  double best() const { return best_; }
  Index since() const { return since_; }
  /// True when there was no new least norm for `patience` calls and the norm is below the floor.
  bool stalled(double norm, double floor) {
    if (norm < best_) {
      best_ = norm;
      since_ = 0;
    } else {
      ++since_;
    }
    return since_ >= patience_ && norm <= floor;
  }

private:
  Index patience_, since_;
  double best_;
};

/// Fills in gradient norm, residual, status and message. `why`: a sentence for `failed`.
void finish(InnerSolution& s, double gradient_norm, double unit, double tolerance, RunEnd ending, const std::string& why = {});

}  // namespace tacit::inline TACIT_ABI::detail
