#include <tacit/core/model/adapt.hpp>

#include <string>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI::detail {
namespace {

[[noreturn]] void refuse(const char* member, const std::string& got, const std::string& wanted) {
  throw UsageError(UsageError::Kind::callback,
                   std::string(member) + " of the plain struct gives " + got + " entries where " + wanted + " are wanted");
}

}  // namespace

void refuse_size(const char* member, Index got, Index wanted) { refuse(member, std::to_string(got), std::to_string(wanted)); }

void refuse_shape(const char* member, Index rows, Index cols, Index wanted_rows, Index wanted_cols) {
  const auto shape = [](Index r, Index c) { return std::to_string(r) + " x " + std::to_string(c); };
  refuse(member, shape(rows, cols), shape(wanted_rows, wanted_cols));
}

}  // namespace tacit::inline TACIT_ABI::detail
