// What a run says on standard error while it works: messages, a line a step, and a sign of life when a step takes long.
#pragma once
#include <chrono>
#include <condition_variable>
#include <functional>
#include <iosfwd>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include <tacit/bilevel/driver.hpp>

namespace tacit {

/// How progress is shown: not at all, a line in five seconds at most, a line for every step, one redrawn line.
enum class Progress { none, plain, every, bar };

/// The one writer to standard error during a run. Its heartbeat calls it from a second thread, so every function locks, and each
/// writes whole lines; a redrawn line is ended before anything else is written.
class ProgressLine {
public:
  using Time = std::chrono::steady_clock::time_point;
  /// now: the clock, for tests.
  ProgressLine(std::ostream& out, Progress kind, std::function<Time()> now = std::chrono::steady_clock::now);
  ~ProgressLine() { clear(); }
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  /// What is being done from now on, as a sign of life names it: "reading the data".
  void begin(std::string work);
  /// A step of `max_steps` is done, the next one begins.
  void show(const StepRecord& record, Index max_steps);
  /// A text of its own line or lines, whatever the kind of progress.
  void message(std::string_view text);
  /// A sign of life when nothing was written for eight seconds.
  void beat();
  /// Ends a redrawn line.
  void clear();
  Progress kind() const { return kind_; }

private:
  void write(const std::string& text);
  void clear_locked();

  std::mutex mutex_;
  std::ostream& out_;
  const Progress kind_;
  const std::function<Time()> now_;
  std::string work_ = "working";
  Time begun_, written_;
  Time stepped_{};
  bool drawn_ = false;
};

/// Calls beat() at an interval from a thread of its own while the object lives. A run without progress has none.
class Heartbeat {
public:
  explicit Heartbeat(ProgressLine& line, std::chrono::milliseconds interval = std::chrono::seconds(1));
  ~Heartbeat();
  Heartbeat(const Heartbeat&) = delete;
  Heartbeat& operator=(const Heartbeat&) = delete;

private:
  void run(std::chrono::milliseconds interval);

  ProgressLine& line_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool done_ = false;
  std::thread thread_;
};

}  // namespace tacit
