#include <tacit/cli/run/interrupter.hpp>

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <cstring>

namespace tacit {

namespace {

// Lock-free, so that a signal handler may write what other threads read.
std::atomic<int> g_signal{0};
std::atomic<const char*> g_last_words{nullptr};
enum : int { kNoFinalWork, kUnderWay, kToEnd };
std::atomic<int> g_final_work{kNoFinalWork};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<const char*>::is_always_lock_free);

extern "C" void remember_signal(int number) {
  if (const char* words = g_last_words.load()) {
    [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, words, std::strlen(words));
    std::_Exit(128 + number);
  }
  int none = 0, under_way = kUnderWay;
  const bool first = g_signal.compare_exchange_strong(none, number);
  if (!g_final_work.compare_exchange_strong(under_way, kToEnd) && !first) std::_Exit(128 + number);
}

Interrupter::Clock::rep now() { return Interrupter::Clock::now().time_since_epoch().count(); }

}  // namespace

int interrupting_signal() { return g_signal.load(std::memory_order_relaxed); }

void handle_signals() {
  std::signal(SIGINT, remember_signal);
  std::signal(SIGTERM, remember_signal);
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);  // a file that may not grow is an error of the write, not the end of the run
}

NothingToKeep::NothingToKeep(const char* words) : before_(g_last_words.exchange(words)) {}
NothingToKeep::~NothingToKeep() { g_last_words = before_; }

FinalWork::FinalWork(double seconds) : seconds_(seconds) { g_final_work = kUnderWay; }
FinalWork::~FinalWork() { g_final_work = kNoFinalWork; }

bool FinalWork::signalled() const { return g_final_work.load(std::memory_order_relaxed) == kToEnd; }

bool FinalWork::due() const {
  return signalled() || std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count() >= seconds_;
}

void Interrupter::limit(double seconds) {
  constexpr double kCentury = 3e9;  // more than a clock of nanoseconds may hold
  deadline_ = seconds < kCentury
                  ? now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds)).count()
                  : kNever;
}

bool Interrupter::asked() const {
  const Clock::rep deadline = deadline_.load(std::memory_order_relaxed);
  return interrupting_signal() != 0 || (deadline != kNever && now() >= deadline);
}

void Interrupter::close() { closing_until_ = now() + std::chrono::duration_cast<Clock::duration>(kGrace).count(); }

bool Interrupter::due() const { return asked() && now() >= closing_until_.load(std::memory_order_relaxed); }

}  // namespace tacit
