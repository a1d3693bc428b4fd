// A criterion that is asked several times for what it is at one point. Not part of the public interface.
#pragma once
#include <memory>
#include <mutex>

#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// The same criterion, which keeps value and gradients of the last point, or of the last pair of points: an oracle, its estimator
/// and its error estimates ask for them one after the other. Safe to share between threads.
std::shared_ptr<const Criterion> remembering(std::shared_ptr<const Criterion> criterion);

}  // namespace tacit::inline TACIT_ABI::detail
