// What it costs to differentiate the steps of gradient descent, over the plain steps alone, all timed by turns: full unroll with
// every state kept and with checkpoints (the run that records them included), and forward mode with one and eight hyperparameters
// (the recursion, which runs the steps itself, and with the run before it). Usage: unroll_cost [rows] [columns] [steps]
// [repetitions] [--json]. Goals at 10000 training rows x 500, 100 steps: 2.0, 3.2, 2.2 and 4.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/tasks.hpp>

#include "made.hpp"
#include "timing.hpp"

using namespace tacit;
using tacit_bench::Timed;

namespace {

/// Exactly so many steps of that size.
IterateSolver descent(Index steps, double step) {
  auto map = std::make_unique<GradientDescent>();
  map->step = step;
  IterateSolver solver(std::move(map));
  solver.options.max_steps = steps;
  solver.options.tolerance = 0;
  return solver;
}

/// One penalty, or one for each of eight groups of columns.
Problem problem_of(const char* kind, ModelParts parts, bool eight) {
  ModelOptions options;
  if (eight) {
    options.per = PenaltyPer::group;
    parts.groups.resize(8);
    for (Index j = 0; j < parts.train.features(); ++j) parts.groups[static_cast<std::size_t>(j % 8)].columns.push_back(j);
    for (std::size_t k = 0; k < 8; ++k) parts.groups[k].name = std::to_string(k);
  }
  Problem problem = make_task(kind)->make(parts, options);
  problem.response = Response::iterate;
  return problem;
}

struct Method {
  std::string name;
  const Problem& problem;
  std::unique_ptr<HypergradientEstimator> estimator;
  bool with_run = true;
};

std::vector<Method> methods_for(const Problem& one, const Problem& eight) {
  std::vector<Method> all;
  all.push_back({"full unroll", one, std::make_unique<UnrollEstimator>(false)});
  auto checkpointed = std::make_unique<UnrollEstimator>(false);
  checkpointed->stride = Count::automatic();
  all.push_back({"checkpoints", one, std::move(checkpointed)});
  for (const bool with_run : {false, true}) {
    const std::string run = with_run ? " and run" : "";
    all.push_back({"forward, 1" + run, one, std::make_unique<ForwardEstimator>(), with_run});
    all.push_back({"forward, 8" + run, eight, std::make_unique<ForwardEstimator>(), with_run});
  }
  return all;
}

/// Medians over that of the plain run; false where a number is not finite.
bool measure(const char* kind, const ModelParts& parts, Index steps, int repetitions, tacit_bench::Figures& figures) {
  const Problem one = problem_of(kind, parts, false), eight = problem_of(kind, parts, true);
  const IterateSolver solver = descent(steps, 1 / one.f->smoothness(Vec::Constant(1, 1e-2)));
  const std::vector<Method> methods = methods_for(one, eight);
  double total = 0;
  const auto u_of = [](const Problem& p) { return Vec::Constant(p.space.size(), 1e-2); };
  std::vector<Timed> pieces = {{"plain run", [&] { total += solver.solve(one, u_of(one), nullptr, {}, {}).z.sum(); }}};
  pieces.push_back({"recording run", [&] {
                      const TapeRequest all = UnrollEstimator(false).needs().tape;
                      total += solver.solve(one, u_of(one), nullptr, {}, all).z.sum();
                    }});
  std::vector<InnerSolution> done;  // for recursions alone
  for (const Method& m : methods)
    done.push_back(solver.solve(m.problem, u_of(m.problem), nullptr, {}, m.estimator->needs().tape));
  for (std::size_t k = 0; k < methods.size(); ++k)
    pieces.push_back({methods[k].name, [&, k] {
                        const Method& m = methods[k];
                        std::optional<InnerSolution> run;
                        if (m.with_run) run = solver.solve(m.problem, u_of(m.problem), nullptr, {}, m.estimator->needs().tape);
                        total +=
                            m.estimator->estimate(m.problem, u_of(m.problem), run ? *run : done[k], nullptr, 0).gradient.sum();
                      }});
  tacit_bench::time_by_turns(pieces, repetitions);
  for (const Timed& p : pieces) {
    const double ratio = p.quantile(0.5) / pieces[0].quantile(0.5);
    if (&p != pieces.data()) figures.add(std::string(kind) + "/" + p.name, ratio);
    if (!figures.wanted())
      std::printf("%-10s %-20s %9.1f ms (20 %% quantile %9.1f); over the plain run %5.2f (%5.2f)\n", kind, p.name.c_str(),
                  1e3 * p.quantile(0.5), 1e3 * p.quantile(0.2), ratio, p.quantile(0.2) / pieces[0].quantile(0.2));
  }
  return std::isfinite(total);
}

}  // namespace

int main(int argc, char** argv) {
  tacit_bench::Figures figures(argc, argv);
  const Index n = argc > 1 ? std::atol(argv[1]) : 10000, d = argc > 2 ? std::atol(argv[2]) : 500;
  const Index steps = argc > 3 ? std::atol(argv[3]) : 100;
  const int repetitions = argc > 4 ? std::atoi(argv[4]) : 9;
  const ModelParts parts = tacit_bench::made_classes(4 * n / 3, d);
  if (!figures.wanted())
    std::printf("%ld steps of gradient descent, %ld training rows x %ld, one thread, medians of %d\n", static_cast<long>(steps),
                static_cast<long>(parts.train.rows()), static_cast<long>(d), repetitions);
  bool finite = true;
  for (const char* kind : {"ridge", "logistic"}) finite = measure(kind, parts, steps, repetitions, figures) && finite;
  figures.print();
  return finite ? 0 : 1;
}
