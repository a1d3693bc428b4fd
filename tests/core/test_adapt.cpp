#include <doctest/doctest.h>

#include <Eigen/Dense>
#include <functional>
#include <tuple>
#include <utility>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/verify/verify.hpp>
#include <tacit/hypergrad/estimators.hpp>

#include "core/plain_problems.hpp"

using namespace tacit;

namespace {

/// sum_j u_j x_j^4 / 4 + 1/2 (1'x)^2.
struct Quartic {
  Index inner_dim() const { return 5; }
  Index outer_dim() const { return 5; }
  double value(const Vec& x, const Vec& u) const { return u.dot(x.array().pow(4).matrix()) / 4 + 0.5 * x.sum() * x.sum(); }
  Vec gradient(const Vec& x, const Vec& u) const { return u.cwiseProduct(x.array().cube().matrix()) + Vec::Constant(5, x.sum()); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const {
    return 3 * u.cwiseProduct(x.cwiseAbs2()).cwiseProduct(p) + Vec::Constant(5, p.sum());
  }
  Vec hessian_diagonal(const Vec& x, const Vec& u) const { return 3 * u.cwiseProduct(x.cwiseAbs2()) + Vec::Ones(5); }
  Vec cross(const Vec& x, const Vec&, const Vec& p) const { return x.array().cube().matrix().cwiseProduct(p); }
  Vec cross_t(const Vec& x, const Vec&, const Vec& w) const { return x.array().cube().matrix().cwiseProduct(w); }
};

/// The same with every member that writes into Out, and value_and_gradient alone.
struct WritingQuartic {
  Quartic f;
  Index inner_dim() const { return 5; }
  Index outer_dim() const { return 5; }
  double value_and_gradient(In x, In u, Out g) const {
    g = f.gradient(x, u);
    return f.value(x, u);
  }
  void hessian(In x, In u, In p, Out out) const { out = f.hessian(x, u, p); }
  void cross(In x, In u, In p, Out out) const { out = f.cross(x, u, p); }
  void cross_t(In x, In u, In w, Out out) const { out = f.cross_t(x, u, w); }
  void adjoint(In x, In u, In p, Out out_x, Out out_u) const {
    hessian(x, u, p, out_x);
    cross(x, u, p, out_u);
  }
  void hessian_batch(In x, In u, InM p, OutM out) const {
    for (Index j = 0; j < p.cols(); ++j) out.col(j) = f.hessian(x, u, p.col(j));
  }
  void hessian_diagonal(In x, In u, Out d) const { d = f.hessian_diagonal(x, u); }
  void hessian_dense(In x, In u, OutM h) const {
    h = Mat::Ones(5, 5);
    h.diagonal() = f.hessian_diagonal(x, u);
  }
};

/// The same, linearized once: what is asked is counted, and an entry of `longer` makes that answer one too long.
struct FrozenQuartic {
  struct Asked {
    int values = 0, gradients = 0, both = 0, linearizations = 0, products = 0, batches = 0, adjoints = 0;
  };
  std::shared_ptr<Asked> asked = std::make_shared<Asked>();
  std::string longer;
  Quartic f;

  Vec of(const char* member, Vec v) const {
    if (longer == member) v.conservativeResize(v.size() + 1);
    return v;
  }
  struct Point {
    const FrozenQuartic& of;
    const Vec& x;  // lives as long as this
    Vec u, cube, second;
    Point(const FrozenQuartic& q, const Vec& at, const Vec& hyper)
        : of(q), x(at), u(hyper), cube(at.array().cube()), second(3 * hyper.cwiseProduct(at.cwiseAbs2())) {
      ++of.asked->linearizations;
    }
    Vec hessian(const Vec& p) const {
      ++of.asked->products;
      return of.of("hessian", second.cwiseProduct(p) + Vec::Constant(5, p.sum()));
    }
    Vec cross(const Vec& p) const { return of.of("cross", cube.cwiseProduct(p)); }
    Vec cross_t(const Vec& w) const { return of.of("cross_t", cube.cwiseProduct(w)); }
    std::pair<Vec, Vec> adjoint(const Vec& p) const {
      ++of.asked->adjoints;
      return {of.of("adjoint (first)", second.cwiseProduct(p) + Vec::Constant(5, p.sum())),
              of.of("adjoint (second)", cube.cwiseProduct(p))};
    }
    Mat hessian_batch(const Mat& p) const {
      ++of.asked->batches;
      Mat out = second.asDiagonal() * p;
      out.rowwise() += p.colwise().sum();
      if (of.longer == "hessian_batch") out.conservativeResize(5, p.cols() + 1);
      return out;
    }
    Vec diagonal() const { return of.of("diagonal", second + Vec::Ones(5)); }
    Mat dense() const {
      Mat h = Mat::Ones(5, 5);
      h.diagonal() += second;
      if (of.longer == "dense") h.conservativeResize(6, 5);
      return h;
    }
    double value() const { return of.f.value(x, u); }
    Vec gradient() const { return of.of("gradient of the linearization", of.f.gradient(x, u)); }
  };
  Index inner_dim() const { return 5; }
  Index outer_dim() const { return 5; }
  double value(const Vec& x, const Vec& u) const {
    ++asked->values;
    return f.value(x, u);
  }
  struct Both {
    double value;
    Vec gradient;
  };
  Both value_and_gradient(const Vec& x, const Vec& u) const {
    ++asked->both;
    return {f.value(x, u), of("value_and_gradient", f.gradient(x, u))};
  }
  Point linearize(const Vec& x, const Vec& u) const { return {*this, x, u}; }
};

/// A x = u as an equilibrium with a matrix that is not symmetric, linearized once.
struct Turning {
  Mat a = Mat{{2.0, 1.0}, {-1.0, 2.0}};
  Index inner_dim() const { return 2; }
  Index outer_dim() const { return 2; }
  double value(In x, In u) const { return (a * x - u).squaredNorm() / 2; }
  Vec gradient(In x, In u) const { return a * x - u; }
  struct Point {
    const Mat& a;
    void hessian(In p, Out out) const { out = a * p; }
    void hessian_transposed(In p, Out out) const { out = a.transpose() * p; }
    void cross(In p, Out out) const { out = -p; }
    void cross_t(In w, Out out) const { out = -w; }
  };
  Point linearize(In, In) const { return {a}; }
};

/// All that an objective of five and five answers.
std::vector<Vec> answers(const Objective& f) {
  const Vec x = Vec::LinSpaced(5, -1, 1.5), u = Vec::LinSpaced(5, 0.5, 2), p = Vec::LinSpaced(5, 1, -2);
  std::vector<Vec> all;
  Vec g(5), h(5), c(5), ct(5), ax(5), au(5), d = Vec::Zero(5);
  const double value = f.gradient(x, u, g);
  FirstOrder at;
  const auto curvature = f.linearize(x, u, &at);
  curvature->hessian(p, h);
  curvature->cross(p, c);
  curvature->cross_t(p, ct);
  curvature->adjoint(p, ax, au);
  Mat batch = Mat::Random(5, 3), out(5, 3), tangents(5, 5), dense = Mat::Zero(5, 5);
  batch << 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6;
  curvature->hessian_batch(batch, out);
  f.tangents(x, u, Mat::Identity(5, 5), Mat(), at.gradient, tangents);
  for (const Vec& v : {g, h, c, ct, ax, au, at.gradient}) all.push_back(v);
  all.push_back(Vec{{value, f.value(x, u), at.value}});
  all.push_back(Eigen::Map<const Vec>(out.data(), out.size()));
  all.push_back(Eigen::Map<const Vec>(tangents.data(), tangents.size()));
  if (curvature->diagonal(d)) all.push_back(d);
  if (curvature->dense(dense)) all.push_back(Eigen::Map<const Vec>(dense.data(), dense.size()));
  return all;
}

std::string refused(const std::function<void()>& call) {
  try {
    call();
  } catch (const UsageError& e) {
    return e.what();
  }
  return {};
}

}  // namespace

TEST_CASE("adapt: whichever members a struct has, the numbers are the same, and verify finds nothing") {
  const FrozenQuartic frozen;
  const std::vector<Vec> plain = answers(*adapt(Quartic{})), writing = answers(*adapt(WritingQuartic{})),
                         once = answers(*adapt(frozen));
  CHECK(plain.size() == 11);  // it has no dense()
  REQUIRE(writing.size() == 12);
  REQUIRE(once.size() == 12);
  for (std::size_t k = 0; k < 12; ++k) {
    CAPTURE(k);
    if (k < plain.size()) CHECK(writing[k].isApprox(plain[k], 1e-14));
    CHECK(once[k].isApprox(writing[k], 1e-14));
  }
  const VerifyPoint at{Vec::LinSpaced(5, 0.5, 2), Vec(0.8 * Vec::Ones(5))};
  CHECK(verify(test::plain_problem("writing", WritingQuartic{}), at).ok());
  CHECK(verify(test::plain_problem("once", frozen), at).ok());
}

TEST_CASE("adapt: what can be had in one pass is") {
  const FrozenQuartic f;
  const FrozenQuartic::Asked& asked = *f.asked;
  const auto objective = adapt(f);
  const Vec x = Vec::Ones(5), u = Vec::Ones(5);
  Vec g(5), h(5), c(5);
  objective->gradient(x, u, g);
  CHECK(asked.both == 1);
  CHECK(asked.values == 0);
  FirstOrder at;
  const auto curvature = objective->linearize(x, u, &at);
  CHECK(asked.linearizations == 1);
  CHECK(asked.both == 1);  // value and gradient are the linearization's own
  for (int k = 0; k < 4; ++k) curvature->hessian(x, h);
  curvature->adjoint(x, h, c);
  Mat batch = Mat::Ones(5, 3), out(5, 3);
  curvature->hessian_batch(batch, out);
  CHECK(asked.linearizations == 1);
  CHECK(asked.products == 4);
  CHECK(asked.adjoints == 1);
  CHECK(asked.batches == 1);
}

TEST_CASE("adapt: an answer of the wrong size is refused with the name of the member, of every member") {
  for (const char* member : {"hessian", "cross", "cross_t", "adjoint (first)", "adjoint (second)", "hessian_batch", "diagonal",
                             "dense", "gradient of the linearization", "value_and_gradient"}) {
    FrozenQuartic f;
    f.longer = member;
    const std::string told = refused([&] { answers(*adapt(f)); });
    CAPTURE(told);
    CHECK(told.rfind(std::string(member) + " of the plain struct gives", 0) == 0);
    CHECK(told.find("wanted") != std::string::npos);
  }
  // Too short as well, where Release would read beyond its end, and members without linearize.
  struct Short : Quartic {
    Vec cross(const Vec&, const Vec&, const Vec&) const { return Vec::Ones(4); }
  };
  CHECK(refused([] { answers(*adapt(Short{})); }) == "cross of the plain struct gives 4 entries where 5 are wanted");
  struct ShortGradient : Quartic {
    Vec gradient(const Vec&, const Vec&) const { return Vec::Ones(0); }
  };
  CHECK(refused([] { answers(*adapt(ShortGradient{})); }) == "gradient of the plain struct gives 0 entries where 5 are wanted");
}

TEST_CASE("adapt: an equilibrium may be linearized once too") {
  Problem p;
  p.name = "turning";
  p.f = adapt(Turning{});
  CHECK_FALSE(p.f->symmetric());
  const Vec x{{0.3, -1.0}}, u{{1.0, 2.0}}, v{{1.0, 0.0}};
  Vec h(2), t(2), c(2);
  const auto curvature = p.f->linearize(x, u);
  curvature->hessian(v, h);
  curvature->adjoint(v, t, c);
  CHECK(h == Vec{{2.0, -1.0}});
  CHECK(t == Vec{{2.0, 1.0}});
  CHECK(c == Vec{{-1.0, 0.0}});
  CHECK(p.f->smoothness(u) == doctest::Approx(std::sqrt(5.0)).epsilon(1e-3));  // the singular values of a are both sqrt(5)
  p.l = adapt_criterion(test::PlainDistance{x});
  p.space = HyperSpace({HyperBlock{"u", 2, Scale::linear}});
  CHECK(verify(p, {u, x}).ok());
}

TEST_CASE("adapt: a criterion may give all in one call, in either form") {
  struct Writes {
    double value(In x, In u) const { return x.squaredNorm() / 2 + u.sum(); }
    double value_and_gradient(In x, In u, Out gx, Out gu) const {
      gx = x;
      gu.setOnes();
      return value(x, u);
    }
  };
  struct Returns {
    bool shorter = false;
    double value(const Vec& x, const Vec& u) const { return x.squaredNorm() / 2 + u.sum(); }
    std::tuple<double, Vec, Vec> value_and_gradient(const Vec& x, const Vec& u) const {
      return {value(x, u), x, Vec::Ones(u.size() - (shorter ? 1 : 0))};
    }
  };
  const Vec x = Vec::LinSpaced(4, 0, 1), u = Vec::Ones(3);
  for (const auto& l : {adapt_criterion(Writes{}), adapt_criterion(Returns{})}) {
    Vec gx(4), gu(3);
    CHECK(l->gradient(x, u, gx, gu) == l->value(x, u));
    CHECK(gx == x);
    CHECK(gu == u);
  }
  Vec gx(4), gu(3);
  CHECK(refused([&] { adapt_criterion(Returns{true})->gradient(x, u, gx, gu); }) ==
        "value_and_gradient (l_u) of the plain struct gives 2 entries where 3 are wanted");
}

TEST_CASE("adapt: a whole hypergradient by a linearize-once struct is that of the plain one") {
  std::vector<Vec> gradients;
  const auto solve = [&](Problem p) {
    p.start = std::make_shared<ConstantStart>(Vec::Ones(5));
    const auto oracle = make_oracle(p, std::make_shared<NewtonCgSolver>(), std::make_shared<ImplicitCgEstimator>());
    const Vec theta = Vec::Constant(5, -0.3);
    gradients.push_back(oracle->differentiate(oracle->evaluate(theta, oracle->tightest()), oracle->tightest()).gradient);
  };
  // x = 0 has no curvature along most directions: a distance to pull it away.
  struct Pulled : Quartic {
    double value(const Vec& x, const Vec& u) const { return Quartic::value(x, u) + (x.array() - 1).square().sum() / 2; }
    Vec gradient(const Vec& x, const Vec& u) const { return Quartic::gradient(x, u) + x - Vec::Ones(5); }
    Vec hessian(const Vec& x, const Vec& u, const Vec& p) const { return Quartic::hessian(x, u, p) + p; }
    Vec hessian_diagonal(const Vec& x, const Vec& u) const { return Quartic::hessian_diagonal(x, u) + Vec::Ones(5); }
  };
  struct PulledOnce {
    Pulled f;
    Index inner_dim() const { return 5; }
    Index outer_dim() const { return 5; }
    std::pair<double, Vec> value_and_gradient(const Vec& x, const Vec& u) const { return {f.value(x, u), f.gradient(x, u)}; }
    struct At {
      const Pulled& f;
      const Vec &x, &u;
      Vec hessian(const Vec& p) const { return f.hessian(x, u, p); }
      Vec cross(const Vec& p) const { return f.cross(x, u, p); }
      Vec cross_t(const Vec& w) const { return f.cross_t(x, u, w); }
    };
    At linearize(const Vec& x, const Vec& u) const { return {f, x, u}; }
  };
  solve(test::plain_problem("plain", Pulled{}));
  solve(test::plain_problem("once", PulledOnce{}));
  REQUIRE(gradients[0].size() == 5);
  CHECK(gradients[0].norm() > 1e-3);
  CHECK(gradients[1].isApprox(gradients[0], 1e-6));
}

TEST_CASE("adapt: plain structs pass all checks") {
  for (const Index each : {Index{0}, Index{1}}) {
    for (const Problem& p : {test::ridge_problem(each), test::logistic_problem(each)}) {
      CAPTURE(p.name);
      CHECK(p.check().empty());
      const Vec x = test::Numbers(21).vec(p.f->inner_dim()), at = Vec::Constant(p.f->outer_dim(), 0.3);
      const VerifyReport r = verify(p, {at, x});
      CAPTURE(r.to_text());
      CHECK(r.ok());
      for (const Finding& f : r.findings) CHECK_FALSE(f.difference > 1e-8);
      CHECK(p.f->smoothness(at) > p.f->convexity(at));
    }
  }
}

TEST_CASE("adapt: an estimated smoothness that is too small is no wrong promise, and is said") {
  const Problem p = test::plain_problem("quartic", Quartic{});
  const VerifyReport r = verify(p, {Vec::LinSpaced(5, 0.5, 2), Vec(3 * Vec::Ones(5))});
  CAPTURE(r.to_text());
  CHECK(r.ok());
  CHECK_FALSE(p.f->smoothness_bounds());
  REQUIRE(r.find("smoothness"));
  CHECK(r.find("smoothness")->verdict == Verdict::not_checked);
  CHECK(r.find("smoothness")->note.find("give smoothness(u)") != std::string::npos);
}

TEST_CASE("adapt: the step constants are found, or taken from the struct") {
  const Problem p = test::ridge_problem();
  const Vec u = Vec::Constant(1, 0.25);
  Mat h(8, 8);
  const auto curvature = p.f->linearize(Vec::Zero(8), u);
  for (Index j = 0; j < 8; ++j) {
    Vec column(8);
    curvature->hessian(Vec::Unit(8, j), column);
    h.col(j) = column;
  }
  const double top = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(h).eigenvalues().maxCoeff();
  CHECK(p.f->smoothness(u) >= top * (1 - 1e-9));
  CHECK(p.f->smoothness(u) < top * 1.01);
  CHECK(p.f->convexity(u) == 0.25);
  CHECK(p.f->quadratic());
  CHECK(adapt(Quartic{})->convexity(u) == 0);
  CHECK_FALSE(adapt(Quartic{})->quadratic());
}
