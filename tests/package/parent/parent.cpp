// All headers of Tacit, and its templates made concrete, among warnings that are errors.
#include <tacit/tacit.hpp>

namespace {

struct Parabola {  // f(x, u) = u |x|^2 / 2
  tacit::Index inner_dim() const { return 3; }
  tacit::Index outer_dim() const { return 1; }
  double value(const tacit::Vec& x, const tacit::Vec& u) const { return u[0] / 2 * x.squaredNorm(); }
  tacit::Vec gradient(const tacit::Vec& x, const tacit::Vec& u) const { return u[0] * x; }
  tacit::Vec hessian(const tacit::Vec&, const tacit::Vec& u, const tacit::Vec& p) const { return u[0] * p; }
  tacit::Vec cross(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& p) const {
    return tacit::Vec::Constant(1, x.dot(p));
  }
  tacit::Vec cross_t(const tacit::Vec& x, const tacit::Vec&, const tacit::Vec& w) const { return x * w[0]; }
};

}  // namespace

tacit::Problem parent_problem();
tacit::Problem parent_problem() {
  tacit::Problem problem;
  problem.f = tacit::adapt(Parabola{});
  return problem;
}
