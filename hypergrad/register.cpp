#include <tacit/hypergrad/estimators.hpp>

namespace tacit::inline TACIT_ABI {

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

}  // namespace tacit::inline TACIT_ABI
