#include <tacit/core/model/check.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include <tacit/core/support/text.hpp>

namespace tacit {
namespace {

constexpr int kDirections = 4;

/// Random directions, the same in every run.
class Directions {
public:
  Vec next(Index n) {
    Vec d(n);
    for (double& e : d) e = 2 * (static_cast<double>(engine_()) / static_cast<double>(std::mt19937_64::max())) - 1;
    return d;
  }

private:
  std::mt19937_64 engine_{20240607};
};

/// Keeps the worst comparison.
class Worst {
public:
  void compare(const std::string& what, double got, double expected, double scale) {
    const bool finite = std::isfinite(got) && std::isfinite(expected) && std::isfinite(scale);
    const double gap = std::abs(got - expected);
    const double error = !finite ? std::numeric_limits<double>::infinity() : gap == 0 ? 0 : gap / std::max(scale, 1e-300);
    if (!result_.message.empty() && error <= result_.error) return;
    result_.error = error;
    const std::vector<std::string> numbers = short_numbers({got, expected});
    result_.message = what + ": " + numbers[0] + " against " + numbers[1] + ", relative deviation " + sci(error);
  }
  /// Vectors, relative to the longer of them; names the worst entry.
  void compare(const std::string& what, In got, In expected) {
    if (got.size() == 0) return;
    Index at = 0;
    (got - expected).cwiseAbs().maxCoeff(&at);
    if (!got.allFinite())
      for (at = 0; std::isfinite(got[at]);) ++at;
    const double scale = std::max(got.norm(), expected.norm()) / std::sqrt(static_cast<double>(got.size()));
    compare(what + ", entry " + std::to_string(at), got[at], expected[at], scale);
  }
  DerivativeCheck result() const { return result_; }

private:
  DerivativeCheck result_;
};

/// Derivative at 0 of a vector function of t: central differences at h and h/2, extrapolated.
Vec slope(const std::function<Vec(double)>& f, double h) {
  const Vec coarse = (f(h) - f(-h)) / (2 * h), fine = (f(h / 2) - f(-h / 2)) / h;
  return (4 * fine - coarse) / 3;
}

/// A step that suits the size of a point, with a direction of entries in [-1, 1].
double step_for(In x) { return 1e-3 * std::max(1e-3, x.size() ? x.cwiseAbs().maxCoeff() : 1.0); }

/// The largest step that keeps hyperparameters on their side of zero.
Vec inward(In u, const Vec& w) { return u.cwiseAbs().cwiseMax(1e-8).cwiseProduct(w); }

}  // namespace

DerivativeCheck check_gradient(const Objective& f, In x, In u) {
  Worst worst;
  Directions random;
  const Index n = f.inner_dim(), m = f.outer_dim();
  Vec g(n);
  const double value = f.gradient(x, u, g);
  FirstOrder at;
  const auto curvature = f.linearize(x, u, &at);
  worst.compare("f of gradient() against value()", value, f.value(x, u), std::abs(value));
  worst.compare("f of linearize() against value()", at.value, value, std::abs(value));
  worst.compare("f_x of linearize() against gradient()", at.gradient, g);
  const auto gradient = [&](const Vec& px, const Vec& pu) {
    Vec out(n);
    f.gradient(px, pu, out);
    return out;
  };
  const double h = step_for(x);
  for (int k = 0; k < kDirections; ++k) {
    const Vec d = random.next(n), w = inward(u, random.next(m));
    const Vec difference = slope([&](double t) { return Vec::Constant(1, f.value(x + t * d, u)); }, h);
    // Along d the slope may cancel: its unit is the length of both, and what rounding of f leaves of a difference.
    const double unit = std::max(g.norm() * d.norm() / std::sqrt(static_cast<double>(n)), 1e-5 * std::abs(value) / h * 1e-3);
    worst.compare("f_x along direction " + std::to_string(k), g.dot(d), difference[0], unit);
    Vec product(n);
    curvature->hessian(d, product);
    worst.compare("f_xx d, direction " + std::to_string(k), product, slope([&](double t) { return gradient(x + t * d, u); }, h));
    curvature->cross_t(w, product);
    worst.compare("f_xu w, direction " + std::to_string(k), product,
                  slope([&](double t) { return gradient(x, u + t * w); }, 1e-3));
  }
  return worst.result();
}

DerivativeCheck check_hessian_symmetry(const Objective& f, In x, In u) {
  Worst worst;
  Directions random;
  const Index n = f.inner_dim();
  const auto curvature = f.linearize(x, u);
  Mat p(n, kDirections), products(n, kDirections);
  Vec hp(n), hq(n);
  for (int k = 0; k < kDirections; ++k) {
    const Vec a = random.next(n), b = random.next(n);
    curvature->hessian(a, hp);
    curvature->hessian(b, hq);
    worst.compare("q'(f_xx p) against p'(f_xx q)", b.dot(hp), a.dot(hq), std::max(b.norm() * hp.norm(), a.norm() * hq.norm()));
    p.col(k) = a;
  }
  curvature->hessian_batch(p, products);
  for (int k = 0; k < kDirections; ++k) {
    curvature->hessian(p.col(k), hp);
    worst.compare("hessian_batch against hessian, column " + std::to_string(k), products.col(k), hp);
  }
  Vec diagonal(n), e = Vec::Zero(n);
  Mat dense(n, n);
  const bool has_diagonal = curvature->diagonal(diagonal), has_dense = curvature->dense(dense);
  if (!has_diagonal && !has_dense) return worst.result();
  const Index stride = std::max<Index>(1, n / 50);
  for (Index j = 0; j < n; j += stride) {
    e[j] = 1;
    curvature->hessian(e, hp);
    e[j] = 0;
    if (has_diagonal) worst.compare("diagonal, entry " + std::to_string(j), diagonal[j], hp[j], hp.norm());
    if (has_dense) worst.compare("dense, column " + std::to_string(j), dense.col(j), hp);
  }
  return worst.result();
}

DerivativeCheck check_cross_adjointness(const Objective& f, In x, In u) {
  Worst worst;
  Directions random;
  const Index n = f.inner_dim(), m = f.outer_dim();
  FirstOrder at;
  const auto curvature = f.linearize(x, u, &at);
  Mat dx(n, kDirections), du(m, kDirections), forward(n, kDirections), single(n, kDirections);
  Vec hp(n), cross(m), cross_t(n), out_x(n), out_u(m), g(n);
  for (int k = 0; k < kDirections; ++k) {
    const Vec p = random.next(n), w = random.next(m);
    curvature->hessian(p, hp);
    curvature->cross(p, cross);
    curvature->cross_t(w, cross_t);
    const double unit = std::max(w.norm() * cross.norm(), p.norm() * cross_t.norm());
    worst.compare("w'(f_ux p) against p'(f_xu w)", w.dot(cross), p.dot(cross_t), unit);
    curvature->adjoint(p, out_x, out_u);
    worst.compare("Curvature::adjoint, f_xx p", out_x, hp);
    worst.compare("Curvature::adjoint, f_ux p", out_u, cross);
    f.adjoint(x, u, p, out_x, out_u);
    worst.compare("Objective::adjoint, f_xx p", out_x, hp);
    worst.compare("Objective::adjoint, f_ux p", out_u, cross);
    dx.col(k) = p;
    du.col(k) = w;
    single.col(k) = hp + cross_t;
  }
  f.tangents(x, u, dx, du, g, forward);
  worst.compare("tangents, f_x", g, at.gradient);
  for (int k = 0; k < kDirections; ++k) worst.compare("tangents, column " + std::to_string(k), forward.col(k), single.col(k));
  return worst.result();
}

DerivativeCheck check_criterion(const Criterion& l, In x, In u) {
  Worst worst;
  Directions random;
  Vec gx(x.size()), gu(u.size());
  const double value = l.gradient(x, u, gx, gu);
  worst.compare("l of gradient() against value()", value, l.value(x, u), std::abs(value));
  const double h = step_for(x);
  for (int k = 0; k < kDirections; ++k) {
    const Vec d = random.next(x.size()), w = inward(u, random.next(u.size()));
    const double along_x = slope([&](double t) { return Vec::Constant(1, l.value(x + t * d, u)); }, h)[0];
    const double along_u = slope([&](double t) { return Vec::Constant(1, l.value(x, u + t * w)); }, 1e-3)[0];
    const double unit_x = gx.norm() * d.norm() / std::sqrt(static_cast<double>(std::max<Index>(1, x.size())));
    const double noise = 1e-8 * std::abs(value);
    worst.compare("l_x along direction " + std::to_string(k), gx.dot(d), along_x, std::max(unit_x, noise / h));
    worst.compare("l_u along direction " + std::to_string(k), gu.dot(w), along_u,
                  std::max(gu.cwiseProduct(w).norm(), std::max(noise / 1e-3, std::abs(along_u))));
  }
  return worst.result();
}

DerivativeCheck check_taylor(const Objective& f, In x, In u) {
  Directions random;
  const Index n = f.inner_dim();
  FirstOrder at;
  const auto curvature = f.linearize(x, u, &at);
  DerivativeCheck out;
  out.message = "Taylor test: the remainder is rounding in every direction";
  for (int k = 0; k < kDirections; ++k) {
    const Vec d = std::max(0.1, x.norm()) * random.next(n).normalized();
    Vec hd(n);
    curvature->hessian(d, hd);
    const double linear = at.gradient.dot(d), square = d.dot(hd) / 2;
    const auto at_point = [&](double t) { return std::abs(f.value(x + t * d, u) - at.value - t * linear - t * t * square); };
    // The larger one of both sides: on one side alone terms of order 3 and 4 may cancel, which looks like a lower order.
    const auto remainder = [&](double t) { return std::max(at_point(t), at_point(-t)); };
    // The order over the two smallest halvings that stay clear of rounding.
    const double noise =
        1e4 * std::numeric_limits<double>::epsilon() * (std::abs(at.value) + std::abs(linear) + std::abs(square));
    std::vector<double> remainders;
    double t = 0.5;
    for (int i = 0; i < 12; ++i, t /= 2) {
      const double r = remainder(t);
      if (!std::isfinite(r)) continue;
      if (!(r > noise)) break;
      remainders.push_back(r);
    }
    if (remainders.size() < 3) continue;
    const double order = std::log2(remainders[remainders.size() - 3] / remainders.back()) / 2;
    const double shortfall = std::max(0.0, 3 - order);
    if (shortfall < out.error) continue;
    out.error = shortfall;
    out.message = "Taylor test: the remainder falls like t^" + digits(order, 3) + " along direction " + std::to_string(k) +
                  ", t^3 or faster is right";
  }
  return out;
}

}  // namespace tacit
