// Solvers that factor f_xx: Newton and, for quadratic f, Cholesky.
#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/inner/detail/line_search.hpp>
#include <tacit/core/linear/linear_model.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();

/// The factor of h + shift I with the least tried shift that makes it positive definite (0 first, then tenfold from eps times the
/// diagonal); null when nothing helps (h is not finite).
std::shared_ptr<const CholeskyInverse> factor_shifted(Mat& h, double& shift) {
  shift = 0;
  if (!h.allFinite()) return nullptr;
  const double size = std::max(h.cwiseAbs().rowwise().sum().maxCoeff(), 1e-300);
  double added = 0;
  for (double relative = 16 * detail::kEps; relative < 1e3; relative *= 10) {
    if (auto inverse = cholesky_inverse(h)) return inverse;
    shift = relative * size;
    h.diagonal().array() += shift - added;
    added = shift;
  }
  return nullptr;
}

/// Largest absolute row sum: a bound of the largest eigenvalue.
double row_sum_bound(const Mat& h) { return h.cwiseAbs().rowwise().sum().maxCoeff(); }

/// The inverse that the curvature offers, or its factor; l: a bound of its largest eigenvalue.
std::shared_ptr<const LinearOperator> invert(const Curvature& curvature, InnerSolution& s, double& l) {
  const Index n = s.inner_dim;
  Vec d(n);
  if (curvature.diagonal(d)) {
    s.offered = curvature.inverse();
    l = d.sum();
    if (s.offered) return s.offered;
  }
  Mat h(n, n);
  hessian_matrix(curvature, h);
  s.inverse = cholesky_inverse(h);
  s.inverse_exact = s.inverse != nullptr;
  l = row_sum_bound(h);
  return s.inverse;
}

}  // namespace

bool newton_pays(const Objective& f) {
  constexpr Index kMostDim = 200;
  constexpr double kMostGram = 1e7;
  if (f.inner_dim() > kMostDim) return false;
  const LinearModel* model = f.linear();
  if (!model || model->design().rows() == 0) return true;
  const double entries = static_cast<double>(model->design().stored()), rows = static_cast<double>(model->design().rows());
  return entries * (entries / rows) / 2 <= kMostGram;
}

void NewtonSolver::fields(FieldVisitor& v) { options.fields(v); }

InnerSolution NewtonSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                  TapeRequest tape) const {
  detail::refuse_tape(tape, "newton");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  const Objective& f = *problem.f;
  if (previous) s.inverse = previous->inverse;  // kept: may serve as a preconditioner until there is a new one
  const Index n = s.inner_dim;
  FirstOrder at, trial;
  auto curvature = f.linearize(s.z, u, &at);
  const double unit = detail::gradient_unit(problem, u, s.x0, at.gradient.norm());
  const double target = accuracy.residual * unit, unknowable = detail::unknowable(problem, u, unit);
  RunEnd ending = RunEnd::limit;
  std::string why;
  Mat h(n, n);
  Vec d(n), x(n);
  detail::StallWatch stall(3);
  double norm = at.gradient.norm();
  s.start_gradient = norm;
  while (true) {
    if (accuracy.residual > 0 && norm <= std::max(target, unknowable)) {
      ending = norm <= target ? RunEnd::target : RunEnd::rounding;
      break;
    }
    if (s.steps >= options.max_steps || !std::isfinite(norm)) break;
    hessian_matrix(*curvature, h);
    double shift = 0;
    const double l = row_sum_bound(h);
    s.inverse = factor_shifted(h, shift);
    s.inverse_exact = shift == 0 && s.inverse != nullptr;
    if (!s.inverse) {
      ending = RunEnd::failed;
      why = "the Hessian of the inner objective is not finite after " + std::to_string(s.steps) + " steps";
      break;
    }
    const double floor = detail::rounding_floor(problem, u, unit, l, s.z.norm());
    if (accuracy.residual > 0 && stall.stalled(norm, floor)) {
      ending = RunEnd::rounding;
      break;
    }
    s.inverse->apply(at.gradient, d);
    d = -d;
    const auto search = detail::backtrack(f, u, s.z, at, d, x, trial, curvature);
    if (!search.accepted) {
      curvature.reset();
      ending = norm <= floor ? RunEnd::rounding : RunEnd::failed;
      why = "newton found no lower point along its direction (gradient " + sci(norm) +
            "); check the derivatives of the inner objective";
      break;
    }
    ++s.steps;
    s.z = x;
    std::swap(at, trial);
    norm = at.gradient.norm();
    if (watch) watch({s.steps, s.x(), norm});
    s.inverse_exact = f.quadratic() && shift == 0;
    s.inverse_left = shift == 0 && search.step == 1 ? norm / trial.gradient.norm() : kUnknown;
  }
  s.gradient = at.gradient;
  s.value = at.value;
  s.curvature = std::move(curvature);
  detail::finish(s, norm, unit, accuracy.residual, ending, why);
  return s;
}

void CholeskySolver::fields(FieldVisitor&) {}

InnerSolution CholeskySolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                    TapeRequest tape) const {
  detail::refuse_tape(tape, "cholesky");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  const Objective& f = *problem.f;
  if (!f.quadratic())
    throw UsageError("solver 'cholesky' needs an objective that is quadratic in x; use newton or newton-cg", "inner.solver");
  const Index n = s.inner_dim;
  FirstOrder at;
  const auto curvature = f.linearize(s.z, u, &at);
  s.start_gradient = at.gradient.norm();
  const double unit = detail::gradient_unit(problem, u, s.x0, s.start_gradient);
  double l = 0;
  const auto inverse = invert(*curvature, s, l);
  if (!inverse) {
    detail::finish(
        s, s.start_gradient, unit, accuracy.residual, RunEnd::failed,
        "the Hessian of the inner problem is not positive definite to rounding: raise the lower bound of the penalty, or use "
        "newton-cg");
    return s;
  }
  Vec d(n), g = at.gradient, best = s.z;
  double norm = g.norm(), least = norm;
  // The first solve, one step of refinement, and a second one only where the first has not reached what was asked.
  for (int k = 0;
       k < 3 && (k < 2 || least > std::max(accuracy.residual * unit, detail::rounding_floor(problem, u, unit, l, s.z.norm())));
       ++k) {
    inverse->apply(g, d);
    s.z -= d;
    f.gradient(s.z, u, g);
    norm = g.norm();
    ++s.steps;
    if (watch) watch({s.steps, s.x(), norm});
    if (!(norm < least)) break;
    least = norm;
    best = s.z;
  }
  if (std::isfinite(least)) s.z = best;
  const bool rounded = least <= detail::rounding_floor(problem, u, unit, l, s.z.norm());
  detail::finish(s, least, unit, accuracy.residual, rounded ? RunEnd::rounding : RunEnd::limit);
  if (accuracy.residual == 0 && rounded) s.message = "solved by one factorization; residual " + sci(s.residual);
  return s;
}

}  // namespace tacit::inline TACIT_ABI
