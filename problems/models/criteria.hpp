// Outer criteria on validation rows.
#pragma once
#include <array>
#include <memory>
#include <mutex>
#include <optional>

#include <tacit/core/linear/linear_model.hpp>

namespace tacit::inline TACIT_ABI {

/// l(x) = sum_i v_i phi(a_i x, y_i) / sum_i v_i over the validation rows; l_u = 0. One pass.
class TACIT_EXPORT HoldoutLoss final : public Criterion {
public:
  /// Throws UsageError when sizes differ, no row has a positive weight, or the loss does not take y.
  HoldoutLoss(Design design, std::shared_ptr<const Loss> loss, Vec y, Vec weights);
  double value(In x, In u) const override;
  double least() const override { return loss_->least(); }
  double gradient(In x, In u, Out gx, Out gu) const override;
  std::optional<std::array<double, 2>> gradient_pair(In x, In second, In u, OutM gx, OutM gu) const override;
  /// sup |phi''| times the largest eigenvalue of A' V A; computed at the first call and kept.
  double smoothness() const override;
  /// The loss of each validation row, one pass.
  Vec row_losses(In x) const;
  const Design& design() const { return design_; }
  const Loss& loss() const { return *loss_; }
  const Vec& targets() const { return y_; }
  /// v_i / sum v
  const Vec& shares() const { return share_; }

private:
  Design design_;
  std::shared_ptr<const Loss> loss_;
  Vec y_, share_;
  struct Kept {
    std::once_flag once;
    double smoothness = 0;
  };
  std::shared_ptr<Kept> kept_ = std::make_shared<Kept>();
};

}  // namespace tacit::inline TACIT_ABI
