#include <tacit/problems/data/detail/word_kinds.hpp>

#include <algorithm>
#include <array>
#include <regex>

#include <tacit/problems/readers/detail/written_number.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

std::regex pattern(const std::string& text) { return std::regex(text, std::regex::ECMAScript | std::regex::icase); }

bool matches(const std::string& text, const std::regex& whole) { return std::regex_match(text, whole); }

/// The last digit of a CAS number is the sum of the others, counted from the right, each times its place, modulo 10.
bool is_cas_number(const std::string& text) {
  static const std::regex shape = pattern(R"(\d{2,7}-\d\d-\d)");
  if (!matches(text, shape)) return false;
  int sum = 0, place = 0;
  for (auto c = text.rbegin() + 1; c != text.rend(); ++c) {
    if (*c != '-') sum += ++place * (*c - '0');
  }
  return sum % 10 == text.back() - '0';
}

/// Days, months, quarters and weeks, in figures or with the name of the month, with or without a time of day.
bool is_date(const std::string& text) {
  const std::string day = "(0?[1-9]|[12][0-9]|3[01])", month = "(0?[1-9]|1[0-2])", year = "([12][0-9]{3})",
                    years = "([12][0-9]{3}|[0-9]{2})", with = "([-/. ])",
                    name = "(jan|feb|mar|m\xc3\xa4r|apr|may|mai|jun|jul|aug|sep|o[ck]t|nov|de[cz])[a-z]*\\.?",
                    clock = "([T ,]+[0-9]{1,2}:?[0-9]{2}.*)?";
  static const std::array<std::regex, 9> shapes{
      pattern(year + with + month + "\\2" + day + clock),
      pattern(day + with + month + "\\2" + year + clock),
      pattern(month + with + day + "\\2" + year + clock),
      pattern("(" + day + "([-/ ])" + month + "\\3|" + month + "([-/ ])" + day + "\\6)[0-9]{2}" + clock),
      pattern("(0[1-9]|[12][0-9]|3[01])\\.(0[1-9]|1[0-2])\\.[0-9]{2}" + clock),
      pattern("([a-z]+,? )?" + day + "[-. ]+" + name + "([-., ]+" + years + ")?" + clock),
      pattern("([a-z]+,? )?(" + name + "[-. ]+" + day + "(st|nd|rd|th)?([-, ]+" + years + ")?|" + name + "[-. ]+" + years + ")" +
              clock),
      pattern(year + "([-/. ]?(Q[1-4]|W[0-5][0-9])(-[1-7])?|[-/]" + month + ")|Q[1-4][-/ ]?" + year + "|" + month + "/" + year),
      pattern("[12][0-9]{7}T[0-9]{4,6}Z?"),
  };
  return std::any_of(shapes.begin(), shapes.end(), [&](const std::regex& shape) { return matches(text, shape); });
}

/// 5.1.24, which may be a version as well.
bool is_date_or_version(const std::string& text) {
  static const std::regex shape = pattern(R"((0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])\.\d\d)");
  return matches(text, shape);
}

bool is_time(const std::string& text) {
  static const std::regex shape = pattern(
      R"((\d{1,2}:[0-5]\d(:[0-5]\d([.,]\d+)?)?|[012]?\dh[0-5]\d)( ?[ap]\.?m\.?)?(Z| ?[+-]\d\d(:?\d\d)?)?|(0?[1-9]|1[0-2]) ?[ap]\.?m\.?)");
  return matches(text, shape);
}

bool is_duration(const std::string& text) {
  static const std::regex shape = pattern(R"(P(\d+[YMWD])*(T(\d+([.]\d+)?[HMS])+)?|\d+ days?,? \d{1,2}:\d\d(:\d\d([.]\d+)?)?|)"
                                          R"((\d+ ?(weeks?|w|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s),? ?){2,})");
  return text.size() > 2 && matches(text, shape);
}

/// Degrees with a letter of the compass: 52.5163 N, N52.5, 52°30'59"N.
bool is_coordinate(const std::string& text) {
  static const std::regex shape = pattern(
      "([NSEWO] ?)?[0-9]{1,3}([.,][0-9]+)?[ \xc2\xb0'\"\xe2\x80\xb2\xb3]*"
      "([0-9]{1,2}([.,][0-9]+)?[ '\"\xe2\x80\xb2\xb3]+){0,2}( ?[NSEWO])?");
  static const std::regex letter = pattern("([NSEWO].*|.*[NSEWO])");
  return matches(text, shape) && matches(text, letter);
}

/// 52°30', 13° 22.5', 7°5'30".
bool is_angle(const std::string& text) {
  static const std::regex shape = pattern(
      "[-+]?[0-9]{1,3} ?\xc2\xb0 ?[0-9]{1,2}([.,][0-9]+)? ?('|\xe2\x80\xb2)( ?[0-9]{1,2}([.,][0-9]+)? ?(\"|''|\xe2\x80\xb3))?");
  return matches(text, shape);
}

bool is_hexadecimal(const std::string& text) {
  static const std::regex shape = pattern("0x[0-9a-f]+");
  return matches(text, shape);
}

bool is_fraction(const std::string& text) {
  static const std::regex shape =
      pattern("[-+]?([0-9]+ )?[0-9]+ ?(/|\xe2\x81\x84) ?[0-9]+|[-+]?[0-9]* ?(\xc2[\xbc-\xbe]|\xe2\x85[\x90-\x9e])");
  return matches(text, shape);
}

bool has_unit(const std::string& text) { return written_number(text, '.').style == NumberStyle::unit; }

struct Rule {
  bool (*fits)(const std::string&);
  std::size_t fewest;  // levels: "2 rooms" and "3 rooms" may be meant so
  WordKind kind;
};

constexpr std::array kRules{
    Rule{is_cas_number, 1, {"", ""}},
    Rule{is_date, 1, {"dates", "Write it as a number (of days since one of them)"}},
    Rule{is_date_or_version, 1, {"dates or versions", "Write it as a number (of days since one of them), if they are dates"}},
    Rule{is_time, 1, {"times", "Write it as a number (of hours or seconds)"}},
    Rule{is_duration, 1, {"durations", "Write it as a number (of hours or seconds)"}},
    Rule{is_coordinate, 3, {"coordinates", "Write it as a number (of degrees, negative in the south and west)"}},
    Rule{has_unit, 3, {"numbers with units", "Write it as a number, all in one unit"}},
    Rule{is_angle, 1, {"angles in degrees and minutes", "Write it as a number (of degrees: 30 minutes are 0.5)"}},
    Rule{is_hexadecimal, 1, {"hexadecimal numbers", "Write it as a number"}},
    Rule{is_fraction, 3, {"fractions, or two numbers each", "Write it as a number, or as two columns"}},
};

}  // namespace

WordKind kind_of_words(const std::vector<std::string>& levels) {
  constexpr std::size_t kLongest = 80;  // no such word is longer
  const auto short_enough = [](const std::string& level) { return level.size() <= kLongest; };
  if (!std::all_of(levels.begin(), levels.end(), short_enough)) return {};
  for (const Rule& rule : kRules) {
    if (levels.size() >= rule.fewest && std::all_of(levels.begin(), levels.end(), rule.fits)) return rule.kind;
  }
  return {};
}

}  // namespace tacit::inline TACIT_ABI
