// Numbers in sentences: where one has more digits than anybody reads.
#pragma once
#include <algorithm>
#include <cctype>
#include <regex>
#include <string>
#include <vector>

namespace words_test {

/// Significant digits of a number as it is written: "0.00120" has 3, "1200" may be a count and has 2.
inline std::size_t significant_digits(const std::string& number) {
  std::string digits;
  bool point = false;
  for (const char c : number.substr(0, number.find('e'))) {
    point = point || c == '.';
    if (std::isdigit(static_cast<unsigned char>(c)) != 0 && !(digits.empty() && c == '0')) digits += c;
  }
  while (!point && !digits.empty() && digits.back() == '0') digits.pop_back();
  return digits.size();
}

/// The numbers of a sentence with more than four significant digits. What is quoted ('...') is as it stands elsewhere; a whole
/// number is a count, or a value that was given, unless the sentence calls it "about"; KEY=VALUE and "write VALUE" are to be
/// typed in.
inline std::vector<std::string> long_numbers(const std::string& sentence) {
  static const std::regex quoted("'[^']*'"), number(R"((about |write |=)?([0-9]+(\.[0-9]+)?(e[+-]?[0-9]+)?))");
  const std::string text = std::regex_replace(sentence, quoted, "''");
  std::vector<std::string> all;
  for (std::sregex_iterator i(text.begin(), text.end(), number), end; i != end; ++i) {
    const std::string value = (*i)[2].str();
    const std::string before_it = (*i)[1].str();
    if (before_it == "write " || before_it == "=") continue;  // to be typed in as it stands
    const bool count = value.find_first_of(".e") == std::string::npos && before_it.empty();
    const auto before = static_cast<std::size_t>(i->position(2));
    // Part of a name, a version or a path: 0x1f, v1.2.3, file2.csv.
    const bool in_a_word = before > 0 && (std::isalnum(static_cast<unsigned char>(text[before - 1])) != 0 ||
                                          std::string("_/.").find(text[before - 1]) != std::string::npos);
    if (!count && !in_a_word && significant_digits(value) > 4) all.push_back(value);
  }
  return all;
}

}  // namespace words_test
