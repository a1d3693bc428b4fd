// The version: of the headers at compile time, of the library at run time. The numbers stand in version_number.hpp.
#pragma once
#include <tacit/core/support/abi.hpp>
#include <tacit/core/support/version_number.hpp>

namespace tacit::inline TACIT_ABI {

/// TACIT_VERSION, of the headers.
inline constexpr const char* kVersion = TACIT_VERSION;

/// "major.minor.patch" of the library that a program runs with; TACIT_VERSION is that of the headers it was compiled with.
TACIT_EXPORT const char* version() noexcept;

}  // namespace tacit::inline TACIT_ABI
