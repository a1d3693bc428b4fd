// The fitted model as a file: all that is needed to predict, and to understand what was fitted.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

#include <tacit/cli/model/metrics.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit {

enum class Task { regression, binary };

/// A block of hyperparameters in natural units; labels are empty for a single value.
struct ModelHyper {
  std::string name;
  std::vector<std::string> labels;
  std::vector<double> values;
};

/// A fitted linear model: margin or prediction = coefficients . features + intercept, on the original scale of the features.
struct FittedModel {
  std::string tacit_version;
  std::string name;  ///< of the run
  std::string kind;  ///< ridge, logistic, ...
  Task task = Task::regression;
  std::string objective;  ///< what was minimised, in words and units
  std::vector<std::string> features;
  Vec coefficients;
  double intercept = 0;
  std::vector<std::string>
      classes;           ///< binary: {negative, positive} as labels of the data ("rest" of several); regression: empty
  std::string positive;  ///< binary: classes[1]
  std::vector<ModelHyper> hyperparameters;
  NamedValues metrics;
  Encoder encoder;
};

/// The model as JSON, every number in its shortest form that reads back as the same double. Throws UsageError when the parts do
/// not fit together or a coefficient is not finite; a metric that is not finite becomes null.
std::string model_json(const FittedModel& model);
/// model_json written atomically. Throws IoError too.
void write_model(const FittedModel& model, const std::filesystem::path& file);
/// The reverse, strict. `path` is for messages. Throws DataError D103 with line and column for what is no JSON or no model,
/// UsageError for a model of a newer Tacit.
FittedModel parse_model(const std::string& text, const std::string& path);
/// Reads a model file, or "model.json" of a run folder. Throws UsageError for a folder without one, DataError D101 for a missing
/// file.
FittedModel read_model(const std::filesystem::path& file_or_folder);

}  // namespace tacit
