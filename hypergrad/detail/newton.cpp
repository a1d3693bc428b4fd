#include <tacit/hypergrad/detail/newton.hpp>

#include <cmath>
#include <utility>

namespace tacit::inline TACIT_ABI::detail {

NewtonPoint newton_point(const Problem& problem, In u, Vec x) {
  NewtonPoint p;
  p.x = std::move(x);
  p.curvature = problem.f->linearize(p.x, u, &p.at);
  return p;
}

NewtonPoint newton_point(const Problem& problem, In u, const InnerSolution& inner) {
  if (!inner.curvature || inner.gradient.size() != inner.inner_dim || !std::isfinite(inner.value))
    return newton_point(problem, u, Vec(inner.x()));
  return {inner.x(), {inner.value, inner.gradient}, inner.curvature};
}

bool improves(const FirstOrder& at, const FirstOrder& trial, double slope) {
  if (-slope > 1e-10 * std::abs(at.value)) return trial.value <= at.value + 1e-4 * slope;
  return trial.gradient.norm() < at.gradient.norm();
}

bool halve_step(const Problem& problem, In u, NewtonPoint& p, const Vec& d, int trials) {
  const double slope = p.at.gradient.dot(d);
  double t = 1;
  for (int k = 0; k < trials; ++k, t /= 2) {
    NewtonPoint trial = newton_point(problem, u, p.x + t * d);
    if (!improves(p.at, trial.at, t * slope)) continue;
    p = std::move(trial);
    return true;
  }
  return false;
}

}  // namespace tacit::inline TACIT_ABI::detail
