// Ridge regression that reads its rows once: the problem of a fold from moments.
#pragma once
#include <memory>

#include <tacit/core/linear/moment_model.hpp>
#include <tacit/problems/models/models.hpp>

namespace tacit::inline TACIT_ABI {

/// The weighted mean of squares l(x) = sum_i v_i (a_i x - y_i)^2 / 2 / sum_i v_i from the moments of the validation rows; l_u =
/// 0. Where less than MomentModel::kKept of its terms is left, because the fit is nearly exact, that of the rows, in a pass.
class TACIT_EXPORT MomentLoss final : public Criterion {
public:
  /// rows: the same criterion by its rows. squares: the weighted mean of their losses by moments.
  MomentLoss(std::shared_ptr<const Criterion> rows, std::shared_ptr<const MomentSquares> squares);
  double value(In x, In u) const override;
  double least() const override { return 0; }
  double gradient(In x, In u, Out gx, Out gu) const override;
  /// The largest eigenvalue of A' V A; computed at the first call and kept.
  double smoothness() const override;
  /// The criterion that it stands for.
  const Criterion& rows() const { return *rows_; }

private:
  std::shared_ptr<const Criterion> rows_;
  std::shared_ptr<const MomentSquares> squares_;
};

/// What moments cost beside passes over the rows, in one place: with at most kMomentDim columns, a Gram matrix of no more than
/// half as many entries as the rows have, and no more than kMomentBytes for `sets` of them, they are cheaper and fit into memory.
inline constexpr Index kMomentDim = 5000;
inline constexpr double kMomentBytes = 2e9;
TACIT_EXPORT bool moments_pay(const Design& rows, std::size_t sets);

/// Sparse columns whose mean is so far from 0 that this share of digits is lost (RowMoments::lost) are left to passes.
inline constexpr double kMomentsLost = 1e4;

/// The sums of squares of one problem, columns as they act: of its training rows as f has them, and the weighted mean of its
/// validation rows. Null: through the rows.
struct ProblemMoments {
  std::shared_ptr<const MomentSquares> training, validation;
  bool many_points = true;  ///< the problem will be solved at many hyperparameters
};
/// Raw moments of the rows of a part, for a problem whose columns act less centre and shift and over scale (empty: 0, 1); null
/// where RowMoments::lost says that rounding would show.
TACIT_EXPORT ProblemMoments problem_moments(const RowMoments& training, const RowMoments& validation, In shift, In scale,
                                            In centre, const ModelOptions& options);

/// The same problem, a ridge regression, with f and l through what is given of its moments. Same space, same solutions. Throws
/// UsageError where f is no linear model with a quadratic loss.
TACIT_EXPORT Problem by_moments(const Problem& rows, const ProblemMoments& moments);

}  // namespace tacit::inline TACIT_ABI
