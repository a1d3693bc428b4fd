// Several hypergradient estimators side by side: at the same points on the same inner solutions, or each on a run of its own.
#pragma once
#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>

namespace tacit::inline TACIT_ABI {

/// Asked at safe points: true ends the work with what there is.
using Interrupted = std::function<bool()>;

/// Which way to the hypergradient at the exact inner solution is taken for the truth: dense implicit differentiation (CG to 1e-12
/// beyond 2000 variables), implicit differentiation by CG to 1e-12, or central differences.
enum class TruthBy { direct, cg, differences };

struct TruthOptions {
  TruthBy by = TruthBy::direct;
  bool check = true;         ///< take the second way too
  Index most_checked = 100;  ///< hyperparameters up to which it is taken for each; beyond, along two directions
  /// Of a problem that means the iterate x_K(u): whose K steps. Needed there; `by` is then differences.
  std::shared_ptr<const InnerSolver> steps{};
};

/// The hypergradient (in theta) at a Newton-polished point, and the same by a second way that shares no derivative with it: by
/// central differences of tightly solved values, or, the truth being these, by implicit differentiation. Where the problem means
/// the iterate x_K(u): central differences of l(x_K(u), u), and the second way forward mode, or, with many hyperparameters, a
/// reverse sweep over all steps.
struct TACIT_EXPORT Truth {
  Vec theta, u;
  double value = kMissing;  ///< l(x*(u), u)
  Vec gradient;
  Vec second;                      ///< the gradient by the second way; empty: not taken
  double along_second = kMissing;  ///< instead of it, with many hyperparameters: largest difference of slopes along the gradient
                                   ///< and along one direction of random signs; NaN: not taken
  Status status = Status::not_run;
  std::string message;
  bool known() const { return usable(status) && gradient.allFinite(); }
  bool checked() const { return second.size() > 0 || !std::isnan(along_second); }
  /// hypergradient_error of the second way; NaN when it was not taken.
  double disagreement(double floor) const;
};
TACIT_EXPORT Truth truth_at(const Problem& problem, In theta, const TruthOptions& options = {});

/// Outer points, and why there are no more of them.
struct ReferencePath {
  std::vector<Vec> theta;
  StopReason reason = StopReason::not_run;
  std::string message;
};
/// The first `points` accepted points (the start is one) of a run that follows exact hypergradients: Newton steps to rounding
/// inside, so that the path depends on no inner solver, budget or estimator that is to be compared. Where the problem means the
/// iterate: of full sweeps over the K steps of `steps`, which are part of the problem there.
TACIT_EXPORT ReferencePath reference_path(const Problem& problem, OuterOptimizer& optimizer, In theta0, Index points,
                                          double tolerance, const Interrupted& interrupted = {},
                                          std::shared_ptr<const InnerSolver> steps = {});

/// One way to solve the inner problem. Estimators that share it are fed the same solutions, one warm start and one tape.
struct InnerSetup {
  std::string solver_name;  ///< for messages
  Problem problem;          ///< setups of one comparison differ in its start alone
  std::shared_ptr<const InnerSolver> solver;
  bool warm_start = true;
  /// Where `problem` is stacked() of several (folds): these and their weights, which an own run solves each for itself (sum_of).
  std::vector<Problem> parts{};
  std::vector<double> weights{};
};

struct Contender {
  std::string label;
  std::shared_ptr<const HypergradientEstimator> estimator;
  std::size_t setup = 0;  ///< its inner solve
};

/// What a warm start was worth at one point: see Truncation.
struct HeadStartSeen {
  double nats = kMissing, contraction = kMissing;
  double k_eff = kMissing, k_eff_lo = kMissing, k_eff_hi = kMissing, k_match = kMissing;
  bool own_map = false;  ///< counted in iterations that the solver makes, else in steps of gradient descent at 1/L
};

/// What one estimator did at one point. On a shared path time and work are the estimator's alone; on its own run they are those
/// of the whole outer step, inner solves included.
struct Observation {
  std::size_t contender = 0;
  Index point = 0;  ///< outer step
  double relative_error = kMissing, cosine = kMissing, seconds = kMissing;
  double tape_bytes = kMissing;  ///< peak; 0: it keeps no states
  double linear_steps = kMissing;
  /// Where audited: the two parts of the error, in the same units. What the adjoint has not forgotten of its start (adjoint_gap),
  /// and the rest, which inexact iterates leave: the curse of unrolling, or an adjoint solved at an inexact point.
  double forgetting = kMissing, curse = kMissing;
  HeadStartSeen head_start;
  Index inner_steps = 0, window = 0;  ///< of the inner run, and how many of them, or terms, the derivative is made of
  Work work;
  Status status = Status::not_run;
  std::string message;
};

/// One inner solve of a shared path, which several estimators used.
struct SharedSolve {
  std::size_t setup = 0;
  Index point = 0, steps = 0;
  double residual = kMissing, seconds = 0;
  Work work;
  Status status = Status::not_run;
  std::string message;
};

struct Comparison {
  std::vector<SharedSolve> solves;
  std::vector<Observation> observations;  ///< by point, then in the order of the contenders
  bool complete = true;                   ///< false: interrupted; points at which not all were compared are left out
};

/// At each point one inner solve a setup, warm-started from its own solution at the point before, with one tape from which each
/// estimator gets what it would have recorded; each estimator starts from its own last adjoint. What is computed once and kept
/// (Gram matrix, spectrum) is made before the clock starts, and short estimates are timed in turns until their sum can be
/// trusted, so that no estimator profits or suffers from its place in the list. floor: the least denominator of the relative
/// error. audit_every: at each such point the parts of the errors and what warm starts were worth, their work counted nowhere; 0:
/// never. Throws UsageError, naming the estimator, when it cannot use the solutions of its setup.
TACIT_EXPORT Comparison compare_on_path(const std::vector<InnerSetup>& setups, const std::vector<Contender>& contenders,
                                        const std::vector<Truth>& path, double floor, const Interrupted& interrupted = {},
                                        Index audit_every = 0);

/// A run of one estimator by itself, each accepted step observed against the truth there.
struct OwnRun {
  Summary summary;
  std::vector<Observation> observations;
};
struct OwnRunOptions {
  DriverOptions driver;
  OracleOptions oracle;  ///< but for warm_start, which is the setup's
  TruthBy truth = TruthBy::direct;
};
TACIT_EXPORT OwnRun compare_own_run(const InnerSetup& setup, const Contender& contender, OuterOptimizer& optimizer, In theta0,
                                    const OwnRunOptions& options, std::vector<Observer> observers = {},
                                    const Interrupted& interrupted = {});

}  // namespace tacit::inline TACIT_ABI
