// iMAML (Rajeswaran, Finn, Kakade and Levine 2019) on sinusoids, with an outer loop of one's own.
//
//   x_i*(u) = argmin_x  fit_i(x) + lambda/2 |x - u|^2         task i adapts, held to the common start u
//   minimize over u  mean over tasks of  query_i(x_i*(u))
//
// The derivative needs the solution alone, not how it was found: with H_i = fit_i''(x_i*) + lambda I
//   d query_i / d u = lambda H_i^{-1} query_i'(x_i*),
// one linear system a task, by conjugate gradients. Neither memory nor result know the number of inner steps, so that each task
// may start from its last solution and its last H_i^{-1} query_i': a TaskState a task.
#include <cstdio>
#include <cstdlib>
#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/bilevel/tasks.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "sinusoid.hpp"
using namespace tacit;

namespace {

constexpr Index kShots = 10;
constexpr double kPull = 0.3;  // lambda

Problem imaml_task(std::uint64_t seed, Network net) {
  return make_task(draw_task(static_cast<unsigned>(seed), net, kShots), kPull);
}

/// What a run over a pool of tasks comes to.
struct Learned {
  Vec u;
  Index inner_steps = 0, unusable = 0;
};

Learned learn(const std::vector<Problem>& pool, Network net, int outer_steps, bool warm) {
  LbfgsSolver solver;
  solver.options.tolerance = 1e-4;
  ImplicitCgEstimator estimator;
  estimator.relative_tolerance = 1e-3;
  Learned run{first_weights(net)};
  std::vector<TaskState> states(pool.size());
  Adam adam{0.02};
  for (int step = 0; step < outer_steps; ++step) {
    Vec g = Vec::Zero(run.u.size());
    Index usable = 0;
    for (std::size_t i = 0; i < pool.size(); ++i) {
      const OuterGradient h = hypergradient(pool[i], run.u, solver, estimator, warm ? states[i] : TaskState{});
      run.inner_steps += h.inner_steps;
      states[i] = h.state;
      if (!h.usable()) continue;  // a saddle, say: the next u may lead elsewhere
      g += h.gradient;
      ++usable;
    }
    run.unusable += Index(pool.size()) - usable;
    if (usable > 0) adam.move(run.u, g / double(usable));
  }
  return run;
}

double loss_of_new_tasks(const Vec& u, Network net) {
  const auto solver = std::make_shared<LbfgsSolver>();
  const auto estimator = std::make_shared<ImplicitCgEstimator>();
  constexpr Index count = 50;
  double sum = 0;
  for (Index k = 0; k < count; ++k) {
    const auto oracle = make_oracle(imaml_task(task_seed(2, 0, k), net), solver, estimator);
    sum += oracle->evaluate(u, {1e-4, 1e-4}).value / count;
  }
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  const int outer_steps = argc > 1 ? std::atoi(argv[1]) : 40;
  const Network net{argc > 2 ? std::atoi(argv[2]) : 12};
  std::vector<Problem> pool;
  for (Index k = 0; k < 20; ++k) pool.push_back(imaml_task(task_seed(1, 0, k), net));
  const Learned cold = learn(pool, net, outer_steps, false), warm = learn(pool, net, outer_steps, true);
  const double before = loss_of_new_tasks(first_weights(net), net), after = loss_of_new_tasks(warm.u, net);
  std::printf("query loss of 50 new tasks: %.3f from the first start, %.3f from the one learned (cold runs: %.3f)\n", before,
              after, loss_of_new_tasks(cold.u, net));
  std::printf("inner steps of %d outer steps, %zu tasks: %td cold, %td warm, %.0f %% saved\n", outer_steps, pool.size(),
              cold.inner_steps, warm.inner_steps, 100 * (1 - double(warm.inner_steps) / double(cold.inner_steps)));
  std::printf("hypergradients left out: %td cold, %td warm\n", cold.unusable, warm.unusable);
  return after < 0.7 * before && warm.inner_steps < cold.inner_steps ? 0 : 1;
}
