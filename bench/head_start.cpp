// Is the reported head start of a warm start right? Runs the shipped run files with a fixed-point map as inner solver (and the
// logistic one with the three maps), solves every inner problem to rounding, and compares: head start in nats inside its
// interval, k_eff against k_impl = ln(e_cold/e_warm)/ln(1/rho) with the true errors and the true rate. "free": residuals of the
// run alone; "corrected": what a run logs. Prints a markdown table. No arguments.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <Eigen/Eigenvalues>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/truncation.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "shipped.hpp"
#include "watched.hpp"

namespace {

using namespace tacit;

// Spectral radius of the whole state Jacobian at x.
double true_rate(const FixedPointMap& map, In u, In x) {
  const Index s = map.state_dim();
  Vec z(s), column(s);
  map.lift(x, z);
  const auto jacobian = map.linearize(0, z, u);
  Eigen::MatrixXd a(s, s);
  for (Index i = 0; i < s; ++i) {
    jacobian->jvp(Vec::Unit(s, i), Vec::Zero(u.size()), column);
    a.col(i) = column;
  }
  return a.eigenvalues().cwiseAbs().maxCoeff();
}

struct Seen {
  bool inside, reliable;
  double ratio;
};

void print_half(const std::vector<Seen>& seen) {
  const auto count = [&](auto what) { return static_cast<double>(std::count_if(seen.begin(), seen.end(), what)); };
  const double inside = count([](const Seen&s) { return s.inside; }), sure = count([](const Seen&s) { return s.reliable; });
  const double both = count([](const Seen& s) { return s.inside && s.reliable; });
  if (seen.empty()) {
    std::printf(" - | - | - |");
    return;
  }
  std::printf(" %.0f %% |", 100 * inside / static_cast<double>(seen.size()));
  if (sure > 0)
    std::printf(" %.0f %% of %.0f |", 100 * both / sure, sure);
  else
    std::printf(" none |");
  std::vector<double> ratios;
  for (const Seen& one : seen) {
    if (std::isfinite(one.ratio)) ratios.push_back(one.ratio);
  }
  std::sort(ratios.begin(), ratios.end());
  const auto at = [&](double q) {
    return ratios.empty() ? 0.0 : ratios[static_cast<std::size_t>(q * static_cast<double>(ratios.size() - 1))];
  };
  std::printf(" %.2f (%.2f-%.2f)", at(0.5), at(0.1), at(0.9));
  if (ratios.size() < seen.size()) std::printf(", none in %zu", seen.size() - ratios.size());
  std::printf(" |");
}

void run(const shipped::Choices& choices, const std::string& label) {
  const shipped::Run run(choices);
  const Problem& problem = run.problem();
  const auto optimizer = run.optimizer();
  std::vector<Seen> free, corrected;
  std::vector<double> rates;
  const auto look = [&](const Evaluation& e, Index, double) {
    const InnerSolution& inner = e.state->inner;
    TruncationOptions plain;
    plain.correct = false;
    const Truncation t = measure_truncation(problem, e.u, inner, rates, Vec(), Vec(), plain);
    rates.push_back(t.rate_seen);
    if (inner.x0 == inner.x_cold) return;
    const Vec x = polish(problem, e.u, inner.x()).x;
    const double truth = std::log((inner.x_cold - x).norm() / (inner.x0 - x).norm());
    const double k_impl = truth / std::log(1 / true_rate(*inner.map, e.u, x));
    const Diagnostics& d = e.diagnostics;
    free.push_back({t.nats_lo <= truth && truth <= t.nats_hi, t.reliable.value_or(false), t.k_eff / k_impl});
    corrected.push_back(
        {d.head_start_lo <= truth && truth <= d.head_start_hi, d.rate_reliable.value_or(false), d.implicit_truncation / k_impl});
  };
  Watched oracle(run.oracle(), look);
  const Summary s = solve(choices.driver, problem.space, oracle, *optimizer, run.start());
  std::printf("| %s | %zu |", label.c_str(), corrected.size());
  print_half(free);
  print_half(corrected);
  std::printf(" %ld + %ld |\n", static_cast<long>(s.work.inner_units()), static_cast<long>(s.diagnostic_work.inner_units()));
  std::fflush(stdout);
}

}  // namespace

int main() {
  std::printf(
      "| run | warm steps | free: inside | where reliable | k_eff / k_impl | corrected: inside | where reliable | k_eff / k_impl "
      "| "
      "gradients and products: run + diagnostics |\n|---|---|---|---|---|---|---|---|---|\n");
  const auto hundred = [](shipped::Choices c) {
    c.solver_options["max_steps"] = 100;
    c.solver_options["tolerance"] = 0;
    return c;
  };
  for (const std::string name : {"ridge_diabetes", "ridge_diabetes_per_feature"}) {
    shipped::Choices c = shipped::choices(name, TACIT_SOURCE_DIR);
    run(c, name);
    c.start = 10;
    run(c, name + ", start 10");
    run(hundred(c), name + ", start 10, 100 steps each");
    c.optimizer = "gradient-descent";
    run(c, name + ", start 10, outer gradient-descent");
  }
  for (const std::string solver : {"gradient-descent", "heavy-ball", "nesterov"}) {
    for (const std::string name : {"logistic_breast_cancer", "logistic_breast_cancer_per_feature"}) {
      shipped::Choices c = shipped::choices(name, TACIT_SOURCE_DIR);
      c.solver = solver;
      c.prepare.model.intercept = false;
      c.solver_options["max_steps"] = 20000;
      c.driver.max_steps = 20;
      run(c, name + ", " + solver);
      run(hundred(c), name + ", " + solver + ", 100 steps each");
    }
  }
  return 0;
}
