#include <tacit/hypergrad/loss_error.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/hypergrad/detail/adjoint_solve.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr Index kCgLimit = 1000;
// Relative residual of d: beside an adjoint only its size is wanted; without one the first-order part is l_x.d itself.
constexpr double kDirection = 0.1, kAlone = 0.01;
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// Rigorous where it needs no w, or f is quadratic; else NaN.
LossError bounded(const Problem& problem, In u, const OuterPoint& at, const Vec* w, double w_residual) {
  LossError e;
  const double mu = problem.f->convexity(u), smooth = problem.l->smoothness();
  if (!(mu > 0) || !std::isfinite(smooth)) return e;
  const double distance = (at.fx.norm() + cancellation(*problem.f, u)) / mu;
  const double curved = 0.5 * smooth * distance * distance;
  e.first = at.lx.norm() * distance;
  e.second = curved;
  if (!w) return e;
  // Without w nothing of second order is neglected, so this holds for any f; with it, where f_xx does not change.
  e.second = problem.f->quadratic() ? curved + w_residual * distance : e.first + curved;
  e.first = std::abs(w->dot(at.fx));
  return e;
}

/// d with f_xx d ~ f_x; false where there is none.
bool newton_step(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, double tolerance, Vec& d) {
  d = Vec::Zero(at.fx.size());
  const auto c = curvature_at(problem, u, inner);
  std::shared_ptr<const LinearOperator> m = inner.inverse;
  if (!m) m = c->preconditioner(d.size());
  CgOptions options;
  options.tolerance = tolerance;
  options.max_steps = kCgLimit;
  options.preconditioner = m.get();
  options.verify = false;
  const CgResult r = detail::solve_with(*c, at.fx, d, options);
  return r.status != Status::negative_curvature && r.status != Status::failed && d.allFinite();
}

/// What x - d leaves of the gradient; left: empty where only its share is known.
struct Stepped {
  Vec d, left;
  double share = std::numeric_limits<double>::infinity();  ///< of ||f_x||
};

Stepped step_by(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, Vec d) {
  Stepped s{std::move(d), Vec(at.fx.size())};
  problem.f->gradient(inner.x() - s.d, u, s.left);
  const double norm = at.fx.norm();
  s.share = norm > 0 ? s.left.norm() / norm : 0;
  return s;
}

/// Without w: far more than is allowed, by a factor that need not be good: the next solve says how much.
bool beyond_question(const InnerSolution& inner, const OuterPoint& at, double enough, LossError& e) {
  constexpr double kFar = 4;
  if (!inner.inverse) return false;
  Vec d(at.fx.size());
  inner.inverse->apply(at.fx, d);
  const double first = std::abs(at.lx.dot(d));
  if (!std::isfinite(first) || first <= kFar * enough) return false;
  e = {first, first};
  return true;
}

/// By the factor that the solver left, where that is the one of f_xx at x or as good; else by CG. False: there is no step.
/// gradient: wanted there; without it the factor's own steps may tell what this one leaves.
bool take_step(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, bool gradient, Stepped& s) {
  const auto exact = inner.exact_inverse();
  const std::shared_ptr<const LinearOperator> left = exact ? exact : inner.inverse;
  Vec d(at.fx.size());
  if (left) {
    left->apply(at.fx, d);
    if (!d.allFinite()) return false;
    if (!exact && !gradient && !std::isnan(factor_leaves(inner))) {
      s.d = std::move(d);
      s.share = factor_leaves(inner);
      return true;
    }
    s = step_by(problem, u, inner, at, d);
    if (exact || s.share <= kDirection) return true;
  }
  if (!newton_step(problem, u, inner, at, gradient ? kDirection : kAlone, d)) return false;
  s = step_by(problem, u, inner, at, d);
  return true;
}

LossError measured(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, const Vec* w) {
  LossError e;
  Stepped s;
  if (!problem.f->symmetric() || !take_step(problem, u, inner, at, w != nullptr, s)) return e;
  const auto& [d, left, share] = s;
  const double lower = problem.l->value(inner.x() - d, u);
  if (!std::isfinite(lower) || !std::isfinite(share)) return e;
  e.first = w ? std::abs(w->dot(at.fx)) : std::abs(at.lx.dot(d));
  if (w)
    e.second = std::abs((at.value - w->dot(at.fx)) - (lower - w->dot(left)));
  else
    e.second = std::abs(at.value - lower - at.lx.dot(d)) + share * std::abs(at.value - lower);
  // Where the step leaves as much of the gradient as it found, f_xx does not describe what lies between x and x*.
  if (share > 0.5) e.second = std::max(e.second, std::abs(at.value - lower));
  return e;
}

}  // namespace

OuterPoint outer_point(const Problem& problem, In u, const InnerSolution& inner) {
  OuterPoint at;
  at.lx.resize(inner.inner_dim);
  Vec lu(u.size());
  at.value = problem.l->gradient(inner.x(), u, at.lx, lu);
  at.fx = inner.gradient;
  if (at.fx.size() != inner.inner_dim) {
    at.fx.resize(inner.inner_dim);
    problem.f->gradient(inner.x(), u, at.fx);
  }
  return at;
}

double factor_leaves(const InnerSolution& inner) {
  constexpr double kMost = 0.5, kMore = 2;
  return inner.inverse && inner.inverse_left <= kMost ? kMore * inner.inverse_left : kNaN;
}

LossError loss_error(const Problem& problem, In u, const InnerSolution& inner, const OuterPoint& at, const Vec* w,
                     double w_residual, double enough) {
  if (at.fx.isZero(0)) return {0, 0};
  if (!inner.exact_inverse()) {
    const LossError e = bounded(problem, u, at, w, w_residual);
    if ((w ? e.second : e.plain()) <= enough) return e;
    if (LossError far; !w && beyond_question(inner, at, enough, far)) return far;
  }
  return measured(problem, u, inner, at, w);
}

}  // namespace tacit::inline TACIT_ABI
