#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <limits>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/text_window.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {
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

}  // namespace

std::size_t TextFile::require_text(std::string_view bytes, std::size_t from, bool last) const {
  if (const std::size_t zero = bytes.find('\0'); zero != std::string_view::npos) {
    const std::size_t at = from + zero;
    throw unprintable(*this, "the file is no text: byte " + std::to_string(at + 1) + " is zero", at,
                      "check data.format and the name of the file");
  }
  const std::size_t broken = find_broken_utf8(bytes);
  if (broken == std::string_view::npos) return bytes.size();
  constexpr std::size_t kLongest = 4;  // bytes of a character
  if (!last && bytes.size() - broken < kLongest) return broken;
  throw unprintable(*this,
                    "the file is not written in UTF-8: byte " + std::to_string(from + broken + 1) + " belongs to no character",
                    from + broken, "save it as UTF-8 (iconv -f ISO-8859-1 -t UTF-8 does it for Latin-1)");
}

namespace {

constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

void require_lines(const TextFile& file) {
  const std::string_view bytes = file.bytes();
  if (bytes.substr(0, bytes.size() - 1).find('\r') != std::string_view::npos && bytes.find('\n') == std::string_view::npos) {
    throw file.error("D103", "the lines end with a carriage return alone",
                     "save the file with line feeds (tr '\\r' '\\n' does it)");
  }
}

void refuse_utf16(const TextFile& file) {
  const std::string_view bytes = file.bytes();
  if (bytes.starts_with("\xff\xfe") || bytes.starts_with("\xfe\xff"))
    throw file.error("D103", "the file is written in UTF-16", "save it as UTF-8");
}

/// Reads on until `text` has `size` bytes and ends a line with them or later; false: the file ended.
bool read_lines(ByteStream& stream, std::string& text, std::size_t size) {
  // What the text grows by is set to 0 first, and is still in the cache then when bytes are read to it.
  constexpr std::size_t kPiece = std::size_t{1} << 18U;
  for (bool lines = text.find('\n') != std::string::npos; text.size() < size || !lines;) {
    const std::size_t before = text.size(), piece = before < size ? std::min(size - before, kPiece) : kPiece;
    text.resize(before + piece);
    text.resize(before + stream.read(text.data() + before, piece));
    if (text.size() < before + piece) return false;
    lines = lines || text.find('\n', before) != std::string::npos;
  }
  return true;
}

}  // namespace

TextFile TextFile::read(const std::string& path, const ReadLimits& limits, std::string_view format) {
  return load(path, limits, std::numeric_limits<std::size_t>::max(), format);
}

TextFile TextFile::open(const std::string& path, const ReadLimits& limits) { return load(path, limits, limits.kept_text, ""); }

TextFile TextFile::load(const std::string& path, const ReadLimits& limits, std::size_t kept, std::string_view format) {
  ByteStream stream = ByteStream::open(path, limits);
  std::string bytes;
  constexpr std::size_t kFirst = 1U << 16U;
  const bool all = !stream.regular() || kept == std::numeric_limits<std::size_t>::max();
  bool more = true;
  if (all) {
    bytes.resize(kFirst);
    bytes.resize(stream.read(bytes.data(), kFirst));
    more = bytes.size() == kFirst;
  } else {
    bytes.reserve(static_cast<std::size_t>(std::min<std::uint64_t>(kept, stream.stored())) + 1);  // one that grows is copied
    more = read_lines(stream, bytes, kept);
  }
  // What may never end, and is no text, is refused by its beginning.
  if (more && !stream.regular() && bytes.find('\0') != std::string::npos) return from_string(path, std::move(bytes), format);
  if (more && all) bytes += stream.rest();
  if (!more || all) {
    TextFile file = from_string(path, std::move(bytes), format);
    file.limits_ = limits;
    file.digest_ = stream.digest();
    return file;
  }
  TextFile file;
  file.path_ = path;
  file.limits_ = limits;
  file.whole_ = false;
  file.length_ = stream.packed() ? 0 : stream.stored();
  if (bytes.starts_with(kByteOrderMark)) bytes.erase(0, kByteOrderMark.size());
  file.bytes_ = std::move(bytes);
  file.require_known_content(format, file.length_);
  refuse_utf16(file);
  file.require_text(file.bytes_, 0, false);
  file.bytes_.resize(file.bytes_.rfind('\n') + 1);
  return file;
}

void TextFile::require_known_content(std::string_view format, std::uint64_t length) const {
  const Content content = content_of(bytes_, length);
  if (!content.title.empty() && content.title != format && !(content.format && content.format->name == format))
    throw error("D103", "'" + path_ + "' is " + content.title + ", not the text that its name promises", content.remedy);
}

TextFile TextFile::from_string(std::string path, std::string bytes, std::string_view format) {
  TextFile file;
  file.path_ = std::move(path);
  file.digest_ = digest_of(bytes);
  if (bytes.starts_with(kByteOrderMark)) bytes.erase(0, kByteOrderMark.size());
  file.bytes_ = std::move(bytes);
  if (file.bytes_.empty()) throw file.error("D102", "the file '" + file.path_ + "' is empty", "name a file with data");
  file.require_known_content(format, file.bytes_.size());
  refuse_utf16(file);
  file.require_text(file.bytes_, 0, true);
  require_lines(file);
  return file;
}

std::string TextFile::piece(std::size_t begin, std::size_t end) const {
  TextWindow window(*this);
  while (window.base() + window.text().size() < end && !window.at_end())
    window.advance(std::min(window.text().size(), begin - std::min(begin, window.base())));
  return std::string(window.text().substr(std::min(begin - window.base(), window.text().size()), end - begin));
}

TextFile::Line TextFile::find_line(std::size_t offset) const {
  Line line;
  ByteStream stream = ByteStream::open(path_, limits_);
  std::string piece(std::size_t{1} << 20U, '\0');
  std::size_t at = 0;
  for (bool first = true;; first = false) {
    const std::size_t got = stream.read(piece.data(), piece.size());
    std::string_view text(piece.data(), got);
    if (first && text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    // Line feeds before the byte begin a new line, the first one from it on ends the search.
    const std::string_view before = text.substr(0, std::min(text.size(), offset - std::min(offset, at)));
    if (const std::size_t feed = before.rfind('\n'); feed != std::string_view::npos) {
      line.number += static_cast<long>(std::count(before.begin(), before.end(), '\n'));
      line.start = at + feed + 1;
      line.text.clear();
    }
    const std::size_t begin = std::max(line.start, at) - at;
    const std::size_t end = at + text.size() <= offset ? text.size() : std::min(text.find('\n', before.size()), text.size());
    line.text += text.substr(begin, end - begin);
    at += text.size();
    if (got < piece.size() || end < text.size()) return line;
  }
}

SourceLocation TextFile::locate(std::size_t offset) const {
  if (!whole_) {
    const Line line = find_line(offset);
    const auto before = static_cast<std::ptrdiff_t>(std::min(offset - line.start, line.text.size()));
    const auto characters =
        std::count_if(line.text.begin(), line.text.begin() + before, [](char c) { return !utf8_continues(c); });
    return {path_, line.number, 1 + static_cast<long>(characters)};
  }
  offset = std::min(offset, bytes_.size());
  const auto stop = bytes_.begin() + static_cast<std::ptrdiff_t>(offset);
  const std::size_t newline = offset == 0 ? std::string::npos : bytes_.rfind('\n', offset - 1);
  const std::size_t start = newline == std::string::npos ? 0 : newline + 1;
  const auto characters =
      std::count_if(bytes_.begin() + static_cast<std::ptrdiff_t>(start), stop, [](char c) { return !utf8_continues(c); });
  return {path_, 1 + static_cast<long>(std::count(bytes_.begin(), stop, '\n')), 1 + static_cast<long>(characters)};
}

std::string TextFile::line(std::size_t offset) const {
  if (!whole_) {
    std::string text = find_line(offset).text;
    if (text.ends_with('\r')) text.pop_back();
    return text;
  }
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

namespace {

/// The digits of a whole number that is written without an exponent, "-1700" for -01700.0; empty for any other text.
std::string whole_digits(std::string_view text, char decimal) {
  std::string sign;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    if (text[0] == '-') sign = "-";
    text.remove_prefix(1);
  }
  const std::size_t point = std::min(text.find(decimal), text.size());
  if (text.find_first_not_of('0', std::min(point + 1, text.size())) != std::string_view::npos) return {};
  std::string digits(text.substr(0, point));
  if (digits.empty() || digits.find_first_not_of("0123456789") != std::string::npos) return {};
  digits.erase(0, digits.find_first_not_of('0'));
  return digits.empty() ? "0" : sign + digits;
}

}  // namespace

std::string lost_digits(std::string_view text, char decimal, double value) {
  if (!(std::abs(value) >= kExactWhole)) return {};
  std::string plain;
  std::string digits = whole_digits(plain_signs(text, plain) ? std::string_view(plain) : text, decimal);
  if (digits.empty()) return {};
  char exact[400];
  std::snprintf(exact, sizeof exact, "%.0f", value);
  return digits == exact ? std::string() : digits;
}

}  // namespace tacit::inline TACIT_ABI
