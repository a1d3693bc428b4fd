// Texts in ASCII, in which signs that mean the same are one (internal to this folder).
#pragma once
#include <string>
#include <string_view>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

// What a text in ASCII has in place of characters that mean the same. A blank is one that does not break.
constexpr char kStiffBlank = '\x01', kMoney = '\x02', kOtherLetter = '\x03', kDecimalSign = '\x04', kThousandsSign = '\x05',
               kFraction = '\x06';

/// What a text became. minus, digits: it has another minus sign; digits, decimal or thousands signs of another script.
struct Folded {
  std::string text;
  bool minus = false, digits = false;
};

/// Digits of all scripts as 0 to 9 (raised ones behind a '^'), blanks, minus signs, apostrophes, quotation marks, percent and
/// currency signs as one each; any other character that is not ASCII is kOtherLetter.
Folded folded(std::string_view text);

}  // namespace tacit::inline TACIT_ABI
