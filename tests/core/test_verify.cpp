// verify(): right problems come out clean wherever they are looked at, and of wrong ones the first wrong product is named.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include <tacit/core/model/counting.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/verify.hpp>

#include "core/wrong_callbacks.hpp"

using namespace tacit;

namespace {

VerifyReport verified(const test::Parts& parts, const Vec& x = {}) {
  const Problem p = parts.problem();
  const Vec u = (Vec(3) << 0.3, 1.2, 0.7).finished();
  VerifyOptions options;
  try {
    options.map = parts.algorithm()->bind(p, u);
  } catch (const std::exception&) {  // verify() names what is wrong
  }
  return verify(p, {u, x}, options);
}

std::string first_wrong(const VerifyReport& r) { return r.ok() ? "" : r.first_wrong()->product; }

}  // namespace

TEST_CASE("verify: a right problem passes every check at every point, from near and from far") {
  const test::Parts right;
  const VerifyReport r = verified(right);
  CAPTURE(r.to_text());
  CHECK(r.ok());
  CHECK(r.first_wrong() == nullptr);
  CHECK(r.x.size() == 5);
  for (const char* product : {"value",
                              "gradient",
                              "linearize",
                              "hessian",
                              "cross_t",
                              "cross",
                              "adjoint",
                              "one-shot adjoint",
                              "tangents",
                              "hessian_batch",
                              "diagonal",
                              "smoothness",
                              "convexity",
                              "gradient_scale",
                              "l",
                              "l_x",
                              "l_u",
                              "start point",
                              "start jvp",
                              "start vjp",
                              "map lift",
                              "map lift_t",
                              "map lift_tangents",
                              "map step",
                              "map jvp",
                              "map vjp",
                              "map one-pass vjp",
                              "map step_tangents"}) {
    CAPTURE(product);
    REQUIRE(r.find(product) != nullptr);
    CHECK(r.find(product)->verdict == Verdict::ok);
  }
  test::Numbers draw(5);
  for (const double scale : {0.0, 1e-6, 1e-3, 1.0, 30.0, 300.0}) {
    const VerifyReport at = verified(right, Vec(scale * draw.vec(5)));
    CAPTURE(scale);
    CAPTURE(at.to_text());
    CHECK(at.ok());
  }
}

TEST_CASE("verify: of a wrong problem the product at which it begins is named") {
  for (const test::WrongKind& kind : test::all_wrong_kinds()) {
    CAPTURE(kind.name);
    test::Parts parts;
    kind.apply(parts);
    const VerifyReport r = verified(parts);
    CAPTURE(r.to_text());
    CHECK(first_wrong(r) == kind.product);
  }
}

TEST_CASE("verify: what is wrong by far more than rounding is named at other points and scales too") {
  test::Numbers draw(6);
  for (const double scale : {1e-3, 1.0, 20.0}) {
    for (const test::WrongKind& kind : test::wrong_derivatives_of_f()) {
      // Near 0 and far off the curvature of log cosh is constant, so that these are right there, or not to be told apart.
      if (scale != 1 && (kind.name.find("another point") != std::string::npos || kind.product == "quadratic")) continue;
      if (scale == 20 && kind.name == "gradient without a penalty") continue;
      CAPTURE(kind.name);
      CAPTURE(scale);
      test::Parts parts;
      kind.apply(parts);
      const VerifyReport r = verified(parts, Vec(scale * draw.vec(5)));
      CAPTURE(r.to_text());
      CHECK(first_wrong(r) == kind.product);
    }
  }
}
