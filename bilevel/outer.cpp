#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include <tacit/bilevel/optimizers.hpp>

namespace tacit::inline TACIT_ABI {

void OuterPlan::state(StateVisitor& v) {
  constexpr std::uint64_t kLow = 0xffffffffU;
  Index high = static_cast<Index>(seed >> 32U), low = static_cast<Index>(seed & kLow);
  v.state("points", points);
  v.state("seed.high", high);
  v.state("seed.low", low);
  v.state("threads", threads);
  seed = (static_cast<std::uint64_t>(high) << 32U) | static_cast<std::uint64_t>(low);
}

bool asks_for_values_alone(std::string_view name) {
  constexpr std::array<std::string_view, 5> kNames{"grid", "random", "nelder-mead", "direct", "crs"};
  return std::find(kNames.begin(), kNames.end(), name) != kNames.end();
}

Vec OuterOptimizer::begin(const HyperSpace& /*space*/, In theta0, const OuterPlan& /*plan*/) { return theta0; }

void PointOptimizer::reset(const Evaluation& start) {
  if (start.gradient.size() != start.theta.size()) {
    throw UsageError("an outer optimizer starts from an evaluation with its gradient; call Oracle::differentiate first");
  }
  stand_at(start);
  clear();
}

void PointOptimizer::refresh(const Evaluation& current) { stand_at(current); }

void PointOptimizer::stand_at(const Evaluation& e) {
  current_ = e;
  value_error_ = e.diagnostics.outer_loss_error;
}

void PointOptimizer::state(StateVisitor& v) {
  current_.visit_state(v);
  v.state("value_error", value_error_);
}

bool PointOptimizer::take(const Oracle& oracle, Evaluation e, const Tolerance& tolerance, StepOutcome& outcome) {
  if (e.gradient.size() == 0) e = oracle.differentiate(std::move(e), tolerance);
  if (!e.finite()) return false;
  outcome.step_norm = (e.theta - current_.theta).norm();
  outcome.moved = outcome.step_norm > 0;
  stand_at(e);
  current_.forget_tape();
  outcome.accepted = std::move(e);
  return true;
}

StepOutcome PointOptimizer::stay(std::string message) const {
  StepOutcome out;
  out.accepted = current_;
  out.stalled = true;
  out.message = std::move(message);
  return out;
}

bool PointOptimizer::refine(const Oracle& oracle, Tolerance& tolerance) {
  if (!(tolerance.inner > 1e-14)) return false;  // 0: a fixed number of steps; below: rounding
  tolerance.inner = std::max(0.1 * tolerance.inner, 1e-14);
  tolerance.adjoint = std::max(0.1 * tolerance.adjoint, 1e-14);
  Evaluation e = oracle.differentiate(current_, tolerance);
  if (!e.finite()) return false;
  if (usable(current_.diagnostics.hypergradient_status) && !usable(e.diagnostics.hypergradient_status)) return false;
  stand_at(e);
  current_.forget_tape();
  return true;
}

namespace {

// How far entry i can move along d before its bound stops it.
double room(const HyperSpace& space, In theta, In d, Index i) {
  return d[i] > 0 ? space.upper()[i] - theta[i] : theta[i] - space.lower()[i];
}

}  // namespace

double longest_step(const HyperSpace& space, In theta, In d, double limit) {
  double t = std::numeric_limits<double>::infinity();
  for (Index i = 0; i < theta.size(); ++i) {
    if (d[i] != 0 && room(space, theta, d, i) > limit) t = std::min(t, limit / std::abs(d[i]));
  }
  return t;
}

double first_step(const HyperSpace& space, In theta, In d) {
  const double t = longest_step(space, theta, d, PointOptimizer::kFirstMove);
  if (std::isfinite(t)) return t;
  double all = 0;
  for (Index i = 0; i < theta.size(); ++i) {
    if (d[i] != 0) all = std::max(all, room(space, theta, d, i) / std::abs(d[i]));
  }
  return all > 0 ? all : 1;
}

namespace {

// theta + move, shortened until no entry moves by more than the limit, on the box.
Vec projected_step(const HyperSpace& space, const Vec& theta, const Vec& move, double limit) {
  Vec next = theta + std::min(1.0, longest_step(space, theta, move, limit)) * move;
  space.project(next);
  return next;
}

}  // namespace

void GradientDescentOuter::fields(FieldVisitor& v) {
  v.field("step", step_size, Range::positive(),
          "step length tried first, halved until the loss falls; auto: grows from step to step");
}

void GradientDescentOuter::state(StateVisitor& v) {
  PointOptimizer::state(v);
  v.state("trial", trial_);
}

StepOutcome GradientDescentOuter::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  Tolerance now = tolerance;
  StepOutcome out;
  for (int attempt = 0; attempt < 2; ++attempt) {
    if (attempt == 1 && !refine(oracle, now)) break;
    if (!(trial_ > 0)) trial_ = first_step(space, current_.theta, -current_.gradient);
    double t = step_size ? *step_size : trial_;
    for (int halvings = 0; halvings < 40; ++halvings, t *= 0.5) {
      const Vec theta = projected_step(space, current_.theta, -t * current_.gradient, kMaxMove);
      const double slope = current_.gradient.dot(theta - current_.theta);
      if (!(slope < 0)) break;
      Evaluation e = oracle.evaluate(theta, now, &current_);
      ++out.evaluations;
      if (!std::isfinite(e.value) || e.value > current_.value + 1e-4 * slope) continue;
      if (!take(oracle, std::move(e), now, out)) continue;
      trial_ = halvings == 0 ? 2 * t : t;
      return out;
    }
    trial_ = 0;
  }
  const Index evaluations = out.evaluations;
  out = stay(kStalled);
  out.evaluations = evaluations;
  return out;
}

void AdamOuter::fields(FieldVisitor& v) { v.field("step", step_size, Range::positive(), "step length in theta; auto: 0.1"); }

void AdamOuter::clear() {
  count_ = 0;
  first_ = Vec::Zero(current_.theta.size());
  second_ = first_;
}

void AdamOuter::state(StateVisitor& v) {
  PointOptimizer::state(v);
  v.state("count", count_);
  v.state("first_moment", first_);
  v.state("second_moment", second_);
}

StepOutcome AdamOuter::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  const Vec& g = current_.gradient;
  ++count_;
  first_ = 0.9 * first_ + 0.1 * g;
  second_ = 0.999 * second_ + 0.001 * g.cwiseAbs2();
  const double c1 = 1 - std::pow(0.9, static_cast<double>(count_)), c2 = 1 - std::pow(0.999, static_cast<double>(count_));
  double t = step_size.value_or(0.1);
  const Vec size = (second_ / c2).cwiseSqrt();
  // What keeps the quotient finite follows the scale of the loss, so that y in other units takes the same steps.
  const double least = std::max(1e-12 * size.norm(), std::numeric_limits<double>::min());
  const Vec move = (first_ / c1).array() / (size.array() + least);
  StepOutcome out;
  for (int halvings = 0; halvings < 20; ++halvings, t *= 0.5) {  // halved only where the loss is not finite
    Evaluation e = oracle.evaluate(projected_step(space, current_.theta, -t * move, kMaxMove), tolerance, &current_);
    ++out.evaluations;
    if (std::isfinite(e.value) && take(oracle, std::move(e), tolerance, out)) return out;
  }
  return stay("the outer loss is not finite around the current point");
}

StepOutcome HoagOuter::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  Tolerance now = tolerance;
  StepOutcome out;
  for (int attempt = 0; attempt < 3; ++attempt) {
    if (attempt > 0 && !refine(oracle, now)) break;
    if (!(lipschitz_ > 0)) lipschitz_ = 1 / first_step(space, current_.theta, -current_.gradient);
    const double start = lipschitz_;
    for (;; lipschitz_ *= 2) {
      const Vec theta = projected_step(space, current_.theta, -current_.gradient / lipschitz_, kMaxMove);
      const double expected = 0.5 * lipschitz_ * (theta - current_.theta).squaredNorm();
      if (!(expected > 1e-15 * std::abs(current_.value))) break;
      Evaluation e = oracle.evaluate(theta, now, &current_);
      ++out.evaluations;
      const double before = std::isfinite(current_.solved.inner) ? current_.solved.inner : now.inner;
      const double slack = 0.25 * (now.inner + before) * std::abs(current_.value);
      const bool hidden = expected < 0.5 * slack;  // what is hoped for drowns in the tolerance: a shorter step would say nothing
      const bool lower = std::isfinite(e.value) && e.value <= current_.value - expected + (hidden ? 0 : slack);
      if (lower && take(oracle, std::move(e), now, out)) {
        lipschitz_ *= 0.7;
        return out;
      }
      if (hidden) break;
    }
    lipschitz_ = start;
  }
  lipschitz_ = 0;
  const Index evaluations = out.evaluations;
  out = stay(kStalled);
  out.evaluations = evaluations;
  return out;
}

void HoagOuter::state(StateVisitor& v) {
  PointOptimizer::state(v);
  v.state("lipschitz", lipschitz_);
}

void register_optimizers(Registry<OuterOptimizer>& registry) {
  registry.add("gradient-descent", "projected gradient descent with Armijo backtracking",
               [] { return std::make_unique<GradientDescentOuter>(); });
  registry.add("adam", "projected Adam with a fixed step length, no line search", [] { return std::make_unique<AdamOuter>(); });
  registry.add("lbfgs", "limited-memory BFGS on the free variables of the box", [] { return std::make_unique<LbfgsOuter>(); });
  registry.add("hoag", "gradient descent with an adaptive step that allows for inexact values (Pedregosa 2016)",
               [] { return std::make_unique<HoagOuter>(); });
  registry.add("grid", "max_steps points of a full grid in theta, from the strongest penalty down; no hypergradients",
               [] { return std::make_unique<GridOuter>(); });
  registry.add("random", "max_steps points drawn from seed, uniform in theta over the box; no hypergradients",
               [] { return std::make_unique<RandomOuter>(); });
}

}  // namespace tacit::inline TACIT_ABI
