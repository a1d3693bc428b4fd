// A full unroll of gradient descent (steps, then the reverse sweep through the recorded states) against the plain steps, timed
// alternately. Usage: unroll_cost [rows] [columns] [steps] [repetitions]. Goal at 10000 x 500, 100 steps: at most 2.6.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

using namespace tacit;

namespace {

double quantile(std::vector<double> t, double q) {
  std::sort(t.begin(), t.end());
  return t[static_cast<std::size_t>(q * static_cast<double>(t.size() - 1))];
}

struct Run {
  const LinearModel& f;
  Vec u;
  double alpha;
  Index steps;
  Eigen::MatrixXd tape;  // a state a column
  Vec x, g, p, q, cross, hyper;

  void plain() {
    x.setZero();
    for (Index k = 0; k < steps; ++k) {
      f.gradient(x, u, g);
      x -= alpha * g;
    }
  }
  /// d(1/2 ||x_T||^2)/du by the reverse sweep: p <- p - alpha f_xx p, hyper <- hyper - alpha f_ux p.
  void unrolled() {
    x.setZero();
    for (Index k = 0; k < steps; ++k) {
      tape.col(k) = x;
      f.gradient(x, u, g);
      x -= alpha * g;
    }
    p = x;
    hyper.setZero();
    for (Index k = steps - 1; k >= 0; --k) {
      f.adjoint(tape.col(k), u, p, q, cross);
      hyper -= alpha * cross;
      p -= alpha * q;
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  const Index n = argc > 1 ? std::atol(argv[1]) : 10000, d = argc > 2 ? std::atol(argv[2]) : 500;
  const Index steps = argc > 3 ? std::atol(argv[3]) : 100;
  const int repetitions = argc > 4 ? std::atoi(argv[4]) : 11;
  auto x = std::make_shared<Mat>(n, d);
  unsigned long long random = 7;
  for (Index i = 0; i < x->size(); ++i) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    x->data()[i] = static_cast<double>(random >> 11) * 0x1.0p-52 - 1;
  }
  Vec y(n);
  for (Index i = 0; i < n; ++i) y[i] = (*x)(i, 0) > 0 ? 1 : -1;
  std::printf("full unroll of %ld gradient-descent steps, %ld x %ld, one thread, %d repetitions\n", static_cast<long>(steps),
              static_cast<long>(n), static_cast<long>(d), repetitions);
  for (const bool logistic : {false, true}) {
    std::shared_ptr<const Loss> loss = std::make_shared<SquaredLoss>();
    if (logistic) loss = std::make_shared<LogisticLoss>();
    const LinearModel f(Design(x), loss, y, Vec::Constant(n, 1.0 / static_cast<double>(n)), one_penalty(d, false));
    const Vec u = Vec::Constant(1, 1e-2);
    Run run{f, u, 1.0, steps, Eigen::MatrixXd(d, steps), Vec(d), Vec(d), Vec(d), Vec(d), Vec(1), Vec(1)};
    std::vector<double> plain, full;
    for (int r = 0; r <= repetitions; ++r) {
      const auto a = std::chrono::steady_clock::now();
      run.plain();
      const auto b = std::chrono::steady_clock::now();
      run.unrolled();
      const auto c = std::chrono::steady_clock::now();
      if (r == 0) continue;
      plain.push_back(std::chrono::duration<double>(b - a).count());
      full.push_back(std::chrono::duration<double>(c - b).count());
    }
    std::printf("%-10s plain %8.1f ms, unroll %8.1f ms (20 %% quantile); ratio %5.2f, of medians %5.2f\n",
                logistic ? "logistic" : "ridge", 1e3 * quantile(plain, 0.2), 1e3 * quantile(full, 0.2),
                quantile(full, 0.2) / quantile(plain, 0.2), quantile(full, 0.5) / quantile(plain, 0.5));
    if (!std::isfinite(run.hyper[0])) return 1;
  }
  return 0;
}
