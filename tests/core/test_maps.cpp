#include <doctest/doctest.h>

#include <cmath>
#include <fstream>

#include <nlohmann/json.hpp>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/support/errors.hpp>

#include "core/plain_problems.hpp"
#include "paths.hpp"

using namespace tacit;

namespace {

nlohmann::json stored(const char* problem) {
  std::ifstream in(tacit::test::source_dir() + "/tests/reference/estimators.json");
  REQUIRE(in);
  return nlohmann::json::parse(in).at(problem);
}

std::unique_ptr<const FixedPointMap> bound_map(const nlohmann::json& entry, const Problem& p, In u) {
  const std::string method = entry.at("method");
  const double alpha = entry.at("alpha"), beta = entry.at("beta");
  if (method == "gd") {
    GradientDescent a;
    a.step = alpha;
    return a.bind(p, u);
  }
  if (method == "heavyball") {
    HeavyBall a;
    a.step = alpha;
    a.momentum = beta;
    return a.bind(p, u);
  }
  Nesterov a;
  a.step = alpha;
  a.momentum = beta;
  return a.bind(p, u);
}

/// All states of T steps from x_0 = 0.
std::vector<Vec> states(const FixedPointMap& map, In u, Index steps) {
  std::vector<Vec> z(static_cast<std::size_t>(steps) + 1, Vec(map.state_dim()));
  map.lift(Vec::Zero(map.inner_dim()), z[0]);
  for (std::size_t k = 0; k + 1 < z.size(); ++k) map.step(static_cast<Index>(k), z[k], u, z[k + 1]);
  return z;
}

/// Reverse mode over the last K steps for l = the validation loss with gradient v at x_T; derivative in theta = ln u.
double reverse(const FixedPointMap& map, const std::vector<Vec>& z, In u, In v, Index window) {
  Vec p = Vec::Zero(map.state_dim()), pulled(map.state_dim()), g = Vec::Zero(1);
  p.head(map.inner_dim()) = v;
  for (Index k = 0; k < window; ++k) {
    const Index at = static_cast<Index>(z.size()) - 2 - k;
    map.vjp(at, z[static_cast<std::size_t>(at)], u, p, pulled, g);
    p.swap(pulled);
  }
  return g[0] * u[0];
}

void check_entry(const nlohmann::json& entry, const Problem& p, const std::function<Vec(const Vec&)>& outer_gradient) {
  CAPTURE(entry.at("method").get<std::string>());
  CAPTURE(entry.at("alpha").get<double>());
  const Vec u = Vec::Constant(1, std::exp(entry.at("theta").get<double>()));
  const auto map = bound_map(entry, p, u);
  const Index steps = entry.at("T");
  const auto z = states(*map, u, steps);
  const Index n = map->inner_dim();
  const auto x_stored = entry.at("x_T").get<std::vector<double>>();
  for (Index i = 0; i < n; ++i)
    CHECK(std::abs(z.back()[i] - x_stored[static_cast<std::size_t>(i)]) <= 1e-10 * z.back().head(n).norm());
  const auto residuals = entry.at("residuals_first10").get<std::vector<double>>();
  for (std::size_t k = 0; k < residuals.size(); ++k)
    CHECK((z[k + 1].head(n) - z[k].head(n)).norm() == doctest::Approx(residuals[k]).epsilon(1e-10));
  const Vec v = outer_gradient(z.back().head(n));
  CHECK(reverse(*map, z, u, v, steps) == doctest::Approx(entry.at("full_unroll").get<double>()).epsilon(1e-10));
  for (const auto& [window, value] : entry.at("last_K").items())
    CHECK(reverse(*map, z, u, v, std::stol(window)) == doctest::Approx(value.get<double>()).epsilon(1e-10));
}

}  // namespace

TEST_CASE("maps: ridge runs and their reverse sweeps agree with the reference to roundoff") {
  const Mat table = test::read_numbers(tacit::test::source_dir() + "/tests/reference/diabetes.csv");
  const auto [a, y] = test::training_rows(table);
  const auto held_out = test::validation_rows(table);
  const Mat& av = held_out.first;
  const Vec& yv = held_out.second;
  const Problem p = test::plain_problem("ridge", test::PlainRidge{a, y});
  const auto outer = [&](const Vec& x) -> Vec { return av.transpose() * (av * x - yv) / static_cast<double>(av.rows()); };
  int entries = 0;
  for (const auto& entry : stored("ridge_diabetes")) {
    check_entry(entry, p, outer);
    ++entries;
  }
  CHECK(entries >= 4);
}

TEST_CASE("maps: logistic runs and their reverse sweeps agree with the reference to roundoff") {
  const Mat table = test::read_numbers(tacit::test::source_dir() + "/tests/reference/breast_cancer.csv");
  const auto [a, y] = test::training_rows(table);
  const auto held_out = test::validation_rows(table);
  const Mat& av = held_out.first;
  const Vec& yv = held_out.second;
  const Problem p = test::plain_problem("logistic", test::PlainLogistic{a, y});
  const auto outer = [&](const Vec& x) -> Vec {
    const Vec s = yv.cwiseProduct(av * x).unaryExpr([](double t) { return -1 / (1 + std::exp(t)); });
    return av.transpose() * s.cwiseProduct(yv) / static_cast<double>(av.rows());
  };
  for (const auto& entry : stored("logistic_breast_cancer")) check_entry(entry, p, outer);
}

TEST_CASE("maps: automatic step size and momentum follow their formulas") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.02);
  const double l = p.f->smoothness(u), mu = p.f->convexity(u), root_l = std::sqrt(l), root_mu = std::sqrt(mu);
  const double q = (std::sqrt(l / mu) - 1) / (std::sqrt(l / mu) + 1);
  CHECK(GradientDescent().bind(p, u)->step_size() == doctest::Approx(1 / l));
  const auto nesterov = Nesterov().bind(p, u), ball = HeavyBall().bind(p, u);
  CHECK(nesterov->step_size() == doctest::Approx(1 / l));
  CHECK(nesterov->momentum() == doctest::Approx(q));
  CHECK(ball->step_size() == doctest::Approx(4 / ((root_l + root_mu) * (root_l + root_mu))));
  CHECK(ball->momentum() == doctest::Approx(q * q));

  // A momentum given by hand lowers heavy ball's automatic step so that the map stays stable.
  HeavyBall slow;
  slow.momentum = 0.1;
  CHECK(slow.bind(p, u)->step_size() * l < 2 * (1 + 0.1));
  // What is given is used as it is.
  GradientDescent given;
  given.step = 17.5;
  CHECK(given.bind(p, u)->step_size() == 17.5);
}

TEST_CASE("maps: what cannot be chosen is refused with the key") {
  struct Flat {
    Index inner_dim() const { return 2; }
    Index outer_dim() const { return 1; }
    double value(const Vec& x, const Vec&) const { return 0.5 * x.squaredNorm(); }
    Vec gradient(const Vec& x, const Vec&) const { return x; }
    Vec hessian(const Vec&, const Vec&, const Vec& p) const { return p; }
    Vec cross(const Vec&, const Vec&, const Vec&) const { return Vec::Zero(1); }
    Vec cross_t(const Vec&, const Vec&, const Vec&) const { return Vec::Zero(2); }
    double smoothness(const Vec& u) const { return u[0]; }
  };
  const Problem p = test::plain_problem("no mu", Flat{});
  const Vec one = Vec::Ones(1), zero = Vec::Zero(1);
  const auto key = [&](const Algorithm& a, In u) {
    try {
      a.bind(p, u);
    } catch (const UsageError& e) {
      return e.key();
    }
    return std::string("no error");
  };
  CHECK(key(HeavyBall(), one) == "inner.momentum");
  CHECK(key(Nesterov(), one) == "inner.momentum");
  CHECK(key(GradientDescent(), one) == "no error");
  CHECK(key(GradientDescent(), zero) == "inner.step");
  HeavyBall given;
  given.momentum = 0.5;
  CHECK(key(given, one) == "no error");
}

TEST_CASE("maps: a bound map outlives the problem value it was bound to") {
  std::unique_ptr<const FixedPointMap> map;
  const Vec u = Vec::Constant(1, 0.1);
  {
    const Problem p = test::ridge_problem();
    map = GradientDescent().bind(p, u);
  }
  Vec z = Vec::Zero(8), next(8);
  CHECK(map->step(0, z, u, next) > 0);
  CHECK(next.norm() > 0);
}
