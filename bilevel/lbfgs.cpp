#include <algorithm>
#include <cmath>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/support/lbfgs_pairs.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::size_t kPairs = 10;
constexpr double kArmijo = 1e-4, kCurvature = 0.9;
constexpr double kExpansion = 2.5, kLargestExpansion = 100;

/// How many times longer a step has no slope at its end, if that goes on to change as it has; `left`: what is left of it now.
double expansion(double left, double most) { return std::clamp(1 / std::max(0.0, 1 - left), kExpansion, most); }

/// s'Bs - s'y, B the second derivative at the end of the step s and y the change of the gradient: by the cubic through losses and
/// slopes at both ends (Zhang, Deng and Chen 1999). 0 where rounding and tolerances could be what it tells.
double curvature_beyond(const Evaluation& from, double from_error, const Evaluation& to, const Vec& s) {
  constexpr double kKnown = 0.1, kLess = 0.5, kMore = 2;
  const double mean = s.dot(to.gradient - from.gradient);
  const double more = 6 * (from.value - to.value) + 3 * s.dot(to.gradient + from.gradient);
  const double unsure = 6 * (from_error + to.diagnostics.outer_loss_error + 1e-15 * std::abs(from.value));
  if (!(mean > 0) || !(unsure <= kKnown * mean)) return 0;
  return std::clamp(more, -kLess * mean, kMore * mean);
}

Vec masked(const Vec& v, const std::vector<bool>& free) {
  Vec out = v;
  for (Index i = 0; i < v.size(); ++i) {
    if (!free[static_cast<std::size_t>(i)]) out[i] = 0;
  }
  return out;
}

}  // namespace

void LbfgsOuter::fields(FieldVisitor&) {}

void LbfgsOuter::clear() {
  s_.clear();
  y_.clear();
}

void LbfgsOuter::state(StateVisitor& v) {
  PointOptimizer::state(v);
  v.state("s", s_);
  v.state("y", y_);
}

// -H g with the pairs restricted to the free variables; without a usable pair, -g. What H is before its pairs are worked in
// follows the last of them, or the flattest.
Vec LbfgsOuter::two_loop(const Vec& g, const std::vector<bool>& free, bool flattest) const {
  Vec q = masked(g, free);
  std::vector<LbfgsPair> pairs;
  double flat = 0;
  for (std::size_t k = 0; k < s_.size(); ++k) {
    Vec sk = masked(s_[k], free), yk = masked(y_[k], free);
    const double sy = sk.dot(yk);
    if (!(sy > 1e-10 * sk.norm() * yk.norm()) || !(sy > 0)) continue;
    flat = std::max(flat, sk.squaredNorm() / sy);
    pairs.push_back({std::move(sk), std::move(yk), 1 / sy});
  }
  const double scale = pairs.empty() ? 1 : flattest ? flat : 1 / (pairs.back().rho * pairs.back().y.squaredNorm());
  apply_inverse_hessian(pairs, scale, q);
  return -q;
}

// Not on a bound that the gradient pushes against.
std::vector<bool> LbfgsOuter::free_entries(const HyperSpace& space) const {
  const Vec &theta = current_.theta, &g = current_.gradient;
  std::vector<bool> free(static_cast<std::size_t>(theta.size()));
  for (Index i = 0; i < theta.size(); ++i) {
    const bool stuck = (theta[i] <= space.lower()[i] && g[i] >= 0) || (theta[i] >= space.upper()[i] && g[i] <= 0);
    free[static_cast<std::size_t>(i)] = !stuck;
  }
  return free;
}

// The model's own direction, a descent that leaves the box nowhere from a bound; nothing where the pairs give none.
std::optional<Vec> LbfgsOuter::quasi_newton(const HyperSpace& space, bool flattest) const {
  if (s_.empty()) return std::nullopt;
  const Vec &theta = current_.theta, &g = current_.gradient;
  std::vector<bool> free = free_entries(space);
  for (Index round = 0; round <= theta.size(); ++round) {
    Vec d = two_loop(g, free, flattest);
    bool outward = false;
    for (Index i = 0; i < theta.size(); ++i) {
      if ((theta[i] <= space.lower()[i] && d[i] < 0) || (theta[i] >= space.upper()[i] && d[i] > 0)) {
        free[static_cast<std::size_t>(i)] = false;
        outward = true;
      }
    }
    if (outward) continue;
    if (d.allFinite() && g.dot(d) < -1e-12 * g.norm() * d.norm()) return d;
    break;
  }
  return std::nullopt;
}

// On the box no entry moves by more than kMaxMove, kFirstMove without pairs.
Vec LbfgsOuter::direction(const HyperSpace& space, bool steepest) const {
  const Vec& theta = current_.theta;
  if (!steepest) {
    if (const std::optional<Vec> d = quasi_newton(space, false))
      return std::min(1.0, longest_step(space, theta, *d, kMaxMove)) * *d;
  }
  const Vec d = masked(-current_.gradient, free_entries(space));
  return first_step(space, theta, d) * d;
}

double LbfgsOuter::predicted_gain(const HyperSpace& space) const {
  const std::optional<Vec> d = quasi_newton(space, true);
  if (!d) return OuterOptimizer::predicted_gain(space);
  Vec next = current_.theta + *d;
  space.project(next);
  const Vec step = next - current_.theta;
  const bool cut = (step - *d).cwiseAbs().maxCoeff() > 0;
  return -current_.gradient.dot(step) * (cut ? 1 : 0.5);
}

void LbfgsOuter::remember(const Evaluation& to) {
  const Vec s = to.theta - current_.theta;
  Vec y = to.gradient - current_.gradient;
  // Measured: a run with one hyperparameter takes 0.73 to 1.01 of the work, with many 0.83 to 1.09.
  if (s.size() == 1) y += curvature_beyond(current_, value_error_, to, s) / s.squaredNorm() * s;
  if (!(s.dot(y) > 1e-10 * s.norm() * y.norm()) || !(y.norm() > 0)) {
    clear();  // negative curvature along the step: the old pairs describe another region
    return;
  }
  s_.push_back(s);
  y_.push_back(y);
  if (s_.size() > kPairs) {
    s_.erase(s_.begin());
    y_.erase(y_.begin());
  }
}

/// P(theta0 + t d), in turn for each t.
class LbfgsOuter::Ray {
public:
  Ray(const HyperSpace& space, const Evaluation& from, const Vec& d)
      : space_(space), from_(from), d_(d), longest_(longest_step(space, from.theta, d, kMaxMove)) {}
  /// No entry moves by more than kMaxMove.
  double longest() const { return longest_; }
  Vec at(double t) const {
    Vec next = from_.theta + t * d_;
    space_.project(next);
    return next;
  }
  /// To first order, what a point of it gains.
  double slope(const Vec& theta) const { return from_.gradient.dot(theta - from_.theta); }
  /// Armijo's rule.
  bool lower(const Evaluation& e) const { return e.value - from_.value <= kArmijo * slope(e.theta); }

private:
  const HyperSpace& space_;
  const Evaluation& from_;
  const Vec& d_;
  double longest_;
};

/// The first of shorter and shorter steps that lowers the loss, with its gradient; t: how long it is. None of 25: no theta.
Evaluation LbfgsOuter::shorten(const Oracle& oracle, const Ray& ray, const Tolerance& tolerance, double& t,
                               StepOutcome& outcome) const {
  t = 1;
  for (int backtracks = 0; backtracks < 25; ++backtracks) {
    const Vec theta = ray.at(t);
    const double slope = ray.slope(theta);
    double factor = 0.5;
    if (theta == current_.theta) return {};
    if (slope < 0) {
      Evaluation e = oracle.evaluate(theta, tolerance, &current_);
      ++outcome.evaluations;
      const double rise = e.value - current_.value;
      if (std::isfinite(e.value) && ray.lower(e)) {
        e = oracle.differentiate(std::move(e), tolerance);
        if (e.finite() && ray.lower(e)) return e;  // still: it may be known better by now
      } else if (std::isfinite(e.value)) {
        factor = std::clamp(-slope / (2 * (rise - slope)), 0.1, 0.5);
      }
    }
    t *= factor;
  }
  return {};
}

/// Longer steps while the slope at the point found is still steep: the first one a little, those after it much, since of many
/// penalties a few decide how long a step is, and it can be too short by a factor of 10^5.
Evaluation LbfgsOuter::lengthen(const Oracle& oracle, const Ray& ray, const Tolerance& tolerance, double t, Evaluation best,
                                StepOutcome& outcome) const {
  double most = kExpansion;
  for (int expansions = 0; expansions < 10; ++expansions) {
    const Vec s = best.theta - current_.theta;
    const double left = best.gradient.dot(s) / current_.gradient.dot(s);
    if (!(left > kCurvature) || s.cwiseAbs().maxCoeff() >= kMaxMove) break;
    const double factor = expansion(left, most), longer = std::min(factor * t, ray.longest());
    const Vec theta = ray.at(longer);
    if (theta == best.theta) break;
    Evaluation e = oracle.evaluate(theta, tolerance, &current_);
    ++outcome.evaluations;
    if (!(e.value < best.value) || !ray.lower(e)) {
      if (longer <= kExpansion * t) break;
      most = std::max(kExpansion, std::sqrt(longer / t));
      continue;
    }
    e = oracle.differentiate(std::move(e), tolerance);
    if (!e.finite()) break;
    best = std::move(e);
    t = longer;
    most = kLargestExpansion;
  }
  return best;
}

// Projected search along d.
bool LbfgsOuter::search(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance, const Vec& d,
                        StepOutcome& outcome) {
  const Ray ray(space, current_, d);
  double t = 1;
  Evaluation best = shorten(oracle, ray, tolerance, t, outcome);
  if (best.theta.size() == 0) return false;
  best = lengthen(oracle, ray, tolerance, t, std::move(best), outcome);
  remember(best);
  return take(oracle, std::move(best), tolerance, outcome);
}

StepOutcome LbfgsOuter::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  StepOutcome out;
  if (search(oracle, space, tolerance, direction(space, false), out)) return out;
  if (!s_.empty()) {
    clear();
    if (search(oracle, space, tolerance, direction(space, true), out)) return out;
  }
  Tolerance tighter = tolerance;
  if (refine(oracle, tighter) && search(oracle, space, tighter, direction(space, true), out)) return out;
  const Index evaluations = out.evaluations;
  out = stay(kStalled);
  out.evaluations = evaluations;
  return out;
}

}  // namespace tacit::inline TACIT_ABI
