#include <tacit/hypergrad/error_estimate.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>
#include <tacit/hypergrad/detail/near_steps.hpp>
#include <tacit/hypergrad/detail/newton.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr Index kCgLimit = 1000;
/// Of ||f_x||, what a step by the solver's factor may leave for that to stand in for CG.
constexpr double kNear = 0.4;
/// A bound is sharp when what is not known of the point behind it is at most this share of the error that it bounds.
constexpr double kSharp = 1e-4;

/// sqrt(sum_j s_j^2 a_j^2) over the coordinates that a hyperparameter penalises; s_j: scale of that hyperparameter.
double penalised(const LinearModel& f, In scale, In a) {
  double sum = 0;
  for (Index j = 0; j < a.size(); ++j) {
    const Index g = f.penalty().index(j);
    if (g >= 0) sum += scale[g] * scale[g] * a[j] * a[j];
  }
  return std::sqrt(sum);
}

/// Point, adjoint and hypergradient under correction.
class Correction {
public:
  Correction(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper, const ErrorOptions& options);

  /// Newton steps for x, then the adjoint there. past_floor: one step also where the gradient is rounding alone. False when f_xx
  /// is not positive definite or something is not finite.
  bool round(bool past_floor);
  /// Nothing left to correct but rounding.
  bool exhausted() const { return at_floor_ && (adjoint_at_floor_ || adjoint_residual_ <= 1e-14); }
  /// Whether the known convexity, if any, vouches for the hypergradient (in theta) to this much, rounding included.
  bool within(double much) const;
  /// There is one, and it does.
  bool vouched(double much) const { return problem_.f->convexity(u_) > 0 && within(much); }
  /// l(x) - w.f_x at the corrected point and adjoint, and the size of the second term.
  double outer_value() const { return value_ - w_.dot(point_.at.gradient); }
  double outer_value_left() const { return std::abs(w_.dot(point_.at.gradient)); }
  /// Rigorous, where bounded(): what outer_value() may be off.
  double value_remainder();
  /// Whether a rigorous bound of what is wrong with gradient() is known: quadratic linear model with mu > 0, smooth criterion.
  bool bounded() const;
  /// That bound, in theta.
  double remainder() { return remainder(here(), slope_) + 16 * kEps * size(g_); }
  /// What of it is the rounding of the residuals, which no correction takes away.
  double rounding();
  /// One correction that takes no product: of a quadratic f by its factor, the result unchecked. False without a factor.
  bool by_factor();
  /// A point and an adjoint with f_x, l_x, the residual l_x - f_xx w, and the hypergradient there.
  struct Exact {
    Vec x, w, fx, lx, left, gradient;
  };
  /// Steps with the factor that the solver has kept; none where that is not good enough.
  std::optional<detail::NearSteps> near_steps(In reported) const;
  /// ||.|| in theta
  double size(In gradient_u) const { return slope_.cwiseProduct(gradient_u).norm(); }
  /// By what an error is divided.
  double scale(In gradient_u) const { return std::max(size(gradient_u), options_.floor); }
  void bound(const Hypergradient& hyper, ErrorEstimate& e);

  const Vec& x() const { return point_.x; }
  double gradient_norm() const { return point_.norm(); }
  const Vec& adjoint() const { return w_; }
  const Vec& gradient() const { return g_; }
  /// Small residuals of the start, the inner point and the adjoint were solved for; or no residual hides anything.
  bool tight() const { return tight_; }

private:
  bool newton();
  bool newton_step();
  void step_past_floor();
  bool newton_direction(Vec& d);
  bool correct_adjoint();
  CgResult solve(In b, Out out);
  Vec adjoint_left();
  double adjoint_rounding() const;
  std::shared_ptr<const LinearOperator> preconditioner();
  void factor_here();
  Exact here();
  void sharpen(Exact& at);
  double remainder(const Exact& at, In scale) const;

  const Problem& problem_;
  Vec u_, slope_;
  const ErrorOptions& options_;
  std::shared_ptr<const LinearOperator> factor_, near_steps_inverse_;
  detail::NewtonPoint point_;
  Vec w_, lx_, lu_, g_;
  Vec hw_;                                                   ///< f_xx w at (point_.x, w_); empty: not known
  double value_ = std::numeric_limits<double>::quiet_NaN();  ///< l(point_.x)
  double floor_ = 0, adjoint_residual_ = 0;
  bool at_floor_ = false, adjoint_at_floor_ = false, tight_ = false, factored_ = false;
  bool exact_ = false;  ///< factor_ is that of f_xx at point_.x
  double left_;         ///< of ||f_x||, what a step by the factor that the solver kept leaves; NaN: not known
  bool near_ = false;   ///< steps by factor_ leave at most kNear of f_x: no mode is so soft that residuals hide it
};

Correction::Correction(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper,
                       const ErrorOptions& options)
    : problem_(problem), u_(u), slope_(detail::theta_slope(problem, u)), options_(options),
      factor_(inner.offered ? inner.offered : inner.inverse), near_steps_inverse_(detail::NearSteps::inverse_of(inner)),
      point_(detail::newton_point(problem, u, inner)), w_(Vec::Zero(inner.inner_dim)), lx_(w_.size()), lu_(u.size()),
      g_(u.size()), exact_(inner.exact_inverse() != nullptr),
      left_(inner.inverse ? inner.inverse_left : std::numeric_limits<double>::quiet_NaN()), near_(left_ <= kNear) {
  if (hyper.adjoint.size() == w_.size() && hyper.adjoint.allFinite()) w_ = hyper.adjoint;
  const double unit = inner.residual > 0 ? inner.gradient_norm / inner.residual : problem.f->gradient_scale(u_);
  floor_ = std::max(10 * kEps * unit, 4 * cancellation(*problem.f, u_));
  tight_ = near_ || (point_.at.gradient.norm() <= 1e-5 * unit && hyper.residual <= 1e-3);
  if (!bounded()) return;
  value_ = problem.l->gradient(point_.x, u_, lx_, lu_);
  g_ = detail::implicit_gradient(*point_.curvature, w_, lu_);
}

/// A factor of f_xx here while that costs no more than some products: what is left of a residual after few steps of CG says
/// nothing of modes as soft as those of more columns than rows.
std::shared_ptr<const LinearOperator> Correction::preconditioner() {
  if (!exact_ && !factored_) factor_here();
  return factor_ ? factor_ : point_.curvature->preconditioner(point_.x.size());
}

void Correction::factor_here() {
  const Index n = point_.x.size();
  factored_ = true;
  if (exact_ || n > LinearModel::kEigenDim) return;
  Mat h(n, n);
  const auto inverse = point_.curvature->dense(h) ? cholesky_inverse(h) : nullptr;
  exact_ = inverse != nullptr;
  if (exact_) factor_ = inverse;
}

CgResult Correction::solve(In b, Out out) {
  const auto m = preconditioner();
  CgOptions cg;
  cg.tolerance = options_.relative;
  cg.max_steps = kCgLimit;
  cg.preconditioner = m.get();
  cg.verify = false;
  return detail::solve_with(*point_.curvature, b, out, cg);
}

/// By the factor where it is that of this point or as good for a step, which takes no product.
bool Correction::newton_direction(Vec& d) {
  d = Vec::Zero(point_.x.size());
  (void)preconditioner();
  if (exact_ || near_) {
    factor_->apply(-point_.at.gradient, d);
    return d.allFinite();
  }
  const CgResult r = solve(-point_.at.gradient, d);
  return r.status != Status::negative_curvature && r.status != Status::failed && d.allFinite();
}

bool Correction::newton_step() {
  Vec d;
  if (!newton_direction(d)) return false;
  const double norm = point_.at.gradient.norm();
  // Where differences drown in rounding a few trials tell.
  if (detail::halve_step(problem_, u_, point_, d, norm <= 1e4 * floor_ ? 2 : 20)) {
    if (!problem_.f->quadratic()) {
      hw_.resize(0);
      exact_ = false;
    }
    return true;
  }
  at_floor_ = true;
  return norm <= 1e4 * floor_;
}

bool Correction::newton() {
  const double start = point_.at.gradient.norm();
  for (Index k = 0; k < options_.max_newton && !at_floor_; ++k) {
    const double norm = point_.at.gradient.norm();
    if (!std::isfinite(norm)) return false;
    at_floor_ = norm <= floor_;
    if (at_floor_ || (k > 0 && norm <= 0.1 * start)) break;
    if (!newton_step()) return false;
  }
  return true;
}

/// l_x - f_xx w. Where f_xx is constant its product with w outlives a step of x.
Vec Correction::adjoint_left() {
  if (hw_.size() != w_.size()) {
    hw_ = Vec::Zero(w_.size());
    if (!w_.isZero(0)) point_.curvature->hessian(w_, hw_);
  }
  return lx_ - hw_;
}

/// Rounding error of l_x - f_xx w.
double Correction::adjoint_rounding() const {
  const double smooth = problem_.f->smoothness(u_);
  return 16 * kEps * (lx_.norm() + (std::isfinite(smooth) ? smooth * w_.norm() : 0));
}

bool Correction::correct_adjoint() {
  value_ = problem_.l->gradient(point_.x, u_, lx_, lu_);
  const double unit = lx_.norm();
  Vec r = adjoint_left(), dw = Vec::Zero(point_.x.size());
  if (r.norm() > unit) {  // worse than no adjoint at all
    w_.setZero();
    r = lx_;
  }
  hw_.resize(0);
  const double wanted = options_.relative * r.norm();
  if (exact_) {
    factor_->apply(r, dw);
    w_ += dw;
    r = adjoint_left();  // what the factor's rounding left
    dw.setZero();
  }
  adjoint_at_floor_ = exact_ && r.norm() <= adjoint_rounding();
  Status status = Status::converged;
  if (!exact_ || !(r.norm() <= wanted || adjoint_at_floor_)) {
    const CgResult solved = solve(r, dw);
    status = solved.status;
    r *= solved.residual;
    w_ += dw;
    hw_.resize(0);
  }
  adjoint_residual_ = unit > 0 ? r.norm() / unit : 0;
  g_ = detail::implicit_gradient(*point_.curvature, w_, lu_);
  return status != Status::negative_curvature && status != Status::failed && g_.allFinite();
}

/// ||f_x||/mu and ||l_x - f_xx w||/mu are at least the errors of point and adjoint where H is constant, and nearly so elsewhere;
/// what they do to the cross term of a penalty is known, else their share of the lengths has to do.
bool Correction::within(double much) const {
  const double mu = problem_.f->convexity(u_);
  if (!(mu > 0)) return true;
  const double e = std::max(point_.at.gradient.norm(), at_floor_ ? floor_ : 0) / mu;
  const double w = std::max(adjoint_residual_ * lx_.norm(), adjoint_at_floor_ ? adjoint_rounding() : 0) / mu;
  if (const LinearModel* f = problem_.f->linear())
    return penalised(*f, slope_, point_.x) * w + penalised(*f, slope_, w_) * e <= much;
  const double share = much / size(g_);
  return e <= share * point_.x.norm() && w <= share * w_.norm();
}

/// A Newton step that is not held to lower anything: near the floor neither f nor the gradient can show that a soft mode
/// improves.
void Correction::step_past_floor() {
  Vec d;
  if (!newton_direction(d)) return;
  detail::NewtonPoint next = detail::newton_point(problem_, u_, point_.x + d);
  if (!(next.norm() <= 10 * std::max(floor_, point_.norm()))) return;
  point_ = std::move(next);
  if (problem_.f->quadratic()) return;
  hw_.resize(0);
  exact_ = false;
}

bool Correction::round(bool past_floor) {
  if (!newton()) return false;
  if (past_floor && at_floor_) step_past_floor();
  return correct_adjoint();
}

bool Correction::by_factor() {
  (void)preconditioner();
  if (!exact_ || !problem_.f->quadratic()) return false;
  Vec r = adjoint_left(), d(point_.x.size());
  factor_->apply(point_.at.gradient, d);
  point_.x -= d;
  r -= lx_;
  value_ = problem_.l->gradient(point_.x, u_, lx_, lu_);
  r += lx_;
  factor_->apply(r, d);
  w_ += d;
  g_ = detail::implicit_gradient(*problem_.f->linearize(point_.x, u_), w_, lu_);
  return g_.allFinite();
}

std::optional<detail::NearSteps> Correction::near_steps(In reported) const {
  using detail::NearSteps;
  const bool good = near_steps_inverse_ && NearSteps::suit(problem_) && !w_.isZero(0) && point_.norm() > floor_;
  if (!good) return std::nullopt;
  return NearSteps(problem_, u_, near_steps_inverse_, left_, {point_.x, point_.at.gradient, w_, reported});
}

Correction::Exact Correction::here() { return {point_.x, w_, point_.at.gradient, lx_, adjoint_left(), g_}; }

/// A step with the factor of f_xx, for what rounding, CG or a start that was good enough left.
void Correction::sharpen(Exact& at) {
  factor_here();
  if (!exact_) return;
  Vec lu(u_.size()), d(point_.x.size());
  factor_->apply(at.fx, d);
  at.x -= d;
  factor_->apply(at.left, d);
  at.w += d;
  problem_.f->gradient(at.x, u_, at.fx);
  problem_.l->gradient(at.x, u_, at.lx, lu);
  point_.curvature->hessian(at.w, at.left);
  at.left = at.lx - at.left;
  at.gradient = detail::implicit_gradient(*problem_.f->linearize(at.x, u_), at.w, lu);
}

bool Correction::bounded() const {
  const Objective& f = *problem_.f;
  return f.quadratic() && f.linear() && std::isfinite(problem_.l->smoothness()) && f.convexity(u_) > 0;
}

// With H constant, E = ||f_x(x)|| / mu >= ||x - x*|| and W = (||l_x - H w|| + L_l E) / mu >= ||w - w*||. The cross term of
// penalty g is sum_j x_j w_j over its coordinates, bilinear, so with F(a)^2 = sum_j s_j^2 a_j^2 (s: scale of the penalty of j)
//   ||s (f_ux(x) w - f_ux(x*) w*)|| <= F(x) W + F(w) E + max_j s_j E W.
// Norms that are rounding get the rounding of a product added.
double Correction::remainder(const Exact& at, In scale) const {
  const LinearModel& f = *problem_.f->linear();
  const double mu = problem_.f->convexity(u_), smooth = problem_.f->smoothness(u_);
  const double e = (at.fx.norm() + 16 * kEps * smooth * at.x.norm()) / mu;
  const double w = (at.left.norm() + 16 * kEps * (smooth * at.w.norm() + at.lx.norm()) + problem_.l->smoothness() * e) / mu;
  const double largest = scale.size() > 0 ? scale.cwiseAbs().maxCoeff() : 0;
  return penalised(f, scale, at.x) * w + penalised(f, scale, at.w) * e + largest * e * w;
}

double Correction::value_remainder() {
  const double mu = problem_.f->convexity(u_);
  const double e = (point_.norm() + 16 * kEps * problem_.f->smoothness(u_) * point_.x.norm()) / mu;
  return 0.5 * problem_.l->smoothness() * e * e + adjoint_left().norm() * e;
}

double Correction::rounding() {
  Exact at = here();
  at.fx.setZero();
  at.left.setZero();
  return remainder(at, slope_) + 16 * kEps * size(g_);
}

void Correction::bound(const Hypergradient& hyper, ErrorEstimate& e) {
  if (!bounded()) return;
  Exact at = here();
  const auto blunt = [&] {
    const double enough = std::max(kSharp * size(hyper.gradient - at.gradient), options_.told * scale(at.gradient));
    return remainder(at, slope_) > std::max(enough, 2 * rounding());
  };
  for (int k = 0; k < 2 && blunt(); ++k) sharpen(at);
  const Vec off = hyper.gradient - at.gradient;
  e.bound = off.norm() + remainder(at, Vec::Ones(u_.size())) + 16 * kEps * at.gradient.norm();
  const double left = remainder(at, slope_) + 16 * kEps * size(at.gradient);
  e.bound_theta = size(off) + left;
  e.least_theta = std::max(0.0, size(at.gradient) - left);
}

/// The outer loss as it is reported against the corrected one.
class ValueCheck {
public:
  explicit ValueCheck(double reported) : reported_(reported) {}
  /// left: of what the corrected value leaves open by estimate. True where that is little of the error, or next to nothing.
  bool known(double corrected, double left) {
    moved_ = std::abs(corrected - corrected_);
    corrected_ = corrected;
    left_ = left;
    return std::isnan(reported_) || left <= std::max(0.1 * off(), 1e-7 * std::abs(corrected));
  }
  /// rounding: no further step would improve the corrected value, and what the last one moved is open too.
  double error(bool rounding) const {
    const double open = rounding && !std::isnan(moved_) ? std::max(left_, moved_) : left_;
    return off() + open + 4 * kEps * std::abs(reported_);
  }

private:
  double off() const { return std::abs(reported_ - corrected_); }
  double reported_, corrected_ = std::numeric_limits<double>::quiet_NaN();
  double left_ = 0, moved_ = 0;
};

/// Whether the residuals in hand tell the errors without a corrective solve: what they leave open is little of them, or next to
/// nothing.
bool told(Correction& correction, const Hypergradient& hyper, const ErrorOptions& options, ValueCheck& value, ErrorEstimate& e) {
  if (!correction.bounded() || !correction.gradient().allFinite()) return false;
  const double left = correction.remainder(), size = correction.scale(correction.gradient());
  const double off = correction.size(hyper.gradient - correction.gradient());
  if (!(left <= std::max(options.told * size, options.resolution * std::min(off, size)))) return false;
  if (!value.known(correction.outer_value(), correction.value_remainder())) return false;
  e.value_error = value.error(false);
  correction.bound(hyper, e);
  const bool better = correction.by_factor();
  e.corrected = correction.gradient();
  e.adjoint = correction.adjoint();
  e.error = better ? correction.size(hyper.gradient - e.corrected) : std::max(off, left);
  e.status = Status::converged;
  return true;
}

/// Of what a corrected value leaves open, as a share of its first-order term: that is taken out, with an adjoint good to a
/// percent.
constexpr double kValueShare = 0.05;

/// Steps with the factor that the solver has kept, where that knows f_xx so well that they tell the error.
bool told_by_near_steps(const Correction& correction, const Hypergradient& hyper, const ErrorOptions& options, ValueCheck& value,
                        ErrorEstimate& e) {
  constexpr Index kMost = 6;
  constexpr double kRough = 0.3;  // of an error that is negligible
  auto steps = correction.near_steps(hyper.gradient);
  while (steps && steps->count() < kMost) {
    const bool first = steps->count() == 0;
    if (!steps->step(first ? options.along : Vec())) return false;
    const detail::NearSteps::At& at = steps->at();
    const double error = correction.size(hyper.gradient - at.gradient), size = correction.scale(at.gradient);
    const double share = error <= options.negligible * size ? kRough : options.resolution;
    const double along = at.w.dot(at.fx);
    if (!(steps->open() <= std::max(share * std::min(error, size), 1e-13 * size))) continue;
    if (!value.known(steps->value() - along, kValueShare * std::abs(along))) continue;
    e.error = error;
    e.value_error = value.error(false);
    e.corrected = at.gradient;
    e.adjoint = at.w;
    e.x = at.x;
    e.along = steps->along();
    e.fx = at.fx;
    e.distance = steps->distance();
    e.gradient_norm = at.fx.norm();
    e.rounds = steps->count();
    if (!first) e.uncertainty = steps->moved();
    e.status = Status::converged;
    return true;
  }
  return false;
}

/// One round after another until hypergradient and outer loss are known.
void correct(Correction& correction, const Hypergradient& hyper, const ErrorOptions& options, ValueCheck& value,
             ErrorEstimate& e) {
  bool past_floor = false, rounding = false;
  while (e.rounds < options.max_rounds && e.status == Status::step_limit) {
    if (!correction.round(past_floor)) {
      e.status = Status::failed;
      break;
    }
    const Vec last = std::exchange(e.corrected, correction.gradient());
    const double before = e.uncertainty;
    e.adjoint = correction.adjoint();
    e.error = correction.size(hyper.gradient - e.corrected);
    // The reported quotient is as uncertain as its smaller part: the error, or the true length that it is divided by.
    const double size = correction.scale(e.corrected), smaller = std::min(e.error, size);
    // Residuals of modes softer than all that was seen are small; their errors need not be.
    const double much = std::max(options.resolution * smaller, options.negligible * size);
    rounding = correction.exhausted();
    const bool hidden = rounding && size > 0 && !correction.vouched(much);
    bool known = correction.bounded() && correction.remainder() <= options.resolution * smaller;
    if (e.rounds == 0) {
      known = known || (!hidden && (rounding || (correction.tight() && e.error <= options.negligible * size)));
    } else {
      e.uncertainty = correction.size(e.corrected - last);
      known = known || e.uncertainty <= std::max(options.resolution * smaller, 1e-13 * size);
      known = known || (past_floor && rounding && e.uncertainty >= 0.3 * before);  // moved by rounding, not towards anything
    }
    const double left = (rounding ? 1 : kValueShare) * correction.outer_value_left();
    const bool value_known = value.known(correction.outer_value(), left) || (rounding && (past_floor || !hidden));
    const bool sure = size == 0 || (rounding && past_floor) || correction.within(much);
    if (known && sure && value_known) e.status = Status::converged;
    past_floor = hidden;
    ++e.rounds;
  }
  if (e.rounds == 0) return;
  if (rounding) e.error = std::fmax(e.error, e.uncertainty);
  if (!std::isnan(options.value) && std::isfinite(correction.outer_value())) e.value_error = value.error(rounding);
}

}  // namespace

ErrorEstimate estimate_error(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper,
                             const ErrorOptions& options) {
  require_solution(problem, "the error estimate");
  ErrorEstimate e;
  const Vec start = inner.x();
  e.x = start;
  if (!start.allFinite() || hyper.gradient.size() != u.size()) {
    e.status = Status::failed;
    return e;
  }
  Correction correction(problem, u, inner, hyper, options);
  ValueCheck value(options.value);
  if (!told_by_near_steps(correction, hyper, options, value, e)) {
    const bool at_once = told(correction, hyper, options, value, e);
    if (!at_once) {
      e.status = Status::step_limit;
      correct(correction, hyper, options, value, e);
      e.gradient_norm = correction.gradient_norm();
    }
    if (e.status != Status::failed && e.rounds > 0) correction.bound(hyper, e);
    e.x = correction.x();
  }
  e.iterate_error = (e.x - start).norm();
  return e;
}

}  // namespace tacit::inline TACIT_ABI
