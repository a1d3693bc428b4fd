// The accuracy schedules: their values, what the driver asks of the oracle, and where runs end.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "bilevel/followers.hpp"
#include "dense_problem.hpp"
#include "fixtures.hpp"
#include "paths.hpp"
#include "spy_oracle.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

constexpr Schedule kFalling[] = {Schedule::quadratic, Schedule::cubic, Schedule::exponential};

double bowl(const Vec& v, Vec& g) {
  g = 2 * v;
  return 1 + v.squaredNorm();
}

Registry<OuterOptimizer> optimizers() {
  Registry<OuterOptimizer> r("optimizer", "outer.optimizer");
  register_optimizers(r);
  return r;
}

struct Watch {
  Summary summary;
  std::vector<StepRecord> rows;
  std::vector<std::vector<Tolerance>> asked;  ///< by row
};

/// A run over a box with all that was asked of the oracle for each row.
Watch watch(std::unique_ptr<Oracle> inner, const HyperSpace& space, OuterOptimizer& optimizer, double start,
            const DriverOptions& options) {
  Watch w;
  SpyOracle oracle(std::move(inner), [](const Evaluation&) {});
  w.summary = solve(options, space, oracle, optimizer, Vec::Constant(space.size(), start), {[&](const StepRecord& r) {
                      w.rows.push_back(r);
                      w.asked.push_back(std::exchange(oracle.asked, {}));
                    }});
  return w;
}

/// Every optimizer that follows a hypergradient with every one of these numbers of hyperparameters.
std::vector<std::pair<std::string, Index>> followers_of(const std::vector<Index>& sizes) {
  std::vector<std::pair<std::string, Index>> all;
  for (const std::string& name : followers())
    for (const Index n : sizes) all.emplace_back(name, n);
  return all;
}

double relative_hypergradient(const Watch& w, std::size_t row) {
  return w.rows[row].projected_gradient_norm / std::abs(w.summary.start_loss);
}

}  // namespace

TEST_CASE("schedules: values of each, none below the tightest") {
  CHECK(scheduled(Schedule::quadratic, 10, 1e-8) == doctest::Approx(1e-3));
  CHECK(scheduled(Schedule::cubic, 10, 1e-8) == doctest::Approx(1e-4));
  CHECK(scheduled(Schedule::exponential, 1, 1e-8) == doctest::Approx(0.09));
  CHECK(scheduled(Schedule::exponential, 30, 1e-8) == doctest::Approx(0.1 * std::pow(0.9, 30)));
  CHECK(scheduled(Schedule::quadratic, 100000, 1e-8) == 1e-8);
  CHECK(scheduled(Schedule::fixed, 1, 1e-8) == 1e-8);
  for (const Schedule s : kFalling) {
    CHECK(scheduled(s, 1, 0) == 0);
    const Tolerance t = Tolerances(s, {1e-8, 1e-6}, 1).at(4);
    CHECK(t.inner == scheduled(s, 4, 1e-8));
    CHECK(t.adjoint == scheduled(s, 4, 1e-6));
  }
}

TEST_CASE(
    "schedules: adaptive tolerances follow the hypergradient and what they do to it, between the loosest and the tightest") {
  const Tolerance unknown{kMissing, kMissing};
  Tolerances t(Schedule::adaptive, {1e-8, 1e-6}, 3);
  CHECK(t.at(1).inner == Tolerances::kLoosest);  // nothing is known of the start
  CHECK(t.at(1).adjoint == Tolerances::kLoosest);
  t.follow(1e3, unknown);
  CHECK(t.at(2).inner == Tolerances::kLoosest);
  t.follow(1e-3, {100, 0.01});
  CHECK(t.at(7).inner == doctest::Approx(Tolerances::kError * 1e-3 / 100));
  CHECK(t.at(7).adjoint == doctest::Approx(1e-3));  // never looser than the relative hypergradient
  t.follow(1, {100, 0.01});
  CHECK(t.at(8).inner == doctest::Approx(Tolerances::kError * 1e-3 / 100));  // and never again looser than before
  t.tighten();
  CHECK(t.at(8).inner == doctest::Approx(Tolerances::kError * 1e-4 / 100));
  t.follow(1e-7, {100, 100});
  CHECK(t.at(8).inner == 1e-8);
  CHECK(t.at(8).adjoint == 1e-6);
  Tolerances without(Schedule::adaptive, {1e-8, 1e-6}, 3);
  without.follow(1e-2, unknown);
  CHECK(without.at(1).inner == doctest::Approx(Tolerances::kShare * 1e-2));
  without.follow(kMissing, unknown);
  CHECK(without.at(10).inner == 1e-8);  // what is not known is not trusted
  const Tolerances exact(Schedule::adaptive, {0, 0}, 3);
  CHECK(exact.at(1).inner == 0);
  CHECK(exact.at(1).adjoint == 0);
}

TEST_CASE(
    "schedules: with one hyperparameter the tolerance of the next row is that of the hypergradient it is expected to have") {
  const auto after = [](Schedule schedule, Index hyperparameters, const std::vector<double>& norms) {
    Tolerances t(schedule, {1e-12, 1e-12}, hyperparameters);
    Tolerance next{};
    for (std::size_t k = 0; k < norms.size(); ++k) {
      t.follow(norms[k], {100, 0.01});
      next = t.next(static_cast<Index>(k) + 1, norms[k]);
    }
    CHECK(next.adjoint / next.inner == doctest::Approx(t.at(1).adjoint / t.at(1).inner));
    return next.inner / t.at(static_cast<Index>(norms.size())).inner;
  };
  CHECK(after(Schedule::adaptive, 1, {1e-2}) == 1);  // no fall is known yet
  CHECK(after(Schedule::adaptive, 1, {1e-2, 2e-3}) == doctest::Approx(0.2));
  CHECK(after(Schedule::adaptive, 1, {1e-2, 2e-3, 1e-3}) == doctest::Approx(0.5));  // the last fall counts
  CHECK(after(Schedule::adaptive, 1, {1e-2, 1e-5}) == doctest::Approx(Tolerances::kFurthestFall));
  CHECK(after(Schedule::adaptive, 1, {1e-3, 1e-2}) == 1);
  CHECK(after(Schedule::adaptive, 2, {1e-2, 2e-3}) == 1);
  CHECK(after(Schedule::fixed, 1, {1e-2, 2e-3}) == 1);
  CHECK(Tolerances(Schedule::adaptive, {1e-8, 1e-6}, 1).at(1).adjoint == Tolerances::kLoosestOfOne);
  Tolerances unknown(Schedule::adaptive, {1e-12, 1e-12}, 1);
  unknown.follow(1e-2, {100, 100});
  CHECK(unknown.next(1, 1e-2).inner > 1e-12);
  CHECK(unknown.next(2, kMissing).inner == 1e-12);  // what is not known is not trusted
}

TEST_CASE("schedules: names lead there and back, and no other name does") {
  for (const Schedule s : {Schedule::fixed, Schedule::quadratic, Schedule::cubic, Schedule::exponential, Schedule::adaptive})
    CHECK(schedule_named(to_string(s)) == s);
  CHECK_FALSE(schedule_named("auto").has_value());
}

TEST_CASE("schedules: every optimizer is asked for the tolerance of the step, whatever the schedule") {
  const auto registry = optimizers();
  for (const std::string& name : tacit_test::followers()) {
    for (const Schedule schedule : {Schedule::fixed, Schedule::quadratic, Schedule::cubic, Schedule::exponential}) {
      CAPTURE(name);
      CAPTURE(std::string(to_string(schedule)));
      DriverOptions options;
      options.schedule = schedule;
      options.max_steps = 6;
      options.tolerance = 0;
      const auto optimizer = registry.make(name);
      const Watch w = watch(std::make_unique<FakeOracle>([](const Vec& v, Vec& g) {
                              return hyperbolic(v, g, Vec::Constant(3, 0.4), Vec{{1.0, 0.3, 2.0}});
                            }),
                            box(3, -5, 5), *optimizer, 3, options);
      CHECK(w.summary.schedule == schedule);
      REQUIRE(w.rows.size() == 7);
      for (std::size_t k = 0; k < w.rows.size(); ++k) {
        REQUIRE(!w.asked[k].empty());
        const Index step = std::max<Index>(static_cast<Index>(k), 1);
        for (const Tolerance& t : w.asked[k]) {
          CHECK(t.inner == scheduled(schedule, step, 1e-8));
          CHECK(t.adjoint == scheduled(schedule, step, 1e-6));
        }
      }
    }
  }
}

TEST_CASE("schedules: adaptive ones are tied to the last row, and no row is looser than its own hypergradient asks") {
  const auto registry = optimizers();
  for (const auto& follower : followers_of({1, 3})) {
    const std::string& name = follower.first;
    const Index n = follower.second;
    CAPTURE(name);
    CAPTURE(n);
    DriverOptions options;
    options.schedule = Schedule::adaptive;
    options.max_steps = 2000;
    const auto optimizer = registry.make(name);
    const Watch w = watch(std::make_unique<FakeOracle>(bowl), box(n, -5, 5), *optimizer, 3, options);
    CHECK(w.summary.reason == StopReason::tolerance);
    REQUIRE(w.rows.size() > 1);
    const double loosest = n == 1 ? Tolerances::kLoosestOfOne : Tolerances::kLoosest;
    CHECK(w.asked[0].front().inner == loosest);
    double least = 1;  // relative hypergradient so far
    for (std::size_t k = 1; k < w.rows.size(); ++k) {
      CAPTURE(k);
      least = std::min(least, relative_hypergradient(w, k - 1));
      const double own = relative_hypergradient(w, k);
      double fall = 1;
      if (n == 1 && k > 1)
        fall = std::clamp(relative_hypergradient(w, k - 1) / relative_hypergradient(w, k - 2), Tolerances::kFurthestFall, 1.0);
      CHECK(w.asked[k].front().inner == doctest::Approx(std::max(1e-8, fall * std::min(Tolerances::kShare * least, loosest))));
      CHECK(w.asked[k].front().adjoint <= std::max(least, 1e-6));
      CHECK(w.rows[k].solved.inner <= std::max(30.1 * Tolerances::kShare * own, 1e-8));
      CHECK(w.rows[k].solved.inner >= 1e-8);
    }
    CHECK(w.rows.back().solved.inner == 1e-8);
    CHECK(w.rows.back().solved.adjoint == 1e-6);
  }
}

TEST_CASE("schedules: what suits the optimizer is the default, and a run without steps is solved tightly") {
  const auto followed = [](OuterOptimizer& optimizer, Index steps, std::unique_ptr<Oracle> oracle) {
    DriverOptions options;
    options.max_steps = steps;
    return watch(std::move(oracle), box(2, -5, 5), optimizer, 3, options).summary.schedule;
  };
  const auto fake = [] { return std::make_unique<FakeOracle>(bowl); };
  LbfgsOuter lbfgs;
  HoagOuter hoag;
  AdamOuter adam;
  GradientDescentOuter descent;
  CHECK(followed(lbfgs, 3, fake()) == Schedule::adaptive);
  CHECK(followed(hoag, 3, fake()) == Schedule::adaptive);
  CHECK(followed(descent, 3, fake()) == Schedule::adaptive);
  CHECK(followed(adam, 3, fake()) == Schedule::fixed);
  CHECK(followed(lbfgs, 0, fake()) == Schedule::fixed);
}

TEST_CASE("schedules: a hypergradient that vanishes at a loose tolerance alone ends no run") {
  /// Its gradient is 0 at any tolerance looser than 1e-6: a warm start that passes unmoved looks like this.
  class Numb final : public ForwardingOracle {
  public:
    Numb() : ForwardingOracle(std::make_shared<FakeOracle>(bowl)) {}
    Evaluation differentiate(Evaluation e, const Tolerance& t) const override {
      e = behind().differentiate(std::move(e), t);
      if (e.solved.inner > 1e-6) e.gradient.setZero();
      return e;
    }
  };
  const auto registry = optimizers();
  for (const std::string& name : tacit_test::followers()) {
    for (const Schedule schedule : {Schedule::cubic, Schedule::adaptive}) {
      CAPTURE(name);
      CAPTURE(std::string(to_string(schedule)));
      DriverOptions options;
      options.schedule = schedule;
      options.max_steps = 2000;
      options.tolerance = 1e-6;  // of a loss of 19 at the start
      const auto optimizer = registry.make(name);
      const Watch w = watch(std::make_unique<Numb>(), box(2, -5, 5), *optimizer, 3, options);
      CHECK(w.summary.reason == StopReason::tolerance);
      CHECK(w.summary.best.outer_loss < 1 + 1e-6);
    }
  }
}

TEST_CASE("schedules: values that are off by their tolerance stop no line search short of the minimum") {
  const auto registry = optimizers();
  for (const std::string& name : tacit_test::followers()) {
    if (name == "adam") continue;  // it searches no line
    for (const double noise : {1.0, 100.0}) {
      CAPTURE(name);
      CAPTURE(noise);
      DriverOptions options;
      options.schedule = Schedule::adaptive;
      options.max_steps = 500;
      const auto optimizer = registry.make(name);
      const Watch w = watch(std::make_unique<FakeOracle>(bowl, noise), box(3, -5, 5), *optimizer, 3, options);
      CAPTURE(w.summary.message);
      // |v|^2 = |g|^2 / 4, and the noise that is left at the tightest
      CHECK(w.summary.best.outer_loss <= 1 + w.summary.target * w.summary.target / 4 + noise * 1e-8);
      CHECK(w.summary.best_evaluation.solved.inner <= 1e-8);
    }
  }
}

TEST_CASE("schedules: a run with an exact number of inner steps stays one") {
  DriverOptions options;
  options.max_steps = 20;
  auto fake = std::make_unique<FakeOracle>(bowl);
  fake->tightest_asked = {0, 0};
  LbfgsOuter optimizer;
  const Watch w = watch(std::move(fake), box(2, -5, 5), optimizer, 3, options);
  CHECK(w.summary.schedule == Schedule::adaptive);
  CHECK(w.summary.reason == StopReason::tolerance);
  for (const auto& row : w.asked) {
    for (const Tolerance& t : row) {
      CHECK(t.inner == 0);
      CHECK(t.adjoint == 0);
    }
  }
}

namespace {

const std::string kReference = tacit::test::source_dir() + "/tests/reference/";

Problem reference(bool classify, bool per_feature) {
  return dense_problem(read_table(kReference + (classify ? "breast_cancer.csv" : "diabetes.csv")), classify, per_feature, -8, 4);
}

Summary tune(const Problem& p, const std::string& name, Schedule schedule, Index steps, double tolerance = 1e-6) {
  OracleOptions options;
  options.error_estimate = false;
  options.reference_every = 0;
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>(), options);
  DriverOptions d;
  d.max_steps = steps;
  d.tolerance = tolerance;
  d.schedule = schedule;
  const auto optimizer = optimizers().make(name);
  return solve(d, p.space, *oracle, *optimizer, Vec::Constant(p.space.size(), -2));
}

}  // namespace

TEST_CASE("schedules: every one ends at the loss of tight tolerances or a lower one, one penalty") {
  for (const bool classify : {false, true}) {
    const Problem p = reference(classify, false);
    for (const std::string name : {"lbfgs", "hoag", "gradient-descent"}) {
      const Summary tight = tune(p, name, Schedule::fixed, 500);
      for (const Schedule schedule : {Schedule::quadratic, Schedule::cubic, Schedule::exponential, Schedule::adaptive}) {
        CAPTURE(classify);
        CAPTURE(name);
        CAPTURE(std::string(to_string(schedule)));
        const Summary tied = tune(p, name, schedule, 500);
        CAPTURE(tied.message);
        const double off = (tied.best.outer_loss - tight.best.outer_loss) / tight.best.outer_loss;
        CHECK(off <= 1e-6);
        if (schedule == Schedule::adaptive) CHECK(off >= -1e-6);  // the others begin too loose to know which minimum is near
        CHECK(tied.best_evaluation.solved.inner <= 1e-8);
      }
    }
  }
}

TEST_CASE("schedules: adaptive tolerances end at the loss of tight ones with less work, one penalty per feature") {
  for (const bool classify : {false, true}) {
    CAPTURE(classify);
    const Problem p = reference(classify, true);
    // The valley is so flat that 1e-6 leaves losses 2e-6 apart.
    const Summary tight = tune(p, "lbfgs", Schedule::fixed, 300, 1e-7);
    const Summary tied = tune(p, "lbfgs", Schedule::adaptive, 300, 1e-7);
    CAPTURE(tight.message);
    CAPTURE(tied.message);
    CHECK(std::abs(tied.best.outer_loss - tight.best.outer_loss) <= 1e-6 * tight.best.outer_loss);
    CHECK(tied.best_evaluation.solved.inner <= 1e-8);
    CHECK(tied.work.inner_units() < tight.work.inner_units());
  }
}

TEST_CASE("schedules: estimators that differentiate the iterations keep their tolerances unless told otherwise") {
  const Problem p = reference(false, false);
  const auto followed = [&](std::shared_ptr<const HypergradientEstimator> estimator) {
    OracleOptions options;
    options.error_estimate = false;
    const auto solver = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
    const auto oracle = make_oracle(p, solver, std::move(estimator), options);
    DriverOptions d;
    d.max_steps = 1;
    LbfgsOuter optimizer;
    return solve(d, p.space, *oracle, optimizer, Vec::Zero(1)).schedule;
  };
  CHECK(followed(std::make_shared<UnrollEstimator>(false)) == Schedule::fixed);
  CHECK(followed(std::make_shared<ForwardEstimator>()) == Schedule::fixed);
  CHECK(followed(std::make_shared<ImplicitCgEstimator>()) == Schedule::adaptive);
  CHECK(followed(std::make_shared<FixedPointEstimator>()) == Schedule::adaptive);
}

namespace {

SpyOracle logistic_oracle(std::shared_ptr<const InnerSolver> solver) {
  return SpyOracle(make_oracle(reference(true, true), std::move(solver), std::make_shared<ImplicitCgEstimator>()),
                   [](const Evaluation&) {});
}

}  // namespace

TEST_CASE("schedules: the value at a loosened tolerance is right to second order, and says nothing where a step limit stopped") {
  SpyOracle oracle = logistic_oracle(std::make_shared<NewtonCgSolver>());
  const Vec theta = Vec::Constant(30, -3);
  const double exact = oracle.evaluate(theta, {1e-12, 1e-10}).value;
  double last = 0;
  for (const double tolerance : {1e-2, 1e-3, 1e-4}) {
    Evaluation e = oracle.evaluate(theta, {tolerance, 1e-6});
    e = oracle.differentiate(std::move(e), {tolerance, 1e-6});
    const double plain = reference(true, true).l->value(e.state->inner.x(), e.u);
    CAPTURE(tolerance);
    CHECK(std::abs(e.value - exact) < 0.2 * std::abs(plain - exact));
    last = std::abs(e.value - exact);
  }
  CHECK(last < 1e-6 * exact);
  auto stopped = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  stopped->options.max_steps = 3;
  SpyOracle early = logistic_oracle(stopped);
  Evaluation e = early.evaluate(theta, {1e-3, 1e-3});
  e = early.differentiate(std::move(e), {1e-3, 1e-3});
  CHECK(e.value == reference(true, true).l->value(e.state->inner.x(), e.u));
}

TEST_CASE("schedules: an adjoint that does not solve its equation corrects no value") {
  const Problem p = reference(true, false);
  auto short_of_it = std::make_shared<ImplicitCgEstimator>();
  short_of_it->max_steps = 1;
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), short_of_it);
  Evaluation e = oracle->evaluate(Vec::Constant(1, -3), {1e-3, 1e-3});
  e = oracle->differentiate(std::move(e), {1e-3, 1e-3});
  REQUIRE_FALSE(usable(e.diagnostics.hypergradient_status));
  CHECK(e.value == p.l->value(e.state->inner.x(), e.u));
}

TEST_CASE("values at the tightest tolerance are without their first-order error too, and plain where nothing can take it out") {
  const Problem p = reference(true, false);
  auto solver = std::make_shared<NewtonCgSolver>();
  solver->options.tolerance = 1e-4;
  const auto values = [&](std::shared_ptr<const HypergradientEstimator> estimator) {
    const auto oracle = make_oracle(p, solver, std::move(estimator));
    Evaluation e = oracle->evaluate(Vec::Constant(1, -6), oracle->tightest());
    e = oracle->differentiate(std::move(e), oracle->tightest());
    const double exact = p.l->value(polish(p, e.u, e.state->inner.x()).x, e.u);
    return std::pair(std::abs(e.value - exact), std::abs(p.l->value(e.state->inner.x(), e.u) - exact));
  };
  const auto [corrected, plain] = values(std::make_shared<ImplicitCgEstimator>());
  CHECK(plain > 1e-9);
  CHECK(corrected < 0.02 * plain);
  const auto [same, left] = values(std::make_shared<FiniteDifferenceEstimator>());
  CHECK(same == left);
}

TEST_CASE("schedules: trial points get an adjoint where it corrects their value, and no finite differences") {
  const auto products = [](std::shared_ptr<const HypergradientEstimator> estimator) {
    OracleOptions options;
    options.error_estimate = false;
    const auto oracle = make_oracle(reference(true, false), std::make_shared<NewtonCgSolver>(), std::move(estimator), options);
    const Tolerance loose{1e-3, 1e-3};
    Evaluation start = oracle->evaluate(Vec::Constant(1, -3), loose);
    start = oracle->differentiate(std::move(start), loose);
    const Evaluation trial = oracle->evaluate(Vec::Constant(1, -2), loose, &start);
    return std::pair(trial.solved.adjoint, trial.diagnostics.linear_steps);
  };
  CHECK(products(std::make_shared<ImplicitCgEstimator>()).first == 1e-3);
  CHECK(products(std::make_shared<ImplicitCgEstimator>()).second > 0);
  CHECK(std::isnan(products(std::make_shared<FiniteDifferenceEstimator>()).first));
}

TEST_CASE("schedules: more accuracy at the same point goes on with the same inner run") {
  for (const bool map : {false, true}) {
    CAPTURE(map);
    std::shared_ptr<const InnerSolver> solver = std::make_shared<NewtonCgSolver>();
    if (map) {
      auto descent = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
      descent->options.max_steps = 100000;
      solver = descent;
    }
    SpyOracle oracle = logistic_oracle(solver);
    const Vec theta = Vec::Constant(30, -3);
    Evaluation e = oracle.evaluate(theta, {1e-2, 1e-2});
    const Index before = e.state->inner.steps;
    e = oracle.differentiate(std::move(e), {1e-10, 1e-6});
    const InnerSolution& inner = e.state->inner;
    CHECK(inner.cold);
    CHECK(inner.x0 == inner.x_cold);
    CHECK(inner.steps > before);
    CHECK(e.diagnostics.inner_steps == inner.steps);
    CHECK(inner.residual <= 1e-10);
    SpyOracle once = logistic_oracle(solver);
    const Evaluation whole = once.evaluate(theta, {1e-10, 1e-6});
    if (map) CHECK(inner.z == whole.state->inner.z);
    if (map) CHECK(inner.step_norms == whole.state->inner.step_norms);
  }
}

TEST_CASE("schedules: lbfgs as inner solver goes on with its pairs at the same point, and starts anew at another") {
  const Problem p = reference(true, false);
  const LbfgsSolver solver;
  const Vec u = Vec::Constant(1, 1e-3), other = Vec::Constant(1, 2e-3);
  const InnerSolution whole = solver.solve(p, u, nullptr, {1e-6}, {});
  const InnerSolution half = solver.solve(p, u, nullptr, {1e-3}, {});
  const InnerSolution rest = solver.solve(p, u, &half, {1e-6}, {});
  CHECK(half.steps + rest.steps == whole.steps);
  CHECK((rest.x() - whole.x()).norm() <= 1e-12 * whole.x().norm());
  InnerSolution bare = whole;
  bare.pairs.reset();
  CHECK(solver.solve(p, other, &whole, {1e-6}, {}).x() == solver.solve(p, other, &bare, {1e-6}, {}).x());
}
