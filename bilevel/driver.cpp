#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <sstream>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/trace.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using Clock = std::chrono::steady_clock;
constexpr Index kQuietRows = 2;
constexpr double kQuietMost = 10;    // of the target: possible gain up to which the model is believed
constexpr double kQuietShare = 0.1;  // of the target: a model of few pairs knows little of the directions it has not been along
constexpr double kDeeper = 0.01, kLeastTolerance = 1e-15;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct StopNow {
  StopReason reason;
};

// Asks for interruption and time between two evaluations and adds up what they took.
class WatchedOracle final : public ForwardingOracle {
public:
  WatchedOracle(const Oracle& inner, const DriverOptions& options, const std::function<bool()>& interrupted,
                Clock::time_point start)
      : ForwardingOracle(inner), options_(options), interrupted_(interrupted), start_(start) {}

  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override {
    check();
    Evaluation e = behind().evaluate(theta, tolerance, near);
    const std::lock_guard lock(account_);  // an optimizer may evaluate several points at once
    ++evaluations;
    inner_seconds += e.inner_seconds;
    hypergradient_seconds += e.hypergradient_seconds;
    return e;
  }
  Evaluation differentiate(Evaluation e, const Tolerance& tolerance) const override {
    check();
    const double inner_before = e.inner_seconds, hyper_before = e.hypergradient_seconds;
    e = behind().differentiate(std::move(e), tolerance);
    inner_seconds += e.inner_seconds - inner_before;
    hypergradient_seconds += e.hypergradient_seconds - hyper_before;
    return e;
  }
  Evaluation diagnose(Evaluation e, Index step, double floor) const override {
    e = behind().diagnose(std::move(e), step, floor);
    if (e.diagnostics.cut_short) {
      cut = true;  // the step itself is done, and counts with what was measured
      begin_closing();
    }
    return e;
  }

  mutable double inner_seconds = 0, hypergradient_seconds = 0;
  mutable Index evaluations = 0;
  bool watching = false;  // between evaluations only a step is cut off: not row 0, nor what makes a row better or closes the run
  mutable bool cut = false;  // something was interrupted: the request has arrived

  // The request has arrived: what is still computed closes the run.
  void begin_closing() const {
    if (!closing_ && options_.closing) options_.closing();
    closing_ = true;
  }

  // Why an evaluation ended early; without a signal it can only be for want of time.
  StopReason asked_for() const {
    return late() && !(interrupted_ && interrupted_()) ? StopReason::time_limit : StopReason::interrupted;
  }

private:
  bool late() const { return options_.time_limit && options_.time_used + since(start_) >= *options_.time_limit; }
  void check() const {
    if (!watching) return;
    if (interrupted_ && interrupted_()) throw StopNow{StopReason::interrupted};
    if (late()) throw StopNow{StopReason::time_limit};
  }
  const DriverOptions& options_;
  const std::function<bool()>& interrupted_;
  Clock::time_point start_;
  mutable std::mutex account_;
  mutable bool closing_ = false;
};

Schedule schedule_of(const DriverOptions& options, const Oracle& oracle, const OuterOptimizer& optimizer) {
  if (options.max_steps == 0) return Schedule::fixed;
  return options.schedule.value_or(oracle.may_loosen() ? optimizer.schedule() : Schedule::fixed);
}

/// Did an inner run end by what was asked of the iterate, in any part?
bool met_iterate(const Evaluation& e) {
  return (e.state && e.state->inner.iterate_met) || std::any_of(e.parts.begin(), e.parts.end(), met_iterate);
}

// One run: the state that its steps share.
class Run {
public:
  Run(const DriverOptions& options, const HyperSpace& space, const Oracle& oracle, OuterOptimizer& optimizer,
      const std::vector<Observer>& observers, const std::function<bool()>& interrupted)
      : options_(options), space_(space), start_(Clock::now()), oracle_(oracle, options, interrupted, start_),
        optimizer_(optimizer), observers_(observers),
        tolerances_(schedule_of(options, oracle, optimizer), oracle.tightest(), oracle.target()) {}

  Summary operator()(In theta0) {
    summary_.tightest = tolerances_.tightest();
    summary_.schedule = tolerances_.schedule();
    try {
      if (!begin(theta0)) return finish();
      while (!stop()) advance();
    } catch (const StopNow& s) {
      end_early(s.reason);
    } catch (const Interruption&) {
      oracle_.cut = true;
      end_early(oracle_.asked_for());
    }
    return finish();
  }

private:
  bool found() const { return summary_.best_evaluation.theta.size() > 0; }

  void end_early(StopReason reason) {
    const bool interrupted = reason == StopReason::interrupted;
    const std::string limit = interrupted ? "" : "the time limit of " + exact_number(*options_.time_limit) + " s is reached";
    if (found())
      end(reason, interrupted ? "interrupted; the best point so far is kept" : limit);
    else if (interrupted)
      end(reason, nowhere_.empty() ? "interrupted before the start was solved; there is no point to keep"
                                   : "interrupted before a point had a finite loss; there is none to keep");
    else if (!nowhere_.empty())
      end(StopReason::failed, limit + " before a point had a finite loss; of the first one: " + nowhere_);
    else
      end(StopReason::failed, limit + " before the start was solved; raise " + option_name("limits.time") + ", or lower " +
                                  option_name("inner.max_steps"));
  }

  bool begin(In theta0) {
    begin_step();
    Vec theta = optimizer_.begin(space_, theta0, {options_.max_steps, options_.seed, options_.threads});
    space_.project(theta);
    if (options_.verify) require_right(theta);
    Evaluation e = first_evaluation(theta);
    if (!complete(e) && !values_alone_) {
      current_ = e;
      summary_.last = record(e, 0, 0, {});
      end(StopReason::failed, "the start is no usable point: " + trouble(e));
      return false;
    }
    set_start(e.loss());
    deepen(e);
    set_start(e.loss());
    diagnose(e);
    optimizer_.reset(e);
    publish(e, 0, {});
    summary_.start_evaluation = std::move(e);
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
    if (values_alone_) return oracle_.evaluate(theta, tolerance, nullptr);
    while (true) {
      Evaluation e = oracle_.evaluate(theta, tolerance, nullptr);
      if (std::isfinite(e.value)) e = oracle_.differentiate(std::move(e), tolerance);
      const Status status = e.diagnostics.hypergradient_status;
      const bool sound = complete(e) && status != Status::negative_curvature && status != Status::saddle;
      if (sound || !looser(tolerance, summary_.tightest)) return e;
      tolerances_.tighten();
      tolerance = {std::max(0.1 * tolerance.inner, summary_.tightest.inner),
                   std::max(0.1 * tolerance.adjoint, summary_.tightest.adjoint)};
    }
  }

  void diagnose(Evaluation& e) {
    constexpr int kRounds = 4;
    e.forget_tape();
    if (values_alone_ && !std::isfinite(e.value)) return;
    e = oracle_.diagnose(std::move(e), step_, summary_.target);
    for (int round = 0; round < kRounds && !values_alone_ && short_of_asked(e); ++round) {
      Evaluation deeper = oracle_.differentiate(e, {kDeeper * std::min(e.solved.inner, e.diagnostics.inner_residual),
                                                    std::max(kDeeper * e.solved.adjoint, kLeastTolerance)});
      if (!complete(deeper)) return;
      deeper.forget_tape();
      const bool moved = deeper.diagnostics.inner_residual < e.diagnostics.inner_residual;
      e = oracle_.diagnose(std::move(deeper), step_, summary_.target);
      if (!moved) return;
    }
  }

  // Solved to its tolerance, and yet, as the diagnosis found, further off than a loss or a hypergradient with a target may be.
  bool short_of_asked(const Evaluation& e) const {
    const Diagnostics& d = e.diagnostics;
    if (d.cut_short || d.inner_status != Status::converged || !(e.solved.inner > 0) || !(d.inner_residual > kLeastTolerance))
      return false;
    const bool target = options_.follow_target && oracle_.target() > 0 && usable(d.hypergradient_status) &&
                        d.hypergradient_error > oracle_.target();
    return target || d.outer_loss_error > kLossShare * std::abs(e.loss());
  }

  void set_start(double loss) {
    summary_.start_loss = loss;
    summary_.target = options_.tolerance * std::abs(loss);
  }
  double unit() const {
    const double start = std::abs(summary_.start_loss);
    return start > 0 && std::isfinite(start) ? start : 1;
  }

  // True when the run is over; `reason` is set.
  bool stop() {
    if (summary_.reason != StopReason::not_run) return true;
    if (oracle_.cut) throw StopNow{oracle_.asked_for()};
    const bool tight = !looser(current_.solved, summary_.tightest);
    const std::string target = option_name("outer.tolerance") + " times the outer loss at the start, ";
    if (summary_.last.possible_gain <= summary_.target && tight) {
      const std::vector<std::string> gains = short_numbers({summary_.last.possible_gain, summary_.target});
      return end(StopReason::tolerance, "the loss could fall by " + gains[0] +
                                            " if every penalty moved on by a factor of 10 or to the end of its range, which is "
                                            "within " +
                                            target + gains[1]);
    }
    if (quiet_rows_ >= kQuietRows && tight) {
      const std::vector<std::string> gains = short_numbers({summary_.target, summary_.last.predicted_gain});
      return end(StopReason::tolerance, "the last steps gained no more than a tenth of " + target + gains[0] +
                                            ", and the next is predicted to gain " + gains[1]);
    }
    if (values_alone_ && step_ + 1 >= options_.max_steps)
      return end(StopReason::step_limit, step_ == 0
                                             ? "the one point that was asked for is evaluated"
                                             : "the " + std::to_string(step_ + 1) + " points that were asked for are evaluated");
    if (options_.patience > 0 && without_gain_ >= options_.patience) {
      return end(StopReason::patience, "the last " + std::to_string(without_gain_) + (without_gain_ == 1 ? " step" : " steps") +
                                           " gave no better point" + (options_.judge ? " by what judges the points" : "") +
                                           ", which is all of " + option_name("outer.patience") + "; " + left(summary_.last));
    }
    if (step_ >= options_.max_steps) {
      return end(StopReason::step_limit,
                 "the limit of " + std::to_string(options_.max_steps) + " outer steps is reached; " + left(summary_.last));
    }
    return false;
  }

  // The same point at a tighter tolerance. Where it is not finite there, nor at the tightest, the run has failed and the point
  // stays as it is.
  bool solve_again(Evaluation& e, const Tolerance& tolerance) {
    Evaluation tight = oracle_.differentiate(e, tolerance);
    if (!tight.finite() && looser(tolerance, summary_.tightest)) tight = oracle_.differentiate(e, summary_.tightest);
    if (!tight.finite()) {
      end(StopReason::failed, "the point reached is not finite at a tighter tolerance: " + trouble(tight));
      return false;
    }
    e = std::move(tight);
    return true;
  }

  // A row is to be as good as its own hypergradient asks, which the one before did not know: solved again where it is far from
  // that, and at the tightest tolerance where the run may end. The start, of which nothing was known, is held to more.
  bool deepen(Evaluation& e) {
    if (values_alone_) return false;  // every point is solved at the tightest tolerance
    const double far = oracle_.target() > 0 ? 1.5 : step_ == 0 ? 3 : 30;
    bool deeper = false;
    for (int round = 0; round < 5; ++round) {
      const double norm = projected_norm(e);
      const bool last = possible_gain(e) <= summary_.target || (quiet_rows_ + 1 >= kQuietRows && quiet(e));
      if (!last) tolerances_.follow(norm / unit(), {e.effect.inner / unit(), e.effect.adjoint / unit()});
      const Tolerance wanted = last ? summary_.tightest : tolerances_.at(step_);
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
    begin_step();
    const Index k = step_ + 1;
    const Tolerance tolerance = tolerances_.at(k);
    StepOutcome outcome = try_step(tolerance);
    if (outcome.stalled && looser(tolerance, summary_.tightest)) {  // perhaps just for want of accuracy
      tolerances_.tighten();
      if (looser(current_.solved, summary_.tightest) && !solve_again(current_, summary_.tightest)) return;
      summary_.last.projected_gradient_norm = projected_norm(current_);
      summary_.last.possible_gain = possible_gain(current_);
      if (summary_.last.possible_gain <= summary_.target) return;  // there was nothing left to find
      optimizer_.reset(current_);
      outcome = try_step(summary_.tightest);
    }
    if (outcome.over != StepOutcome::Over::no) {
      const bool converged = outcome.over == StepOutcome::Over::converged;
      end(converged ? StopReason::tolerance : StopReason::step_limit, outcome.message);
      return;
    }
    Evaluation& e = outcome.accepted;
    if (outcome.stalled) {
      end(StopReason::stalled, outcome.message + "; " + left(summary_.last) + checked_text());
      return;
    }
    if (!e.finite() && !values_alone_) {
      end(StopReason::failed, "outer step " + std::to_string(k) + " led to a point that is not finite: " + trouble(e));
      return;
    }
    step_ = k;
    if (looser(tolerance, e.solved, 5)) tolerances_.tighten();  // the search had to
    deepen(e);
    diagnose(e);
    optimizer_.refresh(e);
    publish(e, outcome.step_norm, outcome.message);
  }

  void begin_step() {
    step_start_ = Clock::now();
    work_before_ = oracle_.work();
    oracle_.inner_seconds = oracle_.hypergradient_seconds = 0;
    oracle_.evaluations = 0;
  }

  // Projected in units of the outer loss at the start: a gradient in other units would be cut by the box, or lost in the rounding
  // of theta, so that the units of the target would decide when a run ends.
  double projected_norm(const Evaluation& e) const {
    if (e.gradient.size() != e.theta.size()) return kMissing;
    Vec pg(e.theta.size());
    space_.projected_gradient(e.theta, Vec(e.gradient / unit()), pg);
    return unit() * pg.norm();
  }

  // sum_j |g_j| min(distance to the bound along -g_j, ln 10): unlike a norm it grows with the number of entries that can each
  // gain as much, and a bound is seen.
  double possible_gain(const Evaluation& e) const {
    if (e.gradient.size() != e.theta.size()) return kMissing;
    static const double decade = std::log(10.0);
    double sum = 0;
    for (Index j = 0; j < e.theta.size(); ++j) {
      const double g = e.gradient[j];
      const double room = g > 0 ? e.theta[j] - space_.lower()[j] : space_.upper()[j] - e.theta[j];
      if (g != 0) sum += std::abs(g) * std::clamp(room, 0.0, decade);
    }
    return sum;
  }

  // Neither the step to e gained much, nor will the next one by the optimizer's model, nor is there a plateau that it cannot see.
  bool quiet(const Evaluation& e) const {
    const double little = kQuietShare * summary_.target;
    return step_ > 0 && possible_gain(e) <= kQuietMost * summary_.target && std::abs(current_.value - e.value) <= little &&
           optimizer_.predicted_gain(space_) <= little;
  }

  std::string left(const StepRecord& r) const {
    const std::vector<std::string> gains = short_numbers({r.possible_gain, summary_.target});
    return "the loss could still fall by " + gains[0] + " to first order, asked " + gains[1];
  }

  StepRecord record(const Evaluation& e, Index step, double step_norm, const std::string& message) const {
    StepRecord r;
    r.step = step;
    r.theta = e.theta;
    r.u = e.u;
    r.hypergradient = e.gradient;
    r.outer_loss = e.loss();
    if (e.alone) r.outer_pull = e.alone->added;
    r.hypergradient_norm = e.gradient.size() ? e.gradient.norm() : kMissing;
    if (step > 0) r.step_norm = step_norm;
    r.projected_gradient_norm = projected_norm(e);
    r.possible_gain = possible_gain(e);
    r.diagnostics = e.diagnostics;
    for (const Evaluation& part : e.parts) {
      const double norm = part.gradient.size() > 0 ? part.gradient.norm() : kMissing;
      r.parts.push_back({part.value, norm, part.diagnostics});
    }
    r.solved = e.solved;
    r.work = oracle_.work() - work_before_;
    r.inner_seconds = oracle_.inner_seconds;
    r.hypergradient_seconds = oracle_.hypergradient_seconds;
    r.evaluations = oracle_.evaluations;
    r.message = message;
    r.outer_seconds = since(step_start_);
    r.seconds = since(start_);
    return r;
  }

  void publish(const Evaluation& e, double step_norm, const std::string& message) {
    quiet_rows_ = quiet(e) ? quiet_rows_ + 1 : 0;
    current_ = e;
    summary_.last = record(e, step_, step_norm, message);
    summary_.last.predicted_gain = optimizer_.predicted_gain(space_);
    summary_.steps = step_;
    const double error = summary_.last.diagnostics.hypergradient_error;
    if (!std::isnan(error) && !(error <= summary_.worst_error)) summary_.worst_error = error;
    if (std::isnan(error) && e.diagnostics.errors_asked && e.gradient.size() > 0) ++summary_.unknown_errors;
    const bool there = std::isfinite(e.value);  // to a method that only looks a point without a value is a row like any other
    if (options_.judge && there) summary_.last.judged = options_.judge(e);
    const bool gained = there && better(summary_.last, e);
    without_gain_ = gained || !(found() || there) ? 0 : without_gain_ + 1;
    if (!found() && !there && nowhere_.empty()) nowhere_ = trouble(e);
    if (there && (options_.select == DriverOptions::Select::last || gained)) {
      summary_.best = summary_.last;
      summary_.best_evaluation = e;
    }
    for (const Observer& observer : observers_) {
      if (observer(summary_.last, e) == Onward::stop && summary_.reason == StopReason::not_run)
        end(StopReason::interrupted,
            "an observer stopped the run after step " + std::to_string(step_) + "; the best point so far is kept");
    }
  }

  // Better than the best so far; a loss that is in doubt is better than none that is not.
  bool better(const StepRecord& row, const Evaluation& e) const {
    const StepRecord& best = summary_.best;
    if (!found()) return true;
    const bool doubtful = doubtful_loss(row.outer_loss, row.diagnostics);
    if (doubtful != doubtful_loss(best.outer_loss, best.diagnostics)) return !doubtful;
    return preferred(row.judged, e.value, best.judged, summary_.best_evaluation.value);
  }

  // Without a judge both judgements are missing, and the values decide.
  static bool preferred(double judged, double value, double best_judged, double best_value) {
    const auto known = [](double j) { return std::isnan(j) ? std::numeric_limits<double>::infinity() : j; };
    if (known(judged) != known(best_judged)) return known(judged) < known(best_judged);
    return !(best_value <= value);
  }

  static std::string trouble(const Evaluation& e) {
    if (!std::isfinite(e.value)) {
      return e.diagnostics.inner_message.empty() ? "the outer loss is not finite" : e.diagnostics.inner_message;
    }
    return e.diagnostics.hypergradient_message.empty() ? "the hypergradient is not finite" : e.diagnostics.hypergradient_message;
  }

  bool end(StopReason reason, std::string message) {
    summary_.reason = reason;
    summary_.message = std::move(message);
    return true;
  }

  // A wrong derivative stalls a line search like nothing else.
  std::string checked_text() const {
    if (options_.derivatives_known) return "";
    return options_.verify ? "; the derivatives were checked at the start and are right there"
                           : "; the derivatives were not checked (DriverOptions::verify does that)";
  }

  // Loosely solved, or not a loss as it stands.
  bool loose(const Evaluation& e) const {
    return e.corrected || looser(e.solved.inner, summary_.tightest.inner) || met_iterate(e);
  }

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
    if (summary_.best_evaluation.theta.size() == 0 || !loose(summary_.best_evaluation)) return;
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
    auto chosen = tight(summary_.best, summary_.best.step == summary_.last.step ? current_ : summary_.best_evaluation);
    if (summary_.last.step != summary_.best.step && std::isfinite(current_.value)) {
      auto last = tight(summary_.last, current_);
      if (preferred(last.first.judged, last.second.value, chosen.first.judged, chosen.second.value)) chosen = std::move(last);
    }
    if (!std::isfinite(chosen.second.value)) return;
    summary_.best = std::move(chosen.first);
    summary_.best_evaluation = std::move(chosen.second);
  }

  // What was gained since the start is told row by row, so its solution must be as good as that of the best point.
  void settle_start() {
    if (!std::isfinite(summary_.start_evaluation.value)) return;
    oracle_.watching = false;
    const Work before = oracle_.work();
    Evaluation e = summary_.best.step == 0 ? summary_.best_evaluation : solved_fully(summary_.start_evaluation);
    for_the_start_ = oracle_.work() - before;  // no part of the method
    if (std::isfinite(e.value)) summary_.start_evaluation = std::move(e);
  }

  // What ends the run between two evaluations, or only now, reaches its first one here, and is then given another try; after that
  // the best point stays as it was solved.
  void settle_in_time() {
    if (summary_.reason == StopReason::interrupted || summary_.reason == StopReason::time_limit) oracle_.begin_closing();
    for (int attempt = oracle_.cut ? 1 : 0; attempt < 2; ++attempt) {
      try {
        settle();
        return settle_start();
      } catch (const Interruption&) {
        oracle_.begin_closing();
      }
    }
  }

  // However the points ended, a run that found none has failed.
  void fail_without_point() {
    if (found() || nowhere_.empty() || summary_.reason == StopReason::interrupted || summary_.reason == StopReason::failed)
      return;
    end(StopReason::failed,
        step_ == 0 ? "the start is no usable point: " + nowhere_
                   : "none of the " + std::to_string(step_ + 1) + " points has a finite loss; of the first one: " + nowhere_);
  }

  Summary finish() {
    fail_without_point();
    settle_in_time();
    summary_.doubt = doubt(summary_.best, options_.warn_error);
    summary_.seconds = since(start_);
    summary_.work = oracle_.work() - for_the_start_;
    summary_.diagnostic_work = oracle_.diagnostic_work() + for_the_start_;
    return std::move(summary_);
  }

  const DriverOptions& options_;
  const HyperSpace& space_;
  Clock::time_point start_, step_start_;
  WatchedOracle oracle_;
  OuterOptimizer& optimizer_;
  const bool values_alone_ = !optimizer_.differentiates();
  const std::vector<Observer>& observers_;
  Summary summary_;
  Tolerances tolerances_;
  Evaluation current_;
  Work work_before_, for_the_start_;
  Index step_ = 0, quiet_rows_ = 0, without_gain_ = 0;
  std::string nowhere_;  // why the first row has no value; empty where it has one
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
