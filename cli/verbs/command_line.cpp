#include <tacit/cli/verbs/command_line.hpp>

#include <algorithm>
#include <sstream>

#include <boost/program_options.hpp>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

namespace po = boost::program_options;

/// What a verb is called with, does and takes. Flags beside those of all (-q, -v, --progress, --version, -h): a flag without
/// effect would mislead.
struct VerbDoc {
  const char *name, *words, *what, *more, *example;
  std::vector<std::string> flags;
};

const std::vector<VerbDoc>& verb_docs() {
  static const std::vector<std::string> run{"output", "force", "print-config", "json", "seed", "threads", "time"};
  static const std::vector<VerbDoc> all{
      {"tune", "CONFIG [KEY.PATH=VALUE ...]", "tune, refit, write a run folder",
       "Finds the hyperparameters of the run file's model at which its loss on the validation rows is least, fits the model once "
       "more on training and validation rows, and leaves everything in a folder: model.json, hyper.csv, trace.csv, report.html.",
       "tacit tune run.yaml hyper.l2.per=feature -o out", run},
      {"compare", "CONFIG [KEY.PATH=VALUE ...]", "several estimators on the same problem: error, time, memory and work of each",
       "The estimators are those of compare.estimators in the run file.", "tacit compare configs/compare_estimators.yaml -o out",
       run},
      {"curve",
       "CONFIG [KEY.PATH=VALUE ...]",
       "error of iterate and derivative over the inner iterations, with the theory's bounds",
       "All rows train; the hyperparameters stay at their start.",
       "tacit curve configs/curve_late_start.yaml -o out",
       {"output", "force", "print-config", "json", "seed", "threads"}},
      {"check",
       "CONFIG [KEY.PATH=VALUE ...]",
       "validate run file and data, print the plan; --gradient also tests the hypergradient",
       "Reads the data as tune would and says how: header and names, target and classes, columns, missing cells. Nothing is "
       "fitted or written.",
       "tacit check run.yaml --gradient",
       {"output", "force", "print-config", "json", "gradient", "seed", "threads", "time"}},
      {"predict",
       "MODEL DATA [data.KEY=VALUE ...]",
       "predictions for new rows, to -o FILE or standard output; MODEL: run folder or model.json",
       "Columns are found by name; without a header, by number. How DATA is written may differ from the training data: "
       "data.delimiter, decimal, header, skip_rows, missing, missing_values, format, index_base, unpack_ratio.",
       "tacit predict out next.csv data.decimal=, -o predictions.csv",
       {"output"}},
      {"report",
       "DIR...",
       "(re)build report.html and plots/ of a run folder; several side by side, in a new folder",
       "",
       "tacit report runs/one runs/two -o both",
       {"output", "force", "json"}},
      {"init",
       "[KIND] [data.train=FILE]",
       "a commented starter run file; data.train=FILE fills it in from that file",
       "The file is read and checked as tacit check would. Other data.KEY=VALUE say how to read it.",
       "tacit init data.train=data.csv > run.yaml",
       {}},
      {"describe",
       "[NAME]",
       "a key, an error code, or what can be named, with fields, ranges, defaults",
       "",
       "tacit describe inner.solver",
       {}},
      {"schema", "", "JSON Schema of the run file", "", "tacit schema > tacit.schema.json", {}},
      {"help", "[VERB]", "this text, or that of a verb", "", "tacit help tune", {}}};
  return all;
}

const VerbDoc* find_verb(std::string_view name) {
  for (const VerbDoc& doc : verb_docs()) {
    if (doc.name == name) return &doc;
  }
  return nullptr;
}

std::vector<std::string> verbs() {
  std::vector<std::string> names;
  for (const VerbDoc& doc : verb_docs()) names.emplace_back(doc.name);
  return names;
}

const std::vector<std::string>& later_verbs() {
  static const std::vector<std::string> all{"resume"};
  return all;
}

po::options_description flags() {
  po::options_description all("Flags");
  auto add = all.add_options();
  add("output,o", po::value<std::string>()->value_name("DIR"),
      "run folder (predict: file; report: folder) to write; a folder must be empty without --force");
  add("force", "replace what an earlier run left in the folder given with -o");
  add("print-config", "print the run file with every key in use, and stop");
  add("json", "one JSON object on standard output, nothing else");
  add("gradient", "check: also test the hypergradient against finite differences");
  add("seed", po::value<std::string>()->value_name("N"), "same as seed=N");
  add("threads", po::value<std::string>()->value_name("N"), "same as limits.threads=N");
  add("time", po::value<std::string>()->value_name("SPAN"), "tune, compare: same as limits.time=SPAN (30s, 5min, 2h)");
  add("progress", po::value<std::string>()->value_name("KIND"), "auto | bar | plain | none");
  add("quiet,q", "no progress and no closing table; warnings stay");
  add("verbose,v", "a line for every outer step, and every warning each time");
  add("version", "print the version");
  add("help,h", "this text");
  return all;
}

const std::vector<std::string> kForAll{"progress", "quiet", "verbose", "version", "help"};

bool takes(const VerbDoc& doc, const std::string& flag) {
  const auto in = [&](const std::vector<std::string>& list) { return std::find(list.begin(), list.end(), flag) != list.end(); };
  return in(doc.flags) || in(kForAll);
}

void check_flags(const VerbDoc& doc, const po::variables_map& given) {
  const po::options_description all = flags();
  for (const auto& option : all.options()) {
    const std::string& flag = option->long_name();
    if (given.count(flag) > 0 && !takes(doc, flag))
      throw UsageError(std::string("tacit ") + doc.name + " does not take --" + flag + "; see tacit help " + doc.name);
  }
}

/// The error for a flag that nobody knows.
UsageError unknown_flag(const std::string& flag) {
  std::vector<std::string> known;
  const po::options_description all = flags();
  for (const auto& option : all.options()) known.push_back(option->long_name());
  const std::string word = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
  const std::string near = closest(word.substr(0, word.find('=')), known);
  return UsageError("unknown flag '" + flag + "'; " +
                    (near.empty() ? "keys of the run file are written key.path=value, without dashes; see tacit --help"
                                  : "did you mean '--" + near + "'?"));
}

/// A word with a dotted key before the first '='; paths with '=' in them are rare and can be written ./a=b.
bool is_override(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return word.find_first_of("/\\ ") >= equals;
}

/// The shell cuts at blanks: what stands around a '=' has to be one word.
void refuse_blanks(const std::vector<std::string>& words) {
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    const bool follows = i + 1 < words.size() && words[i + 1].find('=') == std::string::npos;
    std::string key, value;
    if (word[0] == '=' && i > 0) {
      key = words[i - 1];
      value = word.size() > 1 ? word.substr(1) : i + 1 < words.size() ? words[i + 1] : "VALUE";
    } else if (word.size() > 1 && word.back() == '=' && is_override(word) && follows) {
      key = word.substr(0, word.size() - 1);
      value = words[i + 1];
    } else {
      continue;
    }
    throw UsageError("there are blanks around '='; write " + key + "=" + value + " (and " + key + "=null for no value)");
  }
}

void take_words(const std::vector<std::string>& words, CommandLine& line) {
  refuse_blanks(words);
  for (const std::string& word : words) {
    if (line.verb.empty() && !is_override(word))
      line.verb = word;
    else if (is_override(word))
      line.overrides.push_back(word);
    else
      line.files.push_back(word);
  }
}

void check_verb(const std::string& verb) {
  if (verb.empty() || find_verb(verb)) return;
  for (const std::string& later : later_verbs()) {
    if (verb == later) throw UsageError("the verb '" + verb + "' is not available in this version; available: " + join(verbs()));
  }
  throw UsageError(unknown_name("verb", verb, verbs()) + "; see tacit --help");
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& arguments) {
  po::options_description all = flags();
  all.add_options()("word", po::value<std::vector<std::string>>(), "");
  po::positional_options_description words;
  words.add("word", -1);
  po::variables_map given;
  try {
    namespace style = po::command_line_style;
    po::store(
        po::command_line_parser(arguments).options(all).positional(words).style(style::unix_style & ~style::allow_guessing).run(),
        given);
  } catch (const po::unknown_option& e) {
    throw unknown_flag(e.get_option_name());
  } catch (const po::error& e) {
    throw UsageError(std::string(e.what()) + "; see tacit --help");
  }
  CommandLine line;
  if (given.count("word")) take_words(given["word"].as<std::vector<std::string>>(), line);
  if (given.count("output")) line.output = given["output"].as<std::string>();
  for (const auto& [flag, key] : {std::pair{"seed", "seed"}, {"threads", "limits.threads"}, {"time", "limits.time"}}) {
    if (given.count(flag)) line.overrides.push_back(std::string(key) + "=" + given[flag].as<std::string>());
  }
  if (given.count("progress")) line.progress = given["progress"].as<std::string>();
  if (line.progress != "auto" && line.progress != "bar" && line.progress != "plain" && line.progress != "none")
    throw UsageError("--progress takes auto, bar, plain or none, not '" + line.progress + "'");
  line.force = given.count("force") > 0;
  line.print_config = given.count("print-config") > 0;
  line.json = given.count("json") > 0;
  line.gradient = given.count("gradient") > 0;
  line.quiet = given.count("quiet") > 0;
  line.verbose = given.count("verbose") > 0;
  line.version = given.count("version") > 0;
  line.help = given.count("help") > 0;
  if (line.verb == "help" && !line.help) {  // tacit help VERB
    line.help = true;
    line.verb = line.files.empty() ? "" : line.files.front();
  }
  if (line.version) return line;
  check_verb(line.verb);
  if (line.help) return line;
  if (const VerbDoc* doc = find_verb(line.verb)) check_flags(*doc, given);
  if (line.print_config && line.json)
    throw UsageError("--print-config prints YAML and --json one JSON object: give one of the two");
  return line;
}

namespace {

/// Text in lines of at most so many characters.
std::string wrapped(const std::string& text, std::size_t width) {
  std::istringstream words(text);
  std::string out, line;
  for (std::string word; words >> word;) {
    if (!line.empty() && line.size() + 1 + word.size() > width) {
      out += line + "\n";
      line.clear();
    }
    line += (line.empty() ? "" : " ") + word;
  }
  return out + line + (line.empty() ? "" : "\n");
}

std::string help_of_verb(const VerbDoc& doc) {
  constexpr std::size_t kWidth = 100;
  po::options_description taken("Flags");
  const po::options_description all = flags();
  for (const auto& option : all.options()) {
    if (takes(doc, option->long_name())) taken.add(option);
  }
  std::ostringstream text;
  text << "usage: tacit " << doc.name << (*doc.words ? " " : "") << doc.words << "\n\n"
       << doc.what << "\n"
       << (*doc.more ? "\n" : "") << wrapped(doc.more, kWidth) << "\n"
       << taken << "\nExample: " << doc.example << "\n";
  return text.str();
}

}  // namespace

std::string help_text(const std::string& verb) {
  if (const VerbDoc* doc = find_verb(verb); doc && !verb.empty()) return help_of_verb(*doc);
  std::ostringstream text;
  text << "Tacit tunes the hyperparameters of a model by hypergradients.\n\n";
  for (const VerbDoc& doc : verb_docs()) {
    const std::string words = doc.words;
    const std::string head = "  tacit " + std::string(doc.name) + " " + words.substr(0, words.find(" ["));
    text << head << std::string(head.size() < 29 ? 29 - head.size() : 1, ' ') << doc.what << "\n";
  }
  text << "\nkey.path=value after the file overrides a key of it; the last one wins. tacit help VERB: more on a verb.\n\n"
       << flags()
       << "\nExit codes: 0 done, 1 internal or I/O failure, 2 usage or run file, 3 data, 4 numerical failure, 5 quality gate, 6 "
          "memory limit,\n"
          "130/143 interrupted.\n";
  return text.str();
}

void require_files(const CommandLine& line, std::size_t least, std::size_t most, const std::string& usage) {
  if (line.files.size() < least || line.files.size() > most)
    throw UsageError("usage: " + usage + (line.files.empty() ? "" : "; given: " + join(line.files, " ")));
}

void refuse_overrides(const CommandLine& line) {
  if (!line.overrides.empty())
    throw UsageError("tacit " + line.verb + " takes no overrides, '" + line.overrides.front() + "' was given");
}

}  // namespace tacit
