// Hypergradients to a target: the target is met, at a tape of few states, and what the policy knows of the problem is so.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include <Eigen/LU>

#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

std::unique_ptr<UnrollEstimator> window_auto(double target) {
  auto sweep = std::make_unique<UnrollEstimator>(true);
  sweep->window = Count::automatic();
  sweep->aim(target);
  return sweep;
}

std::unique_ptr<ImplicitCgEstimator> cg_to(double target) {
  auto cg = std::make_unique<ImplicitCgEstimator>();
  cg->aim(target);
  return cg;
}

std::unique_ptr<IterateSolver> solver_with(std::unique_ptr<Algorithm> algorithm) {
  auto solver = std::make_unique<IterateSolver>(std::move(algorithm));
  solver->options.max_steps = 200000;
  solver->options.tolerance = 1e-12;
  return solver;
}

std::unique_ptr<Algorithm> map_named(const std::string& name) {
  Registry<Algorithm> algorithms("algorithm", "inner.solver");
  register_algorithms(algorithms);
  return algorithms.make(name);
}

struct Met {
  double error;  ///< true relative error in theta over the target
  InnerSolution inner;
  Hypergradient h;
};

Met run(const Problem& p, const Vec& u, const std::string& map, const HypergradientEstimator& estimator) {
  const auto solver = solver_with(map_named(map));
  Calibration calibration;
  Met m;
  const Accuracy asked{1e-12};
  m.inner = solve_as_planned(p, u, *solver, estimator, nullptr, calibration, asked);
  m.h = estimate_as_planned(p, u, *solver, estimator, m.inner, nullptr, calibration, asked, 1e-6);
  const Vec truth = reference_hypergradient(p, u, m.inner.x()).gradient;
  m.error = test::relative_in_theta(p, u, m.h.gradient, truth) / estimator.target();
  return m;
}

/// The solution plus ten times its length in a random direction.
Problem from_afar(Problem p, const Vec& u) {
  const Vec x = polish(p, u, Vec::Zero(p.f->inner_dim())).x;
  p.start = std::make_shared<ConstantStart>(x + 10 * x.norm() * test::Numbers(3).vec(x.size()).normalized());
  return p;
}

/// Ridge and logistic regression on the reference data and on made-up data of several condition numbers, from 0 and from afar.
std::vector<std::pair<Problem, Vec>> problems() {
  std::vector<std::pair<Problem, Vec>> all;
  const auto add = [&](Problem p, const Vec& u) {
    all.emplace_back(p, u);
    all.emplace_back(from_afar(p, u), u);
  };
  for (const bool each : {false, true}) {
    for (const char* key : {"ridge_diabetes", "logistic_breast_cancer"}) {
      const Problem p = test::reference_problem(key, each);
      add(p, Vec::Constant(p.f->outer_dim(), 0.02));
    }
  }
  for (const bool logistic : {false, true}) {
    for (const double condition : {1e2, 1e3, 1e4}) {
      const Problem p = test::random_problem(11, 12, logistic, true, 1 / std::sqrt(condition));
      const double l2 = p.f->smoothness(Vec::Zero(12)) / condition;
      add(p, l2 * (1.5 * Vec::Ones(12) + test::Numbers(4).vec(12)));
    }
  }
  return all;
}

}  // namespace

TEST_CASE("automatic: the target is met, and missed by little where it is missed, with a tape of at most 50 states") {
  for (const bool sweep : {true, false}) {
    CAPTURE(sweep);
    Index runs = 0, met = 0;
    for (const auto& one : problems()) {
      const Problem& p = one.first;
      const Vec& u = one.second;
      for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) {
        for (const double target : {1e-1, 1e-2, 1e-3}) {
          CAPTURE(p.name);
          CAPTURE(map);
          CAPTURE(target);
          const std::unique_ptr<HypergradientEstimator> estimator =
              sweep ? std::unique_ptr<HypergradientEstimator>(window_auto(target)) : cg_to(target);
          const Met m = run(p, u, map, *estimator);
          ++runs;
          met += m.error <= 1;
          CHECK(m.error <= 3);
          CHECK(m.h.status == Status::converged);
          CHECK(m.h.message.empty());
          CHECK(m.inner.iterate_met);
          const std::size_t states = static_cast<std::size_t>(m.inner.map->state_dim()) * sizeof(double);
          CHECK(m.h.tape_bytes <= 50 * states);
          if (sweep && m.inner.steps > 100) CHECK(m.h.tape_bytes == 50 * states);
          CHECK(m.h.window <= std::min<Index>(49, m.h.linear_steps));
        }
      }
    }
    CHECK(runs == 180);
    CHECK(met >= 171);
  }
}

TEST_CASE("automatic: without a tape the sweep is the Neumann series at the last state") {
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 0.02);
  for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) {
    CAPTURE(map);
    const InnerSolution s = test::run_map(map_named(map), p, u, 300, {});
    const Hypergradient h = sweep_to_target(p, u, s, nullptr, 1e-3);
    CHECK(h.window == 0);
    CHECK(h.tape_bytes == 0);
    NeumannEstimator neumann;
    neumann.max_steps = h.linear_steps;
    neumann.relative_tolerance = 0;
    const Vec g = neumann.estimate(p, u, s, nullptr, 0).gradient;
    CHECK((h.gradient - g).norm() <= 1e-12 * g.norm());
  }
}

TEST_CASE("automatic: taped states are used as far as they differ little from the last one") {
  const Problem p = test::reference_problem("ridge_diabetes", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 0.02);
  const auto taped = [&](Index steps, double target) {
    return sweep_to_target(p, u, test::run_map(map_named("gradient-descent"), p, u, steps, {49, 1}), nullptr, target).window;
  };
  CHECK(taped(3000, 1e-2) == 49);  // all at the solution
  CHECK(taped(200, 1e-2) < taped(1000, 1e-2));
  CHECK(taped(300, 1e-4) < taped(300, 1e-1));
}

TEST_CASE("automatic: an earlier adjoint shortens the sweep and leaves its answer") {
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 0.02), near = 1.02 * u;
  for (const char* map : {"gradient-descent", "heavy-ball", "nesterov"}) {
    CAPTURE(map);
    // As far as steps still tell a rate: once they are roundings, the rate that they show is chance.
    IterateSolver solver(map_named(map));
    solver.options.max_steps = 20000;
    const InnerSolution s = solver.solve(p, u, nullptr, Accuracy{1e-10}, {49, 1});
    const InnerSolution beside = solver.solve(p, near, nullptr, Accuracy{1e-10}, {49, 1});
    const Hypergradient before = sweep_to_target(p, near, beside, nullptr, 1e-3);
    const Hypergradient cold = sweep_to_target(p, u, s, nullptr, 1e-3), warm = sweep_to_target(p, u, s, &before, 1e-3);
    CHECK(warm.linear_steps < 0.8 * static_cast<double>(cold.linear_steps));
    const Vec truth = reference_hypergradient(p, u, s.x()).gradient;
    CHECK(test::relative_in_theta(p, u, cold.gradient, truth) <= 1e-3);
    CHECK(test::relative_in_theta(p, u, warm.gradient, truth) <= 1e-3);
    // The adjoint that goes out solves f_xx w = l_x about as well as the target asks.
    Vec lx(s.inner_dim), lu(u.size()), hw(s.inner_dim);
    p.l->gradient(s.x(), u, lx, lu);
    p.f->linearize(s.x(), u)->hessian(warm.adjoint, hw);
    CHECK((hw - lx).norm() <= 0.05 * lx.norm());
  }
}

namespace {

/// The implicit hypergradient at a point that need not be a solution, in theta.
Vec reference_at(const Problem& p, In u, In x) {
  InnerSolution at;
  at.z = x;
  at.inner_dim = x.size();
  return ImplicitDirectEstimator().estimate(p, u, at, nullptr, 0).gradient.cwiseProduct(u);
}

}  // namespace

TEST_CASE("automatic: chi is what a relative error of the iterate does to the hypergradient, and grows as that shrinks") {
  const Problem p = test::reference_problem("ridge_diabetes", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 0.02);
  const auto solver = solver_with(map_named("gradient-descent"));
  const auto cg = cg_to(1e-3);
  Calibration c;
  CHECK(c.chi() == 1);
  const Accuracy asked{1e-12}, first = plan_for_target(p, u, nullptr, c, 1e-3, asked);
  CHECK(first.iterate == 0.01);  // until chi is known
  InnerSolution s = solve_as_planned(p, u, *solver, *cg, nullptr, c, asked);
  const Hypergradient h = estimate_as_planned(p, u, *solver, *cg, s, nullptr, c, asked, 1e-6);
  CHECK(h.status == Status::converged);
  const Vec x = CholeskySolver().solve(p, u, nullptr, {}, {}).x();
  const Vec truth = reference_hypergradient(p, u, x).gradient;
  const double chi = test::relative_in_theta(p, u, h.gradient, truth) / ((s.x() - x).norm() / x.norm());
  CHECK(c.chi() >= 0.5 * std::max(1.0, chi));
  // At most what it is along the error or along the way from the start, whichever is more.
  const Vec back = s.x0 - s.x(), aside = s.x() + 0.03 * s.x().norm() / back.norm() * back;
  const Vec g = reference_at(p, u, s.x()), moved = reference_at(p, u, aside) - g;
  CHECK(c.chi() <= 2 * std::max({1.0, chi, moved.norm() / g.norm() / 0.03}));
  CHECK(plan_for_target(p, u, &s, c, 1e-3, asked).iterate == doctest::Approx(0.5e-3 / c.chi()));
  const double before = c.chi();
  c.norm /= 10;
  CHECK(c.chi() == doctest::Approx(10 * before));
  c.floor = 1e3 * c.norm;  // nothing is to be more accurate than the unit in which errors are told
  CHECK(c.chi() < 1.01);
  // Measured again after ten hypergradients, and not before: the run then first stops where that costs least.
  c.floor = 0;
  c.age = 9;
  CHECK(plan_for_target(p, u, nullptr, c, 1e-3, asked).iterate < 0.01);
  c.age = 10;
  CHECK(plan_for_target(p, u, nullptr, c, 1e-3, asked).iterate == 0.01);
}

TEST_CASE("automatic: an iteration that stands still for a moment has not settled") {
  SettledGradient watch(1e-2);
  const auto at = [](double v) { return Vec(Vec::Constant(1, v)); };
  for (const double v : {1.0, 2.0, 2.0, 2.0, 2.0}) CHECK_FALSE(watch.settled(at(v)));
  CHECK(watch.settled(at(2.0)));
  CHECK_FALSE(watch.settled(at(2.1)));
  for (const double v : {2.1, 2.1, 2.1}) CHECK_FALSE(watch.settled(at(v)));
  CHECK(watch.settled(at(2.1)));
  SettledGradient creeping(1e-2);  // each step is short, four of them are not
  for (int i = 0; i < 20; ++i) CHECK_FALSE(creeping.settled(at(1 + 0.005 * i)));
}

TEST_CASE("automatic: conjugate gradients to a target stop early, and not on a plateau") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  for (const double l2 : {1e-4, 1e-3, 1e-2, 1e-1}) {
    CAPTURE(l2);
    const Vec u = Vec::Constant(1, l2);
    const InnerSolution s = CholeskySolver().solve(p, u, nullptr, {}, {});
    InnerSolution x = s;
    x.inverse = nullptr;
    const Vec truth = reference_hypergradient(p, u, s.x()).gradient;
    for (const double target : {1e-1, 1e-2}) {
      const Hypergradient h = cg_to(target)->estimate(p, u, x, nullptr, 1e-6);
      CHECK(h.status == Status::converged);
      CHECK(test::relative_in_theta(p, u, h.gradient, truth) <= target);
    }
  }
  const Problem many = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(many.f->outer_dim(), 0.02);
  InnerSolution s = NewtonSolver().solve(many, u, nullptr, {1e-10}, {});
  s.inverse = nullptr;
  const Index tight = ImplicitCgEstimator().estimate(many, u, s, nullptr, 1e-6).linear_steps;
  CHECK(cg_to(1e-1)->estimate(many, u, s, nullptr, 1e-6).linear_steps < tight);
}

TEST_CASE("automatic: a solution that is not good enough is no success") {
  const Problem p = from_afar(test::reference_problem("ridge_diabetes", true), Vec::Constant(10, 0.02));
  const Vec u = Vec::Constant(10, 0.02);
  const InnerSolution s = test::run_map(map_named("gradient-descent"), p, u, 40, {49, 1});
  const Hypergradient h = sweep_to_target(p, u, s, nullptr, 1e-3, 100000);
  CHECK(h.status == Status::step_limit);
  CHECK(h.message.find("by estimate, the target 1.0e-03 of the hypergradient needs") != std::string::npos);
}

TEST_CASE("automatic: a sweep that would not end ends at five times the longest inner run, or where it is told to") {
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 1e-6);
  const double target = 1e-3;
  const InnerSolution cold = test::run_map(map_named("gradient-descent"), p, u, 200, {49, 1});
  const auto check = [](const Hypergradient& h, Index steps, const std::string& why) {
    CHECK(h.linear_steps == steps);
    CHECK(h.status == Status::step_limit);
    CHECK(h.gradient.allFinite());
    CHECK(h.residual > 0);
    CHECK(h.message == "the reverse sweep has not settled after " + std::to_string(steps) + " steps (" + why + ")");
  };
  const std::string other = "; UnrollEstimator::max_steps sets another limit";
  const std::string runs = "5 times as many as the longest inner solve took" + other;
  const Hypergradient first = sweep_to_target(p, u, cold, nullptr, target);
  check(first, 1000, runs);
  CHECK(first.calibration.longest_run == 200);
  // A warm run takes few steps, and its sweep what the first run allows.
  const InnerSolution warm = test::run_map(map_named("gradient-descent"), p, u, 7, {49, 1});
  check(sweep_to_target(p, u, warm, &first, target), 1000, runs);
  check(sweep_to_target(p, u, warm, nullptr, target), 100, "the least limit" + other);
  const auto sweep = window_auto(target);
  for (const Index most : {Index{1}, Index{37}, Index{3000}}) {
    sweep->max_steps = most;
    const Hypergradient h = sweep->estimate(p, u, cold, nullptr, 0);
    if (most == 1) {
      CHECK(h.message.find("after 1 step") != std::string::npos);
      CHECK(h.linear_steps == 1);
      CHECK(h.status == Status::step_limit);
    } else {
      check(h, most, "UnrollEstimator::max_steps allows no more");
    }
  }
  CHECK(sweep_limit(cold, {}) == 1000);
  Calibration long_ago;
  long_ago.longest_run = 5000;
  CHECK(sweep_limit(cold, long_ago) == 25000);
}

TEST_CASE("automatic: the cost of a sweep is predicted before its end") {
  Index runs = 0;
  for (const auto& one : problems()) {
    const Problem& p = one.first;
    const Vec& u = one.second;
    if (p.f->smoothness(u) > 3e3 * p.f->convexity(u)) continue;  // the others take as many seconds as all of these
    for (const char* map : {"gradient-descent", "nesterov"}) {
      CAPTURE(p.name);
      CAPTURE(map);
      const InnerSolution s = solver_with(map_named(map))->solve(p, u, nullptr, {1e-8}, {49, 1});
      const Hypergradient whole = sweep_to_target(p, u, s, nullptr, 1e-2, 1000000);
      REQUIRE(whole.status == Status::converged);
      CHECK(whole.cost.sweep == whole.linear_steps);  // no prediction where it is known
      if (whole.linear_steps < 60) continue;
      ++runs;
      const Hypergradient part = sweep_to_target(p, u, s, nullptr, 1e-2, whole.linear_steps / 2);
      CHECK(part.status == Status::step_limit);
      const double ratio = part.cost.sweep / static_cast<double>(whole.linear_steps);
      CHECK(ratio > 0.5);
      CHECK(ratio < 3);
    }
  }
  CHECK(runs >= 20);
}

TEST_CASE("automatic: conjugate gradients are predicted by the condition number, at most one step a variable") {
  const Problem p = test::random_problem(11, 12, true, true, 0.1);
  const auto map = map_named("gradient-descent")->bind(p, Vec::Constant(12, 0.1));
  const double kappa = p.f->smoothness(Vec::Constant(12, 0.1)) / p.f->convexity(Vec::Constant(12, 0.1));
  const PredictedCost some = predicted_cost(p, Vec::Constant(12, 0.1), *map, 500, 0.9, 0.1);
  CHECK(some.sweep == 500);
  CHECK(some.cg == std::ceil(std::min(12.0, 0.5 * std::sqrt(kappa) * std::log(20))));
  CHECK(predicted_cost(p, Vec::Constant(12, 1e3), *map, 500, 0.9, 0.5).cg == 1);
  CHECK(predicted_cost(p, Vec::Constant(12, 1e-9), *map, 500, 0.9, 0.1).cg == 12);
}

namespace {

/// x = b + M(x) u, a fixed point with a Jacobian that is not symmetric: f_x = A x - u_0 b - sin(x)/10.
struct PlainEquilibrium {
  Mat a;
  Vec b;
  Index inner_dim() const { return b.size(); }
  Index outer_dim() const { return 1; }
  double value(const Vec&, const Vec&) const { return 0; }
  Vec gradient(const Vec& x, const Vec& u) const { return a * x - u[0] * b - 0.1 * x.array().sin().matrix(); }
  Vec hessian(const Vec& x, const Vec&, const Vec& p) const { return a * p - 0.1 * x.array().cos().matrix().cwiseProduct(p); }
  Vec hessian_transposed(const Vec& x, const Vec&, const Vec& p) const {
    return a.transpose() * p - 0.1 * x.array().cos().matrix().cwiseProduct(p);
  }
  Vec cross(const Vec&, const Vec&, const Vec& p) const { return Vec::Constant(1, -b.dot(p)); }
  Vec cross_t(const Vec&, const Vec&, const Vec& w) const { return -w[0] * b; }
  double smoothness(const Vec&) const { return 4; }
};

}  // namespace

TEST_CASE("automatic: where f_xx is not symmetric the sweep is chosen, says why, and is right") {
  test::Numbers draw(8);
  const Mat a = 2 * Mat::Identity(6, 6) + 0.6 * draw.mat(6, 6);
  const PlainEquilibrium f{a, draw.vec(6)};
  const Problem p = test::plain_problem("equilibrium", f);
  REQUIRE_FALSE(p.f->symmetric());
  CHECK(test::ridge_problem().f->symmetric());
  const Chosen chosen = automatic_estimator(p);
  CHECK(chosen.name == "truncated-unroll");
  CHECK(chosen.why.find("no symmetric Hessian") != std::string::npos);
  CHECK(automatic_estimator(test::ridge_problem()).name == "implicit-cg");
  const Vec u = Vec::Constant(1, 1.3);
  for (const double target : {1e-1, 1e-2, 1e-3}) {
    chosen.estimator->aim(target);
    const auto solver = solver_with(std::make_unique<GradientDescent>());
    Calibration calibration;
    InnerSolution s = solve_as_planned(p, u, *solver, *chosen.estimator, nullptr, calibration, {1e-12});
    const Hypergradient h = estimate_as_planned(p, u, *solver, *chosen.estimator, s, nullptr, calibration, {1e-12}, 1e-6);
    const Vec x = solver->solve(p, u, nullptr, {1e-13}, {}).x();
    Vec lx(6), lu(1);
    p.l->gradient(x, u, lx, lu);
    Mat jacobian(6, 6);
    for (Index j = 0; j < 6; ++j) jacobian.col(j) = f.hessian(x, u, Vec::Unit(6, j));
    const Vec w = Eigen::MatrixXd(jacobian.transpose()).partialPivLu().solve(lx);
    Vec cross(1);
    p.f->linearize(x, u)->cross(w, cross);
    CHECK(std::abs(h.gradient[0] + cross[0]) <= target * std::abs(cross[0]));
    CHECK(h.status == Status::converged);
    CHECK(h.cost.sweep == h.linear_steps);
    CHECK(std::isnan(h.cost.cg));  // it has no symmetric Hessian to work with
  }
  const InnerSolution s = solver_with(std::make_unique<GradientDescent>())->solve(p, u, nullptr, {1e-8}, {});
  CHECK_THROWS_WITH_AS(ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-6), doctest::Contains("'truncated-unroll'"),
                       UsageError);
  CHECK_THROWS_WITH_AS(ImplicitDirectEstimator().estimate(p, u, s, nullptr, 1e-6), doctest::Contains("symmetric"), UsageError);
}

TEST_CASE("automatic: a limit of memory shortens the tape and nothing else") {
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::Constant(p.f->outer_dim(), 0.02);
  const std::size_t state = 2 * static_cast<std::size_t>(p.f->inner_dim()) * sizeof(double);
  for (const std::size_t limit : {std::size_t{1}, state, 2 * state, 7 * state + 3, 1000 * state}) {
    const auto sweep = window_auto(1e-2);
    sweep->memory = limit;
    const Met m = run(p, u, "nesterov", *sweep);
    CAPTURE(limit);
    CHECK(m.error <= 1);
    const std::size_t fit = std::min<std::size_t>(50, limit / state);
    CHECK(m.h.tape_bytes == (fit < 2 ? 0 : fit * state));
    CHECK(m.h.window <= static_cast<Index>(std::max<std::size_t>(fit, 1)) - 1);
  }
}
