#include <tacit/hypergrad/implicit.hpp>

#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <tacit/core/support/text.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

struct Preconditioner {
  std::shared_ptr<const LinearOperator> m;  ///< null: none
  bool near = false;                        ///< to f_xx^{-1}, being made from what a solver has learnt of it
};

Preconditioner choose_preconditioner(const std::string& choice, const InnerSolution& inner, const Curvature& c) {
  if (choice == "none") return {};
  const std::shared_ptr<const LinearOperator> left = inner.offered ? inner.offered : inner.inverse;
  if (choice == "factor" && !left)
    throw UsageError(
        "preconditioner 'factor' needs an inner solver that leaves a factor; use the inner solver newton or cholesky, or "
        "preconditioner 'jacobi'",
        "hypergradient.preconditioner");
  if (choice != "jacobi" && left) return {left, true};
  if (choice != "jacobi") {
    auto initial = c.preconditioner(inner.inner_dim);
    auto learnt = learnt_inverse(inner, initial);
    if (learnt) return {std::move(learnt), true};
    return {std::move(initial)};
  }
  auto diagonal = c.Curvature::preconditioner(inner.inner_dim);
  if (!diagonal)
    throw UsageError(
        "preconditioner 'jacobi' needs the diagonal of the Hessian, which this objective does not offer; use 'auto' or 'none'",
        "hypergradient.preconditioner");
  return {std::move(diagonal)};
}

/// Of a residual, what a step with a kept factor may leave if the step after it is to be known to be shorter still.
constexpr double kQuick = 0.4;

/// The same, if no mode is so soft beside it that a residual hides it.
constexpr double kNoneHides = 0.01;

constexpr Index kFresh = 2;  // steps with a factor made at the point

/// f_xx factored, where that costs about as much as the steps of CG that were not enough; else null.
std::shared_ptr<const LinearOperator> affordable_factor(const Curvature& c, Index n) {
  constexpr Index kAffordable = 2000;
  if (n > kAffordable) return nullptr;
  Mat h(n, n);
  if (!c.dense(h)) return nullptr;
  return cholesky_inverse(h);
}

/// c of Objective::penalty_diagonal; empty where that is not known.
std::optional<Vec> known_penalty(const Objective& f, In u) {
  Vec c = Vec::Zero(f.inner_dim());
  return f.penalty_diagonal(u, c) ? std::optional(std::move(c)) : std::nullopt;
}

/// The adjoint w of a point near and, by M near f_xx^{-1}, what changes of l_x and of the penalties make of it, f_xx being the
/// same but for these: w + M (l_x - (f_xx - diag(c))_old w - diag(c) w). No product; M null: w alone.
Vec carried_adjoint(const Hypergradient& there, const Vec& lx, const std::optional<Vec>& penalty, const LinearOperator* near) {
  Vec w = there.adjoint;
  if (!near || !penalty || there.data_product.size() != w.size() || !there.data_product.allFinite()) return w;
  Vec step(w.size());
  near->apply(lx - there.data_product - penalty->cwiseProduct(w), step);
  return step.allFinite() ? Vec(w + step) : w;
}

/// No number is to pass for a hypergradient where there is none.
void void_gradient(Hypergradient& h, Index m) { h.gradient = Vec::Constant(m, std::numeric_limits<double>::quiet_NaN()); }

void require_symmetric(const Problem& problem, const char* estimator) {
  if (problem.f->symmetric()) return;
  throw UsageError(
      "estimator '" + std::string(estimator) +
          "' solves with a symmetric Hessian, which this inner problem has not; use 'truncated-unroll' with window auto, "
          "'fixed-point' or 'neumann'",
      "hypergradient.estimator");
}

/// The Hessian is not positive definite: there is no hypergradient.
Hypergradient indefinite(Hypergradient h, Index m) {
  void_gradient(h, m);
  h.status = Status::negative_curvature;
  h.message = "the Hessian of the inner objective is not positive definite at the inner solution, where no hypergradient exists";
  return h;
}

}  // namespace

void ImplicitCgEstimator::fields(FieldVisitor& v) {
  v.field("max_steps", max_steps, Range::at_least(1), "iterations of conjugate gradients at most");
  v.field("tolerance", relative_tolerance, Range{0, 1, false, true},
          "relative residual ||l_x - f_xx w|| / ||l_x|| at which they stop; 0: exactly max_steps");
  v.field("warm_start", warm_start, "start from the adjoint of the last outer step");
  v.field(
      "preconditioner", preconditioner, std::vector<std::string>{"auto", "none", "jacobi", "factor"},
      "auto: the factor that an inner solver left, else the inverse through the rows where there are few, else the diagonal of "
      "the Hessian where it is cheap, both with what lbfgs has learnt");
}

Accuracy ImplicitCgEstimator::plan(const Problem& problem, In u, const InnerSolution* so_far, Calibration& calibration,
                                   Accuracy asked) const {
  return target_ > 0 ? plan_for_target(problem, u, so_far, calibration, target_, asked) : asked;
}

Hypergradient ImplicitCgEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner,
                                            const Hypergradient* previous, double tolerance) const {
  require_solution_of(problem, "implicit-cg");
  require_symmetric(problem, "implicit-cg");
  const Vec x = inner.x();
  Hypergradient h;
  Vec lx(x.size()), lu(u.size());
  h.outer_value = problem.l->gradient(x, u, lx, lu);
  const auto c = curvature_at(problem, u, inner);
  const auto [m, near] = choose_preconditioner(preconditioner, inner, *c);
  const bool carried = warm_start && previous && previous->adjoint.size() == x.size() && previous->adjoint.allFinite();
  const std::optional<Vec> penalty = known_penalty(*problem.f, u);
  h.adjoint = carried ? carried_adjoint(*previous, lx, penalty, near ? m.get() : nullptr) : Vec(Vec::Zero(x.size()));
  CgOptions options;
  options.tolerance = tolerance;
  options.max_steps = max_steps;
  options.preconditioner = m.get();
  const double left = m && m == inner.inverse ? inner.inverse_left : std::numeric_limits<double>::quiet_NaN();
  SettledGradient watch(target_ / 8, left <= kQuick);
  const Vec slope = detail::theta_slope(problem, u);
  const auto gradient_of = [&](In w) { return Vec(detail::implicit_gradient(*c, w, lu).cwiseProduct(slope)); };
  if (target_ > 0) {
    options.tolerance =
        std::min(tolerance, 1e-6 * target_);  // the target decides; where the Hessian is bad a residual tells little
    watch.settled(gradient_of(h.adjoint));
    // CG can stand still for many iterations before it finds a soft mode: ||r|| / mu bounds the error of w. Where mu is not known
    // the residual at least has to fall as far as the error is to.
    const double mu = problem.f->convexity(u);
    options.stop = [&, mu](In w, double residual) {
      const bool settled = watch.settled(gradient_of(w));
      return settled && (left <= kNoneHides || residual <= target_ * (mu > 0 ? mu * w.norm() : lx.norm()));
    };
  }
  CgResult r = detail::solve_with(*c, lx, h.adjoint, options);
  h.linear_steps = r.steps;
  if (target_ > 0 && r.status == Status::step_limit && preconditioner == "auto" && !inner.inverse && !inner.offered) {
    if (const auto factor = affordable_factor(*c, x.size())) {
      options.preconditioner = factor.get();
      r = detail::solve_with(*c, lx, h.adjoint, options);
      h.linear_steps += r.steps;
    }
  }
  if (m && m == inner.inverse) h.factor_saves = std::max<Index>(0, h.linear_steps - kFresh);
  h.residual = r.residual;
  if (penalty && r.remainder.size() == x.size()) h.data_product = lx - r.remainder - penalty->cwiseProduct(h.adjoint);
  if (r.status == Status::negative_curvature) return indefinite(std::move(h), u.size());
  h.gradient = detail::implicit_gradient(*c, h.adjoint, lu);
  if (previous) h.calibration = previous->calibration;
  if (target_ > 0) note_hypergradient(h, problem, u, inner, slope);
  h.status = h.gradient.allFinite() ? r.status : Status::failed;
  h.message = r.message;
  if (h.status == Status::failed) {
    void_gradient(h, u.size());
    if (h.message.empty()) h.message = "the hypergradient is not finite";
  }
  return h;
}

Hypergradient ImplicitDirectEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                                double) const {
  require_solution_of(problem, "implicit-direct");
  require_symmetric(problem, "implicit-direct");
  const Vec x = inner.x();
  const Index n = x.size();
  if (n > kLargest)
    throw UsageError("estimator 'implicit-direct' factors a dense matrix of " + std::to_string(n) + " rows, more than " +
                         std::to_string(kLargest) + "; use 'implicit-cg'",
                     "hypergradient.estimator");
  Hypergradient h;
  Vec lx(n), lu(u.size());
  h.outer_value = problem.l->gradient(x, u, lx, lu);
  const auto c = curvature_at(problem, u, inner);
  std::shared_ptr<const LinearOperator> inverse = inner.exact_inverse();
  if (!inverse) inverse = c->inverse();
  Mat dense;
  if (!inverse) {
    dense.resize(n, n);
    hessian_matrix(*c, dense);
    inverse = cholesky_inverse(dense);
  }
  if (!inverse) return indefinite(std::move(h), u.size());
  const auto residual = [&](Vec& r) {
    if (dense.size() > 0) {
      r.noalias() = lx - dense * h.adjoint;
    } else {
      c->hessian(h.adjoint, r);
      r = lx - r;
    }
  };
  h.adjoint.resize(n);
  inverse->apply(lx, h.adjoint);
  Vec r(n), correction(n);
  residual(r);
  inverse->apply(r, correction);
  h.adjoint += correction;
  residual(r);
  h.gradient = detail::implicit_gradient(*c, h.adjoint, lu);
  h.residual = lx.norm() > 0 ? r.norm() / lx.norm() : 0;
  h.linear_steps = 1;
  h.status = !h.gradient.allFinite() ? Status::failed : h.residual <= 1e-6 ? Status::converged : Status::rounding;
  if (h.status == Status::failed) h.message = "the hypergradient is not finite";
  if (h.status == Status::rounding)
    h.message = "the Hessian is nearly singular: relative residual " + sci(h.residual) + " after refinement";
  return h;
}

}  // namespace tacit::inline TACIT_ABI
