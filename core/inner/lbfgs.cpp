#include <algorithm>
#include <cmath>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/inner/detail/inverse_from_pairs.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using detail::InverseFromPairs;

/// f along x + t d.
struct Point {
  double t = 0, value = 0, slope = 0;
};

/// Of few variables pairs cost little beside a pass over the data.
Index memory(const LbfgsSolver& solver, Index n) {
  return solver.memory.value_or(n > LbfgsSolver::kManyVariables ? LbfgsSolver::kFewPairs : LbfgsSolver::kPairs);
}

class LbfgsRun {
public:
  LbfgsRun(const Problem& problem, In u, double tolerance, const LbfgsSolver& solver, const InnerSolution* previous,
           InnerSolution& s)
      : solver_(solver), problem_(problem), f_(*problem.f), u_(u), tolerance_(tolerance), max_steps_(solver.options.max_steps),
        s_(s), inverse_(memory(solver, s.inner_dim)), d_(s.inner_dim), x_(s.inner_dim) {
    if (!s.cold && previous->pairs) take_over(*previous->pairs);
  }

  void run() {
    stand_at(s_.z, at_, curvature_);
    norm_ = at_.gradient.norm();
    s_.start_gradient = norm_;
    unit_ = detail::gradient_unit(problem_, u_, s_.x0, norm_);
    unknowable_ = detail::unknowable(problem_, u_, unit_);
    const RunEnd ending = iterate();
    inverse_.u = u_;
    s_.pairs = std::make_shared<const InverseFromPairs>(std::move(inverse_));
    s_.gradient = at_.gradient;
    s_.value = at_.value;
    s_.curvature = std::move(curvature_);
    detail::finish(s_, norm_, unit_, tolerance_, ending, why_);
  }

private:
  void take_over(const InverseFromPairs& pairs);
  void stand_at(const Vec& x, FirstOrder& at, std::unique_ptr<const Curvature>& curvature) const;
  RunEnd iterate();
  double first_step();
  bool search(double t);
  Point evaluate(double t);
  static double next_step(const Point& lo, const Point& hi, bool bracketed);
  double floor() const { return detail::rounding_floor(problem_, u_, unit_, inverse_.curvature_met(), s_.z.norm()); }

  const LbfgsSolver& solver_;
  const Problem& problem_;
  const Objective& f_;
  Vec u_;
  double tolerance_;
  Index max_steps_;
  InnerSolution& s_;
  InverseFromPairs inverse_;
  FirstOrder at_, trial_;
  std::unique_ptr<const Curvature> curvature_, trial_curvature_;
  Vec d_, x_;
  double norm_ = 0, unit_ = 1, unknowable_ = 0;
  detail::StallWatch watch_{20};
  std::string why_;
};

/// Those of another u are pairs of this one where it changes f_xx by a diagonal alone.
void LbfgsRun::take_over(const InverseFromPairs& pairs) {
  if (pairs.u == u_) return inverse_.inherit(pairs);
  Vec now = Vec::Zero(s_.inner_dim), then = now;
  if (pairs.u.size() != u_.size() || !f_.penalty_diagonal(u_, now) || !f_.penalty_diagonal(pairs.u, then)) return;
  inverse_.inherit(pairs);
  inverse_.shift(now - then);
}

/// With the curvature where that comes from the pass of the gradient; elsewhere it may cost more than all the rest.
void LbfgsRun::stand_at(const Vec& x, FirstOrder& at, std::unique_ptr<const Curvature>& curvature) const {
  curvature.reset();
  at.gradient.resize(x.size());
  if (f_.linear())
    curvature = f_.linearize(x, u_, &at);
  else
    at.value = f_.gradient(x, u_, at.gradient);
}

RunEnd LbfgsRun::iterate() {
  while (true) {
    if (tolerance_ > 0 && norm_ <= tolerance_ * unit_) return RunEnd::target;
    if (tolerance_ > 0 && norm_ <= unknowable_) return RunEnd::rounding;
    if (s_.steps >= max_steps_ || !std::isfinite(norm_)) return RunEnd::limit;
    if (tolerance_ > 0 && watch_.stalled(norm_, floor())) return RunEnd::rounding;
    const bool fresh = inverse_.empty();
    inverse_.direction(at_.gradient, d_);
    if (!(at_.gradient.dot(d_) < 0)) {
      if (fresh) return norm_ == 0 ? RunEnd::rounding : RunEnd::limit;
      inverse_.clear();
      continue;
    }
    if (!search(fresh ? first_step() : 1.0)) {
      if (!fresh) {
        if (norm_ <= floor()) return RunEnd::rounding;
        inverse_.clear();
        continue;
      }
      why_ =
          "lbfgs found no lower point down the gradient (norm " + sci(norm_) + "); check the derivatives of the inner objective";
      return norm_ <= floor() ? RunEnd::rounding : RunEnd::failed;
    }
    inverse_.add(x_ - s_.z, trial_.gradient - at_.gradient);
    ++s_.steps;
    s_.z.swap(x_);
    std::swap(at_, trial_);
    curvature_.swap(trial_curvature_);
    norm_ = at_.gradient.norm();
    if (solver_.watch) solver_.watch({s_.steps, s_.x(), norm_});
  }
}

/// The minimizer of the local parabola along -g: one Hessian product instead of several trials.
double LbfgsRun::first_step() {
  Vec hd(d_.size());
  if (!curvature_) curvature_ = f_.linearize(s_.z, u_);
  curvature_->hessian(d_, hd);
  const double curvature = d_.dot(hd);
  const double t = -at_.gradient.dot(d_) / curvature;
  return curvature > 0 && std::isfinite(t) ? t : 1 / std::max(norm_, 1e-300);
}

Point LbfgsRun::evaluate(double t) {
  x_ = s_.z + t * d_;
  stand_at(x_, trial_, trial_curvature_);
  return {t, trial_.value, trial_.gradient.dot(d_)};
}

/// Strong Wolfe conditions by bracketing and secants of the slope; where rounding hides differences of f, its slope decides
/// (Hager and Zhang 2005).
bool LbfgsRun::search(double t) {
  constexpr double kArmijo = 1e-4, kCurvature = 0.9;
  const Point start{0, at_.value, at_.gradient.dot(d_)};
  const double noise = 1e-12 * std::abs(at_.value) + 1e-300;
  Point lo = start, hi;
  bool bracketed = false;
  for (int k = 0; k < 40; ++k) {
    const Point p = evaluate(t);
    const bool finite = std::isfinite(p.value) && std::isfinite(p.slope);
    const bool armijo = p.value <= start.value + kArmijo * t * start.slope;
    const bool approximate = p.value <= start.value + noise && p.slope <= (2 * kArmijo - 1) * start.slope;
    const bool low = finite && (armijo || approximate);
    if (low && std::abs(p.slope) <= -kCurvature * start.slope) return true;
    if (!low || p.slope >= 0) {
      hi = finite ? p : Point{t, p.value, std::numeric_limits<double>::quiet_NaN()};
      bracketed = true;
    } else {
      lo = p;
    }
    t = next_step(lo, hi, bracketed);
    if (bracketed && std::abs(hi.t - lo.t) <= detail::kEps * hi.t) break;
  }
  return false;
}

double LbfgsRun::next_step(const Point& lo, const Point& hi, bool bracketed) {
  if (!bracketed) return lo.t * 4;
  const double width = hi.t - lo.t;
  const double secant = hi.slope > 0 && lo.slope < 0 ? lo.t - lo.slope * width / (hi.slope - lo.slope) : lo.t + 0.5 * width;
  return std::clamp(secant, lo.t + 0.1 * width, hi.t - 0.1 * width);
}

}  // namespace

void LbfgsSolver::fields(FieldVisitor& v) {
  options.fields(v);
  v.field("memory", memory, Range{1, 100, false, false},
          "pairs of steps and gradient changes that lbfgs keeps; auto: 30, of more than 2000 variables 10");
}

InnerSolution LbfgsSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                 TapeRequest tape) const {
  detail::refuse_tape(tape, "lbfgs");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  LbfgsRun(problem, u, accuracy.residual, *this, previous, s).run();
  return s;
}

}  // namespace tacit::inline TACIT_ABI
