// The loops that are compiled for each instruction set, against plain matrix formulas.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <tacit/core/linear/detail/cholesky.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>
#include <tacit/core/linear/detail/kernels.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

TEST_CASE("kernels: the loops of every instruction set give the Gram matrix, on and above the diagonal") {
  REQUIRE(kernels::gram_kernels().size() >= 1);
  CHECK(std::string(kernels::gram_kernels().back().name) == "plain");
  for (const kernels::GramKernel& kernel : kernels::gram_kernels()) {
    CAPTURE(kernel.name);
    for (const Index d : {1, 2, 5, 8, 23, 47, 100, 121, 250}) {
      const Index n = 300;
      const Mat x = test::Numbers(3).mat(n, d);
      const Vec w = test::Numbers(4).vec(n), shift = test::Numbers(5).vec(d), inverse = test::Numbers(6).vec(d);
      Mat a(n, d + 1), wide = Mat::Constant(d + 3, d + 7, 5);
      a << (x.rowwise() - shift.transpose()) * inverse.asDiagonal(), Vec::Ones(n);
      const auto sum = [&](OutM h) {
        kernels::GramSum total({d, shift.data(), inverse.data(), true}, n, h, kernel);
        for (Index i = 0; i < n; ++i) total.add(x.row(i).data(), w[i]);
        total.finish();
        kernels::mirror_upper(h);
      };
      sum(wide.block(1, 2, d + 1, d + 1));  // a block of a larger matrix, of which nothing else is touched
      const Mat plain = a.transpose() * w.asDiagonal() * a;
      CHECK((wide.block(1, 2, d + 1, d + 1) - plain).norm() < 1e-13 * plain.norm());
      wide.block(1, 2, d + 1, d + 1).setConstant(5);
      CHECK((wide.array() == 5).all());
      Mat h(d + 1, d + 1), again(d + 1, d + 1);
      sum(h);
      sum(again);
      CHECK(h == again);
    }
  }
}

TEST_CASE("kernels: the sum adds every number once") {
  for (const Index n : {0, 1, 3, 4, 5, 1001}) {
    const Vec x = Vec::LinSpaced(n, 1, static_cast<double>(n));
    CHECK(kernels::sum(x.data(), n) == doctest::Approx(static_cast<double>(n * (n + 1) / 2)));
  }
}

TEST_CASE("kernels: the logistic loss and its derivatives are right to a few units in the last place, whichever are wanted") {
  constexpr Index n = 4001;
  Vec z(n), y(n), phi(n), first(n), second(n);
  for (Index i = 0; i < n; ++i) {
    z[i] = (static_cast<double>(i) - 2000) * (i % 2 == 0 ? 0.35 : 0.0011);
    y[i] = i % 3 == 0 ? 1 : -1;
  }
  kernels::logistic_rows(n, z.data(), y.data(), phi.data(), first.data(), second.data());
  double worst[3] = {};
  const auto see = [](double& most, double value, long double exact) {
    most = std::max(most, static_cast<double>(std::abs((value - exact) / exact)));
  };
  for (Index i = 0; i < n; ++i) {
    const long double m = static_cast<long double>(z[i]) * y[i], e = std::exp(-std::abs(m));
    see(worst[0], phi[i], std::max(-m, 0.0L) + std::log1p(e));
    see(worst[1], first[i], -y[i] * (m > 0 ? e : 1) / (1 + e));
    see(worst[2], second[i], e / ((1 + e) * (1 + e)));
  }
  CHECK(worst[0] < 8e-16);
  CHECK(worst[1] < 8e-16);
  CHECK(worst[2] < 1e-15);
  const Vec all[] = {phi, first, second};
  for (int wanted = 0; wanted < 8; ++wanted) {
    Vec some[3] = {Vec::Constant(n, 7), Vec::Constant(n, 7), Vec::Constant(n, 7)};
    const auto to = [&](int k) { return (wanted >> k) % 2 == 1 ? some[k].data() : nullptr; };
    kernels::logistic_rows(n, z.data(), y.data(), to(0), to(1), to(2));
    for (int k = 0; k < 3; ++k) CHECK(some[k] == (to(k) ? all[k] : Vec::Constant(n, 7)));
  }
  const double far[3] = {1e308, -std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()};
  const double one[3] = {1, 1, 1};
  kernels::logistic_rows(3, far, one, phi.data(), first.data(), second.data());
  CHECK(phi[0] < 1e-300);
  CHECK(phi[1] == std::numeric_limits<double>::infinity());
  CHECK(first[0] > -1e-300);
  CHECK(first[1] == -1);
  CHECK(second[0] < 1e-300);
  CHECK(second[1] < 1e-300);
  for (const Vec& of_nan : {phi, first, second}) CHECK(std::isnan(of_nan[2]));
}

TEST_CASE("kernels: products with rows, for every instruction set, whatever goes along and is fetched ahead") {
  test::Numbers draw(41);
  REQUIRE(std::string(kernels::row_kernels().back().name) == "plain");
  constexpr Index n = 57, rows = 37;  // a row that is left of groups of four
  struct Size {
    Index d, k;
  };
  for (const kernels::RowKernels& kernel : kernels::row_kernels()) {
    CAPTURE(kernel.name);
    for (const Size& size : {Size{1, 7}, Size{2, 9}, Size{3, 7}, Size{7, 5}, Size{8, 6}, Size{13, 9}, Size{64, 9}, Size{65, 7},
                             Size{130, 9}, Size{130, 7}}) {
      const Index d = size.d, k = size.k;  // in groups of four and three, two or five, or of five
      CAPTURE(d);
      CAPTURE(k);
      const Mat x = draw.mat(n, d);
      std::vector<const double*> at;
      for (Index i = 0; i < n; ++i) at.push_back(x.data() + i * d);
      const Index room = kernels::padded(d);
      Eigen::MatrixXd v = Eigen::MatrixXd::Zero(room, k), w(rows, k), t(rows, k), out = v;
      for (Index c = 0; c < k; ++c) {
        v.col(c).head(d) = draw.vec(d);
        w.col(c) = draw.vec(rows);
      }
      const kernels::Fetch ahead{8, 29};
      kernels::dot_rows(at.data(), rows, ahead, d, k, {v.data(), room}, {t.data(), rows}, kernel);
      kernels::axpy_rows(at.data(), rows, ahead, d, k, {w.data(), rows}, {out.data(), room}, kernel);
      const auto product = (x.topRows(rows) * v.topRows(d)).eval();
      CHECK((t - product).norm() <= 1e-14 * (1 + x.norm() * v.norm()));
      CHECK((out.topRows(d) - x.topRows(rows).transpose() * w).norm() <= 1e-14 * (1 + x.norm() * w.norm()));
      CHECK((out.bottomRows(room - d).array() == 0).all());
      Vec alone(rows), sum = Vec::Zero(room), fetched = sum;
      for (Index c = 0; c < k; ++c) {
        kernels::dot_rows(at.data(), rows, {}, d, 1, {v.data() + c * room, room}, {alone.data(), rows}, kernel);
        CHECK(alone == t.col(c));
      }
      kernels::axpy_rows(at.data(), rows, {}, d, 1, {w.data(), rows}, {sum.data(), room}, kernel);
      kernels::axpy_rows(at.data(), rows, ahead, d, 1, {w.data(), rows}, {fetched.data(), room}, kernel);
      CHECK(sum == fetched);
      for (Index r = 0; r < rows; ++r) {
        kernels::dot_rows(at.data() + r, 1, {}, d, 1, {v.data(), room}, {alone.data(), 1}, kernel);
        CHECK(alone[0] == t(r, 0));
      }
    }
  }
}

TEST_CASE(
    "kernels: what is fetched beside rows are all rows ahead once, half on one way and half on the other, and none beyond") {
  using Part = kernels::Fetch::Part;
  for (const Index rows : {0, 3, 4, 7, 8, 12, 29, 32}) {
    CAPTURE(rows);
    std::vector<int> all(64), halves(64);
    const auto count = [](const kernels::Fetch& fetch, Index tile, Index each, std::vector<int>& seen) {
      for (Index r = 0; r + tile <= fetch.last(); r += tile) {
        for (Index k = 0; k < each; ++k) ++seen[static_cast<std::size_t>(fetch.begin(r) + k)];
      }
    };
    count({16, rows, Part::all}, 4, 4, all);
    count({16, rows, Part::first_half}, 8, 4, halves);
    count({16, rows, Part::second_half}, 4, 2, halves);
    for (Index i = 0; i < 64; ++i) {
      CHECK(all[static_cast<std::size_t>(i)] == (i >= 16 && i < 16 + rows / 4 * 4 ? 1 : 0));
      CHECK(halves[static_cast<std::size_t>(i)] == (i >= 16 && i < 16 + rows / 8 * 8 ? 1 : 0));
    }
  }
}

TEST_CASE("kernels: squares of rows, of which some are fetched ahead") {
  test::Numbers draw(43);
  constexpr Index n = 57, rows = 37;
  for (const Index d : {1, 7, 64, 65, 130}) {
    const Mat x = draw.mat(n, d);
    const Vec w = draw.vec(rows), shift = draw.vec(d);
    std::vector<const double*> at;
    for (Index i = 0; i < n; ++i) at.push_back(x.data() + i * d);
    Vec alone = Vec::Zero(d), fetched = alone;
    kernels::squares_rows(at.data(), rows, {}, d, w.data(), shift.data(), alone.data());
    kernels::squares_rows(at.data(), rows, {16, 29}, d, w.data(), shift.data(), fetched.data());
    CHECK(alone == fetched);
    const Vec squares = (x.topRows(rows).rowwise() - shift.transpose()).cwiseAbs2().transpose() * w;
    CHECK((alone - squares).norm() <= 1e-13 * (1 + squares.norm()));
  }
}

TEST_CASE("kernels: a symmetric matrix less v w' + w v', and its product, by its lower triangle alone") {
  test::Numbers draw(47);
  for (const Index n : {1, 3, 4, 5, 8, 13, 38}) {
    CAPTURE(n);
    const Index stride = n + 2;
    Eigen::MatrixXd a = draw.mat(n, n), room = Eigen::MatrixXd::Constant(stride, n, 7);
    a = (a + a.transpose()).eval();
    room.topRows(n).triangularView<Eigen::Lower>() = a;
    const Vec v = draw.vec(n), w = draw.vec(n), p = draw.vec(n);
    Vec y(n);
    kernels::update_symmetric(n, room.data(), stride, v.data(), w.data(), p.data(), y.data());
    a -= v * w.transpose() + w * v.transpose();
    CHECK((y - a * p).norm() <= 1e-14 * static_cast<double>(n) * (1 + a.norm() * p.norm()));
    a.triangularView<Eigen::StrictlyUpper>().setConstant(7);
    CHECK((room.topRows(n) - a).norm() <= 1e-14 * (1 + a.norm()));
    CHECK((room.bottomRows(2).array() == 7).all());
    Vec again(n);
    kernels::multiply_symmetric(n, room.data(), stride, p.data(), again.data());
    CHECK((again - y).norm() <= 1e-14 * static_cast<double>(n) * (1 + a.norm() * p.norm()));
  }
}

TEST_CASE("kernels: columns taken off a vector, and products with columns") {
  test::Numbers draw(53);
  for (const Index n : {1, 7, 38}) {
    for (const Index k : {0, 1, 7, 8, 9, 19}) {
      CAPTURE(n);
      CAPTURE(k);
      const Index stride = n + 3;
      const Eigen::MatrixXd room = draw.mat(stride, k);
      const auto a = room.topRows(n);
      const Vec x = draw.vec(n), c = draw.vec(k), y = draw.vec(n), z = draw.vec(k);
      Vec less = y, without = z;
      kernels::subtract_columns(n, k, room.data(), stride, c.data(), less.data());
      kernels::subtract_products(n, k, room.data(), stride, x.data(), without.data());
      CHECK((less - (y - a * c)).norm() <= 1e-14 * (1 + y.norm() + a.norm() * c.norm()));
      CHECK((without - (z - a.transpose() * x)).norm() <= 1e-14 * (1 + z.norm() + a.norm() * x.norm()));
    }
  }
}

TEST_CASE("kernels: a Cholesky factor and solves with it, for sizes on both sides of the blocks") {
  test::Numbers draw(59);
  for (const Index n : {1, 7, 8, 9, 47, 48, 49, 96, 150, 200}) {
    CAPTURE(n);
    const Eigen::MatrixXd x = draw.mat(n + 5, n);
    const Eigen::MatrixXd h = x.transpose() * x + Eigen::MatrixXd::Identity(n, n);
    Eigen::MatrixXd l = h;
    REQUIRE(detail::cholesky_factor(l));
    const Eigen::MatrixXd lower = l.triangularView<Eigen::Lower>();
    CHECK((lower * lower.transpose() - h).norm() <= 1e-14 * h.norm());
    const Vec b = draw.vec(n);
    Vec y = b;
    detail::cholesky_solve(l, y.data());
    CHECK((h * y - b).norm() <= 1e-14 * h.norm() * y.norm());
    l = h;
    l(n - 1, n - 1) = -1;
    CHECK_FALSE(detail::cholesky_factor(l));
  }
  Eigen::MatrixXd none(0, 0);
  CHECK(detail::cholesky_factor(none));
  detail::cholesky_solve(none, nullptr);
}
