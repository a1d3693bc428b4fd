// The hypergradient itself, as exactly as double precision allows.
#pragma once
#include <tacit/hypergrad/estimator.hpp>

namespace tacit {

/// An inner solution as good as rounding allows.
struct Polished {
  Vec x;
  double gradient_norm = 0;         ///< ||f_x(x, u)||
  Status status = Status::not_run;  ///< rounding when nothing improves any more; negative_curvature, step_limit, failed
};

/// x*(u) by damped Newton steps from x until neither f nor ||f_x|| gets smaller; directions by a dense Cholesky factor up to 2000
/// variables, beyond by CG to 1e-10.
Polished polish(const Problem& problem, In u, In x, Index max_steps = 100);

/// d l(x*(u), u) / du: polished x, then a dense solve with refinement (up to 2000 variables) or CG to 1e-12 for the adjoint. The
/// truth against which estimators are measured. status is that of the polishing when it failed.
Hypergradient reference_hypergradient(const Problem& problem, In u, In x);

}  // namespace tacit
