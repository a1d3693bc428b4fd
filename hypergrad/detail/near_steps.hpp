// Corrections of a point and its adjoint by an approximation of f_xx^{-1}. Not part of the public interface.
#pragma once
#include <limits>
#include <memory>
#include <optional>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Point x and adjoint w of a linear model, corrected together by M, which is near f_xx^{-1}: x -= M f_x, then in one pass over
/// the rows f_x and f_xx w at this x, then w += M (l_x - f_xx w). M is to be a factor of f_xx with other weights of the rows and
/// another diagonal, of which none is more than twice the other: then no mode hides, and what is wrong with point and
/// hypergradient is at most twice what the next step moves.
class TACIT_EXPORT NearSteps {
public:
  static constexpr double kMostLeft = 0.5;  ///< of ||f_x||, what a step may leave
  /// A point, f_x there, its adjoint, and the hypergradient l_u - f_ux w in u.
  struct At {
    Vec x, fx, w, gradient;
  };
  /// left: of f_x, what a step with M is known to leave; what they leave here counts too. moved: by how much the step before has
  /// moved the hypergradient in theta; NaN: none.
  NearSteps(const Problem& problem, In u, std::shared_ptr<const LinearOperator> inverse, double left, At at,
            double moved = std::numeric_limits<double>::quiet_NaN());
  /// Whether they are made for such a problem: a linear model that is not quadratic.
  static bool suit(const Problem& problem);
  /// M of what a solver has left; null where it leaves none, or one that leaves more than kMostLeft.
  static std::shared_ptr<const LinearOperator> inverse_of(const InnerSolution& inner);
  /// The point to which the first of them goes from an inner solution, for who can look there early; nothing: none will be
  /// taken.
  static std::optional<Vec> first_point(const Problem& problem, const InnerSolution& inner);

  /// False where f_x has not fallen to half, or something is not finite; what is here is then of no use. along: a vector whose
  /// product with f_xx at x is taken along; empty: none.
  bool step(const Vec& along = {});
  const At& at() const { return at_; }
  /// l(x), and f_xx times `along` at the x of the step that took it along.
  double value() const { return value_; }
  const Vec& along() const { return along_; }
  Index count() const { return count_; }
  /// How far the last step has moved the hypergradient, in theta, and an estimate of how far it is off now.
  double moved() const { return moved_; }
  double open() const;
  /// An estimate of ||x - x*||, from above.
  double distance() const;

private:
  const Problem& problem_;
  Vec u_, slope_;
  std::shared_ptr<const LinearOperator> inverse_;
  double left_, floor_, moved_, before_ = std::numeric_limits<double>::quiet_NaN();
  At at_;
  double value_ = std::numeric_limits<double>::quiet_NaN();
  Vec along_;
  Index count_ = 0;
};

}  // namespace tacit::inline TACIT_ABI::detail
