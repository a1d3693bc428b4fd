#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit {
namespace {

DataError file_error(const char* code, const std::string& message, const std::string& path, std::string remedy) {
  return DataError(code, message, SourceLocation{path, 0, 0}, std::move(remedy));
}

/// Where the first byte stands that belongs to no character of UTF-8; npos when there is none.
std::size_t find_broken_utf8(std::string_view bytes) {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::uint64_t eight = 0;
    while (at + sizeof eight <= bytes.size()) {  // most files are ASCII throughout
      std::memcpy(&eight, bytes.data() + at, sizeof eight);
      if ((eight & kHighBits) != 0) break;
      at += sizeof eight;
    }
    if (at == bytes.size()) break;
    const std::size_t length = utf8_length(bytes.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

/// A D103 that points at a byte but does not show its line, which a terminal could not print.
DataError unprintable(const TextFile& file, const std::string& message, std::size_t at, std::string remedy) {
  return DataError("D103", message, file.locate(at), std::move(remedy));
}

void require_text(const TextFile& file) {
  const std::string_view bytes = file.bytes();
  const bool utf16 =
      bytes.size() >= 2 && ((bytes[0] == '\xff' && bytes[1] == '\xfe') || (bytes[0] == '\xfe' && bytes[1] == '\xff'));
  if (utf16) throw file.error("D103", "the file is written in UTF-16", "save it as UTF-8");
  const std::size_t zero = bytes.find('\0');
  if (zero != std::string_view::npos) {
    throw unprintable(file, "the file is no text: byte " + std::to_string(zero + 1) + " is zero", zero,
                      "check data.format and the name of the file");
  }
  if (const std::size_t broken = find_broken_utf8(bytes); broken != std::string_view::npos) {
    throw unprintable(file, "the file is not written in UTF-8: byte " + std::to_string(broken + 1) + " belongs to no character",
                      broken, "save it as UTF-8 (iconv -f ISO-8859-1 -t UTF-8 does it for Latin-1)");
  }
  if (bytes.substr(0, bytes.size() - 1).find('\r') != std::string_view::npos && bytes.find('\n') == std::string_view::npos) {
    throw file.error("D103", "the lines end with a carriage return alone",
                     "save the file with line feeds (tr '\\r' '\\n' does it)");
  }
}

}  // namespace

TextFile TextFile::read(const std::string& path, std::string_view format) {
  ByteStream stream = ByteStream::open(path);
  std::string bytes = stream.rest();
  TextFile file = from_string(path, std::move(bytes), format);
  file.digest_ = stream.digest();
  return file;
}

TextFile TextFile::from_string(std::string path, std::string bytes, std::string_view format) {
  TextFile file;
  file.path_ = std::move(path);
  file.digest_ = fnv1a(bytes);
  if (bytes.compare(0, 3, "\xef\xbb\xbf") == 0) bytes.erase(0, 3);
  file.bytes_ = std::move(bytes);
  if (file.bytes_.empty()) throw file.error("D102", "the file '" + file.path_ + "' is empty", "name a file with data");
  const Content content = content_of(file.bytes_);
  if (!content.title.empty() && content.title != format && !(content.format && content.format->name == format))
    throw file.error("D103", "'" + file.path_ + "' is " + content.title + ", not the text that its name promises",
                     content.remedy);
  require_text(file);
  return file;
}

SourceLocation TextFile::locate(std::size_t offset) const {
  offset = std::min(offset, bytes_.size());
  const auto stop = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
  const std::size_t newline = offset == 0 ? std::string::npos : bytes_.rfind('\n', offset - 1);
  const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
  const auto characters =
      std::count_if(bytes_.begin() + static_cast<std::ptrdiff_t>(start), stop, [](char c) { return !utf8_continues(c); });
  return {path_, 1 + static_cast<long>(std::count(bytes_.begin(), stop, '\n')), 1 + static_cast<long>(characters)};
}

std::string TextFile::line(std::size_t offset) const {
  offset = std::min(offset, bytes_.size());
  const std::size_t newline = offset == 0 ? std::string::npos : bytes_.rfind('\n', offset - 1);
  const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
  std::size_t stop = std::min(bytes_.find('\n', offset), bytes_.size());
  if (stop > start && bytes_[stop - 1] == '\r') --stop;
  return bytes_.substr(start, stop - start);
}

DataError TextFile::error(const char* code, const std::string& message, std::size_t offset, std::string remedy) const {
  return DataError(code, message, locate(offset), std::move(remedy), line(offset));
}

DataError TextFile::error(const char* code, const std::string& message, std::string remedy) const {
  return file_error(code, message, path_, std::move(remedy));
}

namespace {

/// Whether a decimal number that no double can hold is too small, not too large: by the power of ten of its first digit that
/// counts.
bool underflows(std::string_view text) {
  const std::size_t e = std::min(text.find_first_of("eE"), text.size());
  const std::string_view mantissa = text.substr(0, e);
  const std::size_t digit = mantissa.find_first_of("123456789"), point = std::min(mantissa.find('.'), e);
  double power = 0;  // of a size that no integer need hold
  if (e < text.size()) {
    const bool minus = text[e + 1] == '-';
    for (const char c : text.substr(e + 1)) {
      if (c >= '0' && c <= '9') power = 10 * power + (c - '0');
    }
    if (minus) power = -power;
  }
  return digit == std::string_view::npos || power + static_cast<double>(point) - static_cast<double>(digit) < 0;
}

}  // namespace

NumberText read_number(std::string_view text, char decimal, double& value) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+') text.remove_prefix(1);
  char buffer[128];
  if (decimal != '.') {
    if (text.size() > sizeof buffer || text.find('.') != std::string_view::npos) return NumberText::word;
    std::replace_copy(text.begin(), text.end(), buffer, decimal, '.');
    text = {buffer, text.size()};
  }
  const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size() || ec == std::errc::invalid_argument) return NumberText::word;
  if (ec == std::errc::result_out_of_range) {
    value = 0;
    return underflows(text) ? NumberText::number : NumberText::out_of_range;
  }
  if (!std::isfinite(value)) return NumberText::not_finite;
  return std::abs(value) <= kLargestNumber ? NumberText::number : NumberText::out_of_range;
}

std::string quoted_text(std::string_view text) {
  constexpr std::size_t kShown = 60;
  if (text.size() <= kShown) return "'" + std::string(text) + "'";
  std::size_t cut = kShown;
  while (cut > 0 && utf8_continues(text[cut])) --cut;  // between two characters
  return "'" + std::string(text.substr(0, cut)) + "...'";
}

DataError number_error(const TextFile& file, NumberText kind, const std::string& what, std::string_view text, std::size_t offset,
                       const NumberRemedies& remedies) {
  const std::string named = what + quoted_text(text);
  if (kind == NumberText::word) return file.error("D117", named + " is no number", offset, remedies.word);
  if (kind == NumberText::not_finite) return file.error("D109", named + " is not finite", offset, remedies.not_finite);
  return file.error("D109", named + " is too large", offset,
                    "numbers are at most 1e150, so that their squares are numbers too: correct it, or use another unit");
}

std::string number_label(double value) {
  const bool whole = std::abs(value) < 1e15 && value == std::floor(value);
  return whole ? std::to_string(static_cast<long long>(value)) : number_text(value);
}

}  // namespace tacit
