// A point asked for again more tightly is the point that was asked for that tightly at once, and the order of calls changes no
// bit.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <tacit/bilevel/driver.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "bilevel/followers.hpp"
#include "bilevel/ways.hpp"

using namespace tacit;
using namespace tacit_test;

namespace {

/// NaN counts as equal to NaN.
bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }
bool same(const Vec& a, const Vec& b) {
  if (a.size() != b.size()) return false;
  for (Index i = 0; i < a.size(); ++i) {
    if (!same(a[i], b[i])) return false;
  }
  return true;
}

void check_same(const Evaluation& a, const Evaluation& b) {
  CHECK(same(a.value, b.value));
  CHECK(same(a.gradient, b.gradient));
  REQUIRE(a.state.has_value());
  REQUIRE(b.state.has_value());
  const InnerSolution &x = a.state->inner, &y = b.state->inner;
  CHECK(same(x.z, y.z));
  CHECK(x.steps == y.steps);
  CHECK(x.step_norms == y.step_norms);
  CHECK(same(x.residual, y.residual));
  CHECK(x.status == y.status);
  CHECK(x.message == y.message);
  CHECK(same(a.state->hyper.adjoint, b.state->hyper.adjoint));
  CHECK(a.state->hyper.status == b.state->hyper.status);
  CHECK(same(a.diagnostics.window, b.diagnostics.window));
  CHECK(same(a.diagnostics.tape_bytes, b.diagnostics.tape_bytes));
}

/// The same point by several orders of calls; each time others are evaluated in between.
std::vector<Evaluation> by_all_orders(const Oracle& oracle, const Vec& theta, const Tolerance& loose, const Tolerance& tight,
                                      const Evaluation* near) {
  const auto elsewhere = [&] {
    Evaluation e = oracle.evaluate(theta - Vec::Constant(theta.size(), 0.3), loose, near);
    if (std::isfinite(e.value)) (void)oracle.differentiate(std::move(e), tight);
  };
  const auto twice = [&](bool first, bool forget, bool diagnose) {
    Evaluation e = oracle.evaluate(theta, loose, near);
    elsewhere();
    if (first) e = oracle.differentiate(std::move(e), loose);
    if (diagnose) e = oracle.diagnose(std::move(e), 1, 1e-6);
    if (forget) e.forget_tape();
    elsewhere();
    return oracle.differentiate(std::move(e), tight);
  };
  std::vector<Evaluation> all{oracle.differentiate(oracle.evaluate(theta, tight, near), tight), twice(false, false, false),
                              twice(true, false, false), twice(true, true, false), twice(true, true, true)};
  const Evaluation kept = oracle.evaluate(theta, loose, near);
  (void)oracle.differentiate(kept, tight);
  all.push_back(oracle.differentiate(kept, tight));  // a value is not used up
  return all;
}

}  // namespace

TEST_CASE(
    "a point of a map that is asked for again more tightly equals the one asked that tightly at once, in any order of calls") {
  int cases = 0;
  for (const Way& way : ways(true)) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
      CAPTURE(way.solver);
      CAPTURE(way.estimator);
      CAPTURE(seed);
      const Problem p = random_problem(seed);
      if (p.space.size() > 1 && way.estimator == "finite-difference") continue;
      test::Numbers draw(100 + seed);
      OracleOptions options;
      options.warm_start = seed != 5;
      const auto oracle = make_oracle(p, solver_named(way.solver), way.make(), options);
      const Vec start = Vec::Constant(p.space.size(), -3.0) + draw.vec(p.space.size());
      const Vec theta = start + 0.2 * draw.vec(p.space.size());
      const Tolerance loose{std::pow(10, -3 + draw.next()), 1e-2}, tight{std::pow(10, -7 + draw.next()), 1e-6};
      const Evaluation near = oracle->differentiate(oracle->evaluate(start, {1e-5, 1e-4}), {1e-5, 1e-4});
      for (const Evaluation* from : {(const Evaluation*)nullptr, &near}) {
        const auto all = by_all_orders(*oracle, theta, loose, tight, from);
        REQUIRE(all.front().gradient.size() == theta.size());
        for (std::size_t k = 1; k < all.size(); ++k) {
          CAPTURE(k);
          check_same(all[k], all.front());
          ++cases;
        }
      }
    }
  }
  CHECK(cases >= 200);
  MESSAGE(cases << " pairs of orders of calls agree to the bit");
}

TEST_CASE("a solver that is no map goes on from its own end: residual and hypergradient are as good as at once") {
  int cases = 0;
  for (const Way& way : ways(false)) {
    for (unsigned seed = 1; seed <= 6; ++seed) {
      const Problem p = random_problem(seed);
      if (!takes(way, p) || (p.space.size() > 1 && way.estimator == "finite-difference")) continue;
      CAPTURE(way.solver);
      CAPTURE(way.estimator);
      CAPTURE(seed);
      const auto oracle = make_oracle(p, solver_named(way.solver), way.make());
      test::Numbers draw(200 + seed);
      const Vec theta = Vec::Constant(p.space.size(), -3.0) + draw.vec(p.space.size());
      for (const double limit : {1e-6, 1e-11}) {
        const Tolerance loose{1e-2, 1e-2}, tight{limit, limit};
        const Evaluation once = oracle->differentiate(oracle->evaluate(theta, tight), tight);
        Evaluation again = oracle->differentiate(oracle->evaluate(theta, loose), loose);
        const double before = again.state->inner.residual;
        again = oracle->differentiate(std::move(again), tight);
        CHECK(again.state->inner.residual <= std::max(tight.inner, once.state->inner.residual));
        CHECK(again.state->inner.residual <= before);
        const Hypergradient exact = reference_hypergradient(p, once.u, once.state->inner.x());
        Vec truth(theta.size());
        p.space.pull_back(theta, exact.gradient, truth);
        const double floor = 1e-12, direct = hypergradient_error(once.gradient, truth, floor);
        // Within what the tolerance allows, where an adjoint lies is an accident of its start.
        CHECK(hypergradient_error(again.gradient, truth, floor) <= std::max({1.1 * direct, 10 * limit, 1e-10}));
        ++cases;
      }
    }
  }
  CHECK(cases > 50);
}

namespace {

/// Holds every hypergradient of a run against the one that is asked for at once, from the same start.
class Checking final : public ForwardingOracle {
public:
  using ForwardingOracle::ForwardingOracle;
  Evaluation differentiate(Evaluation e, const Tolerance& t) const override {
    const bool again = looser(e.solved.inner, t.inner);
    Evaluation near;
    near.state = e.from;
    const Evaluation once = behind().differentiate(behind().evaluate(e.theta, t, e.from ? &near : nullptr), t);
    e = behind().differentiate(std::move(e), t);
    if (again) check_same(e, once);
    refined += again;
    return e;
  }
  mutable int refined = 0;
};

}  // namespace

TEST_CASE("refined points of whole runs equal those asked for at once, with every optimizer and estimator that unrolls") {
  const auto optimizers = registry<OuterOptimizer>(register_optimizers);
  int refined = 0, searched = 0;
  for (const std::string& name : tacit_test::followers()) {
    for (const Way& way : ways(true)) {
      if (way.estimator.find("unroll") == std::string::npos && way.estimator.find("forward") == std::string::npos) continue;
      CAPTURE(name);
      CAPTURE(way.solver);
      CAPTURE(way.estimator);
      // Loosened tolerances are tightened point by point; fixed ones where a search fails, as it does next to the minimum.
      for (const unsigned seed : {2U, 3U}) {
        const Schedule schedule = seed % 2 == 0 ? Schedule::adaptive : Schedule::fixed;
        const Problem p = random_problem(seed);
        const Checking oracle(make_oracle(p, solver_named(way.solver), way.make()));
        DriverOptions options;
        options.max_steps = 12;
        options.tolerance = 1e-12;
        options.schedule = schedule;
        const auto optimizer = optimizers.make(name);
        const Summary s = solve(options, p.space, oracle, *optimizer, Vec::Constant(p.space.size(), -2.0));
        CAPTURE(seed);
        CAPTURE(s.message);
        CHECK(s.reason != StopReason::failed);
        (schedule == Schedule::fixed ? searched : refined) += oracle.refined;
      }
    }
  }
  CHECK(refined >= 60);
  CHECK(searched >= 10);
  MESSAGE(refined << " points were solved again as the schedule asked, " << searched << " after a failed search");
}
