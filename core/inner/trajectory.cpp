#include <tacit/core/inner/trajectory.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/saturate.hpp>

namespace tacit::inline TACIT_ABI {

TapeRequest union_of(const std::vector<TapeRequest>& requests) {
  TapeRequest all;
  bool whole = false, alike = true;
  Index reach = 0;
  std::size_t beside = TapeRequest::kBeside;
  for (const TapeRequest& r : requests) {
    if (!r.wanted()) continue;
    if (!all.wanted()) all = r;
    alike = alike && r == all;
    beside = std::min(beside, r.beside);
    whole = whole || r.window == TapeRequest::kAll;
    // The checkpoint before the window's first step lies less than a stride before it; an automatic stride is at most the window.
    if (r.window == TapeRequest::kAll) continue;
    reach = std::max(reach, add_saturated(r.window, r.stride == TapeRequest::kAutoStride ? r.window : r.stride - 1));
  }
  if (alike) return all;
  return {whole ? TapeRequest::kAll : reach, 1, 0, beside};
}

Trajectory::Trajectory(TapeRequest request, Index max_steps) : request_(request), window_(request.window), max_steps_(max_steps) {
  if (request.window < TapeRequest::kAll || request.stride < 0)
    throw UsageError("a tape needs a window >= 0 (or all) and a stride >= 0 (0: automatic)", "hypergradient.window");
  const Index length = request.window == TapeRequest::kAll ? max_steps : std::min(request.window, max_steps);
  const double root = std::sqrt(static_cast<double>(std::max<Index>(length, 1)));
  stride_ =
      request.stride == TapeRequest::kAutoStride ? std::max<Index>(1, static_cast<Index>(std::lround(root))) : request.stride;
}

std::size_t Trajectory::most_bytes(const TapeRequest& request, Index max_steps, Index state_dim) {
  if (!request.wanted()) return 0;
  const Index stride = Trajectory(request, max_steps).stride();
  const Index length = request.window == TapeRequest::kAll ? max_steps : std::min(request.window, max_steps);
  // The last state too; with checkpoints one before the window, and a segment that is replayed, no longer than the run.
  const Index more = stride == 1 ? 1 : add_saturated<Index>(3, std::min(stride, max_steps));
  const auto states = static_cast<std::size_t>(add_saturated(length / stride, more));
  const std::size_t all = multiply_saturated(states, multiply_saturated(static_cast<std::size_t>(state_dim), sizeof(double)));
  return request.bytes > 0 ? std::min(all, request.bytes) : all;
}

void Trajectory::push(Index k, In z) {
  if (k != steps_ + 1) throw UsageError("states are pushed one after the other: expected state " + std::to_string(steps_ + 1));
  steps_ = k;
  if (k == 0 && request_.bytes > 0 && window_ > 0) {
    const std::size_t fit = request_.bytes / std::max<std::size_t>(1, static_cast<std::size_t>(z.size()) * sizeof(double));
    const auto most = static_cast<std::size_t>(std::numeric_limits<Index>::max());
    window_ = std::min(window_, std::max<Index>(0, static_cast<Index>(std::min(fit, most)) - 1));  // the last state is kept too
  }
  if (window_ == 0) return;
  // A stored state may go as soon as the one after it still reaches back to the window's first step; its memory is used again.
  Vec buffer;
  if (window_ != TapeRequest::kAll) {
    while (states_.size() > 1 && states_[1].first <= steps_ - window_) {
      buffer = std::move(states_.front().second);
      states_.pop_front();
    }
  }
  if (k % stride_ != 0) return;
  buffer = z;
  states_.emplace_back(k, std::move(buffer));
  peak_bytes_ = std::max(peak_bytes_, states_.size() * static_cast<std::size_t>(z.size()) * sizeof(double));
}

bool Trajectory::wants_jacobian(Index k, std::size_t bytes) const {
  if (window_ != TapeRequest::kAll || stride_ != 1 || bytes == 0) return false;
  return k == static_cast<Index>(jacobians_.size()) && jacobians_.size() < request_.beside / bytes;
}

void Trajectory::keep_jacobian(std::unique_ptr<const StepJacobian> jacobian) { jacobians_.push_back(std::move(jacobian)); }

const StepJacobian* Trajectory::jacobian(Index k) const {
  return k < static_cast<Index>(jacobians_.size()) ? jacobians_[static_cast<std::size_t>(k)].get() : nullptr;
}

Trajectory Trajectory::thinned(TapeRequest request) const {
  if (request == request_) return *this;
  Trajectory t(request, max_steps_);
  const Index begin = first();
  const Vec gone = Vec::Zero(states_.empty() ? 0 : states_.front().second.size());
  for (Index k = 0; k <= steps_ && stride_ == 1; ++k)
    t.push(k, k < begin ? gone : states_[static_cast<std::size_t>(k - begin)].second);
  if (request.wanted() && (stride_ != 1 || t.first() < begin))
    throw UsageError("the tape keeps too few states to serve another request; record it with stride 1 and a larger window",
                     "hypergradient.window");
  return t;
}

Index Trajectory::first() const { return states_.empty() ? std::max<Index>(steps_, 0) : states_.front().first; }

Index Trajectory::differentiable(Index window) const {
  const Index there = std::max<Index>(0, steps_ - first());
  return window == TapeRequest::kAll ? there : std::min(window, there);
}

BackwardReader::BackwardReader(const FixedPointMap& map, In u, const Trajectory& tape) : map_(map), u_(u), tape_(tape) {}

const Vec& BackwardReader::state(Index k) {
  const auto& stored = tape_.stored();
  if (stored.empty() || k < stored.front().first || k > tape_.steps())
    throw UsageError("state " + std::to_string(k) + " is not on the tape, which reaches back to step " +
                     std::to_string(tape_.first()) + " of " + std::to_string(tape_.steps()) + "; record a larger window");
  if (segment_start_ >= 0 && k >= segment_start_) {
    const auto at = static_cast<std::size_t>(k - segment_start_);
    if (at >= segment_.size()) throw UsageError("a tape is read backwards: the states' indices must not increase");
    return segment_[at];
  }
  const auto checkpoint = static_cast<std::size_t>((k - stored.front().first) / tape_.stride());
  if (stored[checkpoint].first == k) return stored[checkpoint].second;
  segment_start_ = stored[checkpoint].first;
  segment_.resize(static_cast<std::size_t>(k - segment_start_ + 1));
  segment_[0] = stored[checkpoint].second;
  jacobians_.clear();
  const std::size_t bytes = map_.jacobian_bytes(), most = bytes > 0 ? tape_.request().beside / bytes : 0;
  for (std::size_t i = 1; i < segment_.size(); ++i) {
    const Index step = segment_start_ + static_cast<Index>(i) - 1;
    segment_[i].resize(map_.state_dim());
    if (jacobians_.size() < most)
      map_.step_and_linearize(step, segment_[i - 1], u_, segment_[i], jacobians_.emplace_back());
    else
      map_.step(step, segment_[i - 1], u_, segment_[i]);
    ++replayed_;
  }
  buffer_peak_ = std::max(buffer_peak_, segment_.size() * static_cast<std::size_t>(map_.state_dim()) * sizeof(double));
  return segment_[static_cast<std::size_t>(k - segment_start_)];
}

void BackwardReader::vjp(Index k, In p, Out out_z, Out add_u) {
  if (const StepJacobian* kept = tape_.jacobian(k)) return kept->vjp(p, out_z, add_u);
  const Vec& z = state(k);
  const Index in_segment = segment_start_ >= 0 && k >= segment_start_ ? k - segment_start_ : -1;
  if (in_segment >= 0 && in_segment < static_cast<Index>(jacobians_.size()))
    return jacobians_[static_cast<std::size_t>(in_segment)]->vjp(p, out_z, add_u);
  map_.vjp(k, z, u_, p, out_z, add_u);
}

}  // namespace tacit::inline TACIT_ABI
