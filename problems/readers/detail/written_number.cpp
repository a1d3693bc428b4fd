#include <tacit/problems/readers/detail/written_number.hpp>

#include <algorithm>
#include <array>
#include <cctype>
#include <vector>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

constexpr char kStiffBlank = '\x01', kMoney = '\x02', kOtherLetter = '\x03';

/// The character at the start of a text that is UTF-8.
char32_t code_point(std::string_view text, std::size_t length) {
  const auto byte = [&](std::size_t i) { return static_cast<char32_t>(static_cast<unsigned char>(text[i])); };
  if (length == 1) return byte(0);
  char32_t c = byte(0) & (0x7FU >> length);
  for (std::size_t i = 1; i < length; ++i) c = (c << 6U) | (byte(i) & 0x3FU);
  return c;
}

bool stiff_blank(char32_t c) {
  return c == 0xA0 || (c >= 0x2000 && c <= 0x200B) || c == 0x202F || c == 0x205F || c == 0x3000 || c == 0xFEFF;
}

/// A text in ASCII: signs that mean the same are one, what was changed is noted.
struct Folded {
  std::string text;
  bool minus = false, digits = false, blanks = false;
};

void fold_character(char32_t c, Folded& out) {
  // digits: Arabic, Persian, Devanagari, full width
  for (const char32_t zero : {0x660U, 0x6F0U, 0x966U, 0xFF10U}) {
    if (c < zero || c > zero + 9) continue;
    out.text += static_cast<char>('0' + (c - zero));
    out.digits = true;
    return;
  }
  if (stiff_blank(c)) {
    out.text += kStiffBlank;
    out.blanks = true;
  } else if (c == 0x2212 || (c >= 0x2010 && c <= 0x2014) || c == 0xFE63 || c == 0xFF0D) {
    out.text += '-';
    out.minus = true;
  } else if (c == 0xA2 || c == 0xA3 || c == 0xA5 || (c >= 0x20A0 && c <= 0x20CF) || c == 0xFFE5) {
    out.text += kMoney;
  } else if (c == 0x2018 || c == 0x2019 || c == 0xB4 || c == 0x2BC || c == 0x2032) {
    out.text += '\'';
  } else if (c == 0x201C || c == 0x201D || c == 0x201E || c == 0xAB || c == 0xBB) {
    out.text += '"';
  } else if (c == 0x2030 || c == 0xFF05 || c == 0x66A) {
    out.text += '%';
  } else if (c == 0xD7 || c == 0xB7) {
    out.text += '*';
  } else if (c == 0x66B) {
    out.text += ',';
  } else {
    out.text += kOtherLetter;
  }
}

Folded folded(std::string_view text) {
  Folded out;
  while (!text.empty()) {
    const std::size_t length = std::max<std::size_t>(utf8_length(text), 1);
    if (length == 1)
      out.text += text[0] == '$' ? kMoney : text[0];
    else
      fold_character(code_point(text, length), out);
    text.remove_prefix(length);
  }
  return out;
}

bool is_blank(char c) { return c == ' ' || c == '\t' || c == kStiffBlank; }

void strip(std::string_view& s) {
  while (!s.empty() && is_blank(s.front())) s.remove_prefix(1);
  while (!s.empty() && is_blank(s.back())) s.remove_suffix(1);
}

/// Takes one of the words of currencies (and of percent) from an end of the text.
bool take_currency(std::string_view& s, bool front) {
  if (s.empty()) return false;
  if ((front ? s.front() : s.back()) == kMoney) {
    front ? s.remove_prefix(1) : s.remove_suffix(1);
    return true;
  }
  static const std::array words{"usd", "eur", "gbp", "chf", "jpy", "cny",  "inr", "rub", "sek", "nok",  "dkk", "pln",
                                "czk", "huf", "brl", "cad", "aud", "nzd",  "mxn", "zar", "try", "krw",  "sgd", "hkd",
                                "rmb", "kr.", "rs.", "fr.", "kr",  "euro", "rs",  "us",  "sfr", "euros"};
  for (const std::string_view word : words) {
    if (s.size() <= word.size()) continue;
    const std::string_view end = front ? s.substr(0, word.size()) : s.substr(s.size() - word.size());
    if (lower_case(end) != word) continue;
    const char next = front ? s[word.size()] : s[s.size() - word.size() - 1];
    if (is_letter(next) || next == kOtherLetter) continue;
    front ? s.remove_prefix(word.size()) : s.remove_suffix(word.size());
    return true;
  }
  return false;
}

/// Digits and separators: 1.234,5 as groups {1, 234, 5} and separators {'.', ','}.
struct Core {
  std::vector<std::string> groups{""};
  std::string separators;
};

/// Reads the core at the front of s and takes it away.
Core take_core(std::string_view& s) {
  Core core;
  const auto separates = [](char c) { return c == '.' || c == ',' || c == '\'' || is_blank(c); };
  while (!s.empty()) {
    if (is_digit(s.front())) {
      core.groups.back() += s.front();
    } else if (separates(s.front()) && s.size() > 1 && is_digit(s[1])) {
      core.separators += is_blank(s.front()) ? ' ' : s.front();
      core.groups.emplace_back();
    } else if ((s.front() == '.' || s.front() == ',') && !core.groups.back().empty()) {  // 5. and 5,-
      core.separators += s.front();
      core.groups.emplace_back();
    } else {
      break;
    }
    s.remove_prefix(1);
  }
  return core;
}

bool thousands(const Core& core, std::size_t groups) {
  if (groups < 2 || core.groups[0].empty() || core.groups[0].size() > 3 || core.groups[0][0] == '0') return false;
  for (std::size_t i = 1; i < groups; ++i) {
    const std::size_t n = core.groups[i].size();
    if (core.separators[i - 1] != core.separators[0]) return false;
    if (n != 3 && !(n == 2 && i + 1 < groups && core.separators[0] == ',')) return false;  // 12,34,567 of India
  }
  return true;
}

/// What the separators are; false: no number.
bool read_core(const Core& core, char decimal, NumberStyle& style, std::string& plain) {
  const std::size_t n = core.groups.size();
  std::string all;
  for (const std::string& g : core.groups) all += g;
  if (all.empty()) return false;
  if (n == 1) {
    plain = all;
    return true;
  }
  const char last = core.separators.back();
  const bool fraction = last == '.' || last == ',';
  std::string whole;
  for (std::size_t i = 0; i + 1 < n; ++i) whole += core.groups[i];
  if (n == 2 && last == decimal) {
    plain = whole + decimal + core.groups[1];
    return true;
  }
  if (n == 2 && fraction && !thousands(core, 2)) {
    style = NumberStyle::decimal_sign;
    plain = whole + decimal + core.groups[1];
    return true;
  }
  if (thousands(core, n)) {
    style = n == 2 && fraction ? NumberStyle::separator : NumberStyle::thousands;
    plain = all;
    return true;
  }
  if (!fraction || !thousands(core, n - 1) || core.separators[0] == last) return false;
  style = NumberStyle::thousands;
  plain = whole + decimal + core.groups.back();
  return true;
}

/// An exponent as Fortran (1.5D+03), or people (1.5*10^3), write it.
bool take_exponent(std::string_view& s, std::string& plain) {
  std::string_view t = s;
  bool other = false;
  if (!t.empty() && std::string_view("eEdDqQ").find(t.front()) != std::string_view::npos) {
    other = t.front() != 'e' && t.front() != 'E';
    t.remove_prefix(1);
  } else if (t.size() > 3 && (t.front() == '*' || t.front() == 'x') && t.substr(1, 2) == "10") {
    other = true;
    t.remove_prefix(t[3] == '^' ? 4 : 3);
  } else {
    return false;
  }
  std::string number;
  if (!t.empty() && (t.front() == '+' || t.front() == '-')) {
    number = t.front();
    t.remove_prefix(1);
  }
  const std::size_t sign = number.size();
  while (!t.empty() && is_digit(t.front())) {
    number += t.front();
    t.remove_prefix(1);
  }
  if (number.size() == sign || number.size() > sign + 4) return false;
  plain += "e" + number;
  s = t;
  return other;
}

bool is_unit(std::string_view s) {
  constexpr std::size_t kLongest = 8;
  if (s.empty() || s.size() > kLongest || !(is_letter(s[0]) || s[0] == kOtherLetter)) return false;
  return std::all_of(s.begin(), s.end(), [](char c) {
    return is_letter(c) || c == kOtherLetter || c == '/' || c == '^' || c == '2' || c == '3' || c == '.';
  });
}

bool take_around(std::string_view& s, char first, char last) {
  if (s.size() < 3 || s.front() != first || s.back() != last) return false;
  s = s.substr(1, s.size() - 2);
  strip(s);
  return true;
}

}  // namespace

WrittenNumber written_number(std::string_view text, char decimal) {
  constexpr std::size_t kLongest = 80;
  WrittenNumber none, out;
  if (text.size() > kLongest ||
      std::none_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (static_cast<unsigned char>(c) & 0x80U) != 0; }))
    return none;
  const Folded f = folded(text);
  std::string_view s = f.text;
  strip(s);
  bool quotes = false, money = false, percent = false, negative = false;
  if (s.size() > 1 && s.front() == '=' && s[1] == '"') s.remove_prefix(1);
  quotes = take_around(s, '"', '"') || take_around(s, '\'', '\'');
  if (!quotes && s.size() > 1 && s.front() == '\'') {  // as Excel marks a text
    s.remove_prefix(1);
    quotes = true;
  }
  const bool parentheses = take_around(s, '(', ')');
  money = take_currency(s, true) && (take_currency(s, true), true);  // US$
  strip(s);
  const std::size_t before_sign = s.size();
  if (!s.empty() && (s.front() == '-' || s.front() == '+')) {
    negative = s.front() == '-';
    s.remove_prefix(1);
    strip(s);
  }
  const bool sign_in_front = s.size() != before_sign;
  money = take_currency(s, true) || money;
  strip(s);
  const Core core = take_core(s);
  std::string plain;
  if (!read_core(core, decimal, out.style, plain)) return none;
  const bool exponent = take_exponent(s, plain);
  strip(s);
  bool sign_behind = false;
  if (!s.empty() && s.back() == '-' && !sign_in_front) {
    sign_behind = core.separators.empty() || !core.groups.back().empty();  // 5,- is a price
    money = money || !sign_behind;
    s.remove_suffix(1);
    strip(s);
  }
  if (!s.empty() && s.back() == '%') {
    percent = true;
    s.remove_suffix(1);
    strip(s);
  }
  if (!s.empty()) {  // for the currency words there must be something before: the digit
    std::string rest = "0" + std::string(s);
    std::string_view r = rest;
    if (take_currency(r, false)) {
      s = {};
      money = true;
      strip(r);
      if (r != "0") return none;
    }
  }
  if (!s.empty()) {
    if (!is_unit(s)) return none;
    out.unit = std::string(s);
  }
  out.plain = (negative || parentheses || sign_behind ? "-" : "") + plain;
  if (!out.unit.empty())
    out.style = NumberStyle::unit;
  else if (quotes)
    out.style = NumberStyle::quotes;
  else if (money)
    out.style = NumberStyle::currency;
  else if (percent)
    out.style = NumberStyle::percent;
  else if (parentheses)
    out.style = NumberStyle::parentheses;
  else if (exponent)
    out.style = NumberStyle::exponent;
  else if (out.style == NumberStyle::none && (f.minus || sign_behind))
    out.style = NumberStyle::minus;
  else if (out.style == NumberStyle::none && f.digits)
    out.style = NumberStyle::digits;
  else if (out.style == NumberStyle::none && out.plain != text)
    out.style = NumberStyle::blanks;
  double value = 0;
  if (read_number(text, decimal, value) != NumberText::word) out.style = NumberStyle::none;
  return out;
}

std::string style_text(NumberStyle style, char decimal) {
  switch (style) {
    case NumberStyle::decimal_sign:
      return decimal == '.' ? "with a decimal comma" : "with a decimal point";
    case NumberStyle::separator:
      return decimal == '.' ? "with a comma" : "with a point";
    case NumberStyle::thousands:
      return "with its thousands set apart";
    case NumberStyle::percent:
      return "with a percent sign";
    case NumberStyle::currency:
      return "with a currency";
    case NumberStyle::exponent:
      return "with an exponent in another notation";
    case NumberStyle::minus:
      return "with another minus sign";
    case NumberStyle::parentheses:
      return "in parentheses";
    case NumberStyle::quotes:
      return "with quotation marks that belong to the text";
    case NumberStyle::blanks:
      return "with blanks in it";
    case NumberStyle::digits:
      return "in other digits";
    case NumberStyle::unit:
      return "with a unit";
    case NumberStyle::none:
      break;
  }
  return "";
}

namespace {

/// A letter or word that multiplies what stands before it.
bool is_factor(std::string_view unit) {
  const std::string small = lower_case(unit.substr(0, unit.find('.')));
  return small == "k" || small == "m" || small == "b" || small == "t" || small == "mn" || small == "mln" || small == "mio" ||
         small == "mrd" || small == "bn" || small == "tsd" || small == "mil" || small == "bil";
}

}  // namespace

std::string style_remedy(const WrittenNumber& number, char decimal) {
  const std::string other = decimal == '.' ? "\",\"" : "\".\"", sign = decimal == '.' ? "comma" : "point";
  const std::string rewrite = "write " + number.plain;
  switch (number.style) {
    case NumberStyle::decimal_sign:
      return "if the " + sign + " is a decimal sign, set data.decimal: " + other;
    case NumberStyle::separator:
      return "if the " + sign + " is a decimal sign, set data.decimal: " + other + "; if it sets thousands apart, " + rewrite;
    case NumberStyle::percent:
      return rewrite + " (or its hundredth) without the percent sign, in every row";
    case NumberStyle::unit:
      return is_factor(number.unit)
                 ? "write the number in full, without '" + number.unit + "', if that stands for thousands or millions"
                 : rewrite + ", without the unit, in every row; where rows have different units, turn them into one";
    default:
      return rewrite;
  }
}

bool plain_signs(std::string_view text, std::string& plain) {
  const auto starts = [&](std::string_view with) { return text.substr(0, with.size()) == with; };
  const auto ends = [&](std::string_view with) {
    return text.size() >= with.size() && text.substr(text.size() - with.size()) == with;
  };
  constexpr std::array<std::string_view, 5> blanks{" ", "\t", "\xc2\xa0", "\xe2\x80\x87", "\xe2\x80\xaf"};
  bool changed = false;
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view b : blanks) {
      if (starts(b)) text.remove_prefix(b.size()), again = true;
      if (ends(b)) text.remove_suffix(b.size()), again = true;
    }
    changed |= again;
  }
  constexpr std::string_view kMinus = "\xe2\x88\x92";
  const bool minus = starts(kMinus);
  if (minus) text.remove_prefix(kMinus.size());
  if (!minus && !changed) return false;
  plain = (minus ? "-" : "") + std::string(text);
  return true;
}

}  // namespace tacit
