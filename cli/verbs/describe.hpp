// The manual on the terminal, and starter run files.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// `tacit describe [NAME]`: without a name an overview; a key ("inner.max_steps", or "max_steps"), a block, an error code, a
/// strategy, a model, or one of the lists: keys, codes, models, formats, solvers, estimators, optimizers. Throws UsageError with
/// the near name when there is none.
std::string describe(const std::string& name, const StrategyCatalog& catalog);

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
  std::string delimiter = "auto";
  std::string decimal = ".";
  long rows = 0;
  std::vector<Column> columns;
  std::string target;                       ///< column that looks like the target: a name, or `last`; empty for libsvm
  std::optional<std::string> weight;        ///< column that looks like row weights
  std::optional<std::string> split_column;  ///< column that names the parts
  std::vector<std::string> classes;         ///< of the target when it looks like classes, sorted; else empty
  std::vector<std::string> labels;          ///< of the target when it has a few values, as a classifier takes them, sorted
  std::optional<std::string> positive;      ///< model.positive, where it was given
  std::vector<std::string> note;            ///< further comment lines for the user
};

/// A commented starter run file. kind: a model, "" for the usual one; throws UsageError for a name that is none or not available.
std::string starter_file(const std::string& kind);
/// The same, filled in from a data file. kind "": as the target suggests, numbers or classes.
std::string starter_file(const std::string& kind, const DataSummary& data);

}  // namespace tacit
