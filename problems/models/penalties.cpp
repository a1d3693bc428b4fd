#include <tacit/problems/models/penalties.hpp>

#include <numeric>
#include <string>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

Penalty with_intercept(std::vector<Index> index, Vec fixed, Index outer_dim, bool intercept) {
  if (intercept) {
    index.push_back(-1);
    fixed.conservativeResize(fixed.size() + 1);
    fixed[fixed.size() - 1] = 0;
  }
  return {std::move(index), std::move(fixed), outer_dim};
}

}  // namespace

Penalty one_penalty(Index features, bool intercept) {
  return with_intercept(std::vector<Index>(static_cast<std::size_t>(features), 0), Vec::Zero(features), 1, intercept);
}

Penalty penalty_per_feature(Index features, bool intercept) {
  std::vector<Index> index(static_cast<std::size_t>(features));
  std::iota(index.begin(), index.end(), Index{0});
  return with_intercept(std::move(index), Vec::Zero(features), features, intercept);
}

Penalty penalty_per_group(Index features, bool intercept, const std::vector<FeatureGroup>& groups) {
  std::vector<Index> index(static_cast<std::size_t>(features), -1);
  Index count = 0;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const Index j : groups[g].columns) {
      if (j < 0 || j >= features)
        throw UsageError(
            "group '" + groups[g].name + "' names feature " + std::to_string(j + 1) + " of " + std::to_string(features),
            "data.feature_groups");
      Index& place = index[static_cast<std::size_t>(j)];
      if (place >= 0)
        throw UsageError("feature " + std::to_string(j + 1) + " is in the groups '" +
                             groups[static_cast<std::size_t>(place)].name + "' and '" + groups[g].name +
                             "'; put it in one of them",
                         "data.feature_groups");
      place = static_cast<Index>(g);
      ++count;
    }
  }
  if (count != features)
    throw UsageError("a penalty per group needs every feature in a group; " + std::to_string(features - count) + " of " +
                         std::to_string(features) + " are in none",
                     "data.feature_groups");
  return with_intercept(std::move(index), Vec::Zero(features), static_cast<Index>(groups.size()), intercept);
}

Penalty fixed_penalty(Index features, bool intercept, double value) {
  return with_intercept(std::vector<Index>(static_cast<std::size_t>(features), -1), Vec::Constant(features, value), 0, intercept);
}

}  // namespace tacit::inline TACIT_ABI
