// Gram matrices A' diag(w) A on one thread: dense ones in GFLOP/s for every instruction set that the machine runs, beside Eigen's
// product of the portable build, and sparse ones beside the same rows stored dense. All timed alternately in one process.
// Usage: gram [repetitions]. A symmetric sum counts n d^2, a product 2 n d^2.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>

#include "timing.hpp"

using namespace tacit;
using tacit_bench::seconds;

namespace {

struct Kind {
  std::string name;
  std::function<void()> work;
  std::vector<double> times{};

  double quantile(double q) const {
    std::vector<double> t = times;
    std::sort(t.begin(), t.end());
    return t[static_cast<std::size_t>(q * static_cast<double>(t.size() - 1))];
  }
};

void time_all(std::vector<Kind>& kinds, int repetitions) {
  for (int r = 0; r < repetitions + 1; ++r) {
    for (Kind& k : kinds) {
      const double t = seconds(k.work);
      if (r > 0) k.times.push_back(t);
    }
  }
}

struct Uniform {
  unsigned long long state = 7;
  double operator()() {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return static_cast<double>(state >> 11) * 0x1.0p-53;
  }
};

Mat numbers(Index n, Index d, double share) {
  Uniform uniform;
  Mat x(n, d);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = uniform() < share ? 2 * uniform() - 1 : 0;
  return x;
}

double dense(Index n, Index d, int repetitions) {
  const auto x = std::make_shared<Mat>(numbers(n, d, 1));
  const Design a(x);
  const Vec w = Vec::LinSpaced(n, 0.5, 2), shift = Vec::Constant(d, 0.1), scale = Vec::Constant(d, 0.5);
  const Mat weighted = w.asDiagonal() * *x;
  Mat h(d, d);
  std::vector<Kind> kinds = {{"A'B by Eigen", [&] { h.noalias() = x->transpose() * weighted; }}};
  for (const kernels::GramKernel& kernel : kernels::gram_kernels()) {
    kinds.push_back({kernel.name, [&] {
                       kernels::GramSum sum({d}, n, h, kernel);
                       for (Index i = 0; i < n; ++i) sum.add(x->row(i).data(), w[i]);
                       sum.finish();
                       kernels::mirror_upper(h);
                     }});
  }
  kinds.push_back({"standardized", [&] { a.standardized(shift, scale).weighted_gram(w, h); }});
  time_all(kinds, repetitions);
  const double work = 1e-9 * static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(d);
  std::printf("dense %ld x %ld\n", static_cast<long>(n), static_cast<long>(d));
  for (const Kind& k : kinds) {
    const double done = &k == kinds.data() ? 2 * work : work;
    std::printf("  %-14s %9.3f ms median  %6.1f GFLOP/s median  %6.1f best\n", k.name.c_str(), 1e3 * k.quantile(0.5),
                done / k.quantile(0.5), done / k.quantile(0));
  }
  return h.sum();
}

/// Times of sparse storage over those of dense storage: Gram matrix, and a pass there and back with one and with eight columns.
double sparse(Index n, Index d, double share, int repetitions) {
  const auto x = std::make_shared<Mat>(numbers(n, d, share));
  const auto csr = std::make_shared<CsrMatrix>(x->sparseView());
  csr->makeCompressed();
  const Vec w = Vec::LinSpaced(n, 0.5, 2), v = Vec::LinSpaced(d, -1, 1);
  const Mat block = numbers(d, 8, 1);
  Mat h(d, d), products(d, 8);
  Vec out(d);
  const auto same = [](Index, BlockIn t, BlockOut to) { to = t; };
  std::vector<Kind> kinds;
  for (const Design& a : {Design(std::shared_ptr<const CsrMatrix>(csr)), Design(std::shared_ptr<const Mat>(x))}) {
    kinds.push_back({"Gram matrix", [&, a] { a.weighted_gram(w, h); }});
    kinds.push_back({"pass", [&, a] { a.sweep(v, same, out); }});
    kinds.push_back({"pass of 8", [&, a] { a.sweep_batch(block, same, products); }});
  }
  time_all(kinds, repetitions);
  std::printf("%6ld x %-5ld %5.2f", static_cast<long>(n), static_cast<long>(d), share);
  for (std::size_t k = 0; k < 3; ++k)
    std::printf("   %9.3f %9.3f %5.2f", 1e3 * kinds[k].quantile(0.5), 1e3 * kinds[k + 3].quantile(0.5),
                kinds[k].quantile(0.5) / kinds[k + 3].quantile(0.5));
  std::printf("\n");
  return h.sum() + out.sum() + products.sum();
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 11;
  double total = 0;
  const std::vector<std::pair<Index, Index>> sizes = {{500000, 3}, {200000, 10}, {60000, 30},  {20000, 100},
                                                      {1000, 100}, {20000, 500}, {8000, 1000}, {2000, 3000}};
  for (const auto& [n, d] : sizes) total += dense(n, d, repetitions);
  std::printf("stored sparse against stored dense: medians [ms] and their ratio\n%20s %29s %27s %27s\n", "share", "Gram matrix",
              "pass", "pass of 8 columns");
  for (const double share : {0.02, 0.1, 0.2, 0.25, 0.3, 0.33, 0.4, 0.5, 0.7, 1.0}) total += sparse(4000, 400, share, repetitions);
  for (const double share : {0.1, 0.2, 0.3, 0.4, 0.5, 1.0}) total += sparse(20000, 60, share, repetitions);
  return std::isfinite(total) ? 0 : 1;
}
