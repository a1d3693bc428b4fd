// How errors and warnings are put before the user: code, place, source line with caret, what to do.
#pragma once
#include <cstddef>
#include <iosfwd>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tacit/cli/run/style.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit {

/// A text in which errors can be shown: a run file, or one argument of the command line.
struct SourceText {
  std::string name;  ///< path as the user gave it; for an argument the argument itself
  std::string text;
  bool argument = false;
  std::string base;  ///< folder from which relative paths in it are meant
  /// Line number `line` (from 1) without its line break.
  std::string_view line(long line) const;
};

/// One thing that is wrong.
struct Issue {
  std::string code;  ///< "E201"
  std::string what;
  std::string file;         ///< empty: no place is known
  long line = 0;            ///< from 1; 0: unknown
  long column = 0;          ///< in characters, from 1; 0: unknown
  std::string source_line;  ///< empty: not shown
  long width = 1;           ///< characters to underline
  std::string remedy;
  bool argument = false;  ///< `file` is an argument of the command line
};

/// More than this is no help to anybody; what comes after is not collected.
inline constexpr std::size_t kMaxIssues = 100;

/// A run file or command line that cannot be used, with everything that is wrong in it (exit code 2).
class RunFileError : public std::runtime_error {
public:
  explicit RunFileError(std::vector<Issue> issues);
  const std::vector<Issue>& issues() const { return issues_; }

private:
  std::vector<Issue> issues_;
};

/// The lines of one error, each ended by a line break:
///     error[CODE]: what
///       --> file:line:column
///        |
///     12 |   max_iter: 3
///        |   ^^^^^^^^
///        = help: remedy
std::string render(const Issue& issue, Style style = {});
/// All of them, with an empty line between two.
void print_errors(std::ostream& out, const std::vector<Issue>& issues, Style style = {});

Issue issue_of(const DataError& error);
/// The code that the error carries; the place is not known here (RunConfig::issue_of finds it by the key).
Issue issue_of(const UsageError& error);

/// What a code means: one line and an explanation, and the exit code it leads to.
struct CodeDoc {
  const char* code;
  const char* title;
  const char* text;
  int exit;
};
const std::vector<CodeDoc>& error_codes();
/// The exit code that the first of these issues leads to: that of its code in the manual, else 2.
int exit_code_of(const std::vector<Issue>& issues);

}  // namespace tacit
