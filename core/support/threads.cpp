#include <tacit/core/support/threads.hpp>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <tacit/core/support/errors.hpp>

#if defined(__unix__) || defined(__APPLE__)
#include <pthread.h>
#include <signal.h>
#define TACIT_POSIX_THREADS 1
#endif

namespace tacit::inline TACIT_ABI {
namespace {

/// Looked for work so long before a thread sleeps. Between the passes of a solver lie solves with a factor, tens of microseconds
/// each, and to wake a thread takes up to a hundred on a virtual machine: 20000 x 500 with a penalty per feature takes 0.64 of
/// the time of one thread on two with 20 here, 0.58 with 300, and up to 6 % more processor time.
constexpr std::chrono::microseconds kAwake{300};

struct Level {
  Index threads = 1;    // of the innermost ThreadScope
  bool inside = false;  // beside others in run_parallel
};

Level& level() {
  thread_local Level of_this_thread;
  return of_this_thread;
}

inline void pause() {
#if defined(__x86_64__) && defined(__GNUC__)
  __builtin_ia32_pause();
#endif
}

/// Whether done() came true before it was time to sleep.
template <class Done>
bool soon(const Done& done) {
  const auto until = std::chrono::steady_clock::now() + kAwake;
  do {
    for (int k = 0; k < 32; ++k) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < until);
  return done();
}

/// What one call of run_parallel shares with those who help; it lies with the caller.
class Call {
public:
  Call(std::size_t count, const std::function<void(std::size_t)>& job) : count_(count), job_(job) {}

  /// Jobs until none is left.
  void work() noexcept {
    for (std::size_t i = next_++; i < count_; i = next_++) {
      try {
        job_(i);
      } catch (...) {
        const std::lock_guard lock(thrown_lock_);
        if (!thrown_ || i < thrower_) {
          thrown_ = std::current_exception();
          thrower_ = i;
        }
      }
    }
  }
  /// The same beside others: what a job computes has this thread alone.
  void work_beside() noexcept {
    const bool before = std::exchange(level().inside, true);
    work();
    level().inside = before;
  }
  void rethrow() const {
    if (thrown_) std::rethrow_exception(thrown_);
  }

  // Written under the lock of the helpers.
  Index wanted = 0;                // helpers that may still join
  std::atomic<Index> helping = 0;  // those that are at work

private:
  const std::size_t count_;
  const std::function<void(std::size_t)>& job_;
  std::atomic<std::size_t> next_ = 0;
  std::mutex thrown_lock_;
  std::exception_ptr thrown_;
  std::size_t thrower_ = 0;
};

/// The threads of the process that help. A caller never waits for one to come, only for those that came: one that the system
/// does not run, or that is not there, holds up nothing.
class Helpers {
public:
  ~Helpers() {
    {
      const std::lock_guard lock(mutex_);
      over_ = true;
    }
    offered_to_all_.notify_all();
    for (std::thread& t : threads_) t.join();
  }

  /// Asks for helpers, which join while the caller works.
  void offer(Call& call, Index wanted) {
    Index asleep = 0;
    {
      const std::lock_guard lock(mutex_);
      call.wanted = wanted;
      calls_.push_back(&call);
      wanted_ += wanted;
      start(busy_ + wanted_);
      offers_.fetch_add(1, std::memory_order_release);
      asleep = asleep_;
    }
    for (Index k = 0; k < std::min(asleep, wanted); ++k) offered_to_all_.notify_one();
  }
  /// Nobody joins any more; returns when all who did have left.
  void end(Call& call) {
    {
      const std::lock_guard lock(mutex_);
      if (call.wanted > 0) remove(call);
    }
    const auto left = [&] { return call.helping.load(std::memory_order_acquire) == 0; };
    if (soon(left)) return;
    std::unique_lock lock(mutex_);
    left_.wait(lock, left);
  }

  std::mutex& mutex() { return mutex_; }

private:
  /// So many threads, or as many as the system gives.
  void start(Index count) {
    while (static_cast<Index>(threads_.size()) < count) {
      try {
        threads_.push_back(quiet_thread());
      } catch (const std::system_error&) {
        return;
      }
    }
  }
  /// Signals are for the threads of the program: one that is started inherits what its maker blocks.
  std::thread quiet_thread() {
#ifdef TACIT_POSIX_THREADS
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    struct Restored {
      const sigset_t& mask;
      ~Restored() { pthread_sigmask(SIG_SETMASK, &mask, nullptr); }
    } const restored{before};
#endif
    return std::thread([this] { serve(); });
  }
  void remove(Call& call) {
    wanted_ -= call.wanted;
    call.wanted = 0;
    calls_.erase(std::find(calls_.begin(), calls_.end(), &call));
  }
  Call* join() {
    Call& call = *calls_.front();
    if (call.wanted == 1) {
      remove(call);
    } else {
      --call.wanted;
      --wanted_;
    }
    ++busy_;
    call.helping.fetch_add(1, std::memory_order_relaxed);
    return &call;
  }
  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      if (calls_.empty() && !over_) {
        const unsigned seen = offers_.load(std::memory_order_relaxed);
        lock.unlock();
        (void)soon([&] { return offers_.load(std::memory_order_acquire) != seen; });
        lock.lock();
      }
      ++asleep_;
      offered_to_all_.wait(lock, [&] { return over_ || !calls_.empty(); });
      --asleep_;
      if (over_) return;
      Call& call = *join();
      lock.unlock();
      call.work_beside();
      lock.lock();
      --busy_;
      call.helping.fetch_sub(1, std::memory_order_release);  // the last that is done with it
      left_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable offered_to_all_, left_;
  std::vector<Call*> calls_;  // that want helpers, the oldest first
  Index wanted_ = 0, busy_ = 0, asleep_ = 0;
  std::atomic<unsigned> offers_ = 0;
  bool over_ = false;
  std::vector<std::thread> threads_;
};

struct Kept {
  Helpers* helpers = new Helpers;
  Kept() {
#ifdef TACIT_POSIX_THREADS
    pthread_atfork([] { kept().helpers->mutex().lock(); }, [] { kept().helpers->mutex().unlock(); },
                   [] { kept().helpers = new Helpers; });  // what it had is not of this process
#endif
  }
  ~Kept() { delete helpers; }
  static Kept& kept() {
    static Kept of_the_process;
    return of_the_process;
  }
};

}  // namespace

ThreadScope::ThreadScope(Index threads) : before_(level().threads) {
  if (threads < 1)
    throw UsageError(UsageError::Kind::option, "a computation needs at least one thread, got " + std::to_string(threads));
  level().threads = threads;
}

ThreadScope::~ThreadScope() { level().threads = before_; }

Index threads_here() { return level().inside ? 1 : level().threads; }

void run_parallel(std::size_t count, Index threads, const std::function<void(std::size_t)>& job) {
  const Index helpers = level().inside ? 0 : std::min(threads, static_cast<Index>(count)) - 1;
  Call call(count, job);
  if (helpers < 1) {
    call.work();
  } else {
    Helpers& all = *Kept::kept().helpers;
    all.offer(call, helpers);
    call.work_beside();
    all.end(call);
  }
  call.rethrow();
}

}  // namespace tacit::inline TACIT_ABI
