// The checks of l. Not part of the public interface.
#pragma once
#include <tacit/core/verify/detail/findings.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// l, l_x, l_u, and the constants that a criterion promises.
void check_criterion(Findings& findings, const At& at);

}  // namespace tacit::inline TACIT_ABI::detail
