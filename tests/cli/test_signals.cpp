// Signals and time limits, at any moment of a run.
#include <doctest/doctest.h>

#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <random>

#include <nlohmann/json.hpp>

#include "process.hpp"

namespace {

using namespace process_test;
using nlohmann::json;

void check_interrupted(int signal, int code) {
  const Scratch work;
  const fs::path out = work / "out";
  Start start;
  start.arguments = with(kEndless, {"-o", out.string()});
  start.folder = work.path();
  start.out = (work / "stdout").string();
  start.err = (work / "stderr").string();
  Process process(start);
  REQUIRE(wait_until(process, [&] { return stepped(out); }));
  process.signal(signal);
  CHECK(process.wait() == code);
  CHECK(read_text(start.out).find("interrupted; the best point so far is kept") != std::string::npos);
  // The trace holds all steps up to the last, and the model is that of the best one.
  const auto rows = timeless(out / "trace.csv");
  const json run = json::parse(read_text(out / "run.json"));
  CHECK(run["status"] == "interrupted");
  CHECK(run["started"].get<std::string>().size() == 20);
  for (const char* part : {"tacit", "eigen", "compiler"}) CHECK_FALSE(run["versions"][part].get<std::string>().empty());
  CHECK(rows.size() == run["outer_steps"].get<std::size_t>() + 2);
  CHECK(json::accept(read_text(out / "model.json")));
  CHECK(fs::exists(out / "hyper.csv"));
  CHECK(run["best"]["outer_loss"].is_number());
}

}  // namespace

TEST_CASE("signals: SIGINT and SIGTERM end a run with the best so far, its trace and its model") {
  check_interrupted(SIGINT, 130);
  check_interrupted(SIGTERM, 143);
}

namespace {

using Clock = std::chrono::steady_clock;

/// An inner solve that takes for ever.
const std::vector<std::string> kLongSolve{"inner.tolerance=0", "inner.max_steps=1000000000000"};

struct Interrupted {
  int code = -1;
  std::string out, err;
};

/// Runs it, sends a signal when it is under way, and sees to it that it ends soon: about a second is promised, the rest is for a
/// busy machine.
template <class Ready>
Interrupted interrupt(Start start, const Scratch& work, int signal, Ready ready) {
  start.folder = work.path();
  start.out = (work / "stdout").string();
  start.err = (work / "stderr").string();
  Process process(start);
  REQUIRE(wait_until(process, ready));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(process.running());
  process.signal(signal);
  const auto sent = Clock::now();
  const int code = process.wait();
  CHECK(Clock::now() - sent < std::chrono::seconds(4));
  return {code, read_text(start.out), read_text(start.err)};
}

}  // namespace

TEST_CASE("signals: a signal in the middle of the very first inner solve ends the run, with no point to keep") {
  for (const int signal : {SIGINT, SIGTERM}) {
    CAPTURE(signal);
    const Scratch work;
    Start start;
    start.arguments = with({"tune", kConfigs + "ridge_diabetes.yaml", "-o", (work / "out").string()}, kLongSolve);
    const Interrupted ran = interrupt(start, work, signal, [&] { return fs::exists(work / "out" / "config.resolved.yaml"); });
    CHECK(ran.code == 128 + signal);
    CHECK(ran.out.find("interrupted before the start was solved; there is no point to keep") != std::string::npos);
    const json run = json::parse(read_text(work / "out" / "run.json"));
    CHECK(run["status"] == "interrupted");
    CHECK(run["best"].is_null());
    CHECK_FALSE(fs::exists(work / "out" / "model.json"));
  }
}

TEST_CASE("signals: a signal in the middle of a later inner solve reports the best so far") {
  const Scratch work;
  Start start;
  // Each outer step is one inner solve of some seconds.
  start.arguments = with(kEndless, {"inner.tolerance=0", "inner.max_steps=3000000", "-o", (work / "out").string()});
  const Interrupted ran = interrupt(start, work, SIGINT, [&] { return stepped(work / "out"); });
  CHECK(ran.code == 130);
  CHECK(ran.out.find("interrupted; the best point so far is kept") != std::string::npos);
  CHECK(timeless(work / "out" / "trace.csv").size() == 2);
  CHECK(json::accept(read_text(work / "out" / "model.json")));
}

TEST_CASE("signals: limits.time acts in the middle of an inner solve") {
  const Scratch work;
  Start start;
  start.folder = work.path();
  start.arguments = with({"tune", kConfigs + "ridge_diabetes.yaml", "-o", (work / "out").string(), "--time", "1s"}, kLongSolve);
  const auto begun = Clock::now();
  const Ran none = run(start);
  CHECK(Clock::now() - begun < std::chrono::seconds(10));
  CHECK(none.code == 4);
  CHECK(none.err.find("is reached before the start was solved; raise limits.time") != std::string::npos);
}

namespace {

/// Classes and 1500 columns without structure: the start of a penalty each takes seconds to find.
void write_wide(const fs::path& file) {
  std::ofstream out(file);
  std::mt19937 random(1);
  std::normal_distribution<double> normal;
  for (int i = 0; i < 500; ++i) {
    double sum = normal(random);
    std::string row;
    for (int j = 0; j < 1500; ++j) {
      const double a = std::round(normal(random) * 1000) / 1000;
      sum += j < 10 ? a : 0;
      row += "," + std::to_string(a);
    }
    out << (sum > 0 ? "yes" : "no") << row << "\n";
  }
}

}  // namespace

TEST_CASE("signals: a search for the start hears signals and limits.time, and leaves a folder") {
  const Scratch work;
  write_wide(work / "d.csv");
  write_text(work / "run.yaml",
             "tacit: 1\ndata: {train: d.csv, target: 1}\nvalidation: {scheme: holdout}\nmodel: {kind: logistic}\n"
             "hyper: {l2: {per: feature}}\n");
  Start start;
  start.arguments = {"tune", "run.yaml", "-o", (work / "out").string()};
  const Interrupted ran = interrupt(start, work, SIGTERM, [&] { return fs::exists(work / "out" / "run.json"); });
  CHECK(ran.code == 143);
  CHECK(ran.err.find("the search was interrupted") != std::string::npos);
  CHECK(json::parse(read_text(work / "out" / "run.json"))["status"] == "interrupted");
  start.arguments = {"tune", "run.yaml", "-o", (work / "limit").string(), "--time", "1s"};
  start.folder = work.path();
  const Ran limited = run(start);  // how long the fit after it takes is the machine's
  CHECK(limited.err.find("limits.time ended the search") != std::string::npos);
  const json left = json::parse(read_text(work / "limit" / "run.json"));
  CHECK((left["status"] == "budget" || left["status"] == "failed"));
}

TEST_CASE("signals: the first signal ends the reading of data, in every verb") {
  const Scratch work;
  REQUIRE(mkfifo((work / "d.csv").c_str(), 0600) == 0);
  write_text(work / "run.yaml",
             "tacit: 1\ndata: {train: d.csv}\nvalidation: {scheme: holdout}\n"
             "compare: {estimators: [{label: cg, estimator: implicit-cg}]}\n");
  for (const std::string verb : {"tune", "check", "compare", "curve", "init"}) {
    CAPTURE(verb);
    Start start;
    start.arguments = {verb, verb == "init" ? "data.train=d.csv" : "run.yaml"};
    const Interrupted ran = interrupt(start, work, SIGINT, [&] { return fs::exists(work / "stderr"); });
    CHECK(ran.code == 130);
    CHECK(ran.err.find("interrupted while the data were read") != std::string::npos);
    CHECK_FALSE(fs::exists(work / "runs"));
    fs::remove(work / "stderr");
  }
}

TEST_CASE("signals: compare, curve and check end in the middle of a solve too") {
  const Scratch work;
  Start start;
  const auto under_way = [&] { return fs::exists(work / "stderr"); };
  start.arguments = with({"compare", kConfigs + "compare_estimators.yaml", "compare.mode=both",
                          "compare.estimators=[{label: cg, estimator: implicit-cg}]", "-o", (work / "out").string()},
                         kLongSolve);
  const Interrupted compared = interrupt(start, work, SIGINT, [&] { return fs::exists(work / "out" / "config.resolved.yaml"); });
  CHECK(compared.code == 130);
  CHECK(json::parse(read_text(work / "out" / "run.json"))["message"] == "interrupted; what was compared by then is kept");
  start.arguments = {"curve", kConfigs + "curve_logistic.yaml", "curve.steps=3000000", "-o", (work / "curve").string()};
  const Interrupted curve = interrupt(start, work, SIGINT, under_way);
  CHECK(curve.code == 130);
  CHECK(curve.err.find("interrupted before there was a result to keep") != std::string::npos);
  CHECK_FALSE(fs::exists(work / "curve"));
  start.arguments = with({"check", "--gradient", kConfigs + "ridge_diabetes.yaml"}, kLongSolve);
  CHECK(interrupt(start, work, SIGTERM, under_way).code == 143);
}

TEST_CASE("signals: a second signal ends the program at once") {
  const Scratch work;
  Start start;
  start.arguments = with(kEndless, {"inner.tolerance=0", "inner.max_steps=3000000", "-o", (work / "out").string()});
  start.folder = work.path();
  Process process(start);
  REQUIRE(wait_until(process, [&] { return stepped(work / "out"); }));
  process.signal(SIGINT);
  process.signal(SIGTERM);
  const int code = process.wait();
  CHECK((code == 130 || code == 143));  // of two that are pending the system chooses the order
  CHECK(json::parse(read_text(work / "out" / "run.json"))["status"] == "running");
}

namespace {

/// Classes without a pattern, more columns than rows and next to no penalty: one quick step of the run, and a final fit of ten
/// seconds or more.
std::vector<std::string> long_fit(const Scratch& work) {
  std::ofstream out(work / "d.csv");
  std::mt19937 random(1);
  for (int i = 0; i < 1200; ++i) {
    std::string row = random() % 2 == 0 ? "yes" : "no";
    for (int j = 0; j < 2400; ++j) row += "," + std::to_string(static_cast<double>(random() % 2000) * (1 + j % 40) / 1000);
    out << row << "\n";
  }
  write_text(work / "run.yaml",
             "tacit: 1\ndata: {train: d.csv, target: 1}\nprepare: {standardize: false}\nvalidation: {scheme: holdout}\n"
             "model: {kind: logistic}\nhyper: {l2: {start: 1.0e-8, range: [1.0e-8, 1]}}\n"
             "inner: {solver: gradient-descent, max_steps: 3, tolerance: 0}\n"
             "hypergradient: {estimator: full-unroll}\ndiagnostics: {level: off}\n"
             "outer: {optimizer: adam, step: 1.0e-3, tolerance: 0, max_steps: 0}\n");
  return {"tune", "run.yaml", "-o", (work / "out").string()};
}

/// What is there is whole, and is the tuned model.
void check_tuned_model(const Scratch& work, const std::string& ended_by) {
  const json run = json::parse(read_text(work / "out" / "run.json"));
  CHECK(run["refit"].is_null());
  CHECK(run["warnings"].dump().find("the final fit was ended by " + ended_by) != std::string::npos);
  CHECK(json::accept(read_text(work / "out" / "model.json")));
  CHECK(fs::exists(work / "out" / "report.html"));
}

}  // namespace

TEST_CASE("signals: a second signal ends the final fit, and the tuned model is what is left") {
  const Scratch work;
  Start start;
  start.arguments = with(long_fit(work), {"outer.max_steps=1000000000"});
  start.folder = work.path();
  start.out = (work / "stdout").string();
  start.err = (work / "stderr").string();
  Process process(start);
  REQUIRE(wait_until(process, [&] { return stepped(work / "out"); }));
  process.signal(SIGINT);
  REQUIRE(wait_until(process, [&] { return read_text(start.err).find("another signal ends that too") != std::string::npos; }));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  REQUIRE(process.running());
  process.signal(SIGTERM);
  const auto sent = Clock::now();
  CHECK(process.wait() == 130);  // as the first one asked
  CHECK(Clock::now() - sent < std::chrono::seconds(4));
  CHECK(json::parse(read_text(work / "out" / "run.json"))["message"] == "interrupted; the best point so far is kept");
  check_tuned_model(work, "a signal");
}

TEST_CASE("signals: a first signal during the final fit ends that, and the run counts as interrupted") {
  const Scratch work;
  Start start;
  start.arguments = long_fit(work);
  const Interrupted ran = interrupt(start, work, SIGTERM, [&] { return stepped(work / "out"); });
  CHECK(ran.code == 143);
  CHECK(ran.out.find("interrupted while the final model was fitted") != std::string::npos);
  check_tuned_model(work, "a signal");
}

TEST_CASE("signals: limits.time is that of the whole command, the final fit in it") {
  const Scratch work;
  Start start;
  start.arguments = with(long_fit(work), {"--time", "2s"});
  start.folder = work.path();
  const auto begun = Clock::now();
  const Ran ran = run(start);
  const double wall = std::chrono::duration<double>(Clock::now() - begun).count();
  CHECK(wall < 6);
  CHECK(ran.code == 0);
  check_tuned_model(work, "limits.time");
  // The closing table has the time of the command, not that of the steps alone.
  const auto at = ran.out.find("  time ");
  REQUIRE(at != std::string::npos);
  const double told = std::stod(ran.out.substr(at + 6));
  CHECK(told <= wall);
  CHECK(told >= json::parse(read_text(work / "out" / "run.json"))["seconds"].get<double>());
  CHECK(told > 1.5);
}
