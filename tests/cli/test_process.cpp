// The program among other processes: kill -9, pipes, full devices, closed streams, terminals.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <random>
#include <sstream>

#include <nlohmann/json.hpp>

#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/assembly.hpp>

#include "paths.hpp"
#include "process.hpp"

namespace {

using namespace process_test;
using nlohmann::json;

/// Is the file whole: does it parse, and end where it should? Of a trace, which grows, up to its last line end: the system itself
/// may write a line that crosses a page in two parts, with the signal between them.
bool whole(const fs::path& file) {
  std::string text = read_text(file);
  if (file.stem() == "trace") text.erase(text.rfind('\n') + 1);
  const auto lines = lines_of(text);
  if (text.empty() || text.back() != '\n') return false;
  if (file.extension() == ".json") return json::accept(text);
  if (file.extension() == ".jsonl") return std::all_of(lines.begin(), lines.end(), [](const auto& l) { return json::accept(l); });
  if (file.extension() == ".csv")
    return std::all_of(lines.begin(), lines.end(),
                       [&](const auto& l) { return cells_of(l).size() == cells_of(lines[0]).size(); });
  if (file.extension() == ".yaml") {
    const tacit::Strategies strategies;
    tacit::load_run_file(file.string(), {}, strategies.catalog);
  }
  return true;
}

}  // namespace

TEST_CASE("process: kill -9 at any instant leaves only whole files, and --force clears what is left") {
  const Scratch work;
  const fs::path out = work / "out";
  std::mt19937 random(1);
  int with_trace = 0;
  for (int i = 0; i < 20; ++i) {
    Start start;
    start.arguments = with(kEndless, {"-q", "--force", "-o", out.string()});
    start.folder = work.path();
    Process process(start);
    // Half of them are killed while the first files are written, half while the trace grows.
    const auto ready = [&] { return fs::exists(out / (i % 2 == 0 ? "config.yaml" : "trace.csv")); };
    REQUIRE(wait_until(process, ready));
    std::this_thread::sleep_for(std::chrono::microseconds(random() % (i % 2 == 0 ? 20000 : 60000)));
    process.signal(SIGKILL);
    CHECK(process.wait() == 256 + SIGKILL);
    for (const auto& entry : fs::directory_iterator(out)) {
      const std::string name = entry.path().filename().string();
      CAPTURE(name);
      // The log is written on and on; a temporary name says what it is.
      const bool temporary = name.front() == '.' && entry.path().extension() == ".tmp";
      // The manifest names a file before there is one: at the very first there is nothing to name.
      const bool begun = name == ".tacit-files" && fs::is_empty(entry.path());
      if (!temporary && !begun && name != "log.txt") CHECK(whole(entry.path()));
    }
    with_trace += fs::exists(out / "trace.csv") ? 1 : 0;
  }
  CHECK(with_trace >= 10);
  // What a killed run can leave under a temporary name goes with the rest; what the user put there stays.
  write_text(out / ".trace.csv.4711-0.tmp", "half");
  write_text(out / ".notes.tmp", "mine");
  Start last;
  last.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=0", "-q", "--force", "-o", out.string()};
  last.folder = work.path();
  CHECK(run(last).code == 0);
  CHECK_FALSE(fs::exists(out / ".trace.csv.4711-0.tmp"));
  CHECK(fs::exists(out / ".notes.tmp"));
}

TEST_CASE("process: the peak of memory is that of the program, whatever the one that launched it had") {
  const Scratch work;
  const auto peak = [&](const char* name) {
    Start start;
    start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "-q", "outer.max_steps=1", "-o", (work / name).string()};
    REQUIRE(run(start).code == 0);
    return json::parse(read_text(work / name / "run.json"))["peak_memory_bytes"].get<double>();
  };
  const double small = peak("small");
  CHECK(small > 2e6);
  // Every page touched, so that it counts as resident.
  std::vector<char> mine(300000000);
  for (std::size_t i = 0; i < mine.size(); i += 512) mine[i] = static_cast<char>(i);
  const double beside = peak("beside");
  CHECK(mine[512 * 3] == static_cast<char>(512 * 3));
  CHECK(std::abs(beside - small) < 0.3 * small);
}

TEST_CASE("process: runs that start at once each get a folder of their own") {
  const Scratch work;
  Start start;
  start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "-q", "outer.max_steps=1"};
  start.folder = work.path();
  std::vector<std::unique_ptr<Process>> all;
  for (int i = 0; i < 4; ++i) all.push_back(std::make_unique<Process>(start));
  for (auto& process : all) CHECK(process->wait() == 0);
  for (const char* name : {"ridge_diabetes", "ridge_diabetes-2", "ridge_diabetes-3", "ridge_diabetes-4"}) {
    CAPTURE(name);
    CHECK(whole(work / "runs" / name / "run.json"));
    CHECK(timeless(work / "runs" / name / "trace.csv") == timeless(work / "runs" / "ridge_diabetes" / "trace.csv"));
  }
}

TEST_CASE("process: a given folder in which a run is writing is refused, even with --force") {
  const Scratch work;
  Start start;
  start.arguments = with(kEndless, {"-q", "--force", "-o", (work / "out").string()});
  start.folder = work.path();
  Process first(start);
  REQUIRE(wait_until(first, [&] { return stepped(work / "out"); }));
  const Ran second = run(start);
  CHECK(second.code == 2);
  CHECK(second.err.find("another run is writing in the output folder") != std::string::npos);
  CHECK(first.running());
}

TEST_CASE("process: an output folder that cannot be made is an I/O failure with its path and reason") {
  const Scratch work;
  Start start;
  start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "-q", "-o", "/proc/tacit/out"};
  start.folder = work.path();
  const Ran ran = run(start);
  CHECK(ran.code == 1);
  CHECK(ran.err.rfind("error: cannot make the folder '/proc/tacit", 0) == 0);
  CHECK(fs::is_empty(work.path()));
}

TEST_CASE("process: results that cannot be written are a failure, whatever the reason") {
  const Scratch work;
  for (const char* out : {"/dev/full", "-"}) {
    CAPTURE(out);
    if (std::string(out) == "/dev/full" && !fs::exists(out)) continue;
    Start start;
    start.arguments = {"schema"};
    start.folder = work.path();
    start.out = out;
    const Ran ran = run(start);
    CHECK(ran.code == 1);
    CHECK(ran.err.find("standard output") != std::string::npos);
    // The run folder is whole all the same.
    start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=1", "--progress", "none"};
    CHECK(run(start).code == 1);
  }
  for (const auto& entry : fs::directory_iterator(work / "runs")) CHECK(whole(entry.path() / "run.json"));
}

TEST_CASE(
    "process: on a full disk the best point is shown, run.json says that the run failed, and a report too large is an error") {
  const Scratch work;
  Start start;
  start.folder = work.path();
  start.arguments = {"tune", kConfigs + "ridge_diabetes_per_feature.yaml", "diagnostics.reference=0", "-o", "out"};
  const Ran whole_run = run(start);
  REQUIRE(whole_run.code == 0);
  const auto trace = fs::file_size(work / "out" / "trace.jsonl"), page = fs::file_size(work / "out" / "report.html");
  REQUIRE(page > trace);
  for (const auto size : {trace / 2, page - page / 10}) {
    CAPTURE(size);
    start.file_size = size;
    start.arguments.back() = "full-" + std::to_string(size);
    const fs::path out = work / start.arguments.back();
    const Ran ran = run(start);
    CHECK(ran.code == 1);
    CHECK(ran.out.find("best loss") != std::string::npos);
    CHECK(ran.out.find("l2[") != std::string::npos);
    const json left = json::parse(read_text(out / "run.json"));
    if (size < trace) {
      CHECK(left["status"] == "failed");
      CHECK(ran.err.find("trace.jsonl") != std::string::npos);
    } else {
      CHECK(left["status"] == "converged");
      CHECK(ran.err.find("W330") != std::string::npos);
    }
  }
}

TEST_CASE("process: a closed standard stream never becomes a file of the run") {
  const Scratch work;
  Start start;
  start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=1", "-o", "out"};
  start.folder = work.path();
  start.in = start.out = start.err = "-";
  CHECK(run(start).code == 1);
  // The table and the plan are not in the log, which has a date in every line.
  for (const std::string& line : lines_of(read_text(work / "out" / "log.txt"))) {
    CAPTURE(line);
    CHECK(line.size() > 20);
    CHECK(line.substr(4, 1) == "-");
    CHECK(line.substr(10, 1) == "T");
  }
  start.arguments = {"tune", kConfigs + "ridge_diabetes.yaml", "outer.max_steps=1", "-q", "-o", "quiet"};
  CHECK(run(start).code == 0);
}

TEST_CASE("process: a reader that goes away early is no crash") {
  const Scratch work;
  Start start;
  // The schema is larger than the buffer of a pipe.
  start.arguments = {"-c", "{ \"" + tacit::test::program() + "\" schema; echo $? > code; } | head -n 1"};
  start.folder = work.path();
  const Ran ran = run(start, "sh");
  CHECK(ran.code == 0);
  CHECK(ran.out == "{\n");
  const std::string code = read_text(work / "code");
  CHECK((code == "0\n" || code == "1\n"));
}

namespace {

/// Everything that the program writes to a terminal in place of standard error.
std::string on_terminal(Start start, int& code) {
  const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
  REQUIRE(master >= 0);
  REQUIRE(grantpt(master) == 0);
  REQUIRE(unlockpt(master) == 0);
  start.err = ptsname(master);
  // Kept open, so that what was written last is still there after the program has ended.
  const int slave = open(start.err.c_str(), O_RDWR | O_NOCTTY);
  Process process(start);
  std::string text;
  char buffer[4096];
  for (bool running = true; running;) {
    running = process.running();
    for (ssize_t n = 0; (n = read(master, buffer, sizeof buffer)) > 0;) text.append(buffer, static_cast<std::size_t>(n));
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  code = process.wait();
  close(slave);
  close(master);
  return text;
}

}  // namespace

TEST_CASE("process: a terminal gets colours and a redrawn line, NO_COLOR takes the colours, a file gets neither") {
  if (const int probe = posix_openpt(O_RDWR | O_NOCTTY); probe >= 0) {
    close(probe);
  } else {
    MESSAGE("skipped: this machine has no pseudo-terminals");
    return;
  }
  const Scratch work;
  Start start;
  start.arguments = {
      "tune",   kConfigs + "ridge_diabetes.yaml", "outer.max_steps=2", "inner.max_steps=3", "-o", (work / "out").string(),
      "--force"};
  start.folder = work.path();
  start.out = (work / "table").string();
  int code = -1;
  const std::string coloured = on_terminal(start, code);
  CHECK(code == 0);
  CHECK(coloured.find("\033[1;33mwarning[W301]\033[0m") != std::string::npos);
  CHECK(coloured.find("\r\033[Kstep 0/2") != std::string::npos);
  CHECK(read_text(start.out).find('\033') == std::string::npos);
  start.environment = {{"NO_COLOR", "1"}};
  const std::string plain = on_terminal(start, code);
  CHECK(plain.find("\033[1;") == std::string::npos);
  CHECK(plain.find("warning[W301] step 0") != std::string::npos);
  start.environment.clear();
  CHECK(run(start).err.find('\033') == std::string::npos);
}

TEST_CASE("process: config.resolved.yaml run again repeats the run, and resolves to itself") {
  const Scratch work;
  for (const auto& entry : fs::directory_iterator(kConfigs)) {
    if (entry.path().extension() != ".yaml") continue;
    const std::string name = entry.path().stem().string();
    CAPTURE(name);
    const auto tune = [&](const std::string& config, const std::string& out) {
      Start start;
      start.arguments = {"tune", config, "-q", "outer.max_steps=6", "-o", (work / out).string()};
      start.folder = work.path();
      const Ran ran = run(start);
      CAPTURE(ran.err);
      CHECK(ran.code == 0);
      return work / out;
    };
    const fs::path first = tune(entry.path().string(), name),
                   second = tune((first / "config.resolved.yaml").string(), name + "2");
    CHECK(timeless(first / "trace.csv") == timeless(second / "trace.csv"));
    for (const char* file : {"config.resolved.yaml", "hyper.csv", "model.json", "elsewhere.py", "elsewhere.R"}) {
      CAPTURE(file);
      CHECK(read_text(first / file) == read_text(second / file));
    }
  }
}

TEST_CASE("process: --json prints one JSON object and nothing else, with or without -q") {
  const Scratch work;
  for (const std::vector<std::string>& more : {std::vector<std::string>{}, {"-q"}, {"-v"}}) {
    for (const char* verb : {"tune", "check"}) {
      Start start;
      start.arguments = with({verb, kConfigs + "logistic_breast_cancer.yaml", "--json", "outer.max_steps=2"}, more);
      start.folder = work.path();
      const Ran ran = run(start);
      CHECK(ran.code == 0);
      const json object = json::parse(ran.out, nullptr, false);
      REQUIRE(object.is_object());
      CHECK(object.contains("status"));
      CHECK(ran.out.rfind("{\n", 0) == 0);
      CHECK(ran.out.ends_with("}\n"));
    }
  }
}

TEST_CASE("process: --json is one JSON object on a failure too, with what, where and what to do") {
  const Scratch work;
  write_text(work / "d.csv", "a,b,y\n1,2,3\n4,x,6\n");
  write_text(work / "data.yaml", "tacit: 1\ndata: {train: d.csv}\n");
  write_text(work / "keys.yaml", "tacit: 1\ndata: {train: d.csv}\nouter: {max_step: 3, tolerence: 1}\n");
  struct Failing {
    std::vector<std::string> arguments;
    int code;
    std::size_t errors;
  };
  for (const Failing& f : std::vector<Failing>{{{"tune", "nope.yaml"}, 2, 1},
                                               {{"tune", "keys.yaml"}, 2, 2},
                                               {{"check", "data.yaml"}, 3, 1},
                                               {{"tune", "data.yaml", "--no-such-flag"}, 2, 1},
                                               {{"predict", "nowhere", "d.csv"}, 2, 1}}) {
    Start start;
    start.arguments = with(f.arguments, {"--json"});
    start.folder = work.path();
    const Ran ran = run(start);
    CAPTURE(f.arguments.back());
    CAPTURE(ran.out);
    const json j = json::parse(ran.out);
    CHECK(j["status"] == "failed");
    CHECK(j["exit_code"] == ran.code);
    CHECK(ran.code == f.code);
    CHECK(j["errors"].size() == f.errors);
    for (const json& e : j["errors"]) CHECK(ran.err.find(e["message"].get<std::string>()) != std::string::npos);
  }
}

TEST_CASE("process: the schema is JSON and has every key that the reader takes") {
  Start start;
  start.arguments = {"schema"};
  const json schema = json::parse(run(start).out, nullptr, false);
  REQUIRE(schema.is_object());
  const tacit::Strategies strategies;
  int keys = 0;
  for (const tacit::KeyInfo& key : tacit::list_keys(tacit::RunConfig{}, strategies.catalog, tacit::Listed::all)) {
    CAPTURE(key.path);
    const json* at = &schema;
    std::istringstream parts(key.path);
    for (std::string part; std::getline(parts, part, '.');) {
      REQUIRE(at->contains("properties"));
      REQUIRE((*at)["properties"].contains(part));
      at = &(*at)["properties"][part];
    }
    CHECK_FALSE((*at)["description"].get<std::string>().empty());
    ++keys;
  }
  CHECK(keys > 90);
}
