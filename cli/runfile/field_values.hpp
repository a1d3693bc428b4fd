// The fields of a strategy by name, to read one or to carry all of them over to another object.
#pragma once
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include <tacit/core/support/fields.hpp>

namespace tacit {

/// Where the value of a field is kept.
using FieldPointer = std::variant<double*, Index*, bool*, std::string*, std::optional<double>*, std::optional<Index>*, Count*,
                                  std::vector<std::string>*>;
using FieldMap = std::map<std::string, FieldPointer, std::less<>>;

/// They point into the object.
FieldMap fields_of(Configurable& object);
/// Fields of the same name and type get the same value; all others of `to` stay as they are.
void copy_fields(Configurable& from, Configurable& to);

}  // namespace tacit
