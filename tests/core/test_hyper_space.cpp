// The box of the hyperparameters: slopes, and sentences with numbers that can be read.
#include <doctest/doctest.h>

#include <cmath>

#include <tacit/core/model/model.hpp>
#include <tacit/core/support/errors.hpp>

using namespace tacit;

namespace {

std::string refusal(const HyperBlock& block) {
  try {
    const HyperSpace space({block});
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("hyper space: a box that does not fit is refused with its numbers as they were given") {
  CHECK(refusal({"l2", 1, Scale::log, 2e-9, 1e-9}).find("[2e-09, 1e-09]") != std::string::npos);
  CHECK(refusal({"l2", 1, Scale::log, 0, 1.5}).find("[0, 1.5]") != std::string::npos);
  CHECK(refusal({"l2", 1, Scale::log, -1e-300, 1e300}).find("[-1e-300, 1e+300]") != std::string::npos);
  CHECK(refusal({"v", 1, Scale::logit, 0.1, 1.0000000000000002}).find("[0.1, 1.0000000000000002]") != std::string::npos);
  CHECK(refusal({"v", 1, Scale::linear, std::nan(""), 1}).find("[nan, 1]") != std::string::npos);
  CHECK(refusal({"l2", 1, Scale::log, 1e-9, 1e-9}).empty());
}

TEST_CASE("hyper space: the slope at u is the derivative of u in theta, and pulls back") {
  const HyperSpace space({HyperBlock{"a", 2, Scale::linear, -3, 3}, HyperBlock{"b", 2, Scale::log, 1e-9, 1e9},
                          HyperBlock{"c", 2, Scale::logit, 1e-6, 1 - 1e-6}});
  const Vec theta{{0.3, -2.0, -11.0, 4.0, -3.0, 2.5}}, g{{1.0, 2.0, 3.0, 4.0, 5.0, 6.0}};
  Vec u(6), slope(6), pulled(6), above(6), below(6);
  space.to_model(theta, u);
  space.slope(u, slope);
  space.pull_back(theta, g, pulled);
  const double h = 1e-5;
  space.to_model(theta + Vec::Constant(6, h), above);
  space.to_model(theta - Vec::Constant(6, h), below);
  for (Index i = 0; i < 6; ++i) {
    CHECK(slope[i] == doctest::Approx((above[i] - below[i]) / (2 * h)).epsilon(1e-8));
    CHECK(pulled[i] == slope[i] * g[i]);
  }
}
