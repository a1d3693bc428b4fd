// Every registered outer optimizer that follows hypergradients keeps the same promises, and so does every one that does not.
#include <doctest/doctest.h>

#include <tacit/core/support/byte_stream.hpp>

#include "../bilevel/fixtures.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

Registry<OuterOptimizer> optimizers() {
  Registry<OuterOptimizer> r("optimizer", "outer.optimizer");
  register_optimizers(r);
  return r;
}

/// Those that follow hypergradients, or those that ask for values alone.
std::vector<std::string> names(const Registry<OuterOptimizer>& registry, bool differentiate = true) {
  std::vector<std::string> all;
  for (const std::string& name : registry.names()) {
    CHECK(asks_for_values_alone(name) != registry.make(name)->differentiates());
    if (registry.make(name)->differentiates() == differentiate) all.push_back(name);
  }
  return all;
}

const Vec kCentre = (Vec(4) << 0.5, -3.0, 2.5, 0.1).finished();
const Vec kWeight = (Vec(4) << 1.0, 0.3, 2.0, 0.05).finished();

double target(const Vec& v, Vec& g) { return hyperbolic(v, g, kCentre, kWeight); }

Summary run(OuterOptimizer& optimizer, FakeOracle& oracle, const HyperSpace& space, const Vec& start, Index steps,
            const std::vector<Observer>& observers = {}) {
  DriverOptions options;
  options.max_steps = steps;
  options.tolerance = 1e-6;
  return solve(options, space, oracle, optimizer, start, observers);
}

}  // namespace

TEST_CASE("every optimizer reaches the minimum of a convex function over a box and never leaves it") {
  const auto registry = optimizers();
  const HyperSpace space = box(4, -1, 2);
  Vec best = kCentre, unused(4);
  space.project(best);
  const double lowest = target(best, unused);
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    const auto optimizer = registry.make(name);
    FakeOracle oracle(target);
    Vec lowest_seen = Vec::Constant(4, 9), highest_seen = Vec::Constant(4, -9);
    const Summary s = run(*optimizer, oracle, space, Vec::Constant(4, -0.7), 2000, {[&](const StepRecord& r) {
      lowest_seen = lowest_seen.cwiseMin(r.theta);
      highest_seen = highest_seen.cwiseMax(r.theta);
    }});
    CHECK(s.reason == StopReason::tolerance);
    CHECK(s.best.outer_loss - lowest < 1e-7);
    CHECK((s.best.theta - best).norm() < 1e-2);
    CHECK(lowest_seen.minCoeff() >= -1);
    CHECK(highest_seen.maxCoeff() <= 2);
    CHECK(s.steps > 0);
  }
}

TEST_CASE("the state of every optimizer survives a round trip: the run goes on identically") {
  const auto registry = optimizers();
  const HyperSpace space = box(4, -1, 2);
  const Tolerance t;
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    FakeOracle oracle(target);
    const auto first = registry.make(name);
    Evaluation e = oracle.evaluate(Vec::Constant(4, -0.7), t);
    e = oracle.differentiate(std::move(e), t);
    first->reset(e);
    for (int k = 0; k < 3; ++k) REQUIRE(first->step(oracle, space, t).moved);
    StateWriter kept;
    first->state(kept);
    const auto second = registry.make(name);
    StateReader back(kept.bytes());
    second->state(back);
    CHECK(back.at_end());
    for (int k = 0; k < 3; ++k) {
      const StepOutcome a = first->step(oracle, space, t), b = second->step(oracle, space, t);
      CHECK(a.moved == b.moved);
      CHECK(a.accepted.theta == b.accepted.theta);
      CHECK(a.accepted.value == b.accepted.value);
    }
  }
}

TEST_CASE("every optimizer takes one step that lowers a convex function and reports its length") {
  const auto registry = optimizers();
  const HyperSpace space = box(4, -1, 2);
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    FakeOracle oracle(target);
    const auto optimizer = registry.make(name);
    const Tolerance t;
    Evaluation e = oracle.evaluate(Vec::Constant(4, -0.7), t);
    CHECK_THROWS_AS(optimizer->reset(e), UsageError);
    e = oracle.differentiate(std::move(e), t);
    optimizer->reset(e);
    const StepOutcome out = optimizer->step(oracle, space, t);
    CHECK(out.moved);
    CHECK(!out.stalled);
    CHECK(out.step_norm == doctest::Approx((out.accepted.theta - e.theta).norm()));
    CHECK(out.accepted.value < e.value);
    CHECK(out.accepted.gradient.size() == 4);
    CHECK(out.evaluations >= 1);
    CHECK((out.accepted.theta - e.theta).cwiseAbs().maxCoeff() <= PointOptimizer::kMaxMove);
  }
}

TEST_CASE("a start at a corner that is the minimum ends at once, and a point of infinite loss is never taken") {
  const auto registry = optimizers();
  const HyperSpace space = box(2, 0, 4);
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    FakeOracle corner([](const Vec& v, Vec& g) {
      g = Vec::Constant(2, 3.0);
      return 1 + 3 * v.sum();
    });
    const auto optimizer = registry.make(name);
    const Summary s = run(*optimizer, corner, space, Vec::Zero(2), 10);
    CHECK(s.reason == StopReason::tolerance);
    CHECK(s.steps == 0);
    FakeOracle cliff([](const Vec& v, Vec& g) {
      g = Vec::Constant(2, -1.0);
      return v.sum() > 1 ? std::numeric_limits<double>::quiet_NaN() : 2 - v.sum();
    });
    const auto other = registry.make(name);
    const Summary c = run(*other, cliff, space, Vec::Constant(2, 0.1), 60);
    CHECK(std::isfinite(c.best.outer_loss));
    CHECK(c.best.theta.sum() <= 1);
    CHECK(c.best.outer_loss < 1.8);
    CHECK(c.reason != StopReason::failed);
  }
}

TEST_CASE("a steep entry that its bound stops shortens the steps of no other, for any optimizer") {
  const auto registry = optimizers();
  const HyperSpace space = box(4, -1, 20);
  const Vec centre = (Vec(3) << 12, 4, 9).finished(), weight = (Vec(3) << 1.0, 0.3, 2.0).finished();
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    // The last entry is worth `slope` a unit, and has `room` to fall.
    const auto path = [&](double slope, double room) {
      FakeOracle oracle([&](const Vec& v, Vec& g) {
        Vec rest(3);
        const double value = hyperbolic(v.head(3), rest, centre, weight);
        g << rest, slope;
        return value + slope * (v[3] + 1);
      });
      std::vector<Vec> thetas;
      const auto optimizer = registry.make(name);
      run(*optimizer, oracle, space, (Vec(4) << 0, 0, 0, room - 1).finished(), 12,
          {[&](const StepRecord& r) { thetas.push_back(r.theta.head(3)); }});
      return thetas;
    };
    const auto plain = path(0, 0), steep = path(1e6, 0), near = path(1e3, 1e-3);
    REQUIRE(plain.size() > 5);
    REQUIRE(steep.size() == plain.size());
    for (std::size_t k = 0; k < plain.size(); ++k) CHECK((steep[k] - plain[k]).norm() < 1e-5 * (1 + plain[k].norm()));
    REQUIRE(near.size() > 1);
    CHECK((near[1] - plain[1]).norm() < 1e-5 * (1 + plain[1].norm()));
  }
}

TEST_CASE("the unit of the outer loss changes no step of any optimizer") {
  const auto registry = optimizers();
  const HyperSpace space = box(4, -1, 2);
  for (const std::string& name : names(registry)) {
    CAPTURE(name);
    // Powers of two, so that not one bit of a step may differ.
    const auto path = [&](double unit) {
      FakeOracle oracle([unit](const Vec& v, Vec& g) {
        const double value = unit * target(v, g);
        g *= unit;
        return value;
      });
      std::vector<Vec> thetas;
      const auto optimizer = registry.make(name);
      run(*optimizer, oracle, space, Vec::Constant(4, -0.7), 25, {[&](const StepRecord& r) { thetas.push_back(r.theta); }});
      return thetas;
    };
    const auto plain = path(1);
    CHECK(plain.size() > 3);
    for (const double unit : {std::exp2(-60), std::exp2(60)}) {
      CAPTURE(unit);
      const auto other = path(unit);
      REQUIRE(other.size() == plain.size());
      for (std::size_t k = 0; k < plain.size(); ++k) CHECK(other[k] == plain[k]);
    }
  }
}

TEST_CASE("every optimizer that asks for values alone differentiates nothing, stays in the box and has max_steps points") {
  const auto registry = optimizers();
  const HyperSpace space = box(2, -1, 2);
  const Vec centre = (Vec(2) << 0.5, 1.0).finished(), weight = Vec::Ones(2);
  const std::vector<std::string> all = names(registry, false);
  CHECK(all == std::vector<std::string>{"grid", "random"});
  for (const std::string& name : all) {
    CAPTURE(name);
    FakeOracle oracle([&](const Vec& v, Vec& g) { return hyperbolic(v, g, centre, weight); });
    const auto optimizer = registry.make(name);
    Index rows = 0;
    double least = 9;
    const Summary s = run(*optimizer, oracle, space, Vec::Constant(2, -0.7), 49, {[&](const StepRecord& r) {
      CHECK(r.step == rows++);
      CHECK(r.theta.minCoeff() >= -1);
      CHECK(r.theta.maxCoeff() <= 2);
      CHECK(r.hypergradient.size() == 0);
      CHECK(std::isnan(r.hypergradient_norm));
      CHECK(std::isnan(r.possible_gain));
      least = std::min(least, r.outer_loss);
    }});
    CHECK(rows == 49);
    CHECK(oracle.gradients == 0);
    CHECK(oracle.evaluations == 49);
    CHECK(s.reason == StopReason::step_limit);
    CHECK(s.steps == 48);
    CHECK(s.best.outer_loss == least);
    CHECK(s.best.outer_loss < 1.1);
    CHECK(s.doubt.empty());
    CHECK(s.unknown_errors == 0);
    CHECK(s.full().find("gradient, last") == std::string::npos);
  }
}

TEST_CASE("the state of every optimizer that asks for values alone survives a round trip in the middle of its points") {
  const auto registry = optimizers();
  const HyperSpace space = box(2, -1, 2);
  const Vec centre = (Vec(2) << 0.5, 1.0).finished(), weight = Vec::Ones(2);
  const Tolerance t;
  for (const std::string& name : names(registry, false)) {
    CAPTURE(name);
    FakeOracle oracle([&](const Vec& v, Vec& g) { return hyperbolic(v, g, centre, weight); });
    const auto first = registry.make(name);
    first->reset(oracle.evaluate(first->begin(space, Vec::Zero(2), {25, 7, 1}), t));
    for (int k = 0; k < 5; ++k) REQUIRE(first->step(oracle, space, t).moved);
    StateWriter kept;
    first->state(kept);
    const auto second = registry.make(name);
    StateReader back(kept.bytes());
    second->state(back);
    CHECK(back.at_end());
    for (int k = 5; k < 24; ++k) {
      const StepOutcome a = first->step(oracle, space, t), b = second->step(oracle, space, t);
      REQUIRE(a.over == StepOutcome::Over::no);
      CHECK(a.accepted.theta == b.accepted.theta);
      CHECK(a.accepted.value == b.accepted.value);
    }
    CHECK(first->step(oracle, space, t).over == StepOutcome::Over::exhausted);
    CHECK(second->step(oracle, space, t).over == StepOutcome::Over::exhausted);
  }
}
