// What every registered algorithm owes: maps whose derivatives fit the steps they take, and whose fixed points are minimizers.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/core/inner/inner.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

struct Case {
  std::string algorithm;
  Problem problem;
  Vec u;
  std::unique_ptr<const FixedPointMap> map;
};

/// Every algorithm on ridge and logistic problems, one weight and one a feature.
std::vector<Case> cases() {
  Registry<Algorithm> registry("algorithm");
  register_algorithms(registry);
  std::vector<Case> all;
  for (const std::string& name : registry.names()) {
    for (const Index each : {Index{0}, Index{1}}) {
      for (Problem p : {test::ridge_problem(each), test::logistic_problem(each)}) {
        Case c{name, std::move(p), {}, {}};
        c.u = Vec::LinSpaced(c.problem.f->outer_dim(), 0.05, 0.2);
        c.map = registry.make(name)->bind(c.problem, c.u);
        all.push_back(std::move(c));
      }
    }
  }
  return all;
}

double relative(In a, In b) { return (a - b).norm() / std::max({a.norm(), b.norm(), 1e-300}); }

}  // namespace

TEST_CASE("algorithms: the registry offers the documented names") {
  Registry<Algorithm> registry("algorithm");
  register_algorithms(registry);
  CHECK(registry.names() == std::vector<std::string>{"gradient-descent", "heavy-ball", "nesterov"});
}

TEST_CASE("algorithms: jvp and vjp are adjoint, and both forms of each agree") {
  for (const Case& c : cases()) {
    CAPTURE(c.algorithm);
    CAPTURE(c.problem.name);
    const Index s = c.map->state_dim(), m = c.u.size();
    test::Numbers random(41);
    for (Index k = 0; k < 3; ++k) {
      const Vec z = random.vec(s), p = random.vec(s), dz = random.vec(s), du = random.vec(m);
      const auto jacobian = c.map->linearize(k, z, c.u);
      Vec forward(s), back(s), once(s), grad = Vec::Zero(m), grad_once = Vec::Constant(m, 2.0);
      jacobian->jvp(dz, du, forward);
      jacobian->vjp(p, back, grad);
      CHECK(p.dot(forward) == doctest::Approx(back.dot(dz) + grad.dot(du)).epsilon(1e-11));
      // The one-shot form adds to add_u.
      c.map->vjp(k, z, c.u, p, once, grad_once);
      CHECK(relative(once, back) < 1e-12);
      CHECK(relative(grad_once - Vec::Constant(m, 2.0), grad) < 1e-11);
      // Made beside the step, it changes no bit of either.
      std::unique_ptr<const StepJacobian> beside;
      Vec next_beside(s), plain(s), back_beside(s), grad_beside = Vec::Constant(m, 2.0);
      CHECK(c.map->step_and_linearize(k, z, c.u, next_beside, beside) == c.map->step(k, z, c.u, plain));
      CHECK(next_beside == plain);
      REQUIRE(beside);
      beside->vjp(p, back_beside, grad_beside);
      CHECK(back_beside == once);
      CHECK(grad_beside == grad_once);
      // Tangents in a block: the same step, the same products.
      Mat dzs(s, 3), dus(m, 3), out(s, 3);
      dzs << dz, random.vec(s), random.vec(s);
      dus << du, random.vec(m), random.vec(m);
      Vec next(s), stepped(s);
      c.map->step_tangents(k, z, c.u, dzs, dus, next, out);
      c.map->step(k, z, c.u, stepped);
      CHECK(relative(next, stepped) < 1e-13);
      CHECK(relative(out.col(0), forward) < 1e-12);
      jacobian->jvp(dzs.col(2), dus.col(2), forward);
      CHECK(relative(out.col(2), forward) < 1e-12);
    }
  }
}

TEST_CASE("algorithms: tangents agree with differences of steps") {
  for (const Case& c : cases()) {
    CAPTURE(c.algorithm);
    CAPTURE(c.problem.name);
    const Index s = c.map->state_dim(), m = c.u.size();
    test::Numbers random(43);
    const Vec z = random.vec(s), dz = random.vec(s), du = 0.1 * c.u.cwiseProduct(random.vec(m));
    const auto after = [&](double t) {
      Vec next(s);
      c.map->step(0, z + t * dz, c.u + t * du, next);
      return next;
    };
    const double h = 1e-3;
    const Vec coarse = (after(h) - after(-h)) / (2 * h), fine = (after(h / 2) - after(-h / 2)) / h,
              expected = (4 * fine - coarse) / 3;
    Vec got(s);
    c.map->linearize(0, z, c.u)->jvp(dz, du, got);
    CHECK(relative(got, expected) < 1e-9);
  }
}

TEST_CASE("algorithms: lifting starts at x, and its derivative and transpose fit") {
  for (const Case& c : cases()) {
    CAPTURE(c.algorithm);
    const Index s = c.map->state_dim(), n = c.map->inner_dim();
    test::Numbers random(47);
    const Vec x = random.vec(n), p = random.vec(s);
    Vec z(s), back(n), g(n), next(s);
    c.map->lift(x, z);
    CHECK(z.head(n) == x);
    // The first step's gradient norm is that at x itself: solvers rely on it.
    c.problem.f->gradient(x, c.u, g);
    CHECK(c.map->step(0, z, c.u, next) == doctest::Approx(g.norm()).epsilon(1e-12));
    const Mat dx = random.mat(n, 2);
    Mat dz(s, 2);
    c.map->lift_tangents(dx, dz);
    c.map->lift_t(p, back);
    CHECK((p.transpose() * dz - back.transpose() * dx).norm() < 1e-12);
  }
}

TEST_CASE("algorithms: the converged point is a fixed point and the minimizer") {
  for (const Case& c : cases()) {
    CAPTURE(c.algorithm);
    CAPTURE(c.problem.name);
    const Index s = c.map->state_dim(), n = c.map->inner_dim();
    const InnerSolution exact = NewtonSolver().solve(c.problem, c.u, nullptr, {1e-14}, {});
    REQUIRE(usable(exact.status));
    Vec z(s), next(s);
    c.map->lift(exact.x(), z);
    c.map->step(0, z, c.u, next);
    CHECK((next - z).norm() < 1e-12 * z.norm());
    c.map->lift(Vec::Zero(n), z);
    for (Index k = 0; k < 2000; ++k) {
      c.map->step(k, z, c.u, next);
      z.swap(next);
    }
    CHECK((z.head(n) - exact.x()).norm() < 1e-9 * exact.x().norm());
    CHECK(c.map->stationary());
  }
}

TEST_CASE("algorithms: tangents without du are those of the identity, bit for bit") {
  for (const Case& c : cases()) {
    CAPTURE(c.algorithm);
    CAPTURE(c.problem.name);
    const Index s = c.map->state_dim(), m = c.u.size();
    test::Numbers random(53);
    const Vec z = random.vec(s);
    const Mat dz = random.mat(s, m);
    Vec next(s), same(s);
    Mat out(s, m), explicitly(s, m);
    c.map->step_tangents(0, z, c.u, dz, Mat::Identity(m, m), same, explicitly);
    c.map->step_tangents(0, z, c.u, dz, Mat(), next, out);
    CHECK(next == same);
    CHECK(out == explicitly);
  }
}
