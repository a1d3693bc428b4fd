// MAML (Finn, Abbeel and Levine 2017) on sinusoids, with an outer loop of one's own.
//
//   x_0 = u,  x_{k+1} = x_k - alpha fit'(x_k)  for k < K      the task adapts the common start u by K steps
//   minimize over u  mean over tasks of  query(x_K(u))        the start from which K steps do best
//
// The criterion is meant at x_K(u), not at a solution: Response::iterate. Its derivative runs back over the steps,
//   lam_K = query'(x_K),  lam_k = lam_{k+1} - alpha fit''(x_k) lam_{k+1},  d query / d u = lam_0,
// and needs their states: all K of them, or about sqrt K checkpoints between which the states are computed again.
#include <cstdio>
#include <cstdlib>
#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/bilevel/tasks.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "sinusoid.hpp"
using namespace tacit;

namespace {

Problem maml_task(std::uint64_t seed, Network net) {
  Problem task = make_task(draw_task(static_cast<unsigned>(seed), net, 10), 0);
  task.response = Response::iterate;
  return task;
}

IterateSolver steps_of_descent(Index steps) {
  auto descent = std::make_unique<GradientDescent>();
  descent->step = 0.02;
  IterateSolver solver(std::move(descent));
  solver.options.tolerance = 0;  // exactly max_steps
  solver.options.max_steps = steps;
  return solver;
}

/// Peak bytes of the states that a hypergradient keeps, replayed ones included; g: the hypergradient.
std::size_t bytes_of_states(const Problem& task, const Vec& u, Index steps, const UnrollEstimator& estimator, Vec& g) {
  const IterateSolver solver = steps_of_descent(steps);
  const InnerSolution inner = solver.solve(task, u, nullptr, {0}, estimator.needs().tape);
  const Hypergradient h = estimator.estimate(task, u, inner, nullptr, 0);
  g = h.gradient;
  return h.tape_bytes;
}

}  // namespace

int main(int argc, char** argv) {
  const int outer_steps = argc > 1 ? std::atoi(argv[1]) : 150;
  const Network net{argc > 2 ? std::atoi(argv[2]) : 12};
  const Index batch = 10, steps = 5;
  const IterateSolver solver = steps_of_descent(steps);
  UnrollEstimator stored(false), checkpointed(false);
  checkpointed.stride = Count::automatic();
  Vec u = first_weights(net);

  const auto loss_of_new_tasks = [&] {
    double sum = 0;
    for (Index k = 0; k < 50; ++k) sum += hypergradient(maml_task(task_seed(2, 0, k), net), u, solver, checkpointed).value / 50;
    return sum;
  };
  const double before = loss_of_new_tasks();
  Adam adam{0.01};
  for (int step = 0; step < outer_steps; ++step) {
    Vec g = Vec::Zero(u.size());
    for (Index k = 0; k < batch; ++k) {  // tasks drawn anew at every step
      const OuterGradient h = hypergradient(maml_task(task_seed(1, step, k), net), u, solver, checkpointed);
      if (!h.usable()) return std::fprintf(stderr, "%s\n", h.message.c_str()), 1;
      g += h.gradient / double(batch);
    }
    adam.move(u, g);
  }
  const double after = loss_of_new_tasks();
  std::printf("query loss of 50 new tasks after %td steps: %.3f from the first start, %.3f from the one learned\n", steps, before,
              after);

  // The same gradient from stored and from checkpointed states, to the bit, and what each keeps.
  const Problem task = maml_task(task_seed(2, 0, 0), net);
  bool same = true;
  std::printf("%8s %16s %22s\n", "K", "stored, bytes", "checkpointed, bytes");
  for (const Index k : {10, 100, 1000, 10000}) {
    Vec a, b;
    const std::size_t all = bytes_of_states(task, u, k, stored, a), few = bytes_of_states(task, u, k, checkpointed, b);
    same = same && a == b;
    std::printf("%8td %16zu %22zu\n", k, all, few);
  }
  std::printf("hypergradients %s\n", same ? "equal to the bit" : "DIFFER");
  return same && after < 0.8 * before ? 0 : 1;
}
