// The box of the hyperparameters: slopes, and sentences with numbers that can be read.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <limits>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "core/plain_problems.hpp"

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

std::string told(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

constexpr double kInf = std::numeric_limits<double>::infinity();

/// A linear number, a 2 x 3 matrix and two numbers on a log scale.
HyperSpace mixed_space() {
  return HyperSpace({HyperBlock{"rate", 1, Scale::linear, -3, 3}, HyperBlock::matrix("weights", 2, 3),
                     HyperBlock{"penalty", 2, Scale::log, 1e-9, 1e9}});
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

TEST_CASE("hyper space: bounds that are not given are none, on every scale") {
  const HyperSpace space({HyperBlock{"a", 1, Scale::linear}, HyperBlock{"b", 1, Scale::log}, HyperBlock{"c", 1, Scale::logit}});
  CHECK((space.lower().array() == -kInf).all());
  CHECK((space.upper().array() == kInf).all());
  Vec theta{{-40.0, 30.0, -20.0}}, u(3), back(3), pg(3);
  const Vec was = theta, g{{1.0, -2.0, 3.0}};
  space.project(theta);
  CHECK(theta == was);
  space.to_model(theta, u);
  CHECK(u[0] == -40.0);
  space.from_model(u, back);
  CHECK(back.isApprox(theta, 1e-14));
  space.projected_gradient(theta, g, pg);
  CHECK(pg == g);
  // One side alone; blocks as they were given make the same space again.
  HyperBlock above{"a", 1, Scale::log, 1e-3};
  HyperBlock below{"b", 1, Scale::logit};
  below.upper = 0.5;
  const HyperSpace half({above, below}), again(half.blocks());
  CHECK(half.lower()[0] == std::log(1e-3));
  CHECK(half.upper()[0] == kInf);
  CHECK(half.lower()[1] == -kInf);
  CHECK(half.upper()[1] == 0);
  CHECK(again.lower() == half.lower());
  CHECK(again.upper() == half.upper());
  CHECK_FALSE(refusal({"a", 1, Scale::log, kInf}).empty());
  CHECK_FALSE(refusal({"a", 1, Scale::logit, -kInf, 2}).empty());
  CHECK_FALSE(refusal({"a", 1, Scale::logit, -1, kInf}).empty());
  CHECK_FALSE(refusal({"a", 1, Scale::log, -kInf, 0}).empty());
}

TEST_CASE("hyper space: a block with a shape is a map into u, stored by columns") {
  const HyperSpace space = mixed_space();
  REQUIRE(space.size() == 9);
  CHECK(space.blocks()[1].size == 6);
  const Vec zeros = Vec::Zero(9);
  CHECK(space.block(zeros, "penalty").rows() == 2);
  CHECK(space.block(zeros, 2).cols() == 1);
  // A block that has no shape gets none: whoever takes a copy may give it another size.
  HyperBlock copy = space.blocks()[2];
  copy.size = 7;
  CHECK(HyperSpace({copy}).size() == 7);
  Vec u = Vec::LinSpaced(9, 0, 8);
  const Vec fixed = u;
  const auto w = space.block(fixed, "weights");
  CHECK(w.rows() == 2);
  CHECK(w.cols() == 3);
  for (Index i = 0; i < 2; ++i)
    for (Index j = 0; j < 3; ++j) CHECK(w(i, j) == fixed[1 + i + 2 * j]);
  CHECK(w.data() == fixed.data() + 1);
  space.block(u, 1)(1, 2) = 77;
  CHECK(u[6] == 77);
  space.block(u, "penalty").setConstant(5);
  CHECK(u[7] == 5);
  CHECK(u[8] == 5);
  CHECK(u[0] == 0);
  const auto through = [&](In v) { return space.block(v, "rate")(0, 0); };
  const auto into = [&](Out v) { space.block(v, 0)(0, 0) = 9; };
  into(u);
  CHECK(through(u) == 9);
  // size need not be given
  HyperBlock block{"w"};
  block.rows = 4;
  block.cols = 2;
  CHECK(HyperSpace({block}).size() == 8);
}

TEST_CASE("hyper space: shapes and blocks that are not there are refused with a sentence") {
  const HyperSpace space = mixed_space();
  const Vec u = Vec::Ones(9), few = Vec::Ones(8);
  CHECK(has(told([&] { space.block(u, "weigths"); }), "did you mean 'weights'?"));
  CHECK(has(told([&] { space.block(u, 3); }), "no block 3"));
  CHECK(has(told([&] { space.block(u, -1); }), "no block -1"));
  CHECK(has(told([&] { space.block(few, "weights"); }), "has 8 entries"));
  HyperBlock block{"w", 5, Scale::linear, -1, 1, {}, 2, 3};
  CHECK(has(refusal(block), "2 x 3 has 6 entries, its size says 5"));
  block.rows = -2;
  CHECK(has(refusal(block), "negative"));
  CHECK(has(refusal({"v", -3, Scale::linear, -1, 1}), "negative"));
  block = HyperBlock{"w", 1, Scale::linear, -1, 1, {}, Index{1} << 40, Index{1} << 40};
  CHECK(has(refusal(block), "too large"));
  CHECK(has(told([] { HyperSpace({HyperBlock{"w"}, HyperBlock{"w"}}); }), "two blocks"));
}

TEST_CASE("hyper space: vectors of the wrong size and NaN are refused by every function") {
  const HyperSpace space = mixed_space();
  const double nan = std::numeric_limits<double>::quiet_NaN();
  struct Call {
    const char* name;
    std::function<void(const Vec& point, Index out)> make;
  };
  const std::vector<Call> calls = {
      {"to_model",
       [&](const Vec& v, Index n) {
         Vec out(n);
         space.to_model(v, out);
       }},
      {"from_model",
       [&](const Vec& v, Index n) {
         Vec out(n);
         space.from_model(v, out);
       }},
      {"slope",
       [&](const Vec& v, Index n) {
         Vec out(n);
         space.slope(v, out);
       }},
      {"pull_back",
       [&](const Vec& v, Index n) {
         Vec out(n);
         space.pull_back(v, Vec::Ones(9), out);
       }},
      {"project",
       [&](const Vec& v, Index n) {
         Vec at = v;
         at.conservativeResize(v.size() - (9 - n));
         space.project(at);
       }},
      {"projected_gradient",
       [&](const Vec& v, Index n) {
         Vec out(n);
         space.projected_gradient(v, Vec::Ones(9), out);
       }},
  };
  Vec broken = Vec::Ones(9);
  broken[8] = nan;
  for (const Call& call : calls) {
    CAPTURE(call.name);
    CHECK(told([&] { call.make(Vec::Ones(9), 9); }).empty());
    CHECK(has(told([&] { call.make(Vec::Ones(8), 9); }), "8 entries"));
    CHECK(has(told([&] { call.make(Vec::Ones(10), 9); }), "10 entries"));
    CHECK(has(told([&] { call.make(Vec::Ones(9), 7); }), "7 entries"));
    const std::string of_nan = told([&] { call.make(broken, 9); });
    CHECK(has(of_nan, "'penalty', entry 2 is NaN"));
  }
  Vec out(9);
  CHECK(has(told([&] { space.pull_back(Vec::Ones(9), Vec::Ones(3), out); }), "the gradient in u has 3 entries"));
  CHECK(has(told([&] { space.projected_gradient(Vec::Ones(9), Vec::Ones(3), out); }), "the gradient has 3 entries"));
  CHECK(told([&] { space.pull_back(Vec::Ones(9), Vec::Constant(9, nan), out); }).empty());  // no hypergradient is no wrong use
  CHECK(has(told([&] { space.from_model(-Vec::Ones(9), out); }), "'penalty', entry 1 is -1"));
}

namespace {

/// 1/2 |x - u|^2, whose solution is u.
struct Follow {
  Index inner_dim() const { return 4; }
  Index outer_dim() const { return 4; }
  double value(In x, In u) const { return (x - u).squaredNorm() / 2; }
  Vec gradient(In x, In u) const { return x - u; }
  Vec hessian(In, In, In p) const { return p; }
  Vec cross(In, In, In p) const { return -p; }
  Vec cross_t(In, In, In w) const { return -w; }
  double smoothness(In) const { return 1; }
  double convexity(In) const { return 1; }
};

}  // namespace

TEST_CASE("hyper space: a run over blocks without bounds goes where the loss is least, on every scale") {
  Problem p;
  p.f = adapt(Follow{});
  p.l = adapt_criterion(test::PlainDistance{Vec{{30.0, -2.0, 0.01, 0.75}}});
  p.space = HyperSpace({HyperBlock::matrix("a", 1, 2), HyperBlock{"b", 1, Scale::log}, HyperBlock{"c", 1, Scale::logit}});
  const auto nesterov = std::make_shared<IterateSolver>(std::make_unique<Nesterov>());
  const std::vector<std::shared_ptr<const InnerSolver>> solvers = {std::make_shared<NewtonCgSolver>(), nesterov};
  for (const auto& solver : solvers) {
    const auto oracle = make_oracle(p, solver, std::make_shared<ImplicitCgEstimator>());
    LbfgsOuter optimizer;
    DriverOptions options;
    options.tolerance = 1e-9;
    const Summary s = solve(options, p.space, *oracle, optimizer, Vec::Zero(4));
    CAPTURE(s.full());
    CHECK(s.usable());
    CHECK(s.best.outer_loss < 1e-4);
    const auto a = p.space.block(s.best.u, "a");
    CHECK(a(0, 0) == doctest::Approx(30).epsilon(1e-3));
    CHECK(a(0, 1) == doctest::Approx(-2).epsilon(1e-2));
    CHECK(s.best.u[3] == doctest::Approx(0.75).epsilon(0.02));
  }
  // Where no convexity is known, Nesterov asks for it at the upper end of the box, which is finite to the problem's own code.
  struct Late : Follow {
    double convexity(In u) const { return u.allFinite() && u[2] > 100 ? 1 : 0; }
  };
  p.f = adapt(Late{});
  const auto oracle = make_oracle(p, nesterov, std::make_shared<ImplicitCgEstimator>());
  CHECK(oracle->evaluate(Vec::Zero(4), oracle->tightest()).diagnostics.inner_status == Status::failed);
}
