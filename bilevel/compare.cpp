#include <tacit/bilevel/compare.hpp>

#include <tacit/bilevel/sum.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <random>
#include <utility>

#include <tacit/bilevel/truncation.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

using Clock = std::chrono::steady_clock;
double since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// Up to here a dense factor is the cheapest exact solve.
constexpr Index kDense = 2000;
constexpr double kTight = 1e-12;

Vec in_theta(const Problem& problem, In theta, In gradient_u) {
  Vec g(theta.size());
  problem.space.pull_back(theta, gradient_u, g);
  return g;
}

double cosine(In a, In b) {
  const double unit = a.norm() * b.norm();
  return unit > 0 ? std::clamp(a.dot(b) / unit, -1.0, 1.0) : kMissing;
}

Hypergradient by_cg(const Problem& problem, In u, const InnerSolution& inner) {
  ImplicitCgEstimator cg;
  cg.max_steps = 10 * inner.inner_dim;
  return cg.estimate(problem, u, inner, nullptr, kTight);
}

void compare_with(Observation& o, In gradient, const Truth& truth, double floor) {
  if (!truth.known() || gradient.size() != truth.gradient.size() || !gradient.allFinite()) return;
  o.relative_error = hypergradient_error(gradient, truth.gradient, floor);
  o.cosine = cosine(gradient, truth.gradient);
}

/// The parts of an error: forgotten by too few steps or terms, and polluted by inexact iterates.
void split_error(Observation& o, const Problem& problem, const Truth& truth, const InnerSolution& inner, const Hypergradient& h,
                 double floor) {
  o.inner_steps = inner.steps;
  o.window = h.window;
  const double scale = std::max(truth.gradient.norm(), floor);
  const bool comparable = truth.known() && h.gradient.allFinite() && h.gradient.size() == truth.gradient.size();
  if (!comparable || h.adjoint.size() != inner.inner_dim || !h.adjoint.allFinite() || !(scale > 0)) return;
  const Vec gap_u = adjoint_gap(problem, truth.u, inner.x(), h.adjoint);
  if (gap_u.size() != truth.u.size()) return;
  const Vec gap = in_theta(problem, truth.theta, gap_u);
  o.forgetting = gap.norm() / scale;
  o.curse = (in_theta(problem, truth.theta, h.gradient) - truth.gradient - gap).norm() / scale;
}

bool audited(Index point, Index every) { return every > 0 && point % every == 0; }

/// d l(x*(theta + t d)) / dt at 0 by central differences of order four, each inner problem solved to rounding.
double slope_along(const Problem& problem, const Truth& t, In x, In direction) {
  const auto loss = [&](double step) {
    Vec u(t.u.size());
    problem.space.to_model(t.theta + step * direction, u);
    const Polished p = polish(problem, u, x);
    return usable(p.status) ? problem.l->value(p.x, u) : kMissing;
  };
  const double h = FiniteDifferenceEstimator::kStep;
  return (8 * (loss(h) - loss(-h)) - (loss(2 * h) - loss(-2 * h))) / (12 * h);
}

/// The gradient's own direction shows its length, random signs what it may have missed.
double largest_slope_difference(const Problem& problem, const Truth& t, In x) {
  std::mt19937 random(1);
  Vec signs(t.theta.size());
  for (double& s : signs) s = (random() & 1u) != 0 ? 1 : -1;
  double worst = 0;
  for (const Vec& d : {Vec(t.gradient.normalized()), Vec(signs.normalized())}) {
    const double off = std::abs(slope_along(problem, t, x, d) - t.gradient.dot(d));
    worst = std::isnan(off) ? std::numeric_limits<double>::infinity() : std::max(worst, off);
  }
  return worst;
}

/// The truth of K steps: differences of l(x_K(u), u), and the derivative of the steps beside them.
Truth truth_of_iterate(const Problem& problem, Truth t, const TruthOptions& options) {
  const InnerSolution inner = options.steps->solve(problem, t.u, nullptr, Accuracy{0}, {});
  t.status = inner.status;
  t.message = inner.message;
  if (!usable(t.status)) return t;
  t.value = problem.l->value(inner.x(), t.u);
  const Hypergradient h = FiniteDifferenceEstimator().estimate(problem, t.u, inner, nullptr, 0);
  t.status = h.status;
  t.message = h.message;
  t.gradient = in_theta(problem, t.theta, h.gradient);
  if (options.check && t.known())
    t.second =
        in_theta(problem, t.theta, iterate_hypergradient(problem, t.u, inner, t.theta.size() <= options.most_checked).gradient);
  return t;
}

}  // namespace

double Truth::disagreement(double floor) const {
  if (second.size() > 0 && second.size() == gradient.size()) return hypergradient_error(second, gradient, floor);
  if (std::isnan(along_second)) return kMissing;
  const Vec off = Vec::Constant(1, along_second), scale = Vec::Constant(1, gradient.norm());
  return hypergradient_error(scale + off, scale, floor);
}

Truth truth_at(const Problem& problem, In theta, const TruthOptions& options) {
  Truth t;
  t.theta = theta;
  t.u.resize(theta.size());
  problem.space.to_model(theta, t.u);
  if (problem.response == Response::iterate && options.steps) return truth_of_iterate(problem, std::move(t), options);
  require_solution(problem, "the truth of a comparison without the solver whose steps are meant");
  const Polished p = polish(problem, t.u, problem.cold_start(t.u));
  t.status = p.status;
  if (!usable(p.status)) {
    t.message = "the inner problem could not be solved to rounding (" + std::string(to_string(p.status)) + ")";
    return t;
  }
  InnerSolution inner;
  inner.z = p.x;
  inner.inner_dim = p.x.size();
  t.value = problem.l->value(p.x, t.u);
  const auto implicit = [&] { return reference_hypergradient(problem, t.u, p.x); };
  const auto differences = [&] { return FiniteDifferenceEstimator().estimate(problem, t.u, inner, nullptr, 0); };
  const bool swapped = options.by == TruthBy::differences;
  const Hypergradient h = swapped ? differences() : options.by == TruthBy::cg ? by_cg(problem, t.u, inner) : implicit();
  t.status = h.status;
  t.message = h.message;
  t.gradient = in_theta(problem, theta, h.gradient);
  if (!options.check || !t.known()) return t;
  if (swapped || theta.size() <= options.most_checked)
    t.second = in_theta(problem, theta, (swapped ? implicit() : differences()).gradient);
  else
    t.along_second = largest_slope_difference(problem, t, p.x);
  return t;
}

ReferencePath reference_path(const Problem& problem, OuterOptimizer& optimizer, In theta0, Index points, double tolerance,
                             const Interrupted& interrupted, std::shared_ptr<const InnerSolver> steps) {
  if (!steps) require_solution(problem, "the path of a comparison without the solver whose steps are meant");
  if (points < 1) throw UsageError("a path has at least one point", "compare.path");
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;
  const bool iterates = problem.response == Response::iterate;
  const auto exact = [](auto s) {
    s->options.tolerance = kTight;
    return s;
  };
  if (iterates) {
    auto sweep = std::make_shared<UnrollEstimator>(false);
    sweep->stride = Count::automatic();
    solver = std::move(steps);
    estimator = std::move(sweep);
  } else if (problem.f->inner_dim() <= kDense) {
    solver = exact(std::make_shared<NewtonSolver>());
    estimator = std::make_shared<ImplicitDirectEstimator>();
  } else {
    solver = exact(std::make_shared<NewtonCgSolver>());
    auto cg = std::make_shared<ImplicitCgEstimator>();
    cg->relative_tolerance = kTight;
    cg->max_steps = 10 * problem.f->inner_dim();
    estimator = std::move(cg);
  }
  OracleOptions options;
  options.error_estimate = false;
  options.reference_every = 0;
  auto oracle = make_oracle(problem, solver, estimator, options);
  DriverOptions driver;
  driver.max_steps = points - 1;
  driver.tolerance = tolerance;
  ReferencePath path;
  const Observer note = [&](const StepRecord& r) { path.theta.push_back(r.theta); };
  Summary s = solve(driver, problem.space, *oracle, optimizer, theta0, {note}, interrupted);
  path.reason = s.reason;
  path.message = std::move(s.message);
  return path;
}

namespace {

/// One way to solve the inner problem, along the path.
struct Lane {
  const InnerSetup* setup = nullptr;
  std::shared_ptr<WorkCounter> counter;
  Problem problem;
  TapeRequest tape;
  InnerSolution last;  ///< warm start of the next point
  bool started = false;
  std::vector<double> rates{};  ///< of the audited points so far
  Vec soft_mode{};
  HeadStartSeen head_start{};
};

/// A solution with the tape that one request would have left.
struct View {
  TapeRequest request;
  InnerSolution inner;
};

/// One estimator along the path.
struct Runner {
  const Contender* contender = nullptr;
  TapeRequest tape;
  double tolerance = 0;
  Hypergradient last;
  bool started = false;
  const Hypergradient* previous() const { return started && contender->estimator->warm() ? &last : nullptr; }
};

class PathComparison {
public:
  PathComparison(const std::vector<InnerSetup>& setups, const std::vector<Contender>& contenders, double floor);
  void at(const Truth& truth, Index point, bool audit);
  Comparison result;

private:
  void warm_caches(In u) const;
  InnerSolution solve(std::size_t lane, In u, Index point);
  std::vector<View> views_of(std::size_t lane, const InnerSolution& solved, const CopyOnWrite<Trajectory>& tape) const;
  const InnerSolution& seen_by(std::size_t runner) const;
  Hypergradient estimate(std::size_t runner, In u) const;
  Observation observe(std::size_t runner, const Truth& truth, Index point, Hypergradient& out) const;
  void measure_head_start(Lane& lane, In u) const;
  std::vector<double> time_in_turns(const std::vector<std::size_t>& runners, In u) const;

  double floor_;
  std::vector<Lane> lanes_;
  std::vector<Runner> runners_;
  std::vector<std::vector<View>> views_;  ///< of each lane, at the present point
};

PathComparison::PathComparison(const std::vector<InnerSetup>& setups, const std::vector<Contender>& contenders, double floor)
    : floor_(floor) {
  std::vector<std::vector<TapeRequest>> requests(setups.size());
  for (const Contender& c : contenders) {
    if (c.setup >= setups.size()) throw UsageError("estimator '" + c.label + "' names an inner solve that is not there");
    check_pair(c.label, *c.estimator, setups[c.setup].solver_name, *setups[c.setup].solver);
    const double tolerance = c.estimator->tolerance();
    runners_.push_back({&c, c.estimator->needs().tape, std::isnan(tolerance) ? 0 : tolerance, {}, false});
    requests[c.setup].push_back(runners_.back().tape);
  }
  for (std::size_t i = 0; i < setups.size(); ++i) {
    Lane lane;
    lane.setup = &setups[i];
    lane.counter = std::make_shared<WorkCounter>();
    lane.problem = counted(setups[i].problem, lane.counter);
    lane.tape = union_of(requests[i]);
    lanes_.push_back(std::move(lane));
  }
}

/// What a problem computes once and keeps. Setups share it, so that the first to need it would pay for all.
void PathComparison::warm_caches(In u) const {
  for (const Lane& lane : lanes_) {
    const Objective& f = *lane.setup->problem.f;
    // Where the curvature has its inverse, no Gram matrix of the rows is asked for.
    const bool inverted = f.quadratic() && f.linearize(Vec::Zero(f.inner_dim()), u)->inverse();
    if (const LinearModel* linear = f.linear(); linear && !inverted) (void)linear->gram();
    (void)f.smoothness(u);
    (void)f.convexity(u);
    (void)f.gradient_scale(u);
  }
}

InnerSolution PathComparison::solve(std::size_t i, In u, Index point) {
  Lane& lane = lanes_[i];
  const InnerSetup& setup = *lane.setup;
  const InnerSolution* previous = setup.warm_start && lane.started ? &lane.last : nullptr;
  const Work before = lane.counter->read();
  const auto start = Clock::now();
  InnerSolution s = solve_completely(*setup.solver, lane.problem, u, previous, Accuracy{setup.solver->tolerance()}, lane.tape);
  SharedSolve row;
  row.seconds = since(start);
  row.work = lane.counter->read() - before;
  row.setup = i;
  row.point = point;
  row.steps = s.steps;
  row.residual = s.residual;
  row.status = s.z.allFinite() ? s.status : Status::failed;
  row.message = s.message;
  result.solves.push_back(std::move(row));
  return s;
}

/// Estimators with equal requests share a view, so that states are copied once for each request.
std::vector<View> PathComparison::views_of(std::size_t lane, const InnerSolution& solved,
                                           const CopyOnWrite<Trajectory>& tape) const {
  std::vector<View> views;
  for (const Runner& r : runners_) {
    const auto same = [&](const View& v) { return v.request == r.tape; };
    if (r.contender->setup != lane || std::any_of(views.begin(), views.end(), same)) continue;
    View view{r.tape, solved};
    if (r.tape.wanted() && tape) view.inner.tape = tape->thinned(r.tape);
    views.push_back(std::move(view));
  }
  return views;
}

const InnerSolution& PathComparison::seen_by(std::size_t i) const {
  const Runner& r = runners_[i];
  for (const View& v : views_[r.contender->setup]) {
    if (v.request == r.tape) return v.inner;
  }
  throw UsageError("no solution was made for estimator '" + r.contender->label + "'");
}

Hypergradient PathComparison::estimate(std::size_t i, In u) const {
  const Runner& r = runners_[i];
  try {
    return r.contender->estimator->estimate(lanes_[r.contender->setup].problem, u, seen_by(i), r.previous(), r.tolerance);
  } catch (const UsageError& e) {
    throw UsageError("'" + r.contender->label + "': " + e.what(), e.key());
  }
}

Observation PathComparison::observe(std::size_t i, const Truth& truth, Index point, Hypergradient& out) const {
  const Lane& lane = lanes_[runners_[i].contender->setup];
  const Work before = lane.counter->read();
  out = estimate(i, truth.u);
  Observation o;
  o.contender = i;
  o.point = point;
  o.work = lane.counter->read() - before;
  o.tape_bytes = static_cast<double>(out.tape_bytes);
  if (out.linear_steps > 0 || !std::isnan(out.residual)) o.linear_steps = static_cast<double>(out.linear_steps);
  o.status = out.status;
  o.message = out.message;
  compare_with(o, in_theta(lane.problem, truth.theta, out.gradient), truth, floor_);
  return o;
}

/// Median seconds of each. Round after round each is timed once until its times add up to something that a clock can tell; a slow
/// spell of the machine so meets all alike.
std::vector<double> PathComparison::time_in_turns(const std::vector<std::size_t>& runners, In u) const {
  constexpr double kEnough = 5e-3;
  constexpr int kMostRounds = 25;
  std::vector<std::vector<double>> times(runners.size());
  std::vector<double> total(runners.size(), 0), median(runners.size());
  for (int round = 0; round < kMostRounds; ++round) {
    for (std::size_t k = 0; k < runners.size(); ++k) {
      if (total[k] >= kEnough) continue;
      const auto start = Clock::now();
      (void)estimate(runners[k], u);
      times[k].push_back(since(start));
      total[k] += times[k].back();
    }
  }
  for (std::size_t k = 0; k < runners.size(); ++k) {
    const auto middle = times[k].begin() + static_cast<std::ptrdiff_t>(times[k].size() / 2);
    std::nth_element(times[k].begin(), middle, times[k].end());
    median[k] = *middle;
  }
  return median;
}

/// On the problem that nothing counts.
void PathComparison::measure_head_start(Lane& lane, In u) const {
  TruncationOptions options;
  options.audit = true;
  const Truncation t = measure_truncation(lane.setup->problem, u, lane.last, lane.rates, Vec(), lane.soft_mode, options);
  lane.rates.push_back(t.rate_seen);
  lane.soft_mode = t.soft_mode;
  lane.head_start = {t.nats, t.rate, t.k_eff, t.k_eff_lo, t.k_eff_hi, t.k_match, t.own_map};
}

void PathComparison::at(const Truth& truth, Index point, bool audit) {
  warm_caches(truth.u);
  views_.clear();
  const std::size_t first_solve = result.solves.size();
  for (std::size_t i = 0; i < lanes_.size(); ++i) {
    InnerSolution solved = solve(i, truth.u, point);
    const CopyOnWrite<Trajectory> tape = std::exchange(solved.tape, nullptr);
    views_.push_back(views_of(i, solved, tape));
    lanes_[i].last = std::move(solved);
    lanes_[i].started = true;
    if (audit) measure_head_start(lanes_[i], truth.u);
  }
  // Results and counts first, times after: then no estimate is the first to touch anything while the clock runs.
  std::vector<std::size_t> sound;
  std::vector<Hypergradient> found(runners_.size());
  const std::size_t first = result.observations.size();
  for (std::size_t i = 0; i < runners_.size(); ++i) {
    const SharedSolve& solved = result.solves[first_solve + runners_[i].contender->setup];
    Observation o;
    o.contender = i;
    o.point = point;
    o.status = Status::failed;
    o.message = solved.message;
    if (solved.status != Status::failed) {
      o = observe(i, truth, point, found[i]);
      sound.push_back(i);
    }
    result.observations.push_back(std::move(o));
  }
  const std::vector<double> seconds = time_in_turns(sound, truth.u);
  for (std::size_t k = 0; k < sound.size(); ++k) {
    Observation& o = result.observations[first + sound[k]];
    o.seconds = seconds[k];
    const Lane& lane = lanes_[runners_[sound[k]].contender->setup];
    if (audit) {
      split_error(o, lane.setup->problem, truth, lane.last, found[sound[k]], floor_);
      o.head_start = lane.head_start;
    }
    runners_[sound[k]].last = std::move(found[sound[k]]);
    runners_[sound[k]].started = true;
  }
}

}  // namespace

Comparison compare_on_path(const std::vector<InnerSetup>& setups, const std::vector<Contender>& contenders,
                           const std::vector<Truth>& path, double floor, const Interrupted& interrupted, Index audit_every) {
  for (const InnerSetup& setup : setups)
    if (audit_every > 0) require_solution(setup.problem, "an audit of the parts of an error");
  PathComparison comparison(setups, contenders, floor);
  for (std::size_t k = 0; k < path.size(); ++k) {
    comparison.result.complete = !(interrupted && interrupted());
    if (!comparison.result.complete) break;
    const std::size_t solves = comparison.result.solves.size(), seen = comparison.result.observations.size();
    try {
      const auto point = static_cast<Index>(k);
      comparison.at(path[k], point, audited(point, audit_every));
    } catch (const Interruption&) {
      comparison.result.complete = false;
      comparison.result.solves.resize(solves);
      comparison.result.observations.resize(seen);
      break;
    }
  }
  return std::move(comparison.result);
}

namespace {

/// Keeps the last diagnosed point, whose solution and adjoint the observer of its row looks at.
class KeepingOracle final : public ForwardingOracle {
public:
  using ForwardingOracle::ForwardingOracle;
  Evaluation diagnose(Evaluation e, Index step, double floor) const override {
    return last = behind().diagnose(std::move(e), step, floor);
  }

  mutable Evaluation last;
};

}  // namespace

namespace {

std::unique_ptr<Oracle> oracle_of(const InnerSetup& setup, const Contender& contender, const OracleOptions& options) {
  if (setup.parts.empty()) return make_oracle(setup.problem, setup.solver, contender.estimator, options);
  std::vector<Summand> parts;
  for (std::size_t k = 0; k < setup.parts.size(); ++k)
    parts.push_back({make_oracle(setup.parts[k], setup.solver, contender.estimator, options), setup.weights.at(k)});
  return sum_of(std::move(parts));
}

}  // namespace

OwnRun compare_own_run(const InnerSetup& setup, const Contender& contender, OuterOptimizer& optimizer, In theta0,
                       const OwnRunOptions& options, std::vector<Observer> observers, const Interrupted& interrupted) {
  OracleOptions o = options.oracle;
  o.warm_start = setup.warm_start;
  const KeepingOracle oracle(oracle_of(setup, contender, o));
  OwnRun run;
  double floor = 0;
  observers.push_back([&](const StepRecord& r) {
    if (r.step == 0) floor = options.driver.tolerance * std::abs(r.outer_loss);
    const Diagnostics& d = r.diagnostics;
    Observation seen;
    seen.point = r.step;
    seen.seconds = r.inner_seconds + r.hypergradient_seconds;
    seen.tape_bytes = std::isnan(d.tape_bytes) ? 0 : d.tape_bytes;
    seen.linear_steps = d.linear_steps;
    seen.work = r.work;
    seen.status = d.hypergradient_status;
    seen.message = d.hypergradient_message;
    const bool values_alone = r.hypergradient.size() == 0;  // nothing to hold against a truth
    TruthOptions by{options.truth, false};
    by.steps = setup.solver;
    const Truth truth = values_alone ? Truth{} : truth_at(setup.problem, r.theta, by);
    compare_with(seen, r.hypergradient, truth, floor);
    if (!values_alone && audited(r.step, o.audit_every)) {
      if (oracle.last.state)  // one solution and one adjoint; of several parts the error is not split
        split_error(seen, setup.problem, truth, oracle.last.state->inner, oracle.last.state->hyper, floor);
      seen.head_start = {d.head_start_nats, d.contraction, d.implicit_truncation,    d.k_eff_lo,
                         d.k_eff_hi,        d.k_match,     d.truncation_map == "own"};
    }
    run.observations.push_back(std::move(seen));
  });
  run.summary = solve(options.driver, setup.problem.space, oracle, optimizer, theta0, observers, interrupted);
  return run;
}

}  // namespace tacit::inline TACIT_ABI
