// Tables as text: CSV and its relatives (RFC 4180), read strictly, every cell known by file, line and column.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/row_source.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {

enum class Header { automatic, present, absent };

/// How a table is written.
struct TableOptions {
  /// automatic: by what stands in the first row and below it; where that leaves a doubt, Table::header_sure() is false
  Header header = Header::automatic;
  /// lines to skip before anything is read
  Index skip_rows = 0;
  /// "auto" (from the first lines), ",", ";", "tab" or "space" (any number of blanks)
  std::string delimiter = "auto";
  char decimal = '.';
  /// cells that count as missing; numbers among them are compared by value
  std::vector<std::string> missing_values = {"", "NA", "NaN", "?"};
  /// false: the text of a long file is not kept; a cell of it is read again where it is asked for
  bool keep_text = true;
  ReadLimits limits{};
};

/// A column as text: levels in the order of their first appearance, one code a row, -1 where missing.
struct TextColumn {
  std::vector<std::string> levels;
  std::vector<std::int32_t> codes;
};

/// What the cells of a column are; rows of the first of each kind, -1 when there is none.
struct ColumnCells {
  Index numbers = 0, words = 0, missing = 0, not_finite = 0;
  Index first_number = -1, first_word = -1, first_missing = -1, first_not_finite = -1;
  /// Of the numbers: whole ones that no double is equal to, beyond 2^53.
  Index inexact = 0, first_inexact = -1;
  /// Of the numbers: those of three digits or more that begin with a zero (00123), as codes do.
  Index codes = 0, first_code = -1;
  /// No word in it, and something else than missing cells.
  bool numeric() const { return words == 0 && numbers + not_finite > 0; }
  /// Words and no number: what is one-hot encoded unasked.
  bool text() const { return words > 0 && numbers + not_finite == 0; }
};

/// A table in memory: numbers of all columns (row-major), text of the columns that hold words. The numbers of a packed file stay
/// where they are: such a table, and all copies of it, are for one thread.
class TACIT_EXPORT Table {
public:
  /// Throws DataError D101-D106, D132, UsageError for a delimiter or decimal sign that cannot be.
  static Table read(const std::string& path, const TableOptions& options = {});
  static Table parse(TextFile file, const TableOptions& options = {});

  Index rows() const { return static_cast<Index>(row_start_.size()); }
  Index cols() const { return static_cast<Index>(names_.size()); }
  bool has_header() const { return has_header_; }
  /// False where the first row may as well be the other, names or data.
  bool header_sure() const { return header_sure_; }
  /// Had the column no name in the header, or was there none?
  bool unnamed(Index column) const { return !has_header_ || unnamed_[static_cast<std::size_t>(column)]; }
  /// The line of the file where the table begins, as it stands there.
  std::string first_line() const { return file_.line(first_line_); }
  long first_line_number() const { return file_.locate(first_line_).line; }
  /// From the header; "x1", "x2", ... without one; an empty name becomes "column3".
  const std::vector<std::string>& names() const { return names_; }
  /// Number of the column of this name, or -1.
  Index find(const std::string& name) const;
  const ColumnCells& cells(Index column) const { return cells_[static_cast<std::size_t>(column)]; }
  /// The number in a cell; NaN where it is missing or a word, infinite where it is not finite or larger than kLargestNumber.
  double value(Index row, Index column) const { return outside_ ? outside_value(row, column) : values_(row, column); }
  /// Pointer to the cols() numbers of a row; of a packed file until the next row is asked for.
  const double* row(Index r) const { return outside_ ? outside_row(r) : values_.begin_of(r); }
  /// The numbers of a packed file; null: they are in memory.
  SharedRows outside() const;
  /// All numbers, of a table in memory; value(), row(), and text() of a column without words cannot be asked any more.
  AlignedRows take_values() { return std::move(values_); }
  /// The column as text; numbers in their shortest form, so that 1 and 1.0 are the same label, and with all their digits where no
  /// double is equal to them.
  TextColumn text(Index column) const;
  /// A cell as it stands in the file, without quotation marks.
  std::string cell(Index row, Index column) const;
  /// A DataError that points at a cell.
  DataError error(const char* code, const std::string& message, Index row, Index column, std::string remedy) const;
  const TextFile& file() const { return file_; }
  char decimal() const { return decimal_; }
  char delimiter() const { return delimiter_; }

private:
  friend class TableParser;
  class OutsideNumbers;
  double outside_value(Index row, Index column) const;
  const double* outside_row(Index r) const;
  /// The text of a cell and the byte where it starts.
  std::pair<std::string, std::size_t> locate_cell(Index row, Index column) const;
  std::pair<std::string, std::size_t> locate_cell(std::string_view text, std::size_t base, Index row, Index column) const;
  /// cell() of many rows, in ascending order, in one reading.
  std::vector<std::string> cells_of(const std::vector<Index>& rows, Index column) const;
  /// Where the text of a row ends, at the latest.
  std::size_t row_end(Index row) const;
  static bool try_parse(Table& table, TextFile file, const TableOptions& options);
  TextFile file_;
  std::vector<std::string> names_;
  std::vector<ColumnCells> cells_;
  AlignedRows values_;
  std::shared_ptr<OutsideNumbers> outside_;  // instead of values_
  std::vector<std::size_t> row_start_;
  std::vector<TextColumn> text_;       // of the columns with words, by text_of_
  std::vector<std::int32_t> text_of_;  // column -> number in text_, or -1
  std::vector<bool> unnamed_;          // of a header
  std::size_t first_line_ = 0;
  char delimiter_ = ',', decimal_ = '.';
  bool has_header_ = false, header_sure_ = true;
};

}  // namespace tacit::inline TACIT_ABI
