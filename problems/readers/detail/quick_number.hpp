// Decimal numbers as data files hold them, read several digits at a time. (internal to this folder)
#pragma once
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

#ifdef __SIZEOF_INT128__
namespace quick {

__extension__ using Wide = unsigned __int128;

constexpr int kMostDigits = 19;  ///< any whole number of so many is below 2^64
constexpr int kMostDown = 27;    ///< 5^27 is the last below 2^64
constexpr int kMostUp = 22;      ///< 10^22 is the last power of ten that is a double
constexpr int kRoom = 64;        ///< bytes that are looked at, at the most, from the beginning of a number on

/// 5^-k: `digits` / 2^(63 + bits) to 64 binary digits, cut off, where 5^k has `bits` of them.
struct InversePower {
  std::uint64_t digits = 0;
  int bits = 0;
};

constexpr std::array<InversePower, kMostDown + 1> inverse_powers() {
  std::array<InversePower, kMostDown + 1> all{};
  std::uint64_t power = 1;
  for (int k = 1; k <= kMostDown; ++k) {
    power *= 5;
    all[static_cast<std::size_t>(k)].bits = static_cast<int>(std::bit_width(power));
    all[static_cast<std::size_t>(k)].digits =
        static_cast<std::uint64_t>((Wide{1} << (63U + static_cast<unsigned>(std::bit_width(power)))) / power);
  }
  return all;
}
inline constexpr auto kInversePowers = inverse_powers();

inline constexpr std::array<double, kMostUp + 1> kPowersOfTen{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                                              1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                                              1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/// The double nearest to w 10^-k, w > 0 and 0 < k <= kMostDown; false where the first 64 binary digits do not tell.
/// The power of five is cut off below 2^-63 of it, so that the product lies less than 2 above `high` (in its units, the 64 bits
/// of the factors left out): what is to be rounded is known unless the half lies in between.
inline bool scaled_down(std::uint64_t w, int k, double& value) {
  const InversePower& power = kInversePowers[static_cast<std::size_t>(k)];
  const int zeros = std::countl_zero(w);
  const auto high = static_cast<std::uint64_t>((Wide{w << static_cast<unsigned>(zeros)} * power.digits) >> 64U);
  const unsigned below = 10U + static_cast<unsigned>(high >> 63U);  // bits beyond the 53 of a double
  const std::uint64_t half = std::uint64_t{1} << (below - 1U), rest = high & (2 * half - 1);
  if (rest == half || rest == half - 1) return false;
  const std::uint64_t digits = (high >> below) + (rest > half ? 1 : 0);
  constexpr int kBias = 1023 + 52;
  const auto exponent = static_cast<std::uint64_t>(static_cast<int>(below) + 1 - zeros - power.bits - k + kBias);
  // A carry to 2^53 goes on into the exponent, as it should.
  value = std::bit_cast<double>((exponent << 52U) + (digits - (std::uint64_t{1} << 52U)));
  return true;
}

/// Eight characters, the first in the lowest byte, with '0' as 0.
inline std::uint64_t eight(const char* p) {
  std::uint64_t x = 0;
  std::memcpy(&x, p, sizeof x);
  return x ^ 0x3030303030303030ULL;
}

/// How many of them are digits before the first that is none.
inline int leading_digits(std::uint64_t x) {
  // A byte of a digit carries nothing into the next one, so the first mark is right.
  const std::uint64_t others = ((x + 0x7676767676767676ULL) | x) & 0x8080808080808080ULL;
  return std::countr_zero(others) / 8;
}

/// The number that eight digits make.
inline std::uint64_t number_of_eight(std::uint64_t x) {
  constexpr std::uint64_t kMask = 0x000000FF000000FFULL;
  x = x * 10 + (x >> 8U);
  return ((x & kMask) * 0x000F424000000064ULL + ((x >> 16U) & kMask) * 0x0000271000000001ULL) >> 32U;
}

inline constexpr std::array<std::uint64_t, 8> kPowers{1, 10, 100, 1000, 10000, 100000, 1000000, 10000000};

/// Digits from p on, appended to w: at most three times eight. Returns behind them.
inline const char* append_digits(const char* p, std::uint64_t& w) {
  for (int turn = 0; turn < 3; ++turn) {
    const std::uint64_t x = eight(p);
    const int n = leading_digits(x);
    if (n < 8) {
      const auto shift = static_cast<unsigned>(56 - 8 * n);  // the digits to the end, zeros before them
      w = w * kPowers[static_cast<std::size_t>(n)] + number_of_eight((x << shift) << 8U);
      return p + n;
    }
    w = w * 100000000U + number_of_eight(x);
    p += 8;
  }
  return p;
}

}  // namespace quick

/// The number that begins at p, and where it ends: exactly what std::from_chars reads there (with the decimal sign in place of
/// the point). Null where that takes more than this: fewer than 64 bytes before `end`, more than 19 digits, large exponents,
/// whatever is no plain number, and what lies so close to the middle between two doubles that 64 binary digits do not tell.
/// The digits make a whole number w below 2^64; w 10^-k is rounded from the upper half of the product of w and 5^-k, a power that
/// is cut off at 64 binary digits (after Lemire, "Number parsing at a gigabyte per second", 2021), w 10^k with w <= 2^53 is
/// one product of doubles.
inline const char* quick_number(const char* p, const char* end, char decimal, double& value) {
  if constexpr (std::endian::native != std::endian::little) return nullptr;
  if (end - p < quick::kRoom) return nullptr;
  const bool negative = *p == '-';
  p += negative ? 1 : 0;
  const char* const first = p;
  std::uint64_t w = 0;
  for (; *p >= '0' && *p <= '9'; ++p) {
    if (p - first == quick::kMostDigits) return nullptr;
    w = 10 * w + static_cast<std::uint64_t>(*p - '0');
  }
  auto digits = p - first;
  if (digits == 0) return nullptr;
  if (w == 0) digits = 0;
  int down = 0;
  if (*p == decimal) {
    const char* const point = p;
    p = quick::append_digits(p + 1, w);
    down = static_cast<int>(p - point) - 1;
    if (down == 0) return nullptr;
    digits += down;
  }
  if (digits > quick::kMostDigits) return nullptr;
  if (*p == 'e' || *p == 'E') {
    const bool minus = p[1] == '-';
    p += minus || p[1] == '+' ? 2 : 1;
    const char* const begin = p;
    int exponent = 0;
    for (; *p >= '0' && *p <= '9' && p - begin < 3; ++p) exponent = 10 * exponent + (*p - '0');
    if (p == begin || (*p >= '0' && *p <= '9')) return nullptr;
    down += minus ? exponent : -exponent;
  }
  if (down == 0 || w == 0) {
    value = static_cast<double>(w);
  } else if (down > 0) {
    if (down > quick::kMostDown || !quick::scaled_down(w, down, value)) return nullptr;
  } else {
    constexpr std::uint64_t kExact = std::uint64_t{1} << 53U;
    if (-down > quick::kMostUp || w > kExact) return nullptr;
    value = static_cast<double>(w) * quick::kPowersOfTen[static_cast<std::size_t>(-down)];
  }
  value = std::bit_cast<double>(std::bit_cast<std::uint64_t>(value) | (static_cast<std::uint64_t>(negative) << 63U));
  return p;
}
#else
inline const char* quick_number(const char*, const char*, char, double&) { return nullptr; }
#endif

}  // namespace tacit::inline TACIT_ABI
