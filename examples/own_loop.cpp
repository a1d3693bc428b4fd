// An outer loop of one's own over one problem: each point starts from the inner solution and the adjoint of the one before.
#include <cstdio>
#include <tacit/bilevel/oracle.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "ridge_task.hpp"
using namespace tacit;

int main() {
  const Problem problem = make_task(1);
  const auto oracle = make_oracle(problem, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  const Tolerance tight = oracle->tightest();
  Vec theta = Vec::Zero(problem.space.size()), velocity = theta;  // theta = ln u
  Evaluation current = oracle->differentiate(oracle->evaluate(theta, tight), tight);
  for (Index step = 1; step <= 60; ++step) {
    velocity = 0.9 * velocity - 2.0 * current.gradient;
    theta += velocity;
    problem.space.project(theta);
    current = oracle->differentiate(oracle->evaluate(theta, tight, &current), tight);
    if (!current.finite() || !usable(current.diagnostics.hypergradient_status)) {
      std::fprintf(stderr, "step %ld: %s\n", long(step), current.diagnostics.hypergradient_message.c_str());
      return 1;
    }
    if (step % 20 != 0) continue;
    current = oracle->diagnose(current, step, 1e-6);  // what is wrong with it, and what the warm start was worth
    std::printf("step %2ld: loss %.5f, hypergradient off by %.1e, warm start worth %.1f nats\n", long(step), current.value,
                current.diagnostics.hypergradient_error, current.diagnostics.head_start_nats);
  }
  std::printf("%ld Hessian products, and %ld for diagnostics\n", long(oracle->work().hessian_products),
              long(oracle->diagnostic_work().hessian_products));
  return 0;
}
