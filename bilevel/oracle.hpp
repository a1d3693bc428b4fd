// theta -> (outer loss, hypergradient) at a given accuracy, with warm starts and the account of every evaluation.
#pragma once
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/support/work.hpp>
#include <tacit/hypergrad/estimator.hpp>

namespace tacit {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// ||g - truth|| / max(||truth||, floor), in theta: the error of a hypergradient as the trace reports it. Against a scale of 0
/// any error is infinite, and none is none.
double hypergradient_error(In g, In truth, double floor);

/// Accuracy asked of one evaluation: residual of the inner problem and of the adjoint equation.
struct Tolerance {
  double inner = 1e-8;
  double adjoint = 1e-6;
};

/// What one evaluation showed: the columns of trace.csv that belong to it. NaN: not measured (an empty cell).
struct Diagnostics {
  double inner_loss = kMissing, inner_residual = kMissing, gradient_norm = kMissing;
  Index inner_steps = 0;
  double cold_residual = kMissing, warm_residual = kMissing;
  double contraction = kMissing;  ///< rho_used
  double implicit_truncation = kMissing, head_start_nats = kMissing;
  double head_start_lo = kMissing, head_start_hi = kMissing;  ///< the interval of the head start, in nats
  double k_eff_lo = kMissing, k_eff_hi = kMissing, k_match = kMissing;
  std::optional<bool> rate_reliable;
  std::string truncation_map;       ///< own | reference
  double iterate_error = kMissing;  ///< err_hat_T
  double window = kMissing, tape_bytes = kMissing, linear_steps = kMissing, linear_residual = kMissing;
  double hypergradient_error = kMissing, hypergradient_error_bound = kMissing, hypergradient_error_reference = kMissing;
  double sensitivity = kMissing;      ///< chi of an estimator with a target: relative error of the hypergradient per that of x
  double support_changes = kMissing;  ///< entries of x that became or ceased to be zero; smooth problems have none to count
  Status inner_status = Status::not_run, hypergradient_status = Status::not_run;
  std::string inner_message, hypergradient_message;
};

/// What is carried from one outer step to the next: one per fold or task. A value that may be copied.
struct WarmState {
  InnerSolution inner;
  Hypergradient hyper;
  Calibration calibration;    ///< of an estimator with a target
  std::vector<double> rates;  ///< rho_hat of the last outer steps
  Vec soft_mode;              ///< eigenvector of the smallest curvature of the last diagnosed step, or empty
};

/// One evaluation at theta. value is always there; gradient after Oracle::differentiate.
struct Evaluation {
  Vec theta, u;
  /// l at the inner solution; where the estimator solves an adjoint equation, l(x) - w.f_x(x), without the first-order error.
  double value = kMissing;
  Vec gradient;  ///< d l / d theta; empty before differentiate
  Diagnostics diagnostics;
  std::shared_ptr<WarmState> state;
  double inner_seconds = 0, hypergradient_seconds = 0;
  Tolerance solved{kMissing, kMissing};  ///< what value and gradient were computed at
  /// What a unit of either tolerance does to the gradient, to first order: an upper estimate of its change. NaN: not known.
  Tolerance effect{kMissing, kMissing};
  /// Finite value, and finite gradient where there is one.
  bool finite() const;
};

/// The outer problem as an outer optimizer sees it. Evaluations are warm-started from the last accepted one.
class Oracle {
public:
  virtual ~Oracle() = default;
  /// Solves the inner problem at theta and evaluates l.
  virtual Evaluation evaluate(In theta, const Tolerance& tolerance) = 0;
  /// The inner problem at theta solved to the tightest tolerance, whatever less the estimator would do with; no hypergradient,
  /// and a value that is l(x) as it stands.
  virtual Evaluation evaluate_fully(In theta) { return evaluate(theta, tightest()); }
  /// Adds the hypergradient to an evaluation of this oracle; tighter tolerances re-solve when needed.
  virtual void differentiate(Evaluation& evaluation, const Tolerance& tolerance) = 0;
  /// Makes this evaluation the warm start of the next ones.
  virtual void accept(const Evaluation& evaluation) = 0;
  /// Fills in the costly diagnostics of an accepted, differentiated evaluation (error estimate, reference, audit). error_floor:
  /// the least denominator s of hypergradient_error.
  virtual void diagnose(Evaluation& evaluation, Index step, double error_floor) = 0;
  /// Work so far of the method itself, and of diagnostics apart from it.
  virtual Work work() const = 0;
  virtual Work diagnostic_work() const = 0;
  /// The tightest tolerances that were configured.
  virtual Tolerance tightest() const = 0;
  /// False where a looser tolerance would do more harm than its size says: an unrolled derivative is as good as the number of
  /// steps that were differentiated, and a warm start that meets a loose tolerance leaves none.
  virtual bool may_loosen() const { return true; }
  /// The relative error that the hypergradients aim at (hypergradient.accuracy), 0: none.
  virtual double target() const { return 0; }
};

struct OracleOptions {
  bool warm_start = true;     ///< of the iterate (inner.warm_start)
  Index reference_every = 5;  ///< diagnostics.reference; 0: never
  Index audit_every = 0;      ///< diagnostics.audit; 0: never
  bool error_estimate =
      true;  ///< estimate hypergradient_error at every accepted step; it and the reference need a symmetric f_xx
};

/// The oracle of one problem. Throws UsageError when solver and estimator do not go together.
std::unique_ptr<Oracle> make_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
                                    std::shared_ptr<const HypergradientEstimator> estimator, OracleOptions options = {});

}  // namespace tacit
