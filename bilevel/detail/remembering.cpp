#include <tacit/bilevel/detail/remembering.hpp>

#include <utility>

namespace tacit::inline TACIT_ABI::detail {
namespace {

class RememberingCriterion final : public Criterion {
public:
  explicit RememberingCriterion(std::shared_ptr<const Criterion> criterion) : criterion_(std::move(criterion)) {}

  double value(In x, In u) const override {
    if (const auto known = at(x, u)) return known->value;
    return criterion_->value(x, u);
  }
  double gradient(In x, In u, Out gx, Out gu) const override {
    auto known = at(x, u);
    if (!known) {
      auto found = std::make_shared<Point>(Point{x, u, Vec(gx.size()), Vec(gu.size())});
      found->value = criterion_->gradient(x, u, found->gx, found->gu);
      known = found;
      keep({std::move(found), nullptr});
    }
    gx = known->gx;
    gu = known->gu;
    return known->value;
  }
  std::optional<std::array<double, 2>> gradient_pair(In x, In second, In u, OutM gx, OutM gu) const override {
    const auto values = criterion_->gradient_pair(x, second, u, gx, gu);
    if (values) {
      keep({std::make_shared<Point>(Point{x, u, gx.col(0), gu.col(0), (*values)[0]}),
            std::make_shared<Point>(Point{second, u, gx.col(1), gu.col(1), (*values)[1]})});
    }
    return values;
  }
  double least() const override { return criterion_->least(); }
  double smoothness() const override { return criterion_->smoothness(); }

private:
  struct Point {
    Vec x, u, gx, gu;
    double value = 0;
  };
  using Points = std::array<std::shared_ptr<const Point>, 2>;
  /// Null: another point, or one with a NaN, which is equal to nothing.
  std::shared_ptr<const Point> at(In x, In u) const {
    const std::lock_guard guard(lock_);
    for (const auto& p : last_) {
      if (p && p->x.size() == x.size() && p->u.size() == u.size() && p->x == x && p->u == u) return p;
    }
    return nullptr;
  }
  void keep(Points points) const {
    const std::lock_guard guard(lock_);
    last_ = std::move(points);
  }

  std::shared_ptr<const Criterion> criterion_;
  mutable std::mutex lock_;
  mutable Points last_;
};

}  // namespace

std::shared_ptr<const Criterion> remembering(std::shared_ptr<const Criterion> criterion) {
  return std::make_shared<const RememberingCriterion>(std::move(criterion));
}

}  // namespace tacit::inline TACIT_ABI::detail
