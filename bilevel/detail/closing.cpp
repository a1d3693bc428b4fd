#include <tacit/bilevel/detail/closing.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/model/interrupt.hpp>

namespace tacit::inline TACIT_ABI::detail {

namespace {

/// Did an inner run end by what was asked of the iterate, in any part?
bool met_iterate(const Evaluation& e) {
  return (e.state && e.state->inner.iterate_met) || std::any_of(e.parts.begin(), e.parts.end(), met_iterate);
}

class Closing {
public:
  Closing(RunRows& rows, WatchedOracle& oracle, const DriverOptions& options)
      : rows_(rows), s_(rows.summary), oracle_(oracle), options_(options) {}

  // What ends the run between two evaluations, or only now, reaches its first one here, and is then given another try; after that
  // the best point stays as it was solved.
  void settle_in_time() {
    if (s_.reason == StopReason::interrupted || s_.reason == StopReason::time_limit) oracle_.begin_closing();
    for (int attempt = oracle_.cut ? 1 : 0; attempt < 2; ++attempt) {
      try {
        settle();
        return settle_start();
      } catch (const Interruption&) {
        oracle_.begin_closing();
      }
    }
  }

  Work for_the_start() const { return for_the_start_; }

private:
  // Loosely solved, or not a loss as it stands.
  bool loose(const Evaluation& e) const { return e.corrected || looser(e.solved.inner, s_.tightest.inner) || met_iterate(e); }

  Evaluation solved_fully(Evaluation e) const {
    if (!loose(e)) return e;
    Evaluation solved = oracle_.evaluate_fully(e.theta, &e);  // its own solution is the nearest start
    if (std::isfinite(solved.value) || !std::isfinite(e.plain)) return solved;
    // Where a solve to the end fails the point stays as it is, and so does its loss.
    e.diagnostics.outer_loss_error += std::abs(e.loss() - e.plain);
    e.set_loss(e.plain);
    e.corrected = false;
    return e;
  }

  // Values of loosely solved points do not compare, and the value that is reported is that of a point, as it stands: best and
  // last are evaluated again at the tightest inner tolerance and the lower one is kept.
  void settle() {
    if (s_.best_evaluation.theta.size() == 0 || !loose(s_.best_evaluation)) return;
    const auto tight = [&](StepRecord row, const Evaluation& at) {
      Evaluation e = solved_fully(at);
      if (std::isfinite(e.value)) {
        row.outer_loss = e.loss();
        if (options_.judge) row.judged = options_.judge(e);
        row.diagnostics.outer_loss_error = e.diagnostics.outer_loss_error;
      }
      return std::pair(std::move(row), std::move(e));
    };
    oracle_.watching = false;
    auto chosen = tight(s_.best, s_.best.step == s_.last.step ? rows_.current : s_.best_evaluation);
    if (s_.last.step != s_.best.step && std::isfinite(rows_.current.value)) {
      auto last = tight(s_.last, rows_.current);
      if (preferred(last.first.judged, last.second.value, chosen.first.judged, chosen.second.value)) chosen = std::move(last);
    }
    if (!std::isfinite(chosen.second.value)) return;
    s_.best = std::move(chosen.first);
    s_.best_evaluation = std::move(chosen.second);
  }

  // What was gained since the start is told row by row, so its solution must be as good as that of the best point.
  void settle_start() {
    if (!std::isfinite(s_.start_evaluation.value)) return;
    oracle_.watching = false;
    const Work before = oracle_.work();
    Evaluation e = s_.best.step == 0 ? s_.best_evaluation : solved_fully(s_.start_evaluation);
    for_the_start_ = oracle_.work() - before;  // no part of the method
    if (std::isfinite(e.value)) s_.start_evaluation = std::move(e);
  }

  const RunRows& rows_;
  Summary& s_;
  WatchedOracle& oracle_;
  const DriverOptions& options_;
  Work for_the_start_;
};

}  // namespace

Work close_run(RunRows& rows, WatchedOracle& oracle, const DriverOptions& options) {
  Closing closing(rows, oracle, options);
  closing.settle_in_time();
  return closing.for_the_start();
}

}  // namespace tacit::inline TACIT_ABI::detail
