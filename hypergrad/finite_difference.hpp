// finite-difference: the hypergradient without any derivative of the inner solution.
#pragma once
#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// Central differences of order four of u -> l(x*(u), u), the inner problem solved to rounding at each point (four a
/// hyperparameter). Steps are taken in the scale of the hyperparameter (7e-4 in ln u). No inner solution but as a start; no error
/// of the inner solver enters. Of an iterate (Response::iterate) differences of l(x_K(u), u), its K steps run at each point.
class TACIT_EXPORT FiniteDifferenceEstimator final : public HypergradientEstimator {
public:
  /// eps^(1/5): truncation ~ step^4 and rounding ~ eps / step balance.
  static constexpr double kStep = 7.40095979741405e-4;
  void fields(FieldVisitor&) override {}
  Needs needs() const override { return {}; }
  bool assumes_symmetry() const override { return false; }
  bool of_iterate() const override { return true; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

}  // namespace tacit::inline TACIT_ABI
