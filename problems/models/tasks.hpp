// What a model kind is, in one place: how the target is coded, its loss and metrics, how it predicts, what it is called and what
// it says of itself. A new kind is a class and a row of the table in tasks.cpp.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/core/support/registry.hpp>
#include <tacit/problems/models/formula.hpp>
#include <tacit/problems/models/metrics.hpp>
#include <tacit/problems/models/models.hpp>

namespace tacit::inline TACIT_ABI {

class ModelTask;

/// A block of hyperparameters that some kind has.
struct HyperKind {
  const char* name;
  const char* doc;
};
/// All of them, in the order of the manual.
TACIT_EXPORT const std::vector<HyperKind>& hyper_kinds();

/// A name that model.kind takes, and what is known of it without data.
struct TACIT_EXPORT ModelKind {
  const char* name;
  const char* doc;
  const char* loss;  ///< as validation.loss and run.json name it; empty: not offered there
  bool classifier;
  std::vector<std::string> hyper;                  ///< names of its blocks of hyperparameters, the penalty first
  std::unique_ptr<ModelTask> (*make)() = nullptr;  ///< null: of a later version
  const char* instead = "";                        ///< what this version has in its place
  bool available() const { return make != nullptr; }
  /// Does it have this block of hyperparameters?
  bool has(std::string_view block) const;
};
/// All names, in the order of the manual.
TACIT_EXPORT const std::vector<ModelKind>& model_kinds();
/// Null when there is none of this name.
TACIT_EXPORT const ModelKind* find_model_kind(std::string_view name);
/// What is taken where no kind is named: the first available one for numbers, or for classes.
TACIT_EXPORT const ModelKind& usual_model(bool classifier);
/// The losses that the kinds have, by name, and the one of a name; null: this version has none.
TACIT_EXPORT std::vector<std::string> loss_names();
TACIT_EXPORT std::shared_ptr<const Loss> loss_named(std::string_view name);

/// A target as a loss takes it.
struct CodedTarget {
  Vec y;                            ///< numbers, or -1 and +1
  std::vector<std::string> labels;  ///< {negative, positive} ("rest" of several); empty for numbers
};

/// A penalty in another tool's units.
struct ElsewhereLambda {
  std::string tool;       ///< "scikit-learn Ridge"
  std::string parameter;  ///< "alpha"
  Vec values;             ///< one, or one per feature
  std::string note;       ///< what else must be set for it to be the same fit
};
/// The l2 penalty of a fit, for elsewhere(): divided by n as for a mean of the losses, n the sum of the weights, sd(y) with 1/n.
struct FittedPenalty {
  Vec l2_of_mean;  ///< one, or one per feature
  double weight_sum = 0, sd_y = 0;
};

/// One model kind at work. y below is coded, z = a.w + b, w are weights of rows.
class TACIT_EXPORT ModelTask : public Configurable {
public:
  /// Its row in the table.
  virtual const ModelKind& kind() const = 0;
  bool classifier() const { return kind().classifier; }
  virtual std::shared_ptr<const Loss> loss() const = 0;
  /// f = 1/n sum_i s_i phi(a_i w + b, y_i) + sum_j l2_j/2 w_j^2 (reduction sum: without 1/n), l the weighted mean loss on the
  /// validation rows, and the block `l2` in log scale with the names of features or groups as labels. Throws UsageError when the
  /// parts do not fit together.
  virtual Problem make(const ModelParts& parts, const ModelOptions& options) const;

  /// The target of a data set as the loss takes it. positive: the class that is told from the rest; none: the later of two.
  /// Throws UsageError for a class that is not there (model.positive), or several of which none is named (model.kind).
  virtual CodedTarget code(const Dataset& data, const std::optional<std::string>& positive) const = 0;
  /// Loss of every row.
  virtual Vec losses(In y, In z) const = 0;
  virtual NamedValues metrics(In y, In z, In w) const = 0;
  /// The constant z with the least mean loss.
  virtual double best_constant(In y, In w) const = 0;
  /// Is 1 / (1 + exp(-z)) the probability of the positive class?
  virtual bool probabilities() const { return false; }

  /// "(a_i.w + b - y_i)^2 / 2", the prediction being a_i.w + b.
  virtual std::string loss_text(const std::string& prediction) const = 0;
  virtual Formula loss_formula(Formula prediction) const = 0;
  /// What y_i is, for the list of symbols: "the target", "the class".
  virtual std::string target_text() const = 0;
  /// What a user should know before a run; empty: nothing.
  virtual std::string caution() const { return {}; }
  /// The same penalty in other tools' units; empty: no other tool has this fit, and there are no scripts that repeat it.
  virtual std::vector<ElsewhereLambda> elsewhere(const FittedPenalty& penalty) const;
};

/// The kinds of this version: ridge, logistic.
TACIT_EXPORT void register_models(Registry<ModelTask>& registry);
/// The task of a kind. Throws UsageError (model.kind) with the near name when this version has none of this name.
TACIT_EXPORT std::shared_ptr<const ModelTask> make_task(std::string_view kind);

}  // namespace tacit::inline TACIT_ABI
