// The same fit in other tools: scripts that repeat it in scikit-learn and glmnet, and the lambda in their units.
#pragma once
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include <tacit/cli/model/model_file.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/data/dataset.hpp>

namespace tacit {

/// The l2 penalty of
///     1/n sum_i s_i loss_i + sum_j l2_j/2 w_j^2        (mean; `sum` drops 1/n)
/// elsewhere, as the kind says (ModelTask::elsewhere); an empty list for a kind that no other tool has. weight_sum: n of the
/// final fit; sd_y: of the final fit, weighted, divided by n.
std::vector<ElsewhereLambda> lambda_elsewhere(const std::string& kind, In l2, double weight_sum, double sd_y,
                                              bool mean_reduction = true);

/// The same as lines for a table: "TOOL   alpha = 4.2"; many values as their range.
std::vector<std::string> lambda_elsewhere_lines(const std::vector<ElsewhereLambda>& lambdas);

/// Standard deviation with 1/n, weighted (an empty weight: all 1): sd(y) above. A fit without intercept is not centred, and
/// glmnet then divides by the root mean square: centred = false.
double weighted_sd(In y, In weight, bool centred = true);

/// Rows of one file that took part in the final fit.
struct FitRows {
  std::string file;                    ///< absolute path
  std::string target;                  ///< its target column; empty: that of the model
  std::vector<Index> rows;             ///< ascending, numbered from 1 as Dataset::row does
  std::vector<double> weights;         ///< of these rows, where they stand in no column of the file; else empty
  std::string format{};                ///< of the file, as in formats.hpp
  std::vector<std::string> targets{};  ///< of these rows, where they stand in a file of their own; else empty
};

/// The given rows of a data set by file. weight_column: the column that holds the row weights, empty when they come from
/// elsewhere (they are then written out). validation_target, test_target: as in DataOptions.
std::vector<FitRows> fit_rows(const Dataset& data, std::span<const Index> rows, const std::string& weight_column,
                              const std::string& validation_target = {}, const std::string& test_target = {});

/// What the scripts need besides the model.
struct ElsewhereFit {
  std::vector<FitRows> data;
  std::string weight_column;                   ///< empty: none (a file without it has weight 1)
  std::map<std::string, double> class_weight;  ///< by label as in FittedModel::classes; without an entry 1
  bool intercept = true;
  bool standardize = true;  ///< as in the final fit (resolved, not `auto`), with the weights s_i
  bool mean_reduction = true;
  Vec l2;              ///< one, or one per feature
  bool centre = true;  ///< whether standardizing centres: not where the data are stored sparse
};

/// The texts of elsewhere.py and elsewhere.R. Both read the data by absolute path, encode, weigh, standardize as Tacit does,
/// print the coefficients beside those of model.json (in the folder of the script) and exit with 1 when the largest difference is
/// above 1e-6 of the largest coefficient, with 2 when the package is missing. Throws UsageError for a kind that has no such
/// script. R reads tables and LIBSVM text alone; write_elsewhere leaves its script out for other files.
std::string elsewhere_python(const FittedModel& model, const ElsewhereFit& fit);
std::string elsewhere_r(const FittedModel& model, const ElsewhereFit& fit);

/// Writes elsewhere.py and elsewhere.R into the run folder, atomically. False, and nothing is written, when the kind has no such
/// script.
bool write_elsewhere(const FilesOf& files, const FittedModel& model, const ElsewhereFit& fit);

}  // namespace tacit
