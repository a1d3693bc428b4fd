// Convergence curves against exact values, and the theory's bounds and predictions against brute force.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/hypergrad/curve.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"
#include "paths.hpp"

using namespace tacit;
using nlohmann::json;

namespace {

json curves() {
  std::ifstream in(tacit::test::source_dir() + "/tests/reference/curves.json");
  REQUIRE(in.good());
  return json::parse(in);
}

Vec vec(const json& list) {
  Vec v(static_cast<Index>(list.size()));
  for (std::size_t i = 0; i < list.size(); ++i) v[static_cast<Index>(i)] = list[i];
  return v;
}

/// sum_i phi(a_i x, y_i) + u/2 |x|^2 (or one u a coordinate) with a cold start.
Problem sum_problem(const json& rows, const json& targets, bool logistic, const json& x0, bool per_feature = false) {
  auto x = std::make_shared<Mat>(static_cast<Index>(rows.size()), static_cast<Index>(rows[0].size()));
  for (std::size_t i = 0; i < rows.size(); ++i) x->row(static_cast<Index>(i)) = vec(rows[i]).transpose();
  std::shared_ptr<const Loss> loss = std::make_shared<SquaredLoss>();
  if (logistic) loss = std::make_shared<LogisticLoss>();
  const Index d = x->cols(), n = x->rows();
  Problem p;
  p.f = std::make_shared<LinearModel>(Design(x), loss, vec(targets), Vec::Ones(n),
                                      per_feature ? penalty_per_feature(d, false) : one_penalty(d, false));
  p.start = std::make_shared<ConstantStart>(vec(x0));
  return p;
}

void check_series(const char* what, const std::vector<double>& got, const json& expected) {
  CAPTURE(what);
  REQUIRE(got.size() == expected.size());
  double worst = 0;
  for (std::size_t k = 0; k < got.size(); ++k) {
    const double e = expected[k];
    worst = std::max(worst, std::abs(got[k] - e) / (1e-9 * std::abs(e) + 1e-12));
  }
  CHECK(worst <= 1);
}

/// Errors are below their bounds at every k, up to what rounding leaves.
void check_below(const std::vector<double>& error, const std::vector<double>& bound, double scale) {
  REQUIRE(bound.size() == error.size());
  for (std::size_t k = 0; k < error.size(); ++k) {
    CAPTURE(k);
    CHECK(error[k] <= bound[k] * (1 + 1e-9) + 1e-12 * scale);
  }
}

Curve curve_of(const Problem& p, double u, Algorithm& algorithm, const json& run) {
  CurveOptions options;
  for (const auto& [start, values] : run.at("ebar").items()) options.starts.push_back(std::stol(start));
  return convergence_curve(p, Vec::Constant(1, u), algorithm, options);
}

void check_run(const Curve& c, const json& run) {
  check_series("e", c.iterate_error, run.at("e"));
  check_series("edot", c.derivative.front().error, run.at("edot"));
  for (std::size_t i = 1; i < c.derivative.size(); ++i) {
    const std::string start = std::to_string(c.derivative[i].start);
    check_series(("ebar " + start).c_str(), c.derivative[i].error, run.at("ebar").at(start));
  }
}

/// Smallest bound over all late starts k0 <= steps after `steps` steps.
Index brute_force_start(const ContractionConstants& c, Index steps) {
  Index best = 0;
  for (Index k0 = 0; k0 <= steps; ++k0) {
    if (derivative_bound(c, steps, k0) < derivative_bound(c, steps, best)) best = k0;
  }
  return best;
}

}  // namespace

TEST_CASE(
    "curve: gradient descent on ridge gives the exact errors, its bounds hold, and the best late start is that of brute force") {
  const json all = curves(), ridge = all.at("tikhonov");
  int runs = 0;
  for (const json& run : ridge.at("runs")) {
    CAPTURE(run.at("alpha_name").get<std::string>());
    CAPTURE(run.at("start_name").get<std::string>());
    GradientDescent descent;
    descent.step = run.at("alpha").get<double>();
    const Problem p = sum_problem(ridge.at("A"), ridge.at("b"), false, run.at("x0"));
    const Curve c = curve_of(p, ridge.at("u"), descent, run);
    check_run(c, run);
    const double m = ridge.at("norm_dxstar");
    CHECK(c.constants.rate == doctest::Approx(run.at("rho").get<double>()).epsilon(1e-12));
    CHECK(c.constants.forcing == doctest::Approx(run.at("alpha").get<double>()).epsilon(1e-15));
    CHECK(c.constants.jacobian == doctest::Approx(m).epsilon(1e-12));
    CHECK(c.local_rate == doctest::Approx(c.constants.rate).epsilon(1e-12));
    CHECK(c.convexity == doctest::Approx(ridge.at("mu").get<double>()).epsilon(1e-12));
    CHECK(c.smoothness == doctest::Approx(ridge.at("L").get<double>()).epsilon(1e-12));
    check_below(c.iterate_error, c.iterate_bound, c.constants.start_error);
    for (const DerivativeCurve& d : c.derivative) check_below(d.error, d.bound, m);
    CHECK(c.derivative.front().peak == run.at("peak_k").get<Index>());
    CHECK(c.peak.present == run.at("bound_curse_present").get<bool>());
    CHECK(c.peak.peak == doctest::Approx(run.at("bound_peak_k").get<double>()).epsilon(1e-9));
    CHECK(c.best_start == run.at("k0_opt_fixed_T_bound").get<Index>());
    for (const Index steps : {50, 130, 300, 1000}) CHECK(std::min(c.best_start, steps) == brute_force_start(c.constants, steps));
    ++runs;
  }
  CHECK(runs == 6);
}

TEST_CASE("curve: heavy ball gives the exact errors, and the norms of powers bound them on a quadratic") {
  const json all = curves(), ridge = all.at("tikhonov"), heavy = all.at("heavy_ball");
  for (const json& run : heavy.at("runs")) {
    HeavyBall ball;
    ball.step = heavy.at("alpha").get<double>();
    ball.momentum = heavy.at("beta").get<double>();
    const Curve c = curve_of(sum_problem(ridge.at("A"), ridge.at("b"), false, run.at("x0")), ridge.at("u"), ball, run);
    check_run(c, run);
    CHECK(c.unknown.empty());
    CHECK(std::isnan(c.constants.rate));  // no contraction
    check_below(c.iterate_error, c.iterate_bound, c.constants.start_error);
    for (const DerivativeCurve& d : c.derivative) check_below(d.error, d.bound, c.constants.jacobian);
    // The bound is of use: it falls like the powers of the radius, up to a power of k.
    CHECK(c.iterate_bound[100] < 1e-6 * c.iterate_bound[0]);
    CHECK(c.derivative.front().bound[100] < 1e-4 * c.derivative.front().bound[0]);
    CHECK(c.local_rate > 0.7);
    CHECK(c.local_rate < 1);
  }
}

TEST_CASE(
    "curve: bounds hold for Nesterov and any given momentum on ridge, one penalty or many, and are refused on logistic "
    "regression") {
  const json all = curves(), ridge = all.at("tikhonov"), small = all.at("logistic_small");
  CurveOptions options;
  options.steps = 120;
  options.starts = {0, 3, 25};
  for (const bool per_feature : {false, true}) {
    const Problem p = sum_problem(ridge.at("A"), ridge.at("b"), false, ridge.at("runs")[1].at("x0"), per_feature);
    const Vec u = per_feature ? Vec(Vec::LinSpaced(4, 0.03, 0.6)) : Vec(Vec::Constant(1, 0.05));
    for (const double beta : {0.3, 0.8, 0.95}) {
      Nesterov nesterov;
      HeavyBall ball;
      nesterov.momentum = ball.momentum = beta;
      for (const Algorithm* algorithm : {static_cast<const Algorithm*>(&nesterov), static_cast<const Algorithm*>(&ball)}) {
        const Curve c = convergence_curve(p, u, *algorithm, options);
        check_below(c.iterate_error, c.iterate_bound, c.constants.start_error);
        for (const DerivativeCurve& d : c.derivative) check_below(d.error, d.bound, c.constants.jacobian);
      }
    }
  }
  Nesterov nesterov;
  nesterov.momentum = 0.5;
  const Problem logistic = sum_problem(small.at("Z"), small.at("t"), true, small.at("runs")[0].at("x0"));
  const Curve c = convergence_curve(logistic, Vec::Constant(1, 0.02), nesterov, options);
  CHECK(c.iterate_bound.empty());
  CHECK(c.derivative.front().bound.empty());
  CHECK(c.unknown.find("momentum") != std::string::npos);
}

TEST_CASE("curve: logistic regression gives the exact errors and its bounds hold") {
  const json all = curves(), logistic = all.at("logistic_small");
  for (const json& run : logistic.at("runs")) {
    CAPTURE(run.at("alpha_name").get<std::string>());
    GradientDescent descent;
    descent.step = run.at("alpha").get<double>();
    const Curve c = curve_of(sum_problem(logistic.at("Z"), logistic.at("t"), true, run.at("x0")), logistic.at("u"), descent, run);
    check_run(c, run);
    CHECK(c.local_rate == doctest::Approx(run.at("rho_star").get<double>()).epsilon(1e-10));
    CHECK(c.derivative.front().peak == run.at("peak_k").get<Index>());
    check_below(c.iterate_error, c.iterate_bound, c.constants.start_error);
    for (const DerivativeCurve& d : c.derivative) check_below(d.error, d.bound, c.constants.jacobian);
  }
}

TEST_CASE("curve: the derivative in ln u is u times the one in u, for one penalty and for many") {
  const json all = curves(), ridge = all.at("tikhonov");
  const json& run = ridge.at("runs")[3];
  GradientDescent descent;
  descent.step = run.at("alpha").get<double>();
  const Problem one = sum_problem(ridge.at("A"), ridge.at("b"), false, run.at("x0"));
  CurveOptions options;
  options.steps = 60;
  options.log = true;
  const Curve c = convergence_curve(one, Vec::Constant(1, ridge.at("u").get<double>()), descent, options);
  for (std::size_t k = 0; k <= 60; ++k)
    CHECK(c.derivative[0].error[k] ==
          doctest::Approx(ridge.at("u").get<double>() * run.at("edot")[k].get<double>()).epsilon(1e-9));
  const Problem many = sum_problem(ridge.at("A"), ridge.at("b"), false, run.at("x0"), true);
  Vec u(4);
  u << 0.02, 0.05, 0.3, 1;
  options.starts = {0, 7, 30};
  const Curve all_four = convergence_curve(many, u, descent, options);
  CHECK(all_four.jacobian.cols() == 4);
  for (const DerivativeCurve& d : all_four.derivative) check_below(d.error, d.bound, all_four.constants.jacobian);
  // The columns one by one, by differences of the solution.
  for (Index j = 0; j < 4; ++j) {
    Vec up = u, down = u;
    up[j] *= std::exp(1e-5);
    down[j] *= std::exp(-1e-5);
    const Vec difference =
        (convergence_curve(many, up, descent, options).x - convergence_curve(many, down, descent, options).x) / 2e-5;
    CHECK((difference - all_four.jacobian.col(j)).norm() <= 1e-7 * difference.norm());
  }
}

TEST_CASE("bounds: peak, burn-in and the time to a tolerance are where the bound has them") {
  for (const double rate : {0.5, 0.9, 0.99, 0.9999}) {
    for (const double strength : {0.5, 2.0, 30.0, 1e6}) {
      CAPTURE(rate);
      CAPTURE(strength);
      const ContractionConstants c{rate, 1, 3, strength * 3 * (1 - rate)};
      const CursePeak p = curse_peak(c);
      CHECK(p.present == (strength > 1));
      const auto real_bound = [&](double k) {
        return std::pow(rate, k) * c.jacobian + c.forcing * k * std::pow(rate, k - 1) * c.start_error;
      };
      if (p.present) {
        CHECK(real_bound(p.peak) == doctest::Approx(p.height * c.jacobian).epsilon(1e-9));
        CHECK(real_bound(p.peak) >= real_bound(p.peak * 1.01));
        CHECK(real_bound(p.peak) >= real_bound(p.peak * 0.99));
        CHECK(real_bound(p.burn_in) == doctest::Approx(c.jacobian).epsilon(1e-9));
        CHECK(p.burn_in > p.peak);
      }
      for (const double share : {1e-3, 1e-12})
        CHECK(real_bound(steps_to(c, share)) == doctest::Approx(share * c.jacobian).epsilon(1e-8));
    }
  }
}

TEST_CASE("bounds: the split of a budget is the best of all splits") {
  for (const double rate : {0.9, 0.99}) {
    for (const double cost : {0.2, 1.0, 4.0}) {
      for (const double budget : {20.0, 200.0, 3000.0}) {
        CAPTURE(rate);
        CAPTURE(cost);
        CAPTURE(budget);
        const ContractionConstants c{rate, 0.5, 2, 40};
        const BudgetSplit late = best_late_start(c, budget, cost), frozen = best_frozen(c, budget, cost);
        CHECK(late.plain + (1 + cost) * late.differentiated == doctest::Approx(budget));
        CHECK(frozen.plain + cost * frozen.differentiated == doctest::Approx(budget));
        for (int i = 0; i <= 400; ++i) {
          const double m = budget / (1 + cost) * i / 400, k = budget / cost * i / 400;
          const double of_late =
              std::pow(rate, m) * c.jacobian + c.forcing * c.start_error * m * std::pow(rate, budget - 1 - cost * m);
          const double of_frozen =
              std::pow(rate, k) * c.jacobian + c.forcing * c.start_error / (1 - rate) * std::pow(rate, budget - cost * k);
          CHECK(late.bound <= of_late * (1 + 1e-9));
          CHECK(frozen.bound <= of_frozen * (1 + 1e-9));
        }
      }
    }
  }
}

namespace {

/// The principal branch of Lambert's W by bisection on w e^w, for arguments that do not overflow.
double plain_lambert(double x) {
  double low = 0, high = 1;
  while (high * std::exp(high) < x) high *= 2;
  for (int k = 0; k < 200; ++k) {
    const double middle = 0.5 * (low + high);
    (middle * std::exp(middle) < x ? low : high) = middle;
  }
  return low;
}

}  // namespace

TEST_CASE("bounds: the late start of a budget is that of theorem 6, whatever a differentiated step costs") {
  int inside = 0;
  for (const double rate : {0.6, 0.9, 0.98}) {
    for (const double cost : {0.25, 1.0, 2.0, 7.5}) {
      for (const double budget : {20.0, 100.0, 400.0}) {
        CAPTURE(rate);
        CAPTURE(cost);
        CAPTURE(budget);
        const ContractionConstants c{rate, 0.5, 2, 40};
        const double a = -std::log(rate), k = c.forcing * c.start_error * std::pow(rate, budget - 1) / (a * c.jacobian);
        const double argument = (1 + cost) / (cost * k) * std::exp((1 + cost) / cost);
        if (!std::isfinite(argument) || !(argument > 0)) continue;
        const double m = (cost * plain_lambert(argument) / (1 + cost) - 1) / (a * cost);
        const BudgetSplit got = best_late_start(c, budget, cost);
        CHECK(got.differentiated == doctest::Approx(std::clamp(m, 0.0, budget / (1 + cost))).epsilon(1e-9));
        CHECK(got.plain == doctest::Approx(budget - (1 + cost) * got.differentiated).epsilon(1e-12));
        inside += m > 0 && m < budget / (1 + cost) ? 1 : 0;
      }
    }
  }
  CHECK(inside >= 15);
}

TEST_CASE("curve: a late start at equal cost drops t steps and does floor((1 + c) t) plain ones first") {
  struct Split {
    double cost;
    Index dropped, plain;
  };
  for (const Split& s : {Split{1, 0, 0}, {1, 7, 14}, {0.5, 7, 10}, {2.5, 3, 10}, {0.15, 20, 23}, {0.1, 9, 9}, {0.1, 10, 11}}) {
    CAPTURE(s.cost);
    CAPTURE(s.dropped);
    const EqualCostStart got = equal_cost_start(100, s.dropped, s.cost);
    CHECK(got.plain == s.plain);
    CHECK(got.dropped == s.dropped);
    CHECK(got.differentiated == 100 - s.dropped);
    // Never dearer than the full unroll, and by less than a step cheaper.
    const double spent = static_cast<double>(got.plain) + (1 + s.cost) * static_cast<double>(got.differentiated);
    CHECK(spent <= (1 + s.cost) * 100 * (1 + 1e-12));
    CHECK(spent > (1 + s.cost) * 100 - 1);
  }
}

TEST_CASE("curve: late starts at equal cost end where recursions of their own end, and theorem 6 proposes the best bound") {
  const json all = curves(), ridge = all.at("tikhonov"), small = all.at("logistic_small");
  for (const bool logistic : {false, true}) {
    const json& of = logistic ? small : ridge;
    const json& run = of.at("runs")[0];
    const Problem p = logistic ? sum_problem(of.at("Z"), of.at("t"), true, run.at("x0"))
                               : sum_problem(of.at("A"), of.at("b"), false, run.at("x0"));
    const Vec u = Vec::Constant(1, logistic ? 0.02 : 0.05);
    for (const double cost : {0.4, 1.0, 3.0}) {
      CAPTURE(logistic);
      CAPTURE(cost);
      CurveOptions options;
      options.steps = 90;
      options.cost = cost;
      const Curve c = convergence_curve(p, u, GradientDescent(), options);
      REQUIRE(c.equal_cost.size() >= 10);
      CHECK(c.cost == cost);
      CHECK(c.equal_cost.front().error == doctest::Approx(c.derivative.front().error.back()).epsilon(1e-12));
      for (const EqualCostStart& s : c.equal_cost) {
        CAPTURE(s.dropped);
        CurveOptions alone;
        alone.steps = s.plain + s.differentiated;
        alone.starts = {s.plain};
        const Curve own = convergence_curve(p, u, GradientDescent(), alone);
        CHECK(s.error == doctest::Approx(own.derivative.front().error.back()).epsilon(1e-12));
        CHECK(s.bound == doctest::Approx(own.derivative.front().bound.back()).epsilon(1e-12));
      }
      REQUIRE(c.planned >= 0);
      const double planned = c.equal_cost[static_cast<std::size_t>(c.planned)].bound;
      for (Index t = 0; t < options.steps; ++t) {
        const EqualCostStart s = equal_cost_start(options.steps, t, cost);
        // Whole steps: floor() leaves the other t up to a step more or less.
        CHECK(planned <= derivative_bound(c.constants, s.plain + s.differentiated, s.plain) / std::pow(c.constants.rate, 2));
      }
    }
  }
}

TEST_CASE("curve: what differentiating a step costs is counted on the problem, with or without reads of the data") {
  const json all = curves(), ridge = all.at("tikhonov"), small = all.at("logistic_small");
  const Problem wide = sum_problem(ridge.at("A"), ridge.at("b"), false, ridge.at("runs")[0].at("x0"), true);
  const Problem logistic = sum_problem(small.at("Z"), small.at("t"), true, small.at("runs")[0].at("x0"));
  HeavyBall ball;
  ball.momentum = 0.5;
  const GradientDescent descent;
  for (const Algorithm* map : {static_cast<const Algorithm*>(&ball), static_cast<const Algorithm*>(&descent)}) {
    CHECK(differentiation_cost(wide, Vec::Constant(4, 0.1), *map) == 1);
    CHECK(differentiation_cost(logistic, Vec::Constant(1, 0.02), *map) == 1);
  }
  CurveOptions options;
  options.steps = 20;
  CHECK(convergence_curve(logistic, Vec::Constant(1, 0.02), GradientDescent(), options).cost == 1);
  options.cost = 0;
  CHECK_THROWS_AS(convergence_curve(logistic, Vec::Constant(1, 0.02), GradientDescent(), options), UsageError);
}

TEST_CASE("bounds: the branches of Lambert's W solve their equations") {
  for (const double y : {0.0, 1e-12, 1e-4, 0.3, 2.0, 50.0, 1e5}) {
    const double w = lambert_lower(y);
    CHECK(w <= -1);
    CHECK(std::log(-w) + w == doctest::Approx(-y - 1).epsilon(1e-14));
  }
  for (const double x : {-30.0, -2.0, 0.0, 1.0, 5.0, 700.0, 1e6}) {
    const double w = lambert_upper_of_log(x);
    CHECK(w + std::log(w) == doctest::Approx(x).epsilon(1e-13));
  }
}

TEST_CASE("curve: what has no truth or no contraction is said") {
  const json all = curves(), ridge = all.at("tikhonov");
  const Problem p = sum_problem(ridge.at("A"), ridge.at("b"), false, ridge.at("runs")[0].at("x0"));
  const Vec u = Vec::Constant(1, 0.05);
  GradientDescent wild;
  wild.step = 0.25;  // above 2/L: diverges, slowly enough to be finite over a few steps
  CurveOptions few;
  few.steps = 20;
  const Curve c = convergence_curve(p, u, wild, few);
  CHECK(c.unknown.find("no contraction") != std::string::npos);
  CHECK(c.iterate_error.back() > c.iterate_error.front());
  CurveOptions many;
  many.steps = 3000;
  CHECK_THROWS_AS(convergence_curve(p, u, wild, many), UsageError);
}
