// Centring and standardization, fitted on the training rows, and the way back to the original scale.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// automatic: yes for dense data, no for data of a sparse format, however they are stored.
enum class Standardize { automatic, yes, no };

/// Column j is used as (x_j - centre_j - shift_j) / scale_j. centre is taken off in a stored copy of X, shift and scale act in
/// the products. shift and scale are empty when columns are used in their own unit, centre when none needs it.
struct Scaling {
  Vec shift, scale, centre;
  bool active() const { return scale.size() > 0; }
};

/// Dense rows wherever they lie, sharing x.
TACIT_EXPORT SharedRows dense_rows(std::shared_ptr<const Features> x);
/// All rows as they are, sharing x.
TACIT_EXPORT Design design_of(std::shared_ptr<const Features> x);

/// Columns whose mean is at least this many times their deviation are centred before anything is multiplied: in sums over x_j
/// itself the digits in which its rows differ would be lost, and beside an intercept the condition grows with its square.
inline constexpr double kFarMean = 100;
/// centre_j = mean_j for the columns that are `far` or constant, else 0; empty when all are 0.
TACIT_EXPORT Vec far_means(const ColumnMoments& moments, double far = kFarMean);
/// x less centre, in a copy; rows that are not in memory stay where they are, and are centred as they are read, where a copy took
/// more than half of the memory that there is. The differences are exact for entries within a factor of 2 of centre_j (Sterbenz
/// 1974). Sparse rows get an entry in every column that is centred; the mean of one is at least `far` times its deviation only
/// where no more than one entry in far^2 + 1 is not there.
TACIT_EXPORT std::shared_ptr<const Features> less_centre(const Features& x, In centre);

/// Fits the scaling on the given rows: shift the weighted mean, scale the weighted population standard deviation; sparse columns
/// are scaled by the same deviation but not shifted (shift is 0); a constant column gets scale 1. Both are empty when columns
/// stay as they are. weight has one entry a row of x; rows of weight 0 do not count. Throws UsageError when no row has a positive
/// weight.
TACIT_EXPORT Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode);
/// The same from the moments of the rows of x.
TACIT_EXPORT Scaling fit_scaling(const ColumnMoments& moments, const Features& x, Standardize mode);

/// Why columns in their own units make the inner problem ill-conditioned, and what to do.
struct ScaleRemark {
  std::string what, remedy;
};
/// Of the training columns as they act: one whose size is apart from the median column's by kFarUnit or more. Nothing where
/// there is none.
TACIT_EXPORT std::optional<ScaleRemark> scale_remark(const ColumnMoments& moments, const std::vector<std::string>& names,
                                                     bool sparse);
inline constexpr double kFarUnit = 1e3;
/// Which columns are used less their mean, and why that changes no result; "" when none is.
TACIT_EXPORT std::string centre_remark(const Scaling& scaling, const ColumnMoments& centred,
                                       const std::vector<std::string>& names);

/// Coefficients of a linear model on the original scale: w_j / scale_j and b - sum_j w_j (centre_j + shift_j) / scale_j. With an
/// intercept of 0 that was not fitted the new one may differ from 0.
struct OriginalCoefficients {
  Vec w;
  double intercept = 0;
  double at_centre = 0;  ///< the intercept where x_j - centre_j is multiplied: it keeps the digits that the other loses
};
TACIT_EXPORT OriginalCoefficients to_original(const Scaling& scaling, In w, double intercept);

}  // namespace tacit::inline TACIT_ABI
