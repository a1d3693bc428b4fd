// Several tasks as one objective: their weighted sum is an oracle like any other, and each task keeps its own warm start.
#include <cstdio>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "ridge_task.hpp"
using namespace tacit;

int main() {
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto estimator = std::make_shared<ImplicitCgEstimator>();
  constexpr unsigned count = 10;
  std::vector<Summand> tasks;
  for (unsigned seed = 1; seed <= count; ++seed) {
    const Problem task = make_task(seed);
    tasks.push_back({make_oracle(task, solver, estimator), 1.0 / count, task.name});
  }
  SumOptions options;
  options.threads = 2;  // the result is the same for any number
  options.missing = SumOptions::Missing::leave_out;
  const auto sum = sum_of(std::move(tasks), options);

  const HyperSpace space = make_task(1).space;
  LbfgsOuter optimizer;
  const Summary summary = solve({}, space, *sum, optimizer, Vec::Zero(space.size()));
  std::printf("%s\n", summary.brief().c_str());
  const Vec penalty = summary.best.u;
  std::printf("penalty of a useful feature %.3g, of a useless one %.3g\n", penalty.head(4).mean(), penalty.tail(8).mean());
  return summary.usable() ? 0 : 1;
}
