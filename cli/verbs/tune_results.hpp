// What a run of `tacit tune` found: its last model, what that is held against, and what is to be known of it.
#pragma once
#include <optional>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/cli/run/gains.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/phases.hpp>
#include <tacit/cli/verbs/baselines.hpp>
#include <tacit/cli/verbs/nested.hpp>
#include <tacit/cli/verbs/selection.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/cli/verbs/tuning.hpp>
#include <tacit/cli/verbs/verb_session.hpp>

namespace tacit {

struct TuneResults {
  StartValues start;
  PullChoice pull;
  double begun = 0;  ///< seconds from the begin of the command to that of the outer steps
  Phases phases;     ///< reading, start, outer steps, and what closes the run
  Summary summary;
  std::vector<HyperRow> hyper;
  Selection selection;
  bool one_se_taken = false;                     ///< the final model is that of one-se
  Vec theta;                                     ///< of the final model: the best row's, or one-se
  std::vector<Vec> chosen;                       ///< its solutions of the parts
  std::optional<Score> best, final_score, test;  ///< of the best row; of the final model's point; of the final model
  std::optional<Baselines> beside;
  std::optional<Nested> nested;
  Gains gains;
  std::optional<FinalFit> fit;
  /// Best and one-se are not the same point.
  bool two_points() const { return selection.one_se && selection.one_se->factor > 1; }
  /// The final model is not that of the run's first row.
  bool left_start() const { return summary.best.step > 0 || one_se_taken; }
  /// theta in natural units, to the bit those of the row.
  Vec chosen_u(const HyperSpace& space) const;
};

/// From a summary that has a best row to all the rest: path and one-se, the final fit, scores, baselines, gains, outer folds,
/// within limits.time and a moment for what closes a run. What ends early is a warning.
void compute_results(TuneResults& r, Assembly& a, VerbSession& session);
/// Warns of what is to be known of the result: a fit that did not end, ends of ranges, more penalties than the rows can pay for.
void warn_of_results(const TuneResults& r, const Assembly& a, VerbSession& session);

}  // namespace tacit
