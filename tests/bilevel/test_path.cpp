// The loss along a common value and along a common factor: where points go, and which penalty is as good as the best.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include <tacit/bilevel/path.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/bilevel/sum.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>

#include "bilevel/fixtures.hpp"

using namespace tacit;
using tacit_test::FakeOracle;

namespace {

const double kDecade = std::log(10.0);

/// A box of m penalties that move in ln u, theta from lower to upper.
HyperSpace penalties(Index m, double lower, double upper) {
  return HyperSpace({HyperBlock{"l2", m, Scale::log, std::exp(lower), std::exp(upper)}});
}

/// A loss of ln u alone.
FakeOracle loss(std::function<double(const Vec&)> f) {
  return FakeOracle([f = std::move(f)](const Vec& v, Vec& g) {
    g = Vec::Zero(v.size());
    return f(v);
  });
}

FakeOracle parabola(double best) {
  return loss([best](const Vec& v) { return 1 + (v.array() - best).square().sum() / 100; });
}

std::vector<PathPoint> coarse(const Oracle& oracle, const HyperSpace& one) { return search_common(oracle, one, false).path; }

double gap(const std::vector<PathPoint>& p, std::size_t i) { return p[i + 1].theta - p[i].theta; }

Evaluation at(const Oracle& o, const Vec& theta) { return o.evaluate(theta, o.tightest()); }

}  // namespace

TEST_CASE("path: the search keeps its points, refined to as many as asked, one evaluation each") {
  const HyperSpace one = penalties(1, -9, 9);
  const FakeOracle oracle = parabola(2.3);
  const std::vector<PathPoint> kept = coarse(oracle, one);
  CHECK(static_cast<Index>(kept.size()) == oracle.evaluations);
  const Index before = oracle.evaluations;
  const CommonPath path = refine_path(oracle, one, kept);
  CHECK(path.points.size() == 50);
  CHECK_FALSE(path.cut);
  CHECK(path.evaluations == 50 - static_cast<Index>(kept.size()));
  CHECK(oracle.evaluations - before == path.evaluations);
  const auto ascending = [](const PathPoint& a, const PathPoint& b) { return a.theta < b.theta; };
  CHECK(std::is_sorted(path.points.begin(), path.points.end(), ascending));
  for (const PathPoint& p : path.points) CHECK(p.value == doctest::Approx(1 + (p.theta - 2.3) * (p.theta - 2.3) / 100));
  for (const PathPoint& p : kept) {
    CHECK(std::any_of(path.points.begin(), path.points.end(), [&](const PathPoint& q) { return q.theta == p.theta; }));
  }
}

TEST_CASE("path: two decades on either side of the lowest point are equally dense, what is further is coarser") {
  const HyperSpace one = penalties(1, -9 * kDecade, 9 * kDecade);
  const FakeOracle oracle = parabola(0.1);
  const std::vector<PathPoint> points = refine_path(oracle, one, coarse(oracle, one)).points;
  double least = 1e9, most = 0, far = 0;
  for (std::size_t i = 0; i + 1 < points.size(); ++i) {
    const double middle = std::abs((points[i].theta + points[i + 1].theta) / 2 - 0.1);
    if (middle < 1.5 * kDecade) {
      least = std::min(least, gap(points, i));
      most = std::max(most, gap(points, i));
    }
    far = std::max(far, gap(points, i));
  }
  CHECK(most <= 2.01 * least);  // by halving alone
  CHECK(far > 1.9 * most);
}

TEST_CASE("path: standard errors come from whom they are asked, and a point without a number is infinite") {
  const HyperSpace one = penalties(1, -6, 6);
  const FakeOracle oracle = loss([](const Vec& v) { return v[0] < -3 ? std::nan("") : 2 + v[0] * v[0]; });
  SearchOptions search;
  search.deviation = [](const Evaluation& e) { return e.value / 10; };
  PathOptions options;
  options.deviation = search.deviation;
  for (const PathPoint& p : refine_path(oracle, one, search_common(oracle, one, true, search).path, options).points) {
    if (p.theta < -3) {
      CHECK(p.value == std::numeric_limits<double>::infinity());
      CHECK(std::isnan(p.standard_error));
    } else {
      CHECK(p.standard_error == doctest::Approx(p.value / 10));
    }
  }
}

TEST_CASE("path: the tuned common value is a point of the search's path") {
  const HyperSpace one = penalties(1, -6, 6);
  const FakeOracle oracle([](const Vec& v, Vec& g) {
    g = Vec::Constant(1, 2 * (v[0] - 1.23));
    return 1 + (v[0] - 1.23) * (v[0] - 1.23);
  });
  const FoundStart found = search_common(oracle, one, true);
  const auto tuned = [&](const PathPoint& p) { return p.theta == found.common && p.value == found.common_loss; };
  CHECK(std::count_if(found.path.begin(), found.path.end(), tuned) == 1);
}

TEST_CASE("path: what is asked to stop keeps what is there") {
  const HyperSpace one = penalties(1, -9, 9);
  const FakeOracle oracle = parabola(0);
  const std::vector<PathPoint> kept = coarse(oracle, one);
  PathOptions none;
  none.seconds = -1;
  const CommonPath late = refine_path(oracle, one, kept, none);
  CHECK(late.cut);
  CHECK(late.points.size() == kept.size());
  CHECK(late.evaluations == 0);
  PathOptions asked;
  const Index limit = oracle.evaluations + 5;
  asked.interrupted = [&] { return oracle.evaluations >= limit; };
  const CommonPath some = refine_path(oracle, one, kept, asked);
  CHECK(some.cut);
  CHECK(some.points.size() == kept.size() + 5);
  CHECK_THROWS_AS(refine_path(oracle, penalties(2, -1, 1), kept), UsageError);
  CHECK_THROWS_AS(refine_path(oracle, one, {PathPoint{}}), UsageError);
}

TEST_CASE("one standard error: of one penalty the largest of its path within, to 1 %") {
  const HyperSpace one = penalties(1, -9, 9);
  const FakeOracle oracle = parabola(0.5);
  const FoundStart found = search_common(oracle, one, false);
  const std::vector<PathPoint> points = refine_path(oracle, one, found.path).points;
  const auto lowest = std::min_element(points.begin(), points.end(), [](auto& a, auto& b) { return a.value < b.value; });
  const Evaluation best = at(oracle, Vec::Constant(1, lowest->theta));
  const Index before = oracle.evaluations;
  const std::vector<FactorPoint> factors = factors_along(points, lowest->theta, best.theta, one);
  const OneStandardError rule = one_standard_error(oracle, one, best, 0.09, factors);
  const double crossing = 0.5 + 10 * std::sqrt(best.value - 1 + 0.09);
  CHECK(rule.at.theta[0] <= crossing);
  CHECK(rule.at.theta[0] >= crossing - 0.011);
  CHECK(rule.factor == doctest::Approx(std::exp(rule.at.theta[0] - lowest->theta)));
  CHECK(rule.limit == best.value + 0.09);
  CHECK_FALSE(rule.edge);
  CHECK_FALSE(rule.cut);
  CHECK(oracle.evaluations - before <= 8);  // the path is known: bisection alone
}

TEST_CASE("one standard error: a later dip counts, not the first crossing") {
  const auto f = [](double t) { return t < 3 ? 1 + t * t : t < 6 ? 20 : t < 7 ? 1.2 : 30; };
  const FakeOracle oracle = loss([f](const Vec& v) { return f(v.maxCoeff()); });
  for (const Index m : {1, 3}) {
    CAPTURE(m);
    const HyperSpace space = penalties(m, -9, 9);
    std::vector<PathPoint> points;
    for (double t = -9; t <= 9; t += 0.5) points.push_back({t, f(t), kMissing});
    const Evaluation best = at(oracle, Vec::Zero(m));
    const OneStandardError rule = one_standard_error(oracle, space, best, 0.25, factors_along(points, 0, best.theta, space));
    CHECK(rule.at.theta.maxCoeff() < 7);
    CHECK(rule.at.theta.maxCoeff() > 7 - 0.011);
  }
}

TEST_CASE("one standard error: many are scaled together, each clamped at its own upper end") {
  const HyperSpace space = penalties(3, -6, 4);
  const FakeOracle oracle = loss([](const Vec& v) { return 1 + (v.array() + 1).max(0).sum() / 10; });
  const Vec theta = (Vec(3) << -5, -1, 3).finished();
  const Evaluation best = at(oracle, theta);
  std::vector<PathPoint> points;
  for (double t = -6; t <= 4; t += 0.25) points.push_back({t, 0, kMissing});
  // loss - 1.4 = min(c, 1)/10 + c/10 + max(0, c - 4)/10 in ln c: 0.35 at c = 2.5
  const OneStandardError rule = one_standard_error(oracle, space, best, 0.35, factors_along(points, -1, best.theta, space));
  const double c = std::log(rule.factor);
  CHECK(c <= 2.5);
  CHECK(c >= 2.5 - 0.011);
  const Vec expected = (theta.array() + c).min(4).matrix();
  CHECK((rule.at.theta - expected).cwiseAbs().maxCoeff() <= 1e-12);
  // A limit that all of the box keeps: the end, where every entry is clamped.
  const OneStandardError all = one_standard_error(oracle, space, best, 10, factors_along(points, -1, best.theta, space));
  CHECK(all.edge);
  CHECK(all.at.theta == Vec::Constant(3, 4));
  CHECK(std::log(all.factor) == doctest::Approx(9));
}

TEST_CASE("one standard error: without one, or at the end of the box, it is the best itself") {
  const HyperSpace one = penalties(1, -6, 6);
  const FakeOracle oracle = parabola(0);
  const Evaluation best = at(oracle, Vec::Zero(1));
  const std::vector<FactorPoint> factors{{1, kMissing}, {6, kMissing}};
  const OneStandardError unknown = one_standard_error(oracle, one, best, kMissing, factors);
  CHECK(unknown.factor == 1);
  CHECK(unknown.at.theta == best.theta);
  CHECK(std::isnan(unknown.limit));
  const Evaluation end = at(oracle, Vec::Constant(1, 6));
  CHECK(factors_along({{6, 1, 0}}, 6, end.theta, one).empty());
  const OneStandardError last = one_standard_error(oracle, one, end, 1, {});
  CHECK(last.factor == 1);
  CHECK(last.edge);
  CHECK_THROWS_AS((void)one_standard_error(oracle, tacit_test::box(1, 0, 1), best, 1, factors), UsageError);
}

TEST_CASE("one standard error: cut short it has the largest factor so far, and says so") {
  const HyperSpace two = penalties(2, -6, 6);
  const FakeOracle oracle = loss([](const Vec&) { return 1.0; });
  const Evaluation best = at(oracle, Vec::Zero(2));
  std::vector<FactorPoint> factors;
  for (int k = 1; k <= 6; ++k) factors.push_back({static_cast<double>(k), kMissing});
  PathOptions options;
  const Index limit = oracle.evaluations + 3;
  options.interrupted = [&] { return oracle.evaluations >= limit; };
  const OneStandardError rule = one_standard_error(oracle, two, best, 1, factors, options);
  CHECK(rule.cut);
  CHECK(std::log(rule.factor) == doctest::Approx(3));
  CHECK(rule.at.theta == Vec::Constant(2, 3));
}
