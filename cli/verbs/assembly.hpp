// From a checked run file to the values of the library: prepared data, problem, solver, estimator, optimizer.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/outer.hpp>
#include <tacit/bilevel/pull.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/runfile/config.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/estimator.hpp>
#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/data/validation.hpp>

namespace tacit {

/// All strategies by name.
struct Strategies {
  Strategies();
  Registry<InnerSolver> solvers;
  Registry<HypergradientEstimator> estimators;
  Registry<OuterOptimizer> optimizers;
  RegistryCatalog<Registry<InnerSolver>, Registry<HypergradientEstimator>, Registry<OuterOptimizer>> catalog;
};

/// Solver and estimator of a run file, made for a problem.
struct Method {
  std::string solver_name, estimator_name;
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;
  std::shared_ptr<const Start> start;  ///< x_0 of a cold run; null: 0
  std::vector<std::string> notes;      ///< choices made under `auto`
};

/// The one penalty in place of many that has the least outer loss.
struct SinglePenalty {
  double theta = 0;
  double loss = kMissing;  ///< outer loss there, of the solution
};

/// Everything a run works with: the run file and what the library made of it.
struct Assembly {
  RunConfig config;
  /// Of the rows that the run is about: training and validation rows of a hold-out; of folds all rows that do not test, without
  /// validation rows and criterion.
  Prepared prepared;
  Validation validation;          ///< how points are judged; no parts where all rows train
  std::vector<Problem> problems;  ///< of its parts, interruptible by `interrupter`
  Problem problem;                ///< the first of these, or that of `prepared`
  std::shared_ptr<Interrupter> interrupter;
  Method method;
  std::optional<Vec> first_point;       ///< theta of an outer optimizer that begins where it likes
  std::optional<SinglePenalty> single;  ///< of many penalties, once starting_point or tune_single_penalty has looked for it
  std::optional<Pull> pull;             ///< of many penalties, where there is one
  bool held_equal = false;              ///< many penalties are one: the run is of the tuned single penalty
  /// Rows of each part that are kept aside from its validation rows to judge points (outer.patience); else empty.
  std::vector<std::vector<Index>> stopping;
  std::vector<PathPoint> path;  ///< of common values, of the search that came last
};

/// How the run file says that tables are written, and what it says of missing cells.
TableOptions table_options(const DataBlock& data);
/// The files and columns that the run file names.
DataOptions data_options(const RunConfig& config, TargetKind kind);
Missing missing_rule(const std::string& word);

/// Of one part; `parts`: how many of its size there are, which share limits.memory. Throws UsageError for parts that do not go
/// together.
Method choose_method(const RunConfig& config, const Problem& problem, const Strategies& strategies, std::size_t parts = 1);

/// Step size and momentum of an iterate as numbers: where the run file leaves them to auto, as auto takes them at u, in the run
/// file's block and in a solver made of it. Left alone where the run means the solution.
void fix_steps(InnerBlock& inner, const Problem& problem, In u, const Strategies& strategies);
void fix_steps(Assembly& a, In theta, const Strategies& strategies);
/// The block with steps fixed in the middle of the box: what auto can choose nowhere is refused before a search of the start.
InnerBlock trial_steps(const Assembly& a, const Strategies& strategies);

/// "20 rows", or "all 100 rows in 5 folds": what validates, in words.
std::string validation_text(const Assembly& a);
/// "331 rows", "the others": what trains beside them.
std::string training_text(const Assembly& a);

/// Rows that validate, each counted once however often folds are drawn.
std::size_t held_out_rows(const Validation& v);

/// Which rows the inner problem is made of: those the run file's validation leaves, or all, with no outer criterion.
enum class RowsUsed { train_part, all_train };

/// Reads the data and builds the problem. Throws DataError, UsageError, RunFileError.
std::unique_ptr<Assembly> assemble(RunConfig config, const Strategies& strategies, RowsUsed rows = RowsUsed::train_part);
/// The same of a data set that is there, made of some of its rows alone, ascending: for a run inside of the rows that train. The
/// test rows are not among them. It stops where `interrupter` says so.
std::unique_ptr<Assembly> assemble_among(RunConfig config, std::shared_ptr<const Dataset> data, const std::vector<Index>& rows,
                                         std::shared_ptr<Interrupter> interrupter, const Strategies& strategies);
/// Folds of the rows that do not test, drawn as the run file says (stratified, with its groups), so many, from another seed than
/// those that tune; where a split column names folds these. Throws UsageError where the validation rows are named apart.
Folds outer_folds_of(const Assembly& a, Index folds);

/// Where to look for a start, and for how long: the scale of the data, a share of limits.time, whoever asks for the end.
SearchOptions search_options(const Assembly& a);
/// Exact solutions of the parts of a validation as one oracle, with columns centred where there is an intercept; where iterates
/// are meant and `iterates` is said, those.
std::unique_ptr<Oracle> search_oracle(const Assembly& a, const Validation& validation, PenaltyPer per, bool iterates = false);
/// The same oracle, or with the pull of many penalties.
std::unique_ptr<Oracle> with_pull(const Assembly& a, std::unique_ptr<Oracle> oracle);

/// theta of a start that is given, or that the outer optimizer has of its own, or where nothing is tuned; none where it is
/// searched. Throws UsageError for one that cannot be.
std::optional<Vec> given_point(const Assembly& a);
/// theta at which the outer run starts: as given, or (auto) as search_common and search_many find it, over exact solutions with
/// centred columns, whatever solver the run uses. What was done is added to method.notes, and `single` is filled where there are
/// many. Asked to stop, or past its share of limits.time, it is the best so far. Where iterates are meant, steps are fixed at a
/// given start; else at the best common value of the solutions, and the search is then over the iterates.
Vec starting_point(Assembly& a, const Strategies& strategies);
/// Fills `single` where there are many penalties and it is not known yet: for a run whose start was given, and whose steps are
/// fixed.
void tune_single_penalty(Assembly& a);

/// The start in natural units: as the run file gives it, else theta0 where the search ended.
StartValues start_values(const Assembly& a, In theta0);

/// The parts with another start of the inner runs, and all of them as one problem: that of the hold-out, or stacked().
std::vector<Problem> problems_from(const Assembly& a, const std::shared_ptr<const Start>& start);
Problem as_one(const Assembly& a, const std::shared_ptr<const Start>& start);
/// The outer oracle of a run with its solver and estimator: of the hold-out, or the sum over the folds; with the pull.
std::unique_ptr<Oracle> run_oracle(const Assembly& a, const OracleOptions& options);
/// One oracle for each part, summed with the weights of the validation.
std::unique_ptr<Oracle> over_parts(const Assembly& a, const Validation& validation,
                                   const std::function<std::unique_ptr<Oracle>(std::size_t)>& make);

/// What the run file says of the oracle's diagnostics and of the outer loop, and what its warnings are measured by. A run whose
/// problem has nothing to tune evaluates its start alone.
OracleOptions oracle_options(const RunConfig& config);
DriverOptions driver_options(const Assembly& a, const RunConfig& config);
RunFacts run_facts_of(const Assembly& a, const RunConfig& config);

/// What the run file says to an outer optimizer before its first point.
OuterPlan outer_plan(const RunConfig& config);
/// A fresh outer optimizer with the options of the run file.
std::unique_ptr<OuterOptimizer> make_optimizer(const RunConfig& config, const Strategies& strategies);

}  // namespace tacit
