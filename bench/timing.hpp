// Time of a piece of work, for the benchmarks.
#pragma once
#include <chrono>
#include <functional>

namespace tacit_bench {

/// Seconds of wall time that `work` takes.
inline double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace tacit_bench
