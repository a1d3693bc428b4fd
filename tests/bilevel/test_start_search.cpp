// Where a run starts when nobody says: the common value is searched from the strongest penalty down; many penalties leave
// plateaus from several levels.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <vector>

#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>

#include "bilevel/fixtures.hpp"

using namespace tacit;
using tacit_test::box;
using tacit_test::FakeOracle;

namespace {

/// Least at theta = best.
FakeOracle valley(double best) {
  return FakeOracle(
      [best](const Vec& v, Vec& g) { return tacit_test::hyperbolic(v, g, Vec::Constant(1, best), Vec::Constant(1, 1)); });
}

/// 1 - exp(-((v - best) / width)^2): flat but for a well; the points asked for are noted.
FakeOracle well(double best, double width, std::vector<double>* asked) {
  return FakeOracle([best, width, asked](const Vec& v, Vec& g) {
    asked->push_back(v[0]);
    const double d = (v[0] - best) / width, e = std::exp(-d * d);
    g = Vec::Constant(1, 2 * d / width * e);
    return 1 - e;
  });
}

const double kDecade = std::log(10.0);

}  // namespace

TEST_CASE("start search: one value is the best of the path's points, or is tuned") {
  const HyperSpace one = box(1, -6, 6);
  const FoundStart single = search_common(valley(2.3), one, false);
  CHECK_FALSE(single.tuned);
  CHECK(single.common == 2);  // points 1 apart
  CHECK(single.common_loss == doctest::Approx(std::cosh(0.3)));
  CHECK(single.theta == Vec::Constant(1, 2));
  const FoundStart tuned = search_common(valley(2.3), one, true);
  CHECK(tuned.tuned);
  CHECK(tuned.common == doctest::Approx(2.3).epsilon(1e-3));
  CHECK(tuned.common_loss == doctest::Approx(1).epsilon(1e-6));
}

TEST_CASE("start search: points that are not finite are passed over, where all are it is the middle of the box") {
  const HyperSpace one = box(1, -6, 8);
  const auto from = [](double limit) {
    return FakeOracle([limit](const Vec& v, Vec& g) {
      g = Vec::Ones(1);
      return v[0] >= limit ? v[0] : std::numeric_limits<double>::quiet_NaN();
    });
  };
  const double step = 14.0 / 12;
  CHECK(search_common(from(0.5), one, false).common == doctest::Approx(-6 + 6 * step));
  CHECK(search_common(from(100), one, false).common == 1);
}

TEST_CASE("start search: a box of 600 decades is searched around the data's scale, with few points") {
  const HyperSpace one = box(1, -300 * kDecade, 300 * kDecade);
  for (const double best : {-40.0, -8.0, 0.0, 1.3, 5.0, 60.0}) {
    for (const bool known : {true, false}) {
      CAPTURE(best);
      CAPTURE(known);
      std::vector<double> asked;
      SearchOptions options;
      if (known) {
        options.lower = -6 * kDecade;
        options.upper = 3 * kDecade;
      }
      // The loss falls towards the well from afar.
      const FakeOracle oracle([best, &asked](const Vec& v, Vec& g) {
        asked.push_back(v[0]);
        const double d = v[0] - best;
        g = Vec::Constant(1, d / std::sqrt(1 + d * d));
        return std::sqrt(1 + d * d);
      });
      const FoundStart found = search_common(oracle, one, false, options);
      CHECK(std::abs(found.common - best) <= 0.76 * kDecade);
      CHECK(asked.size() <= 120);
    }
  }
  // Flat far away: only who knows the scale finds the well.
  std::vector<double> asked;
  SearchOptions options;
  options.lower = -6 * kDecade;
  options.upper = 3 * kDecade;
  CHECK(std::abs(search_common(well(2.2, 2, &asked), one, false, options).common - 2.2) <= 0.76 * kDecade);
}

TEST_CASE("start search: a box that lies beside the data's scale is searched at its near end") {
  SearchOptions options;
  options.lower = -6 * kDecade;
  options.upper = 3 * kDecade;
  for (const double side : {-1.0, 1.0}) {
    const double near = side * 50 * kDecade, far = side * 300 * kDecade;
    const HyperSpace one = box(1, std::min(near, far), std::max(near, far));
    CHECK(search_common(valley(0), one, false, options).common == near);
  }
}

TEST_CASE("start search: the loss of a plateau is left from the level that sees where it is low") {
  // Wells at +3 and -3 in turn, so far apart that from either next to nothing is seen of the other.
  const Index m = 40;
  const auto wells = [](const Vec& v, Vec& g) {
    double sum = 0;
    for (Index j = 0; j < v.size(); ++j) {
      const double d = (v[j] - (j % 2 == 0 ? 3 : -3)) / 1.6, e = std::exp(-d * d);
      sum += 1 - e;
      g[j] = 2 * d / 1.6 * e / static_cast<double>(v.size());
    }
    return sum / static_cast<double>(v.size());
  };
  const FakeOracle single([&](const Vec& v, Vec& g) {
    Vec all(m);
    const double value = wells(Vec::Constant(m, v[0]), all);
    g = Vec::Constant(1, all.sum());
    return value;
  });
  const FakeOracle oracle(wells);
  const HyperSpace one = box(1, -9, 9), many = box(m, -9, 9);
  const FoundStart common = search_common(single, one, true);
  CHECK(common.common_loss == doctest::Approx(0.5).epsilon(1e-4));
  const FoundStart found = search_many(oracle, many, common);
  Vec g(m);
  CHECK(wells(found.theta, g) < 0.05);
  CHECK(found.steps > 0);
  CHECK(std::abs(found.level) < 3);
  CHECK(found.common == common.common);
  // On a box that holds one kind of wells alone the start lies on it.
  const HyperSpace narrow = box(m, -9, 1);
  const FoundStart cut = search_many(oracle, narrow, common);
  CHECK(cut.theta.maxCoeff() <= 1);
}

TEST_CASE("start search: asked to stop or out of time it ends with what it has, and a search over several values is refused") {
  const HyperSpace one = box(1, -6, 6), many = box(2, -6, 6);
  SearchOptions stop;
  stop.interrupted = [] { return true; };
  const FoundStart at_once = search_common(valley(0.3), one, false, stop);
  CHECK(at_once.cut);
  CHECK(at_once.theta[0] == 0);  // the middle
  const FakeOracle counted = valley(-6);
  stop.interrupted = [&] { return counted.evaluations >= 5; };
  const FoundStart some = search_common(counted, one, true, stop);
  CHECK(some.cut);
  CHECK_FALSE(some.tuned);
  CHECK(counted.evaluations == 5);
  CHECK(some.common == some.theta[0]);
  CHECK(std::isfinite(some.common_loss));
  stop.interrupted = [] { return true; };
  const FakeOracle slope([](const Vec& v, Vec& g) {
    g = Vec::Ones(v.size());
    return 10 + v.sum();
  });
  const FoundStart none = search_many(slope, many, {Vec::Zero(1), 1.5}, stop);
  CHECK(none.cut);
  CHECK(none.theta == Vec::Constant(2, 1.5));
  CHECK_THROWS_AS(search_common(valley(0.3), many, false), UsageError);
  SearchOptions late;
  late.seconds = -1;
  const FakeOracle oracle = valley(-6);
  CHECK(search_common(oracle, one, false, late).common == 6);
  CHECK(oracle.evaluations == 1);
}
