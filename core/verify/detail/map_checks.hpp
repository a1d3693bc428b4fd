// The checks of a start and of a fixed-point map. Not part of the public interface.
#pragma once
#include <tacit/core/verify/detail/findings.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// x_0(u) with its jvp and vjp.
void check_start(Findings& findings, const At& at, const Start& start);
/// z -> A_k(z, u) at a state that is near the lifted x: lift, step, jvp, vjp in all their forms.
void check_map(Findings& findings, const At& at, const FixedPointMap& map);

}  // namespace tacit::inline TACIT_ABI::detail
