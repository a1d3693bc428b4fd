#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/bilevel/detail/single_oracle.hpp>
#include <tacit/bilevel/oracle.hpp>

namespace tacit::inline TACIT_ABI {

bool looser(double a, double b, double by) { return a > by * b; }
bool looser(const Tolerance& a, const Tolerance& b, double by) {
  return looser(a.inner, b.inner, by) || looser(a.adjoint, b.adjoint, by);
}

double hypergradient_error(In g, In truth, double floor) {
  return detail::error_quotient((g - truth).norm(), truth.norm(), floor);
}

bool Evaluation::finite() const { return std::isfinite(value) && gradient.allFinite(); }

void Evaluation::set_loss(double loss) {
  value = alone ? loss + alone->added : loss;
  if (alone) alone.write().value = loss;
}

void Evaluation::forget_tape() {
  if (state && state->inner.tape) state.write().inner.tape.reset();
  for (Evaluation& part : parts) part.forget_tape();
}

WarmState WarmState::carried() const {
  WarmState next;
  next.inner.inner_dim = inner.inner_dim;
  next.inner.z = inner.x();
  next.inner.gradient = inner.gradient;
  next.inner.inverse_left = inner.inverse_left;
  next.inner.inverse = inner.inverse;
  next.inner.pairs = inner.pairs;
  next.inner.kept = inner.kept;
  next.hyper = hyper;
  next.calibration = calibration;
  next.rates = rates;
  next.soft_mode = soft_mode;
  next.asymmetry = asymmetry;
  return next;
}

void WarmState::state(StateVisitor& v) {
  inner.state(v);
  hyper.state(v);
  calibration.state(v);
  v.state("rates", rates);
  v.state("soft_mode", soft_mode);
  v.state("asymmetry", asymmetry);
}

namespace {

void visit(StateVisitor& v, std::string_view name, Tolerance& t) {
  v.state(std::string(name) + ".inner", t.inner);
  v.state(std::string(name) + ".adjoint", t.adjoint);
}

template <class T>
void visit(StateVisitor& v, std::string_view name, CopyOnWrite<T>& state) {
  bool there = state.has_value();
  v.state(name, there);
  if (!there) return state.reset();
  if (!state) state = T{};
  state.write().state(v);
}

}  // namespace

void Evaluation::visit_state(StateVisitor& v) {
  v.state("theta", theta);
  v.state("u", u);
  v.state("value", value);
  v.state("corrected", corrected);
  v.state("plain", plain);
  v.state("reached", reached);
  v.state("gradient", gradient);
  visit(v, "alone", alone);
  state_of_enum(v, "hypergradient_status", diagnostics.hypergradient_status);
  visit(v, "solved", solved);
  visit(v, "effect", effect);
  visit(v, "state", state);
  visit(v, "from", from);
  Index count = static_cast<Index>(parts.size());
  v.state("parts", count);
  parts.resize(static_cast<std::size_t>(std::max<Index>(count, 0)));
  for (Evaluation& part : parts) part.visit_state(v);
}

Evaluation ForwardingOracle::evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const {
  return oracle_->evaluate(theta, tolerance, near);
}
Evaluation ForwardingOracle::evaluate_fully(In theta, const Evaluation* near) const {
  return oracle_->evaluate_fully(theta, near);
}
Evaluation ForwardingOracle::differentiate(Evaluation evaluation, const Tolerance& tolerance) const {
  return oracle_->differentiate(std::move(evaluation), tolerance);
}
Evaluation ForwardingOracle::diagnose(Evaluation evaluation, Index step, double error_floor) const {
  return oracle_->diagnose(std::move(evaluation), step, error_floor);
}
VerifyReport ForwardingOracle::verify(In theta) const { return oracle_->verify(theta); }
Work ForwardingOracle::work() const { return oracle_->work(); }
Work ForwardingOracle::diagnostic_work() const { return oracle_->diagnostic_work(); }
Tolerance ForwardingOracle::tightest() const { return oracle_->tightest(); }
std::optional<Evaluation> ForwardingOracle::ahead() const { return oracle_->ahead(); }
bool ForwardingOracle::may_loosen() const { return oracle_->may_loosen(); }
double ForwardingOracle::target() const { return oracle_->target(); }

std::vector<Vec> solutions(const Evaluation& e) {
  std::vector<Vec> all;
  if (e.state) all.push_back(e.state->inner.x());
  for (const Evaluation& part : e.parts) {
    if (part.state) all.push_back(part.state->inner.x());
  }
  return all;
}

const InnerSolution* solution_of(const Evaluation& e, std::size_t k) {
  if (e.state && k == 0) return &e.state->inner;
  return !e.state && k < e.parts.size() && e.parts[k].state ? &e.parts[k].state->inner : nullptr;
}

std::optional<Evaluation> kept_curvature(const Evaluation& e) {
  Evaluation out;
  for (const Evaluation& part : e.parts) {
    auto one = kept_curvature(part);
    if (!one) return std::nullopt;
    out.parts.push_back(std::move(*one));
  }
  if (!e.parts.empty()) return out;
  if (!e.state || !e.state->inner.kept) return std::nullopt;
  out = detail::without_point(e.state->inner.inner_dim, e.state->inner.kept);
  InnerSolution& inner = out.state.write().inner;
  inner.inverse = e.state->inner.inverse;
  spend_kept(inner, kRunSaves);
  return out;
}

Evaluation detail::without_point(Index inner_dim, std::shared_ptr<const KeptHessian> kept) {
  Evaluation out;
  WarmState state;
  state.inner.inner_dim = inner_dim;
  state.inner.z = Vec::Constant(inner_dim, kMissing);
  state.inner.kept = std::move(kept);
  out.state = std::move(state);
  return out;
}

void detail::check_parts(const Problem& problem, const InnerSolver& solver, const HypergradientEstimator& estimator,
                         const OracleOptions& options) {
  if (const std::string wrong = problem.check(); !wrong.empty()) throw UsageError("the problem does not fit together: " + wrong);
  require_valid(solver, "the inner solver");
  require_valid(estimator, "the estimator");
  check_response(problem, solver, estimator);
  if (problem.response == Response::iterate && options.warm_start.value_or(false))
    throw UsageError(
        "the problem means the iterate x_K(u), K steps from x_0(u) (Response::iterate), which has no warm start: leave "
        "OracleOptions::warm_start empty or false",
        "inner.warm_start");
  if (estimator.needs().tape.wanted() && !solver.can_record()) {
    throw UsageError(
        "the estimator needs a recorded trajectory and this solver records none; use an implicit estimator (implicit-cg) or an "
        "iterative solver (gradient-descent, heavy-ball, nesterov)",
        "hypergradient.estimator");
  }
}

std::unique_ptr<Oracle> make_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
                                    std::shared_ptr<const HypergradientEstimator> estimator, OracleOptions options) {
  if (!solver || !estimator) throw UsageError("an oracle needs a solver and an estimator; make them from their registries");
  detail::check_parts(problem, *solver, *estimator, options);
  return std::make_unique<detail::SingleOracle>(std::move(problem), std::move(solver), std::move(estimator), options);
}

}  // namespace tacit::inline TACIT_ABI
