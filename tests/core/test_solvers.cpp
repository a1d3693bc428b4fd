#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include <Eigen/Dense>
#include <nlohmann/json.hpp>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/counting.hpp>

#include "core/plain_problems.hpp"
#include "hypergrad/reference_problems.hpp"
#include "paths.hpp"

using namespace tacit;

namespace {

std::string reference(const std::string& file) { return tacit::test::source_dir() + "/tests/reference/" + file; }

Problem breast_cancer(Index m = 1) {
  const auto [a, y] = test::training_rows(test::read_numbers(reference("breast_cancer.csv")));
  return test::plain_problem("logistic", test::PlainLogistic{a, y, m});
}

/// Work and steps along a fixed sequence of hyperparameters, each solve starting from the last (warm) or from zero.
Work along(const InnerSolver& solver, const Problem& problem, const std::vector<Vec>& us, bool warm, Accuracy accuracy) {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(problem, counter);
  std::optional<InnerSolution> last;
  for (const Vec& u : us) {
    InnerSolution s = solver.solve(p, u, warm && last ? &*last : nullptr, accuracy, {});
    CHECK(s.status == Status::converged);
    last = std::move(s);
  }
  return counter->read();
}

/// (1 - x_0)^2 + 10 (x_1 - x_0^2)^2 + u/2 ||x||^2: not convex, indefinite at (0, 1).
struct Valley {
  Index inner_dim() const { return 2; }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec& u) const {
    const double r = x[1] - x[0] * x[0];
    return (1 - x[0]) * (1 - x[0]) + 10 * r * r + 0.5 * u[0] * x.squaredNorm();
  }
  Vec gradient(const Vec& x, const Vec& u) const {
    const double r = x[1] - x[0] * x[0];
    return Vec(Eigen::Vector2d(-2 * (1 - x[0]) - 40 * x[0] * r, 20 * r)) + u[0] * x;
  }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    const double h00 = 2 - 40 * (x[1] - 3 * x[0] * x[0]) + u[0], h01 = -40 * x[0];
    return Eigen::Vector2d(h00 * p[0] + h01 * p[1], h01 * p[0] + (20 + u[0]) * p[1]);
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, x.dot(p)); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return w[0] * x; }
};

}  // namespace

TEST_CASE("solvers: logistic regression agrees with the reference solutions") {
  std::ifstream in(reference("golden.json"));
  REQUIRE(in);
  const auto golden = nlohmann::json::parse(in).at("logistic_breast_cancer");
  const Problem one = breast_cancer(), each = breast_cancer(30);
  int points = 0;
  for (const auto& point : golden.at("points")) {
    const auto& theta = point.at("theta");
    const bool scalar = theta.is_number();
    const Problem& p = scalar ? one : each;
    Vec u(p.f->outer_dim());
    for (Index j = 0; j < u.size(); ++j)
      u[j] = std::exp(scalar ? theta.get<double>() : theta.at(static_cast<std::size_t>(j)).get<double>());
    const auto w = point.at("w").get<std::vector<double>>();
    const Vec expected = Eigen::Map<const Vec>(w.data(), static_cast<Index>(w.size()));
    const NewtonCgSolver newton_cg;
    const NewtonSolver newton;
    const LbfgsSolver lbfgs;
    for (const InnerSolver* solver : {static_cast<const InnerSolver*>(&newton_cg), static_cast<const InnerSolver*>(&newton),
                                      static_cast<const InnerSolver*>(&lbfgs)}) {
      const InnerSolution s = solver->solve(p, u, nullptr, {1e-13}, {});
      CAPTURE(s.message);
      CHECK(usable(s.status));
      CHECK((s.x() - expected).norm() < 1e-10 * std::max(1.0, expected.norm()));
    }
    ++points;
  }
  CHECK(points >= 3);
}

TEST_CASE("solvers: warm starts pay along a sequence of penalties (breast cancer, tolerance 1e-8)") {
  const Problem p = breast_cancer();
  std::vector<Vec> us;
  for (const double theta : {-2.0, -3.0, -4.6, -5.3, -5.1, -5.0, -5.03, -5.02, -5.021, -5.0211})
    us.push_back(Vec::Constant(1, std::exp(theta)));
  const NewtonCgSolver newton_cg;
  const LbfgsSolver lbfgs;
  const auto ratio = [&](const InnerSolver& solver) {
    const Work cold = along(solver, p, us, false, {1e-8}), warm = along(solver, p, us, true, {1e-8});
    // The unit of the tolerance costs a warm run one more gradient where the problem does not know it: counted here for ten
    // solves.
    return static_cast<double>(cold.inner_units()) /
           static_cast<double>(warm.inner_units() + static_cast<std::int64_t>(us.size()));
  };
  CHECK(ratio(newton_cg) >= 1.3);
  CHECK(ratio(lbfgs) >= 1.1);
  // A ceiling on the cold work itself, so that the ratio is not bought with waste (measured: 473 and 327).
  CHECK(along(newton_cg, p, us, false, {1e-8}).inner_units() < 520);
  CHECK(along(lbfgs, p, us, false, {1e-8}).inner_units() < 360);
}

TEST_CASE("solvers: lbfgs takes what it has learnt to other penalties, and leaves value and curvature") {
  const Problem p = test::random_problem(21, 50, true, false, 0.1);
  const LbfgsSolver lbfgs;
  Index with = 0, without = 0;
  InnerSolution last = lbfgs.solve(p, Vec::Constant(1, 0.1), nullptr, {1e-8}, {});
  for (double penalty = 0.05; penalty > 1e-3; penalty /= 2) {
    const Vec u = Vec::Constant(1, penalty);
    InnerSolution forgetful = last;
    forgetful.pairs.reset();
    without += lbfgs.solve(p, u, &forgetful, {1e-8}, {}).steps;
    last = lbfgs.solve(p, u, &last, {1e-8}, {});
    CHECK(last.status == Status::converged);
    with += last.steps;
    Vec g(50), a(50), b(50);
    CHECK(last.value == p.f->gradient(last.x(), u, g));
    CHECK(last.gradient == g);
    REQUIRE(last.curvature);
    last.curvature->hessian(g, a);
    p.f->linearize(last.x(), u)->hessian(g, b);
    CHECK(a == b);
  }
  CHECK(with < 0.8 * static_cast<double>(without));
  // Where u does more than add a diagonal that is known, nothing is taken along.
  const Problem plain = breast_cancer();
  const InnerSolution here = lbfgs.solve(plain, Vec::Constant(1, 0.1), nullptr, {1e-8}, {});
  InnerSolution forgetful = here;
  forgetful.pairs.reset();
  const Vec there = Vec::Constant(1, 0.01);
  CHECK(lbfgs.solve(plain, there, &here, {1e-8}, {}).z == lbfgs.solve(plain, there, &forgetful, {1e-8}, {}).z);
}

TEST_CASE("solvers: the pairs of lbfgs at other penalties are those of f_xx there") {
  const Problem p = test::random_problem(22, 12, false, true, 0.3);  // quadratic: a pair is a product, wherever it is from
  const Vec here = Vec::LinSpaced(12, 0.01, 1), there = Vec::LinSpaced(12, 0.5, 0.02);
  LbfgsSolver lbfgs;
  lbfgs.memory = 100;
  const InnerSolution from = lbfgs.solve(p, here, nullptr, {1e-12}, {});
  const InnerSolution s = lbfgs.solve(p, there, &from, {100}, {});  // content with where it starts
  REQUIRE(s.steps == 0);
  const auto inverse = learnt_inverse(s, nullptr);
  REQUIRE(inverse);
  Mat h(12, 12);
  Eigen::MatrixXd m(12, 12);
  hessian_matrix(*p.f->linearize(s.x(), there), h);
  for (Index j = 0; j < 12; ++j) inverse->apply(Vec::Unit(12, j), m.col(j));
  CHECK((m - m.transpose()).norm() <= 1e-10 * m.norm());
  const Eigen::EigenSolver<Eigen::MatrixXd> product(Eigen::MatrixXd(m * h));
  Index ones = 0;  // of M f_xx, along the pairs
  for (Index j = 0; j < 12; ++j) ones += std::abs(product.eigenvalues()[j].real() - 1) < 0.3 ? 1 : 0;
  CHECK(ones >= 9);
  CHECK(learnt_inverse(InnerSolution(), nullptr) == nullptr);
}

TEST_CASE("solvers: a step size that is too large ends as failed and says so") {
  auto algorithm = std::make_unique<GradientDescent>();
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.1);
  algorithm->step = 1e3;
  IterateSolver solver(std::move(algorithm));
  solver.options.max_steps = 5000;
  const InnerSolution s = solver.solve(p, u, nullptr, {1e-8}, {TapeRequest::kAll, 1});
  CHECK(s.status == Status::failed);
  CHECK(s.message.find("lower `step`") != std::string::npos);
  CHECK(s.z.allFinite());
  CHECK(s.tape->steps() == s.steps);
  CHECK(s.step_norms.size() == static_cast<std::size_t>(s.steps));
}

TEST_CASE("solvers: a run of a map leaves its steps, and momentum starts at rest") {
  const Problem p = test::logistic_problem();
  const Vec u = Vec::Constant(1, 0.05);
  IterateSolver solver(std::make_unique<HeavyBall>());
  const InnerSolution first = solver.solve(p, u, nullptr, {1e-4}, {});
  const InnerSolution s = solver.solve(p, 1.5 * u, &first, {1e-8}, {TapeRequest::kAll, 1});
  CHECK_FALSE(s.cold);
  CHECK(s.x0 == first.x());
  CHECK(s.z0.head(8) == s.x0);
  CHECK(s.z0.tail(8) == s.x0);
  REQUIRE(s.tape->stored().size() == static_cast<std::size_t>(s.steps) + 1);
  for (std::size_t k = 0; k < s.step_norms.size(); ++k)
    CHECK(s.step_norms[k] == (s.tape->stored()[k + 1].second.head(8) - s.tape->stored()[k].second.head(8)).norm());
  // A tape holds at least one step, even from a start that is good enough.
  const InnerSolution again = solver.solve(p, 1.5 * u, &s, {1e-6}, {TapeRequest::kAll, 1});
  CHECK(again.steps == 1);
  CHECK(again.status == Status::converged);
}

TEST_CASE("solvers: cholesky and newton leave the factor they used") {
  const Problem p = test::ridge_problem(1);
  const Vec u = Vec::LinSpaced(8, 0.1, 0.9);
  const InnerSolution direct = CholeskySolver().solve(p, u, nullptr, {1e-14}, {});
  const InnerSolution newton = NewtonSolver().solve(p, u, nullptr, {1e-12}, {});
  CHECK(usable(direct.status));
  CHECK(direct.residual < 1e-14);
  for (const InnerSolution* s : {&direct, &newton}) {
    REQUIRE(s->inverse);
    CHECK(s->inverse_exact);
    const Vec b = test::Numbers(61).vec(8);
    Vec w(8), back(8);
    s->inverse->apply(b, w);
    p.f->linearize(s->x(), u)->hessian(w, back);
    CHECK((back - b).norm() < 1e-12 * b.norm());
  }
  // After a step on a problem that is not quadratic, the factor belongs to the point before: kept, not exact.
  const Problem logistic = test::logistic_problem();
  const InnerSolution s = NewtonSolver().solve(logistic, Vec::Constant(1, 0.1), nullptr, {1e-10}, {});
  CHECK(s.inverse);
  CHECK_FALSE(s.inverse_exact);
  CHECK_THROWS_WITH_AS(CholeskySolver().solve(logistic, Vec::Constant(1, 0.1), nullptr, {}, {}), doctest::Contains("newton"),
                       UsageError);
}

TEST_CASE("solvers: cholesky reports a singular Hessian instead of a number") {
  test::PlainRidge f{Mat::Ones(6, 3), Vec::Ones(6)};
  const Problem p = test::plain_problem("singular", f);
  const InnerSolution s = CholeskySolver().solve(p, Vec::Constant(1, -1e-3), nullptr, {1e-8}, {});
  CHECK(s.status == Status::failed);
  CHECK(s.message.find("positive definite") != std::string::npos);
}

TEST_CASE("solvers: a valley that is not convex is descended from where the Hessian is indefinite") {
  Problem p = test::plain_problem("valley", Valley{});
  p.start = std::make_shared<ConstantStart>(Vec(Eigen::Vector2d(0, 1)));
  const Vec u = Vec::Constant(1, 0.01);
  const NewtonCgSolver newton_cg;
  const NewtonSolver newton;
  const LbfgsSolver lbfgs;
  for (const InnerSolver* solver : {static_cast<const InnerSolver*>(&newton_cg), static_cast<const InnerSolver*>(&newton),
                                    static_cast<const InnerSolver*>(&lbfgs)}) {
    const InnerSolution s = solver->solve(p, u, nullptr, {1e-10}, {});
    CAPTURE(s.message);
    CHECK(s.status == Status::converged);
    CHECK(s.x_cold == Vec(Eigen::Vector2d(0, 1)));
    Vec h(2);
    const auto c = p.f->linearize(s.x(), u);
    for (const Vec& d : {Vec(Eigen::Vector2d(1, 0)), Vec(Eigen::Vector2d(0, 1)), Vec(Eigen::Vector2d(1, 2))}) {
      c->hessian(d, h);
      CHECK(d.dot(h) > 0);
    }
  }
}

TEST_CASE("hessian_matrix: products in batches when there is no dense form") {
  const Mat a = test::uneven_data(50, 37, 71);
  const Problem p = test::plain_problem("wide", test::PlainRidge{a, Vec::Ones(50)});
  const Vec u = Vec::Constant(1, 0.3);
  Mat h(37, 37);
  hessian_matrix(*p.f->linearize(Vec::Zero(37), u), h);
  const Mat expected = a.transpose() * a / 50 + 0.3 * Mat::Identity(37, 37);
  CHECK((h - expected).norm() < 1e-13 * expected.norm());
}
