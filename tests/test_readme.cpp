// What the README shows must be what the repository holds.
#include <doctest/doctest.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>
#include <string>
#include <vector>

#include "paths.hpp"

namespace {

std::string read(const std::string& path) {
  std::ifstream in(tacit::test::source_dir() + "/" + path, std::ios::binary);
  REQUIRE_MESSAGE(in.good(), path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The texts of the fenced blocks of a language, in order.
std::vector<std::string> blocks(const std::string& markdown, const std::string& language) {
  std::vector<std::string> all;
  const std::string fence = "\n```" + language + "\n";
  for (std::size_t at = markdown.find(fence); at != std::string::npos; at = markdown.find(fence, at + 1)) {
    const std::size_t begin = at + fence.size();
    const std::size_t end = markdown.find("\n```", begin - 1);
    REQUIRE(end != std::string::npos);
    all.push_back(markdown.substr(begin, end + 1 - begin));
  }
  return all;
}

}  // namespace

TEST_CASE("docs: the classes that the pages show are those of the examples") {
  using Words = std::array<std::string, 3>;
  for (const Words& of : {Words{"docs/adding-an-estimator.md", "examples/own_estimator.cpp", "class Richardson"},
                          Words{"docs/adding-a-problem.md", "examples/own_loss.cpp", "class PseudoHuber"}}) {
    CAPTURE(of[0]);
    const std::string text = read(of[0]);
    const auto from = text.find(of[2]);
    REQUIRE(from != std::string::npos);
    const std::string shown = text.substr(from, text.find("```", from) - from);
    CHECK(shown.size() > 400);
    CHECK(read(of[1]).find(shown) != std::string::npos);
  }
}

TEST_CASE("README: the embedding example is examples/embed_ridge.cpp to the letter") {
  const std::vector<std::string> code = blocks(read("README.md"), "cpp");
  REQUIRE(code.size() == 1);
  CHECK(code[0] == read("examples/embed_ridge.cpp"));
}

TEST_CASE("README: the project file shown links the installed package") {
  const std::vector<std::string> code = blocks(read("README.md"), "cmake");
  REQUIRE(code.size() == 1);
  const std::string tested = read("tests/package/user/CMakeLists.txt");
  for (const std::string line :
       {"find_package(Tacit 0.1 CONFIG REQUIRED)", "target_link_libraries(embed_ridge PRIVATE Tacit::tacit)"}) {
    CHECK(code[0].find(line + "\n") != std::string::npos);
  }
  CHECK(tested.find("target_link_libraries(embed_ridge PRIVATE Tacit::tacit)") != std::string::npos);
}

TEST_CASE("README: the run file shown is configs/logistic_digits.yaml to the letter") {
  const std::vector<std::string> code = blocks(read("README.md"), "yaml");
  REQUIRE(code.size() == 1);
  CHECK(code[0] == read("configs/logistic_digits.yaml"));
}

TEST_CASE("README and docs: links and named files lead somewhere") {
  const std::regex link(R"(\]\(([^)#:]+)(#[^)]*)?\))"), path(R"(`((configs|docs|examples|data|tests|bench)/[A-Za-z0-9_./-]+)`)");
  const std::string text = read("README.md");
  int found = 0;
  for (const std::regex& pattern : {link, path}) {
    for (std::sregex_iterator it(text.begin(), text.end(), pattern), end; it != end; ++it) {
      ++found;
      const std::string target = (*it)[1];
      CHECK_MESSAGE(std::filesystem::exists(std::filesystem::path(tacit::test::source_dir()) / target), target);
    }
  }
  CHECK(found > 3);
}
