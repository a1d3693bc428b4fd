#include <tacit/bilevel/detail/watched_oracle.hpp>

#include <utility>

namespace tacit::inline TACIT_ABI::detail {

Evaluation WatchedOracle::evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const {
  check();
  Evaluation e = behind().evaluate(theta, tolerance, near);
  const std::lock_guard lock(account_);  // an optimizer may evaluate several points at once
  ++evaluations;
  inner_seconds += e.inner_seconds;
  hypergradient_seconds += e.hypergradient_seconds;
  return e;
}

Evaluation WatchedOracle::differentiate(Evaluation e, const Tolerance& tolerance) const {
  check();
  const double inner_before = e.inner_seconds, hyper_before = e.hypergradient_seconds;
  e = behind().differentiate(std::move(e), tolerance);
  inner_seconds += e.inner_seconds - inner_before;
  hypergradient_seconds += e.hypergradient_seconds - hyper_before;
  return e;
}

Evaluation WatchedOracle::diagnose(Evaluation e, Index step, double floor) const {
  e = behind().diagnose(std::move(e), step, floor);
  if (e.diagnostics.cut_short) {
    cut = true;  // the step itself is done, and counts with what was measured
    begin_closing();
  }
  return e;
}

void WatchedOracle::begin_closing() const {
  if (!closing_ && options_.closing) options_.closing();
  closing_ = true;
}

StopReason WatchedOracle::asked_for() const {
  return late() && !(interrupted_ && interrupted_()) ? StopReason::time_limit : StopReason::interrupted;
}

void WatchedOracle::check() const {
  if (!watching) return;
  if (interrupted_ && interrupted_()) throw StopNow{StopReason::interrupted};
  if (late()) throw StopNow{StopReason::time_limit};
}

}  // namespace tacit::inline TACIT_ABI::detail
