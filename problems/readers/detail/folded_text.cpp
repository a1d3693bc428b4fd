#include <tacit/problems/readers/detail/folded_text.hpp>

#include <algorithm>
#include <array>

#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// The character at the start of a text that is UTF-8.
char32_t code_point(std::string_view text, std::size_t length) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  if (length == 1) return byte(0);
  char32_t c = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) c = (c << 6U) | (byte(i) & 0x3FU);
  return c;
}

/// 0 to 9 for a decimal digit of another script (Unicode, category Nd below U+10000), else -1.
int digit_of_script(char32_t c) {
  static const std::array<char32_t, 37> zeros{0x0660, 0x06F0, 0x07C0, 0x0966, 0x09E6, 0x0A66, 0x0AE6,  0x0B66, 0x0BE6, 0x0C66,
                                              0x0CE6, 0x0D66, 0x0DE6, 0x0E50, 0x0ED0, 0x0F20, 0x1040,  0x1090, 0x17E0, 0x1810,
                                              0x1946, 0x19D0, 0x1A80, 0x1A90, 0x1B50, 0x1BB0, 0x1C40,  0x1C50, 0xA620, 0xA8D0,
                                              0xA900, 0xA9D0, 0xA9F0, 0xAA50, 0xABF0, 0xFF10, 0x10FFFF};
  const auto after = std::upper_bound(zeros.begin(), zeros.end(), c);
  if (after == zeros.begin() || c > *(after - 1) + 9) return -1;
  return static_cast<int>(c - *(after - 1));
}

/// 0 to 9 for a raised digit, else -1.
int raised_digit(char32_t c) {
  if (c == 0xB9) return 1;
  if (c == 0xB2 || c == 0xB3) return static_cast<int>(c - 0xB0);
  return c == 0x2070 || (c >= 0x2074 && c <= 0x2079) ? static_cast<int>(c - 0x2070) : -1;
}

/// The character of a number that another one means; '\0': none.
char meant_sign(char32_t c) {
  const auto between = [&](char32_t first, char32_t last) { return c >= first && c <= last; };
  const auto one_of = [&](std::u32string_view all) { return all.find(c) != std::u32string_view::npos; };
  if (c == 0xA0 || between(0x2000, 0x200B) || one_of(U"\u202F\u205F\u3000\uFEFF")) return kStiffBlank;
  if (c == 0x2212 || between(0x2010, 0x2014) || one_of(U"\uFE63\uFF0D")) return '-';
  if (between(0xA2, 0xA3) || c == 0xA5 || between(0x20A0, 0x20CF) || one_of(U"\uFFE5\uFF04")) return kMoney;
  if (one_of(U"\u2018\u2019\u00B4\u02BC\u2032")) return '\'';
  if (one_of(U"\u201C\u201D\u201E\u00AB\u00BB")) return '"';
  if (one_of(U"\uFF05\u066A")) return '%';
  if (c == 0xD7) return '*';
  if (one_of(U"\u066B\u00B7\u02D9\u22C5\uFF0E")) return kDecimalSign;  // Arabic, raised points, full width
  if (one_of(U"\u066C\uFF0C")) return kThousandsSign;
  if (between(0xBC, 0xBE) || between(0x2150, 0x215F)) return kFraction;
  return '\0';
}

}  // namespace

Folded folded(std::string_view text) {
  Folded out;
  bool raised = false;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    const char32_t c = code_point(text, length);
    text.remove_prefix(length);
    const int high = raised_digit(c), other = digit_of_script(c);
    const bool high_minus = c == 0x207B;
    if ((high >= 0 || high_minus) && !raised) out.text += '^';
    raised = high >= 0 || high_minus;
    if (length == 1)
      out.text += c == U'$' ? kMoney : static_cast<char>(c);
    else if (raised)
      out.text += high_minus ? '-' : static_cast<char>('0' + high);
    else if (other >= 0)
      out.text += static_cast<char>('0' + other);
    else
      out.text += meant_sign(c) == '\0' ? kOtherLetter : meant_sign(c);
    const char last = out.text.back();
    out.digits |= length > 1 && (other >= 0 || last == kDecimalSign || last == kThousandsSign);
    out.minus |= length > 1 && last == '-' && !raised;
  }
  return out;
}

}  // namespace tacit::inline TACIT_ABI
