#include <algorithm>
#include <chrono>
#include <cmath>
#include <sstream>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/trace.hpp>

namespace tacit {
namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

struct StopNow {
  StopReason reason;
};

// Asks for interruption and time between two evaluations and adds up what they took.
class WatchedOracle final : public Oracle {
public:
  WatchedOracle(Oracle& inner, const DriverOptions& options, const std::function<bool()>& interrupted, Clock::time_point start)
      : inner_(inner), options_(options), interrupted_(interrupted), start_(start) {}

  Evaluation evaluate(In theta, const Tolerance& tolerance) override {
    check();
    ++evaluations;
    Evaluation e = inner_.evaluate(theta, tolerance);
    inner_seconds += e.inner_seconds;
    return e;
  }
  void differentiate(Evaluation& e, const Tolerance& tolerance) override {
    check();
    const double inner_before = e.inner_seconds, hyper_before = e.hypergradient_seconds;
    inner_.differentiate(e, tolerance);
    inner_seconds += e.inner_seconds - inner_before;
    hypergradient_seconds += e.hypergradient_seconds - hyper_before;
  }
  void accept(const Evaluation& e) override { inner_.accept(e); }
  void diagnose(Evaluation& e, Index step, double floor) override { inner_.diagnose(e, step, floor); }
  Work work() const override { return inner_.work(); }
  Work diagnostic_work() const override { return inner_.diagnostic_work(); }
  Tolerance tightest() const override { return inner_.tightest(); }

  double inner_seconds = 0, hypergradient_seconds = 0;
  Index evaluations = 0;
  bool watching = false;  // row 0 and the closing evaluation are never cut off

private:
  void check() const {
    if (!watching) return;
    if (interrupted_ && interrupted_()) throw StopNow{StopReason::interrupted};
    if (options_.time_limit && since(start_) >= *options_.time_limit) throw StopNow{StopReason::time_limit};
  }
  Oracle& inner_;
  const DriverOptions& options_;
  const std::function<bool()>& interrupted_;
  Clock::time_point start_;
};

bool looser(const Tolerance& a, const Tolerance& b) { return a.inner > 1.0000001 * b.inner || a.adjoint > 1.0000001 * b.adjoint; }

// One run: the state that its steps share.
class Run {
public:
  Run(const DriverOptions& options, const HyperSpace& space, Oracle& oracle, OuterOptimizer& optimizer,
      const std::vector<Observer>& observers, const std::function<bool()>& interrupted)
      : options_(options), space_(space), start_(Clock::now()), oracle_(oracle, options, interrupted, start_),
        optimizer_(optimizer), observers_(observers) {}

  Summary operator()(In theta0) {
    summary_.tightest = oracle_.tightest();
    if (!begin(theta0)) return finish();
    oracle_.watching = true;
    try {
      while (!stop()) advance();
    } catch (const StopNow& s) {
      end(s.reason, s.reason == StopReason::interrupted
                        ? "interrupted; the best point so far is kept"
                        : "the time limit of " + number_text(*options_.time_limit) + " s is reached");
    }
    return finish();
  }

private:
  bool begin(In theta0) {
    begin_step();
    Vec theta = theta0;
    space_.project(theta);
    const Tolerance tolerance = options_.max_steps == 0 ? summary_.tightest : optimizer_.schedule(1, summary_.tightest);
    Evaluation e = oracle_.evaluate(theta, tolerance);
    if (std::isfinite(e.value)) oracle_.differentiate(e, tolerance);
    if (!e.finite() || e.gradient.size() != e.theta.size()) {
      current_ = e;
      summary_.last = record(e, 0, 0, {});
      end(StopReason::failed, "the start is no usable point: " + trouble(e));
      return false;
    }
    oracle_.accept(e);
    summary_.start_loss = e.value;
    summary_.target = options_.tolerance * std::abs(e.value);
    oracle_.diagnose(e, 0, summary_.target);
    optimizer_.reset(e);
    publish(e, 0, {});
    return true;
  }

  // True when the run is over; `reason` is set.
  bool stop() {
    if (summary_.reason != StopReason::not_run) return true;
    if (summary_.last.projected_gradient_norm <= summary_.target && sharpen()) {
      return end(StopReason::tolerance, "the projected gradient " + number_text(summary_.last.projected_gradient_norm) +
                                            " is within outer.tolerance times the outer loss at the start, " +
                                            number_text(summary_.target));
    }
    if (summary_.reason != StopReason::not_run) return true;
    if (step_ >= options_.max_steps) {
      return end(StopReason::step_limit,
                 "the limit of " + std::to_string(options_.max_steps) + " outer steps is reached; projected gradient " +
                     number_text(summary_.last.projected_gradient_norm) + ", asked " + number_text(summary_.target));
    }
    return false;
  }

  // A small gradient seen at a loosened tolerance counts only when it stays small at the tightest one.
  bool sharpen() {
    if (!looser(current_.solved, summary_.tightest)) return true;
    Evaluation e = current_;
    oracle_.differentiate(e, summary_.tightest);
    if (!e.finite()) {  // what was small at a loose tolerance is nothing at all at a tight one
      end(StopReason::failed, "the point reached is not finite at the tightest tolerance: " + trouble(e));
      return false;
    }
    oracle_.accept(e);
    optimizer_.reset(e);
    current_ = e;
    summary_.last.projected_gradient_norm = projected_norm(e);
    return summary_.last.projected_gradient_norm <= summary_.target;
  }

  void advance() {
    begin_step();
    const Index k = step_ + 1;
    const Tolerance tolerance = optimizer_.schedule(k, summary_.tightest);
    StepOutcome outcome = optimizer_.step(oracle_, space_, tolerance);
    if (outcome.stalled && looser(tolerance, summary_.tightest)) {  // perhaps just for want of accuracy
      sharpen();
      if (summary_.reason != StopReason::not_run) return;
      outcome = optimizer_.step(oracle_, space_, summary_.tightest);
    }
    Evaluation& e = outcome.accepted;
    if (outcome.stalled) {
      end(StopReason::stalled,
          outcome.message + "; projected gradient " + number_text(projected_norm(e)) + ", asked " + number_text(summary_.target));
      return;
    }
    if (!e.finite()) {
      end(StopReason::failed, "outer step " + std::to_string(k) + " led to a point that is not finite: " + trouble(e));
      return;
    }
    step_ = k;
    oracle_.diagnose(e, k, summary_.target);
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
    const double start = std::abs(summary_.start_loss), unit = start > 0 && std::isfinite(start) ? start : 1;
    Vec pg(e.theta.size());
    space_.projected_gradient(e.theta, Vec(e.gradient / unit), pg);
    return unit * pg.norm();
  }

  StepRecord record(const Evaluation& e, Index step, double step_norm, const std::string& message) const {
    StepRecord r;
    r.step = step;
    r.theta = e.theta;
    r.u = e.u;
    r.hypergradient = e.gradient;
    r.outer_loss = e.value;
    r.hypergradient_norm = e.gradient.size() ? e.gradient.norm() : kMissing;
    if (step > 0) r.step_norm = step_norm;
    r.projected_gradient_norm = projected_norm(e);
    r.diagnostics = e.diagnostics;
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
    current_ = e;
    summary_.last = record(e, step_, step_norm, message);
    summary_.steps = step_;
    const double error = summary_.last.diagnostics.hypergradient_error;
    if (!std::isnan(error) && !(error <= summary_.worst_error)) summary_.worst_error = error;
    const bool better = !(summary_.best.outer_loss <= e.value);
    if (options_.select == DriverOptions::Select::last || better) {
      summary_.best = summary_.last;
      summary_.best_evaluation = e;
    }
    for (const Observer& observer : observers_) observer(summary_.last);
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

  // Values of loosely solved points do not compare: best and last are evaluated again at the tightest tolerance and the lower one
  // is kept.
  void settle() {
    if (summary_.best_evaluation.theta.size() == 0 || !looser(summary_.best_evaluation.solved, summary_.tightest)) return;
    const auto tight = [&](StepRecord row) {
      Evaluation e = oracle_.evaluate(row.theta, summary_.tightest);
      if (std::isfinite(e.value)) row.outer_loss = e.value;
      return std::pair(std::move(row), std::move(e));
    };
    oracle_.watching = false;
    auto chosen = tight(summary_.best);
    if (summary_.last.step != summary_.best.step) {
      auto last = tight(summary_.last);
      if (!(chosen.second.value <= last.second.value)) chosen = std::move(last);
    }
    if (!std::isfinite(chosen.second.value)) return;
    summary_.best = std::move(chosen.first);
    summary_.best_evaluation = std::move(chosen.second);
  }

  Summary finish() {
    settle();
    summary_.seconds = since(start_);
    summary_.work = oracle_.work();
    summary_.diagnostic_work = oracle_.diagnostic_work();
    return std::move(summary_);
  }

  const DriverOptions& options_;
  const HyperSpace& space_;
  Clock::time_point start_, step_start_;
  WatchedOracle oracle_;
  OuterOptimizer& optimizer_;
  const std::vector<Observer>& observers_;
  Summary summary_;
  Evaluation current_;
  Work work_before_;
  Index step_ = 0;
};

// Six significant digits, decimal point whatever the locale.
std::string brief_number(double value) {
  if (!std::isfinite(value)) return number_text(value);
  std::ostringstream out;
  out.imbue(std::locale::classic());
  out.precision(6);
  out << value;
  return out.str();
}

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
  return std::string(to_string(reason)) + " after " + std::to_string(steps) + " outer steps: outer loss " +
         brief_number(best.outer_loss) + " at step " + std::to_string(best.step) + ", from " + brief_number(start_loss) + ", " +
         brief_number(seconds) + " s";
}

std::string Summary::full() const {
  std::vector<std::pair<std::string, std::string>> rows{
      {"stopped by", to_string(reason)},
      {"why", message},
      {"outer steps", std::to_string(steps)},
      {"outer loss at the start", brief_number(start_loss)},
      {"outer loss, best", brief_number(best.outer_loss) + " (step " + std::to_string(best.step) + ")"},
      {"outer loss, last", brief_number(last.outer_loss)},
      {"projected gradient, last", brief_number(last.projected_gradient_norm)},
      {"gradients", std::to_string(work.gradients)},
      {"Hessian products", std::to_string(work.hessian_products)},
      {"map steps", std::to_string(work.map_steps)},
      {"for diagnostics, apart", std::to_string(diagnostic_work.inner_units()) + " gradients and Hessian products"},
      {"seconds", brief_number(seconds)},
  };
  if (!std::isnan(worst_error)) rows.insert(rows.end() - 1, {"worst hypergradient error", brief_number(worst_error)});
  std::size_t width = 0;
  for (const auto& row : rows) width = std::max(width, row.first.size());
  std::string out;
  for (const auto& [name, value] : rows) out += name + std::string(width + 2 - name.size(), ' ') + value + "\n";
  return out;
}

Summary solve(const DriverOptions& options, const HyperSpace& space, Oracle& oracle, OuterOptimizer& optimizer, In theta0,
              const std::vector<Observer>& observers, const std::function<bool()>& interrupted) {
  if (theta0.size() != space.size()) {
    throw UsageError("the start has " + std::to_string(theta0.size()) + " hyperparameters, the space " +
                     std::to_string(space.size()));
  }
  if (options.max_steps < 0)
    throw UsageError("outer.max_steps is negative; use 0 to evaluate the start alone", "outer.max_steps");
  return Run(options, space, oracle, optimizer, observers, interrupted)(theta0);
}

}  // namespace tacit
