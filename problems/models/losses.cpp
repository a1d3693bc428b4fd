#include <tacit/problems/models/losses.hpp>

#include <algorithm>

#include <tacit/core/linear/detail/kernels.hpp>

namespace tacit::inline TACIT_ABI {

void SquaredLoss::evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const {
  for (Index i = 0; i < n; ++i) {
    const double r = z[i] - y[i];
    if (phi) phi[i] = r * r / 2;
    if (first) first[i] = r;
    if (second) second[i] = 1;
  }
}

// With m = y z and e = exp(-|m|) in (0, 1] nothing overflows, and no difference cancels:
// phi = max(-m, 0) + log(1 + e), phi' = -y / (1 + exp(m)), phi'' = e / (1 + e)^2.
void LogisticLoss::evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const {
  constexpr Index kChunk = 256;
  double m[kChunk], e[kChunk], logarithm[kChunk];
  for (Index from = 0; from < n; from += kChunk) {
    const Index size = std::min(kChunk, n - from);
    for (Index i = 0; i < size; ++i) m[i] = y[from + i] * z[from + i];
    kernels::exp_log1p(size, m, e, phi ? logarithm : nullptr);
    kernels::logistic_rows(size, m, y + from, e, first ? first + from : nullptr, second ? second + from : nullptr);
    if (!phi) continue;
    for (Index i = 0; i < size; ++i) phi[from + i] = std::max(-m[i], 0.0) + logarithm[i];
  }
}

std::string LogisticLoss::check(In y) const {
  for (Index i = 0; i < y.size(); ++i) {
    if (y[i] != 1 && y[i] != -1)
      return "the logistic loss takes the targets -1 and +1, got " + std::to_string(y[i]) + " in row " + std::to_string(i + 1) +
             "; code the positive class as +1 and the other as -1";
  }
  return {};
}

}  // namespace tacit::inline TACIT_ABI
