#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/support/wording.hpp>

#include <algorithm>
#include <cmath>

namespace tacit::inline TACIT_ABI::detail {

InnerSolution begin(const InnerSolver& solver, const Problem& problem, In u, const InnerSolution* previous) {
  require_valid(solver, "the inner solver");
  if (!problem.f) throw UsageError("problem '" + problem.name + "' has no inner objective");
  InnerSolution s;
  s.inner_dim = problem.f->inner_dim();
  if (u.size() != problem.f->outer_dim())
    throw UsageError("the inner objective takes " + std::to_string(problem.f->outer_dim()) + " hyperparameters, got " +
                     std::to_string(u.size()));
  for (Index j = 0; j < u.size(); ++j) {
    if (std::isnan(u[j])) throw UsageError("hyperparameter u[" + std::to_string(j) + "] is NaN");
  }
  s.x_cold = problem.cold_start(u);
  s.x0 = s.x_cold;
  if (previous) {
    if (previous->inner_dim != s.inner_dim)
      throw UsageError("the previous inner solution has " + std::to_string(previous->inner_dim) + " variables, the problem has " +
                       std::to_string(s.inner_dim) + "; start cold");
    if (previous->x().allFinite()) {
      s.x0 = previous->x();
      s.cold = false;
    }
  }
  s.z0 = s.x0;
  s.z = s.x0;
  return s;
}

double gradient_unit(const Problem& problem, In u, In x0, double first) {
  const double scale = x0.isZero(0) ? first : problem.f->gradient_scale(u);
  const double unit = std::max(scale, cancellation(*problem.f, u));
  // An objective may be infinite at 0 (a barrier): nothing measured in that unit would ever be too large.
  return unit > 0 && std::isfinite(unit) ? unit : 1;
}

double unknowable(const Problem& problem, In u, double unit) { return unit <= cancellation(*problem.f, u) ? unit : 0; }

void refuse_tape(const TapeRequest& tape, const char* solver) {
  if (tape.wanted())
    throw UsageError("solver '" + std::string(solver) +
                         "' records no trajectory; use a fixed-point map (gradient-descent, heavy-ball, nesterov) as " +
                         option_name("inner.solver") + ", or an estimator without a tape such as implicit-cg",
                     "inner.solver");
}

double rounding_floor(const Problem& problem, In u, double unit, double l, double x_norm) {
  // Without a minimum ||x|| grows without end, and so would a floor that follows it: what is left of the gradient decides then.
  constexpr double kNotStationary = 1e-3;
  return std::max(std::min(100 * kEps * (unit + l * x_norm), kNotStationary * unit), 4 * cancellation(*problem.f, u));
}

void finish(InnerSolution& s, double gradient_norm, double unit, double tolerance, RunEnd ending, const std::string& why) {
  s.gradient_norm = gradient_norm;
  s.residual = gradient_norm / unit;
  const std::string count = std::to_string(s.steps) + (s.steps == 1 ? " step" : " steps");
  const std::vector<std::string> sizes = sci_numbers({s.residual, tolerance});
  const std::string numbers = "residual " + sizes[0] + ", asked " + sizes[1] + " after " + count;
  if (!std::isfinite(gradient_norm) && ending != RunEnd::failed) {
    s.status = Status::failed;
    s.message = "the inner gradient is not finite after " + count;
    return;
  }
  if (ending != RunEnd::failed && tolerance > 0 && s.residual <= tolerance) {
    s.status = Status::converged;
    return;
  }
  switch (ending) {
    case RunEnd::rounding:
      s.status = Status::rounding;
      s.message = "the inner problem is solved as well as rounding allows: " + numbers;
      return;
    case RunEnd::failed:
      s.status = Status::failed;
      s.message = why;
      return;
    case RunEnd::target:
    case RunEnd::limit:
      s.status = tolerance > 0 ? Status::step_limit : Status::as_asked;
      break;
  }
  s.message = tolerance > 0 ? "the inner problem has not converged: " + numbers
                            : "exactly " + count + " were asked (tolerance 0); residual " + sci(s.residual);
}

}  // namespace tacit::inline TACIT_ABI::detail
