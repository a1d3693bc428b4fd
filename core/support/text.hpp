// Text: numbers whatever the locale, characters of UTF-8, words that are near.
#pragma once
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// The shortest decimal text that reads back as the same double (at most 17 digits): "1e-08", "0.1", "3", "nan", "inf", "-inf".
TACIT_EXPORT std::string number_text(double value);
/// As many significant digits as asked: "0.0123457".
TACIT_EXPORT std::string digits(double value, int count);
/// A number in a table: 6 significant digits.
TACIT_EXPORT std::string brief_number(double value);
/// A number in a sentence: at most 4 significant digits, written out from 1e-4 to below a million: "0.3116", "44200", "1.2e-05".
TACIT_EXPORT std::string short_number(double value);
/// The same with as many digits as the number has: what was given, or is to be typed in.
TACIT_EXPORT std::string exact_number(double value);
/// A residual or a tolerance in a sentence, two significant digits: "3.1e-02".
TACIT_EXPORT std::string sci(double value);
/// "3.1 %", "0.0123 %": a share, with at most 4 significant digits.
TACIT_EXPORT std::string percent_text(double share);

/// The numbers that a sentence compares, as short_number (sci_numbers: as sci) writes them. Those that are not the same do not
/// look the same: where the usual digits do not tell them apart, all have as many more as that takes.
TACIT_EXPORT std::vector<std::string> short_numbers(const std::vector<double>& values);
TACIT_EXPORT std::vector<std::string> sci_numbers(const std::vector<double>& values);

/// Bytes of the UTF-8 character at the start of text, 0 when none is there (RFC 3629: no surrogates, no longer form than needed).
TACIT_EXPORT std::size_t utf8_length(std::string_view text);
/// Does a byte go on with a character of UTF-8 that began before it?
inline bool utf8_continues(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

/// Edits (insert, delete, replace, swap of neighbours) between two words; case, '-' and '_' do not count (Damerau 1964,
/// restricted form).
TACIT_EXPORT std::size_t edit_distance(std::string_view a, std::string_view b);
/// The candidate nearest to word, or "" when none is near enough to be what was meant.
TACIT_EXPORT std::string closest(std::string_view word, const std::vector<std::string>& candidates);
/// "a, b, c"
TACIT_EXPORT std::string join(const std::vector<std::string>& words, std::string_view separator = ", ");
/// The sentence for an unknown name: "unknown <what> 'word'; did you mean 'near'? Known: a, b, c".
TACIT_EXPORT std::string unknown_name(std::string_view what, std::string_view word, const std::vector<std::string>& known);
/// ASCII capitals become small letters, whatever the locale.
TACIT_EXPORT std::string lower_case(std::string_view text);
/// Columns under their heads, two blanks between them: the first `left` to the left, the others to the right.
TACIT_EXPORT std::string columns_text(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows,
                                      std::size_t left = 1);

}  // namespace tacit::inline TACIT_ABI
