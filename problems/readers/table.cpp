#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <limits>
#include <new>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/cell_scanner.hpp>
#include <tacit/problems/readers/detail/header_guess.hpp>
#include <tacit/problems/readers/detail/in_order.hpp>
#include <tacit/problems/readers/detail/table_rows.hpp>
#include <tacit/problems/readers/detail/table_scan.hpp>
#include <tacit/problems/readers/detail/text_window.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/packed_file.hpp>
#include <tacit/problems/readers/table.hpp>
#include <tacit/problems/readers/table_start.hpp>
#include <unordered_map>
#include <utility>

namespace tacit::inline TACIT_ABI {
namespace {

/// A number as a label, with all its digits where no double is equal to it.
std::string label_of(std::string_view text, char decimal, double value) {
  std::string digits = lost_digits(text, decimal, value);
  return digits.empty() ? number_label(value) : digits;
}

/// In place of where a row of a packed file begins in a text: it is in none.
constexpr std::size_t kNoText = std::numeric_limits<std::size_t>::max();

/// Gives equal keys one code.
template <class Key>
class Codes {
public:
  /// The code of the key, whose label is made when it is new, goes to the end of the column.
  template <class Label>
  void add(const Key& key, TextColumn& column, Label label) {
    const auto [at, fresh] = code_.emplace(key, static_cast<std::int32_t>(column.levels.size()));
    if (fresh) column.levels.push_back(label());
    column.codes.push_back(at->second);
  }

private:
  std::unordered_map<Key, std::int32_t> code_;
};

}  // namespace

/// Numbers that stay in a file: rows one after the other, or one column, which is read once.
class Table::OutsideNumbers {
public:
  explicit OutsideNumbers(SharedRows rows) : rows_(std::move(rows)), cursor_(rows_) {}
  const SharedRows& rows() const { return rows_; }
  const double* row(Index r) { return rows_->data() ? rows_->data() + r * rows_->stride() : cursor_.row(r); }
  double value(Index r, Index column) {
    if (rows_->data()) return row(r)[column];
    if (column_ != column) {
      column_ = -1;  // in case that reading fails
      values_.resize(rows_->rows());
      for (Index i = 0; i < values_.size(); ++i) values_[i] = row(i)[column];
      column_ = column;
    }
    return values_[r];
  }

private:
  SharedRows rows_;
  RowCursor cursor_;
  Index column_ = -1;
  Vec values_;
};

/// Cuts a text into rows and cells.
class TableParser : private CellScanner {
public:
  /// room: where the numbers go while there is enough of it, where it is as wide as the table.
  TableParser(Table& table, const TableOptions& options, const EachRows& each = {}, AlignedRows room = {})
      : CellScanner(table.file_, ',', 0), t_(table), options_(options), meaning_(options.missing_values, options.decimal),
        each_(each), room_(std::move(room)), partial_(!table.file_.whole()) {
    if (options.decimal != '.' && options.decimal != ',') {
      throw UsageError("the decimal sign must be '.' or ','", "data.decimal");
    }
    if (options.skip_rows < 0) throw UsageError("skip_rows must be 0 or more", "data.skip_rows");
    pos_ = after_lines(text_, 0, options.skip_rows);
    delimiter_ = t_.delimiter_ = delimiter_at(table.file_, options, comments_at(text_, pos_).end);
    t_.decimal_ = options.decimal;
    if (delimiter_ == t_.decimal_) throw UsageError("delimiter and decimal sign are the same character", "data.delimiter");
  }

  /// False where the beginning of the file that is in memory is too short to tell how the table is written.
  bool run(Header header) {
    try {
      skip_blank_lines();
      if (pos_ >= text_.size()) throw no_rows();
      read_header(header);
    } catch (const DataError&) {
      const bool unclosed = pos_ == std::string_view::npos;  // a quotation mark, which what follows may close
      if (!partial_ || (holds_start() && !unclosed)) throw;
      return false;
    }
    if (!holds_start()) return false;
    read_rows(pos_);
    if (t_.row_start_.empty()) throw no_rows();
    collect_text();
    return true;
  }

  /// A text, as Table::read says. What is known of its beginning grows until it is enough.
  static Table of_text(const std::string& path, const TableOptions& options, const EachRows& each,
                       const Table* before = nullptr) {
    ReadLimits limits = options.limits;
    while (true) {
      Table table;
      table.file_ = TextFile::open(path, limits);
      limits.kept_text =
          2 * std::max(limits.kept_text, table.file_.bytes().size()) + 1;  // longer each time, whatever was cut off
      AlignedRows room = before ? before->values_.behind(before->rows()) : AlignedRows();
      if (TableParser(table, options, each, std::move(room)).run(options.header)) return table;
    }
  }

  static Table of_packed(const std::string& path, TableOptions* packed_options) {
    PackedData data = read_packed(path);
    PackedFacts& facts = data.facts;
    Table table;
    // Its first line stands where it stood; a dash before it says nothing of what follows.
    std::string lines;
    for (std::int64_t k = 1; k < facts.first_line_number; ++k) lines += "-\n";
    table.first_line_ = lines.size();
    table.file_ = TextFile::from_string(path, lines + facts.first_line + "\n");
    table.file_.set_digest(data.digest);
    table.names_ = std::move(facts.names);
    table.cells_ = std::move(facts.cells);
    table.unnamed_ = std::move(facts.unnamed);
    table.text_ = std::move(facts.text);
    table.text_of_ = std::move(facts.text_of);
    table.row_start_.assign(static_cast<std::size_t>(facts.rows), kNoText);
    table.outside_ = std::make_shared<Table::OutsideNumbers>(std::move(data.numbers));
    table.has_header_ = facts.has_header;
    table.header_sure_ = facts.header_sure;
    table.decimal_ = facts.options.decimal;
    if (packed_options) *packed_options = std::move(facts.options);
    return table;
  }

private:
  /// Are the lines that decide on delimiter, header and what stands before the table all in memory?
  bool holds_start() const {
    constexpr int kLines = 12;
    if (!partial_) return true;
    const std::size_t begin = comments_at(text_, after_lines(text_, 0, options_.skip_rows)).end;
    bool quoted = false, filled = false;
    int lines = 0;
    for (std::size_t at = begin; at < text_.size() && lines < kLines; ++at) {
      const char c = text_[at];
      if (c == '"') quoted = !quoted;
      if (c == '\n' && !quoted)
        lines += std::exchange(filled, false) ? 1 : 0;
      else
        filled = filled || (!is_blank(c) && c != '\r');
    }
    return lines == kLines && !cut_;
  }

  /// Goes to a byte of the file, which the window has not passed.
  void look_through(TextWindow& window, std::size_t at) {
    while (window.base() + window.text().size() <= at && !window.at_end()) window.advance(window.text().size());
    text_ = window.text();
    base_ = window.base();
    pos_ = std::min(at - std::min(at, base_), text_.size());
  }

  DataError no_rows() const {
    return t_.file_.error("D102",
                          "the file '" + t_.file_.path() + "' holds no row of data" + (t_.has_header_ ? ", only a header" : ""),
                          "check data.skip_rows and data.header, or name a file with data");
  }

  /// What stands before a table is said before it is taken for one.
  bool pass_comments(Header header) {
    const auto refuse = [&](const std::string& what, Index lines) {
      return t_.file_.error("D132", what, pos_, "set data.skip_rows: " + std::to_string(options_.skip_rows + lines));
    };
    if (excel_note(text_.substr(pos_))) throw refuse("this line is a note for Excel and no part of the table", 1);
    const Comments c = comments_at(text_, pos_);
    if (c.lines == 0) return false;
    const bool names = header != Header::absent && names_in_comment(t_.file_, c, delimiter_);
    if (const Index lines = c.lines - (names ? 1 : 0); lines > 0)
      throw refuse(lines == 1 ? "this line is a comment and no part of the table"
                              : std::to_string(lines) + " lines of comments stand here, which are no part of the table",
                   lines);
    if (text_[pos_] != '#') return false;  // a name such as %fat
    pos_ = after_sign(text_, pos_);
    return true;
  }

  void read_header(Header header) {
    const bool commented = pass_comments(header);
    const std::size_t start = pos_;
    std::vector<Cell> cells;
    do cells.push_back(scan());
    while (step_over_delimiter());
    t_.has_header_ = header == Header::present || commented;
    if (header == Header::automatic && !commented) {
      const std::size_t end = pos_;
      end_line();
      const std::vector<ColumnBelow> rows_below = below(cells);
      const HeaderGuess guess = guess_header(first_cells(cells), rows_below, looked_, in_order_);
      t_.has_header_ = guess.header;
      t_.header_sure_ = guess.sure;
      pos_ = end;
    }
    t_.names_.resize(cells.size());
    t_.cells_.resize(cells.size());
    t_.unnamed_.resize(cells.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
      t_.names_[i] = t_.has_header_ ? content(cells[i]) : "x" + std::to_string(i + 1);
      t_.unnamed_[i] = t_.names_[i].empty();
      if (t_.names_[i].empty()) t_.names_[i] = "column" + std::to_string(i + 1);
    }
    check_names(cells);
    t_.first_line_ = start;
    if (t_.has_header_) {
      end_line();
    } else {
      pos_ = start;
    }
  }

  std::vector<FirstCell> first_cells(const std::vector<Cell>& cells) const {
    std::vector<FirstCell> out;
    for (const Cell& c : cells) {
      FirstCell f;
      f.text = content(c);
      f.quoted = c.quoted;
      switch (meaning_.classify(f.text, f.value)) {
        case CellKind::number:
          f.kind = FirstCell::Kind::number;
          break;
        case CellKind::missing:
          f.kind = FirstCell::Kind::missing;
          break;
        case CellKind::word:
          f.kind = FirstCell::Kind::word;
          break;
        case CellKind::not_finite:
          break;
      }
      out.push_back(std::move(f));
    }
    return out;
  }

  /// A look at the rows below the first one, which pos_ has passed.
  std::vector<ColumnBelow> below(const std::vector<Cell>& first) {
    constexpr std::size_t kCells = 20000, kFewest = 5, kMost = 200;
    std::vector<ColumnBelow> out(first.size());
    const std::size_t rows = std::clamp(kCells / first.size(), kFewest, kMost);
    looked_ = in_order_ = 0;
    try {
      while (static_cast<std::size_t>(looked_) < rows && (skip_blank_lines(), pos_ < text_.size())) {
        std::vector<double> numbers;
        std::size_t column = 0;
        do {
          const Cell cell = scan();
          if (column < out.size()) look(cell, first[column], out[column], numbers);
          ++column;
        } while (step_over_delimiter());
        end_line();
        ++looked_;
        if (numbers.size() > 2 && in_order(numbers)) ++in_order_;
      }
      cut_ = partial_ && pos_ >= text_.size();
    } catch (const DataError&) {  // said when the row is read
      cut_ = partial_;
    }
    return out;
  }

  void look(const Cell& cell, const Cell& first, ColumnBelow& b, std::vector<double>& numbers) const {
    const std::string text = content(cell);
    double value = 0;
    const CellKind kind = meaning_.classify(text, value);
    if (kind == CellKind::word) {
      ++b.words;
      if (text == content(first)) ++b.same;
      b.texts.insert(text);
    } else if (kind == CellKind::number) {
      ++b.numbers;
      if (value == std::floor(value)) ++b.whole;
      if (cell.quoted) ++b.quoted_numbers;
      b.least = std::min(b.least, value);
      b.most = std::max(b.most, value);
      b.counts = b.counts && (b.least == 0 || b.least == 1) && value == b.least + static_cast<double>(b.rows);
      numbers.push_back(value);
    }
    ++b.rows;
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

  /// All rows from a byte on. Their numbers are written where they stay by one thread; those of several are put below each other.
  void read_rows(std::size_t first) {
    const std::size_t width = t_.names_.size();
    const Index threads = reading_threads(t_.file_);
    TextPieces pieces(t_.file_, first, delimiter_);
    const bool fits = room_.rows() > 0 && room_.cols() == static_cast<Index>(width);
    NumberRows numbers = fits ? NumberRows(std::move(room_)) : NumberRows(static_cast<Index>(width));
    GatheredRows gathered(numbers);
    CellCounts counts(width);
    const bool apart = threads > 1 || each_;  // from where they stay
    if (!each_) make_room(numbers);
    const auto read = [&](RowBlock& block) {
      block.numbers.begin(static_cast<Index>(width));
      RowReader(t_.file_, delimiter_, meaning_, width, block, apart ? block.numbers : numbers).run();
    };
    const auto add = [&](RowBlock& block) {
      counts.add(block.notes, t_.rows());
      t_.row_start_.insert(t_.row_start_.end(), block.starts.begin(), block.starts.end());
      if (block.wrong) std::rethrow_exception(block.wrong);
      text_ = block.text;
      base_ = block.base;
      if (block.ragged) throw ragged(block.ragged->start, block.ragged->at);
      if (each_ && block.numbers.rows() > 0)
        each_(block.numbers.all());
      else if (apart)
        block.place = gathered.place(block.numbers.rows());
    };
    const auto settle = [&](const RowBlock& block) {
      if (apart && !each_) gathered.put(block.place, block.numbers);
    };
    in_order<RowBlock>(
        threads, [&](RowBlock& block) { return pieces.take(block, threads > 1); }, read, add, settle);
    if (partial_) t_.file_.set_digest(pieces.digest());
    t_.values_ = numbers.take();
    t_.cells_ = counts.finish(t_.rows());
  }

  /// For the rows that are likely and as many again, where a data set puts those of other files: what is not written to costs
  /// nothing.
  void make_room(NumberRows& numbers) const {
    const Index rows = likely_rows();
    if (numbers.has_room(rows)) return;
    try {
      numbers.reserve(partial_ ? 2 * rows : rows);
    } catch (const std::bad_alloc&) {
      numbers.reserve(rows);
    }
  }

  /// The rows that the lines in memory make likely.
  Index likely_rows() const {
    const double counted = static_cast<double>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(pos_), text_.end(), '\n'));
    const std::size_t all = std::max<std::size_t>(partial_ ? t_.file_.length() : 0, text_.size());
    const double slack = all > text_.size() ? 1.02 : 1;
    const double lines = slack * counted * (static_cast<double>(all) / static_cast<double>(text_.size())) + 1;
    // A cell takes two bytes, with the sign that ends it; but for the last one.
    const std::size_t cells = all / 2 + 1 + t_.names_.size();
    return std::min(static_cast<Index>(lines), static_cast<Index>(cells / t_.names_.size()));
  }

  DataError ragged(std::size_t start, std::size_t at) {
    pos_ = start;
    const std::size_t n = count_cells();
    const long first = t_.first_line_number();
    // What differs from all that follows is no row of the table; later on it is this row that is wrong.
    const bool early = t_.row_start_.size() <= (t_.has_header_ ? 1U : 2U) || t_.names_.size() == 1;
    const Index before = early ? lines_before_table(longer_start(), options_) : options_.skip_rows;
    std::string remedy = "give every row the same number of cells; quote cells that hold the delimiter";
    if (before == options_.skip_rows + 1 && n == t_.names_.size() + 1)
      remedy =
          "each row has one cell more than there are names, as R's write.table leaves it: write the file with write.csv, or "
          "give that column a name; when line " +
          std::to_string(first) + " is no part of the table, set data.skip_rows: " + std::to_string(before);
    else if (before > options_.skip_rows)
      remedy = "when the lines before line " + std::to_string(before + 1) +
               " are no part of the table, set data.skip_rows: " + std::to_string(before);
    else if (comment_starts(text_.substr(start)))
      remedy = "remove the line: comments are not read";
    else if (early)
      remedy += "; when line " + std::to_string(first) + " is no part of the table, set data.skip_rows";
    return t_.file_.error("D105",
                          "this row has " + std::to_string(n) + (n == 1 ? " cell" : " cells") + ", but line " +
                              std::to_string(first) + " has " + std::to_string(t_.names_.size()),
                          base_ + at, remedy);
  }

  /// More of the file than is kept, for a message.
  TextFile longer_start() const {
    ReadLimits longer = t_.file_.limits();
    longer.kept_text = std::size_t{1} << 26U;
    return partial_ ? TextFile::open(t_.file_.path(), longer) : t_.file_;
  }

  /// A second reading of the rows, for the columns that hold words.
  void collect_text() {
    t_.text_of_.assign(t_.names_.size(), -1);
    std::size_t last = 0;
    for (std::size_t c = 0; c < t_.names_.size(); ++c) {
      const ColumnCells& cells = t_.cells_[c];
      if (cells.words == 0 && !(each_ && (cells.inexact > 0 || cells.not_finite > 0))) continue;
      t_.text_of_[c] = static_cast<std::int32_t>(t_.text_.size());
      t_.text_.emplace_back();
      last = c;
    }
    if (t_.text_.empty()) return;
    std::vector<Codes<std::string>> codes(t_.text_.size());
    TextWindow window(t_.file_);
    look_through(window, t_.row_start_.front());
    for (Index r = 0; r < t_.rows(); ++r) {
      const std::size_t start = t_.row_start_[static_cast<std::size_t>(r)];
      while (base_ + text_.size() < t_.row_end(r) && !window.at_end()) {
        window.advance(start - base_);
        look_through(window, start);
      }
      pos_ = start - base_;
      for (std::size_t c = 0; c <= last; ++c, step_over_delimiter()) {
        const Cell cell = scan();
        if (t_.text_of_[c] >= 0) add_text(static_cast<std::size_t>(t_.text_of_[c]), cell, codes);
      }
    }
  }

  void add_text(std::size_t k, const Cell& cell, std::vector<Codes<std::string>>& codes) {
    std::string s = content(cell);
    double value = 0;
    const CellKind kind = meaning_.classify(s, value);
    if (kind == CellKind::missing) {
      t_.text_[k].codes.push_back(-1);
      return;
    }
    if (kind == CellKind::number) s = label_of(s, t_.decimal_, value);
    codes[k].add(s, t_.text_[k], [&] { return s; });
  }

  Table& t_;
  const TableOptions& options_;
  CellMeaning meaning_;
  EachRows each_;  // takes the numbers, if any
  AlignedRows room_;
  bool partial_ = false;             // text_ is a part of the file
  bool cut_ = false;                 // that part ended before enough rows were seen
  Index looked_ = 0, in_order_ = 0;  // rows below the first one
};

Table Table::read(const std::string& path, const TableOptions& options) {
  if (is_packed(path)) return packed_table(path);
  if (format_extension(path) == ".tacit" && std::filesystem::is_regular_file(path))
    throw DataError("D103", "'" + path + "' is no packed data set, though its name says so", SourceLocation{path, 0, 0},
                    "end its name in what it is (.csv), or unpack it where gzip packed it");
  if (options.keep_text) return parse(TextFile::read(path, options.limits), options);
  return TableParser::of_text(path, options, {});
}

Table read_behind(const Table& before, const std::string& path, const TableOptions& options) {
  return TableParser::of_text(path, options, {}, &before);
}

Table scan_table(const std::string& path, const TableOptions& options, const EachRows& each) {
  return TableParser::of_text(path, options, each);
}

Table packed_table(const std::string& path, TableOptions* packed_options) { return TableParser::of_packed(path, packed_options); }

bool Table::try_parse(Table& table, TextFile file, const TableOptions& options) {
  table.file_ = std::move(file);
  return TableParser(table, options).run(options.header);
}

Table Table::parse(TextFile file, const TableOptions& options) {
  Table table;
  try_parse(table, std::move(file), options);
  return table;
}

SharedRows Table::outside() const { return outside_ ? outside_->rows() : nullptr; }
double Table::outside_value(Index row, Index column) const { return outside_->value(row, column); }
const double* Table::outside_row(Index r) const { return outside_->row(r); }

Index Table::find(const std::string& name) const {
  const auto at = std::find(names_.begin(), names_.end(), name);
  return at == names_.end() ? -1 : static_cast<Index>(at - names_.begin());
}

TextColumn Table::text(Index column) const {
  const std::int32_t k = text_of_[static_cast<std::size_t>(column)];
  if (k >= 0) return text_[static_cast<std::size_t>(k)];
  TextColumn out;
  Codes<double> by_value;
  Codes<std::string> by_text;  // where doubles would fall together
  const auto as_written = [&](double v) { return std::isinf(v) || (cells(column).inexact > 0 && std::abs(v) >= kExactWhole); };
  std::vector<Index> written;
  for (Index r = 0; r < rows(); ++r) {
    if (as_written(value(r, column))) written.push_back(r);
  }
  const std::vector<std::string> texts = cells_of(written, column);
  std::size_t at = 0;
  for (Index r = 0; r < rows(); ++r) {
    const double v = value(r, column);
    if (std::isnan(v)) {
      out.codes.push_back(-1);
    } else if (!as_written(v)) {
      by_value.add(v, out, [&] { return number_label(v); });
    } else if (std::isinf(v)) {
      by_value.add(v, out, [&] { return texts[at]; });
      ++at;
    } else {
      const std::string label = label_of(texts[at++], decimal_, v);
      by_text.add(label, out, [&] { return label; });
    }
  }
  return out;
}

std::string Table::cell(Index row, Index column) const {
  if (row_start_[static_cast<std::size_t>(row)] != kNoText) return locate_cell(row, column).first;
  const std::int32_t k = text_of_[static_cast<std::size_t>(column)];
  if (k < 0) return std::isnan(value(row, column)) ? "" : number_label(value(row, column));
  const TextColumn& text = text_[static_cast<std::size_t>(k)];
  const std::int32_t code = text.codes[static_cast<std::size_t>(row)];
  return code < 0 ? "" : text.levels[static_cast<std::size_t>(code)];
}

std::pair<std::string, std::size_t> Table::locate_cell(Index row, Index column) const {
  const std::size_t start = row_start_[static_cast<std::size_t>(row)];
  if (file_.whole()) return locate_cell(file_.bytes(), 0, row, column);
  const std::string text = file_.piece(start, row_end(row));
  return locate_cell(text, start, row, column);
}

std::size_t Table::row_end(Index row) const {
  return row + 1 < rows() ? row_start_[static_cast<std::size_t>(row + 1)] : std::numeric_limits<std::size_t>::max();
}

std::vector<std::string> Table::cells_of(const std::vector<Index>& rows, Index column) const {
  std::vector<std::string> out;
  if (rows.empty()) return out;
  TextWindow window(file_);
  for (const Index r : rows) {
    const std::size_t start = row_start_[static_cast<std::size_t>(r)];
    while (window.base() + window.text().size() < row_end(r) && !window.at_end())
      window.advance(std::min(window.text().size(), start - window.base()));
    out.push_back(locate_cell(window.text(), window.base(), r, column).first);
  }
  return out;
}

std::pair<std::string, std::size_t> Table::locate_cell(std::string_view text, std::size_t base, Index row, Index column) const {
  CellScanner scanner(file_, delimiter_, text, base, row_start_[static_cast<std::size_t>(row)] - base);
  for (Index c = 0; c < column; ++c) {
    scanner.scan();
    scanner.step_over_delimiter();
  }
  const CellScanner::Cell cell = scanner.scan();
  return {scanner.content(cell), base + cell.begin - (cell.quoted ? 1 : 0)};
}

DataError Table::error(const char* code, const std::string& message, Index row, Index column, std::string remedy) const {
  if (row_start_[static_cast<std::size_t>(row)] == kNoText)
    return file_.error(code, message + ", in row " + std::to_string(row + 1) + " of '" + file_.path() + "'", std::move(remedy));
  return file_.error(code, message, locate_cell(row, column).second, std::move(remedy));
}

}  // namespace tacit::inline TACIT_ABI
