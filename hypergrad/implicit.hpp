// implicit-cg and implicit-direct: the implicit function theorem at the inner solution.
#pragma once
#include <string>

#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// Solves f_xx w = l_x by preconditioned CG from the last outer step's w; g = l_u - f_ux w (Pedregosa 2016). With a target and
/// preconditioner auto, what max_steps would end goes on with a factor of f_xx as preconditioner, up to 2000 variables.
class TACIT_EXPORT ImplicitCgEstimator final : public HypergradientEstimator {
public:
  Index max_steps = 200;
  double relative_tolerance = 1e-6;  ///< ||l_x - f_xx w|| <= relative_tolerance ||l_x||; 0: exactly max_steps
  bool warm_start = true;
  std::string preconditioner = "auto";  ///< auto | none | jacobi | factor
  void fields(FieldVisitor& v) override;
  Needs needs() const override { return {}; }
  void aim(double target) override { target_ = target; }
  double target() const override { return target_; }
  Accuracy plan(const Problem& problem, In u, const InnerSolution* so_far, Calibration& calibration,
                Accuracy asked) const override;
  double tolerance() const override { return relative_tolerance; }
  bool warm() const override { return warm_start; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;

private:
  double target_ = 0;  ///< relative error of the hypergradient; 0: the residual alone decides
};

/// The same by a dense Cholesky factor of f_xx and one step of iterative refinement; a factor that the inner solver left at this
/// very point is used again. Throws UsageError for more than kLargest inner variables.
class TACIT_EXPORT ImplicitDirectEstimator final : public HypergradientEstimator {
public:
  static constexpr Index kLargest = 5000;
  void fields(FieldVisitor&) override {}
  Needs needs() const override { return {}; }
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override;
};

}  // namespace tacit::inline TACIT_ABI
