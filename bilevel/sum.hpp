// A weighted sum of oracles as one oracle: folds, or tasks.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/support/threads.hpp>

namespace tacit::inline TACIT_ABI {

/// One summand: an oracle over the same hyperparameters as the others.
struct Summand {
  std::shared_ptr<const Oracle> oracle;
  double weight = 1;
  std::string name{};  ///< for messages; empty: its number
};

struct SumOptions {
  /// That solve parts at the same time, each of which then has one; 1: what a ThreadScope allows is for the passes of the parts.
  /// The result is the same to the bit for any number.
  Index threads = 1;
  /// What a part without a value or without a hypergradient does. fail: the sum has none, which is a wall for a line search.
  /// leave_out: the others stand for it, at its weight (their sum times total weight over theirs), and Diagnostics::left_out
  /// counts it.
  enum class Missing { fail, leave_out } missing = Missing::fail;
  /// The inner problems differ by little, as those of folds do: what the solver of one has kept of f_xx serves the others.
  bool alike = false;
};

/// sum_i w_i l_i(theta) and its hypergradient, added in the order of the parts whatever thread was first. Each part starts from
/// its own solution and adjoint of the step before (Evaluation::parts). Tolerances are asked of every part; tightest(): the
/// loosest that all can reach; may_loosen(): all may; target(): the smallest there is.
/// Diagnostics of the sum: steps, bytes and linear steps are added; residuals, norms and rates are the largest, head starts the
/// smallest; inner_loss is the weighted sum. hypergradient_error and its bound are sum_i |w_i| (error of part i, absolute) over
/// max(||sum||, floor), so that parts whose hypergradients cancel hide none; unknown where one part's is unknown. The statuses
/// are the worst of the parts that count, with the name of the part in the message; a part that is left out is named there too.
/// verify() has the findings of all parts, named likewise. Throws UsageError without parts, or for a weight that is not finite.
TACIT_EXPORT std::unique_ptr<Oracle> sum_of(std::vector<Summand> parts, SumOptions options = {});

}  // namespace tacit::inline TACIT_ABI
