#include <tacit/cli/run/quiet_thread.hpp>

#include <csignal>

#include <utility>

namespace tacit {

namespace {

/// Keeps all signals from this thread while it lives; a thread that it starts inherits that.
class SignalsKeptAway {
public:
  SignalsKeptAway() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~SignalsKeptAway() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsKeptAway(const SignalsKeptAway&) = delete;
  SignalsKeptAway& operator=(const SignalsKeptAway&) = delete;

private:
  sigset_t before_{};
};

}  // namespace

std::thread quiet_thread(std::function<void()> work) {
  const SignalsKeptAway away;
  return std::thread(std::move(work));
}

}  // namespace tacit
