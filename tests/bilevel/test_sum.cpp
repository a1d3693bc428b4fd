// A sum of oracles: the sum of its parts to the bit, whatever thread was first.
#include <doctest/doctest.h>

#include <cmath>
#include <stdexcept>
#include <tuple>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "bilevel/fixtures.hpp"
#include "core/plain_problems.hpp"
#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

constexpr std::size_t kTasks = 10;

/// Ridge regression on rows of its own; the penalties of the features are shared by all tasks.
Problem task(unsigned seed) {
  test::Numbers draw(seed);
  const Index n = 20, d = 6;
  const Mat a = draw.mat(n, d);
  Problem p;
  p.name = "task";
  p.f = adapt(test::PlainRidge{a, a * draw.vec(d) + 0.2 * draw.vec(n), d});
  p.l = adapt_criterion(test::PlainDistance{draw.vec(d)});
  p.space = HyperSpace({HyperBlock{"l2", d, Scale::log, 1e-4, 1e2}});
  return p;
}

std::shared_ptr<const Oracle> single(unsigned seed) {
  return make_oracle(task(seed), std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
}

double weight(std::size_t i) { return 0.3 + 0.1 * static_cast<double>(i); }

std::unique_ptr<Oracle> ten(Index threads) {
  std::vector<Summand> parts;
  for (std::size_t i = 0; i < kTasks; ++i) parts.push_back({single(static_cast<unsigned>(i + 1)), weight(i)});
  return sum_of(std::move(parts), {threads});
}

struct Trace {
  std::vector<Vec> theta, gradient;
  std::vector<double> loss, error;
  Work work;
};

Trace trace(const Oracle& oracle) {
  Registry<OuterOptimizer> optimizers("optimizer", "outer.optimizer");
  register_optimizers(optimizers);
  DriverOptions options;
  options.max_steps = 15;
  options.tolerance = 1e-8;
  Trace t;
  const Summary s =
      solve(options, task(1).space, oracle, *optimizers.make("lbfgs"), Vec::Constant(6, -1.0), {[&](const StepRecord& r) {
              t.theta.push_back(r.theta);
              t.gradient.push_back(r.hypergradient);
              t.loss.push_back(r.outer_loss);
              t.error.push_back(r.diagnostics.hypergradient_error);
            }});
  t.work = s.work;
  CHECK(s.reason != StopReason::failed);
  return t;
}

/// A function of theta whose value or gradient is lost to the right of 0.
std::shared_ptr<const Oracle> cliff(bool value) {
  return std::make_shared<tacit_test::FakeOracle>([value](const Vec& v, Vec& g) {
    g = 2 * v;
    if (v[0] > 0 && !value) g[0] = std::nan("");
    return v[0] > 0 && value ? std::nan("") : v.squaredNorm();
  });
}

std::shared_ptr<const Oracle> bowl(double centre) {
  return std::make_shared<tacit_test::FakeOracle>([centre](const Vec& v, Vec& g) {
    g = 2 * (v - Vec::Constant(v.size(), centre));
    return (v - Vec::Constant(v.size(), centre)).squaredNorm();
  });
}

Evaluation at(const Oracle& o, double theta) {
  Evaluation e = o.evaluate(Vec::Constant(1, theta), o.tightest());
  return std::isfinite(e.value) ? o.differentiate(std::move(e), o.tightest()) : e;
}

}  // namespace

TEST_CASE("sum: ten ridge tasks are the weighted sum of ten oracles, in their order, to the bit, also warm") {
  const auto sum = ten(1);
  std::vector<std::shared_ptr<const Oracle>> alone;
  for (std::size_t i = 0; i < kTasks; ++i) alone.push_back(single(static_cast<unsigned>(i + 1)));
  Evaluation together;
  std::vector<Evaluation> last(kTasks);
  for (int k = 0; k < 3; ++k) {
    const Vec theta = Vec::LinSpaced(6, -2, 0.3 * k);
    const Tolerance t{1e-6, 1e-5};
    together = sum->differentiate(sum->evaluate(theta, t, k > 0 ? &together : nullptr), t);
    double value = 0;
    Vec gradient = Vec::Zero(6);
    for (std::size_t i = 0; i < kTasks; ++i) {
      last[i] = alone[i]->differentiate(alone[i]->evaluate(theta, t, k > 0 ? &last[i] : nullptr), t);
      value += weight(i) * last[i].value;
      gradient += weight(i) * last[i].gradient;
    }
    CHECK(together.value == value);
    CHECK(together.gradient == gradient);
  }
  Work work;
  for (const auto& o : alone) work += o->work();
  CHECK(sum->work() == work);
}

TEST_CASE("sum: one, two and three threads give the same run, to the bit") {
  const Trace one = trace(*ten(1));
  REQUIRE(one.theta.size() > 4);
  for (const double e : one.error) CHECK(std::isfinite(e));
  for (const Index threads : {2, 3}) {
    const Trace more = trace(*ten(threads));
    CHECK(more.theta == one.theta);
    CHECK(more.gradient == one.gradient);
    CHECK(more.loss == one.loss);
    CHECK(more.error == one.error);
    CHECK(more.work == one.work);
  }
}

TEST_CASE("sum: parts that share one problem, and what it makes once and keeps, give the same bits from any number of threads") {
  for (const char* name : {"ridge_diabetes", "logistic_breast_cancer"}) {
    CAPTURE(std::string(name));
    const auto value = [&](Index threads) {
      const Problem p = test::reference_problem(name, true);  // made anew: nothing is kept yet
      std::vector<Summand> parts;
      for (int i = 0; i < 4; ++i)
        parts.push_back({make_oracle(p, std::make_shared<NewtonSolver>(), std::make_shared<ImplicitCgEstimator>()), 0.25});
      const auto sum = sum_of(std::move(parts), {threads});
      const Vec theta = Vec::Constant(p.space.size(), -3.0);
      Evaluation e = sum->differentiate(sum->evaluate(theta, sum->tightest()), sum->tightest());
      e = sum->diagnose(std::move(e), 0, 1e-9);
      return std::tuple(e.value, e.gradient, e.diagnostics.hypergradient_error);
    };
    const auto one = value(1);
    CHECK(std::isfinite(std::get<0>(one)));
    for (const Index threads : {2, 3}) CHECK(value(threads) == one);
  }
}

TEST_CASE("sum: of one part is that part, and a part asked for less is solved to its own tolerance") {
  const auto alone = single(3);
  const auto sum = sum_of({{single(3)}});
  const Vec theta = Vec::Constant(6, -1.0);
  const Tolerance t{1e-3, 1e-3};
  const auto full = [&](const Oracle& o) { return o.diagnose(o.differentiate(o.evaluate(theta, t), t), 0, 1e-9); };
  const Evaluation a = full(*alone), b = full(*sum);
  CHECK(a.value == b.value);
  CHECK(a.gradient == b.gradient);
  CHECK(a.solved.inner == b.solved.inner);
  CHECK(a.solved.adjoint == b.solved.adjoint);
  CHECK(a.effect.inner == b.effect.inner);
  CHECK(a.diagnostics.inner_steps == b.diagnostics.inner_steps);
  CHECK(a.diagnostics.inner_loss == b.diagnostics.inner_loss);
  CHECK(a.diagnostics.head_start_nats == b.diagnostics.head_start_nats);
  CHECK(b.diagnostics.hypergradient_error == doctest::Approx(a.diagnostics.hypergradient_error).epsilon(0.1));
  auto rough = std::make_shared<NewtonCgSolver>();
  rough->options.tolerance = 1e-4;
  const auto mixed = sum_of({{single(1)}, {make_oracle(task(2), rough, std::make_shared<ImplicitCgEstimator>())}});
  CHECK(mixed->tightest().inner == 1e-8);
  const Evaluation e = mixed->evaluate(theta, mixed->tightest());
  CHECK(e.parts[0].solved.inner == 1e-8);
  CHECK(e.parts[1].solved.inner == doctest::Approx(1e-4));
  CHECK(e.solved.inner == doctest::Approx(1e-8));
}

TEST_CASE("sum: the errors of parts whose hypergradients cancel are not hidden") {
  const auto sum = sum_of({{bowl(1)}, {bowl(-1)}});
  Evaluation e = at(*sum, 1e-3);            // 2 (theta - 1) + 2 (theta + 1)
  e = sum->diagnose(std::move(e), 0, 0.1);  // the fake oracles say that their relative error is the floor, 0.05
  CHECK(e.gradient[0] == doctest::Approx(4e-3));
  CHECK(e.diagnostics.hypergradient_error == doctest::Approx(0.05 * 4 / 0.1).epsilon(1e-3));
}

TEST_CASE("sum: a part that fails is a wall and is named, or is left out and counted") {
  for (const bool value : {true, false}) {
    CAPTURE(value);
    const auto wall = sum_of({{bowl(1), 1}, {cliff(value), 2, "fold 7"}});
    const Evaluation lost = at(*wall, 0.5);
    CHECK_FALSE(lost.finite());
    CHECK(lost.diagnostics.left_out == 0);
    SumOptions options;
    options.missing = SumOptions::Missing::leave_out;
    const auto rest = sum_of({{bowl(1), 1}, {cliff(value), 2, "fold 7"}, {bowl(2), 3}}, options);
    const Evaluation e = at(*rest, 0.5);
    CHECK(e.finite());
    CHECK(e.diagnostics.left_out == 1);
    CHECK(e.value == doctest::Approx((1 * 0.25 + 3 * 2.25) * 6 / 4));
    CHECK(e.gradient[0] == doctest::Approx((1 * -1.0 + 3 * -3.0) * 6 / 4));
    const Evaluation all = at(*rest, -0.5);
    CHECK(all.diagnostics.left_out == 0);
    CHECK(all.value == doctest::Approx(2.25 + 2 * 0.25 + 3 * 6.25));
  }
  Problem broken = task(4);
  broken.f = adapt(test::PlainRidge{Mat::Constant(20, 6, std::nan("")), Vec::Ones(20), 6});
  const auto sum =
      sum_of({{single(1)},
              {make_oracle(broken, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>()), 1, "Oslo"}});
  const Evaluation e = sum->evaluate(Vec::Constant(6, -1.0), sum->tightest());
  CHECK(std::isnan(e.value));
  CHECK(e.diagnostics.inner_status == Status::failed);
  CHECK(e.diagnostics.inner_message.find("Oslo: ") == 0);
}

TEST_CASE("sum: what a part throws arrives, of several the first part's, and wrong use is refused") {
  for (const Index threads : {1, 3}) {
    try {
      run_parallel(5, threads, [](std::size_t i) {
        if (i >= 2) throw std::runtime_error(std::to_string(i));
      });
      CHECK(false);
    } catch (const std::runtime_error& e) {
      CHECK(std::string(e.what()) == "2");
    }
  }
  CHECK_THROWS_AS(sum_of({}), UsageError);
  CHECK_THROWS_AS(sum_of({{nullptr}}), UsageError);
  CHECK_THROWS_AS(sum_of({{bowl(0), std::nan("")}}), UsageError);
  const auto sum = sum_of({{bowl(0)}, {bowl(1)}});
  CHECK_THROWS_AS(sum->differentiate(Evaluation{}, {}), UsageError);
  CHECK_THROWS_AS(sum->diagnose(Evaluation{}, 0, 1), UsageError);
}
