#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/truncation.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "dense_problem.hpp"
#include "fixtures.hpp"
#include "paths.hpp"
#include "spy_oracle.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

const std::string kReference = tacit::test::source_dir() + "/tests/reference/";

Problem ridge(bool per_feature, double lo = -8, double hi = 4) {
  return dense_problem(read_table(kReference + "diabetes.csv"), false, per_feature, lo, hi);
}
Problem logistic(bool per_feature, double lo = -8, double hi = 4) {
  return dense_problem(read_table(kReference + "breast_cancer.csv"), true, per_feature, lo, hi);
}
nlohmann::json golden(const std::string& key) {
  std::ifstream in(kReference + "golden.json");
  REQUIRE(in.good());
  return nlohmann::json::parse(in).at(key);
}

std::shared_ptr<IterateSolver> descent(Index steps, double tolerance = 1e-8) {
  auto s = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  s->options.max_steps = steps;
  s->options.tolerance = tolerance;
  return s;
}
std::shared_ptr<ImplicitCgEstimator> cg(double tolerance = 1e-8) {
  auto e = std::make_shared<ImplicitCgEstimator>();
  e->relative_tolerance = tolerance;
  return e;
}
std::shared_ptr<NewtonSolver> newton(double tolerance = 1e-12) {
  auto s = std::make_shared<NewtonSolver>();
  s->options.tolerance = tolerance;
  return s;
}

Summary tune(const Problem& p, std::shared_ptr<const InnerSolver> solver, OuterOptimizer& optimizer, double start, Index steps,
             double tolerance, const std::vector<Observer>& observers = {}) {
  OracleOptions options;
  options.error_estimate = false;
  options.reference_every = 0;
  const auto oracle = make_oracle(p, std::move(solver), cg(), options);
  DriverOptions d;
  d.max_steps = steps;
  d.tolerance = tolerance;
  return solve(d, p.space, *oracle, optimizer, Vec::Constant(p.space.size(), start), observers);
}

}  // namespace

TEST_CASE("lbfgs finds the stored optima of one penalty from a start within 1 of them") {
  for (const bool classify : {false, true}) {
    const Problem p = classify ? logistic(false, -12, 6) : ridge(false, -12, 6);
    const auto best = golden(classify ? "logistic_breast_cancer" : "ridge_diabetes").at("scalar_optimum").at("best");
    for (const double shift : {-0.9, 0.8}) {
      LbfgsOuter optimizer;
      const Summary s = tune(p, newton(), optimizer, best.at("theta").get<double>() + shift, 50, 1e-8);
      CHECK(s.best.outer_loss <= best.at("outer_loss").get<double>() + 1e-6);
      CHECK(s.best.outer_loss >= best.at("outer_loss").get<double>() - 1e-10);
      CHECK(std::abs(s.best.theta[0] - best.at("theta").get<double>()) < 1e-2);
      CHECK(s.reason == StopReason::tolerance);
    }
  }
}

TEST_CASE("lbfgs finds the stored optima of one penalty per feature from the stored start in the stored box, or lower ones") {
  for (const bool classify : {false, true}) {
    CAPTURE(classify);
    const auto best = golden(classify ? "logistic_breast_cancer" : "ridge_diabetes").at("per_feature_box_optimum");
    const double lo = best.at("box")[0].get<double>(), hi = best.at("box")[1].get<double>();
    const Problem p = classify ? logistic(true, lo, hi) : ridge(true, lo, hi);
    LbfgsOuter optimizer;
    const Summary s = tune(p, newton(), optimizer, best.at("start").get<double>(), 300, 1e-7);
    CHECK(s.best.outer_loss <= best.at("outer_loss").get<double>() + 1e-6);
    MESSAGE("loss minus the stored one: " << s.best.outer_loss - best.at("outer_loss").get<double>() << " after " << s.steps
                                          << " steps, " << std::string(to_string(s.reason)));
  }
}

TEST_CASE("every optimizer reaches the minimum of a bilevel ridge problem") {
  Registry<OuterOptimizer> registry("optimizer", "outer.optimizer");
  register_optimizers(registry);
  const auto minima = golden("ridge_diabetes").at("scalar_optimum").at("interior_minima");
  double lowest = minima[1].at("outer_loss").get<double>();  // the one next to the start
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    const auto optimizer = registry.make(name);
    const Summary s = tune(ridge(false), newton(), *optimizer, -1.2, 400, 1e-6);
    CHECK(s.best.outer_loss <= lowest + 1e-6);
    CHECK(s.reason != StopReason::failed);
  }
}

TEST_CASE(
    "the head start's interval holds the truth, and k_eff is right, over runs of both ridge problems with a fixed-point map") {
  for (const bool per_feature : {false, true}) {
    CAPTURE(per_feature);
    const Problem p = ridge(per_feature);
    std::vector<double> ratios;
    int steps = 0, inside = 0, reliable = 0, reliable_inside = 0;
    const auto look = [&](const Evaluation& e) {
      const InnerSolution& inner = e.state->inner;
      const Diagnostics& d = e.diagnostics;
      if (inner.x0 == inner.x_cold) {
        CHECK(d.implicit_truncation == 0);
        CHECK(d.head_start_nats == 0);
        return;
      }
      const Vec x = polish(p, e.u, inner.x()).x;
      const double truth = std::log((inner.x_cold - x).norm() / (inner.x0 - x).norm());
      Mat h(x.size(), x.size());
      p.f->linearize(x, e.u)->dense(h);
      const double lowest = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(h)).eigenvalues()[0];
      const double rate = 1 - inner.map->step_size() * lowest;
      const bool in = d.head_start_lo <= truth && truth <= d.head_start_hi;
      ++steps;
      inside += in;
      reliable += *d.rate_reliable;
      reliable_inside += *d.rate_reliable && in;
      ratios.push_back(d.implicit_truncation / (truth / -std::log(rate)));
    };
    for (const Index limit : {100, 20000}) {
      SpyOracle oracle(make_oracle(p, descent(limit), cg()), look);
      LbfgsOuter optimizer;
      DriverOptions options;
      options.max_steps = 20;
      solve(options, p.space, oracle, optimizer, Vec::Constant(p.space.size(), 1.0));
    }
    std::sort(ratios.begin(), ratios.end());
    REQUIRE(steps >= 6);
    CHECK(inside >= 0.85 * steps);
    CHECK(reliable > 0);
    CHECK(reliable_inside >= 0.95 * reliable);
    CHECK(ratios[ratios.size() / 2] >= 0.9);
    CHECK(ratios[ratios.size() / 2] <= 1.1);
    MESSAGE(steps << " steps, inside " << inside << ", reliable " << reliable << ", k_eff / k_impl " << ratios.front() << " .. "
                  << ratios[ratios.size() / 2] << " .. " << ratios.back());
  }
}

TEST_CASE("without warm starts every row says k_eff 0, and with them the work falls") {
  const Problem p = logistic(false);
  std::vector<double> k_eff[2];
  Work work[2];
  for (const bool warm : {false, true}) {
    OracleOptions options;
    options.warm_start = warm;
    const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), cg(), options);
    Evaluation e;
    for (Index k = 0; k < 6; ++k) {
      const Vec theta = Vec::Constant(1, -5.0 + 0.1 / static_cast<double>(k + 1));
      e = oracle->evaluate(theta, oracle->tightest(), k > 0 ? &e : nullptr);
      e = oracle->diagnose(oracle->differentiate(std::move(e), oracle->tightest()), k, 1e-6);
      k_eff[warm].push_back(e.diagnostics.implicit_truncation);
      CHECK(e.diagnostics.truncation_map == "reference");
    }
    work[warm] = oracle->work();
  }
  for (const double k : k_eff[0]) CHECK(k == 0);
  CHECK(k_eff[1][0] == 0);
  for (std::size_t i = 2; i < k_eff[1].size(); ++i) CHECK(k_eff[1][i] > k_eff[1][i - 1]);  // grows as the outer step shrinks
  CHECK(work[1].inner_units() < work[0].inner_units());
}

TEST_CASE("diagnostics: the estimate agrees with the reference, the bound holds, and their work is counted apart") {
  for (const Index steps : {10, 60}) {
    const Problem p = ridge(true);
    OracleOptions with, without;
    with.reference_every = 2;
    with.audit_every = 2;
    without.error_estimate = false;
    without.reference_every = 0;
    const auto full = make_oracle(p, descent(steps, 0), cg(1e-3), with),
               plain = make_oracle(p, descent(steps, 0), cg(1e-3), without);
    Evaluation last[2];
    for (Index k = 0; k < 3; ++k) {
      const Vec theta = Vec::Constant(10, -3.0 + 0.1 * static_cast<double>(k));
      for (const Oracle* o : {full.get(), plain.get()}) {
        Evaluation& e = last[o == full.get()];
        e = o->evaluate(theta, o->tightest(), k > 0 ? &e : nullptr);
        e = o->diagnose(o->differentiate(std::move(e), o->tightest()), k, 1e-6);
        const Diagnostics& d = e.diagnostics;
        CHECK(d.inner_steps == steps);
        CHECK(std::isfinite(d.inner_loss));
        CHECK(std::isfinite(d.cold_residual));
        CHECK(std::isnan(d.window));  // no trajectory is differentiated
        CHECK(std::isnan(d.hypergradient_error_reference) == (o == plain.get() || k % 2 == 1));
        CHECK(std::isnan(d.k_match) == (o == plain.get() || k % 2 == 1));
        if (o != full.get()) continue;
        if (k % 2 == 0) {
          CHECK(d.hypergradient_error == doctest::Approx(d.hypergradient_error_reference).epsilon(0.2));
          if (!std::isnan(d.hypergradient_error_bound)) CHECK(d.hypergradient_error_bound >= d.hypergradient_error_reference);
          CHECK(d.hypergradient_error > 1e-8);
        }
      }
    }
    CHECK(full->work() == plain->work());
    CHECK(full->diagnostic_work().inner_units() > plain->diagnostic_work().inner_units());
  }
}

TEST_CASE("unrolled estimators report window and tape, and a tighter tolerance solves again") {
  const Problem p = ridge(false);
  const auto oracle = make_oracle(p, descent(50, 1e-9), std::make_shared<UnrollEstimator>(false));
  Evaluation e = oracle->evaluate(Vec::Constant(1, 1.0), {1e-2, 1e-2});
  const double loose = e.diagnostics.inner_residual;
  e = oracle->differentiate(std::move(e), {1e-2, 1e-2});
  CHECK(e.diagnostics.window == static_cast<double>(e.diagnostics.inner_steps));
  CHECK(e.diagnostics.tape_bytes > 0);
  e = oracle->differentiate(std::move(e), {1e-6, 1e-6});
  CHECK(e.diagnostics.inner_residual <= 1e-6);
  CHECK(e.diagnostics.inner_residual < loose);
  CHECK(e.solved.inner == 1e-6);
}

TEST_CASE("wrong use says what to use instead") {
  const Problem p = ridge(false);
  CHECK_THROWS_AS(make_oracle(p, nullptr, cg()), UsageError);
  try {
    make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<UnrollEstimator>(false));
    CHECK(false);
  } catch (const UsageError& error) {
    CHECK(std::string(error.what()).find("implicit-cg") != std::string::npos);
  }
  Problem broken = p;
  broken.l.reset();
  CHECK_THROWS_AS(make_oracle(broken, descent(5), cg()), UsageError);
  const auto oracle = make_oracle(p, descent(5), cg());
  Evaluation foreign;
  CHECK_THROWS_AS(oracle->evaluate(Vec::Zero(3), {}), UsageError);
  CHECK_THROWS_AS(oracle->evaluate(Vec::Zero(1), {}, &foreign), UsageError);
  CHECK_THROWS_AS(oracle->differentiate(foreign, {}), UsageError);
  CHECK_THROWS_AS(oracle->diagnose(foreign, 0, 1), UsageError);
}
