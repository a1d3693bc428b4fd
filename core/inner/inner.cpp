#include <tacit/core/inner/inner.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/inner/detail/common.hpp>
#include <tacit/core/inner/detail/inverse_from_pairs.hpp>
#include <tacit/core/inner/detail/kept_hessian.hpp>
#include <tacit/core/linear/detail/kernels.hpp>
#include <tacit/core/support/rate.hpp>
#include <tacit/core/support/wording.hpp>

namespace tacit::inline TACIT_ABI {
namespace detail {
namespace {

double true_norm(const Problem& problem, In x, In u) {
  Vec g(x.size());
  problem.f->gradient(x, u, g);
  return g.norm();
}

bool has_momentum(const InnerSolution& s) { return s.map && s.map->state_dim() != s.inner_dim; }

/// The contraction factor of a gradient step on f with mu <= f_xx <= L; NaN with momentum, whose norm is no contraction, and
/// where mu is not known.
double rate_bound(const Problem& problem, In u, const InnerSolution& s) {
  const double mu = problem.f->convexity(u), alpha = s.map->step_size();
  if (has_momentum(s) || !(mu > 0)) return std::numeric_limits<double>::quiet_NaN();
  return std::max(std::abs(1 - alpha * mu), std::abs(1 - alpha * problem.f->smoothness(u)));
}

/// The stop that watches the error of the iterate instead of the gradient.
class IterateTest {
public:
  IterateTest(const Problem& problem, In u, const Accuracy& accuracy, InnerSolution& s)
      : accuracy_(accuracy), s_(s), momentum_(has_momentum(s)) {
    if (accuracy.iterate > 0) bound_ = rate_bound(problem, u, s);
  }
  /// After a step: whether the run may end.
  bool met() {
    constexpr Index kFirst = 10;  // what fewer steps show of the rate is not enough
    if (!(accuracy_.iterate > 0) || s_.steps < kFirst) return false;
    const double error = estimated_iterate_error(s_.step_norms, momentum_, accuracy_.rate, bound_);
    const double size = s_.z.head(s_.inner_dim).norm();
    return error <= accuracy_.iterate * size;
  }

private:
  Accuracy accuracy_;
  InnerSolution& s_;
  bool momentum_;
  double bound_ = std::numeric_limits<double>::quiet_NaN();
};

/// One run of a bound map, from its start or from where it stopped before. When it stops depends on no tolerance that it had
/// before: a run that goes on is the run that was asked for the tighter tolerance at once, bit for bit.
class MapRun {
public:
  MapRun(const IterateSolver& solver, const Problem& problem, In u, const Accuracy& accuracy, InnerSolution& s)
      : solver_(solver), problem_(problem), u_(u), tolerance_(accuracy.residual), max_steps_(solver.options.max_steps), s_(s),
        run_(s.progress), n_(s.inner_dim), close_(problem, u, accuracy, s),
        watch_(100, s.progress.least_norm, s.progress.since_least) {}

  void run() {
    known_ = -1;
    s_.iterate_met = false;
    s_.gradient.resize(0);
    run_.ending = iterate();
    run_.least_norm = watch_.best();
    run_.since_least = watch_.since();
    if (known_ < 0) {
      s_.gradient.resize(n_);
      problem_.f->gradient(s_.x(), u_, s_.gradient);
      known_ = s_.gradient.norm();
    }
    if (run_.unit < 0) run_.unit = gradient_unit(problem_, u_, s_.x0, known_);
    judge();
  }

  /// False, with the status of the new tolerance, when the run that was asked for it at once would have ended here too.
  bool go_on() {
    known_ = s_.gradient_norm;
    const double enough = tolerance_ * run_.unit;
    const bool there = s_.steps > 0 && tolerance_ > 0 && run_.norm <= enough && known_ <= enough;
    if (run_.ending != RunEnd::target || s_.status == Status::failed || s_.steps >= max_steps_ || there) {
      judge();
      return false;
    }
    run();
    return true;
  }

private:
  RunEnd iterate();
  void judge();
  std::string not_finite(Index k) const;
  bool verified(double norm);
  bool stuck(double norm, double moved);

  const IterateSolver& solver_;
  const Problem& problem_;
  Vec u_;
  double tolerance_;
  Index max_steps_;
  InnerSolution& s_;
  MapProgress& run_;
  Index n_;
  IterateTest close_;
  double known_ = -1;  ///< true gradient norm at the present x, -1: not known
  StallWatch watch_;
  std::string why_;
};

void MapRun::judge() {
  if (why_.empty()) why_ = std::move(s_.message);
  s_.message.clear();
  finish(s_, known_, run_.unit, tolerance_, run_.ending, why_);
  if (s_.iterate_met && counted_out(s_.status)) {
    s_.status = Status::converged;
    s_.message.clear();
  }
}

RunEnd MapRun::iterate() {
  const FixedPointMap& map = *s_.map;
  Vec next(map.state_dim());
  const std::size_t kept_bytes = s_.tape ? map.jacobian_bytes() : 0;
  for (Index k = s_.steps; k < max_steps_; ++k) {
    std::unique_ptr<const StepJacobian> jacobian;
    double norm = s_.tape && s_.tape->wants_jacobian(k, kept_bytes) ? map.step_and_linearize(k, s_.z, u_, next, jacobian)
                                                                    : map.step(k, s_.z, u_, next);
    const double moved = (next.head(n_) - s_.z.head(n_)).norm();
    if (!std::isfinite(moved)) {
      why_ = not_finite(k);
      return RunEnd::failed;
    }
    if (std::isnan(norm)) norm = moved / map.step_size();
    if (k == 0) {
      run_.unit = gradient_unit(problem_, u_, s_.x0, norm);
      // The first step evaluates the gradient at x itself: nothing to do when that is good enough (a tape needs a step to
      // differentiate).
      const double enough = tolerance_ * run_.unit;
      if (!s_.tape && tolerance_ > 0 && norm <= std::max(enough, unknowable(problem_, u_, run_.unit))) {
        known_ = norm;
        return norm <= enough ? RunEnd::target : RunEnd::rounding;
      }
    }
    s_.z.swap(next);
    s_.steps = k + 1;
    s_.step_norms.push_back(moved);
    if (s_.tape) s_.tape.write().push(s_.steps, s_.z);
    if (jacobian) s_.tape.write().keep_jacobian(std::move(jacobian));
    run_.norm = norm;
    known_ = -1;
    if (solver_.watch) solver_.watch({s_.steps, s_.x(), norm});
    const bool at_rounding = tolerance_ != 0 && stuck(norm, moved);
    if (close_.met()) {
      s_.iterate_met = true;
      return RunEnd::target;
    }
    if (tolerance_ == 0) continue;
    if (verified(norm) && !at_rounding) return RunEnd::target;
    if (at_rounding) return RunEnd::rounding;  // at any tolerance
  }
  return RunEnd::limit;
}

/// Why step k left the numbers.
std::string MapRun::not_finite(Index k) const {
  if (k == 0 && !std::isfinite(true_norm(problem_, s_.x(), u_)))
    return "the gradient of the inner objective is not finite at the start; check the data and the objective";
  return "the inner iteration is not finite after " + std::to_string(k) + (k == 1 ? " step" : " steps") + "; its step size " +
         short_number(s_.map->step_size()) + " is too large: lower " + option_name("inner.step") +
         " (auto is stable) or use another " + option_name("inner.solver");
}

/// The map's own norm belongs to the point before the step, or to an extrapolated one; the test is made at x.
bool MapRun::verified(double norm) {
  if (norm > tolerance_ * run_.unit) return false;
  known_ = true_norm(problem_, s_.x(), u_);
  return known_ <= tolerance_ * run_.unit;
}

bool MapRun::stuck(double norm, double moved) {
  run_.unmoved = moved == 0 ? run_.unmoved + 1 : 0;
  const double floor = rounding_floor(problem_, u_, run_.unit, 1 / s_.map->step_size(), s_.z.head(n_).norm());
  return watch_.stalled(norm, floor) || run_.unmoved >= 2 || norm <= unknowable(problem_, u_, run_.unit);
}

}  // namespace
}  // namespace detail

void IterativeOptions::fields(FieldVisitor& v) {
  v.field("tolerance", tolerance, Range{0, 1, false, false},
          "relative residual ||f_x(x)|| / ||f_x(0)|| at which the inner solver stops; 0: exactly max_steps");
  v.field("max_steps", max_steps, Range::at_least(1), "iterations of the inner solver at most");
}

IterateSolver::IterateSolver(std::unique_ptr<Algorithm> algorithm) : algorithm_(std::move(algorithm)) {
  if (!algorithm_) throw UsageError("IterateSolver needs an algorithm, GradientDescent for one");
}

void IterateSolver::fields(FieldVisitor& v) {
  algorithm_->fields(v);
  options.fields(v);
}

void require_iterate_solver(const InnerSolver& solver) {
  const std::string meant = "the problem means the iterate x_K(u), the last of exactly max_steps steps (Response::iterate): ";
  if (!solver.can_record())
    throw UsageError(meant + "use an inner solver that is a fixed-point map (gradient-descent, heavy-ball, nesterov)",
                     "inner.solver");
  if (solver.tolerance() != 0) throw UsageError(meant + "set the tolerance of the inner solver to 0", "inner.tolerance");
  if (!solver.fixed_map())
    throw UsageError(
        meant + "give step size and momentum as numbers, since automatic ones change with u and no derivative has that",
        "inner.step");
}

InnerSolution IterateSolver::solve(const Problem& problem, In u, const InnerSolution* previous, Accuracy accuracy,
                                   TapeRequest tape) const {
  if (problem.response == Response::iterate) {
    require_iterate_solver(*this);
    if (previous)
      throw UsageError(
          "the problem means the iterate x_K(u), K steps from x_0(u) (Response::iterate): start without an earlier inner "
          "solution",
          "inner.warm_start");
    accuracy = Accuracy{0};
  }
  InnerSolution s = detail::begin(*this, problem, u, previous);
  try {
    s.map = algorithm_->bind(problem, u);
  } catch (const NumericalError& e) {
    detail::finish(s, std::numeric_limits<double>::quiet_NaN(), 1, accuracy.residual, RunEnd::failed, e.what());
    return s;
  }
  s.z0.resize(s.map->state_dim());
  s.map->lift(s.x0, s.z0);
  s.z = s.z0;
  if (tape.wanted()) {
    s.tape = Trajectory(tape, options.max_steps);
    s.tape.write().push(0, s.z);
  }
  detail::MapRun(*this, problem, u, accuracy, s).run();
  return s;
}

bool IterateSolver::go_on(const Problem& problem, In u, InnerSolution& s, Accuracy accuracy) const {
  if (problem.response == Response::iterate) accuracy = Accuracy{0};
  return s.map && detail::MapRun(*this, problem, u, accuracy, s).go_on();
}

double InnerSolution::relative_iterate_error(const Problem& problem, In u, double least_rate) const {
  if (!map) return std::numeric_limits<double>::quiet_NaN();
  return estimated_iterate_error(step_norms, detail::has_momentum(*this), least_rate, detail::rate_bound(problem, u, *this)) /
         x().norm();
}

void complete_solution(const Problem& problem, In u, const Accuracy& asked, InnerSolution& s) {
  const Index n = problem.f->inner_dim();
  if (s.x_cold.size() == n && s.inner_dim == n) return;  // one of ours
  if (s.z.size() < n)
    throw UsageError(UsageError::Kind::callback, "the inner solver left " + std::to_string(s.z.size()) +
                                                     " entries in InnerSolution::z, and the inner problem has " +
                                                     std::to_string(n) + " variables");
  s.inner_dim = n;
  s.x_cold = problem.cold_start(u);
  if (s.x0.size() != n) s.x0 = s.x_cold;
  if (s.z0.size() != s.z.size()) s.z0 = s.z.size() == n ? s.x0 : s.z;
  s.gradient.resize(n);
  problem.f->gradient(s.x(), u, s.gradient);
  s.gradient_norm = s.gradient.norm();
  s.residual = s.gradient_norm / detail::gradient_unit(problem, u, Vec::Ones(n), s.gradient_norm);
  if (!s.z.allFinite() || !std::isfinite(s.residual)) {
    s.status = Status::failed;
    if (s.message.empty()) s.message = "the inner solver left a point that is not finite";
  } else if (s.status == Status::not_run) {
    s.status = s.residual <= asked.residual ? Status::converged : Status::step_limit;
    if (!solved(s.status)) s.message = "the inner solver told no status, and its residual is " + sci(s.residual);
  }
}

InnerSolution solve_completely(const InnerSolver& solver, const Problem& problem, In u, const InnerSolution* previous,
                               Accuracy accuracy, TapeRequest tape) {
  InnerSolution s = solver.solve(problem, u, previous, accuracy, tape);
  complete_solution(problem, u, accuracy, s);
  return s;
}

void MapProgress::state(StateVisitor& v) {
  v.state("unit", unit);
  v.state("norm", norm);
  v.state("least_norm", least_norm);
  v.state("since_least", since_least);
  v.state("unmoved", unmoved);
  state_of_enum(v, "ending", ending);
}

std::shared_ptr<const LinearOperator> InnerSolution::exact_inverse() const {
  if (offered) return offered;
  return inverse_exact ? inverse : nullptr;
}

std::shared_ptr<const Curvature> curvature_at(const Problem& problem, In u, const InnerSolution& s) {
  return s.curvature ? s.curvature : problem.f->linearize(s.x(), u);
}

std::shared_ptr<const Eigen::MatrixXd> kept_hessian(const InnerSolution& s) {
  if (!s.kept || !s.kept->data || !s.inverse) return nullptr;
  auto h = std::make_shared<Eigen::MatrixXd>(s.kept->scale * *s.kept->data);
  h->diagonal() += s.kept->penalty;
  return h;
}

std::function<void(In, Out)> kept_product(const InnerSolution& s) {
  if (!s.inverse) return {};
  if (!s.kept || !s.kept->data) {
    if (std::isnan(s.inverse_left)) return {};
    return [factor = s.inverse.get()](In p, Out out) { factor->product(p, out); };
  }
  return [kept = s.kept.get()](In p, Out out) {
    const Eigen::MatrixXd& data = *kept->data;
    kernels::multiply_symmetric(p.size(), data.data(), data.outerStride(), p.data(), out.data());
    out = kept->scale * out + kept->penalty.cwiseProduct(p);
  };
}

namespace {

/// The two loops over what lbfgs has learnt.
class LearntInverse final : public LinearOperator {
public:
  LearntInverse(Index n, std::shared_ptr<const detail::InverseFromPairs> pairs, std::shared_ptr<const LinearOperator> initial)
      : n_(n), pairs_(std::move(pairs)), initial_(std::move(initial)) {}
  Index dim() const override { return n_; }
  void apply(In x, Out y) const override {
    Vec d(n_);
    if (initial_)
      pairs_->direction(x, *initial_, d);
    else
      pairs_->direction(x, d);
    y = -d;
  }

private:
  Index n_;
  std::shared_ptr<const detail::InverseFromPairs> pairs_;
  std::shared_ptr<const LinearOperator> initial_;
};

}  // namespace

std::shared_ptr<const LinearOperator> learnt_inverse(const InnerSolution& s, std::shared_ptr<const LinearOperator> initial) {
  if (!s.pairs || s.pairs->empty()) return nullptr;
  return std::make_shared<LearntInverse>(s.inner_dim, s.pairs, std::move(initial));
}

void spend_kept(InnerSolution& s, double products) {
  if (!s.kept || !s.kept->data || !(products > 0)) return;
  auto kept = std::make_shared<detail::KeptHessian>(*s.kept);
  kept->spent += products;
  s.kept = std::move(kept);
}

void share_kept(const std::vector<InnerSolution*>& solutions) {
  constexpr double kToCome = 5;  // products that a factor saves each of those which are solved from these at least
  const auto keeps = [](const InnerSolution* s) { return s && s->kept; };
  const auto lends = [&](const InnerSolution* s) { return keeps(s) && s->kept->data && s->inverse; };
  auto lender = std::find_if(solutions.begin(), solutions.end(), lends);
  const bool none = lender == solutions.end();
  if (none) lender = std::find_if(solutions.begin(), solutions.end(), keeps);
  if (lender == solutions.end()) return;
  double spent = (*lender)->kept->spent;
  for (InnerSolution* s : solutions) {
    if (!keeps(s) || s == *lender || s->kept->data || s->inner_dim != (*lender)->inner_dim) continue;
    auto kept = std::make_shared<detail::KeptHessian>(*s->kept);
    spent += std::exchange(kept->spent, 0) + kToCome;
    kept->data = (*lender)->kept->data;
    kept->factored = (*lender)->kept->factored;
    kept->scale = (*lender)->kept->scale;
    kept->cheap = (*lender)->kept->cheap;
    s->kept = std::move(kept);
    if (none) continue;
    s->inverse = (*lender)->inverse;
    s->inverse_exact = false;
  }
  if (!none) return;
  auto kept = std::make_shared<detail::KeptHessian>(*(*lender)->kept);
  kept->spent = spent;
  (*lender)->kept = std::move(kept);
}

void InnerSolution::state(StateVisitor& v) {
  map.reset();
  tape.reset();
  offered.reset();
  curvature.reset();
  v.state("z0", z0);
  v.state("z", z);
  v.state("x0", x0);
  v.state("x_cold", x_cold);
  v.state("cold", cold);
  progress.state(v);
  v.state("step_norms", step_norms);
  v.state("iterate_met", iterate_met);
  state_of_shared(v, "inverse", inverse);
  v.state("inverse_exact", inverse_exact);
  state_of_shared(v, "pairs", pairs);
  state_of_shared(v, "kept", kept);
  state_of_enum(v, "status", status);
  v.state("message", message);
  v.state("steps", steps);
  v.state("residual", residual);
  v.state("gradient_norm", gradient_norm);
  v.state("gradient", gradient);
  v.state("value", value);
  v.state("start_gradient", start_gradient);
  v.state("inverse_left", inverse_left);
  v.state("inner_dim", inner_dim);
}

void hessian_matrix(const Curvature& curvature, OutM h) {
  if (curvature.dense(h)) return;
  constexpr Index kBlock = 16;
  const Index n = h.rows();
  for (Index at = 0; at < n; at += kBlock) {
    const Index k = std::min(kBlock, n - at);
    Mat columns = Mat::Zero(n, k), products(n, k);
    columns.block(at, 0, k, k).setIdentity();
    curvature.hessian_batch(columns, products);
    h.middleCols(at, k) = products;
  }
}

void register_solvers(Registry<InnerSolver>& registry) {
  Registry<Algorithm> algorithms("algorithm", "inner.solver");
  register_algorithms(algorithms);
  for (const std::string& name : algorithms.names()) {
    // Each factory makes its algorithm anew, so two solvers share no options.
    registry.add(name, algorithms.doc(name),
                 [algorithms, name] { return std::make_unique<IterateSolver>(algorithms.make(name)); });
  }
  registry.add("lbfgs", "limited-memory BFGS with a strong Wolfe line search; no curvature needed",
               [] { return std::make_unique<LbfgsSolver>(); });
  registry.add("newton", "Newton's method with a Cholesky factor of the Hessian; for up to some hundred variables",
               [] { return std::make_unique<NewtonSolver>(); });
  registry.add("newton-cg", "Newton's method with conjugate gradients; the choice for smooth losses",
               [] { return std::make_unique<NewtonCgSolver>(); });
  registry.add("cholesky", "one factorization; for objectives that are quadratic in x (ridge)",
               [] { return std::make_unique<CholeskySolver>(); });
}

}  // namespace tacit::inline TACIT_ABI
