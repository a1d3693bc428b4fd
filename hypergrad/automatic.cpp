#include <tacit/hypergrad/automatic.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/support/rate.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/wording.hpp>
#include <tacit/hypergrad/detail/adjoint_solve.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/unroll.hpp>

namespace tacit::inline TACIT_ABI {

bool SettledGradient::settled(Vec gradient) {
  const std::size_t seen = quick_ ? 1 : 4;
  last_.push_front(std::move(gradient));
  if (last_.size() > seen + 1) last_.pop_back();
  if (last_.size() <= seen) return false;
  const double most = change_ * last_[0].norm();
  for (std::size_t back = 1; back <= seen; back *= 2) {
    if (!((last_[0] - last_[back]).norm() <= most)) return false;
  }
  return true;
}

namespace {

/// Relative errors of the two points from which chi is measured. A rougher pair would do for rough targets, but a run that stops
/// at an error of 0.05 was seen to stop after 12 steps, when its rate was not to be seen yet.
constexpr double kNear = 0.01, kFar = 0.03;
constexpr double kCheap = 0.01;  // of hypergradients that are to show chi alone
constexpr double kStepTolerance = 0.1;
constexpr Index kMeasureEvery = 10;
constexpr double kTapeShare = 0.1;  // of the target, for what taped states bring in beyond x_T
constexpr Index kRunsOfSweep = 5;   // a sweep costs at most so many inner runs
constexpr Index kLeastLimit = 100;  // below it no TailTest has seen enough, and nothing is saved

/// v = (l_x, 0), l_u, and the unit in which hypergradients are measured.
struct Seed {
  double outer_value = 0;
  Vec lx, lu, slope;
};

Seed seed_at(const Problem& problem, In u, In x) {
  Seed s;
  s.lx.resize(x.size());
  s.lu.resize(u.size());
  s.outer_value = problem.l->gradient(x, u, s.lx, s.lu);
  s.slope = detail::theta_slope(problem, u);
  return s;
}

/// When is what is left of a sum of terms c_i below a share of the sum? Geometric tail of the largest of the last w terms, at the
/// slowest of the rates of the inner run, of earlier sweeps, and of the adjoint, which slows down as its fast modes die. Never
/// the last term alone: with one hyperparameter it is a number that crosses zero.
class TailTest {
public:
  /// warm: the sum began with an earlier adjoint.
  TailTest(bool momentum, double rate, bool warm, double target)
      : momentum_(momentum), warm_(warm), rate_(rate), share_((warm ? 0.25 : 0.5) * target) {}
  bool done(double term, double adjoint, double sum) {
    steepest_ = std::max(steepest_, term / (adjoints_.empty() ? adjoint : adjoints_.back()));
    terms_.push_back(term);
    adjoints_.push_back(adjoint);
    const Index i = static_cast<Index>(terms_.size());
    const Index w = std::max<Index>(momentum_ ? 20 : 3, i / 3);
    if (i < 6 || i <= w) return false;
    if (adjoint == 0) return true;
    const RateEstimate decay = residual_rate(adjoints_, momentum_);
    if (std::isnan(decay.rate)) return false;
    if (decay.reliable) decay_ = decay.rate;
    fall_ = decay.rate;
    const double q = slowest_ = std::max(decay.rate, rate_);
    double largest = *std::max_element(terms_.end() - w, terms_.end());
    // From a good start few terms do. Those show the fast modes more than the slow ones, and may all lie where one number crosses
    // zero: then the adjoint counts, at the largest share of it that a term had so far.
    if (warm_) largest = std::max(largest, steepest_ * adjoint);
    left_ = largest / (share_ * sum);
    return left_ * q / (1 - q) <= 1;
  }

  /// Terms until done(), if the adjoint goes on to fall as it does now, though not slower than `bound`; NaN while nothing is
  /// known.
  double missing(double bound) const {
    const double q = std::min(slowest_, bound), excess = left_ * q / (1 - q);
    return excess <= 1 ? 0 : std::log(excess) / -std::log(std::min(fall_, bound));
  }
  /// The slowest rate it knows of; NaN while it has seen too little.
  double slowest() const { return slowest_; }

  /// The rate at which the adjoint fell in the end, 0 when the sweep was too short to show it.
  double decay() const { return decay_; }

private:
  bool momentum_, warm_;
  double rate_, share_, decay_ = 0, steepest_ = 0;
  double slowest_ = std::numeric_limits<double>::quiet_NaN(), fall_ = slowest_, left_ = slowest_;
  std::vector<double> terms_, adjoints_;
};

/// The states of the sweep: taped ones near x_T, then x_T itself. Each step at a taped state is held against the one at x_T: what
/// they differ by is what that state's own distance brings in, and x_T, the better point of linearization (theorem 4), serves
/// once this adds up to `budget`. For gradient descent that is after about (1 - rho)^{-1/2} states; with momentum, where adjoint
/// and distances swing together, after few.
class SweepStates {
public:
  SweepStates(const InnerSolution& inner, In u, In slope, double budget)
      : inner_(inner), u_(u), slope_(slope), budget_(budget), frozen_(inner.map->linearize(inner.steps, inner.z, u)) {
    if (inner.tape && inner.tape->steps() > 0) reader_.emplace(*inner.map, u, *inner.tape);
  }
  /// Takes what an earlier adjoint is worth out of lam = (l_x, 0): w += it, g += Q^T w, lam += P^T w - w. Returns the steps
  /// spent.
  Index start_from(const Hypergradient* previous, Vec& lam, Vec& w, Vec& g) const {
    Vec start, pulled(lam.size());
    detail::carry_over(*inner_.map, lam, previous, start);
    if (start.size() == 0 || start.isZero(0)) return 0;
    Vec term = Vec::Zero(g.size());
    frozen_->vjp(start, pulled, term);
    const Vec left = lam + pulled - start;
    if (!(left.norm() < lam.norm())) return 1;
    w = start;
    g += term;
    lam = left;
    return 1;
  }
  /// out = P^T lam, term = Q^T lam at the next state backwards. scale: ||hypergradient|| in theta; unit: ||seed||.
  void pull(In lam, double scale, double unit, Vec& out, Vec& term) {
    term.setZero();
    frozen_->vjp(lam, out, term);
    const Index k = inner_.steps - 1 - taken_;
    if (!reader_ || k < inner_.tape->first()) return;
    Vec out_there(out.size()), term_there = Vec::Zero(term.size());
    reader_->vjp(k, lam, out_there, term_there);
    const double whole = std::max(scale, term.cwiseProduct(slope_).norm());
    budget_ -= (term_there - term).cwiseProduct(slope_).norm() / whole + (out_there - out).norm() / unit;
    if (!(budget_ >= 0)) return reader_.reset();
    ++taken_;
    out.swap(out_there);
    term.swap(term_there);
  }
  Index taken() const { return taken_; }

private:
  const InnerSolution& inner_;
  Vec u_, slope_;
  double budget_;
  std::unique_ptr<const StepJacobian> frozen_;
  std::optional<BackwardReader> reader_;
  Index taken_ = 0;
};

void note(Calibration& calibration, double norm, double rate) {
  calibration.norm = norm;
  ++calibration.age;
  if (!(rate > 0 && rate < 1)) return;
  calibration.rates.push_back(rate);
  if (calibration.rates.size() > 5) calibration.rates.erase(calibration.rates.begin());
}

/// ||x - x*|| / ||x|| allows the target; the sweep's own share is not in it.
bool close_enough(double error, double chi, double target) { return chi * error <= 0.5 * target * (1 + 1e-9); }

/// Why the sweep may take no more steps, and what would let it.
std::string limit_text(std::optional<Index> given, Index limit) {
  if (given) return option_name("hypergradient.max_steps") + " allows no more";
  return (limit > kLeastLimit ? std::to_string(kRunsOfSweep) + " times as many as the longest inner solve took"
                              : std::string("the least limit")) +
         "; " + option_name("hypergradient.max_steps") + " sets another limit";
}

void judge(Hypergradient& h, const InnerSolution& inner, double error, double target, bool summed, const std::string& limit) {
  const std::string terms = std::to_string(h.linear_steps) + (h.linear_steps == 1 ? " step" : " steps");
  if (!h.gradient.allFinite()) {
    h.gradient.setConstant(std::numeric_limits<double>::quiet_NaN());
    h.status = Status::failed;
    h.message = "the reverse sweep is not finite after " + terms + "; the step size " + short_number(inner.map->step_size()) +
                " is too large: lower " + option_name("inner.step");
  } else if (!summed) {
    h.status = Status::step_limit;
    h.message = "the reverse sweep has not settled after " + terms + " (" + limit + ")";
  } else if (!close_enough(error, h.calibration.chi(), target) && inner.status != Status::converged) {
    h.status = Status::step_limit;
    const std::vector<std::string> sizes = sci_numbers({error, target, 0.5 * target / h.calibration.chi()});
    h.message = "the inner solution has the relative error " + sizes[0] + " by estimate, the target " + sizes[1] +
                " of the hypergradient needs " + sizes[2];
  } else {
    h.status = Status::converged;
  }
}

/// The hypergradient at x, in theta and to about kCheap: CG where f_xx is symmetric, else the sweep frozen there. From `last` on.
Vec cheap_gradient(const Problem& problem, In u, const InnerSolution& at, const Hypergradient& last) {
  Hypergradient h;
  if (problem.f->symmetric()) {
    ImplicitCgEstimator cg;
    cg.aim(kCheap);
    h = cg.estimate(problem, u, at, &last, cg.relative_tolerance);
  } else {
    h = sweep_to_target(problem, u, at, &last, kCheap);
  }
  return h.gradient.cwiseProduct(detail::theta_slope(problem, u));
}

/// A run's end without its tape, or another point of it.
InnerSolution point_of(const InnerSolution& inner, In x) {
  InnerSolution at;
  at.inner_dim = inner.inner_dim;
  at.map = inner.map;
  at.z.resize(inner.map->state_dim());
  inner.map->lift(x, at.z);
  at.steps = inner.steps;
  at.step_norms = inner.step_norms;
  return at;
}

/// x* - x to about a tenth: Newton's step by CG, or, where f_xx is no positive definite matrix, what as many steps of the map
/// again lead to. False: neither tells.
bool step_to_solution(const Problem& problem, In u, const InnerSolution& inner, Vec& step) {
  const Vec x = inner.x();
  if (problem.f->symmetric()) {
    FirstOrder at;
    const auto c = problem.f->linearize(x, u, &at);
    const auto m = c->preconditioner(x.size());
    CgOptions options;
    options.tolerance = kStepTolerance;
    options.preconditioner = m.get();
    options.verify = false;
    step = Vec::Zero(x.size());
    const CgResult r = detail::solve_with(*c, -at.gradient, step, options);
    if (solved(r.status) && step.allFinite()) return true;
  }
  Vec z = inner.z, next(z.size());
  const Index more = std::max(kLeastLimit, inner.steps);
  for (Index k = 0; k < more; ++k) {
    inner.map->step(inner.steps + k, z, u, next);
    z.swap(next);
  }
  step = z.head(x.size()) - x;
  return step.allFinite();
}

/// Measures chi at the point of h, along what separates it from the solution: a run tells how far it is off by its steps, and no
/// two points of it need differ, or differ in the direction of what is left. Along the way from the start too, where that is
/// farther: warm starts of later runs err in more directions than what a long run leaves. Kept in units of the error that the run
/// tells of, and in absolute terms, since hypergradients shrink on the way to an optimum and their errors with the iterate do
/// not. Returns the relative error of h by this; NaN: not known.
double measure_sensitivity(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient& h,
                           Calibration& calibration) {
  const Vec x = inner.x(), g = h.gradient.cwiseProduct(detail::theta_slope(problem, u));
  Vec step;
  if (!step_to_solution(problem, u, inner, step)) return std::numeric_limits<double>::quiet_NaN();
  if (step.isZero(0)) return 0;  // at the solution nothing is to be measured, nor needed
  const double off = step.norm() / std::max(x.norm(), (x + step).norm());
  const auto moved_along = [&](const Vec& way) {  // per unit of its length, to first order
    const double length = way.norm() / std::max(x.norm(), (x + way).norm()), stretch = kFar / length;
    return (cheap_gradient(problem, u, point_of(inner, x + stretch * way), h) - g).norm() / kFar;
  };
  const double along_step = moved_along(step), moved = along_step * off;
  if (!std::isfinite(moved)) return moved;
  const double told = inner.relative_iterate_error(problem, u, calibration.rate());
  calibration.sensitivity = moved / (told > 0 && std::isfinite(told) ? told : off);
  const Vec back = inner.x0 - x;
  if (back.norm() > 3 * step.norm()) {
    const double along_run = moved_along(back);
    if (std::isfinite(along_run)) calibration.sensitivity = std::max(calibration.sensitivity, along_run);
  }
  calibration.age = 0;
  return moved == 0 ? 0 : moved / std::max(g.norm(), calibration.floor);
}

bool due(const Calibration& calibration) { return std::isnan(calibration.sensitivity) || calibration.age >= kMeasureEvery; }

}  // namespace

Accuracy plan_for_target(const Problem&, In, const InnerSolution* so_far, Calibration& calibration, double target,
                         Accuracy asked) {
  if (asked.residual == 0) return asked;     // exactly so many steps
  if (so_far && !so_far->map) return asked;  // no steps that would tell how far it is off
  asked.rate = calibration.rate();
  asked.iterate = 0.5 * target / calibration.chi();
  if (due(calibration)) asked.iterate = std::isnan(calibration.sensitivity) ? kNear : std::max(kNear, asked.iterate);
  return asked;
}

namespace {

/// The slowest rate at which gradient descent can contract, max |1 - alpha lambda| over [mu, L]; 1 where that is not known.
double slowest_possible(const Problem& problem, In u, const FixedPointMap& map) {
  const double mu = problem.f->symmetric() ? problem.f->convexity(u) : 0, alpha = map.step_size();
  if (!(mu > 0) || map.momentum() > 0) return 1;
  return std::max(std::abs(1 - alpha * mu), std::abs(1 - alpha * problem.f->smoothness(u)));
}

}  // namespace

// A step of the sweep costs about what a step of the map costs, and both contract at the same rate: from the same accuracy to the
// same accuracy a sweep takes about as many steps as the inner run, and the hypergradient that needs five times as many asks for
// more than the solution it is taken at gives. A warm run takes few steps, because it starts near, and the sweep may not start so
// near: so the longest run counts, which as a rule is the cold one of the first step.
Index sweep_limit(const InnerSolution& inner, const Calibration& calibration) {
  return std::max(kLeastLimit, kRunsOfSweep * std::max(inner.steps, calibration.longest_run));
}

PredictedCost predicted_cost(const Problem& problem, In u, const FixedPointMap& map, double steps, double rate, double target) {
  PredictedCost cost;
  cost.sweep = steps;
  if (!problem.f->symmetric()) return cost;
  const double mu = problem.f->convexity(u), root = map.momentum() > 0 ? 1 / (1 - rate) : std::sqrt(1 / (1 - rate));
  const double root_kappa = mu > 0 ? std::sqrt(problem.f->smoothness(u) / mu) : root;
  cost.cg = std::ceil(std::min(static_cast<double>(problem.f->inner_dim()), 0.5 * root_kappa * std::log(2 / target)));
  return cost;
}

Hypergradient sweep_to_target(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                              double target, std::optional<Index> most_steps) {
  const Vec x = inner.x();
  const Seed seed = seed_at(problem, u, x);
  const bool momentum = inner.map->state_dim() != inner.inner_dim;
  const double seen = residual_rate(inner.step_norms, momentum).rate;
  Hypergradient h;
  if (previous) h.calibration = previous->calibration;
  const double rate = std::max(std::isnan(seen) ? 0 : seen, h.calibration.rate()), unit = seed.lx.norm();
  h.outer_value = seed.outer_value;
  h.gradient = seed.lu;
  SweepStates states(inner, u, seed.slope, kTapeShare * target);
  Vec lam = Vec::Zero(inner.map->state_dim()), next(lam.size()), sum = Vec::Zero(lam.size()), term(u.size());
  lam.head(x.size()) = seed.lx;
  h.linear_steps = states.start_from(previous, lam, sum, h.gradient);
  TailTest tail(momentum, rate, !sum.isZero(0), target);
  const Index limit = most_steps.value_or(sweep_limit(inner, h.calibration));
  bool summed = seed.lx.isZero(0);
  while (!summed && h.linear_steps < limit && lam.allFinite()) {
    sum += lam;
    const double size = h.gradient.cwiseProduct(seed.slope).norm();
    states.pull(lam, std::fmax(size, h.calibration.norm), unit, next, term);
    h.gradient += term;
    lam.swap(next);
    ++h.linear_steps;
    summed = tail.done(term.cwiseProduct(seed.slope).norm(), lam.norm(), h.gradient.cwiseProduct(seed.slope).norm());
  }
  h.window = states.taken();
  h.tape_bytes = inner.tape ? inner.tape->bytes() : 0;
  h.adjoint = inner.map->step_size() * sum.head(x.size());
  h.state_adjoint = std::move(sum);
  h.residual = unit > 0 ? lam.norm() / unit : 0;
  h.calibration.longest_run = std::max(h.calibration.longest_run, inner.steps);
  const double steps =
      static_cast<double>(h.linear_steps) + (summed ? 0 : tail.missing(slowest_possible(problem, u, *inner.map)));
  h.cost = predicted_cost(problem, u, *inner.map, steps, tail.slowest(), target);
  note(h.calibration, h.gradient.cwiseProduct(seed.slope).norm(), tail.decay());
  judge(h, inner, inner.relative_iterate_error(problem, u, h.calibration.rate()), target, summed, limit_text(most_steps, limit));
  return h;
}

void note_hypergradient(Hypergradient& h, const Problem& problem, In u, const InnerSolution& inner, In slope) {
  double rate = 0;
  if (inner.map && h.adjoint.size() == inner.inner_dim && h.adjoint.norm() > 0 && h.adjoint.allFinite()) {
    const auto step = inner.map->linearize(inner.steps, inner.z, u);
    rate = rate_along(*step, inner.map->state_dim(), problem.f->outer_dim(), h.adjoint.normalized());
  }
  note(h.calibration, h.gradient.cwiseProduct(slope).norm(), rate);
}

namespace {

constexpr int kRounds = 8;

/// Whether the run in hand does what the plan asks for by now; a run that met its residual does.
bool as_planned(const Problem& problem, In u, const InnerSolution& inner, const Accuracy& plan) {
  if (!(plan.iterate > 0) || !inner.map || !inner.iterate_met) return true;
  return inner.relative_iterate_error(problem, u, plan.rate) <= plan.iterate * (1 + 1e-9);
}

/// Goes on until the plan is met; true when anything was done.
bool follow_plan(const Problem& problem, In u, const InnerSolver& solver, const HypergradientEstimator& estimator,
                 InnerSolution& inner, Calibration& calibration, Accuracy asked) {
  bool moved = false;
  for (int round = 0; round < kRounds; ++round) {
    const Accuracy plan = estimator.plan(problem, u, &inner, calibration, asked);
    if (as_planned(problem, u, inner, plan) || !solver.go_on(problem, u, inner, plan)) break;
    moved = true;
  }
  return moved;
}

/// The target was not reached, or nobody knows.
void doubt(Hypergradient& h, double error, double target) {
  const std::vector<std::string> sizes = sci_numbers({error, target});
  h.status = Status::step_limit;
  h.message = std::isnan(error) ? "whether the hypergradient meets its target " + sizes[1] +
                                      " is not known: no step to the inner "
                                      "solution could be found"
                                : "the hypergradient is " + sizes[0] + " off by estimate, its target is " + sizes[1] +
                                      "; the inner solve could not go on";
}

}  // namespace

InnerSolution solve_as_planned(const Problem& problem, In u, const InnerSolver& solver, const HypergradientEstimator& estimator,
                               const InnerSolution* previous, Calibration& calibration, Accuracy asked) {
  const Accuracy first = estimator.plan(problem, u, nullptr, calibration, asked);
  InnerSolution inner = solve_completely(solver, problem, u, previous, first, estimator.needs().tape);
  if (inner.status != Status::failed) follow_plan(problem, u, solver, estimator, inner, calibration, asked);
  return inner;
}

Hypergradient estimate_as_planned(const Problem& problem, In u, const InnerSolver& solver,
                                  const HypergradientEstimator& estimator, InnerSolution& inner, const Hypergradient* previous,
                                  Calibration& calibration, Accuracy asked, double tolerance) {
  Hypergradient before;
  if (previous) before = *previous;
  Hypergradient h;
  const double target = estimator.target();
  const bool measures = target > 0 && asked.residual > 0 && inner.map && due(calibration);
  double error = 0;
  for (int round = 0; round < kRounds; ++round) {
    before.calibration = calibration;
    h = estimator.estimate(problem, u, inner, &before, tolerance);
    if (target > 0) calibration = h.calibration;
    if (!h.gradient.allFinite()) break;
    if (measures) error = measure_sensitivity(problem, u, inner, h, calibration);
    if (!follow_plan(problem, u, solver, estimator, inner, calibration, asked)) break;
    calibration.age -= 1;  // the same hypergradient once more
    before = std::move(h);
  }
  if (usable(h.status) && !(error <= target)) doubt(h, error, target);
  h.calibration = calibration;
  return h;
}

Chosen automatic_estimator(const Problem& problem) {
  if (problem.response == Response::iterate) {
    auto sweep = std::make_unique<UnrollEstimator>(false);
    sweep->stride = Count::automatic();
    return {"full-unroll", "the derivative of the iterate x_K(u) is that of its steps", std::move(sweep)};
  }
  if (problem.f->symmetric())
    return {"implicit-cg", "the Hessian of the inner objective is symmetric and its products are at hand",
            std::make_unique<ImplicitCgEstimator>()};
  auto sweep = std::make_unique<UnrollEstimator>(true);
  sweep->window = Count::automatic();
  return {"truncated-unroll", "the inner problem has no symmetric Hessian; the sweep runs over the steps of the map",
          std::move(sweep)};
}

}  // namespace tacit::inline TACIT_ABI
