#include <tacit/hypergrad/estimators.hpp>

namespace tacit {

void check_pair(const std::string& estimator_name, const HypergradientEstimator& estimator, const std::string& solver_name,
                const InnerSolver& solver) {
  if (solver.can_record()) return;
  const Needs needs = estimator.needs();
  const char* remedy = "; use 'implicit-cg' or an iterative solver (gradient-descent, heavy-ball, nesterov)";
  if (needs.tape.wanted())
    throw UsageError(
        "estimator '" + estimator_name + "' needs a recorded trajectory; solver '" + solver_name + "' records none" + remedy,
        "hypergradient.estimator");
  if (needs.map)
    throw UsageError("estimator '" + estimator_name + "' differentiates the steps of a fixed-point map; solver '" + solver_name +
                         "' is none" + remedy,
                     "hypergradient.estimator");
}

void register_estimators(Registry<HypergradientEstimator>& registry) {
  registry.add("full-unroll", "reverse mode over all inner steps", [] { return std::make_unique<UnrollEstimator>(false); });
  registry.add("truncated-unroll", "reverse mode over the last K inner steps",
               [] { return std::make_unique<UnrollEstimator>(true); });
  registry.add("forward", "forward mode over all hyperparameters at once, no tape",
               [] { return std::make_unique<ForwardEstimator>(); });
  registry.add("implicit-cg", "implicit differentiation, the adjoint by conjugate gradients",
               [] { return std::make_unique<ImplicitCgEstimator>(); });
  registry.add("implicit-direct", "implicit differentiation, the adjoint by a dense Cholesky factor",
               [] { return std::make_unique<ImplicitDirectEstimator>(); });
  registry.add("neumann", "K terms of the Neumann series at the last iterate",
               [] { return std::make_unique<NeumannEstimator>(); });
  registry.add("fixed-point", "fixed-point iteration for the adjoint at the last iterate, warm-started",
               [] { return std::make_unique<FixedPointEstimator>(); });
  registry.add("one-step", "the derivative of one inner step at the last iterate",
               [] { return std::make_unique<OneStepEstimator>(); });
  registry.add("finite-difference", "central differences of the outer loss, two times two inner solves a hyperparameter",
               [] { return std::make_unique<FiniteDifferenceEstimator>(); });
}

}  // namespace tacit
