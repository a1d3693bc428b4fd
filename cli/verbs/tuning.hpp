// How far many penalties are pulled towards each other (hyper.l2.pull), chosen on rows that no tuning saw.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit {

/// What hyper.l2.pull is, and among what `auto` chose it.
struct PullChoice {
  struct Candidate {
    double pull = 0;  ///< infinite: one penalty
    MeanLoss loss;    ///< on rows that no tuning of their fold saw
  };
  double value = 0;  ///< infinite: one penalty for all
  std::vector<Candidate> candidates;
  std::string why;  ///< of auto: what it is and why; empty where the pull was given or there is one penalty
  /// "0.1, the best of ...", for a table; empty where there is one penalty.
  std::string text() const;
  /// {"value": number or "one", "candidates": [{"pull", "loss", "loss_standard_error"}]}; null where there is one penalty.
  nlohmann::json json() const;
  bool many = false;
};

/// Settles the pull of a run: as given, or the best of one penalty, 1, 0.1, 0.01 and 0 on three folds of the rows that do not
/// test. For each fold the run's own scheme, on the other rows alone, tunes the single penalty (search_common) and from it, for
/// each pull, all penalties by 15 steps of L-BFGS over exact solutions; the models are fitted on these rows and judged on the
/// fold. So it costs at most 3 (40 + 4 * 15) outer evaluations, each on two thirds of the rows, and 15 fits. 0 with a word where
/// the data are large, the parts are named in the data, time runs out (a fifth of limits.time) or the iterate is meant. Sets pull
/// or held_equal of the assembly and adds a note. Throws DataError where a fold cannot be fitted.
PullChoice settle_pull(Assembly& a, const Strategies& strategies);

}  // namespace tacit
