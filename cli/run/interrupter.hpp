// When a run of the program is to stop in the middle of a solve: after a signal, or past a deadline.
#pragma once
#include <atomic>
#include <chrono>

namespace tacit {

/// The first SIGINT or SIGTERM (its number), else 0; a second one ends the program at once, but for FinalWork.
int interrupting_signal();
/// From now on SIGINT and SIGTERM are remembered, and writing to a closed pipe or past the size limit of files is an error of the
/// write.
void handle_signals();

/// While one lives, the first SIGINT or SIGTERM ends the program at once with `words` on standard error: of reading there is
/// nothing to keep, and it may wait for a pipe. Words outlives it.
class NothingToKeep {
public:
  explicit NothingToKeep(const char* words);
  NothingToKeep(const NothingToKeep&) = delete;
  NothingToKeep& operator=(const NothingToKeep&) = delete;
  ~NothingToKeep();

private:
  const char* before_;
};

/// What comes after a run, the final fit: while one lives a signal asks for the end of that work, and does not end the program
/// even if one came before. One at a time.
class FinalWork {
public:
  /// Also after so many seconds from now; infinity: never.
  explicit FinalWork(double seconds);
  FinalWork(const FinalWork&) = delete;
  FinalWork& operator=(const FinalWork&) = delete;
  ~FinalWork();
  /// A signal came since.
  bool signalled() const;
  /// That, or the time is over.
  bool due() const;

private:
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
  double seconds_;
};

inline constexpr const char* kReading = "interrupted while the data were read\n";

/// Shared by all that must hear of one request, each on a thread of its own or not.
class Interrupter {
public:
  using Clock = std::chrono::steady_clock;
  /// What closes a run, the best point solved once more, has this long before it is stopped too.
  static constexpr std::chrono::milliseconds kGrace{1000};

  /// Also after so many seconds from now.
  void limit(double seconds);
  /// SIGINT or SIGTERM came, or the deadline has passed.
  bool asked() const;
  /// What closes the run begins, and has kGrace.
  void close();
  /// Asked by every evaluation of the inner objective: whoever asks hears the same, true from when asked() holds, but while what
  /// closes the run has time.
  bool due() const;

private:
  static constexpr Clock::rep kNever = 0;
  std::atomic<Clock::rep> deadline_{kNever}, closing_until_{kNever};
};

}  // namespace tacit
