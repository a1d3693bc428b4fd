// Implicit differentiation, the frozen map and the reference: stored values, their account of themselves, warm starts and
// refusals.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

const std::vector<std::string> kKeys = {"ridge_diabetes", "logistic_breast_cancer"};

/// An inner solution to rounding with the factor at hand.
InnerSolution solved(const Problem& p, In u) {
  if (p.f->quadratic()) return CholeskySolver().solve(p, u, nullptr, {1e-12}, {});
  return NewtonSolver().solve(p, u, nullptr, {1e-14}, {});
}

/// l_x - f_xx w over l_x at the inner solution.
double adjoint_residual(const Problem& p, In u, const InnerSolution& s, In w) {
  Vec lx(s.inner_dim), lu(u.size()), product(s.inner_dim);
  p.l->gradient(s.x(), u, lx, lu);
  p.f->linearize(s.x(), u)->hessian(w, product);
  return (lx - product).norm() / lx.norm();
}

}  // namespace

TEST_CASE("implicit: golden hypergradients, one penalty and one per feature") {
  const auto golden = test::reference_file("golden.json");
  for (const std::string& key : kKeys) {
    CHECK(golden.at(key).at("points").size() == 5);
    for (const auto& point : golden.at(key).at("points")) {
      const Vec theta = test::to_vec(point.at("theta")), expected = test::to_vec(point.at("hypergrad"));
      CAPTURE(key);
      CAPTURE(theta[0]);
      const Problem p = test::reference_problem(key, theta.size() > 1);
      const Vec u = theta.array().exp();
      const InnerSolution s = solved(p, u);
      const Vec w = test::to_vec(point.at("w"));
      for (const Vec& x : {Vec(s.x()), NewtonCgSolver().solve(p, u, nullptr, {1e-14}, {}).x().eval(),
                           LbfgsSolver().solve(p, u, nullptr, {1e-13}, {}).x().eval()})
        CHECK((x - w).norm() <= 1e-10 * w.norm());
      const auto check = [&](const std::string& name, const Hypergradient& h) {
        CAPTURE(name);
        CHECK(usable(h.status));
        CHECK(h.message.empty());
        for (Index j = 0; j < u.size(); ++j)
          CHECK(std::abs(u[j] * h.gradient[j] - expected[j]) <= 1e-8 * std::max(std::abs(expected[j]), 1e-3));
        CHECK(h.outer_value == doctest::Approx(point.at("outer_loss").get<double>()).epsilon(1e-10));
      };
      check("implicit-direct", ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0));
      check("implicit-cg", ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-12));
      check("reference", reference_hypergradient(p, u, Vec::Zero(s.inner_dim)));
      check("finite-difference", FiniteDifferenceEstimator().estimate(p, u, s, nullptr, 0));
      // The full unroll of a converged run is the same number; soft problems would take too many steps here.
      const double kappa = p.f->smoothness(u) / point.at("hessian_eig_min").get<double>();
      if (kappa > 250) continue;
      const InnerSolution run =
          test::run_map(std::make_unique<GradientDescent>(), p, u, static_cast<Index>(45 * kappa), {TapeRequest::kAll, 1});
      check("full-unroll", UnrollEstimator(false).estimate(p, u, run, nullptr, 0));
      check("neumann", [&] {
        NeumannEstimator e;
        e.max_steps = 45 * static_cast<Index>(kappa) + 45;
        return e.estimate(p, u, run, nullptr, 1e-13);
      }());
    }
  }
}

TEST_CASE("implicit: reference values of Neumann terms, one step and the solve at an unconverged x_T") {
  const auto stored = test::reference_file("estimators.json");
  Index values = 0;
  for (const std::string& key : kKeys) {
    const Problem p = test::reference_problem(key, false);
    for (const auto& entry : stored.at(key)) {
      if (entry.at("method") != "gd") continue;
      CAPTURE(key);
      const Vec u = Vec::Constant(1, std::exp(entry.at("theta").get<double>()));
      const InnerSolution s = test::run_map(test::algorithm_of("gd", entry.at("alpha"), 0), p, u, entry.at("T"), {});
      for (const auto& item : entry.at("neumann_K_at_x_T").items()) {
        const std::string terms = item.key();
        const double value = item.value();
        CAPTURE(terms);
        ++values;
        NeumannEstimator e;
        e.max_steps = std::stol(terms);
        const Hypergradient h = e.estimate(p, u, s, nullptr, 0);
        CHECK(u[0] * h.gradient[0] == doctest::Approx(value).epsilon(1e-10));
        CHECK(h.linear_steps == e.max_steps);
        CHECK(h.residual == doctest::Approx(adjoint_residual(p, u, s, h.adjoint)).epsilon(1e-9));
        if (e.max_steps > 1) continue;
        CHECK(OneStepEstimator().estimate(p, u, s, nullptr, 0).gradient == h.gradient);
      }
      const double exact = entry.at("ift_exact_solve_at_x_T");
      CHECK(u[0] * ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-13).gradient[0] == doctest::Approx(exact).epsilon(1e-10));
      CHECK(u[0] * ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0).gradient[0] == doctest::Approx(exact).epsilon(1e-10));
    }
  }
  CHECK(values == 16);
}

TEST_CASE("implicit-cg: preconditioners, true residual, step limit and warm start") {
  const Problem p = test::random_problem(3, 40, true, true, 0.05);
  const Vec u = Vec::Constant(40, 1e-3);
  const InnerSolution s = NewtonSolver().solve(p, u, nullptr, {1e-12}, {});
  REQUIRE(s.inverse);
  const Vec truth = reference_hypergradient(p, u, s.x()).gradient;
  const auto run = [&](const std::string& preconditioner, const Hypergradient* previous = nullptr) {
    ImplicitCgEstimator e;
    e.preconditioner = preconditioner;
    const Hypergradient h = e.estimate(p, u, s, previous, 1e-10);
    CAPTURE(preconditioner);
    CHECK(h.status == Status::converged);
    CHECK(h.residual <= 1e-10);
    CHECK(h.residual == doctest::Approx(adjoint_residual(p, u, s, h.adjoint)).epsilon(0.01));
    CHECK((h.gradient - truth).norm() <= 1e-7 * truth.norm());
    return h;
  };
  const Hypergradient none = run("none"), jacobi = run("jacobi"), factor = run("factor");
  CHECK(jacobi.linear_steps < none.linear_steps);
  CHECK(factor.linear_steps <= 5);  // the factor of the last Newton step, not quite the one at x
  CHECK(run("auto").linear_steps == factor.linear_steps);
  const Hypergradient again = run("jacobi", &jacobi);
  CHECK(again.linear_steps == 0);

  ImplicitCgEstimator limited;
  limited.max_steps = 3;
  limited.preconditioner = "none";
  const Hypergradient h = limited.estimate(p, u, s, nullptr, 1e-10);
  CHECK(h.status == Status::step_limit);
  CHECK(h.linear_steps == 3);
  CHECK(h.message.find("asked 1.0e-10 after 3 steps") != std::string::npos);
  CHECK(h.residual == doctest::Approx(adjoint_residual(p, u, s, h.adjoint)));
  limited.warm_start = false;
  CHECK(limited.estimate(p, u, s, &jacobi, 1e-10).linear_steps == 3);
}

TEST_CASE("implicit-cg: an adjoint follows the penalties by the factor that is at hand, before a product") {
  // f_xx changes by the penalties alone: what the factor makes of that is the answer.
  const Problem ridge = test::reference_problem("ridge_diabetes", true);
  const Vec here = Vec::LinSpaced(10, 1e-4, 0.3), there = Vec::LinSpaced(10, 2e-2, 1e-3);
  const InnerSolution s = CholeskySolver().solve(ridge, there, nullptr, {1e-12}, {});
  ImplicitCgEstimator e;
  Hypergradient before = e.estimate(ridge, here, CholeskySolver().solve(ridge, here, nullptr, {1e-12}, {}), nullptr, 1e-12);
  const Hypergradient followed = e.estimate(ridge, there, s, &before, 1e-8);
  CHECK(followed.status == Status::converged);
  CHECK(followed.linear_steps == 0);
  CHECK(followed.residual == doctest::Approx(adjoint_residual(ridge, there, s, followed.adjoint)).epsilon(0.1));
  before.data_product.resize(0);
  CHECK(e.estimate(ridge, there, s, &before, 1e-8).linear_steps > 0);

  // Elsewhere the weights of the rows change too, and less is left where the solve starts: its residual, if no step is asked for.
  const Problem logistic = test::reference_problem("logistic_breast_cancer", true);
  const NewtonCgSolver solver;
  double less = 0;
  int points = 0;
  InnerSolution last = solver.solve(logistic, Vec::Constant(30, 1e-2), nullptr, {1e-10}, {});
  Hypergradient w = e.estimate(logistic, Vec::Constant(30, 1e-2), last, nullptr, 1e-6);
  for (double penalty = 1e-2; penalty > 2e-3; penalty *= 0.9) {
    const Vec u = Vec::LinSpaced(30, penalty, 1e-2);
    last = solver.solve(logistic, u, &last, {1e-10}, {});
    Hypergradient plain = w;
    plain.data_product.resize(0);
    less += std::log(e.estimate(logistic, u, last, &w, 1).residual / e.estimate(logistic, u, last, &plain, 1).residual);
    ++points;
    w = e.estimate(logistic, u, last, &w, 1e-6);
    Vec product(30), penalties = u;
    logistic.f->linearize(last.x(), u)->hessian(w.adjoint, product);
    product -= penalties.cwiseProduct(w.adjoint);
    CHECK((w.data_product - product).norm() <= 1e-12 * product.norm());
  }
  REQUIRE(last.inverse);
  CHECK(std::exp(less / points) < 0.3);
}

TEST_CASE("implicit-cg: what lbfgs has learnt of f_xx preconditions the adjoint") {
  const Problem p = test::random_problem(11, 40, true, false, 0.02);
  const Vec u = Vec::Constant(1, 1e-3);
  InnerSolution s = LbfgsSolver().solve(p, u, nullptr, {1e-10}, {});
  REQUIRE(s.pairs);
  ImplicitCgEstimator e;
  const Hypergradient learnt = e.estimate(p, u, s, nullptr, 1e-8);
  s.pairs.reset();
  const Hypergradient plain = e.estimate(p, u, s, nullptr, 1e-8);
  CHECK(learnt.status == Status::converged);
  CHECK(learnt.residual <= 1e-8);
  CHECK(learnt.linear_steps < 0.7 * static_cast<double>(plain.linear_steps));
  CHECK(learnt.gradient[0] == doctest::Approx(plain.gradient[0]).epsilon(1e-6));
}

TEST_CASE("implicit-direct: uses the factor that the solver left at this very point") {
  const auto counter = std::make_shared<WorkCounter>();
  const Problem plain = test::reference_problem("ridge_diabetes", true), p = counted(plain, counter);
  const Vec u = Vec::LinSpaced(10, 1e-4, 0.3);
  InnerSolution s = CholeskySolver().solve(p, u, nullptr, {1e-12}, {});
  REQUIRE(s.inverse_exact);
  const Hypergradient with = ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
  const Hypergradient own = reference_hypergradient(plain, u, s.x());
  CHECK((with.gradient - own.gradient).norm() <= 1e-12 * own.gradient.norm());
  CHECK(with.residual < 1e-14);
  // A factor of another point does not lead astray.
  s.inverse = CholeskySolver().solve(p, 10 * u, nullptr, {1e-12}, {}).inverse;
  s.inverse_exact = false;
  const Hypergradient stale = ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
  CHECK((stale.gradient - own.gradient).norm() <= 1e-12 * own.gradient.norm());
}

TEST_CASE("fixed-point: the warm adjoint pays, also after the step size has changed") {
  for (const std::string method : {"gd", "heavyball", "nesterov"}) {
    CAPTURE(method);
    const Problem p = test::reference_problem("logistic_breast_cancer", false);
    const auto at = [&](double value, double alpha) {
      return test::run_map(test::algorithm_of(method, alpha, 0.6), p, Vec::Constant(1, value), 600, {});
    };
    const InnerSolution before = at(0.02, 0.30), now = at(0.0205, 0.15);
    FixedPointEstimator e;
    e.max_steps = 20000;
    const Hypergradient first = e.estimate(p, Vec::Constant(1, 0.02), before, nullptr, 1e-10);
    REQUIRE(first.status == Status::converged);
    const Vec u = Vec::Constant(1, 0.0205);
    const Hypergradient cold = e.estimate(p, u, now, nullptr, 1e-8), warm = e.estimate(p, u, now, &first, 1e-8);
    CHECK(warm.status == Status::converged);
    CHECK(warm.residual <= 1e-8);
    CHECK(warm.linear_steps < 0.9 * static_cast<double>(cold.linear_steps));
    CHECK(warm.gradient[0] == doctest::Approx(cold.gradient[0]).epsilon(1e-6));
    e.max_steps = 10;
    const double truth = cold.gradient[0];
    CHECK(std::abs(e.estimate(p, u, now, &first, 0).gradient[0] - truth) <
          0.2 * std::abs(e.estimate(p, u, now, nullptr, 0).gradient[0] - truth));
    e.warm_start = false;
    NeumannEstimator ten;
    ten.max_steps = 10;
    CHECK(e.estimate(p, u, now, &first, 0).gradient == ten.estimate(p, u, now, nullptr, 0).gradient);
  }
}

TEST_CASE("implicit: an indefinite Hessian is reported, not inverted") {
  struct Saddle {
    Index inner_dim() const { return 2; }
    Index outer_dim() const { return 1; }
    double value(const Vec& x, const Vec& u) const { return 0.5 * (x[0] * x[0] - u[0] * x[1] * x[1]); }
    Vec gradient(const Vec& x, const Vec& u) const { return Vec{{x[0], -u[0] * x[1]}}; }
    Vec hessian(const Vec&, const Vec& u, const Vec& p) const { return Vec{{p[0], -u[0] * p[1]}}; }
    Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, -x[1] * p[1]); }
    Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return Vec{{0.0, -x[1] * w[0]}}; }
  };
  const Problem p = test::plain_problem("saddle", Saddle{});
  InnerSolution s;
  s.z = Vec::Constant(2, 0.1);
  s.inner_dim = 2;
  const Vec u = Vec::Ones(1);
  for (const Hypergradient& h :
       {ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0), ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-8)}) {
    CHECK(h.status == Status::negative_curvature);
    CHECK_FALSE(h.message.empty());
  }
  CHECK(reference_hypergradient(p, u, s.z).status == Status::negative_curvature);
  CHECK(FiniteDifferenceEstimator().estimate(p, u, s, nullptr, 0).status == Status::failed);
}

TEST_CASE("implicit: refusals say what to use") {
  const Problem p = test::reference_problem("ridge_diabetes", false);
  const Vec u = Vec::Constant(1, 0.1);
  const InnerSolution s = LbfgsSolver().solve(p, u, nullptr, {1e-6}, {});
  ImplicitCgEstimator e;
  e.preconditioner = "factor";
  CHECK_THROWS_WITH_AS(e.estimate(p, u, s, nullptr, 1e-6), doctest::Contains("the inner solver newton or cholesky"), UsageError);
  const Problem plain = test::ridge_problem();
  const InnerSolution t = LbfgsSolver().solve(plain, u, nullptr, {1e-6}, {});
  e.preconditioner = "jacobi";
  CHECK_THROWS_WITH_AS(e.estimate(plain, u, t, nullptr, 1e-6), doctest::Contains("use 'auto' or 'none'"), UsageError);
  e.preconditioner = "auto";
  CHECK(e.estimate(plain, u, t, nullptr, 1e-6).status == Status::converged);

  const Index n = 5001;
  const Problem large = test::plain_problem("large", test::PlainRidge{Mat::Ones(1, n), Vec::Ones(1)});
  InnerSolution big;
  big.z = Vec::Zero(n);
  big.inner_dim = n;
  CHECK_THROWS_WITH_AS(ImplicitDirectEstimator().estimate(large, u, big, nullptr, 0), doctest::Contains("5001"), UsageError);
}

TEST_CASE("reference: polishing ends at rounding, from near and far") {
  for (const std::string& key : kKeys) {
    CAPTURE(key);
    const Problem p = test::reference_problem(key, false);
    const Index n = p.f->inner_dim();
    const Vec u = Vec::Constant(1, 1e-3);
    const Polished zero = polish(p, u, Vec::Zero(n));
    for (const Vec& x : {Vec(Vec::Constant(n, 5.0)), Vec(20 * test::Numbers(2).vec(n)), zero.x}) {
      const Polished r = polish(p, u, x);
      CHECK(r.status == Status::rounding);
      CHECK(r.gradient_norm <= 1e-14 * p.f->gradient_scale(u));
      CHECK((r.x - zero.x).norm() <= 1e-11 * zero.x.norm());
    }
    CHECK(polish(p, u, Vec::Constant(n, std::nan(""))).status == Status::failed);
  }
}
