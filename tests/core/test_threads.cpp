// Parts beside each other: who runs them, what they throw, and that levels do not nest.
#include <doctest/doctest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <tacit/core/support/detail/control_groups.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/memory_limits.hpp>
#include <tacit/core/support/processors.hpp>
#include <tacit/core/support/threads.hpp>

using namespace tacit;

namespace {

/// Lets so many threads go on once all of them are there; a minute is for the test that fails.
class Meeting {
public:
  explicit Meeting(std::size_t count) : missing_(count) {}
  void arrive() {
    std::unique_lock lock(mutex_);
    if (--missing_ == 0) all_there_.notify_all();
    all_there_.wait_for(lock, std::chrono::minutes(1), [&] { return missing_ == 0; });
  }

private:
  std::mutex mutex_;
  std::condition_variable all_there_;
  std::size_t missing_;
};

}  // namespace

TEST_CASE("threads: every job runs once, on as many threads as were asked for and no more") {
  for (const std::size_t threads : {1, 2, 3, 7}) {
    std::vector<std::atomic<int>> runs(100);
    std::mutex mutex;
    std::set<std::thread::id> seen;
    Meeting meeting(threads);  // the first jobs wait for each other, so that no thread has all of them
    run_parallel(runs.size(), static_cast<Index>(threads), [&](std::size_t i) {
      ++runs[i];
      if (i < threads) meeting.arrive();
      const std::lock_guard lock(mutex);
      seen.insert(std::this_thread::get_id());
    });
    for (const auto& r : runs) CHECK(r == 1);
    CHECK(seen.size() == threads);
    CHECK(seen.count(std::this_thread::get_id()) == 1);
  }
  int runs = 0;
  run_parallel(0, 4, [&](std::size_t) { ++runs; });
  CHECK(runs == 0);
}

TEST_CASE("threads: a thread has one until a scope says more, the innermost counts, and another thread begins with one") {
  CHECK(threads_here() == 1);
  {
    const ThreadScope three(3);
    CHECK(threads_here() == 3);
    {
      const ThreadScope two(2);
      CHECK(threads_here() == 2);
    }
    CHECK(threads_here() == 3);
    Index elsewhere = 0;
    std::thread([&] { elsewhere = threads_here(); }).join();
    CHECK(elsewhere == 1);
  }
  CHECK(threads_here() == 1);
  CHECK_THROWS_AS(ThreadScope(0), UsageError);
  CHECK(threads_here() == 1);
}

TEST_CASE("threads: what runs beside others is serial inside, whatever it asks for") {
  const ThreadScope scope(4);
  Meeting meeting(2);
  std::vector<Index> here(2), scoped(2);
  std::vector<std::set<std::thread::id>> inside(2);
  run_parallel(2, 2, [&](std::size_t i) {
    meeting.arrive();
    here[i] = threads_here();
    const ThreadScope more(8);
    scoped[i] = threads_here();
    run_parallel(50, 8, [&](std::size_t) { inside[i].insert(std::this_thread::get_id()); });
  });
  CHECK(here == std::vector<Index>{1, 1});
  CHECK(scoped == std::vector<Index>{1, 1});
  for (const auto& seen : inside) CHECK(seen.size() == 1);
  CHECK(inside[0] != inside[1]);
  CHECK(threads_here() == 4);
  // A call on one thread is no level: its jobs may use what the scope allows.
  run_parallel(2, 1, [&](std::size_t i) { here[i] = threads_here(); });
  CHECK(here == std::vector<Index>{4, 4});
}

TEST_CASE("threads: what jobs throw arrives once all have ended, of several the first one's, and the threads go on") {
  for (int again = 0; again < 20; ++again) {
    std::atomic<int> ended = 0;
    try {
      run_parallel(40, 3, [&](std::size_t i) {
        ++ended;
        if (i % 7 == 3) throw std::runtime_error(std::to_string(i));
      });
      CHECK(false);
    } catch (const std::runtime_error& e) {
      CHECK(std::string(e.what()) == "3");
    }
    CHECK(ended == 40);
  }
  const ThreadScope scope(2);
  CHECK_THROWS_AS(run_parallel(3, 3, [](std::size_t) { throw UsageError("no"); }), UsageError);
  CHECK(threads_here() == 2);  // what was thrown left no level behind
}

TEST_CASE("threads: callers on threads of their own share the helpers, each with its own jobs") {
  std::vector<std::thread> callers;
  std::vector<int> sums(5, 0);
  for (std::size_t c = 0; c < sums.size(); ++c) {
    callers.emplace_back([&, c] {
      for (int again = 0; again < 200; ++again) {
        std::vector<int> parts(17, 0);
        run_parallel(parts.size(), 3, [&](std::size_t i) { parts[i] = static_cast<int>(i + c); });
        for (const int p : parts) sums[c] += p;
      }
    });
  }
  for (std::thread& t : callers) t.join();
  for (std::size_t c = 0; c < sums.size(); ++c) CHECK(sums[c] == 200 * (136 + 17 * static_cast<int>(c)));
}

// ThreadSanitizer has no threads in a child of a process with threads.
#ifndef __SANITIZE_THREAD__
TEST_CASE("threads: a child of fork has none of the helpers and makes its own") {
  const auto sum = [](Index threads) {
    std::vector<int> parts(20, 0);
    Meeting meeting(static_cast<std::size_t>(threads));
    run_parallel(parts.size(), threads, [&](std::size_t i) {
      if (i < static_cast<std::size_t>(threads)) meeting.arrive();
      parts[i] = static_cast<int>(i);
    });
    int all = 0;
    for (const int p : parts) all += p;
    return all;
  };
  REQUIRE(sum(3) == 190);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) _exit(sum(3) == 190 ? 42 : 1);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 42);
  CHECK(sum(3) == 190);
}
#endif

namespace {

/// What is granted where these files are all that there are.
double quota(const std::string& groups, const std::map<std::string, std::string>& files) {
  return detail::cpu_quota(groups, [&](const std::string& path) -> std::optional<std::string> {
    const auto found = files.find(path);
    return found == files.end() ? std::nullopt : std::optional<std::string>(found->second);
  });
}

constexpr double kNone = std::numeric_limits<double>::infinity();

}  // namespace

TEST_CASE("processors: the quota of version 2 is the least of the group and all that hold it") {
  const std::string max = "/cpu.max", root = "/sys/fs/cgroup";
  CHECK(quota("0::/\n", {{root + max, "max 100000\n"}}) == kNone);
  CHECK(quota("0::/\n", {{root + max, "150000 100000\n"}}) == 1.5);
  CHECK(quota("0::/a/b\n", {{root + "/a/b" + max, "400000 100000\n"}, {root + "/a" + max, "50000 100000\n"}}) == 0.5);
  CHECK(quota("0::/a/b\n", {{root + "/a/b" + max, "max 100000\n"}, {root + "/a" + max, "300000 100000\n"}}) == 3);
  // The group as the host names it, in a container that sees its own folder alone.
  CHECK(quota("0::/host/pod\n", {{root + max, "200000 100000\n"}}) == 2);
  CHECK(quota("1:cpu:/\n0::/x\n", {{root + "/unified/x" + max, "200000 50000\n"}}) == 4);
  CHECK(quota("0::/other\n", {{root + "/a" + max, "100000 100000\n"}}) == kNone);
}

TEST_CASE("processors: the quota of version 1, beside controllers that say nothing of processors") {
  const std::string groups = "11:memory:/m\n4:cpu,cpuacct:/docker/x\n3:cpuset:/c\n";
  const std::string folder = "/sys/fs/cgroup/cpu,cpuacct/docker/x";
  CHECK(quota(groups, {{folder + "/cpu.cfs_quota_us", "250000\n"}, {folder + "/cpu.cfs_period_us", "100000\n"}}) == 2.5);
  CHECK(quota(groups, {{folder + "/cpu.cfs_quota_us", "-1\n"}, {folder + "/cpu.cfs_period_us", "100000\n"}}) == kNone);
  CHECK(quota(groups, {{folder + "/cpu.cfs_quota_us", "250000\n"}}) == kNone);
  CHECK(quota(groups,
              {{"/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n"}, {"/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"}}) == 1);
  CHECK(quota("3:cpuset:/c\n2:cpuacct:/c\n", {{"/sys/fs/cgroup/cpu/c/cpu.cfs_quota_us", "1"}}) == kNone);
}

TEST_CASE("memory: the quota of both versions is the least of the group and all that hold it, and what is no number is none") {
  const auto bytes = [](const std::string& groups, const std::map<std::string, std::string>& files) {
    return detail::memory_quota(groups, [&](const std::string& path) -> std::optional<std::string> {
      const auto found = files.find(path);
      return found == files.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
  };
  const std::string root = "/sys/fs/cgroup";
  CHECK(bytes("0::/a/b\n", {{root + "/a/b/memory.max", "max\n"}, {root + "/a/memory.max", "1048576\n"}}) == 1048576);
  CHECK(bytes("0::/a\n", {{root + "/a/memory.max", "4096\n"}, {root + "/memory.max", "1048576\n"}}) == 4096);
  CHECK(bytes("4:memory:/m\n1:cpu:/\n", {{root + "/memory/m/memory.limit_in_bytes", "2048\n"}}) == 2048);
  CHECK(bytes("4:cpu,memory:/m\n", {{root + "/cpu,memory/memory.limit_in_bytes", "512\n"}}) == 512);
  for (const std::string text : {"", "max", "-1", "0", "x"}) CHECK(bytes("0::/\n", {{root + "/memory.max", text}}) == kNone);
  CHECK(bytes("1:cpu:/\n", {{root + "/cpu/memory.limit_in_bytes", "1"}}) == kNone);
  CHECK(usable_memory() > 0);
  CHECK(usable_memory() <= address_space());
  CHECK(memory_holds(usable_memory() / 2));
  CHECK(!memory_holds(usable_memory() * 0.51));
}

TEST_CASE("processors: what is not as the kernel writes it grants what there is") {
  const std::string file = "/sys/fs/cgroup/cpu.max";
  for (const std::string text : {"", "\n", "max", "100000", "0 100000", "-5 100000", "100000 0", "x y"})
    CHECK(quota("0::/\n", {{file, text}}) == kNone);
  for (const std::string groups : {"", "nonsense\n", "0:\n", ":::\n"}) CHECK(quota(groups, {{file, "1 1"}}) >= 1);
  CHECK(quota("0::/", {{file, "100000 100000"}}) == 1);
  const Index here = usable_processors();
  CHECK(here >= 1);
  CHECK(here <= std::max(1U, std::thread::hardware_concurrency()));
}
