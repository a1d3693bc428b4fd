#include <tacit/hypergrad/curve.hpp>

#include <Eigen/Eigenvalues>
#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/core/model/counting.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/wording.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// All recursions at once: those that have started are the first columns of dz, m each.
class Recursions {
public:
  Recursions(const FixedPointMap& map, In u, In du, std::vector<DerivativeCurve>& curves, InM truth)
      : map_(map), u_(u), du_(du), curves_(curves), truth_(truth), dz_(map.state_dim(), 0) {}

  /// ||X - X*|| of the i-th recursion at the current step.
  double error(std::size_t i) {
    const Index n = map_.inner_dim(), m = u_.size(), at = static_cast<Index>(i) * m;
    return at < dz_.cols() ? spectral_norm(dz_.block(0, at, n, m) - truth_) : norm_of_truth();
  }

  /// Records the errors at step k, where the state is z.
  void record() {
    for (std::size_t i = 0; i < curves_.size(); ++i) curves_[i].error.push_back(error(i));
  }

  /// Carries state and tangents from step k to k + 1; recursions that start at k join.
  void advance(Index k, Vec& z, Vec& next) {
    const Index m = u_.size();
    Index running = dz_.cols() / m;
    while (running < static_cast<Index>(curves_.size()) && curves_[static_cast<std::size_t>(running)].start <= k) ++running;
    join(running * m);
    if (dz_.cols() == 0) {
      map_.step(k, z, u_, next);
    } else {
      map_.step_tangents(k, z, u_, dz_, hyper_, next, dnext_);
      dz_.swap(dnext_);
    }
    z.swap(next);
  }

private:
  double norm_of_truth() {
    if (std::isnan(norm_)) norm_ = spectral_norm(truth_);
    return norm_;
  }
  void join(Index columns) {
    if (columns == dz_.cols()) return;
    const Index m = u_.size(), before = dz_.cols();
    Mat wider = Mat::Zero(map_.state_dim(), columns);
    wider.leftCols(before) = dz_;
    dz_.swap(wider);
    dnext_.resize(map_.state_dim(), columns);
    hyper_ = Mat::Zero(m, columns);
    for (Index j = 0; j < columns; ++j) hyper_(j % m, j) = du_[j % m];
  }

  const FixedPointMap& map_;
  Vec u_, du_;
  std::vector<DerivativeCurve>& curves_;  // starts ascending
  Mat truth_, dz_, dnext_, hyper_;
  double norm_ = kNaN;
};

/// The modes of f_xx at x* as the map sees them: one small matrix each, softest first.
std::vector<Eigen::MatrixXd> modes(const FixedPointMap& map, const Curvature& curvature, In x, In u) {
  Mat h(x.size(), x.size());
  hessian_matrix(curvature, h);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen{Eigen::MatrixXd(h)};
  Vec z(map.state_dim());
  map.lift(x, z);
  const auto jacobian = map.linearize(0, z, u);
  std::vector<Eigen::MatrixXd> all;
  for (Index i = 0; i < x.size(); ++i) all.push_back(mode_matrix(*jacobian, z.size(), u.size(), eigen.eigenvectors().col(i)));
  return all;
}

double spectral_radius(const std::vector<Eigen::MatrixXd>& modes) {
  double radius = 0;
  for (const Eigen::MatrixXd& m : modes) radius = std::max(radius, m.eigenvalues().cwiseAbs().maxCoeff());
  return radius;
}

/// ||P^k|| for k = 0 .. steps: the eigenvectors of f_xx are orthogonal, so it is the largest norm of a power of a mode.
std::vector<double> power_norms(const std::vector<Eigen::MatrixXd>& modes, Index steps) {
  std::vector<double> norms(static_cast<std::size_t>(steps) + 1, 0.0);
  for (const Eigen::MatrixXd& m : modes) {
    Eigen::MatrixXd power = Eigen::MatrixXd::Identity(m.rows(), m.cols());
    for (double& norm : norms) {
      norm = std::max(norm, spectral_norm(Mat(power)));
      power = power * m;
    }
  }
  return norms;
}

/// rho, C, M and e_0, and a sentence where one of them is not known.
void find_constants(const Problem& problem, In u, In du, const FixedPointMap& map, Curve& curve) {
  ContractionConstants& c = curve.constants;
  c.jacobian = spectral_norm(curve.jacobian);
  c.start_error = curve.iterate_error.front();
  c.rate = c.forcing = kNaN;
  if (map.momentum() != 0) {
    if (!problem.f->quadratic())
      curve.unknown =
          "no bounds: a step with momentum is no contraction in the Euclidean norm, and what its powers do is known for "
          "quadratic "
          "objectives alone (ridge)";
    return;
  }
  if (!(curve.convexity > 0)) {
    curve.unknown = "no bounds: no positive lower bound of the inner curvature is known (mu = 0; an intercept is not penalised)";
    return;
  }
  const double alpha = map.step_size();
  const double rate = std::max(std::abs(1 - alpha * curve.convexity), std::abs(1 - alpha * curve.smoothness));
  if (!(rate < 1)) {
    curve.unknown = "no bounds: with the step " + short_number(alpha) +
                    " the map is no contraction for L = " + short_number(curve.smoothness) +
                    " (rho = " + short_numbers({rate, 1})[0] + "); a step below 2/L is";
    return;
  }
  c.rate = rate;
  c.forcing = alpha * problem.f->derivative_lipschitz(u, curve.jacobian, du);
  if (std::isnan(c.forcing)) curve.unknown = "no bounds of derivatives: the third derivatives of this objective are not known";
}

/// For momentum on a quadratic, where P is constant. A lifted state is x twice, and ||y - y*|| <= sqrt((1 + gamma)^2 + gamma^2)
/// ||z - z*|| at the point y = x + gamma (x - x_prev) of the gradient.
void add_power_bounds(const Problem& problem, In u, In du, const FixedPointMap& map, const std::vector<Eigen::MatrixXd>& modes,
                      const CurveOptions& options, Curve& curve) {
  const double copies = std::sqrt(static_cast<double>(map.state_dim() / map.inner_dim())), gamma = map.lookahead();
  PowerBounds bounds;
  bounds.powers = power_norms(modes, options.steps);
  bounds.start_error = copies * curve.constants.start_error;
  bounds.jacobian = copies * curve.constants.jacobian;
  bounds.forcing = map.step_size() * problem.f->derivative_lipschitz(u, curve.jacobian, du) * std::hypot(1 + gamma, gamma);
  for (Index k = 0; k <= options.steps; ++k) curve.iterate_bound.push_back(bounds.iterate(k));
  if (!std::isfinite(bounds.forcing)) {
    curve.unknown = "no bounds of derivatives: the third derivatives of this objective are not known";
    return;
  }
  for (DerivativeCurve& d : curve.derivative) {
    for (Index k = 0; k <= options.steps; ++k) d.bound.push_back(bounds.derivative(k, d.start));
  }
}

void add_bounds(const CurveOptions& options, Curve& curve) {
  const ContractionConstants& c = curve.constants;
  if (std::isfinite(c.rate)) {
    for (Index k = 0; k <= options.steps; ++k) curve.iterate_bound.push_back(iterate_bound(c, k));
  }
  if (!c.known()) return;
  for (DerivativeCurve& d : curve.derivative) {
    for (Index k = 0; k <= options.steps; ++k) d.bound.push_back(derivative_bound(c, k, d.start));
  }
  curve.peak = curse_peak(c);
  curve.best_start = best_start(c);
  curve.late_start = best_late_start(c, static_cast<double>(options.steps), curve.cost);
  curve.frozen = best_frozen(c, static_cast<double>(options.steps), curve.cost);
}

/// Recursions beside that of theorem 6, fewer where each has many columns.
constexpr Index kMostStarts = 15, kMostColumns = 64;

/// Which late starts are tried at the cost of the full unroll.
void choose_equal_cost(const CurveOptions& options, Index hyperparameters, Curve& curve) {
  const Index steps = options.steps, starts = std::clamp<Index>(kMostColumns / hyperparameters, 1, kMostStarts);
  std::vector<Index> dropped{0};
  for (Index j = 1; j <= starts; ++j) dropped.push_back(steps * j / (starts + 1));
  Index best = -1;
  if (curve.constants.known()) {
    const double budget = (1 + curve.cost) * static_cast<double>(steps);
    const double kept = std::round(best_late_start(curve.constants, budget, curve.cost).differentiated);
    best = std::clamp<Index>(steps - static_cast<Index>(kept), 0, steps - 1);
    dropped.push_back(best);
  }
  std::sort(dropped.begin(), dropped.end());
  dropped.erase(std::unique(dropped.begin(), dropped.end()), dropped.end());
  for (const Index t : dropped) {
    if (t == best) curve.planned = static_cast<Index>(curve.equal_cost.size());
    curve.equal_cost.push_back(equal_cost_start(steps, t, curve.cost));
  }
}

/// Follows all of them in one batch to the step at which each has spent the cost.
void follow_equal_cost(const Problem& problem, In u, In du, const FixedPointMap& map, Curve& curve) {
  std::vector<DerivativeCurve> recursions_of;
  for (const EqualCostStart& s : curve.equal_cost) recursions_of.push_back({s.plain, {}, {}, 0});
  Vec z(map.state_dim()), next(map.state_dim());
  map.lift(problem.cold_start(u), z);
  Recursions recursions(map, u, du, recursions_of, curve.jacobian);
  const EqualCostStart& longest = curve.equal_cost.back();
  for (Index k = 0;; ++k) {
    for (std::size_t i = 0; i < curve.equal_cost.size(); ++i) {
      EqualCostStart& s = curve.equal_cost[i];
      if (k != s.plain + s.differentiated) continue;
      s.error = recursions.error(i);
      if (curve.constants.known()) s.bound = derivative_bound(curve.constants, k, s.plain);
    }
    if (k == longest.plain + longest.differentiated) return;
    recursions.advance(k, z, next);
  }
}

void find_truth(const Problem& problem, In u, In du, Curve& curve) {
  const Polished p = polish(problem, u, problem.cold_start(u));
  if (!usable(p.status))
    throw UsageError("the inner problem could not be solved to rounding (" + std::string(to_string(p.status)) +
                     "), so there is no truth to compare with; penalise every coefficient (hyper.l2) or drop constant columns");
  curve.x = p.x;
  curve.gradient_norm = p.gradient_norm;
  curve.jacobian = solution_jacobian(problem, u, p.x, du);
}

void follow(const Problem& problem, In u, In du, const FixedPointMap& map, const CurveOptions& options, Curve& curve) {
  Vec z(map.state_dim()), next(map.state_dim());
  map.lift(problem.cold_start(u), z);
  Recursions recursions(map, u, du, curve.derivative, curve.jacobian);
  for (Index k = 0;; ++k) {
    curve.iterate_error.push_back((z.head(map.inner_dim()) - curve.x).norm());
    if (!std::isfinite(curve.iterate_error.back()))
      throw UsageError("the inner iteration is not finite after " + std::to_string(k) + " steps; its step size " +
                           short_number(map.step_size()) + " is too large: lower " + option_name("inner.step") +
                           " (auto is stable)",
                       "inner.step");
    recursions.record();
    if (k == options.steps) return;
    recursions.advance(k, z, next);
  }
}

}  // namespace

double spectral_norm(InM a) {
  if (a.cols() == 0 || a.rows() == 0) return 0;
  if (a.cols() == 1) return a.norm();
  // The square root of an eigenvalue of a'a is exact enough for the largest singular value.
  const double size = a.cwiseAbs().maxCoeff();
  if (!(size > 0) || !std::isfinite(size)) return size;
  const Eigen::MatrixXd scaled = a / size;
  const Eigen::MatrixXd gram =
      a.rows() < a.cols() ? Eigen::MatrixXd(scaled * scaled.transpose()) : Eigen::MatrixXd(scaled.transpose() * scaled);
  const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(gram, Eigen::EigenvaluesOnly);
  return size * std::sqrt(std::max(0.0, eigen.eigenvalues()[gram.rows() - 1]));
}

EqualCostStart equal_cost_start(Index steps, Index dropped, double cost) {
  EqualCostStart s;
  s.dropped = dropped;
  s.differentiated = steps - dropped;
  // A product that rounding left just below a whole number is that number.
  s.plain = static_cast<Index>(std::floor((1 + cost) * static_cast<double>(dropped) * (1 + 1e-12)));
  return s;
}

double differentiation_cost(const Problem& problem, In u, const Algorithm& algorithm) {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem watched = counted(problem, counter);
  const auto map = algorithm.bind(watched, u);
  Vec z(map->state_dim()), next(map->state_dim()), out(map->state_dim()), add_u = Vec::Zero(u.size());
  map->lift(watched.cold_start(u), z);
  map->step(0, z, u, next);  // what is computed once and kept belongs to no step
  const Work before = counter->read();
  map->step(0, z, u, next);
  const Work plain = counter->read() - before;
  map->vjp(0, z, u, Vec::Ones(map->state_dim()), out, add_u);
  const Work reverse = counter->read() - before - plain;
  const bool reads = plain.passes_known && plain.data_passes > 0 && reverse.data_passes > 0;
  return static_cast<double>(reads ? reverse.data_passes : reverse.inner_units()) /
         static_cast<double>(reads ? plain.data_passes : plain.inner_units());
}

Mat solution_jacobian(const Problem& problem, In u, In x, In du) {
  const Index n = x.size(), m = u.size();
  const auto curvature = problem.f->linearize(x, u);
  Mat h(n, n);
  hessian_matrix(*curvature, h);
  const auto inverse = cholesky_inverse(h);
  if (!inverse)
    throw UsageError(
        "the inner Hessian is not positive definite at the solution, so dx*/du does not exist; penalise every coefficient");
  Mat jacobian(n, m);
  Vec b(n), w(n), r(n), correction(n);
  for (Index j = 0; j < m; ++j) {
    curvature->cross_t(du[j] * Vec::Unit(m, j), b);
    inverse->apply(b, w);
    for (int k = 0; k < 2; ++k) {  // refinement takes the rounding of the factor out
      curvature->hessian(w, r);
      inverse->apply(b - r, correction);
      w += correction;
    }
    jacobian.col(j) = -w;
  }
  return jacobian;
}

Curve convergence_curve(const Problem& problem, In u, const Algorithm& algorithm, const CurveOptions& options) {
  require_solution(problem, "the convergence curve");
  if (u.size() == 0)
    throw UsageError("there is no hyperparameter to differentiate in; tune one (hyper.l2 without fix)", "hyper.l2");
  if (options.steps < 1) throw UsageError("a curve needs at least one step", "curve.steps");
  if (problem.f->inner_dim() > kCurveDim)
    throw UsageError("a curve needs dense solves, for up to " + std::to_string(kCurveDim) +
                     " inner variables; this problem has " + std::to_string(problem.f->inner_dim()));
  Curve curve;
  const Vec du = options.log ? Vec(u) : Vec(Vec::Ones(u.size()));
  const auto map = algorithm.bind(problem, u);
  curve.step_size = map->step_size();
  curve.momentum = map->momentum();
  curve.smoothness = problem.f->smoothness(u);
  curve.convexity = problem.f->convexity(u);
  curve.cost = options.cost ? *options.cost : differentiation_cost(problem, u, algorithm);
  if (!(curve.cost > 0)) throw UsageError("differentiating a step must cost something", "curve.cost");
  find_truth(problem, u, du, curve);
  const auto at_solution = modes(*map, *problem.f->linearize(curve.x, u), curve.x, u);
  curve.local_rate = spectral_radius(at_solution);
  std::vector<Index> starts = options.starts;
  std::sort(starts.begin(), starts.end());
  starts.erase(std::unique(starts.begin(), starts.end()), starts.end());
  for (const Index s : starts) curve.derivative.push_back({s, {}, {}, 0});
  follow(problem, u, du, *map, options, curve);
  for (DerivativeCurve& d : curve.derivative) d.peak = std::max_element(d.error.begin(), d.error.end()) - d.error.begin();
  find_constants(problem, u, du, *map, curve);
  add_bounds(options, curve);
  choose_equal_cost(options, u.size(), curve);
  follow_equal_cost(problem, u, du, *map, curve);
  if (curve.momentum != 0 && problem.f->quadratic()) add_power_bounds(problem, u, du, *map, at_solution, options, curve);
  return curve;
}

}  // namespace tacit::inline TACIT_ABI
