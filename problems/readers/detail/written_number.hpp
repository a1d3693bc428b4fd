// Numbers as people write them, which the reader takes for text (internal to this folder and to problems/data).
#pragma once
#include <string>
#include <string_view>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// What keeps a text that means a number from being read as one. `separator`: 1,234 or 1.234, either of the two.
enum class NumberStyle {
  none,
  decimal_sign,
  separator,
  thousands,
  percent,
  currency,
  exponent,
  minus,
  parentheses,
  quotes,
  blanks,
  digits,
  unit
};

/// A text that means a number.
struct WrittenNumber {
  NumberStyle style = NumberStyle::none;  ///< none: it means no number, or is one as it stands
  std::string plain;                      ///< the number as the reader takes it; for `separator` with thousands taken out
  std::string unit;                       ///< letters behind it, of style `unit`
};

/// Looks for a number in a text that read_number does not take: decimal sign of the other kind, thousands set apart (also by
/// blanks that do not break, apostrophes and '_'), percent and currency signs, Fortran exponents, other minus signs, digits and
/// decimal signs (Arabic U+066B and U+066C, raised points, full width), a sign behind the number, parentheses, quotation marks,
/// units. Dates, times, ranges, fractions, addresses (192.168.100.200) and codes (12D3) are none.
TACIT_EXPORT WrittenNumber written_number(std::string_view text, char decimal);
/// "with a decimal comma", ... for messages.
TACIT_EXPORT std::string style_text(NumberStyle style, char decimal);
/// What to do about it, in a sentence without its end.
TACIT_EXPORT std::string style_remedy(const WrittenNumber& number, char decimal);

/// Takes off what can be taken off without a doubt: blanks around the text, breaking or not (U+00A0, U+2007, U+202F), and makes
/// U+2212 before it a '-'. False when there was nothing of it.
TACIT_EXPORT bool plain_signs(std::string_view text, std::string& plain);

}  // namespace tacit::inline TACIT_ABI
