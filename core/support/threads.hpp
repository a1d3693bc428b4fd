// Parts of a computation beside each other, on threads that sleep in between.
#pragma once
#include <cstddef>
#include <functional>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// While it lives, what the thread that made it computes may use so many threads, its own among them: the rows of a pass, where
/// the matrix is large enough. The number changes no bit of any result. The innermost scope counts; without one it is 1, on a
/// thread that is started later too. What runs beside others in run_parallel has one thread, whatever a scope says.
class TACIT_EXPORT ThreadScope {
public:
  /// Throws UsageError for less than one.
  explicit ThreadScope(Index threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

private:
  Index before_;
};

/// How many threads a computation of this thread may use here and now.
TACIT_EXPORT Index threads_here();

/// Runs job(0) .. job(count - 1), each once, on at most `threads` threads, that of the caller among them; on the caller's alone
/// inside of another call, so that levels do not nest. What a job throws is thrown here once all have ended: of several the one
/// of the least index. The other threads belong to the process: they are made when they are first needed, sleep when there is
/// nothing to do, and no signal reaches them. Where no more are to be had the jobs run on those that there are. A child of
/// fork() has none of them and makes its own.
TACIT_EXPORT void run_parallel(std::size_t count, Index threads, const std::function<void(std::size_t)>& job);

}  // namespace tacit::inline TACIT_ABI
