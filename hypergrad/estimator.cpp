#include <tacit/hypergrad/estimator.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/support/rate.hpp>

namespace tacit::inline TACIT_ABI {

double Calibration::chi() const {
  const double relative = sensitivity / std::max(std::isnan(norm) ? 0 : norm, floor);
  return relative > 1 ? relative : 1;
}

double Calibration::rate() const {
  const double largest = largest_recent(rates);
  return std::isnan(largest) ? 0 : largest;
}

void Calibration::state(StateVisitor& v) {
  v.state("sensitivity", sensitivity);
  v.state("norm", norm);
  v.state("floor", floor);
  v.state("rates", rates);
  v.state("age", age);
  v.state("longest_run", longest_run);
}

void Hypergradient::state(StateVisitor& v) {
  Index tape = static_cast<Index>(tape_bytes);
  v.state("gradient", gradient);
  v.state("adjoint", adjoint);
  v.state("data_product", data_product);
  v.state("state_adjoint", state_adjoint);
  v.state("outer_value", outer_value);
  state_of_enum(v, "status", status);
  v.state("message", message);
  v.state("residual", residual);
  v.state("linear_steps", linear_steps);
  v.state("window", window);
  v.state("tape_bytes", tape);
  calibration.state(v);
  tape_bytes = static_cast<std::size_t>(tape);
}

namespace {

constexpr const char* kOfIterate = "full-unroll, truncated-unroll (with a number as window), forward or finite-difference";

}  // namespace

void require_solution(const Problem& problem, const std::string& what) {
  if (problem.response == Response::solution) return;
  throw UsageError(what + " is of the solution x*(u), and the problem means the iterate x_K(u) (Response::iterate)",
                   "inner.response");
}

void require_solution_of(const Problem& problem, const std::string& estimator_name) {
  if (problem.response == Response::solution) return;
  throw UsageError("estimator '" + estimator_name + "' is of the solution x*(u), and the problem means the iterate x_K(u) " +
                       "(Response::iterate); use " + kOfIterate,
                   "hypergradient.estimator");
}

void require_iterate_run(const Problem& problem, const InnerSolution& inner, const std::string& estimator_name) {
  if (problem.response == Response::solution || (inner.map && inner.cold)) return;
  throw UsageError("estimator '" + estimator_name +
                       "': the problem means the iterate x_K(u) (Response::iterate), and the inner solution " +
                       (inner.map ? "did not start from x_0(u); solve without an earlier one"
                                  : "is no run of a map; use gradient-descent, heavy-ball or nesterov"),
                   inner.map ? "inner.warm_start" : "inner.solver");
}

void check_response(const Problem& problem, const InnerSolver& solver, const HypergradientEstimator& estimator) {
  if (problem.response == Response::solution) return;
  if (!estimator.of_iterate())
    throw UsageError(
        std::string("the problem means the iterate x_K(u) (Response::iterate), and the estimator takes it for a solution; use ") +
            kOfIterate,
        "hypergradient.estimator");
  require_iterate_solver(solver);
}

void check_pair(const std::string& estimator_name, const HypergradientEstimator& estimator, const std::string& solver_name,
                const InnerSolver& solver) {
  if (solver.can_record()) return;
  const Needs needs = estimator.needs();
  const char* remedy = "; use 'implicit-cg' or an iterative solver (gradient-descent, heavy-ball, nesterov)";
  if (needs.tape.wanted())
    throw UsageError(
        "estimator '" + estimator_name + "' needs a recorded trajectory; solver '" + solver_name + "' records none" + remedy,
        "hypergradient.estimator");
  if (needs.map)
    throw UsageError("estimator '" + estimator_name + "' differentiates the steps of a fixed-point map; solver '" + solver_name +
                         "' is none" + remedy,
                     "hypergradient.estimator");
}

}  // namespace tacit::inline TACIT_ABI
