// Tuning on some of the rows as a function: rows in, hyperparameters out, without files or words.
#pragma once
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include <tacit/bilevel/pull.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit {

/// All rows that do not test, ascending.
std::vector<Index> tuned_rows(const Assembly& a);
/// So many folds of some rows, drawn from the run's seed, stratified as the run's own parts are, groups whole. The rows of the
/// data set that are not among them are in no part.
Folds folds_among(const Assembly& a, const std::vector<Index>& rows, Index count);
/// The run's own scheme among some rows, with the run's box: a hold-out of the same share, or as many drawn folds, once.
Validation validation_among(const Assembly& a, const std::vector<Index>& rows);

/// s of a pull: the outer loss of the intercept alone over the number of penalties.
double pull_scale(const Validation& validation);

struct RowTuning {
  std::vector<double> pulls{0};                              ///< a run for each
  Index steps = 15;                                          ///< of L-BFGS, from the tuned common value
  double tolerance = 1e-3;                                   ///< of the run, as outer.tolerance
  double seconds = std::numeric_limits<double>::infinity();  ///< after which nothing new is begun
};

struct Tuned {
  double common = kMissing;  ///< ln of the tuned single penalty
  std::vector<Vec> theta;    ///< one a pull; where there is one penalty it is `common`
  bool cut = false;          ///< interrupted, or out of time: what there is by then
};

/// The single penalty and the many of the run file's model, tuned on some rows by the run's own scheme: parts drawn among them,
/// search_common over exact solutions, then L-BFGS for each pull. The box of the hyperparameters is the run's. Costs, per part,
/// the common path (13 values or more, and 20 steps at most) and `steps` steps for each pull.
Tuned tune_rows(const Assembly& a, const std::vector<Index>& rows, const RowTuning& options);

/// What hyper.l2.pull: auto chose, and among what.
struct PullChoice {
  struct Candidate {
    double pull = 0;  ///< infinite: one penalty
    MeanLoss loss;    ///< on rows that no tuning of their fold saw
  };
  double value = 0;  ///< infinite: one penalty
  std::vector<Candidate> candidates;
  std::string why;  ///< a sentence; empty where the pull was given or there is one penalty
};

/// The pull as given, or the best of one penalty, 1, 0.1, 0.01 and 0 on folds inside the rows that do not test: each fold is
/// predicted by models tuned and fitted on the others. 0 with a word where the data are so large that it would take long, where
/// time runs out, and where the iterate is meant. Throws DataError where a fold cannot be fitted.
PullChoice choose_pull(const Assembly& a);

}  // namespace tacit
