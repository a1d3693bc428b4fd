// What a run may say of its outer losses: each within what it says of itself, none outside of its range, one number at the end.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

namespace {

using namespace tacit;

std::shared_ptr<const Loss> loss_of(bool logistic) {
  if (logistic) return std::make_shared<LogisticLoss>();
  return std::make_shared<SquaredLoss>();
}

/// Wide data: penalties far below the curvature that the rows show.
Problem wide(unsigned seed, bool logistic, bool per_feature, Index rows = 14, Index columns = 40) {
  test::Numbers draw(seed);
  const Vec truth = draw.vec(columns);
  const auto some = [&](Index n) {
    std::pair<Mat, Vec> r{draw.mat(n, columns), Vec()};
    r.second = r.first * truth + draw.vec(n);
    if (logistic) r.second = r.second.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; });
    return r;
  };
  Problem p = test::linear_problem("wide", loss_of(logistic), some(rows), some(2 * rows), per_feature);
  p.space = HyperSpace({HyperBlock{"l2", p.f->outer_dim(), Scale::log, 1e-8, 1e2}});
  return p;
}

struct Method {
  const char* name;
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;
};

std::vector<Method> methods() {
  auto cg = std::make_shared<ImplicitCgEstimator>();
  auto aimed = std::make_shared<ImplicitCgEstimator>();
  aimed->aim(1e-2);
  auto descent = std::make_shared<IterateSolver>(std::make_unique<Nesterov>());
  descent->options.max_steps = 20000;
  return {{"newton-cg, implicit-cg", std::make_shared<NewtonCgSolver>(), cg},
          {"newton-cg, implicit-cg with a target", std::make_shared<NewtonCgSolver>(), aimed},
          {"lbfgs, implicit-cg", std::make_shared<LbfgsSolver>(), cg},
          {"newton, implicit-direct", std::make_shared<NewtonSolver>(), std::make_shared<ImplicitDirectEstimator>()},
          {"nesterov, fixed-point", descent, std::make_shared<FixedPointEstimator>()}};
}

double solution_loss(const Problem& p, const Evaluation& e) { return p.l->value(polish(p, e.u, e.state->inner.x()).x, e.u); }

}  // namespace

TEST_CASE("losses: a solve does not end where its residual is small and its outer loss is wrong") {
  for (const bool logistic : {false, true}) {
    for (unsigned seed = 0; seed < 3; ++seed) {
      const Problem p = wide(seed, logistic, seed % 2 == 1);
      for (const Method& m : methods()) {
        CAPTURE(m.name);
        CAPTURE(logistic);
        CAPTURE(seed);
        const auto oracle = make_oracle(p, m.solver, m.estimator);
        Evaluation near;
        // A penalty that falls, warm-started: the old point meets the residual without a step.
        for (const double l2 : {1e-4, 3e-5, 1e-5, 3e-6, 1e-6}) {
          const Vec theta = Vec::Constant(p.space.size(), std::log(l2));
          Evaluation e = oracle->evaluate(theta, oracle->tightest(), near.theta.size() > 0 ? &near : nullptr);
          e = oracle->differentiate(std::move(e), oracle->tightest());
          e = oracle->diagnose(std::move(e), 1, 1e-6);
          const double truth = solution_loss(p, e), off = std::abs(e.value - truth);
          CAPTURE(l2);
          CHECK(off <= 10 * e.diagnostics.outer_loss_error + 1e-12 * truth);
          if (e.diagnostics.inner_status == Status::converged) CHECK(off <= 2e-5 * truth);
          CHECK(e.value >= 0);
          near = std::move(e);
        }
      }
    }
  }
}

TEST_CASE("losses: far from the solution no correction makes a loss that its criterion cannot have") {
  for (const bool logistic : {false, true}) {
    for (unsigned seed = 0; seed < 4; ++seed) {
      const Problem p = wide(seed, logistic, false, 24, 6);
      auto rough = std::make_shared<NewtonCgSolver>();
      rough->options.tolerance = 1;
      auto few = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
      few->options = {1e-1, 2};
      for (const std::shared_ptr<const InnerSolver>& solver : std::vector<std::shared_ptr<const InnerSolver>>{rough, few}) {
        const auto oracle = make_oracle(p, solver, std::make_shared<ImplicitCgEstimator>());
        LbfgsOuter optimizer;
        DriverOptions options;
        options.max_steps = 15;
        double least = INFINITY;
        const auto look = [&](const StepRecord& r) {
          CHECK(r.outer_loss >= 0);
          least = std::min(least, r.outer_loss);
        };
        const Summary s = solve(options, p.space, *oracle, optimizer, Vec::Constant(1, std::log(10.0)), {look});
        CHECK(s.best.outer_loss >= 0);
        // What is reported is the loss of a point as it stands.
        CHECK(s.best.outer_loss == p.l->value(s.best_evaluation.state->inner.x(), s.best_evaluation.u));
        CHECK(std::isfinite(s.best.diagnostics.outer_loss_error));
      }
    }
  }
}

TEST_CASE("losses: the reported one is that of a point as it stands, solved so far that no correction is missed") {
  for (const Method& m : methods()) {
    CAPTURE(m.name);
    const Problem p = wide(5, true, true);
    const auto oracle = make_oracle(p, m.solver, m.estimator);
    LbfgsOuter optimizer;
    DriverOptions options;
    options.max_steps = 10;
    const Summary s = solve(options, p.space, *oracle, optimizer, Vec::Constant(p.space.size(), std::log(1e-3)));
    REQUIRE(s.best_evaluation.state);
    CHECK_FALSE(s.best_evaluation.corrected);
    CHECK(s.best.outer_loss == p.l->value(s.best_evaluation.state->inner.x(), s.best_evaluation.u));
    const double truth = solution_loss(p, s.best_evaluation);
    CHECK(std::abs(s.best.outer_loss - truth) <= 10 * s.best.diagnostics.outer_loss_error + 1e-12 * truth);
    CHECK(std::abs(s.best.outer_loss - truth) <= 1e-5 * truth);
  }
}

namespace {

/// An oracle whose hypergradients are as wrong as its inner residual is large, many times over.
class Sensitive final : public ForwardingOracle {
public:
  using ForwardingOracle::ForwardingOracle;
  Evaluation diagnose(Evaluation e, Index step, double floor) const override {
    e = behind().diagnose(std::move(e), step, floor);
    e.diagnostics.hypergradient_error = 1e6 * e.diagnostics.inner_residual;
    return e;
  }
};

}  // namespace

TEST_CASE("losses: a target that inner.tolerance would miss is followed where it may be") {
  const Problem p = wide(3, true, true, 60, 10);
  auto estimator = std::make_shared<ImplicitCgEstimator>();
  estimator->aim(1e-2);
  for (const bool map : {false, true}) {
    std::shared_ptr<const InnerSolver> solver = std::make_shared<NewtonCgSolver>();
    if (map) {
      auto descent = std::make_shared<IterateSolver>(std::make_unique<Nesterov>());
      descent->options.max_steps = 100000;
      solver = descent;
    }
    for (const bool follow : {false, true}) {
      const Sensitive oracle(make_oracle(p, solver, estimator));
      LbfgsOuter optimizer;
      DriverOptions options;
      options.max_steps = 4;
      options.follow_target = follow;
      Index missed = 0;
      const auto look = [&](const StepRecord& r) {
        missed += r.diagnostics.hypergradient_error > 1e-2 && usable(r.diagnostics.inner_status) &&
                  r.diagnostics.inner_status != Status::rounding;
      };
      solve(options, p.space, oracle, optimizer, Vec::Constant(p.space.size(), std::log(1e-2)), {look});
      CAPTURE(map);
      CHECK((missed > 0) == !follow);
    }
  }
}

TEST_CASE("losses: a sum adds the errors of its parts") {
  auto solver = std::make_shared<NewtonCgSolver>();
  solver->options.tolerance = 1e-4;
  std::vector<Summand> parts;
  for (const unsigned seed : {1U, 2U})
    parts.push_back({make_oracle(wide(seed, true, false), solver, std::make_shared<ImplicitCgEstimator>()), 0.5, ""});
  const auto sum = sum_of(std::move(parts));
  Evaluation e = sum->differentiate(sum->evaluate(Vec::Constant(1, -9.0), sum->tightest()), sum->tightest());
  double errors = 0;
  for (const Evaluation& part : e.parts) errors += 0.5 * part.diagnostics.outer_loss_error;
  CHECK(errors > 0);
  CHECK(e.diagnostics.outer_loss_error == doctest::Approx(errors));
}

TEST_CASE("losses: a gradient at zero that is rounding alone is no unit, and its point is solved") {
  // Balanced cells: at x = 0 the gradient cancels to rounding, and x = 0 is the solution.
  for (const bool logistic : {false, true}) {
    for (const double scale : {1.0, 1e6, 1e-6}) {
      Mat a(20, 3);
      Vec y(20);
      for (Index i = 0; i < 20; ++i) {
        const double s = i % 4 < 2 ? 1 : -1, t = i % 2 == 0 ? 1 : -1;
        a.row(i) << 0.1 * s, 0.3 * t, scale * 1e-3 * s;
        y[i] = s * t;
      }
      Problem p = test::linear_problem("xor", loss_of(logistic), {a, y}, {a, y}, false);
      Registry<InnerSolver> solvers;
      register_solvers(solvers);
      for (const std::string& name : solvers.names()) {
        if (name == "cholesky" && logistic) continue;
        CAPTURE(name);
        CAPTURE(scale);
        const Vec u = Vec::Constant(1, 1e-3);
        const InnerSolution s = solvers.make(name)->solve(p, u, nullptr, {}, {});
        CHECK(usable(s.status));
        CHECK(p.l->value(s.x(), u) == doctest::Approx(logistic ? std::log(2.0) : 0.5).epsilon(1e-9));
        const auto oracle = make_oracle(p, solvers.make(name), std::make_shared<ImplicitCgEstimator>());
        LbfgsOuter optimizer;
        const Summary run = solve({}, p.space, *oracle, optimizer, Vec::Constant(1, -6.0));
        CHECK(run.usable());
        CHECK(std::string(status_word(run)) == "converged");
      }
    }
  }
}

TEST_CASE("verdict: doubtful takes the place of converged and stalled, and a budget keeps its name") {
  StepRecord row;
  row.step = 3;
  row.theta = row.hypergradient = Vec::Zero(1);
  row.outer_loss = 2;
  Diagnostics& d = row.diagnostics;
  d.hypergradient_error = 0.05;
  d.outer_loss_error = 1e-3;
  d.errors_asked = true;
  CHECK(doubt(row, 0.1).empty());
  d.hypergradient_error = 0.2;
  CHECK(doubt(row, 0.1).find("off by about 20 %") != std::string::npos);
  CHECK(doubt(row, 0.3).empty());
  CHECK(doubt(row, 0.01).find("20 %") != std::string::npos);
  d.hypergradient_error = 0.05;
  CHECK(doubt(row, 0.01).empty());  // 0.1 is the least that is in doubt
  d.outer_loss_error = 0.05;
  CHECK(doubt(row, 0.1).find("outer loss, 2, is off by about 0.05") != std::string::npos);
  d.outer_loss_error = kMissing;
  CHECK(doubt(row, 0.1).find("is not known") != std::string::npos);
  d.hypergradient_error = kMissing;
  CHECK(doubt(row, 0.1).find("hypergradient is off is not known, and") != std::string::npos);
  d.errors_asked = false;  // switched off: nothing was promised
  CHECK(doubt(row, 0.1).empty());
  CHECK(std::string(status_word(StopReason::tolerance, true)) == "doubtful");
  CHECK(std::string(status_word(StopReason::stalled, true)) == "doubtful");
  CHECK(std::string(status_word(StopReason::step_limit, true)) == "budget");
  CHECK(std::string(status_word(StopReason::time_limit, false)) == "budget");
  CHECK(std::string(status_word(StopReason::interrupted, true)) == "interrupted");
  CHECK(std::string(status_word(StopReason::failed, true)) == "failed");
}

TEST_CASE("verdict: a loss in doubt is not the best while there is one that is not") {
  // Three steps of gradient descent: the loss seems lowest where the penalty is least and the inner problem least solved.
  const Problem p = wide(2, true, false, 60, 20);
  auto few = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  few->options = {0, 3};
  const auto oracle = make_oracle(p, few, std::make_shared<UnrollEstimator>(false));
  LbfgsOuter optimizer;
  DriverOptions options;
  options.max_steps = 30;
  const Summary s = solve(options, p.space, *oracle, optimizer, Vec::Constant(1, std::log(1e-4)));
  CHECK_FALSE(s.doubt.empty());
  CHECK(std::string(status_word(s)) != "converged");
}
