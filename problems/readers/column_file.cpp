#include <tacit/problems/readers/column_file.hpp>

#include <cmath>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

DataError column_error(const char* code, const std::string& message, const std::string& path, const std::string& remedy) {
  return DataError(code, message, SourceLocation{path, 0, 0}, remedy);
}

/// A text of one column. A name above the values is told by their number where the line itself leaves it open.
Table read_lines(const std::string& path, Index rows, const ReadLimits& limits) {
  TableOptions options;
  options.limits = limits;
  options.keep_text = false;
  if (format_extension(path) != ".tsv") options.delimiter = ",";
  Table table = Table::read(path, options);
  if (table.rows() == rows) return table;
  const Index other = table.rows() + (table.has_header() ? 1 : -1);
  if (other != rows) return table;
  options.header = table.has_header() ? Header::absent : Header::present;
  return Table::read(path, options);
}

ColumnFile from_table(const Table& table) {
  if (table.cols() != 1) {
    throw table.file().error("D105", "'" + table.file().path() + "' has " + std::to_string(table.cols()) + " columns, not one",
                             "keep one value a line");
  }
  const ColumnCells& cells = table.cells(0);
  if (cells.missing > 0) throw table.error("D110", "a value is missing", cells.first_missing, 0, "give one value for every row");
  ColumnFile out = column_of(table, 0);
  out.table = std::make_shared<const Table>(table);
  return out;
}

ColumnFile from_numbers(NumberFile file) {
  ColumnFile out;
  out.path = file.path;
  out.digest = file.digest;
  out.inexact = file.inexact;
  if (file.x.cols() != 1) {
    throw column_error("D105", "'" + out.path + "' has " + std::to_string(file.x.cols()) + " columns, not one", out.path,
                       "keep one value a row");
  }
  out.value = file.x.sparse ? Vec(file.x.csr * Vec::Ones(1)) : Vec(file.x.dense.col(0));
  for (Index r = 0; r < out.value.size(); ++r) {
    if (!std::isfinite(out.value[r]))
      throw column_error("D110", "the value of row " + std::to_string(r + 1) + " of '" + out.path + "' is missing", out.path,
                         "give one value for every row");
  }
  return out;
}

}  // namespace

DataError ColumnFile::error(const char* code, const std::string& message, Index row, const std::string& remedy) const {
  return table ? table->error(code, message, row, 0, remedy) : column_error(code, message, path, remedy);
}

ColumnFile column_of(const Table& table, Index column) {
  const ColumnCells& cells = table.cells(column);
  ColumnFile out;
  out.path = table.file().path();
  out.digest = table.file().digest();
  out.inexact = cells.inexact;
  out.value.resize(table.rows());
  for (Index r = 0; r < table.rows(); ++r) out.value[r] = table.value(r, column);
  if (cells.words > 0 || cells.inexact > 0) {
    const TextColumn text = table.text(column);
    for (const std::int32_t code : text.codes) out.text.push_back(code < 0 ? "" : text.levels[static_cast<std::size_t>(code)]);
  }
  return out;
}

std::string ColumnFile::label(Index row) const {
  return text.empty() ? number_label(value[row]) : text[static_cast<std::size_t>(row)];
}

ColumnFile read_column_file(const std::string& path, Index rows, const std::string& what, const std::string& of,
                            const ReadLimits& limits) {
  const FileFormat* format = format_of_file(path);
  ColumnFile out = format && format->read ? from_numbers(format->read(ByteStream::open(path, limits)))
                                          : from_table(read_lines(path, rows, limits));
  if (out.rows() == rows) return out;
  throw column_error("D123",
                     "the file of the " + what + ", '" + path + "', has " + std::to_string(out.rows()) + " rows, but '" + of +
                         "' has " + std::to_string(rows),
                     path, "give one value for every row of that file");
}

}  // namespace tacit::inline TACIT_ABI
