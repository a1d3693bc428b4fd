// Text that comes from data, made safe for XML and HTML.
#include <tacit/cli/report/chart/chart.hpp>

namespace tacit {

namespace {

constexpr const char* kReplacement = "\xEF\xBF\xBD";  // U+FFFD

bool continues(char c) { return (static_cast<unsigned char>(c) & 0xC0u) == 0x80u; }

/// The code point that begins at `at`, and how many bytes it takes; a length of 0: these bytes are no UTF-8.
struct Character {
  unsigned long point = 0;
  std::size_t bytes = 0;
};

Character character_at(std::string_view text, std::size_t at) {
  const auto first = static_cast<unsigned char>(text[at]);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 && first < 0xF5 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || at + bytes > text.size()) return {};
  unsigned long point = first & (0xFFu >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if (!continues(text[at + i])) return {};
    point = point << 6 | (static_cast<unsigned char>(text[at + i]) & 0x3Fu);
  }
  const unsigned long least = bytes == 2 ? 0x80 : bytes == 3 ? 0x800 : 0x10000;
  const bool surrogate = point >= 0xD800 && point <= 0xDFFF;
  if (point < least || point > 0x10FFFF || surrogate) return {};
  return {point, bytes};
}

/// Control characters and noncharacters: XML 1.0 or HTML forbids them. Direction marks would let a name turn the text after it.
bool forbidden(unsigned long c) {
  return (c < 0x20 && c != '\t' && c != '\n') || (c >= 0x7F && c < 0xA0) || (c & 0xFFFE) == 0xFFFE ||
         (c >= 0xFDD0 && c <= 0xFDEF) || (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

void add_escaped(std::string& out, char c) {
  switch (c) {
    case '&':
      out += "&amp;";
      break;
    case '<':
      out += "&lt;";
      break;
    case '>':
      out += "&gt;";
      break;
    case '"':
      out += "&quot;";
      break;
    default:
      out += c;
  }
}

}  // namespace

std::string xml_text(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character c = character_at(text, at);
    if (c.bytes == 0) {
      out += kReplacement;
      ++at;
      continue;
    }
    if (forbidden(c.point))
      out += c.point < 0x20 ? " " : kReplacement;
    else if (c.bytes == 1)
      add_escaped(out, text[at]);
    else
      out += text.substr(at, c.bytes);
    at += c.bytes;
  }
  return out;
}

std::string shortened(const std::string& text, std::size_t most) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (continues(text[i]) || characters++ < most) continue;
    return text.substr(0, i) + "\xE2\x80\xA6";
  }
  return text;
}

std::vector<std::string> wrapped(const std::string& text, std::size_t most, std::size_t lines) {
  std::vector<std::string> all;
  for (std::string rest = text;;) {
    const std::string line = shortened(rest, most);
    if (line == rest || all.size() + 1 >= lines) {
      all.push_back(line);
      return all;
    }
    const std::size_t fits = line.size() - 3;  // without the ellipsis
    const std::size_t blank = rest.rfind(' ', fits), cut = blank == std::string::npos || blank == 0 ? fits : blank;
    all.push_back(rest.substr(0, cut));
    rest.erase(0, cut + (rest[cut] == ' ' ? 1 : 0));
  }
}

}  // namespace tacit
