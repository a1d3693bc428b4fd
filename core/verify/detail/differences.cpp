#include <tacit/core/verify/detail/differences.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <tacit/core/verify/detail/answers.hpp>

namespace tacit::inline TACIT_ABI::detail {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon(), kInfinity = std::numeric_limits<double>::infinity();
constexpr double kFirst = 1e-3;    // step of the quick differences, of a point of length 1: rounding and truncation near 1e-12
constexpr int kLevels = 16;        // of the thorough ones, each a quarter of the one before
constexpr double kSafety = 10;     // times an estimated error no deviation is held against anyone
constexpr double kKnown = 0.1;     // relative error up to which differences can tell right from wrong
constexpr double kUnknownBy = 30;  // beyond that only what is as many times as large as the error

}  // namespace

Differences::Differences(AlongStep f, Vec at_zero, double expected, double most)
    : f_(std::move(f)), zero_(std::move(at_zero)), first_(kFirst), most_(most) {
  // Where the function hardly changes, a longer step keeps rounding below 1e-8 of the change.
  if (expected > 0 && std::isfinite(expected)) first_ = std::max(first_, 1e-7 * zero_.norm() / expected);
  first_ = std::min(first_, most_);
}

Vec Differences::at(double t) const {
  try {
    return f_(t);
  } catch (const Broken&) {
    return Vec::Constant(zero_.size(), std::numeric_limits<double>::quiet_NaN());
  }
}

Vec Differences::quick() const {
  const double h = first_;
  const Vec coarse = (at(h) - at(-h)) / (2 * h), fine = (at(h / 2) - at(-h / 2)) / h;
  return (4 * fine - coarse) / 3;
}

const Slope& Differences::thorough() {
  if (!slope_) slope_ = compute();
  return *slope_;
}

// Second differences at steps so short that nothing but rounding is left of them (Hamming 1971; More and Wild 2011).
double Differences::noise() const {
  double most = kEps * zero_.norm();
  for (const double t : {1e-6 * first_, 1.7e-6 * first_, 3.1e-6 * first_}) {
    const double second = (at(t) - 2 * zero_ + at(-t)).norm() / 2;
    if (std::isfinite(second)) most = std::max(most, second);
  }
  return most;
}

std::vector<Differences::Level> Differences::levels() const {
  std::vector<Level> levels;
  double t = std::min(16 * first_, most_);
  for (int k = 0; k < kLevels; ++k, t /= 4) {
    const Vec ahead = at(t), behind = at(-t);
    if (ahead.allFinite() && behind.allFinite())
      levels.push_back({t, (ahead - zero_) / t, (zero_ - behind) / t, (ahead - behind) / (2 * t)});
  }
  return levels;
}

// A pair of neighbouring steps gives an extrapolated slope. Its error: how far it is from the finer of the two and from the
// extrapolated slope before, and what rounding makes of the finer step, measured, or seen where still shorter steps differ from
// it.
std::vector<Differences::Candidate> Differences::candidates(const std::vector<Level>& levels, double rounding) {
  std::vector<Candidate> all;
  for (std::size_t k = 1; k < levels.size(); ++k) {
    const Level& fine = levels[k];
    // Steps so short that the value does not change tell nothing, where longer ones change it.
    if (fine.central.isZero(0) && !levels[0].central.isZero(0)) break;
    const Vec slope = (16 * fine.central - levels[k - 1].central) / 15;
    const Vec& before = all.empty() ? levels[0].central : all.back().slope;
    double error = std::max((slope - fine.central).norm(), (slope - before).norm()) + 2 * rounding / fine.step;
    for (std::size_t j = k + 1; j < levels.size(); ++j)
      error = std::max(error, (levels[j].central - slope).norm() * levels[j].step / fine.step);
    all.push_back({slope, error});
  }
  return all;
}

// The slopes of both sides at the step where they are nearest: the shortest such step, since a kink keeps them as far apart at
// all.
void Differences::set_sides(const std::vector<Level>& levels, double rounding, Slope& slope) {
  std::vector<double> widths;
  for (const Level& level : levels) widths.push_back((level.forward - level.backward).norm() + 2 * rounding / level.step);
  const double narrowest = widths.empty() ? 0 : *std::min_element(widths.begin(), widths.end());
  for (std::size_t k = 0; k < levels.size(); ++k) {
    if (widths[k] > 1.01 * narrowest) continue;
    slope.low = levels[k].forward.cwiseMin(levels[k].backward);
    slope.high = levels[k].forward.cwiseMax(levels[k].backward);
    slope.side_error = 2 * rounding / levels[k].step;
  }
}

Slope Differences::compute() const {
  const double rounding = noise();
  const std::vector<Level> levels = this->levels();
  Slope best{Vec::Constant(zero_.size(), std::numeric_limits<double>::quiet_NaN()), kInfinity, {}, {}, kInfinity};
  best.low = best.high = best.value;
  set_sides(levels, rounding, best);
  const std::vector<Candidate> all = candidates(levels, rounding);
  for (const Candidate& c : all) {
    if (!(c.error < best.error)) continue;
    best.error = c.error;
    best.value = c.slope;
  }
  // Terms that rounding has made constant over short steps leave slopes that agree with one another and not with those of longer
  // steps: then the gap is the error.
  const double claimed = best.error;
  for (const Candidate& c : all) {
    const double gap = (c.slope - best.value).norm();
    if (gap > 3 * (c.error + claimed)) best.error = std::max(best.error, gap);
  }
  return best;
}

namespace {

/// Fills in where and by how much two vectors deviate.
Compared deviation(In got, In expected, double unit) {
  Compared c;
  if (got.size() == 0) return c;
  (got - expected).cwiseAbs().maxCoeff(&c.entry);
  c.got = got[c.entry];
  c.expected = expected[c.entry];
  const double off = (got - expected).norm(), scale = std::max({got.norm(), expected.norm(), unit});
  c.difference = off == 0 ? 0 : scale > 0 ? off / scale : kInfinity;
  return c;
}

/// Against a derivative that is known to `error`, as lengths in units of `unit`; sides: the slopes of the two sides.
Compared judge(In got, const Vec& value, double error, const std::pair<Vec, Vec>& sides, double side_error, double tolerance,
               double unit) {
  Compared c = deviation(got, value, unit);
  const double scale = std::max({got.norm(), value.norm(), unit});
  if (!std::isfinite(error) || !(scale > 0)) {
    c.kind = std::isfinite(error) ? Compared::Kind::fits : Compared::Kind::unknown;
    return c;
  }
  const bool known = kSafety * error <= kKnown * scale;
  c.tolerance = std::max(tolerance, (known ? kSafety : kUnknownBy) * error / scale);
  if (c.difference > c.tolerance) {
    const Vec between = got.cwiseMax(sides.first).cwiseMin(sides.second);
    const double off = (got - between).norm();
    c.kink = off <= std::max(c.tolerance * scale, kSafety * side_error);
    c.kind = c.kink ? Compared::Kind::fits : Compared::Kind::deviates;
    if (!c.kink) return c;
    c.difference = off / scale;
  }
  if (!known) c.kind = Compared::Kind::unknown;
  return c;
}

}  // namespace

Compared compare(In got, In expected, double tolerance, double unit) {
  Compared c = deviation(got, expected, unit);
  c.tolerance = tolerance;
  c.kind = c.difference <= tolerance ? Compared::Kind::fits : Compared::Kind::deviates;
  return c;
}

Compared compare(In got, Differences& differences, double tolerance, double unit) {
  const Vec quick = differences.quick();
  if (quick.allFinite()) {
    const Compared c = compare(got, quick, tolerance, unit);
    if (c.kind == Compared::Kind::fits) return c;
  }
  const Slope& s = differences.thorough();
  return judge(got, s.value, s.error, {s.low, s.high}, s.side_error, tolerance, unit);
}

Compared compare_along(double got, In p, Differences& differences, double tolerance, double terms) {
  const Slope& s = differences.thorough();
  const Vec centre = (s.low + s.high) / 2, half = (s.high - s.low) / 2;
  const double middle = p.dot(centre), reach = p.cwiseAbs().dot(half), length = p.norm();
  return judge(scalar(got), scalar(p.dot(s.value)), length * s.error, {scalar(middle - reach), scalar(middle + reach)},
               length * s.side_error, tolerance, terms);
}

}  // namespace tacit::inline TACIT_ABI::detail
