// One hypergradient in one call, the state that a task keeps, batches of drawn tasks, and statuses that can be trusted.
#include <doctest/doctest.h>

#include <cmath>
#include <set>
#include <stdexcept>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/tasks.hpp>
#include <tacit/core/inner/second_order.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/byte_stream.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/reference.hpp>
#include <tacit/hypergrad/unroll.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

NewtonCgSolver tight_newton() {
  NewtonCgSolver solver;
  solver.options.tolerance = 1e-12;
  return solver;
}

IterateSolver descent(double tolerance) {
  IterateSolver solver(std::make_unique<GradientDescent>());
  solver.options.tolerance = tolerance;
  solver.options.max_steps = 100000;
  return solver;
}

/// f = (1 - x_1 x_2 ... )-like: x' D x / 2 with a negative entry of D where u says so, and a quartic that bounds it.
struct TwoWells {
  Index n = 3;
  Index inner_dim() const { return n; }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec& u) const {
    return 0.25 * std::pow(x[0], 4) - 0.5 * u[0] * x[0] * x[0] + 0.5 * x.tail(n - 1).squaredNorm();
  }
  Vec gradient(const Vec& x, const Vec& u) const {
    Vec g = x;
    g[0] = std::pow(x[0], 3) - u[0] * x[0];
    return g;
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    Vec out = p;
    out[0] = (3 * x[0] * x[0] - u[0]) * p[0];
    return out;
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, -x[0] * p[0]); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const {
    Vec out = Vec::Zero(n);
    out[0] = -x[0] * w[0];
    return out;
  }
  double smoothness(const Vec&) const { return 20; }
};

Problem two_wells(bool at_the_top) {
  Problem p;
  p.name = "two wells";
  p.f = adapt(TwoWells{});
  p.l = adapt_criterion(test::PlainDistance{Vec::Ones(3)});
  p.space = HyperSpace({HyperBlock{"u", 1, Scale::linear, -10, 10}});
  if (!at_the_top) p.start = std::make_shared<ConstantStart>(Vec::Constant(3, 0.5));
  return p;
}

/// A ridge whose f_xx has a skew part, though nothing says so.
struct Skewed : test::PlainRidge {
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    Vec out = PlainRidge::hessian(x, u, p);
    out[0] += 0.3 * p[1];
    out[1] -= 0.3 * p[0];
    return out;
  }
  double smoothness(const Vec&) const { return 5; }
};

/// Knows nothing but x and a status.
class BlackBox final : public InnerSolver {
public:
  explicit BlackBox(Status status) : status_(status) {}
  InnerSolution solve(const Problem& problem, In u, const InnerSolution*, Accuracy, TapeRequest) const override {
    InnerSolution s;
    s.z = tight_newton().solve(problem, u, nullptr, {1e-12}, {}).x();
    if (short_) s.z.conservativeResize(s.z.size() - 1);
    s.status = status_;
    return s;
  }
  bool short_ = false;

private:
  Status status_;
};

}  // namespace

TEST_CASE("one call: value, gradient in u and in theta are those of the reference, and cold and warm calls agree") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::LinSpaced(8, 0.01, 1);
  const Vec x = CholeskySolver().solve(p, u, nullptr, {}, {}).x();
  const Vec truth = reference_hypergradient(p, u, x).gradient;
  const NewtonCgSolver newton = tight_newton();
  ImplicitCgEstimator cg;
  cg.relative_tolerance = 1e-12;
  const OuterGradient cold = hypergradient(p, u, newton, cg);
  REQUIRE(cold.usable());
  CHECK(cold.message.empty());
  CHECK((cold.gradient - truth).norm() <= 1e-9 * truth.norm());
  CHECK((cold.in_theta - truth.cwiseProduct(u)).norm() <= 1e-9 * truth.norm());
  CHECK(cold.value == doctest::Approx(p.l->value(x, u)).epsilon(1e-12));
  CHECK(std::isnan(cold.error));
  CHECK(cold.work.inner_units() > 0);
  CHECK_FALSE(cold.state.empty());
  const OuterGradient warm = hypergradient(p, u, newton, cg, cold.state);
  CHECK((warm.gradient - truth).norm() <= 1e-9 * truth.norm());
  CHECK(warm.work.inner_units() < cold.work.inner_units() / 2);
  const OuterGradient again = hypergradient(p, u, newton, cg);
  CHECK(again.gradient == cold.gradient);  // nothing is kept but in the state
  HypergradientOptions with_error;
  with_error.estimate_errors = true;
  with_error.tolerance = Tolerance{1e-3, 1e-3};
  const OuterGradient rough = hypergradient(p, u, newton, cg, {}, with_error);
  const double off = (rough.in_theta - truth.cwiseProduct(u)).norm() / truth.cwiseProduct(u).norm();
  CHECK(rough.error == doctest::Approx(off).epsilon(0.2));
  CHECK(rough.value_error <= 1e-4 * rough.value);
}

TEST_CASE("one call: a state is a value that is copied, written and read back to the same bits") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::LinSpaced(8, 0.01, 1), next = 1.1 * u;
  const NewtonCgSolver newton = tight_newton();
  const ImplicitCgEstimator cg;
  TaskState state = hypergradient(p, u, newton, cg).state;
  const TaskState copy = state;
  StateWriter writer;
  state.visit_state(writer);
  TaskState back;
  StateReader reader(writer.bytes());
  back.visit_state(reader);
  const OuterGradient one = hypergradient(p, next, newton, cg, state), other = hypergradient(p, next, newton, cg, back);
  CHECK(one.gradient == other.gradient);
  CHECK(one.value == other.value);
  CHECK(one.work.inner_units() == other.work.inner_units());
  CHECK(copy.x() == state.x());
  TaskState none;
  StateWriter empty;
  none.visit_state(empty);
  StateReader of_empty(empty.bytes());
  back.visit_state(of_empty);
  CHECK(back.empty());
}

TEST_CASE("one call: the target of an estimator is met on this path, with the relative error that was asked") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::LinSpaced(8, 0.001, 0.1);
  const Vec truth = reference_hypergradient(p, u, CholeskySolver().solve(p, u, nullptr, {}, {}).x()).gradient.cwiseProduct(u);
  std::int64_t before = 0;
  for (const double target : {1e-1, 1e-2, 1e-3, 1e-4}) {
    ImplicitCgEstimator cg;
    cg.aim(target);
    const OuterGradient g = hypergradient(p, u, descent(1e-12), cg);
    CHECK(g.usable());
    CHECK((g.in_theta - truth).norm() <= target * truth.norm());
    CHECK(g.work.inner_units() >= before);
    before = g.work.inner_units();
  }
}

TEST_CASE("one call: the value alone needs no adjoint, and stored states are told in bytes") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::Constant(8, 0.1);
  HypergradientOptions alone;
  alone.gradient = false;
  const OuterGradient value = hypergradient(p, u, tight_newton(), ImplicitCgEstimator(), {}, alone);
  const OuterGradient both = hypergradient(p, u, tight_newton(), ImplicitCgEstimator());
  CHECK(value.usable());
  CHECK(value.value == doctest::Approx(both.value).epsilon(1e-10));
  CHECK(value.gradient.size() == 0);
  CHECK(value.work.inner_units() < both.work.inner_units());
  CHECK_FALSE(value.state.empty());
  IterateSolver steps(std::make_unique<GradientDescent>());
  steps.options.tolerance = 0;
  steps.options.max_steps = 100;
  CHECK(hypergradient(p, u, steps, UnrollEstimator(false)).tape_bytes >= 100 * 8 * sizeof(double));
  CHECK(both.tape_bytes == 0);
}

TEST_CASE("one call: wrong arguments and options are refused, each with its kind") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::Constant(8, 0.1);
  const auto kind_of = [&](auto&& f) -> std::string {
    try {
      f();
    } catch (const UsageError& e) {
      CHECK(std::string(e.what()).size() > 10);
      return std::to_string(static_cast<int>(e.kind()));
    }
    return "none";
  };
  const auto kind = [](UsageError::Kind k) { return std::to_string(static_cast<int>(k)); };
  const ImplicitCgEstimator cg;
  CHECK(kind_of([&] { hypergradient(p, Vec::Ones(7), tight_newton(), cg); }) == kind(UsageError::Kind::argument));
  Vec nan = u;
  nan[3] = std::nan("");
  CHECK(kind_of([&] { hypergradient(p, nan, tight_newton(), cg); }) == kind(UsageError::Kind::argument));
  CHECK(kind_of([&] { tight_newton().solve(p, nan, nullptr, {}, {}); }) == kind(UsageError::Kind::argument));
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  CHECK(kind_of([&] { oracle->evaluate(nan, oracle->tightest()); }) == kind(UsageError::Kind::argument));
  NewtonCgSolver negative;
  negative.options.tolerance = -5;
  CHECK(kind_of([&] { hypergradient(p, u, negative, cg); }) == kind(UsageError::Kind::option));
  CHECK(kind_of([&] { negative.solve(p, u, nullptr, {}, {}); }) == kind(UsageError::Kind::option));
  auto uphill = std::make_unique<GradientDescent>();
  uphill->step = -1;
  const IterateSolver wrong_step(std::move(uphill));
  CHECK(kind_of([&] { hypergradient(p, u, wrong_step, cg); }) == kind(UsageError::Kind::option));
  CHECK(kind_of([&] { wrong_step.solve(p, u, nullptr, {}, {}); }) == kind(UsageError::Kind::option));
  ImplicitCgEstimator misspelt;
  misspelt.preconditioner = "jacoby";
  CHECK(kind_of([&] { hypergradient(p, u, tight_newton(), misspelt); }) == kind(UsageError::Kind::option));
  const UnrollEstimator unroll(false);
  CHECK(kind_of([&] { hypergradient(p, u, tight_newton(), unroll); }) == kind(UsageError::Kind::combination));
  const auto run = [&](double tolerance, std::optional<double> step) {
    AdamOuter adam;
    adam.step_size = step;
    DriverOptions options;
    options.tolerance = tolerance;
    options.max_steps = 1;
    solve(options, p.space, *oracle, adam, Vec::Zero(8));
  };
  CHECK(kind_of([&] { run(1e-4, 0.1); }) == "none");
  CHECK(kind_of([&] { run(-5, 0.1); }) == kind(UsageError::Kind::option));
  CHECK(kind_of([&] { run(std::nan(""), 0.1); }) == kind(UsageError::Kind::option));
  CHECK(kind_of([&] { run(1e-4, -1); }) == kind(UsageError::Kind::option));
  BlackBox cut(Status::converged);
  cut.short_ = true;
  CHECK(kind_of([&] { hypergradient(p, u, cut, cg); }) == kind(UsageError::Kind::callback));
}

TEST_CASE("one call: a solver that fills in x and a status alone is enough, and its residual is measured") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::LinSpaced(8, 0.01, 1);
  ImplicitCgEstimator cg;
  cg.relative_tolerance = 1e-12;
  const Vec truth = hypergradient(p, u, tight_newton(), cg).gradient;
  for (const Status status : {Status::converged, Status::not_run}) {
    HypergradientOptions options;
    options.estimate_errors = true;
    options.tolerance = Tolerance{1e-10, 1e-12};
    const OuterGradient g = hypergradient(p, u, BlackBox(status), cg, {}, options);
    CHECK(g.usable());
    CHECK((g.gradient - truth).norm() <= 1e-9 * truth.norm());
    CHECK(g.error <= 1e-8);
  }
  const auto oracle = make_oracle(p, std::make_shared<BlackBox>(Status::converged), std::make_shared<ImplicitCgEstimator>());
  Vec theta = u.array().log();
  Evaluation e = oracle->differentiate(oracle->evaluate(theta, {1e-8, 1e-8}), {1e-8, 1e-8});
  e = oracle->diagnose(std::move(e), 0, 0);
  CHECK(e.diagnostics.hypergradient_error <= 1e-6);
  CHECK(e.diagnostics.inner_residual <= 1e-11);
  CHECK(e.diagnostics.inner_residual > 0);
}

TEST_CASE("statuses: a saddle is no solution, for every solver, and the check can be switched off") {
  const Vec u = Vec::Constant(1, 1.47);
  Registry<InnerSolver> solvers("solver", "inner.solver");
  register_solvers(solvers);
  int checked = 0;
  for (const std::string& name : solvers.names()) {
    if (name == "cholesky" || name == "heavy-ball" || name == "nesterov") continue;  // need a quadratic, or a mu
    CAPTURE(name);
    const auto solver = solvers.make(name);
    for (const bool top : {true, false}) {
      const Problem p = two_wells(top);
      const OuterGradient g = hypergradient(p, u, *solver, ImplicitDirectEstimator());
      CHECK(g.usable() == !top);
      if (top) {
        CHECK(g.status == Status::saddle);
        CHECK(g.message.find("-1.5e+00") != std::string::npos);
      }
      HypergradientOptions off;
      off.check_minimum = false;
      if (top) CHECK(hypergradient(p, u, *solver, ImplicitDirectEstimator(), {}, off).inner_status == Status::converged);
      ++checked;
    }
  }
  CHECK(checked >= 8);
  // What is promised to be convex is not checked: no product more.
  const Problem convex = test::ridge_problem(1);
  HypergradientOptions off;
  off.check_minimum = off.check_symmetry = false;
  HypergradientOptions symmetry = off;
  symmetry.check_symmetry = true;
  const Vec at = Vec::Constant(8, 0.1);
  const auto products = [&](const HypergradientOptions& o) {
    return hypergradient(convex, at, tight_newton(), ImplicitCgEstimator(), {}, o).work.hessian_products;
  };
  CHECK(products({}) == products(symmetry));
  CHECK(products(symmetry) == products(off) + 2);
}

TEST_CASE("statuses: an f_xx that is not symmetric though it is said to be is found, once a run") {
  const Mat a = test::uneven_data(40, 8, 3);
  const Problem p = test::plain_problem("skewed", Skewed{{a, a * test::Numbers(5).vec(8), 8}});
  const Vec u = Vec::Constant(8, 0.1);
  Registry<HypergradientEstimator> registry("estimator", "hypergradient.estimator");
  register_estimators(registry);
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    const auto estimator = registry.make(name);
    const OuterGradient g = hypergradient(p, u, descent(1e-9), *estimator);
    if (!estimator->assumes_symmetry()) {
      CHECK(g.usable());
      continue;
    }
    CHECK_FALSE(g.usable());
    CHECK(g.gradient.size() == 8);
    CHECK(g.gradient.array().isNaN().all());
    CHECK(g.message.find("not symmetric") != std::string::npos);
  }
}

TEST_CASE("statuses: where there is no hypergradient it is NaN of the right size") {
  Problem p = test::ridge_problem(1);
  p.l = adapt_criterion(test::PlainDistance{Vec::Constant(8, std::nan(""))});
  const OuterGradient g = hypergradient(p, Vec::Constant(8, 0.1), tight_newton(), ImplicitCgEstimator());
  CHECK_FALSE(g.usable());
  CHECK(g.gradient.size() == 8);
  CHECK(g.gradient.array().isNaN().all());
  CHECK(g.in_theta.size() == 8);
  CHECK_FALSE(g.message.empty());
  CHECK(g.state.empty());
}

TEST_CASE("tasks: a batch is the mean of its tasks, the same for any number of threads, drawn anew by step and seed") {
  const auto draw = [](std::uint64_t seed) {
    const Mat a = test::uneven_data(20, 4, static_cast<unsigned>(seed % 1000));
    return test::plain_problem("task", test::PlainRidge{a, a * test::Numbers(static_cast<unsigned>(seed % 77)).vec(4), 4});
  };
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto cg = std::make_shared<ImplicitCgEstimator>();
  const Vec theta = Vec::LinSpaced(4, -3, 0);
  const auto at = [&](Index step, Index threads, std::uint64_t seed) {
    BatchOptions options;
    options.tasks = 7;
    options.seed = seed;
    options.sum.threads = threads;
    const auto batch = task_batch(draw, step, solver, cg, options);
    return batch->differentiate(batch->evaluate(theta, batch->tightest()), batch->tightest());
  };
  const Evaluation one = at(3, 1, 5);
  for (const Index threads : {2, 4}) {
    CHECK(at(3, threads, 5).gradient == one.gradient);
    CHECK(at(3, threads, 5).value == one.value);
  }
  CHECK(at(4, 1, 5).value != one.value);
  CHECK(at(3, 1, 6).value != one.value);
  double mean = 0;
  Vec gradient = Vec::Zero(4);
  for (Index i = 0; i < 7; ++i) {
    const Problem task = draw(task_seed(5, 3, i));
    const OuterGradient g = hypergradient(task, theta.array().exp().matrix(), *solver, *cg);
    mean += g.value / 7;
    gradient += g.in_theta / 7;
  }
  CHECK(one.value == doctest::Approx(mean).epsilon(1e-12));
  CHECK((one.gradient - gradient).norm() <= 1e-10 * gradient.norm());
  std::set<std::uint64_t> seeds;
  for (Index step = 0; step < 50; ++step)
    for (Index i = 0; i < 50; ++i) seeds.insert(task_seed(1, step, i));
  CHECK(seeds.size() == 2500);
}

TEST_CASE("tasks: one without a hypergradient is left out and counted, or makes the batch fail, as was asked") {
  const auto draw = [](std::uint64_t seed) {
    const Mat a = test::uneven_data(20, 4, 3);
    Problem p = test::plain_problem("task", test::PlainRidge{a, a * test::Numbers(static_cast<unsigned>(seed % 77)).vec(4), 4});
    if (seed == task_seed(1, 0, 2)) p.l = adapt_criterion(test::PlainDistance{Vec::Constant(4, std::nan(""))});
    return p;
  };
  for (const auto missing : {SumOptions::Missing::fail, SumOptions::Missing::leave_out}) {
    BatchOptions options;
    options.tasks = 5;
    options.sum.missing = missing;
    const auto batch = task_batch(draw, 0, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>(), options);
    const Evaluation e = batch->differentiate(batch->evaluate(Vec::Zero(4), batch->tightest()), batch->tightest());
    REQUIRE(e.gradient.size() == 4);
    if (missing == SumOptions::Missing::fail) {
      CHECK(e.gradient.array().isNaN().all());
      continue;
    }
    CHECK(e.gradient.allFinite());
    CHECK(e.diagnostics.left_out == 1);
    CHECK(usable(e.diagnostics.hypergradient_status));
    CHECK(e.diagnostics.inner_message.find("task 2 of step 0 is left out") != std::string::npos);
  }
  BatchOptions none;
  none.tasks = 0;
  CHECK_THROWS_AS(task_batch(draw, 0, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>(), none),
                  UsageError);
}

TEST_CASE("observers: one may stop the run, sees the inner solution, and keeps the best row") {
  const Problem p = test::ridge_problem(1);
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  const auto run = [&](const std::vector<Observer>& observers) {
    LbfgsOuter optimizer;
    DriverOptions options;
    options.tolerance = 1e-12;
    return solve(options, p.space, *oracle, optimizer, Vec::Zero(8), observers);
  };
  Index rows = 0, with_x = 0;
  const Summary whole = run({[&](const StepRecord&) { ++rows; }});
  REQUIRE(whole.steps > 4);
  CHECK(rows == whole.steps + 1);
  const Summary stopped = run({[&](const StepRecord& r, const Evaluation& e) {
    with_x += e.state->inner.x().size() == 8;
    return r.step >= 2 ? Onward::stop : Onward::go_on;
  }});
  CHECK(stopped.reason == StopReason::interrupted);
  CHECK(stopped.steps == 2);
  CHECK(with_x == 3);
  CHECK(stopped.message.find("an observer stopped the run after step 2") != std::string::npos);
  CHECK(std::isfinite(stopped.best.outer_loss));
  CHECK_THROWS_AS(run({[](const StepRecord&) { throw std::runtime_error("mine"); }}), std::runtime_error);
}

TEST_CASE("observers: every inner iteration of every iterative solver is seen, and one may end the solve") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::Constant(8, 0.1);
  Registry<InnerSolver> solvers("solver", "inner.solver");
  register_solvers(solvers);
  for (const std::string& name : solvers.names()) {
    CAPTURE(name);
    const auto solver = solvers.make(name);
    Index seen = 0;
    Vec last;
    solver->watch = [&](const InnerIteration& i) {
      CHECK(i.step == ++seen);
      last = i.x;
    };
    const InnerSolution s = solver->solve(p, u, nullptr, {1e-8}, {});
    CHECK(seen == s.steps);
    if (name != "cholesky") CHECK(last == s.x());
    solver->watch = [](const InnerIteration&) { throw Interruption(); };
    CHECK_THROWS_AS(solver->solve(p, u, nullptr, {1e-8}, {}), Interruption);
  }
}
