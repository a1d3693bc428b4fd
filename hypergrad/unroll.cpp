#include <tacit/hypergrad/unroll.hpp>

#include <algorithm>
#include <string>

#include <tacit/core/support/text.hpp>
#include <tacit/core/support/wording.hpp>
#include <tacit/hypergrad/automatic.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// A sweep that forgot its start to this counts as converged: further steps would change the last digits alone.
constexpr double kForgotten = 1e-6;

void judge(Hypergradient& h, const Problem& problem, const InnerSolution& inner, Index steps) {
  if (!h.gradient.allFinite()) {
    h.status = Status::failed;
    h.message = inner.z.allFinite() ? "the reverse sweep is not finite; the step size " + short_number(inner.map->step_size()) +
                                          " is too large: lower " + option_name("inner.step")
                                    : "the inner solution is not finite";
    return;
  }
  // All steps are the whole derivative of the iterate, whatever they remember of its start.
  const bool whole = problem.response == Response::iterate && h.window == steps;
  h.status = whole || h.residual <= kForgotten ? Status::converged : Status::step_limit;
  if (h.status == Status::step_limit)
    h.message = "the last " + std::to_string(h.window) + " of " + std::to_string(steps) +
                " inner steps were differentiated, which leaves the adjoint equation with the residual " + sci(h.residual);
}

}  // namespace

ReverseSweep walk_back(const FixedPointMap& map, In u, const Trajectory& tape, Index window, In seed) {
  if (window > tape.steps() - tape.first())
    throw UsageError("the tape reaches back " + std::to_string(tape.steps() - tape.first()) + " steps, " +
                         std::to_string(window) + " are to be differentiated; record a larger window",
                     "hypergradient.window");
  ReverseSweep s;
  s.gradient = Vec::Zero(u.size());
  s.sum = Vec::Zero(seed.size());
  s.left = seed;
  BackwardReader reader(map, u, tape);
  Vec next(seed.size());
  for (Index j = tape.steps() - 1; j >= tape.steps() - window; --j) {
    s.sum += s.left;
    reader.vjp(j, s.left, next, s.gradient);
    s.left.swap(next);
  }
  s.bytes = tape.bytes() + reader.buffer_bytes();
  return s;
}

void UnrollEstimator::fields(FieldVisitor& v) {
  if (truncated_)
    v.field("window", window, Range::at_least(1), CountWords{true, true},
            "the last K inner steps are differentiated (at most all); auto: as hypergradient.accuracy needs, 50 states at most");
  if (truncated_)
    v.field("max_steps", max_steps, Range::at_least(1),
            "window auto: steps of the reverse sweep at most; auto: 5 times those of the longest inner solve, 100 at least");
  v.field("stride", stride, Range::at_least(1), CountWords{false, true},
          "keep every s-th state and compute the rest again; auto: about the root of the number of steps");
}

Needs UnrollEstimator::needs() const {
  Needs n;
  n.map = true;
  if (memory > 0) n.tape.beside = 0;  // the limit is for the states
  if (window.is_auto()) {
    n.tape.window = kMostStates - 1;  // the last state is kept beside those before the differentiated steps
    n.tape.bytes = memory;
    return n;
  }
  n.tape.window = window.is_all() ? TapeRequest::kAll : window.n;
  n.tape.stride = stride.is_auto() ? TapeRequest::kAutoStride : stride.n;
  return n;
}

Accuracy UnrollEstimator::plan(const Problem& problem, In u, const InnerSolution* so_far, Calibration& calibration,
                               Accuracy asked) const {
  return window.is_auto() ? plan_for_target(problem, u, so_far, calibration, target_, asked) : asked;
}

Hypergradient UnrollEstimator::estimate(const Problem& problem, In u, const InnerSolution& inner, const Hypergradient* previous,
                                        double) const {
  const Index asked = needs().tape.window;
  if (!inner.tape || !inner.map || inner.tape->steps() < 0)
    throw UsageError(
        "estimator '" + std::string(truncated_ ? "truncated-unroll" : "full-unroll") +
            "' needs a recorded trajectory; use 'implicit-cg', or an iterative solver (gradient-descent, heavy-ball, nesterov) "
            "asked to record one",
        "hypergradient.estimator");
  if (window.is_auto()) {
    require_solution_of(problem, "truncated-unroll with window auto");
    return sweep_to_target(problem, u, inner, previous, target_, max_steps);
  }
  require_iterate_run(problem, inner, truncated_ ? "truncated-unroll" : "full-unroll");
  const Vec x = inner.x();
  Hypergradient h;
  Vec lx(x.size()), lu(u.size());
  h.outer_value = problem.l->gradient(x, u, lx, lu);
  Vec seed = Vec::Zero(inner.map->state_dim());
  seed.head(x.size()) = lx;
  const Index steps = inner.tape->steps();
  h.window = asked == TapeRequest::kAll ? steps : std::min(asked, steps);
  const ReverseSweep s = walk_back(*inner.map, u, *inner.tape, h.window, seed);
  h.gradient = lu + s.gradient;
  if (h.window == steps && inner.cold && problem.start) {
    Vec p(x.size());
    inner.map->lift_t(s.left, p);
    problem.start->vjp(u, p, h.gradient);
  }
  // At the fixed point sum_j P^T^j v = (I - P)^{-T} v, whose x part is (alpha f_xx)^{-1} l_x with and without momentum.
  h.adjoint = inner.map->step_size() * s.sum.head(x.size());
  h.linear_steps = h.window;
  h.tape_bytes = s.bytes;
  h.residual = lx.norm() > 0 ? s.left.norm() / lx.norm() : 0;
  judge(h, problem, inner, steps);
  return h;
}

}  // namespace tacit::inline TACIT_ABI
