#include <tacit/problems/data/detail/remarks.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <set>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/detail/word_kinds.hpp>
#include <tacit/problems/data/scaling.hpp>

namespace tacit::inline TACIT_ABI {

void remark_header(const Table& table, std::vector<DataRemark>& remarks) {
  if (table.header_sure()) return;
  const bool names = table.has_header();
  remarks.push_back({"W210",
                     "line " + std::to_string(table.first_line_number()) + " of '" + table.file().path() + "' (" +
                         quoted_text(table.first_line()) + ") may hold names or data; it is taken for " +
                         (names ? "the names of the columns." : "a row of data."),
                     std::string("Say which it is: data.header=") +
                         (names ? "present, or absent if it is data." : "absent, or present if it holds names.")});
}

namespace {

/// Does a column only tell the rows apart? Whole numbers, all different; `counting`: 0, 1, 2, ... or 1, 2, 3, ...
struct RowNumbers {
  bool different = true, counting = true;
};

RowNumbers row_numbers(const Table& table, Index column) {
  RowNumbers out;
  const ColumnCells& cells = table.cells(column);
  if (cells.numbers < 3 || cells.numbers != table.rows()) return {false, false};
  const double first = table.value(0, column);
  out.counting = first == 0 || first == 1;
  std::set<double> seen;
  for (Index r = 0; r < table.rows() && (out.different || out.counting); ++r) {
    const double v = table.value(r, column);
    out.counting = out.counting && v == first + static_cast<double>(r);
    if (out.counting) continue;
    if (seen.empty()) {  // what counted so far is different
      for (Index earlier = 0; earlier < r; ++earlier) seen.insert(table.value(earlier, column));
    }
    out.different = out.different && v >= 0 && v == std::floor(v) && seen.insert(v).second;
  }
  return out;
}

/// Names that programs give to the numbers of the rows.
bool index_name(const Table& table, Index column) {
  const std::string name = lower_case(table.names()[static_cast<std::size_t>(column)]);
  static const std::set<std::string> known{"index",      "level_0", "rownames", "row.names", "row", "rowid", "row_id",
                                           "row_number", "rownum",  "id",       "no",        "nr",  "#",     "key"};
  return (table.has_header() && table.unnamed(column)) || name.rfind("unnamed:", 0) == 0 || known.count(name) > 0;
}

}  // namespace

namespace {

std::string name_of(const Table& table, Index column) { return table.names()[static_cast<std::size_t>(column)]; }

/// W211, once for all columns.
void remark_inexact(const Table& table, const std::vector<Index>& numbers, std::vector<DataRemark>& remarks) {
  Index first = -1, others = -1;
  for (const Index c : numbers) {
    if (table.cells(c).inexact == 0) continue;
    if (first < 0) first = c;
    ++others;
  }
  if (first < 0) return;
  const Index row = table.cells(first).first_inexact;
  const SourceLocation at = table.error("", "", row, first, "").where();
  remarks.push_back({"W211",
                     "column '" + name_of(table, first) + "' holds whole numbers above 2^53, first " + table.cell(row, first) +
                         " in line " + std::to_string(at.line) + " of '" + table.file().path() + "'" +
                         (others > 0 ? " (as do " + std::to_string(others) + " other columns)" : "") +
                         ": their last digits are lost.",
                     "Drop it if it is an identifier (data.drop), make its values levels (data.categorical), or subtract a "
                     "common value."});
}

/// W219 for a column of numbers. `words`: the columns of words.
void remark_codes(const Table& table, Index column, std::vector<std::string> words, std::vector<DataRemark>& remarks) {
  const ColumnCells& cells = table.cells(column);
  if (cells.codes == 0) return;
  const std::string name = name_of(table, column);
  words.push_back(name);
  remarks.push_back({"W219",
                     "column '" + name + "' is written with zeros in front, as codes are (" +
                         table.cell(cells.first_code, column) + "), and is used as a number.",
                     "If it is a code, leave it out (" + drop_key(name) + ") or make its cells levels (" +
                         categorical_key(name, words) + ")."});
}

/// W212 for a column of numbers.
void remark_row_numbers(const Table& table, Index column, std::vector<DataRemark>& remarks) {
  const bool called = index_name(table, column);
  if (!called && (table.has_header() || column > 0)) return;
  const RowNumbers n = row_numbers(table, column);
  if (!n.counting && !(called && n.different)) return;
  const std::string name = name_of(table, column);
  remarks.push_back({"W212",
                     "column '" + name + "' " +
                         (n.counting ? "only counts the rows (" + table.cell(0, column) + ", " + table.cell(1, column) + ", ...)"
                                     : "has another whole number in each row") +
                         " and is used as a feature.",
                     "Leave it out if it is an index: " + drop_key(name) + "."});
}

std::vector<std::string> columns_of_words(const Encoder& encoder) {
  std::vector<std::string> out;
  for (const EncodedColumn& c : encoder.columns) {
    if (c.categorical) out.push_back(c.name);
  }
  return out;
}

}  // namespace

void remark_table(const Table& table, const std::vector<Index>& columns, Index target, const Encoder& encoder,
                  std::vector<DataRemark>& remarks) {
  std::vector<Index> numbers;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (!encoder.columns[k].categorical) numbers.push_back(columns[k]);
  }
  std::vector<Index> with_target = numbers;
  const bool in_table = target >= 0 && target < table.cols();  // else it stands in a file of its own
  if (encoder.classes.empty() && in_table) with_target.push_back(target);
  remark_inexact(table, with_target, remarks);
  const std::vector<std::string> words = columns_of_words(encoder);
  for (const Index c : numbers) remark_codes(table, c, words, remarks);
  for (const Index c : numbers) remark_row_numbers(table, c, remarks);
}

void remark_levels(const Table& table, const Encoder& encoder, std::vector<DataRemark>& remarks) {
  constexpr std::size_t kFew = 10;
  const std::vector<std::string> words = columns_of_words(encoder);
  for (const EncodedColumn& column : encoder.columns) {
    if (!column.categorical || column.levels.empty()) continue;
    const WordKind kind = kind_of_words(column.levels);
    const bool single = column.levels.size() >= kFew && 2 * static_cast<Index>(column.levels.size()) > table.rows();
    if (kind.name.empty() && !single) continue;
    const std::string count = std::to_string(column.levels.size()) + " levels";
    remarks.push_back(
        {"W218",
         "column '" + column.name + "' " +
             (kind.name.empty() ? "has " + count + " in " + std::to_string(table.rows()) + " rows, most of them in one row alone."
                                : "holds " + std::string(kind.name) + " (" + column.levels.front() + "), used as " + count + "."),
         (kind.name.empty() ? "Leave it out if it is a name or an identifier: "
                            : std::string(kind.instead) + ", or leave it out: ") +
             drop_key(column.name) + ". If levels are meant, say so: " + categorical_key(column.name, words) + "."});
  }
}

namespace {

/// Rows of one file among those of the data set.
struct Part {
  Index begin, end;
};

bool equal_values(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

bool same_rows(const Dataset& d, const Part& a, const Part& b) {
  if (a.end - a.begin != b.end - b.begin) return false;
  const SharedRows dense = dense_rows(std::shared_ptr<const Features>(std::shared_ptr<void>(), &d.x));
  RowCursor of_a(dense), of_b(dense);
  for (Index i = 0; i < a.end - a.begin; ++i) {
    const Index r = a.begin + i, s = b.begin + i;
    if (d.y[r] != d.y[s]) return false;
    if (!d.x.sparse) {
      const double *p = of_a.row(r), *q = of_b.row(s);
      for (Index j = 0; j < d.x.cols(); ++j) {
        if (!equal_values(p[j], q[j])) return false;
      }
      continue;
    }
    CsrMatrix::InnerIterator p(d.x.csr, r), q(d.x.csr, s);
    for (; p && q; ++p, ++q) {
      if (p.col() != q.col() || p.value() != q.value()) return false;
    }
    if (p || q) return false;
  }
  return true;
}

}  // namespace

void remark_same_rows(Dataset& data) {
  std::vector<Part> parts;
  Index at = 0;
  for (const FileDigest& f : data.files) {
    parts.push_back({at, at + f.rows});
    at += f.rows;
  }
  if (at != data.rows()) return;
  for (std::size_t k = 1; k < parts.size(); ++k) {
    for (std::size_t earlier = 0; earlier < k; ++earlier) {
      if (!same_rows(data, parts[earlier], parts[k])) continue;
      const auto what = [&](std::size_t i) {
        const Origin o = data.origin[static_cast<std::size_t>(parts[i].begin)];
        return std::string(o == Origin::train ? "training" : o == Origin::validation ? "validation" : "test");
      };
      data.remarks.push_back({"W213",
                              "the " + what(k) + " file '" + data.files[k].path + "' has the same rows as the " + what(earlier) +
                                  " file: its loss says nothing of new data.",
                              "Name another file, or let a share of the rows " +
                                  std::string(what(k) == "test" ? "test (data.test=0.2)." : "validate (validation.fraction).")});
      break;
    }
  }
}

}  // namespace tacit::inline TACIT_ABI
