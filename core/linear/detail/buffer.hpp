// Memory of the hot loops.
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::kernels {

/// Numbers that begin at a cache line, wherever Eigen would have put them: loads and stores of the widest instructions cross
/// none. No memory of it is handed on. Where memory runs out a buffer is empty and of use again, which a
/// vector of Eigen that is resized is not.
class Buffer {
public:
  Index size() const { return size_; }
  double* data() { return start_; }
  double& operator[](Index i) { return start_[i]; }
  Eigen::Map<Vec> head(Index n) { return {start_, n}; }
  /// n numbers, not set, whose first one is at a multiple of `alignment` bytes, a power of two.
  void resize(Index n, std::size_t alignment = kLine) {
    size_ = 0;
    start_ = nullptr;
    memory_.reset();
    memory_.reset(new double[static_cast<std::size_t>(n) + alignment / sizeof(double)]);
    const auto address = reinterpret_cast<std::uintptr_t>(memory_.get());
    start_ = memory_.get() + (alignment - address % alignment) % alignment / sizeof(double);
    size_ = n;
  }

private:
  static constexpr std::size_t kLine = 64;  // bytes
  std::unique_ptr<double[]> memory_;        // a vector would set all numbers to 0
  double* start_ = nullptr;
  Index size_ = 0;
};

}  // namespace tacit::inline TACIT_ABI::kernels
