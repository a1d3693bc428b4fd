// Rows and columns as text: for people and as CSV.
#pragma once
#include <string>
#include <utility>
#include <vector>

namespace tacit {

/// An aligned two-column block: "  name   value".
std::string aligned(const std::vector<std::pair<std::string, std::string>>& rows);
/// A cell of a CSV after RFC 4180: in quotation marks where it must be.
std::string csv_cell(const std::string& text);
/// A line of a CSV of cells that are quoted already where they must be, with its end.
std::string csv_line(const std::vector<std::string>& cells);

}  // namespace tacit
