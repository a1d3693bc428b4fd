// What do tied tolerances save, and do they end where tight ones do? Every shipped logistic run with its solver, each outer
// optimizer that follows hypergradients and each schedule, from the same start, against the tolerances fixed at 1e-8 (inner) and
// 1e-6 (adjoint). Work is gradients plus Hessian products: of the inner solves, of the adjoint, of line searches and of the
// closing solve; the search for the start and the diagnostics are not in it; outer losses are those of Newton-polished points.
// Prints markdown tables.
// Arguments: none, or a shipped run, the seed of its split and its largest number of outer steps.
#include <cmath>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "shipped.hpp"

namespace {

using namespace tacit;

constexpr Schedule kAll[] = {Schedule::fixed, Schedule::quadratic, Schedule::cubic, Schedule::exponential, Schedule::adaptive};

struct Run {
  Summary summary;
  double loss;  ///< outer loss at the best theta, of a Newton-polished point
  std::vector<Vec> thetas;
  double work() const { return static_cast<double>(summary.work.inner_units()); }
};

Run tune(const shipped::Run& a, const std::string& optimizer, Schedule schedule, const Vec& start) {
  const Problem& problem = a.problem();
  const auto oracle = a.oracle(shipped::Run::quiet());
  DriverOptions d = a.choices.driver;
  d.schedule = schedule;
  const auto outer = shipped::configured(&register_optimizers, optimizer, {});
  Run run;
  run.summary = solve(d, problem.space, *oracle, *outer, start, {[&](const StepRecord& r) { run.thetas.push_back(r.theta); }});
  Vec u(problem.space.size());
  problem.space.to_model(run.summary.best.theta, u);
  run.loss = problem.l->value(polish(problem, u, problem.cold_start(u)).x, u);
  return run;
}

/// First step at which an entry of theta differs by more than 1 %; -1: none of those that both took.
long parting(const Run& a, const Run& b) {
  for (std::size_t k = 0; k < std::min(a.thetas.size(), b.thetas.size()); ++k) {
    if ((a.thetas[k] - b.thetas[k]).cwiseAbs().maxCoeff() > 0.01) return static_cast<long>(k);
  }
  return -1;
}

void row(const std::string& label, const std::string& name, const Run& run, const Run& fixed) {
  const Summary& m = run.summary;
  const long part = parting(run, fixed);
  std::printf("| %s | %s | %s | %ld | %s | %ld | %ld | %.2f | %.10f | %+.1e | %s |\n", label.c_str(), name.c_str(),
              to_string(m.schedule), static_cast<long>(m.steps), to_string(m.reason), static_cast<long>(m.work.gradients),
              static_cast<long>(m.work.hessian_products), fixed.work() / run.work(), run.loss,
              (run.loss - fixed.loss) / std::abs(fixed.loss), part < 0 ? "" : std::to_string(part).c_str());
}

/// Optimizers that follow hypergradients; those that ask for values alone are given the tightest tolerances.
std::vector<std::string> followers() {
  Registry<OuterOptimizer> optimizers;
  register_optimizers(optimizers);
  std::vector<std::string> names;
  for (const std::string& name : optimizers.names()) {
    if (optimizers.make(name)->differentiates()) names.push_back(name);
  }
  return names;
}

/// Geometric mean and least of a list of ratios.
struct Gains {
  double logs = 0, least = INFINITY;
  int count = 0;
  void add(double gain) {
    logs += std::log(gain);
    least = std::min(least, gain);
    ++count;
  }
};

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string> cases{"logistic_breast_cancer", "logistic_breast_cancer_per_feature", "logistic_libsvm"};
  if (argc > 1) cases = {argv[1]};
  std::map<std::pair<std::string, Schedule>, Gains> gains;
  std::map<Schedule, Gains> shipped;
  const std::vector<std::string> optimizers = followers();
  std::printf(
      "| run | outer optimizer | schedule | outer steps | stopped by | gradients | Hessian products | times less work | outer "
      "loss | against fixed | paths part at step |\n|---|---|---|---|---|---|---|---|---|---|---|\n");
  for (const std::string& label : cases) {
    shipped::Choices c = shipped::choices(label, TACIT_SOURCE_DIR);
    c.solver_options["tolerance"] = 1e-8;
    c.estimator_options["tolerance"] = 1e-6;
    if (argc > 2) c.split.seed = std::stoull(argv[2]);
    if (argc > 3) c.driver.max_steps = std::stol(argv[3]);
    const shipped::Run a(c);
    const Vec start = a.start();
    for (const std::string& name : optimizers) {
      const Run fixed = tune(a, name, Schedule::fixed, start);
      for (const Schedule schedule : kAll) {
        const Run run = schedule == Schedule::fixed ? fixed : tune(a, name, schedule, start);
        const bool as_shipped = name == c.optimizer;
        row(label, name + (as_shipped ? " (shipped)" : ""), run, fixed);
        gains[{name, schedule}].add(fixed.work() / run.work());
        if (as_shipped) shipped[schedule].add(fixed.work() / run.work());
      }
    }
  }
  std::printf("\nTimes less work than fixed: geometric mean, and the least.\n\n| schedule | shipped |");
  for (const std::string& name : optimizers) std::printf(" %s |", name.c_str());
  std::printf("\n|---|---|");
  for (std::size_t i = 0; i < optimizers.size(); ++i) std::printf("---|");
  const auto cell = [](const Gains& g) { std::printf(" %.2f (%.2f) |", std::exp(g.logs / g.count), g.least); };
  for (const Schedule schedule : kAll) {
    if (schedule == Schedule::fixed) continue;
    std::printf("\n| %s |", to_string(schedule));
    cell(shipped[schedule]);
    for (const std::string& name : optimizers) cell(gains[{name, schedule}]);
  }
  std::printf("\n");
  return 0;
}
