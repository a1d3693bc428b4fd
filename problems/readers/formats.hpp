// The formats of data files: one table of their names and of how their files are called.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace tacit {

struct FileFormat {
  std::string name;  ///< "csv"
  bool readable;     ///< in this version
};
/// All of them, whether they can be read in this version or not.
const std::vector<FileFormat>& file_formats();

/// How the names of files end, in small letters, and the name of the format that it tells.
struct FileEnding {
  std::string ending, format;
};
const std::vector<FileEnding>& file_endings();

/// The format of this name, or null.
const FileFormat* find_format(std::string_view name);
/// The format that the name of a file tells, its .gz left out; null when it tells none.
const FileFormat* format_of_file(const std::string& path);
/// The name of path without .gz, in small letters, from its last dot on: ".csv", or "".
std::string format_extension(const std::string& path);

}  // namespace tacit
