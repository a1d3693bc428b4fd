// What control groups of Linux grant a process.
#pragma once
#include <functional>
#include <optional>
#include <string>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI::detail {

/// The text of a file; nothing where there is none.
using ReadFile = std::function<std::optional<std::string>(const std::string& path)>;
TACIT_EXPORT std::optional<std::string> text_of_file(const std::string& path);

/// Processors that the control groups of a process grant, the least of all that hold it, which may be no whole number; infinity:
/// no quota. `groups` is the text of /proc/self/cgroup. Version 2 says it in cpu.max ("QUOTA PERIOD", or "max PERIOD"), version 1
/// in cpu.cfs_quota_us (-1: none) and cpu.cfs_period_us.
TACIT_EXPORT double cpu_quota(const std::string& groups, const ReadFile& read);

/// Bytes of memory, alike: memory.max ("BYTES" or "max"), and memory.limit_in_bytes (a huge number: none).
TACIT_EXPORT double memory_quota(const std::string& groups, const ReadFile& read);

}  // namespace tacit::inline TACIT_ABI::detail
