// How many processors there are for this process.
#pragma once
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// Processors that this process may really use, at least 1: those that it is allowed to run on, and no more than the quota of
/// its control groups (containers have one), rounded up. Where the system tells neither, those of the machine.
TACIT_EXPORT Index usable_processors();

}  // namespace tacit::inline TACIT_ABI
