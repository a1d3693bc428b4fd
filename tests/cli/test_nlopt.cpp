// NLopt's optimizers in the driver's loop: a row a point, the loop of NLopt on its own thread, ended wherever the run ends.
#include <doctest/doctest.h>

#include <tacit/cli/nlopt/nlopt_optimizers.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/byte_stream.hpp>

#include "../bilevel/fixtures.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

Registry<OuterOptimizer> nlopt() {
  Registry<OuterOptimizer> r("optimizer", "outer.optimizer");
  register_nlopt(r);
  return r;
}

const Vec kCentre = (Vec(2) << 0.5, -0.3).finished();

double target(const Vec& v, Vec& g) { return hyperbolic(v, g, kCentre, Vec::Ones(2)); }

struct Run {
  std::vector<Vec> theta;
  std::vector<double> loss;
  Summary summary;
};

Run run(OuterOptimizer& optimizer, const FakeOracle& oracle, Index points, const std::function<bool()>& interrupted = {},
        std::uint64_t seed = 1) {
  DriverOptions options;
  options.max_steps = points;
  options.seed = seed;
  Run r;
  r.summary = solve(options, box(2, -2, 3), oracle, optimizer, Vec::Constant(2, 2.0), {[&](const StepRecord& row) {
                      r.theta.push_back(row.theta);
                      r.loss.push_back(row.outer_loss);
                    }},
                    interrupted);
  return r;
}

}  // namespace

TEST_CASE("what the program has of NLopt is the same in every build, and without it says which package it is") {
  const auto registry = nlopt();
  CHECK(registry.names() == std::vector<std::string>{"nelder-mead", "direct", "crs"});
  for (const std::string& name : registry.names()) {
    CHECK(asks_for_values_alone(name));
    CHECK(!registry.make(name)->differentiates());
    if (has_nlopt()) {
      CHECK_NOTHROW(require_built(name));
      continue;
    }
    CHECK_THROWS_WITH_AS(require_built(name), doctest::Contains("libnlopt-dev"), UsageError);
    FakeOracle oracle(target);
    const auto optimizer = registry.make(name);
    CHECK_THROWS_AS(run(*optimizer, oracle, 10), UsageError);
  }
  CHECK_NOTHROW(require_built("lbfgs"));
}

TEST_CASE("each method of NLopt finds the minimum of a smooth function from values alone, and repeats to the bit") {
  if (!has_nlopt()) return;
  const auto registry = nlopt();
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    const auto optimizer = registry.make(name);
    FakeOracle oracle(target);
    const Run r = run(*optimizer, oracle, 300);
    CHECK(oracle.gradients == 0);
    CHECK(r.summary.best.outer_loss < 1 + 2e-3);
    CHECK(oracle.evaluations == static_cast<Index>(r.loss.size()));
    CHECK((r.summary.reason == StopReason::tolerance) == (name == "nelder-mead"));
    const auto again = registry.make(name);
    FakeOracle same(target);
    CHECK(run(*again, same, 300).theta == r.theta);
    const auto seeded = registry.make(name);
    FakeOracle other(target);
    CHECK((run(*seeded, other, 300, {}, 2).theta != r.theta) == (name == "crs"));  // the others draw nothing
    for (const Vec& v : r.theta) {
      CHECK(v.minCoeff() >= -2);
      CHECK(v.maxCoeff() <= 3);
    }
  }
}

TEST_CASE("a run with NLopt ends where it is asked to, and takes what its oracle throws") {
  if (!has_nlopt()) return;
  const auto registry = nlopt();
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    FakeOracle oracle(target);
    const auto optimizer = registry.make(name);
    const Run stopped = run(*optimizer, oracle, 300, [&] { return oracle.evaluations >= 7; });
    CHECK(stopped.summary.reason == StopReason::interrupted);
    CHECK(stopped.loss.size() == 7);
    int calls = 0;
    FakeOracle failing([&](const Vec& v, Vec& g) {
      if (++calls == 5) throw std::runtime_error("a callback of the user");
      return target(v, g);
    });
    const auto second = registry.make(name);
    CHECK_THROWS_WITH_AS(run(*second, failing, 300), "a callback of the user", std::runtime_error);
    const auto third = registry.make(name);  // begun, and gone before its second point
    (void)third->begin(box(2, -2, 3), Vec::Zero(2), {10, 0, 1});
    FakeOracle plain(target);
    const auto fourth = registry.make(name);
    CHECK(run(*fourth, plain, 0).loss.size() == 1);
    CHECK(run(*fourth, plain, 3).loss.size() == 3);
  }
}

TEST_CASE("points where there is no value are the worst for NLopt, rows for the run, and never the best") {
  if (!has_nlopt()) return;
  const auto registry = nlopt();
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    FakeOracle cliff([](const Vec& v, Vec& g) {
      const double value = target(v, g);
      return v[0] < 0.2 ? std::numeric_limits<double>::quiet_NaN() : value;
    });
    const auto optimizer = registry.make(name);
    const Run r = run(*optimizer, cliff, 200);
    CHECK(std::any_of(r.loss.begin(), r.loss.end(), [](double l) { return std::isnan(l); }));
    CHECK(r.summary.best.outer_loss < 1.05);
    CHECK(r.summary.best.theta[0] >= 0.2);
  }
}

TEST_CASE("NLopt goes on from a first point that has no value, and a run in which no point has one has failed") {
  if (!has_nlopt()) return;
  const auto registry = nlopt();
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    bool first = true;
    FakeOracle cliff([&](const Vec& v, Vec& g) {
      const double value = target(v, g);
      return std::exchange(first, false) ? std::numeric_limits<double>::infinity() : value;
    });
    const auto optimizer = registry.make(name);
    const Run r = run(*optimizer, cliff, 300);
    CHECK(std::isinf(r.loss.front()));
    CHECK(r.loss.size() > 40);
    CHECK(r.summary.usable());
    // A simplex that begins at such a point has only its other corners, and shrinks towards them.
    CHECK(r.summary.best.outer_loss < (name == "nelder-mead" ? 10 : 1 + 2e-3));
    FakeOracle nowhere([](const Vec&, Vec&) { return std::numeric_limits<double>::quiet_NaN(); });
    const auto second = registry.make(name);
    const Run none = run(*second, nowhere, 40);
    CHECK(none.summary.reason == StopReason::failed);
    CHECK(none.summary.message.find("points has a finite loss; of the first one: the outer loss is not finite") !=
          std::string::npos);
  }
}

TEST_CASE("the state of a run with NLopt is its values: read back it goes on identically") {
  if (!has_nlopt()) return;
  const auto registry = nlopt();
  const HyperSpace space = box(2, -2, 3);
  const Tolerance t;
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    FakeOracle oracle(target);
    const auto first = registry.make(name), second = registry.make(name);
    first->reset(oracle.evaluate(first->begin(space, Vec::Constant(2, 2.0), {60, 5, 1}), t));
    for (int k = 0; k < 20; ++k) REQUIRE(first->step(oracle, space, t).moved);
    StateWriter kept;
    first->state(kept);
    StateReader back(kept.bytes());
    second->state(back);
    CHECK(back.at_end());
    for (int k = 0; k < 20; ++k) {
      const StepOutcome a = first->step(oracle, space, t), b = second->step(oracle, space, t);
      CHECK(a.accepted.theta == b.accepted.theta);
      CHECK(a.accepted.value == b.accepted.value);
    }
  }
}
