// Several problems over the same hyperparameters as one: the folds of a cross-validation, or tasks, for what takes one problem.
#pragma once
#include <vector>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// x = (x_1, ..., x_K), f = sum_k f_k(x_k, u), l = sum_k weights[k] l_k(x_k, u): its inner solution is those of the parts below
/// each other, its hypergradient the weighted sum of theirs. Space, response and name are those of the first part. An oracle of
/// it solves all parts by one run of steps, so that sum_of() of one oracle a part is faster and tells more; this is for
/// comparisons and checks that take one problem. Throws UsageError without parts, for parts that do not fit together, or a weight
/// that is not finite.
TACIT_EXPORT Problem stacked(std::vector<Problem> parts, std::vector<double> weights);

}  // namespace tacit::inline TACIT_ABI
