// theta -> (outer loss, hypergradient) at a given accuracy, with warm starts and the account of every evaluation.
#pragma once
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/support/copy_on_write.hpp>
#include <tacit/core/support/work.hpp>
#include <tacit/core/verify/verify_report.hpp>
#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

inline constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();

/// ||g - truth|| / max(||truth||, floor), in theta: the error of a hypergradient as the trace reports it. Against a scale of 0
/// any error is infinite, and none is none.
TACIT_EXPORT double hypergradient_error(In g, In truth, double floor);

/// Accuracy asked of one evaluation: residual of the inner problem and of the adjoint equation.
struct Tolerance {
  double inner = 1e-8;
  double adjoint = 1e-6;
};

/// Of |l|: as much as the outer loss of an inner solution may be off by estimate, and that of the point which a run reports.
inline constexpr double kLossShare = 1e-5, kFinalShare = 1e-9;

inline constexpr double kSameTolerance = 1.0000001;  ///< nearer to each other than this two tolerances are one
/// a asks for less than b: it, or one of the two, is more than `by` times as large. What is not known asks for no less.
TACIT_EXPORT bool looser(double a, double b, double by = kSameTolerance);
TACIT_EXPORT bool looser(const Tolerance& a, const Tolerance& b, double by = kSameTolerance);

/// What one evaluation showed: the columns of trace.csv that belong to it. NaN: not measured (an empty cell).
struct Diagnostics {
  double outer_loss_error = kMissing;  ///< estimate of |value - l(x*(u), u)|
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
  double sweep_cost = kMissing, cg_cost = kMissing;  ///< PredictedCost of the hypergradient, in products
  double hypergradient_error = kMissing, hypergradient_error_bound = kMissing, hypergradient_error_reference = kMissing;
  double sensitivity = kMissing;      ///< chi of an estimator with a target: relative error of the hypergradient per that of x
  double support_changes = kMissing;  ///< entries of x that became or ceased to be zero; smooth problems have none to count
  Status inner_status = Status::not_run, hypergradient_status = Status::not_run;
  std::string inner_message, hypergradient_message;
  bool errors_asked = false;  ///< the errors of loss and hypergradient were to be estimated: one that is NaN is not known
  bool cut_short = false;     ///< the diagnosis was interrupted; what was measured by then stands
  Index left_out = 0;         ///< parts of a sum that had no value or no hypergradient and were left out
};

/// Inner solution and hypergradient at one point of one problem. `inner` and `hyper` report how they were got; what the next
/// outer step starts from, carried(), is x with the solver's memory, the adjoint, and the rest of this.
struct TACIT_EXPORT WarmState {
  InnerSolution inner;
  Hypergradient hyper;
  Calibration calibration;      ///< of an estimator with a target
  std::vector<double> rates;    ///< rho_hat of the last outer steps
  Vec soft_mode;                ///< eigenvector of the smallest curvature of the last diagnosed step, or empty
  double asymmetry = kMissing;  ///< of f_xx, as probed at the first point of the run; NaN: not probed
  /// Without what the run alone needs: map, tape, step norms.
  WarmState carried() const;
  void state(StateVisitor& v);
};

/// One evaluation at theta: a value that may be copied, kept and compared with others; copies share what is large until one of
/// them is changed. value is always there; gradient after Oracle::differentiate.
struct TACIT_EXPORT Evaluation {
  Vec theta, u;
  /// l at the inner solution x; `corrected`: without its first-order error, l(x) - w.f_x(x), w the adjoint. Never outside of the
  /// range of the criterion.
  double value = kMissing;
  bool corrected = false;
  double plain = kMissing;  ///< l(x) as it stands, what Criterion::value says
  Vec gradient;             ///< d l / d theta; empty before differentiate
  Diagnostics diagnostics;
  CopyOnWrite<WarmState> state;   ///< of an oracle of one problem
  CopyOnWrite<WarmState> from;    ///< what it started from; none: cold
  std::vector<Evaluation> parts;  ///< of a sum of oracles, in its order
  double inner_seconds = 0, hypergradient_seconds = 0;
  Tolerance solved{kMissing, kMissing};  ///< what value and gradient were computed at
  /// What a decorator that adds a term in theta (pulled_oracle) added to, and how much; none: value and gradient are those of l.
  struct Alone {
    double value = kMissing, added = kMissing;  ///< value of the evaluation = value + added
    Vec gradient;                               ///< empty before differentiate
    void state(StateVisitor& v) {
      v.state("value", value);
      v.state("added", added);
      v.state("gradient", gradient);
    }
  };
  CopyOnWrite<Alone> alone;
  /// The outer loss l, without what was added.
  double loss() const { return alone ? alone->value : value; }
  /// Puts another loss in its place; what was added stays.
  void set_loss(double loss);
  double reached = kMissing;  ///< what the inner run was taken to: solved.inner, or less where the value asked for it
  /// What a unit of either tolerance does to the gradient, to first order: an upper estimate of its change. NaN: not known.
  Tolerance effect{kMissing, kMissing};
  /// Finite value, and finite gradient where there is one.
  bool finite() const;
  /// The states recorded for differentiation go: a point that starts the next step needs them no more. Asked for more accuracy
  /// later, an estimator that differentiates them has the inner run repeated from where it started, with the same result.
  void forget_tape();
  /// All that the next step needs of a point: its diagnostics are not in it.
  void visit_state(StateVisitor& v);
};

/// The inner solutions behind a point: one of an oracle of one problem, one a part of a sum, in its order. Empty where the point
/// has none.
TACIT_EXPORT std::vector<Vec> solutions(const Evaluation& evaluation);
/// The k-th of them with all that its solver has left, null where there is none.
TACIT_EXPORT const InnerSolution* solution_of(const Evaluation& evaluation, std::size_t k);

/// What a cold start may take from an evaluation of another oracle of the same inner problems: what their solver kept of f_xx,
/// and no point to start from. None where it keeps nothing.
TACIT_EXPORT std::optional<Evaluation> kept_curvature(const Evaluation& evaluation);

/// The outer problem as an outer optimizer sees it. No call leaves a trace but in the account of work: what one evaluation hands
/// to the next is in the evaluation, so the order of calls changes no bit. Calls may come from several threads.
class TACIT_EXPORT Oracle {
public:
  virtual ~Oracle() = default;
  /// Solves the inner problem at theta and evaluates l, starting from `near`, an evaluation of this oracle, or cold. The solve
  /// ends where the residual is within the tolerance and the value within kLossShare of the solution's, unless rounding or the
  /// step limit of the solver ends it first; so it is in differentiate.
  virtual Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const = 0;
  Evaluation evaluate(In theta, const Tolerance& tolerance) const { return evaluate(theta, tolerance, nullptr); }
  /// The inner problem at theta solved to the tightest tolerance, whatever less the estimator would do with, and until the value
  /// is within kFinalShare of the solution's; no hypergradient, and a value that is l(x) as it stands.
  virtual Evaluation evaluate_fully(In theta, const Evaluation* near) const = 0;
  /// The same point with its hypergradient. A tighter tolerance than it was solved at goes on with the inner run where the solver
  /// is a map that can, else repeats it from where it had started, so that it is the point that was asked for that tightly at
  /// once, bit for bit; only a solver that is no map goes on from its own end.
  virtual Evaluation differentiate(Evaluation evaluation, const Tolerance& tolerance) const = 0;
  /// Fills in the costly diagnostics of a differentiated evaluation (error estimate, reference, audit), and what the next step is
  /// to know of them. error_floor: the least denominator s of hypergradient_error. An Interruption ends it early, which
  /// Diagnostics::cut_short tells.
  virtual Evaluation diagnose(Evaluation evaluation, Index step, double error_floor) const = 0;
  /// verify() of the problem at u(theta), at a point of its own and with the map of its solver. Its work counts as diagnostic.
  virtual VerifyReport verify(In theta) const = 0;
  /// Work so far of the method itself, and of diagnostics apart from it.
  virtual Work work() const = 0;
  virtual Work diagnostic_work() const = 0;
  /// The tightest tolerances that were configured.
  virtual Tolerance tightest() const = 0;
  /// What a run of many points starts from where nothing is given: no point, but what its solver is told ahead
  /// (InnerSolver::ahead). None where there is nothing to tell.
  virtual std::optional<Evaluation> ahead() const = 0;
  /// False where a looser tolerance would do more harm than its size says: an unrolled derivative is as good as the number of
  /// steps that were differentiated, and a warm start that meets a loose tolerance leaves none.
  virtual bool may_loosen() const = 0;
  /// The relative error that the hypergradients aim at (hypergradient.accuracy), 0: none.
  virtual double target() const = 0;
};

/// What every decorator of an oracle starts from: each call goes on to the oracle behind. Everything of Oracle is pure, so none
/// can be forgotten here.
class TACIT_EXPORT ForwardingOracle : public Oracle {
public:
  /// oracle must outlive this.
  explicit ForwardingOracle(const Oracle& oracle) : oracle_(std::shared_ptr<const Oracle>(), &oracle) {}
  explicit ForwardingOracle(std::shared_ptr<const Oracle> oracle) : oracle_(std::move(oracle)) {}
  using Oracle::evaluate;
  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override;
  Evaluation evaluate_fully(In theta, const Evaluation* near) const override;
  Evaluation differentiate(Evaluation evaluation, const Tolerance& tolerance) const override;
  Evaluation diagnose(Evaluation evaluation, Index step, double error_floor) const override;
  VerifyReport verify(In theta) const override;
  Work work() const override;
  Work diagnostic_work() const override;
  Tolerance tightest() const override;
  std::optional<Evaluation> ahead() const override;
  bool may_loosen() const override;
  double target() const override;

protected:
  const Oracle& behind() const { return *oracle_; }

private:
  std::shared_ptr<const Oracle> oracle_;
};

struct OracleOptions {
  /// Of the iterate (inner.warm_start); empty: yes, but not where the problem means its last iterate, which has none.
  std::optional<bool> warm_start{};
  Index reference_every = 5;  ///< diagnostics.reference; 0: never
  Index audit_every = 0;      ///< diagnostics.audit; 0: never
  /// Estimate hypergradient_error and outer_loss_error at every accepted step. They and the reference need a symmetric f_xx;
  /// without one they are not known. Of Response::iterate they are of the K-step problem: of the value nothing, of a
  /// hypergradient what is cut of its steps; the reference is forward mode.
  bool error_estimate = true;
  /// Where f is not promised to be convex: is the inner solution a minimum? A few Lanczos steps at every differentiated point
  /// (second_order, 20 Hessian products at most, which count as the method's). Status::saddle where it is none.
  bool check_minimum = true;
  /// Is f_xx symmetric, as Objective::symmetric() says? Two Hessian products at the first point of a run; linear models excepted.
  bool check_symmetry = true;
  bool truncation = true;  ///< measure rate, warm start and implicit truncation at every accepted step
};

/// The oracle of one problem. Throws UsageError when problem, solver and estimator do not go together.
TACIT_EXPORT std::unique_ptr<Oracle> make_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
                                                 std::shared_ptr<const HypergradientEstimator> estimator,
                                                 OracleOptions options = {});

}  // namespace tacit::inline TACIT_ABI
