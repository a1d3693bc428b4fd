#include <tacit/core/inner/second_order.hpp>

#include <cmath>
#include <random>

#include <tacit/core/linear/eigen.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// Standard numbers in [-1, 1), the same on every machine.
Vec probe(Index n, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Vec v(n);
  for (double& entry : v) entry = std::ldexp(static_cast<double>(random() >> 11U), -52) - 1;
  return v;
}

}  // namespace

SecondOrder second_order(const Objective& f, In x, In u, Index steps) {
  constexpr double kRounding = 1e-6;  // of |f_xx|: a flat direction is no negative one
  SecondOrder r;
  if (x.size() == 0) return r;
  const auto curvature = f.linearize(x, u);
  LanczosOptions options;
  options.max_steps = steps;
  const Spectrum s = extreme_eigenvalues([&](In p, Out out) { curvature->hessian(p, out); }, probe(x.size(), 1), options);
  r.least = s.smallest;
  r.largest = s.largest;
  r.direction = s.smallest_vector;
  r.products = s.products;
  r.negative = s.smallest < -kRounding * std::max(std::abs(s.smallest), std::abs(s.largest));
  return r;
}

double asymmetry(const Objective& f, In x, In u) {
  const Index n = x.size();
  const auto curvature = f.linearize(x, u);
  const Vec p = probe(n, 2), q = probe(n, 3);
  Vec hp(n), hq(n);
  curvature->hessian(p, hp);
  curvature->hessian(q, hq);
  const double terms = q.norm() * hp.norm() + p.norm() * hq.norm();
  return terms > 0 ? std::abs(q.dot(hp) - p.dot(hq)) / terms : 0;
}

}  // namespace tacit::inline TACIT_ABI
