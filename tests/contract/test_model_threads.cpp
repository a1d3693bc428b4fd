// Linear models and what judges them give the same bits on any number of threads, built anew each time so that nothing is kept.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/linear/loss_door.hpp>
#include <tacit/core/linear/moments.hpp>
#include <tacit/core/support/threads.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

constexpr Index kRows = 3000,
                kColumns = 310;  // 7 MB, and more columns than a quadratic model keeps a Gram matrix for to multiply

struct Named {
  std::string name;
  std::shared_ptr<const Loss> loss;
};

std::vector<Named> losses() {
  const auto fair = [](auto z, double y) {
    const auto r = z - y;
    return sqrt(1.0 + r * r);
  };
  return {{"squared", std::make_shared<SquaredLoss>()},
          {"logistic", std::make_shared<LogisticLoss>()},
          {"by the door", make_loss(fair)}};
}

/// Numbers of everything that a model and a validation loss compute from rows.
std::vector<double> all_results(const Design& rows, const std::shared_ptr<const Loss>& loss) {
  test::Numbers random(8);
  const Index n = rows.rows(), d = rows.cols();
  Vec y = random.vec(n);
  for (double& v : y) v = v > 0 ? 1 : -1;
  const Vec s = random.vec(n).cwiseAbs() / static_cast<double>(n), x = random.vec(d) / 10, p = random.vec(d);
  const Vec u = random.vec(rows.features()).cwiseAbs();
  const LinearModel f(rows, loss, y, s, penalty_per_feature(rows.features(), rows.intercept()));
  std::vector<double> out{f.value(x, u), f.smoothness(u), f.convexity(u), f.gradient_scale(u), f.gradient_terms(u)};
  const auto keep = [&](const auto& m) {
    const Eigen::MatrixXd plain = m;
    out.insert(out.end(), plain.data(), plain.data() + plain.size());
  };
  Vec g(d), gu(f.outer_dim());
  out.push_back(f.gradient(x, u, g));
  keep(g);
  FirstOrder at;
  const auto curvature = f.linearize(x, u, &at);
  out.push_back(at.value);
  keep(at.gradient);
  curvature->hessian(p, g);
  keep(g);
  CHECK(curvature->diagonal(g));
  keep(g);
  const Mat many = random.mat(d, 3), directions = random.mat(f.outer_dim(), 3);
  Mat products(d, 3), h(d, d);
  curvature->hessian_batch(many, products);
  keep(products);
  CHECK(curvature->dense(h));
  keep(h);
  f.linearize(x, u)->hessian(p, g);
  keep(g);
  f.adjoint(x, u, p, g, gu);
  keep(g);
  keep(gu);
  f.tangents(x, u, many, directions, g, products);
  keep(g);
  keep(products);
  Vec du = u;
  out.push_back(f.derivative_lipschitz(u, many, du));

  const HoldoutLoss l(rows, loss, y, s);
  out.push_back(l.value(x, u));
  out.push_back(l.gradient(x, u, g, gu));
  keep(g);
  Mat lx(d, 2), lu(f.outer_dim(), 2);
  const auto pair = l.gradient_pair(x, p, u, lx, lu);
  REQUIRE(pair);
  CHECK((*pair)[0] == l.gradient(x, u, g, gu));
  CHECK(g == lx.col(0));
  out.push_back((*pair)[1]);
  keep(lx);
  keep(l.row_losses(x));
  out.push_back(l.smoothness());
  return out;
}

bool same_bits(const std::vector<double>& a, const std::vector<double>& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && !(std::isnan(a[i]) && std::isnan(b[i]))) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("models: each product, constant and criterion has the same bits on 1, 2, 3 and 7 threads") {
  test::Numbers random(3);
  const Mat x = random.mat(kRows, kColumns);
  auto csr = std::make_shared<CsrMatrix>(Mat((x.array().abs() < 0.5).select(0, x)).sparseView());
  csr->makeCompressed();
  const Vec shift = random.vec(kColumns), scale = random.vec(kColumns).cwiseAbs().array() + 0.5;
  for (const Design& storage : {Design(std::make_shared<const Mat>(x)), Design(std::shared_ptr<const CsrMatrix>(csr))}) {
    const Design rows = storage.standardized(shift, scale).with_intercept();
    REQUIRE(rows.chunks() > 2);
    for (const Named& l : losses()) {
      CAPTURE(rows.sparse());
      CAPTURE(l.name);
      const std::vector<double> one = all_results(rows, l.loss);
      for (const Index threads : {2, 3, 7}) {
        const ThreadScope scope(threads);
        const bool same = same_bits(all_results(rows, l.loss), one);
        CHECK(same);
      }
    }
  }
}

TEST_CASE("moments of rows have the same bits on 1, 2 and 3 threads") {
  test::Numbers random(6);
  const Mat x = random.mat(9000, 30);
  const Design rows(std::make_shared<const Mat>(x));
  REQUIRE(rows.chunks() > 2);
  const Vec y = random.vec(9000), w = random.vec(9000).cwiseAbs();
  const RowMoments one = row_moments(rows, y, w);
  for (const Index threads : {2, 3}) {
    const ThreadScope scope(threads);
    const RowMoments many = row_moments(rows, y, w);
    CHECK(many.gram == one.gram);
    CHECK(many.cross == one.cross);
    CHECK(many.mean == one.mean);
    CHECK(many.square == one.square);
    CHECK(many.low == one.low);
    CHECK(many.high == one.high);
  }
}
