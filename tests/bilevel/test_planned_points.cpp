// Grid and random search: which points, from where, on how many threads, and what a run that only looks leaves behind.
#include <doctest/doctest.h>

#include <atomic>
#include <map>
#include <mutex>
#include <set>

#include <tacit/bilevel/trace.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "../hypergrad/reference_problems.hpp"
#include "fixtures.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

double slope(const Vec& v, Vec& g) {
  g.setOnes();
  return 10 + v.sum();
}

/// The points of a run with an oracle that does not matter.
std::vector<Vec> points(OuterOptimizer& optimizer, const HyperSpace& space, Index count, std::uint64_t seed = 0) {
  FakeOracle oracle(slope);
  DriverOptions options;
  options.max_steps = count;
  options.seed = seed;
  std::vector<Vec> all;
  solve(options, space, oracle, optimizer, Vec::Zero(space.size()), {[&](const StepRecord& r) { all.push_back(r.theta); }});
  return all;
}

}  // namespace

TEST_CASE("a grid of one hyperparameter is equally spaced from the strongest penalty down, both ends in it") {
  GridOuter grid;
  const std::vector<Vec> all = points(grid, box(1, -3, 5), 9);
  REQUIRE(all.size() == 9);
  for (int i = 0; i < 9; ++i) CHECK(all[static_cast<std::size_t>(i)][0] == 5 - i);
  CHECK(points(grid, box(1, -3, 5), 1).front()[0] == 5);
  CHECK(points(grid, box(1, -3, 5), 0).front()[0] == 0);  // the start alone
}

TEST_CASE("a grid of several is a full one, each point a neighbour of the last, and is refused where it has too few points") {
  GridOuter grid;
  struct Case {
    int m, count, side;
  };
  for (const Case& c : {Case{2, 12, 3}, {2, 9, 3}, {2, 8, 2}, {3, 64, 4}, {3, 100, 4}, {3, 125, 5}}) {
    const int m = c.m, count = c.count, side = c.side;
    CAPTURE(m);
    CAPTURE(count);
    const std::vector<Vec> all = points(grid, box(m, 0, static_cast<double>(side - 1)), count);
    const auto expected = static_cast<std::size_t>(std::lround(std::pow(side, m)));
    CHECK(all.size() == expected);
    std::set<std::vector<double>> different;
    for (std::size_t i = 0; i < all.size(); ++i) {
      different.emplace(all[i].data(), all[i].data() + m);
      if (i > 0) CHECK((all[i] - all[i - 1]).cwiseAbs().sum() == doctest::Approx(1));
      for (Index j = 0; j < m; ++j) CHECK(all[i][j] == doctest::Approx(std::round(all[i][j])));
    }
    CHECK(different.size() == expected);
    CHECK(all.front() == Vec::Constant(m, side - 1));
  }
  CHECK_THROWS_WITH_AS(points(grid, box(4, 0, 1), 15),
                       "a grid over 4 hyperparameters with two values of each has 16 points, and DriverOptions::max_steps is 15; "
                       "use random, or lbfgs",
                       UsageError);
  CHECK_THROWS_AS(points(grid, box(500, 0, 1), 1000), UsageError);
  CHECK_THROWS_AS(points(grid, box(1, 0, std::numeric_limits<double>::infinity()), 10), UsageError);
}

TEST_CASE("random points are a function of seed and number, uniform over the box") {
  RandomOuter random;
  const HyperSpace space = box(2, -2, 6);
  const std::vector<Vec> all = points(random, space, 400, 11), fewer = points(random, space, 50, 11),
                         other = points(random, space, 50, 12);
  for (std::size_t i = 0; i < fewer.size(); ++i) {
    CHECK(all[i] == fewer[i]);
    CHECK(all[i] != other[i]);
  }
  Vec mean = Vec::Zero(2), square = Vec::Zero(2);
  for (const Vec& v : all) {
    mean += v / 400;
    square += (v.array() - 2).square().matrix() / 400;
  }
  // Standard errors: 8 / sqrt(12 * 400) = 0.12 of the mean, and 0.24 of the variance, 64 / 12.
  for (Index j = 0; j < 2; ++j) {
    CHECK(std::abs(mean[j] - 2) < 0.5);
    CHECK(std::abs(square[j] - 64.0 / 12) < 1);
  }
}

namespace {

struct Traced {
  std::vector<std::string> rows;
  Summary summary;
};

/// A run on a real problem, its rows without the times.
Traced traced(OuterOptimizer& optimizer, Index threads, Index max_steps,
              const std::function<std::unique_ptr<Oracle>(std::unique_ptr<Oracle>)>& wrap = {}) {
  Problem problem = test::reference_problem("ridge_diabetes", true);
  auto solver = std::make_shared<NewtonCgSolver>();
  std::unique_ptr<Oracle> oracle = make_oracle(problem, solver, std::make_shared<ImplicitCgEstimator>());
  if (wrap) oracle = wrap(std::move(oracle));
  DriverOptions options;
  options.max_steps = max_steps;
  options.threads = threads;
  options.seed = 3;
  Traced t;
  t.summary = solve(options, problem.space, *oracle, optimizer, Vec::Zero(problem.space.size()), {[&](const StepRecord& record) {
                      StepRecord r = record;
                      r.seconds = r.inner_seconds = r.hypergradient_seconds = r.outer_seconds = 0;
                      t.rows.push_back(trace_json(r, problem.space));
                    }});
  return t;
}

}  // namespace

TEST_CASE("the trace of planned points is the same to the bit on 1, 2 and 3 threads, and has no cell of a hypergradient") {
  RandomOuter one, two, three;
  const Traced a = traced(one, 1, 21), b = traced(two, 2, 21), c = traced(three, 3, 21);
  REQUIRE(a.rows.size() == 21);
  CHECK(a.rows == b.rows);
  CHECK(a.rows == c.rows);
  for (const std::string& row : a.rows) {
    CHECK(row.find("hypergradient_norm") == std::string::npos);
    CHECK(row.find("hypergradient_error") == std::string::npos);
    CHECK(row.find("\"hypergradient\"") == std::string::npos);
    CHECK(row.find("\"linear_steps\"") == std::string::npos);
  }
  CHECK(a.summary.work.cross_products == 0);  // no hypergradient was paid for
  CHECK(a.summary.work.gradients > 0);
  CHECK(a.summary.work == c.summary.work);
}

namespace {

/// Ends the evaluation of a point that it is told of.
class FailingOracle final : public ForwardingOracle {
public:
  FailingOracle(std::unique_ptr<Oracle> oracle, Index at)
      : ForwardingOracle(std::shared_ptr<const Oracle>(std::move(oracle))), at_(at) {}
  using Oracle::evaluate;
  Evaluation evaluate(In theta, const Tolerance& t, const Evaluation* near) const override {
    if (calls_++ == at_) throw Interruption();
    return behind().evaluate(theta, t, near);
  }

private:
  Index at_;
  mutable std::atomic<Index> calls_{0};
};

}  // namespace

TEST_CASE("what was evaluated before an interruption in the middle of a wave is a row all the same") {
  RandomOuter whole, cut;
  const Traced all = traced(whole, 1, 30);
  const Traced some =
      traced(cut, 1, 30, [](std::unique_ptr<Oracle> o) { return std::make_unique<FailingOracle>(std::move(o), 12); });
  CHECK(some.summary.reason == StopReason::interrupted);
  REQUIRE(some.rows.size() == 12);
  CHECK(some.summary.best_evaluation.theta.size() > 0);
  // The work of a wave is in its first row, so only what the interrupted wave counted differs.
  for (std::size_t i = 0; i < 9; ++i) CHECK(some.rows[i] == all.rows[i]);
}

TEST_CASE("a point without a value is a row, and never the best") {
  const auto cliff = [](const Vec& v, Vec& g) {
    g = Vec::Constant(1, 1.0);
    return v[0] < 2.5 ? std::numeric_limits<double>::quiet_NaN() : 10 + v[0];
  };
  GridOuter grid;
  FakeOracle oracle(cliff);
  DriverOptions options;
  options.max_steps = 9;
  std::vector<double> losses;
  const Summary s =
      solve(options, box(1, -3, 5), oracle, grid, Vec::Zero(1), {[&](const StepRecord& r) { losses.push_back(r.outer_loss); }});
  CHECK(s.reason == StopReason::step_limit);
  REQUIRE(losses.size() == 9);
  CHECK(losses[2] == 13);
  for (std::size_t i = 3; i < 9; ++i) CHECK(std::isnan(losses[i]));
  CHECK(s.best.step == 2);
  CHECK(s.best.outer_loss == 13);
}

namespace {

/// 10 + v where v is within these bounds, else no number.
FakeOracle walled(double from, double to) {
  return FakeOracle([from, to](const Vec& v, Vec& g) {
    g = Vec::Constant(1, 1.0);
    return v[0] < from || v[0] > to ? std::numeric_limits<double>::quiet_NaN() : 10 + v[0];
  });
}

/// What each point started from: its theta, NaN for none.
class StartsOracle final : public ForwardingOracle {
public:
  using ForwardingOracle::ForwardingOracle;
  Evaluation evaluate(In theta, const Tolerance& t, const Evaluation* near) const override {
    from.push_back(near ? near->theta[0] : kMissing);
    return behind().evaluate(theta, t, near);
  }
  mutable std::vector<double> from;
};

}  // namespace

TEST_CASE("a first point behind a wall is a row without a value, and the run goes on to the next") {
  // Of the grid 5, 4, ..., -14 the first eleven have no value: the first point, the whole first wave, and two of the second.
  const FakeOracle fake = walled(-20, -5.5);
  const StartsOracle oracle(fake);
  GridOuter grid;
  DriverOptions options;
  options.max_steps = 20;
  options.patience = 4;  // is for rows after the first with a value
  std::vector<double> losses;
  const Summary s =
      solve(options, box(1, -14, 5), oracle, grid, Vec::Zero(1), {[&](const StepRecord& r) { losses.push_back(r.outer_loss); }});
  CHECK(s.reason == StopReason::step_limit);
  REQUIRE(losses.size() == 20);
  for (std::size_t i = 0; i < 11; ++i) CHECK(std::isnan(losses[i]));
  CHECK(losses[11] == 4);
  CHECK(s.best.step == 19);
  CHECK(s.best.outer_loss == -4);
  CHECK(s.best_evaluation.theta[0] == -14);
  CHECK(std::isnan(s.start_loss));
  CHECK(s.start_evaluation.theta[0] == 5);
  // What failed is no place to start from: the wave after it starts cold too.
  REQUIRE(oracle.from.size() == 20);
  for (std::size_t i = 0; i < 17; ++i) CHECK(std::isnan(oracle.from[i]));
  for (std::size_t i = 17; i < 20; ++i) CHECK(oracle.from[i] == -11);
  CHECK(s.brief().find("nan") == std::string::npos);

  // Random points, also where the last row is the one that is asked for: it has to have a value.
  RandomOuter random;
  options.patience = 0;
  options.seed = 4;
  options.select = DriverOptions::Select::last;
  std::vector<double> at, seen;
  const Summary r = solve(options, box(1, -14, 5), fake, random, Vec::Zero(1), {[&](const StepRecord& row) {
                            at.push_back(row.theta[0]);
                            seen.push_back(row.outer_loss);
                          }});
  REQUIRE(at.size() == 20);
  REQUIRE(at.front() > -5.5);  // the seed was chosen for that
  REQUIRE(at.back() > -5.5);
  CHECK(r.reason == StopReason::step_limit);
  std::size_t last = 19;
  while (std::isnan(seen[last])) --last;
  CHECK(r.best.step == static_cast<Index>(last));
  CHECK(r.best.outer_loss == seen[last]);
}

TEST_CASE("patience counts from the first point that has a value") {
  const FakeOracle fake = walled(-20, -5.5);
  RandomOuter random;
  DriverOptions options;
  options.max_steps = 400;
  options.patience = 3;
  options.seed = 4;
  std::vector<double> seen;
  const Summary s = solve(options, box(1, -14, 5), fake, random, Vec::Zero(1),
                          {[&](const StepRecord& row) { seen.push_back(row.outer_loss); }});
  CHECK(s.reason == StopReason::patience);
  CHECK(std::isnan(seen.front()));
  REQUIRE(s.best.step > 0);
  CHECK(static_cast<Index>(seen.size()) == s.best.step + 4);
}

TEST_CASE("a run of planned points fails only where none has a value, and says what was wrong at the first") {
  const FakeOracle fake = walled(1, 0);
  GridOuter grid;
  RandomOuter random;
  for (OuterOptimizer* optimizer : {static_cast<OuterOptimizer*>(&grid), static_cast<OuterOptimizer*>(&random)}) {
    for (const auto& [most, wait] : {std::pair{7, 0}, {7, 2}, {1, 0}, {0, 0}}) {
      const int points = most, patience = wait;
      CAPTURE(points);
      DriverOptions options;
      options.max_steps = points;
      options.patience = patience;
      int rows = 0;
      const Summary s = solve(options, box(1, -3, 5), fake, *optimizer, Vec::Zero(1), {[&](const StepRecord&) { ++rows; }});
      CHECK(s.reason == StopReason::failed);
      CHECK_FALSE(s.usable());
      CHECK(s.best_evaluation.theta.size() == 0);
      CHECK(rows == std::max(points, 1));
      CHECK(s.message == (points > 1 ? "none of the 7 points has a finite loss; of the first one: the outer loss is not finite"
                                     : "the start is no usable point: the outer loss is not finite"));
    }
    // Ended before there was one.
    int asked = 0;
    const Summary cut = solve({}, box(1, -3, 5), fake, *optimizer, Vec::Zero(1), {}, [&] { return ++asked > 5; });
    CHECK(cut.reason == StopReason::interrupted);
    CHECK(cut.message == "interrupted before a point had a finite loss; there is none to keep");
    DriverOptions late;
    late.time_limit = 1;
    late.time_used = 2;
    const Summary timed = solve(late, box(1, -3, 5), fake, *optimizer, Vec::Zero(1));
    CHECK(timed.reason == StopReason::failed);
    CHECK(timed.message.find("the time limit of 1 s is reached before a point had a finite loss; of the first one: ") == 0);
  }
}

TEST_CASE("points of a wave start from the last of the wave before, whatever the others were") {
  std::mutex mutex;
  std::map<double, double> from;  // theta of each point, and of what it started from
  struct Noting final : ForwardingOracle {
    Noting(const Oracle& o, std::function<void(double, double)> n) : ForwardingOracle(o), note(std::move(n)) {}
    Evaluation evaluate(In theta, const Tolerance& t, const Evaluation* near) const override {
      note(theta[0], near ? near->theta[0] : 99);
      return behind().evaluate(theta, t, near);
    }
    std::function<void(double, double)> note;
  };
  FakeOracle fake(slope);
  const Noting oracle(fake, [&](double at, double near) {
    const std::lock_guard lock(mutex);
    from[at] = near;
  });
  GridOuter grid;
  DriverOptions options;
  options.max_steps = 20;
  options.threads = 3;
  solve(options, box(1, 0, 19), oracle, grid, Vec::Zero(1));
  REQUIRE(from.size() == 20);
  CHECK(from[19] == 99);
  for (int i = 1; i < 20; ++i) CHECK(from[19 - i] == 19 - (i - 1) / 8 * 8);
}
