#include <tacit/problems/models/criteria.hpp>

#include <array>
#include <string>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

HoldoutLoss::HoldoutLoss(Design design, std::shared_ptr<const Loss> loss, Vec y, Vec weights)
    : design_(std::move(design)), loss_(std::move(loss)), y_(std::move(y)), share_(std::move(weights)) {
  if (!loss_) throw UsageError("a validation loss needs a loss, got none");
  if (y_.size() != design_.rows() || share_.size() != design_.rows())
    throw UsageError("a validation loss on " + std::to_string(design_.rows()) + " rows needs as many targets and weights; got " +
                     std::to_string(y_.size()) + " and " + std::to_string(share_.size()));
  if (!share_.allFinite() || (share_.array() < 0).any() || !(share_.sum() > 0))
    throw UsageError("the weights of the validation rows must be finite, not negative, and not all zero");
  if (const std::string wrong = loss_->check(y_); !wrong.empty()) throw UsageError(wrong);
  share_ /= share_.sum();
}

double HoldoutLoss::value(In x, In) const {
  return design_.visit(x, [&](Index row0, BlockIn t, BlockOut) {
    return loss_->weighted(t.rows(), t.data(), y_.data() + row0, share_.data() + row0, nullptr, nullptr);
  });
}

double HoldoutLoss::gradient(In x, In, Out gx, Out gu) const {
  gu.setZero();
  return design_.sweep(
      x,
      [&](Index row0, BlockIn t, BlockOut w) {
        return loss_->weighted(t.rows(), t.data(), y_.data() + row0, share_.data() + row0, w.data(), nullptr);
      },
      gx);
}

std::optional<std::array<double, 2>> HoldoutLoss::gradient_pair(In x, In second, In, OutM gx, OutM gu) const {
  gu.setZero();
  Mat points(x.size(), 2);
  points << x, second;
  Vec others = Vec::Zero(design_.rows());  // what each block returned at the second point, at its first row
  const double value = design_.sweep_batch(
      points,
      [&](Index row0, BlockIn t, BlockOut w) {
        const auto at = [&](Index k) {
          return loss_->weighted(t.rows(), t.col(k).data(), y_.data() + row0, share_.data() + row0, w.col(k).data(), nullptr);
        };
        others[row0] = at(1);
        return at(0);
      },
      gx);
  return std::array{value, others.sum()};
}

double HoldoutLoss::smoothness() const {
  std::call_once(kept_->once, [&] {
    const auto product = [&](In v, Out out) {
      design_.sweep(
          v, [&](Index row0, BlockIn t, BlockOut w) { w.col(0) = t.col(0).cwiseProduct(share_.segment(row0, t.rows())); }, out);
    };
    kept_->smoothness = loss_->curvature_bound() * lanczos_largest(product, design_.cols());
  });
  return kept_->smoothness;
}

Vec HoldoutLoss::row_losses(In x) const {
  Vec phi(design_.rows());
  design_.visit(x, [&](Index row0, BlockIn t, BlockOut) {
    loss_->evaluate(t.rows(), t.data(), y_.data() + row0, phi.data() + row0, nullptr, nullptr);
  });
  return phi;
}

}  // namespace tacit::inline TACIT_ABI
