// From a data set and a choice of rows to a problem: scaling, fills, coding of the target and weights, fitted on those rows. The
// data set is only read, so that any number of these stand beside each other: one per fold, and one for the final fit.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/scaling.hpp>
#include <tacit/problems/data/split.hpp>
#include <tacit/problems/models/closed_form.hpp>
#include <tacit/problems/models/moments.hpp>
#include <tacit/problems/models/tasks.hpp>

namespace tacit::inline TACIT_ABI {

/// Weights of the classes, in inner and outer loss.
struct ClassWeights {
  bool balanced = false;  ///< W / (2 W_k) for class k, W the weight of the training rows
  std::map<std::string, double> weights{};
};

/// What is asked for, whatever the rows.
struct PrepareChoices {
  std::shared_ptr<const ModelTask> task;  ///< make_task("ridge")
  std::optional<std::string> positive{};  ///< the class told from the rest; none: the later of two
  ClassWeights class_weight{};
  Standardize standardize = Standardize::automatic;
  ModelOptions model{};
};

/// Raw moments of the training and validation rows of a ridge regression; a weight of 0: not known.
struct PartMoments {
  RowMoments training, validation;
};

/// One problem made of a data set. A value: copies share the numbers, which nobody writes.
struct TACIT_EXPORT Prepared {
  std::shared_ptr<const Dataset> data;
  Split rows;  ///< no validation rows: the problem has no criterion
  PrepareChoices choices;
  std::shared_ptr<const Features> x;            ///< of all rows, missing cells filled as the training rows say, less the centre
  Encoder encoder;                              ///< that fills a new file in the same way
  Scaling scaling;                              ///< fitted on the training rows
  Vec y;                                        ///< of all rows, as the loss takes it: numbers, or -1 and +1
  Vec weight;                                   ///< of all rows: row weight times class weight
  std::vector<std::string> labels;              ///< {negative, positive}; empty for numbers
  std::map<std::string, double> class_weights;  ///< by label; empty: all 1
  ProblemMoments moments;  ///< what of the problem goes through moments of its rows; nothing: through the rows
  std::shared_ptr<const PartMoments> raw_moments;  ///< kept for a final fit, which then reads no row; null: it reads them
  std::shared_ptr<const RowScoreLoss> row_score;   ///< of the problem whose training rows are judged by a closed form; else null
  Problem problem;

  const ModelTask& task() const { return *choices.task; }
  const ModelOptions& model() const { return choices.model; }
  bool weighted() const { return data->weighted || !class_weights.empty(); }
  /// Rows of A as the inner problem has them: scaled, without the intercept.
  Design design(const std::vector<Index>& which) const;
  /// a_i.w + b of some rows; x stacks the scaled coefficients w and, when there is one, b.
  Vec margins(const std::vector<Index>& which, In x) const;
  /// The outer loss of rows with these targets and margins.
  Vec losses(In y, In margin) const;
  /// All that a problem is made of.
  ModelParts parts() const;
  /// What the units of columns that are used as they are do to the inner problem; nothing where they do little.
  std::optional<ScaleRemark> scale_remark() const;
  /// Which columns are centred before anything is multiplied, or constant; "" when none is.
  std::string centre_remark() const;
  /// The inner objective in words, with these choices.
  std::string objective_text() const;
};

/// values[rows]
TACIT_EXPORT Vec pick(In values, const std::vector<Index>& rows);
/// All rows train.
TACIT_EXPORT Split all_rows(Index rows);
/// Training and validation rows together, ascending: those of a final fit.
TACIT_EXPORT std::vector<Index> rows_of_refit(const Split& rows);

/// Throws DataError, D124 for numbers whose squares leave double precision, and UsageError. moments: columns are scaled by them,
/// and the problem goes through them.
TACIT_EXPORT Prepared prepare_problem(std::shared_ptr<const Dataset> data, Split rows, PrepareChoices choices,
                                      const PartMoments* moments = nullptr);
/// The same for rows that are held out once: a ridge regression whose moments pay, with no more columns than a direct solution
/// takes (MomentModel::kTridiagonalDim), reads its rows once and goes through them.
TACIT_EXPORT Prepared prepare_holdout(std::shared_ptr<const Dataset> data, Split rows, PrepareChoices choices);
/// Has one of these rows a cell that is filled, and with what the training rows say?
TACIT_EXPORT bool any_filled(const Dataset& data, const std::vector<Index>& rows);
/// Raw moments of some of its rows; none (weight 0) where any_filled, or their squares leave double precision.
TACIT_EXPORT RowMoments moments_of_rows(const Prepared& prepared, const std::vector<Index>& rows);
/// The same choices fitted anew on other training rows, with nothing to validate on: for a final fit. The range of the
/// hyperparameters and the class weights stay as they are. Of all its training and validation rows by moments where they are
/// kept.
TACIT_EXPORT Prepared prepare_again(const Prepared& earlier, std::vector<Index> training_rows);
/// The same rows with columns centred whose mean is more than three times their deviation, where there is an intercept: what
/// centred_problem is made of, so that its solutions have their margins.
TACIT_EXPORT Prepared centred(const Prepared& prepared);
/// The problem, with its penalties or one common one in their place, as it is easiest to solve: where there is an intercept,
/// columns whose mean is more than three times their deviation are centred. The outer loss is the same function of u, the
/// coefficients are the same but for the intercept, and the condition no longer grows with the square of mean over deviation.
/// Through moments it is the problem itself: their inverse takes the intercept out.
TACIT_EXPORT Problem centred_problem(const Prepared& prepared, PenaltyPer per);
/// The problem as it is, with its penalties or one common one in their place: where steps from a start are meant, which depend on
/// how the columns are written.
TACIT_EXPORT Problem problem_with(const Prepared& prepared, PenaltyPer per);

}  // namespace tacit::inline TACIT_ABI
