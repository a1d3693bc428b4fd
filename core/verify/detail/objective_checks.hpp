// The checks of f and its derivatives. Not part of the public interface.
#pragma once
#include <tacit/core/verify/detail/findings.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Value, gradient, linearize, Hessian and cross products in all their forms, and the constants that an objective promises.
void check_objective(Findings& findings, const At& at);

}  // namespace tacit::inline TACIT_ABI::detail
