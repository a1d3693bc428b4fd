// The rows of a text table as numbers, piece by piece of the text. (internal to this folder)
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/core/linear/aligned_rows.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/detail/cell_scanner.hpp>
#include <tacit/problems/readers/detail/text_pieces.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

enum class CellKind : std::uint8_t { number, missing, not_finite, word };

/// What the text of a cell is.
class CellMeaning {
public:
  CellMeaning(const std::vector<std::string>& missing, char decimal);
  /// Throws nothing; value is that of a number.
  CellKind classify(std::string_view s, double& value) const;
  bool is_missing_number(double value) const {
    return !missing_numbers_.empty() &&
           std::find(missing_numbers_.begin(), missing_numbers_.end(), value) != missing_numbers_.end();
  }
  char decimal() const { return decimal_; }

private:
  CellKind classify_as_it_is(std::string_view s, double& value) const;
  std::vector<std::string> missing_;
  std::vector<double> missing_numbers_;
  char decimal_;
};

/// Rows of numbers below each other.
class NumberRows {
public:
  explicit NumberRows(Index columns = 0) : columns_(columns) {}
  /// In memory that is there already.
  explicit NumberRows(AlignedRows room) : x_(std::move(room)), columns_(x_.cols()) {}
  void reserve(Index rows);
  /// Room for the columns of one more row; it counts once keep() is called.
  double* next() {
    if (rows_ == x_.rows()) reserve(rows_ + rows_ / 2 + 16);
    return x_.begin_of(rows_);
  }
  void keep() { ++rows_; }
  /// Room for so many rows behind those that are there, which count as rows now; the number of the first one.
  Index add(Index rows);
  bool has_room(Index rows) const { return rows_ + rows <= x_.rows(); }
  void put(Index at, const NumberRows& rows);
  /// No row, of so many columns; the memory stays.
  void begin(Index columns);
  Index rows() const { return rows_; }
  auto all() const { return x_.topRows(rows_); }
  /// As they stand in memory, where rows behind these are room for more; none are left here.
  AlignedRows take();

private:
  AlignedRows x_;  // with room for more rows
  Index rows_ = 0, columns_ = 0;
};

/// Rows below each other that several threads put to their places.
class GatheredRows {
public:
  explicit GatheredRows(NumberRows& all) : all_(all) {}
  /// A place for so many rows behind all others, whom put() has to follow; one call after the other. Where memory has to grow,
  /// it waits for those who are still to put theirs, so that nobody may ask for a second place before.
  Index place(Index rows);
  /// Copies rows to their place; beside other calls.
  void put(Index at, const NumberRows& rows);

private:
  NumberRows& all_;
  std::atomic<Index> open_ = 0;  ///< places without their rows
};

/// Something of a cell that is not a plain number, or of a number that is more than that.
struct CellNote {
  enum class Kind : std::uint8_t { missing, not_finite, word, inexact, code };
  Index row;  ///< of the block
  std::uint32_t column;
  Kind kind;
};

/// Some rows of the text, and what was read in them.
struct RowBlock : TextPiece {
  NumberRows numbers;
  std::vector<std::size_t> starts;  ///< places of the rows in the file
  std::vector<CellNote> notes;      ///< by row and column
  Index place = 0;                  ///< of the numbers among all of the table
  /// A row with another number of cells: where it begins in text, and where it was seen.
  struct Ragged {
    std::size_t start, at;
  };
  std::optional<Ragged> ragged;
  std::exception_ptr wrong;  ///< another error in a row; the rows before it are there
};

/// Reads the rows of a block. Errors are left in it.
class RowReader : private CellScanner {
public:
  RowReader(const TextFile& file, char delimiter, const CellMeaning& meaning, std::size_t width, RowBlock& block,
            NumberRows& numbers)
      : CellScanner(file, delimiter, block.text, block.base, 0), meaning_(meaning), width_(width), block_(block), to_(numbers) {}
  void run();

private:
  bool read_row(double* to);
  double cell(std::size_t column);
  void note_number(std::size_t column, std::string_view token, double value);
  void note(std::size_t column, CellNote::Kind kind) { block_.notes.push_back({row_, static_cast<std::uint32_t>(column), kind}); }
  const CellMeaning& meaning_;
  std::size_t width_;
  RowBlock& block_;
  NumberRows& to_;
  Index row_ = 0;
};

/// Gathers what the cells of the columns are from the notes of blocks in their order.
class CellCounts {
public:
  explicit CellCounts(std::size_t columns) : cells_(columns), lead_(columns, 0) {}
  /// The notes of a block whose first row has this number.
  void add(const std::vector<CellNote>& notes, Index first_row);
  /// Of so many rows in all.
  std::vector<ColumnCells> finish(Index rows);

private:
  std::vector<ColumnCells> cells_;
  std::vector<Index> lead_;  // rows from the first one on without a number
};

}  // namespace tacit::inline TACIT_ABI
