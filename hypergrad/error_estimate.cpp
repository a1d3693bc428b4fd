#include <tacit/hypergrad/error_estimate.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/linear_model.hpp>
#include <tacit/hypergrad/adjoint_solve.hpp>

namespace tacit {

namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();
constexpr Index kCgLimit = 1000;

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

  /// Newton steps for x, then the adjoint there. False when f_xx is not positive definite or something is not finite.
  bool round();
  /// Nothing left to correct but rounding.
  bool exhausted() const { return at_floor_ && adjoint_residual_ <= 1e-14; }
  /// Whether the known convexity, if any, vouches for the hypergradient (in theta) to this much.
  bool within(double much) const;
  /// ||.|| in theta
  double size(In gradient_u) const { return slope_.cwiseProduct(gradient_u).norm(); }
  void bound(const Hypergradient& hyper, ErrorEstimate& e) const;

  const Vec& x() const { return x_; }
  const Vec& adjoint() const { return w_; }
  const Vec& gradient() const { return g_; }
  /// Small residuals of the start: the inner point and the adjoint were solved for.
  bool tight() const { return tight_; }

private:
  bool newton();
  bool newton_step();
  bool correct_adjoint();
  std::shared_ptr<const LinearOperator> preconditioner();
  /// A point and an adjoint with f_x, l_x, the residual l_x - f_xx w, and the hypergradient there.
  struct Exact {
    Vec x, w, fx, lx, left, gradient;
  };
  Exact sharpen() const;
  double remainder(const Exact& at, In scale) const;

  const Problem& problem_;
  Vec u_, slope_;
  const ErrorOptions& options_;
  std::shared_ptr<const LinearOperator> factor_;
  Vec x_, w_, lx_, lu_, g_;
  FirstOrder at_;
  std::unique_ptr<const Curvature> c_;
  double floor_ = 0, adjoint_residual_ = 0;
  bool at_floor_ = false, tight_ = false, factored_ = false;
};

Correction::Correction(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper,
                       const ErrorOptions& options)
    : problem_(problem), u_(u), slope_(detail::theta_slope(problem, u)), options_(options), factor_(inner.inverse), x_(inner.x()),
      w_(Vec::Zero(x_.size())), lx_(x_.size()), lu_(u.size()), g_(u.size()) {
  if (hyper.adjoint.size() == x_.size() && hyper.adjoint.allFinite()) w_ = hyper.adjoint;
  c_ = problem.f->linearize(x_, u_, &at_);
  const double unit = inner.residual > 0 ? inner.gradient_norm / inner.residual : problem.f->gradient_scale(u_);
  floor_ = 10 * kEps * unit;
  tight_ = at_.gradient.norm() <= 1e-5 * unit && hyper.residual <= 1e-3;
}

/// A factor of f_xx while that costs no more than some products: what is left of a residual after few steps of CG says nothing
/// of modes as soft as those of more columns than rows.
std::shared_ptr<const LinearOperator> Correction::preconditioner() {
  const Index n = x_.size();
  if (!factor_ && !factored_ && n <= LinearModel::kEigenDim) {
    factored_ = true;
    if (Mat h(n, n); c_->dense(h)) factor_ = cholesky_inverse(h);
  }
  return factor_ ? factor_ : detail::jacobi(*c_, n);
}

bool Correction::newton_step() {
  const auto m = preconditioner();
  CgOptions cg;
  cg.tolerance = options_.relative;
  cg.max_steps = kCgLimit;
  cg.preconditioner = m.get();
  cg.verify = false;
  Vec d = Vec::Zero(x_.size());
  const CgResult r = detail::solve_with(*c_, -at_.gradient, d, cg);
  if (r.status == Status::negative_curvature || r.status == Status::failed || !d.allFinite()) return false;
  const double norm = at_.gradient.norm(), slope = at_.gradient.dot(d);
  // Where differences drown in rounding a few trials tell.
  const int trials = norm <= 1e4 * floor_ ? 2 : 20;
  double t = 1;
  for (int k = 0; k < trials; ++k, t /= 2) {
    FirstOrder trial;
    const Vec candidate = x_ + t * d;
    auto next = problem_.f->linearize(candidate, u_, &trial);
    if (detail::improves(at_, trial, t * slope)) {
      x_ = candidate;
      at_ = std::move(trial);
      c_ = std::move(next);
      return true;
    }
  }
  at_floor_ = true;
  return norm <= 1e4 * floor_;
}

bool Correction::newton() {
  const double start = at_.gradient.norm();
  for (Index k = 0; k < options_.max_newton && !at_floor_; ++k) {
    const double norm = at_.gradient.norm();
    if (!std::isfinite(norm)) return false;
    at_floor_ = norm <= floor_;
    if (at_floor_ || (k > 0 && norm <= 0.1 * start)) break;
    if (!newton_step()) return false;
  }
  return true;
}

bool Correction::correct_adjoint() {
  problem_.l->gradient(x_, u_, lx_, lu_);
  const double unit = lx_.norm();
  Vec r = lx_, dw = Vec::Zero(x_.size());
  if (!w_.isZero(0)) {
    c_->hessian(w_, r);
    r = lx_ - r;
    if (r.norm() > unit) {  // worse than no adjoint at all
      w_.setZero();
      r = lx_;
    }
  }
  const auto m = preconditioner();
  CgOptions cg;
  cg.tolerance = options_.relative;
  cg.max_steps = kCgLimit;
  cg.preconditioner = m.get();
  cg.verify = false;
  const CgResult solved = detail::solve_with(*c_, r, dw, cg);
  adjoint_residual_ = unit > 0 ? solved.residual * r.norm() / unit : 0;
  w_ += dw;
  g_ = detail::implicit_gradient(*c_, w_, lu_);
  return solved.status != Status::negative_curvature && solved.status != Status::failed && g_.allFinite();
}

/// ||f_x||/mu and ||l_x - f_xx w||/mu are at least the errors of point and adjoint where H is constant, and nearly so elsewhere;
/// what they do to the cross term of a penalty is known, else their share of the lengths has to do.
bool Correction::within(double much) const {
  const double mu = problem_.f->convexity(u_);
  if (!(mu > 0)) return true;
  const double e = at_floor_ ? 0 : at_.gradient.norm() / mu, w = adjoint_residual_ * lx_.norm() / mu;
  if (const LinearModel* f = problem_.f->linear()) return penalised(*f, slope_, x_) * w + penalised(*f, slope_, w_) * e <= much;
  const double share = much / size(g_);
  return e <= share * x_.norm() && w <= share * w_.norm();
}

bool Correction::round() { return newton() && correct_adjoint(); }

/// The nearest to the solution that is cheap: a dense solve where the factor is, else what the rounds left.
Correction::Exact Correction::sharpen() const {
  const Index n = x_.size();
  Exact e{x_, w_, Vec(n), Vec(n), Vec(n), g_};
  Mat h(n, n);
  const auto inverse = n <= LinearModel::kEigenDim && c_->dense(h) ? cholesky_inverse(h) : nullptr;
  Vec lu(u_.size()), d(n);
  for (int k = 0; k < 3; ++k) {
    problem_.f->gradient(e.x, u_, e.fx);
    problem_.l->gradient(e.x, u_, e.lx, lu);
    c_->hessian(e.w, e.left);
    e.left = e.lx - e.left;
    if (!inverse || k == 2) break;
    inverse->apply(e.fx, d);
    e.x -= d;
    inverse->apply(e.left, d);
    e.w += d;
  }
  e.gradient = detail::implicit_gradient(*problem_.f->linearize(e.x, u_), e.w, lu);
  return e;
}

// With H constant, E = ||f_x(x)|| / mu >= ||x - x*|| and W = (||l_x - H w|| + L_l E) / mu >= ||w - w*||. The cross term of
// penalty g is sum_j x_j w_j over its coordinates, bilinear, so with F(a)^2 = sum_j s_j^2 a_j^2 (s: scale of the penalty of j)
//   ||s (f_ux(x) w - f_ux(x*) w*)|| <= F(x) W + F(w) E + max_j s_j E W.
// Norms that are rounding get the rounding of a product added.
double Correction::remainder(const Exact& at, In scale) const {
  const LinearModel& f = *problem_.f->linear();
  const double mu = f.convexity(u_), smooth = f.smoothness(u_);
  const double e = (at.fx.norm() + 16 * kEps * smooth * at.x.norm()) / mu;
  const double w = (at.left.norm() + 16 * kEps * (smooth * at.w.norm() + at.lx.norm()) + problem_.l->smoothness() * e) / mu;
  const double largest = scale.size() > 0 ? scale.cwiseAbs().maxCoeff() : 0;
  return penalised(f, scale, at.x) * w + penalised(f, scale, at.w) * e + largest * e * w;
}

void Correction::bound(const Hypergradient& hyper, ErrorEstimate& e) const {
  const Objective& f = *problem_.f;
  if (!f.quadratic() || !f.linear() || !std::isfinite(problem_.l->smoothness()) || !(f.convexity(u_) > 0)) return;
  const Exact at = sharpen();
  const Vec off = hyper.gradient - at.gradient;
  e.bound = off.norm() + remainder(at, Vec::Ones(u_.size())) + 16 * kEps * at.gradient.norm();
  const double left = remainder(at, slope_) + 16 * kEps * size(at.gradient);
  e.bound_theta = size(off) + left;
  e.least_theta = std::max(0.0, size(at.gradient) - left);
}

}  // namespace

ErrorEstimate estimate_error(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& hyper,
                             const ErrorOptions& options) {
  ErrorEstimate e;
  const Vec start = inner.x();
  e.x = start;
  if (!start.allFinite() || hyper.gradient.size() != u.size()) {
    e.status = Status::failed;
    return e;
  }
  Correction correction(problem, u, inner, hyper, options);
  e.status = Status::step_limit;
  while (e.rounds < options.max_rounds && e.status == Status::step_limit) {
    if (!correction.round()) {
      e.status = Status::failed;
      break;
    }
    const Vec last = std::exchange(e.corrected, correction.gradient());
    e.adjoint = correction.adjoint();
    e.error = correction.size(hyper.gradient - e.corrected);
    // The reported quotient is as uncertain as its smaller part: the error, or the true length that it is divided by.
    const double size = correction.size(e.corrected), smaller = std::min(e.error, size);
    bool known = correction.exhausted();
    if (e.rounds == 0) {
      known = known || (correction.tight() && e.error <= options.negligible * size);
    } else {
      e.uncertainty = correction.size(e.corrected - last);
      known = known || e.uncertainty <= std::max(options.resolution * smaller, 1e-13 * size);
    }
    // Residuals of modes softer than all that was seen are small; their errors need not be.
    const double much = std::max(options.resolution * smaller, options.negligible * size);
    const bool sure = correction.exhausted() || size == 0 || correction.within(much);
    if (known && sure) e.status = Status::converged;
    ++e.rounds;
  }
  e.x = correction.x();
  e.iterate_error = (e.x - start).norm();
  if (e.status != Status::failed) correction.bound(hyper, e);
  return e;
}

}  // namespace tacit
