#include <tacit/hypergrad/detail/adjoint_solve.hpp>

namespace tacit::inline TACIT_ABI::detail {

CgResult solve_with(const Curvature& c, In b, Out w, const CgOptions& options) {
  return conjugate_gradient([&](In p, Out out) { c.hessian(p, out); }, b, w, options);
}

Vec implicit_gradient(const Curvature& c, In w, In lu) {
  Vec cross(lu.size());
  c.cross(w, cross);
  return lu - cross;
}

void carry_over(const FixedPointMap& map, In v, const Hypergradient* previous, Vec& w) {
  if (!previous || previous->state_adjoint.size() != v.size() || !previous->state_adjoint.allFinite() || v.isZero(0)) return;
  const Index n = map.inner_dim();
  const double was = previous->state_adjoint.head(n).norm();
  const double alpha = was > 0 && previous->adjoint.size() == n ? previous->adjoint.norm() / was : map.step_size();
  w = alpha / map.step_size() * previous->state_adjoint;
}

Vec theta_slope(const Problem& problem, In u) {
  Vec slope = Vec::Ones(u.size());
  if (problem.space.size() == u.size()) problem.space.slope(u, slope);
  return slope;
}

}  // namespace tacit::inline TACIT_ABI::detail
