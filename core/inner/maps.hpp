// Fixed-point maps z_{k+1} = A_k(z_k, u) with their derivatives, and the algorithms that make them.
#pragma once
#include <memory>
#include <optional>
#include <string>

#include <tacit/core/model/model.hpp>
#include <tacit/core/support/registry.hpp>

namespace tacit::inline TACIT_ABI {

/// Jacobians A_z, A_u of one step, frozen at one state. s = state dimension, m = outer dimension.
class TACIT_EXPORT StepJacobian {
public:
  virtual ~StepJacobian() = default;
  /// out = A_z dz + A_u du
  virtual void jvp(In dz, In du, Out out) const = 0;
  /// out_z = A_z^T p, add_u += A_u^T p
  virtual void vjp(In p, Out out_z, Out add_u) const = 0;
};

/// One bound algorithm: problem, step size and momentum are frozen, so the map that is differentiated is the map that ran.
/// The inner variable x is the first inner_dim() entries of the state z.
class TACIT_EXPORT FixedPointMap {
public:
  virtual ~FixedPointMap() = default;
  virtual Index inner_dim() const = 0;
  virtual Index state_dim() const = 0;
  /// True when A_k does not depend on k.
  virtual bool stationary() const { return true; }
  /// z from a warm start x (momentum: x_{-1} = x_0).
  virtual void lift(In x, Out z) const = 0;
  /// out_x = lift'^T p
  virtual void lift_t(In p, Out out_x) const = 0;
  /// dz = lift' dx for k tangents
  virtual void lift_tangents(InM dx, OutM dz) const = 0;
  /// next = A_k(z, u); returns the norm of f_x where the step evaluated it (NaN: it did not). At a lifted state that is x itself.
  virtual double step(Index k, In z, In u, Out next) const = 0;
  virtual std::unique_ptr<const StepJacobian> linearize(Index k, In z, In u) const = 0;
  /// step() and linearize() in the same pass over the data. Worth it where the Jacobian will be used and jacobian_bytes() says
  /// that it keeps something: vjp() has the same bits then, and takes less than at (z, u).
  virtual double step_and_linearize(Index k, In z, In u, Out next, std::unique_ptr<const StepJacobian>& jacobian) const {
    jacobian = linearize(k, z, u);
    return step(k, z, u, next);
  }
  /// Bytes that a Jacobian keeps of the data at its state, so that products need no second look at it; 0: none, or not known.
  virtual std::size_t jacobian_bytes() const { return 0; }
  /// out_z = A_z^T p, add_u += A_u^T p at (z, u), in one pass over the data.
  virtual void vjp(Index k, In z, In u, In p, Out out_z, Out add_u) const = 0;
  /// next = A_k(z, u), dnext = A_z dz + A_u du for j tangents (s x j, m x j), in one pass over the data. du without entries
  /// stands for the identity (j = m), which then need not exist.
  virtual void step_tangents(Index k, In z, In u, InM dz, InM du, Out next, OutM dnext) const = 0;
  /// Step size alpha and momentum beta that were bound.
  virtual double step_size() const = 0;
  virtual double momentum() const { return 0; }
  /// gamma: the gradient is taken at x + gamma (x - x_prev).
  virtual double lookahead() const { return 0; }
};

/// A_z on the states (c_1 v, ..., c_s v) as the s x s matrix that acts on c, when f_xx v = lambda v. s = state dimension over
/// inner dimension; v: n entries, of length 1.
TACIT_EXPORT Eigen::MatrixXd mode_matrix(const StepJacobian& jacobian, Index state_dim, Index outer_dim, In v);
/// Its spectral radius; NaN when it is not finite. The rate of the map is that along the softest or the stiffest mode.
TACIT_EXPORT double rate_along(const StepJacobian& jacobian, Index state_dim, Index outer_dim, In v);

/// A recipe: options in, map out.
class TACIT_EXPORT Algorithm : public Configurable {
public:
  /// Freezes step size and momentum at u; the map keeps what it needs of the problem. Throws UsageError when they can be chosen
  /// nowhere (heavy ball without mu), NumericalError when the numbers at u do not allow it.
  virtual std::unique_ptr<const FixedPointMap> bind(const Problem& problem, In u) const = 0;
  /// Entries of a state of its maps, for so many inner variables.
  virtual Index state_dim(Index inner_dim) const { return inner_dim; }
  /// True when bind() takes the same numbers at every u, so that x_K depends on u through the steps alone.
  virtual bool fixed() const { return false; }
};

/// x+ = x - alpha f_x; alpha = 1/L unless given.
class TACIT_EXPORT GradientDescent final : public Algorithm {
public:
  std::optional<double> step;  ///< alpha; empty: 1/L
  bool fixed() const override { return step.has_value(); }
  void fields(FieldVisitor& v) override;
  std::unique_ptr<const FixedPointMap> bind(const Problem& problem, In u) const override;
};

/// x+ = x - alpha f_x(x) + beta (x - x_prev) (Polyak 1964). Automatic: alpha = 4/(sqrt L + sqrt mu)^2,
/// beta = ((sqrt k - 1)/(sqrt k + 1))^2, k = L/mu. With a given beta below that one, alpha is at most (1 + sqrt beta)^2 / L,
/// which the automatic pair meets with equality and which keeps the map stable.
class TACIT_EXPORT HeavyBall final : public Algorithm {
public:
  std::optional<double> step, momentum;
  bool fixed() const override { return step && momentum; }
  Index state_dim(Index inner_dim) const override { return 2 * inner_dim; }
  void fields(FieldVisitor& v) override;
  std::unique_ptr<const FixedPointMap> bind(const Problem& problem, In u) const override;
};

/// y = x + beta (x - x_prev), x+ = y - alpha f_x(y) with constant momentum (Nesterov 2004, strongly convex scheme).
/// Automatic: alpha = 1/L, beta = (sqrt k - 1)/(sqrt k + 1).
class TACIT_EXPORT Nesterov final : public Algorithm {
public:
  std::optional<double> step, momentum;
  bool fixed() const override { return step && momentum; }
  Index state_dim(Index inner_dim) const override { return 2 * inner_dim; }
  void fields(FieldVisitor& v) override;
  std::unique_ptr<const FixedPointMap> bind(const Problem& problem, In u) const override;
};

/// gradient-descent, heavy-ball, nesterov.
TACIT_EXPORT void register_algorithms(Registry<Algorithm>& registry);

}  // namespace tacit::inline TACIT_ABI
