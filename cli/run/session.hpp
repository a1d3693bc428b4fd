// What every verb that leaves a run folder shares: the folder, its log, messages and warnings.
#pragma once
#include <chrono>
#include <ctime>
#include <memory>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/progress.hpp>
#include <tacit/cli/run/run_output.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verbs.hpp>

namespace spdlog {
class logger;
}

namespace tacit {

/// One run of a verb: opened once the run can start, so that a mistake before leaves no folder.
class Session {
public:
  Session(const CommandLine& line, Streams& io);
  ~Session();

  /// The folder of -o, of output.dir, or the next free one of its pattern, with config.yaml, config.resolved.yaml and log.txt in
  /// it. Throws UsageError for a folder in use, IoError.
  void open(const RunConfig& config);
  /// To the log and, unless quiet or --json, to standard error.
  void say(const std::string& text);
  /// To the log and to standard error: the first of its kind, or each with -v.
  void warn(const Warning& w);
  /// To the log alone; nothing before open().
  void log(const std::string& text);
  /// Makes a folder in the run folder. Throws IoError.
  void make_folder(const std::string& name) const;
  /// Writes a file of the run folder.
  void write(const std::string& name, const std::string& content) const;

  const CommandLine& line() const { return line_; }
  Streams& io() { return io_; }
  ProgressLine& progress() { return progress_; }
  const Strategies& strategies() const { return strategies_; }
  const Warnings& warnings() const { return warnings_; }
  const std::filesystem::path& folder() const { return folder_.path(); }
  double seconds() const;
  std::time_t started_at() const { return started_at_; }

private:
  const CommandLine& line_;
  Streams& io_;
  ProgressLine progress_;
  Heartbeat heartbeat_{progress_};
  Strategies strategies_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::time_t started_at_ = std::time(nullptr);
  RunFolder folder_;
  std::shared_ptr<spdlog::logger> log_;
  Warnings warnings_;
};

/// What the files of a run folder look like; another number is another version, whose reports it writes itself.
inline constexpr int kRunFormat = 1;
/// A JSON object as the text of a file or of standard output; bytes that are no UTF-8 (of a file name) become U+FFFD.
std::string json_text(const nlohmann::json& j);
/// A finite number, else null.
nlohmann::json number_json(double v);
nlohmann::json work_json(const Work& w);
/// Status of a finished run: the word in --json and the exit code.
struct Ending {
  const char* status;
  int code;
};
Ending ending_of(StopReason r);
/// Verb, name, versions, begin, seed, objective with its choices, methods, digests and shapes of the data, peak memory: what
/// every run.json has.
nlohmann::json run_facts(const Assembly& a, const Session& session);
/// run.json while the run is at work; one that stays like this is of a run that was killed.
std::string begun_text(nlohmann::json facts);

}  // namespace tacit
