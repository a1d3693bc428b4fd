// Outer optimizers: one step at a time; the driver owns loop, budget, trace and checkpoint.
#pragma once
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/bilevel/schedule.hpp>
#include <tacit/core/support/registry.hpp>

namespace tacit::inline TACIT_ABI {

/// What a run tells its optimizer before the first point.
struct TACIT_EXPORT OuterPlan {
  Index points = 0;        ///< DriverOptions::max_steps
  std::uint64_t seed = 0;  ///< of what it draws
  Index threads = 1;       ///< that may evaluate points at the same time, with the same result for any number
  void state(StateVisitor& v);
};

/// How one outer step went.
struct StepOutcome {
  /// There is no further point: those that were planned are all evaluated, or a test of the method's own holds.
  enum class Over { no, exhausted, converged };
  Evaluation accepted;   ///< the new point, differentiated where the optimizer asks for hypergradients
  double step_norm = 0;  ///< in theta
  Index evaluations = 0;
  bool moved = false;
  bool stalled = false;  ///< no acceptable point was found at this tolerance
  Over over = Over::no;
  std::string message;
};

/// Moves over a box in theta: along hypergradients, or by values alone.
class TACIT_EXPORT OuterOptimizer : public Configurable {
public:
  /// False: it asks for values alone. A run then differentiates nothing, takes max_steps for the number of points in all, the
  /// first included, and knows nothing of what could still be gained.
  virtual bool differentiates() const { return true; }
  /// False: where it begins is its own choice, whatever start it is given.
  virtual bool takes_start() const { return true; }
  /// Before the first point, which it returns: theta0, or one of its own. Throws UsageError for a plan that it cannot follow.
  virtual Vec begin(const HyperSpace& space, In theta0, const OuterPlan& plan);
  /// Starts from an evaluation, differentiated where it asks for that.
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

/// Is the optimizer of this run-file name one that asks for values alone: grid, random, nelder-mead, direct, crs?
TACIT_EXPORT bool asks_for_values_alone(std::string_view name);
/// gradient-descent (Armijo), adam, lbfgs (bounded), hoag; grid and random, which ask for values alone.
TACIT_EXPORT void register_optimizers(Registry<OuterOptimizer>& registry);

}  // namespace tacit::inline TACIT_ABI
