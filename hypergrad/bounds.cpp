#include <tacit/hypergrad/bounds.hpp>

#include <algorithm>
#include <cmath>

namespace tacit::inline TACIT_ABI {

namespace {

double power(double rate, double k) { return std::exp(k * std::log(rate)); }

/// a = ln(1/rho) and s = C e_0 / (rho M): the bound is M e^{-a k} (1 + s k).
struct Shape {
  explicit Shape(const ContractionConstants& c) : a(-std::log(c.rate)), s(c.forcing * c.start_error / (c.rate * c.jacobian)) {}
  double a, s;
};

/// The larger k with e^{-a k} (1 + s k) = share. With z = a (k + 1/s) it reads z e^{-z} = (a share / s) e^{-a/s}.
double falls_to(const Shape& h, double share) {
  if (!(h.s > 0)) return -std::log(share) / h.a;
  const double log_right = std::log(h.a * share / h.s) - h.a / h.s;  // at most -1 where the bound reaches `share` after its peak
  return -lambert_lower(std::max(0.0, -log_right - 1)) / h.a - 1 / h.s;
}

}  // namespace

bool ContractionConstants::known() const {
  return rate > 0 && rate < 1 && std::isfinite(forcing) && forcing >= 0 && std::isfinite(jacobian) && jacobian >= 0 &&
         std::isfinite(start_error) && start_error >= 0;
}

double iterate_bound(const ContractionConstants& c, Index k) { return power(c.rate, static_cast<double>(k)) * c.start_error; }

double derivative_bound(const ContractionConstants& c, Index k, Index k0) {
  if (k <= k0) return c.jacobian;
  const double m = static_cast<double>(k - k0);
  return power(c.rate, m) * c.jacobian + c.forcing * m * power(c.rate, static_cast<double>(k - 1)) * c.start_error;
}

double PowerBounds::derivative(Index k, Index k0) const {
  if (k <= k0) return jacobian;
  double sum = 0;
  for (Index j = k0; j < k; ++j) sum += powers[static_cast<std::size_t>(k - 1 - j)] * powers[static_cast<std::size_t>(j)];
  return powers[static_cast<std::size_t>(k - k0)] * jacobian + forcing * start_error * sum;
}

CursePeak curse_peak(const ContractionConstants& c) {
  CursePeak p;
  const Shape h(c);
  p.present = c.forcing * c.start_error > (1 - c.rate) * c.jacobian;
  if (!(h.s > h.a)) return p;
  p.peak = 1 / h.a - 1 / h.s;
  p.height = h.s / h.a * std::exp(-1 + h.a / h.s);
  p.burn_in = falls_to(h, 1);
  return p;
}

double steps_to(const ContractionConstants& c, double share) {
  const Shape h(c);
  return std::max(0.0, falls_to(h, share));
}

Index best_start(const ContractionConstants& c) {
  const double target = (1 - c.rate) * c.jacobian, start = c.forcing * c.start_error;
  if (start < target || !(target > 0)) return 0;
  // The logarithm places it to within rounding; the defining inequality decides among the neighbours.
  auto k = static_cast<Index>(std::ceil(std::log(start / target) / -std::log(c.rate)));
  const auto late_enough = [&](Index j) { return start * power(c.rate, static_cast<double>(j)) < target; };
  while (k > 0 && late_enough(k - 1)) --k;
  while (!late_enough(k)) ++k;
  return k;
}

BudgetSplit best_late_start(const ContractionConstants& c, double budget, double cost) {
  BudgetSplit out;
  const double a = -std::log(c.rate), most = budget / (1 + cost);
  // d/dm of rho^m M + C e_0 m rho^(N - 1 - cost m) is zero at z e^z = (1+c)/(c K) e^((1+c)/c), z = (1 + a c m)(1+c)/c.
  const double log_k = std::log(c.forcing * c.start_error / (a * c.jacobian)) - a * (budget - 1);
  const double share = (1 + cost) / cost;
  const double z = lambert_upper_of_log(std::log(share) - log_k + share);
  out.differentiated = std::clamp((cost * z / (1 + cost) - 1) / (a * cost), 0.0, most);
  out.plain = budget - (1 + cost) * out.differentiated;
  out.bound = power(c.rate, out.differentiated) * c.jacobian +
              c.forcing * c.start_error * out.differentiated * power(c.rate, out.plain + out.differentiated - 1);
  return out;
}

BudgetSplit best_frozen(const ContractionConstants& c, double budget, double cost) {
  BudgetSplit out;
  const double a = -std::log(c.rate);
  const double log_ratio = std::log(cost * c.forcing * c.start_error / ((1 - c.rate) * c.jacobian));
  out.differentiated = std::clamp((budget - log_ratio / a) / (1 + cost), 0.0, budget / cost);
  out.plain = budget - cost * out.differentiated;
  out.bound =
      power(c.rate, out.differentiated) * c.jacobian + c.forcing * c.start_error / (1 - c.rate) * power(c.rate, out.plain);
  return out;
}

// w = -t with t - ln t = 1 + y, t >= 1. The start lies above the root (Chatzigeorgiou 2013) and t - ln t is convex, so
// Newton falls to the root.
double lambert_lower(double y) {
  double t = 1 + std::sqrt(2 * y) + y;
  for (int k = 0; k < 50; ++k) {
    const double residual = t - std::log(t) - 1 - y;
    if (t <= 1 || std::abs(residual) <= 1e-15 * t) break;
    const double next = t - residual / (1 - 1 / t);
    if (next == t) break;
    t = std::max(next, 1.0);
  }
  return -t;
}

double lambert_upper_of_log(double log_x) {
  double w = log_x > 1 ? log_x - std::log(log_x) : std::exp(log_x) / (1 + std::exp(log_x));
  for (int k = 0; k < 50; ++k) {
    // Newton on w + ln w = log_x, in ln w: the iterate stays positive.
    const double next = w * std::exp(-(w + std::log(w) - log_x) / (1 + w));
    if (!(std::abs(next - w) > 1e-15 * w)) break;
    w = next;
  }
  return w;
}

}  // namespace tacit::inline TACIT_ABI
