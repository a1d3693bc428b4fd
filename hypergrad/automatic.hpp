// Hypergradients to a target error (hypergradient.accuracy): how well to solve, how far to unroll, when to stop.
#pragma once
#include <deque>
#include <optional>
#include <string>

#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// What `auto` chose and why, as a sentence.
struct Chosen {
  std::string name;  ///< in the registry of estimators
  std::string why;
  std::unique_ptr<HypergradientEstimator> estimator;
};

/// The estimator `auto`: CG on the adjoint equation where f_xx is symmetric, else the reverse sweep with window auto. Both to the
/// target that HypergradientEstimator::aim sets.
TACIT_EXPORT Chosen automatic_estimator(const Problem& problem);

/// The inner accuracy at which the iterate's share of a relative hypergradient error `target` is half of it:
/// ||x - x*|| <= target / (2 chi) ||x|| by estimate. A first run, and one every 10 hypergradients, stops at an error of 0.01 to
/// begin with, where estimate_as_planned measures chi. A fixed number of steps (residual 0) stays one. so_far, calibration: as
/// HypergradientEstimator::plan.
TACIT_EXPORT Accuracy plan_for_target(const Problem& problem, In u, const InnerSolution* so_far, Calibration& calibration,
                                      double target, Accuracy asked);

/// Reverse sweep from x_T over the taped states, as long as the steps there differ from those at x_T by a tenth of the target in
/// all, and from then on frozen at x_T, until what is left of the sum is at most half the target: lam = (l_x, 0);
/// g += Q(y)^T lam, lam = P(y)^T lam.
/// From the adjoint w of `previous` on, where that is a start at all: g = Q_T^T w, lam = (l_x, 0) + P_T^T w - w. The result's
/// `window`: steps taken at taped states, `linear_steps`: all; `cost`: predicted_cost. Any solver that is a map will do; a tape
/// of any length. Ends with step_limit after most_steps steps, or, where none are given, sweep_limit's.
TACIT_EXPORT Hypergradient sweep_to_target(const Problem& problem, In u, const InnerSolution& inner,
                                           const Hypergradient* previous, double target, std::optional<Index> most_steps = {});

/// Steps that a sweep without a limit of its own may take: max(100, 5 T), T the most steps of an inner run by now, that of
/// `inner` among them.
TACIT_EXPORT Index sweep_limit(const InnerSolution& inner, const Calibration& calibration);

/// sweep: `steps`, the steps that a sweep to `target` takes by what is known of it. cg: min(n, (sqrt(kappa)/2) ln(2/target)), the
/// bound of theory for n inner variables (error in the energy norm, no preconditioner), kappa = L/mu, or what the map's `rate`
/// rho says where mu is not known: 1/(1 - rho), with momentum its square.
TACIT_EXPORT PredictedCost predicted_cost(const Problem& problem, In u, const FixedPointMap& map, double steps, double rate,
                                          double target);

/// One inner solve as the estimator plans it: solved to its plan, and further while the plan, knowing more, asks for more. With
/// an estimator that has no target this is solver.solve() alone.
TACIT_EXPORT InnerSolution solve_as_planned(const Problem& problem, In u, const InnerSolver& solver,
                                            const HypergradientEstimator& estimator, const InnerSolution* previous,
                                            Calibration& calibration, Accuracy asked);

/// estimate(), and again after the inner run went on, where the hypergradient turned out smaller than the plan assumed. Where chi
/// is not known, or not any more (a map's run, an estimator with a target), it is measured at the very point, along a step from x
/// to the solution (Newton's by CG to a tenth, or of as many steps of the map again) and, for the starts of later runs, along the
/// way from this run's start, the larger of both; the run goes on until the target is met by the first; where it cannot, the
/// status is step_limit and the message has both numbers. previous: the last outer step's; calibration: goes in and comes out.
TACIT_EXPORT Hypergradient estimate_as_planned(const Problem& problem, In u, const InnerSolver& solver,
                                               const HypergradientEstimator& estimator, InnerSolution& inner,
                                               const Hypergradient* previous, Calibration& calibration, Accuracy asked,
                                               double tolerance);

/// Adds to h.calibration what the next plan builds on: the length of the hypergradient, and, after a map's run, the rate of the
/// map along the adjoint, in which the soft modes weigh most (two Hessian products at most).
TACIT_EXPORT void note_hypergradient(Hypergradient& h, const Problem& problem, In u, const InnerSolution& inner, In slope);

/// Watches a hypergradient that an iteration improves: settled when it moved by at most `change` of its length over each of the
/// last 1, 2 and 4 iterations. One step alone says little: where the iteration creeps, all its steps are short. quick: each is
/// known to take most of what is left, and the last one is enough.
class TACIT_EXPORT SettledGradient {
public:
  explicit SettledGradient(double change, bool quick = false) : change_(change), quick_(quick) {}
  /// The next iterate's hypergradient, in theta.
  bool settled(Vec gradient);

private:
  double change_;
  bool quick_;
  std::deque<Vec> last_;  ///< the newest first
};

}  // namespace tacit::inline TACIT_ABI
