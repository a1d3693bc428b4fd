#include <algorithm>
#include <ostream>

#include <tacit/cli/runfile/diagnostics.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

// A longer line would push the caret off the screen; a window around the caret is shown instead.
constexpr long kWidest = 160;

// Characters (code points) first .. first+count-1 of a UTF-8 text.
std::string characters(std::string_view text, long first, long count) {
  std::string out;
  long at = -1;
  for (char c : text) {
    if (!utf8_continues(c)) ++at;
    if (at >= first && at < first + count) out += c;
  }
  return out;
}

long length(std::string_view text) {
  return static_cast<long>(std::count_if(text.begin(), text.end(), [](char c) { return !utf8_continues(c); }));
}

// A tab and other control characters have no width of their own: shown as one blank, so that the caret stands right and no escape
// sequence of a file reaches the terminal.
std::string visible(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

// A message that quotes a value of a thousand characters hides what it says.
std::string shortened(std::string text) {
  constexpr long kMost = 600, kKept = 250;
  const long n = length(text);
  return n <= kMost ? text : characters(text, 0, kKept) + " ... " + characters(text, n - kKept, kKept);
}

std::string place(const Issue& issue) {
  if (issue.argument) return "argument '" + shortened(visible(issue.file)) + "'";
  std::string text = visible(issue.file);
  if (issue.line > 0) text += ":" + std::to_string(issue.line);
  if (issue.line > 0 && issue.column > 0) text += ":" + std::to_string(issue.column);
  return text;
}

struct Excerpt {
  std::string text;
  long caret = 0;
};

Excerpt excerpt(const Issue& issue) {
  Excerpt e{visible(issue.source_line), issue.column};
  const long n = length(e.text);
  if (n <= kWidest) return e;
  const long first = std::clamp(issue.column - kWidest / 2, 0L, n - kWidest);
  e.text = characters(e.text, first, kWidest);
  e.caret = issue.column - first;
  return e;
}

}  // namespace

std::string_view SourceText::line(long number) const {
  std::string_view rest = text;
  for (long i = 1; i < number; ++i) {
    const auto end = rest.find('\n');
    if (end == std::string_view::npos) return {};
    rest.remove_prefix(end + 1);
  }
  rest = rest.substr(0, rest.find('\n'));
  if (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
  return rest;
}

RunFileError::RunFileError(std::vector<Issue> issues)
    : std::runtime_error(issues.empty() ? std::string("the run file cannot be used") : issues.front().what),
      issues_(std::move(issues)) {}

std::string render(const Issue& issue, Style style) {
  std::string out = painted("error[" + issue.code + "]", kRed, style) + ": " + shortened(visible(issue.what)) + "\n";
  const bool numbered = issue.line > 0 && !issue.argument;
  const std::string number = numbered ? std::to_string(issue.line) : std::string(" ");
  const std::string margin(number.size(), ' ');
  const std::string bar = painted("|", kBlue, style);
  if (!issue.file.empty()) out += margin + painted("-->", kBlue, style) + " " + place(issue) + "\n";
  if (!issue.source_line.empty() && issue.line > 0) {
    const Excerpt e = excerpt(issue);
    out += margin + " " + bar + "\n";
    out += painted(number, kBlue, style) + " " + bar + " " + e.text + "\n";
    if (e.caret > 0) {
      // The underline ends with the line: a value may go on over several.
      const long room = std::max(1L, length(e.text) - e.caret + 1);
      const std::string under(static_cast<std::size_t>(std::clamp(issue.width, 1L, room)), '^');
      out +=
          margin + " " + bar + " " + std::string(static_cast<std::size_t>(e.caret - 1), ' ') + painted(under, kRed, style) + "\n";
    }
  }
  if (!issue.remedy.empty()) {
    out += margin + " " + painted("=", kBlue, style) + " help: " + indented(issue.remedy, margin + "         ") + "\n";
  }
  return out;
}

void print_errors(std::ostream& out, const std::vector<Issue>& issues, Style style) {
  bool first = true;
  for (const Issue& issue : issues) {
    if (!first) out << "\n";
    first = false;
    out << render(issue, style);
  }
}

Issue issue_of(const DataError& error) {
  Issue issue;
  issue.code = error.code();
  issue.what = error.what();
  issue.file = error.where().file;
  issue.line = error.where().line;
  issue.column = error.where().column;
  issue.source_line = error.source_line();
  issue.remedy = error.remedy();
  return issue;
}

Issue issue_of(const UsageError& error) {
  Issue issue;
  issue.code = error.code();
  issue.what = error.what();
  if (!error.key().empty()) issue.remedy = "the key is '" + error.key() + "' (see: tacit describe " + error.key() + ")";
  return issue;
}

const std::vector<CodeDoc>& error_codes() {
  static const std::vector<CodeDoc> codes = {
      {"E101", "the run file cannot be read", "The path does not exist, is a folder, or may not be read.", 2},
      {"E102", "not YAML", "The text does not follow the rules of YAML at this place; what comes after it was not read.", 2},
      {"E103", "a tab indents a line", "YAML indents with blanks only.", 2},
      {"E104", "a second document", "A run file is one YAML document; what stands after '---' or '...' would be passed over.", 2},
      {"E105", "a key stands twice", "Of two equal keys in one block only one could hold.", 2},
      {"E106", "anchor, alias, tag or merge key",
       "Run files say everything where it holds: '&name', '*name', '!tag' and '<<' are not "
       "used. A text that begins with one of these signs needs quotes.",
       2},
      {"E107", "a quote is not closed", "The text runs on to the end of the file.", 2},
      {"E108", "not a text in UTF-8", "Save the run file as plain UTF-8 text, of at most 1 MiB and 40 levels.", 2},
      {"E109", "not a block of keys", "A run file is a list of `key: value` lines.", 2},
      {"E201", "unknown key", "The key belongs to no block of the run file, or to another block.", 2},
      {"E202", "wrong type", "The value is of another kind than the key takes.", 2},
      {"E203", "out of range", "The number is outside the range of the key.", 2},
      {"E204", "unknown name", "The value is none of the names that the key takes.", 2},
      {"E205", "the key is not used",
       "The strategy, model or scheme that was chosen does not use this key, so it would have no effect.", 2},
      {"E206", "a key is missing", "The run cannot start without this key.", 2},
      {"E207", "not available in this version", "The name is reserved for it, but this version cannot do it yet.", 2},
      {"E208", "keys that exclude each other", "Only one of the two can hold.", 2},
      {"E209", "a number with a leading zero", "Some readers take 010 as eight, others as ten: write it without the zero.", 2},
      {"E210", "not true or false", "yes, no, on, off, 0 and 1 are read differently by different programs: write true or false.",
       2},
      {"E211", "an override that cannot be applied", "Overrides are written key.path=value, for instance inner.max_steps=100.",
       2},
      {"E220", "a combination that cannot work", "The parts chosen do not go together; the message says what to use instead.", 2},
      {"E221", "more memory than allowed",
       "The states that the estimator would store take more than limits.memory allows. window: auto keeps as many as fit, "
       "stride: auto "
       "recomputes most of them, implicit-cg stores none.",
       6},
      {"E401", "a numerical failure",
       "The run could not go on: the message says what failed. A stronger penalty, prepare.standardize=true or other units of "
       "the "
       "columns often help.",
       4},
      {"E501", "the hypergradient is less exact than asked",
       "The worst estimate over all steps is above diagnostics.fail_error; the run itself is complete.", 5},
      {"E601", "not a run folder", "A run folder holds the run.json that tacit tune, compare or curve wrote.", 3},
      {"E602", "a file of a run folder is damaged",
       "It was cut off or edited into something that no run writes; restore it or repeat the run.", 3},
      {"E603", "a run folder of another version", "Its files are laid out in another way; use the version that wrote them.", 3},
      {"E604", "a page that is not ours", "A report.html that another program wrote is replaced only with --force.", 3},
      {"W201", "a remark on the data", "The data were read, but something in them is worth a look.", 0},
      {"W202", "the target is constant",
       "All rows, or all that train, have the same target: there is nothing to learn, and no penalty is better than another.", 0},
      {"W210", "a first line that may hold names or data",
       "Names such as 0, 1, 2 or 2001, 2002 look like data. data.header: present or absent says which it is.", 0},
      {"W211", "whole numbers that lose digits",
       "Above 2^53 = 9007199254740992 not every whole number is a double; as labels and levels they keep all digits.", 0},
      {"W212", "a feature that only counts the rows",
       "Programs write the number of each row as a first column, without a name or called index or Unnamed: 0.", 0},
      {"W213", "two files with the same rows", "A validation or test file that is the training file measures nothing new.", 0},
      {"W214", "a regression on few whole numbers", "Up to 7 different whole numbers are often classes.", 0},
      {"W215", "validation rows of one class", "Their loss cannot tell a good classifier from one that always says that class.",
       0},
      {"W216", "data that are dense in a sparse format",
       "They are stored and computed with as dense data; only prepare.standardize: auto goes by the format, and leaves them as "
       "they are.",
       0},
      {"W217", "LIBSVM files that may count from different numbers",
       "One file has an index 0, another has none: data.index_base is one for all files, so that one of them may be read shifted "
       "by a "
       "column.",
       0},
      {"W218", "a column of words that tells single rows apart",
       "Dates, times and names become one level each, of which a new row has none: what is fitted to them is of no use there.",
       0},
      {"W219", "a code that is used as a number", "Numbers with zeros in front (00123) are codes, whose size means nothing.", 0},
      {"W301", "the inner problem has not converged",
       "The hypergradient is off by about what the warning says: give the solver more steps, or "
       "standardize the columns.",
       0},
      {"W302", "the hypergradient is not exact", "The adjoint equation was not solved to its tolerance.", 0},
      {"W303", "a large error of the hypergradient", "The estimate is above diagnostics.warn_error.", 0},
      {"W304", "a measured error that the estimate does not have",
       "Every diagnostics.reference steps the hypergradient is held against one that is solved far more tightly: above "
       "diagnostics.warn_error, or a factor of 10 from the estimate, it says so.",
       0},
      {"W305", "an error that is not known", "No estimate of the hypergradient's or the outer loss's error could be made.", 0},
      {"W306", "hypergradient.accuracy is missed", "inner.tolerance was given, and ends the inner solve before.", 0},
      {"W307", "an outer loss that is off",
       "The inner solution is so inexact that its outer loss is off by more than a hundredth of itself.", 0},
      {"W308", "a reverse sweep that costs far more than conjugate gradients",
       "With window: auto the sweep to hypergradient.accuracy takes, by prediction, more than 10 times the products with the "
       "Hessian that conjugate gradients take: implicit-cg gives the same for less.",
       0},
      {"W310", "the best value sits on the edge of its range",
       "A wider range may hold a better one; at the upper end a feature is switched off, at the lower end its penalty does "
       "nothing.",
       0},
      {"W311", "many hyperparameters for the rows that validate",
       "There are fewer than 10 validation rows for a hyperparameter: the validation loss is then fitted by the hyperparameters "
       "too, and says little of new rows.",
       0},
      {"W312", "the final fit is not solved to rounding",
       "The model is fitted once more on training and validation rows; it stands where that solve ended.", 0},
      {"W313", "columns whose units make the inner problem ill-conditioned",
       "A column is used in its own unit, which is far from that of the others.", 0},
      {"W314", "many penalties that are no better than one",
       "On test rows where there are some, else on the validation rows, their gain over the single tuned penalty is within two "
       "standard errors of the paired differences, or a loss.",
       0},
      {"W315", "one-se is not known",
       "Time ran out before, or no standard error is known; the final model is that of the best row.", 0},
      {"W318", "the outer folds have no result",
       "validation.outer_folds runs the whole procedure again without each fold. One of these runs was not finished or failed, "
       "so that "
       "what tuning itself costs is not known.",
       0},
      {"W320", "the reference is not confirmed",
       "Two independent ways to the exact hypergradient (implicit differentiation at a Newton-polished point, central "
       "differences "
       "of tightly solved values) do not agree, or one of them failed: errors of estimators below the difference mean nothing.",
       0},
      {"W330", "the report is not written", "Disk or permissions are in the way; the results of the run are complete.", 1},
  };
  return codes;
}

int exit_code_of(const std::vector<Issue>& issues) {
  constexpr int kDefault = 2;
  if (issues.empty()) return kDefault;
  for (const CodeDoc& doc : error_codes()) {
    if (issues.front().code == doc.code) return doc.exit;
  }
  return kDefault;
}

}  // namespace tacit
