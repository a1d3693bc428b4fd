// Numbers that are read several digits at a time are those of std::from_chars, to the bit.
#include <doctest/doctest.h>

#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>

#include <tacit/problems/readers/detail/quick_number.hpp>

using namespace tacit;

namespace {

/// Whether the quick way reads the number; it has to agree with std::from_chars on value and end then.
bool handled(const std::string& text, char decimal = '.') {
  const std::string file = text + ",rest of the line" + std::string(64, ' ');
  double quick = 0, exact = 0;
  std::string plain = file;
  if (decimal != '.') {
    for (char& c : plain) c = c == decimal && &c < plain.data() + text.size() ? '.' : c;
  }
  const char* const stop = quick_number(file.data(), file.data() + file.size(), decimal, quick);
  if (!stop) return false;
  const auto [end, ec] = std::from_chars(plain.data(), plain.data() + plain.size(), exact);
  INFO("the number ", text);
  REQUIRE(ec == std::errc{});
  REQUIRE(stop - file.data() == end - plain.data());
  REQUIRE(std::bit_cast<std::uint64_t>(quick) == std::bit_cast<std::uint64_t>(exact));
  return true;
}

/// Digits with a point at a place, and an exponent where it is not 0.
std::string written(std::uint64_t w, int point, int exponent) {
  std::string digits = std::to_string(w);
  if (point > 0) {
    if (static_cast<int>(digits.size()) <= point) digits.insert(0, static_cast<std::size_t>(point) + 1 - digits.size(), '0');
    digits.insert(digits.size() - static_cast<std::size_t>(point), 1, '.');
  }
  return exponent == 0 ? digits : digits + "e" + std::to_string(exponent);
}

}  // namespace

TEST_CASE("quick numbers: random digits with points and exponents are the doubles of std::from_chars") {
  std::mt19937_64 random(1);
  long plain = 0, taken = 0;
  for (int i = 0; i < 400000; ++i) {
    const int digits = static_cast<int>(random() % 19) + 1;
    const auto w = static_cast<std::uint64_t>(static_cast<double>(random() >> 11U) * 0x1p-53 * std::pow(10.0, digits));
    const int point = static_cast<int>(random() % 20), exponent = static_cast<int>(random() % 61) - 30;
    const std::string sign = random() % 2 ? "-" : "";
    handled(sign + written(w, point, exponent));
    handled(sign + written(random(), point, exponent));
    ++plain;
    taken += handled(sign + written(w, std::min(point, 18), 0)) ? 1 : 0;
  }
  // Otherwise the quick way would be none.
  CHECK(taken > plain - plain / 100);
}

TEST_CASE("quick numbers: next to the middle between two doubles") {
  std::mt19937_64 random(2);
  long taken = 0;
  for (int i = 0; i < 100000; ++i) {
    const std::uint64_t middle = ((random() >> 11U) | (std::uint64_t{1} << 52U)) * 2 + 1;  // odd, of 54 binary digits
    const int down = static_cast<int>(random() % 28);
    // The power of two at which the middle has 18 or 19 decimal digits when it is multiplied by 10^down.
    const long double scale = std::pow(10.0L, static_cast<long double>(down));
    const int two = static_cast<int>(std::floor(std::log2(9.0e18L / (static_cast<long double>(middle) * scale))));
    const auto near = static_cast<std::uint64_t>(std::ldexp(static_cast<long double>(middle), two) * scale);
    for (std::uint64_t w = near - 3; w <= near + 3; ++w) taken += handled(written(w, 0, -down)) ? 1 : 0;
  }
  CHECK(taken > 0);
  // Middles that end within 19 digits, and their neighbours.
  for (int halves = 0; halves <= 3; ++halves) {
    for (std::uint64_t m = (std::uint64_t{1} << 53U) + 1; m < (std::uint64_t{1} << 53U) + 2000; m += 2) {
      std::uint64_t w = m;
      for (int k = 0; k < halves; ++k) w *= 5;
      for (std::uint64_t v = w - 1; v <= w + 1; ++v) {
        handled(written(v, halves, 0));
        handled("-" + written(v, halves, 0));
      }
    }
  }
}

TEST_CASE("quick numbers: shortest and longest forms of random doubles") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  long taken = 0;
  for (int i = 0; i < 200000; ++i) {
    char text[64];
    const double v = normal(random) * (i % 3 == 0 ? 1e-5 : i % 3 == 1 ? 1 : 1e6);
    *std::to_chars(text, text + sizeof text, v).ptr = '\0';
    taken += handled(text) ? 1 : 0;
    std::snprintf(text, sizeof text, "%.18e", v);
    taken += handled(text) ? 1 : 0;
    std::snprintf(text, sizeof text, "%.6f", v);
    taken += handled(text) ? 1 : 0;
  }
  CHECK(taken > 590000);
}

TEST_CASE("quick numbers: what is no plain number is left to others, and nothing is read beyond the end") {
  for (const char* text : {"",
                           "-",
                           "+1",
                           ".5",
                           "1.",
                           "1.e5",
                           "nan",
                           "inf",
                           "-inf",
                           "e5",
                           "1e",
                           "1e+",
                           "1e1234",
                           "12345678901234567890",
                           "0.12345678901234567890",
                           "1e300",
                           "1e-300",
                           "5e-324",
                           "--1",
                           "1e40"})
    CHECK_FALSE(handled(text));
  for (const char* text : {"0", "-0", "0.0", "-0.000", "0e7", "00012", "1e22", "9007199254740993", "9007199254740993e0", "0.1",
                           "1e-27", "123E-5", "18446744073709551615e-1", "1.5e+3", "0000.5", "0x10", "1.5.5", "12:3"})
    CHECK(handled(text) == (std::string(text) != "18446744073709551615e-1"));
  CHECK(handled("1,25", ','));
  CHECK(handled("-0,1e-3", ','));
  const std::string number = "1.5,";
  double value = 0;
  CHECK(quick_number(number.data(), number.data() + number.size(), '.', value) == nullptr);
}
