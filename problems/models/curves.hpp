// What pictures of predictions are made of: ROC curve, calibration, confusion table, and few rows that stand for many. A weight
// of 2 counts as the row twice, except in intervals, which count rows.
#pragma once
#include <array>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// As in metrics.hpp: y > 0 is the positive class, w the weights (empty: all 1), rows of weight 0 do not count; sizes that do not
/// fit, negative or no weight throw UsageError.

/// Shares of the negative and of the positive weight whose margin is at least `threshold`.
struct RocPoint {
  double false_positive = 0, true_positive = 0, threshold = 0;
};
/// From (0, 0) at threshold infinity to (1, 1), a point for each distinct margin, falling. Empty where a class has no weight or a
/// margin is NaN: there is no curve.
TACIT_EXPORT std::vector<RocPoint> roc_curve(In y, In margin, In weight);
/// The area below the points by trapezoids; of roc_curve it is auc().
TACIT_EXPORT double area_below(const std::vector<RocPoint>& curve);
/// At most `most` (2 or more) points: again and again the one goes whose triangle with its neighbours has the least area
/// (Visvalingam and Whyatt 1993), so that points on straight pieces go first and the area hardly changes. The ends stay.
TACIT_EXPORT std::vector<RocPoint> thinned(const std::vector<RocPoint>& curve, std::size_t most);

/// Rows whose predicted probabilities are neighbours, and how many of them are positive.
struct CalibrationBin {
  Index rows = 0;                      ///< of weight above 0
  double weight = 0;                   ///< their sum
  double predicted = 0, observed = 0;  ///< mean probability, share of the positive class
  double lo = 0, hi = 0;               ///< 95 % interval of the share: Wilson (1927), with (sum w)^2 / sum w^2 rows (Kish 1965)
};
/// At most `bins` of equal weight, by rising probability: bin k holds what lies above the (k-1)/bins quantile of the
/// probabilities and not above the k/bins one, so that equal probabilities are never parted; empty ones are left out.
/// Probabilities that are NaN give no bins. Without ties, and with as many rows in each bin, it is scikit-learn's
/// calibration_curve(strategy="quantile").
TACIT_EXPORT std::vector<CalibrationBin> calibration(In y, In probability, In weight, Index bins);

/// [is positive][predicted positive], the prediction being positive where margin > 0: rows of weight above 0, and their weight.
struct Confusion {
  std::array<std::array<Index, 2>, 2> rows{};
  std::array<std::array<double, 2>, 2> weight{};
};
TACIT_EXPORT Confusion confusion(In y, In margin, In weight);

/// At most `most` (2 or more) positions, ascending, evenly spread over the ranks of `values` from the smallest to the largest
/// (equal ones in their order); all that have weight where they are no more. What is not finite is left out.
TACIT_EXPORT std::vector<Index> spread_over(In values, In weight, Index most);

}  // namespace tacit::inline TACIT_ABI
