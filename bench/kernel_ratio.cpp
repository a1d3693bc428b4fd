// Gradient and Hessian product of dense logistic regression against the time of reading X once, all timed alternately in one
// process. Usage: kernel_ratio [rows] [columns] [repetitions] [threads] [--json]. Goal on one thread: at most 1.33 from 500
// columns on and 1.54 at 100, with X beyond the last-level cache. With several threads reading uses them too; what they gain for
// reading is printed, and the ratio means little where that is less than 1.3.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <tacit/core/linear/detail/kernels.hpp>
#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/support/threads.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

#include "made.hpp"
#include "timing.hpp"

using namespace tacit;

namespace {

void print(const std::vector<tacit_bench::Timed>& kinds, const AlignedRows& x, Index threads, int repetitions) {
  const double bytes = 8 * static_cast<double>(x.size());
  std::printf("dense logistic, %ld x %ld (%.0f MB of X), %ld threads, %d repetitions\n", static_cast<long>(x.rows()),
              static_cast<long>(x.cols()), 1e-6 * bytes, static_cast<long>(threads), repetitions);
  std::printf("%-20s %10s %12s %12s | ratio: %8s %8s %8s\n", "", "min [ms]", "10 % [ms]", "median [ms]", "min", "10 %", "median");
  for (const tacit_bench::Timed& k : kinds) {
    const auto ratio = [&](double q) { return k.quantile(q) / kinds[0].quantile(q); };
    std::printf("%-20s %10.3f %12.3f %12.3f | %14.2f %8.2f %8.2f\n", k.name.c_str(), 1e3 * k.quantile(0), 1e3 * k.quantile(0.1),
                1e3 * k.quantile(0.5), ratio(0), ratio(0.1), ratio(0.5));
  }
  std::printf("reading at %.1f GB/s (min)\n", 1e-9 * bytes / kinds[0].quantile(0));
}

/// The sum of as many numbers as X has, one after the other in its memory, read in pieces by so many threads.
double read_all(const AlignedRows& x, Index threads) {
  constexpr Index kPieces = 32;
  std::vector<double> sums(kPieces);
  const auto part = [&](std::size_t k) {
    const Index begin = x.size() * static_cast<Index>(k) / kPieces, end = x.size() * static_cast<Index>(k + 1) / kPieces;
    sums[k] = kernels::sum(x.data() + begin, end - begin);
  };
  run_parallel(kPieces, threads, std::ref(part));
  double total = 0;
  for (const double s : sums) total += s;
  return total;
}

}  // namespace

int main(int argc, char** argv) {
  tacit_bench::Figures figures(argc, argv);
  const Index n = argc > 1 ? std::atol(argv[1]) : 20000, d = argc > 2 ? std::atol(argv[2]) : 500;
  const int repetitions = argc > 3 ? std::atoi(argv[3]) : 60;
  const Index threads = argc > 4 ? std::atol(argv[4]) : 1;
  const ThreadScope scope(threads);
  const auto x = tacit_bench::Numbers(7).matrix(n, d);
  Vec y(n);
  for (Index i = 0; i < n; ++i) y[i] = (*x)(i, 0) > 0 ? 1 : -1;
  const LinearModel f(Design(x), std::make_shared<LogisticLoss>(), y, Vec::Constant(n, 1.0 / static_cast<double>(n)),
                      one_penalty(d, false));
  const Vec at = Vec::LinSpaced(d, -1, 1) / std::sqrt(static_cast<double>(d)), u = Vec::Constant(1, 1e-2);
  Vec g(d), out(d), outer(1);
  Mat block = Mat::Ones(d, 8), products(d, 8), gram(d, d);
  const auto curvature = f.linearize(at, u);
  double total = 0;

  std::vector<tacit_bench::Timed> kinds = {
      {"read X", [&] { total += read_all(*x, threads); }},
      {"value", [&] { total += f.value(at, u); }},
      {"gradient", [&] { total += f.gradient(at, u, g); }},
      {"hessian product", [&] { curvature->hessian(g, out); }},
      {"one-shot adjoint", [&] { f.adjoint(at, u, g, out, outer); }},
      {"8 hessian products", [&] { curvature->hessian_batch(block, products); }},
  };
  if (threads > 1) kinds.push_back({"read X, one thread", [&] { total += read_all(*x, 1); }});
  tacit_bench::time_by_turns(kinds, repetitions, 3, threads > 1 ? tacit_bench::seconds : tacit_bench::processor_seconds);
  const tacit_bench::Timed& read = kinds[0];
  for (const tacit_bench::Timed& k : kinds) figures.add(k.name, k.quantile(0.5) / read.quantile(0.5));
  figures.add("threads", static_cast<double>(threads));
  figures.add("reading [GB/s]", 8e-9 * static_cast<double>(x->size()) / read.quantile(0.5));
  figures.print();
  if (!figures.wanted()) print(kinds, *x, threads, repetitions);
  return std::isfinite(total) ? 0 : 1;
}
