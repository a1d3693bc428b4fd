#include <tacit/bilevel/refit.hpp>

#include <utility>

#include <tacit/core/support/text.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI {

Refit refit(const Problem& problem, In u, In x) {
  require_solution(problem, "the final fit to rounding");
  PolishOptions how;
  how.frugal = true;
  Polished p = polish(problem, u, x, how);
  Refit out{std::move(p.x), p.gradient_norm, p.status, {}};
  if (out.reached()) return out;
  const double scale = problem.f->gradient_scale(u);
  const std::vector<std::string> sizes = sci_numbers({out.gradient_norm, scale});
  out.message = "the final fit has not reached rounding (" + std::string(to_string(out.status)) + "): its gradient is " +
                sizes[0] + ", " + sizes[1] + " at zero coefficients";
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
