// Gram matrices A' diag(w) A on one thread: dense ones in GFLOP/s for every instruction set that the machine runs, beside Eigen's
// product of the portable build and the dgemm of a BLAS that this machine has, and sparse ones beside the same rows stored dense.
// All timed alternately in one process. Usage: gram [repetitions] [--json]: with --json some of the dense ones alone. A symmetric
// sum counts n d^2, a product 2 n d^2.
#include <dlfcn.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>

#include "made.hpp"
#include "timing.hpp"

using namespace tacit;
using tacit_bench::Timed;

namespace {

using Dgemm = void (*)(const char*, const char*, const int*, const int*, const int*, const double*, const double*, const int*,
                       const double*, const int*, const double*, double*, const int*);

/// A BLAS of this machine, on one thread; null where there is none.
Dgemm find_dgemm() {
  setenv("OPENBLAS_NUM_THREADS", "1", 1);  // read when it is loaded
  for (const char* name : {"libopenblas.so.0", "libmkl_rt.so", "libblis.so.4", "libblas.so.3"}) {
    if (void* library = dlopen(name, RTLD_NOW)) {
      if (void* dgemm = dlsym(library, "dgemm_")) return reinterpret_cast<Dgemm>(dgemm);
    }
  }
  return nullptr;
}

/// Numbers in (-1, 1), or 0 but for this share of them.
Mat numbers(Index n, Index d, double share) {
  tacit_bench::Numbers next(7);
  Mat x(n, d);
  for (Index i = 0; i < x.size(); ++i) x.data()[i] = share == 1 || (next() + 1) / 2 < share ? next() : 0;
  return x;
}

double dense(Index n, Index d, int repetitions, Dgemm dgemm, tacit_bench::Figures& figures) {
  const auto x = std::make_shared<Mat>(numbers(n, d, 1));
  const Design a(x);
  const Vec w = Vec::LinSpaced(n, 0.5, 2), shift = Vec::Constant(d, 0.1), scale = Vec::Constant(d, 0.5);
  const Mat weighted = w.asDiagonal() * *x;
  Mat h(d, d);
  std::vector<Timed> kinds = {{"A'B by Eigen", [&] { h.noalias() = x->transpose() * weighted; }}};
  // In its column order the rows of X are columns of A'.
  const int columns = static_cast<int>(d), rows = static_cast<int>(n);
  const double one = 1, zero = 0;
  if (dgemm)
    kinds.push_back({"A'B by dgemm", [&] {
                       dgemm("N", "T", &columns, &columns, &rows, &one, x->data(), &columns, weighted.data(), &columns, &zero,
                             h.data(), &columns);
                     }});
  const std::size_t products = kinds.size();
  for (const kernels::GramKernel& kernel : kernels::gram_kernels()) {
    kinds.push_back({kernel.name, [&] {
                       kernels::GramSum sum({d}, n, h, kernel);
                       for (Index i = 0; i < n; ++i) sum.add(x->row(i).data(), w[i]);
                       sum.finish();
                       kernels::mirror_upper(h);
                     }});
  }
  kinds.push_back({"standardized", [&] { a.standardized(shift, scale).weighted_gram(w, h); }});
  tacit_bench::time_by_turns(kinds, repetitions);
  const double work = 1e-9 * static_cast<double>(n) * static_cast<double>(d) * static_cast<double>(d);
  if (!figures.wanted()) std::printf("dense %ld x %ld\n", static_cast<long>(n), static_cast<long>(d));
  for (std::size_t k = 0; k < kinds.size(); ++k) {
    const double done = k < products ? 2 * work : work;
    figures.add(std::to_string(n) + " x " + std::to_string(d) + "/" + kinds[k].name, done / kinds[k].quantile(0.5));
    if (!figures.wanted())
      std::printf("  %-14s %9.3f ms median  %6.1f GFLOP/s median  %6.1f best\n", kinds[k].name.c_str(),
                  1e3 * kinds[k].quantile(0.5), done / kinds[k].quantile(0.5), done / kinds[k].quantile(0));
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
  std::vector<Timed> kinds;
  for (const Design& a : {Design(std::shared_ptr<const CsrMatrix>(csr)), Design(std::shared_ptr<const Mat>(x))}) {
    kinds.push_back({"Gram matrix", [&, a] { a.weighted_gram(w, h); }});
    kinds.push_back({"pass", [&, a] { a.sweep(v, same, out); }});
    kinds.push_back({"pass of 8", [&, a] { a.sweep_batch(block, same, products); }});
  }
  tacit_bench::time_by_turns(kinds, repetitions);
  std::printf("%6ld x %-5ld %5.2f", static_cast<long>(n), static_cast<long>(d), share);
  for (std::size_t k = 0; k < 3; ++k)
    std::printf("   %9.3f %9.3f %5.2f", 1e3 * kinds[k].quantile(0.5), 1e3 * kinds[k + 3].quantile(0.5),
                kinds[k].quantile(0.5) / kinds[k + 3].quantile(0.5));
  std::printf("\n");
  return h.sum() + out.sum() + products.sum();
}

}  // namespace

int main(int argc, char** argv) {
  tacit_bench::Figures figures(argc, argv);
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 11;
  const Dgemm dgemm = find_dgemm();
  double total = 0;
  std::vector<std::pair<Index, Index>> sizes = {{500000, 3}, {200000, 10}, {60000, 30},  {20000, 100},
                                                {1000, 100}, {20000, 500}, {8000, 1000}, {2000, 3000}};
  if (figures.wanted()) sizes = {{60000, 30}, {20000, 100}, {20000, 500}};
  for (const auto& [n, d] : sizes) total += dense(n, d, repetitions, dgemm, figures);
  if (figures.wanted()) {
    figures.print();
    return std::isfinite(total) ? 0 : 1;
  }
  std::printf("stored sparse against stored dense: medians [ms] and their ratio\n%20s %29s %27s %27s\n", "share", "Gram matrix",
              "pass", "pass of 8 columns");
  for (const double share : {0.02, 0.1, 0.2, 0.25, 0.3, 0.33, 0.4, 0.5, 0.7, 1.0}) total += sparse(4000, 400, share, repetitions);
  for (const double share : {0.1, 0.2, 0.3, 0.4, 0.5, 1.0}) total += sparse(20000, 60, share, repetitions);
  return std::isfinite(total) ? 0 : 1;
}
