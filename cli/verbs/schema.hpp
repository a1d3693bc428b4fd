// The run file as JSON Schema, for editors and other programs.
#pragma once
#include <string>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// JSON Schema (draft 2020-12) of the run file, indented, ended by a line break. What only the whole can tell (keys that a scheme
/// or a model does not use) is left to the program; which keys a named strategy has is in it.
std::string json_schema(const StrategyCatalog& catalog);

}  // namespace tacit
