// full-unroll and truncated-unroll: reverse mode over the steps of the inner solver.
#pragma once
#include <optional>

#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// What a reverse sweep over the last K steps leaves behind.
struct ReverseSweep {
  Vec gradient;           ///< sum_j Q_j^T lam_j, m entries; Q_j = dA_j/du at the state z_j
  Vec left;               ///< lam at the earliest differentiated state
  Vec sum;                ///< sum of the lam_j that met a step, s entries
  std::size_t bytes = 0;  ///< peak bytes of stored states, a replayed segment included
};

/// lam = seed; for j = T-1 .. T-K: g += Q_j^T lam, lam = P_j^T lam (P_j = dA_j/dz). One pass over the data a step; states that
/// the tape keeps as checkpoints only are replayed, each segment once. Throws UsageError when the tape does not reach back K
/// steps.
TACIT_EXPORT ReverseSweep walk_back(const FixedPointMap& map, In u, const Trajectory& tape, Index window, In seed);

/// Reverse mode over all steps (Maclaurin, Duvenaud and Adams 2015) or the last K (Shaban et al. 2019). With stride s only every
/// s-th state is kept and the rest computed again. The last-K sweep is forward mode started from a zero Jacobian at step T - K.
/// `residual` is
/// ||lam_{T-K}|| / ||l_x||: on a quadratic with gradient descent the relative residual of the adjoint equation. With window auto
/// the sweep is sweep_to_target (automatic.hpp): it keeps at most kMostStates states and the inner solve ends where the target
/// needs no more.
class TACIT_EXPORT UnrollEstimator final : public HypergradientEstimator {
public:
  /// full-unroll (window: all) or truncated-unroll (window: 50, an option).
  explicit UnrollEstimator(bool truncated) : window(truncated ? Count::of(50) : Count::all()), truncated_(truncated) {}
  static constexpr Index kMostStates = 50;  ///< kept with window auto
  Count window;
  Count stride = Count::of(1);
  std::optional<Index> max_steps;  ///< with window auto: of the sweep; empty: sweep_limit
  std::size_t memory =
      0;  ///< with window auto: most bytes of the states kept, fewer than kMostStates when they are long; 0: no limit
  void fields(FieldVisitor& v) override;
  Needs needs() const override;
  bool of_iterate() const override { return !window.is_auto(); }
  void aim(double target) override { target_ = target; }
  void limit_memory(std::size_t bytes) override { memory = bytes; }
  double target() const override { return window.is_auto() ? target_ : 0; }
  bool warm() const override { return window.is_auto(); }
  Accuracy plan(const Problem& problem, In u, const InnerSolution* so_far, Calibration& calibration,
                Accuracy asked) const override;
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;

private:
  bool truncated_;
  double target_ = 1e-2;  ///< relative error of the hypergradient, with window auto
};

}  // namespace tacit::inline TACIT_ABI
