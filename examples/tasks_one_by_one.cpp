// Meta-learning with an outer loop of one's own: each step draws a few tasks and makes one call for each, from a cold start.
#include <cstdio>
#include <random>
#include <tacit/bilevel/oracle.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "ridge_task.hpp"
using namespace tacit;

int main() {
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto estimator = std::make_shared<ImplicitCgEstimator>();
  const HyperSpace space = make_task(1).space;
  Vec theta = Vec::Zero(space.size());  // the penalties that all tasks share, as logarithms
  std::mt19937 random(0);
  for (int step = 1; step <= 200; ++step) {
    constexpr int batch = 4;
    Vec gradient = Vec::Zero(theta.size());
    double loss = 0;
    for (int k = 0; k < batch; ++k) {
      const Problem task = make_task(static_cast<unsigned>(1 + random() % 1000));
      const auto oracle = make_oracle(task, solver, estimator);
      const Evaluation e = oracle->differentiate(oracle->evaluate(theta, oracle->tightest()), oracle->tightest());
      if (!e.finite() || !usable(e.diagnostics.hypergradient_status)) {
        std::fprintf(stderr, "%s: %s\n", task.name.c_str(), e.diagnostics.hypergradient_message.c_str());
        continue;  // a task without a hypergradient teaches nothing
      }
      gradient += e.gradient / batch;
      loss += e.value / batch;
    }
    theta -= 2.0 * gradient;
    space.project(theta);
    if (step % 50 == 0) std::printf("step %3d: mean loss of %d tasks %.4f\n", step, batch, loss);
  }
  std::printf("penalty of a useful feature %.3g, of a useless one %.3g\n", std::exp(theta.head(4).mean()),
              std::exp(theta.tail(8).mean()));
  return 0;
}
