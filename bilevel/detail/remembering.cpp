#include <tacit/bilevel/detail/remembering.hpp>

#include <utility>

namespace tacit::inline TACIT_ABI::detail {
namespace {

class RememberingCriterion final : public Criterion {
public:
  explicit RememberingCriterion(std::shared_ptr<const Criterion> criterion) : criterion_(std::move(criterion)) {}

  double value(In x, In u) const override {
    if (const auto last = at(x, u)) return last->value;
    return criterion_->value(x, u);
  }
  double gradient(In x, In u, Out gx, Out gu) const override {
    auto last = at(x, u);
    if (!last) {
      auto found = std::make_shared<Point>(Point{x, u, Vec(gx.size()), Vec(gu.size())});
      found->value = criterion_->gradient(x, u, found->gx, found->gu);
      const std::lock_guard guard(lock_);
      last_ = last = std::move(found);
    }
    gx = last->gx;
    gu = last->gu;
    return last->value;
  }
  double least() const override { return criterion_->least(); }
  double smoothness() const override { return criterion_->smoothness(); }

private:
  struct Point {
    Vec x, u, gx, gu;
    double value = 0;
  };
  /// Null: another point, or one with a NaN, which is equal to nothing.
  std::shared_ptr<const Point> at(In x, In u) const {
    const std::lock_guard guard(lock_);
    const bool same = last_ && last_->x.size() == x.size() && last_->u.size() == u.size() && last_->x == x && last_->u == u;
    return same ? last_ : nullptr;
  }

  std::shared_ptr<const Criterion> criterion_;
  mutable std::mutex lock_;
  mutable std::shared_ptr<const Point> last_;
};

}  // namespace

std::shared_ptr<const Criterion> remembering(std::shared_ptr<const Criterion> criterion) {
  return std::make_shared<const RememberingCriterion>(std::move(criterion));
}

}  // namespace tacit::inline TACIT_ABI::detail
