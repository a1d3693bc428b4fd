// What models make of the rows that they were not fitted on: those of a hold-out, or of all folds.
#pragma once
#include <vector>

#include <tacit/problems/data/validation.hpp>
#include <tacit/problems/models/metrics.hpp>
#include <tacit/problems/models/scores.hpp>

namespace tacit::inline TACIT_ABI {

/// Rows held out, part after part; a row of K-fold cross-validation is here once for each draw of folds.
struct HeldOut {
  std::vector<Index> row;   ///< of the data set
  std::vector<Index> part;  ///< number of the part that holds it out
  Vec y, weight, margin;    ///< target as the loss takes it; row weight times class weight; a.w + b of the part's model
};

/// Of the solutions x[k] of the parts (scaled, intercept last when there is one). Throws UsageError for another number of them.
/// u, their hyperparameters or one for all, is read by a closed form alone: each row is then predicted by the fit without it.
TACIT_EXPORT HeldOut held_out(const Validation& validation, const std::vector<Vec>& x, In u = Vec());
/// Of the best constant prediction of each part's training rows; of a closed form, of the other rows.
TACIT_EXPORT HeldOut held_out_constant(const Validation& validation);
/// The loss of each of these rows.
TACIT_EXPORT Vec row_losses(const Validation& validation, const HeldOut& rows);

/// A mean over held-out rows, weighted as the outer loss, with its standard error. Hold-out: as mean_loss(), over the rows. K
/// folds: sqrt(sum_k w_k (v_k - mean)^2 / sum_k w_k / (K - 1)) with v_k the mean of fold k and w_k its weight, as cv.glmnet has
/// it; several draws: mean and standard error are averaged over them, and the error is not divided by their number, since all
/// hold the same rows.
TACIT_EXPORT MeanLoss mean_loss(const Validation& validation, const HeldOut& rows, In value);
/// What `loss` gains over `other_loss` on the same rows: mean and standard error of the paired differences, as above.
TACIT_EXPORT MeanLoss paired_gain(const Validation& validation, const HeldOut& rows, In other_loss, In loss);
/// The same from the losses l_k of the folds of one or several draws, draw by draw. Throws UsageError for sizes that do not fit.
TACIT_EXPORT MeanLoss mean_of_folds(In loss, In weight, Index folds);

/// Loss and metrics of the solutions x[k]: the mean loss is the outer loss itself, metrics are those of all held-out rows
/// together, averaged over the draws.
TACIT_EXPORT Score score(const Validation& validation, const std::vector<Vec>& x, In u = Vec());

}  // namespace tacit::inline TACIT_ABI
