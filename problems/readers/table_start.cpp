#include <tacit/problems/readers/table_start.hpp>

#include <algorithm>
#include <string>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/cell_scanner.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

char named_delimiter(const std::string& name) {
  if (name == "tab" || name == "\t") return '\t';
  if (name == "space" || name == " ") return ' ';
  if (name.size() == 1 && std::string_view("\"\r\n").find(name[0]) == std::string_view::npos) return name[0];
  throw UsageError("the delimiter '" + name + "' cannot be; use auto, \",\", \";\", tab or space", "data.delimiter");
}

/// The first lines that are not blank, without what is in quotation marks (which may hold delimiters and line ends).
std::vector<std::string> first_lines(std::string_view text) {
  std::vector<std::string> lines;
  std::string line;
  bool quoted = false;
  for (std::size_t i = 0; i <= text.size() && lines.size() < 10; ++i) {
    if (i == text.size() || (text[i] == '\n' && !quoted)) {
      if (line.find_first_not_of(" \t\r") != std::string::npos) lines.push_back(line);
      line.clear();
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (!quoted) {
      line += text[i];
    }
  }
  return lines;
}

/// How often a sign stands in each of the lines; 0 where they differ.
std::ptrdiff_t same_count(const std::vector<std::string>& lines, char sign) {
  const auto count = [&](const std::string& line) { return std::count(line.begin(), line.end(), sign); };
  const auto n = lines.empty() ? 0 : count(lines[0]);
  return std::all_of(lines.begin(), lines.end(), [&](const std::string& line) { return count(line) == n; }) ? n : 0;
}

/// The delimiter that cuts the first lines into equally many cells; tab before ; before , since a comma may be a decimal sign.
char guess_delimiter(std::string_view text, const TableOptions& options, bool blanks_may_separate) {
  const std::vector<std::string> lines = first_lines(text);
  const char fallback = options.decimal == ',' ? ';' : ',';
  if (lines.empty()) return fallback;
  char first_seen = '\0';
  for (const char candidate : {'\t', ';', ','}) {
    if (candidate == options.decimal) continue;
    if (same_count(lines, candidate) > 0) return candidate;
    if (first_seen == '\0' && lines[0].find(candidate) != std::string::npos) first_seen = candidate;
  }
  if (first_seen != '\0') return first_seen;  // ragged whatever we take: the error will point at the row
  return blanks_may_separate && lines[0].find(' ') != std::string::npos ? ' ' : fallback;
}

}  // namespace

char delimiter_at(const TextFile& file, const TableOptions& options, std::size_t at) {
  const std::string ext = format_extension(file.path());
  if (options.delimiter != "auto") return named_delimiter(options.delimiter);
  if (ext == ".tsv") return '\t';
  return guess_delimiter(file.bytes().substr(at), options, ext != ".csv");
}

std::size_t after_lines(std::string_view text, std::size_t from, Index n) {
  for (; n > 0 && from < text.size(); --n) from = std::min(text.find('\n', from), text.size() - 1) + 1;
  return from;
}

bool comment_starts(std::string_view text) {
  return !text.empty() && (text[0] == '#' || text[0] == '%' || text.substr(0, 2) == "//");
}

bool excel_note(std::string_view line) {
  const std::string text = lower_case(line.substr(0, line.find_first_of("\r\n")));
  const std::size_t begin = text.rfind("\"sep=", 0) == 0 ? 1 : 0;
  return text.compare(begin, 4, "sep=") == 0 && text.size() <= begin + 8;
}

Comments comments_at(std::string_view text, std::size_t at) {
  Comments c;
  c.end = at;
  while (c.end < text.size() && comment_starts(text.substr(c.end))) {
    c.last = c.end;
    c.end = after_lines(text, c.end, 1);
    ++c.lines;
  }
  // Rows that all begin so (colours: #ff0000) are the table.
  return c.end < text.size() ? c : Comments{0, at, at};
}

std::size_t after_sign(std::string_view text, std::size_t at) {
  while (at < text.size() && (std::string_view("#%/").find(text[at]) != std::string_view::npos || is_blank(text[at]))) ++at;
  return at;
}

namespace {

/// Cells of the line at `at`; 0 where it cannot be read.
std::size_t cells_at(const TextFile& file, char delimiter, std::size_t at) {
  try {
    CellScanner scanner(file, delimiter, at);
    scanner.skip_blank_lines();
    return scanner.at_end() ? 0 : scanner.count_cells();
  } catch (const DataError&) {
    return 0;
  }
}

}  // namespace

bool names_in_comment(const TextFile& file, const Comments& c, char delimiter) {
  const std::size_t cells = c.lines > 0 ? cells_at(file, delimiter, after_sign(file.bytes(), c.last)) : 0;
  return cells > 1 && cells == cells_at(file, delimiter, c.end);
}

namespace {

/// Have the lines from `at` on all the same number of cells, more than one?
bool table_starts(const TextFile& file, const TableOptions& options, std::size_t at) {
  constexpr int kLooked = 10;
  if (at >= file.bytes().size()) return false;
  CellScanner scanner(file, delimiter_at(file, options, at), at);
  std::size_t cells = 0;
  int lines = 0;
  try {
    for (; lines < kLooked && (scanner.skip_blank_lines(), !scanner.at_end()); ++lines) {
      const std::size_t n = scanner.count_cells();
      if (lines > 0 && n != cells) return false;
      cells = n;
    }
  } catch (const DataError&) {
    return false;
  }
  return lines > 1 && cells > 1;
}

}  // namespace

Index lines_before_table(const TextFile& file, const TableOptions& options) {
  constexpr Index kMost = 50;
  const std::string_view text = file.bytes();
  const std::size_t start = after_lines(text, 0, options.skip_rows);
  if (start >= text.size()) return options.skip_rows;
  if (excel_note(text.substr(start))) return options.skip_rows + 1;
  if (const Comments c = comments_at(text, start); c.lines > 0) {
    const bool names = options.header != Header::absent && names_in_comment(file, c, delimiter_at(file, options, c.end));
    return options.skip_rows + c.lines - (names ? 1 : 0);
  }
  for (Index k = 0; k <= kMost; ++k) {
    if (table_starts(file, options, after_lines(text, start, k))) return options.skip_rows + k;
  }
  return options.skip_rows;
}

char other_delimiter(const TextFile& file, const TableOptions& options) {
  const std::vector<std::string> lines = first_lines(file.bytes().substr(after_lines(file.bytes(), 0, options.skip_rows)));
  for (const char sign : {'\t', ';', ',', '|', '^', '~', ':', ' '}) {
    if (sign != options.decimal && same_count(lines, sign) > 0) return sign;
  }
  return '\0';
}

}  // namespace tacit::inline TACIT_ABI
