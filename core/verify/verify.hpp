// All derivatives and promises of a problem checked at one point, by one call.
#pragma once
#include <cstdint>
#include <memory>

#include <tacit/core/inner/maps.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/core/verify/verify_report.hpp>

namespace tacit::inline TACIT_ABI {

/// Where to look: hyperparameters, and the inner variable. x without entries: a random point as far from 0 as three gradient
/// steps from x_0(u) lead; at a solution f_x is too small to be compared.
struct VerifyPoint {
  Vec u;
  Vec x{};
};

struct VerifyOptions {
  /// ||p - d|| <= differences * max(||p||, ||d||) for a product p and finite differences d; more where d is not known that well.
  double differences = 1e-6;
  /// The same for two products that have to be one, w'(f_ux p) and p'(f_xu w) say, relative to the length of their terms.
  double products = 1e-8;
  /// Random directions, and coordinates beside them: all where there are no more than twice as many.
  Index directions = 3, coordinates = 8;
  std::uint64_t seed = 1;
  /// The map whose derivatives are checked too, bound at u; null: that of gradient descent, where it finds a step.
  std::shared_ptr<const FixedPointMap> map;
};

/// Holds everything that a problem offers against what it has to fit: f_x against differences of f; f_xx p, f_xu w and f_ux p
/// against differences of f_x, symmetry and each other; adjoint, tangents, batches, diagonal and dense against single products;
/// L, mu and quadratic() against eigenvalues of f_xx (a few Lanczos steps) and f_xx elsewhere; l_x and l_u against differences of
/// l; the start's and the map's jvp and vjp against differences and each other; and that answers are finite, whole and within
/// their room, that nothing throws, and that the same question has the same answer.
/// Differences are central and extrapolated, at the step size whose error by estimate (truncation, measured rounding) is least;
/// no deviation within ten times that error is wrong. At a kink a product may lie between the slopes of both sides. An
/// equilibrium (Objective::symmetric() false) has no value to fit, and no symmetry. Without f, l or start their rows say so.
/// Cost with 100 of each: 52 values, 184 gradients, 195 Hessian and 106 cross products, 80 map steps; several times that where
/// something does not fit at once. Throws UsageError for a point of the wrong size or not finite; an
/// Interruption leaves it.
TACIT_EXPORT VerifyReport verify(const Problem& problem, const VerifyPoint& at, const VerifyOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
