// The fitted model as a file: all that is needed to predict, and to understand what was fitted.
#pragma once
#include <filesystem>
#include <string>

#include <tacit/problems/models/fitted_model.hpp>

namespace tacit {

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
