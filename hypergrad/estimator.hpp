// What every hypergradient estimator offers: a gradient from an inner solution already computed, with its status.
#pragma once
#include <cstddef>
#include <limits>
#include <memory>
#include <string>

#include <tacit/core/inner.hpp>

namespace tacit {

/// What an estimator needs of the inner solve.
struct Needs {
  TapeRequest tape{};
  bool map = false;  ///< the bound map at x is enough (no tape)
};

/// d l(x(u), u) / du with the account of how it was got.
struct Hypergradient {
  Vec gradient;            ///< in u, size m
  Vec adjoint;             ///< w with f_xx w ~ l_x (size n), when the estimator has one: the next step's warm start
  Vec state_adjoint;       ///< w of a momentum map's state, when it differs from adjoint
  double outer_value = 0;  ///< l(x, u)
  Status status = Status::not_run;
  std::string message;                                         ///< a sentence with the numbers when not converged
  double residual = std::numeric_limits<double>::quiet_NaN();  ///< ||residual|| / ||right-hand side|| of the adjoint equation
  Index linear_steps = 0;                                      ///< iterations or terms of the linear solve
  Index window = 0;                                            ///< differentiated steps
  std::size_t tape_bytes = 0;                                  ///< peak bytes of stored states
};

/// Turns an inner solution into a hypergradient. Const and shared.
class HypergradientEstimator : public Configurable {
public:
  virtual Needs needs() const = 0;
  /// tolerance: of the adjoint equation, at least the configured one (schedules loosen it); previous: the last outer step's
  /// result. Throws UsageError with what to use instead when `inner` lacks what needs() asked for.
  virtual Hypergradient estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                                 double tolerance) const = 0;
  /// The configured tolerance of the adjoint equation; NaN when there is none.
  virtual double tolerance() const { return std::numeric_limits<double>::quiet_NaN(); }
  /// True when the adjoint of the last outer step is used (hypergradient.warm_start).
  virtual bool warm() const { return false; }
};

/// Throws UsageError when the pair cannot work, naming what to use instead.
void check_pair(const std::string& estimator_name, const HypergradientEstimator& estimator, const std::string& solver_name,
                const InnerSolver& solver);

/// full-unroll, truncated-unroll, forward, implicit-cg, implicit-direct, neumann, fixed-point, one-step, finite-difference.
void register_estimators(Registry<HypergradientEstimator>& registry);

}  // namespace tacit
