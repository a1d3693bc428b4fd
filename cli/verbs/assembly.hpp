// From a checked run file to the values of the library: prepared data, the parts that judge, their problems and oracle.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/pull.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/method.hpp>
#include <tacit/problems/data/prepare.hpp>
#include <tacit/problems/data/validation.hpp>

namespace tacit {

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
  std::vector<Problem> problems;  ///< of its parts, as of_run makes them
  Problem problem;                ///< the first of these, or that of `prepared`
  std::shared_ptr<Interrupter> interrupter;
  /// What its problems were asked for in all: the search for a start, the run with its diagnostics, the fits of the end, and runs
  /// inside of this one.
  std::shared_ptr<WorkCounter> account = std::make_shared<WorkCounter>();
  Method method;
  std::optional<Vec> first_point;       ///< theta of an outer optimizer that begins where it likes
  std::optional<SinglePenalty> single;  ///< of many penalties, once starting_point or tune_single_penalty has looked for it
  std::optional<Pull> pull;             ///< of many penalties, where there is one
  bool held_equal = false;              ///< many penalties are one: the run is of the tuned single penalty
  /// Rows of each part that are kept aside from its validation rows to judge points (outer.patience); else empty.
  std::vector<std::vector<Index>> stopping;
  std::vector<PathPoint> path;  ///< of common values, of the search that came last
  /// What the search for the start kept of f_xx, for the first point of the run; none where its problem was another one.
  std::optional<Evaluation> kept;

  /// The validation with its parts centred, as exact solutions are easiest to find; made when first asked for.
  const Validation& centred() const;
  /// Whether that changes nothing, so that solutions and curvature of the one are those of the other.
  bool centres_nothing() const;

  mutable std::optional<Validation> centred_parts;
};

/// How the run file says that tables are written, and what it says of missing cells.
TableOptions table_options(const DataBlock& data);
/// The files and columns that the run file names.
DataOptions data_options(const RunConfig& config, TargetKind kind);
Missing missing_rule(const std::string& word);

/// The problem as a part of the run: what it is asked for is in the account, and it stops where the interrupter says so.
Problem of_run(Problem problem, const Assembly& a);
/// The same that stops where `stop` says so, nowhere when it is empty.
Problem of_run(Problem problem, const Assembly& a, std::function<bool()> stop);

/// "20 rows", or "all 100 rows in 5 folds": what validates, in words.
std::string validation_text(const Assembly& a);
/// "331 rows", "the others": what trains beside them.
std::string training_text(const Assembly& a);

/// Rows that validate, each counted once however often folds are drawn.
std::size_t held_out_rows(const Validation& v);

/// Which rows the inner problem is made of: those the run file's validation leaves, or all, with no outer criterion. compared:
/// the former, and of a hold-out the rows themselves, never their moments, so that passes over them can be compared.
enum class RowsUsed { train_part, compared, all_train };

/// Reads the data, calls when_read, and builds the problem. Throws DataError, UsageError, RunFileError.
std::unique_ptr<Assembly> assemble(RunConfig config, const Strategies& strategies, RowsUsed rows = RowsUsed::train_part,
                                   const std::function<void()>& when_read = {});
/// The same of the data set of another one, made of some of its rows alone, ascending: for a run inside of the rows that train.
/// The test rows are not among them. It stops where that one does, and its work is in the same account.
std::unique_ptr<Assembly> assemble_among(RunConfig config, const Assembly& whole, const std::vector<Index>& rows,
                                         const Strategies& strategies);
/// Folds of the rows that do not test, drawn as the run file says (stratified, with its groups), so many, from another seed than
/// those that tune; where a split column names folds these. Throws UsageError where the validation rows are named apart.
Folds outer_folds_of(const Assembly& a, Index folds);

/// The parts with another start of the inner runs, and all of them as one problem: that of the hold-out, or stacked().
std::vector<Problem> problems_from(const Assembly& a, const std::shared_ptr<const Start>& start);
Problem as_one(const Assembly& a, const std::shared_ptr<const Start>& start);
/// An oracle over all penalties, or the same with the pull of many.
std::unique_ptr<Oracle> with_pull(const Assembly& a, std::unique_ptr<Oracle> oracle);
/// The outer oracle of a run with its solver and estimator: of the hold-out, or the sum over the folds; with the pull.
std::unique_ptr<Oracle> run_oracle(const Assembly& a, const OracleOptions& options);
/// Threads that a run file asks for; auto: the processors that this process may use.
Index threads_asked(const RunConfig& config);
/// Threads for `count` folds or points that are computed beside each other: what the run has, or as many as there are; 1 where
/// the rows of each have more use for them (a ThreadScope gives them to the passes then).
Index threads_beside(const Assembly& a, std::size_t count);
/// One oracle for each part, summed with the weights of the validation.
std::unique_ptr<Oracle> over_parts(const Assembly& a, const Validation& validation,
                                   const std::function<std::unique_ptr<Oracle>(std::size_t)>& make);

/// What the run file says of the oracle's diagnostics and of the outer loop, and what its warnings are measured by. A run whose
/// problem has nothing to tune evaluates its start alone.
OracleOptions oracle_options(const RunConfig& config);
DriverOptions driver_options(const Assembly& a, const RunConfig& config);
RunFacts run_facts_of(const Assembly& a, const RunConfig& config);

}  // namespace tacit
