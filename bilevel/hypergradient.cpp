#include <tacit/bilevel/hypergradient.hpp>

#include <cmath>
#include <memory>

#include <tacit/bilevel/detail/single_oracle.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// For the length of a call: what the caller owns, as the oracle takes it.
template <class T>
std::shared_ptr<const T> borrowed(const T& object) {
  return {std::shared_ptr<const T>(), &object};
}

OracleOptions oracle_options(const HypergradientOptions& options) {
  OracleOptions o;
  o.warm_start = options.warm_start;
  o.reference_every = 0;
  o.truncation = false;
  o.error_estimate = options.estimate_errors;
  o.check_minimum = options.check_minimum;
  o.check_symmetry = options.check_symmetry;
  return o;
}

/// The inner status where that is the trouble, else that of the hypergradient, with its sentence.
void judge(OuterGradient& g, const Diagnostics& d, bool differentiated) {
  if (usable(d.inner_status) && !std::isfinite(g.value)) {
    g.inner_status = d.inner_status;
    g.status = Status::failed;
    g.message = "the outer loss is not finite";
    return;
  }
  const bool inner = !differentiated || !usable(d.inner_status);
  g.inner_status = d.inner_status;
  g.status = inner ? d.inner_status : d.hypergradient_status;
  if (!g.usable()) g.message = inner ? d.inner_message : d.hypergradient_message;
}

}  // namespace

void TaskState::visit_state(StateVisitor& v) {
  bool there = kept_.has_value();
  v.state("kept", there);
  if (!there) return kept_.reset();
  if (!kept_) kept_ = WarmState{};
  kept_.write().state(v);
}

OuterGradient hypergradient(const Problem& problem, In u, const InnerSolver& solver, const HypergradientEstimator& estimator,
                            const TaskState& state, const HypergradientOptions& options) {
  const OracleOptions how = oracle_options(options);
  detail::check_parts(problem, solver, estimator, how);
  const detail::SingleOracle oracle(problem, borrowed(solver), borrowed(estimator), how);
  const Tolerance tolerance = options.tolerance.value_or(oracle.tightest());
  Evaluation e = oracle.solved(oracle.at_u(u, state.empty() ? nullptr : &*state.kept_), tolerance);
  if (options.gradient) e = oracle.differentiate(std::move(e), tolerance);
  OuterGradient g;
  g.work = oracle.work();
  if (options.gradient && options.estimate_errors && e.finite()) {
    e = oracle.diagnose(std::move(e), 0, options.error_floor);
    g.error = e.diagnostics.hypergradient_error;
    g.value_error = e.diagnostics.outer_loss_error;
  }
  g.value = e.value;
  g.in_theta = e.gradient;
  g.gradient = options.gradient && std::isfinite(e.value) ? e.state->hyper.gradient : e.gradient;
  g.tape_bytes = e.state->hyper.tape_bytes;
  g.inner_steps = e.diagnostics.inner_steps;
  judge(g, e.diagnostics, options.gradient);
  if (e.finite()) g.state.kept_ = e.state->carried();
  return g;
}

}  // namespace tacit::inline TACIT_ABI
