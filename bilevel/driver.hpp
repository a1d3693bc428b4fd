// The outer loop: budget, stopping, best point, observers.
#pragma once
#include <concepts>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/bilevel/outer.hpp>

namespace tacit::inline TACIT_ABI {

/// What one part of a sum (a fold, a task) showed in a step.
struct StepPart {
  double outer_loss = kMissing, hypergradient_norm = kMissing;
  Diagnostics diagnostics;
};

/// One row of the trace. Counts and times are those of this outer step (line search included, diagnostics apart).
struct StepRecord {
  Index step = 0;
  double seconds = 0;           ///< since the start of the run
  Vec theta, u, hypergradient;  ///< hypergradient with respect to theta; empty where none was asked for
  double outer_loss = kMissing, hypergradient_norm = kMissing, step_norm = kMissing;
  double outer_pull = kMissing;  ///< what the oracle added to the outer loss (pulled_oracle); the hypergradient is of the sum
  double judged = kMissing;      ///< DriverOptions::judge of this row
  double projected_gradient_norm = kMissing;
  /// sum_j |g_j| min(distance of theta_j to its bound along -g_j, ln 10): by how much the loss could fall, if its slope stayed.
  double possible_gain = kMissing;
  double predicted_gain = kMissing;  ///< OuterOptimizer::predicted_gain
  Diagnostics diagnostics;
  std::vector<StepPart> parts;           ///< of a sum of oracles, in its order
  Tolerance solved{kMissing, kMissing};  ///< at which this row was computed; the schedule may have loosened it
  Work work;
  double inner_seconds = 0, hypergradient_seconds = 0,
         outer_seconds = 0;  ///< outer_seconds: of the whole step, diagnostics included
  Index evaluations = 0;     ///< of the oracle in this step
  std::string message;
};

enum class StopReason { not_run, tolerance, step_limit, time_limit, patience, stalled, interrupted, failed };
TACIT_EXPORT const char* to_string(StopReason r);

struct DriverOptions {
  Index max_steps = 50;  ///< of an optimizer that asks for values alone: points, the first included
  /// Of |outer loss at the start|: the possible gain (StepRecord) that ends a run. Up to ten times that end it too where, at two
  /// rows in a row, neither the last step gained more than a tenth of it nor the optimizer's model predicts more within the box.
  double tolerance = 1e-4;
  std::optional<double> time_limit;  ///< seconds, of which time_used were spent before the run
  double time_used = 0;
  enum class Select { best, last } select = Select::best;
  /// What is best among the rows of the run, lower is better; of equal ones the lower loss. NaN is worse than any. Empty: what is
  /// minimised. The steps follow the loss whatever it says. Called once for each row with a finite loss.
  std::function<double(const Evaluation&)> judge{};
  /// Where the first point starts from: an evaluation of the oracle, or what kept_curvature() leaves of one; none: cold.
  std::optional<Evaluation> near{};
  /// The run ends after so many accepted steps in a row that gave no better row; 0: it does not.
  Index patience = 0;
  /// A target of the oracle (hypergradient.accuracy) that a row misses is followed below the tightest tolerances.
  bool follow_target = false;
  double warn_error = 0.1;  ///< of hypergradient_error, for Summary::doubt
  std::uint64_t seed = 0;   ///< of optimizers that draw their points
  Index threads = 1;        ///< that optimizers may evaluate points on at the same time
  /// Of inner and adjoint tolerance. Empty: what suits the optimizer (adaptive; adam: fixed), fixed where the oracle may not
  /// loosen them. Without steps (max_steps 0) always fixed.
  std::optional<Schedule> schedule;
  /// Check all callbacks of the problem at the start (Oracle::verify), and refuse to run where one is wrong: UsageError, which
  /// names the first. The work is diagnostic.
  bool verify = false;
  /// The derivatives are known to be right from elsewhere: a run that stalls need not say that they were not checked.
  bool derivatives_known = false;
  /// Called once when the run, stopped in the middle of an evaluation or by its budget, begins to solve its best point to the
  /// end: whoever stops the problem's evaluations may leave that some time.
  std::function<void()> closing;
};

struct TACIT_EXPORT Summary {
  StopReason reason = StopReason::not_run;
  std::string message;
  StepRecord best, last;
  Evaluation best_evaluation;   ///< of `best`, its inner problem solved at the tightest tolerance
  Evaluation start_evaluation;  ///< of row 0, solved as the best is, where there was time
  Index steps = 0;
  double seconds = 0;
  Work work, diagnostic_work;
  Tolerance tightest;
  Schedule schedule = Schedule::fixed;              ///< that was followed
  double start_loss = kMissing, target = kMissing;  ///< outer loss of row 0; tolerance times it: the gain that ends the run
  double worst_error = kMissing;                    ///< largest hypergradient_error of the run
  Index unknown_errors = 0;                         ///< rows whose hypergradient_error was to be estimated and is not known
  std::string doubt;                                ///< what is in doubt in the row `best` (verdict.hpp), or empty
  bool usable() const { return reason != StopReason::failed && reason != StopReason::not_run; }
  std::string brief() const;  ///< one line
  std::string full() const;   ///< an aligned table
};

/// What an observer wants after a row.
enum class Onward { go_on, stop };

/// Called with every row of the trace, and, where it takes it, the evaluation behind: f(record) or f(record, evaluation), which
/// returns nothing or an Onward. After Onward::stop the run ends as interrupted, with the best row so far. What it throws leaves
/// solve().
class Observer {
public:
  template <class F>
  requires(std::invocable<F&, const StepRecord&> || std::invocable<F&, const StepRecord&, const Evaluation&>)
      Observer(F f)  // NOLINT: a lambda is an observer
      : call_([f = std::move(f)](const StepRecord& record, const Evaluation& evaluation) mutable {
          if constexpr (std::invocable<F&, const StepRecord&, const Evaluation&>)
            return answer([&] { return f(record, evaluation); });
          else
            return answer([&] { return f(record); });
        }) {}
  Onward operator()(const StepRecord& record, const Evaluation& evaluation) const { return call_(record, evaluation); }

private:
  template <class G>
  static Onward answer(const G& call) {
    if constexpr (std::is_same_v<std::invoke_result_t<const G&>, Onward>) {
      return call();
    } else {
      static_assert(std::is_void_v<std::invoke_result_t<const G&>>, "an observer returns nothing or a tacit::Onward");
      call();
      return Onward::go_on;
    }
  }
  std::function<Onward(const StepRecord&, const Evaluation&)> call_;
};

/// Runs the outer loop from theta0, which is put on the box first; row 0 of the trace is the start. Stops when too
/// little can be gained (DriverOptions::tolerance), where a loosely solved row is solved again at the tightest tolerance before
/// that counts, at a budget, when no lower point is found, or when something is not finite (reason failed, with the last good
/// row); with an optimizer that asks for values alone, only when no point is finite. interrupted() is asked between evaluations;
/// a problem made interruptible() ends in the middle of one, which is then given up, while the best point so far stays. Throws
/// UsageError for a start of the wrong size, options that cannot be, and a problem that does not pass `verify`. Before the start
/// is solved there is none: an interrupted run then has no best_evaluation, and one whose time is over has failed.
TACIT_EXPORT Summary solve(const DriverOptions& options, const HyperSpace& space, const Oracle& oracle, OuterOptimizer& optimizer,
                           In theta0, const std::vector<Observer>& observers = {}, const std::function<bool()>& interrupted = {});

}  // namespace tacit::inline TACIT_ABI
