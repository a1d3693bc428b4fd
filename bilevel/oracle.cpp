#include <algorithm>
#include <chrono>
#include <cmath>
#include <utility>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/bilevel/truncation.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit {

namespace {

double error_quotient(double off, double size, double floor) {
  const double scale = std::max(size, floor);
  if (off == 0) return 0;
  return scale > 0 ? off / scale : std::numeric_limits<double>::infinity();
}

}  // namespace

double hypergradient_error(In g, In truth, double floor) { return error_quotient((g - truth).norm(), truth.norm(), floor); }

bool Evaluation::finite() const { return std::isfinite(value) && gradient.allFinite(); }

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// An adjoint that solves its equation; what is short of that would put a value off instead of right.
bool can_correct(const WarmState& s) {
  return usable(s.hyper.status) && s.hyper.adjoint.size() == s.inner.inner_dim && s.hyper.adjoint.allFinite();
}

class SingleOracle final : public Oracle {
public:
  SingleOracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
               std::shared_ptr<const HypergradientEstimator> estimator, OracleOptions options)
      : counter_(std::make_shared<WorkCounter>()), problem_(counted(std::move(problem), counter_)), solver_(std::move(solver)),
        estimator_(std::move(estimator)), options_(options) {
    if (problem_.f->symmetric()) return;  // estimate and reference solve with the Hessian
    options_.error_estimate = false;
    options_.reference_every = 0;
  }

  Evaluation evaluate(In theta, const Tolerance& tolerance) override;
  Evaluation evaluate_fully(In theta) override;
  void differentiate(Evaluation& e, const Tolerance& tolerance) override;
  void accept(const Evaluation& e) override;
  void diagnose(Evaluation& e, Index step, double error_floor) override;
  Work work() const override { return counter_->read() - diagnostic_; }
  Work diagnostic_work() const override { return diagnostic_; }
  Tolerance tightest() const override;
  bool may_loosen() const override;
  double target() const override { return estimator_->target(); }

private:
  Evaluation at(In theta) const;
  const InnerSolution* warm_start() const { return options_.warm_start && current_ ? &current_->inner : nullptr; }
  void solve_inner(Evaluation& e, const InnerSolution* previous, const Tolerance& tolerance, bool fully = false);
  void take_inner(Evaluation& e) const;
  void go_on(Evaluation& e, const Tolerance& tolerance);
  void solve_adjoint(Evaluation& e, double tolerance);
  void correct_value(Evaluation& e) const;
  void measure_effect(Evaluation& e) const;
  void measure_error(Evaluation& e, double floor, Vec& correction);
  void measure_reference(Evaluation& e, double floor);
  void measure_truncation_of(Evaluation& e, Index step, In correction);
  Vec in_theta(const Evaluation& e, In gradient_u) const;
  // A point that was solved, if only to its tolerance; rounding leaves nothing to take out.
  bool correctable(const Evaluation& e) const {
    const InnerSolution& inner = e.state->inner;
    return inner.iterate_met || (may_loosen() && usable(inner.status) && inner.residual > 1e-13);
  }

  std::shared_ptr<WorkCounter> counter_;
  Problem problem_;
  std::shared_ptr<const InnerSolver> solver_;
  std::shared_ptr<const HypergradientEstimator> estimator_;
  OracleOptions options_;
  Work diagnostic_;
  std::shared_ptr<WarmState> current_;
};

Tolerance SingleOracle::tightest() const {
  const double adjoint = estimator_->tolerance();
  return {solver_->tolerance(), std::isnan(adjoint) ? 0 : adjoint};
}

bool SingleOracle::may_loosen() const {
  const Needs needs = estimator_->needs();
  if (needs.tape.wanted() || needs.map) return false;  // what runs over the steps of the map
  // A target ends the runs of a map by itself, and no schedule is to end them before.
  return !(estimator_->target() > 0 && solver_->can_record());
}

void SingleOracle::solve_inner(Evaluation& e, const InnerSolution* previous, const Tolerance& tolerance, bool fully) {
  const auto start = Clock::now();
  e.state = std::make_shared<WarmState>();
  WarmState& state = *e.state;
  if (current_) {
    state.rates = current_->rates;
    state.soft_mode = current_->soft_mode;
    state.calibration = current_->calibration;
  }
  const Accuracy asked{tolerance.inner};
  state.inner = fully ? solver_->solve(problem_, e.u, previous, asked, {})
                      : solve_as_planned(problem_, e.u, *solver_, *estimator_, previous, state.calibration, asked);
  // What the step limit stopped would be the same point at any tighter tolerance.
  const bool limited = state.inner.status == Status::step_limit;
  e.solved = {limited ? std::min(tolerance.inner, solver_->tolerance()) : tolerance.inner, kMissing};
  e.gradient.resize(0);
  e.diagnostics = Diagnostics{};
  take_inner(e);
  e.inner_seconds += since(start);
}

// Value and account of the inner solution in hand.
void SingleOracle::take_inner(Evaluation& e) const {
  const InnerSolution& inner = e.state->inner;
  Diagnostics& d = e.diagnostics;
  d.inner_residual = inner.residual;
  d.gradient_norm = inner.gradient_norm;
  d.inner_steps = inner.steps;
  d.inner_status = inner.status;
  d.inner_message = inner.message;
  const bool sound = inner.status != Status::failed && inner.z.allFinite();
  e.value = sound ? problem_.l->value(inner.x(), e.u) : kMissing;
}

// More accuracy at the same point: the inner run goes on from where it stopped and is one run with what came before, so that what
// a warm start was worth is still told from where it began. An estimator that differentiates the steps wants a run of its own.
void SingleOracle::go_on(Evaluation& e, const Tolerance& tolerance) {
  const std::shared_ptr<WarmState> old = e.state;
  if (!may_loosen()) return solve_inner(e, options_.warm_start ? &old->inner : nullptr, tolerance);
  solve_inner(e, &old->inner, tolerance);
  InnerSolution& inner = e.state->inner;
  if (inner.cold) return;  // the old point was no number to start from
  inner.z0 = old->inner.z0;
  inner.x0 = old->inner.x0;
  inner.cold = old->inner.cold;
  inner.steps += old->inner.steps;
  inner.step_norms.insert(inner.step_norms.begin(), old->inner.step_norms.begin(), old->inner.step_norms.end());
  e.diagnostics.inner_steps = inner.steps;
}

Evaluation SingleOracle::at(In theta) const {
  if (theta.size() != problem_.space.size()) {
    throw UsageError("theta has " + std::to_string(theta.size()) + " entries, the problem has " +
                     std::to_string(problem_.space.size()) + " hyperparameters");
  }
  Evaluation e;
  e.theta = theta;
  e.u.resize(theta.size());
  problem_.space.to_model(e.theta, e.u);
  return e;
}

Evaluation SingleOracle::evaluate_fully(In theta) {
  Evaluation e = at(theta);
  solve_inner(e, warm_start(), {solver_->tolerance(), kMissing}, true);
  return e;
}

Evaluation SingleOracle::evaluate(In theta, const Tolerance& tolerance) {
  Evaluation e = at(theta);
  solve_inner(e, warm_start(), tolerance);
  // Not where the estimator has no adjoint that could correct the value, as the last point showed.
  const bool corrects = current_ && can_correct(*current_);
  if (corrects && correctable(e) && std::isfinite(e.value)) solve_adjoint(e, tolerance.adjoint);
  return e;
}

void SingleOracle::differentiate(Evaluation& e, const Tolerance& tolerance) {
  if (e.theta.size() != problem_.space.size())
    throw UsageError("differentiate() takes an evaluation of this oracle; call evaluate() first");
  const bool tape_gone = e.state && estimator_->needs().tape.wanted() && !e.state->inner.tape;
  if (!e.state) {  // restored from a checkpoint
    solve_inner(e, warm_start(), tolerance);
  } else if (tape_gone || tolerance.inner < 0.9999999 * e.solved.inner) {
    go_on(e, tolerance);
  }
  if (!std::isfinite(e.value)) return;
  if (!(e.solved.adjoint <= 1.0000001 * tolerance.adjoint)) solve_adjoint(e, tolerance.adjoint);
  e.gradient = in_theta(e, e.state->hyper.gradient);
}

void SingleOracle::solve_adjoint(Evaluation& e, double tolerance) {
  const auto start = Clock::now();
  WarmState& state = *e.state;
  const Hypergradient* previous = estimator_->warm() && current_ ? &current_->hyper : nullptr;
  const Index steps = state.inner.steps;
  state.hyper = estimate_as_planned(problem_, e.u, *solver_, *estimator_, state.inner, previous, state.calibration,
                                    Accuracy{e.solved.inner}, tolerance);
  const Hypergradient& hyper = state.hyper;
  if (state.inner.steps != steps) take_inner(e);
  e.solved.adjoint = tolerance;
  Diagnostics& d = e.diagnostics;
  d.hypergradient_status = hyper.status;
  d.hypergradient_message = hyper.message;
  d.linear_residual = hyper.residual;
  if (!std::isnan(state.calibration.sensitivity)) d.sensitivity = state.calibration.chi();
  if (hyper.linear_steps > 0 || !std::isnan(hyper.residual)) d.linear_steps = static_cast<double>(hyper.linear_steps);
  if (hyper.window > 0 || estimator_->needs().tape.wanted()) {
    d.window = static_cast<double>(hyper.window);
    d.tape_bytes = static_cast<double>(hyper.tape_bytes);
  }
  if (correctable(e)) correct_value(e);
  measure_effect(e);
  e.hypergradient_seconds += since(start);
}

// l(x*) = l(x) - w.f_x(x) + O(|x - x*|^2): a line search compares values that differ by much less than an inner tolerance lets
// them be off (1e-8 can leave 1e-6 of the value), and the adjoint takes out what is of first order.
void SingleOracle::correct_value(Evaluation& e) const {
  const InnerSolution& inner = e.state->inner;
  const Hypergradient& hyper = e.state->hyper;
  if (!can_correct(*e.state)) return;
  Vec fx = inner.gradient;
  if (fx.size() != inner.inner_dim) {
    fx.resize(inner.inner_dim);
    problem_.f->gradient(inner.x(), e.u, fx);
  }
  e.value = problem_.l->value(inner.x(), e.u) - hyper.adjoint.dot(fx);
}

// With dx/dtheta at most as long as x (a penalty's is), -w.(f_ux x) moves by about ||w|| ||f_x|| for an inner residual f_x and by
// ||x|| ||r|| for a residual r of the adjoint equation.
void SingleOracle::measure_effect(Evaluation& e) const {
  const InnerSolution& inner = e.state->inner;
  const Hypergradient& hyper = e.state->hyper;
  if (hyper.adjoint.size() != inner.inner_dim || !(inner.residual > 0)) return;
  Vec lx(inner.inner_dim), lu(e.u.size());
  problem_.l->gradient(inner.x(), e.u, lx, lu);
  e.effect = {hyper.adjoint.norm() * inner.gradient_norm / inner.residual, inner.x().norm() * lx.norm()};
}

void SingleOracle::accept(const Evaluation& e) {
  if (!e.state) throw UsageError("accept() takes an evaluation of this oracle; call evaluate() first");
  current_ = e.state;
  current_->inner.tape.reset();  // only its own differentiation reads it
}

Vec SingleOracle::in_theta(const Evaluation& e, In gradient_u) const {
  Vec g(e.theta.size());
  problem_.space.pull_back(e.theta, gradient_u, g);
  return g;
}

// ||g - g_c|| / max(||g_c||, s) with the gradient corrected by Newton and adjoint steps, and the bound of the same quotient where
// one is known.
void SingleOracle::measure_error(Evaluation& e, double floor, Vec& correction) {
  const WarmState& state = *e.state;
  ErrorOptions options;
  options.floor = floor;
  const ErrorEstimate estimate = estimate_error(problem_, e.u, state.inner, state.hyper, options);
  if (estimate.x.size() == state.inner.inner_dim && estimate.x.allFinite()) correction = estimate.x - state.inner.x();
  Diagnostics& d = e.diagnostics;
  if (estimate.corrected.size() == e.u.size() && estimate.corrected.allFinite()) {
    d.hypergradient_error = error_quotient(estimate.error, in_theta(e, estimate.corrected).norm(), floor);
  }
  const double off = estimate.bound_theta, scale = std::max(estimate.least_theta, floor);
  if (std::isfinite(off) && scale > 0) d.hypergradient_error_bound = off / scale;
}

void SingleOracle::measure_reference(Evaluation& e, double floor) {
  const Hypergradient truth = reference_hypergradient(problem_, e.u, e.state->inner.x());
  if (truth.gradient.size() != e.u.size() || !truth.gradient.allFinite() || !usable(truth.status)) return;
  const Vec exact = in_theta(e, truth.gradient);
  e.diagnostics.hypergradient_error_reference = hypergradient_error(e.gradient, exact, floor);
}

void SingleOracle::measure_truncation_of(Evaluation& e, Index step, In correction) {
  WarmState& state = *e.state;
  TruncationOptions options;
  options.correct = options_.error_estimate;
  options.audit = options_.audit_every > 0 && step % options_.audit_every == 0;
  const Truncation t = measure_truncation(problem_, e.u, state.inner, state.rates, correction, state.soft_mode, options);
  state.rates.push_back(t.rate_seen);
  if (state.rates.size() > 5) state.rates.erase(state.rates.begin());
  state.soft_mode = t.soft_mode;
  Diagnostics& d = e.diagnostics;
  d.contraction = t.rate;
  d.rate_reliable = t.reliable;
  d.truncation_map = t.own_map ? "own" : "reference";
  d.iterate_error = t.iterate_error;
  d.warm_residual = t.warm_residual;
  d.cold_residual = t.cold_residual;
  d.head_start_nats = t.nats;
  d.head_start_lo = t.nats_lo;
  d.head_start_hi = t.nats_hi;
  d.implicit_truncation = t.k_eff;
  d.k_eff_lo = t.k_eff_lo;
  d.k_eff_hi = t.k_eff_hi;
  d.k_match = t.k_match;
}

void SingleOracle::diagnose(Evaluation& e, Index step, double error_floor) {
  if (!e.state) throw UsageError("diagnose() takes an evaluation of this oracle; call evaluate() and differentiate() first");
  e.state->calibration.floor = error_floor;
  // Also where it is interrupted: what was spent here is none of the method's.
  struct Account {
    const WorkCounter& counter;
    Work& sum;
    Work before = counter.read();
    ~Account() { sum += counter.read() - before; }
  } account{*counter_, diagnostic_};
  Vec correction;
  e.diagnostics.inner_loss = problem_.f->value(e.state->inner.x(), e.u);
  if (options_.error_estimate && e.gradient.size() > 0) measure_error(e, error_floor, correction);
  measure_truncation_of(e, step, correction);
  if (options_.reference_every > 0 && step % options_.reference_every == 0 && e.gradient.size() > 0)
    measure_reference(e, error_floor);
}

}  // namespace

std::unique_ptr<Oracle> make_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
                                    std::shared_ptr<const HypergradientEstimator> estimator, OracleOptions options) {
  if (!solver || !estimator) throw UsageError("an oracle needs a solver and an estimator; make them from their registries");
  if (const std::string wrong = problem.check(); !wrong.empty()) throw UsageError("the problem does not fit together: " + wrong);
  if (estimator->needs().tape.wanted() && !solver->can_record()) {
    throw UsageError(
        "the estimator needs a recorded trajectory and this solver records none; use an implicit estimator (implicit-cg) or an "
        "iterative solver (gradient-descent, heavy-ball, nesterov)",
        "hypergradient.estimator");
  }
  return std::make_unique<SingleOracle>(std::move(problem), std::move(solver), std::move(estimator), options);
}

}  // namespace tacit
