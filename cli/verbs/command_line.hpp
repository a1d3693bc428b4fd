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
  bool force = false, print_config = false, json = false, quiet = false, verbose = false, gradient = false, float32 = false;
  bool help = false, version = false;
  std::string progress = "auto";
};

/// Throws UsageError for an unknown verb or flag (with the near one), a missing value, blanks around '='.
CommandLine parse_command_line(const std::vector<std::string>& arguments);
/// The text of `tacit --help`; of `tacit help VERB` and `tacit VERB --help` with the name of a verb: usage, what it does, its
/// flags, an example.
std::string help_text(const std::string& verb = "");

/// Throws UsageError with the usage unless so many files are given, or where an override is, which the verb does not take.
void require_files(const CommandLine& line, std::size_t least, std::size_t most, const std::string& usage);
void refuse_overrides(const CommandLine& line);

}  // namespace tacit
