#include <tacit/bilevel/detail/run_rows.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/bilevel/verdict.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI::detail {

namespace {

constexpr Index kQuietRows = 2;
constexpr double kQuietMost = 10;    // of the target: possible gain up to which the model is believed
constexpr double kQuietShare = 0.1;  // of the target: a model of few pairs knows little of the directions it has not been along

}  // namespace

bool preferred(double judged, double value, double best_judged, double best_value) {
  const auto known = [](double j) { return std::isnan(j) ? std::numeric_limits<double>::infinity() : j; };
  if (known(judged) != known(best_judged)) return known(judged) < known(best_judged);
  return !(best_value <= value);
}

std::string trouble(const Evaluation& e) {
  if (!std::isfinite(e.value)) {
    return e.diagnostics.inner_message.empty() ? "the outer loss is not finite" : e.diagnostics.inner_message;
  }
  return e.diagnostics.hypergradient_message.empty() ? "the hypergradient is not finite" : e.diagnostics.hypergradient_message;
}

void RunRows::begin_step() {
  step_start_ = Clock::now();
  work_before_ = oracle_.work();
  oracle_.inner_seconds = oracle_.hypergradient_seconds = 0;
  oracle_.evaluations = 0;
}

StepRecord RunRows::record(const Evaluation& e, double step_norm, const std::string& message) const {
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

void RunRows::publish(const Evaluation& e, double step_norm, const std::string& message) {
  quiet_rows_ = quiet(e) ? quiet_rows_ + 1 : 0;
  current = e;
  summary.last = record(e, step_norm, message);
  summary.last.predicted_gain = optimizer_.predicted_gain(space_);
  summary.steps = step;
  const double error = summary.last.diagnostics.hypergradient_error;
  if (!std::isnan(error) && !(error <= summary.worst_error)) summary.worst_error = error;
  if (std::isnan(error) && e.diagnostics.errors_asked && e.gradient.size() > 0) ++summary.unknown_errors;
  const bool there = std::isfinite(e.value);  // to a method that only looks a point without a value is a row like any other
  if (options_.judge && there) summary.last.judged = options_.judge(e);
  const bool gained = there && better(summary.last, e);
  without_gain_ = gained || !(found() || there) ? 0 : without_gain_ + 1;
  if (!found() && !there && nowhere_.empty()) nowhere_ = trouble(e);
  if (there && (options_.select == DriverOptions::Select::last || gained)) {
    summary.best = summary.last;
    summary.best_evaluation = e;
  }
  for (const Observer& observer : observers_) {
    if (observer(summary.last, e) == Onward::stop && summary.reason == StopReason::not_run)
      end(StopReason::interrupted,
          "an observer stopped the run after step " + std::to_string(step) + "; the best point so far is kept");
  }
}

void RunRows::set_start(double loss) {
  summary.start_loss = loss;
  summary.target = options_.tolerance * std::abs(loss);
}

double RunRows::unit() const {
  const double start = std::abs(summary.start_loss);
  return start > 0 && std::isfinite(start) ? start : 1;
}

// Projected in units of the outer loss at the start: a gradient in other units would be cut by the box, or lost in the rounding
// of theta, so that the units of the target would decide when a run ends.
double RunRows::projected_norm(const Evaluation& e) const {
  if (e.gradient.size() != e.theta.size()) return kMissing;
  Vec pg(e.theta.size());
  space_.projected_gradient(e.theta, Vec(e.gradient / unit()), pg);
  return unit() * pg.norm();
}

// sum_j |g_j| min(distance to the bound along -g_j, ln 10): unlike a norm it grows with the number of entries that can each
// gain as much, and a bound is seen.
double RunRows::possible_gain(const Evaluation& e) const {
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
bool RunRows::quiet(const Evaluation& e) const {
  const double little = kQuietShare * summary.target;
  return step > 0 && possible_gain(e) <= kQuietMost * summary.target && std::abs(current.value - e.value) <= little &&
         optimizer_.predicted_gain(space_) <= little;
}

bool RunRows::last(const Evaluation& e) const {
  return possible_gain(e) <= summary.target || (quiet_rows_ + 1 >= kQuietRows && quiet(e));
}

// Better than the best so far; a loss that is in doubt is better than none that is not.
bool RunRows::better(const StepRecord& row, const Evaluation& e) const {
  const StepRecord& best = summary.best;
  if (!found()) return true;
  const bool doubtful = doubtful_loss(row.outer_loss, row.diagnostics);
  if (doubtful != doubtful_loss(best.outer_loss, best.diagnostics)) return !doubtful;
  return preferred(row.judged, e.value, best.judged, summary.best_evaluation.value);
}

bool RunRows::end_by_rule() {
  const bool tight = !looser(current.solved, summary.tightest);
  const std::string target = option_name("outer.tolerance") + " times the outer loss at the start, ";
  if (summary.last.possible_gain <= summary.target && tight) {
    const std::vector<std::string> gains = short_numbers({summary.last.possible_gain, summary.target});
    return end(StopReason::tolerance, "the loss could fall by " + gains[0] +
                                          " if every penalty moved on by a factor of 10 or to the end of its range, which is "
                                          "within " +
                                          target + gains[1]);
  }
  if (quiet_rows_ >= kQuietRows && tight) {
    const std::vector<std::string> gains = short_numbers({summary.target, summary.last.predicted_gain});
    return end(StopReason::tolerance, "the last steps gained no more than a tenth of " + target + gains[0] +
                                          ", and the next is predicted to gain " + gains[1]);
  }
  if (!optimizer_.differentiates() && step + 1 >= options_.max_steps)
    return end(StopReason::step_limit, step == 0
                                           ? "the one point that was asked for is evaluated"
                                           : "the " + std::to_string(step + 1) + " points that were asked for are evaluated");
  if (options_.patience > 0 && without_gain_ >= options_.patience) {
    return end(StopReason::patience, "the last " + std::to_string(without_gain_) + (without_gain_ == 1 ? " step" : " steps") +
                                         " gave no better point" + (options_.judge ? " by what judges the points" : "") +
                                         ", which is all of " + option_name("outer.patience") + "; " + left());
  }
  if (step >= options_.max_steps) {
    return end(StopReason::step_limit,
               "the limit of " + std::to_string(options_.max_steps) + " outer steps is reached; " + left());
  }
  return false;
}

bool RunRows::end(StopReason reason, std::string message) {
  summary.reason = reason;
  summary.message = std::move(message);
  return true;
}

void RunRows::end_early(StopReason reason) {
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

void RunRows::fail_without_point() {
  if (found() || nowhere_.empty() || summary.reason == StopReason::interrupted || summary.reason == StopReason::failed) return;
  end(StopReason::failed,
      step == 0 ? "the start is no usable point: " + nowhere_
                : "none of the " + std::to_string(step + 1) + " points has a finite loss; of the first one: " + nowhere_);
}

std::string RunRows::left() const {
  const std::vector<std::string> gains = short_numbers({summary.last.possible_gain, summary.target});
  return "the loss could still fall by " + gains[0] + " to first order, asked " + gains[1];
}

}  // namespace tacit::inline TACIT_ABI::detail
