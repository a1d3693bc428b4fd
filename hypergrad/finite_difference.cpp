#include <tacit/hypergrad/finite_difference.hpp>

#include <cmath>
#include <limits>

#include <tacit/hypergrad/reference.hpp>

namespace tacit {

namespace {

/// How entry j moves: u_j at a step t in its own scale, and du_j/dt at t = 0. In a linear scale t is relative to |u_j|.
struct Move {
  Scale scale = Scale::linear;
  double u = 0;
  double at(double t) const {
    switch (scale) {
      case Scale::linear:
        return u + t * slope();
      case Scale::log:
        return u * std::exp(t);
      case Scale::logit:
        return 1 / (1 + (1 / u - 1) * std::exp(-t));
    }
    return u;
  }
  double slope() const {
    switch (scale) {
      case Scale::linear:
        return u != 0 ? std::abs(u) : 1;
      case Scale::log:
        return u;
      case Scale::logit:
        return u * (1 - u);
    }
    return 1;
  }
};

Move move_of(const Problem& problem, In u, Index j) {
  Move m{Scale::linear, u[j]};
  Index first = 0;
  for (const HyperBlock& block : problem.space.blocks()) {
    if (j >= first && j < first + block.size) m.scale = block.scale;
    first += block.size;
  }
  return m;
}

}  // namespace

Hypergradient FiniteDifferenceEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                                  double) const {
  Hypergradient h;
  const Vec x = inner.x();
  h.outer_value = problem.l->value(x, u);
  const Polished centre = polish(problem, u, x);
  bool good = usable(centre.status);
  Vec v = u;
  const auto loss = [&](Index j, double value) {
    v[j] = value;
    const Polished p = polish(problem, v, centre.x);
    good = good && usable(p.status);
    const double l = problem.l->value(p.x, v);
    v[j] = u[j];
    return l;
  };
  const double step = kStep;
  h.gradient = Vec::Zero(u.size());
  for (Index j = 0; j < u.size() && good; ++j) {
    const Move m = move_of(problem, u, j);
    const double near = loss(j, m.at(step)) - loss(j, m.at(-step)), far = loss(j, m.at(2 * step)) - loss(j, m.at(-2 * step));
    h.gradient[j] = (8 * near - far) / (12 * step * m.slope());
  }
  if (!good) h.gradient.setConstant(std::numeric_limits<double>::quiet_NaN());
  h.status = good && h.gradient.allFinite() ? Status::converged : Status::failed;
  if (h.status == Status::failed) h.message = "an inner problem at or next to this point could not be solved to rounding";
  return h;
}

}  // namespace tacit
