// The inverse of the Hessian of a linear model with fewer rows than columns, through a matrix as large as its rows.
#pragma once
#include <memory>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/linear_solver.hpp>

namespace tacit::inline TACIT_ABI {

/// r -> (A' diag(weight) A + diag(c))^{-1} r, n x n for n columns of A, by the Cholesky factor of the rows x rows matrix
/// K = I + B B', B = diag(weight)^{1/2} X diag(c)^{-1/2} (Woodbury 1950; an intercept, which c leaves free, is eliminated).
/// Making it takes a Design::row_gram and a factor of rows x rows, applying it about one product. Where entries of c are tiny
/// beside the data digits cancel in it: a preconditioner rather than a solution. Null where K cannot be factored, where a penalty
/// c_j of a feature is not positive, or where that of an intercept is not 0. row_products: X X', which is all that K needs where
/// the features have one penalty; null: it is computed.
TACIT_EXPORT std::shared_ptr<const LinearOperator> dual_inverse(const Design& a, In weight, In c,
                                                                const Mat* row_products = nullptr);

}  // namespace tacit::inline TACIT_ABI
