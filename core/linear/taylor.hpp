// Numbers that carry two derivatives: what a loss phi(z, y) is evaluated with.
#pragma once
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// f, f' and f'' at one z. Arithmetic and the functions below carry all three (chain rule to second order); double is a number
/// whose derivatives are 0, and the variable itself is Taylor::variable(z).
///
/// Order: numbers are compared as at z + 0, an infinitesimal step to the right (first f, where those are the same f', then f''),
/// and abs, max and min choose likewise. A smooth function that is written in pieces so has its true derivatives at the joints
/// too, and a kink has those of its right side. There is no ==.
struct Taylor {
  double f = 0, d1 = 0, d2 = 0;
  constexpr Taylor() = default;
  constexpr Taylor(double value) : f(value) {}  // NOLINT: a double is a number
  constexpr Taylor(double value, double first, double second) : f(value), d1(first), d2(second) {}
  static constexpr Taylor variable(double z) { return {z, 1, 0}; }
};

constexpr Taylor operator-(Taylor a) { return {-a.f, -a.d1, -a.d2}; }
constexpr Taylor operator+(Taylor a) { return a; }
constexpr Taylor operator+(Taylor a, Taylor b) { return {a.f + b.f, a.d1 + b.d1, a.d2 + b.d2}; }
constexpr Taylor operator-(Taylor a, Taylor b) { return {a.f - b.f, a.d1 - b.d1, a.d2 - b.d2}; }
constexpr Taylor operator*(Taylor a, Taylor b) {
  return {a.f * b.f, a.d1 * b.f + a.f * b.d1, a.d2 * b.f + 2 * a.d1 * b.d1 + a.f * b.d2};
}
// With a double the terms that are 0 are left out: 0 * infinity would be NaN, and no compiler may drop them by itself.
constexpr Taylor operator+(Taylor a, double b) { return {a.f + b, a.d1, a.d2}; }
constexpr Taylor operator+(double a, Taylor b) { return b + a; }
constexpr Taylor operator-(Taylor a, double b) { return {a.f - b, a.d1, a.d2}; }
constexpr Taylor operator-(double a, Taylor b) { return {a - b.f, -b.d1, -b.d2}; }
constexpr Taylor operator*(Taylor a, double b) { return {a.f * b, a.d1 * b, a.d2 * b}; }
constexpr Taylor operator*(double a, Taylor b) { return b * a; }
constexpr Taylor operator/(Taylor a, double b) { return {a.f / b, a.d1 / b, a.d2 / b}; }

/// g(a) from g, g' and g'' at a.f.
constexpr Taylor chain(Taylor a, double g, double g1, double g2) { return {g, g1 * a.d1, g1 * a.d2 + g2 * a.d1 * a.d1}; }

constexpr Taylor operator/(double a, Taylor b) {
  const double r = 1 / b.f, g = a * r;
  return chain(b, g, -g * r, 2 * g * r * r);
}
constexpr Taylor operator/(Taylor a, Taylor b) {
  const double r = 1 / b.f, g = a.f * r, g1 = (a.d1 - g * b.d1) * r;
  return {g, g1, (a.d2 - 2 * g1 * b.d1 - g * b.d2) * r};
}
constexpr Taylor& operator+=(Taylor& a, Taylor b) { return a = a + b; }
constexpr Taylor& operator-=(Taylor& a, Taylor b) { return a = a - b; }
constexpr Taylor& operator*=(Taylor& a, Taylor b) { return a = a * b; }
constexpr Taylor& operator/=(Taylor& a, Taylor b) { return a = a / b; }

namespace taylor_detail {

/// All bits where a condition holds, else none. What is chosen by them has no branch, so that a loop over rows vectorizes
/// whatever stands in it.
using Mask = std::uint64_t;
constexpr Mask mask(bool condition) { return -static_cast<Mask>(condition); }
constexpr double choose(Mask condition, double yes, double no) {
  return std::bit_cast<double>((std::bit_cast<Mask>(yes) & condition) | (std::bit_cast<Mask>(no) & ~condition));
}
constexpr double pick(bool condition, double yes, double no) { return choose(mask(condition), yes, no); }
constexpr Taylor choose(Mask condition, Taylor yes, Taylor no) {
  return {choose(condition, yes.f, no.f), choose(condition, yes.d1, no.d1), choose(condition, yes.d2, no.d2)};
}
/// a < b, the order of Taylor; at the end `last`.
constexpr Mask less(Taylor a, Taylor b, Mask last) {
  const Mask second = mask(a.d2 < b.d2) | (mask(a.d2 == b.d2) & last);
  return mask(a.f < b.f) | (mask(a.f == b.f) & (mask(a.d1 < b.d1) | (mask(a.d1 == b.d1) & second)));
}

}  // namespace taylor_detail

constexpr bool operator<(Taylor a, Taylor b) { return taylor_detail::less(a, b, 0) != 0; }
constexpr bool operator>(Taylor a, Taylor b) { return b < a; }
constexpr bool operator<=(Taylor a, Taylor b) { return taylor_detail::less(a, b, ~taylor_detail::Mask{0}) != 0; }
constexpr bool operator>=(Taylor a, Taylor b) { return b <= a; }
bool operator==(Taylor, Taylor) = delete;

/// yes where the condition holds, else no: both are computed, so that a loop over rows vectorizes.
constexpr Taylor where(bool condition, Taylor yes, Taylor no) {
  return taylor_detail::choose(taylor_detail::mask(condition), yes, no);
}
constexpr double where(bool condition, double yes, double no) { return taylor_detail::pick(condition, yes, no); }

namespace taylor_detail {

// Without branches, tables and calls, so that loops over them vectorize: to about 2 units in the last place. What is below the
// least normal number is 0.

constexpr double kInf = std::numeric_limits<double>::infinity(), kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kRound = 0x1.8p52;  // adding it leaves the nearest integer in the low bits

/// x = k ln 2 + r, |r| <= ln(2) / 2; k in the low bits of shifted.
struct Reduced {
  double shifted, r;
};
constexpr Reduced reduce(double x) {
  const double shifted = x * 1.4426950408889634 + kRound, k = shifted - kRound;
  return {shifted, (x - k * 0x1.62e42fee00000p-1) - k * 0x1.a39ef35793c76p-33};
}
/// p 2^k
constexpr double scaled(double p, double shifted) {
  return std::bit_cast<double>(std::bit_cast<std::uint64_t>(p) + (std::bit_cast<std::uint64_t>(shifted) << 52));
}
/// exp(r) - 1 - r over r^2, by Taylor's series up to r^13.
constexpr double exp_tail(double r) {
  double p = 1.0 / 6227020800;
  p = p * r + 1.0 / 479001600;
  p = p * r + 1.0 / 39916800;
  p = p * r + 1.0 / 3628800;
  p = p * r + 1.0 / 362880;
  p = p * r + 1.0 / 40320;
  p = p * r + 1.0 / 5040;
  p = p * r + 1.0 / 720;
  p = p * r + 1.0 / 120;
  p = p * r + 1.0 / 24;
  p = p * r + 1.0 / 6;
  return p * r + 0.5;
}

constexpr double kExpMost = 709.782712893384, kExpLeast = -708;

constexpr double exp_of(double x) {
  const double above = pick(x > kExpLeast, x, kExpLeast);  // NaN too, whose bits make no exponent
  const auto [shifted, r] = reduce(pick(above < kExpMost, above, kExpMost));
  const double power = scaled((exp_tail(r) * r + 1) * r + 1, shifted);
  const double low = pick(x < kExpLeast, 0, power), high = pick(x > kExpMost, kInf, low);
  return pick(x == x, high, x);
}

constexpr double expm1_of(double x) {
  const double above = pick(x > -40, x, -40);
  const auto [shifted, r] = reduce(pick(above < 40, above, 40));
  const double power = scaled(1, shifted), small = power * (exp_tail(r) * r * r + r) + (power - 1);
  return pick(x > 39, exp_of(x), pick(x == x, small, x));
}

/// (artanh(f) - f) / f^3 = 1/3 + q/5 + ... + q^9/21 + q^10 beyond, q = f^2; as it is, the series ends with f^23.
constexpr double artanh_tail(double q, double beyond = 1.0 / 23) {
  double p = beyond * q + 1.0 / 21;
  p = p * q + 1.0 / 19;
  p = p * q + 1.0 / 17;
  p = p * q + 1.0 / 15;
  p = p * q + 1.0 / 13;
  p = p * q + 1.0 / 11;
  p = p * q + 1.0 / 9;
  p = p * q + 1.0 / 7;
  p = p * q + 1.0 / 5;
  return p * q + 1.0 / 3;
}

/// log of a positive number that is neither infinite nor NaN: x = m 2^k, sqrt(1/2) <= m < sqrt(2), log m = 2 artanh(f) by its odd
/// series, f = (m - 1) / (m + 1).
constexpr double log_of_positive(double x) {
  const bool tiny = x < 0x1p-1022;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(pick(tiny, x * 0x1p54, x));
  constexpr std::uint64_t kRootHalf = 0x3fe6a09e667f3bcd;  // sqrt(1/2)
  const std::uint64_t moved = bits - kRootHalf + 0x3ff0000000000000;
  const double k = std::bit_cast<double>((moved >> 52) | 0x4330000000000000) - 0x1p52 - pick(tiny, 1023 + 54, 1023);
  const double m = std::bit_cast<double>((moved & 0x000fffffffffffff) + kRootHalf);
  const double f = (m - 1) / (m + 1), q = f * f;
  return k * 0x1.62e42fee00000p-1 + (2 * f + (2 * f * q * artanh_tail(q) + k * 0x1.a39ef35793c76p-33));
}
constexpr double log_of(double x) {
  const double usual = log_of_positive(pick((x > 0) & (x < kInf), x, 1));
  const double right = pick(x < kInf, usual, x), left = pick(x == 0, -kInf, kNan);
  return pick(x == x, pick(x > 0, right, left), x);
}

/// log(1 + x): what rounding takes from 1 + x is put back to first order.
constexpr double log1p_of(double x) {
  const double u = 1 + x;
  const bool between = (u > 0) & (u < 0x1p60);
  const double usual = pick(between, x, 0), v = 1 + usual;
  return log_of(u) + pick(between, (usual - (v - 1)) / v, 0);
}

}  // namespace taylor_detail

/// e^a; infinite above 709.78, 0 below -708.
inline Taylor exp(Taylor a) {
  const double g = taylor_detail::exp_of(a.f);
  return chain(a, g, g, g);
}
/// e^a - 1, without cancellation.
inline Taylor expm1(Taylor a) {
  const double g = taylor_detail::exp_of(a.f);
  return chain(a, taylor_detail::expm1_of(a.f), g, g);
}
/// Smooth above 0; -infinity at 0, NaN below.
inline Taylor log(Taylor a) {
  const double r = 1 / a.f;
  return chain(a, taylor_detail::log_of(a.f), r, -r * r);
}
/// log(1 + a), smooth above -1.
inline Taylor log1p(Taylor a) {
  const double r = 1 / (1 + a.f);
  return chain(a, taylor_detail::log1p_of(a.f), r, -r * r);
}
/// log(1 + e^a), the logistic loss of a = -y z: never overflows, and no difference cancels.
inline Taylor softplus(Taylor a) {
  const double e = taylor_detail::exp_of(-std::fabs(a.f)), r = 1 / (1 + e);
  using taylor_detail::pick;
  return chain(a, pick(a.f > 0, a.f, 0) + taylor_detail::log1p_of(e), pick(a.f > 0, 1, e) * r, e * r * r);
}
/// 1 / (1 + e^-a), likewise.
inline Taylor sigmoid(Taylor a) {
  const double far = -std::fabs(a.f), e = taylor_detail::exp_of(far), r = 1 / (1 + e);
  const double slope = e * r * r, turn = taylor_detail::expm1_of(far) * r;
  using taylor_detail::pick;
  return chain(a, pick(a.f > 0, 1, e) * r, slope, slope * pick(a.f > 0, turn, -turn));
}
inline Taylor tanh(Taylor a) {
  const double far = std::fabs(a.f), m = taylor_detail::expm1_of(-2 * far), e = taylor_detail::exp_of(-2 * far);
  const double size = -m / (2 + m), g = std::copysign(size, a.f), slope = 4 * e / ((1 + e) * (1 + e));
  return chain(a, g, slope, -2 * g * slope);
}
/// Smooth above 0; at 0 the derivatives are infinite.
inline Taylor sqrt(Taylor a) {
  const double g = std::sqrt(a.f), g1 = 0.5 / g;
  return chain(a, g, g1, -0.5 * g1 / a.f);
}
/// a^p for a number p. Smooth where a > 0, for a whole p everywhere but, with p < 0, at 0.
inline Taylor pow(Taylor a, double p) {
  if (p == 2) return a * a;
  const double g1 = p == 0 ? 0 : p * std::pow(a.f, p - 1), g2 = p == 0 || p == 1 ? 0 : p * (p - 1) * std::pow(a.f, p - 2);
  return chain(a, std::pow(a.f, p), g1, g2);
}
/// b^a for a number b > 0.
inline Taylor pow(double b, Taylor a) { return exp(a * std::log(b)); }
/// a^b = exp(b log a), a > 0.
inline Taylor pow(Taylor a, Taylor b) { return exp(b * log(a)); }
inline Taylor sin(Taylor a) {
  const double s = std::sin(a.f);
  return chain(a, s, std::cos(a.f), -s);
}
inline Taylor cos(Taylor a) {
  const double c = std::cos(a.f);
  return chain(a, c, -std::sin(a.f), -c);
}
inline Taylor atan(Taylor a) {
  const double r = 1 / (1 + a.f * a.f);
  return chain(a, std::atan(a.f), r, -2 * a.f * r * r);
}
/// Smooth but where a = 0, where the derivatives are those of the right side.
inline Taylor abs(Taylor a) { return taylor_detail::choose(taylor_detail::less(a, 0, 0), -a, a); }
inline Taylor fabs(Taylor a) { return abs(a); }
/// Smooth but where a = b, likewise.
inline Taylor max(Taylor a, Taylor b) { return taylor_detail::choose(taylor_detail::less(a, b, 0), b, a); }
inline Taylor min(Taylor a, Taylor b) { return taylor_detail::choose(taylor_detail::less(b, a, 0), b, a); }

// The same names for plain numbers where the standard library has none.
inline double softplus(double a) { return softplus(Taylor(a)).f; }
inline double sigmoid(double a) { return sigmoid(Taylor(a)).f; }

}  // namespace tacit::inline TACIT_ABI
