// Does a hypergradient meet its target where the inner run starts next to the solution, as a meta-learner's does? Proximal least
// squares |A x - b|^2 / 2 + lambda |x - u|^2 / 2 with 10 and 30 features, and tanh networks, each from x_0 = u and from x_0 = 0,
// by conjugate gradients and by the sweep with window auto, nothing known before. The error is the true one. Prints a markdown
// table. Arguments: FIRST COUNT, the first seed and how many (0 and 100).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>

#include <tacit/core/model/adapt.hpp>
#include <tacit/core/model/counting.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/implicit.hpp>
#include <tacit/hypergrad/reference.hpp>
#include <tacit/hypergrad/unroll.hpp>

namespace {

using namespace tacit;

/// |A x - b|^2 / 2 + lambda |x - u|^2 / 2
struct Proximal {
  Mat a;
  Vec b;
  double lambda;
  Index inner_dim() const { return a.cols(); }
  Index outer_dim() const { return a.cols(); }
  double value(const Vec& x, const Vec& u) const { return (a * x - b).squaredNorm() / 2 + lambda * (x - u).squaredNorm() / 2; }
  Vec gradient(const Vec& x, const Vec& u) const { return a.transpose() * (a * x - b) + lambda * (x - u); }
  Vec hessian(const Vec&, const Vec&, const Vec& p) const { return a.transpose() * (a * p) + lambda * p; }
  Vec cross(const Vec&, const Vec&, const Vec& p) const { return -lambda * p; }
  Vec cross_t(const Vec&, const Vec&, const Vec& w) const { return -lambda * w; }
};

struct SquaredError {
  Mat c;
  Vec d;
  double value(const Vec& x, const Vec&) const { return (c * x - d).squaredNorm() / 2; }
  Vec gradient_x(const Vec& x, const Vec&) const { return c.transpose() * (c * x - d); }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

/// Half the mean square of v' tanh(w a + b) + c - y over the rows, x = (w, b, v, c), plus lambda |x - u|^2 / 2.
struct Network {
  static constexpr Index kHidden = 5, kSize = 3 * kHidden + 1;
  Vec a, y;
  double lambda;
  Index inner_dim() const { return kSize; }
  Index outer_dim() const { return kSize; }
  double rows() const { return static_cast<double>(a.size()); }
  /// tanh(w a_i + b) and the output.
  Vec hidden(const Vec& x, Index i) const { return (x.head(kHidden) * a[i] + x.segment(kHidden, kHidden)).array().tanh(); }
  double loss(const Vec& x) const {
    double sum = 0;
    for (Index i = 0; i < a.size(); ++i) {
      const double e = x.segment(2 * kHidden, kHidden).dot(hidden(x, i)) + x[kSize - 1] - y[i];
      sum += e * e / 2;
    }
    return sum / rows();
  }
  double value(const Vec& x, const Vec& u) const { return loss(x) + lambda / 2 * (x - u).squaredNorm(); }
  Vec loss_gradient(const Vec& x) const {
    Vec g = Vec::Zero(kSize);
    const auto v = x.segment(2 * kHidden, kHidden);
    for (Index i = 0; i < a.size(); ++i) {
      const Vec t = hidden(x, i);
      const double e = (v.dot(t) + x[kSize - 1] - y[i]) / rows();
      const Vec back = e * v.cwiseProduct((1 - t.array().square()).matrix());
      g.head(kHidden) += a[i] * back;
      g.segment(kHidden, kHidden) += back;
      g.segment(2 * kHidden, kHidden) += e * t;
      g[kSize - 1] += e;
    }
    return g;
  }
  Vec gradient(const Vec& x, const Vec& u) const { return loss_gradient(x) + lambda * (x - u); }
  Vec hessian(const Vec& x, const Vec&, const Vec& p) const {
    Vec out = lambda * p;
    const auto v = x.segment(2 * kHidden, kHidden), dv = p.segment(2 * kHidden, kHidden);
    for (Index i = 0; i < a.size(); ++i) {
      const Vec t = hidden(x, i), slope = 1 - t.array().square();
      const Vec dt = slope.cwiseProduct(p.head(kHidden) * a[i] + p.segment(kHidden, kHidden));
      const double e = (v.dot(t) + x[kSize - 1] - y[i]) / rows(), de = (dv.dot(t) + v.dot(dt) + p[kSize - 1]) / rows();
      const Vec back = (de * v + e * dv).cwiseProduct(slope) - 2 * e * v.cwiseProduct(t).cwiseProduct(dt);
      out.head(kHidden) += a[i] * back;
      out.segment(kHidden, kHidden) += back;
      out.segment(2 * kHidden, kHidden) += de * t + e * dt;
      out[kSize - 1] += de;
    }
    return out;
  }
  Vec cross(const Vec&, const Vec&, const Vec& p) const { return -lambda * p; }
  Vec cross_t(const Vec&, const Vec&, const Vec& w) const { return -lambda * w; }
};

struct NetworkLoss {
  Network n;
  double value(const Vec& x, const Vec&) const { return n.loss(x); }
  Vec gradient_x(const Vec& x, const Vec&) const { return n.loss_gradient(x); }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

class StartAtU final : public Start {
public:
  void point(In u, Out x) const override { x = u; }
  void vjp(In, In p, Out add_u) const override { add_u += p; }
  void jvp(In, InM du, OutM dx) const override { dx = du; }
};

struct Task {
  Problem problem;
  Vec u;
  double step = 0;  ///< of gradient descent; 0: automatic
};

class Draw {
public:
  explicit Draw(unsigned seed) : random_(seed * 7919UL + 13) {}
  double normal() { return normal_(random_); }
  Mat matrix(Index rows, Index columns) {
    Mat m(rows, columns);
    for (double& v : m.reshaped()) v = normal();
    return m;
  }
  Vec vector(Index n) { return matrix(n, 1).col(0); }

private:
  std::mt19937_64 random_;
  std::normal_distribution<double> normal_;
};

/// Columns of lengths 1 to 10^-1.5; u within 1 or 10 % of the weights behind the data.
Task least_squares(Index features, unsigned seed) {
  Draw draw(seed);
  const double unit = 1 / std::sqrt(2.0 * static_cast<double>(features));
  Mat a = unit * draw.matrix(2 * features, features);
  for (Index j = 0; j < features; ++j)
    a.col(j) *= std::pow(10, -1.5 * static_cast<double>(j) / static_cast<double>(features - 1));
  const Mat c = unit * draw.matrix(2 * features, features);
  const Vec truth = draw.vector(features), away = draw.vector(features);
  Task t;
  t.problem.f = adapt(Proximal{a, a * truth + 0.1 * unit * draw.vector(2 * features), 0.01});
  t.problem.l = adapt_criterion(SquaredError{c, c * truth + 0.1 * unit * draw.vector(2 * features)});
  t.u = truth + (seed % 2 ? 0.01 : 0.1) * truth.norm() / away.norm() * away;
  return t;
}

/// Ten points of a sine of random amplitude and phase to fit, ten for the outer loss.
Task network(unsigned seed) {
  Draw draw(seed);
  const double amplitude = 1 + 0.5 * draw.normal(), phase = draw.normal();
  const auto points = [&](double lambda) {
    const Vec a = 2 * draw.vector(10);
    return Network{a, amplitude * (a.array() + phase).sin().matrix(), lambda};
  };
  Task t;
  t.problem.f = adapt(points(0.5));
  t.problem.l = adapt_criterion(NetworkLoss{points(0)});
  t.u = draw.vector(Network::kSize);
  t.step = 0.05;
  return t;
}

struct Account {
  Index tried = 0, met = 0, not_usable = 0, far_and_usable = 0;
  double worst = 0, work = 0;
};

void count(Account& account, Task t, bool near, bool sweep, double target) {
  t.problem.space = HyperSpace({HyperBlock{"u", t.u.size(), Scale::linear, -1e6, 1e6}});
  if (near) t.problem.start = std::make_shared<StartAtU>();
  auto algorithm = std::make_unique<GradientDescent>();
  if (t.step > 0) algorithm->step = t.step;
  IterateSolver solver(std::move(algorithm));
  solver.options.max_steps = 200000;
  ImplicitCgEstimator cg;
  UnrollEstimator window(true);
  window.window = Count::automatic();
  HypergradientEstimator& estimator = sweep ? static_cast<HypergradientEstimator&>(window) : cg;
  estimator.aim(target);
  const auto counter = std::make_shared<WorkCounter>();
  const Problem p = counted(t.problem, counter);
  Calibration calibration;
  const Accuracy asked{1e-10};
  InnerSolution inner = solve_as_planned(p, t.u, solver, estimator, nullptr, calibration, asked);
  const Hypergradient h = estimate_as_planned(p, t.u, solver, estimator, inner, nullptr, calibration, asked, 1e-6);
  account.work += static_cast<double>(counter->read().inner_units());
  const InnerSolution solution = solver.solve(t.problem, t.u, nullptr, {1e-12}, {});
  const Vec truth = reference_hypergradient(t.problem, t.u, solution.x()).gradient;
  const double error = (h.gradient - truth).norm() / truth.norm();
  ++account.tried;
  account.met += error <= target;
  account.not_usable += !usable(h.status);
  if (usable(h.status)) account.worst = std::max(account.worst, error / target);
  account.far_and_usable += usable(h.status) && error > 3 * target;
}

}  // namespace

int main(int argc, char** argv) {
  const unsigned first = argc > 1 ? static_cast<unsigned>(std::atoi(argv[1])) : 0;
  const unsigned seeds = argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 100;
  std::puts(
      "| problem | x_0 | estimator | target | met | not usable | usable and beyond 3x | worst usable error / target | work |");
  std::puts("|---|---|---|---|---|---|---|---|---|");
  for (const char* const name : {"least squares, 10", "least squares, 30", "network"}) {
    for (const bool near : {true, false}) {
      for (const bool sweep : {false, true}) {
        for (const double target : {1e-1, 1e-2, 1e-3}) {
          Account a;
          for (unsigned seed = first; seed < first + seeds; ++seed)
            count(a, *name == 'n' ? network(seed) : least_squares(name[15] == '1' ? 10 : 30, seed), near, sweep, target);
          std::printf("| %s | %s | %s | %g | %ld of %ld | %ld | %ld | %.2f | %.0f |\n", name, near ? "u" : "0",
                      sweep ? "window auto" : "implicit-cg", target, static_cast<long>(a.met), static_cast<long>(a.tried),
                      static_cast<long>(a.not_usable), static_cast<long>(a.far_and_usable), a.worst,
                      a.work / static_cast<double>(a.tried));
          std::fflush(stdout);
        }
      }
    }
  }
}
