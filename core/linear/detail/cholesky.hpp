// Cholesky factors by the loops of Gram matrices. Not part of the public interface.
#pragma once
#include <Eigen/Core>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// h = L L', L in the place of its lower triangle; what stands above is undefined then. False where h is not positive definite.
/// Blocks of columns, and what they take off the rest is a Gram matrix: from 200 columns on 0.3 to 0.4 of the time of Eigen's,
/// whose products a portable program makes with two numbers at a time.
TACIT_EXPORT bool cholesky_factor(Eigen::MatrixXd& h);

/// y = (L L')^{-1} y for the L of cholesky_factor, n numbers.
TACIT_EXPORT void cholesky_solve(const Eigen::MatrixXd& l, double* y);

}  // namespace tacit::inline TACIT_ABI::detail
