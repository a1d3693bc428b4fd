#include <tacit/bilevel/tasks.hpp>

#include <string>
#include <utility>
#include <vector>

namespace tacit::inline TACIT_ABI {
namespace {

std::uint64_t splitmix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31U);
}

}  // namespace

std::uint64_t task_seed(std::uint64_t seed, Index step, Index task) {
  return splitmix(splitmix(splitmix(seed) ^ static_cast<std::uint64_t>(step)) ^ static_cast<std::uint64_t>(task));
}

std::unique_ptr<Oracle> task_batch(const DrawTask& draw, Index step, const std::shared_ptr<const InnerSolver>& solver,
                                   const std::shared_ptr<const HypergradientEstimator>& estimator, const BatchOptions& options) {
  if (options.tasks < 1) throw UsageError(UsageError::Kind::option, "a batch needs at least one task");
  std::vector<Summand> parts;
  for (Index i = 0; i < options.tasks; ++i) {
    Summand part;
    part.oracle = make_oracle(draw(task_seed(options.seed, step, i)), solver, estimator, options.oracle);
    part.weight = 1.0 / static_cast<double>(options.tasks);
    part.name = "task " + std::to_string(i) + " of step " + std::to_string(step);
    parts.push_back(std::move(part));
  }
  return sum_of(std::move(parts), options.sum);
}

}  // namespace tacit::inline TACIT_ABI
