#include <tacit/problems/models/moments.hpp>

#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

MomentLoss::MomentLoss(std::shared_ptr<const Criterion> rows, std::shared_ptr<const MomentSquares> squares)
    : rows_(std::move(rows)), squares_(std::move(squares)) {
  if (!rows_ || !squares_) throw UsageError("a validation loss by moments needs them, and the loss by rows that it stands for");
}

double MomentLoss::value(In x, In u) const {
  Vec g(x.size());
  const MomentSquares::Value q = squares_->gradient(x, g);
  return q.kept < MomentModel::kKept ? rows_->value(x, u) : q.value;
}

double MomentLoss::gradient(In x, In u, Out gx, Out gu) const {
  const MomentSquares::Value q = squares_->gradient(x, gx);
  if (q.kept < MomentModel::kKept) return rows_->gradient(x, u, gx, gu);
  gu.setZero();
  return q.value;
}

double MomentLoss::smoothness() const { return squares_->largest_eigenvalue(); }

bool moments_pay(const Design& rows, std::size_t sets) {
  const Index d = rows.features();
  const double bytes = 8.0 * static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(sets);
  return d > 0 && d <= kMomentDim && 2 * d * d <= rows.stored() && bytes <= kMomentBytes;
}

ProblemMoments problem_moments(const RowMoments& training, const RowMoments& validation, In shift, In scale, In centre,
                               const ModelOptions& options) {
  const auto squares = [&](const RowMoments& raw, bool mean) -> std::shared_ptr<const MomentSquares> {
    if (!(raw.weight > 0) || raw.lost() > kMomentsLost) return nullptr;
    return std::make_shared<const MomentSquares>(standardized(raw, shift, scale, centre), options.intercept,
                                                 mean ? 1 / raw.weight : 1);
  };
  return {squares(training, options.reduction == Reduction::mean), squares(validation, true), true};
}

Problem by_moments(const Problem& rows, const ProblemMoments& moments) {
  const LinearModel* linear = rows.f ? rows.f->linear() : nullptr;
  if (!linear) throw UsageError("problem '" + rows.name + "' is no linear model; moments stand for nothing else");
  Problem problem = rows;
  if (moments.training)
    problem.f =
        std::make_shared<MomentModel>(std::shared_ptr<const LinearModel>(rows.f, linear), moments.training, moments.many_points);
  if (rows.l && moments.validation) problem.l = std::make_shared<MomentLoss>(rows.l, moments.validation);
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
