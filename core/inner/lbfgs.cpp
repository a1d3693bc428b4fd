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

class LbfgsRun {
public:
  LbfgsRun(const Problem& problem, In u, double tolerance, const LbfgsSolver& solver, const InnerSolution* previous,
           InnerSolution& s)
      : solver_(solver), problem_(problem), f_(*problem.f), u_(u), tolerance_(tolerance), max_steps_(solver.options.max_steps),
        s_(s), inverse_(solver.memory), g_(s.inner_dim), d_(s.inner_dim), x_(s.inner_dim), g_new_(s.inner_dim) {
    if (!s.cold && previous->pairs && previous->pairs->u == u) inverse_.inherit(*previous->pairs);
  }

  void run() {
    value_ = f_.gradient(s_.z, u_, g_);
    norm_ = g_.norm();
    unit_ = detail::gradient_unit(problem_, u_, s_.x0, norm_);
    unknowable_ = detail::unknowable(problem_, u_, unit_);
    const RunEnd ending = iterate();
    inverse_.u = u_;
    s_.pairs = std::make_shared<const InverseFromPairs>(std::move(inverse_));
    s_.gradient = g_;
    detail::finish(s_, norm_, unit_, tolerance_, ending, why_);
  }

private:
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
  Vec g_, d_, x_, g_new_;
  double value_ = 0, value_new_ = 0, norm_ = 0, unit_ = 1, unknowable_ = 0;
  detail::StallWatch watch_{20};
  std::string why_;
};

RunEnd LbfgsRun::iterate() {
  while (true) {
    if (tolerance_ > 0 && norm_ <= tolerance_ * unit_) return RunEnd::target;
    if (tolerance_ > 0 && norm_ <= unknowable_) return RunEnd::rounding;
    if (s_.steps >= max_steps_ || !std::isfinite(norm_)) return RunEnd::limit;
    if (tolerance_ > 0 && watch_.stalled(norm_, floor())) return RunEnd::rounding;
    const bool fresh = inverse_.empty();
    inverse_.direction(g_, d_);
    if (!(g_.dot(d_) < 0)) {
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
    inverse_.add(x_ - s_.z, g_new_ - g_);
    ++s_.steps;
    s_.z.swap(x_);
    g_.swap(g_new_);
    value_ = value_new_;
    norm_ = g_.norm();
    if (solver_.watch) solver_.watch({s_.steps, s_.x(), norm_});
  }
}

/// The minimizer of the local parabola along -g: one Hessian product instead of several trials.
double LbfgsRun::first_step() {
  Vec hd(d_.size());
  f_.linearize(s_.z, u_)->hessian(d_, hd);
  const double curvature = d_.dot(hd);
  const double t = -g_.dot(d_) / curvature;
  return curvature > 0 && std::isfinite(t) ? t : 1 / std::max(norm_, 1e-300);
}

Point LbfgsRun::evaluate(double t) {
  x_ = s_.z + t * d_;
  value_new_ = f_.gradient(x_, u_, g_new_);
  return {t, value_new_, g_new_.dot(d_)};
}

/// Strong Wolfe conditions by bracketing and secants of the slope; where rounding hides differences of f, its slope decides
/// (Hager and Zhang 2005).
bool LbfgsRun::search(double t) {
  constexpr double kArmijo = 1e-4, kCurvature = 0.9;
  const Point start{0, value_, g_.dot(d_)};
  const double noise = 1e-12 * std::abs(value_) + 1e-300;
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
  v.field("memory", memory, Range{1, 100, false, false}, "pairs of steps and gradient changes that lbfgs keeps");
}

InnerSolution LbfgsSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                 TapeRequest tape) const {
  detail::refuse_tape(tape, "lbfgs");
  InnerSolution s = detail::begin(*this, problem, u, previous);
  LbfgsRun(problem, u, accuracy.residual, *this, previous, s).run();
  return s;
}

}  // namespace tacit::inline TACIT_ABI
