// A linear model of squares whose rows were read once: every product goes through their moments.
#pragma once
#include <memory>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/linear/moments.hpp>

namespace tacit::inline TACIT_ABI {

/// The same f(x, u) as a linear model with quadratic loss, from the moments of its rows: d^2 multiplications a product, whatever
/// the number of rows. Where less than kKept of the terms of a sum of squares is left, because the fit is nearly exact, value and
/// gradient are those of the rows, in a pass.
class TACIT_EXPORT MomentModel final : public Objective {
public:
  /// squares: sum_i s_i phi(a_i x, y_i) of the model by its moments, s = row_weights(). Throws UsageError where the loss is not
  /// quadratic, or the moments are of other columns. many_points: see kTridiagonalDim.
  MomentModel(std::shared_ptr<const LinearModel> rows, std::shared_ptr<const MomentSquares> squares, bool many_points = true);

  Index inner_dim() const override { return rows_->inner_dim(); }
  Index outer_dim() const override { return rows_->outer_dim(); }
  double value(In x, In u) const override;
  double gradient(In x, In u, Out g) const override;
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at = nullptr) const override;
  void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const override;
  bool penalty_diagonal(In u, Out c) const override { return rows_->penalty_diagonal(u, c); }
  const LinearModel* linear() const override { return rows_.get(); }
  /// Eigenvalues of f_xx: at most kEigenDim columns, or one penalty (kTridiagonalDim) and centred columns or no intercept. Else
  /// bounds: the largest eigenvalue of the data's part plus the largest penalty, and the least penalty.
  double smoothness(In u) const override;
  double convexity(In u) const override;
  bool convex(In) const override { return true; }
  double derivative_lipschitz(In u, InM dx, In du) const override { return rows_->derivative_lipschitz(u, dx, du); }
  double gradient_scale(In u) const override;
  double gradient_terms(In u) const override;
  bool quadratic() const override { return true; }
  std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> counter) const override;

  static constexpr double kKept = 1e-4;
  /// One penalty for all, and many points to come: the Gram matrix is brought to tridiagonal form once, the cost of some eight
  /// factors, and every point after that takes two products instead of a factor; up to so many columns.
  static constexpr Index kTridiagonalDim = 2000;

private:
  class MomentCurvature;
  struct Parts;
  std::shared_ptr<const LinearModel> rows_;
  std::shared_ptr<Parts> parts_;
};

}  // namespace tacit::inline TACIT_ABI
