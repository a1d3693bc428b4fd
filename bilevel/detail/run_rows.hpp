// The rows of a run: what each says, which is the best, and whether they end the run.
#pragma once
#include <string>
#include <vector>

#include <tacit/bilevel/detail/watched_oracle.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Is the first of two points the better one? By what judges them, else by value; without a judge both judgements are missing.
bool preferred(double judged, double value, double best_judged, double best_value);
/// Why a point is not usable.
std::string trouble(const Evaluation& e);

class RunRows {
public:
  RunRows(const DriverOptions& options, const HyperSpace& space, const WatchedOracle& oracle, const OuterOptimizer& optimizer,
          const std::vector<Observer>& observers, Clock::time_point start)
      : options_(options), space_(space), oracle_(oracle), optimizer_(optimizer), observers_(observers), start_(start) {}

  /// Times and work count from here on.
  void begin_step();
  StepRecord record(const Evaluation& e, double step_norm, const std::string& message) const;
  /// The next row, at `step`.
  void publish(const Evaluation& e, double step_norm, const std::string& message);

  void set_start(double loss);
  /// |outer loss at the start|, 1 where there is none.
  double unit() const;
  double projected_norm(const Evaluation& e) const;
  double possible_gain(const Evaluation& e) const;
  /// Would the run end with this point as its next row?
  bool last(const Evaluation& e) const;

  /// Has a point with a finite value been a row?
  bool found() const { return summary.best_evaluation.theta.size() > 0; }
  bool ended() const { return summary.reason != StopReason::not_run; }
  /// Does a rule end the run here? The reason is then set.
  bool end_by_rule();
  /// True.
  bool end(StopReason reason, std::string message);
  /// By a request for the end, in the middle of a step.
  void end_early(StopReason reason);
  /// However the points ended, a run that found none has failed.
  void fail_without_point();
  /// What is left to be gained, in words.
  std::string left() const;

  Summary summary;
  Evaluation current;
  Index step = 0;

private:
  bool quiet(const Evaluation& e) const;
  bool better(const StepRecord& row, const Evaluation& e) const;

  const DriverOptions& options_;
  const HyperSpace& space_;
  const WatchedOracle& oracle_;
  const OuterOptimizer& optimizer_;
  const std::vector<Observer>& observers_;
  Clock::time_point start_, step_start_;
  Work work_before_;
  Index quiet_rows_ = 0, without_gain_ = 0;
  std::string nowhere_;  ///< why the first row has no value; empty where it has one
};

}  // namespace tacit::inline TACIT_ABI::detail
