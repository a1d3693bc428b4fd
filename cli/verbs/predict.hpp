// Predictions of a fitted model for new data.
#pragma once
#include <filesystem>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include <tacit/cli/model/model_file.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit {

/// The linear part for the rows of a data file.
struct Margins {
  Vec values;
  std::vector<Index> row;             ///< number of each in the file, from 1: rows with missing cells may have been dropped
  std::vector<std::string> warnings;  ///< sentences: unknown levels, rows without a prediction, other indices
};

/// coefficients . features + intercept for all rows of `data`. A table is read by column name, columns of no use are ignored;
/// LIBSVM by index. Throws DataError D107 with the nearest name for a missing column, D108-D110 for cells that cannot be used.
Margins margins(const FittedModel& model, const std::string& data);

/// 1 / (1 + exp(-margin)), safe for large margins: the probability of the positive class.
double sigmoid(double margin);

/// Columns of predictions.csv besides those of a new data set; each is empty or has one entry a row.
struct PredictionExtra {
  std::vector<Index> row;           ///< number of the row in the data, from 1; empty: 1, 2, ...
  std::vector<std::string> fold;    ///< part or fold
  std::vector<std::string> target;  ///< number or label as text
};

/// A CSV with a header: row[, fold][, target], prediction[, probability_LABEL of each class]. A NaN margin leaves its cells
/// empty.
std::string predictions_csv(const FittedModel& model, In margin, const PredictionExtra& extra = {});

/// `tacit predict`: reads the model (run folder or model.json) and the data, writes predictions_csv to `output` (atomically), or
/// to `out`. Returns the warnings.
std::vector<std::string> predict(const std::filesystem::path& model, const std::string& data,
                                 const std::optional<std::string>& output, std::ostream& out);

}  // namespace tacit
