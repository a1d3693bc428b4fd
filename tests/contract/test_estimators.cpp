// What every registered estimator owes, whatever its name: a hypergradient that is right when it says so, and an honest account
// when not.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <tacit/hypergrad/error_estimate.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// Sets the limits that strategies share, whatever their class.
class SetLimits final : public FieldVisitor {
public:
  SetLimits(Index steps, double tolerance) : steps_(steps), tolerance_(tolerance) {}

private:
  void visit(std::string_view name, double& value, const Range&, std::string_view) override {
    if (name == "tolerance") value = tolerance_;
  }
  void visit(std::string_view name, Index& value, const Range&, std::string_view) override {
    if (name == "max_steps") value = steps_;
  }
  void visit(std::string_view, bool&, std::string_view) override {}
  void visit(std::string_view, std::string&, const std::vector<std::string>&, std::string_view) override {}
  void visit(std::string_view, std::optional<double>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, std::optional<Index>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view name, Count& value, const Range&, CountWords words, std::string_view) override {
    if (name == "window" && words.all) value = Count::all();
  }
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}
  Index steps_;
  double tolerance_;
};

/// Visits every field once: its name, and whether its default lies in its range.
class ListFields final : public FieldVisitor {
public:
  std::vector<std::string> names;

private:
  void note(std::string_view name, bool good, std::string_view doc) {
    CAPTURE(std::string(name));
    CHECK(good);
    CHECK_FALSE(doc.empty());
    for (const std::string& other : names) CHECK(other != name);
    names.emplace_back(name);
  }
  void visit(std::string_view n, double& v, const Range& r, std::string_view d) override { note(n, r.contains(v), d); }
  void visit(std::string_view n, Index& v, const Range& r, std::string_view d) override {
    note(n, r.contains(static_cast<double>(v)), d);
  }
  void visit(std::string_view n, bool&, std::string_view d) override { note(n, true, d); }
  void visit(std::string_view n, std::string& v, const std::vector<std::string>& choices, std::string_view d) override {
    note(n, choices.empty() || std::find(choices.begin(), choices.end(), v) != choices.end(), d);
  }
  void visit(std::string_view n, std::optional<double>& v, const Range& r, std::string_view, std::string_view d) override {
    note(n, !v || r.contains(*v), d);
  }
  void visit(std::string_view n, std::optional<Index>& v, const Range& r, std::string_view, std::string_view d) override {
    note(n, !v || r.contains(static_cast<double>(*v)), d);
  }
  void visit(std::string_view n, Count& v, const Range& r, CountWords words, std::string_view d) override {
    note(n, v.is_all() ? words.all : v.is_auto() ? words.automatic : r.contains(static_cast<double>(v.n)), d);
  }
  void visit(std::string_view n, std::vector<std::string>&, std::string_view d) override { note(n, true, d); }
};

Registry<HypergradientEstimator> estimators() {
  Registry<HypergradientEstimator> registry("estimator", "hypergradient.estimator");
  register_estimators(registry);
  return registry;
}

Registry<InnerSolver> solvers() {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  return registry;
}

template <class T>
std::unique_ptr<T> make(const Registry<T>& registry, const std::string& name, Index steps, double tolerance) {
  auto made = registry.make(name);
  SetLimits set(steps, tolerance);
  made->fields(set);
  return made;
}

/// Whether a solver takes this kind of problem at all (a direct one may want a quadratic).
bool takes(const InnerSolver& solver, const Problem& p, In u) {
  try {
    solver.solve(p, u, nullptr, {0.5}, {});
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

bool fits(const std::string& estimator, const HypergradientEstimator& e, const std::string& solver, const InnerSolver& s) {
  try {
    check_pair(estimator, e, solver, s);
    return true;
  } catch (const UsageError&) {
    return false;
  }
}

struct Pair {
  Problem problem;
  Vec u;
  std::string estimator_name, solver_name;
  const HypergradientEstimator& estimator;
  const InnerSolver& solver;
};

/// body(pair) for every estimator, every solver it goes with, every problem the solver takes.
void for_each_pair(Index steps, double tolerance, const std::function<void(const Pair&)>& body) {
  const auto names = estimators();
  const auto inner = solvers();
  for (const std::string& estimator_name : names.names()) {
    for (const std::string& solver_name : inner.names()) {
      const auto e = make(names, estimator_name, steps, tolerance);
      const auto s = make(inner, solver_name, steps, tolerance);
      if (!fits(estimator_name, *e, solver_name, *s)) continue;
      for (const bool logistic : {false, true}) {
        for (const bool per_feature : {false, true}) {
          const Problem p = test::random_problem(7, 6, logistic, per_feature, 0.4);
          const Vec u = Vec::LinSpaced(p.f->outer_dim(), 0.05, 0.11);
          if (!takes(*s, p, u)) continue;
          CAPTURE(estimator_name);
          CAPTURE(solver_name);
          CAPTURE(p.name);
          CAPTURE(per_feature);
          body({p, u, estimator_name, solver_name, *e, *s});
        }
      }
    }
  }
}

Hypergradient estimate(const Pair& c, const InnerSolution& s) {
  return c.estimator.estimate(c.problem, c.u, s, nullptr, std::isnan(c.estimator.tolerance()) ? 0 : c.estimator.tolerance());
}

/// Remainder order of l(x*(u + t d)) - l(x*(u)) - t g'd, from the remainders at two steps.
double taylor_order(const Problem& p, const Vec& u, const Vec& gradient) {
  const Vec d = u.cwiseProduct(test::Numbers(21).vec(u.size()).unaryExpr([](double t) { return t > 0 ? 1 + t : t - 1; }));
  const auto value = [&](double t) {
    const Vec v = u + t * d;
    return p.l->value(polish(p, v, Vec::Zero(p.f->inner_dim())).x, v);
  };
  const double at = value(0);
  const auto remainder = [&](double t) { return std::abs(value(t) - at - t * gradient.dot(d)); };
  return std::log2(remainder(2e-3) / remainder(1e-3));
}

}  // namespace

TEST_CASE("estimators: the registry offers the documented names") {
  CHECK(estimators().names() == std::vector<std::string>{"full-unroll", "truncated-unroll", "forward", "implicit-cg",
                                                         "implicit-direct", "neumann", "fixed-point", "one-step",
                                                         "finite-difference"});
}

TEST_CASE("estimators: each lists its options once, with defaults in range, and knows its tolerance") {
  const auto registry = estimators();
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    CHECK_FALSE(registry.doc(name).empty());
    const auto e = registry.make(name);
    ListFields list;
    e->fields(list);
    const bool listed = std::find(list.names.begin(), list.names.end(), "tolerance") != list.names.end();
    CHECK(listed == !std::isnan(e->tolerance()));
    if (listed) {
      SetLimits set(17, 3e-4);
      e->fields(set);
      CHECK(e->tolerance() == 3e-4);
    }
    CHECK(e->warm() == (std::find(list.names.begin(), list.names.end(), "warm_start") != list.names.end()));
  }
}

TEST_CASE("estimators: what is called converged at a tight inner solution is the hypergradient") {
  Index converged = 0, pairs = 0;
  for_each_pair(6000, 1e-11, [&](const Pair& c) {
    const InnerSolution s = c.solver.solve(c.problem, c.u, nullptr, {c.solver.tolerance()}, c.estimator.needs().tape);
    REQUIRE(usable(s.status));
    const Hypergradient h = estimate(c, s);
    const Hypergradient truth = reference_hypergradient(c.problem, c.u, s.x());
    REQUIRE(truth.status == Status::converged);
    REQUIRE(h.gradient.size() == c.u.size());
    CHECK(h.gradient.allFinite());
    CHECK(h.outer_value == doctest::Approx(c.problem.l->value(s.x(), c.u)));
    CHECK(h.status != Status::not_run);
    ++pairs;
    if (!usable(h.status)) {
      CHECK_FALSE(h.message.empty());
      CHECK(h.residual > 1e-6);
      return;
    }
    ++converged;
    CHECK(h.message.empty());
    CHECK((h.gradient - truth.gradient).norm() <= 1e-6 * truth.gradient.norm());
    CHECK(taylor_order(c.problem, c.u, h.gradient) >= 1.9);
  });
  CHECK(converged >= 100);
  CHECK(converged < pairs);
}

TEST_CASE("estimators: finite differences agree with the dense reference") {
  for (const bool logistic : {false, true}) {
    for (const bool per_feature : {false, true}) {
      const Problem p = test::random_problem(7, 6, logistic, per_feature, 0.4);
      const Vec u = Vec::LinSpaced(p.f->outer_dim(), 0.05, 0.11);
      InnerSolution s;
      s.z = Vec::Zero(6);
      s.inner_dim = 6;
      const Vec a = FiniteDifferenceEstimator().estimate(p, u, s, nullptr, 0).gradient,
                b = reference_hypergradient(p, u, s.z).gradient;
      CHECK((a - b).norm() <= 1e-9 * b.norm());
    }
  }
}

TEST_CASE("estimators: after few steps the error estimate tells how far each is off") {
  for_each_pair(8, 0, [](const Pair& c) {
    const InnerSolution s = c.solver.solve(c.problem, c.u, nullptr, {c.solver.tolerance()}, c.estimator.needs().tape);
    if (s.status == Status::failed) return;
    const Hypergradient h = estimate(c, s);
    CHECK(h.gradient.allFinite());
    const Vec truth = reference_hypergradient(c.problem, c.u, s.x()).gradient;
    const double off = test::relative_in_theta(c.problem, c.u, h.gradient, truth);
    if (off < 1e-10) return;
    const ErrorEstimate e = estimate_error(c.problem, c.u, s, h);
    CHECK(e.status == Status::converged);
    CHECK(test::relative_in_theta(c.problem, c.u, h.gradient, e.corrected) == doctest::Approx(off).epsilon(0.5));
  });
}

TEST_CASE("estimators: one inner solution serves all, unchanged, and twice the same way") {
  const auto registry = estimators();
  const Problem p = test::random_problem(5, 6, true, true, 0.4);
  const Vec u = Vec::LinSpaced(6, 0.05, 0.11);
  const InnerSolution s = test::run_map(std::make_unique<Nesterov>(), p, u, 30, {TapeRequest::kAll, 1});
  const Vec z = s.z;
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    const auto e = registry.make(name);
    const Hypergradient a = e->estimate(p, u, s, nullptr, 1e-8), b = e->estimate(p, u, s, nullptr, 1e-8);
    CHECK(a.gradient == b.gradient);
    CHECK(s.z == z);
    CHECK((a.adjoint.size() == 0 || a.adjoint.size() == 6));
    // The result of another estimator is no obstacle as a warm start, nor is one of another size.
    Hypergradient other;
    other.adjoint = Vec::Ones(3);
    other.state_adjoint = Vec::Ones(5);
    CHECK(e->estimate(p, u, s, &other, 1e-8).gradient == a.gradient);
    other.adjoint = Vec::Constant(6, std::nan(""));
    other.state_adjoint = Vec::Constant(12, std::nan(""));
    CHECK(e->estimate(p, u, s, &other, 1e-8).gradient == a.gradient);
  }
}

TEST_CASE("estimators: a warm adjoint at its own answer costs next to nothing and changes nothing") {
  const auto registry = estimators();
  for (const bool logistic : {false, true}) {
    const Problem p = test::random_problem(5, 6, logistic, true, 0.4);
    const Vec u = Vec::LinSpaced(6, 0.05, 0.11);
    const InnerSolution s = test::run_map(std::make_unique<GradientDescent>(), p, u, 300, {TapeRequest::kAll, 1});
    for (const std::string& name : registry.names()) {
      CAPTURE(name);
      const auto e = make(registry, name, 5000, 1e-9);
      if (!e->warm()) continue;
      const Hypergradient cold = e->estimate(p, u, s, nullptr, 1e-9), warm = e->estimate(p, u, s, &cold, 1e-9);
      CHECK(cold.status == Status::converged);
      CHECK(cold.linear_steps > 2);
      CHECK(warm.status == Status::converged);
      CHECK(warm.linear_steps <= 1);
      CHECK((warm.gradient - cold.gradient).norm() <= 1e-7 * cold.gradient.norm());
    }
  }
}

TEST_CASE("estimators: pairs that cannot work are refused by name, with what to use, and all others run") {
  const auto names = estimators();
  const auto inner = solvers();
  for (const std::string& name : names.names()) {
    for (const std::string& solver_name : inner.names()) {
      CAPTURE(name);
      CAPTURE(solver_name);
      const auto e = make(names, name, 20, 1e-4);
      const auto s = make(inner, solver_name, 20, 1e-4);
      const Problem p = test::random_problem(5, 6, false, false, 0.4);
      const Vec u = Vec::Constant(1, 0.1);
      const auto run = [&] {
        e->estimate(p, u, s->solve(p, u, nullptr, {1e-4}, s->can_record() ? e->needs().tape : TapeRequest{}), nullptr, 1e-4);
      };
      try {
        check_pair(name, *e, solver_name, *s);
        CHECK_NOTHROW(run());
      } catch (const UsageError& error) {
        const std::string text = error.what();
        CHECK(text.find("'" + name + "'") != std::string::npos);
        CHECK(text.find("'" + solver_name + "'") != std::string::npos);
        CHECK(text.find("use 'implicit-cg'") != std::string::npos);
        CHECK(error.key() == "hypergradient.estimator");
        CHECK_THROWS_AS(run(), UsageError);
      }
    }
  }
  CHECK_THROWS_WITH_AS(
      check_pair("full-unroll", *names.make("full-unroll"), "cholesky", *inner.make("cholesky")),
      doctest::Contains("estimator 'full-unroll' needs a recorded trajectory; solver 'cholesky' records none; use "
                        "'implicit-cg' or an iterative solver"),
      UsageError);
}
