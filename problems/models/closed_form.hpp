// Leave-one-out and generalized cross-validation of ridge regression in closed form.
#pragma once
#include <memory>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/problems/models/models.hpp>

namespace tacit::inline TACIT_ABI {

/// Which loss of all rows; p_i = 1 - h_i, h the diagonal of the hat matrix H with the intercept in it, r_i = a_i x - y_i.
enum class RowScore {
  leave_one_out,  ///< 1/2 (1/n) sum_i (r_i / p_i)^2: the loss of n fits without one row each (Allen 1974)
  gcv             ///< 1/2 (1/n) sum_i r_i^2 / (1 - tr H / n)^2 (Craven and Wahba 1979; Golub, Heath and Wahba 1979)
};

/// That loss of the fit x*(u) of all rows as l(x, u): p depends on u, so l_u is not 0. One pass a call; a new u costs about
/// rows columns min(rows, columns) operations, of one penalty for all rows columns, after an eigenvalue decomposition at the
/// first.
class TACIT_EXPORT RowScoreLoss final : public Criterion {
public:
  /// f: the inner objective; its rows have one and the same weight. Throws UsageError for unequal weights, a loss that is not
  /// quadratic, fewer than 2 rows, and for more than kLargest rows and columns.
  RowScoreLoss(std::shared_ptr<const LinearModel> f, RowScore score);
  double value(In x, In u) const override;
  double least() const override { return 0; }
  double gradient(In x, In u, Out gx, Out gu) const override;
  /// a_i x_(-i), the prediction of each row by the fit without it, x_(-i): y_i + r_i / p_i.
  Vec predictions_without(In x, In u) const;
  /// p_i, one entry a row.
  Vec left(In u) const;
  RowScore score() const { return score_; }
  const std::shared_ptr<const LinearModel>& f() const { return f_; }

  static constexpr Index kLargest = 5000;  ///< of the lesser of rows and columns

private:
  class Leverages;
  std::shared_ptr<const LinearModel> f_;
  RowScore score_;
  std::shared_ptr<Leverages> leverages_;
};

/// That loss of the training rows of `all`: f() is its f as it is for gcv; for leave_one_out with reduction mean with 1/(n - 1)
/// in place of 1/n, as each of the n fits has it, so that the same l2 means the same as in K folds with K = n. Scaling and fills
/// are those of all rows: they are not fitted anew without the row. Throws UsageError as the constructor does.
TACIT_EXPORT std::shared_ptr<const RowScoreLoss> row_score_loss(const Problem& all, RowScore score, Reduction reduction);
/// The problem of that loss and its f.
TACIT_EXPORT Problem row_score_problem(const Problem& all, std::shared_ptr<const RowScoreLoss> loss);

}  // namespace tacit::inline TACIT_ABI
