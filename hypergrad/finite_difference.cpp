#include <tacit/hypergrad/finite_difference.hpp>

#include <cmath>
#include <functional>
#include <limits>

#include <tacit/hypergrad/reference.hpp>

namespace tacit::inline TACIT_ABI {

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

/// l(x_K(v), v) by the steps of the run's own map.
double loss_of_iterate(const Problem& problem, const InnerSolution& inner, In v) {
  const FixedPointMap& map = *inner.map;
  Vec z(map.state_dim()), next(map.state_dim());
  map.lift(problem.cold_start(v), z);
  for (Index k = 0; k < inner.steps; ++k) {
    map.step(k, z, v, next);
    z.swap(next);
  }
  return problem.l->value(z.head(inner.inner_dim), v);
}

/// Central differences of order four of u -> loss(u), each entry moved in its own scale.
Vec differences(const Problem& problem, In u, const std::function<double(In)>& loss) {
  const double step = FiniteDifferenceEstimator::kStep;
  Vec gradient = Vec::Zero(u.size()), v = u;
  const auto at = [&](Index j, double value) {
    v[j] = value;
    const double l = loss(v);
    v[j] = u[j];
    return l;
  };
  for (Index j = 0; j < u.size(); ++j) {
    const Move m = move_of(problem, u, j);
    const double near = at(j, m.at(step)) - at(j, m.at(-step)), far = at(j, m.at(2 * step)) - at(j, m.at(-2 * step));
    gradient[j] = (8 * near - far) / (12 * step * m.slope());
    if (!std::isfinite(gradient[j])) return Vec::Constant(u.size(), std::numeric_limits<double>::quiet_NaN());
  }
  return gradient;
}

}  // namespace

Hypergradient FiniteDifferenceEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                                  double) const {
  Hypergradient h;
  const Vec x = inner.x();
  h.outer_value = problem.l->value(x, u);
  if (problem.response == Response::iterate) {
    require_iterate_run(problem, inner, "finite-difference");
    h.gradient = differences(problem, u, [&](In v) { return loss_of_iterate(problem, inner, v); });
    h.status = h.gradient.allFinite() ? Status::converged : Status::failed;
    if (h.status == Status::failed) h.message = "the loss of an iterate next to this point is not finite";
    return h;
  }
  const Polished centre = polish(problem, u, x);
  const auto loss = [&](In v) {
    const Polished p = polish(problem, v, centre.x);
    return usable(p.status) ? problem.l->value(p.x, v) : std::numeric_limits<double>::quiet_NaN();
  };
  h.gradient = usable(centre.status) ? differences(problem, u, loss)
                                     : Vec(Vec::Constant(u.size(), std::numeric_limits<double>::quiet_NaN()));
  h.status = h.gradient.allFinite() ? Status::converged : Status::failed;
  if (h.status == Status::failed) h.message = "an inner problem at or next to this point could not be solved to rounding";
  return h;
}

}  // namespace tacit::inline TACIT_ABI
