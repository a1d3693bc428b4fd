#include <tacit/problems/readers/detail/written_number.hpp>

#include <algorithm>
#include <array>
#include <vector>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/folded_text.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

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

/// Is a point the sign of a product, as in 1.5·10^3?
bool times_ten(std::string_view s) { return s.substr(0, 4) == std::string{kDecimalSign, '1', '0', '^'}; }

/// Reads the core at the front of s and takes it away.
Core take_core(std::string_view& s) {
  Core core;
  const auto separates = [](char c) {
    return c == '.' || c == ',' || c == '\'' || c == '_' || c == kDecimalSign || c == kThousandsSign || is_blank(c);
  };
  while (!s.empty() && !times_ten(s)) {
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
  return core.separators[0] != kDecimalSign;
}

/// Four numbers below 256 with points between them: 192.168.100.200.
bool is_address(const Core& core) {
  return core.separators == "..." && std::all_of(core.groups.begin(), core.groups.end(), [](const std::string& g) {
           return g.size() < 3 || (g.size() == 3 && g <= "255");
         });
}

/// What the separators are; false: no number.
bool read_core(const Core& core, char decimal, NumberStyle& style, std::string& plain) {
  const std::size_t n = core.groups.size();
  const std::string all = join(core.groups, "");
  if (all.empty() || is_address(core)) return false;
  if (n == 1) {
    plain = all;
    return true;
  }
  const char last = core.separators.back();
  const bool fraction = last == '.' || last == ',' || last == kDecimalSign;
  const std::string whole = all.substr(0, all.size() - core.groups.back().size());
  if (n == 2 && (last == decimal || last == kDecimalSign)) {
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

/// An exponent as Fortran (1.5D+03), or people (1.5*10^3), write it. Fortran writes a decimal sign: 12D3 is a code.
bool take_exponent(std::string_view& s, bool fraction, std::string& plain) {
  std::string_view t = s;
  bool other = false;
  if (!t.empty() && std::string_view("eEdDqQ").find(t.front()) != std::string_view::npos) {
    other = t.front() != 'e' && t.front() != 'E';
    t.remove_prefix(1);
    if (other && !fraction && (t.empty() || is_digit(t.front()))) return false;
  } else if (t.size() > 3 && (t.front() == '*' || t.front() == 'x' || times_ten(t)) && t.substr(1, 2) == "10") {
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

/// Letters behind a number. am and pm belong to times; digits stand behind '^' or a length: m2, m/s2, in3.
bool is_unit(std::string_view s) {
  constexpr std::size_t kLongest = 8;
  if (s.empty() || s.size() > kLongest || !(is_letter(s[0]) || s[0] == kOtherLetter)) return false;
  const std::string small = lower_case(s);
  if (small == "am" || small == "pm" || small == "a.m." || small == "p.m.") return false;
  for (std::size_t i = 0; i < s.size(); ++i) {
    if (is_letter(s[i]) || s[i] == kOtherLetter || s[i] == '/' || s[i] == '^' || s[i] == '.') continue;
    const bool raised = s.substr(0, i).find('^') != std::string_view::npos;
    const bool power = (s[i] == '2' || s[i] == '3') && std::string_view("mnstd").find(s[i - 1]) != std::string_view::npos;
    if (!power && !(raised && (is_digit(s[i]) || s[i] == '-'))) return false;
  }
  return true;
}

bool take_around(std::string_view& s, char first, char last) {
  if (s.size() < 3 || s.front() != first || s.back() != last) return false;
  s = s.substr(1, s.size() - 2);
  strip(s);
  return true;
}

/// Takes off one of these at the front.
bool take_front(std::string_view& s, std::string_view any) {
  if (s.empty() || any.find(s.front()) == std::string_view::npos) return false;
  s.remove_prefix(1);
  strip(s);
  return true;
}

/// What stands around the digits of a number.
struct Around {
  bool quotes = false, parentheses = false, money = false, percent = false, sign = false, negative = false, sign_behind = false;
  std::string unit;
};

/// Quotation marks (also ="5", and Excel's mark of a text), parentheses, currency and sign in front of the digits.
void take_before(std::string_view& s, Around& around) {
  if (s.size() > 1 && s.front() == '=' && s[1] == '"') s.remove_prefix(1);
  around.quotes = take_around(s, '"', '"') || take_around(s, '\'', '\'') || (s.size() > 1 && take_front(s, "'"));
  around.parentheses = take_around(s, '(', ')');
  around.money = take_currency(s, true) && (take_currency(s, true), true);  // US$
  strip(s);
  around.negative = !s.empty() && s.front() == '-';
  around.sign = take_front(s, "+-");
  around.money = take_currency(s, true) || around.money;
  strip(s);
}

/// Sign, percent, currency or unit behind the digits; false where something else is there.
bool take_behind(std::string_view& s, const Core& core, Around& around) {
  strip(s);
  if (!s.empty() && s.back() == '-' && !around.sign) {
    around.sign_behind = core.separators.empty() || !core.groups.back().empty();  // 5,- is a price
    around.money = around.money || !around.sign_behind;
    s.remove_suffix(1);
    strip(s);
  }
  if (!s.empty() && s.back() == '%') {
    around.percent = true;
    s.remove_suffix(1);
    strip(s);
  }
  if (s.empty()) return true;
  const std::string rest = "0" + std::string(s);  // a currency stands behind a digit
  std::string_view r = rest;
  if (take_currency(r, false)) {
    around.money = true;
    strip(r);
    return r == "0";
  }
  around.unit = std::string(s);
  return is_unit(s);
}

/// The style to name when a text has several: what must be changed first.
NumberStyle style_of(const Around& around, bool exponent, NumberStyle core, const Folded& text, bool changed) {
  if (!around.unit.empty()) return NumberStyle::unit;
  if (around.quotes) return NumberStyle::quotes;
  if (around.money) return NumberStyle::currency;
  if (around.percent) return NumberStyle::percent;
  if (around.parentheses) return NumberStyle::parentheses;
  if (exponent) return NumberStyle::exponent;
  if (text.digits) return NumberStyle::digits;
  if (core != NumberStyle::none) return core;
  if (text.minus || around.sign_behind) return NumberStyle::minus;
  return changed ? NumberStyle::blanks : NumberStyle::none;
}

}  // namespace

WrittenNumber written_number(std::string_view text, char decimal) {
  constexpr std::size_t kLongest = 80;
  const auto may_be_digit = [](char c) { return is_digit(c) || (static_cast<unsigned char>(c) & 0x80U) != 0; };
  if (text.size() > kLongest || std::none_of(text.begin(), text.end(), may_be_digit)) return {};
  double value = 0;
  if (read_number(text, decimal, value) != NumberText::word) return {};
  const Folded f = folded(text);
  std::string_view s = f.text;
  strip(s);
  Around around;
  take_before(s, around);
  const Core core = take_core(s);
  NumberStyle style = NumberStyle::none;
  std::string plain;
  if (!read_core(core, decimal, style, plain)) return {};
  const bool exponent = take_exponent(s, core.groups.size() > 1, plain);
  if (!take_behind(s, core, around)) return {};
  const bool negative = around.negative || around.parentheses || around.sign_behind;
  WrittenNumber out;
  out.plain = (negative ? "-" : "") + plain;
  out.unit = around.unit;
  out.style = style_of(around, exponent, style, f, out.plain != text);
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
      return "in digits or signs of another kind";
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
      return rewrite + (is_factor(number.unit)
                            ? ", without '" + number.unit +
                                  "', in every row, or the number in full, if that stands for thousands or millions"
                            : ", without the unit, in every row; where rows have different units, turn them into one");
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

}  // namespace tacit::inline TACIT_ABI
