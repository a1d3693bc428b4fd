// The hypergradient itself, as exactly as double precision allows.
#pragma once
#include <limits>

#include <tacit/hypergrad/estimator.hpp>

namespace tacit::inline TACIT_ABI {

/// An inner solution as good as rounding allows.
struct Polished {
  Vec x;
  double gradient_norm = 0;         ///< ||f_x(x, u)||
  Status status = Status::not_run;  ///< rounding when nothing improves any more; negative_curvature, step_limit, failed
};

struct PolishOptions {
  Index max_steps = 100;
  /// Up to 2000 variables, where f is not quadratic: directions by CG to 1e-4 with the last factor, or with `near`, while that
  /// takes no more than 12 products, instead of a factor a step. Steps are more then, and get as far.
  bool frugal = false;
  std::shared_ptr<const LinearOperator> near{};  ///< an approximation of f_xx^{-1} near x
  /// Enough where ||f_x|| is at most 1e-12 ||f_x(0, u)||, or what rounding leaves of it; always beyond 2000 variables.
  bool to_floor = false;
};

/// x*(u) by damped Newton steps from x until neither f nor ||f_x|| gets smaller; directions by a dense Cholesky factor up to 2000
/// variables, beyond by CG, to as much of the gradient as the gradient is of that at x = 0, for Newton's method converges no
/// faster, and until 1e-12 of that is left.
TACIT_EXPORT Polished polish(const Problem& problem, In u, In x, const PolishOptions& options = {});

/// What is known near a point: approximations of f_xx^{-1} and of the adjoint; either may be missing.
struct ReferenceStart {
  std::shared_ptr<const LinearOperator> inverse{};
  Vec adjoint{};
  /// Of a linear model: a hypergradient (in u) that is to be compared with the true one, f_x at the point, and what a step with
  /// `inverse` leaves of f_x. Point and adjoint are then corrected by steps with `inverse` until at most 1e-3 of the distance to
  /// `compared` is open, or 1e-12 of the hypergradient; moved: by how much the last step that led to the point has moved it, in
  /// theta (NaN: unknown), `corrected`: the hypergradient there.
  Vec compared{}, corrected{}, fx{};
  double left = std::numeric_limits<double>::quiet_NaN(), moved = left;
};

/// d l(x*(u), u) / du: polished x, then a dense solve with refinement (up to 2000 variables) or CG to 1e-12 for the adjoint. The
/// truth against which estimators are measured. near.inverse then preconditions both, and near.adjoint is the start; what
/// comes out is as good by its residuals (1e-12 of both), or made without them. status is that of the polishing when it
/// failed.
TACIT_EXPORT Hypergradient reference_hypergradient(const Problem& problem, In u, In x, const ReferenceStart& near = {});

/// d l(x_K(u), u) / du of a run from x_0(u) (Response::iterate), all of its steps: by forward mode, or by a reverse sweep over
/// the steps, run again with about sqrt(K) states kept.
TACIT_EXPORT Hypergradient iterate_hypergradient(const Problem& problem, In u, const InnerSolution& inner, bool forward);

/// What the hypergradient owes to its adjoint w not solving f_xx w = l_x at x: f_ux f_xx^{-1} (l_x - f_xx w), in u; empty where
/// f_xx is not positive definite. Of an unrolled derivative, whose adjoint stands for its differentiated steps, it is the
/// forgetting term: what those steps left of the wrong start of the derivative (exactly so where f_xx is constant).
TACIT_EXPORT Vec adjoint_gap(const Problem& problem, In u, In x, In w);

}  // namespace tacit::inline TACIT_ABI
