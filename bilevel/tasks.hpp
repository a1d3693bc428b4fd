// Batches of tasks that are drawn anew at every outer step.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>

#include <tacit/bilevel/sum.hpp>

namespace tacit::inline TACIT_ABI {

/// Draws a task: the same seed gives the same problem. Called by the thread that makes the batch.
using DrawTask = std::function<Problem(std::uint64_t seed)>;

struct BatchOptions {
  Index tasks = 16;
  std::uint64_t seed = 1;  ///< of the whole run
  SumOptions sum{};        ///< threads, and what a task without a hypergradient does
  OracleOptions oracle{};  ///< of every task
};

/// The seed of task `task` at outer step `step`: a mix of the three numbers (splitmix64; Steele, Lea and Flood 2014), so that any
/// task of any step can be drawn alone, in any order.
TACIT_EXPORT std::uint64_t task_seed(std::uint64_t seed, Index step, Index task);

/// The mean of the losses of the tasks drawn for outer step `step`, each from its own cold start, as an oracle (sum_of): two
/// calls with the same arguments give the same numbers to the bit, whatever the number of threads. Throws UsageError for less
/// than one task, and what make_oracle throws.
TACIT_EXPORT std::unique_ptr<Oracle> task_batch(const DrawTask& draw, Index step,
                                                const std::shared_ptr<const InnerSolver>& solver,
                                                const std::shared_ptr<const HypergradientEstimator>& estimator,
                                                const BatchOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
