// What `tacit compare` is to do: the entries of compare.estimators as runs of their own, for each combination of swept values.
#pragma once
#include <string>
#include <vector>

#include <tacit/bilevel/compare.hpp>
#include <tacit/cli/verbs/assembly.hpp>

namespace tacit {

/// An entry of compare.estimators.
struct CompareEntry {
  std::string label, estimator;
  RunConfig config;           ///< the run file with the entry in the place of its block hypergradient, and over its block inner
  bool values_alone = false;  ///< its outer optimizer asks for no hypergradient; `estimator` is then "none"
  bool own_inner = false;     ///< it overrides inner, so it has an inner solve of its own
  bool warm_iterate = true, warm_adjoint = false;  ///< inner.warm_start, hypergradient.warm_start (false: it has none)
  std::string otherwise;                           ///< its settings but for these two: entries of one text are twins
};

/// One combination of the values of compare.sweep.
struct CompareCase {
  std::vector<std::string> values;  ///< of each swept key, as it is written
  RunConfig config;                 ///< for data, problem and start: no key of inner or hypergradient has an effect on them, but
                                    ///< that inner stays where it is part of the problem (inner.response: iterate)
  std::vector<CompareEntry> entries;
  std::string name() const;  ///< "3, 0.1"
};

struct ComparePlan {
  std::vector<std::string> keys;  ///< that are swept
  std::vector<CompareCase> cases;
  TruthBy truth = TruthBy::direct;
  bool same_path = true, own_run = false;
  bool iterates = false;  ///< x after K steps is meant (inner.response: iterate), and the truth is the derivative of that
};

/// Checks all of it before anything is computed. Throws RunFileError, UsageError.
ComparePlan plan_comparison(const RunConfig& config, const Strategies& strategies);

/// The run file with the values of compare.sweep as the reader understood them: paths are absolute, so that the file holds from
/// any folder.
RunConfig with_resolved_sweep(const RunConfig& config, const Strategies& strategies);

}  // namespace tacit
