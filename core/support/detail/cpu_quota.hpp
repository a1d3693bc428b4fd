// What control groups of Linux say of processors.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// Processors that the control groups of a process grant, the least of all that hold it, which may be no whole number; infinity:
/// no quota. `groups` is the text of /proc/self/cgroup, read(path) that of a file, nothing where there is none. Version 2 says
/// it in cpu.max ("QUOTA PERIOD", or "max PERIOD"), version 1 in cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
TACIT_EXPORT double cpu_quota(const std::string& groups,
                              const std::function<std::optional<std::string>(const std::string& path)>& read);

}  // namespace tacit::inline TACIT_ABI::detail
