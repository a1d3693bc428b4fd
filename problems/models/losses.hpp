// Losses of one row for linear models.
#pragma once
#include <string>

#include <tacit/core/linear/linear_model.hpp>

namespace tacit::inline TACIT_ABI {

/// (z - y)^2 / 2
class TACIT_EXPORT SquaredLoss final : public Loss {
public:
  void evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const override;
  double curvature_bound() const override { return 1; }
  double third_bound() const override { return 0; }
  bool quadratic() const override { return true; }
};

/// log(1 + exp(-y z)) with y in {-1, +1}; no overflow for any z.
class TACIT_EXPORT LogisticLoss final : public Loss {
public:
  void evaluate(Index n, const double* z, const double* y, double* phi, double* first, double* second) const override;
  double curvature_bound() const override { return 0.25; }
  /// phi''' = p (1 - p)(1 - 2p) with p = 1/(1 + exp(-z)), largest at p = (1 - 1/sqrt 3)/2: 1/(6 sqrt 3).
  double third_bound() const override { return 0.096225044864937627; }
  std::string check(In y) const override;
};

}  // namespace tacit::inline TACIT_ABI
