// The inverses of all matrices H + c I of one symmetric H.
#pragma once
#include <memory>
#include <utility>

#include <tacit/core/linear/linear_solver.hpp>

namespace tacit::inline TACIT_ABI {

/// H = Q T Q', T tridiagonal and Q kept as reflections (Householder 1958): 2/3 n^3 multiplications, once. A value; copies share
/// it.
class TACIT_EXPORT TridiagonalForm {
public:
  TridiagonalForm() = default;
  /// Only the lower triangle of h is read.
  explicit TridiagonalForm(const Eigen::MatrixXd& h);
  /// r -> (H + c I)^{-1} r, 2 n^2 multiplications to apply it; null where H + c I is not positive definite to rounding.
  std::shared_ptr<const LinearOperator> inverse(double c) const;
  /// The least and the largest eigenvalue of H, to rounding of the larger one: by bisection, some 100 n operations (Givens 1954).
  std::pair<double, double> extreme_eigenvalues() const;
  Index dim() const { return diagonal_.size(); }

private:
  class Reflections;
  class ShiftedInverse;
  /// Are all eigenvalues above c (sign 1), or all below it (-1)?
  bool all_beyond(double c, double sign) const;

  std::shared_ptr<const Reflections> q_;
  Vec diagonal_, beside_;
};

}  // namespace tacit::inline TACIT_ABI
