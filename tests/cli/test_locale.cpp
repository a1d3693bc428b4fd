// A program that embeds Tacit may have set a locale with a decimal comma: no byte of any file may change.
#include <doctest/doctest.h>

#include <clocale>
#include <locale>
#include <sstream>

#include <tacit/cli/verbs/verbs.hpp>

#include "paths.hpp"
#include "process.hpp"

namespace {

using namespace process_test;

/// Decimal comma, and points between thousands.
struct Comma final : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

/// The C++ locale of the process, and with it the C one where the name is known, for a scope.
class Locale {
public:
  explicit Locale(const std::locale& wanted) : before_(std::locale::global(wanted)) {}
  ~Locale() { std::locale::global(before_); }
  Locale(const Locale&) = delete;
  Locale& operator=(const Locale&) = delete;

private:
  std::locale before_;
};

/// What the program prints, without what tells the time or the folder.
std::string printed(const std::vector<std::string>& arguments) {
  std::ostringstream out, err;
  tacit::Streams io{out, err};
  const int code = tacit::run_program(arguments, io);
  return std::to_string(code) + "\n" + out.str() + err.str();
}

void tune_into(const fs::path& folder) {
  const std::string config = tacit::test::source_dir() + "/configs/logistic_breast_cancer.yaml";
  const std::string said = printed({"tune", config, "outer.max_steps=2", "-q", "output.predictions=true", "-o", folder.string()});
  CHECK(said == "0\n");
}

void check_same(const fs::path& a, const fs::path& b) {
  for (const char* file : {"config.resolved.yaml", "hyper.csv", "model.json", "elsewhere.py", "elsewhere.R", "predictions.csv"}) {
    CAPTURE(file);
    const std::string text = read_text(a / file);
    CHECK_FALSE(text.empty());
    CHECK(text == read_text(b / file));
  }
}

}  // namespace

TEST_CASE("locale: a C++ locale with decimal comma and grouping changes no byte of the results") {
  const Scratch work;
  const std::string config = tacit::test::source_dir() + "/configs/ridge_diabetes.yaml";
  const std::vector<std::vector<std::string>> commands{{"check", config},
                                                       {"check", config, "--json"},
                                                       {"check", config, "--gradient"},
                                                       {"tune", config, "--print-config"},
                                                       {"check", config, "outer.tolerance=0,5", "seed=12345678901234567890"},
                                                       {"describe", "keys"},
                                                       {"schema"}};
  std::vector<std::string> plain;
  for (const auto& command : commands) plain.push_back(printed(command));
  tune_into(work / "plain");
  {
    const Locale comma(std::locale(std::locale::classic(), new Comma));
    std::ostringstream proof;
    proof.imbue(std::locale());
    proof << 1234.5;
    REQUIRE(proof.str() == "1.234,5");
    for (std::size_t i = 0; i < commands.size(); ++i) CHECK(printed(commands[i]) == plain[i]);
    tune_into(work / "comma");
    // A report has the times of its run in it, so it is the same run's that must not change.
    const std::string page = read_text(work / "plain" / "report.html"),
                      svg = read_text(work / "plain" / "plots" / "loss_time.svg");
    CHECK(printed({"report", (work / "plain").string(), "-q"}) == "0\n");
    CHECK(read_text(work / "plain" / "report.html") == page);
    CHECK(read_text(work / "plain" / "plots" / "loss_time.svg") == svg);
  }
  check_same(work / "plain", work / "comma");
}

TEST_CASE("locale: setlocale with a decimal comma changes no byte of the results") {
  const Scratch work;
  Start localedef;
  localedef.arguments = {"-i", "de_DE", "-f", "UTF-8", (work / "de_DE.UTF-8").string()};
  run(localedef, "localedef");
  setenv("LOCPATH", work.path().c_str(), 1);
  const std::string before = std::setlocale(LC_ALL, nullptr);
  tune_into(work / "plain");
  const bool german = std::setlocale(LC_ALL, "de_DE.UTF-8") != nullptr && std::string(std::localeconv()->decimal_point) == ",";
  if (german) tune_into(work / "comma");
  std::setlocale(LC_ALL, before.c_str());
  unsetenv("LOCPATH");
  if (german)
    check_same(work / "plain", work / "comma");
  else
    MESSAGE("skipped: localedef could not make de_DE.UTF-8");
}
