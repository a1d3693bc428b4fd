#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>

#include <Eigen/Eigenvalues>

#include <tacit/bilevel/truncation.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>
#include <tacit/hypergrad/loss_error.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kEps = std::numeric_limits<double>::epsilon();

/// 1 - rate comes from a curvature against the largest one: below a share like this rounding alone has made it.
constexpr double kRounding = 100 * kEps;
/// A rate that so large an error of the smallest curvature could have changed by more than a twentieth is not reliable.
constexpr double kSlack = 0.05;

bool above_rounding(double rate) { return rate < 1 && kRounding <= kSlack * (1 - rate); }

}  // namespace

double map_rate(const StepJacobian& jacobian, Index inner_dim, Index state_dim, Index outer_dim, const Spectrum& spectrum) {
  if (inner_dim == 0 || state_dim % inner_dim != 0 || spectrum.smallest_vector.size() != inner_dim) return kNaN;
  const double small = rate_along(jacobian, state_dim, outer_dim, spectrum.smallest_vector);
  const double large = rate_along(jacobian, state_dim, outer_dim, spectrum.largest_vector);
  return std::isnan(small + large) ? kNaN : std::max(small, large);
}

HeadStart head_start(double cold_distance, double warm_distance, double error) {
  constexpr double inf = std::numeric_limits<double>::infinity();
  HeadStart out;
  out.nats = std::log(cold_distance / warm_distance);
  out.lo = cold_distance > error ? std::log((cold_distance - error) / (warm_distance + error)) : -inf;
  out.hi = warm_distance > error ? std::log((cold_distance + error) / (warm_distance - error)) : inf;
  return out;
}

namespace {

// Newton steps H^{-1} f_x from x_T until the bound ||f_x||/mu on what is left is small against the distances that matter.
struct StandIn {
  Vec x;
  double error = kNaN;
};

double smallest_curvature(const Problem& problem, In u, const Spectrum& spectrum) {
  const double known = problem.f->convexity(u);
  if (known > 0) return known;
  return spectrum.smallest > spectrum.smallest_residual ? spectrum.smallest - spectrum.smallest_residual : 0;
}

/// Is f_xx small, and no dearer than some products?
bool cheap(const Curvature& curvature, Index n) {
  constexpr Index kSmall = 128;
  constexpr double kAffordable = 10;
  return n > 0 && n <= kSmall && curvature.factor_cost(n) <= kAffordable;
}

constexpr Index kTiny = 64;  // of so small a matrix all eigenvalues take no time beside a pass

/// All eigenvalues of f_xx where it is cheap.
std::optional<Spectrum> exact_extremes(const Curvature& curvature, Index n) {
  if (!cheap(curvature, n)) return std::nullopt;
  Mat h(n, n);
  if (!curvature.dense(h) || !h.allFinite()) return std::nullopt;
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> all(h);
  Spectrum s;
  s.smallest = all.eigenvalues()[0];
  s.largest = all.eigenvalues()[n - 1];
  s.smallest_residual = s.largest_residual = 0;
  s.smallest_vector = all.eigenvectors().col(0);
  s.largest_vector = all.eigenvectors().col(n - 1);
  s.products = n;
  return s;
}

/// Does a kept factor leave so little (factor_leaves) that the smallest eigenvalue of the kept matrix is that of f_xx?
bool known_by_kept(const InnerSolution& inner) { return factor_leaves(inner) <= kSlack; }

/// Error of the smallest eigenvalue over itself that is good enough.
constexpr double kSharp = 0.2 * kSlack;

/// The smallest eigenpair of a kept f_xx, without a product of f_xx. From no direction of its own: the soft mode of the row
/// before would hide one that has become a little softer.
Spectrum smallest_of_kept(const std::function<void(In, Out)>& product, const InnerSolution& inner) {
  constexpr Index kFree = 100;
  return smallest_eigenvalue_near(product, *inner.inverse, Vec::Zero(inner.inner_dim), kSharp, kFree);
}

/// The smallest eigenvalue of f_xx from a kept f_xx of a point near and its factor, which takes no product; unless that is so
/// good that it is known to `kSlack`, it is led over to this point with the factor. The largest is only known from above: no map
/// asks for more. None without a kept matrix, or where products with it lead nowhere.
std::optional<Spectrum> extremes_near(const Curvature& curvature, const InnerSolution& inner, double above,
                                      const TruncationOptions& options) {
  constexpr Index kSteps = 8;
  const auto kept = kept_product(inner);
  if (!kept || inner.map || !std::isfinite(above)) return std::nullopt;
  Spectrum at;
  if (known_by_kept(inner)) {
    at = smallest_of_kept(kept, inner);
    at.smallest_residual = std::max(at.smallest_residual, factor_leaves(inner) * at.smallest);
  } else {
    at.smallest_vector = options.near_mode.size() > 0 ? options.near_mode : smallest_of_kept(kept, inner).smallest_vector;
    const auto product = [&](In p, Out hp) { curvature.hessian(p, hp); };
    at = smallest_eigenvalue_near(product, *inner.inverse, at.smallest_vector, kSharp, kSteps,
                                  options.near_product.size() > 0 ? &options.near_product : nullptr);
    at.products += options.near_product.size() > 0 ? 1 : 0;
    if (!(at.smallest > 0 && at.smallest_residual <= kSharp * at.smallest)) return std::nullopt;
  }
  at.largest = at.largest_residual = above;
  return at;
}

/// The same with the exact inverse of f_xx, where the solver has left that: from no direction of its own, with products.
std::optional<Spectrum> extremes_by_inverse(const Curvature& curvature, const InnerSolution& inner, double above) {
  constexpr Index kSteps = 20;
  const auto inverse = inner.exact_inverse();
  if (!inverse || inner.map || !std::isfinite(above)) return std::nullopt;
  const auto product = [&](In p, Out hp) { curvature.hessian(p, hp); };
  Spectrum at = smallest_eigenvalue_near(product, *inverse, Vec::Zero(inner.inner_dim), kSharp, kSteps);
  if (!(at.smallest > 0 && at.smallest_residual <= kSharp * at.smallest)) return std::nullopt;
  at.largest = at.largest_residual = above;
  return at;
}

/// Of a linear model with fewer rows than columns and one penalty for all of them: rows have nothing to say along some direction,
/// where the penalty is all of f_xx. Which direction that is remains unsaid, which no map may want to know.
std::optional<Spectrum> extremes_by_rank(const Problem& problem, In u, const InnerSolution& inner, double above) {
  const LinearModel* f = problem.f->linear();
  if (!f || inner.map || !std::isfinite(above) || f->design().rows() >= f->design().cols()) return std::nullopt;
  const auto [least, most] = f->penalty().range(u);
  if (!(least > 0) || least != most) return std::nullopt;
  Spectrum s;
  s.smallest = least;
  s.largest = s.largest_residual = above;
  s.smallest_residual = 0;
  return s;
}

/// Extreme eigenvalues of f_xx: of the matrix itself where that is small, by what is known of the model, from a kept one or by
/// the exact inverse where there is one, else by products. above: a bound of the largest.
Spectrum extremes(const Problem& problem, In u, const Curvature& curvature, In start, const InnerSolution& inner, double above,
                  const TruncationOptions& options, const LanczosOptions& lanczos = {}) {
  if (auto known = extremes_by_rank(problem, u, inner, above)) return std::move(*known);
  if (inner.inner_dim <= kTiny || !known_by_kept(inner)) {
    if (auto exact = exact_extremes(curvature, inner.inner_dim)) return std::move(*exact);
  }
  if (auto near = extremes_near(curvature, inner, above, options)) return std::move(*near);
  if (auto soft = extremes_by_inverse(curvature, inner, above)) return std::move(*soft);
  return extreme_eigenvalues([&](In p, Out hp) { curvature.hessian(p, hp); }, start, lanczos);
}

Vec start_of_lanczos(In gradient, In soft_mode) {
  const double size = gradient.norm();
  Vec start = size > 0 ? Vec(gradient / size) : Vec(gradient);
  if (soft_mode.size() == start.size()) start += soft_mode;
  return start;
}

bool near_enough(const StandIn& at, const InnerSolution& inner, double least, double noise) {
  return !std::isfinite(at.error) || at.error <= 1e-3 * (inner.x0 - at.x).norm() || least <= noise;
}

/// Rounding of a gradient computed at x*.
double gradient_noise(const Problem& problem, In u, In x) {
  const double big = problem.f->smoothness(u);
  return std::isfinite(big) ? 4 * kEps * big * x.norm() : 0;
}

/// The corrected point where its gradient is known, without another pass: f_xx at x_T stands for the one there.
bool corrected_before(const Problem& problem, In u, const InnerSolution& inner, In correction, In soft_mode, Spectrum& spectrum,
                      const TruncationOptions& options, StandIn& out) {
  const double least = options.corrected_gradient;
  if (!(least < inner.gradient_norm) || !inner.curvature || inner.map || correction.size() != inner.inner_dim) return false;
  out.x = inner.x() + correction;
  spectrum = extremes(problem, u, *inner.curvature, start_of_lanczos(inner.gradient, soft_mode), inner, problem.f->smoothness(u),
                      options);
  const double mu = smallest_curvature(problem, u, spectrum), noise = gradient_noise(problem, u, out.x);
  if (mu > 0) out.error = std::fmin((least + noise) / mu, options.corrected_error + noise / mu);
  return std::isfinite(out.error) && near_enough(out, inner, least, noise);
}

StandIn correct(const Problem& problem, In u, const InnerSolution& inner, In correction, In soft_mode, Spectrum& spectrum,
                bool sharp, const TruncationOptions& options) {
  const Index n = inner.inner_dim;
  const double above = problem.f->smoothness(u);
  StandIn out;
  if (corrected_before(problem, u, inner, correction, soft_mode, spectrum, options, out)) return out;
  Vec x = inner.x(), g(n), step(n);
  double least = std::numeric_limits<double>::infinity();
  const bool told = correction.size() == n && correction.allFinite() && !correction.isZero(0);
  if (told) {
    x += correction;
    least = inner.gradient_norm;  // of x_T, to which it goes back where the correction is none
    out.x = inner.x();
  }
  for (Index k = 0; k <= options.max_corrections; ++k) {
    FirstOrder at;
    const auto curvature = problem.f->linearize(x, u, &at);
    g = at.gradient;
    if (!(g.norm() < least)) {  // the step led away: the point before it stands
      if (k > 0 || !told) break;
      x = out.x;
      least = std::numeric_limits<double>::infinity();
      continue;
    }
    least = g.norm();
    out.x = x;
    LanczosOptions lanczos;
    lanczos.sharp_largest = sharp;
    const Vec start = start_of_lanczos(g, soft_mode);
    const bool look = std::isnan(spectrum.smallest) && !(problem.f->convexity(u) > 0);
    if (look) spectrum = extremes(problem, u, *curvature, start, inner, above, options, lanczos);
    const double mu = smallest_curvature(problem, u, spectrum);
    const double noise = gradient_noise(problem, u, x);
    out.error = mu > 0 ? (least + noise) / mu : kNaN;
    if (near_enough(out, inner, least, noise) || k == options.max_corrections) {
      if (!look) spectrum = extremes(problem, u, *curvature, start, inner, above, options, lanczos);
      break;
    }
    CgOptions cg;
    cg.tolerance = 1e-6;
    cg.max_steps = options.max_products;
    const auto preconditioner =
        inner.inverse ? std::shared_ptr<const LinearOperator>(inner.inverse) : curvature->preconditioner(n);
    cg.preconditioner = preconditioner.get();
    step.setZero();
    const CgResult result = detail::solve_with(*curvature, g, step, cg);
    if (result.status == Status::failed || result.status == Status::negative_curvature || !step.allFinite()) break;
    x -= step;
  }
  if (std::isnan(spectrum.smallest)) {
    const auto curvature = problem.f->linearize(out.x, u);
    LanczosOptions lanczos;
    lanczos.sharp_largest = sharp;
    spectrum =
        extremes(problem, u, *curvature, soft_mode.size() == n ? Vec(soft_mode) : Vec::Zero(n), inner, above, options, lanczos);
  }
  return out;
}

// The map in whose steps the run is measured: its own, or gradient descent at 1/L; null where no L is known.
std::shared_ptr<const FixedPointMap> measuring_map(const Problem& problem, In u, const InnerSolution& inner) {
  if (inner.map) return inner.map;
  const double l = problem.f->smoothness(u);
  if (!(l > 0) || !std::isfinite(l)) return nullptr;  // a solver that needs no step size must not fail for want of one
  return GradientDescent().bind(problem, u);
}

// ||x - A(x)|| at an inner variable x.
double step_norm_at(const FixedPointMap& map, In u, In x) {
  Vec z(map.state_dim()), next(map.state_dim());
  map.lift(x, z);
  map.step(0, z, u, next);
  return (next.head(map.inner_dim()) - x).norm();
}

// Plain cold iterations until the distance to `target` is at most `distance`; NaN when the limit comes first.
double audit(const FixedPointMap& map, In u, In cold, In target, double distance, Index limit) {
  Vec z(map.state_dim()), next(map.state_dim());
  map.lift(cold, z);
  for (Index k = 0; k <= limit; ++k) {
    if ((z.head(map.inner_dim()) - target).norm() <= distance) return static_cast<double>(k);
    map.step(k, z, u, next);
    z.swap(next);
  }
  return kNaN;
}

// Rate and stand-in from the run alone: nothing is computed but distances and bounds.
void free_estimates(const Problem& problem, In u, const InnerSolution& inner, const std::vector<double>& rates,
                    const RateEstimate& seen, Truncation& out) {
  if (out.own_map) {
    std::vector<double> all = rates;
    all.push_back(seen.rate);
    out.rate = largest_recent(all);
    out.reliable = seen.reliable && above_rounding(out.rate);
  } else {
    const double mu = problem.f->convexity(u), big = problem.f->smoothness(u);
    if (mu > 0 && big > 0 && std::isfinite(big)) out.rate = 1 - mu / big;
    out.reliable = above_rounding(out.rate);
  }
  out.solution = inner.x();
  const double mu = problem.f->convexity(u);
  const double bound = mu > 0 ? inner.gradient_norm / mu : kNaN;
  double extrapolated = kNaN;
  if (out.own_map && !inner.step_norms.empty()) extrapolated = inner.step_norms.back() * out.rate / (1 - out.rate);
  out.iterate_error = std::fmin(extrapolated, bound);
  out.stand_in_error = out.iterate_error;
}

void corrected_estimates(const Problem& problem, In u, const InnerSolution& inner, In correction, In soft_mode,
                         const TruncationOptions& options, Truncation& out) {
  Spectrum spectrum;
  const double big = problem.f->smoothness(u);
  const bool sharp = out.own_map && inner.map->step_size() * big > 1.0000001;
  const StandIn at = correct(problem, u, inner, correction, soft_mode, spectrum, sharp, options);
  out.solution = at.x;
  out.stand_in_error = at.error;
  out.iterate_error = (inner.x() - at.x).norm();
  if (at.x == inner.x()) out.iterate_error = at.error;
  out.soft_mode = spectrum.smallest_vector;
  if (out.own_map) {
    const FixedPointMap& map = *inner.map;
    Vec z(map.state_dim());
    map.lift(at.x, z);
    out.rate = map_rate(*map.linearize(inner.steps, z, u), inner.inner_dim, map.state_dim(), u.size(), spectrum);
  } else if (spectrum.smallest > 0 && big > 0 && std::isfinite(big)) {
    out.rate = 1 - spectrum.smallest / big;
  }
  const double slack = spectrum.products >= inner.inner_dim ? 0 : spectrum.smallest_residual;
  out.reliable = above_rounding(out.rate) && slack + kRounding * spectrum.largest <= kSlack * spectrum.smallest;
}

// ||x - A(x)|| at both starts. A step of gradient descent, which measures what is no map, is its step size times the gradient,
// and those may be known.
void measure_residuals(const Problem& problem, In u, const InnerSolution& inner, const FixedPointMap& map, Truncation& out) {
  const bool gradient = !out.own_map, from_zero = inner.x_cold.isZero(0);
  out.cold_residual = gradient && from_zero ? map.step_size() * problem.f->gradient_scale(u) : step_norm_at(map, u, inner.x_cold);
  if (gradient && std::isfinite(inner.start_gradient))
    out.warm_residual = map.step_size() * inner.start_gradient;
  else
    out.warm_residual = out.own_map && !inner.step_norms.empty() ? inner.step_norms.front() : step_norm_at(map, u, inner.x0);
}

}  // namespace

Vec soft_mode_near(const InnerSolution& inner) {
  const auto kept = kept_product(inner);
  if (!kept || inner.map || known_by_kept(inner) || (inner.curvature && cheap(*inner.curvature, inner.inner_dim))) return {};
  return smallest_of_kept(kept, inner).smallest_vector;
}

Truncation measure_truncation(const Problem& problem, In u, const InnerSolution& inner, const std::vector<double>& rates,
                              In correction, In soft_mode, const TruncationOptions& options) {
  Truncation out;
  out.own_map = inner.map != nullptr;
  const auto map = measuring_map(problem, u, inner);
  const bool momentum = inner.map && inner.map->state_dim() != inner.inner_dim;
  const RateEstimate seen = residual_rate(inner.step_norms, momentum, 4 * kEps * inner.x().norm());
  out.rate_seen = seen.rate;
  if (options.correct) corrected_estimates(problem, u, inner, correction, soft_mode, options, out);
  if (!options.correct || !std::isfinite(out.rate)) free_estimates(problem, u, inner, rates, seen, out);
  const double tiny = kEps * out.solution.norm() + std::numeric_limits<double>::min();
  out.warm_distance = std::max((inner.x0 - out.solution).norm(), tiny);
  out.cold_distance = std::max((inner.x_cold - out.solution).norm(), tiny);
  if (map) measure_residuals(problem, u, inner, *map, out);
  if (inner.x0 == inner.x_cold) {
    out.nats = out.nats_lo = out.nats_hi = out.k_eff = out.k_eff_lo = out.k_eff_hi = 0;
    if (options.audit) out.k_match = 0;
    return out;
  }
  const HeadStart head = head_start(out.cold_distance, out.warm_distance, out.stand_in_error);
  out.nats = head.nats;
  if (std::isfinite(out.stand_in_error)) {
    out.nats_lo = head.lo;
    out.nats_hi = head.hi;
  }
  if (out.rate > 0 && out.rate < 1) {
    const double per_step = std::log(1 / out.rate);
    out.k_eff = out.nats / per_step;
    out.k_eff_lo = out.nats_lo / per_step;
    out.k_eff_hi = out.nats_hi / per_step;
  }
  // A rate is of use for what is counted in it: a head start without an end is not.
  if (!std::isfinite(out.k_eff_lo) || !std::isfinite(out.k_eff_hi)) out.reliable = false;
  if (options.audit && map) out.k_match = audit(*map, u, inner.x_cold, out.solution, out.warm_distance, options.audit_limit);
  return out;
}

}  // namespace tacit::inline TACIT_ABI
