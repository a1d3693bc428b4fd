#include <tacit/cli/verbs/method.hpp>

#include <algorithm>
#include <limits>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/cli/nlopt/nlopt_optimizers.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/unroll.hpp>

namespace tacit {

Strategies::Strategies()
    : solvers("solver", "inner.solver"), estimators("estimator", "hypergradient.estimator"),
      optimizers("optimizer", "outer.optimizer"), catalog(solvers, estimators, optimizers) {
  register_solvers(solvers);
  register_estimators(estimators);
  register_optimizers(optimizers);
  register_nlopt(optimizers);
}

namespace {

std::shared_ptr<const Start> cold_start(const RunConfig& c, Index n) {
  const StartPoint& s = c.inner.start;
  if (s.file) throw UsageError("inner.start takes a number or a list in this version", "inner.start");
  if (s.list.empty() && s.number == 0) return nullptr;
  if (s.list.empty()) return std::make_shared<const ConstantStart>(Vec::Constant(n, s.number));
  if (static_cast<Index>(s.list.size()) != n)
    throw UsageError("inner.start has " + std::to_string(s.list.size()) + " entries, the inner variable has " +
                         std::to_string(n) + " (features, then the intercept)",
                     "inner.start");
  return std::make_shared<const ConstantStart>(Eigen::Map<const Vec>(s.list.data(), n));
}

std::unique_ptr<HypergradientEstimator> choose_estimator(const RunConfig& c, const Problem& problem, const Strategies& s,
                                                         Method& m) {
  const HypergradientBlock& block = c.hypergradient;
  std::unique_ptr<HypergradientEstimator> estimator;
  if (asks_for_values_alone(c.outer.optimizer)) {  // an oracle has an estimator, also where nobody asks it
    m.estimator_name = "none";
    return automatic_estimator(problem).estimator;
  }
  const std::string target = "aims at a relative error of " + exact_number(block.accuracy) + " (hypergradient.accuracy)";
  m.estimator_name = block.estimator;
  if (block.estimator == "auto") {
    Chosen chosen = automatic_estimator(problem);
    m.estimator_name = chosen.name;
    m.notes.push_back("hypergradient.estimator: auto is " + chosen.name + ", since " + chosen.why + "; it " + target);
    estimator = std::move(chosen.estimator);
  } else {
    estimator = s.estimators.make(block.estimator);
    if (block.aims())
      m.notes.push_back("hypergradient.window: auto " + target + ", keeps at most " +
                        std::to_string(UnrollEstimator::kMostStates) + " states, and ends inner solves by it");
  }
  block.configure(*estimator);
  if (!block.aims()) {
    const auto* sweep = dynamic_cast<const UnrollEstimator*>(estimator.get());
    if (sweep && sweep->max_steps)
      throw UsageError(
          "hypergradient.max_steps is not used with a fixed window, which is how many steps are differentiated; "
          "remove it, or write window: auto",
          "hypergradient.max_steps");
    return estimator;
  }
  if (m.estimator_name == "truncated-unroll" && block.given("stride"))
    throw UsageError("hypergradient.stride is not used with window: auto, which keeps every state; remove it",
                     "hypergradient.stride");
  estimator->aim(block.accuracy);
  return estimator;
}

/// "48048", or "more than" what can be counted.
std::string byte_count(std::size_t bytes) {
  return bytes == std::numeric_limits<std::size_t>::max() ? "more than 1.8e+19" : std::to_string(bytes);
}

/// window: auto keeps as many states as fit; what cannot do with fewer is refused before the run.
void limit_memory(const RunConfig& c, const Problem& problem, const InnerSolver& solver, HypergradientEstimator& estimator,
                  std::size_t parts) {
  if (!c.limits.memory.bytes) return;
  const double limit = std::clamp(*c.limits.memory.bytes, 1.0, 0x1p62);
  estimator.limit_memory(static_cast<std::size_t>(limit / static_cast<double>(parts)));
  const auto all = [&](std::size_t one) {  // parts times, as far as that can be counted
    const std::size_t most = std::numeric_limits<std::size_t>::max();
    return one > most / parts ? most : one * parts;
  };
  const Index n = problem.f->inner_dim(), m = problem.f->outer_dim();
  if (const std::size_t stored = all(estimator.stored_bytes(solver.state_dim(n), m)); static_cast<double>(stored) > limit)
    throw MemoryLimitError("the derivatives of the inner variables with respect to " + std::to_string(m) +
                               " hyperparameters take " + byte_count(stored) + " bytes, limits.memory allows " +
                               byte_count(static_cast<std::size_t>(limit)) +
                               "; use implicit-cg or hypergradient.window=auto, whose memory does not grow with the number of "
                               "hyperparameters",
                           "limits.memory");
  const std::size_t need = all(solver.tape_bytes(estimator.needs().tape, n));
  if (static_cast<double>(need) <= limit) return;
  throw MemoryLimitError("the states of up to inner.max_steps steps take " + byte_count(need) + " bytes, limits.memory allows " +
                             byte_count(static_cast<std::size_t>(limit)) +
                             "; use hypergradient.window=auto, hypergradient.stride=auto, fewer inner.max_steps or "
                             "implicit-cg",
                         "limits.memory");
}

}  // namespace

Method choose_method(const RunConfig& c, const Problem& problem, const Strategies& s, std::size_t parts) {
  Method m;
  m.start = cold_start(c, problem.f->inner_dim());
  auto estimator = choose_estimator(c, problem, s, m);
  m.solver_name = c.inner.solver;
  if (m.solver_name == "auto") {
    const Needs needs = estimator->needs();
    const bool quadratic = problem.f->quadratic();
    m.solver_name = needs.tape.wanted() || needs.map              ? "gradient-descent"
                    : quadratic && problem.f->inner_dim() <= 2000 ? "cholesky"
                    : newton_pays(*problem.f)                     ? "newton"
                                                                  : "newton-cg";
    m.notes.push_back("inner.solver: auto is " + m.solver_name);
  }
  auto solver = s.solvers.make(m.solver_name);
  c.inner.configure(*solver);
  if (m.solver_name == "cholesky" && !problem.f->quadratic())
    throw UsageError("solver 'cholesky' solves quadratic problems in one step; a " + c.model.kind +
                         " model needs 'newton', 'newton-cg' or 'lbfgs'",
                     "inner.solver");
  if (m.estimator_name != "none") check_pair(m.estimator_name, *estimator, m.solver_name, *solver);
  if (problem.response == Response::iterate)
    m.notes.push_back("inner.response: iterate is x after exactly " + std::to_string(c.inner.max_steps().value_or(0)) +
                      " steps from its start; the solution of the inner problem is not meant");
  limit_memory(c, problem, *solver, *estimator, parts);
  m.solver = std::move(solver);
  m.estimator = std::move(estimator);
  return m;
}

OuterPlan outer_plan(const RunConfig& c) { return {c.outer.max_steps, static_cast<std::uint64_t>(c.seed)}; }

std::unique_ptr<OuterOptimizer> make_optimizer(const RunConfig& config, const Strategies& strategies) {
  require_built(config.outer.optimizer);
  auto optimizer = strategies.optimizers.make(config.outer.optimizer);
  config.outer.configure(*optimizer);
  return optimizer;
}

}  // namespace tacit
