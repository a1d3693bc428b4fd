// Small files for the tests of the readers, and a check of a DataError.
#pragma once
#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <tacit/core/support/errors.hpp>

namespace tacit_test {

/// A folder that goes away with the object.
class Folder {
public:
  Folder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() / ("tacit_test_" + std::to_string(getpid()) + "_" + std::to_string(count++));
    std::filesystem::create_directories(path_);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  /// Writes a file and returns its path.
  std::string write(const std::string& name, const std::string& bytes) const {
    std::ofstream(path_ / name, std::ios::binary) << bytes;
    return (path_ / name).string();
  }
  std::string path(const std::string& name) const { return (path_ / name).string(); }
  std::string path() const { return path_.string(); }

private:
  std::filesystem::path path_;
};

/// Runs fn, which must throw a DataError of this code; returns it.
inline tacit::DataError data_error(const std::string& code, const std::function<void()>& fn) {
  try {
    fn();
  } catch (const tacit::DataError& e) {
    INFO("message: ", std::string(e.what()));
    CHECK(e.code() == code);
    CHECK_FALSE(e.remedy().empty());
    return e;
  }
  FAIL("no DataError was thrown, expected ", code);
  return {"", "", {}, ""};
}

/// The same with its place.
inline tacit::DataError data_error_at(const std::string& code, long line, long column, const std::function<void()>& fn) {
  tacit::DataError e = data_error(code, fn);
  CHECK(e.where().line == line);
  CHECK(e.where().column == column);
  return e;
}

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace tacit_test
