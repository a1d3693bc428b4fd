// l(x_K(u), u) and l(x*(u), u) are different problems: what Response::iterate gives, and what it refuses. The truth is a loop of
// this file and its central differences.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <tacit/bilevel/compare.hpp>
#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/refit.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/curve.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

constexpr Index kSteps = 5, kHidden = 3, kParameters = 3 * kHidden + 1;

/// A number with its derivative along one direction.
struct Dual {
  double v = 0, d = 0;
};
Dual operator+(Dual a, Dual b) { return {a.v + b.v, a.d + b.d}; }
Dual operator-(Dual a, Dual b) { return {a.v - b.v, a.d - b.d}; }
Dual operator*(Dual a, Dual b) { return {a.v * b.v, a.d * b.v + a.v * b.d}; }
Dual tanh(Dual a) {
  const double t = std::tanh(a.v);
  return {t, (1 - t * t) * a.d};
}

/// Half the mean square of sum_k v_k tanh(w_k a + b_k) + c - y, x = (w, b, v, c), and its gradient by hand.
struct Network {
  Vec a, y;

  template <class T>
  T loss(const std::vector<T>& x, std::vector<T>* gradient) const {
    T total{};
    if (gradient) gradient->assign(x.size(), T{});
    const T share{1.0 / static_cast<double>(a.size())}, half{0.5}, one{1.0};
    for (Index i = 0; i < a.size(); ++i) {
      T out = x[3 * kHidden];
      std::vector<T> t(kHidden);
      for (std::size_t k = 0; k < kHidden; ++k) {
        using std::tanh;
        t[k] = tanh(x[k] * T{a[i]} + x[kHidden + k]);
        out = out + x[2 * kHidden + k] * t[k];
      }
      const T e = share * (out - T{y[i]});
      total = total + half * e * (out - T{y[i]});
      if (!gradient) continue;
      (*gradient)[3 * kHidden] = (*gradient)[3 * kHidden] + e;
      for (std::size_t k = 0; k < kHidden; ++k) {
        const T inner = e * x[2 * kHidden + k] * (one - t[k] * t[k]);
        (*gradient)[k] = (*gradient)[k] + inner * T{a[i]};
        (*gradient)[kHidden + k] = (*gradient)[kHidden + k] + inner;
        (*gradient)[2 * kHidden + k] = (*gradient)[2 * kHidden + k] + e * t[k];
      }
    }
    return total;
  }
  double value(const Vec& x) const { return loss<double>(std::vector<double>(x.begin(), x.end()), nullptr); }
  Vec gradient(const Vec& x) const {
    std::vector<double> g;
    loss<double>(std::vector<double>(x.begin(), x.end()), &g);
    return Eigen::Map<const Vec>(g.data(), x.size());
  }
  Vec hessian(const Vec& x, const Vec& p) const {
    std::vector<Dual> at, g;
    for (Index i = 0; i < x.size(); ++i) at.push_back({x[i], p[i]});
    loss<Dual>(at, &g);
    Vec out(x.size());
    for (Index i = 0; i < x.size(); ++i) out[i] = g[static_cast<std::size_t>(i)].d;
    return out;
  }
};

/// MAML: the inner objective does not know u, which is where its run starts.
struct NetworkObjective : Network {
  Index inner_dim() const { return kParameters; }
  Index outer_dim() const { return kParameters; }
  double value(const Vec& x, const Vec&) const { return Network::value(x); }
  Vec gradient(const Vec& x, const Vec&) const { return Network::gradient(x); }
  Vec hessian(const Vec& x, const Vec&, const Vec& p) const { return Network::hessian(x, p); }
  Vec cross(const Vec&, const Vec& u, const Vec&) const { return Vec::Zero(u.size()); }
  Vec cross_t(const Vec& x, const Vec&, const Vec&) const { return Vec::Zero(x.size()); }
};
struct NetworkLoss : Network {
  double value(const Vec& x, const Vec&) const { return Network::value(x); }
  Vec gradient_x(const Vec& x, const Vec&) const { return Network::gradient(x); }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

struct Case {
  std::string name;
  Problem problem;
  double step;
};

std::vector<Case> cases() {
  test::Numbers numbers(7);
  std::vector<Case> all(2);
  const Vec a = Vec::LinSpaced(8, -2, 2), b = Vec::LinSpaced(9, -1.8, 2.1);
  all[0] = {"network", {}, 0.1};
  all[0].problem.f = adapt(NetworkObjective{{a, a.array().sin().matrix()}});
  all[0].problem.l = adapt_criterion(NetworkLoss{{b, b.array().sin().matrix()}});
  all[1] = {"proximal least squares", {}, 0.05};
  all[1].problem.f = adapt(test::Proximal{numbers.mat(12, 4), numbers.vec(12)});
  all[1].problem.l = adapt_criterion(test::ProximalLoss{numbers.mat(9, 4), numbers.vec(9)});
  for (Case& c : all) {
    c.problem.name = c.name;
    c.problem.response = Response::iterate;
    c.problem.start = std::make_shared<test::StartAtU>();
    c.problem.space = HyperSpace({{"u", c.problem.f->outer_dim(), Scale::linear, -10, 10}});
  }
  return all;
}

std::shared_ptr<IterateSolver> descent(double step, Index steps = kSteps) {
  auto algorithm = std::make_unique<GradientDescent>();
  algorithm->step = step;
  auto solver = std::make_shared<IterateSolver>(std::move(algorithm));
  solver->options.tolerance = 0;
  solver->options.max_steps = steps;
  return solver;
}

/// l(x_K(u), u) by a loop of its own, gradient descent from x_0 = u.
double loss_of_loop(const Case& c, const Vec& u, Index steps = kSteps) {
  Vec x = u, g(u.size());
  for (Index k = 0; k < steps; ++k) {
    c.problem.f->gradient(x, u, g);
    x -= c.step * g;
  }
  return c.problem.l->value(x, u);
}

Vec differences(const std::function<double(const Vec&)>& loss, const Vec& u) {
  constexpr double h = 1e-3;
  Vec g(u.size()), v = u;
  const auto at = [&](Index j, double move) {
    v[j] = u[j] + move;
    const double value = loss(v);
    v[j] = u[j];
    return value;
  };
  for (Index j = 0; j < u.size(); ++j) g[j] = (8 * (at(j, h) - at(j, -h)) - (at(j, 2 * h) - at(j, -2 * h))) / (12 * h);
  return g;
}

Registry<HypergradientEstimator> estimators() {
  Registry<HypergradientEstimator> registry("estimator", "hypergradient.estimator");
  register_estimators(registry);
  return registry;
}

Vec start_of(const Case& c) { return Vec::LinSpaced(c.problem.f->outer_dim(), -0.8, 0.9); }

template <class F>
std::string refusal(const F& f) {
  try {
    f();
  } catch (const UsageError& e) {
    CHECK_FALSE(std::string(e.what()).empty());
    return e.key();
  }
  return "none";
}

}  // namespace

TEST_CASE("iterate: value, gradient and status are right at every outer step, for every estimator, or it is refused") {
  const auto registry = estimators();
  int right = 0, refused = 0;
  for (const Case& c : cases()) {
    for (const std::string& name : registry.names()) {
      CAPTURE(c.name);
      CAPTURE(name);
      const std::shared_ptr<HypergradientEstimator> estimator = registry.make(name);
      const auto oracle_with = [&](std::optional<bool> warm) {
        return make_oracle(c.problem, descent(c.step), estimator, {.warm_start = warm, .reference_every = 1});
      };
      // K steps from x_0(u) have no warm start, whatever the estimator.
      CHECK(refusal([&] { oracle_with(true); }) == (estimator->of_iterate() ? "inner.warm_start" : "hypergradient.estimator"));
      if (!estimator->of_iterate()) {
        CHECK(refusal([&] { oracle_with({}); }) == "hypergradient.estimator");
        const Vec u = start_of(c);
        const InnerSolution inner = descent(c.step)->solve(c.problem, u, nullptr, {}, {TapeRequest::kAll, 1});
        CHECK(refusal([&] { estimator->estimate(c.problem, u, inner, nullptr, 1e-8); }) == "hypergradient.estimator");
        ++refused;
        continue;
      }
      const auto oracle = oracle_with(name.size() % 2 == 0 ? std::optional<bool>(false) : std::nullopt);
      Vec theta = start_of(c);
      std::optional<Evaluation> before;
      for (int step = 0; step < 20; ++step) {
        // Whatever tolerance is asked: the value is that of exactly K steps.
        const Tolerance tolerance{step % 2 == 0 ? 1e-2 : 1e-9, 1e-6};
        Evaluation e = oracle->differentiate(oracle->evaluate(theta, tolerance, before ? &*before : nullptr), tolerance);
        e = oracle->diagnose(std::move(e), step, 0);
        const double truth = loss_of_loop(c, theta);
        const Vec slope = differences([&](const Vec& v) { return loss_of_loop(c, v); }, theta);
        REQUIRE(std::abs(e.value - truth) <= 1e-13 * std::abs(truth));
        REQUIRE((e.gradient - slope).norm() <= 1e-8 * slope.norm());
        REQUIRE(e.diagnostics.inner_steps == kSteps);
        REQUIRE(e.diagnostics.inner_status == Status::as_asked);
        REQUIRE(e.diagnostics.hypergradient_status == Status::converged);
        REQUIRE(e.diagnostics.outer_loss_error == 0);
        REQUIRE(e.diagnostics.hypergradient_error <= 1e-8);
        REQUIRE(e.diagnostics.hypergradient_error_reference <= 1e-8);
        REQUIRE(oracle->evaluate_fully(theta, &e).value == e.value);
        theta -= 0.05 * e.gradient;
        before = std::move(e);
      }
      ++right;
    }
  }
  CHECK(right == 8);
  CHECK(refused >= 10);
}

TEST_CASE("iterate: what is cut of the steps is the error that is told, and the status says that it was cut") {
  for (const Case& c : cases()) {
    for (const bool forward : {false, true}) {
      CAPTURE(c.name);
      CAPTURE(forward);
      std::shared_ptr<HypergradientEstimator> estimator;
      if (forward) {
        auto made = std::make_shared<ForwardEstimator>();
        made->window = Count::of(2);
        estimator = made;
      } else {
        auto made = std::make_shared<UnrollEstimator>(true);
        made->window = Count::of(2);
        estimator = made;
      }
      const auto oracle = make_oracle(c.problem, descent(c.step), estimator, {.reference_every = 1});
      const Vec theta = start_of(c);
      Evaluation e = oracle->diagnose(oracle->differentiate(oracle->evaluate(theta, {}), {}), 0, 0);
      const Vec truth = differences([&](const Vec& v) { return loss_of_loop(c, v); }, theta);
      const double error = (e.gradient - truth).norm() / truth.norm();
      CHECK(error > 0.01);
      CHECK(e.diagnostics.hypergradient_error == doctest::Approx(error).epsilon(1e-6));
      CHECK(e.diagnostics.hypergradient_error_reference == doctest::Approx(error).epsilon(1e-6));
      CHECK(e.diagnostics.hypergradient_status == Status::step_limit);
      CHECK_FALSE(usable(e.diagnostics.hypergradient_status));
    }
  }
}

TEST_CASE("iterate: the steps of momentum maps, stored with any stride, are differentiated as they ran") {
  for (const Case& c : cases()) {
    for (const bool nesterov : {false, true}) {
      std::unique_ptr<Algorithm> algorithm;
      const auto set = [&](auto made) {
        made->step = c.step;
        made->momentum = 0.4;
        algorithm = std::move(made);
      };
      if (nesterov)
        set(std::make_unique<Nesterov>());
      else
        set(std::make_unique<HeavyBall>());
      auto solver = std::make_shared<IterateSolver>(std::move(algorithm));
      solver->options.tolerance = 0;
      solver->options.max_steps = 17;
      const auto loop = [&](const Vec& u) {
        Vec x = u, last = u, g(u.size());
        for (int k = 0; k < 17; ++k) {
          const Vec y = x + 0.4 * (x - last);
          c.problem.f->gradient(nesterov ? y : x, u, g);
          last = x;
          x = y - c.step * g;
        }
        return c.problem.l->value(x, u);
      };
      const Vec theta = start_of(c), truth = differences(loop, theta);
      std::vector<Vec> gradients;
      for (const Count& stride : {Count::of(1), Count::of(4), Count::automatic()}) {
        auto estimator = std::make_shared<UnrollEstimator>(false);
        estimator->stride = stride;
        const auto oracle = make_oracle(c.problem, solver, estimator);
        const Evaluation e = oracle->differentiate(oracle->evaluate(theta, {}), {});
        CHECK(std::abs(e.value - loop(theta)) <= 1e-13 * std::abs(e.value));
        CHECK((e.gradient - truth).norm() <= 1e-8 * truth.norm());
        CHECK(e.diagnostics.hypergradient_status == Status::converged);
        gradients.push_back(e.gradient);
      }
      CHECK(gradients[0] == gradients[1]);
      CHECK(gradients[0] == gradients[2]);
    }
  }
}

TEST_CASE("iterate: solve() ends at a minimum of the K-step loss") {
  for (const Case& c : cases()) {
    for (const bool adam : {false, true}) {
      CAPTURE(c.name);
      CAPTURE(adam);
      const auto oracle = make_oracle(c.problem, descent(c.step), automatic_estimator(c.problem).estimator);
      Registry<OuterOptimizer> registry("optimizer");
      register_optimizers(registry);
      const auto optimizer = registry.make(adam ? "adam" : "lbfgs");
      DriverOptions options;
      options.max_steps = adam ? 400 : 200;
      options.tolerance = 1e-9;
      const Summary s = solve(options, c.problem.space, *oracle, *optimizer, start_of(c));
      REQUIRE(s.usable());
      const Vec u = s.best_evaluation.u;
      const double first = loss_of_loop(c, start_of(c)), last = loss_of_loop(c, u);
      CHECK(s.best.outer_loss == doctest::Approx(last).epsilon(1e-12));
      CHECK(last < 0.5 * first);
      const auto loop = [&](const Vec& v) { return loss_of_loop(c, v); };
      if (!adam) CHECK(differences(loop, u).norm() < 1e-3 * differences(loop, start_of(c)).norm());
      CHECK(s.doubt == "");
      CHECK(s.worst_error < 1e-8);
    }
  }
}

TEST_CASE("iterate: a run that is not K steps of a fixed map is refused, and so is what is of the solution") {
  const Case c = cases()[1];
  const auto full = std::make_shared<UnrollEstimator>(false);
  const auto loose = descent(c.step);
  loose->options.tolerance = 1e-8;
  CHECK(refusal([&] { make_oracle(c.problem, loose, full); }) == "inner.tolerance");
  const auto automatic = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  automatic->options.tolerance = 0;
  CHECK(refusal([&] { make_oracle(c.problem, automatic, full); }) == "inner.step");
  CHECK(refusal([&] { make_oracle(c.problem, std::make_shared<LbfgsSolver>(), full); }) == "inner.solver");
  auto sweep = std::make_shared<UnrollEstimator>(true);
  sweep->window = Count::automatic();
  CHECK(refusal([&] { make_oracle(c.problem, descent(c.step), sweep); }) == "hypergradient.estimator");

  const Vec u = start_of(c);
  const InnerSolution cold = descent(c.step)->solve(c.problem, u, nullptr, {}, {TapeRequest::kAll, 1});
  CHECK(cold.status == Status::as_asked);
  CHECK(cold.steps == kSteps);  // whatever accuracy was asked
  CHECK(refusal([&] { descent(c.step)->solve(c.problem, u, &cold, {}, {}); }) == "inner.warm_start");
  CHECK(refusal([&] { loose->solve(c.problem, u, nullptr, {}, {}); }) == "inner.tolerance");
  Problem solution = c.problem;
  solution.response = Response::solution;
  const InnerSolution warm = descent(c.step)->solve(solution, u, &cold, {}, {TapeRequest::kAll, 1});
  CHECK(refusal([&] { full->estimate(c.problem, u, warm, nullptr, 0); }) == "inner.warm_start");
  const InnerSolution newton = NewtonCgSolver().solve(solution, u, nullptr, {}, {});
  CHECK(refusal([&] { FiniteDifferenceEstimator().estimate(c.problem, u, newton, nullptr, 0); }) == "inner.solver");

  for (const std::function<void()>& of_solution : std::vector<std::function<void()>>{
           [&] { reference_hypergradient(c.problem, u, u); }, [&] { refit(c.problem, u, u); }, [&] { exact_oracle(c.problem); },
           [&] { truth_at(c.problem, u, {}); }, [&] { convergence_curve(c.problem, u, GradientDescent(), {}); }})
    CHECK(refusal(of_solution) == "inner.response");
}

TEST_CASE("exactly the steps that were asked is a status of its own, and usable") {
  Case c = cases()[1];
  c.problem.response = Response::solution;
  const Vec u = start_of(c);
  const InnerSolution inner = descent(c.step)->solve(c.problem, u, nullptr, {0}, {});
  CHECK(inner.status == Status::as_asked);
  CHECK(usable(inner.status));
  CHECK_FALSE(solved(inner.status));
  CHECK(std::string(to_string(inner.status)) == "as asked");
  auto limited = descent(c.step);
  limited->options.tolerance = 1e-12;
  CHECK(limited->solve(c.problem, u, nullptr, {1e-12}, {}).status == Status::step_limit);
  ImplicitCgEstimator cg;
  cg.max_steps = 2;
  CHECK(cg.estimate(c.problem, u, inner, nullptr, 0).status == Status::as_asked);
  CHECK(cg.estimate(c.problem, u, inner, nullptr, 1e-14).status == Status::step_limit);
  FixedPointEstimator fixed;
  fixed.max_steps = 3;
  CHECK(fixed.estimate(c.problem, u, inner, nullptr, 0).status == Status::as_asked);
  CHECK(fixed.estimate(c.problem, u, inner, nullptr, 1e-12).status == Status::step_limit);
}

TEST_CASE("iterate: final fit, search of a start, path and truth of a comparison are those of the K steps") {
  for (const Case& c : cases()) {
    CAPTURE(c.name);
    const auto solver = descent(c.step);
    const Vec u = start_of(c);
    const auto loop = [&](const Vec& v) { return loss_of_loop(c, v); };
    const Vec slope = differences(loop, u);

    const Refit fit = refit_iterate(c.problem, u, *solver);
    CHECK(fit.reached());
    CHECK(fit.status == Status::as_asked);
    CHECK(c.problem.l->value(fit.x, u) == doctest::Approx(loop(u)).epsilon(1e-13));

    const auto oracle = iterate_oracle(c.problem, solver);
    const Evaluation e = oracle->differentiate(oracle->evaluate(u, {}), {});
    CHECK(e.value == doctest::Approx(loop(u)).epsilon(1e-13));
    CHECK((e.gradient - slope).norm() <= 1e-8 * slope.norm());

    for (const Index most : {100, 1}) {  // forward mode, then the reverse sweep, beside the differences
      TruthOptions options;
      options.steps = solver;
      options.most_checked = most;
      const Truth t = truth_at(c.problem, u, options);
      REQUIRE(t.known());
      CHECK(t.value == doctest::Approx(loop(u)).epsilon(1e-13));
      CHECK((t.gradient - slope).norm() <= 1e-7 * slope.norm());
      CHECK(t.disagreement(0) <= 1e-7);
    }

    Registry<OuterOptimizer> registry("optimizer");
    register_optimizers(registry);
    const auto optimizer = registry.make("lbfgs");
    const ReferencePath path = reference_path(c.problem, *optimizer, u, 4, 1e-9, {}, solver);
    REQUIRE(path.theta.size() == 4);
    CHECK(path.theta.front() == u);
    CHECK(loop(path.theta.back()) < loop(u));

    // One estimator that is whole and one that is cut, on the same runs.
    auto cut = std::make_shared<UnrollEstimator>(true);
    cut->window = Count::of(2);
    std::vector<Truth> truths;
    for (const Vec& theta : path.theta) truths.push_back(truth_at(c.problem, theta, {.steps = solver}));
    const Comparison seen = compare_on_path({{"gradient-descent", c.problem, solver, false}},
                                            {{"full", std::make_shared<UnrollEstimator>(false), 0}, {"cut", cut, 0}}, truths, 0);
    REQUIRE(seen.observations.size() == 8);
    for (const Observation& o : seen.observations) {
      if (o.contender == 0)
        CHECK(o.relative_error <= 1e-6);
      else
        CHECK(o.relative_error > 0.01);
    }
    CHECK(refusal([&] {
            compare_on_path({{"gradient-descent", c.problem, solver, false}}, {}, truths, 0, {}, 1);
          }) == "inner.response");

    Problem solution = c.problem;
    solution.response = Response::solution;
    CHECK(refusal([&] { refit_iterate(solution, u, *solver); }) == "inner.response");
    CHECK(refusal([&] { iterate_oracle(solution, solver); }) == "inner.response");
    CHECK(refusal([&] { reference_path(c.problem, *optimizer, u, 4, 1e-9); }) == "inner.response");
  }
}
