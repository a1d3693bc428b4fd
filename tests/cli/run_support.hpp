// The program in one process, as a test calls it.
#pragma once
#include <doctest/doctest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include <tacit/cli/verbs/verbs.hpp>

namespace run_test {

struct Ran {
  int code;
  std::string out, err;
};

inline Ran run(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  tacit::Streams io{out, err};
  const int code = tacit::run_program(arguments, io);
  return {code, out.str(), err.str()};
}

/// Whether the text has the part, as a check that shows the text.
inline bool has(const std::string& text, const std::string& part) {
  CAPTURE(text);
  CHECK(text.find(part) != std::string::npos);
  return text.find(part) != std::string::npos;
}

/// An empty folder, gone with the test.
struct Folder {
  std::filesystem::path path;
  explicit Folder(const std::string& name) : path(std::filesystem::temp_directory_path() / ("tacit-" + name)) {
    std::filesystem::remove_all(path);
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
};

inline std::string read(const std::filesystem::path& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace run_test
