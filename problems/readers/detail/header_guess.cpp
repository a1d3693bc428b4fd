#include <tacit/problems/readers/detail/header_guess.hpp>

#include <algorithm>

namespace tacit::inline TACIT_ABI {
namespace {

/// "12": digits alone, no leading zero.
bool plain_whole(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos && (text.size() == 1 || text[0] != '0');
}

/// "0.1" beside "0": how pandas writes the second column of a name.
bool second_of(const std::string& text, const std::set<std::string>& names) {
  const std::size_t dot = text.rfind('.');
  return dot != std::string::npos && plain_whole(text.substr(dot + 1)) && text.substr(dot + 1) != "0" &&
         names.count(text.substr(0, dot)) > 0;
}

/// The evidence, counted.
struct Evidence {
  Index words = 0, numbers = 0;
  Index over_numbers = 0;   // words above a column of numbers
  Index over_texts = 0;     // words above a column of words
  Index known = 0;          // of these: words that occur below again
  Index new_level = 0;      // of these: words above a column of few levels that is none of them
  Index over_words = 0;     // numbers above a column of words
  Index beyond = 0;         // numbers far from what stands below
  Index broken = 0;         // numbers above a column that holds others than whole ones
  Index mostly_broken = 0;  // that holds few whole ones
  bool plain = true;        // the numbers look like names: whole, all different
  bool all_quoted = true, quoted_below = false;
  bool counts_below = false;  // an empty cell above 0, 1, 2, ...
  std::vector<double> values;
};

Evidence gather(const std::vector<FirstCell>& first, const std::vector<ColumnBelow>& below) {
  Evidence e;
  std::set<std::string> names;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const FirstCell& c = first[i];
    const ColumnBelow& b = below[i];
    const bool empty = c.text.empty();
    e.all_quoted = e.all_quoted && (c.quoted || empty);
    e.quoted_below = e.quoted_below || b.quoted_numbers > 0;
    if (c.kind == FirstCell::Kind::word) {
      ++e.words;
      if (b.numeric()) ++e.over_numbers;
      if (b.numbers > 0 || b.words == 0) continue;
      ++e.over_texts;
      if (b.same > 0)
        ++e.known;
      else if (b.words >= 4 && 2 * static_cast<Index>(b.texts.size()) <= b.words)
        ++e.new_level;
    } else if (c.kind == FirstCell::Kind::number) {
      ++e.numbers;
      const bool again = second_of(c.text, names);
      e.plain = e.plain && (again || plain_whole(c.text)) && names.insert(c.text).second;
      if (!again) e.values.push_back(c.value);
      if (b.numbers == 0 && b.words >= 4) ++e.over_words;
      if (b.beyond(c.value)) ++e.beyond;
      if (b.broken()) ++e.broken;
      if (b.mostly_broken()) ++e.mostly_broken;
    } else if (empty && b.numbers == b.rows && b.rows > 1 && b.counts) {
      e.counts_below = true;
    } else if (c.kind == FirstCell::Kind::other) {
      e.plain = false;
    }
  }
  return e;
}

constexpr HeaderGuess kNames{true, true}, kData{false, true}, kRatherNames{true, false}, kRatherData{false, false};

/// A first row of words.
HeaderGuess words_alone(const Evidence& e) {
  if (e.over_numbers > 0 || e.known == 0) return kNames;
  return 2 * e.known >= e.over_texts ? kData : kRatherNames;
}

/// Numbers beside words.
HeaderGuess mixed(const Evidence& e, bool ordered) {
  const auto n = static_cast<Index>(e.values.size());
  if (e.known > 0 && e.over_numbers == 0) return kData;
  if (!e.plain) {
    if (e.over_numbers + e.new_level == 0) return kData;
    if (ordered && n >= 3) return kRatherNames;
    return e.over_numbers > 0 ? kData : kRatherData;
  }
  const bool apart = e.beyond == e.numbers || e.broken == e.numbers || e.over_words > 0;
  if (e.over_numbers > 0) {
    if (e.over_numbers > e.numbers || (ordered && n >= 3 && e.beyond + e.broken > 0)) return kNames;
    if (apart) return e.over_numbers >= e.numbers ? kNames : kRatherNames;
    return ordered && n >= 3 ? kRatherNames : kData;
  }
  if (apart || ordered) return e.new_level > 0 || (ordered && n >= 3 && apart) ? kNames : kRatherNames;
  return e.new_level > 0 ? kRatherData : kData;
}

/// Numbers alone.
HeaderGuess numbers_alone(const Evidence& e, bool ordered) {
  auto n = static_cast<Index>(e.values.size());
  if (!e.plain) return ordered && n >= 4 && e.beyond == e.numbers ? kRatherNames : kData;
  if (e.over_words > 0) return ordered ? kNames : kRatherNames;
  const bool from_start = ordered && n >= 2 && (e.values[0] == 0 || e.values[0] == 1) && e.values[1] == e.values[0] + 1;
  if (from_start) n = e.numbers;  // 0, 1, 0.1, 1.1: two columns of each name
  const bool mostly_broken = e.broken >= std::max<Index>(2, (n + 1) / 2);
  if (n == 2) return from_start && e.broken == 2 ? kRatherNames : from_start && e.beyond + e.broken > 0 ? kRatherData : kData;
  if (n < 3) return kData;
  if (from_start) return mostly_broken || n >= 8 || e.beyond == e.numbers ? kNames : kRatherNames;
  if (ordered) {
    if (n >= 4 && (mostly_broken || e.beyond == e.numbers)) return kNames;
    if (mostly_broken || 2 * e.beyond >= e.numbers || n >= 5) return kRatherNames;
    return n >= 4 ? kRatherData : kData;
  }
  if (e.mostly_broken == e.numbers) return kRatherNames;
  return e.mostly_broken >= 2 && 2 * e.mostly_broken >= e.numbers ? kRatherData : kData;
}

}  // namespace

bool in_order(const std::vector<double>& values) {
  if (values.size() < 2 || values[1] == values[0]) return false;
  const double step = values[1] - values[0], slack = 1e-9 * std::abs(values.back() - values[0]);
  for (std::size_t i = 2; i < values.size(); ++i) {
    if (!(std::abs(values[i] - values[i - 1] - step) <= slack)) return false;
  }
  return true;
}

HeaderGuess guess_header(const std::vector<FirstCell>& first, const std::vector<ColumnBelow>& below, Index rows,
                         Index rows_in_order) {
  Evidence e = gather(first, below);
  if (e.words + e.numbers == 0) return kData;
  if (e.numbers == 0) return words_alone(e);
  if (rows == 0) return kData;
  // Rows that all go on by equal steps make another such row no sign of names.
  const bool ordered = in_order(e.values) && 5 * rows_in_order <= rows;
  if (e.counts_below && (e.plain || e.words > 0)) return kNames;
  if (e.counts_below) return kRatherNames;
  const bool marked = e.all_quoted && !e.quoted_below &&
                      std::any_of(below.begin(), below.end(), [](const ColumnBelow& b) { return b.numbers > 0; });
  if (marked && (e.plain || e.words > 0)) return kNames;
  return e.words > 0 ? mixed(e, ordered) : numbers_alone(e, ordered);
}

}  // namespace tacit::inline TACIT_ABI
