// Rows of numbers that stay in their file. (internal to this folder)
#pragma once
#include <cstdint>
#include <memory>

#include <tacit/core/linear/row_source.hpp>
#include <tacit/problems/readers/detail/open_file.hpp>

namespace tacit::inline TACIT_ABI {

/// Where rows stand in a file: one behind the other from byte `offset` on, numbers of 8 bytes (double) or 4 (float).
struct RowPlaces {
  std::uint64_t offset = 0;
  Index rows = 0, columns = 0;
  int number_bytes = 8;
};

/// Those rows, as doubles. Numbers of 8 bytes are mapped into memory where that takes no more than half of the addresses that the
/// process may have; else read() reads the file, which is shared.
SharedRows file_rows(std::shared_ptr<const OpenFile> file, const RowPlaces& places);

}  // namespace tacit::inline TACIT_ABI
