#include <tacit/core/support/processors.hpp>

#include <algorithm>
#include <cmath>
#include <thread>
#include <vector>

#include <tacit/core/support/detail/control_groups.hpp>

#ifdef __linux__
#include <sched.h>
#endif

namespace tacit::inline TACIT_ABI {

#ifdef __linux__
namespace {

/// Those that the process may run on; 0: not known. The set is as large as the kernel's, which says no to a smaller one.
Index allowed_processors() {
  for (std::size_t sets = 1; sets <= 64; sets *= 2) {
    std::vector<cpu_set_t> set(sets);
    const std::size_t bytes = sets * sizeof(cpu_set_t);
    if (sched_getaffinity(0, bytes, set.data()) == 0) return CPU_COUNT_S(bytes, set.data());
  }
  return 0;
}

}  // namespace
#endif

Index usable_processors() {
  Index count = std::max<Index>(1, static_cast<Index>(std::thread::hardware_concurrency()));
#ifdef __linux__
  if (const Index allowed = allowed_processors(); allowed > 0) count = allowed;
  if (const auto groups = detail::text_of_file("/proc/self/cgroup")) {
    const double quota = std::ceil(detail::cpu_quota(*groups, detail::text_of_file));
    if (quota < static_cast<double>(count)) count = std::max<Index>(1, static_cast<Index>(quota));
  }
#endif
  return count;
}

}  // namespace tacit::inline TACIT_ABI
