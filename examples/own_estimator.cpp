// An estimator of one's own: the adjoint equation f_xx w = l_x by Richardson's iteration w <- w + (l_x - f_xx w)/L, beside
// conjugate gradients on the same inner solution.
#include <cstdio>
#include <tacit/bilevel/oracle.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include "ridge_task.hpp"
using namespace tacit;

class RichardsonEstimator final : public HypergradientEstimator {
public:
  Index max_steps = 2000;
  double relative_tolerance = 1e-8;
  void fields(FieldVisitor& v) override {
    v.field("max_steps", max_steps, Range::at_least(1), "steps at most");
    v.field("tolerance", relative_tolerance, Range{0, 1, false, true}, "residual over right-hand side; 0: exactly max_steps");
  }
  Needs needs() const override { return {}; }  // neither stored states nor the map of the solver
  double tolerance() const override { return relative_tolerance; }
  bool warm() const override { return true; }  // starts from the adjoint of the last outer step
  Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                         double tolerance) const override {
    require_solution_of(problem, "richardson");
    const Vec x = inner.x();
    Vec lx(x.size()), lu(u.size()), product(x.size()), cross(u.size());
    Hypergradient h;
    h.outer_value = problem.l->gradient(x, u, lx, lu);
    const auto curvature = problem.f->linearize(x, u);  // once: every product below is at this point
    const double L = problem.f->smoothness(u), unit = lx.norm();
    h.adjoint = previous && previous->adjoint.size() == x.size() ? previous->adjoint : Vec::Zero(x.size());
    for (;; ++h.linear_steps) {
      curvature->hessian(h.adjoint, product);
      product = lx - product;
      h.residual = unit > 0 ? product.norm() / unit : 0;
      if (h.residual <= tolerance || h.linear_steps >= max_steps || !std::isfinite(h.residual)) break;
      h.adjoint += product / L;
    }
    curvature->cross(h.adjoint, cross);
    h.gradient = lu - cross;
    const bool met = h.residual <= tolerance;
    h.status = !h.gradient.allFinite() ? Status::failed
               : met                   ? Status::converged
               : tolerance == 0        ? Status::as_asked
                                       : Status::step_limit;
    if (!met)
      h.message = "the adjoint equation has the residual " + std::to_string(h.residual) + " after " +
                  std::to_string(h.linear_steps) + " steps";
    return h;
  }
};

int main() {
  Registry<HypergradientEstimator> estimators("estimator", "hypergradient.estimator");
  register_estimators(estimators);
  estimators.add("richardson", "implicit differentiation, the adjoint by Richardson's iteration",
                 [] { return std::make_unique<RichardsonEstimator>(); });
  const Problem problem = make_task(1);
  const Vec theta = Vec::Zero(problem.space.size());
  Vec by_cg;
  for (const char* name : {"implicit-cg", "richardson"}) {
    const auto oracle = make_oracle(problem, std::make_shared<NewtonCgSolver>(), estimators.make(name));
    const Tolerance tight{oracle->tightest().inner, 1e-8};
    const Evaluation e = oracle->diagnose(oracle->differentiate(oracle->evaluate(theta, tight), tight), 0, 1e-6);
    if (by_cg.size() == 0) by_cg = e.gradient;
    std::printf("%-12s %4ld products with the Hessian, off by an estimated %.0e, %s\n", name,
                long(oracle->work().hessian_products), e.diagnostics.hypergradient_error,
                to_string(e.diagnostics.hypergradient_status));
    if ((e.gradient - by_cg).norm() > 1e-6 * by_cg.norm()) return 1;
  }
  return 0;
}
