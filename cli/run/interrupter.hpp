// When a run of the program is to stop in the middle of a solve: after a signal, or past a deadline.
#pragma once
#include <chrono>
#include <optional>

namespace tacit {

class Interrupter {
public:
  using Clock = std::chrono::steady_clock;
  /// What closes a run, the best point solved once more, has this long before it is stopped too.
  static constexpr std::chrono::milliseconds kGrace{1000};

  /// Also after so many seconds from now.
  void limit(double seconds);
  /// SIGINT or SIGTERM came, or the deadline has passed.
  bool asked() const;
  /// Asked by every evaluation of the inner objective: true when asked() first holds, and again after each further kGrace.
  bool due();

private:
  std::optional<Clock::time_point> deadline_, said_;
};

}  // namespace tacit
