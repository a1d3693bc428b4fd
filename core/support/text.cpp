#include <algorithm>
#include <charconv>
#include <cmath>

#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

char small_letter(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

char folded(char c) { return c == '-' ? '_' : small_letter(c); }

/// std::to_chars, whose NaN may have a sign.
template <class... How>
std::string written(double value, How... how) {
  if (std::isnan(value)) return "nan";
  char buffer[64];
  return {buffer, std::to_chars(buffer, buffer + sizeof buffer, value, how...).ptr};
}

constexpr int kInWords = 4, kAllDigits = 17;

std::string sci_digits(double value, int count) { return written(value, std::chars_format::scientific, count - 1); }

double number_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// So many significant digits, written out below a million.
std::string in_words(double value, int count) {
  const std::string text = written(value, std::chars_format::general, count);
  constexpr double kWrittenOut = 1e6;
  if (text.find('e') == std::string::npos || std::abs(value) < 1) return text;
  const double rounded = number_of(text);
  return std::abs(rounded) < kWrittenOut ? written(rounded, std::chars_format::fixed, 0) : text;
}

/// Do two of them look alike that are not?
bool confused(const std::vector<double>& values, const std::vector<std::string>& texts) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (values[i] != values[j] && texts[i] == texts[j] && !std::isnan(values[i])) return true;
    }
  }
  return false;
}

std::vector<std::string> told_apart(const std::vector<double>& values, int count, std::string (*text)(double, int)) {
  std::vector<std::string> texts(values.size());
  do {
    std::transform(values.begin(), values.end(), texts.begin(), [&](double v) { return text(v, count); });
  } while (confused(values, texts) && count++ < kAllDigits);
  return texts;
}

}  // namespace

std::string number_text(double value) { return written(value); }
std::string digits(double value, int count) { return written(value, std::chars_format::general, count); }
std::string brief_number(double value) { return digits(value, 6); }
std::string sci(double value) { return sci_digits(value, 2); }
std::string short_number(double value) { return in_words(value, kInWords); }
std::string exact_number(double value) {
  int count = 1;
  while (count < kAllDigits && number_of(in_words(value, count)) != value) ++count;
  return in_words(value, count);
}
std::string percent_text(double share) { return short_number(100 * share) + " %"; }
std::vector<std::string> short_numbers(const std::vector<double>& values) { return told_apart(values, kInWords, in_words); }
std::vector<std::string> sci_numbers(const std::vector<double>& values) { return told_apart(values, 2, sci_digits); }

std::size_t utf8_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U; };
  const unsigned first = byte(0);
  const std::size_t length = first < 0x80 ? 1 : first < 0xC2 ? 0 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return 0;
  }
  const bool too_long = (first == 0xE0 && byte(1) < 0xA0) || (first == 0xF0 && byte(1) < 0x90);
  const bool no_character = (first == 0xED && byte(1) > 0x9F) || (first == 0xF4 && byte(1) > 0x8F);
  return too_long || no_character ? 0 : length;
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  // Three rows of the table suffice: a swap of neighbours looks two rows back.
  const std::size_t n = b.size();
  std::vector<std::size_t> two(n + 1), one(n + 1), row(n + 1);
  for (std::size_t j = 0; j <= n; ++j) one[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= n; ++j) {
      const bool same = folded(a[i - 1]) == folded(b[j - 1]);
      row[j] = std::min({one[j] + 1, row[j - 1] + 1, one[j - 1] + (same ? 0u : 1u)});
      if (i > 1 && j > 1 && folded(a[i - 1]) == folded(b[j - 2]) && folded(a[i - 2]) == folded(b[j - 1])) {
        row[j] = std::min(row[j], two[j - 2] + 1);
      }
    }
    two.swap(one);
    one.swap(row);
  }
  return one[n];
}

std::string closest(std::string_view word, const std::vector<std::string>& candidates) {
  std::string best;
  std::size_t least = std::max<std::size_t>(1, word.size() / 3) + 1;
  for (const std::string& c : candidates) {
    const std::size_t d = edit_distance(word, c);
    // A one-letter word must agree but for case: any other single letter is no near miss.
    if (d < least && d < std::max(word.size(), c.size())) {
      least = d;
      best = c;
    }
  }
  if (!best.empty() || word.size() < 3) return best;
  // The beginning of a longer name: `newton` for `newton-cg`, `truncated` for `truncated-unroll`.
  for (const std::string& c : candidates) {
    if (c.size() > word.size() && edit_distance(word, std::string_view(c).substr(0, word.size())) == 0) return c;
  }
  return best;
}

std::string join(const std::vector<std::string>& words, std::string_view separator) {
  std::string all;
  for (const std::string& w : words) {
    if (!all.empty()) all += separator;
    all += w;
  }
  return all;
}

std::string unknown_name(std::string_view what, std::string_view word, const std::vector<std::string>& known) {
  std::string text = "unknown " + std::string(what) + " '" + std::string(word) + "'; ";
  if (const std::string near = closest(word, known); !near.empty()) text += "did you mean '" + near + "'? ";
  return text + "Known: " + join(known);
}

std::string lower_case(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), small_letter);
  return lower;
}

std::string columns_text(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows,
                         std::size_t left) {
  std::vector<std::size_t> width;
  for (const std::string& head : heads) width.push_back(head.size());
  for (const auto& row : rows) {
    for (std::size_t c = 0; c < row.size(); ++c) width[c] = std::max(width[c], row[c].size());
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const std::string gap(width[c] - row[c].size(), ' ');
      line += "  " + (c < left ? row[c] + gap : gap + row[c]);
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + '\n';
  };
  add(heads);
  for (const auto& row : rows) add(row);
  return text;
}

}  // namespace tacit::inline TACIT_ABI
