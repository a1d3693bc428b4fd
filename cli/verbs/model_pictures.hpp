// What run.json keeps for the figures of the model: predictions of rows that did not train, and the largest coefficients. Small
// whatever the number of rows and features.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

/// Rows that did not train the model which predicts them.
struct HeldOutRows {
  const char* of = "validation";    ///< validation | out_of_fold
  Vec y, z, weight;                 ///< coded target, prediction or margin, weight of each
  bool weighted = false;            ///< are the weights other than all 1?
  std::vector<std::string> labels;  ///< {negative, positive}; empty for numbers
};
/// The validation rows of a hold-out, predicted by the inner solution x of its best point.
HeldOutRows held_out_of(const Prepared& prepared, In x);

/// {of, rows, weight, weighted} of the rows of weight above 0, and for numbers scatter {observed, predicted} of at most 400 of
/// them (spread_over their predictions); for classes negative, positive, roc {auc, points (of the whole curve), false_positive,
/// true_positive, threshold} of at most 200 points or null, confusion {rows, weight} as [is positive][predicted positive], and
/// calibration {rows, weight, predicted, observed, lo, hi} in at most 10 bins, or null where `task` has no probabilities.
nlohmann::json held_out_json(const ModelTask& task, const HeldOutRows& rows);

/// Deviation of each column over the rows of the final fit, weighted as they are: the unit of a coefficient's effect.
Vec column_deviations(const FinalFit& fit);
/// At most `most` features whose coefficients, each times its column's deviation, are largest in size, the largest first; those
/// of 0 are left out.
std::vector<Index> largest_coefficients(const FinalFit& fit, In deviation, Index most);
/// {total, penalties (how many are tuned), largest: [{name, value, deviation, l2}]} of at most 30 features.
nlohmann::json coefficients_json(const FinalFit& fit);

}  // namespace tacit
