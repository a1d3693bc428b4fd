// Where a run starts when nobody says: the common value is searched from the strongest penalty down, then tuned for many.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

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

}  // namespace

TEST_CASE("start search: one value is the best of the path's points, many the tuned one, put on the box of the many") {
  const HyperSpace one = box(1, -6, 6), many = box(3, -6, 6), narrow = box(3, -6, 1);
  const FoundStart single = search_start(valley(2.3), one, one);
  CHECK_FALSE(single.tuned);
  CHECK(single.common == 2);  // points 1 apart
  CHECK(single.theta == Vec::Constant(1, 2));
  const FoundStart tuned = search_start(valley(2.3), one, many);
  CHECK(tuned.tuned);
  CHECK(tuned.common == doctest::Approx(2.3).epsilon(1e-3));
  CHECK(tuned.theta == Vec::Constant(3, tuned.common));
  CHECK(search_start(valley(2.3), one, narrow).theta == Vec::Constant(3, 1));
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
  CHECK(search_start(from(0.5), one, one).common == doctest::Approx(-6 + 6 * step));
  CHECK(search_start(from(100), one, one).common == 1);
}

TEST_CASE("start search: asked to stop it throws, and a search over several values is refused") {
  const HyperSpace one = box(1, -6, 6), many = box(2, -6, 6);
  CHECK_THROWS_AS(search_start(valley(0.3), one, many, [] { return true; }), Interruption);
  CHECK_THROWS_AS(search_start(valley(0.3), many, many), UsageError);
}
