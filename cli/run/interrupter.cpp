#include <tacit/cli/run/interrupter.hpp>

#include <tacit/cli/verbs/verbs.hpp>

namespace tacit {

void Interrupter::limit(double seconds) {
  constexpr double kCentury = 3e9;  // more than a clock of nanoseconds may hold
  deadline_.reset();
  if (seconds < kCentury)
    deadline_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

bool Interrupter::asked() const { return interrupting_signal() != 0 || (deadline_ && Clock::now() >= *deadline_); }

bool Interrupter::due() {
  if (!asked()) return false;
  const auto now = Clock::now();
  if (said_ && now - *said_ < kGrace) return false;
  said_ = now;
  return true;
}

}  // namespace tacit
