#include <tacit/problems/models/curves.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <queue>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// The rows that count and have a value, by rising value; equal ones in their order.
std::vector<Index> ranked(In values, In w) {
  std::vector<Index> order;
  for (Index i = 0; i < values.size(); ++i)
    if (w(i) > 0 && !std::isnan(values(i))) order.push_back(i);
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return values(a) < values(b); });
  return order;
}

/// Has a row that counts no value?
bool lacks_value(In values, In w) { return (w.array() > 0 && values.array().isNaN()).any(); }

double triangle(const RocPoint& a, const RocPoint& b, const RocPoint& c) {
  return std::abs((b.false_positive - a.false_positive) * (c.true_positive - a.true_positive) -
                  (c.false_positive - a.false_positive) * (b.true_positive - a.true_positive)) /
         2;
}

/// A chain of points from which any can be taken out.
class Chain {
public:
  explicit Chain(const std::vector<RocPoint>& points) : points_(points), before_(points.size()), after_(points.size()) {
    for (std::size_t i = 0; i < points.size(); ++i) {
      before_[i] = i - 1;
      after_[i] = i + 1;
    }
  }
  std::size_t before(std::size_t i) const { return before_[i]; }
  std::size_t after(std::size_t i) const { return after_[i]; }
  bool inside(std::size_t i) const { return i > 0 && i + 1 < points_.size(); }
  double area(std::size_t i) const { return triangle(points_[before_[i]], points_[i], points_[after_[i]]); }
  void take_out(std::size_t i) {
    after_[before_[i]] = after_[i];
    before_[after_[i]] = before_[i];
  }

private:
  const std::vector<RocPoint>& points_;
  std::vector<std::size_t> before_, after_;
};

/// Share of the positive weight with its interval (Wilson 1927), of so many rows as their weights are worth.
void fill_share(CalibrationBin& bin, double positive, double squares) {
  constexpr double kNormal = 1.959963984540054;  // 97.5 % quantile
  const double p = positive / bin.weight, n = bin.weight * bin.weight / squares, z2 = kNormal * kNormal;
  const double centre = (p + z2 / (2 * n)) / (1 + z2 / n);
  const double half = kNormal / (1 + z2 / n) * std::sqrt(p * (1 - p) / n + z2 / (4 * n * n));
  bin.observed = p;
  // At a share of 0 or 1 the end is that number, to rounding.
  bin.lo = std::max(0.0, std::min(p, centre - half));
  bin.hi = std::min(1.0, std::max(p, centre + half));
}

}  // namespace

std::vector<RocPoint> roc_curve(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  if (lacks_value(margin, w)) return {};
  std::vector<Index> order = ranked(margin, w);
  std::reverse(order.begin(), order.end());
  std::vector<RocPoint> curve{{0, 0, std::numeric_limits<double>::infinity()}};
  double positive = 0, negative = 0;
  for (std::size_t i = 0; i < order.size();) {
    const double here = margin(order[i]);
    for (; i < order.size() && margin(order[i]) == here; ++i) (y(order[i]) > 0 ? positive : negative) += w(order[i]);
    curve.push_back({negative, positive, here});
  }
  if (!(positive > 0) || !(negative > 0)) return {};
  for (RocPoint& p : curve) {
    p.false_positive /= negative;
    p.true_positive /= positive;
  }
  return curve;
}

double area_below(const std::vector<RocPoint>& curve) {
  double area = 0;
  for (std::size_t i = 1; i < curve.size(); ++i)
    area += (curve[i].false_positive - curve[i - 1].false_positive) * (curve[i].true_positive + curve[i - 1].true_positive) / 2;
  return area;
}

std::vector<RocPoint> thinned(const std::vector<RocPoint>& curve, std::size_t most) {
  if (most < 2) throw UsageError("a curve needs two points or more, " + std::to_string(most) + " asked for");
  using Entry = std::pair<double, std::size_t>;
  std::priority_queue<Entry, std::vector<Entry>, std::greater<>> next;
  Chain chain(curve);
  std::vector<double> area(curve.size(), -1);  // of those still there; an entry of the queue with another is out of date
  const auto enter = [&](std::size_t i) {
    if (chain.inside(i)) next.push({area[i] = chain.area(i), i});
  };
  for (std::size_t i = 0; i < curve.size(); ++i) enter(i);
  std::vector<bool> gone(curve.size(), false);
  for (std::size_t left = curve.size(); left > most && !next.empty();) {
    const auto [least, i] = next.top();
    next.pop();
    if (gone[i] || least != area[i]) continue;
    gone[i] = true;
    --left;
    chain.take_out(i);
    enter(chain.before(i));
    enter(chain.after(i));
  }
  std::vector<RocPoint> kept;
  for (std::size_t i = 0; i < curve.size(); ++i)
    if (!gone[i]) kept.push_back(curve[i]);
  return kept;
}

std::vector<CalibrationBin> calibration(In y, In probability, In weight, Index bins) {
  const Vec w = checked_weights(y, probability, weight);
  if (bins < 1) throw UsageError("calibration needs one bin or more, " + std::to_string(bins) + " asked for");
  if (lacks_value(probability, w)) return {};
  const std::vector<Index> order = ranked(probability, w);
  const double total = w.sum();
  std::vector<CalibrationBin> all;
  double below = 0;  // weight of the rows so far
  std::size_t at = 0;
  for (Index k = 1; k <= bins && at < order.size(); ++k) {
    // A sum of weights that falls short of the quantile by rounding has reached it.
    const double until = static_cast<double>(k) / static_cast<double>(bins) * total * (1 - 1e-12);
    CalibrationBin bin;
    double positive = 0, squares = 0;
    for (; at < order.size(); ++at) {
      const Index i = order[at];
      const bool tied = at > 0 && probability(i) == probability(order[at - 1]);
      if (below >= until && !tied) break;
      ++bin.rows;
      bin.weight += w(i);
      squares += w(i) * w(i);
      bin.predicted += w(i) * probability(i);
      positive += y(i) > 0 ? w(i) : 0;
      below += w(i);
    }
    if (bin.rows == 0) continue;
    bin.predicted /= bin.weight;
    fill_share(bin, positive, squares);
    all.push_back(bin);
  }
  return all;
}

Confusion confusion(In y, In margin, In weight) {
  const Vec w = checked_weights(y, margin, weight);
  Confusion c;
  for (Index i = 0; i < y.size(); ++i) {
    if (!(w(i) > 0)) continue;
    const std::size_t is = y(i) > 0 ? 1 : 0, said = margin(i) > 0 ? 1 : 0;
    ++c.rows[is][said];
    c.weight[is][said] += w(i);
  }
  return c;
}

std::vector<Index> spread_over(In values, In weight, Index most) {
  const Vec w = checked_weights(values, values, weight);
  if (most < 2) throw UsageError("a spread of rows needs two or more, " + std::to_string(most) + " asked for");
  std::vector<Index> order = ranked(values, w);
  std::erase_if(order, [&](Index i) { return std::isinf(values(i)); });
  const auto n = static_cast<Index>(order.size());
  std::vector<Index> kept;
  for (Index k = 0; k < std::min(n, most); ++k)
    kept.push_back(order[static_cast<std::size_t>(n <= most ? k : k * (n - 1) / (most - 1))]);
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace tacit::inline TACIT_ABI
