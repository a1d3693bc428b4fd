#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include <Eigen/Dense>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/linear/linear_solver.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// Symmetric with the given eigenvalues in a random orthogonal basis.
Mat with_eigenvalues(const Vec& values, unsigned seed) {
  const Eigen::MatrixXd random = test::Numbers(seed).mat(values.size(), values.size());
  const Eigen::MatrixXd q = Eigen::HouseholderQR<Eigen::MatrixXd>(random).householderQ();
  return q * values.asDiagonal() * q.transpose();
}

std::function<void(In, Out)> product(const Mat& h) {
  return [&h](In p, Out out) { out = h * p; };
}

}  // namespace

TEST_CASE("cg: solves in as many steps as there are distinct eigenvalues and reports the true residual") {
  Vec values(12);
  values << 1, 1, 1, 1, 5, 5, 5, 5, 20, 20, 20, 20;
  const Mat h = with_eigenvalues(values, 1);
  const Vec b = test::Numbers(2).vec(12);
  Vec w = Vec::Zero(12);
  const CgResult r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-10});
  CHECK(r.status == Status::converged);
  CHECK(r.steps == 3);
  CHECK(r.products == 4);  // three steps and the check
  CHECK(r.message.empty());
  CHECK(r.residual == doctest::Approx((b - h * w).norm() / b.norm()).epsilon(1e-6));
  CHECK((w - h.llt().solve(b)).norm() < 1e-9);
}

TEST_CASE("cg: what is left of the right-hand side is told, after every way to end") {
  const Mat h = with_eigenvalues(Vec::LinSpaced(15, 1, 40), 8);
  const Vec b = test::Numbers(9).vec(15);
  for (const CgOptions& options : {CgOptions{.tolerance = 1e-9}, CgOptions{.tolerance = 1e-9, .max_steps = 2},
                                   CgOptions{.tolerance = 1e-2, .verify = false}, CgOptions{.tolerance = 1e-15}}) {
    CAPTURE(options.tolerance);
    for (const Vec& start : {Vec(Vec::Zero(15)), test::Numbers(10).vec(15)}) {
      Vec w = start;
      const CgResult r = conjugate_gradient(product(h), b, w, options);
      REQUIRE(r.remainder.size() == 15);
      CHECK((r.remainder - (b - h * w)).norm() <= 1e-13 * b.norm());
      CHECK(r.remainder.norm() == doctest::Approx(r.residual * b.norm()));
    }
  }
}

TEST_CASE("cg: a warm start that is good enough costs one product and no step") {
  const Mat h = with_eigenvalues(Vec::LinSpaced(10, 1, 30), 3);
  const Vec b = test::Numbers(4).vec(10);
  Vec w = h.llt().solve(b);
  const CgResult r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-8});
  CHECK(r.status == Status::converged);
  CHECK(r.steps == 0);
  CHECK(r.products == 1);
}

TEST_CASE("cg: the Jacobi preconditioner undoes scaling") {
  Vec scale(30);
  for (Index i = 0; i < 30; ++i) scale[i] = std::pow(10.0, -3 + 6 * static_cast<double>(i) / 29);
  const Mat core = with_eigenvalues(Vec::LinSpaced(30, 1, 3), 5);
  const Mat h = scale.asDiagonal() * core * scale.asDiagonal();
  const Vec b = h * test::Numbers(6).vec(30);
  Vec plain = Vec::Zero(30), scaled = Vec::Zero(30);
  const CgResult without = conjugate_gradient(product(h), b, plain, {.tolerance = 1e-8, .max_steps = 2000});
  const DiagonalInverse jacobi(h.diagonal());
  const CgResult with =
      conjugate_gradient(product(h), b, scaled, {.tolerance = 1e-8, .max_steps = 2000, .preconditioner = &jacobi});
  CHECK(with.status == Status::converged);
  CHECK(with.steps < 30);
  CHECK(with.steps * 2 < without.steps);
}

TEST_CASE("cg: endings are told apart") {
  const Mat h = with_eigenvalues(Vec::LinSpaced(20, 1e-3, 10), 7);
  const Vec b = test::Numbers(8).vec(20);
  Vec w = Vec::Zero(20);

  CgResult r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-10, .max_steps = 3});
  CHECK(r.status == Status::step_limit);
  CHECK(r.steps == 3);
  CHECK(r.message.find("after 3 steps") != std::string::npos);

  w.setZero();
  r = conjugate_gradient(product(h), b, w, {.tolerance = 0, .max_steps = 5});
  CHECK(r.status == Status::as_asked);
  CHECK(r.steps == 5);
  CHECK(r.message.find("exactly 5") != std::string::npos);

  w.setZero();
  r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-300, .max_steps = 100000});
  CHECK(r.status == Status::rounding);
  CHECK(r.residual == doctest::Approx((b - h * w).norm() / b.norm()).epsilon(0.5));
  CHECK(r.residual < 1e-11);

  w.setZero();
  int calls = 0;
  r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-10, .stop = [&](In, double) { return ++calls == 2; }});
  CHECK(r.status == Status::converged);
  CHECK(r.steps == 2);

  w.setOnes();
  r = conjugate_gradient(product(h), Vec::Zero(20), w, {});
  CHECK(r.status == Status::converged);
  CHECK(w.norm() == 0);
}

TEST_CASE("cg: non-positive curvature and numbers that are not finite are reported") {
  Vec values = Vec::LinSpaced(8, 1, 8);
  values[7] = -4;
  const Mat h = with_eigenvalues(values, 9);
  const Vec b = test::Numbers(10).vec(8);
  Vec w = Vec::Zero(8);
  const CgResult r = conjugate_gradient(product(h), b, w, {.tolerance = 1e-10});
  CHECK(r.status == Status::negative_curvature);
  CHECK(w.allFinite());
  CHECK(b.dot(w) >= 0);  // what was found so far goes down

  const auto bad = [](In, Out out) { out.setConstant(std::numeric_limits<double>::quiet_NaN()); };
  w.setZero();
  CHECK(conjugate_gradient(bad, b, w, {}).status == Status::failed);
  const Vec infinite = Vec::Constant(8, std::numeric_limits<double>::infinity());
  CHECK(conjugate_gradient(product(h), infinite, w, {}).status == Status::failed);
}

TEST_CASE("cholesky_inverse and lanczos_largest") {
  const Mat h = with_eigenvalues(Vec::LinSpaced(15, 0.5, 40), 11);
  const auto inverse = cholesky_inverse(h);
  REQUIRE(inverse);
  const Vec b = test::Numbers(12).vec(15);
  Vec x(15);
  inverse->apply(b, x);
  CHECK((h * x - b).norm() < 1e-12 * b.norm() * 80);
  CHECK(inverse->dim() == 15);
  CHECK_FALSE(cholesky_inverse(-h));
  Vec part(15);
  inverse->times(0.5)->times(0.5)->apply(b, part);
  CHECK(part == 0.25 * x);

  const double top = lanczos_largest(product(h), 15);
  CHECK(top >= 40 * (1 - 1e-9));
  CHECK(top < 40 * 1.01);
}

TEST_CASE("cholesky: factors of one block and of many, and what has none wherever that shows") {
  for (const Index n : {1, 2, 47, 48, 49, 96, 131}) {
    CAPTURE(n);
    const Mat a = test::Numbers(static_cast<unsigned>(n)).mat(n + 5, n);
    Eigen::MatrixXd h = a.transpose() * a;
    h.diagonal().array() += 0.1;
    Eigen::MatrixXd lower = h;
    lower.triangularView<Eigen::StrictlyUpper>().setConstant(std::nan(""));  // is not read
    const auto inverse = cholesky_in_place(lower);
    REQUIRE(inverse);
    const Vec b = test::Numbers(5).vec(n);
    Vec x(n);
    inverse->apply(b, x);
    CHECK((h * x - b).norm() <= 1e-14 * h.norm() * x.norm() + 1e-14 * b.norm());
    for (const Index j : {Index{0}, n / 2, n - 1}) {
      Eigen::MatrixXd wrong = h;
      wrong(j, j) = -1;
      CHECK_FALSE(cholesky_in_place(wrong));
      wrong(j, j) = std::nan("");
      CHECK_FALSE(cholesky_in_place(wrong));
    }
  }
}

TEST_CASE("cg: tolerance 0 makes every one of its K steps: the result is the best of the K-th Krylov space") {
  const Index n = 9;
  for (const bool jacobi : {false, true}) {
    CAPTURE(jacobi);
    const Mat h = with_eigenvalues(Vec::LinSpaced(n, 1, 17), 21);
    const Vec b = test::Numbers(22).vec(n);
    const DiagonalInverse m(h.diagonal());
    Eigen::MatrixXd space(n, 0);
    Vec next = b;
    for (Index k = 1; k < n; ++k) {
      CAPTURE(k);
      // span{M b, (M H) M b, ...}, orthogonalised; w minimises the energy in it.
      Vec direction = next;
      if (jacobi) m.apply(next, direction);
      for (int twice = 0; twice < 2; ++twice) direction -= space * (space.transpose() * direction);
      space.conservativeResize(n, k);
      space.col(k - 1) = direction.normalized();
      next = h * space.col(k - 1);
      const Eigen::MatrixXd small = space.transpose() * h * space;
      const Vec best = space * small.llt().solve(Eigen::VectorXd(space.transpose() * b));
      Vec w = Vec::Zero(n);
      CgOptions options;
      options.tolerance = 0;
      options.max_steps = k;
      options.preconditioner = jacobi ? &m : nullptr;
      const CgResult r = conjugate_gradient(product(h), b, w, options);
      CHECK(r.steps == k);
      CHECK((w - best).norm() <= 1e-9 * best.norm());
      CHECK(r.residual == doctest::Approx((b - h * w).norm() / b.norm()).epsilon(1e-6));
    }
  }
}
