#include <tacit/problems/models/moments.hpp>

#include <mutex>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

struct MomentLoss::Kept {
  std::once_flag once;
  double smoothness = 0;
};

namespace {

MomentSquares weighted_mean(RowMoments moments, bool intercept) {
  const double factor = 1 / moments.weight;
  return {std::move(moments), intercept, factor};
}

}  // namespace

MomentLoss::MomentLoss(std::shared_ptr<const Criterion> rows, RowMoments moments, bool intercept)
    : rows_(std::move(rows)), squares_(weighted_mean(std::move(moments), intercept)), kept_(std::make_shared<Kept>()) {
  if (!rows_) throw UsageError("a validation loss by moments needs the loss by rows that it stands for");
}

double MomentLoss::value(In x, In u) const {
  Vec g(x.size());
  const MomentSquares::Value q = squares_.gradient(x, g);
  return q.kept < MomentModel::kKept ? rows_->value(x, u) : q.value;
}

double MomentLoss::gradient(In x, In u, Out gx, Out gu) const {
  const MomentSquares::Value q = squares_.gradient(x, gx);
  if (q.kept < MomentModel::kKept) return rows_->gradient(x, u, gx, gu);
  gu.setZero();
  return q.value;
}

double MomentLoss::smoothness() const {
  std::call_once(kept_->once, [&] {
    kept_->smoothness = lanczos_largest([&](In v, Out out) { squares_.product(v, out); }, squares_.dim());
  });
  return kept_->smoothness;
}

bool moments_pay(const Design& rows, std::size_t sets) {
  const Index d = rows.features();
  const double bytes = 8.0 * static_cast<double>(d) * static_cast<double>(d) * static_cast<double>(sets);
  return d > 0 && d <= kMomentDim && 2 * d <= rows.rows() && bytes <= kMomentBytes;
}

Problem by_moments(const Problem& rows, RowMoments training, RowMoments validation) {
  const LinearModel* linear = rows.f ? rows.f->linear() : nullptr;
  if (!linear) throw UsageError("problem '" + rows.name + "' is no linear model; moments stand for nothing else");
  const std::shared_ptr<const LinearModel> f(rows.f, linear);
  Problem problem = rows;
  problem.f = std::make_shared<MomentModel>(f, std::move(training));
  if (rows.l) problem.l = std::make_shared<MomentLoss>(rows.l, std::move(validation), f->design().intercept());
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
