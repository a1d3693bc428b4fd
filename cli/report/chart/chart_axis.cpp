#include <tacit/cli/report/chart/chart_axis.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace tacit {

namespace {

// Beyond, differences and powers leave the range of a double.
constexpr double kLargest = 1e300;

/// Steps of 1, 2 or 5 times a power of ten, at most `most` of them.
double tick_step(double span, int most) {
  const double raw = span / most, base = std::pow(10, std::floor(std::log10(raw)));
  for (const double m : {1.0, 2.0, 5.0}) {
    if (m * base >= raw * (1 - 1e-9)) return m * base;
  }
  return 10 * base;
}

/// In the general form with so many significant digits; charts know no other room, so they write their own numbers.
std::string digits(double v, int count) {
  char buffer[40];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, v, std::chars_format::general, count).ptr};
}

/// Without the digits that only rounding put there; large and small ones with an exponent.
std::string tick_text(double v) {
  double clean = 0;
  const std::string text = digits(v, 10);
  std::from_chars(text.data(), text.data() + text.size(), clean);
  const double size = std::abs(clean);
  if (size == 0 || (size >= 1e-3 && size < 1e6)) return digits(clean, 10);
  char buffer[40];
  const std::string long_form(buffer, std::to_chars(buffer, buffer + sizeof buffer, clean, std::chars_format::scientific).ptr);
  // "5e-04" as the powers of ten are written: "5e-4".
  const std::size_t e = long_form.find('e'), digit = std::min(long_form.find_first_not_of("e+-0", e), long_form.size() - 1);
  return long_form.substr(0, e + 1) + (long_form[e + 1] == '-' ? "-" : "") + long_form.substr(digit);
}

/// At the multiples of a round step, not below `least`, between two values.
std::vector<Tick> even_ticks(double lo, double hi, int most, bool log, double least = 0) {
  const double step = std::max(tick_step(hi - lo, most), least);
  std::vector<Tick> all;
  const double first = std::ceil(lo / step - 1e-9);
  for (int i = 0; i <= most && (first + i) * step <= hi + 1e-9 * step; ++i) {
    const double v = (first + i) * step;
    if (!log || v > 0) all.push_back({log ? std::log10(v) : v, tick_text(std::abs(v) < 1e-9 * step ? 0 : v)});
  }
  return all;
}

/// 1, 2 and 5 of each decade.
std::vector<Tick> decade_ticks(const Axis& axis) {
  std::vector<Tick> all;
  for (double power = std::floor(axis.lo); power <= axis.hi; ++power) {
    for (const double m : {1.0, 2.0, 5.0}) {
      const double at = power + std::log10(m);
      if (at >= axis.lo - 1e-9 && at <= axis.hi + 1e-9) all.push_back({at, tick_text(m * std::pow(10, power))});
    }
  }
  return all;
}

}  // namespace

bool drawable(double v, bool log) { return std::abs(v) <= kLargest && (!log || v > 0); }

double Axis::scaled(double v) const { return log ? std::log10(v) : v; }

double Axis::place(double scaled_value) const {
  return at_lo + (std::clamp(scaled_value, lo, hi) - lo) / (hi - lo) * (at_hi - at_lo);
}

std::vector<Tick> ticks(const Axis& axis, int most) {
  if (axis.whole && !axis.log) return even_ticks(std::max(axis.lo, 0.0), axis.hi, most, false, 1);
  if (!axis.log) return even_ticks(axis.lo, axis.hi, most, false);
  // Within a decade or so powers of ten are too far apart.
  if (axis.hi - axis.lo < 0.7) return even_ticks(std::pow(10, axis.lo), std::pow(10, axis.hi), most, true);
  if (axis.hi - axis.lo < 2) return decade_ticks(axis);
  const auto step = std::lround(std::max(1.0, tick_step(axis.hi - axis.lo, most)));
  std::vector<Tick> all;
  for (long t = std::lround(std::ceil(axis.lo / static_cast<double>(step) - 1e-9)) * step;
       static_cast<double>(t) <= axis.hi + 1e-9; t += step)
    all.push_back({static_cast<double>(t), t == 0 ? "1" : "1e" + std::to_string(t)});
  return all;
}

/// Room around what is all the same.
void widen_flat(double& lo, double& hi, bool log, bool whole) {
  const double size = std::max(std::abs(lo), std::abs(hi));
  if (hi - lo > 1e-7 * size) return;
  const double room = log ? 0.5 : whole ? 1 : size > 0 ? 0.1 * size : 1;
  lo -= room;
  hi += room;
}

}  // namespace tacit
