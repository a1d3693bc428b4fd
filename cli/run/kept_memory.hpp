// How the program gets memory from the system: seldom, and in large pages where it takes much.
#pragma once

namespace tacit {

/// Matrices of a few megabytes come and go all the time, and new pages of the system take longer to come than most matrices to be
/// filled: what is given back is kept from now on (docs/performance.md, "Memory of the program"). Not where addresses are
/// limited, nor with another allocator than glibc's. Before there are threads.
void keep_freed_memory();

/// What comes next lies in large pages, where the run works with so many `bytes` that what is left over of such pages counts for
/// little beside them. After keep_freed_memory().
void prefer_large_pages(double bytes);

}  // namespace tacit
