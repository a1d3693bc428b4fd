#include <algorithm>
#include <chrono>
#include <cmath>

#include <tacit/bilevel/detail/single_oracle.hpp>
#include <tacit/bilevel/truncation.hpp>
#include <tacit/core/inner/second_order.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/detail/near_steps.hpp>
#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/forward.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI::detail {

double error_quotient(double off, double size, double floor) {
  const double scale = std::max(size, floor);
  if (off == 0) return 0;
  return scale > 0 ? off / scale : std::numeric_limits<double>::infinity();
}

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// What is left of second order over first order squared and the loss, with room: l(x) of a quadratic shows 1/4.
constexpr double kCurved = 3;

/// An adjoint that solves its equation; what is short of that would put a value off instead of right.
bool can_correct(const WarmState& s) {
  return tacit::solved(s.hyper.status) && s.hyper.adjoint.size() == s.inner.inner_dim && s.hyper.adjoint.allFinite();
}

/// What an evaluation lacks that was not made by an oracle of one problem.
void require_state(const Evaluation& e, const char* call) {
  if (!e.state) throw UsageError(std::string(call) + " takes an evaluation of this oracle; call evaluate() first");
}

}  // namespace

Work SingleOracle::work() const {
  const std::lock_guard lock(account_);
  return counter_->read() - diagnostic_;
}

Work SingleOracle::diagnostic_work() const {
  const std::lock_guard lock(account_);
  return diagnostic_;
}

Tolerance SingleOracle::tightest() const {
  const double adjoint = estimator_->tolerance();
  return {solver_->tolerance(), std::isnan(adjoint) ? 0 : adjoint};
}

std::optional<Evaluation> SingleOracle::ahead() const {
  const Index n = problem_.f->inner_dim();
  auto kept = warm_start_ ? solver_->ahead(n) : nullptr;
  if (!kept) return std::nullopt;
  return without_point(n, std::move(kept));
}

bool SingleOracle::may_loosen() const {
  const Needs needs = estimator_->needs();
  if (iterate_ || needs.tape.wanted() || needs.map) return false;  // what runs over the steps of the map
  // A target ends the runs of a map by itself, and no schedule is to end them before.
  return !(estimator_->target() > 0 && solver_->can_record());
}

void SingleOracle::solve_inner(Evaluation& e, const Tolerance& tolerance, bool fully) const {
  const auto start = Clock::now();
  WarmState state;
  if (e.from) {
    state.rates = e.from->rates;
    state.soft_mode = e.from->soft_mode;
    state.calibration = e.from->calibration;
  }
  const Accuracy asked{tolerance.inner};
  const InnerSolution* previous = warm_start(e);
  state.inner = fully ? solve_completely(*solver_, problem_, e.u, previous, asked, {})
                      : solve_as_planned(problem_, e.u, *solver_, *estimator_, previous, state.calibration, asked);
  e.state = std::move(state);
  account(e, tolerance);
  e.inner_seconds += since(start);
}

// A new inner solution takes the place of what was computed from the one before.
void SingleOracle::account(Evaluation& e, const Tolerance& tolerance) const {
  // What the step limit stopped would be the same point at any tighter tolerance.
  const bool limited = counted_out(e.state->inner.status);
  e.solved = {limited ? std::min(tolerance.inner, solver_->tolerance()) : tolerance.inner, kMissing};
  e.reached = e.solved.inner;
  e.gradient.resize(0);
  e.effect = {kMissing, kMissing};
  e.diagnostics = Diagnostics{};
  take_inner(e);
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
  e.value = e.plain = sound ? look_at(e) : kMissing;
  e.corrected = false;
}

// The outer loss with its gradient, which is asked next, and both where the error estimate will ask for them first: one pass over
// the validation rows for the two points. problem_.l remembers them.
double SingleOracle::look_at(const Evaluation& e) const {
  const InnerSolution& inner = e.state->inner;
  const Index n = inner.inner_dim, m = e.u.size();
  const bool estimate = options_.error_estimate && !iterate_;
  if (const auto first = estimate ? NearSteps::first_point(problem_, inner) : std::nullopt) {
    Mat lx(n, 2), lu(m, 2);
    if (const auto values = problem_.l->gradient_pair(inner.x(), *first, e.u, lx, lu)) return (*values)[0];
  }
  Vec lx(n), lu(m);
  return problem_.l->gradient(inner.x(), e.u, lx, lu);
}

// More accuracy at the same point. A run of a map goes on as if it had not stopped. Where its tape is gone, or where a target of
// the estimator decided when it stops, it is repeated from where it had started: never from its own end with an empty tape, from
// which few steps are left to differentiate. A solver that is no map leaves none to differentiate anyway.
void SingleOracle::tighten(Evaluation& e, const Tolerance& tolerance) const {
  const InnerSolution& inner = e.state->inner;
  if (!solver_->can_record()) {
    // Solvers that go on from their own end often end below what they were asked.
    if (inner.status != Status::converged || looser(inner.residual, tolerance.inner)) return go_on_from_the_end(e, tolerance);
    e.solved.inner = tolerance.inner;
    return;
  }
  const bool tape_gone = estimator_->needs().tape.wanted() && !inner.tape;
  // A run that the value took further than is asked now may have passed the point at which this would have ended.
  const bool passed = looser(tolerance.inner, e.reached);
  if (!tape_gone && inner.map && !passed && !(estimator_->target() > 0))
    go_on(e, tolerance);
  else
    repeat(e, tolerance);
  settle_trial(e, tolerance);
}

void SingleOracle::repeat(Evaluation& e, const Tolerance& tolerance) const {
  const std::vector<double> rates = e.state->rates;
  const Vec soft_mode = e.state->soft_mode;
  solve_inner(e, tolerance);
  e.state.write().rates = rates;  // what the diagnosis of this point has found stays
  e.state.write().soft_mode = soft_mode;
}

void SingleOracle::go_on(Evaluation& e, const Tolerance& tolerance) const {
  const auto start = Clock::now();
  WarmState& state = e.state.write();
  (void)solver_->go_on(problem_, e.u, state.inner, Accuracy{tolerance.inner});
  state.hyper = Hypergradient{};  // of the looser point
  account(e, tolerance);
  e.inner_seconds += since(start);
}

// One run with what came before, so that what a warm start was worth is still told from where it began.
void SingleOracle::go_on_from_the_end(Evaluation& e, const Tolerance& tolerance) const {
  const auto start = Clock::now();
  WarmState& state = e.state.write();
  const InnerSolution old = std::move(state.inner);
  state.inner = solve_as_planned(problem_, e.u, *solver_, *estimator_, &old, state.calibration, Accuracy{tolerance.inner});
  InnerSolution& inner = state.inner;
  if (!inner.cold) {  // else the old point was no number to start from
    inner.z0 = old.z0;
    inner.x0 = old.x0;
    inner.start_gradient = old.start_gradient;
    inner.cold = old.cold;
    inner.steps += old.steps;
    inner.step_norms.insert(inner.step_norms.begin(), old.step_norms.begin(), old.step_norms.end());
  }
  account(e, tolerance);
  e.inner_seconds += since(start);
}

Evaluation SingleOracle::at(In theta, const Evaluation* near) const {
  if (theta.size() != problem_.space.size()) {
    throw UsageError("theta has " + std::to_string(theta.size()) + " entries, the problem has " +
                     std::to_string(problem_.space.size()) + " hyperparameters");
  }
  if (theta.hasNaN()) throw UsageError("theta has an entry that is NaN");
  Evaluation e;
  e.theta = theta;
  e.u.resize(theta.size());
  problem_.space.to_model(e.theta, e.u);
  if (near) {
    require_state(*near, "evaluate() near a point");
    e.from = near->state->carried();
  }
  return e;
}

Evaluation SingleOracle::at_u(In u, const WarmState* from) const {
  if (u.size() != problem_.space.size()) {
    throw UsageError("u has " + std::to_string(u.size()) + " entries, the problem has " + std::to_string(problem_.space.size()) +
                     " hyperparameters");
  }
  if (u.hasNaN()) throw UsageError("u has an entry that is NaN");
  Evaluation e;
  e.u = u;
  e.theta.resize(u.size());
  problem_.space.from_model(e.u, e.theta);
  if (from) e.from = *from;
  return e;
}

Evaluation SingleOracle::solved(Evaluation e, const Tolerance& tolerance) const {
  solve_inner(e, iterate_ ? Tolerance{0, kMissing} : tolerance);
  settle_trial(e, tolerance);
  return e;
}

Evaluation SingleOracle::evaluate_fully(In theta, const Evaluation* near) const {
  Evaluation e = at(theta, near);
  solve_inner(e, {solver_->tolerance(), kMissing}, true);
  settle_value(e, {kMissing, false, true, kFinalShare});
  return e;
}

Evaluation SingleOracle::evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const {
  return solved(at(theta, near), tolerance);
}

void SingleOracle::settle_trial(Evaluation& e, const Tolerance& tolerance) const {
  // Below the configured tolerance the target has been missed before: what ended the run by it is not to end it again.
  if (e.state->inner.iterate_met && looser(solver_->tolerance(), tolerance.inner)) go_on(e, tolerance);
  // Not where the estimator has no adjoint that could correct the value, as the last point showed.
  const bool corrects = e.from && can_correct(*e.from) && correctable(e);
  settle_value(e, {corrects ? tolerance.adjoint : kMissing, corrects});
}

Evaluation SingleOracle::differentiate(Evaluation e, const Tolerance& tolerance) const {
  require_state(e, "differentiate()");
  const auto wants_adjoint = [&] { return std::isnan(e.solved.adjoint) || looser(e.solved.adjoint, tolerance.adjoint); };
  const bool tape_gone = estimator_->needs().tape.wanted() && !e.state->inner.tape;
  if (looser(e.solved.inner, tolerance.inner))
    tighten(e, tolerance);
  else if (tape_gone && wants_adjoint())
    tighten(e, {e.solved.inner, kMissing});
  if (std::isfinite(e.value) && !wants_adjoint() && e.gradient.size() > 0) return e;
  settle_value(e, {tolerance.adjoint});
  if (!std::isfinite(e.value)) {
    e.gradient = Vec::Constant(e.u.size(), kMissing);
    return e;
  }
  check_symmetry(e);
  check_minimum(e);
  e.gradient = in_theta(e, e.state->hyper.gradient);
  return e;
}

// Once a run: a point that starts from an earlier one has its answer. Of a linear model both products are one and the same.
void SingleOracle::check_symmetry(Evaluation& e) const {
  const Objective& f = *problem_.f;
  if (!options_.check_symmetry || !f.symmetric() || f.linear() || !estimator_->assumes_symmetry()) return;
  constexpr double kMost = 1e-7;  // products by differences of gradients are as good as this
  WarmState& state = e.state.write();
  state.asymmetry = e.from ? e.from->asymmetry : kMissing;
  if (std::isnan(state.asymmetry)) state.asymmetry = asymmetry(f, state.inner.x(), e.u);
  if (!(state.asymmetry > kMost)) return;
  Hypergradient& hyper = state.hyper;
  hyper.gradient.setConstant(kMissing);
  hyper.status = e.diagnostics.hypergradient_status = Status::failed;
  hyper.message = e.diagnostics.hypergradient_message =
      "f_xx is not symmetric: q'(f_xx p) and p'(f_xx q) differ by " + sci(state.asymmetry) +
      " of their terms. Correct hessian(); or, if f_x is no gradient, say so (hessian_transposed in a plain struct, "
      "Objective::symmetric() false)";
}

// f_x = 0 holds at a saddle too, where implicit derivatives are of no solution and a run that starts there stays.
void SingleOracle::check_minimum(Evaluation& e) const {
  const Objective& f = *problem_.f;
  const InnerSolution& inner = e.state->inner;
  if (!options_.check_minimum || iterate_ || !f.symmetric() || !tacit::solved(inner.status) || f.convex(e.u)) return;
  const SecondOrder second = second_order(f, inner.x(), e.u);
  if (!second.negative) return;
  WarmState& state = e.state.write();
  state.inner.status = e.diagnostics.inner_status = Status::saddle;
  state.inner.message = e.diagnostics.inner_message =
      "the inner point is no minimum: f_x is zero as asked and f_xx has an eigenvalue of at most " + sci(second.least) +
      " (largest " + sci(second.largest) + "); start elsewhere (Problem::start)";
  if (!usable(state.hyper.status)) return;
  state.hyper.status = e.diagnostics.hypergradient_status = Status::saddle;
  state.hyper.message = e.diagnostics.hypergradient_message = "the inner point is a saddle, and the hypergradient of no solution";
}

// The inner run goes on while the value is further off than asked, and that helps. What it was asked to stays e.solved.
void SingleOracle::settle_value(Evaluation& e, const ValueAsked& asked) const {
  if (iterate_) return settle_iterate(e, asked.adjoint);
  const double tolerance = e.solved.inner;
  double before = std::numeric_limits<double>::infinity();
  while (std::isfinite(e.value)) {
    const bool settled = !std::isnan(e.solved.adjoint) && !looser(e.solved.adjoint, asked.adjoint);
    if (!std::isnan(asked.adjoint) && !settled) solve_adjoint(e, asked.adjoint);
    const auto start = Clock::now();
    const OuterPoint at = outer_point(problem_, e.u, e.state->inner);
    judge_value(e, at, asked);
    measure_effect(e, at);
    e.inner_seconds += since(start);
    if (!wants_deeper(e, asked.share) || !(e.state->inner.residual < before)) break;
    before = e.state->inner.residual;
    go_deeper(e, asked);
  }
  if (!counted_out(e.state->inner.status)) e.solved.inner = tolerance;
}

// The value of an iterate is what it is, at any tolerance.
void SingleOracle::settle_iterate(Evaluation& e, double adjoint) const {
  if (!std::isfinite(e.value)) return;
  if (!std::isnan(adjoint) && std::isnan(e.solved.adjoint)) solve_adjoint(e, adjoint);
  e.diagnostics.outer_loss_error = 0;
}

// l(x*) = l(x) - w.f_x(x) + O(|x - x*|^2): a line search compares values that differ by much less than an inner tolerance lets
// them be off (1e-8 can leave 1e-6 of the value), and the adjoint takes out what is of first order; without one that which the
// solver's factor makes of l_x, but for the point that is reported, whose value is that of its coefficients. Only where that is
// more than what it leaves, and leaves a value that the criterion can have.
void SingleOracle::judge_value(Evaluation& e, const OuterPoint& at, const ValueAsked& asked) const {
  const WarmState& state = *e.state;
  Vec by_factor;
  double off = std::fmax(state.hyper.residual, 0);  // of the adjoint, as a share
  if (!can_correct(state) && !std::isnan(off = asked.plain ? kMissing : factor_leaves(state.inner))) {
    by_factor.resize(at.lx.size());
    state.inner.inverse->apply(at.lx, by_factor);
  }
  const bool corrects = correctable(e) && !std::isnan(off);
  const Vec* w = !corrects ? nullptr : by_factor.size() > 0 ? &by_factor : &state.hyper.adjoint;
  const double size = std::abs(at.value);
  LossError error;
  if (corrects) {
    error.first = std::abs(w->dot(at.fx));
    error.second = error.first * std::min(1.0, off + kCurved * error.first / size);
  }
  // By its first order alone a trial point is known well enough, and so is one that is small there and to be diagnosed.
  const bool told =
      corrects && (asked.trial || by_factor.size() > 0 || (options_.error_estimate && error.second <= 0.1 * asked.share * size));
  if (!told) {
    const double residual = std::isnan(state.hyper.residual) ? 0 : state.hyper.residual * at.lx.norm();
    error = loss_error(problem_, e.u, state.inner, at, w, residual, asked.share * size);
  }
  const double better = corrects ? at.value - w->dot(at.fx) : kMissing;
  e.corrected = corrects && error.second < error.first && better >= problem_.l->least();
  e.value = e.corrected ? better : e.plain;
  e.diagnostics.outer_loss_error = e.corrected ? error.second : error.plain();
}

bool SingleOracle::wants_deeper(const Evaluation& e, double share) const {
  constexpr double kLeast = 1e-15;
  const InnerSolution& inner = e.state->inner;
  const bool off = e.diagnostics.outer_loss_error > share * std::abs(e.value);
  return off && inner.status == Status::converged && e.solved.inner > 0 && inner.residual > kLeast;
}

// To the next power of ten for a map, so that where it stops does not depend on where it had stopped before; what goes on from
// its own end is asked for what the error calls for.
void SingleOracle::go_deeper(Evaluation& e, const ValueAsked& asked) const {
  const InnerSolution& inner = e.state->inner;
  const double allowed = asked.share * std::abs(e.value), error = e.diagnostics.outer_loss_error;
  const bool map = solver_->can_record(), tape_gone = estimator_->needs().tape.wanted() && !inner.tape;
  const double next = map ? std::pow(10, std::ceil(std::log10(inner.residual)) - 1)
                          : inner.residual * std::clamp(0.3 * allowed / error, 1e-4, 0.1);
  if (!map) return go_on_from_the_end(e, {next, kMissing});
  if (!inner.map || (tape_gone && !asked.plain)) return repeat(e, {next, kMissing});
  go_on(e, {next, kMissing});
}

// Where the inner run is the one that would have been asked for this at once, so is the solve of the adjoint. After a solver that
// went on from its own end, its own adjoint is the nearer start.
const Hypergradient* SingleOracle::start_of_adjoint(const Evaluation& e) const {
  if (!estimator_->warm()) return nullptr;
  if (!solver_->can_record() && can_correct(*e.state)) return &e.state->hyper;
  return e.from ? &e.from->hyper : nullptr;
}

void SingleOracle::solve_adjoint(Evaluation& e, double tolerance) const {
  const auto start = Clock::now();
  const Hypergradient* previous = start_of_adjoint(e);
  WarmState& state = e.state.write();
  Hypergradient own;
  if (previous && !(e.from && previous == &e.from->hyper)) {
    own = state.hyper;
    previous = &own;
  }
  const Index steps = state.inner.steps;
  state.hyper = estimate_as_planned(problem_, e.u, *solver_, *estimator_, state.inner, previous, state.calibration,
                                    Accuracy{e.solved.inner}, tolerance);
  const Hypergradient& hyper = state.hyper;
  spend_kept(state.inner, static_cast<double>(hyper.factor_saves));
  if (state.inner.steps != steps) take_inner(e);
  e.solved.adjoint = tolerance;
  Diagnostics& d = e.diagnostics;
  d.hypergradient_status = hyper.status;
  d.hypergradient_message = hyper.message;
  d.linear_residual = hyper.residual;
  d.sweep_cost = hyper.cost.sweep;
  d.cg_cost = hyper.cost.cg;
  if (!std::isnan(state.calibration.sensitivity)) d.sensitivity = state.calibration.chi();
  if (hyper.linear_steps > 0 || !std::isnan(hyper.residual)) d.linear_steps = static_cast<double>(hyper.linear_steps);
  if (hyper.window > 0 || estimator_->needs().tape.wanted()) {
    d.window = static_cast<double>(hyper.window);
    d.tape_bytes = static_cast<double>(hyper.tape_bytes);
  }
  e.hypergradient_seconds += since(start);
}

// With dx/dtheta at most as long as x (a penalty's is), -w.(f_ux x) moves by about ||w|| ||f_x|| for an inner residual f_x and by
// ||x|| ||r|| for a residual r of the adjoint equation: from above, by far where there are many penalties. What a good factor
// makes of the r in hand is nearer to the truth, and varies with r.
void SingleOracle::measure_effect(Evaluation& e, const OuterPoint& at) const {
  constexpr double kVaries = 10;  // from row to row
  const InnerSolution& inner = e.state->inner;
  const Hypergradient& hyper = e.state->hyper;
  if (hyper.adjoint.size() != inner.inner_dim || !(inner.residual > 0)) return;
  e.effect = {hyper.adjoint.norm() * inner.gradient_norm / inner.residual, inner.x().norm() * at.lx.norm()};
  e.effect.adjoint = std::fmin(e.effect.adjoint, kVaries * effect_by_factor(e, at.lx));
}

// ||f_ux M (l_x - f_xx w)|| in theta over the relative residual, M the factor that the solver has left; NaN where there is none
// that is good, or nothing but rounding to apply it to.
double SingleOracle::effect_by_factor(const Evaluation& e, In lx) const {
  constexpr double kRounding = 1e-12, kGood = 0.5;
  const InnerSolution& inner = e.state->inner;
  const Hypergradient& hyper = e.state->hyper;
  const bool good = inner.curvature && factor_leaves(inner) <= kGood;
  if (!good || hyper.data_product.size() != inner.inner_dim || !(hyper.residual > kRounding)) return kMissing;
  Vec c = Vec::Zero(inner.inner_dim), off(inner.inner_dim), moved(e.u.size());
  problem_.f->penalty_diagonal(e.u, c);
  inner.inverse->apply(lx - hyper.data_product - c.cwiseProduct(hyper.adjoint), off);
  inner.curvature->cross(off, moved);
  return in_theta(e, moved).norm() / hyper.residual;
}

Vec SingleOracle::in_theta(const Evaluation& e, In gradient_u) const {
  Vec g(e.theta.size());
  problem_.space.pull_back(e.theta, gradient_u, g);
  return g;
}

// ||g - g_c|| / max(||g_c||, s) with the gradient corrected by Newton and adjoint steps, and the bound of the same quotient where
// one is known.
void SingleOracle::measure_error(Evaluation& e, double floor, Corrected& corrected) const {
  const WarmState& state = *e.state;
  ErrorOptions options;
  options.floor = floor;
  options.value = e.value;
  options.along = corrected.near_mode;
  const ErrorEstimate estimate = estimate_error(problem_, e.u, state.inner, state.hyper, options);
  if (estimate.x.size() == state.inner.inner_dim && estimate.x.allFinite()) corrected.step = estimate.x - state.inner.x();
  if (estimate.adjoint.allFinite()) corrected.adjoint = estimate.adjoint;
  corrected.gradient_norm = estimate.gradient_norm;
  corrected.near_product = estimate.along;
  corrected.fx = estimate.fx;
  corrected.distance = estimate.distance;
  corrected.gradient = estimate.corrected;
  corrected.moved = std::isnan(estimate.uncertainty) ? estimate.error : estimate.uncertainty;
  Diagnostics& d = e.diagnostics;
  if (std::isfinite(estimate.value_error)) d.outer_loss_error = estimate.value_error;
  if (estimate.corrected.size() == e.u.size() && estimate.corrected.allFinite()) {
    d.hypergradient_error = error_quotient(estimate.error, in_theta(e, estimate.corrected).norm(), floor);
  }
  const double off = estimate.bound_theta, scale = std::max(estimate.least_theta, floor);
  if (std::isfinite(off) && scale > 0) d.hypergradient_error_bound = off / scale;
}

// All steps of an iterate are its whole derivative; of fewer, or of differences, a full sweep tells the error.
void SingleOracle::measure_iterate_error(Evaluation& e, double floor) const {
  const WarmState& state = *e.state;
  if (state.hyper.window >= state.inner.steps && e.gradient.allFinite()) {
    e.diagnostics.hypergradient_error = 0;
    return;
  }
  const Hypergradient whole = iterate_hypergradient(problem_, e.u, state.inner, false);
  if (!whole.gradient.allFinite()) return;
  e.diagnostics.hypergradient_error = hypergradient_error(e.gradient, in_theta(e, whole.gradient), floor);
}

// From what the error estimate has corrected where the solver's factor says that no soft mode is hidden; else from the point and
// the adjoint themselves, so that an estimate which was misled can be contradicted.
void SingleOracle::measure_reference(Evaluation& e, double floor, const Corrected& corrected) const {
  const InnerSolution& inner = e.state->inner;
  constexpr std::size_t kMost = std::size_t{1} << 28U;  // bytes of the tangents of forward mode
  if (iterate_ && ForwardEstimator().stored_bytes(inner.z.size(), e.u.size()) > kMost) return;
  Vec x = inner.x();
  ReferenceStart near{inner.inverse};
  if (e.state->hyper.adjoint.allFinite()) near.adjoint = e.state->hyper.adjoint;
  if (!std::isnan(factor_leaves(inner)) && corrected.step.size() == x.size()) {
    x += corrected.step;
    near.adjoint = corrected.adjoint;
    near.compared = e.state->hyper.gradient;
    near.corrected = corrected.gradient;
    near.fx = corrected.fx;
    near.left = inner.inverse_left;
    near.moved = corrected.moved;
  }
  const Hypergradient truth =
      iterate_ ? iterate_hypergradient(problem_, e.u, inner, true) : reference_hypergradient(problem_, e.u, x, near);
  if (truth.gradient.size() != e.u.size() || !truth.gradient.allFinite() || !usable(truth.status)) return;
  const Vec exact = in_theta(e, truth.gradient);
  e.diagnostics.hypergradient_error_reference = hypergradient_error(e.gradient, exact, floor);
}

void SingleOracle::measure_truncation_of(Evaluation& e, Index step, const Corrected& corrected) const {
  WarmState& state = e.state.write();
  TruncationOptions options;
  options.correct = options_.error_estimate;
  options.audit = options_.audit_every > 0 && step % options_.audit_every == 0;
  options.corrected_gradient = corrected.gradient_norm;
  options.corrected_error = corrected.distance;
  options.near_mode = corrected.near_mode;
  options.near_product = corrected.near_product;
  const Truncation t = measure_truncation(problem_, e.u, state.inner, state.rates, corrected.step, state.soft_mode, options);
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

Evaluation SingleOracle::diagnose(Evaluation e, Index step, double error_floor) const {
  require_state(e, "diagnose()");
  e.state.write().calibration.floor = error_floor;
  const Account account{*this};
  try {
    Corrected corrected;
    e.diagnostics.errors_asked = errors_asked_;
    const InnerSolution& inner = e.state->inner;
    e.diagnostics.inner_loss = std::isfinite(inner.value) ? inner.value : problem_.f->value(inner.x(), e.u);
    const bool estimate = options_.error_estimate && e.gradient.size() > 0;
    if (options_.truncation && !iterate_ && options_.error_estimate) corrected.near_mode = soft_mode_near(inner);
    if (estimate && iterate_) measure_iterate_error(e, error_floor);
    if (estimate && !iterate_) measure_error(e, error_floor, corrected);
    if (options_.truncation && !iterate_) measure_truncation_of(e, step, corrected);
    if (options_.reference_every > 0 && step % options_.reference_every == 0 && e.gradient.size() > 0)
      measure_reference(e, error_floor, corrected);
  } catch (const Interruption&) {
    e.diagnostics.cut_short = true;
  }
  return e;
}

VerifyReport SingleOracle::verify(In theta) const {
  const Evaluation here = at(theta, nullptr);
  const Account account{*this};
  // With constants of its own, so that what the method is charged for them does not depend on whether it was checked.
  Problem problem = problem_;
  if (auto own = problem_.f->counting_reads(counter_)) problem.f = std::move(own);
  VerifyOptions options;
  try {
    options.map = solver_->map(problem, here.u);
  } catch (const Interruption&) {
    throw;
  } catch (const std::exception&) {  // a constant that keeps the map from being bound is named by its own check
  }
  return tacit::verify(problem, {here.u}, options);
}

}  // namespace tacit::inline TACIT_ABI::detail
