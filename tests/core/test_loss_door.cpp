// The loss door: derivatives of every function, losses written in pieces, and a model made by it from end to end.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <string>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/linear/loss_door.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

using Real = long double;

/// A function of one number, with its exact derivatives.
struct Known {
  std::string name;
  std::function<Taylor(Taylor)> f;
  std::function<Real(Real)> exact, first, second;
  std::vector<double> at;
};

Real square(Real t) { return t * t; }

std::vector<Known> elementary() {
  const std::vector<double> any = {-700, -50, -7.5, -1, -0.3, -1e-3, -1e-9, 0, 1e-9, 1e-3, 0.3, 1, 7.5, 50, 700};
  const std::vector<double> positive = {1e-300, 1e-9, 0.3, 0.70710678, 0.99999, 1, 1.00001, 1.5, 42, 1e9, 1e300};
  return {
      {"exp", [](Taylor t) { return exp(t); }, expl, expl, expl, any},
      {"expm1", [](Taylor t) { return expm1(t); }, expm1l, expl, expl, any},
      {"log",
       [](Taylor t) { return log(t); },
       logl,
       [](Real t) { return 1 / t; },
       [](Real t) { return -1 / square(t); },
       {1e-140, 1e-9, 0.3, 0.70710678, 0.99999, 1, 1.00001, 1.5, 42, 1e9, 1e140}},
      {"log1p",
       [](Taylor t) { return log1p(t); },
       log1pl,
       [](Real t) { return 1 / (1 + t); },
       [](Real t) { return -1 / square(1 + t); },
       {-0.999, -0.5, -1e-9, 0, 1e-18, 1e-9, 0.5, 3, 1e17, 1e60}},
      {"sqrt",
       [](Taylor t) { return sqrt(t); },
       sqrtl,
       [](Real t) { return 0.5L / sqrtl(t); },
       [](Real t) { return -0.25L / (t * sqrtl(t)); },
       {1e-100, 1e-9, 0.3, 1, 42, 1e9, 1e100}},
      {"pow 2.5",
       [](Taylor t) { return pow(t, 2.5); },
       [](Real t) { return powl(t, 2.5L); },
       [](Real t) { return 2.5L * powl(t, 1.5L); },
       [](Real t) { return 3.75L * powl(t, 0.5L); },
       {1e-9, 0.3, 1, 42, 1e9}},
      {"pow 2", [](Taylor t) { return pow(t, 2.0); }, square, [](Real t) { return 2 * t; }, [](Real) { return 2.0L; }, any},
      {"pow 3", [](Taylor t) { return pow(t, 3.0); }, [](Real t) { return t * t * t; }, [](Real t) { return 3 * t * t; },
       [](Real t) { return 6 * t; }, any},
      {"pow 1", [](Taylor t) { return pow(t, 1.0); }, [](Real t) { return t; }, [](Real) { return 1.0L; },
       [](Real) { return 0.0L; }, any},
      {"pow of a base",
       [](Taylor t) { return pow(3.0, t); },
       [](Real t) { return powl(3, t); },
       [](Real t) { return logl(3) * powl(3, t); },
       [](Real t) { return square(logl(3)) * powl(3, t); },
       {-20, -1, 0, 0.5, 20}},
      {"pow of itself",
       [](Taylor t) { return pow(t, t); },
       [](Real t) { return powl(t, t); },
       [](Real t) { return powl(t, t) * (logl(t) + 1); },
       [](Real t) { return powl(t, t) * (square(logl(t) + 1) + 1 / t); },
       {0.1, 0.5, 1, 3}},
      {"sin", [](Taylor t) { return sin(t); }, sinl, cosl, [](Real t) { return -sinl(t); }, any},
      {"cos", [](Taylor t) { return cos(t); }, cosl, [](Real t) { return -sinl(t); }, [](Real t) { return -cosl(t); }, any},
      {"tanh",
       [](Taylor t) { return tanh(t); },
       tanhl,
       [](Real t) { return 1 / square(coshl(t)); },
       [](Real t) { return -2 * tanhl(t) / square(coshl(t)); },
       {-300, -20, -1, -1e-9, 0, 1e-9, 0.3, 1, 5, 20, 300}},
      {"atan", [](Taylor t) { return atan(t); }, atanl, [](Real t) { return 1 / (1 + t * t); },
       [](Real t) { return -2 * t / square(1 + t * t); }, any},
      {"softplus", [](Taylor t) { return softplus(t); }, [](Real t) { return fmaxl(t, 0) + log1pl(expl(-fabsl(t))); },
       [](Real t) { return 1 / (1 + expl(-t)); }, [](Real t) { return 1 / ((1 + expl(-t)) * (1 + expl(t))); }, any},
      {"sigmoid", [](Taylor t) { return sigmoid(t); }, [](Real t) { return 1 / (1 + expl(-t)); },
       [](Real t) { return 1 / ((1 + expl(-t)) * (1 + expl(t))); },
       [](Real t) { return -tanhl(t / 2) / ((1 + expl(-t)) * (1 + expl(t))); }, any},
      {"abs", [](Taylor t) { return abs(t); }, fabsl, [](Real t) { return t < 0 ? -1.0L : 1.0L; }, [](Real) { return 0.0L; },
       any},
      {"max", [](Taylor t) { return max(t * t, Taylor(0.25)); }, [](Real t) { return fmaxl(t * t, 0.25L); },
       [](Real t) { return fabsl(t) < 0.5L ? 0 : 2 * t; }, [](Real t) { return fabsl(t) < 0.5L ? 0.0L : 2.0L; }, any},
      {"min", [](Taylor t) { return min(t * t, Taylor(0.25)); }, [](Real t) { return fminl(t * t, 0.25L); },
       [](Real t) { return fabsl(t) > 0.5L ? 0 : 2 * t; }, [](Real t) { return fabsl(t) > 0.5L ? 0.0L : 2.0L; }, any},
      {"1 / t",
       [](Taylor t) { return 1 / t; },
       [](Real t) { return 1 / t; },
       [](Real t) { return -1 / square(t); },
       [](Real t) { return 2 / (t * t * t); },
       {-40, -1, -1e-3, 1e-3, 0.3, 1, 1e9}},
      {"(t^2 + 1) / (2 - t)",
       [](Taylor t) { return (t * t + 1) / (2 - t); },
       [](Real t) { return (t * t + 1) / (2 - t); },
       [](Real t) { return 5 / square(2 - t) - 1; },
       [](Real t) { return 10 / (square(2 - t) * (2 - t)); },
       {-3, 0, 1, 1.5, 7}},
      {"- t * 3 / 4 - 1 + t * t", [](Taylor t) { return -t * 3 / 4 - 1 + t * t; }, [](Real t) { return -0.75L * t - 1 + t * t; },
       [](Real t) { return -0.75L + 2 * t; }, [](Real) { return 2.0L; }, any},
  };
}

void check_near(double got, Real wanted, double relative) {
  CAPTURE(got);
  CAPTURE(static_cast<double>(wanted));
  if (fabsl(wanted) < 1e-290L)
    CHECK(std::abs(got) < 1e-290);  // what is below the least normal number may be 0
  else
    CHECK(fabsl(got - wanted) <= relative * fabsl(wanted));
}

Problem logistic_of(const std::shared_ptr<const Loss>& loss) {
  const Mat a = test::uneven_data(90, 6, 3);
  const Vec noisy = a * test::Numbers(13).vec(6) + 0.5 * test::Numbers(17).vec(90);
  const Vec y = noisy.unaryExpr([](double t) { return t > 0 ? 1.0 : -1.0; });
  const Design all(std::make_shared<Mat>(a));
  Problem p;
  p.name = "by the door";
  p.f = std::make_shared<LinearModel>(all.row_range(0, 60), loss, y.head(60), Vec::Constant(60, 1.0 / 60), one_penalty(6, false));
  p.l = std::make_shared<HoldoutLoss>(all.row_range(60, 30), loss, y.tail(30), Vec::Ones(30));
  p.space = HyperSpace({HyperBlock{"l2", 1, Scale::log, 1e-5, 1e3}});
  return p;
}

Summary fit(const Problem& p) {
  const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
  LbfgsOuter optimizer;
  return solve({}, p.space, *oracle, optimizer, Vec::Zero(p.space.size()));
}

const auto kLogistic = [](auto z, double y) { return softplus(-y * z); };
const auto kSquares = [](auto z, double y) { return (z - y) * (z - y) / 2; };

std::string refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("taylor: value and both derivatives of every function are the exact ones") {
  for (const Known& k : elementary()) {
    CAPTURE(k.name);
    for (const double t : k.at) {
      CAPTURE(t);
      const Taylor got = k.f(Taylor::variable(t));
      check_near(got.f, k.exact(t), 3e-15);
      check_near(got.d1, k.first(t), 3e-15);
      check_near(got.d2, k.second(t), 1e-14);
    }
  }
}

TEST_CASE("taylor: derivatives are those of central differences, also of functions of functions") {
  for (const Known& k : elementary()) {
    CAPTURE(k.name);
    for (const double t : k.at) {
      if (std::abs(t) > 20 || std::abs(t) < 0.2) continue;
      CAPTURE(t);
      const auto nested = [&](double s) { return k.f(0.5 * Taylor::variable(s) * Taylor::variable(s) + 0.25); };
      const double h = 1e-4;
      const Taylor below = nested(t - h), here = nested(t), above = nested(t + h);
      const double scale = std::abs(here.f) + std::abs(here.d1) + std::abs(here.d2) * (1 + t * t);
      CHECK(std::abs((above.f - below.f) / (2 * h) - here.d1) <= 1e-5 * scale);
      CHECK(std::abs((above.d1 - below.d1) / (2 * h) - here.d2) <= 1e-4 * scale);
    }
  }
}

TEST_CASE("taylor: ends of the domains") {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::numeric_limits<double>::quiet_NaN();
  CHECK(exp(Taylor(710)).f == inf);
  CHECK(exp(Taylor(709.78)).f == doctest::Approx(std::exp(709.78)).epsilon(1e-14));
  CHECK(exp(Taylor(-710)).f == 0);
  CHECK(exp(Taylor(-inf)).f == 0);
  CHECK(exp(Taylor(inf)).f == inf);
  CHECK(expm1(Taylor(-inf)).f == -1);
  CHECK(expm1(Taylor(inf)).f == inf);
  CHECK(log(Taylor(0)).f == -inf);
  CHECK(std::isnan(log(Taylor(-1)).f));
  CHECK(log(Taylor(inf)).f == inf);
  CHECK(log(Taylor(5e-324)).f == doctest::Approx(std::log(5e-324)).epsilon(1e-15));
  CHECK(log1p(Taylor(-1)).f == -inf);
  CHECK(std::isnan(log1p(Taylor(-2)).f));
  CHECK(log1p(Taylor(inf)).f == inf);
  CHECK(log1p(Taylor(1e300)).f == doctest::Approx(std::log(1e300)).epsilon(1e-15));
  CHECK(softplus(Taylor(inf)).f == inf);
  CHECK(softplus(Taylor(-inf)).f == 0);
  for (const Known& k : elementary()) {
    CAPTURE(k.name);
    CHECK(std::isnan(k.f(Taylor::variable(nan)).f));
  }
}

TEST_CASE("taylor: a smooth function in pieces has its derivatives at the joints, whichever way it is written") {
  const std::vector<std::function<Taylor(Taylor)>> logistics = {
      [](Taylor m) { return softplus(-m); },
      [](Taylor m) { return max(-m, 0.0) + log1p(exp(-abs(m))); },
      [](Taylor m) { return max(0.0, -m) + log1p(exp(-abs(m))); },
      [](Taylor m) { return log1p(exp(-abs(m))) - min(m, 0.0); },
      [](Taylor m) { return max(m, 0.0) - m + log1p(exp(-abs(m))); },
      [](Taylor m) { return m > 0 ? log1p(exp(-m)) : -m + log1p(exp(m)); },
      [](Taylor m) { return m < 0 ? -m + log1p(exp(m)) : log1p(exp(-m)); },
      [](Taylor m) { return where(0 <= m, log1p(exp(-m)), -m + log1p(exp(m))); }};
  for (std::size_t k = 0; k < logistics.size(); ++k) {
    CAPTURE(k);
    for (const double y : {1.0, -1.0, 2.5}) {
      const Taylor t = logistics[k](y * Taylor::variable(0));
      CHECK(t.f == doctest::Approx(std::log(2.0)).epsilon(1e-15));
      CHECK(t.d1 == doctest::Approx(-y / 2).epsilon(1e-15));
      CHECK(t.d2 == doctest::Approx(y * y / 4).epsilon(1e-15));
    }
  }
  // A joint elsewhere: the quadratic part meets the linear one at |r| = 1 with slope 1, and the right side counts.
  const auto huber = [](Taylor r) { return abs(r) <= 1 ? r * r / 2 : abs(r) - 0.5; };
  CHECK(huber(Taylor::variable(1)).d1 == 1);
  CHECK(huber(Taylor::variable(1)).d2 == 0);
  CHECK(huber(Taylor::variable(-1)).d1 == -1);
  CHECK(huber(Taylor::variable(-1)).d2 == 1);
  CHECK(abs(Taylor::variable(0)).d1 == 1);
  CHECK(Taylor::variable(0) > 0);
  CHECK_FALSE(Taylor::variable(0) <= 0);
  CHECK(Taylor(1) <= 1);
  CHECK_FALSE(Taylor(1) < 1);
}

TEST_CASE("loss door: a logistic loss is right and finite for |z| to 1000, however many rows come at once") {
  const auto door = make_loss(kLogistic);
  const LogisticLoss hand;
  for (const Index n : {1, 5, 16, 17, 300}) {
    CAPTURE(n);
    const Vec z = Vec::LinSpaced(n, -1000, n == 1 ? 0 : 1000);
    Vec y = Vec::Ones(n), phi(n), first(n), second(n), want_phi(n), want_first(n), want_second(n);
    for (Index i = 0; i < n; i += 3) y[i] = -1;
    door->evaluate(n, z.data(), y.data(), phi.data(), first.data(), second.data());
    hand.evaluate(n, z.data(), y.data(), want_phi.data(), want_first.data(), want_second.data());
    for (Index i = 0; i < n; ++i) {
      CAPTURE(z[i]);
      check_near(phi[i], want_phi[i], 4e-15);
      check_near(first[i], want_first[i], 4e-15);
      check_near(second[i], want_second[i], 1e-14);
    }
    // What is asked beside it changes no bit, nor what is not asked any memory.
    Vec alone(n);
    door->evaluate(n, z.data(), y.data(), alone.data(), nullptr, nullptr);
    CHECK(alone.isApprox(phi, 1e-15));
    door->evaluate(n, z.data(), y.data(), nullptr, alone.data(), nullptr);
    CHECK(alone.isApprox(first, 1e-15));
    door->evaluate(n, z.data(), y.data(), nullptr, nullptr, alone.data());
    CHECK(alone.isApprox(second, 1e-15));
    Vec other(n);
    door->evaluate(n, z.data(), y.data(), nullptr, alone.data(), other.data());
    CHECK(alone.isApprox(first, 1e-15));
    CHECK(other.isApprox(second, 1e-15));
  }
}

TEST_CASE("loss door: ridge by the door is the built-in one, product by product") {
  const Mat a = test::uneven_data(50, 7, 3);
  const Vec y = test::Numbers(4).vec(50), s = Vec::LinSpaced(50, 0.1, 1), x = test::Numbers(5).vec(7),
            p = test::Numbers(6).vec(7);
  const Design design(std::make_shared<Mat>(a));
  const Vec u = Vec::Constant(1, 0.3);
  const LinearModel hand(design, std::make_shared<SquaredLoss>(), y, s, one_penalty(7, false));
  for (const bool told : {true, false}) {
    CAPTURE(told);
    const auto loss =
        told ? make_loss(kSquares, {.quadratic = true}) : make_loss(kSquares, {.curvature_bound = 1, .convex = true});
    const LinearModel door(design, loss, y, s, one_penalty(7, false));
    CHECK(door.quadratic() == told);
    Vec g(7), want(7), h(7), want_h(7);
    CHECK(door.gradient(x, u, g) == doctest::Approx(hand.gradient(x, u, want)).epsilon(1e-14));
    CHECK(g.isApprox(want, 1e-14));
    door.linearize(x, u)->hessian(p, h);
    hand.linearize(x, u)->hessian(p, want_h);
    CHECK(h.isApprox(want_h, 1e-13));
    CHECK(door.smoothness(u) == doctest::Approx(hand.smoothness(u)).epsilon(1e-2));
    CHECK(door.smoothness(u) >= hand.smoothness(u) * (1 - 1e-12));
  }
}

TEST_CASE("loss door: a model passes verify and its whole fit is that of the loss by hand") {
  const Problem hand = logistic_of(std::make_shared<LogisticLoss>());
  const Problem door = logistic_of(make_loss(kLogistic, {.curvature_bound = 0.25, .convex = true, .least = 0}));
  const VerifyReport r = verify(door, {Vec::Constant(1, 0.1)});
  CAPTURE(r.to_text());
  CHECK(r.ok());
  const Summary a = fit(hand), b = fit(door);
  REQUIRE(a.usable());
  REQUIRE(b.usable());
  CHECK(b.best.u[0] == doctest::Approx(a.best.u[0]).epsilon(1e-6));
  CHECK(b.best.outer_loss == doctest::Approx(a.best.outer_loss).epsilon(1e-9));
}

TEST_CASE("loss door: what is not known of a loss is said where it is needed") {
  // Poisson regression: phi'' = exp(z) has no bound, and phi goes below 0.
  const auto poisson = make_loss([](auto z, double y) {
    using std::exp;
    return exp(z) - y * z;
  });
  Problem p = logistic_of(make_loss(kLogistic));
  const Mat a = test::uneven_data(90, 6, 3);
  const Vec y = (a * Vec::LinSpaced(6, -0.8, 0.8)).array().exp().matrix() + 0.1 * test::Numbers(17).vec(90);
  const Design all(std::make_shared<Mat>(a));
  p.f = std::make_shared<LinearModel>(all.row_range(0, 60), poisson, y.head(60), Vec::Constant(60, 1.0 / 60),
                                      one_penalty(6, false));
  p.l = std::make_shared<HoldoutLoss>(all.row_range(60, 30), poisson, y.tail(30), Vec::Ones(30));
  CHECK(verify(p, {Vec::Constant(1, 0.1)}).ok());
  CHECK(std::isnan(p.f->smoothness(Vec::Ones(1))));
  CHECK(p.f->convexity(Vec::Ones(1)) == 0);
  CHECK(p.l->least() == -std::numeric_limits<double>::infinity());
  const Summary s = fit(p);
  CHECK(s.usable());
  CHECK(s.best.outer_loss < 1);
  const auto by_lbfgs = make_oracle(p, std::make_shared<LbfgsSolver>(), std::make_shared<ImplicitCgEstimator>());
  const Evaluation same = by_lbfgs->evaluate(Vec(s.best.theta), by_lbfgs->tightest());
  CHECK(usable(same.diagnostics.inner_status));
  CHECK(same.value == doctest::Approx(s.best.outer_loss).epsilon(1e-5));
  const auto descent = std::make_shared<IterateSolver>(std::make_unique<GradientDescent>());
  const auto oracle = make_oracle(p, descent, std::make_shared<ImplicitCgEstimator>());
  const Evaluation e = oracle->evaluate(Vec::Zero(1), oracle->tightest());
  CHECK(e.diagnostics.inner_status == Status::failed);
  CHECK(e.diagnostics.inner_message.find("smoothness") != std::string::npos);
}

TEST_CASE("loss door: facts that do not hold are refused when a model is made") {
  const auto with = [](auto phi, LossFacts facts) { return refused([&] { logistic_of(make_loss(phi, facts)); }); };
  const auto valley = [](auto z, double y) {
    using std::log1p;
    return log1p((z - y) * (z - y));
  };
  CHECK(with(valley, {}).empty());
  CHECK(with(valley, {.convex = true}).find("LossFacts::convex") != std::string::npos);
  CHECK(with(kLogistic, {.curvature_bound = 0.2}).find("LossFacts::curvature_bound says that it is at most 0.2") !=
        std::string::npos);
  CHECK(with(kLogistic, {.quadratic = true}).find("LossFacts::quadratic") != std::string::npos);
  CHECK(with(kLogistic, {.least = 0.5}).find("LossFacts::least") != std::string::npos);
  CHECK(with(valley, {.curvature_bound = 2, .least = 0}).empty());
  CHECK(with([](auto z, double y) { return -y * z * z; }, {.curvature_bound = 1.5}).find("LossFacts::curvature_bound") !=
        std::string::npos);
  const auto rooted = [](auto z, double) {
    using std::sqrt;
    return sqrt(z);
  };
  CHECK(with(rooted, {}).find("not smooth at z = 0") != std::string::npos);
  CHECK(with(kLogistic, {.check = [](In) { return std::string("no such target"); }}) == "no such target");
  CHECK(refused([] { make_loss(kLogistic, {.curvature_bound = -1}); }).find("curvature_bound") != std::string::npos);
  CHECK(refused([] { make_loss(kLogistic, {.third_bound = std::numeric_limits<double>::infinity()}); }).find("third_bound") !=
        std::string::npos);
  CHECK(refused([] { make_loss(kLogistic, {.curvature_bound = 2, .quadratic = true}); }).find("phi'' = 1") != std::string::npos);
}
