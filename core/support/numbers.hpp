// Numbers in sentences.
#pragma once
#include <charconv>
#include <string>

namespace tacit {

/// "3.1e-02": two significant digits, whatever the locale.
inline std::string sci(double value) {
  char text[32];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::scientific, 1);
  return std::string(text, end.ptr);
}

/// "0.0123457": as many significant digits as asked, whatever the locale.
inline std::string digits(double value, int count) {
  char text[64];
  const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, count);
  return std::string(text, end.ptr);
}

}  // namespace tacit
