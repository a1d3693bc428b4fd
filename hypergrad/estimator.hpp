// What every hypergradient estimator offers: a gradient from an inner solution already computed, with its status.
#pragma once
#include <cstddef>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include <tacit/core/inner/inner.hpp>

namespace tacit::inline TACIT_ABI {

/// What an estimator needs of the inner solve.
struct Needs {
  TapeRequest tape{};
  bool map = false;  ///< the bound map at x is enough (no tape)
};

/// What an estimator that aims at an error of its own (hypergradient.accuracy) has learnt, carried from call to call.
struct TACIT_EXPORT Calibration {
  /// What a relative error of the iterate, as its run estimates it, does to the hypergradient g in theta: ||g(x*) - g(x)|| over
  /// that error, both by measurement. NaN: not known.
  double sensitivity = std::numeric_limits<double>::quiet_NaN();
  double norm = std::numeric_limits<double>::quiet_NaN();  ///< ||g|| in theta, of the last hypergradient
  double floor = 0;                                        ///< least denominator of its relative error
  std::vector<double> rates;                               ///< at which the adjoints of the last five sweeps fell in the end
  Index age = 0;                                           ///< hypergradients since the sensitivity was measured
  Index longest_run = 0;  ///< most steps that an inner run took: what a sweep may cost is measured by it
  /// chi = max(1, sensitivity / max(norm, floor)): ||g - g*|| / ||g*|| ~ chi ||x - x*|| / ||x*||. 1 while nothing is known.
  double chi() const;
  /// The contraction factor to assume at least: a short run, or a short sweep, sees only the fast modes. 0 while nothing is
  /// known.
  double rate() const;
  void state(StateVisitor& v);
};

/// What one hypergradient to its target costs by prediction, in products with f_xx (a step of the map's reverse sweep has one).
/// NaN: not known.
struct PredictedCost {
  double sweep = std::numeric_limits<double>::quiet_NaN();  ///< of the reverse sweep
  double cg = std::numeric_limits<double>::quiet_NaN();     ///< of conjugate gradients; NaN where f_xx is not symmetric
};

/// d l(x(u), u) / du with the account of how it was got.
struct TACIT_EXPORT Hypergradient {
  Vec gradient;            ///< in u, size m
  Vec adjoint;             ///< w with f_xx w ~ l_x (size n), when the estimator has one: the next step's warm start
  Vec data_product;        ///< (f_xx - diag(c)) w, c as in Objective::penalty_diagonal, where the estimator has it, else empty
  Vec state_adjoint;       ///< w of a momentum map's state, when it differs from adjoint
  double outer_value = 0;  ///< l(x, u)
  Status status = Status::not_run;
  std::string message;                                         ///< a sentence with the numbers when not converged
  double residual = std::numeric_limits<double>::quiet_NaN();  ///< ||residual|| / ||right-hand side|| of the adjoint equation
  Index linear_steps = 0;                                      ///< iterations or terms of the linear solve
  Index factor_saves = 0;      ///< of those by a kept factor, what one of f_xx at the point would have saved
  Index window = 0;            ///< differentiated steps
  std::size_t tape_bytes = 0;  ///< peak bytes of stored states
  PredictedCost cost;          ///< of a sweep to a target
  Calibration calibration;     ///< what an estimator with a target knows now, else empty
  void state(StateVisitor& v);
};

/// Turns an inner solution into a hypergradient. Const and shared.
class TACIT_EXPORT HypergradientEstimator : public Configurable {
public:
  virtual Needs needs() const = 0;
  /// Whether it differentiates the iterate x_K(u) itself (Response::iterate), all of it or its last steps. The others take x for
  /// a solution, whose derivative is another one.
  virtual bool of_iterate() const { return false; }
  /// Whether it uses f_xx for its own transpose. Forward mode and differences do not.
  virtual bool assumes_symmetry() const { return true; }
  /// tolerance: of the adjoint equation, at least the configured one (schedules loosen it); previous: the last outer step's
  /// result. Throws UsageError with what to use instead when `inner` lacks what needs() asked for.
  virtual Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                                 double tolerance) const = 0;
  /// Sets the relative error of the hypergradient, inner error included, that the estimator is to aim at; without effect for
  /// those that have no such target (all but implicit-cg and truncated-unroll with window auto).
  virtual void aim(double /*target*/) {}
  /// Most bytes of derivatives that it stores beside the tape, for so many entries of a state and hyperparameters.
  virtual std::size_t stored_bytes(Index /*state_dim*/, Index /*outer_dim*/) const { return 0; }
  /// Most bytes that its stored states may take; an estimator that can do with fewer keeps fewer.
  virtual void limit_memory(std::size_t /*bytes*/) {}
  /// The relative error that it aims at, 0 for those that have none.
  virtual double target() const { return 0; }
  /// How well the inner problem is to be solved when this estimator has a target of its own, else `asked`. so_far: what is solved
  /// by now, null before the run. May compute what the answer depends on, and keeps it in `calibration`.
  virtual Accuracy plan(const Problem& /*problem*/, In /*u*/, const InnerSolution* /*so_far*/, Calibration& /*calibration*/,
                        Accuracy asked) const {
    return asked;
  }
  /// The configured tolerance of the adjoint equation; NaN when there is none.
  virtual double tolerance() const { return std::numeric_limits<double>::quiet_NaN(); }
  /// True when the adjoint of the last outer step is used (hypergradient.warm_start).
  virtual bool warm() const { return false; }
};

/// Throws UsageError when the pair cannot work, naming what to use instead.
TACIT_EXPORT void check_pair(const std::string& estimator_name, const HypergradientEstimator& estimator,
                             const std::string& solver_name, const InnerSolver& solver);

/// Throws UsageError where the problem means its last iterate and `what` is of the solution.
TACIT_EXPORT void require_solution(const Problem& problem, const std::string& what);
/// The same of an estimator, naming those that are of an iterate.
TACIT_EXPORT void require_solution_of(const Problem& problem, const std::string& estimator_name);
/// Throws UsageError where the problem means its last iterate and the run is none from x_0(u) of a map.
TACIT_EXPORT void require_iterate_run(const Problem& problem, const InnerSolution& inner, const std::string& estimator_name);
/// Throws UsageError where the problem means its last iterate and the pair does not give it, naming what does.
TACIT_EXPORT void check_response(const Problem& problem, const InnerSolver& solver, const HypergradientEstimator& estimator);

/// full-unroll, truncated-unroll, forward, implicit-cg, implicit-direct, neumann, fixed-point, one-step, finite-difference.
TACIT_EXPORT void register_estimators(Registry<HypergradientEstimator>& registry);

}  // namespace tacit::inline TACIT_ABI
