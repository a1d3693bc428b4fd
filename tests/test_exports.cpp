// What shared libraries show, what the umbrella header names, and where the version stands: checked on the text of the headers.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <tacit/tacit.hpp>
#include <vector>

#include "paths.hpp"

namespace fs = std::filesystem;

namespace {

std::string read(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

/// Public headers by their paths from the root, sorted.
std::set<std::string> public_headers() {
  const fs::path root = tacit::test::source_dir();
  std::set<std::string> found;
  for (const char* folder : {"core", "hypergrad", "problems", "bilevel"}) {
    for (const auto& entry : fs::recursive_directory_iterator(root / folder)) {
      const std::string path = entry.path().lexically_relative(root).generic_string();
      if (path.ends_with(".hpp") && path.find("/detail/") == std::string::npos) found.insert(path);
    }
  }
  return found;
}

bool starts_with_any(const std::string& text, const std::vector<std::string>& words) {
  return std::any_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.compare(0, word.size(), word) == 0; });
}

/// The lines without their comments.
std::vector<std::string> code_lines(const std::string& text) {
  std::istringstream in(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    line.erase(std::min(line.find("//"), line.size()));
    line.erase(line.find_last_not_of(' ') + 1);
    lines.push_back(line);
  }
  return lines;
}

/// The statement from line i on, to the line that ends with ; { or }. Moves i to its last line.
std::string statement(const std::vector<std::string>& lines, std::size_t& i) {
  std::string text = lines[i];
  while (i + 1 < lines.size() && !text.empty() && std::string(";{}").find(text.back()) == std::string::npos)
    text += " " + lines[++i];
  return text;
}

/// A declaration of a function whose definition stands elsewhere, by how clang-format writes it.
bool declares_function(const std::string& text) {
  const std::size_t open = text.find('(');
  if (text.back() != ';' || open == std::string::npos || text.find(" = ") < open) return false;
  for (const char* end : {"= default;", "= delete;"})
    if (text.ends_with(end)) return false;
  return text.ends_with(");") || text.ends_with(") const;") || text.ends_with(" override;") || text.ends_with(" noexcept;") ||
         text.ends_with("= 0;");
}

const std::vector<std::string> kNoFunction = {
    "using ", "template", "inline ", "constexpr ",        "friend ", "static_assert", "namespace ",
    "enum ",  "typedef",  "#",       "explicit operator", "public:", "protected:",    "private:"};

/// A class has something that lives in the library: a member defined elsewhere, or, for its type information, a virtual one.
bool lives_in_library(const std::vector<std::string>& lines, std::size_t at) {
  for (std::size_t i = at + 1; i < lines.size() && lines[i] != "};"; ++i) {
    if (lines[i].size() < 3 || lines[i].compare(0, 2, "  ") != 0 || lines[i][2] == ' ') continue;
    const std::string member = statement(lines, i).substr(2);
    if (starts_with_any(member, {"virtual "}) || member.find(" override") != std::string::npos) return true;
    if (!starts_with_any(member, kNoFunction) && declares_function(member)) return true;
  }
  return false;
}

/// What a header declares for all and does not export.
std::vector<std::string> not_exported(const std::string& header) {
  const std::vector<std::string> lines = code_lines(header);
  std::vector<std::string> found;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].empty() || lines[i][0] == ' ' || lines[i][0] == '}' || starts_with_any(lines[i], kNoFunction)) continue;
    const std::size_t at = i;
    const std::string text = statement(lines, i);
    if (text.find("TACIT_EXPORT") != std::string::npos || (at > 0 && starts_with_any(lines[at - 1], {"template"}))) continue;
    const bool type = starts_with_any(text, {"class ", "struct "});
    if (type ? text.back() == '{' && lives_in_library(lines, i) : declares_function(text) || starts_with_any(text, {"extern "}))
      found.push_back(lines[at]);
  }
  return found;
}

}  // namespace

TEST_CASE("public headers export what a source file defines") {
  const std::set<std::string> headers = public_headers();
  CHECK(headers.size() > 60);
  for (const std::string& path : headers) {
    for (const std::string& line : not_exported(read(fs::path(tacit::test::source_dir()) / path)))
      FAIL_CHECK(path, ": write TACIT_EXPORT before what a shared library has to show: ", line);
  }
}

TEST_CASE("the test of exports sees what it is there to see") {
  CHECK(not_exported("double f(int a);\n").size() == 1);
  CHECK(not_exported("std::vector<int> f(int a,\n                   int b) noexcept;\n").size() == 1);
  CHECK(not_exported("extern const int kNumber;\n").size() == 1);
  CHECK(not_exported("[[nodiscard]] int f();\n").size() == 1);
  CHECK(not_exported("class A {\npublic:\n  double f(int a,\n           int b) const;\n};\n").size() == 1);
  CHECK(not_exported("struct A final : B {\n  int f() override { return 1; }\n};\n").size() == 1);
  CHECK(not_exported("class A {\n  virtual ~A() = default;\n};\n").size() == 1);
  CHECK(not_exported("class A {\n  explicit A(int a);  // text\n};\n").size() == 1);
  CHECK(not_exported("struct A {\n  int f() {\n    g();\n    return h();\n  }\n  int x = f(3);\n  A() = default;\n};\n").empty());
  CHECK(not_exported("struct A {\n  std::function<void(int)> f;\n  friend int g(A a) { return 1; }\n};\n").empty());
  CHECK(not_exported("inline int f() { return g(); }\ntemplate <class T>\nT f(T t);\nclass A;\nusing F = int(int);\n").empty());
  CHECK(not_exported("class TACIT_EXPORT A {\n  int f();\n};\nTACIT_EXPORT int f();\n// int f();\n").empty());
}

TEST_CASE("the umbrella header names every public header, and nothing else") {
  const std::string text = read(fs::path(tacit::test::source_dir()) / "include/tacit/tacit.hpp");
  std::set<std::string> named;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    if (line.compare(0, 16, "#include <tacit/") == 0) named.insert(line.substr(16, line.size() - 17));
  }
  for (const std::string& path : public_headers())
    CHECK_MESSAGE(named.erase(path) == 1, "include/tacit/tacit.hpp lacks: #include <tacit/", path, ">");
  CHECK_MESSAGE(named.empty(), "include/tacit/tacit.hpp names what is no public header: ", named.empty() ? "" : *named.begin());
}

TEST_CASE("version: of the headers, of the library and of the symbols are one") {
  CHECK(std::string(tacit::version()) == tacit::kVersion);
  CHECK(std::string(tacit::version()) == TACIT_VERSION);
  const std::string start = std::to_string(TACIT_VERSION_MAJOR) + "." + std::to_string(TACIT_VERSION_MINOR) + ".";
  CHECK(std::string(TACIT_VERSION) == start + std::to_string(TACIT_VERSION_PATCH));
#define TEXT(x) #x
#define EXPANDED(x) TEXT(x)
  const std::string abi = EXPANDED(TACIT_ABI);
  CHECK(abi.rfind("v" + std::to_string(TACIT_VERSION_MAJOR) + "_" + std::to_string(TACIT_VERSION_MINOR) + "_align" +
                      std::to_string(EIGEN_MAX_ALIGN_BYTES) + "_",
                  0) == 0);
  const std::string cited = "\nversion: " TACIT_VERSION "\n";
  CHECK(read(fs::path(tacit::test::source_dir()) / "CITATION.cff").find(cited) != std::string::npos);
  // No second place: the number is written in one header, from which CMake has it.
  CHECK(read(fs::path(tacit::test::source_dir()) / "CMakeLists.txt").find(tacit::version()) == std::string::npos);
}
