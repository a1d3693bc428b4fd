// The model that a run leaves: coefficients on the original scale of the features, and what it takes to predict from a file.
#pragma once
#include <string>
#include <vector>

#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit::inline TACIT_ABI {

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
  std::string kind;  ///< as model.kind
  Task task = Task::regression;
  std::string objective;  ///< what was minimised, in words and units
  std::vector<std::string> features;
  Vec coefficients;
  double intercept = 0;
  /// What is taken off the features before they are multiplied, where sums over the features themselves would lose digits; then
  /// the prediction is coefficients . (features - centre) + intercept_at_centre. Empty: nothing is.
  Vec centre;
  double intercept_at_centre = 0;
  std::vector<std::string>
      classes;           ///< binary: {negative, positive} as labels of the data ("rest" of several); regression: empty
  std::string positive;  ///< binary: classes[1]
  std::vector<ModelHyper> hyperparameters;
  NamedValues metrics;
  Encoder encoder;
};

/// The model of the solution x (scaled, intercept last when there is one) of a prepared problem at the hyperparameters u, without
/// metrics.
TACIT_EXPORT FittedModel fitted_model(const Prepared& prepared, In u, In x);

/// The penalty in use at u: one value, or one per feature.
TACIT_EXPORT Vec penalty_of_features(const Prepared& prepared, In u);

/// The linear part for the rows of a data file.
struct Margins {
  Vec values;
  std::vector<Index> row;             ///< number of each in the file, from 1: rows with missing cells may have been dropped
  std::vector<std::string> warnings;  ///< sentences: unknown levels, rows without a prediction, other indices
};

/// coefficients . features + intercept for all rows of `data`. A table is read by column name, columns of no use are ignored;
/// LIBSVM by index. Throws DataError D107 with the nearest name for a missing column, D108-D110 for cells that cannot be used.
TACIT_EXPORT Margins margins(const FittedModel& model, const std::string& data);

/// 1 / (1 + exp(-margin)), safe for large margins: the probability of the positive class where the model has one.
TACIT_EXPORT double sigmoid(double margin);

}  // namespace tacit::inline TACIT_ABI
