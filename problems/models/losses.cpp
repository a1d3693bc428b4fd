#include <tacit/problems/models/losses.hpp>

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

void LogisticLoss::evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const {
  kernels::logistic_rows(n, z, y, phi, first, second);
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
