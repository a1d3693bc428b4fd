#include <tacit/core/support/version.hpp>

namespace tacit::inline TACIT_ABI {

const char* version() noexcept { return kVersion; }

}  // namespace tacit::inline TACIT_ABI
