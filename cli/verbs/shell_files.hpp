// What a shell and man(1) know of the program, made from the tables of its verbs, flags and keys.
#pragma once
#include <string>

#include <tacit/cli/runfile/config.hpp>

namespace tacit {

/// The script that completes verbs, flags, keys of the run file and their values in bash, zsh or fish. Throws UsageError for
/// another shell.
std::string completion_script(const std::string& shell, const StrategyCatalog& catalog);
/// The page tacit(1), in the macros of man(7).
std::string manual_page(const StrategyCatalog& catalog);

}  // namespace tacit
