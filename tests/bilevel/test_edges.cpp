// Whole runs at the edges: nothing to tune, no room to move, losses of zero and below, hypergradients that do not exist.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "bilevel/fixtures.hpp"
#include "bilevel/followers.hpp"
#include "hypergrad/reference_problems.hpp"

using namespace tacit;
using tacit_test::box;
using tacit_test::FakeOracle;

namespace {

Summary tune(const Problem& p, const std::string& optimizer_name, double start, Index steps = 60,
             const std::vector<Observer>& observers = {}) {
  Registry<OuterOptimizer> registry("optimizer", "outer.optimizer");
  register_optimizers(registry);
  const auto optimizer = registry.make(optimizer_name);
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  DriverOptions options;
  options.max_steps = steps;
  return solve(options, p.space, *oracle, *optimizer, Vec::Constant(p.space.size(), start), observers);
}

/// An outer loss moved by a constant.
struct Shifted final : Criterion {
  Shifted(std::shared_ptr<const Criterion> l, double by) : l_(std::move(l)), by_(by) {}
  double value(In x, In u) const override { return l_->value(x, u) + by_; }
  double gradient(In x, In u, Out gx, Out gu) const override { return l_->gradient(x, u, gx, gu) + by_; }

private:
  std::shared_ptr<const Criterion> l_;
  double by_;
};

struct BrokenSlope final : Criterion {
  double value(In x, In) const override { return 1 + x.squaredNorm(); }
  double gradient(In x, In u, Out gx, Out gu) const override {
    gx.setConstant(std::nan(""));
    gu.setZero();
    return value(x, u);
  }
};

struct Constant final : Criterion {
  double value(In, In) const override { return 0; }
  double gradient(In, In, Out gx, Out gu) const override {
    gx.setZero();
    gu.setZero();
    return 0;
  }
};

}  // namespace

TEST_CASE("edges: a problem without hyperparameters is evaluated and ends at its first-order point") {
  Problem p = test::reference_problem("ridge_diabetes", false);
  const auto& f = *p.f->linear();
  p.f = std::make_shared<LinearModel>(f.design(), std::make_shared<SquaredLoss>(), f.targets(), f.row_weights(),
                                      fixed_penalty(10, false, 0.1));
  p.space = HyperSpace();
  for (const std::string& name : tacit_test::followers()) {
    CAPTURE(name);
    const Summary s = tune(p, name, 0);
    CAPTURE(s.message);
    CHECK(s.reason == StopReason::tolerance);
    CHECK(s.steps == 0);
    CHECK(std::isfinite(s.best.outer_loss));
    CHECK(s.best_evaluation.state->inner.status == Status::converged);
  }
}

TEST_CASE("edges: a box of no width leaves nothing to do, and one of one free entry moves that entry alone") {
  Problem p = test::reference_problem("ridge_diabetes", true);
  for (const std::string& name : tacit_test::followers()) {
    CAPTURE(name);
    p.space = HyperSpace({HyperBlock{"l2", 10, Scale::log, 0.2, 0.2}});
    const Summary s = tune(p, name, 1.0);
    CHECK(s.reason == StopReason::tolerance);
    CHECK(s.steps == 0);
    CHECK((s.best.u - Vec::Constant(10, 0.2)).norm() <= 1e-14);
    p.space = HyperSpace({HyperBlock{"a", 9, Scale::log, 0.2, 0.2}, HyperBlock{"b", 1, Scale::log, 1e-4, 1e2}});
    const Summary t = tune(p, name, 1.0, 200);
    CHECK((t.best.u.head(9) - Vec::Constant(9, 0.2)).norm() <= 1e-13);
    CHECK(t.best.outer_loss < t.start_loss);
    CHECK(t.reason != StopReason::failed);
  }
}

TEST_CASE("edges: an outer loss that is zero or negative at the start is lowered all the same") {
  const Problem plain = test::reference_problem("ridge_diabetes", false);
  const double start = 1.0, loss = tune(plain, "lbfgs", start, 0).start_loss, least = tune(plain, "lbfgs", start).best.outer_loss;
  REQUIRE(least < 0.9 * loss);
  for (const std::string& name : tacit_test::followers()) {
    for (const double shift : {-loss, -10 * loss}) {
      CAPTURE(name);
      CAPTURE(shift);
      Problem p = plain;
      p.l = std::make_shared<Shifted>(plain.l, shift);
      const Summary s = tune(p, name, start, 100);
      CAPTURE(s.message);
      CHECK(s.reason != StopReason::failed);
      CHECK(s.best.outer_loss - shift <= loss - 0.8 * (loss - least));
    }
  }
}

TEST_CASE("edges: a hypergradient that does not exist ends the run as failed, never as converged") {
  Problem p = test::reference_problem("ridge_diabetes", false);
  p.l = std::make_shared<BrokenSlope>();
  struct Saddle {
    Index inner_dim() const { return 1; }
    Index outer_dim() const { return 1; }
    double value(const Vec& x, const Vec& u) const { return -0.5 * u[0] * x[0] * x[0]; }
    Vec gradient(const Vec& x, const Vec& u) const { return -u[0] * x; }
    Vec hessian(const Vec&, const Vec& u, const Vec& d) const { return -u[0] * d; }
    Vec cross(const Vec& x, const Vec&, const Vec& d) const { return Vec::Constant(1, -x[0] * d[0]); }
    Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return -x * w[0]; }
    double smoothness(const Vec& u) const { return u[0]; }
  };
  const Problem saddle = test::plain_problem("saddle", Saddle{});
  for (const std::string& name : tacit_test::followers()) {
    CAPTURE(name);
    for (const Problem& one : {p, saddle}) {
      const Summary s = tune(one, name, -1.0);
      CAPTURE(s.message);
      CHECK(s.reason == StopReason::failed);
      CHECK_FALSE(s.usable());
      CHECK(s.message.find("start is no usable point") != std::string::npos);
    }
  }
}

TEST_CASE("edges: the reported error is no zero where the true hypergradient is zero and the one used is not") {
  Problem p = test::reference_problem("ridge_diabetes", false);
  p.l = std::make_shared<Constant>();
  /// An estimator that is off by one.
  class Off final : public HypergradientEstimator {
  public:
    Needs needs() const override { return {}; }
    Hypergradient estimate(const Problem&, In u, const InnerSolution& inner, const Hypergradient*, double) const override {
      Hypergradient h;
      h.gradient = Vec::Ones(u.size());
      h.adjoint = Vec::Zero(inner.inner_dim);
      h.status = Status::converged;
      return h;
    }
  };
  OracleOptions options;
  options.reference_every = 1;
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<Off>(), options);
  Evaluation e = oracle->evaluate(Vec::Zero(1), oracle->tightest());
  e = oracle->differentiate(std::move(e), oracle->tightest());
  e = oracle->diagnose(std::move(e), 0, 0);
  CHECK(std::isinf(e.diagnostics.hypergradient_error));
  CHECK(std::isinf(e.diagnostics.hypergradient_error_reference));
  e = oracle->diagnose(std::move(e), 0, 2.0);
  CHECK(e.diagnostics.hypergradient_error == doctest::Approx(0.5));
  CHECK(e.diagnostics.hypergradient_error_reference == doctest::Approx(0.5));
}

TEST_CASE("edges: diagnostics want no step size of an objective that has none, and still measure the head start") {
  /// sum_j x_j - ln x_j + u/2 x_j^2: the curvature is infinite at 0, where adapt() looks for L.
  struct Barrier {
    Index inner_dim() const { return 3; }
    Index outer_dim() const { return 1; }
    double value(const Vec& x, const Vec& u) const {
      return (x.array() > 0).all() ? (x.array() - x.array().log()).sum() + u[0] / 2 * x.squaredNorm() : std::nan("");
    }
    Vec gradient(const Vec& x, const Vec& u) const { return 1 - x.array().inverse() + u[0] * x.array(); }
    Vec hessian(const Vec& x, const Vec& u, const Vec& p) const { return p.array() * (x.array().square().inverse() + u[0]); }
    Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, x.dot(p)); }
    Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x * w[0]; }
  };
  Problem p = test::plain_problem("barrier", Barrier{});
  p.l = adapt_criterion(test::PlainDistance{Vec::Constant(3, 0.6)});
  p.start = std::make_shared<ConstantStart>(Vec::Constant(3, 2.0));
  REQUIRE_FALSE(std::isfinite(p.f->smoothness(Vec::Ones(1))));
  std::vector<double> nats;
  // 1 - 1/x + u x = 0 at x = 0.6 for u = 10/9.
  const Summary s = tune(p, "lbfgs", 2.0, 60, {[&](const StepRecord& r) { nats.push_back(r.diagnostics.head_start_nats); }});
  CHECK(s.reason == StopReason::tolerance);
  CHECK(s.best.u[0] == doctest::Approx(10 / 9.0).epsilon(1e-2));
  REQUIRE(nats.size() > 2);
  CHECK(nats.front() == 0);
  CHECK(nats.back() > 0);
}

TEST_CASE("edges: the projected gradient keeps all digits of a small gradient and stops a large one at the box") {
  const HyperSpace space({HyperBlock{"v", 3, Scale::linear, -1, 2}});
  const Vec theta{{0.7, -1.0, 1.5}};
  Vec pg(3);
  const Vec small{{3e-18, 1e-19, -2e-17}};
  space.projected_gradient(theta, small, pg);
  CHECK(pg == Vec{{3e-18, 0.0, -2e-17}});
  const Vec large{{10.0, -5.0, -7.0}};
  space.projected_gradient(theta, large, pg);
  CHECK((pg - Vec{{1.7, -3.0, -0.5}}).norm() < 1e-15);
}

TEST_CASE("edges: a point that is only finite at a loose tolerance is no converged one") {
  /// x^2 + 1, whose gradient falls with the tolerance and is lost at a tight one.
  class Fragile final : public Oracle {
  public:
    Evaluation evaluate(In theta, const Tolerance& t, const Evaluation*) const override {
      Evaluation e;
      e.theta = e.u = theta;
      e.value = 1 + theta.squaredNorm();
      e.solved = t;
      return e;
    }
    Evaluation evaluate_fully(In theta, const Evaluation* near) const override { return evaluate(theta, tightest(), near); }
    Evaluation differentiate(Evaluation e, const Tolerance& t) const override {
      e.solved = t;
      e.gradient = t.inner < 1e-6 ? Vec::Constant(1, std::nan("")) : Vec::Constant(1, 1e-9);
      if (t.inner < 1e-6) e.diagnostics.hypergradient_message = "lost";
      return e;
    }
    Evaluation diagnose(Evaluation e, Index, double) const override { return e; }
    VerifyReport verify(In) const override { return {}; }
    Work work() const override { return {}; }
    Work diagnostic_work() const override { return {}; }
    Tolerance tightest() const override { return {1e-8, 1e-6}; }
    std::optional<Evaluation> ahead() const override { return std::nullopt; }
    bool may_loosen() const override { return true; }
    double target() const override { return 0; }
  } oracle;
  HoagOuter optimizer;
  const HyperSpace space({HyperBlock{"v", 1, Scale::linear, -1, 1}});
  const Summary s = solve(DriverOptions{}, space, oracle, optimizer, Vec::Constant(1, 0.5));
  CHECK(s.reason == StopReason::failed);
  CHECK(s.message.find("lost") != std::string::npos);
  CHECK(std::isfinite(s.best.outer_loss));
}

namespace {

/// f' = (x - 3)((x - 1)^2 + 0.005)/3 + u x: next to 1 the gradient is small and the curvature negative; the minimum is next to 3.
struct Shelf {
  Index inner_dim() const { return 1; }
  Index outer_dim() const { return 1; }
  static double slope(double x) { return (x - 3) * ((x - 1) * (x - 1) + 0.005) / 3; }
  double value(const Vec& x, const Vec& u) const {
    const double s = x[0] - 1;  // the integral of (s - 2)(s^2 + 0.005)/3
    return (s * s * s * s / 4 - 2 * s * s * s / 3 + 0.0025 * s * s - 0.01 * s) / 3 + 0.5 * u[0] * x[0] * x[0];
  }
  Vec gradient(const Vec& x, const Vec& u) const { return Vec::Constant(1, slope(x[0]) + u[0] * x[0]); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    const double s = x[0] - 1;
    return ((s * s + 0.005 + 2 * s * (x[0] - 3)) / 3 + u[0]) * p;
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return x.cwiseProduct(p); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x.cwiseProduct(w); }
  double smoothness(const Vec&) const { return 10; }
};

}  // namespace

TEST_CASE("edges: a start that is indefinite where it is solved loosely is solved more tightly before the run has failed") {
  Problem p;
  p.name = "shelf";
  p.f = adapt(Shelf{});
  p.l = adapt_criterion(test::PlainDistance{Vec::Constant(1, 2.9)});
  p.space = HyperSpace({HyperBlock{"u", 1, Scale::log, 1e-4, 1}});
  p.start = std::make_shared<ConstantStart>(Vec::Constant(1, 1.05));
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  const Vec theta = Vec::Constant(1, std::log(1e-3));
  const Tolerance loose{Tolerances::kLoosest, Tolerances::kLoosest};
  const Evaluation e = oracle->differentiate(oracle->evaluate(theta, loose), loose);
  REQUIRE(e.diagnostics.hypergradient_status == Status::negative_curvature);
  LbfgsOuter optimizer;
  const Summary s = solve(DriverOptions{}, p.space, *oracle, optimizer, theta);
  CHECK(s.schedule == Schedule::adaptive);
  CHECK(s.reason == StopReason::tolerance);
  CHECK(s.best_evaluation.state->inner.x()[0] == doctest::Approx(2.9).epsilon(1e-3));
}

TEST_CASE("edges: a run that fails at its start says the loss that it has") {
  /// A value, but never a hypergradient.
  class Blind final : public ForwardingOracle {
  public:
    Blind() : ForwardingOracle(std::make_shared<FakeOracle>([](const Vec& v, Vec&) { return 2 + v.squaredNorm(); })) {}
    Evaluation differentiate(Evaluation e, const Tolerance& t) const override {
      e = behind().differentiate(std::move(e), t);
      e.gradient.setConstant(std::nan(""));
      return e;
    }
  } oracle;
  LbfgsOuter optimizer;
  const Summary s = solve(DriverOptions{}, box(1, -1, 1), oracle, optimizer, Vec::Zero(1));
  CHECK(s.reason == StopReason::failed);
  CHECK(s.brief().find("outer loss 2 ") != std::string::npos);
  CHECK(s.brief().find("nan") == std::string::npos);
}
