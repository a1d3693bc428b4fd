// Every C++ block of README.md and docs/*.md is compiled, all in one translation unit. A block that defines a function or
// starts with a declaration of a type, template or namespace stands in a namespace of its own; any other is the body of a
// function that begins with tests/docs/common.inc. A line in the page before the block says where that is not so:
//
//   <!-- cpp: context NAME -->           the function begins with tests/docs/NAME.inc instead
//   <!-- cpp: continue -->               the block goes on where the one before it ended: same namespace, same function
//   <!-- cpp: not compiled, REASON -->   a sketch that is no C++
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "cli/process.hpp"
#include "paths.hpp"

namespace fs = std::filesystem;

namespace {

struct Block {
  std::string page;  ///< from the root
  int line = 0;      ///< of its first line of code, from 1
  std::string mark;  ///< what stands behind "cpp:", empty: nothing
  std::string code;
};

/// The text between two words, empty when they are not there.
std::string between(const std::string& text, const std::string& open, const std::string& close) {
  const std::size_t begin = text.find(open), end = text.find(close, begin == std::string::npos ? begin : begin + open.size());
  return begin == std::string::npos || end == std::string::npos ? ""
                                                                : text.substr(begin + open.size(), end - begin - open.size());
}

/// The C++ blocks of a page. A fence may be indented, in a list.
std::vector<Block> blocks_of(const std::string& page, const std::string& text) {
  std::istringstream in(text);
  std::vector<Block> found;
  std::string line, mark;
  bool inside = false, other = false;
  for (int number = 1; std::getline(in, line); ++number) {
    const std::size_t fence = line.find_first_not_of(' ');
    const bool is_fence = fence != std::string::npos && line.compare(fence, 3, "```") == 0;
    if (inside || other) {
      if (is_fence)
        inside = other = false;
      else if (inside)
        found.back().code += line + "\n";
    } else if (is_fence) {
      const std::string language = line.substr(fence + 3);
      inside = language == "cpp" || language == "c++" || language == "C++";
      other = !inside;
      if (inside) found.push_back({page, number + 1, mark, ""});
      mark.clear();
    } else if (fence != std::string::npos) {
      mark = between(line, "<!-- cpp: ", " -->");
    }
  }
  return found;
}

bool starts_with(const std::string& text, const std::string& start) { return text.compare(0, start.size(), start) == 0; }

/// A block that cannot be the body of a function.
bool at_namespace_scope(const std::string& code) {
  // A definition of a function: its type, its name and the bracket without a blank, which `if (` has.
  static const std::regex function(R"((^|\n)[A-Za-z_][\w:<>,&* ]* [&*]?[\w:]+\([^;{}=]*\) (const )?\{)");
  if (std::regex_search(code, function)) return true;
  std::istringstream in(code);
  for (std::string line; std::getline(in, line);) {
    if (line.empty() || line[0] == '#' || starts_with(line, "//") || starts_with(line, "using ")) continue;
    for (const char* word : {"struct ", "class ", "template", "namespace ", "inline ", "enum "})
      if (starts_with(line, word)) return true;
    return false;
  }
  return false;
}

/// One translation unit of all blocks, and what is wrong with their marks.
struct Unit {
  std::set<std::string> includes;
  std::string body;
  std::vector<std::string> problems;
  int compiled = 0, left_out = 0;

  std::string text() const {
    std::string all = "#include <tacit/tacit.hpp>\n";
    for (const std::string& line : includes) all += line + "\n";
    return all + body;
  }
};

/// Writes blocks one after the other; keeps what is open: a namespace, and in it a function, which the next may go on with.
class Writer {
public:
  explicit Writer(std::string contexts) : contexts_(std::move(contexts)) {}
  void add(const Block& block) {
    const std::string where = block.page + ":" + std::to_string(block.line) + ": ";
    if (starts_with(block.mark, "not compiled, ")) {
      ++unit_.left_out;
      return;
    }
    const bool goes_on = block.mark == "continue", scope = at_namespace_scope(block.code);
    if (goes_on && page_ != block.page) unit_.problems.push_back(where + "there is no block before it on the page to go on with");
    std::string context = "common";
    if (starts_with(block.mark, "context "))
      context = block.mark.substr(8);
    else if (!block.mark.empty() && !goes_on)
      unit_.problems.push_back(where + "the mark '" + block.mark + "' is none of: context NAME, continue, not compiled, REASON");
    if (!fs::exists(fs::path(contexts_) / (context + ".inc")))
      unit_.problems.push_back(where + "there is no tests/docs/" + context + ".inc");
    if (!goes_on || page_ != block.page) start(block.page);
    if (scope)
      close_function();
    else if (!in_function_) {
      unit_.body += "[[maybe_unused]] inline void body_" + std::to_string(++functions_) + "() {\n#include \"" + contexts_ + "/" +
                    context + ".inc\"\n{\n";
      in_function_ = true;
    }
    write_code(block);
    ++unit_.compiled;
  }
  Unit finish() {
    close();
    return unit_;
  }

private:
  void start(const std::string& page) {
    close();
    unit_.body += "namespace page_" + std::to_string(++namespaces_) + " {\n";
    page_ = page;
  }
  void close_function() {
    if (in_function_) unit_.body += "}\n}\n";
    in_function_ = false;
  }
  void close() {
    close_function();
    if (!page_.empty()) unit_.body += "}\n";
    page_.clear();
  }
  /// Its includes go to the top of the unit; the compiler speaks of lines of the page.
  void write_code(const Block& block) {
    unit_.body += "#line " + std::to_string(block.line) + " \"" + block.page + "\"\n";
    std::istringstream in(block.code);
    for (std::string line; std::getline(in, line);) {
      const bool include = starts_with(line, "#include <");
      if (include) unit_.includes.insert(line);
      unit_.body += include ? "\n" : line + "\n";
    }
    unit_.body += "#line 1 \"tests/test_docs.cpp's own\"\n";
  }

  std::string contexts_, page_;
  Unit unit_;
  int namespaces_ = 0, functions_ = 0;
  bool in_function_ = false;
};

std::string context_folder() { return tacit::test::source_dir() + "/tests/docs"; }

Unit unit_of(const std::vector<Block>& blocks) {
  Writer writer(context_folder());
  for (const Block& block : blocks) writer.add(block);
  return writer.finish();
}

/// What the compiler says of a unit, and whether it takes it.
bool compiles(const std::string& text, std::string& said) {
  const process_test::Scratch scratch;
  process_test::write_text(scratch / "unit.cpp", text);
  const std::string root = tacit::test::source_dir();
  const std::string command = tacit::test::compiler() + " -std=c++20 -fsyntax-only -w -I '" + root + "/include' -I '" + root +
                              "/examples' -isystem '" + tacit::test::eigen_dir() + "' '" + (scratch / "unit.cpp").string() +
                              "' 2> '" + (scratch / "said").string() + "'";
  const bool well = std::system(command.c_str()) == 0;
  said = process_test::read_text(scratch / "said").substr(0, 6000);
  return well;
}

Block fragment(std::string code, std::string mark = "") { return {"docs/p.md", 7, std::move(mark), std::move(code)}; }

}  // namespace

TEST_CASE("docs: every C++ block of README and docs compiles") {
  const fs::path root = tacit::test::source_dir();
  std::vector<fs::path> pages{root / "README.md", root / "CONTRIBUTING.md"};
  for (const auto& entry : fs::directory_iterator(root / "docs"))
    if (entry.path().extension() == ".md") pages.push_back(entry.path());
  std::sort(pages.begin(), pages.end());
  std::vector<Block> blocks;
  for (const fs::path& page : pages) {
    const std::vector<Block> more = blocks_of(page.lexically_relative(root).generic_string(), process_test::read_text(page));
    blocks.insert(blocks.end(), more.begin(), more.end());
  }
  const Unit unit = unit_of(blocks);
  for (const std::string& problem : unit.problems) FAIL_CHECK(problem);
  CHECK(unit.compiled >= 8);
  CHECK(unit.left_out <= 2);
  std::string said;
  const bool well = compiles(unit.text(), said);
  CHECK_MESSAGE(well, "a block does not compile; tests/test_docs.cpp says how to give one what it needs:\n", said);
}

TEST_CASE("docs: the test of blocks sees what it is there to see") {
  std::string said;
  SUBCASE("a fragment with a misspelt name is told by its page and line") {
    CHECK_FALSE(compiles(unit_of({fragment("int a = 1;\nsolver->no_such_member = a;\n")}).text(), said));
    CHECK(said.find("docs/p.md:8:") != std::string::npos);
  }
  SUBCASE("bodies, types, programs and what goes on with them") {
    const Unit unit = unit_of(
        {fragment("#include <array>\n\nstd::array<int, 2> a{};\nconst auto oracle = a;\n"), fragment("a[0] = 1;\n", "continue"),
         fragment("struct A {\n  int b;\n};\n"), fragment("A a;\na.b = 2;\n", "continue"),
         fragment("struct A {};\nint main() { return 0; }\n"), fragment("#include <array>\nint main() { return 1; }\n"),
         fragment("if (theta.size() > 0) {\n  theta[0] = 1;\n}\n"),
         fragment("int f();\n\nconst tacit::Vec& g(const tacit::Vec& a,\n                    int) {\n  return a;\n}\n")});
    CHECK(unit.problems.empty());
    CHECK(unit.compiled == 8);
    CHECK(compiles(unit.text(), said));
    CAPTURE(said);
    CHECK(said == "");
  }
  SUBCASE("marks that are none, contexts that are not there, nothing to go on with") {
    CHECK(unit_of({fragment("int a;\n", "no compile")}).problems.size() == 1);
    CHECK(unit_of({fragment("int a;\n", "context nowhere")}).problems.size() == 1);
    CHECK(unit_of({fragment("int a;\n", "continue")}).problems.size() == 1);
    const Unit out = unit_of({fragment("class A { f() };\n", "not compiled, a sketch")});
    CHECK(out.problems.empty());
    CHECK(out.left_out == 1);
  }
  SUBCASE("blocks are found by their fences") {
    const std::vector<Block> found = blocks_of(
        "p.md",
        "text\n```sh\n```\n<!-- cpp: continue -->\n\n```cpp\nint a;\n```\nmore\n  ```c++\n  int b;\n  ```\n```yaml\n```cpp\n");
    REQUIRE(found.size() == 2);
    CHECK(found[0].mark == "continue");
    CHECK(found[0].line == 7);
    CHECK(found[0].code == "int a;\n");
    CHECK(found[1].mark == "");
    CHECK(found[1].code == "  int b;\n");
  }
}
