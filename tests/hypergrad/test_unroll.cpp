// Reverse and forward mode: reference values of unconverged runs, and the identities between them.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/core/model/counting.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;
using test::algorithm_of;
using test::run_map;

namespace {

const std::vector<std::string> kKeys = {"ridge_diabetes", "logistic_breast_cancer"};
const std::vector<std::string> kMethods = {"gd", "heavyball", "nesterov"};

Hypergradient full(const Problem& p, In u, const InnerSolution& s, Count stride = Count::of(1)) {
  UnrollEstimator e(false);
  e.stride = stride;
  return e.estimate(p, u, s, nullptr, 0);
}

Hypergradient last(const Problem& p, In u, const InnerSolution& s, Count window, Count stride = Count::of(1)) {
  UnrollEstimator e(true);
  e.window = window;
  e.stride = stride;
  return e.estimate(p, u, s, nullptr, 0);
}

Hypergradient forward(const Problem& p, In u, const InnerSolution& s, Count window) {
  ForwardEstimator e;
  e.window = window;
  return e.estimate(p, u, s, nullptr, 0);
}

/// Problems, methods and hyperparameters on which the identities are to hold.
template <class Body>
void for_each_run(Body body) {
  for (const std::string& key : kKeys) {
    for (const bool per_feature : {false, true}) {
      const Problem p = test::reference_problem(key, per_feature);
      const Vec u = Vec::LinSpaced(p.f->outer_dim(), 0.02, 0.3);
      for (const std::string& method : kMethods) {
        CAPTURE(key);
        CAPTURE(per_feature);
        CAPTURE(method);
        body(p, u, method, 0.9 / p.f->smoothness(u));
      }
    }
  }
}

}  // namespace

TEST_CASE("unroll: reference values of unconverged runs") {
  const auto stored = test::reference_file("estimators.json");
  Index entries = 0, windows = 0;
  for (const std::string& key : kKeys) {
    const Problem p = test::reference_problem(key, false);
    for (const auto& entry : stored.at(key)) {
      ++entries;
      const std::string method = entry.at("method");
      CAPTURE(key);
      CAPTURE(method);
      const Vec u = Vec::Constant(1, std::exp(entry.at("theta").get<double>()));
      const InnerSolution s =
          run_map(algorithm_of(method, entry.at("alpha"), entry.at("beta")), p, u, entry.at("T"), {TapeRequest::kAll, 1});
      const Vec x = test::to_vec(entry.at("x_T"));
      CHECK((s.x() - x).norm() <= 1e-10 * x.norm());
      CHECK(s.x().norm() == doctest::Approx(entry.at("x_T_norm").get<double>()).epsilon(1e-10));
      const Vec first = test::to_vec(entry.at("residuals_first10"));
      REQUIRE(first.size() == 10);
      for (Index k = 0; k < 10; ++k) CHECK(s.step_norms[static_cast<std::size_t>(k)] == doctest::Approx(first[k]).epsilon(1e-10));
      // A late step is the small difference of two states: the last digits of those are its error.
      CHECK(std::abs(s.step_norms.back() - entry.at("residual_last").get<double>()) <=
            1e-10 * entry.at("residual_last").get<double>() + 1e-15 * x.norm());
      const Hypergradient h = full(p, u, s);
      CHECK(u[0] * h.gradient[0] == doctest::Approx(entry.at("full_unroll").get<double>()).epsilon(1e-10));
      CHECK(h.outer_value == doctest::Approx(entry.at("outer_loss_at_x_T").get<double>()).epsilon(1e-10));
      for (const auto& item : entry.at("last_K").items()) {
        const std::string window = item.key();
        const double value = item.value();
        CAPTURE(window);
        const Count k = Count::of(std::stol(window));
        CHECK(u[0] * last(p, u, s, k).gradient[0] == doctest::Approx(value).epsilon(1e-10));
        CHECK(u[0] * forward(p, u, s, k).gradient[0] == doctest::Approx(value).epsilon(1e-10));
        ++windows;
      }
    }
  }
  CHECK(entries == 8);
  CHECK(windows == 32);
}

TEST_CASE("unroll: last K equals the late start, full equals forward, checkpoints change nothing") {
  for_each_run([](const Problem& p, const Vec& u, const std::string& method, double alpha) {
    const Index steps = 60;
    const InnerSolution s = run_map(algorithm_of(method, alpha, 0.7), p, u, steps, {TapeRequest::kAll, 1});
    const Hypergradient all = full(p, u, s);
    const auto same = [&](const Hypergradient& a, const Hypergradient& b) {
      CHECK((a.gradient - b.gradient).norm() <= 1e-12 * b.gradient.norm());
    };
    same(forward(p, u, s, Count::all()), all);
    CHECK(last(p, u, s, Count::of(steps)).gradient == all.gradient);
    CHECK(last(p, u, s, Count::all()).gradient == all.gradient);
    CHECK(last(p, u, s, Count::of(10 * steps)).gradient == all.gradient);
    CHECK(last(p, u, s, Count::of(10 * steps)).window == steps);
    for (const Index k : {1, 7, 30}) {
      CAPTURE(k);
      const Hypergradient reverse = last(p, u, s, Count::of(k));
      same(forward(p, u, s, Count::of(k)), reverse);
      for (const Index stride : {2, 5, 13}) {
        CAPTURE(stride);
        const InnerSolution t = run_map(algorithm_of(method, alpha, 0.7), p, u, steps, {k, stride});
        same(last(p, u, t, Count::of(k), Count::of(stride)), reverse);
      }
    }
    for (const Index stride : {Index{3}, Index{8}, TapeRequest::kAutoStride}) {
      CAPTURE(stride);
      const InnerSolution t = run_map(algorithm_of(method, alpha, 0.7), p, u, steps, {TapeRequest::kAll, stride});
      const Hypergradient h = full(p, u, t, stride == 0 ? Count::automatic() : Count::of(stride));
      same(h, all);
      CHECK(h.tape_bytes < all.tape_bytes / 2);
    }
  });
}

TEST_CASE("unroll: Jacobians that are kept beside the states change no bit, however many") {
  for_each_run([](const Problem& p, const Vec& u, const std::string& method, double alpha) {
    const Index steps = 40;
    const std::size_t one = p.f->linearization_bytes();
    CHECK((one > 0) == !p.f->quadratic());
    const auto gradient = [&](Index stride, std::size_t beside) {
      const auto work = std::make_shared<WorkCounter>();
      const Problem q = counted(p, work);
      const InnerSolution s = run_map(algorithm_of(method, alpha, 0.7), q, u, steps, {TapeRequest::kAll, stride, 0, beside});
      CHECK((s.tape->jacobian(0) != nullptr) == (stride == 1 && one > 0 && beside > one));
      CHECK(s.tape->jacobian(steps) == nullptr);
      const Hypergradient h = full(q, u, s, Count::of(stride));
      CHECK(work->hessian_products == steps);
      return std::pair(h.gradient, work->gradients.load());
    };
    for (const Index stride : {1, 7}) {
      CAPTURE(stride);
      const auto none = gradient(stride, 0);
      for (const std::size_t many : {one / 2, 5 * one + 1, TapeRequest::kBeside}) {
        CHECK(gradient(stride, many).first == none.first);
        CHECK(gradient(stride, many).second == none.second);
      }
    }
  });
}

TEST_CASE("unroll: the full unroll is the derivative of the finite run, the start of a cold run included") {
  struct LinearStart final : Start {
    Mat b;
    void point(In u, Out x) const override { x = b * u; }
    void vjp(In, In p, Out add_u) const override { add_u += b.transpose() * p; }
    void jvp(In, InM du, OutM dx) const override { dx = b * du; }
  };
  for_each_run([](const Problem& without, const Vec& u, const std::string& method, double alpha) {
    Problem p = without;
    const auto start = std::make_shared<LinearStart>();
    start->b = test::Numbers(4).mat(p.f->inner_dim(), u.size());
    p.start = start;
    const Index steps = 12;
    const auto run = [&](const Vec& v, const InnerSolution* previous = nullptr) {
      return run_map(algorithm_of(method, alpha, 0.6), p, v, steps, {TapeRequest::kAll, 1}, previous);
    };
    const Vec direction = u.cwiseProduct(test::Numbers(9).vec(u.size()));
    const auto slope = [&](const InnerSolution* previous) {
      const auto value = [&](double t) { return p.l->value(run(u + t * direction, previous).x(), u + t * direction); };
      const double t = 1e-3;
      return (8 * (value(t) - value(-t)) - (value(2 * t) - value(-2 * t))) / (12 * t);
    };
    const InnerSolution cold = run(u);
    REQUIRE(cold.cold);
    const double expected = slope(nullptr);
    CHECK(full(p, u, cold).gradient.dot(direction) == doctest::Approx(expected).epsilon(1e-7));
    CHECK(forward(p, u, cold, Count::all()).gradient.dot(direction) == doctest::Approx(expected).epsilon(1e-7));
    // Fewer steps: the start is out of reach.
    const Hypergradient late = last(p, u, cold, Count::of(steps - 1));
    CHECK((forward(p, u, cold, Count::of(steps - 1)).gradient - late.gradient).norm() <= 1e-12 * late.gradient.norm());
    // A warm start does not depend on u.
    const InnerSolution warm = run(u, &cold);
    REQUIRE_FALSE(warm.cold);
    const double from_warm = slope(&cold);
    CHECK(full(p, u, warm).gradient.dot(direction) == doctest::Approx(from_warm).epsilon(1e-7));
    CHECK(forward(p, u, warm, Count::all()).gradient.dot(direction) == doctest::Approx(from_warm).epsilon(1e-7));
  });
}

TEST_CASE("unroll: account of window, tape, residual and adjoint") {
  const Problem p = test::reference_problem("ridge_diabetes", true);
  const Vec u = Vec::Constant(10, 0.1);
  const Index n = 10;
  for (const std::string& method : kMethods) {
    CAPTURE(method);
    const Index state = method == "gd" ? n : 2 * n;
    const double alpha = 1 / p.f->smoothness(u);
    const InnerSolution s = run_map(algorithm_of(method, alpha, 0.5), p, u, 800, {TapeRequest::kAll, 1});
    const Hypergradient h = full(p, u, s);
    CHECK(h.window == 800);
    CHECK(h.tape_bytes == static_cast<std::size_t>(801 * state) * sizeof(double));
    CHECK(h.status == Status::converged);
    CHECK(h.message.empty());
    // Momentum or not, the sum of the adjoints solves f_xx w = l_x.
    Vec lx(n), lu(n), product(n);
    p.l->gradient(s.x(), u, lx, lu);
    p.f->linearize(s.x(), u)->hessian(h.adjoint, product);
    CHECK((product - lx).norm() <= 1e-6 * lx.norm());
    const Hypergradient few = last(p, u, s, Count::of(3));
    CHECK(few.status == Status::step_limit);
    CHECK(few.message.find("last 3 of 800") != std::string::npos);
    CHECK(few.residual > 0.1);
    if (method == "gd") {  // on a quadratic the residual is that of the adjoint equation
      p.f->linearize(s.x(), u)->hessian(few.adjoint, product);
      CHECK(few.residual == doctest::Approx((product - lx).norm() / lx.norm()).epsilon(1e-10));
    }
    const Hypergradient fwd = forward(p, u, s, Count::of(3));
    CHECK(fwd.status == Status::step_limit);
    CHECK(fwd.tape_bytes == 0);
    CHECK(forward(p, u, s, Count::all()).status == Status::converged);
  }
}

TEST_CASE("unroll: work is one adjoint a step, replayed steps counted") {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(test::reference_problem("logistic_breast_cancer", true), counter);
  const Vec u = Vec::Constant(30, 0.1);
  const auto run = [&](TapeRequest tape) { return run_map(algorithm_of("gd", 0.2, 0), p, u, 40, tape); };
  const InnerSolution s = run({TapeRequest::kAll, 1}), sparse = run({TapeRequest::kAll, 10});
  Work before = counter->read();
  full(p, u, s);
  Work used = counter->read() - before;
  CHECK(used.hessian_products == 40);
  CHECK(used.cross_products == 40);
  CHECK(used.gradients == 0);
  CHECK(used.map_steps == 0);
  before = counter->read();
  full(p, u, sparse, Count::of(10));
  used = counter->read() - before;
  CHECK(used.hessian_products == 40);
  CHECK(used.map_steps == 36);  // nine a segment of ten, four segments
  before = counter->read();
  forward(p, u, s, Count::of(5));
  used = counter->read() - before;
  CHECK(used.map_steps == 40);
  CHECK(used.hessian_products == 5 * 30);
}

TEST_CASE("unroll: what cannot be differentiated is refused with what to use instead") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const Vec u = Vec::Constant(1, 0.1);
  const InnerSolution direct = CholeskySolver().solve(p, u, nullptr, {1e-10}, {});
  CHECK_THROWS_WITH_AS(full(p, u, direct), doctest::Contains("use 'implicit-cg'"), UsageError);
  CHECK_THROWS_WITH_AS(forward(p, u, direct, Count::all()), doctest::Contains("'implicit-cg'"), UsageError);
  const InnerSolution short_tape = run_map(algorithm_of("gd", 0.2, 0), p, u, 20, {5, 1});
  CHECK_THROWS_WITH_AS(full(p, u, short_tape), doctest::Contains("record a larger window"), UsageError);
  CHECK_NOTHROW(last(p, u, short_tape, Count::of(5)));
  const InnerSolution no_tape = run_map(algorithm_of("gd", 0.2, 0), p, u, 20, {});
  CHECK_THROWS_WITH_AS(last(p, u, no_tape, Count::of(5)), doctest::Contains("recorded trajectory"), UsageError);
  UnrollEstimator automatic(true);
  automatic.window = Count::automatic();
  CHECK_THROWS_WITH_AS(automatic.estimate(p, u, direct, nullptr, 0), doctest::Contains("use 'implicit-cg'"), UsageError);
}

TEST_CASE("unroll: a diverging run ends as failed, not as a number") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const Vec u = Vec::Constant(1, 0.1);
  const InnerSolution s = run_map(algorithm_of("gd", 20.0, 0), p, u, 400, {TapeRequest::kAll, 1});
  REQUIRE(s.status == Status::failed);
  const Hypergradient h = full(p, u, s);
  CHECK((h.status == Status::failed || h.residual > 1));
  CHECK_FALSE(h.message.empty());
}
