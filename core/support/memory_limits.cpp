#include <tacit/core/support/memory_limits.hpp>

#include <algorithm>
#include <limits>

#include <tacit/core/support/detail/control_groups.hpp>

#if __has_include(<sys/resource.h>) && __has_include(<unistd.h>)
#include <sys/resource.h>
#include <unistd.h>
#define TACIT_TOLD_OF_MEMORY 1
#endif

namespace tacit::inline TACIT_ABI {

double address_space() {
#ifdef TACIT_TOLD_OF_MEMORY
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) return static_cast<double>(limit.rlim_cur);
#endif
  return std::numeric_limits<double>::infinity();
}

double usable_memory() {
  double bytes = address_space();
#if defined(TACIT_TOLD_OF_MEMORY) && defined(_SC_PHYS_PAGES)
  const long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
  if (pages > 0 && page > 0) bytes = std::min(bytes, static_cast<double>(pages) * static_cast<double>(page));
#endif
#ifdef __linux__
  if (const auto groups = detail::text_of_file("/proc/self/cgroup"))
    bytes = std::min(bytes, detail::memory_quota(*groups, detail::text_of_file));
#endif
  return bytes;
}

bool memory_holds(double bytes) { return 2 * bytes <= usable_memory(); }

}  // namespace tacit::inline TACIT_ABI
