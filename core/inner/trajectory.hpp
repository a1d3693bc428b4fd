// What a run of a fixed-point map leaves behind for reverse mode: all states, the last K, or checkpoints.
#pragma once
#include <cstddef>
#include <deque>
#include <memory>
#include <utility>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

class FixedPointMap;
class StepJacobian;

/// Which states a solver is to keep. window: the last K steps are to be differentiable (0: none, kAll: all of them);
/// stride: keep every s-th state and recompute the rest (1: keep every state; kAutoStride: about sqrt of the number of steps).
struct TapeRequest {
  static constexpr Index kAll = -1;
  static constexpr Index kAutoStride = 0;
  Index window = 0;
  Index stride = 1;
  std::size_t bytes = 0;  ///< most bytes of the states kept with a window of K steps, which shrinks to fit; 0: no limit
  /// Most bytes of Jacobians that are kept beside the states where all steps are to be differentiated, or replayed, as far as
  /// they spare a look at the data (FixedPointMap::step_and_linearize).
  std::size_t beside = kBeside;
  static constexpr std::size_t kBeside = std::size_t{1} << 24U;
  bool wanted() const { return window != 0; }
  bool operator==(const TapeRequest&) const = default;
};

/// One request whose tape serves all: Trajectory::thinned() then gives each its own. Equal requests stay as they are; else every
/// state is kept, as far back as the longest window and its checkpoints need.
TACIT_EXPORT TapeRequest union_of(const std::vector<TapeRequest>& requests);

/// States z_first .. z_steps of one run, some of them only as checkpoints. Filled by push(), read from the end.
class TACIT_EXPORT Trajectory {
public:
  Trajectory() = default;
  /// max_steps bounds the length of the run and fixes the automatic stride.
  Trajectory(TapeRequest request, Index max_steps);
  /// Records z_k; called for k = 0, 1, 2, ... once each.
  void push(Index k, In z);
  /// Whether the Jacobian of step k, the next one, is to be kept, when it takes so many bytes.
  bool wants_jacobian(Index k, std::size_t bytes) const;
  void keep_jacobian(std::unique_ptr<const StepJacobian> jacobian);
  /// Of the step from z_k; null: it was not kept.
  const StepJacobian* jacobian(Index k) const;
  /// Number of steps of the run (index of the last state).
  Index steps() const { return steps_; }
  /// Index of the earliest step k0 such that steps k0 .. steps()-1 can be differentiated.
  Index first() const;
  /// The last K steps at most: how many of the wanted steps are there.
  Index differentiable(Index window) const;
  Index stride() const { return stride_; }
  const TapeRequest& request() const { return request_; }
  /// Bytes of the stored states (peak).
  std::size_t bytes() const { return peak_bytes_; }
  /// At most so many for states of `state_dim` entries, the replayed segment of a reverse sweep included.
  static std::size_t most_bytes(const TapeRequest& request, Index max_steps, Index state_dim);
  /// The stored states, as (k, z_k) with k ascending. With stride 1 every k in first() .. steps().
  const std::deque<std::pair<Index, Vec>>& stored() const { return states_; }
  /// The tape that `request` would have kept of the same run, with its own peak. Throws UsageError unless this tape keeps every
  /// state (stride 1) as far back.
  Trajectory thinned(TapeRequest request) const;

private:
  TapeRequest request_;
  Index window_ = 0;  ///< of the request, as far as its bytes allow
  Index max_steps_ = 0;
  Index stride_ = 1;
  Index steps_ = -1;
  std::size_t peak_bytes_ = 0;
  std::deque<std::pair<Index, Vec>> states_;
  std::vector<std::shared_ptr<const StepJacobian>> jacobians_;  ///< of the first steps
};

/// Reads a trajectory backwards: state(k) or vjp(k, ...) for k = steps-1 downto first, each segment between checkpoints replayed
/// once.
class TACIT_EXPORT BackwardReader {
public:
  BackwardReader(const FixedPointMap& map, In u, const Trajectory& tape);
  /// z_k; k must not increase from call to call. The reference holds until the next call.
  const Vec& state(Index k);
  /// out_z = A_z^T p, add_u += A_u^T p at (z_k, u): by the Jacobian that was kept of the step, else in one pass over the data.
  void vjp(Index k, In p, Out out_z, Out add_u);
  /// Map steps spent on replaying.
  Index replayed() const { return replayed_; }
  /// Bytes of the replay buffer (peak).
  std::size_t buffer_bytes() const { return buffer_peak_; }

private:
  const FixedPointMap& map_;
  Vec u_;
  const Trajectory& tape_;
  Index segment_start_ = -1;
  std::deque<Vec> segment_;
  std::vector<std::unique_ptr<const StepJacobian>> jacobians_;  ///< of the steps that were replayed, as far as they are kept
  Index replayed_ = 0;
  std::size_t buffer_peak_ = 0;
};

}  // namespace tacit::inline TACIT_ABI
