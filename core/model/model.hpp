// The bilevel model: inner objective f(x, u) with its curvature, outer criterion l(x, u), space of the hyperparameters.
#pragma once
#include <array>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <tacit/core/support/types.hpp>
#include <tacit/core/support/work.hpp>

namespace tacit::inline TACIT_ABI {

class LinearModel;
class LinearOperator;

/// Second derivatives of f frozen at one point (x, u). n = inner dimension, m = outer dimension.
class TACIT_EXPORT Curvature {
public:
  virtual ~Curvature() = default;
  /// f_xx p, n -> n
  virtual void hessian(In p, Out out) const = 0;
  /// f_ux p, n -> m
  virtual void cross(In p, Out out) const = 0;
  /// f_xu w, m -> n
  virtual void cross_t(In w, Out out) const = 0;
  /// f_xx p and f_ux p at once: what one reverse step needs.
  virtual void adjoint(In p, Out out_x, Out out_u) const;
  /// f_xx P for k columns at once, n x k -> n x k.
  virtual void hessian_batch(InM p, OutM out) const;
  /// Diagonal of f_xx; false: not cheap, out untouched.
  virtual bool diagonal(Out d) const;
  /// f_xx itself, n x n; false: not cheap, out untouched.
  virtual bool dense(OutM h) const;
  /// What dense() and a Cholesky factor of it cost together, in products with f_xx; infinity: dense() is not offered, or nobody
  /// knows.
  virtual double factor_cost(Index /*n*/) const { return std::numeric_limits<double>::infinity(); }
  /// What of it is the factor's.
  virtual double refactor_cost(Index n) const { return factor_cost(n); }
  /// f_xx^{-1}, n -> n, where the structure gives it for less than a factor of dense(), or has a factor already; null: not here.
  virtual std::shared_ptr<const LinearOperator> inverse() const { return nullptr; }
  /// An approximation of f_xx^{-1} for conjugate gradients, n -> n, that is worth its making; null: none. The inverse of the
  /// diagonal, where nothing better is known.
  virtual std::shared_ptr<const LinearOperator> preconditioner(Index n) const;
};

/// f and f_x at the point of a linearization, filled in the same pass.
struct FirstOrder {
  double value = 0;
  Vec gradient;
};

/// Smooth inner objective f(x, u): R^n x R^m -> R. Const and safe to share between threads.
class TACIT_EXPORT Objective {
public:
  virtual ~Objective() = default;
  virtual Index inner_dim() const = 0;
  virtual Index outer_dim() const = 0;
  virtual double value(In x, In u) const = 0;
  /// g = f_x(x, u), returns f(x, u); one pass over the data.
  virtual double gradient(In x, In u, Out g) const = 0;
  /// Second derivatives at (x, u); when `at` is given, f and f_x come from the same pass.
  virtual std::unique_ptr<const Curvature> linearize(In x, In u, FirstOrder* at = nullptr) const = 0;
  /// Bytes of what linearize() finds at a point, so that products with it need no second look at x; 0: none is spared one, or it
  /// is not known.
  virtual std::size_t linearization_bytes() const { return 0; }
  /// out_x = f_xx(x, u) p, out_u = f_ux(x, u) p without keeping a linearization (reverse sweeps).
  virtual void adjoint(In x, In u, In p, Out out_x, Out out_u) const;
  /// g = f_x(x, u), dg = f_xx dx + f_xu du for k tangents, dx n x k, du m x k (forward sweeps). du without entries stands for the
  /// identity (k = m), which then need not exist.
  virtual void tangents(In x, In u, InM dx, InM du, Out g, OutM dg) const;
  /// The diagonal c that u alone adds to the curvature, where u enters f_x in no other way: f_xx(x, u) = B(x) + diag(c(u)) and
  /// f_x(x, u) = b(x) + c(u) x; false: there is none, or it is not known, c untouched.
  virtual bool penalty_diagonal(In u, Out c) const;
  /// The structure when f is a linear model, else null.
  virtual const LinearModel* linear() const { return nullptr; }
  /// L, at least the largest eigenvalue of f_xx(x, u) at every x.
  virtual double smoothness(In u) const = 0;
  /// False when smoothness() is no promise but an estimate, which another x may exceed.
  virtual bool smoothness_bounds() const { return true; }
  /// mu, at most the smallest eigenvalue of f_xx(x, u) at every x; 0 when unknown.
  virtual double convexity(In /*u*/) const { return 0; }
  /// Whether f is promised to be convex in x. Where it is not, a point with f_x = 0 may be a saddle, and is checked.
  virtual bool convex(In u) const { return convexity(u) > 0; }
  /// A Lipschitz constant in x, valid everywhere, of x -> f_xx(x, u) dx + f_xu(x, u) diag(du) in the spectral norm, dx n x m, du
  /// m entries: what pollutes a derivative recursion that runs on inexact iterates. NaN: unknown.
  virtual double derivative_lipschitz(In /*u*/, InM /*dx*/, In /*du*/) const { return std::numeric_limits<double>::quiet_NaN(); }
  /// ||f_x(0, u)||, the unit of the inner tolerance.
  virtual double gradient_scale(In u) const;
  /// An upper estimate of the norm of the terms, taken without their signs, whose sum f_x(0, u) is: what cancels in it leaves
  /// rounding of this size. At least gradient_scale(u), which is the default.
  virtual double gradient_terms(In u) const { return gradient_scale(u); }
  /// True when f is quadratic in x: f_xx does not depend on x.
  virtual bool quadratic() const { return false; }
  /// False when "f_x" is no gradient but any map whose zero is sought (an equilibrium), so that "f_xx" need not be symmetric:
  /// Curvature::hessian is then f_xx p, adjoint f_xx^T p, and only methods that run over the steps of a map are right.
  virtual bool symmetric() const { return true; }
  /// The same objective, with its reads of data, and what it computes by itself for its constants, added to the counter; null
  /// when there is nothing that counted() does not see from outside.
  virtual std::shared_ptr<const Objective> counting_reads(std::shared_ptr<WorkCounter> /*counter*/) const { return nullptr; }
};

/// What rounding leaves of f_x(0, u) where its terms cancel: 4 eps gradient_terms(u); 0 where they are not finite.
TACIT_EXPORT double cancellation(const Objective& f, In u);

/// Outer criterion l(x, u).
class TACIT_EXPORT Criterion {
public:
  virtual ~Criterion() = default;
  virtual double value(In x, In u) const = 0;
  /// No value is below this: 0 of a mean of losses. -infinity: unknown.
  virtual double least() const { return -std::numeric_limits<double>::infinity(); }
  /// gx = l_x, gu = l_u, returns l.
  virtual double gradient(In x, In u, Out gx, Out gu) const = 0;
  /// What gradient() says at x, to the bit, and at a second point, for less than two calls: gx n x 2, gu m x 2, returns both
  /// values; nothing: there is no such way, gx and gu are untouched.
  virtual std::optional<std::array<double, 2>> gradient_pair(In x, In second, In u, OutM gx, OutM gu) const;
  /// A Lipschitz constant of l_x in x, for rigorous error bounds; a number also promises that l_u does not depend on x. NaN:
  /// unknown.
  virtual double smoothness() const { return std::numeric_limits<double>::quiet_NaN(); }
};

/// Start of a cold inner run, x_0(u). A null pointer in Problem means x_0 = 0.
class TACIT_EXPORT Start {
public:
  virtual ~Start() = default;
  virtual void point(In u, Out x) const = 0;
  /// add_u += x_0'(u)^T p
  virtual void vjp(In u, In p, Out add_u) const = 0;
  /// dx = x_0'(u) du for k tangents, m x k -> n x k.
  virtual void jvp(In u, InM du, OutM dx) const = 0;
};

/// The same start for every u: its derivative is zero.
class TACIT_EXPORT ConstantStart final : public Start {
public:
  explicit ConstantStart(Vec x0) : x0_(std::move(x0)) {}
  void point(In u, Out x) const override;
  void vjp(In, In, Out) const override {}
  void jvp(In u, InM du, OutM dx) const override;

private:
  Vec x0_;
};

/// How a hyperparameter moves: theta = u, ln u, or ln(u / (1 - u)).
enum class Scale { linear, log, logit };

/// A named block of hyperparameters. Bounds are in the units of u; one that is not given, or infinite, is none: a linear block
/// then moves in (-inf, inf), one on a log scale in (0, inf), one on a logit scale in (0, 1).
struct HyperBlock {
  std::string name;
  /// Entries; of a block with a shape rows * cols, which need not be given.
  Index size = 1;
  Scale scale = Scale::log;
  double lower = -std::numeric_limits<double>::infinity();
  double upper = std::numeric_limits<double>::infinity();
  /// One label per entry (feature or group name), or empty.
  std::vector<std::string> labels{};
  /// Shape of a matrix of hyperparameters, stored by columns: entry (i, j) is i + rows * j of the block. Both 0: a column of
  /// `size` entries.
  Index rows = 0, cols = 0;

  /// A block of rows x cols.
  static HyperBlock matrix(std::string name, Index rows, Index cols, Scale scale = Scale::linear,
                           double lower = -std::numeric_limits<double>::infinity(),
                           double upper = std::numeric_limits<double>::infinity()) {
    return {std::move(name), rows * cols, scale, lower, upper, {}, rows, cols};
  }
};

/// The box of the hyperparameters. Problems speak u; optimizers move theta. A vector that has not size() entries is a UsageError
/// in every function, and so is NaN in a theta or u, and a u that its scale does not have (below 0 of log, outside of [0, 1] of
/// logit). A gradient may have NaN.
class TACIT_EXPORT HyperSpace {
public:
  HyperSpace() = default;
  /// Throws UsageError for a box that its scale cannot hold (log needs 0 < lower <= upper), for a size that is not that of the
  /// shape, and for two blocks of one name.
  explicit HyperSpace(std::vector<HyperBlock> blocks);
  Index size() const { return lower_.size(); }
  /// As they were given, with the size of those that have a shape.
  const std::vector<HyperBlock>& blocks() const { return blocks_; }
  /// u(theta), entrywise.
  void to_model(In theta, Out u) const;
  /// theta(u), the inverse.
  void from_model(In u, Out theta) const;
  /// du/dtheta at u, entrywise (the Jacobian is diagonal).
  void slope(In u, Out du) const;
  /// grad_theta = (du/dtheta) grad_u.
  void pull_back(In theta, In grad_u, Out grad_theta) const;
  /// Nearest point of the box.
  void project(Out theta) const;
  /// theta - project(theta - g): zero at a first-order point of the box.
  void projected_gradient(In theta, In g, Out out) const;
  const Vec& lower() const { return lower_; }
  const Vec& upper() const { return upper_; }
  /// The entries of one block, by name or by its place among the blocks, as a rows x cols matrix that reads and, where v is not
  /// const, writes v itself: v is u, a theta or a gradient, a vector of size() entries without gaps that outlives the map (no
  /// temporary). Throws UsageError for a block that is not there, with the name that is near.
  template <class V>
  auto block(V& v, std::string_view name) const {
    return map_of(v, place(name, v.size()));
  }
  template <class V>
  auto block(V& v, Index which) const {
    return map_of(v, place(which, v.size()));
  }

private:
  struct Place {
    Index at, rows, cols;
  };
  Place place(std::string_view name, Index size) const;
  Place place(Index which, Index size) const;
  template <class V>
  static auto map_of(V& v, const Place& p) {
    static_assert(V::IsVectorAtCompileTime && V::InnerStrideAtCompileTime == 1, "block() maps a vector without gaps");
    constexpr bool fixed = std::is_const_v<std::remove_pointer_t<decltype(v.data())>>;
    using Shape = std::conditional_t<fixed, const Eigen::MatrixXd, Eigen::MatrixXd>;
    return Eigen::Map<Shape>(v.data() + p.at, p.rows, p.cols);
  }
  std::vector<HyperBlock> blocks_;
  std::vector<Scale> scale_;
  Vec lower_, upper_;
};

/// At which inner point the criterion is meant: two different problems.
enum class Response {
  /// l(x*(u), u). How x* is found, and from where, is an aid alone; a start that depends on u has no derivative here.
  solution,
  /// l(x_K(u), u): exactly K steps of a map from x_0(u), K = max_steps of the solver, whose step size and momentum are numbers
  /// and whose tolerance is 0. Never warm.
  iterate
};

/// One bilevel problem. Every part is const and shared.
struct TACIT_EXPORT Problem {
  std::string name;
  Response response = Response::solution;
  std::shared_ptr<const Objective> f;
  std::shared_ptr<const Criterion> l;
  HyperSpace space;
  std::shared_ptr<const Start> start;
  /// When set, maps and decorators add what they do here.
  std::shared_ptr<WorkCounter> work;
  /// x_0(u) of a cold run.
  Vec cold_start(In u) const;
  /// Empty when the parts fit together, else a sentence that says what does not.
  std::string check() const;
};

}  // namespace tacit::inline TACIT_ABI
