// Logistic regression by the loss door against the loss that is written by hand, and by plain numbers from libm: gradient,
// linearize, Hessian product and one-shot adjoint, all timed alternately in one process. Usage: loss_door [repetitions]. Goal: at
// most 1.3 for gradient and Hessian product, as softplus and as log(1 + exp).
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <vector>

#include <tacit/core/linear/linear_model.hpp>
#include <tacit/core/linear/loss_door.hpp>
#include <tacit/problems/models/losses.hpp>
#include <tacit/problems/models/penalties.hpp>

using namespace tacit;

namespace {

double seconds(const std::function<void()>& work, int calls) {
  const auto start = std::chrono::steady_clock::now();
  for (int k = 0; k < calls; ++k) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / calls;
}

double quantile(std::vector<double> t, double q) {
  std::sort(t.begin(), t.end());
  return t[static_cast<std::size_t>(q * static_cast<double>(t.size() - 1))];
}

struct Case {
  const char* name;
  std::shared_ptr<const Loss> loss;
};

std::vector<Case> cases() {
  const LossFacts facts{.curvature_bound = 0.25, .convex = true, .least = 0};
  const auto naive = [](auto z, double y) {
    using std::exp, std::log;
    return log(1 + exp(-y * z));
  };
  const auto stable = [](auto z, double y) { return softplus(-y * z); };
  const auto pieces = [](auto z, double y) {
    using std::abs, std::exp, std::log1p, std::max;
    const auto m = y * z;
    return max(-m, decltype(m)(0)) + log1p(exp(-abs(m)));
  };
  return {{"by hand", std::make_shared<LogisticLoss>()},
          {"softplus(-y z)", make_loss(stable, facts)},
          {"log(1 + exp(-y z))", make_loss(naive, facts)},
          {"max(-m, 0) + log1p(exp(-|m|))", make_loss(pieces, facts)}};
}

void compare(Index n, Index d, int repetitions) {
  auto x = std::make_shared<Mat>(n, d);
  unsigned long long random = 7;
  for (Index i = 0; i < x->size(); ++i) {
    random = random * 6364136223846793005ULL + 1442695040888963407ULL;
    x->data()[i] = static_cast<double>(random >> 11) * 0x1.0p-52 - 1;
  }
  Vec y(n);
  for (Index i = 0; i < n; ++i) y[i] = (*x)(i, 0) > 0 ? 1 : -1;
  const Vec at = Vec::LinSpaced(d, -1, 1) / std::sqrt(static_cast<double>(d)), u = Vec::Constant(1, 1e-2);
  const int calls = static_cast<int>(std::max<Index>(1, 2000000 / (n * d)));
  Vec g(d), out(d), outer(1);
  struct Timed {
    std::unique_ptr<LinearModel> f;
    std::unique_ptr<const Curvature> curvature;
    std::vector<double> times[4];
  };
  std::vector<Timed> all;
  for (const Case& c : cases()) {
    Timed t;
    t.f = std::make_unique<LinearModel>(Design(x), c.loss, y, Vec::Constant(n, 1.0 / static_cast<double>(n)),
                                        one_penalty(d, false));
    t.curvature = t.f->linearize(at, u);
    all.push_back(std::move(t));
  }
  for (int r = 0; r < repetitions + 2; ++r) {
    for (Timed& t : all) {
      const double measured[] = {seconds([&] { t.f->gradient(at, u, g); }, calls), seconds([&] { t.f->linearize(at, u); }, calls),
                                 seconds([&] { t.curvature->hessian(g, out); }, calls),
                                 seconds([&] { t.f->adjoint(at, u, g, out, outer); }, calls)};
      for (int k = 0; k < 4 && r >= 2; ++k) t.times[k].push_back(measured[k]);
    }
  }
  std::printf("\n%ld x %ld, ratio of medians to the loss by hand (its median in microseconds)\n%-32s %10s %10s %10s %10s\n",
              static_cast<long>(n), static_cast<long>(d), "", "gradient", "linearize", "product", "adjoint");
  for (std::size_t i = 0; i < all.size(); ++i) {
    std::printf("%-32s", cases()[i].name);
    for (int k = 0; k < 4; ++k) {
      const double hand = quantile(all[0].times[k], 0.5);
      std::printf(" %10.2f", i == 0 ? 1e6 * hand : quantile(all[i].times[k], 0.5) / hand);
    }
    std::printf("\n");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int repetitions = argc > 1 ? std::atoi(argv[1]) : 60;
  compare(200, 50, repetitions);
  compare(2000, 100, repetitions);
  compare(20000, 500, std::max(5, repetitions / 4));
  return 0;
}
