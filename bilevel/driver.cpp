#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/bilevel/detail/closing.hpp>
#include <tacit/bilevel/detail/run_rows.hpp>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using detail::Clock, detail::RunRows, detail::StopNow, detail::WatchedOracle;
constexpr double kDeeper = 0.01, kLeastTolerance = 1e-15;

Schedule schedule_of(const DriverOptions& options, const Oracle& oracle, const OuterOptimizer& optimizer) {
  if (options.max_steps == 0) return Schedule::fixed;
  return options.schedule.value_or(oracle.may_loosen() ? optimizer.schedule() : Schedule::fixed);
}

// One run: the loop over its steps, and how tightly each is solved.
class Run {
public:
  Run(const DriverOptions& options, const HyperSpace& space, const Oracle& oracle, OuterOptimizer& optimizer,
      const std::vector<Observer>& observers, const std::function<bool()>& interrupted)
      : options_(options), space_(space), start_(Clock::now()), oracle_(oracle, options, interrupted, start_),
        optimizer_(optimizer), rows_(options, space, oracle_, optimizer, observers, start_),
        tolerances_(schedule_of(options, oracle, optimizer), oracle.tightest(), space.size(), oracle.target()) {}

  Summary operator()(In theta0) {
    rows_.summary.tightest = tolerances_.tightest();
    rows_.summary.schedule = tolerances_.schedule();
    try {
      if (!begin(theta0)) return finish();
      while (!stop()) advance();
    } catch (const StopNow& s) {
      rows_.end_early(s.reason);
    } catch (const Interruption&) {
      oracle_.cut = true;
      rows_.end_early(oracle_.asked_for());
    }
    return finish();
  }

private:
  bool begin(In theta0) {
    rows_.begin_step();
    Vec theta = optimizer_.begin(space_, theta0, {options_.max_steps, options_.seed, options_.threads});
    space_.project(theta);
    if (options_.verify) require_right(theta);
    Evaluation e = first_evaluation(theta);
    if (!complete(e) && !values_alone_) {
      rows_.current = e;
      rows_.summary.last = rows_.record(e, 0, {});
      rows_.end(StopReason::failed, "the start is no usable point: " + detail::trouble(e));
      return false;
    }
    rows_.set_start(e.loss());
    deepen(e);
    rows_.set_start(e.loss());
    diagnose(e);
    optimizer_.reset(e);
    rows_.publish(e, 0, {});
    rows_.summary.start_evaluation = std::move(e);
    return true;
  }

  void require_right(In theta) const {
    const VerifyReport report = oracle_.verify(theta);
    if (report.ok()) return;
    throw UsageError("the problem is not what it says it is: " + report.first_wrong()->sentence() +
                     "; correct that first (verify() has the whole list)");
  }

  bool complete(const Evaluation& e) const { return e.finite() && (values_alone_ || e.gradient.size() == e.theta.size()); }

  // A loose point may be indefinite or no number where the solution is fine: asked more tightly before the run has failed.
  Evaluation first_evaluation(In theta) {
    Tolerance tolerance = tolerances_.at(1);
    const std::optional<Evaluation> from = options_.near || values_alone_ ? options_.near : oracle_.ahead();
    const Evaluation* near = from ? &*from : nullptr;
    if (values_alone_) return oracle_.evaluate(theta, tolerance, near);
    while (true) {
      Evaluation e = oracle_.evaluate(theta, tolerance, near);
      if (std::isfinite(e.value)) e = oracle_.differentiate(std::move(e), tolerance);
      const Status status = e.diagnostics.hypergradient_status;
      const bool sound = complete(e) && status != Status::negative_curvature && status != Status::saddle;
      if (sound || !looser(tolerance, rows_.summary.tightest)) return e;
      tolerances_.tighten();
      tolerance = {std::max(0.1 * tolerance.inner, rows_.summary.tightest.inner),
                   std::max(0.1 * tolerance.adjoint, rows_.summary.tightest.adjoint)};
    }
  }

  void diagnose(Evaluation& e) {
    constexpr int kRounds = 4;
    e.forget_tape();
    if (values_alone_ && !std::isfinite(e.value)) return;
    e = oracle_.diagnose(std::move(e), rows_.step, rows_.summary.target);
    for (int round = 0; round < kRounds && !values_alone_ && short_of_asked(e); ++round) {
      Evaluation deeper = oracle_.differentiate(e, {kDeeper * std::min(e.solved.inner, e.diagnostics.inner_residual),
                                                    std::max(kDeeper * e.solved.adjoint, kLeastTolerance)});
      if (!complete(deeper)) return;
      deeper.forget_tape();
      const bool moved = deeper.diagnostics.inner_residual < e.diagnostics.inner_residual;
      e = oracle_.diagnose(std::move(deeper), rows_.step, rows_.summary.target);
      if (!moved) return;
    }
  }

  // Solved to its tolerance, and yet, as the diagnosis found, further off than a loss or a hypergradient with a target may be, or
  // than a row of adaptive tolerances is to be where there is no target.
  bool short_of_asked(const Evaluation& e) const {
    const Diagnostics& d = e.diagnostics;
    if (d.cut_short || d.inner_status != Status::converged || !(e.solved.inner > 0) || !(d.inner_residual > kLeastTolerance))
      return false;
    const bool target = options_.follow_target && oracle_.target() > 0 && usable(d.hypergradient_status) &&
                        d.hypergradient_error > oracle_.target();
    constexpr double kRowError = 0.1;
    const bool loose = !(oracle_.target() > 0) && tolerances_.schedule() == Schedule::adaptive &&
                       looser(e.solved, rows_.summary.tightest) && usable(d.hypergradient_status) &&
                       d.hypergradient_error > kRowError;
    return target || loose || d.outer_loss_error > kLossShare * std::abs(e.loss());
  }

  bool stop() {
    if (rows_.ended()) return true;
    if (oracle_.cut) throw StopNow{oracle_.asked_for()};
    return rows_.end_by_rule();
  }

  // The same point at a tighter tolerance. Where it is not finite there, nor at the tightest, the run has failed and the point
  // stays as it is.
  bool solve_again(Evaluation& e, const Tolerance& tolerance) {
    Evaluation tight = oracle_.differentiate(e, tolerance);
    if (!tight.finite() && looser(tolerance, rows_.summary.tightest)) tight = oracle_.differentiate(e, rows_.summary.tightest);
    if (!tight.finite()) {
      rows_.end(StopReason::failed, "the point reached is not finite at a tighter tolerance: " + detail::trouble(tight));
      return false;
    }
    e = std::move(tight);
    return true;
  }

  // A row is to be as good as its own hypergradient asks, which the one before did not know: solved again where it is far from
  // that, and at the tightest tolerance where the run may end. The start, of which nothing was known, is held to more.
  bool deepen(Evaluation& e) {
    if (values_alone_) return false;  // every point is solved at the tightest tolerance
    const double far = oracle_.target() > 0 ? 1.5 : rows_.step == 0 ? 3 : 30;
    bool deeper = false;
    for (int round = 0; round < 5; ++round) {
      const double norm = rows_.projected_norm(e);
      const bool last = rows_.last(e);
      if (!last) tolerances_.follow(norm / rows_.unit(), {e.effect.inner / rows_.unit(), e.effect.adjoint / rows_.unit()});
      const Tolerance wanted = last ? rows_.summary.tightest : tolerances_.at(rows_.step);
      if (!(last ? looser(e.solved, wanted) : looser(e.solved, wanted, far))) break;
      if (!solve_again(e, wanted)) break;
      deeper = true;
    }
    return deeper;
  }

  StepOutcome try_step(const Tolerance& tolerance) {
    oracle_.watching = true;
    StepOutcome outcome = optimizer_.step(oracle_, space_, tolerance);
    oracle_.watching = false;
    return outcome;
  }

  void advance() {
    rows_.begin_step();
    const Index k = rows_.step + 1;
    const Tolerance tolerance = tolerances_.next(k, rows_.summary.last.projected_gradient_norm);
    StepOutcome outcome = try_step(tolerance);
    if (outcome.stalled && looser(tolerance, rows_.summary.tightest)) {  // perhaps just for want of accuracy
      tolerances_.tighten();
      if (looser(rows_.current.solved, rows_.summary.tightest) && !solve_again(rows_.current, rows_.summary.tightest)) return;
      rows_.summary.last.projected_gradient_norm = rows_.projected_norm(rows_.current);
      rows_.summary.last.possible_gain = rows_.possible_gain(rows_.current);
      if (rows_.summary.last.possible_gain <= rows_.summary.target) return;  // there was nothing left to find
      optimizer_.reset(rows_.current);
      outcome = try_step(rows_.summary.tightest);
    }
    if (outcome.over != StepOutcome::Over::no) {
      const bool converged = outcome.over == StepOutcome::Over::converged;
      rows_.end(converged ? StopReason::tolerance : StopReason::step_limit, outcome.message);
      return;
    }
    Evaluation& e = outcome.accepted;
    if (outcome.stalled) {
      rows_.end(StopReason::stalled, outcome.message + "; " + rows_.left() + checked_text());
      return;
    }
    if (!e.finite() && !values_alone_) {
      rows_.end(StopReason::failed,
                "outer step " + std::to_string(k) + " led to a point that is not finite: " + detail::trouble(e));
      return;
    }
    rows_.step = k;
    if (looser(tolerance, e.solved, 5)) tolerances_.tighten();  // the search had to
    deepen(e);
    diagnose(e);
    optimizer_.refresh(e);
    rows_.publish(e, outcome.step_norm, outcome.message);
  }

  // A wrong derivative stalls a line search like nothing else.
  std::string checked_text() const {
    if (options_.derivatives_known) return "";
    return options_.verify ? "; the derivatives were checked at the start and are right there"
                           : "; the derivatives were not checked (DriverOptions::verify does that)";
  }

  Summary finish() {
    rows_.fail_without_point();
    const Work for_the_start = detail::close_run(rows_, oracle_, options_);
    Summary& s = rows_.summary;
    s.doubt = doubt(s.best, options_.warn_error);
    s.seconds = detail::since(start_);
    s.work = oracle_.work() - for_the_start;
    s.diagnostic_work = oracle_.diagnostic_work() + for_the_start;
    return std::move(s);
  }

  const DriverOptions& options_;
  const HyperSpace& space_;
  Clock::time_point start_;
  WatchedOracle oracle_;
  OuterOptimizer& optimizer_;
  const bool values_alone_ = !optimizer_.differentiates();
  RunRows rows_;
  Tolerances tolerances_;
};

}  // namespace

const char* to_string(StopReason r) {
  switch (r) {
    case StopReason::not_run:
      return "not run";
    case StopReason::tolerance:
      return "tolerance";
    case StopReason::step_limit:
      return "step limit";
    case StopReason::time_limit:
      return "time limit";
    case StopReason::patience:
      return "patience";
    case StopReason::stalled:
      return "stalled";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::failed:
      return "failed";
  }
  return "unknown";
}

std::string Summary::brief() const {
  const StepRecord& shown = std::isnan(best.outer_loss) ? last : best;  // a run that failed at its start has no best
  const std::vector<std::string> losses = short_numbers({shown.outer_loss, start_loss});
  const std::string from = std::isnan(start_loss) ? "" : ", from " + losses[1];
  return std::string(to_string(reason)) + " after " + std::to_string(steps) + " outer steps: outer loss " + losses[0] +
         " at step " + std::to_string(shown.step) + from + ", " + short_number(seconds) + " s";
}

std::string Summary::full() const {
  std::vector<std::pair<std::string, std::string>> rows{
      {"stopped by", to_string(reason)},
      {"why", message},
      {"outer steps", std::to_string(steps)},
      {"outer loss at the start", brief_number(start_loss)},
      {"outer loss, best", brief_number(best.outer_loss) + " (step " + std::to_string(best.step) + ")"},
      {"outer loss, last", brief_number(last.outer_loss)},
      {"gradients", std::to_string(work.gradients)},
      {"Hessian products", std::to_string(work.hessian_products)},
      {"map steps", std::to_string(work.map_steps)},
      {"for diagnostics, apart", std::to_string(diagnostic_work.inner_units()) + " gradients and Hessian products"},
      {"seconds", brief_number(seconds)},
  };
  if (!std::isnan(last.projected_gradient_norm)) {  // else nobody asked for a hypergradient
    rows.insert(rows.begin() + 6, {{"projected gradient, last", brief_number(last.projected_gradient_norm)},
                                   {"possible gain, last", brief_number(last.possible_gain)}});
  }
  if (!std::isnan(worst_error)) rows.insert(rows.end() - 1, {"worst hypergradient error", brief_number(worst_error)});
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string out;
  for (const auto& [name, value] : rows) out += name + std::string(width + 2 - name.size(), ' ') + value + "\n";
  return out;
}

Summary solve(const DriverOptions& options, const HyperSpace& space, const Oracle& oracle, OuterOptimizer& optimizer, In theta0,
              const std::vector<Observer>& observers, const std::function<bool()>& interrupted) {
  if (theta0.size() != space.size()) {
    throw UsageError("the start has " + std::to_string(theta0.size()) + " hyperparameters, the space " +
                     std::to_string(space.size()));
  }
  if (options.max_steps < 0)
    throw UsageError(option_name("outer.max_steps") + " is negative; use 0 to evaluate the start alone", "outer.max_steps");
  if (options.patience < 0)
    throw UsageError(UsageError::Kind::option,
                     option_name("outer.patience") + " is " + std::to_string(options.patience) + " and has to be 0 or more",
                     "outer.patience");
  if (!(options.tolerance >= 0) || !std::isfinite(options.tolerance))
    throw UsageError(UsageError::Kind::option,
                     option_name("outer.tolerance") + " is " + number_text(options.tolerance) + " and has to be 0 or more",
                     "outer.tolerance");
  require_valid(optimizer, "the outer optimizer");
  return Run(options, space, oracle, optimizer, observers, interrupted)(theta0);
}

}  // namespace tacit::inline TACIT_ABI
