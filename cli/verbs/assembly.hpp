// From a checked run file to the objects of the library: data, split, problem, solver, estimator, optimizer.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/outer.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/runfile/config.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/estimator.hpp>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/data/split.hpp>
#include <tacit/problems/models/models.hpp>

namespace tacit {

/// All strategies by name.
struct Strategies {
  Strategies();
  Registry<InnerSolver> solvers;
  Registry<HypergradientEstimator> estimators;
  Registry<OuterOptimizer> optimizers;
  Registry<ModelFamily> models;
  RegistryCatalog<Registry<InnerSolver>, Registry<HypergradientEstimator>, Registry<OuterOptimizer>> catalog;
};

/// Everything a run works with.
struct Assembly {
  RunConfig config;
  Dataset data;
  Split split;
  Scaling scaling;
  Vec y;                                        ///< target as the loss takes it: numbers, or -1 and +1
  Vec weight;                                   ///< row weight times class weight
  std::vector<std::string> labels;              ///< {negative, positive}; empty for numbers
  std::map<std::string, double> class_weights;  ///< by label; empty: all 1
  std::unique_ptr<ModelFamily> family;
  ModelParts parts;
  ModelOptions options;
  Problem problem;  ///< interruptible, by `interrupter`
  std::shared_ptr<Interrupter> interrupter;
  std::string solver_name, estimator_name;
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;
  std::vector<std::string> notes;  ///< choices made under `auto`

  /// Design, targets and weights of some rows under a scaling.
  Design design(const std::vector<Index>& rows, const Scaling& with) const;
  Vec pick(In values, const std::vector<Index>& rows) const;
  /// The inner objective in words, with the choices of this run.
  std::string objective_text() const;
};

/// Solver and estimator of a run file, made for a problem.
struct Method {
  std::string solver_name, estimator_name;
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;
  std::shared_ptr<const Start> start;  ///< x_0 of a cold run; null: 0
  std::vector<std::string> notes;      ///< choices made under `auto`
};
/// Throws UsageError for parts that do not go together.
Method choose_method(const RunConfig& config, const Problem& problem, const Strategies& strategies);

/// Which rows the inner problem is made of: those the run file's validation leaves, or all, with no outer criterion.
enum class RowsUsed { train_part, all_train };

/// Reads the data and builds the problem. Throws DataError, UsageError, RunFileError.
std::unique_ptr<Assembly> assemble(RunConfig config, const Strategies& strategies, RowsUsed rows = RowsUsed::train_part);

/// theta at which the outer run starts: as given, or (auto) the best of a coarse warm path over one common value; with several
/// penalties this value is tuned first. What was done is added to notes. Throws Interruption when it was asked to stop.
Vec starting_point(Assembly& a, const Strategies& strategies);

/// The start in natural units: as the run file gives it, else theta0 where the search ended.
StartValues start_values(const Assembly& a, In theta0);

/// A fresh outer optimizer with the options of the run file.
std::unique_ptr<OuterOptimizer> make_optimizer(const RunConfig& config, const Strategies& strategies);

}  // namespace tacit
