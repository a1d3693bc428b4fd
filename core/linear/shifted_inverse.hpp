// The inverses of all matrices H + c I of one symmetric H.
#pragma once
#include <memory>

#include <tacit/core/linear/linear_solver.hpp>

namespace tacit::inline TACIT_ABI {

/// H = Q T Q', T tridiagonal (Householder 1958): 4/3 n^3 multiplications for T and as many for Q, once. A value; copies share it.
class TACIT_EXPORT TridiagonalForm {
public:
  TridiagonalForm() = default;
  /// Only the lower triangle of h is read.
  explicit TridiagonalForm(const Eigen::MatrixXd& h);
  /// r -> (H + c I)^{-1} r, 2 n^2 multiplications to apply it; null where H + c I is not positive definite to rounding.
  std::shared_ptr<const LinearOperator> inverse(double c) const;
  /// Eigenvalues of H, ascending; n^2 operations.
  Vec eigenvalues() const;
  Index dim() const { return diagonal_.size(); }

private:
  std::shared_ptr<const Eigen::MatrixXd> q_;
  Vec diagonal_, beside_;
};

}  // namespace tacit::inline TACIT_ABI
