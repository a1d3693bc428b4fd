#include <tacit/core/inner/maps.hpp>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// What all maps here share: the objective, the frozen step size, the counter of steps.
class GradientMap : public FixedPointMap {
public:
  GradientMap(const Problem& problem, double alpha)
      : f_(problem.f), work_(problem.work), n_(problem.f->inner_dim()), alpha_(alpha) {}
  Index inner_dim() const override { return n_; }
  double step_size() const override { return alpha_; }
  std::size_t jacobian_bytes() const override { return f_->linearization_bytes(); }

protected:
  void count_step() const {
    if (work_) work_->map_steps.fetch_add(1, std::memory_order_relaxed);
  }
  std::shared_ptr<const Objective> f_;
  std::shared_ptr<WorkCounter> work_;
  Index n_;
  double alpha_;
};

// --- gradient descent: A(x) = x - alpha f_x, A_z = I - alpha H, A_u = -alpha f_xu ---

class DescentJacobian final : public StepJacobian {
public:
  DescentJacobian(std::unique_ptr<const Curvature> c, double alpha) : c_(std::move(c)), alpha_(alpha) {}
  void jvp(In dz, In du, Out out) const override {
    Vec cross(dz.size());
    c_->hessian(dz, out);
    c_->cross_t(du, cross);
    out = dz - alpha_ * (out + cross);
  }
  void vjp(In p, Out out_z, Out add_u) const override {
    Vec cross(add_u.size());
    c_->adjoint(p, out_z, cross);
    out_z = p - alpha_ * out_z;
    add_u -= alpha_ * cross;
  }

private:
  std::unique_ptr<const Curvature> c_;
  double alpha_;
};

class DescentMap final : public GradientMap {
public:
  using GradientMap::GradientMap;
  Index state_dim() const override { return n_; }
  void lift(In x, Out z) const override { z = x; }
  void lift_t(In p, Out out_x) const override { out_x = p; }
  void lift_tangents(InM dx, OutM dz) const override { dz = dx; }
  double step(Index, In z, In u, Out next) const override {
    count_step();
    f_->gradient(z, u, next);
    const double norm = next.norm();
    next = z - alpha_ * next;
    return norm;
  }
  std::unique_ptr<const StepJacobian> linearize(Index, In z, In u) const override {
    return std::make_unique<DescentJacobian>(f_->linearize(z, u), alpha_);
  }
  double step_and_linearize(Index, In z, In u, Out next, std::unique_ptr<const StepJacobian>& jacobian) const override {
    count_step();
    FirstOrder at;
    jacobian = std::make_unique<DescentJacobian>(f_->linearize(z, u, &at), alpha_);
    next = z - alpha_ * at.gradient;
    return at.gradient.norm();
  }
  void vjp(Index, In z, In u, In p, Out out_z, Out add_u) const override {
    Vec cross(add_u.size());
    f_->adjoint(z, u, p, out_z, cross);
    out_z = p - alpha_ * out_z;
    add_u -= alpha_ * cross;
  }
  void step_tangents(Index, In z, In u, InM dz, InM du, Out next, OutM dnext) const override {
    count_step();
    f_->tangents(z, u, dz, du, next, dnext);
    next = z - alpha_ * next;
    dnext = dz - alpha_ * dnext;
  }
};

// --- momentum, state z = (x, x_prev). With d = x - x_prev, y = x + gamma d (where the gradient is taken):
//     x+ = x + beta d - alpha f_x(y);   heavy ball: gamma = 0, Nesterov: gamma = beta ---

struct MomentumConstants {
  Index n;
  double alpha, beta, gamma;
};

/// out_z = A_z^T p from h = H_y p_x (given in out_z's head).
void momentum_vjp(const MomentumConstants& k, In p, Out out_z) {
  const auto px = p.head(k.n);
  for (Index i = 0; i < k.n; ++i) {
    const double pulled = -k.alpha * out_z[i];  // dx+ / dy applied to p_x
    out_z[i] = (1 + k.beta) * px[i] + (1 + k.gamma) * pulled + p[k.n + i];
    out_z[k.n + i] = -k.beta * px[i] - k.gamma * pulled;
  }
}

class MomentumJacobian final : public StepJacobian {
public:
  MomentumJacobian(std::unique_ptr<const Curvature> c, MomentumConstants k) : c_(std::move(c)), k_(k) {}
  void jvp(In dz, In du, Out out) const override {
    const auto dx = dz.head(k_.n), dprev = dz.tail(k_.n);
    const Vec dy = dx + k_.gamma * (dx - dprev);
    Vec cross(k_.n);
    c_->hessian(dy, out.head(k_.n));
    c_->cross_t(du, cross);
    out.head(k_.n) = dx + k_.beta * (dx - dprev) - k_.alpha * (out.head(k_.n) + cross);
    out.tail(k_.n) = dx;
  }
  void vjp(In p, Out out_z, Out add_u) const override {
    Vec cross(add_u.size());
    c_->adjoint(p.head(k_.n), out_z.head(k_.n), cross);
    momentum_vjp(k_, p, out_z);
    add_u -= k_.alpha * cross;
  }

private:
  std::unique_ptr<const Curvature> c_;
  MomentumConstants k_;
};

class MomentumMap final : public GradientMap {
public:
  MomentumMap(const Problem& problem, double alpha, double beta, double gamma)
      : GradientMap(problem, alpha), k_{problem.f->inner_dim(), alpha, beta, gamma} {}
  Index state_dim() const override { return 2 * n_; }
  double momentum() const override { return k_.beta; }
  double lookahead() const override { return k_.gamma; }
  void lift(In x, Out z) const override {
    z.head(n_) = x;
    z.tail(n_) = x;
  }
  void lift_t(In p, Out out_x) const override { out_x = p.head(n_) + p.tail(n_); }
  void lift_tangents(InM dx, OutM dz) const override {
    dz.topRows(n_) = dx;
    dz.bottomRows(n_) = dx;
  }
  double step(Index, In z, In u, Out next) const override {
    count_step();
    auto head = next.head(n_), tail = next.tail(n_);
    tail = z.head(n_) + k_.gamma * (z.head(n_) - z.tail(n_));  // y, until the gradient is there
    f_->gradient(tail, u, head);
    return moved(z, next);
  }
  std::unique_ptr<const StepJacobian> linearize(Index, In z, In u) const override {
    return std::make_unique<MomentumJacobian>(f_->linearize(point(z), u), k_);
  }
  double step_and_linearize(Index, In z, In u, Out next, std::unique_ptr<const StepJacobian>& jacobian) const override {
    count_step();
    FirstOrder at;
    jacobian = std::make_unique<MomentumJacobian>(f_->linearize(point(z), u, &at), k_);
    next.head(n_) = at.gradient;
    return moved(z, next);
  }
  void vjp(Index, In z, In u, In p, Out out_z, Out add_u) const override {
    Vec cross(add_u.size());
    f_->adjoint(point(z), u, p.head(n_), out_z.head(n_), cross);
    momentum_vjp(k_, p, out_z);
    add_u -= alpha_ * cross;
  }
  void step_tangents(Index, In z, In u, InM dz, InM du, Out next, OutM dnext) const override {
    count_step();
    const auto x = z.head(n_), prev = z.tail(n_);
    const auto dx = dz.topRows(n_), dprev = dz.bottomRows(n_);
    const Mat dy = dx + k_.gamma * (dx - dprev);
    f_->tangents(point(z), u, dy, du, next.head(n_), dnext.topRows(n_));
    next.head(n_) = x + k_.beta * (x - prev) - alpha_ * next.head(n_);
    next.tail(n_) = x;
    dnext.topRows(n_) = dx + k_.beta * (dx - dprev) - alpha_ * dnext.topRows(n_);
    dnext.bottomRows(n_) = dx;
  }

private:
  /// The state after z, where the gradient stands in the head of next; the norm of that.
  double moved(In z, Out next) const {
    const auto x = z.head(n_), prev = z.tail(n_);
    auto head = next.head(n_);
    const double norm = head.norm();
    head = x + k_.beta * (x - prev) - alpha_ * head;
    next.tail(n_) = x;
    return norm;
  }
  Vec point(In z) const { return z.head(n_) + k_.gamma * (z.head(n_) - z.tail(n_)); }
  MomentumConstants k_;
};

// --- choosing step size and momentum ---

double smoothness_of(const Problem& problem, In u) {
  const double l = problem.f->smoothness(u);
  if (!(l > 0) || !std::isfinite(l))
    throw NumericalError("no step size can be chosen: the smoothness of the inner objective is " + short_number(l) + "; give " +
                             option_name("inner.step"),
                         "inner.step");
  return l;
}

/// Whether the objective knows no convexity, which it says by 0, and not only at one point: at the upper end of the box too. That
/// is wrong use; a bound that is 0 by rounding at some u is not.
bool never_convex(const Problem& problem, double here) {
  if (here != 0 || problem.space.size() != problem.f->outer_dim()) return here == 0;
  static constexpr double kFar = 300;  // for no bound, in theta: finite on every scale
  Vec u(problem.space.size());
  problem.space.to_model(problem.space.upper().unaryExpr([](double t) { return std::isfinite(t) ? t : kFar; }), u);
  return problem.f->convexity(u) == 0;
}

/// (sqrt k - 1) / (sqrt k + 1) with k = L / mu, at least 0.
double momentum_quotient(const Problem& problem, double l, double mu, const std::string& algorithm) {
  const std::string remedy =
      "; give " + option_name("inner.momentum") + " (0.9, say) and " + option_name("inner.step") + ", or use gradient-descent";
  if (never_convex(problem, mu))
    throw UsageError(algorithm + " cannot choose its momentum: no positive lower bound of the inner curvature is known" + remedy,
                     "inner.momentum");
  const double root = std::sqrt(std::max(1.0, l / mu)), quotient = (root - 1) / (root + 1);
  if (!(mu > 0 && quotient < 1))
    throw NumericalError(algorithm + " cannot choose its momentum: the inner curvature is known to be at least " +
                             short_number(mu) + " here, which is not positive to rounding beside its largest, " +
                             short_number(l) + "; raise the lower end of the range of the penalty" + remedy,
                         "inner.momentum");
  return quotient;
}

constexpr const char* kStepDoc = "step size of the inner map";
const Range kMomentumRange{0, 1, false, true};

}  // namespace

Eigen::MatrixXd mode_matrix(const StepJacobian& jacobian, Index state_dim, Index outer_dim, In v) {
  const Index n = v.size(), copies = state_dim / n;
  const Vec still = Vec::Zero(outer_dim);
  Vec dz(state_dim), out(state_dim);
  Eigen::MatrixXd small(copies, copies);
  for (Index j = 0; j < copies; ++j) {
    dz.setZero();
    dz.segment(j * n, n) = v;
    jacobian.jvp(dz, still, out);
    for (Index i = 0; i < copies; ++i) small(i, j) = v.dot(out.segment(i * n, n));
  }
  return small;
}

double rate_along(const StepJacobian& jacobian, Index state_dim, Index outer_dim, In v) {
  const Eigen::MatrixXd small = mode_matrix(jacobian, state_dim, outer_dim, v);
  return small.allFinite() ? small.eigenvalues().cwiseAbs().maxCoeff() : std::numeric_limits<double>::quiet_NaN();
}

void GradientDescent::fields(FieldVisitor& v) {
  v.field("step", step, Range::positive(), "step size of the inner map; auto: 1/L");
}

std::unique_ptr<const FixedPointMap> GradientDescent::bind(const Problem& problem, In u) const {
  return std::make_unique<DescentMap>(problem, step ? *step : 1 / smoothness_of(problem, u));
}

void HeavyBall::fields(FieldVisitor& v) {
  v.field("step", step, Range::positive(),
          std::string(kStepDoc) + "; auto: 4/(sqrt L + sqrt mu)^2, at most (1 + sqrt momentum)^2/L");
  v.field("momentum", momentum, kMomentumRange, "weight of the last step; auto: ((sqrt k - 1)/(sqrt k + 1))^2, k = L/mu");
}

std::unique_ptr<const FixedPointMap> HeavyBall::bind(const Problem& problem, In u) const {
  if (step && momentum) return std::make_unique<MomentumMap>(problem, *step, *momentum, 0.0);
  const double l = smoothness_of(problem, u), mu = problem.f->convexity(u);
  double beta = 0, alpha = 0;
  if (momentum) {
    beta = *momentum;
  } else {
    const double q = momentum_quotient(problem, l, mu, "heavy-ball");
    beta = q * q;
  }
  if (step) {
    alpha = *step;
  } else {
    const double root = std::sqrt(l) + std::sqrt(std::min(std::max(0.0, mu), l)), stable = 1 + std::sqrt(beta);
    alpha = 4 / (root * root);
    if (momentum) alpha = std::min(alpha, stable * stable / l);
  }
  return std::make_unique<MomentumMap>(problem, alpha, beta, 0.0);
}

void Nesterov::fields(FieldVisitor& v) {
  v.field("step", step, Range::positive(), std::string(kStepDoc) + "; auto: 1/L");
  v.field("momentum", momentum, kMomentumRange, "weight of the last step; auto: (sqrt k - 1)/(sqrt k + 1), k = L/mu");
}

std::unique_ptr<const FixedPointMap> Nesterov::bind(const Problem& problem, In u) const {
  if (step && momentum) return std::make_unique<MomentumMap>(problem, *step, *momentum, *momentum);
  const double l = smoothness_of(problem, u), alpha = step ? *step : 1 / l;
  const double beta = momentum ? *momentum : momentum_quotient(problem, l, problem.f->convexity(u), "nesterov");
  return std::make_unique<MomentumMap>(problem, alpha, beta, beta);
}

void register_algorithms(Registry<Algorithm>& registry) {
  registry.add("gradient-descent", "x - step f_x(x); linear rate 1 - step mu",
               [] { return std::make_unique<GradientDescent>(); });
  registry.add("heavy-ball", "gradient descent with momentum (Polyak 1964); fastest on quadratics",
               [] { return std::make_unique<HeavyBall>(); });
  registry.add("nesterov", "accelerated gradient descent with constant momentum (Nesterov 2004)",
               [] { return std::make_unique<Nesterov>(); });
}

}  // namespace tacit::inline TACIT_ABI
