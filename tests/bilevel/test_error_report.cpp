// What a run reports when an inner solver was stopped too early: the estimate of the damage against the true one, and the bound.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// Gives every strategy the same step limit and no tolerance, whatever its class.
class StopEarly final : public FieldVisitor {
public:
  explicit StopEarly(Index steps) : steps_(steps) {}

private:
  void visit(std::string_view name, double& value, const Range&, std::string_view) override {
    if (name == "tolerance") value = 0;
  }
  void visit(std::string_view name, Index& value, const Range&, std::string_view) override {
    if (name == "max_steps") value = steps_;
  }
  void visit(std::string_view, bool&, std::string_view) override {}
  void visit(std::string_view, std::string&, const std::vector<std::string>&, std::string_view) override {}
  void visit(std::string_view, std::optional<double>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, std::optional<Index>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, Count&, const Range&, CountWords, std::string_view) override {}
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}
  Index steps_;
};

std::shared_ptr<const InnerSolver> early(const std::string& name, Index steps) {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  auto solver = registry.make(name);
  StopEarly set(steps);
  solver->fields(set);
  return solver;
}

std::vector<std::string> solver_names() {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  return registry.names();
}

/// implicit-cg for all, and what a map alone can offer.
std::shared_ptr<const HypergradientEstimator> estimator_for(const InnerSolver& solver, Index which) {
  if (solver.can_record() && which == 1) return std::make_shared<UnrollEstimator>(false);
  if (which == 2) {
    auto few = std::make_shared<NeumannEstimator>();
    few->max_steps = 40;
    return few;
  }
  return std::make_shared<ImplicitCgEstimator>();
}

struct Reported {
  double estimate, truth, bound;
  bool quadratic;
};

/// Three warm-started outer steps around a random point.
void follow(test::Numbers& draw, const Problem& p, const std::string& solver_name, std::vector<Reported>& seen) {
  const Index steps = static_cast<Index>(std::lround(std::exp(1.7 * (draw.next() + 1))));
  const auto solver = early(solver_name, steps);
  const auto estimator = estimator_for(*solver, static_cast<Index>(std::lround(1.5 * (draw.next() + 1))));
  OracleOptions options;
  options.reference_every = 1;
  const auto oracle = make_oracle(p, solver, estimator, options);
  const Tolerance tolerance{0, std::isnan(estimator->tolerance()) ? 0 : estimator->tolerance()};
  Vec theta = Vec::Constant(p.space.size(), -3 + 2.5 * draw.next()) + 0.7 * draw.vec(p.space.size());
  Evaluation e;
  for (Index k = 0; k < 3; ++k, theta += 0.4 * draw.vec(theta.size())) {
    e = oracle->evaluate(theta, tolerance, k > 0 ? &e : nullptr);
    e = oracle->differentiate(std::move(e), tolerance);
    const double floor = 1e-4 * std::abs(e.value);
    e = oracle->diagnose(std::move(e), k, floor);
    const Diagnostics& d = e.diagnostics;
    CAPTURE(steps);
    CAPTURE(theta[0]);
    REQUIRE(std::isfinite(d.hypergradient_error_reference));
    CHECK(std::isfinite(d.hypergradient_error));
    if (d.hypergradient_error_bound == d.hypergradient_error_bound)
      CHECK(d.hypergradient_error_bound >= d.hypergradient_error_reference);
    seen.push_back({d.hypergradient_error, d.hypergradient_error_reference, d.hypergradient_error_bound, p.f->quadratic()});
  }
}

double quantile(std::vector<double> v, double share) {
  std::sort(v.begin(), v.end());
  return v.at(static_cast<std::size_t>(share * static_cast<double>(v.size() - 1)));
}

}  // namespace

TEST_CASE("oracle: an inner solver stopped early is reported with the true damage, and no bound is ever below it") {
  std::vector<Reported> seen;
  test::Numbers draw(2024);
  for (const std::string& name : solver_names()) {
    CAPTURE(name);
    for (const std::string key : {"ridge_diabetes", "logistic_breast_cancer"}) {
      for (const bool per_feature : {false, true}) {
        CAPTURE(key);
        CAPTURE(per_feature);
        const Problem p = test::reference_problem(key, per_feature);
        try {
          early(name, 1)->solve(p, Vec::Constant(p.space.size(), 0.1), nullptr, {0}, {});
        } catch (const UsageError&) {
          continue;  // quadratics only
        }
        for (int repeat = 0; repeat < 6; ++repeat) follow(draw, p, name, seen);
      }
    }
  }
  std::vector<double> ratios, tightness;
  for (const Reported& r : seen) {
    if (!(r.truth > 1e-9)) continue;
    ratios.push_back(r.estimate / r.truth);
    if (r.quadratic && !std::isnan(r.bound)) tightness.push_back(r.bound / r.truth);
  }
  MESSAGE(ratios.size() << " pairs, estimate / truth: 5 % " << quantile(ratios, 0.05) << ", median " << quantile(ratios, 0.5)
                        << ", 95 % " << quantile(ratios, 0.95) << "; " << tightness.size() << " bounds / truth: median "
                        << quantile(tightness, 0.5) << ", 95 % " << quantile(tightness, 0.95));
  CHECK(ratios.size() >= 200);
  CHECK(quantile(ratios, 0.5) >= 0.5);
  CHECK(quantile(ratios, 0.5) <= 2);
  CHECK(quantile(ratios, 0.05) >= 0.1);
  CHECK(quantile(ratios, 0.95) <= 10);
  CHECK(tightness.size() >= 50);
  CHECK(quantile(tightness, 0.95) < 1.05);
}

TEST_CASE("oracle: the bound of the error is in theta, entry by entry, not by the largest penalty") {
  // Penalties of 1e-6 and 1e3 side by side: du/dtheta spans nine decades, and so would a bound by its largest entry.
  const Problem p = test::reference_problem("ridge_diabetes", true);
  Vec theta = Vec::Constant(10, std::log(1e-2));
  theta[0] = std::log(1e3);
  OracleOptions options;
  options.reference_every = 1;
  const auto oracle = make_oracle(p, early("gradient-descent", 2000), std::make_shared<ImplicitCgEstimator>(), options);
  const Tolerance tolerance{1e-4, 1e-4};
  Evaluation e = oracle->evaluate(theta, tolerance);
  e = oracle->diagnose(oracle->differentiate(std::move(e), tolerance), 0, 1e-12);
  REQUIRE(e.diagnostics.hypergradient_error_reference > 1e-9);
  CHECK(e.diagnostics.hypergradient_error_bound >= e.diagnostics.hypergradient_error_reference);
  CHECK(e.diagnostics.hypergradient_error_bound <= 2 * e.diagnostics.hypergradient_error_reference);
}
