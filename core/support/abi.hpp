// How the symbols of the library are named and seen: `namespace tacit::inline TACIT_ABI { ... }`, and TACIT_EXPORT before what a
// header declares and a source file defines. Users write tacit::X.
#pragma once
#include <Eigen/Core>

#include <tacit/core/support/version_number.hpp>

#if defined(_MSVC_LANG) ? _MSVC_LANG < 202002L : __cplusplus < 202002L
#error "Tacit's headers are C++20: compile with -std=c++20 or later."
#endif

// A program and the library may be linked when this name is the same for both. Its first part changes with the interface. The
// others say how Eigen aligns and gets its memory: where they differ between a library and its user, memory is freed by an
// allocator that never gave it, or read by instructions for more alignment than it has. With them in the name of every symbol
// that is an error of the linker and no crash: docs/packaging.md. "plain": as std::malloc gives it; "heapN": padded to N bytes.
#define TACIT_ABI_JOIN(major, minor, align, heap) v##major##_##minor##_align##align##_##heap
#define TACIT_ABI_HEAP_JOIN(align) heap##align
#define TACIT_ABI_EXPAND(major, minor, align, heap) TACIT_ABI_JOIN(major, minor, align, heap)
#define TACIT_ABI_HEAP_EXPAND(align) TACIT_ABI_HEAP_JOIN(align)
#if EIGEN_DEFAULT_ALIGN_BYTES == 0 || EIGEN_MALLOC_ALREADY_ALIGNED
#define TACIT_ABI_HEAP plain
#else
#define TACIT_ABI_HEAP TACIT_ABI_HEAP_EXPAND(EIGEN_DEFAULT_ALIGN_BYTES)
#endif
#define TACIT_ABI TACIT_ABI_EXPAND(TACIT_VERSION_MAJOR, TACIT_VERSION_MINOR, EIGEN_MAX_ALIGN_BYTES, TACIT_ABI_HEAP)

// Everything else is hidden. A static library shows nothing: what links it does not pass its symbols on.
#if defined(TACIT_SHARED) && defined(__GNUC__)
#define TACIT_EXPORT [[gnu::visibility("default")]]
#else
#define TACIT_EXPORT
#endif
