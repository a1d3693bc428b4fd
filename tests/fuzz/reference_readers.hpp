// Plain second readers of CSV and LIBSVM, written from the rules alone and without care for speed: what the fuzz tests compare
// with.
#pragma once
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <optional>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include <tacit/problems/readers/text_file.hpp>

namespace fuzz {

/// UTF-8 without a zero byte, whose lines do not all end with a carriage return alone.
inline bool is_text(const std::string& bytes) {
  if (bytes.compare(0, 2, "\xff\xfe") == 0 || bytes.compare(0, 2, "\xfe\xff") == 0) return false;
  const std::size_t cr = bytes.find('\r');
  if (bytes.find('\n') == std::string::npos && cr != std::string::npos && cr + 1 != bytes.size()) return false;
  for (std::size_t i = 0; i < bytes.size();) {
    const auto byte = static_cast<unsigned char>(bytes[i++]);
    if (byte == 0) return false;
    if (byte < 0x80) continue;
    const int more = (byte & 0xE0U) == 0xC0 ? 1 : (byte & 0xF0U) == 0xE0 ? 2 : (byte & 0xF8U) == 0xF0 ? 3 : 0;
    if (more == 0) return false;
    std::uint32_t point = byte & (0x3FU >> more);
    for (int k = 0; k < more; ++k) {
      const auto next = i < bytes.size() ? static_cast<unsigned char>(bytes[i++]) : 0U;
      if ((next & 0xC0U) != 0x80) return false;
      point = (point << 6U) | (next & 0x3FU);
    }
    const std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
    if (point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point <= 0xDFFF)) return false;
  }
  return true;
}

enum class Kind { number, missing, not_finite, word };

struct Cell {
  Kind kind = Kind::word;
  double value = 0;
  std::string text;
};

inline Cell number_or_word(const std::string& text) {
  static const std::regex number(R"([+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?)");
  static const std::regex not_finite(R"([+-]?(inf|infinity|nan(\([a-z0-9_]*\))?))", std::regex::icase);
  Cell cell{Kind::word, 0, text};
  if (std::regex_match(text, not_finite)) cell.kind = Kind::not_finite;
  if (!std::regex_match(text, number)) return cell;
  cell.value = std::strtod(text.c_str(), nullptr);
  cell.kind = std::abs(cell.value) <= tacit::kLargestNumber ? Kind::number : Kind::not_finite;
  return cell;
}

inline Cell table_cell(const std::string& text) {
  // Blanks inside of quotation marks belong to a text, not to a number.
  const std::size_t begin = std::min(text.find_first_not_of(" \t"), text.size());
  const std::string inside = text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
  Cell cell = number_or_word(inside);
  cell.text = text;
  for (const char* missing : {"", "NA", "NaN", "?"}) {
    if (inside == missing) cell.kind = Kind::missing;
  }
  return cell;
}

using Rows = std::vector<std::vector<std::string>>;

/// The cells of a text with commas, one character after another; nothing when the text breaks a rule.
inline std::optional<Rows> read_csv(const std::string& text) {
  enum class At { start, plain, quoted, closed } at = At::start;
  Rows rows(1);
  std::string cell;
  const auto end_cell = [&] {
    if (at != At::closed) cell.erase(cell.find_last_not_of(" \t") + 1);
    rows.back().push_back(cell);
    cell.clear();
    at = At::start;
  };
  for (std::size_t i = 0; i <= text.size(); ++i) {
    const bool end = i == text.size();
    const char c = end ? '\n' : text[i];
    if (at == At::quoted) {
      if (end) return std::nullopt;
      if (c != '"') {
        cell += c;
      } else if (i + 1 < text.size() && text[i + 1] == '"') {
        cell += text[i++];
      } else {
        at = At::closed;
      }
      continue;
    }
    const std::size_t after = text.find_first_not_of('\r', i);
    const bool line_end = end || c == '\n' || (c == '\r' && (after == std::string::npos || text[after] == '\n'));
    if (line_end) {
      const bool blank = rows.back().empty() && at == At::start;
      if (!blank) {
        end_cell();
        rows.emplace_back();
      }
      if (!end && c == '\r') i = std::min(after, text.size());
      if (i >= text.size()) break;
    } else if (c == ',') {
      end_cell();
    } else if ((c == ' ' || c == '\t') && at != At::plain) {
      continue;
    } else if (at == At::closed) {
      return std::nullopt;
    } else if (c == '"' && at == At::start) {
      at = At::quoted;
    } else {
      at = At::plain;
      cell += c;
    }
  }
  rows.pop_back();
  return rows;
}

/// Whether read_csv's rows make a table: a header of different names and rows as wide as it.
inline bool is_table(const Rows& rows) {
  if (rows.size() < 2) return false;
  std::set<std::string> names;
  for (std::size_t c = 0; c < rows[0].size(); ++c)
    names.insert(rows[0][c].empty() ? "column" + std::to_string(c + 1) : rows[0][c]);
  if (names.size() < rows[0].size()) return false;
  return std::all_of(rows.begin(), rows.end(), [&](const auto& row) { return row.size() == rows[0].size(); });
}

struct SparseRow {
  double label = 0;
  std::map<long, double> entries;  // index as written
};

/// The rows of a LIBSVM text; nothing when it breaks a rule.
inline std::optional<std::vector<SparseRow>> read_libsvm(const std::string& text) {
  static const std::regex entry("([0-9]{1,18}):(.*)");
  std::vector<SparseRow> rows;
  for (std::size_t start = 0; start < text.size();) {
    const std::size_t stop = std::min(text.find('\n', start), text.size());
    std::vector<std::string> words(1);
    for (const char c : text.substr(start, stop - start)) {
      if (c != ' ' && c != '\t' && c != '\r') {
        words.back() += c;
      } else if (!words.back().empty() && words.back().back() != ':') {  // blanks may follow a colon
        words.emplace_back();
      }
    }
    start = stop + 1;
    std::optional<SparseRow> row;
    for (const std::string& word : words) {
      if (word.empty() || word[0] == '#') break;
      std::smatch parts;
      const bool first = !row;
      if (!first && !std::regex_match(word, parts, entry)) return std::nullopt;
      const Cell number = number_or_word(first ? word : parts[2].str());
      if (number.kind != Kind::number) return std::nullopt;
      if (first) {
        row = SparseRow{number.value, {}};
        continue;
      }
      const long index = std::stol(parts[1].str());
      if (index >= 2147483647 || (!row->entries.empty() && index <= row->entries.rbegin()->first)) return std::nullopt;
      row->entries[index] = number.value;
    }
    if (row) rows.push_back(*row);
  }
  return rows;
}

}  // namespace fuzz
