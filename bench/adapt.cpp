// What adapt() costs over an own Objective with the same arithmetic: gradient, Hessian product, and a whole inner solve with its
// hypergradient, for logistic regression with a penalty a column and for a tanh network with reverse mode, all timed alternately
// in one process. Three plain structs: linearize-once with Out arguments, the same with answers that are returned, and the least
// that adapt() takes (value, gradient and products, each from scratch). Usage: adapt [repetitions]. Goal: at most 1.15 for the
// first two.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/model/adapt.hpp>
#include <tacit/hypergrad/estimators.hpp>

using namespace tacit;

namespace {

using Columns = Eigen::MatrixXd;

Columns draw(Index rows, Index cols, unsigned long long seed) {
  Columns a(rows, cols);
  for (Index i = 0; i < a.size(); ++i) {
    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    a.data()[i] = static_cast<double>(seed >> 11) * 0x1.0p-52 - 1;
  }
  return a;
}

/// 1/n sum log(1 + exp(-y_i a_i x)) + 1/2 sum_j u_j x_j^2.
struct Logistic {
  Columns a = draw(400, 60, 3);
  Vec y = a.col(0).array().sign();
  Index n() const { return a.cols(); }
  Index m() const { return a.cols(); }
  double smoothness(In u) const { return 0.25 * a.squaredNorm() / static_cast<double>(a.rows()) + u.maxCoeff(); }

  struct Point {
    const Logistic& f;
    Vec x, u, second;
    Point(const Logistic& of, In at_x, In at_u) : f(of), x(at_x), u(at_u), second(of.y.size()) {
      const Vec t = f.y.cwiseProduct(f.a * x);
      second = (-t.array().abs()).exp();
      second = second.array() / ((1 + second.array()).square() * static_cast<double>(f.a.rows()));
    }
    void hessian(In p, Out out) const {
      const Vec t = second.cwiseProduct(f.a * p);
      out.noalias() = f.a.transpose() * t;
      out += u.cwiseProduct(p);
    }
    void cross(In p, Out out) const { out = x.cwiseProduct(p); }
  };
  double both(In x, In u, Out g) const {
    const double rows = static_cast<double>(a.rows());
    const Vec t = y.cwiseProduct(a * x), e = (-t.array().abs()).exp();
    const Vec s = -y.array() * (t.array() > 0).select(e.array(), 1.0) / ((1 + e.array()) * rows);
    g.noalias() = a.transpose() * s;
    g += u.cwiseProduct(x);
    return ((-t).cwiseMax(0).array() + e.array().log1p()).sum() / rows + 0.5 * u.dot(x.cwiseAbs2());
  }
};

/// 1/2n ||tanh(A W') v - y||^2 + u_0/2 |W|^2 + u_1/2 |v|^2, x = (W by columns, v).
struct Network {
  Index hidden = 8;
  Columns a = draw(150, 6, 5);
  Vec y = (2 * a.col(0) + a.col(1)).array().sin();
  Index inputs() const { return a.cols(); }
  Index n() const { return hidden * inputs() + hidden; }
  Index m() const { return 2; }
  double rows() const { return static_cast<double>(a.rows()); }
  double smoothness(In u) const { return 10 + u.maxCoeff(); }
  Eigen::Map<const Columns> weights(In x) const { return {x.data(), hidden, inputs()}; }

  struct Point {
    const Network& f;
    Vec x, u;
    Columns h, slope, back;
    Vec r;
    Point(const Network& of, In at_x, In at_u) : f(of), x(at_x), u(at_u) {
      h = (f.a * f.weights(x).transpose()).array().tanh();
      slope = 1 - h.array().square();
      r = (h * x.tail(f.hidden) - f.y) / f.rows();
      back = r * x.tail(f.hidden).transpose();
    }
    double value() const {
      return 0.5 * f.rows() * r.squaredNorm() + 0.5 * u[0] * x.head(x.size() - f.hidden).squaredNorm() +
             0.5 * u[1] * x.tail(f.hidden).squaredNorm();
    }
    Vec gradient() const {
      Vec g(x.size());
      gradient(g);
      return g;
    }
    void gradient(Out g) const {
      Eigen::Map<Columns> gw(g.data(), f.hidden, f.inputs());
      gw.noalias() = back.cwiseProduct(slope).transpose() * f.a;
      gw += u[0] * f.weights(x);
      g.tail(f.hidden).noalias() = h.transpose() * r;
      g.tail(f.hidden) += u[1] * x.tail(f.hidden);
    }
    void hessian(In p, Out out) const {
      const Columns dh = slope.cwiseProduct(f.a * f.weights(p).transpose());
      const Vec dr = (dh * x.tail(f.hidden) + h * p.tail(f.hidden)) / f.rows();
      const Columns d = (dr * x.tail(f.hidden).transpose() + r * p.tail(f.hidden).transpose()).cwiseProduct(slope) -
                        2 * back.cwiseProduct(h).cwiseProduct(dh);
      Eigen::Map<Columns> w(out.data(), f.hidden, f.inputs());
      w.noalias() = d.transpose() * f.a;
      w += u[0] * f.weights(p);
      out.tail(f.hidden).noalias() = dh.transpose() * r + h.transpose() * dr;
      out.tail(f.hidden) += u[1] * p.tail(f.hidden);
    }
    void cross(In p, Out out) const {
      out[0] = x.head(x.size() - f.hidden).dot(p.head(x.size() - f.hidden));
      out[1] = x.tail(f.hidden).dot(p.tail(f.hidden));
    }
  };
  double both(In x, In u, Out g) const {
    const Point at(*this, x, u);
    at.gradient(g);
    return at.value();
  }
};

void cross_t(const Logistic::Point& at, In w, Out out) { out = at.x.cwiseProduct(w); }
void cross_t(const Network::Point& at, In w, Out out) {
  const Index hidden = at.f.hidden;
  out.head(out.size() - hidden) = w[0] * at.x.head(out.size() - hidden);
  out.tail(hidden) = w[1] * at.x.tail(hidden);
}

/// The same by hand, as objects of the library.
template <class F>
class Own final : public Objective {
  class At final : public Curvature {
  public:
    At(const F& f, In x, In u) : at_(f, x, u) {}
    void hessian(In p, Out out) const override { at_.hessian(p, out); }
    void cross(In p, Out out) const override { at_.cross(p, out); }
    void cross_t(In w, Out out) const override { ::cross_t(at_, w, out); }

  private:
    typename F::Point at_;
  };

public:
  explicit Own(F f) : f_(std::move(f)) {}
  Index inner_dim() const override { return f_.n(); }
  Index outer_dim() const override { return f_.m(); }
  double value(In x, In u) const override {
    Vec g(x.size());
    return f_.both(x, u, g);
  }
  double gradient(In x, In u, Out g) const override { return f_.both(x, u, g); }
  std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at) const override {
    if (at) {
      at->gradient.resize(x.size());
      at->value = f_.both(x, u, at->gradient);
    }
    return std::make_unique<At>(f_, x, u);
  }
  double smoothness(In u) const override { return f_.smoothness(u); }
  double gradient_scale(In u) const override {  // kept, as adapt() does
    return scale_.at(u, [&] { return Objective::gradient_scale(u); });
  }

private:
  F f_;
  mutable KeptNumbers scale_;
};

template <class F>
struct Writes {
  F f;
  Index inner_dim() const { return f.n(); }
  Index outer_dim() const { return f.m(); }
  double value_and_gradient(In x, In u, Out g) const { return f.both(x, u, g); }
  double smoothness(In u) const { return f.smoothness(u); }
  struct At {
    typename F::Point at;
    void hessian(In p, Out out) const { at.hessian(p, out); }
    void cross(In p, Out out) const { at.cross(p, out); }
    void cross_t(In w, Out out) const { ::cross_t(at, w, out); }
  };
  At linearize(In x, In u) const { return At{{f, x, u}}; }
};

template <class F>
struct Returns {
  F f;
  Index inner_dim() const { return f.n(); }
  Index outer_dim() const { return f.m(); }
  std::pair<double, Vec> value_and_gradient(const Vec& x, const Vec& u) const {
    Vec g(x.size());
    const double value = f.both(x, u, g);
    return {value, std::move(g)};
  }
  double smoothness(const Vec& u) const { return f.smoothness(u); }
  struct At {
    typename F::Point at;
    Vec hessian(const Vec& p) const {
      Vec out(p.size());
      at.hessian(p, out);
      return out;
    }
    Vec cross(const Vec& p) const {
      Vec out(at.u.size());
      at.cross(p, out);
      return out;
    }
    Vec cross_t(const Vec& w) const {
      Vec out(at.x.size());
      ::cross_t(at, w, out);
      return out;
    }
  };
  At linearize(const Vec& x, const Vec& u) const { return At{{f, x, u}}; }
};

template <class F>
struct Least {
  Returns<F> f;
  Index inner_dim() const { return f.inner_dim(); }
  Index outer_dim() const { return f.outer_dim(); }
  double value(const Vec& x, const Vec& u) const { return f.value_and_gradient(x, u).first; }
  Vec gradient(const Vec& x, const Vec& u) const { return f.value_and_gradient(x, u).second; }
  double smoothness(const Vec& u) const { return f.smoothness(u); }
  Vec hessian(const Vec& x, const Vec& u, const Vec& p) const { return f.linearize(x, u).hessian(p); }
  Vec cross(const Vec& x, const Vec& u, const Vec& p) const { return f.linearize(x, u).cross(p); }
  Vec cross_t(const Vec& x, const Vec& u, const Vec& w) const { return f.linearize(x, u).cross_t(w); }
};

/// 1/2 |x - 1|^2.
struct Distance {
  double value(const Vec& x, const Vec&) const { return 0.5 * (x.array() - 1).square().sum(); }
  Vec gradient_x(const Vec& x, const Vec&) const { return x.array() - 1; }
  Vec gradient_u(const Vec&, const Vec& u) const { return Vec::Zero(u.size()); }
};

double seconds(const std::function<void()>& work, int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int k = 0; k < calls; ++k) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
}

double median(std::vector<double> t) {
  std::sort(t.begin(), t.end());
  return t[t.size() / 2];
}

template <class F>
void compare(const char* name, int repetitions) {
  struct Way {
    const char* name;
    std::shared_ptr<const Objective> f;
    std::unique_ptr<Oracle> oracle{};
    std::vector<double> times[3] = {};
    double value = 0;
  };
  std::vector<Way> ways;
  ways.push_back({"own Objective", std::make_shared<Own<F>>(F{})});
  ways.push_back({"adapt, linearize and Out", adapt(Writes<F>{F{}})});
  ways.push_back({"adapt, linearize, returned", adapt(Returns<F>{F{}})});
  ways.push_back({"adapt, the least it takes", adapt(Least<F>{{F{}}})});
  const Index n = ways[0].f->inner_dim(), m = ways[0].f->outer_dim();
  const Vec x = 0.3 * draw(n, 1, 9), p = draw(n, 1, 10), u = Vec::Constant(m, 0.05), theta = u.array().log();
  const auto solver = std::make_shared<NewtonCgSolver>();
  const auto estimator = std::make_shared<ImplicitCgEstimator>();
  OracleOptions options;
  options.error_estimate = options.truncation = false;
  for (Way& w : ways) {
    Problem problem;
    problem.f = w.f;
    problem.l = adapt_criterion(Distance{});
    problem.start = std::make_shared<ConstantStart>(x);
    problem.space = HyperSpace({HyperBlock{"u", m, Scale::log, 1e-6, 1e6}});
    w.oracle = make_oracle(problem, solver, estimator, options);
  }
  Vec g(n), out(n);
  for (int r = 0; r < repetitions + 2; ++r) {
    for (Way& w : ways) {
      const auto curvature = w.f->linearize(x, u);
      const double measured[] = {seconds([&] { w.f->gradient(x, u, g); }, 30), seconds([&] { curvature->hessian(p, out); }, 30),
                                 seconds(
                                     [&] {
                                       const Evaluation e = w.oracle->differentiate(
                                           w.oracle->evaluate(theta, w.oracle->tightest()), w.oracle->tightest());
                                       w.value = e.gradient.sum();
                                     },
                                     1)};
      for (int k = 0; k < 3 && r >= 2; ++k) w.times[k].push_back(measured[k]);
    }
  }
  std::printf("\n%s, n = %ld, m = %ld: ratio of medians to an own Objective (its median in microseconds)\n%-28s %10s %10s %22s\n",
              name, static_cast<long>(n), static_cast<long>(m), "", "gradient", "product", "solve + hypergradient");
  for (const Way& w : ways) {
    std::printf("%-28s", w.name);
    for (int k = 0; k < 3; ++k) {
      const double own = median(ways[0].times[k]);
      std::printf(k == 2 ? " %22.2f" : " %10.2f", &w == &ways[0] ? 1e6 * own : median(w.times[k]) / own);
    }
    std::printf("   sum of the hypergradient %.12g\n", w.value);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 60;
  compare<Logistic>("logistic regression, 400 x 60", repetitions);
  compare<Network>("network 6-8-1, 150 rows", repetitions);
  return 0;
}
