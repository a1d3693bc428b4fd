// Penalties pulled towards their median: value, gradient, and a run in which the outer loss stays what it is.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/pull.hpp>
#include <tacit/core/support/errors.hpp>

#include "bilevel/fixtures.hpp"

using namespace tacit;
using tacit_test::box;
using tacit_test::FakeOracle;

namespace {

std::shared_ptr<const Oracle> valley(const Vec& bottom) {
  return std::make_shared<FakeOracle>(
      [bottom](const Vec& v, Vec& g) { return tacit_test::hyperbolic(v, g, bottom, Vec::Ones(bottom.size())); });
}

double value(const HyperSpace& space, const Pull& pull, const Vec& theta) {
  Vec g = Vec::Zero(theta.size());
  return pull_value(pull, space, theta, g);
}

double spread(const Vec& v) { return v.maxCoeff() - v.minCoeff(); }

}  // namespace

TEST_CASE("pull: half the strength times the scale, Huber's function around the median") {
  const Pull pull{0.5, 8};
  // median 1, distances -0.5, 0, 3: 0.25 + 0 + (2 * 3 - 1)
  CHECK(value(box(3, -9, 9), pull, (Vec(3) << 0.5, 4, 1).finished()) == doctest::Approx(2 * 5.25).epsilon(1e-15));
  // median 1.5 of four, distances -1.5, -0.5, 0.5, 2.5: 2 + 0.25 + 0.25 + 4
  CHECK(value(box(4, -9, 9), pull, (Vec(4) << 2, 0, 4, 1).finished()) == doctest::Approx(2 * 6.5).epsilon(1e-15));
  CHECK(value(box(5, -9, 9), pull, Vec::Constant(5, 3)) == 0);
  CHECK(value(box(1, -9, 9), pull, Vec::Constant(1, 3)) == 0);
}

TEST_CASE("pull: each block has its own median, and one of a single entry is left alone") {
  const HyperSpace space(
      {HyperBlock{"a", 2, Scale::linear}, HyperBlock{"b", 1, Scale::linear}, HyperBlock{"c", 3, Scale::linear}});
  const Vec theta = (Vec(6) << 0, 1, 70, 5, 5.5, 7).finished();
  const double expected = 2 * 0.25 + 0.25 + 2;  // a: 0.5 each; c: 0.5 below, 1.5 above
  CHECK(value(space, {2, 1}, theta) == doctest::Approx(expected).epsilon(1e-15));
}

TEST_CASE("pull: the gradient is that of the value, the median included") {
  for (const Index m : {2, 3, 4, 7, 8}) {
    CAPTURE(m);
    const HyperSpace space = box(m, -9, 9);
    Vec theta(m);
    for (Index j = 0; j < m; ++j) theta[j] = 2.5 * std::sin(1.7 * static_cast<double>(j + 1)) + 0.1 * static_cast<double>(j);
    const Pull pull{3, 0.7};
    Vec g = Vec::Zero(m);
    (void)pull_value(pull, space, theta, g);
    for (Index j = 0; j < m; ++j) {
      constexpr double h = 1e-6;
      Vec up = theta, down = theta;
      up[j] += h;
      down[j] -= h;
      CHECK(g[j] == doctest::Approx((value(space, pull, up) - value(space, pull, down)) / (2 * h)).epsilon(1e-7));
    }
    CHECK(std::abs(g.sum()) <= 1e-12);  // moving all of them together costs nothing
  }
}

TEST_CASE("pull: evaluations are of the sum, and what is added can be taken off to the bit") {
  const Vec bottom = (Vec(3) << -1, 0, 2).finished(), theta = (Vec(3) << 0.3, 1.7, -0.4).finished();
  const auto plain = valley(bottom);
  const auto pulled = pulled_oracle(plain, box(3, -9, 9), {2, 0.5});
  Evaluation e = pulled->differentiate(pulled->evaluate(theta, plain->tightest()), plain->tightest());
  const Evaluation p = plain->differentiate(plain->evaluate(theta, plain->tightest()), plain->tightest());
  Vec g = Vec::Zero(3);
  const double added = pull_value({2, 0.5}, box(3, -9, 9), theta, g);
  CHECK(e.loss() == p.value);
  CHECK(e.value == p.value + added);
  CHECK((e.gradient - p.gradient - g).norm() <= 1e-15);
  CHECK(e.alone->gradient == p.gradient);
  e = pulled->diagnose(pulled->differentiate(std::move(e), plain->tightest()), 1, 1e-3);  // once more adds nothing
  CHECK(e.loss() == p.value);
  CHECK(e.value == p.value + added);
  // FakeOracle says an error of `floor` over the gradient of the loss.
  CHECK(e.diagnostics.hypergradient_error == doctest::Approx(1e-3 * p.gradient.norm() / e.gradient.norm()));
  CHECK_THROWS_AS((void)pulled_oracle(plain, box(3, -9, 9), {-1, 1}), UsageError);
  CHECK_THROWS_AS((void)pulled_oracle(plain, box(3, -9, 9), {1, std::nan("")}), UsageError);
}

TEST_CASE("pull: a run ends where the sum is least, its rows tell loss and pull apart, and more pull means less spread") {
  const Vec bottom = (Vec(5) << -2, -1, 0.5, 1, 3).finished();
  const HyperSpace space = box(5, -9, 9);
  double last_spread = 1e9, last_loss = 0;
  for (const double strength : {0.0, 0.1, 1.0, 100.0}) {
    CAPTURE(strength);
    const auto plain = valley(bottom);
    const Pull pull{strength, 1};
    const auto oracle = pulled_oracle(plain, space, pull);
    LbfgsOuter optimizer;
    DriverOptions options;
    options.tolerance = 1e-7;
    options.max_steps = 200;
    const Summary s = solve(options, space, *oracle, optimizer, Vec::Zero(5), {[&](const StepRecord& r) {
                              Vec g(5);
                              const double alone = tacit_test::hyperbolic(r.theta, g, bottom, Vec::Ones(5));
                              CHECK(r.outer_loss == alone);
                              CHECK(r.outer_pull == value(space, pull, r.theta));
                            }});
    CHECK(spread(s.best.theta) < last_spread);
    CHECK(s.best.outer_loss > last_loss);
    CHECK(s.best_evaluation.value == s.best.outer_loss + s.best.outer_pull);
    last_spread = spread(s.best.theta);
    last_loss = s.best.outer_loss;
  }
  CHECK(last_spread < 0.2);
}

TEST_CASE("pull: without one the column is missing") {
  LbfgsOuter optimizer;
  const Summary s = solve({}, box(2, -9, 9), *valley(Vec::Zero(2)), optimizer, Vec::Ones(2));
  CHECK(std::isnan(s.best.outer_pull));
  CHECK(std::isnan(s.best.judged));
}
