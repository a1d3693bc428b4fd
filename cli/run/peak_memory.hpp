// The most memory that this program had.
#pragma once
#include <cstdint>
#include <optional>

namespace tacit {

/// The largest resident set of this program so far, in bytes: VmHWM of /proc/self/status where there is one, since ru_maxrss of
/// getrusage, which is taken elsewhere, begins with that of the process which launched the program. Empty: not known.
std::optional<std::int64_t> peak_memory_bytes();

}  // namespace tacit
