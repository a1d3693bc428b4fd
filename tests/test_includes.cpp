// The rules of who may include whom, checked on the text of every source file.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <functional>
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
    {"xxhash.h", {"problems"}},
    {"zlib.h", {"problems", "tests"}},
    {"boost/program_options", {"cli"}},
    {"yaml-cpp/", {"cli"}},
    {"spdlog/", {"cli"}},
    {"nlopt.h", {"cli"}},
    {"doctest/", {"tests"}},
    {"nlohmann/", {"cli", "tests", "bench"}},
    {"benchmark/", {"bench"}},
    {"dlfcn.h", {"bench"}},  // a BLAS to stand beside, where the machine has one
};

const std::set<std::string> kSystem = {"dirent.h",      "fcntl.h",    "immintrin.h",    "malloc.h",   "pthread.h",
                                       "sched.h",       "signal.h",   "spawn.h",        "sys/file.h", "sys/ioctl.h",
                                       "sys/mman.h",    "sys/stat.h", "sys/resource.h", "sys/time.h", "sys/types.h",
                                       "sys/utsname.h", "sys/wait.h", "termios.h",      "time.h",     "unistd.h"};

/// Rooms of our own that a room may include. A room is a folder with all below it that is no room of its own.
const std::set<std::string> kLibraryRooms = {"core", "hypergrad", "problems", "bilevel"};

std::set<std::string> with_library(std::set<std::string> rooms) {
  rooms.insert(kLibraryRooms.begin(), kLibraryRooms.end());
  return rooms;
}

const std::set<std::string> kAllRooms =
    with_library({"cli/run", "cli/nlopt", "cli/runfile", "cli/report", "cli/report/chart", "cli/model", "cli/verbs"});

const std::map<std::string, std::set<std::string>> kMayInclude = {
    {"core", {"core"}},
    {"hypergrad", {"core", "hypergrad"}},
    {"problems", {"core", "problems"}},
    {"bilevel", {"core", "hypergrad", "bilevel"}},
    {"cli/run", with_library({"cli/run"})},
    {"cli/nlopt", with_library({"cli/run", "cli/nlopt"})},
    {"cli/runfile", with_library({"cli/run", "cli/runfile"})},
    {"cli/report/chart", {"cli/report/chart"}},
    {"cli/report", with_library({"cli/run", "cli/report", "cli/report/chart"})},
    {"cli/model", with_library({"cli/run", "cli/model"})},
    {"cli/verbs", kAllRooms},
    {"tests", kAllRooms},
    {"tests/core", kLibraryRooms},
    {"tests/hypergrad", kLibraryRooms},
    {"tests/problems", kLibraryRooms},
    {"tests/bilevel", kLibraryRooms},
    {"tests/contract", kLibraryRooms},
    {"bench", kLibraryRooms},
    {"examples", kLibraryRooms},
};

/// The room of a file or folder by its path from the root; empty: none.
std::string room_of(std::string path) {
  while (!path.empty() && kMayInclude.count(path) == 0) {
    const auto slash = path.rfind('/');
    path.resize(slash == std::string::npos ? 0 : slash);
  }
  return path;
}

/// Folders whose files include what lies beside them in quotation marks: nothing of theirs is installed.
const std::set<std::string> kQuotes = {"tests", "bench", "examples"};

std::string top_of(const std::string& path) { return path.substr(0, path.find('/')); }

/// Files of other folders that look behind the curtain of one, with the reason.
const std::set<std::pair<std::string, std::string>> kMaySeeDetail = {
    {"problems/models/losses.cpp", "core/linear/detail/kernels.hpp"},         // the losses of the kernels are written once
    {"bilevel/truncation.cpp", "hypergrad/detail/adjoint_solve.hpp"},         // one more system with f_xx
    {"bilevel/detail/single_oracle.cpp", "hypergrad/detail/near_steps.hpp"},  // looks early where those will
    {"bench/kernel_ratio.cpp", "core/linear/detail/kernels.hpp"},             // measures just these
    {"bench/gram.cpp", "core/linear/detail/gram_kernel.hpp"},                 // likewise
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

/// What is wrong with a file including a header that is private to a folder; empty: nothing.
std::string detail_violation(const std::string& file, bool header, const std::string& target) {
  const auto at = target.find("/detail/");
  if (at == std::string::npos || kMaySeeDetail.count({file, target}) > 0) return "";
  const std::string top = top_of(file);
  if (top != top_of(target) && top != "tests") return "is private to folder " + top_of(target);
  const bool outside = file.find("/detail/") == std::string::npos;
  return header && outside && top != "tests" ? "a header outside of detail/ shows what is private" : "";
}

/// What is wrong with an include in a file (its path from the root); empty: nothing.
std::string violation(const std::string& file, const Include& include) {
  const std::string& target = include.target;
  const std::string folder = top_of(file), room = room_of(file);
  const bool header = file.ends_with(".hpp");
  const bool installed = std::find(kLibrary.begin(), kLibrary.end(), folder) != kLibrary.end();
  if (room.empty()) return "lies in no room: say in tests/test_includes.cpp what it may include";
  if (starts_with(target, "tacit/")) {
    const std::string own = target.substr(6), to = room_of(own);
    // All of the library at once, for those who use it.
    if (own == "tacit.hpp" && kQuotes.count(folder)) return "";
    if (own.find('/') == std::string::npos)
      return "no header lies directly under tacit/ but tacit.hpp, which the library does not use";
    if (kMayInclude.at(room).count(to) == 0) return room + " may not include " + (to.empty() ? own : to);
    return detail_violation(file, header, own);
  }
  if (include.quoted) return kQuotes.count(folder) ? "" : "own headers are included as <tacit/folder/name.hpp>";
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

/// Who includes whom, by the paths of our own headers.
using Graph = std::map<std::string, std::set<std::string>>;

/// The headers of a circle in their order, the first again at the end; empty: there is none.
std::vector<std::string> circle(const Graph& graph) {
  std::set<std::string> done;
  std::vector<std::string> path;
  const std::function<bool(const std::string&)> leads_back = [&](const std::string& at) {
    const bool again = std::find(path.begin(), path.end(), at) != path.end();
    path.push_back(at);
    if (again) {
      path.erase(path.begin(), std::find(path.begin(), path.end(), at));
      return true;
    }
    const auto next = graph.find(at);
    if (done.count(at) == 0 && next != graph.end()) {
      for (const std::string& to : next->second) {
        if (leads_back(to)) return true;
      }
    }
    done.insert(at);
    path.pop_back();
    return false;
  };
  for (const auto& [from, to] : graph) {
    if (leads_back(from)) return path;
  }
  return {};
}

struct Scan {
  int files = 0, includes = 0;
  std::vector<std::string> violations;
  Graph headers;
};

/// A file in quotation marks is looked for beside the includer, then from tests/ on.
std::string quoted_path(const fs::path& root, const fs::path& file, const std::string& target) {
  const fs::path beside = (file.parent_path() / target).lexically_normal();
  return fs::exists(root / beside) ? beside.string() : (fs::path("tests") / target).lexically_normal().string();
}

void scan_file(const fs::path& root, const std::string& file, Scan& scan) {
  ++scan.files;
  std::ifstream in(root / file);
  std::string line;
  Include include;
  for (int number = 1; std::getline(in, line); ++number) {
    if (!parse_include(line, include)) continue;
    ++scan.includes;
    const bool own = starts_with(include.target, "tacit/");
    if (file.ends_with(".hpp") && (own || include.quoted))
      scan.headers[file].insert(own ? include.target.substr(6) : quoted_path(root, file, include.target));
    const std::string what = violation(file, include);
    if (what.empty()) continue;
    scan.violations.push_back(file + ":" + std::to_string(number) + ": <" + include.target + "> " + what);
  }
}

void scan_folder(const std::string& folder, Scan& scan) {
  const fs::path root = tacit::test::source_dir();
  for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".cpp" || extension == ".hpp") scan_file(root, entry.path().lexically_relative(root).string(), scan);
  }
}

std::string check(const std::string& file, const std::string& line) {
  Include include;
  REQUIRE(parse_include(line, include));
  return violation(file, include);
}

}  // namespace

TEST_CASE("includes follow the rule of the rooms, and no header includes itself in the end") {
  Scan all;
  for (const std::string folder : {"core", "hypergrad", "problems", "bilevel", "cli", "tests", "bench", "examples"}) {
    CAPTURE(folder);
    Scan scan;
    scan_folder(folder, scan);
    for (const std::string& text : scan.violations) FAIL_CHECK(text);
    CHECK(scan.files > 0);
    CHECK(scan.includes > 0);
    all.headers.merge(scan.headers);
  }
  CHECK(all.headers.size() > 60);
  std::string round;
  for (const std::string& header : circle(all.headers)) round += (round.empty() ? "" : " -> ") + header;
  CHECK(round == "");
}

TEST_CASE("the include test sees what it is there to see") {
  CHECK(check("core/model/a.hpp", "#include <tacit/core/support/types.hpp>") == "");
  CHECK(check("core/model/a.hpp", "#include <Eigen/Core>") == "");
  CHECK(check("core/model/a.hpp", "  #  include <vector>") == "");
  CHECK(check("problems/readers/a.cpp", "#include <sys/stat.h>") == "");
  CHECK(check("core/model/a.cpp", "#include <tacit/problems/ridge.hpp>") != "");
  CHECK(check("problems/models/a.cpp", "#include <tacit/hypergrad/estimator.hpp>") != "");
  CHECK(check("hypergrad/a.hpp", "#include <tacit/bilevel/oracle.hpp>") != "");
  CHECK(check("bilevel/a.cpp", "#include <tacit/problems/ridge.hpp>") != "");
  CHECK(check("bilevel/a.cpp", "#include <yaml-cpp/yaml.h>") != "");
  CHECK(check("core/model/a.hpp", "#include <spdlog/spdlog.h>") != "");
  CHECK(check("problems/readers/a.hpp", "#include <zlib.h>") != "");
  CHECK(check("problems/readers/a.hpp", "#include <unistd.h>") != "");
  CHECK(check("cli/run/a.cpp", "#include <doctest/doctest.h>") != "");
  CHECK(check("cli/run/a.cpp", "#include \"files.hpp\"") != "");
  CHECK(check("core/model/a.cpp", "#include <tbb/parallel_for.h>") != "");
  CHECK(check("core/model/a.cpp", "#include <fmt.hpp>") != "");
  CHECK(check("core/model/a.cpp", "#include <tacit/name.hpp>") != "");
  CHECK(check("core/model/a.cpp", "#include <tacit/tacit.hpp>") != "");
  CHECK(check("cli/run/a.cpp", "#include <tacit/tacit.hpp>") != "");
  CHECK(check("examples/a.cpp", "#include <tacit/tacit.hpp>") == "");
  CHECK(check("elsewhere/a.cpp", "#include <vector>") != "");
}

TEST_CASE("the include test knows the rooms of the program") {
  const auto may = [](const std::string& file, const std::string& header) {
    return check(file, "#include <tacit/" + header + ">") == "";
  };
  for (const char* outside :
       {"cli/runfile/a.hpp", "cli/report/a.hpp", "cli/report/chart/a.hpp", "cli/verbs/a.hpp", "cli/model/a.hpp"}) {
    CAPTURE(outside);
    CHECK_FALSE(may("cli/run/b.cpp", outside));
    CHECK(may("cli/verbs/b.cpp", outside));
    CHECK(may("tests/cli/b.cpp", outside));
    for (const char* library :
         {"core/model/b.cpp", "problems/data/b.cpp", "tests/core/b.cpp", "tests/hypergrad/b.cpp", "tests/problems/b.cpp",
          "tests/bilevel/b.cpp", "tests/contract/b.cpp", "bench/b.cpp", "examples/b.cpp"}) {
      CAPTURE(library);
      CHECK_FALSE(may(library, outside));
      CHECK(may(library, "core/support/a.hpp"));
    }
  }
  CHECK(may("cli/run/b.cpp", "bilevel/a.hpp"));
  CHECK(may("cli/runfile/b.cpp", "cli/run/a.hpp"));
  CHECK(may("cli/report/b.cpp", "cli/run/a.hpp"));
  CHECK(may("cli/report/b.cpp", "cli/report/chart/a.hpp"));
  CHECK_FALSE(may("cli/report/b.cpp", "cli/runfile/a.hpp"));
  CHECK_FALSE(may("cli/report/b.cpp", "cli/verbs/a.hpp"));
  CHECK_FALSE(may("cli/runfile/b.cpp", "cli/report/a.hpp"));
  CHECK_FALSE(may("cli/runfile/b.cpp", "cli/report/chart/a.hpp"));
  CHECK_FALSE(may("cli/runfile/b.cpp", "cli/verbs/a.hpp"));
  CHECK(may("cli/report/chart/b.cpp", "cli/report/chart/a.hpp"));
  for (const char* ours : {"core/support/a.hpp", "bilevel/a.hpp", "cli/run/a.hpp", "cli/report/a.hpp"})
    CHECK_FALSE(may("cli/report/chart/b.cpp", ours));
}

TEST_CASE("the include test keeps private what lies in detail/") {
  const std::string secret = "#include <tacit/core/linear/detail/a.hpp>";
  CHECK(check("core/linear/b.cpp", secret) == "");
  CHECK(check("core/inner/b.cpp", secret) == "");
  CHECK(check("core/inner/detail/b.hpp", secret) == "");
  CHECK(check("tests/core/b.cpp", secret) == "");
  CHECK(check("core/linear/b.hpp", secret) != "");
  CHECK(check("core/inner/b.hpp", secret) != "");
  CHECK(check("problems/models/b.cpp", secret) != "");
  CHECK(check("cli/verbs/b.cpp", secret) != "");
  CHECK(check("bench/b.cpp", secret) != "");
  for (const auto& exception : kMaySeeDetail) {
    CAPTURE(exception.first);
    CHECK(fs::exists(fs::path(tacit::test::source_dir()) / exception.first));
    CHECK(fs::exists(fs::path(tacit::test::source_dir()) / exception.second));
  }
}

TEST_CASE("the include test finds a circle of headers, and only a circle") {
  CHECK(circle({}).empty());
  CHECK(circle({{"a", {"b", "c"}}, {"b", {"d"}}, {"c", {"d"}}, {"d", {"e"}}}).empty());
  using Round = std::vector<std::string>;
  CHECK(circle({{"a", {"a"}}}) == Round{"a", "a"});
  CHECK(circle({{"a", {"b"}}, {"b", {"c", "d"}}, {"c", {}}, {"d", {"b"}}}) == Round{"b", "d", "b"});
  CHECK(circle({{"x", {"y"}}, {"y", {"z"}}, {"z", {"x"}}, {"a", {}}}) == Round{"x", "y", "z", "x"});
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
