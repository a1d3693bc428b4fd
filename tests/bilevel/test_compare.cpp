// Estimators side by side: exact ones are exact, none gains or loses by its place or its company, and a truth that is none is
// seen.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <tacit/bilevel/compare.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

std::shared_ptr<const InnerSolver> descent(Index max_steps, double tolerance) {
  auto solver = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  solver->options.max_steps = max_steps;
  solver->options.tolerance = tolerance;
  return solver;
}

std::shared_ptr<const HypergradientEstimator> last(Index window) {
  auto e = std::make_shared<UnrollEstimator>(true);
  e->window = Count::of(window);
  return e;
}

std::vector<Contender> everyone() {
  auto checkpointed = std::make_shared<UnrollEstimator>(false);
  checkpointed->stride = Count::automatic();
  auto few = std::make_shared<FixedPointEstimator>();
  few->max_steps = 20;
  auto terms = std::make_shared<NeumannEstimator>();
  terms->max_steps = 20;
  return {{"full", std::make_shared<UnrollEstimator>(false)},
          {"checkpointed", checkpointed},
          {"last 9", last(9)},
          {"last 40", last(40)},
          {"forward", std::make_shared<ForwardEstimator>()},
          {"cg", std::make_shared<ImplicitCgEstimator>()},
          {"direct", std::make_shared<ImplicitDirectEstimator>()},
          {"neumann", terms},
          {"fixed point", few},
          {"one step", std::make_shared<OneStepEstimator>()},
          {"differences", std::make_shared<FiniteDifferenceEstimator>()}};
}

std::vector<Truth> path_of(const Problem& p, Index points) {
  LbfgsOuter optimizer;
  const ReferencePath path = reference_path(p, optimizer, Vec::Constant(p.space.size(), std::log(0.05)), points, 1e-4);
  std::vector<Truth> truths;
  for (const Vec& theta : path.theta) truths.push_back(truth_at(p, theta));
  return truths;
}

const Observation& found(const Comparison& c, std::size_t contender, Index point) {
  const auto at = std::find_if(c.observations.begin(), c.observations.end(),
                               [&](const Observation& o) { return o.contender == contender && o.point == point; });
  REQUIRE(at != c.observations.end());
  return *at;
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

/// All but the time.
void check_same(const Observation& a, const Observation& b) {
  CHECK(a.relative_error == b.relative_error);
  CHECK(a.cosine == b.cosine);
  CHECK(a.tape_bytes == b.tape_bytes);
  CHECK(same(a.linear_steps, b.linear_steps));
  CHECK(a.work.gradients == b.work.gradients);
  CHECK(a.work.hessian_products == b.work.hessian_products);
  CHECK(a.work.cross_products == b.work.cross_products);
  CHECK(a.work.map_steps == b.work.map_steps);
  CHECK(a.status == b.status);
}

}  // namespace

TEST_CASE("compare: two ways to the truth agree, and exact estimators on a solved problem have no error to speak of") {
  for (const std::string key : {"ridge_diabetes", "logistic_breast_cancer"}) {
    for (const bool per_feature : {false, true}) {
      CAPTURE(key);
      CAPTURE(per_feature);
      const Problem p = test::reference_problem(key, per_feature);
      const std::vector<Truth> path = path_of(p, 4);
      REQUIRE(path.size() == 4);
      const double floor = 1e-4 * path.front().value;
      for (const Truth& t : path) {
        CHECK(t.known());
        CHECK(t.disagreement(floor) < 1e-7);
        const Truth along = truth_at(p, t.theta, {TruthBy::direct, true, 0});
        CHECK(along.checked());
        CHECK(along.second.size() == 0);
        CHECK(along.disagreement(floor) < 1e-7);
      }
      auto cg = std::make_shared<ImplicitCgEstimator>();
      cg->relative_tolerance = 1e-12;
      auto newton = std::make_shared<NewtonSolver>();
      newton->options.tolerance = 1e-13;
      const Comparison c = compare_on_path({{"newton", p, newton}},
                                           {{"direct", std::make_shared<ImplicitDirectEstimator>()},
                                            {"cg", cg},
                                            {"differences", std::make_shared<FiniteDifferenceEstimator>()}},
                                           path, floor);
      REQUIRE(c.observations.size() == 12);
      CHECK(c.solves.size() == 4);
      for (const Observation& o : c.observations) {
        CAPTURE(o.contender);
        CHECK(o.relative_error < (o.contender == 2 ? 1e-7 : 1e-9));
        CHECK(o.cosine > 1 - 1e-12);
        CHECK(o.seconds > 0);
      }
    }
  }
}

TEST_CASE("compare: an estimator's error, work and memory are its own, whatever stands before or beside it") {
  const Problem p = test::reference_problem("ridge_diabetes", true);
  const std::vector<Truth> path = path_of(p, 3);
  const double floor = 1e-4 * path.front().value;
  const std::vector<InnerSetup> setups{{"gradient-descent", p, descent(60, 0)}};
  const std::vector<Contender> forth = everyone();
  std::vector<Contender> back(forth.rbegin(), forth.rend());
  const Comparison a = compare_on_path(setups, forth, path, floor), b = compare_on_path(setups, back, path, floor);
  REQUIRE(a.observations.size() == forth.size() * path.size());
  for (std::size_t i = 0; i < forth.size(); ++i) {
    CAPTURE(forth[i].label);
    const Comparison alone = compare_on_path(setups, {forth[i]}, path, floor);
    for (Index k = 0; k < static_cast<Index>(path.size()); ++k) {
      CAPTURE(k);
      check_same(found(a, i, k), found(b, forth.size() - 1 - i, k));
      check_same(found(a, i, k), found(alone, 0, k));
      CHECK(a.solves[static_cast<std::size_t>(k)].work == alone.solves[static_cast<std::size_t>(k)].work);
      CHECK(a.solves[static_cast<std::size_t>(k)].steps == 60);
    }
  }
  // What is known of each: a reverse sweep is a product a step, a tape its states, a checkpointed one fewer and replayed steps.
  const Observation &full = found(a, 0, 1), &checkpointed = found(a, 1, 1), &last_9 = found(a, 2, 1);
  const auto state = static_cast<double>(p.f->inner_dim() * 8);
  CHECK(full.work.hessian_products == 60);
  CHECK(full.work.gradients == 0);
  CHECK(full.tape_bytes == 61 * state);
  CHECK(last_9.work.hessian_products == 9);
  CHECK(last_9.tape_bytes == 10 * state);
  CHECK(checkpointed.relative_error == doctest::Approx(full.relative_error).epsilon(1e-9));
  CHECK(checkpointed.tape_bytes < full.tape_bytes / 2);
  CHECK(checkpointed.work.gradients > 0);
  CHECK(found(a, 9, 1).work.hessian_products == 1);
  CHECK(found(a, 4, 1).tape_bytes == 0);
}

TEST_CASE("compare: warm starts and warm adjoints belong to their own entry") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const std::vector<Truth> path = path_of(p, 4);
  const double floor = 1e-4 * path.front().value;
  auto cold_adjoint = std::make_shared<FixedPointEstimator>(), warm_adjoint = std::make_shared<FixedPointEstimator>();
  cold_adjoint->max_steps = warm_adjoint->max_steps = 10;
  cold_adjoint->relative_tolerance = warm_adjoint->relative_tolerance = 0;
  cold_adjoint->warm_start = false;
  const std::vector<InnerSetup> setups{{"gradient-descent", p, descent(20, 0)}, {"gradient-descent", p, descent(20, 0), false}};
  const Comparison c = compare_on_path(
      setups, {{"warm", warm_adjoint, 0}, {"cold adjoint", cold_adjoint, 0}, {"cold", warm_adjoint, 1}}, path, floor);
  REQUIRE(c.solves.size() == 8);
  // The same by hand, each with nothing but its own past.
  const std::vector<std::pair<bool, std::shared_ptr<FixedPointEstimator>>> entries{
      {true, warm_adjoint}, {true, cold_adjoint}, {false, warm_adjoint}};
  for (std::size_t i = 0; i < entries.size(); ++i) {
    CAPTURE(i);
    InnerSolution x;
    Hypergradient h;
    for (std::size_t k = 0; k < path.size(); ++k) {
      CAPTURE(k);
      const Truth& t = path[k];
      x = setups[0].solver->solve(p, t.u, entries[i].first && k > 0 ? &x : nullptr, Accuracy{0}, {});
      h = entries[i].second->estimate(p, t.u, x, k > 0 ? &h : nullptr, 0);
      Vec g(t.theta.size());
      p.space.pull_back(t.theta, h.gradient, g);
      CHECK(found(c, i, static_cast<Index>(k)).relative_error ==
            doctest::Approx(hypergradient_error(g, t.gradient, floor)).epsilon(1e-12));
      CHECK(c.solves[2 * k + (i == 2 ? 1 : 0)].residual == doctest::Approx(x.residual).epsilon(1e-12));
    }
  }
  // What is asserted would be the same for all if none had a past.
  CHECK(found(c, 0, 3).relative_error != found(c, 1, 3).relative_error);
  CHECK(found(c, 0, 3).relative_error != found(c, 2, 3).relative_error);
}

TEST_CASE("compare: a reference path begins at the start, ends where the run does, and knows nothing of inner budgets") {
  const Problem p = test::reference_problem("logistic_breast_cancer", false);
  LbfgsOuter optimizer;
  const Vec theta0 = Vec::Constant(1, std::log(0.05));
  const ReferencePath one = reference_path(p, optimizer, theta0, 1, 1e-4);
  REQUIRE(one.theta.size() == 1);
  CHECK(one.theta[0] == theta0);
  const ReferencePath all = reference_path(p, optimizer, theta0, 60, 1e-6);
  CHECK(all.reason == StopReason::tolerance);
  CHECK(all.theta.size() < 60);
  CHECK(all.theta.size() > 3);
  CHECK(std::abs(truth_at(p, all.theta.back()).gradient[0]) < 1e-6 * truth_at(p, theta0).value);
  int asked = 0;
  CHECK(reference_path(p, optimizer, theta0, 60, 1e-6, [&] { return ++asked > 3; }).theta.size() < all.theta.size());
  CHECK_THROWS_AS(reference_path(p, optimizer, theta0, 0, 1e-4), UsageError);
}

TEST_CASE("compare: what an estimator cannot use is refused by its label") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const std::vector<Truth> path = path_of(p, 1);
  const std::vector<InnerSetup> setups{{"cholesky", p, std::make_shared<CholeskySolver>()}};
  const auto said = [&](const Contender& c) {
    try {
      compare_on_path(setups, {c}, path, 0);
    } catch (const UsageError& e) {
      return std::string(e.what());
    }
    return std::string("nothing");
  };
  CHECK(said({"my unroll", last(3)}).find("'my unroll' needs a recorded trajectory") != std::string::npos);
  CHECK(said({"my forward", std::make_shared<ForwardEstimator>()}).find("'my forward'") != std::string::npos);
  CHECK(said({"nowhere", last(3), 1}).find("'nowhere'") != std::string::npos);
}

TEST_CASE("compare: an inner problem that diverges leaves no numbers, and the others go on") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const std::vector<Truth> path = path_of(p, 2);
  auto wild = std::make_unique<GradientDescent>();
  wild->step = 1e3;
  auto diverging = std::make_shared<IterateSolver>(std::move(wild));
  diverging->options.max_steps = 2000;
  const Comparison c = compare_on_path({{"gradient-descent", p, diverging}, {"newton", p, std::make_shared<NewtonSolver>()}},
                                       {{"wild", last(5), 0}, {"calm", std::make_shared<ImplicitDirectEstimator>(), 1}}, path, 0);
  for (Index k = 0; k < 2; ++k) {
    CHECK(found(c, 0, k).status == Status::failed);
    CHECK(std::isnan(found(c, 0, k).relative_error));
    CHECK_FALSE(found(c, 0, k).message.empty());
    CHECK(found(c, 1, k).relative_error < 1e-9);
  }
}

namespace {

/// f = (x - 1)^2 / 2 + u x^2 / 2 with half of the true f_ux: every implicit hypergradient is wrong, differences are right.
class HalfCross final : public Objective {
public:
  class Second final : public Curvature {
  public:
    Second(double x, double u) : x_(x), u_(u) {}
    void hessian(In p, Out out) const override { out = (1 + u_) * p; }
    void cross(In p, Out out) const override { out[0] = 0.5 * x_ * p[0]; }
    void cross_t(In w, Out out) const override { out[0] = 0.5 * x_ * w[0]; }

  private:
    double x_, u_;
  };
  Index inner_dim() const override { return 1; }
  Index outer_dim() const override { return 1; }
  double value(In x, In u) const override { return 0.5 * (std::pow(x[0] - 1, 2) + u[0] * x[0] * x[0]); }
  double gradient(In x, In u, Out g) const override {
    g[0] = x[0] - 1 + u[0] * x[0];
    return value(x, u);
  }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    if (at) {
      at->gradient.resize(1);
      at->value = gradient(x, u, at->gradient);
    }
    return std::make_unique<Second>(x[0], u[0]);
  }
  double smoothness(In u) const override { return 1 + u[0]; }
};

/// l = (x - 1/4)^2 / 2
class Quarter final : public Criterion {
public:
  double value(In x, In) const override { return 0.5 * std::pow(x[0] - 0.25, 2); }
  double gradient(In x, In u, Out gx, Out gu) const override {
    gx[0] = x[0] - 0.25;
    gu.setZero();
    return value(x, u);
  }
};

}  // namespace

TEST_CASE("compare: a reference that is wrong is found out by central differences, whichever of the two is the truth") {
  Problem p;
  p.name = "half";
  p.f = std::make_shared<HalfCross>();
  p.l = std::make_shared<Quarter>();
  p.space = HyperSpace({HyperBlock{"u", 1, Scale::log, 1e-3, 1e3}});
  const Vec theta = Vec::Constant(1, std::log(0.5));
  // x* = 1 / (1 + u), so d l / d ln u = -u (x* - 1/4) / (1 + u)^2.
  const double exact = -0.5 * (1 / 1.5 - 0.25) / (1.5 * 1.5);
  const Truth direct = truth_at(p, theta), cg = truth_at(p, theta, {TruthBy::cg}),
              other = truth_at(p, theta, {TruthBy::differences});
  CHECK(direct.gradient[0] == doctest::Approx(exact / 2));
  CHECK(cg.gradient[0] == doctest::Approx(exact / 2));
  CHECK(other.gradient[0] == doctest::Approx(exact));
  CHECK(direct.disagreement(0) == doctest::Approx(1));
  CHECK(other.disagreement(0) == doctest::Approx(0.5));
  const Truth unchecked = truth_at(p, theta, {TruthBy::direct, false}), along = truth_at(p, theta, {TruthBy::direct, true, 0});
  CHECK_FALSE(unchecked.checked());
  CHECK(std::isnan(unchecked.disagreement(0)));
  CHECK(along.second.size() == 0);
  CHECK(along.disagreement(0) == doctest::Approx(1));
}

TEST_CASE("compare: an own run is the run itself, observed step by step") {
  const Problem p = test::reference_problem("ridge_diabetes", true);
  OwnRunOptions options;
  options.driver.max_steps = 5;
  const Contender contender{"last 20", last(20)};
  const InnerSetup setup{"gradient-descent", p, descent(100, 0)};
  const Vec theta0 = Vec::Constant(p.space.size(), std::log(0.05));
  LbfgsOuter optimizer, again;
  std::vector<StepRecord> rows;
  options.oracle.reference_every = 1;
  const OwnRun run =
      compare_own_run(setup, contender, optimizer, theta0, options, {[&](const StepRecord& r) { rows.push_back(r); }});
  OracleOptions o;
  o.reference_every = 1;
  auto oracle = make_oracle(p, setup.solver, contender.estimator, o);
  const Summary plain = solve(options.driver, p.space, *oracle, again, theta0);
  CHECK(run.summary.best.outer_loss == plain.best.outer_loss);
  CHECK(run.summary.work == plain.work);
  REQUIRE(run.observations.size() == rows.size());
  REQUIRE(rows.size() > 2);
  for (std::size_t k = 0; k < rows.size(); ++k) {
    // The trace's own reference starts from the same x and so meets the same rounding up to the last digits.
    CHECK(run.observations[k].relative_error == doctest::Approx(rows[k].diagnostics.hypergradient_error_reference).epsilon(1e-6));
    CHECK(run.observations[k].work == rows[k].work);
  }
}
