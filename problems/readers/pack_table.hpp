// What `tacit pack` does: a table of text becomes a packed file.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include <tacit/problems/readers/packed_file.hpp>

namespace tacit::inline TACIT_ABI {

/// How pack_table writes.
struct PackOptions {
  bool float32 = false;                           ///< 4 bytes a number, rounded to the nearest
  std::uint64_t block = std::uint64_t{1} << 20U;  ///< bytes that have a checksum of their own, a multiple of 8
};

/// Where bytes go that are written once, but for some at the beginning.
class TACIT_EXPORT ByteSink {
public:
  virtual ~ByteSink();
  virtual void append(std::string_view bytes) = 0;
  /// Bytes that were appended before.
  virtual void replace(std::uint64_t offset, std::string_view bytes) = 0;
};

/// Writes the table of a text file as it is read: its numbers are never in memory together, but 8 bytes a row are, and 4 for each
/// cell of a column with words, for which the text is read twice. Throws what Table::read throws, DataError D109 for a number
/// that no float holds where floats are asked for, and what the sink throws; UsageError for a block that cannot be.
TACIT_EXPORT PackedFacts pack_table(const std::string& from, ByteSink& to, const TableOptions& options,
                                    const PackOptions& packing = {});

}  // namespace tacit::inline TACIT_ABI
