// Outer optimizers: one step at a time; the driver owns loop, budget, trace and checkpoint.
#pragma once
#include <limits>
#include <memory>
#include <string>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/bilevel/schedule.hpp>
#include <tacit/core/support/registry.hpp>

namespace tacit::inline TACIT_ABI {

/// How one outer step went.
struct StepOutcome {
  Evaluation accepted;   ///< the new point, differentiated
  double step_norm = 0;  ///< in theta
  Index evaluations = 0;
  bool moved = false;
  bool stalled = false;  ///< no acceptable point was found at this tolerance
  std::string message;
};

/// Follows the hypergradient over a box in theta.
class TACIT_EXPORT OuterOptimizer : public Configurable {
public:
  /// Starts from a differentiated evaluation.
  virtual void reset(const Evaluation& start) = 0;
  /// One step from the current point, near which all others are evaluated.
  virtual StepOutcome step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) = 0;
  /// The current point solved again, more tightly, or diagnosed; what was learnt on the way to it is kept.
  virtual void refresh(const Evaluation& current) = 0;
  /// By how much its model of the curvature predicts the loss to fall from the current point within the box; infinite where it
  /// has none.
  virtual double predicted_gain(const HyperSpace& /*space*/) const { return std::numeric_limits<double>::infinity(); }
  /// The schedule of the tolerances that suits it, where none is asked for.
  virtual Schedule schedule() const { return Schedule::adaptive; }
  /// What the next step needs, the current point with what it carries included.
  virtual void state(StateVisitor& v) = 0;
};

/// gradient-descent (Armijo), adam, lbfgs (bounded), hoag.
TACIT_EXPORT void register_optimizers(Registry<OuterOptimizer>& registry);

}  // namespace tacit::inline TACIT_ABI
