// The final fit of a problem at hyperparameters that were found.
#pragma once
#include <string>

#include <tacit/core/inner/inner.hpp>
#include <tacit/core/model/model.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

/// An inner solution as good as rounding allows, or how far it came.
struct Refit {
  Vec x;
  double gradient_norm = 0;         ///< ||f_x(x, u)||
  Status status = Status::not_run;  ///< rounding when nothing improves any more; negative_curvature, step_limit, failed; of an
                                    ///< iterate as_asked or failed
  std::string message;              ///< a sentence with the numbers when it did not come so far
  bool reached() const { return status == Status::rounding || status == Status::as_asked; }
};

/// x*(u) by damped Newton steps from x to rounding, or to 1e-12 of ||f_x(0, u)|| beyond 2000 variables; the problem needs no
/// criterion. near: the solution of a problem alike, with other rows or another u, whose solver may have kept f_xx; newton-cg
/// then goes on with that, and 1e-12 of ||f_x(0, u)|| is enough.
TACIT_EXPORT Refit refit(const Problem& problem, In u, In x, const InnerSolution* near = nullptr);
/// x_K(u) of a problem that means it (Response::iterate): the steps of the solver from x_0(u).
TACIT_EXPORT Refit refit_iterate(const Problem& problem, In u, const InnerSolver& solver);

}  // namespace tacit::inline TACIT_ABI
