// What run.json keeps for the figures of the model: predictions of rows that did not train, and the largest coefficients. Small
// whatever the number of rows and features.
#pragma once
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

/// Of the rows that the parts hold out, of several draws of folds those of the first, so that each is there once; x[k] is the
/// solution of part k. {of: validation | out_of_fold, draws, rows (of weight above 0), weight, weighted}, and for numbers scatter
/// {observed, predicted} of at most 400 rows (spread_over their predictions); for classes negative, positive, roc {auc, points
/// (of the whole curve), false_positive, true_positive, threshold} of at most 200 points or null, confusion {rows, weight} as [is
/// positive][predicted positive], and calibration {rows, weight, predicted, observed, lo, hi} in at most 10 bins, or null where
/// the model has no probabilities.
nlohmann::json held_out_json(const Validation& validation, const std::vector<Vec>& x, In u);

/// Deviation of each column over the rows of the final fit, weighted as they are: the unit of a coefficient's effect.
Vec column_deviations(const FinalFit& fit);
/// At most `most` features whose coefficients, each times its column's deviation, are largest in size, the largest first; those
/// of 0 are left out.
std::vector<Index> largest_coefficients(const FinalFit& fit, In deviation, Index most);
/// {total, penalties (how many are tuned), largest: [{name, value, deviation, l2}]} of at most 30 features.
nlohmann::json coefficients_json(const FinalFit& fit);

}  // namespace tacit
