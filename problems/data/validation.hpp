// How a choice of hyperparameters is judged: on the rows of one hold-out, or on those that the folds of cross-validation hold
// out in turn.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/data/split.hpp>

namespace tacit::inline TACIT_ABI {

/// The outer loss is sum_k weight_k l_k, l_k the loss of part k on the rows it holds out. Each part is fitted and prepared on its
/// own training rows; all have one space of hyperparameters.
struct Validation {
  std::vector<Prepared> parts;     ///< one of a hold-out; else fold by fold, draw by draw
  std::vector<std::string> names;  ///< of the parts, for messages: "fold 2"
  /// Weight of the rows that a part holds out over that of all parts, as cv.glmnet has it; their sum is 1.
  std::vector<double> weight;
  Index folds = 1, repeats = 1;
  /// Of folds through moments those of all rows, for Prepared::raw_moments of their final fit; else null.
  std::shared_ptr<const PartMoments> raw_moments;
  bool holdout() const { return parts.size() == 1; }
  /// The closed form that judges every training row of the one part; null: held-out rows do.
  const RowScoreLoss* row_score() const { return parts.size() == 1 ? parts.front().row_score.get() : nullptr; }
};

/// The part that a hold-out is.
TACIT_EXPORT Validation hold_out(Prepared prepared);
/// K-fold cross-validation. whole: prepared from all rows that do not test, without validation rows; its choices and the range of
/// its hyperparameters are those of every fold, all else (scaling, fills, balanced weights of classes) a fold fits anew.
/// Throws what prepare_problem throws, with the name of the fold.
TACIT_EXPORT Validation cross_validation(const Prepared& whole, const Folds& folds);
/// Leave-one-out or generalized cross-validation in closed form: one part whose rows all train and all are held out. whole: as
/// above; scaling and fills are its own, not fitted anew without a row. Throws UsageError for what has no closed form.
TACIT_EXPORT Validation row_scored(const Prepared& whole, RowScore score);
/// The training rows of `whole`: all that do not test.
TACIT_EXPORT Split rows_of_folds(const Folds& folds);

}  // namespace tacit::inline TACIT_ABI
