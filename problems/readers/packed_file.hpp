// A data set as `tacit pack` writes it (.tacit), which Table::read takes too: the cells of a table as numbers, checked, so that
// no text is read, and used where they lie.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <tacit/core/linear/row_source.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

/// Of the layout; a program reads those up to its own.
constexpr std::uint32_t kPackedVersion = 1;

/// What a packed file says beside its numbers.
struct PackedFacts {
  Index rows = 0, columns = 0;
  int number_bytes = 8;  ///< 8: doubles as they were read; 4: rounded to the nearest float
  std::vector<std::string> names;
  std::vector<ColumnCells> cells;
  std::vector<bool> unnamed;
  bool has_header = false, header_sure = true;
  std::string first_line;  ///< of the table, as it stood in the text
  std::int64_t first_line_number = 1;
  TableOptions options{};  ///< how the text was read
  Vec mean, deviation;     ///< of the numbers of every column, for information; NaN without one
  std::string source;      ///< the file it was made of, as it was named
  std::uint64_t source_digest = 0, source_bytes = 0;
  std::vector<TextColumn> text;       ///< of the columns with words or inexact numbers
  std::vector<std::int32_t> text_of;  ///< column -> number in text, or -1
};

/// The contents of a packed file.
struct PackedData {
  PackedFacts facts;
  SharedRows numbers;        ///< NaN where a cell is missing or a word; in the file, which is open while they are there
  std::uint64_t digest = 0;  ///< of the file as stored
};

/// Reads a packed file once, holds every block of it against its checksum, and keeps it open. Numbers of 8 bytes are mapped into
/// memory, where that takes no more than half of the addresses that the process may have; else they are read again when they are
/// asked for. Throws DataError D101, D103.
TACIT_EXPORT PackedData read_packed(const std::string& path);

/// Whether the file begins as packed ones do.
TACIT_EXPORT bool is_packed(const std::string& path);

}  // namespace tacit::inline TACIT_ABI
