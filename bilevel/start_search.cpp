#include <tacit/bilevel/start_search.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

#include <tacit/bilevel/detail/path_walk.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/unroll.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using detail::kDecade;
const double kSpacing = 0.75 * kDecade;
constexpr Index kLeastPoints = 13, kMostPoints = 41;
constexpr int kOutward = 16;

struct Interval {
  double lower, upper;
};

/// The part of the box to search: all of it, or what lies within three decades of the data's own scale; where nothing does, the
/// nine decades of the box that are nearest.
Interval searched(const HyperSpace& space, const SearchOptions& options) {
  const double lower = space.lower()[0], upper = space.upper()[0];
  const Interval near{std::max(lower, options.lower - 3 * kDecade), std::min(upper, options.upper + 3 * kDecade)};
  if (near.lower <= near.upper) return near;
  if (lower > options.upper) return {lower, std::min(upper, lower + 9 * kDecade)};
  return {std::max(lower, upper - 9 * kDecade), upper};
}

PathOptions path_options(const SearchOptions& options) {
  PathOptions path;
  path.seconds = options.seconds;
  path.interrupted = options.interrupted;
  path.deviation = options.deviation;
  return path;
}

/// The coarse path of a search, from the strongest penalty down.
class Path {
public:
  Path(const Oracle& oracle, const HyperSpace& space, const SearchOptions& options)
      : space_(space), walk_(oracle, path_options(options)) {}

  void grid(const Interval& part) {
    const double width = part.upper - part.lower;
    const Index n = std::clamp(static_cast<Index>(std::ceil(width / kSpacing)) + 1, kLeastPoints, kMostPoints);
    for (Index k = n - 1; k >= 0; --k) add(part.lower + width * (static_cast<double>(k) / static_cast<double>(n - 1)));
  }

  // On over the end of what was searched, at growing distances, while the loss falls there.
  void outward() {
    double stride = kDecade;
    for (int k = 0; k < kOutward && found() && !walk_.over(); ++k, stride *= 1.5) {
      const std::vector<PathPoint>& points = walk_.points();
      if (walk_.best() == 0 && points.front().theta > space_.lower()[0])
        add(std::max(space_.lower()[0], points.front().theta - stride));
      else if (walk_.best() + 1 == points.size() && points.back().theta < space_.upper()[0])
        add(std::min(space_.upper()[0], points.back().theta + stride));
      else
        return;
    }
  }

  void refine() {
    const std::vector<PathPoint>& points = walk_.points();
    const auto gap = [&](std::size_t i) { return points[i + 1].theta - points[i].theta; };
    for (int k = 0; k < 60 && found() && !walk_.over(); ++k) {
      const std::size_t best = walk_.best();
      const bool below = best > 0 && gap(best - 1) > 1.01 * kSpacing;
      const bool above = best + 1 < points.size() && gap(best) > 1.01 * kSpacing;
      if (!below && !above) return;
      const std::size_t i = above && !(below && gap(best - 1) > gap(best)) ? best : best - 1;
      add((points[i].theta + points[i + 1].theta) / 2);
    }
  }

  bool found() const { return walk_.found(); }
  double theta() const { return walk_.points()[walk_.best()].theta; }
  double value() const { return walk_.points()[walk_.best()].value; }
  const std::vector<PathPoint>& points() const { return walk_.points(); }
  const std::optional<Evaluation>& best_evaluation() const { return walk_.best_evaluation(); }

private:
  void add(double theta) { walk_.add(theta); }

  const HyperSpace& space_;
  detail::PathWalk walk_;
};

/// The outer loss, and what the oracle added to it.
double minimised(const StepRecord& r) { return std::isnan(r.outer_pull) ? r.outer_loss : r.outer_loss + r.outer_pull; }

/// A point more of a path that is ascending.
void insert(std::vector<PathPoint>& path, const PathPoint& point) {
  const auto after = [](const PathPoint& p, double theta) { return p.theta < theta; };
  const auto at = std::lower_bound(path.begin(), path.end(), point.theta, after);
  if (at == path.end() || at->theta != point.theta) path.insert(at, point);
}

/// A few steps of L-BFGS; reason interrupted: asked to stop, with what there is.
Summary steps_from(const Oracle& oracle, const HyperSpace& space, In theta, Index steps, double tolerance,
                   const SearchOptions& options) {
  LbfgsOuter optimizer;
  DriverOptions driver;
  driver.max_steps = steps;
  driver.tolerance = tolerance;
  driver.near = options.near;
  return solve(driver, space, oracle, optimizer, theta, {}, options.interrupted);
}

}  // namespace

FoundStart search_common(const Oracle& oracle, const HyperSpace& one, bool tune, const SearchOptions& options) {
  if (one.size() != 1)
    throw UsageError("the start is searched over one common value, got " + std::to_string(one.size()) + " hyperparameters");
  Path path(oracle, one, options);
  const Interval part = searched(one, options);
  FoundStart found;
  try {
    path.grid(part);
    path.outward();
    path.refine();
  } catch (const Interruption&) {
    found.cut = true;
  }
  found.path = path.points();
  found.common = path.found() ? path.theta() : (part.lower + part.upper) / 2;
  if (path.found()) found.common_loss = path.value();
  found.at = path.best_evaluation();
  if (tune && !found.cut) {
    SearchOptions from_there = options;
    from_there.near = found.at;
    const Summary s = steps_from(oracle, one, Vec::Constant(1, found.common), 20, 1e-4, from_there);
    found.cut = s.reason == StopReason::interrupted;
    if (s.best.theta.size() == 1 && !(s.best.outer_loss > found.common_loss)) {
      found.common = s.best.theta[0];
      found.common_loss = s.best.outer_loss;
      found.at = s.best_evaluation;
      insert(found.path, {found.common, found.common_loss, options.deviation ? options.deviation(s.best_evaluation) : kMissing});
    }
    found.tuned = true;
  }
  found.theta = Vec::Constant(1, found.common);
  return found;
}

FoundStart search_many(const Oracle& oracle, const HyperSpace& many, FoundStart found, const SearchOptions& options) {
  constexpr Index kFirst = 6, kMore = 6;
  constexpr double kTolerance = 1e-4;
  const detail::Stopwatch clock(options.seconds);
  found.theta = Vec::Constant(many.size(), found.common);
  many.project(found.theta);
  found.level = found.common;
  const Interval part = searched(many, options);
  std::vector<double> levels{found.common};
  for (const double share : {6.0 / 9, 5.0 / 9, 4.0 / 9, 3.0 / 9}) {
    const double level = part.lower + share * (part.upper - part.lower);
    if (std::abs(level - found.common) > 0.1 * kDecade) levels.push_back(level);
  }
  struct Candidate {
    double level;
    Vec theta;
    double value;
    Index steps;
  };
  std::vector<Candidate> candidates;
  for (const double level : levels) {
    if (found.cut || (clock.over() && !candidates.empty())) break;
    const Summary s = steps_from(oracle, many, Vec::Constant(many.size(), level), kFirst, kTolerance, options);
    found.cut = s.reason == StopReason::interrupted;
    if (std::isfinite(s.best.outer_loss)) candidates.push_back({level, s.best.theta, minimised(s.best), s.best.step});
  }
  const auto lower = [](const Candidate& a, const Candidate& b) { return a.value < b.value; };
  std::stable_sort(candidates.begin(), candidates.end(), lower);
  for (std::size_t i = 0; i < std::min<std::size_t>(2, candidates.size()) && candidates.size() > 1; ++i) {
    if (found.cut || clock.over()) break;
    Candidate& c = candidates[i];
    const Summary s = steps_from(oracle, many, c.theta, kMore, kTolerance, options);
    found.cut = s.reason == StopReason::interrupted;
    if (minimised(s.best) < c.value) c = {c.level, s.best.theta, minimised(s.best), c.steps + s.best.step};
  }
  const auto best = std::min_element(candidates.begin(), candidates.end(), lower);
  if (best == candidates.end()) return found;
  found.theta = best->theta;
  found.level = best->level;
  found.steps = best->steps;
  return found;
}

namespace {

OracleOptions no_diagnostics() {
  OracleOptions options;
  options.error_estimate = false;
  options.truncation = false;
  options.reference_every = 0;
  return options;
}

}  // namespace

std::unique_ptr<Oracle> iterate_oracle(Problem problem, std::shared_ptr<const InnerSolver> solver) {
  if (problem.response != Response::iterate)
    throw UsageError("an oracle of iterates is of a problem that means them (Response::iterate)", "inner.response");
  auto sweep = std::make_shared<UnrollEstimator>(false);
  sweep->stride = Count::automatic();
  return make_oracle(std::move(problem), std::move(solver), std::move(sweep), no_diagnostics());
}

std::unique_ptr<Oracle> exact_oracle(Problem problem) {
  require_solution(problem, "an oracle of exact solutions");
  constexpr Index kFactored = 2000;
  const OracleOptions options = no_diagnostics();
  const Index n = problem.f->inner_dim();
  if (problem.f->quadratic() && n <= kFactored)
    return make_oracle(std::move(problem), std::make_shared<CholeskySolver>(), std::make_shared<ImplicitDirectEstimator>(),
                       options);
  if (newton_pays(*problem.f))
    return make_oracle(std::move(problem), std::make_shared<NewtonSolver>(), std::make_shared<ImplicitDirectEstimator>(),
                       options);
  return make_oracle(std::move(problem), std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>(), options);
}

}  // namespace tacit::inline TACIT_ABI
