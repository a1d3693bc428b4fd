// The inner level: approximate minimizers of f(., u) and the solvers that find them.
#pragma once
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/inner/trajectory.hpp>
#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/core/support/copy_on_write.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/registry.hpp>

namespace tacit::inline TACIT_ABI {

/// How well the inner problem is to be solved: ||f_x(x, u)|| <= residual * unit, the unit being ||f_x(0, u)||, or what rounding
/// leaves of the terms that cancel in it, if that is more. 0: exactly the step limit of the solver. A fixed-point map can also be
/// asked to stop at an estimate of its own error.
struct Accuracy {
  double residual = 1e-8;
  double iterate = 0;  ///< stop, after 10 steps or more, where ||x_k - x*|| <= iterate ||x_k|| by estimate; 0: no such test
  double rate = 0;     ///< contraction factor that the estimate is to assume at least, from earlier runs
};

namespace detail {
class InverseFromPairs;
struct KeptHessian;
}

/// Why the run of a solver ended.
enum class RunEnd { target, rounding, limit, failed };

/// Where a run of a map stands, beside its state z, so that it can go on as if it had not stopped.
struct TACIT_EXPORT MapProgress {
  double unit = -1;                                       ///< ||f_x(0, u)||; negative: the run has not begun
  double norm = std::numeric_limits<double>::infinity();  ///< of the gradient that the last step took, at the point before it
  double least_norm = std::numeric_limits<double>::infinity();
  Index since_least = 0;  ///< steps since then
  Index unmoved = 0;      ///< last steps that did not change x
  RunEnd ending = RunEnd::target;
  void state(StateVisitor& v);
};

/// An approximate inner solution with all that an estimator, the diagnostics and the next warm start need.
struct TACIT_EXPORT InnerSolution {
  Vec z0;                                    ///< state the run started from
  Vec z;                                     ///< last state; without a map, x itself
  Vec x0;                                    ///< inner variable the run started from
  Vec x_cold;                                ///< x_0(u) of a cold run
  bool cold = true;                          ///< x0 is x_cold (not taken from a previous solution)
  std::shared_ptr<const FixedPointMap> map;  ///< null when the solver is no fixed-point map
  CopyOnWrite<Trajectory> tape;
  MapProgress progress;                            ///< of a map's run
  std::vector<double> step_norms;                  ///< r_k = ||x_{k+1} - x_k|| of a map's run
  bool iterate_met = false;                        ///< stopped by Accuracy::iterate, before the residual was met
  std::shared_ptr<const CholeskyInverse> inverse;  ///< of f_xx at or near x, exact or kept; may be null
  bool inverse_exact = false;                      ///< inverse belongs to exactly this (x, u)
  std::shared_ptr<const LinearOperator> offered;   ///< f_xx^{-1} at x, where Curvature::inverse() gave it to a direct solver
  std::shared_ptr<const detail::InverseFromPairs> pairs;  ///< what lbfgs learnt of f_xx near x, for its next run
  std::shared_ptr<const detail::KeptHessian> kept;        ///< what newton-cg keeps of f_xx for the runs that start from here
  Status status = Status::not_run;
  std::string message;                                               ///< a sentence with the numbers when not converged
  Index steps = 0;                                                   ///< iterations of the solver
  double residual = 0;                                               ///< true ||f_x(x, u)|| / ||f_x(0, u)||
  double gradient_norm = 0;                                          ///< true ||f_x(x, u)||
  Vec gradient;                                                      ///< f_x(x, u) where the solver has it at the end, else empty
  double value = std::numeric_limits<double>::quiet_NaN();           ///< f(x, u) where the solver has it at the end
  double start_gradient = std::numeric_limits<double>::quiet_NaN();  ///< ||f_x(x0, u)|| where the run knew it
  /// Of ||f_x||, what steps by `inverse` leave: what they left in this run, the worst of them, had they been as long as is best
  /// along them, or by how much steps differ in that; NaN: none was taken by it alone.
  double inverse_left = std::numeric_limits<double>::quiet_NaN();
  std::shared_ptr<const Curvature> curvature;  ///< f_xx at exactly (x, u) where the solver ended with it, else null
  Index inner_dim = 0;
  /// The inner variable: the first inner_dim entries of z.
  auto x() const { return z.head(inner_dim); }
  /// Estimate of ||x - x*|| / ||x|| from the step norms (Accuracy::iterate); NaN: no map ran, or its steps do not shrink yet.
  double relative_iterate_error(const Problem& problem, In u, double least_rate = 0) const;
  /// f_xx^{-1} at exactly this (x, u), whoever has it; null: nobody.
  std::shared_ptr<const LinearOperator> exact_inverse() const;
  /// All but map, tape, curvature and what that offered: a solution that was read back is a start like any other, and its run is
  /// repeated where it has to go on.
  void state(StateVisitor& v);
};

/// f_xx at the solution: what the solver ended with, else linearized anew.
TACIT_EXPORT std::shared_ptr<const Curvature> curvature_at(const Problem& problem, In u, const InnerSolution& solution);

/// What newton-cg has kept of f_xx, B + diag(c) with the c of the u that it was solved for, its lower triangle; null: nothing, or
/// without a factor.
TACIT_EXPORT std::shared_ptr<const Eigen::MatrixXd> kept_hessian(const InnerSolution& solution);
/// p -> that matrix times p, without making it, or else what a factor near f_xx^{-1} is of (InnerSolution::inverse_left); empty
/// where there is neither. It reads the solution, which has to outlive it.
TACIT_EXPORT std::function<void(In, Out)> kept_product(const InnerSolution& solution);

/// Products that a factor made at its first point saves a run, of some points at least.
inline constexpr double kRunSaves = 20;

/// The inverse Hessian that lbfgs has learnt near the solution, from H_0 = initial, null: a multiple of the identity (Morales and
/// Nocedal 2000); null: it has learnt nothing.
TACIT_EXPORT std::shared_ptr<const LinearOperator> learnt_inverse(const InnerSolution& solution,
                                                                  std::shared_ptr<const LinearOperator> initial);

/// Counts products with f_xx at the solution that a fresh factor would have saved: newton-cg makes one the sooner.
TACIT_EXPORT void spend_kept(InnerSolution& solution, double products);

/// Of solutions whose problems differ by little, at the same u: what newton-cg has kept of f_xx of the first that has it serves
/// those that have none. Where none has, what all have spent counts for the first, which makes it the sooner. Null: no solution.
TACIT_EXPORT void share_kept(const std::vector<InnerSolution*>& solutions);

/// One iteration of an inner solver, as a watcher sees it.
struct InnerIteration {
  Index step;               ///< 1, 2, ...: iterations of this run that are done
  Eigen::Ref<const Vec> x;  ///< the point they led to
  double gradient_norm;     ///< ||f_x||, of a map at the point before the step; NaN where the map did not evaluate it
};

/// Finds x with f_x(x, u) = 0. Const and shared; what changes travels in InnerSolution.
class TACIT_EXPORT InnerSolver : public Configurable {
public:
  /// Called after every iteration, by the thread that solves. What it throws leaves the solve, an Interruption as a request to
  /// stop. Not part of the options.
  std::function<void(const InnerIteration&)> watch;
  /// Can it leave a tape (is it a fixed-point map)?
  virtual bool can_record() const { return false; }
  /// Is it a map whose step size and momentum are the same numbers at every u?
  virtual bool fixed_map() const { return false; }
  /// Entries of a state of its runs, for so many inner variables.
  virtual Index state_dim(Index inner_dim) const { return inner_dim; }
  /// Most bytes of states that a run leaves on the tape of this request, for so many inner variables.
  virtual std::size_t tape_bytes(const TapeRequest& /*tape*/, Index /*inner_dim*/) const { return 0; }
  /// The map of its runs at u; null: it is none. Throws what Algorithm::bind throws.
  virtual std::unique_ptr<const FixedPointMap> map(const Problem& /*problem*/, In /*u*/) const { return nullptr; }
  /// The tightest tolerance it was configured with (inner.tolerance); direct solvers return 0.
  virtual double tolerance() const { return 0; }
  /// What the first of many solves is told where the solver keeps f_xx from one to the next (InnerSolution::kept): nothing but
  /// kRunSaves, so that it makes a factor at once. Null: it keeps none of so many variables.
  virtual std::shared_ptr<const detail::KeptHessian> ahead(Index /*inner_dim*/) const { return nullptr; }
  /// Starts from `previous` when given, else from the problem's cold start. Throws UsageError when a tape is asked of a solver
  /// that records none, and by a map where the problem means its last iterate and the run would not be that; numerical trouble is
  /// reported in the solution's status, also where no step of a map can be chosen at u: that solution has no map and no tape.
  virtual InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                              TapeRequest tape) const = 0;
  /// Goes on with the run that left `solution` at the same u, as if it had been asked for this accuracy at once: same map, tape,
  /// momentum and step limit, the same bits. False: this solver cannot, or had its last step; the solution stays as it was, but
  /// for its status, which is that of the new accuracy.
  virtual bool go_on(const Problem& /*problem*/, In /*u*/, InnerSolution& /*solution*/, Accuracy /*accuracy*/) const {
    return false;
  }
};

/// What a solver of one's own left out of its answer, from x = z and the status alone: start, gradient norm and residual. The
/// status of a solution that has none is judged by its residual. Throws UsageError for an x of the wrong size.
TACIT_EXPORT void complete_solution(const Problem& problem, In u, const Accuracy& asked, InnerSolution& solution);
/// solver.solve(), completed.
TACIT_EXPORT InnerSolution solve_completely(const InnerSolver& solver, const Problem& problem, In u,
                                            const InnerSolution* previous, Accuracy accuracy, TapeRequest tape);

/// Throws UsageError unless the runs of the solver are what Response::iterate means: exactly max_steps steps of a map in which u
/// moves nothing but the steps.
TACIT_EXPORT void require_iterate_solver(const InnerSolver& solver);

/// Options shared by the iterative solvers.
struct TACIT_EXPORT IterativeOptions {
  double tolerance = 1e-8;  ///< ||f_x(x, u)|| <= tolerance ||f_x(0, u)||; 0: exactly max_steps
  Index max_steps = 1000;
  void fields(FieldVisitor& v);
};

/// Runs the map of an algorithm and records its states.
class TACIT_EXPORT IterateSolver final : public InnerSolver {
public:
  explicit IterateSolver(std::unique_ptr<Algorithm> algorithm);
  IterativeOptions options;
  Algorithm& algorithm() { return *algorithm_; }
  void fields(FieldVisitor& v) override;
  bool can_record() const override { return true; }
  bool fixed_map() const override { return algorithm_->fixed(); }
  Index state_dim(Index inner_dim) const override { return algorithm_->state_dim(inner_dim); }
  std::size_t tape_bytes(const TapeRequest& tape, Index inner_dim) const override {
    return Trajectory::most_bytes(tape, options.max_steps, state_dim(inner_dim));
  }
  std::unique_ptr<const FixedPointMap> map(const Problem& problem, In u) const override { return algorithm_->bind(problem, u); }
  double tolerance() const override { return options.tolerance; }
  InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                      TapeRequest tape) const override;
  bool go_on(const Problem& problem, In u, InnerSolution& solution, Accuracy accuracy) const override;

private:
  std::unique_ptr<Algorithm> algorithm_;
};

/// Limited-memory BFGS with a strong Wolfe line search (Liu and Nocedal 1989). A run that goes on at the same u takes its pairs
/// along, as if it had not stopped; at another one where f_xx changes by a diagonal that is known (Objective::penalty_diagonal),
/// with y + (c - c_old) s instead of y. What is known of the last point (f, f_x; of a linear model f_xx) is left to whoever
/// comes after.
class TACIT_EXPORT LbfgsSolver final : public InnerSolver {
public:
  static constexpr Index kPairs = 30, kFewPairs = 10, kManyVariables = 2000;
  IterativeOptions options;
  std::optional<Index> memory;  ///< pairs kept; empty: kPairs, of more than kManyVariables kFewPairs
  void fields(FieldVisitor& v) override;
  double tolerance() const override { return options.tolerance; }
  InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                      TapeRequest tape) const override;
};

/// Newton's method; directions by CG with Curvature::preconditioner, forcing term min(0.1, sqrt(||g|| / ||f_x(0)||)), no
/// tighter than the target needs (Dembo, Eisenstat and Steihaug 1982). One pass for value, gradient and curvature a trial point.
/// Once the products spent are worth a factor of f_xx (Curvature::factor_cost), it is made, left as `inverse`, and serves from
/// then on, also the runs that start from this one: B = f_xx - diag(c) is kept and factored with the c of each u. A run starts
/// from x - (B + diag(c))^{-1} (g + diag(c - c_old) x), g the gradient that the one before left: the solution to first order in
/// u. Steps are those of limited-memory BFGS from H_0 = (B + diag(c))^{-1} times what the last step calls for (Oren and
/// Luenberger 1974), one pass each, while they halve the gradient; then CG with that as preconditioner.
class TACIT_EXPORT NewtonCgSolver final : public InnerSolver {
public:
  IterativeOptions options;
  void fields(FieldVisitor& v) override;
  double tolerance() const override { return options.tolerance; }
  std::shared_ptr<const detail::KeptHessian> ahead(Index inner_dim) const override;
  InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                      TapeRequest tape) const override;
};

/// Newton's method with a Cholesky factor of f_xx at each step; leaves the factor as `inverse`.
class TACIT_EXPORT NewtonSolver final : public InnerSolver {
public:
  IterativeOptions options;
  void fields(FieldVisitor& v) override;
  double tolerance() const override { return options.tolerance; }
  InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                      TapeRequest tape) const override;
};

/// Whether Newton's method is cheaper than newton-cg, which keeps one factor for many steps: at most 200 variables, and of a
/// linear model a Gram matrix of at most 10^7 multiplications, what some passes over so few columns cost.
TACIT_EXPORT bool newton_pays(const Objective& f);

/// One factorization with one refinement step for quadratic f; leaves the factor as `inverse`. Where the curvature offers its
/// inverse (Curvature::inverse), that instead, left as `offered`.
class TACIT_EXPORT CholeskySolver final : public InnerSolver {
public:
  void fields(FieldVisitor& v) override;
  InnerSolution solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                      TapeRequest tape) const override;
};

/// f_xx as a matrix (n x n): Curvature::dense where it is offered, else n products in batches.
TACIT_EXPORT void hessian_matrix(const Curvature& curvature, OutM h);

/// lbfgs, newton, newton-cg, cholesky, and every registered algorithm as an IterateSolver.
TACIT_EXPORT void register_solvers(Registry<InnerSolver>& registry);

}  // namespace tacit::inline TACIT_ABI
