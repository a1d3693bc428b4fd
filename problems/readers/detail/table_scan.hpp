// Tables whose numbers are handed over, or go where others are. (internal to this folder)
#pragma once
#include <functional>
#include <string>

#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

/// Some rows below each other.
using EachRows = std::function<void(InM rows)>;

/// What Table::read gives of a text, but for the numbers: value(), row() and text() of a column of numbers that are all finite
/// and exact cannot be asked.
Table scan_table(const std::string& path, const TableOptions& options, const EachRows& each);

/// Table::read of a text that is not kept, whose numbers go behind those of `before` where that has as many columns and room: the
/// values that both give (Table::take_values) then share memory, as those of AlignedRows::behind.
Table read_behind(const Table& before, const std::string& path, const TableOptions& options);

/// The table that a packed file holds, and the options that its text was read with where packed_options is given. Its rows have
/// no place in a text, so that messages name their number.
Table packed_table(const std::string& path, TableOptions* packed_options = nullptr);

}  // namespace tacit::inline TACIT_ABI
