// A text file, plain or gzip, with its digest and the way from a byte back to line and column.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/byte_stream.hpp>

namespace tacit::inline TACIT_ABI {

/// The text of one file: all of it in memory, or its beginning alone (then TextWindow walks over it).
class TACIT_EXPORT TextFile {
public:
  /// Reads path, unpacks it when it starts like gzip, skips a UTF-8 byte order mark. Throws DataError D101, D102 (no byte), D103.
  static TextFile read(const std::string& path, const ReadLimits& limits = {}, std::string_view format = "");
  /// The same, but of a file longer than limits.kept_text only so much of its beginning, in whole lines, and no digest yet.
  static TextFile open(const std::string& path, const ReadLimits& limits = {});
  /// Of a file that is not whole(): the bytes from begin to before end, read once more.
  std::string piece(std::size_t begin, std::size_t end) const;
  /// A text that comes from elsewhere; path is for messages. D103 for bytes that begin like another format than `format`, a name
  /// of formats.hpp or "JSON".
  static TextFile from_string(std::string path, std::string bytes, std::string_view format = "");

  const std::string& path() const { return path_; }
  /// What is in memory: everything where whole(), else the first lines.
  std::string_view bytes() const { return bytes_; }
  bool whole() const { return whole_; }
  const ReadLimits& limits() const { return limits_; }
  /// Bytes of a file that is not packed; 0 where that is not known.
  std::uint64_t length() const { return length_; }
  /// To be told by who has read a file to its end that is not whole().
  void set_digest(std::uint64_t digest) { digest_ = digest; }
  /// Throws D103 where bytes that begin at `from` of the text, not within a character, are no text. `last`: nothing follows;
  /// otherwise the beginning of a character at the end is left. Returns how many were looked at.
  std::size_t require_text(std::string_view bytes, std::size_t from, bool last) const;
  /// Of the file as stored (packed when it is gzip).
  std::uint64_t digest() const { return digest_; }
  /// Line and column (in characters of UTF-8) of a byte, both from 1.
  SourceLocation locate(std::size_t offset) const;
  /// The whole line around a byte, without its end.
  std::string line(std::size_t offset) const;
  /// A DataError that points at a byte.
  DataError error(const char* code, const std::string& message, std::size_t offset, std::string remedy) const;
  /// A DataError about the file as a whole.
  DataError error(const char* code, const std::string& message, std::string remedy) const;

private:
  struct Line {
    long number = 1;
    std::size_t start = 0;
    std::string text;  // without its line feed
  };
  static TextFile load(const std::string& path, const ReadLimits& limits, std::size_t kept, std::string_view format);
  /// The line around a byte of a file that is not in memory: read once more.
  Line find_line(std::size_t offset) const;
  void require_known_content(std::string_view format, std::uint64_t length) const;
  std::string path_, bytes_;
  std::uint64_t digest_ = 0, length_ = 0;
  ReadLimits limits_{};
  bool whole_ = true;
};

/// The largest size a number may have: the sum of the squares of all of them must stay a double.
constexpr double kLargestNumber = 1e150;

/// 2^53: from here on not every whole number is a double.
constexpr double kExactWhole = 9007199254740992.0;

/// The digits of a whole number that the double is not equal to, "-1700" for -01700.0; empty for any other text.
TACIT_EXPORT std::string lost_digits(std::string_view text, char decimal, double value);

/// How reading a number ended. out_of_range: larger than kLargestNumber; not_finite: the words nan, inf.
enum class NumberText { number, not_finite, out_of_range, word };

/// Reads the whole of text as a decimal number, whatever the locale; a leading + is allowed, a number too small becomes 0.
TACIT_EXPORT NumberText read_number(std::string_view text, char decimal, double& value);

/// A text of a file as messages show it: in quotation marks, cut when it is long.
TACIT_EXPORT std::string quoted_text(std::string_view text);

/// What to do where a text that had to be a number is none, or is not finite.
struct NumberRemedies {
  std::string word, not_finite;
};
/// The DataError of a text that is no usable number, D117 or D109; what: "the label ", or nothing.
TACIT_EXPORT DataError number_error(const TextFile& file, NumberText kind, const std::string& what, std::string_view text,
                                    std::size_t offset, const NumberRemedies& remedies);

/// A number as a label: whole numbers without exponent ("100000"), others in the shortest form that reads back as the same
/// double.
TACIT_EXPORT std::string number_label(double value);

}  // namespace tacit::inline TACIT_ABI
