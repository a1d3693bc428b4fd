// Memory of the hot loops.
#pragma once
#include <cstdint>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// Numbers that begin at a cache line, wherever Eigen would have put them: loads and stores of the widest instructions cross
/// none. Of the loops alone; no memory of it is handed on.
class Buffer {
public:
  Index size() const { return size_; }
  double* data() { return start_; }
  double& operator[](Index i) { return start_[i]; }
  Eigen::Map<Vec> head(Index n) { return {start_, n}; }
  void resize(Index n) {
    memory_.resize(n + kLine / Index{sizeof(double)});
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.data());
    start_ = memory_.data() + (kLine - address % kLine) % kLine / sizeof(double);
    size_ = n;
  }

private:
  static constexpr Index kLine = 64;  // bytes
  Vec memory_;
  double* start_ = nullptr;
  Index size_ = 0;
};

}  // namespace tacit::inline TACIT_ABI::kernels
