// A text file in memory: plain or gzip, with its digest and the way from a byte back to line and column.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/byte_stream.hpp>

namespace tacit {

/// The text of one file.
class TextFile {
public:
  /// Reads path, unpacks it when it starts like gzip, skips a UTF-8 byte order mark. Throws DataError D101, D102 (no byte), D103.
  static TextFile read(const std::string& path, std::string_view format = "");
  /// A text that comes from elsewhere; path is for messages. D103 for bytes that begin like another format than `format`, a name
  /// of formats.hpp or "JSON".
  static TextFile from_string(std::string path, std::string bytes, std::string_view format = "");

  const std::string& path() const { return path_; }
  std::string_view bytes() const { return bytes_; }
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
  std::string path_, bytes_;
  std::uint64_t digest_ = 0;
};

/// The largest size a number may have: the sum of the squares of all of them must stay a double.
constexpr double kLargestNumber = 1e150;

/// 2^53: from here on not every whole number is a double.
constexpr double kExactWhole = 9007199254740992.0;

/// How reading a number ended. out_of_range: larger than kLargestNumber; not_finite: the words nan, inf.
enum class NumberText { number, not_finite, out_of_range, word };

/// Reads the whole of text as a decimal number, whatever the locale; a leading + is allowed, a number too small becomes 0.
NumberText read_number(std::string_view text, char decimal, double& value);

/// A text of a file as messages show it: in quotation marks, cut when it is long.
std::string quoted_text(std::string_view text);

/// What to do where a text that had to be a number is none, or is not finite.
struct NumberRemedies {
  std::string word, not_finite;
};
/// The DataError of a text that is no usable number, D117 or D109; what: "the label ", or nothing.
DataError number_error(const TextFile& file, NumberText kind, const std::string& what, std::string_view text, std::size_t offset,
                       const NumberRemedies& remedies);

/// A number as a label: whole numbers without exponent ("100000"), others in the shortest form that reads back as the same
/// double.
std::string number_label(double value);

}  // namespace tacit
