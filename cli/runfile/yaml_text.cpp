// Values written as YAML.
#include <algorithm>
#include <cstdio>

#include <tacit/cli/runfile/yaml_source.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

bool plain_characters(std::string_view text) {
  if (text.empty()) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("_./+-").find(c) != std::string_view::npos;
  });
}

}  // namespace

std::string yaml_quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
          char buffer[8];
          std::snprintf(buffer, sizeof buffer, "\\x%02x", static_cast<unsigned>(static_cast<unsigned char>(c)));
          out += buffer;
        } else {
          out += c;
        }
    }
  }
  return out + "\"";
}

std::string Node::flow() const {
  std::string out;
  switch (kind) {
    case Kind::null:
      return "null";
    case Kind::scalar:
      return !quoted && plain_characters(text) ? text : yaml_quoted(text);
    case Kind::list:
      for (const Node& item : items) out += (out.empty() ? "" : ", ") + item.flow();
      return "[" + out + "]";
    case Kind::map:
      break;
  }
  for (const auto& [key, value] : entries) out += (out.empty() ? "" : ", ") + yaml_text(key.text) + ": " + value.flow();
  return "{" + out + "}";
}

std::string yaml_text(std::string_view text) {
  static const std::vector<std::string_view> words = {"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf"};
  const std::string lower = lower_case(text);
  const bool word = !text.empty() && ((lower[0] >= 'a' && lower[0] <= 'z') || text[0] == '/');
  const bool reserved = std::find(words.begin(), words.end(), lower) != words.end();
  return word && !reserved && plain_characters(text) ? std::string(text) : yaml_quoted(text);
}

std::string yaml_number(double value) {
  std::string text = number_text(value);
  const auto e = text.find('e');
  if (e != std::string::npos && text.find('.') == std::string::npos) text.insert(e, ".0");
  return text;
}

}  // namespace tacit
