#include <doctest/doctest.h>

#include <limits>
#include <tuple>

#include <tacit/bilevel/truncation.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/models.hpp>

#include "dense_problem.hpp"
#include "paths.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

tacit_test::Table diabetes() { return read_table(tacit::test::source_dir() + "/tests/reference/diabetes.csv"); }
tacit_test::Table breast_cancer() { return read_table(tacit::test::source_dir() + "/tests/reference/breast_cancer.csv"); }

Vec newton(const Problem& p, In u) {
  const Index n = p.f->inner_dim();
  Vec x = Vec::Zero(n);
  for (int i = 0; i < 60; ++i) {
    FirstOrder at;
    const auto c = p.f->linearize(x, u, &at);
    Mat h(n, n);
    c->dense(h);
    x -= h.ldlt().solve(at.gradient);
  }
  return x;
}

// Spectral radius of the whole state Jacobian at x.
double true_rate(const FixedPointMap& map, In u, In x) {
  const Index s = map.state_dim();
  Vec z(s), column(s);
  map.lift(x, z);
  const auto jacobian = map.linearize(0, z, u);
  Eigen::MatrixXd a(s, s);
  for (Index i = 0; i < s; ++i) {
    jacobian->jvp(Vec::Unit(s, i), Vec::Zero(u.size()), column);
    a.col(i) = column;
  }
  return a.eigenvalues().cwiseAbs().maxCoeff();
}

std::unique_ptr<IterateSolver> iterate(std::unique_ptr<Algorithm> algorithm, Index steps) {
  auto s = std::make_unique<IterateSolver>(std::move(algorithm));
  s->options.max_steps = steps;
  s->options.tolerance = 0;
  return s;
}

}  // namespace

TEST_CASE("the rate seen in residuals: exact for a geometric run, corrected for a slowing one, no rate without contraction") {
  std::vector<double> r;
  for (int k = 0; k < 60; ++k) r.push_back(3 * std::pow(0.8, k));
  RateEstimate e = residual_rate(r);
  CHECK(e.rate == doctest::Approx(0.8).epsilon(1e-12));
  CHECK(e.reliable);
  CHECK(residual_rate({1, 0.5}).rate != residual_rate({1, 0.5}).rate);
  CHECK(residual_rate({1, 0.5, 0.25}).rate == doctest::Approx(0.5));
  CHECK(std::isnan(residual_rate({1, 1, 1, 1, 2, 3, 4}).rate));
  CHECK(std::isnan(residual_rate({1, 0.1, 0.0, 0.0, 0.0}).rate));
  r.clear();
  for (int k = 0; k < 40; ++k) r.push_back(std::pow(0.6, k) + 1e-5 * std::pow(0.98, k));
  e = residual_rate(r);
  const double plain = std::pow(r[39] / r[26], 1.0 / 13);
  CHECK(e.rate > plain);  // the correction looks ahead
  CHECK(!e.reliable);
  std::vector<double> wave;  // momentum: r oscillates under an envelope of 0.9^k
  for (int k = 0; k < 200; ++k) wave.push_back(std::pow(0.9, k) * (1.01 + std::cos(0.9 * k)));
  CHECK(residual_rate(wave, true).rate == doctest::Approx(0.9).epsilon(0.01));
  std::vector<double> floored = {1, 0.1, 0.01, 1e-3, 1e-4, 1e-17, 1e-17, 1e-17, 1e-17, 1e-17, 1e-17, 1e-17, 1e-17};
  CHECK(residual_rate(floored, false, 1e-15).rate == doctest::Approx(0.1));
  CHECK(largest_recent({0.99, 0.1, 0.2, std::numeric_limits<double>::quiet_NaN(), 0.3, 0.25}) == 0.3);
  CHECK(std::isnan(largest_recent({})));
}

TEST_CASE("extreme eigenvalues by Lanczos, also where the start misses the soft mode or spans an invariant subspace") {
  const Index n = 30;
  Vec lambda(n);
  for (Index i = 0; i < n; ++i) lambda[i] = std::pow(10.0, -3.0 + 4.0 * static_cast<double>(i) / static_cast<double>(n - 1));
  const auto product = [&](In p, Out out) { out = lambda.cwiseProduct(p); };
  for (const Vec& start : {Vec(Vec::Ones(n)), Vec(Vec::Unit(n, n - 1)), Vec(Vec::Zero(n))}) {
    const Spectrum s = extreme_eigenvalues(product, start);
    CHECK(s.smallest == doctest::Approx(1e-3).epsilon(1e-3));
    CHECK(s.largest == doctest::Approx(10).epsilon(1e-10));
    CHECK(std::abs(s.smallest_vector[0]) == doctest::Approx(1).epsilon(1e-2));
    CHECK(s.products <= n);
  }
  const Spectrum one = extreme_eigenvalues([](In p, Out out) { out = 2 * p; }, Vec(Vec::Ones(5)));
  CHECK(one.smallest == doctest::Approx(2));
  CHECK(one.largest == doctest::Approx(2));
}

TEST_CASE("extreme eigenvalues of many variables: a basis that is made orthogonal only when it has to be is as good") {
  // An end that stands alone converges at once, and from then on rounding brings it back into every new vector.
  const Index n = 2500;
  Vec lambda(n);
  for (Index i = 0; i < n; ++i) lambda[i] = 1e-2 + static_cast<double>(i) / static_cast<double>(n - 1);
  lambda[n - 1] = 100;
  const auto product = [&](In p, Out out) { out = lambda.cwiseProduct(p); };
  LanczosOptions options;
  options.max_steps = 150;
  options.tolerance = 1e-9;
  const Spectrum s = extreme_eigenvalues(product, Vec::Ones(n), options);
  CHECK(s.products > 60);
  CHECK(s.largest == doctest::Approx(100).epsilon(1e-13));
  CHECK(std::abs(s.largest_vector[n - 1]) == doctest::Approx(1).epsilon(1e-7));
  for (const auto& [value, vector, residual] : {std::tie(s.smallest, s.smallest_vector, s.smallest_residual),
                                                std::tie(s.largest, s.largest_vector, s.largest_residual)}) {
    CHECK(vector.norm() == doctest::Approx(1).epsilon(1e-7));
    CHECK((lambda.cwiseProduct(vector) - value * vector).norm() <= residual + 1e-10);
  }
  CHECK(s.smallest >= lambda[0] - 1e-12);
  CHECK(s.smallest - s.smallest_residual <= lambda[0]);
}

TEST_CASE("the head start in nats and its interval") {
  const HeadStart h = head_start(std::exp(2.0), 1, 0.1);
  CHECK(h.nats == doctest::Approx(2));
  CHECK(h.lo == doctest::Approx(std::log((std::exp(2.0) - 0.1) / 1.1)));
  CHECK(h.hi == doctest::Approx(std::log((std::exp(2.0) + 0.1) / 0.9)));
  CHECK(std::isinf(head_start(1, 0.05, 0.1).hi));
  CHECK(head_start(1, 2, 0).nats < 0);  // a warm start worse than the cold one
}

TEST_CASE("the rate of a map at its fixed point is the spectral radius of its whole state Jacobian") {
  const Problem p = dense_problem(diabetes(), false, true, -8, 4);
  Vec u(10);
  for (Index i = 0; i < 10; ++i) u[i] = std::exp(-4.0 + 0.5 * static_cast<double>(i));
  const Vec x = newton(p, u);
  std::vector<std::unique_ptr<Algorithm>> algorithms;
  algorithms.push_back(std::make_unique<GradientDescent>());
  auto fast = std::make_unique<GradientDescent>();
  fast->step = 1.98 / p.f->smoothness(u);
  algorithms.push_back(std::move(fast));
  algorithms.push_back(std::make_unique<HeavyBall>());
  algorithms.push_back(std::make_unique<Nesterov>());
  for (auto& algorithm : algorithms) {
    const auto solver = iterate(std::move(algorithm), 30);
    const InnerSolution inner = solver->solve(p, u, nullptr, {0}, {});
    const Truncation t = measure_truncation(p, u, inner, {}, Vec(), Vec());
    CHECK(std::log(t.rate) == doctest::Approx(std::log(true_rate(*inner.map, u, x))).epsilon(1e-2));
    CHECK((t.solution - x).norm() <= t.stand_in_error);
    CHECK(t.stand_in_error <= 1e-2 * (inner.x() - x).norm());
    CHECK(t.iterate_error == doctest::Approx((inner.x() - x).norm()).epsilon(1e-2));
  }
}

TEST_CASE("k_eff is exactly 0 without a head start, positive with one, and grows as the outer step shrinks") {
  const Problem p = dense_problem(breast_cancer(), true, false, -12, 6);
  const auto solver = iterate(std::make_unique<GradientDescent>(), 200);
  const Vec u0 = Vec::Constant(1, std::exp(-3.0));
  const InnerSolution first = solver->solve(p, u0, nullptr, {0}, {});
  for (const bool corrected : {true, false}) {
    TruncationOptions options;
    options.correct = corrected;
    options.audit = true;
    const Truncation cold = measure_truncation(p, u0, first, {}, Vec(), Vec(), options);
    CHECK(cold.k_eff == 0);
    CHECK(cold.nats == 0);
    CHECK(cold.k_eff_lo == 0);
    CHECK(cold.k_eff_hi == 0);
    CHECK(cold.k_match == 0);
    CHECK(cold.warm_residual == doctest::Approx(cold.cold_residual));
    double last = 0;
    for (const double step : {0.5, 0.1, 0.02}) {
      const Vec u = Vec::Constant(1, std::exp(-3.0 + step));
      const InnerSolution warm = solver->solve(p, u, &first, {0}, {});
      const Truncation t = measure_truncation(p, u, warm, {cold.rate_seen}, Vec(), Vec(), options);
      CHECK(t.k_eff > last);
      CHECK(t.k_eff_lo <= t.k_eff);
      CHECK(t.k_eff_hi >= t.k_eff);
      CHECK(t.k_match > 0);
      CHECK(t.own_map);
      last = t.k_eff;
    }
  }
}

TEST_CASE("a solver without a map is measured in steps of gradient descent at 1/L") {
  const Problem p = dense_problem(breast_cancer(), true, true, -12, 6);
  NewtonCgSolver solver;
  const Vec u0 = Vec::Constant(30, 0.01), u = Vec::Constant(30, 0.011);
  const InnerSolution first = solver.solve(p, u0, nullptr, {1e-8}, {});
  const InnerSolution warm = solver.solve(p, u, &first, {1e-8}, {});
  const Truncation t = measure_truncation(p, u, warm, {}, Vec(), Vec());
  CHECK(!t.own_map);
  const Vec x = newton(p, u);
  const auto reference = GradientDescent().bind(p, u);
  CHECK(std::log(t.rate) == doctest::Approx(std::log(true_rate(*reference, u, x))).epsilon(1e-2));
  const double truth = std::log((warm.x_cold - x).norm() / (warm.x0 - x).norm());
  CHECK(t.nats_lo <= truth);
  CHECK(t.nats_hi >= truth);
  CHECK(t.k_eff == doctest::Approx(truth / -std::log(true_rate(*reference, u, x))).epsilon(1e-2));
  TruncationOptions free;
  free.correct = false;
  const Truncation bound = measure_truncation(p, u, warm, {}, Vec(), Vec(), free);
  CHECK(bound.rate == doctest::Approx(1 - p.f->convexity(u) / p.f->smoothness(u)));
  CHECK(bound.nats == doctest::Approx(t.nats).epsilon(1e-3));
}

TEST_CASE("with fewer rows than columns and one penalty the softest mode is the penalty, which takes no product") {
  const tacit_test::Table all = breast_cancer();
  ModelParts parts;
  parts.train = Design(std::make_shared<const Mat>(all.x.topRows(20)));
  parts.y = all.y.head(20);
  parts.validation = parts.train.row_range(0, 5);
  parts.validation_y = parts.y.head(5);
  for (const bool many : {false, true}) {
    CAPTURE(many);
    ModelOptions options;
    options.per = many ? PenaltyPer::feature : PenaltyPer::all;
    options.intercept = false;
    const Problem p = linear_problem(std::make_shared<LogisticLoss>(), parts, options);
    const Vec u0 = many ? Vec(Vec::LinSpaced(30, 0.01, 0.02)) : Vec::Constant(1, 0.01), u = 1.1 * u0;
    const InnerSolution first = NewtonCgSolver().solve(p, u0, nullptr, {1e-8}, {});
    const InnerSolution warm = NewtonCgSolver().solve(p, u, &first, {1e-8}, {});
    const Truncation t = measure_truncation(p, u, warm, {}, Vec(), Vec());
    const double rate = true_rate(*GradientDescent().bind(p, u), u, newton(p, u));
    CHECK(1 - t.rate == doctest::Approx(1 - rate).epsilon(1e-9));
    CHECK((t.soft_mode.size() == 0) == !many);
  }
}

TEST_CASE("a rate that rounding made is not reliable, nor is any where the head start has no end") {
  int sound = 0;
  for (const double l2 : {1e-2, 1e-6, 1e-10, 1e-13, 1e-15, 1e-17, 1e-300}) {
    CAPTURE(l2);
    const Problem wide = tacit_test::dense_problem(
        [] {
          tacit_test::Table t = diabetes();  // fewer rows than columns: nothing but the penalty bends the softest modes
          return tacit_test::Table{Mat(t.x.topRows(12)), Vec(t.y.head(12))};
        }(),
        false, false, -700, 10);
    const Vec u = Vec::Constant(1, l2);
    const InnerSolution cold = NewtonSolver().solve(wide, 1.5 * u, nullptr, {1e-8}, {});
    const InnerSolution warm = NewtonSolver().solve(wide, u, &cold, {1e-8}, {});
    for (const bool correct : {true, false}) {
      CAPTURE(correct);
      TruncationOptions options;
      options.correct = correct;
      const Truncation t = measure_truncation(wide, u, warm, {}, Vec(), Vec(), options);
      REQUIRE(t.reliable.has_value());
      if (!*t.reliable) continue;
      ++sound;
      CHECK(std::isfinite(t.k_eff));
      CHECK(std::isfinite(t.k_eff_hi));
      CHECK(std::isfinite(t.k_eff_lo));
      CHECK(1 - t.rate >= 1e-13);  // of which a share of the machine's precision is little
      CHECK(std::abs(t.k_eff) < 1e14);
    }
    // With momentum the rate is 1 less a root of the condition, which hides that the softest curvature is none but rounding.
    const auto nesterov = iterate(std::make_unique<Nesterov>(), 30);
    const InnerSolution run = nesterov->solve(wide, u, &cold, {0}, {});
    const Truncation t = measure_truncation(wide, u, run, {}, Vec(), Vec());
    if (t.reliable.value_or(false)) CHECK(l2 >= 1e-13 * wide.f->smoothness(u));
  }
  CHECK(sound >= 1);
}
