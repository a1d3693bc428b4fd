#include <tacit/bilevel/refit.hpp>

#include <string>
#include <utility>
#include <vector>

#include <tacit/core/support/text.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr double kTarget = 1e-12;

/// newton-cg from x with what another run of it has kept of f_xx.
InnerSolution go_on_near(const Problem& problem, In u, In x, const InnerSolution& near) {
  InnerSolution start;
  start.z = x;
  start.inner_dim = x.size();
  start.inverse = near.inverse;
  start.kept = near.kept;
  return NewtonCgSolver().solve(problem, u, &start, Accuracy{kTarget}, {});
}

std::string shortfall(const Refit& fit, double scale) {
  const std::vector<std::string> sizes = sci_numbers({fit.gradient_norm, scale});
  return "the final fit has not reached rounding (" + std::string(to_string(fit.status)) + "): its gradient is " + sizes[0] +
         ", " + sizes[1] + " at zero coefficients";
}

}  // namespace

Refit refit(const Problem& problem, In u, In x, const InnerSolution* near) {
  require_solution(problem, "the final fit to rounding");
  Vec from = x;
  if (near && near->kept && kept_product(*near)) {
    const InnerSolution there = go_on_near(problem, u, x, *near);
    if (solved(there.status) && there.gradient_norm <= kTarget * problem.f->gradient_scale(u))
      return {there.x(), there.gradient_norm, Status::rounding, {}};
    if (there.z.allFinite()) from = there.x();
  }
  PolishOptions how;
  how.frugal = true;
  Polished p = polish(problem, u, from, how);
  Refit out{std::move(p.x), p.gradient_norm, p.status, {}};
  if (!out.reached()) out.message = shortfall(out, problem.f->gradient_scale(u));
  return out;
}

Refit refit_iterate(const Problem& problem, In u, const InnerSolver& solver) {
  if (problem.response != Response::iterate)
    throw UsageError("the steps of a solver are the final fit only where the problem means the iterate (Response::iterate)",
                     "inner.response");
  const InnerSolution s = solver.solve(problem, u, nullptr, Accuracy{0}, {});
  Refit out{s.x(), s.gradient_norm, s.status, {}};
  if (!out.reached()) out.message = "the final fit, the steps of the run on all its rows, has failed: " + s.message;
  return out;
}

}  // namespace tacit::inline TACIT_ABI
