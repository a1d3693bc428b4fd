// What a run says while it works: a clock in hand instead of a wait.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <mutex>
#include <sstream>

#include <tacit/cli/run/progress.hpp>

namespace {

using namespace std::chrono_literals;
using tacit::Heartbeat;
using tacit::Progress;
using tacit::ProgressLine;
using tacit::StepRecord;

/// A progress line on a text, with a clock that stands until it is moved.
struct Bench {
  std::ostringstream out;
  ProgressLine::Time now{std::chrono::hours(1)};
  ProgressLine line;
  explicit Bench(Progress kind) : line(out, kind, [this] { return now; }) {}
  std::string beat_after(std::chrono::milliseconds span) {
    out.str("");
    now += span;
    line.beat();
    return out.str();
  }
};

StepRecord step(tacit::Index k) {
  StepRecord r;
  r.step = k;
  r.outer_loss = 0.5;
  r.hypergradient = tacit::Vec::Constant(1, 0.25);
  r.hypergradient_norm = 0.25;
  r.seconds = 1.25;
  return r;
}

}  // namespace

TEST_CASE("progress: a sign of life comes before ten seconds of silence, and says what is being done") {
  Bench b(Progress::plain);
  b.line.begin("reading the data");
  CHECK(b.beat_after(7999ms) == "");
  CHECK(b.beat_after(1ms) == "still at work: reading the data, 8 s so far\n");
  CHECK(b.beat_after(7s) == "");
  CHECK(b.beat_after(2s) == "still at work: reading the data, 17 s so far\n");
  b.line.show(step(3), 50);
  CHECK(b.beat_after(8s) == "still at work: outer step 4, 8 s so far\n");
}

TEST_CASE("progress: whatever is written counts as a sign of life") {
  Bench b(Progress::plain);
  b.now += 7s;
  b.line.message("a warning");
  CHECK(b.out.str() == "a warning\n");
  CHECK(b.beat_after(7s) == "");
  CHECK(b.beat_after(1s) != "");
}

TEST_CASE("progress: a step that is not shown does not put off the sign of life") {
  Bench b(Progress::plain);
  b.line.show(step(0), 50);
  CHECK(b.out.str() == "step 0/50  outer loss 0.5  |hypergradient| 0.25  1.3 s\n");
  b.now += 4999ms;
  b.out.str("");
  b.line.show(step(1), 50);
  CHECK(b.out.str() == "");
  CHECK(b.beat_after(3001ms) == "still at work: outer step 2, 3 s so far\n");
  b.out.str("");
  b.line.show(step(2), 50);
  CHECK(b.out.str().rfind("step 2/50", 0) == 0);
}

TEST_CASE("progress: none says nothing but messages") {
  Bench b(Progress::none);
  b.line.show(step(0), 50);
  CHECK(b.beat_after(1h) == "");
  b.line.message("two\nlines\n");
  CHECK(b.out.str() == "two\nlines\n");
}

TEST_CASE("progress: every step has its line with -v") {
  Bench b(Progress::every);
  for (const tacit::Index k : {0, 1, 2}) b.line.show(step(k), 2);
  const std::string text = b.out.str();
  CHECK(std::count(text.begin(), text.end(), '\n') == 3);
}

TEST_CASE("progress: a redrawn line is ended before a message, and at the end") {
  Bench b(Progress::bar);
  b.line.show(step(0), 50);
  CHECK(b.out.str() == "\r\033[Kstep 0/50  outer loss 0.5  |hypergradient| 0.25  1.3 s");
  CHECK(b.beat_after(8s) == "\r\033[Kstill at work: outer step 1, 8 s so far");
  b.out.str("");
  b.line.message("a warning");
  CHECK(b.out.str() == "\r\033[Ka warning\n");
  b.out.str("");
  b.line.clear();
  CHECK(b.out.str() == "");
}

namespace {

/// A text that wakes who waits for its first character.
class Awaited final : public std::streambuf {
public:
  bool wait() {
    std::unique_lock lock(mutex_);
    return wake_.wait_for(lock, 60s, [this] { return written_; });
  }

private:
  int_type overflow(int_type c) override {
    const std::lock_guard lock(mutex_);
    written_ = true;
    wake_.notify_all();
    return c;
  }
  std::mutex mutex_;
  std::condition_variable wake_;
  bool written_ = false;
};

}  // namespace

TEST_CASE("progress: the heartbeat speaks while the run is silent, and not at all when progress is off") {
  // Nine seconds pass between any two looks at this clock.
  std::atomic<int> looks{0};
  const auto clock = [&] { return ProgressLine::Time(std::chrono::seconds(9 * ++looks)); };
  Awaited buffer;
  std::ostream out(&buffer);
  ProgressLine line(out, Progress::plain, clock);
  {
    const Heartbeat heartbeat(line, 1ms);
    CHECK(buffer.wait());
  }
  std::ostringstream nothing;
  ProgressLine silent(nothing, Progress::none, clock);
  const int before = looks;
  { const Heartbeat heartbeat(silent, 1ms); }
  CHECK(looks == before);
}
