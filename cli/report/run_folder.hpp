// A run folder read back: what tune, compare or curve left there. A file that was damaged or edited into nonsense is an error
// with its place, never a wrong number.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include <tacit/problems/readers/table.hpp>

namespace tacit {

struct RunRecord {
  std::filesystem::path folder;
  std::string verb;    ///< tune | compare | curve
  std::string name;    ///< of the run
  nlohmann::json run;  ///< run.json
  std::string config;  ///< config.resolved.yaml
  /// CSV files (audit: steps.csv of compare); without one (or without a row in it) empty.
  std::optional<Table> trace, hyper, compare, audit, curve, predictions;
  std::vector<std::optional<Table>> own_runs;  ///< of compare: trace.csv of each run in own_runs of run.json
  nlohmann::json constants;                    ///< curve.json
  std::vector<nlohmann::json> steps;           ///< the lines of trace.jsonl
  std::optional<Mat> theta;                    ///< theta.npy, where the lines leave the hyperparameters out; a row a step
};

/// Throws DataError E601 (no run folder), E602 (a file is damaged), E603 (of another version) or a D code (no CSV).
RunRecord read_run(const std::filesystem::path& folder);

/// The numbers of a column, NaN where a cell is empty; all NaN when there is no such column. Throws DataError E602 for a word.
std::vector<double> column(const Table& table, const std::string& name);
/// The cells of a column as they stand; empty texts when there is no such column.
std::vector<std::string> text_column(const Table& table, const std::string& name);

/// A value of run.json by its path ("best.outer_loss"): NaN, "", null when it is missing or null. Throws DataError E602 for
/// another type.
double number_at(const RunRecord& r, std::string_view path);
/// Is x after a number of steps what the run means, not the solution (inner.response: iterate)?
bool of_steps(const RunRecord& r);
/// Did its outer optimizer ask for values alone, so that there is nothing to be said of hypergradients?
bool of_values_alone(const RunRecord& r);
std::string text_at(const RunRecord& r, std::string_view path);
const nlohmann::json& value_at(const RunRecord& r, std::string_view path);
/// The same of a part of it; `what` names the part in the error.
double number_of(const nlohmann::json& value, const std::string& what);
std::string text_of(const nlohmann::json& value, const std::string& what);

/// Name of the loss of the validation rows: validation.loss where it is not the model's.
std::string outer_loss_of(const RunRecord& r);
/// The name in the run file of the penalty that the model of the run has.
std::string penalty_name(const RunRecord& r);

/// run.json, or another JSON file of a run folder, holds what no run writes.
[[noreturn]] void refuse_file(const std::filesystem::path& file, const std::string& why);

}  // namespace tacit
