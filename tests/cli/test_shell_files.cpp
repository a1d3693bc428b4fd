// Completion scripts and manual page: those in the tree are those of the program, and they complete what it takes.
#include <cstdlib>
#include <fstream>
#include <set>

#include <doctest/doctest.h>

#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/shell_files.hpp>
#include <tacit/cli/verbs/verb_docs.hpp>

#include "process.hpp"

using namespace process_test;

namespace {

std::set<std::string> bash_completes(const Scratch& folder, const std::string& line, const std::string& breaks = "\"'><=;|&(:") {
  write_text(folder / "ask.sh", "source " + tacit::test::source_dir() + "/docs/shell/tacit.bash\nCOMP_WORDBREAKS=$2\n" +
                                    "COMP_LINE=$1 COMP_POINT=${#1}\n_tacit\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n");
  const Ran ran = run({{(folder / "ask.sh").string(), line, breaks}, folder.path(), {}}, "bash");
  CHECK(ran.err == "");
  CHECK(ran.code == 0);
  std::set<std::string> words;
  for (const std::string& word : lines_of(ran.out)) {
    if (!word.empty()) words.insert(word);
  }
  return words;
}

using Words = std::set<std::string>;

}  // namespace

TEST_CASE("shell files: those in the tree are made from the tables of the program") {
  const tacit::Strategies strategies;
  const fs::path folder = fs::path(tacit::test::source_dir()) / "docs/shell";
  for (const auto& script :
       {std::pair<std::string, std::string>{"tacit.bash", "bash"}, {"_tacit", "zsh"}, {"tacit.fish", "fish"}, {"tacit.1", ""}}) {
    const std::string &file = script.first, &shell = script.second;
    CAPTURE(file);
    const std::string made =
        shell.empty() ? tacit::manual_page(strategies.catalog) : tacit::completion_script(shell, strategies.catalog);
    if (std::getenv("TACIT_GOLDEN_UPDATE") != nullptr) write_text(folder / file, made);
    INFO("stale; make them anew: TACIT_GOLDEN_UPDATE=1 build/release/tests/tacit_tests -tc='shell files*'");
    CHECK((read_text(folder / file) == made));
  }
}

TEST_CASE("shell files: bash completes verbs, flags, keys and values") {
  const Scratch folder;
  write_text(folder / "run.yaml", "");
  write_text(folder / "my data.csv", "");
  CHECK(bash_completes(folder, "tacit tu") == Words{"tune"});
  CHECK(bash_completes(folder, "tacit ").count("predict") == 1);
  CHECK(bash_completes(folder, "tacit help co") == Words{"compare", "completion"});
  CHECK(bash_completes(folder, "tacit tune ru") == Words{"run.yaml"});
  CHECK(bash_completes(folder, "tacit tune run.yaml inner.so") == Words{"inner.solver="});
  CHECK(bash_completes(folder, "tacit tune run.yaml inner.solver=newton") == Words{"newton", "newton-cg"});
  CHECK(bash_completes(folder, "tacit tune run.yaml inner.solver=chol", " ") == Words{"inner.solver=cholesky"});
  CHECK(bash_completes(folder, "tacit tune run.yaml --progress p") == Words{"plain"});
  CHECK(bash_completes(folder, "tacit tune run.yaml --pri") == Words{"--print-config"});
  CHECK(bash_completes(folder, "tacit schema --pri").empty());
  CHECK(bash_completes(folder, "tacit tune -o run.yaml ru") == Words{"run.yaml"});
  CHECK(bash_completes(folder, "tacit init data.train=my") == Words{"my data.csv"});
  CHECK(bash_completes(folder, "tacit init ri") == Words{"ridge"});
  CHECK(bash_completes(folder, "tacit predict out next.csv data.deci") == Words{"data.decimal="});
  CHECK(bash_completes(folder, "tacit predict out next.csv hyper").empty());
  CHECK(bash_completes(folder, "tacit describe E20").count("E201") == 1);
  CHECK(bash_completes(folder, "tacit report r") == Words{"run.yaml"});
  CHECK(bash_completes(folder, "tacit completion f") == Words{"fish"});
}

TEST_CASE("shell files: every verb and flag stands in each of them") {
  for (const std::string file : {"tacit.bash", "_tacit", "tacit.fish", "tacit.1"}) {
    CAPTURE(file);
    std::string text = read_text(fs::path(tacit::test::source_dir()) / "docs/shell" / file);
    for (std::size_t at; (at = text.find("\\-")) != std::string::npos;) text.erase(at, 1);
    for (const tacit::VerbDoc& verb : tacit::verb_docs()) CHECK(text.find(verb.name) != std::string::npos);
    for (const tacit::FlagDoc& flag : tacit::flag_docs())
      CHECK(text.find((file == "tacit.fish" ? "-l " : "--") + flag.name) != std::string::npos);
  }
}
