// forward: the Jacobian recursion for all hyperparameters at once.
#pragma once
#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// Forward mode (Franceschi et al. 2017): X_{k+1} = P_k X_k + Q_k, g = l_u + X_T^T l_x, started from X = 0 at step T - window (a
/// cold run that is differentiated whole: from dx_0/du). Runs the map again from z_0 for as many steps as the solver took; no
/// tape, two s x m blocks. `residual` is the last increment ||X_T - X_{T-1}|| over the first, which at a fixed point is the
/// relative residual of (I - P) X = Q.
class TACIT_EXPORT ForwardEstimator final : public HypergradientEstimator {
public:
  Count window = Count::all();
  void fields(FieldVisitor& v) override;
  Needs needs() const override { return {{}, true}; }
  bool assumes_symmetry() const override { return false; }
  bool of_iterate() const override { return true; }
  /// The two s x m blocks.
  std::size_t stored_bytes(Index state_dim, Index outer_dim) const override;
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

}  // namespace tacit::inline TACIT_ABI
