#include <tacit/bilevel/start_search.hpp>

#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit {
namespace {

constexpr int kPoints = 13;

/// The best of a coarse warm path from the strongest penalty down, at a loose tolerance.
Vec coarse_path(const Oracle& oracle, const HyperSpace& space) {
  Tolerance loose = oracle.tightest();
  loose.inner = std::max(loose.inner, 1e-4);
  Vec best;
  double best_value = std::numeric_limits<double>::infinity();
  Evaluation e;
  for (int k = kPoints - 1; k >= 0; --k) {
    const Vec theta = space.lower() + (space.upper() - space.lower()) * (k / (kPoints - 1.0));
    e = oracle.evaluate(theta, loose, e.theta.size() > 0 ? &e : nullptr);
    if (std::isfinite(e.value) && e.value < best_value) {
      best_value = e.value;
      best = theta;
    }
  }
  return best.size() > 0 ? best : Vec((space.lower() + space.upper()) / 2);
}

}  // namespace

FoundStart search_start(const Oracle& oracle, const HyperSpace& one, const HyperSpace& many,
                        const std::function<bool()>& interrupted) {
  if (one.size() != 1)
    throw UsageError("the start is searched over one common value, got " + std::to_string(one.size()) + " hyperparameters");
  Vec common = coarse_path(oracle, one);
  FoundStart found;
  if (many.size() > 1) {
    LbfgsOuter optimizer;
    DriverOptions driver;
    driver.max_steps = 20;
    driver.tolerance = 1e-3;
    const Summary s = solve(driver, one, oracle, optimizer, common, {}, interrupted);
    if (s.reason == StopReason::interrupted) throw Interruption();
    found.tuned = s.best.theta.size() > 0;  // else its start is no usable point, which the run itself will say
    if (found.tuned) common = s.best.theta;
  }
  found.common = common[0];
  found.theta = Vec::Constant(many.size(), found.common);
  many.project(found.theta);
  return found;
}

}  // namespace tacit
