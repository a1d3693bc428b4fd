// Passes over rows on several threads: the same bits for any number, and the sums that the formulas say.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/threads.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

Mat with_zeros(Index n, Index d, double zeros, unsigned seed) {
  test::Numbers random(seed);
  const Mat x = random.mat(n, d);
  return (x.array().abs() < zeros).select(0, x);
}

std::shared_ptr<const CsrMatrix> to_csr(const Mat& x) {
  auto csr = std::make_shared<CsrMatrix>(x.sparseView());
  csr->makeCompressed();
  return csr;
}

struct Case {
  std::string name;
  Design design;
};

/// Dense and sparse, all rows, a range and a list, as they are and standardized with an intercept.
std::vector<Case> cases(Index n, Index d, double zeros) {
  const Mat x = with_zeros(n, d, zeros, static_cast<unsigned>(n + d));
  test::Numbers random(4);
  const Vec shift = random.vec(d), scale = random.vec(d).cwiseAbs().array() + 0.3;
  std::vector<Index> list(static_cast<std::size_t>(n - n / 7));
  for (std::size_t i = 0; i < list.size(); ++i) list[i] = (static_cast<Index>(i) * 5) % n;
  std::vector<Case> all;
  for (const auto& [storage, a] :
       {std::pair<std::string, Design>{"dense", Design(std::make_shared<const Mat>(x))}, {"sparse", Design(to_csr(x))}}) {
    for (const auto& [rows, b] :
         {std::pair<std::string, Design>{"all", a}, {"range", a.row_range(3, n - 10)}, {"list", a.row_list(list)}}) {
      all.push_back({storage + ", " + rows, b});
      all.push_back({storage + ", " + rows + ", standardized, intercept", b.standardized(shift, scale).with_intercept()});
    }
  }
  return all;
}

/// Numbers of everything that a design computes from its rows, one after the other.
std::vector<double> all_results(const Design& a) {
  std::vector<double> out;
  const auto keep = [&](const auto& m) {
    const Eigen::MatrixXd plain = m;
    out.insert(out.end(), plain.data(), plain.data() + plain.size());
  };
  test::Numbers random(5);
  const Index n = a.rows(), d = a.cols();
  const Vec v = random.vec(d), p = random.vec(d), s = random.vec(n);
  Vec t(n), g(d);
  a.multiply(v, t);
  keep(t);
  a.multiply_t(s, g);
  keep(g);
  out.push_back(a.sweep(
      v,
      [&](Index row0, BlockIn b, BlockOut w) {
        w.col(0) = b.col(0).cwiseProduct(s.segment(row0, b.rows()));
        return b.col(0).squaredNorm();
      },
      g));
  keep(g);
  out.push_back(a.visit(v, [&](Index row0, BlockIn b, BlockOut) { return b.col(0).dot(s.segment(row0, b.rows())); }));
  out.push_back(a.sweep_pair(
      v, p,
      [&](Index, BlockIn b, BlockOut w) {
        w.col(0) = b.col(0).cwiseProduct(b.col(1));
        return w.col(0).sum();
      },
      g));
  keep(g);
  for (const Index k : {1, 2, 3, 5, 9}) {
    const Mat vk = random.mat(d, k);
    Mat many(d, k);
    out.push_back(a.sweep_batch(
        vk,
        [&](Index row0, BlockIn b, BlockOut w) {
          w = b.array().colwise() * s.segment(row0, b.rows()).array();
          return w.sum();
        },
        many));
    keep(many);
    a.sweep_more(
        v, vk, [&](Index, BlockIn b, BlockOut w) { w = b; }, g, many);
    keep(g);
    keep(many);
  }
  Mat h(d, d);
  a.weighted_gram(s, h);
  keep(h);
  if (!a.sparse()) {
    Mat beside(d + 1, d + 1);
    a.weighted_gram_beside(s, t, beside);
    keep(beside);
  }
  a.weighted_squares(s, g);
  keep(g);
  const ColumnMoments m = a.column_moments(s);
  for (const Vec* column : {&m.mean, &m.deviation, &m.rms, &m.size, &m.low, &m.high}) keep(*column);
  return out;
}

double relative(const Eigen::MatrixXd& a, const Eigen::MatrixXd& b) { return (a - b).norm() / (1e-300 + b.norm()); }

/// Sums over all chunks against those of the explicit matrix.
void check_sums(const Design& a) {
  const Index n = a.rows(), d = a.cols();
  Eigen::MatrixXd m(n, d);
  for (Index i = 0; i < n; ++i) m.row(i) = a.row(i).transpose();
  test::Numbers random(5);
  const Vec v = random.vec(d), s = random.vec(n);
  Vec g(d);
  const double total = a.sweep(
      v,
      [&](Index row0, BlockIn b, BlockOut w) {
        w.col(0) = b.col(0).cwiseProduct(s.segment(row0, b.rows()));
        return b.col(0).squaredNorm();
      },
      g);
  CHECK(total == doctest::Approx((m * v).squaredNorm()).epsilon(1e-12));
  CHECK(relative(g, m.transpose() * s.cwiseProduct(m * v)) < 1e-12);
  const Vec w = s.cwiseAbs();
  Mat h(d, d);
  a.weighted_gram(w, h);
  CHECK(relative(h, m.transpose() * w.asDiagonal() * m) < 1e-12);
  a.weighted_squares(w, g);
  CHECK(relative(g, h.diagonal()) < 1e-12);
  const ColumnMoments c = a.column_moments(w);
  const Index p = a.features();
  const Eigen::MatrixXd x = m.leftCols(p);
  const Vec mean = x.transpose() * w / w.sum();
  CHECK(relative(c.mean, mean) < 1e-12);
  CHECK(relative(c.deviation, ((x.rowwise() - mean.transpose()).cwiseAbs2().transpose() * w / w.sum()).cwiseSqrt()) < 1e-12);
  CHECK(c.low == x.colwise().minCoeff().transpose());
  CHECK(c.high == x.colwise().maxCoeff().transpose());
  const ColumnMoments first = a.column_means(w);
  CHECK(first.mean == c.mean);
  CHECK(first.rms == c.rms);
  CHECK(first.low == c.low);
  CHECK(first.high == c.high);
  CHECK(first.deviation.size() == 0);
}

}  // namespace

TEST_CASE("design: everything computed from rows has the same bits on 1, 2, 3 and 7 threads") {
  struct Size {
    Index rows, columns;
    double zeros;
    bool large;
  };
  // 3 MB of many columns; of few, where Gram matrices of chunks are added; 50 kB; less than a block of rows.
  for (const Size& size : {Size{4000, 97, 0.1, true}, {30000, 13, 0.6, true}, {300, 21, 0.6, false}, {11, 3, 0.6, false}}) {
    for (const Case& c : cases(size.rows, size.columns, size.zeros)) {
      CAPTURE(size.rows);
      CAPTURE(c.name);
      CHECK((c.design.chunks() > 1) == size.large);
      const std::vector<double> one = all_results(c.design);
      for (const Index threads : {2, 3, 7}) {
        const ThreadScope scope(threads);
        const bool same = all_results(c.design) == one;
        CHECK(same);
      }
      if (size.large) check_sums(c.design);
    }
  }
}

TEST_CASE("design: moments of columns in another unit are the same to the bit, far out of the range of squares too") {
  const Mat x = with_zeros(3000, 9, 0.4, 6);
  test::Numbers random(8);
  const Vec w = random.vec(3000).cwiseMax(0);  // half of the rows do not count
  for (const bool is_sparse : {false, true}) {
    const auto moments = [&](const Mat& m) {
      return (is_sparse ? Design(to_csr(m)) : Design(std::make_shared<const Mat>(m))).column_moments(w);
    };
    const ColumnMoments plain = moments(x);
    for (const int power : {-1000, -700, -90, 90, 450, 1000}) {
      CAPTURE(power);
      const double unit = std::ldexp(1.0, power);
      const ColumnMoments m = moments(unit * x);
      for (const auto column : {&ColumnMoments::mean, &ColumnMoments::rms, &ColumnMoments::deviation, &ColumnMoments::size,
                                &ColumnMoments::low, &ColumnMoments::high})
        CHECK(m.*column == unit * (plain.*column));
    }
  }
}

TEST_CASE("design: wide sparse rows are not cut where the sums would cost more than the rows") {
  const Index n = 6000, d = 20000;
  std::vector<Eigen::Triplet<double>> entries;
  test::Numbers random(2);
  for (Index i = 0; i < n; ++i) {
    for (Index k = 0; k < 40; ++k)
      entries.emplace_back(static_cast<int>(i), static_cast<int>((i * 7919 + k * 523) % d), random.next());
  }
  const auto x = std::make_shared<CsrMatrix>(n, d);
  x->setFromTriplets(entries.begin(), entries.end());
  const Design a{std::shared_ptr<const CsrMatrix>(x)};
  CHECK(12.0 * static_cast<double>(a.stored()) > 2e6);
  CHECK(a.chunks() == 1);
}

TEST_CASE("design: blocks run beside each other where a scope says so, and serially inside of what already does") {
  const Design a(std::make_shared<const Mat>(with_zeros(4000, 97, 0, 1)));
  REQUIRE(a.chunks() >= 4);
  // How many threads a pass runs on; its blocks wait until so many are there, a minute where the test fails.
  const auto threads_of_a_pass = [&](std::size_t wait_for) {
    std::mutex mutex;
    std::condition_variable came;
    std::set<std::thread::id> seen;
    a.visit(Vec::Ones(97), [&](Index, BlockIn, BlockOut) {
      std::unique_lock lock(mutex);
      if (seen.insert(std::this_thread::get_id()).second) came.notify_all();
      came.wait_for(lock, std::chrono::minutes(1), [&] { return seen.size() >= wait_for; });
    });
    return seen.size();
  };
  CHECK(threads_of_a_pass(1) == 1);
  const ThreadScope scope(3);
  CHECK(threads_of_a_pass(3) == 3);
  std::vector<std::size_t> inside(4, 0);
  run_parallel(inside.size(), 2, [&](std::size_t i) { inside[i] = threads_of_a_pass(1); });
  CHECK(inside == std::vector<std::size_t>(4, 1));
}

TEST_CASE("design: what a block throws leaves the pass, and the next pass is as if nothing had been") {
  const Design a(std::make_shared<const Mat>(with_zeros(4000, 97, 0, 1)));
  const Vec v = Vec::LinSpaced(97, -1, 1);
  const auto square = [](Index, BlockIn t, BlockOut) { return t.squaredNorm(); };
  const double before = a.visit(v, square);
  for (const Index threads : {1, 2, 3}) {
    const ThreadScope scope(threads);
    const auto throwing = [](Index row0, BlockIn, BlockOut) {
      if (row0 > 2000) throw std::runtime_error("row " + std::to_string(row0 > 2000));
    };
    CHECK_THROWS_WITH_AS(a.visit(v, throwing), "row 1", std::runtime_error);
    CHECK(a.visit(v, square) == before);
  }
}

TEST_CASE("design: a block may use a design itself, on any thread") {
  const Design a(std::make_shared<const Mat>(with_zeros(4000, 97, 0, 1))),
      b(std::make_shared<const Mat>(with_zeros(3000, 100, 0, 2)));
  const Vec v = Vec::LinSpaced(97, -1, 1), q = Vec::LinSpaced(100, 1, 2);
  const auto nested = [&](Index, BlockIn t, BlockOut) {
    return t.squaredNorm() * b.visit(q, [](Index, BlockIn s, BlockOut) { return s.squaredNorm(); });
  };
  const double one = a.visit(v, nested);
  const double plain = a.visit(v, [](Index, BlockIn t, BlockOut) { return t.squaredNorm(); }) *
                       b.visit(q, [](Index, BlockIn t, BlockOut) { return t.squaredNorm(); });
  CHECK(one == doctest::Approx(plain).epsilon(1e-12));
  const ThreadScope scope(3);
  CHECK(a.visit(v, nested) == one);
}
