// One hypergradient in one call, for an outer loop of one's own.
#pragma once
#include <optional>
#include <string>

#include <tacit/bilevel/oracle.hpp>

namespace tacit::inline TACIT_ABI {

struct OuterGradient;
struct HypergradientOptions;

/// What a task keeps from one call to the next: inner solution and adjoint to start from, and what solver and estimator have
/// learnt. A value of the caller: copies are cheap and independent, StateWriter and StateReader save and load it (visit_state).
/// Without anything in it the next call starts cold.
class TACIT_EXPORT TaskState {
public:
  bool empty() const { return !kept_.has_value(); }
  /// The inner solution that the next call starts from; no entries when empty.
  Vec x() const { return kept_ ? Vec(kept_->inner.x()) : Vec(); }
  void visit_state(StateVisitor& v);

private:
  friend OuterGradient hypergradient(const Problem&, In, const InnerSolver&, const HypergradientEstimator&, const TaskState&,
                                     const HypergradientOptions&);
  CopyOnWrite<WarmState> kept_;
};

/// l(x(u), u) and its gradient, with the account of how they were got.
struct OuterGradient {
  double value = kMissing;  ///< l at the inner solution
  Vec gradient;             ///< d l / d u, m entries; NaN where there is none
  Vec in_theta;             ///< d l / d theta, theta the hyperparameter as the problem's space moves it (ln u, ...)
  /// The worse of both: usable(status) says that value and gradient are as good as was asked. `message`: what was not, else
  /// empty.
  Status status = Status::not_run;
  std::string message;
  Status inner_status = Status::not_run;  ///< of the inner solve alone
  /// With HypergradientOptions::estimate_errors: relative error of the gradient in theta, and |value - l(x*(u), u)|; NaN: not
  /// known. For Response::iterate those of the K-step problem.
  double error = kMissing, value_error = kMissing;
  Index inner_steps = 0;
  std::size_t tape_bytes = 0;  ///< peak bytes of states stored for the derivative
  Work work;                   ///< gradients, products and steps of this call, error estimates apart
  TaskState state;             ///< for the next call
  bool usable() const { return tacit::usable(status); }
};

struct HypergradientOptions {
  /// Of inner problem and adjoint equation; empty: as solver and estimator are configured.
  std::optional<Tolerance> tolerance;
  bool gradient = true;          ///< false: the value alone; gradient and in_theta then have no entries
  bool estimate_errors = false;  ///< OuterGradient::error and value_error, for about two adjoint solves more
  double error_floor = 0;        ///< least denominator of `error`
  /// Start inner solve and adjoint from the state. Empty: yes, but never where the problem means its last iterate.
  std::optional<bool> warm_start;
  bool check_minimum = true, check_symmetry = true;  ///< as in OracleOptions
};

/// Solves the inner problem at u and differentiates: what make_oracle, evaluate and differentiate do, for one point and without
/// objects to keep. The answer depends on the arguments alone, so calls for different tasks may run on threads of their own. An
/// estimator with a target (HypergradientEstimator::aim) decides how well to solve. Numerical trouble is a status; wrong use,
/// also answers of the wrong size from the problem's own code, is a UsageError.
TACIT_EXPORT OuterGradient hypergradient(const Problem& problem, In u, const InnerSolver& solver,
                                         const HypergradientEstimator& estimator, const TaskState& state = {},
                                         const HypergradientOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
