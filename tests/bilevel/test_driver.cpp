#include <doctest/doctest.h>

#include "fixtures.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

double bowl(const Vec& v, Vec& g) {
  g = 2 * v;
  return 1 + v.squaredNorm();
}

}  // namespace

TEST_CASE("max_steps 0 evaluates the start alone, at the tightest tolerance") {
  FakeOracle oracle(bowl);
  HoagOuter optimizer;
  DriverOptions options;
  options.max_steps = 0;
  std::vector<Index> rows;
  const Summary s = solve(options, box(2, -5, 5), oracle, optimizer, Vec::Constant(2, 9.0),
                          {[&](const StepRecord& r) { rows.push_back(r.step); }});
  CHECK(s.reason == StopReason::step_limit);
  CHECK(rows == std::vector<Index>{0});
  CHECK(s.best.theta == Vec::Constant(2, 5.0));  // on the box
  CHECK(std::isnan(s.best.step_norm));
  CHECK(s.best_evaluation.solved.inner == 1e-8);
  CHECK(s.usable());
}

TEST_CASE("the evaluation of the start is kept, solved as tightly as the best point") {
  const HyperSpace space = box(2, -5, 5);
  const Vec start = Vec::Constant(2, 3.0);
  for (const Schedule schedule : {Schedule::fixed, Schedule::quadratic, Schedule::adaptive}) {
    FakeOracle oracle(bowl);
    LbfgsOuter optimizer;
    DriverOptions options;
    options.schedule = schedule;
    Summary s = solve(options, space, oracle, optimizer, start);
    CHECK(s.best.step > 0);
    CHECK(s.start_evaluation.theta == start);
    CHECK(s.start_evaluation.value == doctest::Approx(s.start_loss).epsilon(1e-12));
    CHECK(s.start_evaluation.solved.inner == s.best_evaluation.solved.inner);
    CHECK(s.start_evaluation.solved.inner == s.tightest.inner);
    options.max_steps = 0;
    s = solve(options, space, oracle, optimizer, start);
    CHECK(s.start_evaluation.theta == s.best_evaluation.theta);
    CHECK(s.start_evaluation.value == s.best_evaluation.value);
  }
}

TEST_CASE("rows are numbered from the start, budgets stop, and the reasons say so") {
  const HyperSpace space = box(2, -5, 5);
  DriverOptions options;
  options.max_steps = 3;
  options.tolerance = 0;
  FakeOracle oracle(bowl);
  AdamOuter adam;
  std::vector<StepRecord> rows;
  Summary s = solve(options, space, oracle, adam, Vec::Constant(2, 3.0), {[&](const StepRecord& r) { rows.push_back(r); }});
  CHECK(s.reason == StopReason::step_limit);
  REQUIRE(rows.size() == 4);
  CHECK(rows[3].step == 3);
  CHECK(rows[1].step_norm == doctest::Approx((rows[1].theta - rows[0].theta).norm()));
  CHECK(s.brief().find("step limit") != std::string::npos);
  CHECK(s.full().find("outer loss, best") != std::string::npos);
  CHECK(s.worst_error == 0);

  options.max_steps = 1000;
  options.time_limit = 0.0;
  s = solve(options, space, oracle, adam, Vec::Constant(2, 3.0));
  CHECK(s.reason == StopReason::time_limit);
  CHECK(s.steps == 0);

  options.time_limit.reset();
  int asked = 0;
  s = solve(options, space, oracle, adam, Vec::Constant(2, 3.0), {}, [&] { return ++asked > 7; });
  CHECK(s.reason == StopReason::interrupted);
  CHECK(s.best.outer_loss < 19);
  CHECK(s.usable());
}

TEST_CASE("a stalled search is tried again at a tighter tolerance, then said") {
  FakeOracle uphill([](const Vec& v, Vec& g) {
    g = Vec::Constant(v.size(), 1.0);  // wrong on purpose: the loss rises against it
    return 2 - v.sum();
  });
  for (int which = 0; which < 3; ++which) {
    std::unique_ptr<OuterOptimizer> optimizer;
    if (which == 0) optimizer = std::make_unique<LbfgsOuter>();
    if (which == 1) optimizer = std::make_unique<GradientDescentOuter>();
    if (which == 2) optimizer = std::make_unique<HoagOuter>();
    CAPTURE(which);
    double tightest_seen = 1;
    FakeOracle& oracle = uphill;
    struct Spy final : ForwardingOracle {
      double& low;
      Spy(const Oracle& spied, double& low_) : ForwardingOracle(spied), low(low_) {}
      Evaluation evaluate(In theta, const Tolerance& t, const Evaluation* near) const override {
        low = std::min(low, t.inner);
        return behind().evaluate(theta, t, near);
      }
    } spy(oracle, tightest_seen);
    DriverOptions options;
    const Summary s = solve(options, box(2, -1, 1), spy, *optimizer, Vec::Zero(2));
    CHECK(s.reason == StopReason::stalled);
    CHECK(s.message.find("tighter tolerances") != std::string::npos);
    CHECK(tightest_seen <= 1.000001e-9);
  }
}

TEST_CASE("noise that a tighter tolerance removes does not end a run of lbfgs early") {
  FakeOracle noisy(bowl, 3e4);  // 3e-4 in the value at 1e-8, 3e-5 at 1e-9
  LbfgsOuter optimizer;
  DriverOptions options;
  options.tolerance = 1e-3;
  const Summary s = solve(options, box(3, -5, 5), noisy, optimizer, Vec::Constant(3, 2.0));
  CHECK(s.best.outer_loss < 1.002);
}

TEST_CASE("a start that is not finite fails with a sentence, and so does a start of the wrong size by throwing") {
  FakeOracle oracle([](const Vec& v, Vec& g) {
    g = v;
    return std::numeric_limits<double>::quiet_NaN();
  });
  LbfgsOuter optimizer;
  const Summary s = solve({}, box(2, -1, 1), oracle, optimizer, Vec::Zero(2));
  CHECK(s.reason == StopReason::failed);
  CHECK(!s.usable());
  CHECK(s.message.find("not finite") != std::string::npos);
  CHECK_THROWS_AS(solve({}, box(2, -1, 1), oracle, optimizer, Vec::Zero(3)), UsageError);
  DriverOptions negative;
  negative.max_steps = -1;
  CHECK_THROWS_AS(solve(negative, box(2, -1, 1), oracle, optimizer, Vec::Zero(2)), UsageError);
}

namespace {

/// A smooth loss of `value`, all of whose slopes are `slope` at 0 and turn at `turn`.
FakeOracle shallow(double slope, double turn) {
  return FakeOracle([slope, turn](const Vec& v, Vec& g) {
    g = (slope * (v.array() / turn - 1)).matrix();
    return 1 + slope * (v.array().square() / (2 * turn) - v.array()).sum();
  });
}

}  // namespace

TEST_CASE("stopping: many small slopes are not passed over, however many there are") {
  // Each of the norms is below 1e-4 of the loss.
  for (const Index m : {10, 100, 1000}) {
    CAPTURE(m);
    const double slope = 0.5e-4 / std::sqrt(static_cast<double>(m));
    const FakeOracle oracle = shallow(slope, 4);
    LbfgsOuter optimizer;
    const Summary s = solve({}, box(m, -9, 9), oracle, optimizer, Vec::Zero(m));
    CHECK(s.reason == StopReason::tolerance);
    CHECK(s.steps > 0);
    const double least = 1 - 2 * slope * static_cast<double>(m);
    CHECK(s.best.outer_loss - least <= 1e-4);
    CHECK(s.last.possible_gain <= 1e-4);
  }
}

TEST_CASE("stopping: a slope counts for no more than the room there is to the end of the range") {
  const FakeOracle oracle = shallow(1, 1e6);
  for (const double room : {0.0, 0.9e-4, 1.1e-4}) {
    LbfgsOuter optimizer;
    const Summary s = solve({}, box(1, -9, room), oracle, optimizer, Vec::Zero(1));
    CHECK(s.reason == StopReason::tolerance);
    CHECK((s.steps == 0) == (room < 1e-4));
  }
}

TEST_CASE("stopping: the gain that L-BFGS predicts is the one there is where its pairs know the curvature, cut by the box") {
  const Vec a = Vec::LinSpaced(4, -1, 2), c = Vec::LinSpaced(4, 1, 3);
  const FakeOracle oracle([&](const Vec& v, Vec& g) {
    g = c.cwiseProduct(v - a);
    return 10 + 0.5 * g.dot(v - a);
  });
  const HyperSpace space = box(4, -9, 9);
  LbfgsOuter optimizer;
  Evaluation e = oracle.differentiate(oracle.evaluate(Vec::Constant(4, -5), {1e-8, 1e-6}), {1e-8, 1e-6});
  optimizer.reset(e);
  CHECK(std::isinf(optimizer.predicted_gain(space)));
  for (int k = 0; k < 5; ++k) e = optimizer.step(oracle, space, {1e-8, 1e-6}).accepted;
  CHECK(optimizer.predicted_gain(space) == doctest::Approx(e.value - 10).epsilon(0.5));
  const HyperSpace here({[&] {
    HyperBlock b = box(1, e.theta.minCoeff(), e.theta.maxCoeff()).blocks().front();
    b.size = 4;
    return b;
  }()});
  CHECK(optimizer.predicted_gain(here) <= 2 * optimizer.predicted_gain(space));
}

TEST_CASE("stopping: what is said is the test that ended the run") {
  LbfgsOuter optimizer;
  const FakeOracle oracle = shallow(1e-3, 4);
  const Summary by_slope = solve({}, box(1, -9, 9), oracle, optimizer, Vec::Zero(1));
  CHECK(by_slope.message.find("the loss could fall by") == 0);
  DriverOptions two;
  two.max_steps = 1;
  const Summary by_limit = solve(two, box(200, -9, 9), shallow(1e-3, 40), optimizer, Vec::Zero(200));
  CHECK(by_limit.reason == StopReason::step_limit);
  CHECK(by_limit.message.find("could still fall by") != std::string::npos);
}

TEST_CASE("L-BFGS: a step that is too short by a factor of 10^5 is made long enough by a few trials") {
  const Vec c{{1e4, 0.1}};
  const FakeOracle oracle([&](const Vec& v, Vec& g) {
    g = c.cwiseProduct(v);
    return 1 + 0.5 * g.dot(v);
  });
  const HyperSpace space = box(2, -9, 9);
  LbfgsOuter optimizer;
  const Tolerance tight{1e-8, 1e-6};
  Evaluation e = oracle.differentiate(oracle.evaluate(Vec{{0.3, -4}}, tight), tight);
  optimizer.reset(e);
  Index trials = 0, most = 0;
  for (int k = 0; k < 8 && e.value > 1 + 1e-9; ++k) {
    const StepOutcome step = optimizer.step(oracle, space, tight);
    trials += step.evaluations;
    most = std::max(most, step.evaluations);
    e = step.accepted;
  }
  CHECK(e.value <= 1 + 1e-9);
  CHECK(most <= 5);
  CHECK(trials <= 9);
}
