// Predictions of a fitted model for new data.
#pragma once
#include <filesystem>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <tacit/cli/model/model_file.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit {

/// Columns of predictions.csv besides those of a new data set; each is empty or has one entry a row.
struct PredictionExtra {
  std::vector<Index> row;           ///< number of the row in the data, from 1; empty: 1, 2, ...
  std::vector<std::string> fold;    ///< "validation", or the number of the fold that holds the row out
  std::vector<Index> repeat;        ///< number of the draw of folds, where there are several
  std::vector<std::string> target;  ///< number or label as text
};

/// A CSV with a header: row[, fold][, repeat][, target], prediction[, probability_LABEL of each class]. A NaN margin leaves its
/// cells empty.
std::string predictions_csv(const FittedModel& model, In margin, const PredictionExtra& extra = {});

/// `tacit predict`: reads the model (run folder or model.json) and the data, writes predictions_csv to `output` (atomically), or
/// to `out`. Returns the warnings. `adjust` changes how the file is read.
std::vector<std::string> predict(const std::filesystem::path& model, const std::string& data,
                                 const std::optional<std::string>& output, std::ostream& out,
                                 const std::function<void(Encoder&)>& adjust = {});

/// The keys of `data` that say how a file is written: those which a new file may have otherwise than the training data.
const std::vector<std::string>& reading_keys();

}  // namespace tacit
