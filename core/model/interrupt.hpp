// How a computation is asked to stop in the middle of a solve, without a word of it in any solver.
#pragma once
#include <exception>
#include <functional>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// Leaves a solve that was asked to stop. What was computed up to there is given up; what the caller keeps from before stays
/// good.
class TACIT_EXPORT Interruption final : public std::exception {
public:
  const char* what() const noexcept override { return "the computation was asked to stop"; }
};

/// The same problem, whose inner objective asks `stop` at every evaluation and every product and throws Interruption where it
/// says yes: whatever solver, estimator or conjugate gradients run on it end within one evaluation. `stop` must be cheap. Throws
/// UsageError without objective or `stop`.
TACIT_EXPORT Problem interruptible(Problem problem, std::function<bool()> stop);

}  // namespace tacit::inline TACIT_ABI
