#include <tacit/cli/run/style.hpp>

namespace tacit {

std::string painted(std::string_view text, std::string_view colour, Style style) {
  if (!style.colour) return std::string(text);
  return std::string(colour) + std::string(text) + "\033[0m";
}

std::string indented(std::string_view text, std::string_view indent) {
  std::string out;
  for (char c : text) {
    out += c;
    if (c == '\n') out += indent;
  }
  return out;
}

}  // namespace tacit
