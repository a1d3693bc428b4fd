#include <tacit/core/support/rate.hpp>

#include <algorithm>
#include <cmath>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Steps over which the step norms of a momentum map are enveloped: more than one oscillation.
constexpr Index kOscillation = 20;

double clip_rate(double q) { return std::clamp(q, 1e-3, 1 - 1e-7); }

// Largest of r over the `width` entries that end at k.
double envelope(const std::vector<double>& r, Index k, Index width) {
  double top = 0;
  for (Index j = std::max<Index>(0, k - width + 1); j <= k; ++j) top = std::max(top, r[static_cast<std::size_t>(j)]);
  return top;
}

}  // namespace

RateEstimate residual_rate(const std::vector<double>& step_norms, bool momentum, double floor) {
  Index n = static_cast<Index>(step_norms.size());
  while (n > 0 && !(step_norms[static_cast<std::size_t>(n - 1)] > floor)) --n;
  RateEstimate out;
  if (n < 3) return out;
  Index w = std::max<Index>(momentum ? kOscillation : 5, n / 3);
  w = std::max<Index>(1, std::min(w, (n - 1) / 2));
  const Index width = momentum ? std::min(kOscillation, w) : 1;
  const double last = envelope(step_norms, n - 1, width), mid = envelope(step_norms, n - 1 - w, width);
  const double early = envelope(step_norms, n - 1 - 2 * w, width), first = envelope(step_norms, width - 1, width);
  if (!(last > 0 && mid > 0 && early > 0) || !std::isfinite(last + mid + early)) return out;
  const double q1 = std::pow(last / mid, 1.0 / static_cast<double>(w));
  const double q0 = std::pow(mid / early, 1.0 / static_cast<double>(w));
  if (!(q1 < 1)) return out;  // the steps did not shrink: no rate to be seen
  const bool slowing = q0 < q1;
  out.rate = clip_rate(slowing ? 1 - (1 - q1) * (1 - q1) / (1 - q0) : q1);
  out.reliable = !(slowing && (1 - q0) > 1.25 * (1 - q1)) && last <= 0.1 * first;
  return out;
}

double largest_recent(const std::vector<double>& rates) {
  double top = kNaN;
  const std::size_t first = rates.size() > 5 ? rates.size() - 5 : 0;
  for (std::size_t i = first; i < rates.size(); ++i) {
    if (std::isfinite(rates[i]) && !(rates[i] <= top)) top = rates[i];
  }
  return top;
}

double estimated_iterate_error(const std::vector<double>& step_norms, bool momentum, double least_rate, double rate_bound) {
  double rate = residual_rate(step_norms, momentum).rate;
  if (std::isnan(rate)) return kNaN;
  if (least_rate > rate) rate = clip_rate(least_rate);
  if (rate_bound < rate) rate = clip_rate(rate_bound);
  // With momentum the last step may be one of the short ones: what the longest of an oscillation would be by now.
  double last = 0, shrunk = 1;
  for (Index j = 0, n = static_cast<Index>(step_norms.size()); j < std::min(n, momentum ? kOscillation : 1); ++j) {
    last = std::max(last, shrunk * step_norms[static_cast<std::size_t>(n - 1 - j)]);
    shrunk *= rate;
  }
  return last * rate / (1 - rate);
}

}  // namespace tacit::inline TACIT_ABI
