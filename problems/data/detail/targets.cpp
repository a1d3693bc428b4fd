#include <tacit/problems/data/detail/targets.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <set>

#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

SourceLocation in_file(const ColumnFile& column) { return {column.path, 0, 0}; }

std::string row_text(Index row) { return " of row " + std::to_string(row + 1); }

void code_numbers(Dataset& data, const std::vector<TargetPart>& parts) {
  Index at = 0;
  for (const TargetPart& part : parts) {
    for (const Index r : part.kept) {
      const double value = part.column.value[r];
      if (!std::isfinite(value)) {
        throw part.column.error(
            "D108", "the target " + quoted_text(part.column.label(r)) + row_text(r) + " is no number that can be used", r,
            "correct it, or choose a model for classes (model.kind: logistic)");
      }
      data.y[at++] = value;
    }
  }
}

void require_exact_labels(const ColumnFile& column) {
  if (!column.text.empty()) return;
  const bool beyond = column.inexact > 0 || (column.value.array().abs() >= kExactWhole).any();
  if (!beyond) return;
  throw DataError("D109", "labels from 2^53 on lose their last digits, so that different ones may be equal", in_file(column),
                  "number the classes anew, or write the labels to a text file (data.target: FILE), one a line");
}

void code_classes(Dataset& data, const std::vector<TargetPart>& parts) {
  std::set<std::string> labels;
  for (const TargetPart& part : parts) {
    require_exact_labels(part.column);
    if (part.origin != Origin::train) continue;
    for (const Index r : part.kept) labels.insert(part.column.label(r));
  }
  data.classes = sorted_levels({labels.begin(), labels.end()});
  require_two_classes(data.classes, parts.front().column.path, data.encoder.target);
  data.encoder.classes = data.classes;
  std::map<std::string, double> number;
  for (const std::string& label : data.classes) number.emplace(label, static_cast<double>(number.size()));
  for (std::size_t k = 0; k < data.classes.size(); ++k) number[data.classes[k]] = static_cast<double>(k);
  Index at = 0;
  for (const TargetPart& part : parts) {
    for (const Index r : part.kept) {
      const std::string label = part.column.label(r);
      const auto known = number.find(label);
      if (known == number.end()) {
        throw part.column.error("D121", "the class " + quoted_text(label) + row_text(r) + " does not occur in the training data",
                                r, "correct the label, or leave the row out");
      }
      data.y[at++] = known->second;
    }
  }
}

}  // namespace

void code_targets(Dataset& data, const std::vector<TargetPart>& parts, TargetKind kind) {
  Index rows = 0;
  for (const TargetPart& part : parts) rows += static_cast<Index>(part.kept.size());
  data.y.resize(rows);
  const ColumnFile& first = parts.front().column;
  const bool words = !first.text.empty() && !first.value.array().isFinite().any();
  if (kind == TargetKind::classes || (kind == TargetKind::automatic && words))
    code_classes(data, parts);
  else
    code_numbers(data, parts);
}

std::string file_of_selector(const DataOptions& options, const std::string& selector, const std::string& path) {
  if (selector.empty()) return "";
  const std::string whole = path.empty() ? resolve_path(options.base_dir, selector) : path;
  std::error_code ec;
  const auto status = std::filesystem::status(whole, ec);
  const bool there = std::filesystem::exists(status) && !std::filesystem::is_directory(status);
  return there || format_of_file(selector) ? whole : "";
}

DataError no_target(const std::string& selector, const std::string& key, const std::string& of) {
  return DataError("D107", key + ": " + quoted_text(selector) + " is neither a file nor a column of '" + of + "'",
                   SourceLocation{of, 0, 0},
                   "the columns of such a file have no names: use last, a number counted from 1, or a file with one label a row, "
                   "relative to the run file");
}

ColumnFile read_weights(const std::string& path, Index rows, const std::string& of, const ReadLimits& limits) {
  ColumnFile column = read_column_file(path, rows, "weights", of, limits);
  for (Index r = 0; r < rows; ++r) {
    const double w = column.value[r];
    if (!std::isfinite(w))
      throw column.error("D108", "the weight " + quoted_text(column.label(r)) + row_text(r) + " is no number", r,
                         "weights are numbers");
    if (w < 0)
      throw column.error("D112", "the weight " + number_label(w) + row_text(r) + " is negative", r, "weights are 0 or more");
  }
  return column;
}

ColumnFile read_beside(Dataset& data, const std::string& path, Index rows, const std::string& what, const std::string& of,
                       const ReadLimits& limits) {
  ColumnFile column = read_column_file(path, rows, what, of, limits);
  data.beside.push_back({path, column.digest, column.rows()});
  return column;
}

void add_groups(Dataset& data, const ColumnFile& column, const std::vector<Index>& kept, Origin origin,
                std::map<std::string, Index>& numbers, const RowError& error) {
  if (origin != Origin::train) {
    data.group.insert(data.group.end(), kept.size(), -1);
    return;
  }
  for (const Index r : kept) {
    const std::string label = column.label(r);
    if (label.empty()) throw error("D110", "the group" + row_text(r) + " is missing", r, "name the group of every row");
    data.group.push_back(numbers.emplace(label, static_cast<Index>(numbers.size())).first->second);
  }
}

void add_split(Dataset& data, const ColumnFile& column, const std::vector<Index>& kept, Origin origin, const RowError& error) {
  if (origin != Origin::train) {
    data.split.insert(data.split.end(), kept.size(), "");
    return;
  }
  for (const Index r : kept) {
    const std::string value = column.label(r);
    double number = 0;
    const bool fold = read_number(value, '.', number) == NumberText::number && number == std::floor(number) && number >= 0;
    if (!fold && value != "train" && value != "validation" && value != "test") {
      throw error("D119", "the split column holds " + quoted_text(value), r,
                  "write train, validation or test (or a fold number) in every row");
    }
    data.split.push_back(value);
  }
}

void require_positive_weight(const Dataset& data, const std::string& path) {
  if (data.weighted && !(data.weight.maxCoeff() > 0)) {
    throw DataError("D112", "all row weights are 0", SourceLocation{path, 0, 0},
                    "give at least the training rows a positive weight");
  }
}

void require_two_classes(const std::vector<std::string>& classes, const std::string& path, const std::string& target) {
  if (classes.size() >= 2) return;
  throw DataError(
      "D113", "all rows have the same class, " + quoted_text(classes.empty() ? "" : classes[0]) + ", in column '" + target + "'",
      SourceLocation{path, 0, 0}, "a classifier needs two; check data.target");
}

}  // namespace tacit::inline TACIT_ABI
