// Starter run files: what `tacit init` prints.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// What a data file shows of itself, for `tacit init data.train=FILE`.
struct DataSummary {
  struct Column {
    std::string name;
    bool numeric = true;
    bool missing = false;  ///< has empty or missing cells
  };
  std::string file;         ///< as it is to stand in the run file
  std::string format;       ///< as in formats.hpp
  bool format_told = true;  ///< by the name of the file
  bool header = true;
  bool header_sure = true;  ///< else the run file says which it is
  long skip_rows = 0;
  long rows = 0;
  std::vector<Column> columns;
  std::string target;                       ///< a name, `last`, or a file; empty: that of a LIBSVM file itself
  Index target_column = -1;                 ///< among the columns; -1: none of them
  std::optional<std::string> weight;        ///< column that holds row weights by its name
  std::optional<std::string> maybe_weight;  ///< one that may: said in a comment
  std::optional<std::string> split_column;  ///< column that names the parts
  std::vector<std::string> classes;         ///< of the target when it looks like classes, sorted; else empty
  std::vector<std::string> labels;          ///< of the target when it has a few values, as a classifier takes them, sorted
};

/// A commented starter run file. kind: a model, "" for the usual one; throws UsageError for a name that is none or not available.
std::string starter_file(const std::string& kind);
/// The same, filled in from a data file. kind "": as the target suggests, numbers or classes. given: keys of the run file (a
/// map), each of which stands in the file as it was given.
std::string starter_file(const std::string& kind, const DataSummary& data, const Node& given = {});

}  // namespace tacit
