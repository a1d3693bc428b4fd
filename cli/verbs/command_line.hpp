// The command line of the program: verb, file, overrides, flags.
#pragma once
#include <optional>
#include <string>
#include <vector>

#include <tacit/cli/run/exit_code.hpp>

namespace tacit {

struct CommandLine {
  std::string verb;
  std::vector<std::string> files;      ///< positional arguments that are not overrides
  std::vector<std::string> overrides;  ///< key.path=value, in order; --seed, --threads and --time come as such too
  std::optional<std::string> output;   ///< -o
  bool force = false, print_config = false, json = false, quiet = false, verbose = false, gradient = false;
  bool help = false, version = false;
  std::string progress = "auto";
};

/// Throws UsageError for an unknown flag or a missing value.
CommandLine parse_command_line(const std::vector<std::string>& arguments);
/// The text of `tacit --help`, and of `tacit VERB --help`.
std::string help_text();

}  // namespace tacit
