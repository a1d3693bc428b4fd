#include <tacit/bilevel/path.hpp>

#include <algorithm>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include <tacit/bilevel/detail/path_walk.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace detail {

constexpr double kPathTolerance = 1e-2;

Evaluation Walker::evaluate(In theta) {
  if (interrupted_ && interrupted_()) throw Interruption();
  Tolerance tolerance = oracle_.tightest();
  if (oracle_.may_loosen() && tolerance.inner > 0) tolerance.inner = std::max(tolerance.inner, kPathTolerance);
  Evaluation e = oracle_.evaluate(theta, tolerance, last_.theta.size() > 0 ? &last_ : nullptr);
  ++evaluations_;
  if (std::isfinite(e.value)) last_ = e;
  return e;
}

PathWalk::PathWalk(const Oracle& oracle, const PathOptions& options, std::vector<PathPoint> points)
    : options_(options), walker_(oracle, options_.interrupted), watch_(options.seconds) {
  for (const PathPoint& p : points) insert(p);
}

void PathWalk::add(double theta) {
  if (watch_.over() && found()) return;
  Evaluation e = walker_.evaluate(Vec::Constant(1, theta));
  const bool finite = std::isfinite(e.value);
  insert({theta, finite ? e.value : std::numeric_limits<double>::infinity(),
          finite && options_.deviation ? options_.deviation(e) : kMissing});
  if (finite && (!best_evaluation_ || e.value < best_evaluation_->value)) best_evaluation_ = std::move(e);
}

void PathWalk::insert(const PathPoint& point) {
  const auto at = std::lower_bound(points_.begin(), points_.end(), point.theta,
                                   [](const PathPoint& p, double theta) { return p.theta < theta; });
  points_.insert(at, point);
  best_ = 0;
  for (std::size_t i = 1; i < points_.size(); ++i) {
    if (points_[i].value <= points_[best_].value) best_ = i;  // of equal ones the strongest penalty
  }
}

}  // namespace detail

namespace {

using detail::kDecade;
constexpr std::size_t kRound = 12;  // points that are planned at a time; the lowest point may move between rounds
constexpr double kDense = 2;        // decades on either side of the lowest point that are equally dense
constexpr double kSpacing = 0.75;   // decades
constexpr double kFactorAccuracy = 0.01;

// Where `count` points are missed most, from the top down.
std::vector<double> missed(const std::vector<PathPoint>& path, double lowest, std::size_t count) {
  std::vector<double> all, added;
  for (const PathPoint& p : path) all.push_back(p.theta);
  const auto need = [&](std::size_t i) {
    const double away = std::abs((all[i] + all[i + 1]) / 2 - lowest) / kDecade - kDense;
    return (all[i + 1] - all[i]) / (1 + std::max(0.0, away));
  };
  for (std::size_t k = 0; k < count; ++k) {
    std::size_t widest = 0;
    for (std::size_t i = 1; i + 1 < all.size(); ++i) {
      if (need(i) >= need(widest)) widest = i;
    }
    const double middle = (all[widest] + all[widest + 1]) / 2;
    if (!(middle > all[widest] && middle < all[widest + 1])) break;  // no number lies between them
    all.insert(all.begin() + static_cast<std::ptrdiff_t>(widest) + 1, middle);
    added.push_back(middle);
  }
  std::sort(added.begin(), added.end(), std::greater<>{});
  return added;
}

}  // namespace

CommonPath refine_path(const Oracle& oracle, const HyperSpace& one, std::vector<PathPoint> path, const PathOptions& options) {
  if (one.size() != 1)
    throw UsageError("a path is over one common value, got " + std::to_string(one.size()) + " hyperparameters");
  if (path.size() < 2) throw UsageError("a path is refined between its points, and this one has fewer than two");
  const std::size_t wanted = static_cast<std::size_t>(std::max<Index>(options.points, 0));
  detail::PathWalk walk(oracle, options, std::move(path));
  CommonPath out;
  try {
    while (walk.points().size() < wanted && !out.cut) {
      const double lowest = walk.points()[walk.best()].theta;
      const std::vector<double> round = missed(walk.points(), lowest, std::min(kRound, wanted - walk.points().size()));
      if (round.empty()) break;
      for (const double theta : round) {
        if ((out.cut = walk.over())) break;
        walk.add(theta);
      }
    }
  } catch (const Interruption&) {
    out.cut = true;
  }
  out.points = walk.points();
  out.evaluations = walk.evaluations();
  return out;
}

std::vector<FactorPoint> factors_along(const std::vector<PathPoint>& path, double common, In theta0, const HyperSpace& space) {
  const double room = space.size() > 0 ? (space.upper() - theta0).maxCoeff() : 0;
  std::vector<FactorPoint> factors;
  for (const PathPoint& p : path) {
    const double f = p.theta - common;
    if (f > 0 && f < room) factors.push_back({f, space.size() == 1 ? p.value : kMissing});
  }
  if (!(room > 0) || !std::isfinite(room)) return factors;
  double last = factors.empty() ? 0 : factors.back().log_factor;
  while (last + kSpacing * kDecade < room) factors.push_back({last += kSpacing * kDecade});
  const bool known = space.size() == 1 && !path.empty() && path.back().theta >= space.upper()[0] - 1e-12;
  factors.push_back({room, known ? path.back().value : kMissing});
  return factors;
}

namespace {

// The points c u_best of a box, solved one from another.
class Scaled {
public:
  Scaled(const Oracle& oracle, const HyperSpace& space, const Evaluation& best, double limit, const PathOptions& options)
      : space_(space), best_(best), limit_(limit), walker_(oracle, options.interrupted), watch_(options.seconds) {
    walker_.stand_at(best);
  }

  // The loss at ln c; where it is within the limit and the factor the largest so far, the point is kept.
  double value(double log_factor) {
    Vec theta = best_.theta.array() + log_factor;
    space_.project(theta);
    Evaluation e = walker_.evaluate(theta);
    const double loss = e.value;
    if (loss <= limit_ && log_factor > log_factor_) keep(log_factor, std::move(e));
    return loss;
  }
  void go_to_kept() { walker_.stand_at(at_ ? *at_ : best_); }
  void keep(double log_factor, std::optional<Evaluation> at) {
    log_factor_ = log_factor;
    at_ = std::move(at);
  }
  double kept() const { return log_factor_; }
  const std::optional<Evaluation>& at() const { return at_; }
  bool over() const { return watch_.over(); }
  Index evaluations() const { return walker_.evaluations(); }

private:
  const HyperSpace& space_;
  const Evaluation& best_;
  double limit_, log_factor_ = 0;
  std::optional<Evaluation> at_;
  detail::Walker walker_;
  detail::Stopwatch watch_;
};

// The largest of the factors that is within; its number, counted from 1, or 0. Fills in the losses; what is known needs no solve.
std::size_t largest_within(Scaled& scaled, std::vector<FactorPoint>& factors, double limit, bool& cut) {
  std::size_t largest = 0;
  for (std::size_t i = 0; i < factors.size(); ++i) {
    if ((cut = scaled.over())) break;
    FactorPoint& f = factors[i];
    const bool known = !std::isnan(f.value);
    if (!known) f.value = scaled.value(f.log_factor);
    if (!(f.value <= limit)) continue;
    largest = i + 1;
    if (known) scaled.keep(f.log_factor, std::nullopt);
  }
  return largest;
}

// Where the loss crosses the limit between a factor within and one that is not. From its minimum on a loss grows like a square,
// so that a line through the roots of what it has grown by tells; in the middle where that has no value. Where the crossing is
// nearer to one end than the answer may be off, the trial is so far from that end: one on the other side of it is the last.
double next_trial(const FactorPoint& within, const FactorPoint& beyond, double lowest, double limit, bool halve) {
  const double room = beyond.log_factor - within.log_factor, near = 0.99 * std::log1p(kFactorAccuracy);
  const auto grown = [lowest](double value) { return std::sqrt(std::max(0.0, value - lowest)); };
  const double share = (grown(limit) - grown(within.value)) / (grown(beyond.value) - grown(within.value));
  const double crossing = halve || !(share > 0 && share < 1) ? 0.5 * room : share * room;
  return within.log_factor + std::clamp(crossing, std::min(near, 0.5 * room), std::max(room - near, 0.5 * room));
}

}  // namespace

OneStandardError one_standard_error(const Oracle& oracle, const HyperSpace& space, const Evaluation& best, double standard_error,
                                    const std::vector<FactorPoint>& known, const PathOptions& options) {
  for (const HyperBlock& block : space.blocks()) {
    if (block.scale != Scale::log)
      throw UsageError("the one-standard-error rule multiplies penalties, and the block '" + block.name +
                       "' is not on a log scale");
  }
  OneStandardError out;
  out.at = best;
  out.limit = best.value + standard_error;
  if (std::isnan(out.limit)) return out;
  Scaled scaled(oracle, space, best, out.limit, options);
  try {
    std::vector<FactorPoint> factors = known;
    const std::size_t largest = largest_within(scaled, factors, out.limit, out.cut);
    out.edge = largest == factors.size();
    scaled.go_to_kept();
    FactorPoint within{scaled.kept(), largest > 0 ? factors[largest - 1].value : best.value};
    FactorPoint beyond = largest < factors.size() ? factors[largest] : within;
    for (int k = 1; std::expm1(beyond.log_factor - within.log_factor) > kFactorAccuracy; ++k) {
      if ((out.cut = out.cut || scaled.over())) break;
      FactorPoint trial{next_trial(within, beyond, best.value, out.limit, k % 4 == 0)};
      trial.value = scaled.value(trial.log_factor);
      (trial.value <= out.limit ? within : beyond) = trial;
      scaled.go_to_kept();
    }
    // A point whose loss was known has not been solved yet, and the others as well as a path needs it.
    if (scaled.kept() > 0) {
      Vec theta = best.theta.array() + scaled.kept();
      space.project(theta);
      out.at = oracle.evaluate(theta, oracle.tightest(), scaled.at() ? &*scaled.at() : &best);
    }
  } catch (const Interruption&) {
    out.cut = true;
    if (scaled.at()) out.at = *scaled.at();
  }
  out.evaluations = scaled.evaluations();
  if (out.at.theta.size() > 0 && scaled.kept() > 0 && (scaled.at() || out.at.theta != best.theta))
    out.factor = std::exp(scaled.kept());
  return out;
}

}  // namespace tacit::inline TACIT_ABI
