// Median and quartiles of what was measured.
#pragma once
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace tacit {

/// Numbers that were measured; infinities count.
struct Sample {
  std::vector<double> values;
  void add(double v) {
    if (!std::isnan(v)) values.push_back(v);
  }
  /// Between neighbours linearly; NaN for an empty sample.
  double quantile(double q) const {
    if (values.empty()) return std::numeric_limits<double>::quiet_NaN();
    std::vector<double> sorted = values;
    std::sort(sorted.begin(), sorted.end());
    const double at = q * static_cast<double>(sorted.size() - 1);
    const auto below = static_cast<std::size_t>(at);
    const double share = at - static_cast<double>(below);
    if (share == 0) return sorted[below];
    return sorted[below] + share * (sorted[below + 1] - sorted[below]);
  }
  double median() const { return quantile(0.5); }
};

}  // namespace tacit
