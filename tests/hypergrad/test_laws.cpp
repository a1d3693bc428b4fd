// The laws of unrolled differentiation: the bounds of the theory sheet at every step, the decay of truncation, the curse and
// when there is none. All quantities come from the library's maps; truth comes from a dense solve.
#include <doctest/doctest.h>

#include <Eigen/Cholesky>
#include <Eigen/Eigenvalues>

#include <algorithm>
#include <cmath>

#include "hypergrad/reference_problems.hpp"

using namespace tacit;

namespace {

/// A ridge problem at u with its solution, the true Jacobian in u and the extreme curvatures.
struct Quadratic {
  Problem problem;
  Vec u, x, soft;
  Mat jacobian;
  double mu = 0, l = 0;

  Quadratic(bool per_feature, Vec at) : problem(test::reference_problem("ridge_diabetes", per_feature)), u(std::move(at)) {
    const Index n = problem.f->inner_dim(), m = u.size();
    Mat h(n, n);
    Vec g(n), column(n);
    problem.f->gradient(Vec::Zero(n), u, g);
    hessian_matrix(*problem.f->linearize(Vec::Zero(n), u), h);
    const Eigen::MatrixXd dense = h;
    const Eigen::LLT<Eigen::MatrixXd> factor(dense);
    x = factor.solve(-g);
    const auto curvature = problem.f->linearize(x, u);
    jacobian.resize(n, m);
    for (Index j = 0; j < m; ++j) {
      curvature->cross_t(Vec::Unit(m, j), column);
      jacobian.col(j) = -factor.solve(column);
    }
    const Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd> eigen(dense);
    mu = eigen.eigenvalues()[0];
    l = eigen.eigenvalues()[n - 1];
    soft = eigen.eigenvectors().col(0);
  }
  /// 1/L, and the step of the best rate 2/(L + mu).
  std::vector<double> steps() const { return {1 / l, 2 / (l + mu)}; }
  double rate(double alpha) const { return std::max(std::abs(1 - alpha * mu), std::abs(1 - alpha * l)); }
  std::shared_ptr<const FixedPointMap> map(double alpha) const {
    GradientDescent gd;
    gd.step = alpha;
    return gd.bind(problem, u);
  }
};

double norm(const Mat& a) { return Eigen::JacobiSVD<Eigen::MatrixXd>(Eigen::MatrixXd(a)).singularValues()[0]; }

/// e_k and d_k of forward mode from z with a zero Jacobian that starts at step `late`.
struct Curves {
  std::vector<double> e, d, r;
};

Curves follow(const Quadratic& q, double alpha, Vec z, Index steps, Index late = 0) {
  const auto map = q.map(alpha);
  const Index n = z.size(), m = q.u.size();
  Mat dz = Mat::Zero(n, m), next_dz(n, m);
  const Mat du = Mat::Identity(m, m);
  Vec next(n);
  Curves c;
  for (Index k = 0; k <= steps; ++k) {
    c.e.push_back((z - q.x).norm());
    c.d.push_back(norm(dz - q.jacobian));
    map->step_tangents(k, z, q.u, dz, du, next, next_dz);
    c.r.push_back((next - z).norm());
    if (k >= late) dz.swap(next_dz);
    z.swap(next);
  }
  return c;
}

std::vector<Quadratic> quadratics() {
  std::vector<Quadratic> all;
  all.emplace_back(false, Vec::Constant(1, 0.003));
  all.emplace_back(false, Vec::Constant(1, 0.3));
  all.emplace_back(true, Vec(Vec::LinSpaced(10, 0.01, 0.4)));
  return all;
}

std::vector<Vec> starts(const Quadratic& q) { return {Vec::Zero(10), Vec(Vec::Constant(10, 3.0)), Vec(q.x + 50 * q.soft)}; }

/// A bound may be met to the last digit, and underflows where rounding does not.
bool below(double value, double bound, double scale) { return value <= bound * (1 + 1e-10) + 1e-12 * scale; }

double power(double rho, Index k) { return std::pow(rho, static_cast<double>(k)); }

/// Slope of ln(error) over k by least squares.
double slope(const std::vector<double>& k, const std::vector<double>& error) {
  const double n = static_cast<double>(k.size());
  double sk = 0, sy = 0, skk = 0, sky = 0;
  for (std::size_t i = 0; i < k.size(); ++i) {
    const double y = std::log(error[i]);
    sk += k[i];
    sy += y;
    skk += k[i] * k[i];
    sky += k[i] * y;
  }
  return (n * sky - sk * sy) / (n * skk - sk * sk);
}

}  // namespace

TEST_CASE("laws: Theorem 1, the error of the iterate falls like rho^k and lies between its residual bounds") {
  for (const Quadratic& q : quadratics()) {
    for (const double alpha : q.steps()) {
      const double rho = q.rate(alpha);
      for (const Vec& z : starts(q)) {
        const Curves c = follow(q, alpha, z, 300);
        const double scale = q.x.norm() + c.e[0];
        for (std::size_t k = 0; k < c.e.size(); ++k) {
          CAPTURE(k);
          CHECK(below(c.e[k], power(rho, static_cast<Index>(k)) * c.e[0], scale));
          CHECK(below(c.e[k], c.r[k] / (1 - rho), scale));
          CHECK(below(c.r[k] / (1 + rho), c.e[k], scale));
        }
      }
    }
  }
  // The same for a curvature that is not constant: mu and L of the whole space.
  const Problem p = test::reference_problem("logistic_breast_cancer", true);
  const Vec u = Vec::LinSpaced(30, 0.05, 0.4);
  const double rho = 1 - p.f->convexity(u) / p.f->smoothness(u);
  const Vec x = NewtonSolver().solve(p, u, nullptr, {1e-15}, {}).x();
  const InnerSolution s = test::run_map(std::make_unique<GradientDescent>(), p, u, 400, {TapeRequest::kAll, 1});
  const double e0 = (s.z0 - x).norm();
  for (const auto& [k, z] : s.tape->stored()) {
    const double e = (z - x).norm();
    CHECK(below(e, power(rho, k) * e0, e0));
    if (k < s.steps) CHECK(below(e, s.step_norms[static_cast<std::size_t>(k)] / (1 - rho), e0));
  }
}

TEST_CASE("laws: Theorems 2 and 3, the derivative's error at every step, from the start and from late starts") {
  for (const Quadratic& q : quadratics()) {
    const double m = norm(q.jacobian);
    for (const double alpha : q.steps()) {
      const double rho = q.rate(alpha);
      for (const Vec& z : starts(q)) {
        for (const Index late : {0, 1, 10, 80}) {
          const Curves c = follow(q, alpha, z, 300, late);
          CHECK(c.d[static_cast<std::size_t>(late)] == doctest::Approx(m));
          for (Index k = late; k <= 300; ++k) {
            CAPTURE(late);
            CAPTURE(k);
            const Index taken = k - late;
            const double forgotten = power(rho, taken) * m;
            const double curse = alpha * static_cast<double>(taken) * power(rho, taken - 1);
            CHECK(below(c.d[static_cast<std::size_t>(k)], forgotten + curse * c.e[static_cast<std::size_t>(late)], m + c.e[0]));
            CHECK(below(c.d[static_cast<std::size_t>(k)], forgotten + curse * power(rho, late) * c.e[0], m + c.e[0]));
          }
        }
      }
    }
  }
}

TEST_CASE("laws: Theorems 3 and 4 bound the hypergradients that the estimators return") {
  for (const Quadratic& q : quadratics()) {
    const double m = norm(q.jacobian), smooth = q.problem.l->smoothness();
    Vec v(10), lu(q.u.size());
    q.problem.l->gradient(q.x, q.u, v, lu);
    const Vec truth = q.jacobian.transpose() * v;
    for (const double alpha : q.steps()) {
      const double rho = q.rate(alpha);
      for (const Index steps : {3, 40, 200}) {
        const InnerSolution s = test::run_map(test::algorithm_of("gd", alpha, 0), q.problem, q.u, steps, {TapeRequest::kAll, 1});
        q.problem.l->gradient(s.x(), q.u, v, lu);
        const double e = (s.x() - q.x).norm(), e0 = (s.z0 - q.x).norm(), scale = v.norm() * m;
        const auto within = [&](const Vec& g, double d) {
          CHECK(below((g - truth).norm(), v.norm() * d + smooth * m * e, scale));
        };
        for (Index k = 1; k <= steps; k += steps > 50 ? 7 : 1) {
          CAPTURE(steps);
          CAPTURE(k);
          UnrollEstimator last(true);
          last.window = Count::of(k);
          within(last.estimate(q.problem, q.u, s, nullptr, 0).gradient,
                 power(rho, k) * m + alpha * static_cast<double>(k) * power(rho, steps - 1) * e0);
          NeumannEstimator terms;
          terms.max_steps = k;
          within(terms.estimate(q.problem, q.u, s, nullptr, 0).gradient,
                 power(rho, k) * m + alpha * e * (1 - power(rho, k)) / (1 - rho));
        }
        within(ImplicitDirectEstimator().estimate(q.problem, q.u, s, nullptr, 0).gradient, alpha * e / (1 - rho));
      }
    }
  }
}

TEST_CASE("laws: the truncation error decays like rho^K") {
  const Quadratic q(false, Vec::Constant(1, 0.01));
  for (const std::string method : {"gd", "heavyball", "nesterov"}) {
    CAPTURE(method);
    const double alpha = 1 / q.l, beta = method == "gd" ? 0 : 0.5;
    const InnerSolution s = test::run_map(test::algorithm_of(method, alpha, beta), q.problem, q.u, 6000, {1500, 1});
    const Vec truth = ImplicitDirectEstimator().estimate(q.problem, q.u, s, nullptr, 0).gradient;
    // The softest mode's factor: the larger root of z^2 - (1 + beta - alpha mu (1 + gamma)) z + beta - gamma alpha mu.
    const double gamma = method == "nesterov" ? beta : 0, b = 1 + beta - alpha * q.mu * (1 + gamma),
                 c = beta - gamma * alpha * q.mu;
    const double rho = (b + std::sqrt(b * b - 4 * c)) / 2;
    std::vector<double> k, last, frozen;
    for (Index window = 500; window <= 1400; window += 100) {
      UnrollEstimator unroll(true);
      unroll.window = Count::of(window);
      NeumannEstimator neumann;
      neumann.max_steps = window;
      k.push_back(static_cast<double>(window));
      last.push_back((unroll.estimate(q.problem, q.u, s, nullptr, 0).gradient - truth).norm());
      frozen.push_back((neumann.estimate(q.problem, q.u, s, nullptr, 0).gradient - truth).norm());
    }
    CHECK(last.front() > 1e-9 * truth.norm());
    CHECK(slope(k, last) == doctest::Approx(std::log(rho)).epsilon(0.02));
    CHECK(slope(k, frozen) == doctest::Approx(std::log(rho)).epsilon(0.02));
  }
}

TEST_CASE("laws: from a far start the derivative's error peaks at 1/(1 - rho), at the height of the law") {
  for (const double penalty : {0.003, 0.02, 0.3}) {
    const Quadratic q(false, Vec::Constant(1, penalty));
    CAPTURE(penalty);
    const double alpha = 1 / q.l, rho = q.rate(alpha), m = norm(q.jacobian);
    const Index predicted = static_cast<Index>(std::floor(1 / (1 - rho)));
    const Curves c = follow(q, alpha, q.x + 1e7 * q.soft, 12 * predicted);
    const auto top = std::max_element(c.d.begin(), c.d.end());
    const Index peak = static_cast<Index>(top - c.d.begin());
    CAPTURE(predicted);
    CHECK(std::abs(peak - predicted) <= 1);
    // Its height is that of alpha k rho^{k-1} e_0, about alpha e_0 / (e (1 - rho)).
    CHECK(*top == doctest::Approx(alpha * 1e7 / (std::exp(1.0) * (1 - rho))).epsilon(0.6 * (1 - rho) + 1e-3));
    CHECK(*top > 1000 * m);
  }
}

TEST_CASE("laws: a zero start with a step of at most 1/L knows no curse, a larger step does") {
  for (const double penalty : {1e-4, 0.003, 0.05, 1.0}) {
    const Quadratic q(false, Vec::Constant(1, penalty));
    CAPTURE(penalty);
    for (const double share : {1.0, 0.7, 0.1}) {
      const Curves c = follow(q, share / q.l, Vec::Zero(10), 400);
      for (std::size_t k = 1; k < c.d.size(); ++k) CHECK(below(c.d[k], c.d[k - 1], c.d[0]));
      CHECK(c.d.back() < c.d.front());
    }
  }
  // An error along the stiffest mode and a step near 2/L: a hump of height alpha/(e (1 - |q|)), with the sign of q^k.
  const Quadratic q(false, Vec::Constant(1, 0.003));
  Mat h(10, 10);
  hessian_matrix(*q.problem.f->linearize(Vec::Zero(10), q.u), h);
  const Vec mode = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(Eigen::MatrixXd(h)).eigenvectors().col(9);
  const auto map = q.map(1.98 / q.l);
  // From the true Jacobian and an error c_0 along one eigenvector, E_k = -alpha k q^{k-1} c_0.
  const double factor = 1 - 1.98;
  Vec z = q.x + mode, next(10);
  Mat dz = q.jacobian, moved(10, 1);
  double largest = 0;
  for (Index k = 0; k < 200; ++k) {
    map->step_tangents(k, z, q.u, dz, Mat::Identity(1, 1), next, moved);
    z.swap(next);
    dz.swap(moved);
    const double expected = -1.98 / q.l * static_cast<double>(k + 1) * std::pow(factor, static_cast<double>(k));
    CHECK((dz - q.jacobian).col(0).dot(mode) == doctest::Approx(expected).epsilon(1e-6).scale(1 / q.l));
    largest = std::max(largest, norm(dz - q.jacobian));
  }
  CHECK(largest == doctest::Approx(1.98 / q.l / (std::exp(1.0) * 0.02)).epsilon(0.03));
}
