// One axis of a chart: from data to the screen, and where its numbers stand.
#pragma once
#include <string>
#include <vector>

namespace tacit {

/// Can this number stand on an axis? Not: what is not finite, what leaves no room for differences, what has no logarithm.
bool drawable(double v, bool log);

/// From data to the screen along one axis; lo and hi are scaled (a logarithm where `log`).
struct Axis {
  double lo = 0, hi = 1, at_lo = 0, at_hi = 1;
  bool log = false, whole = false;  ///< whole: counts
  double scaled(double v) const;
  /// Of a scaled number; one beyond the axis is put at its end.
  double place(double scaled_value) const;
  double operator()(double v) const { return place(scaled(v)); }
};

/// A place on an axis that has its number beside it.
struct Tick {
  double at;  ///< scaled, as the axis is
  std::string text;
};

/// At most about `most` of them, at round numbers; none for an axis without room.
std::vector<Tick> ticks(const Axis& axis, int most);
/// Room around what is all the same.
void widen_flat(double& lo, double& hi, bool log, bool whole);

}  // namespace tacit
