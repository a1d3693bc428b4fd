// Runs the built program as a process of its own: streams, exit code, signals, as a shell would see them.
#pragma once
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "paths.hpp"

namespace process_test {

namespace fs = std::filesystem;

inline std::string read_text(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_text(const fs::path& file, const std::string& text) {
  if (file.has_parent_path()) fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << text;
}

/// A folder of its own for a test, gone at its end.
class Scratch {
public:
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tacit-process-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    // As the program will name it: without links on the way.
    path_ = fs::canonical(name);
  }
  ~Scratch() {
    std::error_code none;
    fs::remove_all(path_, none);
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  const fs::path& path() const { return path_; }
  fs::path operator/(const std::string& name) const { return path_ / name; }

private:
  fs::path path_;
};

struct Start {
  std::vector<std::string> arguments;
  fs::path folder;                                               ///< working folder
  std::vector<std::pair<std::string, std::string>> environment;  ///< beside that of the tests
  std::string out = "", err = "";                                ///< files for the streams; "-": closed
  std::string in = "/dev/null";                                  ///< "-": closed
  rlim_t file_size = RLIM_INFINITY;                              ///< bytes that a file may have: a disk that is full
  rlim_t addresses = RLIM_INFINITY;                              ///< bytes of memory that it may take: ulimit -v
};

inline void redirect(const std::string& file, int fd, int flags) {
  if (file == "-") {
    close(fd);
    return;
  }
  const int opened = open(file.c_str(), flags, 0666);
  if (opened < 0 || dup2(opened, fd) < 0) _exit(126);
  if (opened != fd) close(opened);
}

/// A program that runs; killed when it still does at the end of the object's life.
class Process {
public:
  explicit Process(const Start& start, const std::string& program = tacit::test::program()) {
    std::vector<std::string> words{program};
    words.insert(words.end(), start.arguments.begin(), start.arguments.end());
    std::vector<char*> argv;
    for (std::string& w : words) argv.push_back(w.data());
    argv.push_back(nullptr);
    pid_ = fork();
    if (pid_ < 0) throw std::runtime_error("no process");
    if (pid_ > 0) return;
    if (!start.folder.empty() && chdir(start.folder.c_str()) != 0) _exit(126);
    for (const auto& [name, value] : start.environment) setenv(name.c_str(), value.c_str(), 1);
    const rlimit limit{start.file_size, start.file_size};
    if (start.file_size != RLIM_INFINITY && setrlimit(RLIMIT_FSIZE, &limit) != 0) _exit(126);
    const rlimit memory{start.addresses, start.addresses};
    if (start.addresses != RLIM_INFINITY && setrlimit(RLIMIT_AS, &memory) != 0) _exit(126);
    redirect(start.in, 0, O_RDONLY);
    if (!start.out.empty()) redirect(start.out, 1, O_WRONLY | O_CREAT | O_TRUNC);
    if (!start.err.empty()) redirect(start.err, 2, O_WRONLY | O_CREAT | O_TRUNC);
    execvp(argv[0], argv.data());
    _exit(127);
  }
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  void signal(int number) const { kill(pid_, number); }
  bool running() {
    int status = 0;
    if (pid_ <= 0 || waitpid(pid_, &status, WNOHANG) == 0) return pid_ > 0;
    ended(status);
    return false;
  }
  /// The exit code; 256 + the signal for a process that one ended.
  int wait() {
    int status = 0;
    if (pid_ > 0 && waitpid(pid_, &status, 0) == pid_) ended(status);
    return code_;
  }

private:
  void ended(int status) {
    pid_ = -1;
    code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 256 + WTERMSIG(status);
  }
  pid_t pid_ = -1;
  int code_ = -1;
};

struct Ran {
  int code = -1;
  std::string out, err;
};

/// Runs it to its end, with both streams kept.
inline Ran run(Start start, const std::string& program = tacit::test::program()) {
  const Scratch streams;
  const bool keep_out = start.out.empty(), keep_err = start.err.empty();
  if (keep_out) start.out = (streams / "out").string();
  if (keep_err) start.err = (streams / "err").string();
  Ran ran;
  ran.code = Process(start, program).wait();
  if (keep_out) ran.out = read_text(start.out);
  if (keep_err) ran.err = read_text(start.err);
  return ran;
}

/// Until the condition holds or the process ends; false when it never held within a minute or so.
template <class Condition>
bool wait_until(Process& process, Condition condition) {
  for (int i = 0; i < 12000; ++i) {
    if (condition()) return true;
    if (!process.running()) return condition();
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return false;
}

inline const std::string kConfigs = tacit::test::source_dir() + "/configs/";

/// Adam has no reason to stop before the end of time.
inline const std::vector<std::string> kEndless{"tune", kConfigs + "ridge_diabetes.yaml",
                                               "outer={optimizer: adam, step: 1.0e-3, max_steps: 1000000000, tolerance: 0}",
                                               "diagnostics.reference=0"};

inline std::vector<std::string> with(std::vector<std::string> arguments, const std::vector<std::string>& more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

inline std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

inline std::vector<std::string> cells_of(const std::string& line) {
  std::vector<std::string> cells;
  std::istringstream in(line + ",");
  for (std::string cell; std::getline(in, cell, ',');) cells.push_back(cell);
  return cells;
}

/// The rows of a trace without the columns that hold times.
inline std::vector<std::string> timeless(const fs::path& trace) {
  std::vector<std::string> rows;
  std::vector<bool> time;
  for (const std::string& line : lines_of(read_text(trace))) {
    const auto cells = cells_of(line);
    if (rows.empty()) {
      for (const std::string& name : cells) time.push_back(name.find("seconds") != std::string::npos);
    }
    std::string row;
    if (cells.size() != time.size()) throw std::runtime_error("a ragged row in " + trace.string());
    for (std::size_t i = 0; i < cells.size(); ++i) row += time[i] ? "" : cells[i] + ",";
    rows.push_back(row);
  }
  return rows;
}

/// A step is in the trace.
inline bool stepped(const fs::path& out) {
  const std::string trace = read_text(out / "trace.csv");
  return std::count(trace.begin(), trace.end(), '\n') >= 2;
}

}  // namespace process_test
