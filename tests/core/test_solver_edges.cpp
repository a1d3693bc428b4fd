// Inner solvers at the edges: singular and scaled data, nothing to do, no minimum, starts where the objective is not finite.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

std::unique_ptr<InnerSolver> make(const std::string& name, Index max_steps) {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  auto solver = registry.make(name);
  class Set final : public FieldVisitor {
  public:
    explicit Set(Index steps) : steps_(steps) {}

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
  } set(max_steps);
  solver->fields(set);
  return solver;
}

/// body(name) for every registered solver that takes the problem at u.
void for_each_solver(const Problem& p, In u, const std::function<void(const std::string&)>& body) {
  Registry<InnerSolver> registry("solver", "inner.solver");
  register_solvers(registry);
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    try {
      make(name, 1)->solve(p, u, nullptr, {0.5}, {});
    } catch (const UsageError&) {
      continue;  // quadratics only, or no momentum without a known convexity
    }
    body(name);
  }
}

Problem linear(bool logistic, const Mat& a, const Vec& y) {
  std::shared_ptr<const Loss> loss;
  if (logistic)
    loss = std::make_shared<LogisticLoss>();
  else
    loss = std::make_shared<SquaredLoss>();
  const Vec labels = logistic ? Vec(y.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; })) : y;
  return test::linear_problem(logistic ? "logistic" : "ridge", loss, {a, labels}, {a, labels}, false);
}

struct Shape {
  std::string what;
  Mat a;
};

std::vector<Shape> shapes() {
  test::Numbers draw(31);
  Mat twice(20, 6), zero = draw.mat(20, 4), wide = draw.mat(5, 9), row = draw.mat(1, 3);
  const Mat half = draw.mat(20, 3);
  twice << half, half;
  zero.col(1).setZero();
  return {{"rank deficient", twice}, {"a column of zeros", zero},     {"fewer rows than columns", wide},
          {"one row", row},          {"one column", draw.mat(20, 1)}, {"all zero", Mat::Zero(7, 3)}};
}

double true_residual(const Problem& p, const InnerSolution& s, In u) {
  Vec g(s.inner_dim);
  p.f->gradient(s.x(), u, g);
  const double unit = p.f->gradient_scale(u);
  return g.norm() / (unit > 0 ? unit : 1);
}

}  // namespace

TEST_CASE("solver edges: singular, wide, tall and zero data end at the minimizer with the true residual") {
  for (const Shape& shape : shapes()) {
    for (const bool logistic : {false, true}) {
      CAPTURE(shape.what);
      CAPTURE(logistic);
      const Problem p = linear(logistic, shape.a, test::Numbers(32).vec(shape.a.rows()));
      const Vec u = Vec::Constant(1, 0.02);
      const Polished exact = polish(p, u, Vec::Zero(shape.a.cols()));
      REQUIRE(usable(exact.status));
      for_each_solver(p, u, [&](const std::string& name) {
        const InnerSolution s = make(name, 5000)->solve(p, u, nullptr, {1e-9}, {});
        CHECK(usable(s.status));
        CHECK(std::abs(s.residual - true_residual(p, s, u)) <= 1e-6 * s.residual + 1e-15);
        CHECK((s.x() - exact.x).norm() <= 1e-6 * exact.x.norm());
      });
    }
  }
}

TEST_CASE("solver edges: features and targets at scales from 1e-8 to 1e8 give the same solution in their units") {
  const Mat a = test::Numbers(33).mat(25, 5);
  const Vec y = a * Vec::LinSpaced(5, -1, 1) + test::Numbers(34).vec(25);
  for (const bool logistic : {false, true}) {
    const Vec u = Vec::Constant(1, 0.05);
    const Vec base = polish(linear(logistic, a, y), u, Vec::Zero(5)).x;
    for (const double features : {1e-8, 1.0, 1e8}) {
      for (const double target : {1e-8, 1.0, 1e8}) {
        CAPTURE(logistic);
        CAPTURE(features);
        CAPTURE(target);
        const Problem p = linear(logistic, features * a, target * y);
        const Vec v = features * features * u;
        for_each_solver(p, v, [&](const std::string& name) {
          const InnerSolution s = make(name, 5000)->solve(p, v, nullptr, {1e-10}, {});
          CHECK(s.status == Status::converged);
          CHECK((s.x() - base * ((logistic ? 1 : target) / features)).norm() <= 1e-8 * s.x().norm());
        });
      }
    }
  }
}

TEST_CASE("solver edges: a zero gradient at the start is the answer, with and without a tape") {
  const Mat a = test::Numbers(35).mat(12, 4);
  const Problem p = linear(false, a, Vec::Zero(12));
  const Vec u = Vec::Constant(1, 0.1);
  for_each_solver(p, u, [&](const std::string& name) {
    const auto solver = make(name, 50);
    for (const double tolerance : {1e-8, 1e-300}) {
      const InnerSolution s = solver->solve(p, u, nullptr, {tolerance}, {});
      CHECK(s.status == Status::converged);
      CHECK(s.x().isZero(0));
      CHECK(s.residual == 0);
    }
    if (!solver->can_record()) return;
    const InnerSolution s = solver->solve(p, u, nullptr, {1e-8}, {TapeRequest::kAll, 1});
    CHECK(s.status == Status::converged);
    CHECK(s.steps >= 1);
    CHECK(s.tape->steps() == s.steps);
  });
}

TEST_CASE("solver edges: tolerance 0 never claims convergence it was not asked for, and ends where rounding does") {
  for (const bool logistic : {false, true}) {
    const Mat a = test::Numbers(36).mat(20, 4);
    const Problem p = linear(logistic, a, test::Numbers(37).vec(20));
    const Vec u = Vec::Constant(1, 0.1);
    const Polished exact = polish(p, u, Vec::Zero(4));
    for_each_solver(p, u, [&](const std::string& name) {
      const InnerSolution s = make(name, 400)->solve(p, u, nullptr, {0}, {});
      CHECK((s.status == Status::as_asked || s.status == Status::rounding));
      CHECK_FALSE(s.message.empty());
      CHECK((s.x() - exact.x).norm() <= 1e-10 * exact.x.norm());
      CHECK(s.steps <= 400);
    });
  }
}

namespace {

/// sum_j (x_j - ln x_j) + u/2 |x|^2 / 2 on x > 0: infinite slope at 0, where the unit of the tolerance is taken.
struct Barrier {
  Index inner_dim() const { return 3; }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec& u) const {
    return (x.array() > 0).all() ? (x.array() - x.array().log()).sum() + u[0] / 2 * x.squaredNorm() : std::nan("");
  }
  Vec gradient(const Vec& x, const Vec& u) const { return 1 - x.array().inverse() + u[0] * x.array(); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const { return p.array() * (x.array().square().inverse() + u[0]); }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, x.dot(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x * w[0]; }
  double smoothness(const Vec& u) const { return 4 + u[0]; }  // on x >= 1/2
  double convexity(const Vec& u) const { return u[0]; }
};

struct Bowl {
  double curvature = 0, slope = 1;
  Index inner_dim() const { return 2; }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec&) const { return curvature / 2 * x[0] * x[0] + slope * x[0] + 0.5 * x[1] * x[1]; }
  Vec gradient(const Vec& x, const Vec&) const { return Vec{{curvature * x[0] + slope, x[1]}}; }
  Vec hessian(const Vec&, const Vec&, const Vec& p) const { return Vec{{curvature * p[0], p[1]}}; }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, x.dot(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x * w[0]; }
  double smoothness(const Vec&) const { return 1; }
  bool quadratic() const { return true; }
};

}  // namespace

TEST_CASE("solver edges: an objective that is infinite at 0 is solved to the tolerance, not called solved at the start") {
  Problem p = test::plain_problem("barrier", Barrier{});
  p.start = std::make_shared<ConstantStart>(Vec::Constant(3, 2.0));
  const Vec u = Vec::Constant(1, 0.5);
  const double exact = std::sqrt(3.0) - 1;  // 1 - 1/x + x/2 = 0
  for_each_solver(p, u, [&](const std::string& name) {
    const InnerSolution s = make(name, 3000)->solve(p, u, nullptr, {1e-9}, {});
    CHECK(s.status == Status::converged);
    CHECK(s.steps > 0);
    CHECK((s.x() - Vec::Constant(3, exact)).norm() <= 1e-7);
  });
}

TEST_CASE("solver edges: where there is no minimum nothing is called solved") {
  for (const Bowl& bowl : {Bowl{0, 1}, Bowl{-1, 1}}) {
    const Problem p = test::plain_problem("bowl", Bowl(bowl));
    const Vec u = Vec::Ones(1);
    CAPTURE(bowl.curvature);
    for_each_solver(p, u, [&](const std::string& name) {
      const InnerSolution s = make(name, 30)->solve(p, u, nullptr, {1e-8}, {});
      CAPTURE(s.message);
      CHECK((s.status == Status::step_limit || s.status == Status::failed));
      CHECK_FALSE(s.message.empty());
    });
  }
}

TEST_CASE("solver edges: a gradient that is not finite at the start says so, whichever solver") {
  struct Broken : Bowl {
    Vec gradient(const Vec&, const Vec&) const { return Vec::Constant(2, std::nan("")); }
  };
  Broken broken;
  broken.curvature = 1;
  const Problem p = test::plain_problem("broken", Broken(broken));
  const Vec u = Vec::Ones(1);
  for_each_solver(p, u, [&](const std::string& name) {
    const InnerSolution s = make(name, 30)->solve(p, u, nullptr, {1e-8}, {});
    CAPTURE(s.message);
    CHECK(s.status == Status::failed);
    CHECK(s.message.find("not finite") != std::string::npos);
    CHECK(s.message.find("too large") == std::string::npos);
  });
}
