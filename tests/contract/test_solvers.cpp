// What every registered inner solver owes: the minimizer, an honest account of how it ended, cheap warm starts.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "bilevel/followers.hpp"
#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Gives every solver the same step limit, whatever its class.
class SetSteps final : public FieldVisitor {
public:
  explicit SetSteps(Index steps) : steps_(steps) {}

private:
  void visit(std::string_view, double&, const Range&, std::string_view) override {}
  void visit(std::string_view name, Index& value, const Range&, std::string_view) override {
    if (name == "max_steps") value = steps_;
  }
  void visit(std::string_view, bool&, std::string_view) override {}
  void visit(std::string_view, std::string&, const std::vector<std::string>&, std::string_view) override {}
  void visit(std::string_view, std::optional<double>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, std::optional<Index>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, Count&, const Range&, CountWords, std::string_view) override {}
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}
  Index steps_;
};

Registry<InnerSolver> solvers() {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  return registry;
}

std::unique_ptr<InnerSolver> make(const std::string& name, Index max_steps) {
  auto solver = solvers().make(name);
  SetSteps set(max_steps);
  solver->fields(set);
  return solver;
}

/// Whether a solver takes this kind of problem at all (a direct one may want a quadratic).
bool takes(const InnerSolver& solver, const Problem& p, In u) {
  try {
    solver.solve(p, u, nullptr, {0.5}, {});
    return true;
  } catch (const UsageError& refusal) {
    CHECK(refusal.key() == "inner.solver");
    return false;
  }
}

/// Calls body(name, problem, u) for every solver on every problem it takes.
template <class Body>
void for_each_case(Body body) {
  const auto registry = solvers();
  for (const std::string& name : registry.names()) {
    for (const Index each : {Index{0}, Index{1}}) {
      for (const Problem& p : {test::ridge_problem(each), test::logistic_problem(each)}) {
        CAPTURE(name);
        CAPTURE(p.name);
        CAPTURE(each);
        const Vec u = Vec::LinSpaced(p.f->outer_dim(), 0.05, 0.2);
        if (takes(*make(name, 1), p, u)) body(name, p, u);
      }
    }
  }
}

/// Counted, the constants at u asked already: a struct has to compute them, once a point, whoever solves.
Problem with_constants(const Problem& p, const std::shared_ptr<WorkCounter>& counter, In u) {
  Problem q = counted(p, counter);
  q.f->smoothness(u);
  q.f->gradient_scale(u);
  return q;
}

double true_residual(const Problem& p, const InnerSolution& s, In u) {
  Vec g(s.inner_dim);
  p.f->gradient(s.x(), u, g);
  return g.norm() / p.f->gradient_scale(u);
}

}  // namespace

TEST_CASE("solvers: the registry offers the documented names") {
  CHECK(solvers().names() ==
        std::vector<std::string>{"gradient-descent", "heavy-ball", "nesterov", "lbfgs", "newton", "newton-cg", "cholesky"});
}

TEST_CASE("solvers: all find the same minimizer and report the true residual") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const InnerSolution exact = NewtonSolver().solve(p, u, nullptr, {1e-14}, {});
    const InnerSolution s = make(name, 5000)->solve(p, u, nullptr, {1e-10}, {});
    CHECK(s.status == Status::converged);
    CHECK(s.message.empty());
    CHECK(s.residual <= 1e-10);
    CHECK(s.steps > 0);
    // Equal but for the rounding of a gradient that is nearly zero.
    CHECK(std::abs(s.residual - true_residual(p, s, u)) <= 1e-6 * s.residual + 1e-15);
    CHECK(s.gradient_norm == doctest::Approx(s.residual * p.f->gradient_scale(u)));
    CHECK((s.x() - exact.x()).norm() < 1e-8 * exact.x().norm());
    CHECK(s.cold);
    CHECK(s.x0 == s.x_cold);
    CHECK(s.inner_dim == p.f->inner_dim());
  });
}

TEST_CASE("solvers: one step only is reported as the step limit, with the numbers") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const InnerSolution s = make(name, 1)->solve(p, u, nullptr, {1e-10}, {});
    CHECK(std::abs(s.residual - true_residual(p, s, u)) <= 1e-6 * s.residual + 1e-15);
    if (s.residual <= 1e-10) {
      CHECK(s.status == Status::converged);  // a direct solver, or Newton on a quadratic
      CHECK(p.f->quadratic());
    } else {
      CHECK(s.status == Status::step_limit);
      CHECK(s.steps == 1);
      CHECK(s.message.find("after 1 step") != std::string::npos);
      CHECK(s.message.find("asked 1.0e-10") != std::string::npos);
    }
  });
}

TEST_CASE("solvers: what rounding forbids is reported as rounding, at its level") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const InnerSolution s = make(name, 20000)->solve(p, u, nullptr, {1e-300}, {});
    CAPTURE(s.message);
    CAPTURE(s.steps);
    CHECK((s.status == Status::rounding || (s.status == Status::converged && s.residual == 0)));
    CHECK(s.residual < 1e-13);
    CHECK(s.steps < 5000);
    CHECK(std::abs(s.residual - true_residual(p, s, u)) < 1e-15);
  });
}

TEST_CASE("solvers: tolerance 0 means exactly the step limit") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 7);
    if (!solver->can_record()) return;
    const InnerSolution s = solver->solve(p, u, nullptr, {0}, {TapeRequest::kAll, 1});
    CHECK(s.status == Status::as_asked);
    CHECK(s.steps == 7);
    CHECK(s.message.find("exactly 7 steps") != std::string::npos);
    REQUIRE(s.tape);
    CHECK(s.tape->steps() == 7);
    CHECK(s.step_norms.size() == 7);
    CHECK(s.tape->stored().back().second == s.z);
    CHECK(s.tape->stored().front().second == s.z0);
  });
}

TEST_CASE("solvers: a warm start that is good enough costs one gradient") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 5000);
    const InnerSolution first = solver->solve(p, u, nullptr, {1e-10}, {});
    const auto counter = std::make_shared<WorkCounter>();
    const Problem q = with_constants(p, counter, u);
    const Work before = counter->read();
    const InnerSolution again = solver->solve(q, u, &first, {1e-8}, {});
    CHECK(again.status == Status::converged);
    CHECK_FALSE(again.cold);
    CHECK(again.x0 == first.x());
    if (solver->tolerance() == 0) return;  // a direct one factors anew: its factor is what the next one asks for
    CHECK(again.steps == 0);
    CHECK(again.x() == first.x());
    CHECK((counter->read() - before).inner_units() == 1);
  });
}

TEST_CASE("solvers: warm starts from a near solution find the cold answer with less work") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    if (name == "cholesky" || (name == "newton" && p.f->quadratic())) return;
    const auto solver = make(name, 5000);
    const InnerSolution first = solver->solve(p, 1.02 * u, nullptr, {1e-8}, {});
    const auto cold = std::make_shared<WorkCounter>(), warm = std::make_shared<WorkCounter>();
    const InnerSolution from_zero = solver->solve(with_constants(p, cold, u), u, nullptr, {1e-8}, {});
    const InnerSolution from_near = solver->solve(with_constants(p, warm, u), u, &first, {1e-8}, {});
    CHECK(from_near.status == Status::converged);
    CHECK((from_near.x() - from_zero.x()).norm() <= 1e-6 * from_zero.x().norm());
    // On a quadratic of 8 variables L-BFGS with 10 pairs ends after 8 steps from anywhere.
    if (name == "lbfgs" && p.f->quadratic())
      CHECK(warm->read().inner_units() <= cold->read().inner_units());
    else
      CHECK(warm->read().inner_units() < cold->read().inner_units());
  });
}

TEST_CASE("solvers: the gradient where a run began is that at x0, cold and warm, and known to all that are no map") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 50);
    const InnerSolution near = solver->solve(p, 1.5 * u, nullptr, {1e-3}, {});
    const InnerSolution cold = solver->solve(p, u, nullptr, {1e-8}, {}), warm = solver->solve(p, u, &near, {1e-8}, {});
    for (const InnerSolution* s : {&cold, &warm}) {
      CHECK(std::isnan(s->start_gradient) == solver->can_record());
      if (solver->can_record()) continue;
      Vec g(s->inner_dim);
      p.f->gradient(s->x0, u, g);
      CHECK(std::abs(s->start_gradient - g.norm()) <= 1e-12 * p.f->gradient_scale(u));
    }
    CHECK(warm.x0 == near.x());
  });
}

TEST_CASE("solvers: a tape is recorded, or refused with what to use instead") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 50);
    if (solver->can_record()) {
      const InnerSolution s = solver->solve(p, u, nullptr, {1e-3}, {4, 1});
      REQUIRE(s.tape);
      REQUIRE(s.map);
      CHECK(s.tape->steps() == s.steps);
      CHECK(s.tape->differentiable(4) == std::min<Index>(4, s.steps));
      CHECK(s.z.size() == s.map->state_dim());
    } else {
      CHECK_THROWS_WITH_AS(solver->solve(p, u, nullptr, {1e-3}, {4, 1}), doctest::Contains("gradient-descent"), UsageError);
      CHECK_FALSE(solver->solve(p, u, nullptr, {1e-3}, {}).map);
    }
  });
}

TEST_CASE("solvers: a previous solution that does not fit or is not finite") {
  for_each_case([](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 5000);
    InnerSolution previous = solver->solve(p, u, nullptr, {1e-6}, {});
    InnerSolution spoiled = previous;
    spoiled.z[0] = std::nan("");
    const InnerSolution s = solver->solve(p, u, &spoiled, {1e-6}, {});
    CHECK(s.status == Status::converged);
    CHECK(s.cold);
    previous.inner_dim = 3;
    CHECK_THROWS_AS(solver->solve(p, u, &previous, {1e-6}, {}), UsageError);
    CHECK_THROWS_AS(solver->solve(p, Vec::Ones(u.size() + 1), nullptr, {1e-6}, {}), UsageError);
  });
}

TEST_CASE("solvers: data that is not finite ends as failed, not as success") {
  for (const std::string& name : solvers().names()) {
    CAPTURE(name);
    Mat a = test::uneven_data(20, 4, 51);
    a(3, 2) = std::nan("");
    const Problem p = test::plain_problem("broken", test::PlainRidge{a, Vec::Ones(20)});
    const Vec u = Vec::Constant(1, 0.1);
    const InnerSolution s = make(name, 20)->solve(p, u, nullptr, {1e-6}, {});
    CHECK(s.status == Status::failed);
    CHECK_FALSE(s.message.empty());
  }
}

TEST_CASE("solvers: a run that goes on is the run that never stopped, state by state") {
  Index continued = 0;
  for_each_case([&](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 120);
    const TapeRequest tape = solver->can_record() ? TapeRequest{7, 1} : TapeRequest{};
    const InnerSolution whole = solver->solve(p, u, nullptr, {1e-9}, tape);
    InnerSolution parts = solver->solve(p, u, nullptr, {1e-2}, tape);
    const InnerSolution before = parts;
    if (!solver->go_on(p, u, parts, {1e-9})) {
      CHECK_FALSE(solver->can_record());
      CHECK(parts.z == before.z);
      return;
    }
    ++continued;
    CHECK(parts.z == whole.z);
    CHECK(parts.steps == whole.steps);
    CHECK(parts.steps > before.steps);
    CHECK(parts.step_norms == whole.step_norms);
    CHECK(parts.residual == doctest::Approx(whole.residual).epsilon(1e-12));
    CHECK(parts.status == whole.status);
    CHECK(parts.message == whole.message);
    REQUIRE(parts.tape.has_value());
    CHECK(parts.tape->stored() == whole.tape->stored());
  });
  CHECK(continued >= 12);
}

TEST_CASE("solvers: a run stopped by its iterate is about as near as was asked, and says that it was that") {
  Index stopped = 0;
  for_each_case([&](const std::string& name, const Problem& p, const Vec& u) {
    const auto solver = make(name, 5000);
    Accuracy accuracy{1e-12};
    accuracy.iterate = 1e-3;
    const InnerSolution s = solver->solve(p, u, nullptr, accuracy, {});
    if (!solver->can_record()) {
      CHECK_FALSE(s.iterate_met);
      CHECK(s.residual <= 1e-12);
      return;
    }
    ++stopped;
    const Vec x = NewtonSolver().solve(p, u, nullptr, {1e-14}, {}).x();
    CHECK(s.iterate_met);
    CHECK(s.status == Status::converged);
    CHECK(s.message.empty());
    CHECK(s.residual > 1e-12);
    CHECK((s.x() - x).norm() <= 2e-3 * x.norm());  // an estimate, no bound
    CHECK(s.relative_iterate_error(p, u) <= 1e-3);
    CHECK(s.relative_iterate_error(p, u) >= (s.x() - x).norm() / x.norm() * 0.5);
    // The gradient that it left is that of its end.
    CHECK(s.gradient.norm() == doctest::Approx(s.gradient_norm));
  });
  CHECK(stopped == 12);
}

namespace {

enum class Broken { smoothness, convexity, value, gradient, hessian };

/// A ridge one of whose answers is `bad` below a wall in u; everything is right above it.
struct Walled : test::PlainRidge {
  Broken what = Broken::smoothness;
  double bad = 0, wall = 0;
  bool broken(const Vec& u, Broken which) const { return what == which && u[0] < wall; }
  double value(const Vec& x, const Vec& u) const { return broken(u, Broken::value) ? bad : PlainRidge::value(x, u); }
  Vec gradient(const Vec& x, const Vec& u) const {
    return broken(u, Broken::gradient) ? Vec::Constant(x.size(), bad) : PlainRidge::gradient(x, u);
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return broken(u, Broken::hessian) ? Vec::Constant(x.size(), bad) : PlainRidge::hessian(x, u, p);
  }
  double smoothness(const Vec& u) const { return broken(u, Broken::smoothness) ? bad : 4 + u[0]; }
  double convexity(const Vec& u) const { return broken(u, Broken::convexity) ? bad : u[0]; }
};

Problem walled(Broken what, double bad, double wall) {
  const Mat a = test::uneven_data(40, 8, 3);
  Walled f;
  f.a = a;
  f.y = a * test::Numbers(5).vec(8) + 0.3 * test::Numbers(7).vec(40);
  f.what = what;
  f.bad = bad;
  f.wall = wall;
  return test::plain_problem("walled", std::move(f));
}

std::vector<double> bad_numbers(Broken what) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  std::vector<double> bad{std::nan(""), kInf, -kInf};
  if (what == Broken::smoothness) bad.insert(bad.end(), {0.0, -1.0});
  if (what == Broken::convexity) bad.insert(bad.end(), {0.0, -1.0, 1e-320});
  return bad;
}

constexpr Broken kAllBroken[] = {Broken::smoothness, Broken::convexity, Broken::value, Broken::gradient, Broken::hessian};

}  // namespace

TEST_CASE("solvers: a point where an answer of the objective is no number ends as a status, never as an exception") {
  Index failed = 0;
  for (const std::string& name : solvers().names()) {
    for (const Broken what : kAllBroken) {
      for (const double bad : bad_numbers(what)) {
        CAPTURE(name);
        CAPTURE(static_cast<int>(what));
        CAPTURE(bad);
        const Problem p = walled(what, bad, 0.1);
        const auto solver = make(name, 3000);
        const Vec good = Vec::Constant(1, 0.2), u = Vec::Constant(1, 0.05);
        const InnerSolution before = solver->solve(p, good, nullptr, {1e-8}, {});
        REQUIRE(usable(before.status));
        for (const InnerSolution* previous : {static_cast<const InnerSolution*>(nullptr), &before}) {
          const TapeRequest tape = solver->can_record() ? TapeRequest{5, 1} : TapeRequest{};
          InnerSolution s;
          REQUIRE_NOTHROW(s = solver->solve(p, u, previous, {1e-8}, tape));
          if (!usable(s.status)) CHECK_FALSE(s.message.empty());
          if (what == Broken::gradient) CHECK(s.status == Status::failed);
          const bool momentum = name == "heavy-ball" || name == "nesterov";
          if (solver->can_record() && what == Broken::smoothness) {
            CHECK(s.status == Status::failed);
            CHECK(s.message.find("`step`") != std::string::npos);
          }
          if (momentum && what == Broken::convexity && !(bad > 1e-300)) {
            CHECK(s.status == Status::failed);
            CHECK(s.message.find("`momentum`") != std::string::npos);
          }
          if (s.status == Status::failed) {
            ++failed;
            // The next point starts from it, or cold, as if nothing had been.
            CHECK_FALSE(solver->go_on(p, u, s, {1e-9}));
            const InnerSolution after = solver->solve(p, good, &s, {1e-8}, {});
            CHECK(usable(after.status));
          }
        }
      }
    }
  }
  CHECK(failed > 60);
}

TEST_CASE("solvers: a convexity that is known nowhere is wrong use, one that is lost at a point is not") {
  Registry<Algorithm> algorithms("algorithm");
  register_algorithms(algorithms);
  const Vec u = Vec::Constant(1, 0.05);
  for (const std::string& name : {std::string("heavy-ball"), std::string("nesterov")}) {
    CAPTURE(name);
    CHECK_THROWS_AS(make(name, 10)->solve(walled(Broken::convexity, 0, 1e30), u, nullptr, {1e-8}, {}), UsageError);
    const InnerSolution s = make(name, 10)->solve(walled(Broken::convexity, 0, 0.1), u, nullptr, {1e-8}, {});
    CHECK(s.status == Status::failed);
    CHECK(s.message.find("raise the lower end") != std::string::npos);
    CHECK_THROWS_AS(algorithms.make(name)->bind(walled(Broken::convexity, 0, 0.1), u), NumericalError);
  }
}

TEST_CASE("solvers: estimators that need a step of a map report a failure where none can be chosen") {
  const Problem p = walled(Broken::smoothness, std::nan(""), 0.1);
  const Vec u = Vec::Constant(1, 0.05);
  const InnerSolution s = make("newton", 50)->solve(p, u, nullptr, {1e-8}, {});
  REQUIRE(usable(s.status));
  Registry<HypergradientEstimator> estimators("estimator");
  register_estimators(estimators);
  for (const char* name : {"neumann", "fixed-point", "one-step"}) {
    const Hypergradient h = estimators.make(name)->estimate(p, u, s, nullptr, 1e-6);
    CHECK(h.status == Status::failed);
    CHECK(h.gradient.size() == 1);
    CHECK(std::isnan(h.gradient[0]));
    CHECK(h.message.find("`step`") != std::string::npos);
  }
}

TEST_CASE("solvers: a whole run whose trial points meet a wall keeps its best point") {
  Registry<OuterOptimizer> optimizers("optimizer");
  register_optimizers(optimizers);
  Index walls = 0;
  for (const std::string& name : solvers().names()) {
    for (const std::string& optimizer_name : tacit_test::followers()) {
      for (const Broken what : kAllBroken) {
        CAPTURE(name);
        CAPTURE(optimizer_name);
        CAPTURE(static_cast<int>(what));
        // The least outer loss lies below the wall.
        Problem p = walled(what, std::nan(""), 0.3);
        p.l = adapt_criterion(test::PlainDistance{test::Numbers(5).vec(8)});
        p.space = HyperSpace({HyperBlock{"u", 1, Scale::log, 1e-4, 1e2}});
        const auto oracle = make_oracle(p, make(name, 3000), std::make_shared<ImplicitCgEstimator>());
        const auto optimizer = optimizers.make(optimizer_name);
        DriverOptions options;
        options.max_steps = 30;
        Summary s;
        REQUIRE_NOTHROW(s = solve(options, p.space, *oracle, *optimizer, Vec::Constant(1, 1.0)));
        CAPTURE(s.message);
        REQUIRE(s.steps >= 0);
        CHECK(std::isfinite(s.best.outer_loss));
        CHECK(s.best.outer_loss <= s.start_loss);
        const InnerSolution& inner = s.best_evaluation.state->inner;
        CHECK(inner.status != Status::failed);
        const InnerSolution below = make(name, 3000)->solve(p, Vec::Constant(1, 0.05), nullptr, {1e-8}, {});
        if (below.status != Status::failed) continue;  // this solver does not ask for what is broken
        ++walls;
        // A point that was good enough as it stood shows no solver its value.
        if (what != Broken::value) CHECK(s.best.u[0] >= 0.3);
      }
    }
  }
  CHECK(walls > 40);
}
