// Does a warm start pay? For the shipped logistic runs: the outer points of the cold run are solved again along the same
// sequence, cold and warm, at a fixed tolerance and with one that falls as 0.1 k^-3; then whole runs at the fixed one. Work is
// gradients plus Hessian products of the inner solver. Prints two markdown tables. No arguments.
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/counting.hpp>

#include "shipped.hpp"

namespace {

using namespace tacit;

constexpr double kTolerance = 1e-8;

struct Case {
  std::string name, solver;
  double max_steps = 1000;
  std::optional<double> start{};  ///< instead of the shipped one
};

shipped::Run load(const Case& c, bool warm_adjoint = true) {
  shipped::Choices choices = shipped::choices(c.name, TACIT_SOURCE_DIR);
  choices.solver = c.solver;
  choices.solver_options = {{"tolerance", kTolerance}, {"max_steps", c.max_steps}};
  choices.estimator_options["warm_start"] = warm_adjoint ? 1 : 0;
  if (c.start) choices.start = c.start;
  return shipped::Run(choices);
}

struct Run {
  Summary summary;
  std::vector<Vec> points;  ///< u of the rows
};

Run tune(const shipped::Run& a, OuterOptimizer& optimizer, const Vec& start, bool warm) {
  OracleOptions o = shipped::Run::quiet();
  o.warm_start = warm;
  const auto oracle = a.oracle(o);
  DriverOptions d = a.choices.driver;
  d.schedule = Schedule::fixed;
  Run run;
  run.summary = solve(d, a.problem().space, *oracle, optimizer, start, {[&](const StepRecord& r) { run.points.push_back(r.u); }});
  return run;
}

struct Replay {
  long work = 0;
  double loss = 0;  ///< outer loss at the last point
};

// Solves along the points. A falling tolerance ends, as the driver's runs do, with one more solve of the last point at the
// tightest.
Replay replay(const shipped::Run& a, const std::vector<Vec>& points, bool warm, Schedule schedule) {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(a.problem(), counter);
  InnerSolution last;
  bool any = false;
  const auto visit = [&](const Vec& u, double tolerance) {
    InnerSolution next = a.solver->solve(p, u, warm && any ? &last : nullptr, {tolerance}, {});
    last = std::move(next);
    any = true;
  };
  Index k = 0;
  double tolerance = kTolerance;
  for (const Vec& u : points) {
    tolerance = scheduled(schedule, std::max<Index>(k++, 1), kTolerance);
    visit(u, tolerance);
  }
  if (tolerance > kTolerance) visit(points.back(), kTolerance);
  return {static_cast<long>(counter->read().inner_units()), a.problem().l->value(last.x(), points.back())};
}

void along_one_path(const Case& c) {
  const shipped::Run a = load(c);
  const Vec start = a.start();
  for (const std::string name : {"lbfgs", "hoag"}) {
    const auto optimizer = shipped::configured(&register_optimizers, name, {});
    const Run run = tune(a, *optimizer, start, false);
    const Replay cold = replay(a, run.points, false, Schedule::fixed), warm = replay(a, run.points, true, Schedule::fixed);
    const Replay falling = replay(a, run.points, true, Schedule::cubic);
    const auto times = [&](const Replay& r) { return static_cast<double>(cold.work) / static_cast<double>(r.work); };
    std::printf("| %s | %s | %s%s, %zu | %ld | %ld (%.2fx) | %ld (%.2fx) | %.1e |\n", c.name.c_str(), c.solver.c_str(),
                name.c_str(), name == a.choices.optimizer ? " (shipped)" : "", run.points.size(), cold.work, warm.work,
                times(warm), falling.work, times(falling), std::abs(falling.loss - cold.loss) / std::abs(cold.loss));
  }
}

void whole_runs(const Case& c) {
  const shipped::Run a = load(c), cold_adjoint = load(c, false);
  const Vec start = a.start();
  for (const std::string name : {"lbfgs", "hoag"}) {
    for (const bool warm : {false, true}) {
      const auto optimizer = shipped::configured(&register_optimizers, name, {});
      const Run run = tune(warm ? a : cold_adjoint, *optimizer, start, warm);
      const Summary& m = run.summary;
      std::printf("| %s | %s | %s | %s | %ld | %s | %ld | %ld | %ld | %.8f |\n", c.name.c_str(), c.solver.c_str(), name.c_str(),
                  warm ? "warm" : "cold", static_cast<long>(m.steps), to_string(m.reason), static_cast<long>(m.work.gradients),
                  static_cast<long>(m.work.hessian_products), static_cast<long>(m.work.inner_units()), m.best.outer_loss);
    }
  }
}

}  // namespace

int main() {
  // The start found for logistic_libsvm already meets the outer tolerance, so there is no sequence to follow; a start of 1 gives
  // one.
  const std::vector<Case> cases{{"logistic_breast_cancer", "newton-cg"},
                                {"logistic_breast_cancer", "lbfgs"},
                                {"logistic_breast_cancer_per_feature", "newton-cg"},
                                {"logistic_breast_cancer_per_feature", "lbfgs", 20000},
                                {"logistic_libsvm", "newton-cg", 20000, 1},
                                {"logistic_libsvm", "lbfgs", 20000, 1}};
  std::printf(
      "Along the outer points of the cold run, inner tolerance 1e-8:\n\n| run | inner solver | outer points of | cold | warm | "
      "warm, "
      "tolerance 0.1 k^-3 and a closing solve | last outer loss, relative difference |\n|---|---|---|---|---|---|---|\n");
  for (const Case& c : cases) along_one_path(c);
  std::printf(
      "\nWhole runs (adjoint solves included; cold: neither iterate nor adjoint is kept):\n\n| run | inner solver | outer | "
      "start | "
      "outer steps | stopped by | gradients | Hessian products | sum | outer loss "
      "|\n|---|---|---|---|---|---|---|---|---|---|\n");
  for (const Case& c : cases) whole_runs(c);
  return 0;
}
