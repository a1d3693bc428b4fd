#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>
#include <numeric>
#include <set>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/memory_limits.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/detail/numbered.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <unordered_map>

namespace tacit::inline TACIT_ABI {
namespace {

/// The weighted mean of values (weights > 0).
double weighted_mean(const std::vector<std::pair<double, double>>& cells) {
  double sum = 0, total = 0;
  for (const auto& [value, weight] : cells) {
    sum += weight * value;
    total += weight;
  }
  return sum / total;
}

/// The middle of the values when each counts as often as its weight says: half of the weight lies on either side.
double weighted_median(std::vector<std::pair<double, double>> cells) {
  std::sort(cells.begin(), cells.end());
  double total = 0;
  for (const auto& cell : cells) total += cell.second;
  double below = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    below += cells[i].second;
    if (below < total / 2) continue;
    const bool tie = below == total / 2 && i + 1 < cells.size();
    return tie ? (cells[i].first + cells[i + 1].first) / 2 : cells[i].first;
  }
  return cells.back().first;
}

/// Columns next to each other, which are copied at once.
struct ColumnRun {
  Index from, to, count;
};

std::vector<ColumnRun> column_runs(const std::vector<Index>& from, const std::vector<Index>& to) {
  std::vector<ColumnRun> runs;
  for (std::size_t k = 0; k < from.size(); ++k) {
    if (!runs.empty() && runs.back().from + runs.back().count == from[k] && runs.back().to + runs.back().count == to[k])
      ++runs.back().count;
    else
      runs.push_back({from[k], to[k], 1});
  }
  return runs;
}

void copy_row(const std::vector<ColumnRun>& runs, const double* from, double* to) {
  for (const ColumnRun& run : runs) {
    if (from + run.from == to + run.to) continue;
    if (run.count == 1)
      to[run.to] = from[run.from];
    else
      std::memmove(to + run.to, from + run.from, static_cast<std::size_t>(run.count) * sizeof(double));
  }
}

std::vector<Index> ascending(std::size_t n) {
  std::vector<Index> out(n);
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}

/// The same where a column goes to another feature than its place among them.
void list_missing_at(const Table& table, const std::vector<Index>& columns, const std::vector<Index>& features,
                     const std::vector<Index>& kept, Index at, std::vector<MissingCell>& missing) {
  std::vector<std::size_t> gaps;
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (table.cells(columns[k]).missing > 0) gaps.push_back(k);
  }
  if (gaps.empty()) return;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const double* const row = table.row(kept[i]);
    for (const std::size_t k : gaps) {
      if (std::isnan(row[columns[k]])) missing.push_back({at + static_cast<Index>(i), features[k]});
    }
  }
}

void encode_levels(const EncodedColumn& column, const Table& table, Index source, const std::vector<Index>& kept, AlignedRows& x,
                   Index at, std::vector<std::string>& warnings) {
  const TextColumn text = table.text(source);
  std::vector<Index> offset(text.levels.size(), -1);
  for (std::size_t k = 0; k < text.levels.size(); ++k) {
    const auto known = std::find(column.levels.begin(), column.levels.end(), text.levels[k]);
    if (known != column.levels.end()) offset[k] = static_cast<Index>(known - column.levels.begin());
  }
  x.block(at, column.first, static_cast<Index>(kept.size()), column.width()).setZero();
  std::map<std::string, Index> unknown;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const std::int32_t code = text.codes[static_cast<std::size_t>(kept[i])];
    const Index missing_offset = column.missing_level ? static_cast<Index>(column.levels.size()) : -1;
    const Index level = code < 0 ? missing_offset : offset[static_cast<std::size_t>(code)];
    if (level >= 0) {
      x(at + static_cast<Index>(i), column.first + level) = 1;
    } else {
      ++unknown[code < 0 ? "a missing cell" : "'" + text.levels[static_cast<std::size_t>(code)] + "'"];
    }
  }
  for (const auto& [level, count] : unknown) {
    warnings.push_back("column '" + column.name + "' of '" + table.file().path() + "': " + level + " (" + std::to_string(count) +
                       (count == 1 ? " row" : " rows") + ") is no level of the training data; its features are all 0");
  }
}

void apply_fills(const Encoder& encoder, const std::vector<MissingCell>& missing, AlignedRows& x) {
  std::vector<const EncodedColumn*> of(static_cast<std::size_t>(encoder.features()), nullptr);
  for (const EncodedColumn& c : encoder.columns) of[static_cast<std::size_t>(c.first)] = &c;
  for (const MissingCell& cell : missing) {
    const EncodedColumn& column = *of[static_cast<std::size_t>(cell.feature)];
    if (!column.has_fill)
      throw UsageError("column '" + column.name + "' has no value for missing cells yet; call fit_fills first");
    x(cell.row, cell.feature) = column.fill;
  }
}

}  // namespace

void keep_columns(CsrMatrix& x, const std::vector<Index>& kept) {
  std::vector<std::int32_t> to(static_cast<std::size_t>(x.cols()), -1);
  for (std::size_t k = 0; k < kept.size(); ++k) to[static_cast<std::size_t>(kept[k])] = static_cast<std::int32_t>(k);
  std::int32_t n = 0, begin = 0;
  for (Index i = 0; i < x.rows(); ++i) {
    const std::int32_t end = x.outerIndexPtr()[i + 1];
    for (std::int32_t e = begin; e < end; ++e) {
      const std::int32_t column = to[static_cast<std::size_t>(x.innerIndexPtr()[e])];
      if (column < 0) continue;
      x.innerIndexPtr()[n] = column;
      x.valuePtr()[n++] = x.valuePtr()[e];
    }
    x.outerIndexPtr()[i + 1] = n;
    begin = end;
  }
  x.conservativeResize(x.rows(), static_cast<Index>(kept.size()));
  x.makeCompressed();
}

void list_missing(const Table& table, const std::vector<Index>& columns, const std::vector<Index>& kept, Index at,
                  std::vector<MissingCell>& missing) {
  list_missing_at(table, columns, ascending(columns.size()), kept, at, missing);
}

void copy_entries(const Table& table, const std::vector<Index>& kept, const std::vector<Index>& columns, AlignedRows& x,
                  Index at) {
  const std::vector<ColumnRun> runs = column_runs(columns, ascending(columns.size()));
  const bool stays = runs.size() == 1 && runs[0].from == 0;
  Vec row(table.cols());
  for (std::size_t i = 0; i < kept.size(); ++i) {
    const double* const from = table.row(kept[i]);
    double* const to = x.begin_of(at + static_cast<Index>(i));
    if (stays && from == to) continue;
    // Of a table that was read to where x is, a row may lie where it goes, with its columns in another order.
    std::copy_n(from, row.size(), row.data());
    copy_row(runs, row.data(), to);
  }
}

namespace {

double bytes_of(Index rows, Index columns) { return sizeof(double) * static_cast<double>(rows) * static_cast<double>(columns); }

/// Are the rows of the table used as they are?
bool used_whole(const TablePart& part) {
  return part.table.outside() && static_cast<Index>(part.kept.size()) == part.table.rows() &&
         std::all_of(part.columns.begin(), part.columns.end(), [&](Index c) { return part.table.cells(c).missing == 0; });
}

}  // namespace

SharedRows numbers_in_place(const std::vector<TablePart>& parts) {
  if (!std::all_of(parts.begin(), parts.end(), used_whole)) return nullptr;
  std::vector<SharedRows> each;
  for (const TablePart& part : parts) each.push_back(chosen_columns(part.table.outside(), part.columns));
  SharedRows all = stacked_rows(std::move(each));
  return all->data() || !memory_holds(bytes_of(all->rows(), all->cols())) ? all : nullptr;
}

void require_memory(Index rows, Index columns, const Table& table) {
  const double bytes = bytes_of(rows, columns), there = usable_memory();
  if (bytes <= there) return;
  throw DataError("D134",
                  "the numbers of '" + table.file().path() + "' take " + short_number(bytes / 1e9) +
                      " GB of memory, where there are " + short_number(there / 1e9) +
                      ": columns of words, missing cells and rows that are left out are made anew in memory",
                  SourceLocation{table.file().path(), 0, 0},
                  "leave such columns out (data.drop), or pack data whose cells are filled and whose columns are numbers, which "
                  "are used where they lie");
}

void keep_entries(AlignedRows& x, const std::vector<Index>& rows, const std::vector<Index>& columns, Index all) {
  const auto n = static_cast<Index>(rows.size()), d = static_cast<Index>(columns.size());
  all = std::max(all, n);
  if (n == x.rows() && d == x.cols() && all == n) return;
  // Nothing moves behind what is still to be read: rows and columns ascend.
  const std::vector<ColumnRun> runs = column_runs(columns, ascending(columns.size()));
  for (Index i = 0; i < n; ++i) copy_row(runs, x.begin_of(rows[static_cast<std::size_t>(i)]), x.begin_of(i));
  x.conserve(n, d);
  x.conserve(all, d);
}

bool any_missing(const AlignedRows& x) {
  constexpr Index kBlock = 4096;
  const bool one = x.outerStride() == x.cols();  // after the other
  const Index runs = one ? 1 : x.rows(), length = one ? x.size() : x.cols();
  for (Index run = 0; run < runs; ++run) {
    for (Index at = 0; at < length; at += kBlock) {
      const double* const v = x.begin_of(run) + at;
      const Index n = std::min(kBlock, length - at);
      std::int64_t missing = 0;  // counted without a branch, which the compiler turns into wide instructions
      for (Index i = 0; i < n; ++i) missing += v[i] != v[i] ? 1 : 0;
      if (missing > 0) return true;
    }
  }
  return false;
}

Index number_of_name(const std::string& name) {
  Index number = 0;
  if (name.empty()) return 0;
  const auto [end, ec] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
  return ec == std::errc{} && end == name.data() + name.size() ? number : 0;
}

std::string dropped_text(Index dropped, Index all, const std::string& path) {
  return std::to_string(dropped) + " of " + std::to_string(all) + " rows of '" + path + "' " +
         (dropped == 1 ? "has missing cells and was dropped" : "have missing cells and were dropped");
}

std::vector<Index> locate_columns(const Encoder& encoder, const Table& table) {
  std::vector<Index> at;
  // without a header, a file that lacks the target alone is meant to hold the features in their order
  const bool without_target =
      !encoder.had_header && !table.has_header() && encoder.target_column >= 0 && table.cols() == encoder.source_columns - 1;
  for (const EncodedColumn& column : encoder.columns) {
    Index c = table.find(column.name);
    if (without_target) {
      const Index among_all = number_of_name(column.name) - 1;
      c = among_all > encoder.target_column ? among_all - 1 : among_all;
    }
    if (c < 0 || c >= table.cols()) throw no_column(table, column.name, "a feature of the training data");
    at.push_back(c);
  }
  return at;
}

namespace {

DataError empty_column(const Table& table, Index column, bool fitted) {
  const bool last = column + 1 == table.cols();
  const std::string what = "column '" + table.names()[static_cast<std::size_t>(column)] + "' holds no value in any row";
  if (fitted) return table.error("D110", what, 0, column, "fill it: the model has a coefficient for it");
  return table.error("D110", what, 0, column,
                     std::string("leave it out: data.drop") +
                         (last ? " (a delimiter at the end of every line makes such a column: then name data.target too)" : ""));
}

}  // namespace

std::vector<Index> kept_rows(const Table& table, const std::vector<Index>& columns, const std::vector<Index>& always,
                             Missing rule, bool fitted) {
  std::vector<bool> drop(static_cast<std::size_t>(table.rows()), false);
  const auto look = [&](Index c, bool required) {
    const ColumnCells& cells = table.cells(c);
    if (cells.missing == 0 || (!required && (rule == Missing::mean || rule == Missing::median))) return;
    if (cells.missing == table.rows() && table.rows() > 1) throw empty_column(table, c, fitted);
    if (rule != Missing::drop_row) {
      throw table.error("D110", "a cell of column '" + table.names()[static_cast<std::size_t>(c)] + "' is missing",
                        cells.first_missing, c,
                        required || fitted ? "fill it, remove the row, or set data.missing: drop-row"
                                           : "fill it, or set data.missing to drop-row, mean or median");
    }
    const std::vector<bool> missing = missing_cells(table, c);
    for (std::size_t r = 0; r < missing.size(); ++r) {
      if (missing[r]) drop[r] = true;
    }
  };
  for (const Index c : columns) look(c, false);
  for (const Index c : always) look(c, true);
  std::vector<Index> kept;
  for (std::size_t r = 0; r < drop.size(); ++r) {
    if (!drop[r]) kept.push_back(static_cast<Index>(r));
  }
  if (kept.empty()) {
    throw table.file().error(
        "D110", "every row of '" + table.file().path() + "' has a missing cell, so data.missing: drop-row leaves none",
        fitted ? "fill the columns that are often missing"
               : "set data.missing to mean or median, or drop the columns that are often missing (data.drop)");
  }
  return kept;
}

namespace {

void require_feature_number(const Table& table, Index column, bool fitted) {
  require_numbers(table, column,
                  std::string("correct it, ") + (fitted ? "" : "name the column in data.categorical, ") +
                      "or add the word to data.missing_values");
}

}  // namespace

void require_feature_numbers(const Encoder& encoder, const Table& table, const std::vector<Index>& sources, bool fitted) {
  for (std::size_t k = 0; k < encoder.columns.size(); ++k) require_feature_number(table, sources[k], fitted);
}

void encode_rows(const Encoder& encoder, const Table& table, const std::vector<Index>& sources, const std::vector<Index>& kept,
                 AlignedRows& x, Index at, std::vector<MissingCell>& missing, std::vector<std::string>& warnings, bool fitted) {
  std::vector<Index> from, to;
  for (std::size_t k = 0; k < sources.size(); ++k) {
    const EncodedColumn& column = encoder.columns[k];
    if (column.categorical) {
      encode_levels(column, table, sources[k], kept, x, at, warnings);
      continue;
    }
    require_feature_number(table, sources[k], fitted);
    from.push_back(sources[k]);
    to.push_back(column.first);
  }
  const std::vector<ColumnRun> runs = column_runs(from, to);
  for (std::size_t i = 0; i < kept.size(); ++i) copy_row(runs, table.row(kept[i]), x.begin_of(at + static_cast<Index>(i)));
  list_missing_at(table, from, to, kept, at, missing);
}

Index Encoder::features() const {
  if (sparse) return kept_features.empty() ? features_total : static_cast<Index>(kept_features.size());
  return columns.empty() ? 0 : columns.back().first + columns.back().width();
}

std::vector<std::string> Encoder::feature_names() const {
  std::vector<std::string> names;
  if (sparse) {
    for (Index k = 0; k < features(); ++k) {
      const Index j = kept_features.empty() ? k : kept_features[static_cast<std::size_t>(k)];
      names.push_back("x" + std::to_string(j + index_base));
    }
    return names;
  }
  for (const EncodedColumn& c : columns) {
    if (!c.categorical) names.push_back(c.name);
    if (!c.categorical) continue;
    for (const std::string& level : c.levels) names.push_back(c.name + "=" + level);
    if (c.missing_level) names.push_back(c.name + "=(missing)");
  }
  return names;
}

namespace {

/// Missing numbers (NaN) under the rule of the encoder.
void fill_numbers(const Encoder& encoder, EncodedFile& file) {
  AlignedRows& x = file.x.dense;
  if (file.x.sparse || !any_missing(x)) return;
  std::vector<MissingCell> missing;
  std::vector<Index> whole;
  for (Index i = 0; i < x.rows(); ++i) {
    const std::size_t before = missing.size();
    for (Index j = 0; j < x.cols(); ++j) {
      if (std::isnan(x(i, j))) missing.push_back({i, j});
    }
    if (missing.size() == before) whole.push_back(i);
  }
  if (encoder.missing == Missing::mean || encoder.missing == Missing::median) {
    apply_fills(encoder, missing, x);
    return;
  }
  if (encoder.missing == Missing::error || whole.empty()) {
    throw DataError("D110",
                    "the number in row " + std::to_string(missing[0].row + 1) + " of '" + file.path + "' for the feature " +
                        encoder.columns[static_cast<std::size_t>(missing[0].feature)].name + " is missing (NaN)",
                    SourceLocation{file.path, 0, 0}, "fill it, or leave the row out");
  }
  file.warnings.push_back(dropped_text(x.rows() - static_cast<Index>(whole.size()), x.rows(), file.path));
  file.row.clear();
  for (const Index i : whole) file.row.push_back(i + 1);
  x = Mat(x(whole, Eigen::all));
}

bool any_levels(const Encoder& encoder) {
  return std::any_of(encoder.columns.begin(), encoder.columns.end(), [](const EncodedColumn& c) { return c.categorical; });
}

}  // namespace

EncodedFile Encoder::encode(const std::string& path) const {
  const FileFormat* told = format == "auto" ? format_of_file(path) : find_format(format);
  const bool numbers = told && told->read;
  const bool text = format == "auto" && format_extension(path) == ".txt";  // which may hold LIBSVM text
  if (sparse && told && told->table() && !text) {
    throw DataError("D107", "'" + path + "' is a table, and the features of the model are numbered, without names",
                    SourceLocation{path, 0, 0}, "give the rows as LIBSVM text, MatrixMarket, .npy or IDX");
  }
  if (sparse) return encode_numbered(*this, path, told && !told->table() ? told->name : "libsvm");
  if (told && told->name == "libsvm") {
    throw DataError("D107", "'" + path + "' is LIBSVM text, and the training data were dense", SourceLocation{path, 0, 0},
                    "give the rows in the format of the training data");
  }
  if (numbers && had_header) {
    throw DataError("D107", "the columns of '" + path + "' have no names, and the training data have", SourceLocation{path, 0, 0},
                    "give the rows as a table with the names of the training file");
  }
  if (numbers && any_levels(*this)) {
    throw DataError("D107", "'" + path + "' holds numbers alone, and the training data have columns of words",
                    SourceLocation{path, 0, 0}, "give the rows as a table like the training file");
  }
  if (numbers) {
    EncodedFile out = encode_numbered(*this, path, told->name);
    fill_numbers(*this, out);
    return out;
  }
  TableOptions reading = table;
  reading.keep_text = false;
  reading.header = had_header ? Header::present : Header::absent;  // one row alone cannot tell
  const Table data = Table::read(path, reading);
  if (!had_header) require_same_columns(data, source_columns, target_column >= 0);
  const std::vector<Index> sources = locate_columns(*this, data);
  const std::vector<Index> kept = kept_rows(data, sources, {}, missing, true);
  EncodedFile out;
  out.path = path;
  out.digest = data.file().digest();
  const auto rows = static_cast<Index>(kept.size());
  if (!any_levels(*this)) out.x.outside = numbers_in_place({{data, sources, kept}});
  if (out.x.outside) {
    require_feature_numbers(*this, data, sources, true);
  } else {
    if (data.outside()) require_memory(rows, features(), data);
    out.x.dense.resize(rows, features());
    std::vector<MissingCell> cells;
    encode_rows(*this, data, sources, kept, out.x.dense, 0, cells, out.warnings, true);
    apply_fills(*this, cells, out.x.dense);
  }
  for (const Index r : kept) out.row.push_back(r + 1);
  if (const Index dropped = data.rows() - static_cast<Index>(kept.size()); dropped > 0) {
    out.warnings.push_back(dropped_text(dropped, data.rows(), path));
  }
  return out;
}

Filled fit_fills(const Dataset& data, std::span<const Index> training_rows) {
  Filled out{nullptr, data.encoder};
  Encoder& encoder = out.encoder;
  if (encoder.sparse || (encoder.missing != Missing::mean && encoder.missing != Missing::median)) return out;
  for (EncodedColumn& column : encoder.columns) {
    if (column.categorical) continue;
    std::vector<std::pair<double, double>> cells;
    for (const Index r : training_rows) {
      const double value = data.x.dense(r, column.first);
      if (!std::isnan(value) && data.weight[r] > 0) cells.emplace_back(value, data.weight[r]);
    }
    if (cells.empty()) {
      throw DataError(
          "D110",
          "column '" + column.name +
              "' has no value in any training row of positive weight, so there is nothing to fill its missing cells with",
          SourceLocation{data.files.empty() ? "" : data.files[0].path, 0, 0}, "leave it out: data.drop");
    }
    column.fill = encoder.missing == Missing::mean ? weighted_mean(cells) : weighted_median(std::move(cells));
    column.has_fill = true;
  }
  if (data.missing.empty()) return out;
  auto filled = std::make_shared<Features>(data.x);
  apply_fills(encoder, data.missing, filled->dense);
  out.x = std::move(filled);
  return out;
}

}  // namespace tacit::inline TACIT_ABI
