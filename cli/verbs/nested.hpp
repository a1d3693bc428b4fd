// Nested cross-validation (validation.outer_folds): what the whole procedure, tuning included, is worth on rows that it never
// saw.
#pragma once
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

/// A run on some of the rows alone, as a run of these would be: their own split or folds, search of the start, outer steps, final
/// fit on all of them.
struct TunedRows {
  std::unique_ptr<Assembly> assembly;
  Summary summary;
  FinalFit fit;
};
/// config: of the run, or with other choices. Nothing is written or printed. Throws Interruption where a's interrupter ends it
/// before there is a model, UsageError, DataError, and NumericalError where the run has no usable end.
TunedRows tune_rows(const Assembly& a, RunConfig config, const std::vector<Index>& rows, const Strategies& strategies);

/// Each outer fold is predicted by a model whose penalties were tuned on the other folds.
struct Nested {
  Score score;                         ///< of all rows, each by the fold that holds it out
  MeanLoss gain;                       ///< over the intercept alone, paired
  std::vector<std::size_t> rows;       ///< that each fold's run was given
  std::vector<std::vector<double>> u;  ///< what each chose
  /// "nested, 5 folds" and its loss in words.
  std::pair<std::string, std::string> row() const;
  /// {"folds", "rows", "loss", "loss_standard_error", metrics, "gain", "hyperparameters"}
  nlohmann::json json() const;
};
/// begin: called with the number of each fold before it is run. None where a fold has no usable run or the interrupter ended it:
/// `why` is then a sentence.
std::optional<Nested> nested_loss(const Assembly& a, const Strategies& strategies,
                                  const std::function<void(std::size_t fold)>& begin, std::string& why);

}  // namespace tacit
