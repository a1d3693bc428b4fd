// Targets that are known as columns by themselves: of a file of their own, of LIBSVM text, of a file of numbers (internal).
#pragma once
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/column_file.hpp>

namespace tacit::inline TACIT_ABI {

/// The target of the rows of one file.
struct TargetPart {
  ColumnFile column;
  std::vector<Index> kept;  ///< rows in use, from 0
  Origin origin = Origin::train;
};

/// Fills y, and the classes where the model or the words ask for them (of the training rows). Throws D108 for a word among
/// numbers, D109 for labels beyond 2^53 that are no texts, D113, D121.
void code_targets(Dataset& data, const std::vector<TargetPart>& parts, TargetKind kind);

/// Whether a selector names a file: what it is as a path exists, or its ending is one that data have. `path` may be empty: the
/// selector from base_dir. Returns the path, empty when it names none.
std::string file_of_selector(const DataOptions& options, const std::string& selector, const std::string& path);

/// The error for a target that is neither a column nor a file.
DataError no_target(const std::string& selector, const std::string& key, const std::string& of);

/// One weight for every training row. Throws as read_column_file, D108, D112.
ColumnFile read_weights(const std::string& path, Index rows, const std::string& of, const ReadLimits& limits);
/// The column of a file with one value a training row, listed beside the data: groups, parts of a split.
ColumnFile read_beside(Dataset& data, const std::string& path, Index rows, const std::string& what, const std::string& of,
                       const ReadLimits& limits);
/// A DataError about a row, at its place.
using RowError = std::function<DataError(const char* code, const std::string& message, Index row, const std::string& remedy)>;
/// Appends the groups of the kept rows of one file, numbered in the order of their first rows; -1 in a file that does not train.
/// Throws D110 for a row without one.
void add_groups(Dataset& data, const ColumnFile& column, const std::vector<Index>& kept, Origin origin,
                std::map<std::string, Index>& numbers, const RowError& error);
/// Appends the words of the kept rows in a split column: parts, or numbers of folds. Throws D119 for any other.
void add_split(Dataset& data, const ColumnFile& column, const std::vector<Index>& kept, Origin origin, const RowError& error);
/// Throws D112 where all weights are 0.
void require_positive_weight(const Dataset& data, const std::string& path);
/// Throws D113 for fewer than two.
void require_two_classes(const std::vector<std::string>& classes, const std::string& path, const std::string& target);

}  // namespace tacit::inline TACIT_ABI
