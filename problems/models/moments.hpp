// Ridge regression that reads its rows once: the problem of a fold from moments.
#pragma once
#include <memory>

#include <tacit/core/linear/moment_model.hpp>

namespace tacit::inline TACIT_ABI {

/// The weighted mean of squares l(x) = sum_i v_i (a_i x - y_i)^2 / 2 / sum_i v_i from the moments of the validation rows; l_u = 0.
/// Where less than MomentModel::kKept of its terms is left, because the fit is nearly exact, that of the rows, in a pass.
class TACIT_EXPORT MomentLoss final : public Criterion {
public:
  /// rows: the same criterion by its rows. moments: of these, columns as they act.
  MomentLoss(std::shared_ptr<const Criterion> rows, RowMoments moments, bool intercept);
  double value(In x, In u) const override;
  double least() const override { return 0; }
  double gradient(In x, In u, Out gx, Out gu) const override;
  /// The largest eigenvalue of A' V A; computed at the first call and kept.
  double smoothness() const override;
  /// The criterion that it stands for.
  const Criterion& rows() const { return *rows_; }

private:
  struct Kept;
  std::shared_ptr<const Criterion> rows_;
  MomentSquares squares_;
  std::shared_ptr<Kept> kept_;
};

/// What moments cost beside passes over the rows, in one place: with at most kMomentDim columns, twice as many rows as columns,
/// and no more than kMomentBytes for `sets` Gram matrices, they are cheaper and fit into memory.
inline constexpr Index kMomentDim = 5000;
inline constexpr double kMomentBytes = 2e9;
TACIT_EXPORT bool moments_pay(const Design& rows, std::size_t sets);

/// Sparse columns whose mean is so far from 0 that this share of digits is lost (RowMoments::lost) are left to passes.
inline constexpr double kMomentsLost = 1e4;

/// The same problem, a ridge regression, with f by the moments of its training rows and l by those of its validation rows, both
/// of the columns as they act. Same space, same solutions. A problem without a criterion stays without one. Throws UsageError
/// where f is no linear model with a quadratic loss.
TACIT_EXPORT Problem by_moments(const Problem& rows, RowMoments training, RowMoments validation);

}  // namespace tacit::inline TACIT_ABI
