// Few-shot regression of sinusoids (Finn, Abbeel and Levine 2017) for the examples: tasks, a small network, Adam.
#pragma once
#include <cmath>
#include <numbers>
#include <random>
#include <tacit/core/model/adapt.hpp>

using Mat = Eigen::MatrixXd;
using Row = Eigen::RowVectorXd;

/// y(s) = w' tanh(W tanh(a s + b) + c) + d with h units a layer; x = (a, b, W, c, w, d), n = h^2 + 4 h + 1 numbers.
struct Network {
  tacit::Index h;
  tacit::Index size() const { return h * h + 4 * h + 1; }
  auto a(const tacit::Vec& x) const { return x.segment(0, h); }
  auto b(const tacit::Vec& x) const { return x.segment(h, h); }
  auto W(const tacit::Vec& x) const { return Eigen::Map<const Mat>(x.data() + 2 * h, h, h); }
  auto c(const tacit::Vec& x) const { return x.segment(2 * h + h * h, h); }
  auto w(const tacit::Vec& x) const { return x.segment(3 * h + h * h, h); }
  double d(const tacit::Vec& x) const { return x[size() - 1]; }

  /// A = tanh(a s + b), C = tanh(W A + c), a column a sample, and the slopes 1 - A^2, 1 - C^2.
  struct Layers {
    Mat A, C, slope_A, slope_C;
    Row y;
  };
  Layers forward(const tacit::Vec& x, const Row& s) const {
    Layers l;
    l.A = ((a(x) * s).colwise() + b(x)).array().tanh();
    l.C = ((W(x) * l.A).colwise() + c(x)).array().tanh();
    l.slope_A = 1 - l.A.array().square();
    l.slope_C = 1 - l.C.array().square();
    l.y = (w(x).transpose() * l.C).array() + d(x);
    return l;
  }
  /// The gradient, when the sum over samples has the derivative e in y, D in W A + c and B in a s + b.
  tacit::Vec pack(const Row& s, const Mat& A, const Mat& B, const Mat& D, const tacit::Vec& w_part, double d_part) const {
    tacit::Vec g(size());
    g.segment(0, h).noalias() = B * s.transpose();
    g.segment(h, h) = B.rowwise().sum();
    Eigen::Map<Mat>(g.data() + 2 * h, h, h).noalias() = D * A.transpose();
    g.segment(2 * h + h * h, h) = D.rowwise().sum();
    g.segment(3 * h + h * h, h) = w_part;
    g[size() - 1] = d_part;
    return g;
  }
};

/// |y(s) - t|^2 / 2N over N samples, its gradient, and its Hessian product (Pearlmutter 1994) by the chain rule.
struct Fit {
  Network net;
  Row s, t;
  double n() const { return double(s.size()); }
  double value(const tacit::Vec& x) const { return (net.forward(x, s).y - t).squaredNorm() / (2 * n()); }

  /// All that does not depend on the direction: e, and the derivatives E, D in C and W A + c, F, B in A and a s + b.
  struct At {
    const Fit& f;
    const tacit::Vec& x;
    Network::Layers l = f.net.forward(x, f.s);
    Row e = (l.y - f.t) / f.n();
    Mat E = f.net.w(x) * e, D = E.cwiseProduct(l.slope_C);
    Mat F = f.net.W(x).transpose() * D, B = F.cwiseProduct(l.slope_A);
    double value() const { return e.squaredNorm() * f.n() / 2; }
    tacit::Vec gradient() const { return f.net.pack(f.s, l.A, B, D, l.C * e.transpose(), e.sum()); }
    /// Every quantity's derivative along p is written dX.
    tacit::Vec hessian(const tacit::Vec& p) const {
      const Network& nn = f.net;
      const Mat dA = ((nn.a(p) * f.s).colwise() + nn.b(p)).cwiseProduct(l.slope_A);
      const Mat dC = ((nn.W(p) * l.A + nn.W(x) * dA).colwise() + nn.c(p)).cwiseProduct(l.slope_C);
      const Row de = ((nn.w(p).transpose() * l.C + nn.w(x).transpose() * dC).array() + nn.d(p)) / f.n();
      const Mat dD = (nn.w(p) * e + nn.w(x) * de).cwiseProduct(l.slope_C) - 2 * E.cwiseProduct(l.C).cwiseProduct(dC);
      const Mat dF = nn.W(p).transpose() * D + nn.W(x).transpose() * dD;
      const Mat dB = dF.cwiseProduct(l.slope_A) - 2 * F.cwiseProduct(l.A).cwiseProduct(dA);
      tacit::Vec out = nn.pack(f.s, l.A, dB, dD, dC * e.transpose() + l.C * de.transpose(), de.sum());
      Eigen::Map<Mat>(out.data() + 2 * nn.h, nn.h, nn.h).noalias() += D * dA.transpose();
      return out;
    }
  };
};

/// Inner: f(x, u) = fit(x) + pull |x - u|^2 / 2.
struct Adaptation {
  Fit fit;
  double pull;
  tacit::Index inner_dim() const { return fit.net.size(); }
  tacit::Index outer_dim() const { return fit.net.size(); }
  double value(const tacit::Vec& x, const tacit::Vec& u) const { return fit.value(x) + pull * (x - u).squaredNorm() / 2; }
  std::pair<double, tacit::Vec> value_and_gradient(const tacit::Vec& x, const tacit::Vec& u) const {
    const Fit::At at{fit, x};
    return {at.value() + pull * (x - u).squaredNorm() / 2, at.gradient() + pull * (x - u)};
  }
  struct Second {
    Fit::At at;
    double pull;
    tacit::Vec hessian(const tacit::Vec& p) const { return at.hessian(p) + pull * p; }
    tacit::Vec cross(const tacit::Vec& p) const { return -pull * p; }
    tacit::Vec cross_t(const tacit::Vec& w) const { return -pull * w; }
  };
  Second linearize(const tacit::Vec& x, const tacit::Vec&) const { return {{fit, x}, pull}; }
};

/// Outer: the fit to other samples of the same task.
struct Query {
  Fit fit;
  double value(const tacit::Vec& x, const tacit::Vec&) const { return fit.value(x); }
  double value_and_gradient(const tacit::Vec& x, const tacit::Vec&, tacit::Out g_x, tacit::Out g_u) const {
    const Fit::At at{fit, x};
    g_x = at.gradient();
    g_u.setZero();
    return at.value();
  }
};

/// x_0(u) = u.
struct StartAtU final : tacit::Start {
  void point(tacit::In u, tacit::Out x) const override { x = u; }
  void vjp(tacit::In, tacit::In p, tacit::Out add_u) const override { add_u += p; }
  void jvp(tacit::In, tacit::InM du, tacit::OutM dx) const override { dx = du; }
};

/// A task in numbers: samples to adapt to, and samples to judge by.
struct SinusoidData {
  std::string name;
  Fit support, query;
};

/// t = amplitude sin(s + phase), amplitude in [0.1, 5], phase in [0, pi], s in [-5, 5], `shots` samples of each kind.
inline SinusoidData draw_task(unsigned seed, Network net, tacit::Index shots) {
  std::mt19937 random(seed);
  const auto uniform = [&](double low, double high) { return std::uniform_real_distribution<double>(low, high)(random); };
  const double amplitude = uniform(0.1, 5), phase = uniform(0, std::numbers::pi);
  const auto draw = [&] {
    const Row s = Row::NullaryExpr(shots, [&] { return uniform(-5, 5); });
    return Fit{net, s, amplitude * (s.array() + phase).sin()};
  };
  const Fit support = draw();
  return {"sinusoid " + std::to_string(seed), support, draw()};
}

/// The task as a problem: adapt from u, held to it by `pull`.
inline tacit::Problem make_task(const SinusoidData& data, double pull) {
  tacit::Problem task;
  task.name = data.name;
  task.f = tacit::adapt(Adaptation{data.support, pull});
  task.l = tacit::adapt_criterion(Query{data.query});
  task.start = std::make_shared<StartAtU>();
  constexpr double unbounded = std::numeric_limits<double>::infinity();
  task.space = tacit::HyperSpace({{"start", data.support.net.size(), tacit::Scale::linear, -unbounded, unbounded}});
  return task;
}

/// Weights N(0, 1 / inputs) in the layers, N(0, 1) for the offsets b.
inline tacit::Vec first_weights(Network net) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  tacit::Vec u = tacit::Vec::NullaryExpr(net.size(), [&] { return normal(random); });
  u.segment(2 * net.h, net.size() - 2 * net.h) /= std::sqrt(double(net.h));
  return u;
}

/// Adam (Kingma and Ba 2015).
struct Adam {
  double step;
  tacit::Vec first{}, second{};
  int count = 0;
  void move(tacit::Vec& u, const tacit::Vec& g) {
    if (count++ == 0) first = second = tacit::Vec::Zero(u.size());
    first = 0.9 * first + 0.1 * g;
    second = 0.999 * second + 0.001 * g.cwiseAbs2();
    const double scale_1 = 1 - std::pow(0.9, count), scale_2 = 1 - std::pow(0.999, count);
    u.array() -= step * (first / scale_1).array() / ((second / scale_2).array().sqrt() + 1e-8);
  }
};
