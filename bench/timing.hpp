// Pieces of work timed by turns, what they took, and figures that another program reads.
#pragma once
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tacit_bench {

/// Seconds of wall time that `work` takes.
inline double seconds(const std::function<void()>& work) {
  const auto start = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Seconds that all threads of this process spend on it: what a busy machine changes least, and the measure where there is one
/// thread.
inline double processor_seconds(const std::function<void()>& work) {
  const auto now = [] {
    timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
  };
  const double start = now();
  work();
  return now() - start;
}

/// A piece of work and the seconds of each time that it ran.
struct Timed {
  std::string name;
  std::function<void()> work;
  std::vector<double> times{};

  double quantile(double q) const {
    std::vector<double> t = times;
    std::sort(t.begin(), t.end());
    return t[static_cast<std::size_t>(q * static_cast<double>(t.size() - 1))];
  }
};

/// All of them in turn, `rounds` times, so that what slows the machine down meets all alike; `idle` rounds before do not count.
inline void time_by_turns(std::vector<Timed>& pieces, int rounds, int idle = 1,
                          double (*clock)(const std::function<void()>&) = processor_seconds) {
  for (int r = -idle; r < rounds; ++r) {
    for (Timed& piece : pieces) {
      const double t = clock(piece.work);
      if (r >= 0) piece.times.push_back(t);
    }
  }
}

/// What bench/page.py reads: one JSON object of numbers on a line, in the place of the tables, where --json is the last argument.
class Figures {
public:
  Figures(int& argc, char** argv) : wanted_(argc > 1 && std::string_view(argv[argc - 1]) == "--json") {
    if (wanted_) --argc;
  }
  bool wanted() const { return wanted_; }
  void add(std::string name, double value) { all_.emplace_back(std::move(name), value); }
  void print() const {
    if (!wanted_) return;
    std::printf("{");
    for (std::size_t i = 0; i < all_.size(); ++i)
      std::printf("%s\"%s\": %.9g", i > 0 ? ", " : "", all_[i].first.c_str(), all_[i].second);
    std::printf("}\n");
  }

private:
  bool wanted_;
  std::vector<std::pair<std::string, double>> all_;
};

}  // namespace tacit_bench
