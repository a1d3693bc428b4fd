// One value a row in a file of its own: targets, weights.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/number_file.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

/// A column by itself.
struct TACIT_EXPORT ColumnFile {
  std::string path;
  std::uint64_t digest = 0;
  /// NaN where there is no number.
  Vec value;
  /// The rows as texts, numbers in their shortest form; empty where all are numbers (label() serves both).
  std::vector<std::string> text;
  /// Whole numbers beyond 2^53, whose last digits are lost.
  Index inexact = 0;
  std::string label(Index row) const;
  /// A DataError about a row; it points at its line where the file is a text.
  DataError error(const char* code, const std::string& message, Index row, const std::string& remedy) const;
  /// The text it was read from, null for other files.
  std::shared_ptr<const Table> table{};
  Index rows() const { return value.size(); }
};

/// Reads a file with one value a row: .npy, MatrixMarket or IDX by its name, else a text with one value a line, with or without a
/// name above. `what` it holds ("targets") and `of` which file are for messages. Throws D105 for several columns, D110 for a
/// missing value, D123 for another number of rows, and what the readers throw.
TACIT_EXPORT ColumnFile read_column_file(const std::string& path, Index rows, const std::string& what, const std::string& of,
                                         const ReadLimits& limits = {});

/// A column of a table; missing cells are "" and NaN.
TACIT_EXPORT ColumnFile column_of(const Table& table, Index column);

}  // namespace tacit::inline TACIT_ABI
