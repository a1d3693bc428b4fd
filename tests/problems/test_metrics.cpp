#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <stdexcept>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/metrics.hpp>

using tacit::Index;
using tacit::Vec;

namespace {

Vec make(std::initializer_list<double> values) {
  Vec v(static_cast<Index>(values.size()));
  std::copy(values.begin(), values.end(), v.data());
  return v;
}

const Vec kNone;

/// Every row i written repeat(i) times.
Vec repeated(const Vec& v, const Vec& repeat) {
  std::vector<double> out;
  for (Index i = 0; i < v.size(); ++i) out.insert(out.end(), static_cast<std::size_t>(repeat(i)), v(i));
  return Eigen::Map<const Vec>(out.data(), static_cast<Index>(out.size()));
}

}  // namespace

TEST_CASE("regression metrics by hand") {
  const Vec y = make({1, 2, 4}), p = make({1, 4, 3});
  CHECK(tacit::rmse(y, p, kNone) == doctest::Approx(std::sqrt(5.0 / 3)).epsilon(1e-15));
  CHECK(tacit::mae(y, p, kNone) == doctest::Approx(1).epsilon(1e-15));
  CHECK(tacit::r2(y, p, kNone) == doctest::Approx(1 - 5 / (14.0 / 3)).epsilon(1e-14));
  CHECK(tacit::r2(y, y, kNone) == 1);
  CHECK(std::isnan(tacit::r2(make({0.1, 0.1, 0.1}), p, kNone)));
  CHECK(tacit::mae(y, make({1, 4, INFINITY}), make({1, 1, 0})) == 1);
}

TEST_CASE("log-loss and accuracy by hand, also for large margins") {
  const Vec y = make({1, -1, 1, -1}), margin = make({std::log(3.0), -std::log(4.0), -std::log(2.0), 0});
  const double expected = (-std::log(0.75) - std::log(0.8) - std::log(1 / 3.0) - std::log(0.5)) / 4;
  CHECK(tacit::log_loss(y, margin, kNone) == doctest::Approx(expected).epsilon(1e-15));
  CHECK(tacit::accuracy(y, margin, kNone) == 0.75);
  CHECK(tacit::log_loss(make({1, 0}), make({800, 800}), kNone) == 400);
  CHECK(tacit::log_loss(make({1, 0}), make({-800, -800}), kNone) == 400);
}

TEST_CASE("f1 by hand, by definition from precision and recall, and where it is not defined") {
  // 2 hits, one false alarm, one miss of weight 3.
  const Vec y = make({1, 1, -1, 1, -1}), m = make({1, 0.5, 2, -1, -3}), w = make({1, 1, 1, 3, 1});
  const double precision = 2.0 / 3, recall = 2.0 / 5;
  CHECK(tacit::f1(y, m, w) == doctest::Approx(2 * precision * recall / (precision + recall)).epsilon(1e-15));
  CHECK(tacit::f1(y, m, kNone) == doctest::Approx(4.0 / 6).epsilon(1e-15));
  CHECK(tacit::f1(y, m, w) == tacit::f1(repeated(y, w), repeated(m, w), kNone));
  CHECK(tacit::f1(y, y, kNone) == 1);
  CHECK(tacit::f1(make({1, -1}), make({-1, 1}), kNone) == 0);
  CHECK(tacit::f1(make({1, 1}), make({0, -1}), kNone) == 0);           // a margin of 0 is no prediction of the positive class
  CHECK(std::isnan(tacit::f1(make({-1, -1}), make({-1, 0}), kNone)));  // neither there nor predicted
  CHECK(std::isnan(tacit::f1(make({-1, 1}), make({-1, 1}), make({1, 0}))));
}

TEST_CASE("the area under the curve counts pairs, ties a half") {
  CHECK(tacit::auc(make({0, 0, 1, 1}), make({0.1, 0.4, 0.35, 0.8}), kNone) == 0.75);
  CHECK(tacit::auc(make({0, 1, 0, 1}), make({1, 1, 1, 1}), kNone) == 0.5);
  CHECK(tacit::auc(make({0, 1}), make({0, -0.0}), kNone) == 0.5);
  CHECK(std::isnan(tacit::auc(make({1, 1}), make({1, 2}), kNone)));
  CHECK(std::isnan(tacit::auc(make({1, 0}), make({1, 2}), make({1, 0}))));
  std::mt19937_64 random(7);
  const Index n = 60;
  Vec y(n), m(n), w(n);
  for (Index i = 0; i < n; ++i) {
    y(i) = static_cast<double>(random() % 2);
    m(i) = static_cast<double>(random() % 9);  // many ties
    w(i) = static_cast<double>(random() % 4);
  }
  double pairs = 0, all = 0;
  for (Index i = 0; i < n; ++i)
    for (Index j = 0; j < n; ++j)
      if (y(i) > 0 && y(j) == 0) {
        all += w(i) * w(j);
        pairs += w(i) * w(j) * (m(i) > m(j) ? 1 : m(i) == m(j) ? 0.5 : 0);
      }
  CHECK(tacit::auc(y, m, w) == doctest::Approx(pairs / all).epsilon(1e-14));
}

TEST_CASE("weight w equals the row w times, in every metric and in the mean loss") {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  const Index n = 25;
  Vec y(n), p(n), w(n), classes(n);
  for (Index i = 0; i < n; ++i) {
    y(i) = normal(random);
    p(i) = y(i) + normal(random);
    classes(i) = y(i) > 0 ? 1 : -1;
    w(i) = static_cast<double>(random() % 4);
  }
  const auto same = [&](const tacit::NamedValues& a, const tacit::NamedValues& b) {
    REQUIRE(a.size() == b.size());
    for (std::size_t i = 0; i < a.size(); ++i) {
      CAPTURE(a[i].first);
      CHECK(a[i].first == b[i].first);
      CHECK(a[i].second == doctest::Approx(b[i].second).epsilon(1e-13));
    }
  };
  same(tacit::regression_metrics(y, p, w), tacit::regression_metrics(repeated(y, w), repeated(p, w), kNone));
  same(tacit::binary_metrics(classes, p, w), tacit::binary_metrics(repeated(classes, w), repeated(p, w), kNone));
  CHECK(tacit::mean_loss(p, w).mean == doctest::Approx(tacit::mean_loss(repeated(p, w), kNone).mean).epsilon(1e-13));
}

TEST_CASE("a standard error counts rows: weights in another unit change nothing, rows of weight 0 are none") {
  const Vec loss = make({1, 2, 3, 6, 50}), w = make({3, 1, 2, 2, 0});
  // sum w (l - 23/8)^2 / (8 * 3), as cv.glmnet has it.
  const double by_hand = std::sqrt(
      (3 * std::pow(1 - 2.875, 2) + std::pow(2 - 2.875, 2) + 2 * std::pow(3 - 2.875, 2) + 2 * std::pow(6 - 2.875, 2)) / (8 * 3));
  for (const double unit : {1.0, 1000.0, 1e-6, 0.1}) {
    CAPTURE(unit);
    const tacit::MeanLoss scaled = tacit::mean_loss(loss, unit * w);
    CHECK(scaled.mean == doctest::Approx(2.875).epsilon(1e-14));
    CHECK(scaled.standard_error == doctest::Approx(by_hand).epsilon(1e-14));
  }
  CHECK(tacit::mean_loss(loss, 7 * Vec::Ones(5)).standard_error ==
        doctest::Approx(tacit::mean_loss(loss, kNone).standard_error).epsilon(1e-14));
  CHECK(tacit::mean_loss(make({1, 2}), make({1, 1e-3})).standard_error > 0);  // two rows of a weight near 1 in all
  CHECK(std::isnan(tacit::mean_loss(make({1, 2}), make({5, 0})).standard_error));
}

TEST_CASE("a gain is the mean of paired differences: losses that vary alike do not blur it") {
  const Vec with = make({1, 20, 300, 4}), without = make({2, 22, 301, 6}), w = make({1, 2, 1, 4});
  const tacit::MeanLoss gain = tacit::paired_gain(without, with, w), plain = tacit::mean_loss(make({1, 2, 1, 2}), w);
  CHECK(gain.mean == doctest::Approx(1.75).epsilon(1e-14));
  CHECK(gain.standard_error == doctest::Approx(plain.standard_error).epsilon(1e-14));
  CHECK(gain.standard_error < 0.05 * tacit::mean_loss(with, w).standard_error);
  CHECK(gain.mean == doctest::Approx(tacit::mean_loss(without, w).mean - tacit::mean_loss(with, w).mean).epsilon(1e-12));
  const tacit::MeanLoss back = tacit::paired_gain(with, without, w);
  CHECK(back.mean == -gain.mean);
  CHECK(back.standard_error == gain.standard_error);
  const tacit::MeanLoss none = tacit::paired_gain(with, with, kNone);
  CHECK(none.mean == 0);
  CHECK(none.standard_error == 0);
  CHECK_THROWS_AS(tacit::paired_gain(with, make({1}), kNone), tacit::UsageError);
}

TEST_CASE("mean loss and its standard error by hand") {
  const tacit::MeanLoss loss = tacit::mean_loss(make({1, 2, 3, 6}), kNone);
  CHECK(loss.mean == 3);
  CHECK(loss.standard_error == doctest::Approx(std::sqrt(14.0 / 3 / 4)).epsilon(1e-15));
  CHECK(std::isnan(tacit::mean_loss(make({1}), kNone).standard_error));
  CHECK(tacit::squared_losses(make({1, 2}), make({3, 2})) == make({2, 0}));
  CHECK(tacit::mean_loss(tacit::logistic_losses(make({1, -1}), make({0.3, 2})), kNone).mean ==
        doctest::Approx(tacit::log_loss(make({1, -1}), make({0.3, 2}), kNone)).epsilon(1e-15));
}

TEST_CASE("metrics refuse sizes and weights that cannot be") {
  const Vec y = make({1, 2});
  CHECK_THROWS_AS(tacit::rmse(y, make({1}), kNone), tacit::UsageError);
  CHECK_THROWS_AS(tacit::rmse(y, y, make({1})), tacit::UsageError);
  CHECK_THROWS_AS(tacit::auc(y, y, make({1, -1})), tacit::UsageError);
  CHECK_THROWS_AS(tacit::mae(y, y, make({0, 0})), tacit::UsageError);
  CHECK_THROWS_AS(tacit::mae(y, y, make({1, NAN})), tacit::UsageError);
}
