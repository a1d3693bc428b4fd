#include <tacit/bilevel/pull.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include <tacit/bilevel/detail/single_oracle.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// The one or two entries whose mean is the median.
std::vector<Index> middle_entries(const Eigen::Ref<const Vec>& theta) {
  std::vector<Index> order(static_cast<std::size_t>(theta.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return theta[a] < theta[b]; });
  const std::size_t half = order.size() / 2;
  if (order.size() % 2 == 1) return {order[half]};
  return {order[half - 1], order[half]};
}

double block_pull(double factor, const Eigen::Ref<const Vec>& theta, Eigen::Ref<Vec> gradient) {
  const std::vector<Index> middle = middle_entries(theta);
  const double share = 1 / static_cast<double>(middle.size());
  double centre = 0, sum = 0, slopes = 0;
  for (const Index m : middle) centre += share * theta[m];
  for (Index j = 0; j < theta.size(); ++j) {
    const double t = theta[j] - centre, size = std::abs(t);
    sum += size <= 1 ? t * t : 2 * size - 1;
    const double slope = factor * 2 * std::clamp(t, -1.0, 1.0);
    gradient[j] += slope;
    slopes += slope;
  }
  for (const Index m : middle) gradient[m] -= share * slopes;
  return factor * sum;
}

class PulledOracle final : public ForwardingOracle {
public:
  PulledOracle(std::shared_ptr<const Oracle> behind, HyperSpace space, Pull pull)
      : ForwardingOracle(std::move(behind)), space_(std::move(space)), pull_(pull) {}

  using Oracle::evaluate;
  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override {
    return with_pull(behind().evaluate(theta, tolerance, near));
  }
  Evaluation evaluate_fully(In theta, const Evaluation* near) const override {
    return with_pull(behind().evaluate_fully(theta, near));
  }
  Evaluation differentiate(Evaluation e, const Tolerance& tolerance) const override {
    return with_pull(behind().differentiate(without_pull(std::move(e)), tolerance));
  }
  Evaluation diagnose(Evaluation e, Index step, double floor) const override {
    e = with_pull(behind().diagnose(without_pull(std::move(e)), step, floor));
    rescale_errors(e, floor);
    return e;
  }

private:
  Evaluation with_pull(Evaluation e) const {
    Vec gradient = Vec::Zero(e.theta.size());
    const double added = pull_value(pull_, space_, e.theta, gradient);
    e.alone = Evaluation::Alone{e.value, added, e.gradient};
    e.value += added;
    if (e.gradient.size() > 0) e.gradient += gradient;
    return e;
  }
  static Evaluation without_pull(Evaluation e) {
    if (!e.alone) return e;
    e.value = e.alone->value;
    e.gradient = e.alone->gradient;
    e.alone.reset();
    return e;
  }

  // The pull is exact: what is off stays, what it is held against is the gradient of the sum.
  static void rescale_errors(Evaluation& e, double floor) {
    if (e.gradient.size() == 0) return;
    const double alone = e.alone->gradient.norm(), sum = e.gradient.norm();
    Diagnostics& d = e.diagnostics;
    const auto over = [](double off, double size, double least) { return detail::error_quotient(off, size, least); };
    d.hypergradient_error = over(d.hypergradient_error * std::max(alone, floor), sum, floor);
    d.hypergradient_error_reference = over(d.hypergradient_error_reference * std::max(alone, floor), sum, floor);
    const double b = d.hypergradient_error_bound;
    const double off = b < 1 ? std::max(b * floor, b * alone / (1 - b)) : kMissing;
    d.hypergradient_error_bound = over(off, sum - off, floor);
  }

  HyperSpace space_;
  Pull pull_;
};

}  // namespace

double pull_value(const Pull& pull, const HyperSpace& space, In theta, Out gradient) {
  double sum = 0;
  Index at = 0;
  for (const HyperBlock& block : space.blocks()) {
    if (block.size > 1)
      sum += block_pull(pull.strength / 2 * pull.scale, theta.segment(at, block.size), gradient.segment(at, block.size));
    at += block.size;
  }
  return sum;
}

std::unique_ptr<Oracle> pulled_oracle(std::shared_ptr<const Oracle> behind, HyperSpace space, Pull pull) {
  const auto require = [](double value, const char* name) {
    if (!(value >= 0) || !std::isfinite(value))
      throw UsageError(UsageError::Kind::option,
                       std::string("Pull::") + name + " is " + number_text(value) + " and has to be 0 or more");
  };
  require(pull.strength, "strength");
  require(pull.scale, "scale");
  return std::make_unique<PulledOracle>(std::move(behind), std::move(space), pull);
}

}  // namespace tacit::inline TACIT_ABI
