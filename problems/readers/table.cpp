#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/table.hpp>
#include <unordered_map>
#include <utility>

namespace tacit {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool is_blank(char c) { return c == ' ' || c == '\t'; }

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

/// The delimiter that cuts the first lines into equally many cells; tab before ; before , since a comma may be a decimal sign.
char guess_delimiter(std::string_view text, const TableOptions& options, bool blanks_may_separate) {
  const std::vector<std::string> lines = first_lines(text);
  const char fallback = options.decimal == ',' ? ';' : ',';
  if (lines.empty()) return fallback;
  char first_seen = '\0';
  for (const char candidate : {'\t', ';', ','}) {
    if (candidate == options.decimal) continue;
    const auto count = [&](const std::string& line) { return std::count(line.begin(), line.end(), candidate); };
    const auto n = count(lines[0]);
    const bool same = std::all_of(lines.begin(), lines.end(), [&](const std::string& line) { return count(line) == n; });
    if (n > 0 && same) return candidate;
    if (n > 0 && first_seen == '\0') first_seen = candidate;
  }
  if (first_seen != '\0') return first_seen;  // ragged whatever we take: the error will point at the row
  return blanks_may_separate && lines[0].find(' ') != std::string::npos ? ' ' : fallback;
}

enum class CellKind { number, missing, not_finite, word };

/// Walks over the cells of a text; knows quotation marks and line ends, not what cells mean.
class CellScanner {
public:
  struct Cell {
    std::size_t begin = 0, end = 0;  // without quotation marks and outer blanks
    bool quoted = false, escaped = false;
  };

  CellScanner(const TextFile& file, char delimiter, std::size_t start)
      : file_(file), text_(file.bytes()), pos_(start), delimiter_(delimiter) {}

  bool at_line_end() const {
    if (pos_ >= text_.size() || text_[pos_] == '\n') return true;
    if (text_[pos_] != '\r') return false;
    const std::size_t after = text_.find_first_not_of('\r', pos_);  // some programs write more than one
    return after == std::string_view::npos || text_[after] == '\n';
  }
  void skip_line() { pos_ = std::min(text_.find('\n', pos_), text_.size() - 1) + 1; }
  void end_line() {
    while (pos_ < text_.size() && text_[pos_] == '\r') ++pos_;
    if (pos_ < text_.size()) ++pos_;
  }
  void skip_blanks() {
    while (pos_ < text_.size() && is_blank(text_[pos_]) && (text_[pos_] != delimiter_ || delimiter_ == ' ')) ++pos_;
  }
  void skip_blank_lines() {
    while (pos_ < text_.size()) {
      const std::size_t start = pos_;
      skip_blanks();
      if (!at_line_end()) {
        if (delimiter_ != ' ') pos_ = start;
        return;
      }
      end_line();
    }
  }
  /// True when another cell follows on this line.
  bool step_over_delimiter() {
    if (delimiter_ == ' ') {
      skip_blanks();
      return !at_line_end();
    }
    if (at_line_end()) return false;
    ++pos_;
    return true;
  }

  Cell scan() {
    skip_blanks();
    if (pos_ < text_.size() && text_[pos_] == '"') return scan_quoted();
    Cell cell{pos_, pos_};
    while (!at_line_end() && text_[pos_] != delimiter_) {
      if (delimiter_ == ' ' && is_blank(text_[pos_])) break;
      ++pos_;
    }
    cell.end = pos_;
    while (cell.end > cell.begin && is_blank(text_[cell.end - 1])) --cell.end;
    return cell;
  }

  Cell scan_quoted() {
    Cell cell{pos_ + 1, pos_ + 1, true, false};
    const std::size_t open = pos_++;
    while (true) {
      pos_ = text_.find('"', pos_);
      if (pos_ == std::string_view::npos) {
        throw file_.error("D104", "this quotation mark is never closed", open,
                          "close it, or double it when it belongs to the text");
      }
      if (pos_ + 1 < text_.size() && text_[pos_ + 1] == '"') {
        cell.escaped = true;
        pos_ += 2;
        continue;
      }
      cell.end = pos_++;
      skip_blanks();
      const bool separated = delimiter_ == ' ' && is_blank(text_[pos_ - 1]);
      if (at_line_end() || text_[pos_] == delimiter_ || separated) return cell;
      throw file_.error("D104", "text follows a closing quotation mark", pos_,
                        "double a quotation mark that belongs to the text, and quote the whole cell");
    }
  }

  std::string content(const Cell& cell) const {
    std::string s(text_.substr(cell.begin, cell.end - cell.begin));
    if (!cell.escaped) return s;
    std::string plain;
    for (std::size_t i = 0; i < s.size(); ++i) {
      plain += s[i];
      if (s[i] == '"') ++i;
    }
    return plain;
  }

protected:
  const TextFile& file_;
  std::string_view text_;
  std::size_t pos_ = 0;
  char delimiter_ = ',';
};

}  // namespace

/// Cuts a text into rows and cells.
class TableParser : private CellScanner {
public:
  TableParser(Table& table, const TableOptions& options) : CellScanner(table.file_, ',', 0), t_(table) {
    if (options.decimal != '.' && options.decimal != ',') {
      throw UsageError("the decimal sign must be '.' or ','", "data.decimal");
    }
    if (options.skip_rows < 0) throw UsageError("skip_rows must be 0 or more", "data.skip_rows");
    for (Index i = 0; i < options.skip_rows && pos_ < text_.size(); ++i) skip_line();
    const std::string ext = format_extension(table.file_.path());
    if (options.delimiter != "auto") {
      t_.delimiter_ = named_delimiter(options.delimiter);
    } else if (ext == ".tsv") {
      t_.delimiter_ = '\t';
    } else {
      t_.delimiter_ = guess_delimiter(text_.substr(pos_), options, ext != ".csv");
    }
    delimiter_ = t_.delimiter_;
    t_.decimal_ = options.decimal;
    if (delimiter_ == t_.decimal_) throw UsageError("delimiter and decimal sign are the same character", "data.delimiter");
    for (const std::string& m : options.missing_values) {
      missing_.push_back(m);
      double value = 0;
      if (read_number(m, t_.decimal_, value) == NumberText::number) missing_numbers_.push_back(value);
    }
  }

  void run(Header header) {
    skip_blank_lines();
    if (pos_ >= text_.size()) throw no_rows();
    read_header(header);
    reserve();
    while (skip_blank_lines(), pos_ < text_.size()) read_row();
    if (t_.row_start_.empty()) throw no_rows();
    collect_text();
  }

private:
  DataError no_rows() const {
    return t_.file_.error("D102",
                          "the file '" + t_.file_.path() + "' holds no row of data" + (t_.has_header_ ? ", only a header" : ""),
                          "check data.skip_rows and data.header, or name a file with data");
  }

  CellKind classify(std::string_view s, double& value) const {
    for (const std::string& m : missing_) {
      if (s == m) return CellKind::missing;
    }
    switch (read_number(s, t_.decimal_, value)) {
      case NumberText::word:
        return CellKind::word;
      case NumberText::number:
        return is_missing_number(value) ? CellKind::missing : CellKind::number;
      default:
        return CellKind::not_finite;
    }
  }
  bool is_missing_number(double value) const {
    return !missing_numbers_.empty() &&
           std::find(missing_numbers_.begin(), missing_numbers_.end(), value) != missing_numbers_.end();
  }

  void read_header(Header header) {
    const std::size_t start = pos_;
    std::vector<Cell> cells;
    do cells.push_back(scan());
    while (step_over_delimiter());
    bool numbers = false, words = false;
    double value = 0;
    for (const Cell& c : cells) {
      const CellKind kind = classify(text_.substr(c.begin, c.end - c.begin), value);
      numbers |= kind == CellKind::number;
      words |= kind == CellKind::word;
    }
    t_.has_header_ = header == Header::present || (header == Header::automatic && words && !numbers);
    t_.names_.resize(cells.size());
    t_.cells_.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      t_.names_[i] = t_.has_header_ ? content(cells[i]) : "x" + std::to_string(i + 1);
      if (t_.names_[i].empty()) t_.names_[i] = "column" + std::to_string(i + 1);
    }
    check_names(cells);
    first_line_ = start;
    if (t_.has_header_) {
      end_line();
    } else {
      pos_ = start;
    }
  }

  void check_names(const std::vector<Cell>& cells) const {
    std::unordered_map<std::string, std::size_t> seen;
    for (std::size_t i = 0; i < t_.names_.size(); ++i) {
      const auto [at, fresh] = seen.emplace(t_.names_[i], i);
      if (fresh) continue;
      throw t_.file_.error("D106",
                           "columns " + std::to_string(at->second + 1) + " and " + std::to_string(i + 1) + " are both named " +
                               quoted_text(t_.names_[i]),
                           cells[i].begin, "rename one of them, or say data.header: absent when this line holds no names");
    }
  }

  void reserve() {
    const auto lines =
        static_cast<std::size_t>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(pos_), text_.end(), '\n')) + 1;
    t_.row_start_.reserve(lines);
    t_.values_.reserve(std::min(lines * t_.names_.size(), text_.size() / 2 + 1 + t_.names_.size()));
  }

  /// A plain number right here, the common case: no second look at its characters.
  bool quick_number(double& value) {
    if (t_.decimal_ != '.') return false;
    const char* p = text_.data() + pos_;
    const char* end = text_.data() + text_.size();
    const auto [stop, ec] = std::from_chars(p, end, value);
    if (ec != std::errc{} || !(std::abs(value) <= kLargestNumber) || is_missing_number(value)) return false;
    const std::size_t after = static_cast<std::size_t>(stop - text_.data());
    const std::size_t before = std::exchange(pos_, after);
    if (at_line_end() || text_[pos_] == delimiter_) return true;
    pos_ = before;
    return false;
  }

  void read_row() {
    const Index row = t_.rows();
    const std::size_t start = pos_, width = t_.names_.size();
    t_.row_start_.push_back(start);
    std::size_t column = 0;
    bool more = true;
    while (more) {
      if (column == width) throw ragged(start, pos_);
      double value = 0;
      if (quick_number(value)) {
        note(t_.cells_[column].numbers, t_.cells_[column].first_number, row);
      } else {
        value = slow_cell(column, row);
      }
      t_.values_.push_back(value);
      ++column;
      more = step_over_delimiter();
    }
    if (column != width) throw ragged(start, pos_);
    end_line();
  }

  double slow_cell(std::size_t column, Index row) {
    const Cell cell = scan();
    ColumnCells& of = t_.cells_[column];
    double value = kNaN;
    switch (classify(cell.escaped ? content(cell) : text_.substr(cell.begin, cell.end - cell.begin), value)) {
      case CellKind::number:
        note(of.numbers, of.first_number, row);
        return value;
      case CellKind::missing:
        note(of.missing, of.first_missing, row);
        return kNaN;
      case CellKind::not_finite:
        note(of.not_finite, of.first_not_finite, row);
        return kInf;
      case CellKind::word:
        note(of.words, of.first_word, row);
    }
    return kNaN;
  }
  static void note(Index& count, Index& first, Index row) {
    if (count++ == 0) first = row;
  }

  DataError ragged(std::size_t start, std::size_t at) {
    pos_ = start;
    std::size_t n = 0;
    do ++n, scan();
    while (step_over_delimiter());
    const long first = t_.file_.locate(first_line_).line;
    const bool second_row = t_.row_start_.size() <= (t_.has_header_ ? 1U : 2U);
    std::string remedy = "give every row the same number of cells; quote cells that hold the delimiter";
    if (second_row) remedy += "; when line " + std::to_string(first) + " is no part of the table, set data.skip_rows";
    return t_.file_.error("D105",
                          "this row has " + std::to_string(n) + (n == 1 ? " cell" : " cells") + ", but line " +
                              std::to_string(first) + " has " + std::to_string(t_.names_.size()),
                          at, remedy);
  }

  /// A second reading of the rows, for the columns that hold words.
  void collect_text() {
    t_.text_of_.assign(t_.names_.size(), -1);
    std::size_t last = 0;
    for (std::size_t c = 0; c < t_.names_.size(); ++c) {
      if (t_.cells_[c].words == 0) continue;
      t_.text_of_[c] = static_cast<std::int32_t>(t_.text_.size());
      t_.text_.emplace_back();
      last = c;
    }
    if (t_.text_.empty()) return;
    std::vector<std::unordered_map<std::string, std::int32_t>> code(t_.text_.size());
    for (const std::size_t start : t_.row_start_) {
      pos_ = start;
      for (std::size_t c = 0; c <= last; ++c, step_over_delimiter()) {
        const Cell cell = scan();
        if (t_.text_of_[c] >= 0) add_text(static_cast<std::size_t>(t_.text_of_[c]), cell, code);
      }
    }
  }

  void add_text(std::size_t k, const Cell& cell, std::vector<std::unordered_map<std::string, std::int32_t>>& code) {
    std::string s = content(cell);
    double value = 0;
    const CellKind kind = classify(s, value);
    if (kind == CellKind::missing) {
      t_.text_[k].codes.push_back(-1);
      return;
    }
    if (kind == CellKind::number) s = number_label(value);
    const auto [at, fresh] = code[k].emplace(s, static_cast<std::int32_t>(t_.text_[k].levels.size()));
    if (fresh) t_.text_[k].levels.push_back(s);
    t_.text_[k].codes.push_back(at->second);
  }

  Table& t_;
  std::size_t first_line_ = 0;
  std::vector<std::string> missing_;
  std::vector<double> missing_numbers_;
};

Table Table::read(const std::string& path, const TableOptions& options) { return parse(TextFile::read(path), options); }

Table Table::parse(TextFile file, const TableOptions& options) {
  Table table;
  table.file_ = std::move(file);
  TableParser(table, options).run(options.header);
  return table;
}

Index Table::find(const std::string& name) const {
  const auto at = std::find(names_.begin(), names_.end(), name);
  return at == names_.end() ? -1 : static_cast<Index>(at - names_.begin());
}

TextColumn Table::text(Index column) const {
  const std::int32_t k = text_of_[static_cast<std::size_t>(column)];
  if (k >= 0) return text_[static_cast<std::size_t>(k)];
  TextColumn out;
  std::unordered_map<double, std::int32_t> code;
  for (Index r = 0; r < rows(); ++r) {
    const double v = value(r, column);
    if (std::isnan(v)) {
      out.codes.push_back(-1);
      continue;
    }
    const auto [at, fresh] = code.emplace(v, static_cast<std::int32_t>(out.levels.size()));
    if (fresh) out.levels.push_back(std::isinf(v) ? cell(r, column) : number_label(v));
    out.codes.push_back(at->second);
  }
  return out;
}

std::string Table::cell(Index row, Index column) const { return locate_cell(row, column).first; }

std::pair<std::string, std::size_t> Table::locate_cell(Index row, Index column) const {
  CellScanner scanner(file_, delimiter_, row_start_[static_cast<std::size_t>(row)]);
  for (Index c = 0; c < column; ++c) {
    scanner.scan();
    scanner.step_over_delimiter();
  }
  const CellScanner::Cell cell = scanner.scan();
  return {scanner.content(cell), cell.begin - (cell.quoted ? 1 : 0)};
}

DataError Table::error(const char* code, const std::string& message, Index row, Index column, std::string remedy) const {
  return file_.error(code, message, locate_cell(row, column).second, std::move(remedy));
}

}  // namespace tacit
