#include <tacit/hypergrad/detail/near_steps.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>

namespace tacit::inline TACIT_ABI::detail {

namespace {

/// What is left now lies in the modes that M knows least.
constexpr double kMore = 2;

/// x - M f_x
Vec moved_by(const LinearOperator& inverse, In x, In fx) {
  Vec d(x.size());
  inverse.apply(fx, d);
  return x - d;
}

}  // namespace

NearSteps::NearSteps(const Problem& problem, In u, std::shared_ptr<const LinearOperator> inverse, double left, At at,
                     double moved)
    : problem_(problem), u_(u), slope_(theta_slope(problem, u)), inverse_(std::move(inverse)), left_(left),
      floor_(std::max(1e-12 * problem.f->gradient_scale(u), 4 * cancellation(*problem.f, u))), moved_(moved), at_(std::move(at)) {
}

bool NearSteps::suit(const Problem& problem) { return problem.f->linear() && !problem.f->quadratic(); }

std::shared_ptr<const LinearOperator> NearSteps::inverse_of(const InnerSolution& inner) {
  if (!inner.inverse || !(inner.inverse_left <= kMostLeft)) return nullptr;
  return inner.offered ? inner.offered : inner.inverse;
}

std::optional<Vec> NearSteps::first_point(const Problem& problem, const InnerSolution& inner) {
  const auto inverse = inverse_of(inner);
  if (!inverse || !suit(problem) || !inner.curvature || inner.gradient.size() != inner.inner_dim) return std::nullopt;
  return moved_by(*inverse, inner.x(), inner.gradient);
}

bool NearSteps::step(const Vec& along) {
  const Index n = at_.x.size(), m = u_.size(), vectors = along.size() == n ? 2 : 1;
  const double was = at_.fx.norm();
  at_.x = moved_by(*inverse_, at_.x, at_.fx);
  Mat w(n, vectors), hw(n, vectors);
  w.col(0) = at_.w;
  if (vectors == 2) w.col(1) = along;
  problem_.f->tangents(at_.x, u_, w, Mat::Zero(m, vectors), at_.fx, hw);
  if (vectors == 2) along_ = hw.col(1);
  const double is = at_.fx.norm();
  if (!(is <= kMostLeft * was || is <= floor_)) return false;
  if (was > floor_) left_ = std::fmax(left_, is / was);
  Vec d(n), lx(n), lu(m), cross(m);
  value_ = problem_.l->gradient(at_.x, u_, lx, lu);
  inverse_->apply(lx - hw.col(0), d);
  at_.w += d;
  problem_.f->linear()->penalty().cross(at_.x, at_.w, cross);
  const Vec last = std::exchange(at_.gradient, lu - cross);
  before_ = std::exchange(moved_, slope_.cwiseProduct(at_.gradient - last).norm());
  ++count_;
  return std::isfinite(value_) && at_.gradient.allFinite();
}

/// What steps have left of each other goes on, or what M is known to leave, doubled: a step can happen to leave less.
double NearSteps::open() const {
  const double seen = before_ > 0 ? moved_ / before_ : 0;
  const double rate = std::max(seen, kMore * left_);
  if (!(rate < 1)) return std::numeric_limits<double>::infinity();
  return moved_ * rate / (1 - rate);
}

double NearSteps::distance() const {
  Vec d(at_.x.size());
  inverse_->apply(at_.fx, d);
  return 2 * d.norm();
}

}  // namespace tacit::inline TACIT_ABI::detail
