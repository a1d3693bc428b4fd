// neumann, fixed-point and one-step: the adjoint of the inner map frozen at the last state.
#pragma once
#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// K terms of the Neumann series at the last state z_T: lam = v; K times g += Q^T lam, lam = P^T lam; g + l_u with v = (l_x, 0),
/// P = dA/dz and Q = dA/du at z_T (Lorraine, Vicol and Duvenaud 2020). After a solver that is no map: the gradient-descent map at
/// 1/L. `residual` is
/// ||lam_K|| / ||v||, that of (I - P)^T w = v.
class TACIT_EXPORT NeumannEstimator final : public HypergradientEstimator {
public:
  Index max_steps = 200;
  double relative_tolerance = 1e-6;  ///< stop when ||lam|| <= relative_tolerance ||v||; 0: exactly max_steps terms
  void fields(FieldVisitor& v) override;
  Needs needs() const override { return {}; }
  double tolerance() const override { return relative_tolerance; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

/// w <- P^T w + v from the w of the last outer step, g = l_u + Q^T w, both at z_T (Christianson 1994). From w = 0 it is the
/// Neumann series.
class TACIT_EXPORT FixedPointEstimator final : public HypergradientEstimator {
public:
  Index max_steps = 200;
  double relative_tolerance = 1e-6;  ///< stop when ||P^T w + v - w|| <= relative_tolerance ||v||; 0: exactly max_steps
  bool warm_start = true;
  void fields(FieldVisitor& v) override;
  Needs needs() const override { return {}; }
  double tolerance() const override { return relative_tolerance; }
  bool warm() const override { return warm_start; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

/// One term: g = l_u + Q^T v at z_T (Bolte, Pauwels and Vaiter 2023).
class TACIT_EXPORT OneStepEstimator final : public HypergradientEstimator {
public:
  void fields(FieldVisitor&) override {}
  Needs needs() const override { return {}; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

}  // namespace tacit::inline TACIT_ABI
