// Extreme eigenvalues of symmetric operators, by one Lanczos iteration (Lanczos 1950; Paige 1972).
#pragma once
#include <functional>
#include <limits>

#include <tacit/core/linear/linear_solver.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// Extreme eigenvalues of a symmetric matrix with their vectors and residuals ||H v - lambda v||.
struct Spectrum {
  double smallest = std::numeric_limits<double>::quiet_NaN(), largest = smallest;
  double smallest_residual = smallest, largest_residual = smallest;
  Vec smallest_vector, largest_vector;
  Index products = 0;
};

struct LanczosOptions {
  Index max_steps = 40;
  double tolerance = 1e-3;  ///< stop when the smallest pair's residual is at most tolerance * smallest
  bool sharp_largest =
      false;  ///< also until the largest pair's residual is at most 0.1 sqrt(smallest largest): its error is 1 % of smallest
};

/// Lanczos with full reorthogonalization from `start` (mixed with a fixed pseudo-random vector, so that no mode is missed). Exact
/// when max_steps reaches the dimension, which is the size of start; start may be zero.
TACIT_EXPORT Spectrum extreme_eigenvalues(const std::function<void(In, Out)>& product, In start,
                                          const LanczosOptions& options = {});

/// The smallest eigenpair from a vector near its own, by conjugate gradients on the Rayleigh quotient t with an approximation M
/// of H^{-1} (LOBPCG of one vector, Knyazev 2001): one product to begin with, unless H times the start is given, and one a step,
/// until smallest_residual is at most tolerance * smallest, or max_steps. That is the least of ||r||, r = H v - t v, and (t r'M
/// r)^(1/2): with M = H^{-1} some eigenvalue s has |s - t| <= (t r'H^{-1}r)^(1/2) s / t, which does not count how large the modes
/// in r are. The vector says which eigenpair it is: a start that has nothing of the smallest finds another, and zero stands for a
/// fixed pseudo-random one. The largest stays NaN.
TACIT_EXPORT Spectrum smallest_eigenvalue_near(const std::function<void(In, Out)>& product, const LinearOperator& preconditioner,
                                               In start, double tolerance, Index max_steps, const Vec* start_product = nullptr);

/// Largest eigenvalue of the symmetric positive semidefinite n x n operator h, from a fixed start, until the residual bound is
/// below tolerance times the value; returns value plus bound. NaN where a product is not finite.
TACIT_EXPORT double lanczos_largest(const std::function<void(In, Out)>& h, Index n, double tolerance = 1e-4,
                                    Index max_steps = 80);

}  // namespace tacit::inline TACIT_ABI
