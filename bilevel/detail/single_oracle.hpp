// The oracle of one problem.
#pragma once
#include <memory>
#include <mutex>
#include <utility>

#include <tacit/bilevel/detail/remembering.hpp>
#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/loss_error.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// off / max(size, floor), as errors of hypergradients are reported.
double error_quotient(double off, double size, double floor);

/// Throws UsageError where the parts of an oracle do not go together, or have options out of their range.
void check_parts(const Problem& problem, const InnerSolver& solver, const HypergradientEstimator& estimator,
                 const OracleOptions& options);

/// What a solver keeps, as an evaluation to start from that has no point.
Evaluation without_point(Index inner_dim, std::shared_ptr<const KeptHessian> kept);

/// What one inner solution and its hypergradient have to say at a point.
class SingleOracle final : public Oracle {
public:
  SingleOracle(Problem problem, std::shared_ptr<const InnerSolver> solver,
               std::shared_ptr<const HypergradientEstimator> estimator, OracleOptions options)
      : counter_(std::make_shared<WorkCounter>()), problem_(counted(std::move(problem), counter_)), solver_(std::move(solver)),
        estimator_(std::move(estimator)), options_(options), iterate_(problem_.response == Response::iterate),
        warm_start_(options.warm_start.value_or(!iterate_)), errors_asked_(options.error_estimate) {
    problem_.l = remembering(problem_.l);
    if (iterate_ || problem_.f->symmetric()) return;  // estimate and reference solve with the Hessian
    options_.error_estimate = false;
    options_.reference_every = 0;
  }

  /// A point at theta, and the same at hyperparameters u of the problem, with where it starts from.
  Evaluation at(In theta, const Evaluation* near) const;
  Evaluation at_u(In u, const WarmState* from) const;
  /// Solves the inner problem of a point made by at() or at_u().
  Evaluation solved(Evaluation e, const Tolerance& tolerance) const;
  Evaluation evaluate(In theta, const Tolerance& tolerance, const Evaluation* near) const override;
  Evaluation evaluate_fully(In theta, const Evaluation* near) const override;
  Evaluation differentiate(Evaluation e, const Tolerance& tolerance) const override;
  Evaluation diagnose(Evaluation e, Index step, double error_floor) const override;
  VerifyReport verify(In theta) const override;
  Work work() const override;
  Work diagnostic_work() const override;
  Tolerance tightest() const override;
  std::optional<Evaluation> ahead() const override;
  bool may_loosen() const override;
  double target() const override { return estimator_->target(); }

private:
  /// What is spent while it lives is none of the method's, also where that is interrupted.
  struct Account {
    const SingleOracle& oracle;
    Work before = oracle.counter_->read();
    ~Account() {
      const std::lock_guard lock(oracle.account_);
      oracle.diagnostic_ += oracle.counter_->read() - before;
    }
  };
  const InnerSolution* warm_start(const Evaluation& e) const { return warm_start_ && e.from ? &e.from->inner : nullptr; }
  void solve_inner(Evaluation& e, const Tolerance& tolerance, bool fully = false) const;
  void account(Evaluation& e, const Tolerance& tolerance) const;
  void take_inner(Evaluation& e) const;
  double look_at(const Evaluation& e) const;
  void tighten(Evaluation& e, const Tolerance& tolerance) const;
  void repeat(Evaluation& e, const Tolerance& tolerance) const;
  void go_on(Evaluation& e, const Tolerance& tolerance) const;
  void go_on_from_the_end(Evaluation& e, const Tolerance& tolerance) const;
  void solve_adjoint(Evaluation& e, double tolerance) const;
  const Hypergradient* start_of_adjoint(const Evaluation& e) const;
  // What is asked of a value: `share` of it as error, and the adjoint to a tolerance, where that is not NaN. A trial point is
  // judged by what is at hand; of a plain one no hypergradient is to come.
  struct ValueAsked {
    double adjoint = kMissing;
    bool trial = false, plain = false;
    double share = kLossShare;
  };
  void settle_trial(Evaluation& e, const Tolerance& tolerance) const;
  void settle_value(Evaluation& e, const ValueAsked& asked) const;
  void settle_iterate(Evaluation& e, double adjoint) const;
  void judge_value(Evaluation& e, const OuterPoint& at, const ValueAsked& asked) const;
  bool wants_deeper(const Evaluation& e, double share) const;
  void go_deeper(Evaluation& e, const ValueAsked& asked) const;
  void measure_effect(Evaluation& e, const OuterPoint& at) const;
  double effect_by_factor(const Evaluation& e, In lx) const;
  /// What the error estimate found: x* - x, and adjoint, f_x and hypergradient there; empty where it found none.
  struct Corrected {
    Vec step, adjoint, fx, gradient;
    Vec near_mode, near_product;      ///< TruncationOptions
    double gradient_norm = kMissing;  ///< at the corrected point
    double distance = kMissing;       ///< TruncationOptions::corrected_error
    double moved = kMissing;          ///< by how much the last correction has moved the hypergradient, in theta
  };
  void measure_error(Evaluation& e, double floor, Corrected& corrected) const;
  void measure_iterate_error(Evaluation& e, double floor) const;
  void measure_reference(Evaluation& e, double floor, const Corrected& corrected) const;
  void measure_truncation_of(Evaluation& e, Index step, const Corrected& corrected) const;
  void check_symmetry(Evaluation& e) const;
  void check_minimum(Evaluation& e) const;
  Vec in_theta(const Evaluation& e, In gradient_u) const;
  // A point that was solved, if only to its tolerance; rounding leaves nothing to take out.
  bool correctable(const Evaluation& e) const {
    const InnerSolution& inner = e.state->inner;
    return inner.iterate_met || (may_loosen() && tacit::solved(inner.status) && inner.residual > 1e-13);
  }

  std::shared_ptr<WorkCounter> counter_;
  Problem problem_;
  std::shared_ptr<const InnerSolver> solver_;
  std::shared_ptr<const HypergradientEstimator> estimator_;
  OracleOptions options_;
  bool iterate_;  ///< Response::iterate: exactly K steps, at any tolerance
  bool warm_start_;
  bool errors_asked_;
  mutable std::mutex account_;
  mutable Work diagnostic_;  ///< guarded by account_
};

}  // namespace tacit::inline TACIT_ABI::detail
