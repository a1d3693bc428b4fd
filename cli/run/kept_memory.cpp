#include <tacit/cli/run/kept_memory.hpp>

#include <sys/resource.h>

#include <cstdint>
#include <cstdlib>
#ifdef __GLIBC__
#include <malloc.h>
#include <sys/mman.h>
#endif

namespace tacit {

#ifdef __GLIBC__

namespace {

constexpr int kKept = 1 << 28, kFromSystem = 1 << 26;  // bytes

bool addresses_are_limited() {
  rlimit limit{};
  return getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY;
}

}  // namespace

void keep_freed_memory() {
  if (addresses_are_limited()) return;
  mallopt(M_TRIM_THRESHOLD, kKept);
  mallopt(M_MMAP_THRESHOLD, kFromSystem);
}

void prefer_large_pages(double bytes) {
  constexpr double kMany = 48 << 20;
  if (bytes < kMany || addresses_are_limited()) return;
  // A block that is taken and given back leaves its addresses to all that come after it.
  constexpr std::uintptr_t kRoom = 1U << 27U, kPage = 1U << 21U;
  mallopt(M_MMAP_THRESHOLD, kKept);
  if (void* const room = std::malloc(kRoom)) {
    const auto begin = reinterpret_cast<std::uintptr_t>(room), first = (begin + kPage - 1) / kPage * kPage;
    madvise(reinterpret_cast<void*>(first), begin + kRoom - first, MADV_HUGEPAGE);
    std::free(room);
  }
  mallopt(M_MMAP_THRESHOLD, kFromSystem);
}

#else

void keep_freed_memory() {}
void prefer_large_pages(double) {}

#endif

}  // namespace tacit
