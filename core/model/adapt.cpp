#include <tacit/core/model/adapt.hpp>

#include <string>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI::detail {

void refuse_size(const char* member, Index got, Index wanted) {
  throw UsageError(UsageError::Kind::callback, std::string(member) + " of the plain struct gives " + std::to_string(got) +
                                                   " entries where " + std::to_string(wanted) + " are wanted");
}

}  // namespace tacit::inline TACIT_ABI::detail
