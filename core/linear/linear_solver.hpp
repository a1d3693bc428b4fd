// Linear systems H w = b with symmetric positive definite H, by conjugate gradients.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/fields.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// y = B x, square; used for preconditioners and kept factors (an approximation of H^{-1}).
class TACIT_EXPORT LinearOperator {
public:
  virtual ~LinearOperator() = default;
  virtual Index dim() const = 0;
  virtual void apply(In x, Out y) const = 0;
};

/// x -> x ./ d for positive d; entries that are not positive are passed through unscaled.
class TACIT_EXPORT DiagonalInverse final : public LinearOperator {
public:
  explicit DiagonalInverse(In d);
  Index dim() const override { return inverse_.size(); }
  void apply(In x, Out y) const override;

private:
  Vec inverse_;
};

/// x -> s H^{-1} x by the Cholesky factor H = L L', s = 1 but for what times() made. Copies share the factor.
class TACIT_EXPORT CholeskyInverse final : public LinearOperator {
public:
  CholeskyInverse() = default;
  /// Its lower triangle is L; what stands above is not read.
  explicit CholeskyInverse(Eigen::MatrixXd factor) : factor_(std::make_shared<const Eigen::MatrixXd>(std::move(factor))) {}
  Index dim() const override { return factor_->rows(); }
  void apply(In x, Out y) const override;
  /// y = L L' x over the share: what the inverse is of.
  void product(In x, Out y) const;
  /// `share` times this.
  std::shared_ptr<const CholeskyInverse> times(double share) const;
  void state(StateVisitor& v);

private:
  std::shared_ptr<const Eigen::MatrixXd> factor_ = std::make_shared<const Eigen::MatrixXd>();
  double scale_ = 1;
};

struct CgOptions {
  double tolerance = 1e-6;  ///< stop when ||b - H w|| <= tolerance ||b||; 0: exactly max_steps
  Index max_steps = 200;
  const LinearOperator* preconditioner = nullptr;
  /// Called after each iteration with the iterate and the norm of its residual b - H w; true stops (reported as converged).
  std::function<bool(In w, double residual)> stop{};
  /// Recompute the residual at the end (one more product) where rounding may have changed it by a tenth. false: trust the
  /// recursion, for directions of an outer iteration.
  bool verify = true;
};

struct CgResult {
  Status status = Status::not_run;
  Index steps = 0;      ///< iterations
  double residual = 0;  ///< true ||b - H w|| / ||b||
  Index products = 0;   ///< products with H, the ones for residuals included
  Vec remainder;        ///< b - H w, of the length that `residual` says
  std::string message;  ///< a sentence with the numbers, empty when converged
};

/// Preconditioned conjugate gradients (Hestenes and Stiefel 1952) from the given w. The residual reported is the true one. At a
/// direction of non-positive curvature it stops with the best iterate so far; when the recursion's residual and the true one
/// part, it restarts once and then reports Status::rounding. Products: one a step, one for a start other than zero, one for a
/// check at the end that is needed.
TACIT_EXPORT CgResult conjugate_gradient(const std::function<void(In, Out)>& h, In b, Out w, const CgOptions& options);

/// Factors a symmetric positive definite matrix (only its lower triangle is read) and returns the inverse as an operator; null
/// when it is not positive definite.
TACIT_EXPORT std::shared_ptr<const CholeskyInverse> cholesky_inverse(InM h);
/// The same of a matrix that is to be overwritten (moved in), of which the lower triangle is read.
TACIT_EXPORT std::shared_ptr<const CholeskyInverse> cholesky_in_place(Eigen::MatrixXd h);

}  // namespace tacit::inline TACIT_ABI
