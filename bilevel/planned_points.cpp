// Grid and random search: points that are known before the run.
#include <algorithm>
#include <cmath>
#include <string>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/bilevel/tasks.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI {

Vec PlannedPoints::begin(const HyperSpace& space, In theta0, const OuterPlan& plan) {
  plan_ = plan;
  count_ = next_ = 0;
  wave_.clear();
  if (plan.points < 1 || space.size() == 0) return theta0;  // the start alone
  if (!space.lower().allFinite() || !space.upper().allFinite())
    throw UsageError("points over a box need a box: give every hyperparameter a lower and an upper bound");
  count_ = lay_out(space);
  return point(space, 0);
}

void PlannedPoints::reset(const Evaluation& start) {
  last_ = from_ = start;
  next_ = 1;
  wave_.clear();
}

void PlannedPoints::refresh(const Evaluation& current) {
  if (current.finite()) last_ = current;
}

void PlannedPoints::state(StateVisitor& v) {
  const Index next = next_;
  const Vec at = last_.theta;
  plan_.state(v);
  v.state("count", count_);
  v.state("next", next_);
  last_.visit_state(v);
  from_.visit_state(v);
  // Of another place in the run: what is missing of its wave is evaluated again, from where it started.
  if (next_ != next || last_.theta.size() != at.size() || last_.theta != at) wave_.clear();
}

void PlannedPoints::evaluate_wave(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  // Row 0 is a wave of its own; the others begin at 1, 1 + kWave, ...
  if ((next_ - 1) % kWave == 0) from_ = last_;
  const Index end = std::min(count_, next_ + kWave - (next_ - 1) % kWave);
  const auto size = static_cast<std::size_t>(end - next_);
  wave_.resize(size);
  const Evaluation* near = std::isfinite(from_.value) ? &from_ : nullptr;  // what failed is no place to start from
  run_parallel(size, plan_.threads, [&](std::size_t k) {
    Slot& slot = wave_[size - 1 - k];
    try {
      slot.e = oracle.evaluate(point(space, next_ + static_cast<Index>(k)), tolerance, near);
    } catch (...) {
      slot.thrown = std::current_exception();  // what was evaluated before it is a row all the same
    }
  });
}

StepOutcome PlannedPoints::step(const Oracle& oracle, const HyperSpace& space, const Tolerance& tolerance) {
  StepOutcome out;
  if (next_ >= count_) {
    out.over = StepOutcome::Over::exhausted;
    out.message = "all " + std::to_string(count_) + " points are evaluated";
    return out;
  }
  if (wave_.empty()) evaluate_wave(oracle, space, tolerance);
  Slot slot = std::move(wave_.back());
  wave_.pop_back();
  if (slot.thrown) std::rethrow_exception(slot.thrown);
  ++next_;
  out.evaluations = 1;
  out.step_norm = (slot.e.theta - last_.theta).norm();
  out.moved = true;
  if (std::isfinite(slot.e.value)) {
    last_ = slot.e;
    last_.forget_tape();
  }
  out.accepted = std::move(slot.e);
  return out;
}

namespace {

double power(double base, Index exponent) { return std::pow(base, static_cast<double>(exponent)); }

}  // namespace

void GridOuter::state(StateVisitor& v) {
  PlannedPoints::state(v);
  v.state("side", side_);
}

Index GridOuter::lay_out(const HyperSpace& space) {
  const Index m = space.size();
  const auto points = static_cast<double>(plan().points);
  side_ = static_cast<Index>(std::floor(std::pow(points, 1 / static_cast<double>(m))));
  while (power(static_cast<double>(side_) + 1, m) <= points) ++side_;  // the root of a power of whole numbers is one
  while (power(static_cast<double>(side_), m) > points) --side_;
  if (m > 1 && side_ < 2) {
    const std::string least = m < 20 ? std::to_string(Index{1} << m) : "2^" + std::to_string(m);
    throw UsageError("a grid over " + std::to_string(m) + " hyperparameters with two values of each has " + least +
                         " points, and " + option_name("outer.max_steps") + " is " + std::to_string(plan().points) +
                         "; use random, or lbfgs",
                     "outer.optimizer");
  }
  return static_cast<Index>(std::llround(power(static_cast<double>(side_), m)));
}

Vec GridOuter::point(const HyperSpace& space, Index i) const {
  Vec theta = space.upper();
  if (side_ < 2) return theta;
  for (Index j = space.size() - 1, rest = i; j >= 0; --j) {
    const Index digit = rest % side_;
    rest /= side_;
    // Every other row of the grid backwards, so that the next point is always a neighbour.
    const Index k = rest % 2 == 0 ? digit : side_ - 1 - digit;
    const double down = static_cast<double>(k) / static_cast<double>(side_ - 1);
    theta[j] = k == side_ - 1 ? space.lower()[j] : space.upper()[j] - down * (space.upper()[j] - space.lower()[j]);
  }
  return theta;
}

Index RandomOuter::lay_out(const HyperSpace& /*space*/) { return plan().points; }

Vec RandomOuter::point(const HyperSpace& space, Index i) const {
  Vec theta(space.size());
  for (Index j = 0; j < theta.size(); ++j) {
    const double share = static_cast<double>(task_seed(plan().seed, i, j) >> 11U) * 0x1p-53;
    theta[j] = space.lower()[j] + share * (space.upper()[j] - space.lower()[j]);
  }
  return theta;
}

}  // namespace tacit::inline TACIT_ABI
