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

namespace {

/// x = b + ...: f_x is no gradient, and says so.
struct Equilibrium {
  Mat a;
  Vec b;
  double transposed = 1, jacobian = 1;
  Index inner_dim() const { return b.size(); }
  Index outer_dim() const { return 2; }
  double value(const Vec&, const Vec&) const { return std::nan(""); }  // there is none
  Vec gradient(const Vec& x, const Vec& u) const { return a * x - u[0] * b - u[1] * x.array().sin().matrix(); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return jacobian * (a * p - u[1] * x.array().cos().matrix().cwiseProduct(p));
  }
  Vec hessian_transposed(const Vec& x, const Vec& u, const Vec& p) const {
    return transposed * (a.transpose() * p) - u[1] * x.array().cos().matrix().cwiseProduct(p);
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const {
    return (Vec(2) << -b.dot(p), -x.array().sin().matrix().dot(p)).finished();
  }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return -w[0] * b - w[1] * x.array().sin().matrix(); }
  double smoothness(const Vec& u) const { return a.norm() + u[1]; }
};

Equilibrium equilibrium() {
  test::Numbers draw(8);
  const Mat a = 2 * Mat::Identity(6, 6) + 0.6 * draw.mat(6, 6);
  return {a, draw.vec(6)};
}

/// sum_j u_j phi(x_j) + 1/2 (1'x)^2 for functions phi that are not smooth everywhere.
struct Kinked {
  enum class Phi { absolute, huber, hinge, cubed, root } phi;
  double wrong = 1;
  double at(double z, int order) const {
    const double a = std::abs(z), sign = z > 0 ? 1 : z < 0 ? -1 : 0;
    switch (phi) {
      case Phi::absolute:
        return order == 0 ? a : order == 1 ? sign : 0;
      case Phi::huber:
        return order == 0 ? (a < 1 ? z * z / 2 : a - 0.5) : order == 1 ? (a < 1 ? z : sign) : a < 1 ? 1 : 0;
      case Phi::hinge:
        return order == 0 ? (z < 1 ? (1 - z) * (1 - z) : 0) : order == 1 ? (z < 1 ? 2 * (z - 1) : 0) : z < 1 ? 2 : 0;
      case Phi::cubed:
        return order == 0 ? a * a * a : order == 1 ? 3 * z * a : 6 * a;
      case Phi::root:
        return order == 0 ? std::pow(a, 1.5) : order == 1 ? 1.5 * sign * std::sqrt(a) : a > 0 ? 0.75 / std::sqrt(a) : 0;
    }
    return 0;
  }
  Vec each(const Vec& x, int order) const {
    return x.unaryExpr([this, order](double z) { return at(z, order); });
  }
  Index inner_dim() const { return 4; }
  Index outer_dim() const { return 4; }
  double value(const Vec& x, const Vec& u) const { return u.dot(each(x, 0)) + 0.5 * x.sum() * x.sum(); }
  Vec gradient(const Vec& x, const Vec& u) const { return wrong * u.cwiseProduct(each(x, 1)) + Vec::Constant(4, x.sum()); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return u.cwiseProduct(each(x, 2)).cwiseProduct(p) + Vec::Constant(4, p.sum());
  }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return each(x, 1).cwiseProduct(p); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return each(x, 1).cwiseProduct(w); }
};

/// 1/(2n) ||A x - y||^2 + u/2 ||x||^2 + offset, with columns of very different units.
Problem badly_scaled(unsigned seed, double offset) {
  test::Numbers draw(seed);
  Mat a = draw.mat(40, 6);
  for (Index j = 0; j < 6; ++j) a.col(j) *= std::pow(10.0, 6 * draw.next());
  struct Far : test::PlainRidge {
    double offset;
    double value(const Vec& x, const Vec& u) const { return test::PlainRidge::value(x, u) + offset; }
  };
  return test::plain_problem("badly scaled", Far{{a, draw.vec(40), 1}, offset});
}

}  // namespace

TEST_CASE("verify: an equilibrium passes without a value and without symmetry, and its faults are named") {
  const auto look = [](const Equilibrium& f) { return verify(test::plain_problem("equilibrium", f), {Vec::Constant(2, 0.4)}); };
  const VerifyReport right = look(equilibrium());
  CAPTURE(right.to_text());
  CHECK(right.ok());
  CHECK(right.find("value")->verdict == Verdict::not_checked);
  CHECK(right.find("hessian", "its own symmetry")->verdict == Verdict::not_checked);
  CHECK(right.find("hessian")->verdict == Verdict::ok);
  CHECK(right.find("adjoint")->verdict == Verdict::ok);
  CHECK(right.find("smoothness")->verdict == Verdict::ok);
  Equilibrium wrong = equilibrium();
  wrong.transposed = 1.1;
  CHECK(first_wrong(look(wrong)) == "adjoint");
  wrong = equilibrium();
  wrong.jacobian = 1.1;
  CHECK(first_wrong(look(wrong)) == "hessian");
}

TEST_CASE("verify: what does not exist is not checked, and says why") {
  const test::Parts parts;
  Problem p = parts.problem();
  const Vec u = Vec::Constant(3, 0.5);
  VerifyOptions options;
  options.map = GradientDescent().bind(p, u);
  p.l = nullptr;
  p.start = nullptr;
  p.f = nullptr;  // a map alone
  const VerifyReport r = verify(p, {u}, options);
  CAPTURE(r.to_text());
  CHECK(r.ok());
  CHECK(r.find("map jvp")->verdict == Verdict::ok);
  CHECK(r.find("map vjp")->verdict == Verdict::ok);
  for (const char* part : {"value", "l", "start point"}) {
    REQUIRE(r.find(part));
    CHECK(r.find(part)->verdict == Verdict::not_checked);
    CHECK(r.find(part)->note.find("the problem has no") == 0);
  }
  CHECK(verify(Problem{}, {u}).ok());

  // No hyperparameters at all.
  test::Hooked alone = parts.f;
  alone.m = 0;
  alone.cross = [](const Vec&, const Vec&, const Vec&) { return Vec(); };
  alone.cross_t = [](const Vec&, const Vec&, const Vec&) { return Vec(Vec::Zero(5)); };
  for (auto* hook : {&alone.gradient, &alone.hessian_diagonal})
    *hook = [right = *hook](const Vec& x, const Vec&) { return right(x, Vec::Ones(3)); };
  alone.value = [right = alone.value](const Vec& x, const Vec&) { return right(x, Vec::Ones(3)); };
  alone.hessian = [right = alone.hessian](const Vec& x, const Vec&, const Vec& d) { return right(x, Vec::Ones(3), d); };
  alone.smoothness = [right = alone.smoothness](const Vec&) { return right(Vec::Ones(3)); };
  Problem without;
  without.f = adapt(alone);
  const VerifyReport few = verify(without, {Vec()});
  CAPTURE(few.to_text());
  CHECK(few.ok());
  CHECK(few.find("cross")->verdict == Verdict::not_checked);
  CHECK(few.find("hessian")->verdict == Verdict::ok);
}

TEST_CASE("verify: kinks and points that are not smooth give no false alarm, and hide no wrong gradient") {
  using Phi = Kinked::Phi;
  for (const Phi phi : {Phi::absolute, Phi::huber, Phi::hinge, Phi::cubed, Phi::root}) {
    const Problem p = test::plain_problem("kinked", Kinked{phi}), wrong = test::plain_problem("kinked", Kinked{phi, 1.1});
    test::Numbers draw(3);
    const Vec u = Vec::LinSpaced(4, 0.5, 2);
    const Vec mixed = (Vec(4) << 1, 0, -1, 1e-12).finished();
    for (const Vec& x : {Vec(Vec::Zero(4)), Vec(Vec::Ones(4)), mixed, Vec(3 * draw.vec(4)), Vec(1e-5 * draw.vec(4))}) {
      CAPTURE(static_cast<int>(phi));
      CAPTURE(x.transpose());
      const VerifyReport r = verify(p, {u, x});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      const bool flat = x.isZero(0) || (phi == Phi::hinge && x == Vec(Vec::Ones(4)));  // phi' = 0 or no slope but the kink's
      if (flat || (phi != Phi::hinge && x.norm() < 1e-3)) continue;
      CHECK_FALSE(verify(wrong, {u, x}).ok());
    }
  }
}

TEST_CASE("verify: columns in units from 1e-6 to 1e6 and losses with a large constant give no false alarm") {
  for (unsigned seed = 1; seed <= 10; ++seed) {
    for (const double offset : {0.0, 1e7}) {
      const Problem p = badly_scaled(seed, offset);
      test::Numbers draw(seed);
      for (const Vec& x : {Vec(), Vec(draw.vec(6)), Vec(Vec::Zero(6))}) {
        const VerifyReport r = verify(p, {Vec::Constant(1, std::pow(10.0, 4 * draw.next())), x});
        CAPTURE(seed);
        CAPTURE(offset);
        CAPTURE(r.to_text());
        CHECK(r.ok());
      }
    }
  }
}

TEST_CASE(
    "verify: wrong sizes of the point and points that are no numbers are refused, and parts that do not fit together are named") {
  const test::Parts parts;
  const Problem p = parts.problem();
  CHECK_THROWS_WITH_AS(verify(p, {Vec::Ones(2)}), "verify: u has 2 entries, the problem takes 3", UsageError);
  CHECK_THROWS_WITH_AS(verify(p, {Vec::Ones(3), Vec::Ones(6)}), "verify: x has 6 entries, the problem takes 5", UsageError);
  CHECK_THROWS_WITH_AS(verify(p, {Vec::Constant(3, std::nan(""))}), "verify: the point has entries that are not finite",
                       UsageError);
  CHECK_THROWS_AS(verify(p, {Vec::Ones(3), Vec::Constant(5, INFINITY)}), UsageError);
  Problem odd = p;
  odd.space = HyperSpace({{"u", 4, Scale::log, 1e-3, 1e3}});
  CHECK(first_wrong(verify(odd, {Vec::Ones(3)})) == "problem");
}

TEST_CASE("verify: its work is counted, an interruption leaves it, and the same question has the same answer") {
  const test::Parts parts;
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(parts.problem(), counter);
  const Vec u = Vec::Constant(3, 0.5);
  const std::string text = verify(p, {u}).to_text();
  const Work work = counter->read();
  CHECK(work.values > 30);
  CHECK(work.gradients > 40);
  CHECK(work.hessian_products > 20);
  CHECK(work.cross_products > 20);
  CHECK(work.map_steps > 20);
  CHECK(work.inner_units() < 1500);
  CHECK(verify(p, {u}).to_text() == text);
  VerifyOptions other;
  other.seed = 2;
  CHECK(verify(p, {u}, other).x != verify(p, {u}).x);
  for (int at = 1; at < 200; at += 13) {
    int asked = 0;
    const Problem stopped = interruptible(parts.problem(), [&] { return ++asked == at; });
    CHECK_THROWS_AS(verify(stopped, {u}), Interruption);
  }
}

TEST_CASE("verify: the report is an aligned table with a sentence for what is wrong first") {
  test::Parts parts;
  parts.f.cross = [right = parts.f.cross](const Vec& x, const Vec& u, const Vec& p) { return Vec(-right(x, u, p)); };
  const VerifyReport r = verified(parts);
  std::istringstream lines(r.to_text());
  std::string head, line;
  REQUIRE(std::getline(lines, head));
  const auto column = head.find("verdict");
  REQUIRE(column != std::string::npos);
  for (const Finding& f : r.findings) {
    REQUIRE(std::getline(lines, line));
    CHECK(line.compare(2, f.product.size(), f.product) == 0);
    const std::string verdict = f.verdict == Verdict::wrong ? "WRONG" : to_string(f.verdict);
    CHECK(line.compare(column, verdict.size(), verdict) == 0);
  }
  REQUIRE(std::getline(lines, line));
  CHECK(line.find("  cross (f_ux p) does not fit cross_t: ") == 0);
  CHECK(std::string(to_string(Verdict::ok)) == "ok");
  CHECK(std::string(to_string(Verdict::not_checked)) == "not checked");
}
