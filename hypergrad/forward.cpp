#include <tacit/hypergrad/forward.hpp>

#include <algorithm>
#include <string>

#include <tacit/core/support/saturate.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// As in reverse mode: what is left of the first increment when a recursion counts as converged.
constexpr double kForgotten = 1e-6;

/// dx_0/du, n x m, some columns at a time.
Mat start_jacobian(const Start& start, In u, Index n) {
  constexpr Index kBlock = 16;
  const Index m = u.size();
  Mat all(n, m);
  for (Index at = 0; at < m; at += kBlock) {
    const Index k = std::min(kBlock, m - at);
    Mat du = Mat::Zero(m, k), dx(n, k);
    du.middleRows(at, k).setIdentity();
    start.jvp(u, du, dx);
    all.middleCols(at, k) = dx;
  }
  return all;
}

/// Plain steps z_0 -> z_k0.
Vec run_plain(const FixedPointMap& map, In u, const Vec& z0, Index k0) {
  Vec z = z0, next(z0.size());
  for (Index j = 0; j < k0; ++j) {
    map.step(j, z, u, next);
    z.swap(next);
  }
  return z;
}

/// Carries dz from step first to last; returns the last increment relative to the first.
double run_tangents(const FixedPointMap& map, In u, Vec z, Mat& dz, Index first, Index last) {
  Vec next(z.size());
  Mat dnext(dz.rows(), dz.cols());
  const Mat identity;  // without entries: what du = I need not be stored for
  double unit = 0, increment = 0;
  for (Index j = first; j < last; ++j) {
    map.step_tangents(j, z, u, dz, identity, next, dnext);
    if (j == first || j + 1 == last) increment = (dnext - dz).norm();
    if (j == first) unit = increment;
    z.swap(next);
    dz.swap(dnext);
  }
  return unit > 0 ? increment / unit : (first < last ? 0.0 : 1.0);
}

}  // namespace

void ForwardEstimator::fields(FieldVisitor& v) {
  v.field("window", window, Range::at_least(1), CountWords{true, false},
          "the last K inner steps are differentiated, the Jacobian being zero before; all: the whole run");
}

std::size_t ForwardEstimator::stored_bytes(Index state_dim, Index outer_dim) const {
  const auto block = multiply_saturated(static_cast<std::size_t>(state_dim), static_cast<std::size_t>(outer_dim));
  return multiply_saturated(block, 2 * sizeof(double));
}

Hypergradient ForwardEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient*,
                                         double) const {
  if (!inner.map)
    throw UsageError(
        "estimator 'forward' differentiates the steps of a fixed-point map; use an inner solver that is one (gradient-descent, "
        "heavy-ball, nesterov), or 'implicit-cg'",
        "hypergradient.estimator");
  require_iterate_run(problem, inner, "forward");
  const FixedPointMap& map = *inner.map;
  const Vec x = inner.x();
  const Index n = x.size(), m = u.size(), steps = inner.steps;
  Hypergradient h;
  Vec lx(n), lu(m);
  h.outer_value = problem.l->gradient(x, u, lx, lu);
  h.window = window.is_all() ? steps : std::min(window.n, steps);
  Mat dz = Mat::Zero(map.state_dim(), m);
  if (h.window == steps && inner.cold && problem.start) {
    map.lift_tangents(start_jacobian(*problem.start, u, n), dz);
  }
  Vec z = run_plain(map, u, inner.z0, steps - h.window);
  h.residual = run_tangents(map, u, std::move(z), dz, steps - h.window, steps);
  h.gradient = lu + dz.topRows(n).transpose() * lx;
  h.linear_steps = h.window;
  // Of an iterate all steps are the whole derivative; how much a window cuts of it the tangents do not know.
  const bool settled = problem.response == Response::iterate ? h.window == steps : h.residual <= kForgotten;
  h.status = !h.gradient.allFinite() ? Status::failed : settled ? Status::converged : Status::step_limit;
  if (h.status == Status::failed)
    h.message = "the Jacobian recursion is not finite; the step size " + short_number(map.step_size()) + " is too large";
  if (h.status == Status::step_limit)
    h.message = "the last " + std::to_string(h.window) + " of " + std::to_string(steps) +
                " inner steps were differentiated, which leaves the Jacobian recursion with the residual " + sci(h.residual);
  return h;
}

}  // namespace tacit::inline TACIT_ABI
