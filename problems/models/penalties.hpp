// Which hyperparameter penalises which coefficient.
#pragma once
#include <vector>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// One penalty for all features; the intercept (a last coordinate) has none.
TACIT_EXPORT Penalty one_penalty(Index features, bool intercept);
/// One penalty per feature, in column order.
TACIT_EXPORT Penalty penalty_per_feature(Index features, bool intercept);
/// One penalty per group. Throws UsageError unless each feature is in exactly one group.
TACIT_EXPORT Penalty penalty_per_group(Index features, bool intercept, const std::vector<FeatureGroup>& groups);
/// The same given value for all features: no hyperparameter.
TACIT_EXPORT Penalty fixed_penalty(Index features, bool intercept, double value);

}  // namespace tacit::inline TACIT_ABI
