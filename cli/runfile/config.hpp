// The run file as plain structs: one member a key, each with its default.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/cli/runfile/config_fields.hpp>
#include <tacit/problems/models/tasks.hpp>

namespace tacit {

/// Names and fields of the strategies, by the block that chooses among them: "inner", "hypergradient", "outer".
class StrategyCatalog {
public:
  virtual ~StrategyCatalog() = default;
  virtual std::vector<std::string> names(std::string_view block) const = 0;
  /// One line on it.
  virtual std::string doc(std::string_view block, std::string_view name) const = 0;
  /// A fresh object of that name, whose fields() are its keys with their defaults.
  virtual std::unique_ptr<Configurable> make(std::string_view block, std::string_view name) const = 0;
};

/// The catalog of three registries, which must outlive it.
template <class Solvers, class Estimators, class Optimizers>
class RegistryCatalog final : public StrategyCatalog {
public:
  RegistryCatalog(const Solvers& solvers, const Estimators& estimators, const Optimizers& optimizers)
      : solvers_(solvers), estimators_(estimators), optimizers_(optimizers) {}
  std::vector<std::string> names(std::string_view block) const override {
    if (block == "inner") return solvers_.names();
    if (block == "hypergradient") return estimators_.names();
    return block == "outer" ? optimizers_.names() : std::vector<std::string>{};
  }
  std::string doc(std::string_view block, std::string_view name) const override {
    if (block == "inner") return solvers_.doc(name);
    return block == "hypergradient" ? estimators_.doc(name) : optimizers_.doc(name);
  }
  std::unique_ptr<Configurable> make(std::string_view block, std::string_view name) const override {
    if (block == "inner") return solvers_.make(name);
    if (block == "hypergradient") return estimators_.make(name);
    return optimizers_.make(name);
  }

private:
  const Solvers& solvers_;
  const Estimators& estimators_;
  const Optimizers& optimizers_;
};

/// Paths are absolute once the run file has been read.
struct DataBlock final : Block {
  FilePath train;
  std::string format = "auto";
  Text target;  ///< column name, 1-based number, `last`; empty: the reader decides
  NameList features{"all"};
  std::vector<std::string> drop;
  NameList categorical{"auto"};
  FeatureGroups feature_groups;
  Text weight, group;
  std::string header = "auto";
  Index skip_rows = 0;
  std::string delimiter = "auto", decimal = ".", missing = "error";
  std::vector<std::string> missing_values{"", "NA", "NaN", "?"};
  std::string index_base = "auto";
  std::optional<Index> features_total;
  double unpack_ratio = 200;
  TestPart test;
  Text test_target;
  Opaque synthetic{Node::Kind::map, "null | {kind, rows, features, condition, noise, density, test_rows}"};
  void fields(BlockVisitor& v) override;
};

struct PrepareBlock final : Block {
  Tristate standardize;
  void fields(BlockVisitor& v) override;
};

struct ValidationBlock final : Block {
  std::string scheme = "auto";
  double fraction = 0.25;
  Index folds = 5, repeats = 1, outer_folds = 0;
  FilePath file;
  Text target;
  std::string loss = "auto";
  Tristate stratify;
  Text split_column;
  void fields(BlockVisitor& v) override;
};

struct ModelBlock final : Block {
  std::string kind = usual_model(false).name;
  bool intercept = true;
  std::string reduction = "mean";
  double delta = 1;
  ClassWeight class_weight;
  Text positive{"auto"};
  void fields(BlockVisitor& v) override;
};

/// One block of hyperparameters.
struct HyperEntry final : Block {
  HyperValue start;
  HyperRange range;
  std::string per = "all";
  HyperValue fix{true};        ///< not auto: the value is not tuned
  std::optional<double> pull;  ///< of many towards their median; none: auto
  bool fixed() const { return !fix.is_auto(); }
  void fields(BlockVisitor& v) override;
};

/// The blocks of hyperparameters by name: all that any model has.
struct HyperBlockConfig final : Block {
  struct Named {
    std::string name;
    HyperEntry entry;
  };
  std::vector<Named> entries;
  HyperBlockConfig();
  /// Throws std::out_of_range for a name that no model has.
  HyperEntry& at(std::string_view name);
  const HyperEntry& at(std::string_view name) const;
  void fields(BlockVisitor& v) override;
};

struct InnerBlock final : StrategyBlock {
  std::string solver = "auto";
  StartPoint start;
  std::string response = "solution";
  bool warm_start = true;
  /// Is x after exactly max_steps steps meant, not the solution?
  bool iterates() const { return response == "iterate"; }
  /// max_steps of the solver; none: under auto, or a solver without.
  std::optional<Index> max_steps() const;
  const char* selector() const override { return "solver"; }
  const std::string& chosen() const override { return solver; }
  void fields(BlockVisitor& v) override;

protected:
  std::string& choice() override { return solver; }
};

struct HypergradientBlock final : StrategyBlock {
  std::string estimator = "auto";
  double accuracy = 1e-2;
  /// Does the chosen estimator aim at `accuracy`: estimator auto, or window auto?
  bool aims() const;
  const char* selector() const override { return "estimator"; }
  const std::string& chosen() const override { return estimator; }
  void fields(BlockVisitor& v) override;

protected:
  std::string& choice() override { return estimator; }
};

struct OuterBlock final : StrategyBlock {
  std::string optimizer = "lbfgs";
  Index max_steps = 50;
  double tolerance = 1e-4;
  std::string schedule = "auto";
  std::string select = "best";
  WordOrNull metric{{"auc", "accuracy", "f1", "rmse", "mae"}};
  std::optional<Index> patience;
  bool refit = true;
  const char* selector() const override { return "optimizer"; }
  const std::string& chosen() const override { return optimizer; }
  bool has_auto() const override { return false; }
  void fields(BlockVisitor& v) override;

protected:
  std::string& choice() override { return optimizer; }
};

struct DiagnosticsBlock final : Block {
  Index reference = 5, audit = 0;
  std::optional<double> warn_error = 0.1, fail_error;
  std::string level = "full";
  void fields(BlockVisitor& v) override;
};

struct LimitsBlock final : Block {
  Duration time;
  Bytes memory;
  Count threads = Count::automatic();
  void fields(BlockVisitor& v) override;
};

struct OutputBlock final : Block {
  std::string dir = "runs/{name}";  ///< relative to the working directory
  Duration checkpoint;
  bool predictions = false;
  OutputBlock() { checkpoint.seconds = 30; }
  void fields(BlockVisitor& v) override;
};

/// Of `tacit compare`: checked, then left alone by the other verbs.
struct CompareBlock final : Block {
  std::string mode = "same-path", reference = "implicit-direct";
  Index path = 8, repeats = 1;
  Opaque estimators{Node::Kind::list, "[{label, estimator, ...}]"};
  Opaque sweep{Node::Kind::map, "{key.path: [values]}"};
  void fields(BlockVisitor& v) override;
};

/// Of `tacit curve`: checked, then left alone by the other verbs.
struct CurveBlock final : Block {
  Index steps = 300;
  IntegerList starts{{0, 50, 100}, Range::at_least(0)};
  std::string variable = "value";
  std::optional<double> cost;
  void fields(BlockVisitor& v) override;
};

struct RunConfig final : Block {
  Index tacit = 1;
  Text name{"null"};
  Index seed = 0;
  DataBlock data;
  PrepareBlock prepare;
  ValidationBlock validation;
  ModelBlock model;
  HyperBlockConfig hyper;
  InnerBlock inner;
  HypergradientBlock hypergradient;
  OuterBlock outer;
  DiagnosticsBlock diagnostics;
  LimitsBlock limits;
  OutputBlock output;
  CompareBlock compare;
  CurveBlock curve;
  std::string file;      ///< the run file as it was named
  std::string text;      ///< its bytes
  std::string run_name;  ///< name, or the stem of the file
  void fields(BlockVisitor& v) override;

  /// The block of hyperparameters that is the penalty of the model, its name, and the path of a key of it ("hyper.NAME.start").
  HyperEntry& penalty() { return hyper.at(penalty_name()); }
  const HyperEntry& penalty() const { return hyper.at(penalty_name()); }
  const std::string& penalty_name() const;
  std::string penalty_key(std::string_view key) const;
  /// inner.tolerance was not given, and the estimator aims at an accuracy: it is what the run begins with, and follows that.
  bool follows_target() const { return hypergradient.aims() && !inner.given("tolerance"); }
  /// The error with the place of its key in the run file, when the key (or a block above it) is there.
  Issue issue_of(const UsageError& error) const;
  /// A DataError or UsageError of a key, placed at that key ("data.target"): the place is where the user can change it.
  Issue issue_at_key(std::string_view key, std::string code, std::string what, std::string remedy) const;
};

/// Reads, overrides ("key.path=value", the last one wins) and checks a run file. Throws RunFileError with everything that is
/// wrong in it.
RunConfig load_run_file(const std::string& path, const std::vector<std::string>& overrides, const StrategyCatalog& catalog);
/// The same of a text already in memory: name is shown in errors, folder is where its relative paths start.
RunConfig read_run_text(const std::string& name, const std::string& text, const std::string& folder,
                        const std::vector<std::string>& overrides, const StrategyCatalog& catalog);
/// A change of a run file: the value that a key gets, or the key taken out.
struct Edit {
  std::string path;
  std::optional<Node> value;
};
/// The run file with some changes, read and checked anew. Throws RunFileError.
RunConfig edited(const RunConfig& config, const std::vector<Edit>& edits, const StrategyCatalog& catalog);
/// Only overrides, over the defaults: `tacit init data.train=FILE`.
RunConfig read_overrides(const std::vector<std::string>& overrides, const StrategyCatalog& catalog);

/// config.resolved.yaml and --print-config: every key in use, numbers with all their digits; reading it again gives the same
/// configuration.
std::string to_yaml(const RunConfig& config, const StrategyCatalog& catalog);

/// Why the key (of the run file as it is) has no effect: a sentence, or "" when it is in use.
std::string why_unused(const RunConfig& config, std::string_view key);
/// A sentence when `value` of `key` is reserved for a later version, else "". For verbs: key "verb".
std::string later_version(std::string_view key, std::string_view value);
/// A key of which this version takes the default alone, since nothing reads it yet.
bool not_yet_here(std::string_view key);
/// The choices of a key that this version has.
std::vector<std::string> available_choices(std::string_view key, const std::vector<std::string>& choices);

}  // namespace tacit
