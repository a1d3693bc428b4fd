// Every registered estimator at the edges: nothing to propagate, nothing finite, no minimum, no hyperparameters.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>

#include <tacit/hypergrad/reference.hpp>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// body(name, hypergradient) for every estimator on one and the same run of gradient descent with a full tape.
void for_each_estimate(const Problem& p, In u, Index steps,
                       const std::function<void(const std::string&, const Hypergradient&)>& body) {
  Registry<HypergradientEstimator> registry("estimator", "hypergradient.estimator");
  register_estimators(registry);
  const InnerSolution s = test::run_map(std::make_unique<GradientDescent>(), p, u, steps, {TapeRequest::kAll, 1});
  for (const std::string& name : registry.names()) {
    CAPTURE(name);
    const auto e = registry.make(name);
    body(name, e->estimate(p, u, s, nullptr, std::isnan(e->tolerance()) ? 0 : e->tolerance()));
  }
}

/// l = 3 |u|^2: nothing of x.
struct OnlyU {
  double value(const Vec&, const Vec& u) const { return 3 * u.squaredNorm(); }
  Vec gradient_x(const Vec& x, const Vec&) const { return Vec::Zero(x.size()); }
  Vec gradient_u(const Vec&, const Vec& u) const { return 6 * u; }
};

/// A finite value whose derivative is not.
struct BrokenSlope {
  double value(const Vec& x, const Vec&) const { return x.sum(); }
  Vec gradient_x(const Vec& x, const Vec&) const { return Vec::Constant(x.size(), std::nan("")); }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

/// (x_0^2 - u x_1^2)/2: x = 0 is a saddle and no answer.
struct Saddle {
  Index inner_dim() const { return 2; }
  Index outer_dim() const { return 1; }
  double value(const Vec& x, const Vec& u) const { return 0.5 * (x[0] * x[0] - u[0] * x[1] * x[1]); }
  Vec gradient(const Vec& x, const Vec& u) const { return Vec{{x[0], -u[0] * x[1]}}; }
  Vec hessian(const Vec&, const Vec& u, const Vec& p) const { return Vec{{p[0], -u[0] * p[1]}}; }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return Vec::Constant(1, -x[1] * p[1]); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return Vec{{0.0, -x[1] * w[0]}}; }
  double smoothness(const Vec&) const { return 1; }
};

}  // namespace

TEST_CASE("estimator edges: an outer loss that does not see x leaves its own derivative, solved at once") {
  for (const bool logistic : {false, true}) {
    Problem p = test::random_problem(3, 6, logistic, true, 0.4);
    p.l = adapt_criterion(OnlyU{});
    const Vec u = Vec::LinSpaced(6, 0.05, 0.1);
    for_each_estimate(p, u, 30, [&](const std::string& name, const Hypergradient& h) {
      if (name == "finite-difference")
        CHECK((h.gradient - 6 * u).norm() <= 1e-9 * u.norm());
      else
        CHECK(h.gradient == 6 * u);
      CHECK(h.status == Status::converged);
      CHECK(h.message.empty());
    });
  }
}

TEST_CASE("estimator edges: a derivative of the outer loss that is not finite never passes for a hypergradient") {
  Problem p = test::random_problem(3, 6, false, false, 0.4);
  p.l = adapt_criterion(BrokenSlope{});
  for_each_estimate(p, Vec::Constant(1, 0.1), 30, [](const std::string& name, const Hypergradient& h) {
    if (name == "finite-difference") {  // needs no derivative of l
      CHECK(h.status == Status::converged);
      return;
    }
    CHECK(h.status == Status::failed);
    CHECK_FALSE(h.gradient.allFinite());
    CHECK_FALSE(h.message.empty());
  });
}

TEST_CASE("estimator edges: next to a saddle no estimator calls its number converged, at it only a stationary branch") {
  Problem p = test::plain_problem("saddle", Saddle{});
  for (const double at : {0.0, 0.1}) {
    CAPTURE(at);
    p.start = std::make_shared<ConstantStart>(Vec{{0.0, at}});
    p.l = adapt_criterion(test::PlainDistance{Vec{{1.0, 2.0}}});
    for_each_estimate(p, Vec::Constant(1, 0.5), 20, [&](const std::string& name, const Hypergradient& h) {
      if (name.rfind("implicit", 0) == 0) {
        CHECK(h.status == Status::negative_curvature);
        CHECK_FALSE(h.gradient.allFinite());
      }
      // x = 0 is stationary for every u, and what does not look at the curvature returns the slope of that branch.
      const bool on_branch = at == 0 && usable(h.status);
      if (on_branch) CHECK(h.gradient[0] == 0);
      CHECK((on_branch || !h.message.empty()));
      CHECK((on_branch || !usable(h.status)));
    });
  }
}

TEST_CASE("estimator edges: no hyperparameters give an empty hypergradient and the outer value") {
  Problem p = test::random_problem(3, 6, true, false, 0.4);
  const auto& f = *p.f->linear();
  p.f = std::make_shared<LinearModel>(f.design(), std::make_shared<LogisticLoss>(), f.targets(), f.row_weights(),
                                      fixed_penalty(6, false, 0.1));
  p.space = HyperSpace();
  REQUIRE(p.check().empty());
  const Vec none(0);
  for_each_estimate(p, none, 30, [&](const std::string&, const Hypergradient& h) {
    CHECK(h.gradient.size() == 0);
    CHECK(std::isfinite(h.outer_value));
    CHECK(h.status != Status::failed);
  });
  CHECK(reference_hypergradient(p, none, Vec::Zero(6)).gradient.size() == 0);
}

TEST_CASE(
    "estimator edges: a singular Hessian is solved where the equation has a solution, and refused where a factor is needed") {
  // Two equal columns, neither penalised, and one column with a penalty: l_x lies in the range, the adjoint is not unique.
  test::Numbers draw(8);
  const Vec a = draw.vec(30), b = draw.vec(30);
  Mat x(30, 3);
  x << a, a, b;
  const Vec y = draw.vec(30);
  Problem p = test::linear_problem("singular", std::make_shared<SquaredLoss>(), {x, y}, {x, -y}, false);
  p.f = std::make_shared<LinearModel>(p.f->linear()->design(), std::make_shared<SquaredLoss>(), y, Vec::Constant(30, 1 / 30.0),
                                      Penalty({-1, -1, 0}, Vec::Zero(3), 1));
  const Vec u = Vec::Constant(1, 0.3);
  LbfgsSolver solver;
  const InnerSolution s = solver.solve(p, u, nullptr, {1e-12}, {});
  REQUIRE(s.status == Status::converged);
  // The same model with the two columns as one.
  Mat merged(30, 2);
  merged << std::sqrt(2.0) * a, b;
  Problem q = test::linear_problem("merged", std::make_shared<SquaredLoss>(), {merged, y}, {merged, -y}, false);
  q.f = std::make_shared<LinearModel>(q.f->linear()->design(), std::make_shared<SquaredLoss>(), y, Vec::Constant(30, 1 / 30.0),
                                      Penalty({-1, 0}, Vec::Zero(2), 1));
  const double truth = reference_hypergradient(q, u, Vec::Zero(2)).gradient[0];
  const Hypergradient h = ImplicitCgEstimator().estimate(p, u, s, nullptr, 1e-11);
  CHECK(h.status == Status::converged);
  CHECK(h.gradient[0] == doctest::Approx(truth).epsilon(1e-9));
  const Hypergradient direct = ImplicitDirectEstimator().estimate(p, u, s, nullptr, 0);
  if (usable(direct.status)) CHECK(direct.gradient[0] == doctest::Approx(truth).epsilon(1e-6));
}

TEST_CASE("estimator edges: iterations far past the end of conjugate gradients change nothing and are no negative curvature") {
  for (const double scale : {1e-8, 1.0, 1e8}) {
    CAPTURE(scale);
    const Problem p = test::random_problem(3, 6, false, true, 0.4);
    const Vec u = Vec::Constant(6, 0.1);
    const InnerSolution s = CholeskySolver().solve(p, u, nullptr, {1e-12}, {});
    const auto curvature = p.f->linearize(s.x(), u);
    Vec w = Vec::Zero(6), b = scale * test::Numbers(4).vec(6);
    CgOptions options;
    options.tolerance = 0;
    options.max_steps = 5000;
    const CgResult r = conjugate_gradient(
        [&](In v, Out out) {
          curvature->hessian(v, out);
          out *= scale;
        },
        b, w, options);
    CHECK(usable(r.status));
    CHECK(r.residual < 1e-13);
    CHECK(w.allFinite());
    ImplicitCgEstimator e;
    e.max_steps = 5000;
    const Hypergradient h = e.estimate(p, u, s, nullptr, 0), truth = reference_hypergradient(p, u, s.x());
    CHECK(h.status != Status::negative_curvature);
    CHECK((h.gradient - truth.gradient).norm() <= 1e-12 * truth.gradient.norm());
  }
}
