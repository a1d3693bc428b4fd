// The rules of who may include whom, checked on the text of every source file.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "paths.hpp"

namespace fs = std::filesystem;

namespace {

const std::vector<std::string> kLibrary = {"core", "hypergrad", "problems", "bilevel"};

/// A third-party library by the beginning of its include path, and the folders that may use it.
struct ThirdParty {
  std::string prefix;
  std::set<std::string> folders;
  bool in_public_headers = false;
};

const std::vector<ThirdParty> kThirdParty = {
    {"Eigen/", {"core", "hypergrad", "problems", "bilevel", "cli", "tests", "bench", "examples"}, true},
    {"boost/iostreams/", {"problems", "cli", "tests"}},
    {"boost/program_options", {"cli"}},
    {"yaml-cpp/", {"cli"}},
    {"spdlog/", {"cli"}},
    {"doctest/", {"tests"}},
    {"nlohmann/", {"cli", "tests", "bench"}},
    {"benchmark/", {"bench"}},
};

const std::set<std::string> kSystem = {"dirent.h",   "fcntl.h",        "immintrin.h", "pthread.h",   "sched.h",
                                       "signal.h",   "spawn.h",        "sys/file.h",  "sys/ioctl.h", "sys/mman.h",
                                       "sys/stat.h", "sys/resource.h", "sys/time.h",  "sys/types.h", "sys/utsname.h",
                                       "sys/wait.h", "termios.h",      "time.h",      "unistd.h"};

/// Own folders that a folder may include.
const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core", {"core"}},
    {"hypergrad", {"core", "hypergrad"}},
    {"problems", {"core", "problems"}},
    {"bilevel", {"core", "hypergrad", "bilevel"}},
    {"cli", {"core", "hypergrad", "problems", "bilevel", "cli"}},
    {"tests", {"core", "hypergrad", "problems", "bilevel", "cli"}},
    {"bench", {"core", "hypergrad", "problems", "bilevel"}},
    {"examples", {"core", "hypergrad", "problems", "bilevel"}},
};

struct Include {
  std::string target;
  bool quoted = false;
};

/// Reads one #include line; false when the line is none.
bool parse_include(const std::string& line, Include& out) {
  const auto hash = line.find_first_not_of(" \t");
  if (hash == std::string::npos || line[hash] != '#') return false;
  const auto word = line.find_first_not_of(" \t", hash + 1);
  if (word == std::string::npos || line.compare(word, 7, "include") != 0) return false;
  const auto open = line.find_first_of("<\"", word + 7);
  if (open == std::string::npos) return false;
  out.quoted = line[open] == '"';
  const auto close = line.find(out.quoted ? '"' : '>', open + 1);
  if (close == std::string::npos) return false;
  out.target = line.substr(open + 1, close - open - 1);
  return true;
}

bool starts_with(const std::string& text, const std::string& prefix) { return text.compare(0, prefix.size(), prefix) == 0; }

/// What is wrong with an include of `target` in a file of `folder`; empty: nothing.
std::string violation(const std::string& folder, bool header, const Include& include) {
  const std::string& target = include.target;
  const bool installed = std::find(kLibrary.begin(), kLibrary.end(), folder) != kLibrary.end();
  if (starts_with(target, "tacit/")) {
    const auto slash = target.find('/', 6);
    if (slash == std::string::npos) return "no header lies directly under tacit/";
    const std::string to = target.substr(6, slash - 6);
    return kMayInclude.at(folder).count(to) ? "" : "folder " + folder + " may not include folder " + to;
  }
  if (include.quoted) return folder == "tests" || folder == "bench" ? "" : "own headers are included as <tacit/folder/name.hpp>";
  for (const ThirdParty& library : kThirdParty) {
    if (!starts_with(target, library.prefix)) continue;
    if (!library.folders.count(folder)) return library.prefix + " does not belong in folder " + folder;
    if (header && installed && !library.in_public_headers) return library.prefix + " in an installed header";
    return "";
  }
  // Standard headers have no folder and no suffix; those of POSIX are named one by one.
  if (target.find('.') == std::string::npos && target.find('/') == std::string::npos) return "";
  if (kSystem.count(target)) return installed && header ? "a header of the operating system in an installed header" : "";
  return "is no known library: say in tests/test_includes.cpp who may use it";
}

struct Scan {
  int files = 0, includes = 0;
  std::vector<std::string> violations;
};

void scan_file(const std::string& folder, const fs::path& path, Scan& scan) {
  ++scan.files;
  std::ifstream in(path);
  std::string line;
  Include include;
  for (int number = 1; std::getline(in, line); ++number) {
    if (!parse_include(line, include)) continue;
    ++scan.includes;
    const std::string what = violation(folder, path.extension() == ".hpp", include);
    if (what.empty()) continue;
    scan.violations.push_back(path.string() + ":" + std::to_string(number) + ": <" + include.target + "> " + what);
  }
}

Scan scan_folder(const std::string& folder) {
  Scan scan;
  for (const auto& entry : fs::recursive_directory_iterator(fs::path(tacit::test::source_dir()) / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".cpp" || extension == ".hpp") scan_file(folder, entry.path(), scan);
  }
  return scan;
}

std::string check(const std::string& folder, bool header, const std::string& line) {
  Include include;
  REQUIRE(parse_include(line, include));
  return violation(folder, header, include);
}

}  // namespace

TEST_CASE("includes follow the folder rule") {
  for (const auto& rule : kMayInclude) {
    const std::string& folder = rule.first;
    CAPTURE(folder);
    const Scan scan = scan_folder(folder);
    for (const std::string& text : scan.violations) FAIL_CHECK(text);
    if (std::find(kLibrary.begin(), kLibrary.end(), folder) != kLibrary.end()) {
      CHECK(scan.files > 0);
      CHECK(scan.includes > 0);
    }
  }
}

TEST_CASE("the include test sees what it is there to see") {
  CHECK(check("core", true, "#include <tacit/core/support/types.hpp>") == "");
  CHECK(check("core", true, "#include <Eigen/Core>") == "");
  CHECK(check("core", true, "  #  include <vector>") == "");
  CHECK(check("problems", false, "#include <sys/stat.h>") == "");
  CHECK(check("core", false, "#include <tacit/problems/ridge.hpp>") != "");
  CHECK(check("problems", false, "#include <tacit/hypergrad/estimator.hpp>") != "");
  CHECK(check("hypergrad", true, "#include <tacit/bilevel/oracle.hpp>") != "");
  CHECK(check("bilevel", false, "#include <tacit/problems/ridge.hpp>") != "");
  CHECK(check("bilevel", false, "#include <yaml-cpp/yaml.h>") != "");
  CHECK(check("core", true, "#include <spdlog/spdlog.h>") != "");
  CHECK(check("problems", true, "#include <boost/iostreams/filter/gzip.hpp>") != "");
  CHECK(check("problems", true, "#include <unistd.h>") != "");
  CHECK(check("cli", false, "#include <doctest/doctest.h>") != "");
  CHECK(check("cli", false, "#include \"files.hpp\"") != "");
  CHECK(check("core", false, "#include <tbb/parallel_for.h>") != "");
  CHECK(check("core", false, "#include <fmt.hpp>") != "");
}

TEST_CASE("installed headers guard against double inclusion and open no namespace to all") {
  for (const std::string& folder : kLibrary) {
    for (const auto& entry : fs::recursive_directory_iterator(fs::path(tacit::test::source_dir()) / folder)) {
      if (entry.path().extension() != ".hpp") continue;
      CAPTURE(entry.path().string());
      std::ifstream in(entry.path());
      const std::string text((std::istreambuf_iterator<char>(in)), {});
      CHECK(text.find("#pragma once\n") != std::string::npos);
      CHECK(text.find("\nusing namespace") == std::string::npos);
    }
  }
}
