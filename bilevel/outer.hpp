// Outer optimizers: one step at a time; the driver owns loop, budget, trace and checkpoint.
#pragma once
#include <memory>
#include <string>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/registry.hpp>

namespace tacit {

/// How one outer step went.
struct StepOutcome {
  Evaluation accepted;   ///< the new point, differentiated
  double step_norm = 0;  ///< in theta
  Index evaluations = 0;
  bool moved = false;
  bool stalled = false;  ///< no acceptable point was found at this tolerance
  std::string message;
};

/// How a tolerance falls with the outer step k = 1, 2, ...: 0.1 k^-2, 0.1 k^-3, 0.1 * 0.9^k (Pedregosa 2016), never below the
/// tightest.
enum class Schedule { fixed, quadratic, cubic, exponential };
/// The tolerance at outer step k. A tightest of 0 (a fixed number of steps, no test) stays 0.
double scheduled(Schedule schedule, Index k, double tightest);

/// Follows the hypergradient over a box in theta.
class OuterOptimizer : public Configurable {
public:
  /// Starts from an evaluation that is accepted and differentiated.
  virtual void reset(const Evaluation& start) = 0;
  /// One step from the current point. The oracle's warm start is moved by the optimizer through accept().
  virtual StepOutcome step(Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) = 0;
  /// The tolerances this optimizer wants at outer step k (1, 2, ...), given the tightest; the default is the tightest (fixed
  /// schedule).
  virtual Tolerance schedule(Index k, const Tolerance& tightest) const;
  virtual void state(StateVisitor& v) = 0;
};

/// gradient-descent (Armijo), adam, lbfgs (bounded), hoag.
void register_optimizers(Registry<OuterOptimizer>& registry);

}  // namespace tacit
