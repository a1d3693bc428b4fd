#include <tacit/hypergrad/estimator.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/core/support/rate.hpp>

namespace tacit {

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

}  // namespace tacit
