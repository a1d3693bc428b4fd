#include <tacit/cli/run/progress.hpp>

#include <cmath>
#include <ostream>
#include <system_error>
#include <utility>

#include <tacit/cli/run/quiet_thread.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using std::chrono::milliseconds;

// With a beat a second, nobody waits ten seconds for a word.
constexpr milliseconds kSilence{8000};

std::string seconds_text(std::chrono::steady_clock::duration span) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(span).count()) + " s";
}

std::string step_text(const StepRecord& record, Index max_steps) {
  return "step " + std::to_string(record.step) + "/" + std::to_string(max_steps) + "  outer loss " +
         short_number(record.outer_loss) +
         (record.hypergradient.size() > 0 ? "  |hypergradient| " + short_number(record.hypergradient_norm) : "") + "  " +
         short_number(std::round(record.seconds * 10) / 10) + " s";
}

}  // namespace

ProgressLine::ProgressLine(std::ostream& out, Progress kind, std::function<Time()> now)
    : out_(out), kind_(kind), now_(std::move(now)), begun_(now_()), written_(begun_) {}

void ProgressLine::begin(std::string work) {
  const std::lock_guard lock(mutex_);
  work_ = std::move(work);
  begun_ = now_();
}

void ProgressLine::show(const StepRecord& record, Index max_steps) {
  const std::lock_guard lock(mutex_);
  const Time now = now_();
  work_ = "outer step " + std::to_string(record.step + 1);
  begun_ = now;
  if (kind_ == Progress::none) return;
  const milliseconds pause(kind_ == Progress::bar ? 100 : kind_ == Progress::plain ? 5000 : 0);
  if (stepped_ != Time{} && now - stepped_ < pause) return;
  stepped_ = now;
  write(step_text(record, max_steps));
}

void ProgressLine::message(std::string_view text) {
  const std::lock_guard lock(mutex_);
  clear_locked();
  out_ << text;
  if (text.empty() || text.back() != '\n') out_ << '\n';
  out_.flush();
  written_ = now_();
}

void ProgressLine::beat() {
  const std::lock_guard lock(mutex_);
  if (kind_ == Progress::none) return;
  const Time now = now_();
  if (now - written_ >= kSilence) write("still at work: " + work_ + ", " + seconds_text(now - begun_) + " so far");
}

void ProgressLine::clear() {
  const std::lock_guard lock(mutex_);
  clear_locked();
}

void ProgressLine::write(const std::string& text) {
  if (kind_ == Progress::bar) {
    out_ << "\r\033[K" << text << std::flush;
    drawn_ = true;
  } else {
    out_ << text << std::endl;
  }
  written_ = now_();
}

void ProgressLine::clear_locked() {
  if (drawn_) out_ << "\r\033[K" << std::flush;
  drawn_ = false;
}

Heartbeat::Heartbeat(ProgressLine& line, milliseconds interval) : line_(line) {
  if (line.kind() == Progress::none) return;
  try {
    thread_ = quiet_thread([this, interval] { run(interval); });
  } catch (const std::system_error&) {
    // No thread to be had: the run goes on, with a line a step only.
  }
}

Heartbeat::~Heartbeat() {
  {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Heartbeat::run(milliseconds interval) {
  std::unique_lock lock(mutex_);
  while (!wake_.wait_for(lock, interval, [this] { return done_; })) line_.beat();
}

}  // namespace tacit
