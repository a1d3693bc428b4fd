// How much memory there is for this process.
#pragma once
#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

/// Bytes that this process may really use: the memory of the machine, no more than the quota of its control groups (containers
/// have one) and than address_space(). Infinity where the system tells none of these.
TACIT_EXPORT double usable_memory();
/// Bytes of addresses that this process may take (ulimit -v), files that are mapped into memory among them; infinity: no limit.
TACIT_EXPORT double address_space();
/// Are so many bytes no more than half of usable_memory(), so that they may well be held beside all else?
TACIT_EXPORT bool memory_holds(double bytes);

}  // namespace tacit::inline TACIT_ABI
