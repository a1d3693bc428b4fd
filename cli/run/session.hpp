// What every verb that leaves a run folder shares: the folder, its log, messages and warnings.
#pragma once
#include <chrono>
#include <ctime>
#include <memory>
#include <string>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/progress.hpp>
#include <tacit/cli/run/streams.hpp>
#include <tacit/cli/run/warnings.hpp>

namespace spdlog {
class logger;
}

namespace tacit {

/// How much a run says on standard error.
struct Voice {
  Progress progress = Progress::plain;
  bool messages = true;        ///< what is going on
  bool warnings = true;        ///< the first of each kind
  bool every_warning = false;  ///< not the first of its kind alone
};

/// One run of a verb: opened once the run can start, so that a mistake before leaves no folder.
class Session {
public:
  Session(const Voice& voice, Streams& io);
  ~Session();

  /// From now on there is a run folder, with log.txt in it. Throws IoError.
  void open(RunFolder folder);
  /// To the log and to standard error.
  void say(const std::string& text);
  void warn(const Warning& w);
  /// To the log alone; nothing before open().
  void log(const std::string& text);
  /// The path of a file of the run folder ("plots/loss.svg"), its folders made, and named in the manifest. Throws IoError.
  std::filesystem::path file(const std::string& name) const;
  /// Writes a file of the run folder.
  void write(const std::string& name, const std::string& content) const;

  Streams& io() { return io_; }
  ProgressLine& progress() { return progress_; }
  const Warnings& warnings() const { return warnings_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  double seconds() const;
  std::time_t started_at() const { return started_at_; }

private:
  Voice voice_;
  Streams& io_;
  ProgressLine progress_;
  Heartbeat heartbeat_{progress_};
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::time_t started_at_ = std::time(nullptr);
  RunFolder folder_;
  std::shared_ptr<spdlog::logger> log_;
  Warnings warnings_;
};

}  // namespace tacit
