// What the bilevel tests share: a fake oracle over a smooth function.
#pragma once
#include <cmath>
#include <functional>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/optimizers.hpp>

namespace tacit_test {

using namespace tacit;

/// A box of m linear hyperparameters.
inline HyperSpace box(Index m, double lower, double upper) {
  HyperBlock block;
  block.name = "v";
  block.size = m;
  block.scale = Scale::linear;
  block.lower = lower;
  block.upper = upper;
  return HyperSpace({block});
}

/// Evaluates a function of theta directly; the tolerance perturbs value and gradient by a fixed relative amount times `noise`.
class FakeOracle final : public Oracle {
public:
  using Function = std::function<double(const Vec&, Vec&)>;
  explicit FakeOracle(Function f, double noise = 0) : f_(std::move(f)), noise_(noise) {}

  using Oracle::evaluate;
  Evaluation evaluate(In theta, const Tolerance& t, const Evaluation*) const override {
    ++evaluations;
    Evaluation e;
    e.theta = theta;
    e.u = theta;
    Vec g(theta.size());
    e.value = f_(e.theta, g);
    e.value += noise_ * t.inner * std::sin(1e3 * theta.sum());
    e.solved = t;
    return e;
  }
  Evaluation evaluate_fully(In theta, const Evaluation* near) const override { return evaluate(theta, tightest(), near); }
  Evaluation differentiate(Evaluation e, const Tolerance& t) const override {
    ++gradients;
    if (t.inner < e.solved.inner) e = evaluate(Vec(e.theta), t);
    e.solved.adjoint = t.adjoint;
    e.gradient.resize(e.theta.size());
    f_(e.theta, e.gradient);
    return e;
  }
  Evaluation diagnose(Evaluation e, Index, double floor) const override {
    e.diagnostics.hypergradient_error = floor;
    return e;
  }
  VerifyReport verify(In) const override { return {}; }
  Work work() const override { return {}; }
  Work diagnostic_work() const override { return {}; }
  Tolerance tightest() const override { return tightest_asked; }
  std::optional<Evaluation> ahead() const override { return std::nullopt; }
  bool may_loosen() const override { return true; }
  double target() const override { return 0; }

  Tolerance tightest_asked{1e-8, 1e-6};
  mutable Index evaluations = 0, gradients = 0;

private:
  Function f_;
  double noise_;
};

/// sum_i c_i (cosh(v_i - a_i) - 1), strictly convex, minimum at the projection of a on the box.
inline double hyperbolic(const Vec& v, Vec& g, const Vec& a, const Vec& c) {
  const Vec d = v - a;
  g = c.array() * d.array().sinh();
  return 1 + (c.array() * (d.array().cosh() - 1)).sum();
}

}  // namespace tacit_test
