// How well coefficients do on rows of a prepared data set.
#pragma once
#include <vector>

#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit::inline TACIT_ABI {

struct Score {
  MeanLoss loss;  ///< weighted as validation rows are, with its standard error
  NamedValues metrics;
};
/// Of the coefficients x (scaled, intercept last when there is one) on some rows; on the validation rows the mean loss is the
/// outer criterion itself.
TACIT_EXPORT Score score(const Prepared& prepared, const std::vector<Index>& rows, In x);
/// Loss of each of some rows: of the coefficients x, and of the best constant prediction of the training rows.
TACIT_EXPORT Vec row_losses(const Prepared& prepared, const std::vector<Index>& rows, In x);
TACIT_EXPORT Vec intercept_losses(const Prepared& prepared, const std::vector<Index>& rows);
/// What the coefficients x gain over a model with these losses on the same rows: paired_gain, weighted as the rows are.
TACIT_EXPORT MeanLoss gain_over(const Prepared& prepared, const std::vector<Index>& rows, In other_losses, In x);
/// Mean loss on some rows of the best constant prediction of the training rows.
TACIT_EXPORT MeanLoss intercept_alone(const Prepared& prepared, const std::vector<Index>& rows);

}  // namespace tacit::inline TACIT_ABI
