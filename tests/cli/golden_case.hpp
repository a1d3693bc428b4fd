// A case of tests/golden: a command line, the files it finds, and all that it must leave behind. tests/golden/README.md has the
// format.
#pragma once
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "process.hpp"

namespace golden_test {

namespace fs = std::filesystem;

struct Case {
  fs::path file;
  std::string comment;                                      ///< its first lines, each with its '#'
  std::vector<std::pair<std::string, std::string>> head;    ///< key: value, in order
  std::vector<std::pair<std::string, std::string>> inputs;  ///< heading of a file section and its text
  int exit = 0;
  std::string out, err, files;  ///< expected
  std::vector<std::string> values(const std::string& key) const;
};

/// What a run of the case left, in the words of the case file.
struct Outcome {
  int exit = 0;
  std::string out, err, files;
};

Case read_case(const fs::path& file);
/// The text of a case file with that outcome.
std::string write_case(const Case& c, const Outcome& outcome);
Outcome run_case(const Case& c, const std::vector<std::pair<std::string, std::string>>& environment = {});
/// What differs, one line each; empty when nothing does.
std::string difference(const Case& c, const Outcome& outcome);

/// All cases of a folder of tests/golden, or of all folders, by name.
std::vector<Case> cases_of(const std::string& folder);
std::vector<std::string> folders();

}  // namespace golden_test
