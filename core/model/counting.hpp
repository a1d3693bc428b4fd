// Counts what a problem is asked for.
#pragma once
#include <memory>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// The same problem with every evaluation of f added to `counter`, which also becomes Problem::work (maps add their steps there).
///   value: 1 value; gradient, and linearize with a first order wanted: 1 gradient; hessian: 1 product a vector; cross, cross_t:
///   1 cross product a vector; adjoint: 1 + 1; tangents: 1 gradient, k Hessian and k cross products. Reads of the design matrix
///   are data passes, where the objective is a linear model. Of a plain struct (adapt) also the products of its smoothness and
///   the gradient of its gradient_scale, where it has to compute them; they are kept, so that asking again costs nothing.
/// Not counted here: linearize alone and diagonal (their reads of X show in data_passes), the dense Hessian (of the order of d/15
/// products), and the constants that a linear model computes once: smoothness, convexity, gradient_scale. Throws UsageError
/// without objective or counter.
TACIT_EXPORT Problem counted(Problem problem, std::shared_ptr<WorkCounter> counter);

}  // namespace tacit::inline TACIT_ABI
