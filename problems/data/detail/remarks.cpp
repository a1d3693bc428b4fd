#include <tacit/problems/data/detail/remarks.hpp>

#include <algorithm>
#include <cmath>
#include <set>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>

namespace tacit {

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

void remark_table(const Table& table, const std::vector<Index>& columns, Index target, const Encoder& encoder,
                  std::vector<DataRemark>& remarks) {
  const auto name = [&](Index c) { return table.names()[static_cast<std::size_t>(c)]; };
  std::vector<Index> numbers;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (!encoder.columns[k].categorical) numbers.push_back(columns[k]);
  }
  std::string inexact;
  Index first = -1, others = 0;
  std::vector<Index> with_target = numbers;
  const bool in_table = target >= 0 && target < table.cols();  // else it stands in a file of its own
  if (encoder.classes.empty() && in_table) with_target.push_back(target);
  for (const Index c : with_target) {
    if (table.cells(c).inexact == 0) continue;
    if (first >= 0) ++others;
    if (first < 0) first = c;
  }
  if (first >= 0) {
    const Index row = table.cells(first).first_inexact;
    const SourceLocation at = table.error("", "", row, first, "").where();
    remarks.push_back({"W211",
                       "column '" + name(first) + "' holds whole numbers above 2^53, first " + table.cell(row, first) +
                           " in line " + std::to_string(at.line) + " of '" + table.file().path() + "'" +
                           (others > 0 ? " (as do " + std::to_string(others) + " other columns)" : "") +
                           ": their last digits are lost.",
                       "Drop it if it is an identifier (data.drop), make its values levels (data.categorical), or subtract a "
                       "common value."});
  }
  for (const Index c : numbers) {
    const ColumnCells& cells = table.cells(c);
    if (cells.codes == 0) continue;
    remarks.push_back({"W219",
                       "column '" + name(c) + "' is written with zeros in front, as codes are (" +
                           table.cell(cells.first_code, c) + "), and is used as a number.",
                       "If it is a code, leave it out (data.drop: ['" + name(c) + "']) or make it levels (data.categorical)."});
  }
  for (const Index c : numbers) {
    const bool called = index_name(table, c);
    if (!called && (table.has_header() || c > 0)) continue;
    const RowNumbers n = row_numbers(table, c);
    if (!n.counting && !(called && n.different)) continue;
    remarks.push_back({"W212",
                       "column '" + name(c) + "' " +
                           (n.counting ? "only counts the rows (" + table.cell(0, c) + ", " + table.cell(1, c) + ", ...)"
                                       : "has another whole number in each row") +
                           " and is used as a feature.",
                       "Leave it out if it is an index: data.drop: ['" + name(c) + "']."});
  }
}

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

/// The sizes of the groups of digits that one of these signs parts: "2020-01-31" has 4, 2, 2. Empty: it is no such text.
std::vector<std::size_t> digit_groups(std::string_view text, std::string_view signs) {
  std::vector<std::size_t> sizes;
  char sign = '\0';
  for (std::size_t i = 0;;) {
    const std::size_t begin = i;
    while (i < text.size() && digit(text[i])) ++i;
    if (i == begin) return {};
    sizes.push_back(i - begin);
    if (i == text.size()) return sizes;
    if (signs.find(text[i]) == std::string_view::npos || (sign != '\0' && text[i] != sign)) return {};
    sign = text[i++];
  }
}

bool is_date(std::string_view text) {
  const std::vector<std::size_t> sizes = digit_groups(text.substr(0, text.find_first_of("T ")), "-/.");
  const auto fits = [](std::size_t n) { return n == 1 || n == 2 || n == 4; };
  return sizes.size() == 3 && std::all_of(sizes.begin(), sizes.end(), fits) && *std::max_element(sizes.begin(), sizes.end()) > 1;
}

bool is_time(std::string_view text) {
  const std::vector<std::size_t> sizes = digit_groups(text.substr(0, text.find('.')), ":");
  return (sizes.size() == 2 || sizes.size() == 3) &&
         std::all_of(sizes.begin(), sizes.end(), [](std::size_t n) { return n <= 2; });
}

/// What a text is, besides a word: a date, a time, a hexadecimal number; or nothing.
std::string_view kind_of_word(std::string_view text) {
  if (is_date(text)) return "dates";
  if (is_time(text)) return "times";
  const bool hex = text.size() > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
  if (hex && text.find_first_not_of("0123456789abcdefABCDEF", 2) == std::string_view::npos) return "hexadecimal numbers";
  return written_number(text, '.').style == NumberStyle::unit ? "numbers with units" : "";
}

}  // namespace

void remark_levels(const Table& table, const std::vector<Index>& columns, const Encoder& encoder,
                   std::vector<DataRemark>& remarks) {
  constexpr std::size_t kFew = 10;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    const EncodedColumn& column = encoder.columns[k];
    if (!column.categorical || column.levels.empty()) continue;
    std::string_view kind = kind_of_word(column.levels.front());
    for (const std::string& level : column.levels) {
      if (kind_of_word(level) != kind) kind = "";
    }
    const bool single = column.levels.size() >= kFew && 2 * static_cast<Index>(column.levels.size()) > table.rows();
    constexpr std::size_t kAmounts = 3;  // "2 rooms" and "3 rooms" may be levels
    if (kind == "numbers with units" && column.levels.size() < kAmounts) kind = "";
    if (kind.empty() && !single) continue;
    const std::string count = std::to_string(column.levels.size()) + " levels";
    remarks.push_back(
        {"W218",
         "column '" + column.name + "' " +
             (kind.empty() ? "has " + count + " in " + std::to_string(table.rows()) + " rows, most of them in one row alone."
                           : "holds " + std::string(kind) + " (" + column.levels.front() + "), used as " + count + "."),
         (kind.empty() ? "Leave it out if it is a name or an identifier: data.drop: ['"
                       : "Write it as a number, or leave it out: data.drop: ['") +
             column.name + "']. If levels are meant, name it in data.categorical."});
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
  for (Index i = 0; i < a.end - a.begin; ++i) {
    const Index r = a.begin + i, s = b.begin + i;
    if (d.y[r] != d.y[s]) return false;
    if (!d.x.sparse) {
      for (Index j = 0; j < d.x.cols(); ++j) {
        if (!equal_values(d.x.dense(r, j), d.x.dense(s, j))) return false;
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

}  // namespace tacit
