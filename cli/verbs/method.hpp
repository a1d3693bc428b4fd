// Solver, estimator and outer optimizer of a run file.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/outer.hpp>
#include <tacit/cli/runfile/config.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/estimator.hpp>

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

/// Of one part; `parts`: how many of its size there are, which share limits.memory. Throws UsageError for parts that do not go
/// together.
Method choose_method(const RunConfig& config, const Problem& problem, const Strategies& strategies, std::size_t parts = 1);

/// What the run file says to an outer optimizer before its first point.
OuterPlan outer_plan(const RunConfig& config);
/// A fresh outer optimizer with the options of the run file.
std::unique_ptr<OuterOptimizer> make_optimizer(const RunConfig& config, const Strategies& strategies);

}  // namespace tacit
