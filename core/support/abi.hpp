// The inline namespace of everything in the library: `namespace tacit::inline TACIT_ABI { ... }`. Users write tacit::X.
#pragma once
#include <Eigen/Core>

// Two programs may be linked when this name is the same. Its first part changes with the interface. The second is the alignment
// of Eigen's memory: where it differs between a library and its user, memory is freed by an allocator that never gave it. With it
// in the name of every symbol that is an error of the linker and no crash.
#define TACIT_ABI_JOIN(align) v0_1_align##align
#define TACIT_ABI_EXPAND(align) TACIT_ABI_JOIN(align)
#define TACIT_ABI TACIT_ABI_EXPAND(EIGEN_MAX_ALIGN_BYTES)
