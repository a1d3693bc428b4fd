// One request to stop, heard by everyone who asks.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>
#include <vector>

#include <tacit/cli/run/interrupter.hpp>

using tacit::Interrupter;

TEST_CASE("interrupter: nobody hears of a request before it arrives, every caller on every thread does after") {
  Interrupter stop;
  CHECK_FALSE(stop.due());
  std::atomic<int> heard{0}, polling{0};
  std::vector<std::thread> threads;
  constexpr int kThreads = 6;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      const auto patience = Interrupter::Clock::now() + std::chrono::seconds(20);
      ++polling;
      while (!stop.due()) {
        if (Interrupter::Clock::now() > patience) return;
      }
      // A second problem of the same thread hears the same.
      if (stop.due()) ++heard;
    });
  }
  while (polling < kThreads) std::this_thread::yield();
  stop.limit(0.0);
  for (std::thread& t : threads) t.join();
  CHECK(heard == kThreads);
  CHECK(stop.asked());
  CHECK(stop.due());
}

TEST_CASE("interrupter: what closes a run has its time, and no more") {
  Interrupter stop;
  stop.limit(0.0);
  CHECK(stop.due());
  const auto begun = Interrupter::Clock::now();
  stop.close();
  CHECK_FALSE(stop.due());
  CHECK(stop.asked());
  while (!stop.due() && Interrupter::Clock::now() - begun < 30 * Interrupter::kGrace) std::this_thread::yield();
  CHECK(stop.due());
  CHECK(Interrupter::Clock::now() - begun >= Interrupter::kGrace);
}

TEST_CASE("interrupter: without a limit, or with one beyond every clock, no time is too late") {
  Interrupter stop;
  stop.limit(1e30);
  CHECK_FALSE(stop.asked());
  stop.limit(3600.0);
  CHECK_FALSE(stop.asked());
  stop.limit(-1.0);
  CHECK(stop.asked());
}
