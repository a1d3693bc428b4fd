// What pictures of predictions are made of, against scikit-learn's values and by what must hold of any.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <random>
#include <vector>

#include <nlohmann/json.hpp>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/curves.hpp>
#include <tacit/problems/models/fitted_model.hpp>
#include <tacit/problems/models/metrics.hpp>

#include "paths.hpp"

using namespace tacit;

namespace {

const Vec kNone;

nlohmann::json reference() {
  return nlohmann::json::parse(std::ifstream(test::source_dir() + "/tests/reference/prediction_curves.json"));
}

Vec vec(const nlohmann::json& list) {
  const auto values = list.get<std::vector<double>>();
  return Eigen::Map<const Vec>(values.data(), static_cast<Index>(values.size()));
}

/// Classes and margins that have to do with each other, margins with so many distinct values, weights 0, 1, 2 or 3.
struct Rows {
  Vec y, margin, weight;
  Rows(Index n, int distinct, unsigned seed) : y(n), margin(n), weight(n) {
    std::mt19937_64 random(seed);
    for (Index i = 0; i < n; ++i) {
      y(i) = random() % 2 == 0 ? -1 : 1;
      margin(i) = 0.1 * static_cast<double>(random() % static_cast<unsigned>(distinct)) + 0.3 * y(i) - 0.5;
      weight(i) = static_cast<double>(random() % 4);
    }
  }
  Vec probability() const { return margin.unaryExpr(&sigmoid); }
};

/// Every row i written weight(i) times.
Vec repeated(const Vec& v, const Vec& weight) {
  std::vector<double> out;
  for (Index i = 0; i < v.size(); ++i) out.insert(out.end(), static_cast<std::size_t>(weight(i)), v(i));
  return Eigen::Map<const Vec>(out.data(), static_cast<Index>(out.size()));
}

void check_same(const std::vector<RocPoint>& a, const std::vector<RocPoint>& b) {
  REQUIRE(a.size() == b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    CHECK(a[i].false_positive == doctest::Approx(b[i].false_positive).epsilon(1e-14));
    CHECK(a[i].true_positive == doctest::Approx(b[i].true_positive).epsilon(1e-14));
    CHECK(a[i].threshold == b[i].threshold);
  }
}

}  // namespace

TEST_CASE("curves: ROC, area and confusion table with ties and weights are scikit-learn's") {
  const nlohmann::json all = reference(), want = all["weighted"];
  const Vec y = vec(want["y"]), margin = vec(want["margin"]), weight = vec(want["weight"]);
  const std::vector<RocPoint> curve = roc_curve(y, margin, weight);
  const Vec x = vec(want["false_positive"]), up = vec(want["true_positive"]), at = vec(want["threshold"]);
  REQUIRE(!curve.empty());
  CHECK(curve.front().false_positive == 0);
  CHECK(curve.front().true_positive == 0);
  // scikit-learn keeps a point for rows of weight 0 alone, which is its predecessor again.
  std::size_t k = 1;
  for (Index i = 0; i < x.size(); ++i) {
    const bool again = i > 0 && x(i) == x(i - 1) && up(i) == up(i - 1);
    if (again && (k == curve.size() || curve[k].threshold != at(i))) continue;
    REQUIRE(k < curve.size());
    CHECK(curve[k].false_positive == doctest::Approx(x(i)).epsilon(1e-13));
    CHECK(curve[k].true_positive == doctest::Approx(up(i)).epsilon(1e-13));
    CHECK(curve[k++].threshold == at(i));
  }
  CHECK(k == curve.size());
  CHECK(area_below(curve) == doctest::Approx(want["auc"].get<double>()).epsilon(1e-13));
  const Confusion table = confusion(y, margin, weight);
  for (std::size_t is = 0; is < 2; ++is) {
    for (std::size_t said = 0; said < 2; ++said) {
      CHECK(table.weight[is][said] == doctest::Approx(want["confusion"][is][said].get<double>()).epsilon(1e-13));
      CHECK(table.rows[is][said] == want["confusion_rows"][is][said].get<Index>());
    }
  }
}

TEST_CASE("curves: bins of calibration are scikit-learn's where rows go evenly into them") {
  const nlohmann::json all = reference(), want = all["plain"];
  const Vec probability = vec(want["margin"]).unaryExpr(&sigmoid);
  const std::vector<CalibrationBin> bins = calibration(vec(want["y"]), probability, kNone, 10);
  REQUIRE(bins.size() == 10);
  for (std::size_t k = 0; k < 10; ++k) {
    CHECK(bins[k].rows == 20);
    CHECK(bins[k].observed == doctest::Approx(want["observed"][k].get<double>()).epsilon(1e-13));
    CHECK(bins[k].predicted == doctest::Approx(want["predicted"][k].get<double>()).epsilon(1e-13));
    CHECK(bins[k].lo <= bins[k].observed);
    CHECK(bins[k].hi >= bins[k].observed);
  }
}

TEST_CASE("curves: the interval of a share is Wilson's") {
  // 3 of 10: the formula by hand, z = 1.96 (Wilson 1927, Brown, Cai and DasGupta 2001 print 0.108 to 0.603).
  const Vec y = vec({1, 1, 1, -1, -1, -1, -1, -1, -1, -1}), same = Vec::Constant(10, 0.5);
  const std::vector<CalibrationBin> bins = calibration(y, same, kNone, 10);
  REQUIRE(bins.size() == 1);  // rows that are predicted the same stay together
  CHECK(bins[0].lo == doctest::Approx(0.10779).epsilon(1e-4));
  CHECK(bins[0].hi == doctest::Approx(0.60322).epsilon(1e-4));
  const std::vector<CalibrationBin> none = calibration(-Vec::Ones(10), same, kNone, 2);
  CHECK(none[0].lo == 0);
  CHECK(none[0].hi == doctest::Approx(0.27753).epsilon(1e-4));
  // Ten rows of one weight are ten rows.
  const std::vector<CalibrationBin> heavy = calibration(y, same, Vec::Constant(10, 7), 10);
  CHECK(heavy[0].lo == doctest::Approx(bins[0].lo).epsilon(1e-14));
}

TEST_CASE("curves: the area of a ROC curve is the auc, and a weight is the row as many times") {
  for (const unsigned seed : {1U, 2U, 3U, 4U}) {
    const Rows r(120, seed % 2 == 0 ? 12 : 5000, seed);
    const Vec y = repeated(r.y, r.weight), margin = repeated(r.margin, r.weight);
    const std::vector<RocPoint> curve = roc_curve(r.y, r.margin, r.weight);
    CHECK(area_below(curve) == doctest::Approx(auc(r.y, r.margin, r.weight)).epsilon(1e-13));
    check_same(curve, roc_curve(y, margin, kNone));
    CHECK(curve.back().false_positive == 1);
    CHECK(curve.back().true_positive == 1);
    const std::vector<CalibrationBin> bins = calibration(r.y, r.probability(), r.weight, 7),
                                      again = calibration(y, margin.unaryExpr(&sigmoid), kNone, 7);
    REQUIRE(bins.size() == again.size());
    double weight = 0;
    for (std::size_t k = 0; k < bins.size(); ++k) {
      CHECK(bins[k].weight == static_cast<double>(again[k].rows));
      CHECK(bins[k].predicted == doctest::Approx(again[k].predicted).epsilon(1e-13));
      CHECK(bins[k].observed == doctest::Approx(again[k].observed).epsilon(1e-13));
      CHECK(bins[k].hi - bins[k].lo >= again[k].hi - again[k].lo);  // an interval counts rows
      weight += bins[k].weight;
    }
    CHECK(weight == r.weight.sum());
    const Confusion a = confusion(r.y, r.margin, r.weight), b = confusion(y, margin, kNone);
    CHECK(a.weight == b.weight);
    CHECK((a.weight[0][0] + a.weight[1][1]) / r.weight.sum() ==
          doctest::Approx(accuracy(r.y, r.margin, r.weight)).epsilon(1e-14));
  }
}

TEST_CASE("curves: a thinned ROC curve keeps its ends and its area") {
  const Rows r(20000, 1000000, 9);
  const std::vector<RocPoint> curve = roc_curve(r.y, r.margin, kNone), few = thinned(curve, 200);
  REQUIRE(curve.size() > 10000);
  REQUIRE(few.size() == 200);
  CHECK(std::abs(area_below(few) - area_below(curve)) < 1e-4);
  CHECK(few.front().threshold == curve.front().threshold);
  CHECK(few.back().threshold == curve.back().threshold);
  for (std::size_t i = 1; i < few.size(); ++i) CHECK(few[i].threshold < few[i - 1].threshold);
  // What lies on a straight piece goes first, and nothing where there are few.
  CHECK(thinned({{0, 0, 9}, {0, 0.5, 8}, {0, 1, 7}, {0.5, 1, 6}, {1, 1, 5}}, 3)[1].threshold == 7);
  check_same(thinned(few, 500), few);
  CHECK_THROWS_AS(thinned(few, 1), UsageError);
}

TEST_CASE("curves: where there is no curve there is none, and wrong use is refused") {
  const Vec y = vec({1, -1, 1}), m = vec({0.5, 0.25, 2});
  CHECK(roc_curve(Vec::Ones(3), m, kNone).empty());
  CHECK(roc_curve(y, vec({0.5, NAN, 2}), kNone).empty());
  CHECK(roc_curve(y, vec({NAN, 0.25, 2}), vec({0, 1, 1})).size() == 3);
  CHECK(calibration(y, vec({0.5, NAN, 0.2}), kNone, 3).empty());
  CHECK(roc_curve(y, vec({1, 1, 1}), kNone).size() == 2);
  CHECK(calibration(y, vec({0.1, 0.2, 0.3}), kNone, 10).size() == 3);
  CHECK_THROWS_AS(calibration(y, m, kNone, 0), UsageError);
  CHECK_THROWS_AS(roc_curve(y, vec({1, 2}), kNone), UsageError);
  CHECK_THROWS_AS(confusion(y, m, Vec::Zero(3)), UsageError);
}

TEST_CASE("curves: rows that stand for many are spread over the ranks, with both ends") {
  const Vec values = vec({5, 1, NAN, 3, 2, INFINITY, 4, 0}), weight = vec({1, 1, 1, 1, 1, 1, 0, 1});
  CHECK(spread_over(values, weight, 10) == std::vector<Index>{0, 1, 3, 4, 7});
  CHECK(spread_over(values, weight, 3) == std::vector<Index>{0, 4, 7});  // 5, 2 and 0
  CHECK(spread_over(values, weight, 2) == std::vector<Index>{0, 7});
  CHECK_THROWS_AS(spread_over(values, weight, 1), UsageError);
  const Rows r(5000, 40, 3);
  const std::vector<Index> some = spread_over(r.margin, kNone, 400);
  CHECK(some.size() == 400);
  CHECK(std::adjacent_find(some.begin(), some.end(), std::greater_equal<>()) == some.end());
}
