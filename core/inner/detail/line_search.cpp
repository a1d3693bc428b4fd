#include <tacit/core/inner/detail/line_search.hpp>

#include <algorithm>
#include <cmath>

namespace tacit::inline TACIT_ABI::detail {

Backtrack backtrack(const Objective& f, In u, In x, const FirstOrder& at, In d, Vec& trial_x, FirstOrder& trial,
                    std::unique_ptr<const Curvature>& curvature) {
  constexpr double kArmijo = 1e-4;
  Backtrack out;
  out.slope = at.gradient.dot(d);
  if (!(out.slope < 0)) return out;
  const double noise = 1e-12 * std::abs(at.value) + 1e-300;
  double t = 1;
  for (int k = 0; k < 40; ++k) {
    trial_x = x + t * d;
    curvature = f.linearize(trial_x, u, &trial);
    const double change = trial.value - at.value;
    const bool finite = std::isfinite(trial.value) && trial.gradient.allFinite();
    const bool armijo = change <= kArmijo * t * out.slope;
    const bool approximate = change <= noise && std::abs(trial.gradient.dot(d)) <= 0.9 * std::abs(out.slope);
    if (finite && (armijo || approximate)) {
      out.accepted = true;
      out.step = t;
      return out;
    }
    // The minimizer of the parabola through f(x), its slope and the trial value.
    const double parabola = finite ? -out.slope * t * t / (2 * (change - out.slope * t)) : 0;
    t = std::clamp(parabola, 0.1 * t, 0.5 * t);
  }
  return out;
}

}  // namespace tacit::inline TACIT_ABI::detail
