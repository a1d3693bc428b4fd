// The command line against tests/golden: every byte of both streams, the exit code, and the files that stay.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <regex>
#include <set>

#include <nlohmann/json.hpp>

#include <tacit/cli/runfile/diagnostics.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/data_errors.hpp>

#include "golden_case.hpp"
#include "long_numbers.hpp"

namespace {

using namespace golden_test;

// One test case a folder: what is listed here and what is there must agree.
const std::vector<std::string> kFolders{"check", "compare", "data",   "describe", "init", "iterate", "override",
                                        "pack",  "predict", "reader", "report",   "tune", "usage",   "warning"};

bool updating() { return std::getenv("TACIT_GOLDEN_UPDATE") != nullptr; }

void check_folder(const std::string& folder) {
  const std::vector<Case> cases = cases_of(folder);
  REQUIRE_FALSE(cases.empty());
  for (const Case& c : cases) {
    CAPTURE(c.file.filename().string());
    const Outcome outcome = run_case(c);
    if (updating())
      process_test::write_text(c.file, write_case(c, outcome));
    else
      CHECK(difference(c, outcome) == "");
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> all;
  for (const std::string& folder : folders()) {
    for (Case& c : cases_of(folder)) all.push_back(std::move(c));
  }
  return all;
}

// The block of one error or warning in the text: from its head to the next empty line.
std::string block_of(const std::string& text, const std::string& code) {
  for (const char* kind : {"error[", "warning["}) {
    const auto at = text.find(kind + code + "]");
    if (at != std::string::npos) return text.substr(at, text.find("\n\n", at) - at);
  }
  return {};
}

}  // namespace

TEST_CASE("golden: check") { check_folder("check"); }
TEST_CASE("golden: compare") { check_folder("compare"); }
TEST_CASE("golden: data") { check_folder("data"); }
TEST_CASE("golden: describe and schema") { check_folder("describe"); }
TEST_CASE("golden: init") { check_folder("init"); }
TEST_CASE("golden: x after a number of steps") { check_folder("iterate"); }
TEST_CASE("golden: overrides") { check_folder("override"); }
TEST_CASE("golden: packed files") { check_folder("pack"); }
TEST_CASE("golden: predict") { check_folder("predict"); }
TEST_CASE("golden: the reader of run files") { check_folder("reader"); }
TEST_CASE("golden: report") { check_folder("report"); }
TEST_CASE("golden: tune") { check_folder("tune"); }
TEST_CASE("golden: usage") { check_folder("usage"); }
TEST_CASE("golden: warnings") { check_folder("warning"); }

TEST_CASE("golden: every folder has its test case, and no case is out of date") {
  CHECK(folders() == kFolders);
  // A case that the program wrote reads back as itself.
  for (const Case& c : all_cases()) {
    CAPTURE(c.file.string());
    CHECK(write_case(c, {c.exit, c.out, c.err, c.files}) == process_test::read_text(c.file));
  }
}

TEST_CASE("golden: every error and warning code is produced by a case, with place and remedy") {
  const std::vector<Case> cases = all_cases();
  const auto find = [&](const std::string& code) {
    for (const Case& c : cases) {
      if (const std::string block = block_of(c.err, code); !block.empty()) return std::pair(block, c.exit);
    }
    return std::pair(std::string(), -1);
  };
  const auto check = [&](const std::string& code, int exit) {
    CAPTURE(code);
    const auto [block, got] = find(code);
    CHECK_FALSE(block.empty());
    CHECK(got == exit);
    if (code.front() == 'W') return;  // a warning has its place in its first line, and the remedy below
    CHECK(block.find("--> ") != std::string::npos);
    CHECK(block.find("= help: ") != std::string::npos);
  };
  for (const tacit::CodeDoc& code : tacit::error_codes()) check(code.code, code.exit);
  for (const tacit::DataCode& code : tacit::data_codes()) {
    if (code.code != std::string("D134")) check(code.code, 3);  // of data larger than memory: test_larger_than_memory.cpp
  }
}

namespace {

/// Rows of a closing table that hold values, not sentences, with the reason why they keep their digits.
const std::vector<std::pair<std::string, std::string>> kValueRows{
    {"(best loss|single penalty|intercept alone|validation|test.*)", "losses and metrics are compared with those of other runs"},
    {"l2(\\[.*\\])?", "a tuned value is typed in as the next start"},
    {"the same in", "a value to type into another tool"},
    {"one-se loss", "a loss, as those beside it"},
    {"target", "the ends of the data, as the file has them"}};

bool is_value_row(const std::string& line) {
  static const std::regex row("  ([^ ].*?)  +[^ ].*"), cells("[^ ]  +[^ ]");
  std::smatch m;
  if (!std::regex_match(line, m, row)) return false;
  const std::string name = m[1].str();
  const bool value = std::any_of(kValueRows.begin(), kValueRows.end(),
                                 [&](const auto& r) { return std::regex_match(name, std::regex(r.first)); });
  // Three columns or more are a table of figures.
  return value || std::distance(std::sregex_iterator(line.begin(), line.end(), cells), std::sregex_iterator()) > 2;
}

/// What a command says in sentences: standard error but for quoted source lines, standard output but for values, of JSON the
/// texts.
std::vector<std::string> sentences_of(const Case& c) {
  static const std::regex source("^ *[0-9]* \\|.*|^ *--> .*");
  std::vector<std::string> all;
  for (const std::string& line : process_test::lines_of(c.err)) {
    if (!std::regex_match(line, source)) all.push_back(line);
  }
  const std::string command = tacit::join(c.values("run"), " ");
  // Run files, models and predictions are for programs: every digit counts there.
  for (const char* exact : {"--print-config", "predict ", "init", "describe", "schema"}) {
    if (command.find(exact) != std::string::npos) return all;
  }
  if (c.out.rfind('{', 0) == 0) {
    static const std::regex text(R"("(\\.|[^"\\])*")");
    for (std::sregex_iterator i(c.out.begin(), c.out.end(), text), end; i != end; ++i) all.push_back(i->str());
    return all;
  }
  for (const std::string& line : process_test::lines_of(c.out)) {
    if (!is_value_row(line)) all.push_back(line);
  }
  return all;
}

}  // namespace

TEST_CASE("golden: no sentence has a number of more than four significant digits") {
  using words_test::long_numbers;
  CHECK(long_numbers("off by 0.311586, of 1198 rows, about 11044 steps, in 1.25e-07, at 0.00012345").size() == 3);
  CHECK(long_numbers("0.3116, 123456 rows, about 11040 steps, 'a 0.123456', v1.22334, 1.8e+19, 44210").empty());
  std::size_t sentences = 0;
  for (const Case& c : all_cases()) {
    CAPTURE(c.file.string());
    for (const std::string& line : sentences_of(c)) {
      ++sentences;
      CAPTURE(line);
      CHECK(tacit::join(long_numbers(line)) == "");
    }
  }
  CHECK(sentences > 1000);
}

TEST_CASE("golden: a mistake leaves no file behind") {
  int mistakes = 0;
  for (const Case& c : all_cases()) {
    if (c.exit != 2 && c.exit != 3) continue;
    ++mistakes;
    CAPTURE(c.file.string());
    const bool as_json = tacit::join(c.values("run"), " ").find("--json") != std::string::npos;
    CHECK((c.out.empty() || (as_json && nlohmann::json::accept(c.out))));
    // What an earlier command of the case left is no trace of this one.
    if (c.values("before").empty()) CHECK(c.files.empty());
  }
  CHECK(mistakes > 60);
}

TEST_CASE("golden: the locale of the environment changes nothing") {
  const process_test::Scratch locales;
  process_test::Start localedef;
  localedef.arguments = {"-i", "de_DE", "-f", "UTF-8", (locales / "de_DE.UTF-8").string()};
  process_test::run(localedef, "localedef");
  if (!std::filesystem::exists(locales / "de_DE.UTF-8" / "LC_NUMERIC")) {
    MESSAGE("skipped: localedef could not make de_DE.UTF-8");
    return;
  }
  const std::vector<std::pair<std::string, std::string>> german{{"LOCPATH", locales.path().string()}, {"LC_ALL", "de_DE.UTF-8"}};
  for (const Case& c : all_cases()) {
    CAPTURE(c.file.string());
    CHECK(difference(c, run_case(c, german)) == "");
  }
}
