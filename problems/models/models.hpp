// Linear models: data and choices in, bilevel problem out.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// Training and validation rows; both designs have the same columns, without the intercept. Weights may be empty: all 1.
/// y of a classifier: -1, or +1 for the positive class.
struct ModelParts {
  Design train;
  Vec y, weights;
  Design validation;  ///< no rows: the problem has no criterion
  Vec validation_y, validation_weights;
  std::vector<std::string> feature_names;  ///< may be empty; labels of a penalty per feature
  std::vector<FeatureGroup> groups;        ///< for per == group
};

enum class Reduction { mean, sum };
/// One penalty for all features, one per feature, or one per group.
enum class PenaltyPer { all, feature, group };

struct ModelOptions {
  bool intercept = true;                  ///< never penalised; the last entry of x
  Reduction reduction = Reduction::mean;  ///< mean: 1/n, n = sum of the row weights
  PenaltyPer per = PenaltyPer::all;
  std::optional<double> fixed{};             ///< l2 is this number and not tuned
  std::optional<double> lower{}, upper{};    ///< range of l2; empty: default_l2_range
  std::shared_ptr<const Loss> outer_loss{};  ///< of the validation rows; null: that of the model
};

/// f = 1/n sum_i s_i phi(a_i w + b, y_i) + sum_j l2_j/2 w_j^2 (reduction sum: without 1/n), l the weighted mean loss on the
/// validation rows, and the block `l2` in log scale with the names of features or groups as labels. Throws UsageError when the
/// parts do not fit together.
TACIT_EXPORT Problem linear_problem(std::shared_ptr<const Loss> loss, const ModelParts& parts, const ModelOptions& options);

/// Lower and upper end of l2 when none is given. With v_j the curvature that column j gives f_xx, sup phi'' times sum_i s_i (a_ij
/// - mean_j)^2, about 0 instead of the mean where there is no intercept to absorb it: upper 1e3 max v_j, at which every column is
/// switched off; lower 1e-6 min(mean v_j, min_j r_j^2), at which none is held back, r_j^2 = sup phi'' sum_i s_i times m4/m2 of
/// the column, v_j without what only makes it small because the column seldom differs from its mean. Columns of one unit give
/// 1e-6 and 1e3 times v; so the range follows the units of the columns, each of them, and never that of y.
struct L2Range {
  double lower = 0, upper = 0;
};
TACIT_EXPORT L2Range default_l2_range(const LinearModel& model);

/// s of the inner loss: the weights (empty: ones) divided by their sum, or as they are.
TACIT_EXPORT Vec row_weights(In weights, Index rows, Reduction reduction);

}  // namespace tacit::inline TACIT_ABI
