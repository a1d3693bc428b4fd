// What the estimate of every hypergradient's error costs, and how good it is. Runs what the shipped run files say, and some with
// other inner solvers, as `tacit tune` does, makes the estimate of each accepted step once more on a problem that counts, and
// compares it with the true error. Prints a markdown table. No arguments.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "shipped.hpp"
#include "watched.hpp"

namespace {

using namespace tacit;

double quantile(std::vector<double> v, double share) {
  if (v.empty()) return kMissing;
  std::sort(v.begin(), v.end());
  return v[static_cast<std::size_t>(share * static_cast<double>(v.size() - 1))];
}

void run(const shipped::Choices& choices, const std::string& label) {
  const shipped::Run run(choices);
  const auto counter = std::make_shared<WorkCounter>();
  const Problem problem = counted(run.problem(), counter);
  std::vector<double> gradients, products, ratios;
  double least = INFINITY, most = 0, false_alarm = 0;
  const auto look = [&](const Evaluation& e, Index, double floor) {
    const Work before = counter->read();
    ErrorOptions options;
    options.floor = floor;
    (void)estimate_error(problem, e.u, e.state->inner, e.state->hyper, options);
    const Work spent = counter->read() - before;
    gradients.push_back(static_cast<double>(spent.gradients));
    products.push_back(static_cast<double>(spent.hessian_products));
    const auto in_theta = [&](In g) {
      Vec out(e.theta.size());
      problem.space.pull_back(e.theta, g, out);
      return out;
    };
    const Vec truth = in_theta(reference_hypergradient(run.problem(), e.u, e.state->inner.x()).gradient);
    const double error = hypergradient_error(e.gradient, truth, floor), seen = e.diagnostics.hypergradient_error;
    least = std::min(least, error);
    most = std::max(most, error);
    if (error > 1e-9)
      ratios.push_back(seen / error);
    else
      false_alarm = std::max(false_alarm, seen);
  };
  Watched oracle(run.oracle(), look);
  const auto optimizer = run.optimizer();
  const Summary s = solve(choices.driver, problem.space, oracle, *optimizer, run.start());
  double total_g = 0, total_h = 0;
  for (const double g : gradients) total_g += g;
  for (const double h : products) total_h += h;
  std::printf("| %s | %zu | %ld | %ld | %.0f + %.0f | %.0f + %.0f | %.1e .. %.1e | ", label.c_str(), gradients.size(),
              static_cast<long>(s.work.inner_units()), static_cast<long>(s.diagnostic_work.inner_units()), total_g, total_h,
              quantile(gradients, 0.5), quantile(products, 0.5), least, most);
  if (!ratios.empty())
    std::printf("%.2f (%.2f-%.2f) of %zu | ", quantile(ratios, 0.5), quantile(ratios, 0), quantile(ratios, 1), ratios.size());
  else
    std::printf("- | ");
  if (ratios.size() < gradients.size())
    std::printf("%.0e |\n", false_alarm);
  else
    std::printf("- |\n");
  std::fflush(stdout);
}

}  // namespace

int main() {
  std::printf(
      "| run | steps | work of the run | of all diagnostics | of the estimates: gradients + products | a step, median | true "
      "errors "
      "| estimate / true where that is above 1e-9: median (least-largest) | largest estimate elsewhere "
      "|\n|---|---|---|---|---|---|---|---|---|\n");
  const auto with = [](const std::string& name, const std::string& solver, const std::map<std::string, double>& options) {
    shipped::Choices c = shipped::choices(name, TACIT_SOURCE_DIR);
    c.solver = solver;
    c.solver_options = options;
    return c;
  };
  for (const std::string& name : shipped::names()) run(shipped::choices(name, TACIT_SOURCE_DIR), name);
  for (const std::string name : {"ridge_diabetes", "ridge_diabetes_per_feature"})
    run(with(name, "cholesky", {}), name + ", cholesky");
  for (const std::string name : {"logistic_breast_cancer", "logistic_breast_cancer_per_feature"}) {
    run(with(name, "newton", {}), name + ", newton");
    run(with(name, "newton", {{"tolerance", 1e-4}}), name + ", newton to 1e-4");
  }
  return 0;
}
