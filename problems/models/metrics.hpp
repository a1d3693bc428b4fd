// Metrics of predictions, weighted by the rows: a weight of 2 counts as the row twice, except in standard errors, which count
// rows.
#pragma once
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// Named values in the order in which they are shown; NaN where one is not defined.
using NamedValues = std::vector<std::pair<std::string, double>>;

/// With w_i the weights (an empty vector: all 1) and W their sum; rows of weight 0 do not count.
/// Sizes that do not fit, negative or no weight throw UsageError.

/// sqrt(sum w (y - p)^2 / W)
TACIT_EXPORT double rmse(In y, In prediction, In weight);
/// sum w |y - p| / W
TACIT_EXPORT double mae(In y, In prediction, In weight);
/// 1 - sum w (y - p)^2 / sum w (y - mean)^2, NaN when y is constant.
TACIT_EXPORT double r2(In y, In prediction, In weight);

/// The one value of y on the rows that count; none where there are several.
TACIT_EXPORT std::optional<double> constant_value(In y, In weight);

/// Classes below: y > 0 is the positive class. `margin` is the log-odds a.w + b.
/// sum w log(1 + exp(-s margin)) / W with s = +1 or -1, safe for large margins.
TACIT_EXPORT double log_loss(In y, In margin, In weight);
/// Share of the weight whose class is predicted: positive when the margin is > 0 (as scikit-learn decides).
TACIT_EXPORT double accuracy(In y, In margin, In weight);
/// Area under the ROC curve: the probability that a positive row has the larger margin than a negative one, ties counting a half
/// (Mann and Whitney 1947). NaN when a class has no weight.
TACIT_EXPORT double auc(In y, In margin, In weight);

/// 2 TP / (2 TP + FP + FN) of the positive class, predicted where the margin is > 0 (van Rijsbergen 1979; scikit-learn's
/// f1_score). 0 where no row that counts is predicted positive though some are, or the other way round; NaN where there are
/// neither (scikit-learn with zero_division=nan, which by default has 0 there and warns).
TACIT_EXPORT double f1(In y, In margin, In weight);

/// {rmse, mae, r2}
TACIT_EXPORT NamedValues regression_metrics(In y, In prediction, In weight);
/// {log_loss, accuracy, auc}
TACIT_EXPORT NamedValues binary_metrics(In y, In margin, In weight);

/// A mean with its standard error.
struct MeanLoss {
  double mean = 0;
  double standard_error = 0;
};
/// mean = sum w l / W; standard error sqrt(sum w (l - mean)^2 / (W (n - 1))), n the rows with w > 0, as cv.glmnet has it: all
/// weights times the same number change nothing. NaN when n <= 1.
TACIT_EXPORT MeanLoss mean_loss(In loss, In weight);
/// What one model gains over another on the same rows: mean and standard error, as above, of the paired differences
/// other_loss - loss. Positive: `loss` is the better one.
TACIT_EXPORT MeanLoss paired_gain(In other_loss, In loss, In weight);

/// Loss of every row: (y - p)^2 / 2.
TACIT_EXPORT Vec squared_losses(In y, In prediction);
/// Loss of every row: log(1 + exp(-s margin)).
TACIT_EXPORT Vec logistic_losses(In y, In margin);

}  // namespace tacit::inline TACIT_ABI
