#include <tacit/hypergrad/reference.hpp>

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include <tacit/hypergrad/detail/adjoint_solve.hpp>
#include <tacit/hypergrad/detail/near_steps.hpp>
#include <tacit/hypergrad/detail/newton.hpp>
#include <tacit/hypergrad/forward.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/unroll.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr Index kDenseLimit = 2000;

/// Newton directions; a factor is kept while f_xx cannot have changed. Frugal: after that it preconditions, and is made anew once
/// this takes many products.
class Directions {
public:
  explicit Directions(bool constant, const PolishOptions& options = {})
      : constant_(constant), frugal_(options.frugal && !constant) {
    if (frugal_) factor_ = options.near;
  }

  /// d = -f_xx^{-1} g, where frugal to kForcing, beyond kDenseLimit variables to `forcing`; false when f_xx is not positive
  /// definite.
  bool newton(const Curvature& c, In g, Vec& d, double forcing = 0) {
    const Index n = g.size();
    if (n > kDenseLimit) {
      const auto m = c.preconditioner(n);
      const CgResult r = by_cg(c, g, m.get(), constant_ ? kTight : std::clamp(forcing, kTight, kLoose), 10 * n, d);
      return r.status != Status::negative_curvature && d.allFinite();
    }
    if (factor_ && frugal_) {
      const CgResult r = by_cg(c, g, factor_.get(), kForcing, kMostProducts, d);
      if (r.status == Status::converged && d.allFinite()) return true;
    }
    if (!factor_ || !constant_) factor_ = inverse_of(c, n);
    if (!factor_) return false;
    d.resize(n);
    factor_->apply(-g, d);
    return d.allFinite();
  }

private:
  static constexpr double kForcing = 1e-4, kTight = 1e-10, kLoose = 1e-2;
  static constexpr Index kMostProducts = 12;

  static std::shared_ptr<const LinearOperator> inverse_of(const Curvature& c, Index n) {
    if (auto known = c.inverse()) return known;
    Mat h(n, n);
    hessian_matrix(c, h);
    return cholesky_inverse(h);
  }
  static CgResult by_cg(const Curvature& c, In g, const LinearOperator* m, double tolerance, Index max_steps, Vec& d) {
    CgOptions options;
    options.tolerance = tolerance;
    options.max_steps = max_steps;
    options.preconditioner = m;
    d = Vec::Zero(g.size());
    return detail::solve_with(c, -g, d, options);
  }

  bool constant_, frugal_;
  std::shared_ptr<const LinearOperator> factor_;
};

/// Halves the step until f or ||f_x|| gets smaller; a step that moves only the last digits is tried whole, no shorter.
bool advance(const Problem& problem, In u, detail::NewtonPoint& p, const Vec& d) {
  constexpr int kHalvings = 34;  // down to 1e-10 of the step
  return detail::halve_step(problem, u, p, d, d.norm() <= 1e-10 * p.x.norm() ? 1 : kHalvings);
}

}  // namespace

Polished polish(const Problem& problem, In u, In x, const PolishOptions& options) {
  detail::NewtonPoint p = detail::newton_point(problem, u, x);
  Directions directions(problem.f->quadratic(), options);
  Status status = Status::step_limit;
  const double unit = problem.f->gradient_scale(u);
  const double floor = std::max(1e-12 * unit, 4 * cancellation(*problem.f, u));
  const bool to_floor = options.to_floor || x.size() > kDenseLimit;
  Vec d;
  for (Index k = 0; k < options.max_steps && status == Status::step_limit; ++k) {
    if (!std::isfinite(p.norm())) {
      status = Status::failed;
    } else if (p.norm() == 0 || (to_floor && p.norm() <= floor)) {
      status = Status::rounding;
    } else if (!directions.newton(*p.curvature, p.at.gradient, d, unit > 0 ? p.norm() / unit : 0)) {
      status = Status::negative_curvature;
    } else {
      const double before = p.norm();
      const bool tiny = d.norm() <= 1e-10 * p.x.norm();
      // Newton gains orders of magnitude a step until rounding; where a tiny step gains less than half, it is rounding.
      if (!advance(problem, u, p, d))
        status = tiny || p.norm() <= floor ? Status::rounding : Status::failed;
      else if (tiny && p.norm() > 0.5 * before)
        status = Status::rounding;
    }
  }
  Polished out;
  out.gradient_norm = p.norm();
  out.x = std::move(p.x);
  out.status = status;
  return out;
}

Hypergradient iterate_hypergradient(const Problem& problem, In u, const InnerSolution& inner, bool forward) {
  require_iterate_run(problem, inner, forward ? "forward" : "full-unroll");
  if (forward) return ForwardEstimator().estimate(problem, u, inner, nullptr, 0);
  UnrollEstimator sweep(false);
  sweep.stride = Count::automatic();
  InnerSolution again = inner;
  Trajectory tape(sweep.needs().tape, inner.steps);
  Vec z = inner.z0, next(z.size());
  tape.push(0, z);
  for (Index k = 0; k < inner.steps; ++k) {
    inner.map->step(k, z, u, next);
    z.swap(next);
    tape.push(k + 1, z);
  }
  again.tape = std::move(tape);
  return sweep.estimate(problem, u, again, nullptr, 0);
}

Vec adjoint_gap(const Problem& problem, In u, In x, In w) {
  const auto c = problem.f->linearize(x, u);
  Vec lx(x.size()), lu(u.size()), left(x.size()), d, gap(u.size());
  problem.l->gradient(x, u, lx, lu);
  c->hessian(w, left);
  left -= lx;
  if (!Directions(true).newton(*c, left, d)) return {};
  c->cross(d, gap);
  return gap;
}

namespace {

/// By steps with near.inverse; nothing where they do not get there.
std::optional<Hypergradient> reference_near(const Problem& problem, In u, In x, const ReferenceStart& near) {
  constexpr Index kMost = 12;
  constexpr double kShare = 1e-3, kRounding = 1e-12;
  const bool known = near.inverse && near.fx.size() == x.size() && near.adjoint.size() == x.size() &&
                     near.compared.size() == u.size() && near.corrected.size() == u.size();
  if (!known || !detail::NearSteps::suit(problem)) return std::nullopt;
  detail::NearSteps steps(problem, u, near.inverse, near.left, {x, near.fx, near.adjoint, near.corrected}, near.moved);
  const Vec slope = detail::theta_slope(problem, u);
  while (steps.count() < kMost && steps.step()) {
    const Vec& gradient = steps.at().gradient;
    const double off = slope.cwiseProduct(near.compared - gradient).norm(), size = slope.cwiseProduct(gradient).norm();
    if (!(steps.open() <= std::max(kShare * off, kRounding * size))) continue;
    Hypergradient h;
    h.gradient = gradient;
    h.adjoint = steps.at().w;
    h.outer_value = steps.value();
    h.linear_steps = steps.count();
    h.status = Status::converged;
    return h;
  }
  return std::nullopt;
}

}  // namespace

Hypergradient reference_hypergradient(const Problem& problem, In u, In x, const ReferenceStart& near) {
  require_solution(problem, "the reference hypergradient");
  if (auto told = reference_near(problem, u, x, near)) return std::move(*told);
  constexpr double kRounding = 1e-14, kByNear = 1e-12;
  constexpr Index kMostProducts = 50;
  const bool dense = x.size() <= kDenseLimit, by_near = near.inverse && dense && !problem.f->quadratic();
  PolishOptions how;
  how.frugal = by_near;
  how.near = near.inverse;
  how.to_floor = by_near;
  const Polished p = polish(problem, u, x, how);
  InnerSolution inner;
  inner.z = p.x;
  inner.inner_dim = p.x.size();
  inner.status = p.status;
  Hypergradient h;
  if (by_near || !dense) {
    ImplicitCgEstimator cg;
    cg.max_steps = dense ? kMostProducts : 10 * p.x.size();
    if (dense) inner.offered = near.inverse;
    Hypergradient start;
    start.adjoint = near.adjoint;
    h = cg.estimate(problem, u, inner, &start, kByNear);
    inner.offered.reset();
  }
  if (dense && !(h.residual <= (by_near ? kByNear : kRounding)))
    h = ImplicitDirectEstimator().estimate(problem, u, inner, nullptr, 0);
  if (h.status == Status::rounding && h.residual <= kRounding) {
    h.status = Status::converged;
    h.message.clear();
  }
  if (!usable(p.status)) {
    h.status = p.status;
    h.message = "the inner problem could not be solved to rounding (" + std::string(to_string(p.status)) + ")";
  }
  return h;
}

}  // namespace tacit::inline TACIT_ABI
