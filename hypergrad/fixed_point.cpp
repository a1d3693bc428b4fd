#include <tacit/hypergrad/fixed_point.hpp>

#include <limits>
#include <string>

#include <tacit/core/support/text.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// The map at the last state, the right-hand side v = (l_x, 0), and the adjoint so far.
struct Frozen {
  std::shared_ptr<const FixedPointMap> map;
  std::unique_ptr<const StepJacobian> step;
  Vec v, w;
  Hypergradient h;
};

Frozen freeze(const Problem& problem, In u, const InnerSolution& inner) {
  Frozen a;
  const Vec x = inner.x();
  const bool own = inner.map != nullptr;
  // A solver that is no map: gradient descent at 1/L has the same fixed point.
  a.map = own ? inner.map : std::shared_ptr<const FixedPointMap>(GradientDescent().bind(problem, u));
  Vec lx(x.size()), lu(u.size());
  a.h.outer_value = problem.l->gradient(x, u, lx, lu);
  a.h.gradient = lu;
  a.v = Vec::Zero(a.map->state_dim());
  a.v.head(x.size()) = lx;
  a.step = own ? a.map->linearize(inner.steps, inner.z, u) : a.map->linearize(0, x, u);
  a.w = Vec::Zero(a.v.size());
  return a;
}

/// w + lam is the next iterate, lam the residual of w; every product with P^T brings the one with Q^T along.
Hypergradient iterate(Frozen a, Index limit, double tolerance) {
  Hypergradient& h = a.h;
  Vec lam = a.v, next(a.v.size());
  if (!a.w.isZero(0)) {
    a.step->vjp(a.w, next, h.gradient);
    lam = next + a.v - a.w;
  }
  const double unit = a.v.norm();
  const auto met = [&] { return tolerance > 0 && lam.norm() <= tolerance * unit; };
  while (h.linear_steps < limit && !met() && lam.allFinite()) {
    a.step->vjp(lam, next, h.gradient);
    a.w += lam;
    lam.swap(next);
    ++h.linear_steps;
  }
  h.residual = unit > 0 ? lam.norm() / unit : lam.norm();
  h.adjoint = a.map->step_size() * a.w.head(a.map->inner_dim());
  h.window = h.linear_steps;
  const std::string terms = std::to_string(h.linear_steps) + (h.linear_steps == 1 ? " term" : " terms");
  if (!h.gradient.allFinite() || !lam.allFinite()) {
    h.gradient.setConstant(std::numeric_limits<double>::quiet_NaN());  // no partial sum is to pass for a hypergradient
    h.status = Status::failed;
    h.message = "the adjoint of the inner map is not finite after " + terms;
  } else if (met() || lam.isZero(0)) {
    h.status = Status::converged;
  } else {
    h.status = tolerance > 0 ? Status::step_limit : Status::as_asked;
    const std::vector<std::string> sizes = sci_numbers({h.residual, tolerance});
    h.message = "the adjoint of the inner map has the relative residual " + sizes[0] + " after " + terms;
    if (tolerance > 0) h.message += ", asked " + sizes[1];
  }
  h.state_adjoint = std::move(a.w);
  return std::move(a.h);
}

/// iterate() from the adjoint of `previous`, if any. Where no step of gradient descent can be chosen there is no hypergradient.
Hypergradient sum_terms(const Problem& problem, In u, const InnerSolution& inner, Index limit, double tolerance,
                        const Hypergradient* previous = nullptr) {
  try {
    Frozen a = freeze(problem, u, inner);
    detail::carry_over(*a.map, a.v, previous, a.w);
    return iterate(std::move(a), limit, tolerance);
  } catch (const NumericalError& e) {
    Hypergradient h;
    h.outer_value = problem.l->value(inner.x(), u);
    h.gradient = Vec::Constant(u.size(), std::numeric_limits<double>::quiet_NaN());
    h.status = Status::failed;
    h.message = e.what();
    return h;
  }
}

void field_limits(FieldVisitor& v, Index& max_steps, double& tolerance) {
  v.field("max_steps", max_steps, Range::at_least(1), "terms, that is products with the adjoint of the inner map, at most");
  v.field("tolerance", tolerance, Range{0, 1, false, true},
          "residual of the adjoint equation of the map over its right-hand side at which it stops; 0: exactly max_steps");
}

}  // namespace

void NeumannEstimator::fields(FieldVisitor& v) { field_limits(v, max_steps, relative_tolerance); }

Hypergradient NeumannEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                         double tolerance) const {
  require_solution_of(problem, "neumann");
  return sum_terms(problem, u, inner, max_steps, tolerance);
}

void FixedPointEstimator::fields(FieldVisitor& v) {
  field_limits(v, max_steps, relative_tolerance);
  v.field("warm_start", warm_start, "start from the adjoint of the last outer step");
}

Hypergradient FixedPointEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner,
                                            const Hypergradient* previous, double tolerance) const {
  require_solution_of(problem, "fixed-point");
  return sum_terms(problem, u, inner, max_steps, tolerance, warm_start ? previous : nullptr);
}

Hypergradient OneStepEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                         double) const {
  require_solution_of(problem, "one-step");
  Hypergradient h = sum_terms(problem, u, inner, 1, 0);
  // An approximation by name, not a count that somebody chose knowing what it leaves.
  if (h.status == Status::as_asked) h.status = Status::step_limit;
  return h;
}

}  // namespace tacit::inline TACIT_ABI
