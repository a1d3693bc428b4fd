// Standardization: shift and scale fitted on the training rows, and the way back to the original scale. X itself is never copied.
#pragma once
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit {

/// automatic: yes for dense data, no for data of a sparse format, however they are stored.
enum class Standardize { automatic, yes, no };

/// Column j is used as (x_j - shift_j) / scale_j. Both vectors are empty when columns are used as they are.
struct Scaling {
  Vec shift, scale;
  bool active() const { return scale.size() > 0; }
};

/// All rows as they are, sharing x.
Design design_of(std::shared_ptr<const Features> x);

/// Fits the scaling on the given rows: shift the weighted mean, scale the weighted population standard deviation; sparse columns
/// are scaled by the same deviation but not shifted (shift is 0); a constant column gets scale 1. Both are empty when columns
/// stay as they are. weight has one entry a row of x; rows of weight 0 do not count. Throws UsageError when no row has a positive
/// weight.
Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode);

/// Why columns that are used as they are make the inner problem ill-conditioned, and what to do.
struct ScaleRemark {
  std::string what, remedy;
};
/// Of the training columns as they act: with an intercept, one whose mean is kFarMean times its spread or more; else one whose
/// size is apart from the median column's by kFarUnit or more. Nothing where there is none. sparse: which remedy applies, since
/// sparse columns are scaled and never centred.
std::optional<ScaleRemark> scale_remark(const ColumnMoments& moments, const std::vector<std::string>& names, bool intercept,
                                        bool sparse);
inline constexpr double kFarMean = 100, kFarUnit = 1e3;

/// Coefficients of a linear model on the original scale: w_j / scale_j and b - sum_j w_j shift_j / scale_j. With an intercept of
/// 0 that was not fitted the new one may differ from 0.
struct OriginalCoefficients {
  Vec w;
  double intercept = 0;
};
OriginalCoefficients to_original(const Scaling& scaling, In w, double intercept);
/// The inverse of to_original: w_j scale_j and b + sum_j w_j shift_j.
OriginalCoefficients to_scaled(const Scaling& scaling, In w, double intercept);

}  // namespace tacit
