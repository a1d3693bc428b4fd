// How messages look: colours of the terminal, lines that belong together.
#pragma once
#include <string>
#include <string_view>

namespace tacit {

/// Whether to colour; decided once by the caller (terminal, NO_COLOR).
struct Style {
  bool colour = false;
};

inline constexpr std::string_view kRed = "\033[1;31m", kYellow = "\033[1;33m", kBlue = "\033[1;34m";
/// The text in this colour, where there are colours.
std::string painted(std::string_view text, std::string_view colour, Style style);
/// All lines but the first moved to the right.
std::string indented(std::string_view text, std::string_view indent);

}  // namespace tacit
