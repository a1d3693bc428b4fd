// iMAML and MAML on sinusoids against PyTorch: this program writes its tasks, hypergradients and times to the file that it is
// given, bench/meta_learning.py computes the same from them and prints both beside each other.
//   meta_learning FILE [units = 40] [tasks = 20] [threads = 1]
// One thread by default; each task is one call of hypergradient(), from u, with nothing kept.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <tacit/bilevel/hypergradient.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <thread>
#include <vector>
#include "../examples/sinusoid.hpp"
using namespace tacit;

namespace {

constexpr Index kShots = 10, kMamlSteps = 5, kImamlSteps = 32, kCgSteps = 8;
constexpr double kMamlRate = 0.02, kImamlRate = 0.02, kPull = 10;

IterateSolver steps_of_descent(Index steps, double rate) {
  auto descent = std::make_unique<GradientDescent>();
  descent->step = rate;
  IterateSolver solver(std::move(descent));
  solver.options.tolerance = 0;
  solver.options.max_steps = steps;
  return solver;
}

struct Answer {
  Vec gradient;
  double value = 0, seconds = 0;
};

/// The mean over the tasks, and the median time of 15 such batches.
Answer mean_of(const std::vector<Problem>& tasks, const Vec& u, const InnerSolver& solver,
               const HypergradientEstimator& estimator, std::size_t threads) {
  HypergradientOptions options;
  options.check_minimum = options.check_symmetry = false;  // PyTorch looks at neither
  std::vector<OuterGradient> one(tasks.size());
  std::vector<double> seconds;
  for (int repeat = 0; repeat < 15; ++repeat) {
    const auto begin = std::chrono::steady_clock::now();
    const auto work = [&](std::size_t first) {
      for (std::size_t i = first; i < tasks.size(); i += threads)
        one[i] = hypergradient(tasks[i], u, solver, estimator, {}, options);
    };
    if (threads == 1) {
      work(0);
    } else {
      std::vector<std::jthread> pool;
      for (std::size_t k = 0; k < threads; ++k) pool.emplace_back(work, k);
    }
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::nth_element(seconds.begin(), seconds.begin() + 7, seconds.end());
  Answer mean{Vec::Zero(u.size()), 0, seconds[7]};
  for (const OuterGradient& h : one) {
    if (!h.usable()) std::fprintf(stderr, "%s\n", h.message.c_str()), std::exit(1);
    mean.gradient += h.gradient / double(tasks.size());
    mean.value += h.value / double(tasks.size());
  }
  return mean;
}

void write(std::FILE* out, const Eigen::Ref<const Vec>& v) {
  for (const double x : v) std::fprintf(out, "%.17g ", x);
  std::fprintf(out, "\n");
}

/// Bytes of states that one hypergradient keeps, by the number of inner steps.
void print_memory(const Problem& imaml, const Problem& maml, const Vec& u) {
  ImplicitCgEstimator implicit;
  implicit.relative_tolerance = 1e-3;
  UnrollEstimator stored(false), checkpointed(false);
  checkpointed.stride = Count::automatic();
  const auto bytes = [&](const Problem& task, Index steps, const HypergradientEstimator& estimator) {
    const InnerSolution inner = steps_of_descent(steps, kMamlRate).solve(task, u, nullptr, {0}, estimator.needs().tape);
    return estimator.estimate(task, u, inner, nullptr, 0).tape_bytes;
  };
  std::printf("bytes of states   K    iMAML     MAML stored  MAML checkpointed\n");
  for (const Index k : {10, 100, 1000, 10000})
    std::printf("%19td %8zu %15zu %18zu\n", k, bytes(imaml, k, implicit), bytes(maml, k, stored), bytes(maml, k, checkpointed));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) return std::fprintf(stderr, "usage: meta_learning FILE [UNITS [TASKS [THREADS]]]\n"), 2;
  const Network net{argc > 2 ? std::atoi(argv[2]) : 40};
  const unsigned count = argc > 3 ? unsigned(std::atoi(argv[3])) : 20;
  const auto threads = std::size_t(argc > 4 ? std::atoi(argv[4]) : 1);
  const Vec u = first_weights(net);
  std::vector<Problem> imaml, maml;
  std::FILE* out = std::fopen(argv[1], "w");
  if (!out) return std::fprintf(stderr, "cannot write %s\n", argv[1]), 1;
  std::fprintf(out, "%td %u %td %td %td %td %.17g %.17g %.17g %zu\n", net.h, count, kShots, kMamlSteps, kImamlSteps, kCgSteps,
               kMamlRate, kImamlRate, kPull, threads);
  write(out, u);
  for (unsigned seed = 1; seed <= count; ++seed) {
    const SinusoidData data = draw_task(seed, net, kShots);
    imaml.push_back(make_task(data, kPull));
    maml.push_back(make_task(data, 0));
    maml.back().response = Response::iterate;
    for (const Row& row : {data.support.s, data.support.t, data.query.s, data.query.t}) write(out, row.transpose());
  }
  ImplicitCgEstimator implicit;
  implicit.relative_tolerance = 0;  // exactly kCgSteps, as the Python side
  implicit.max_steps = kCgSteps;
  implicit.preconditioner = "none";
  const UnrollEstimator unroll(false);
  for (const Answer& a : {mean_of(imaml, u, steps_of_descent(kImamlSteps, kImamlRate), implicit, threads),
                          mean_of(maml, u, steps_of_descent(kMamlSteps, kMamlRate), unroll, threads)}) {
    std::fprintf(out, "%.17g %.17g\n", a.value, a.seconds);
    write(out, a.gradient);
  }
  std::fclose(out);
  print_memory(imaml[0], maml[0], u);
  return 0;
}
