#include <tacit/cli/verbs/command_line.hpp>

#include <algorithm>
#include <sstream>

#include <boost/program_options.hpp>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

namespace po = boost::program_options;

const std::vector<std::string>& verbs() {
  static const std::vector<std::string> all{"tune",   "compare", "curve",    "check", "predict",
                                            "report", "init",    "describe", "schema"};
  return all;
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
  add("quiet,q", "no progress and no closing table");
  add("verbose,v", "a line for every outer step, and every warning each time");
  add("version", "print the version");
  add("help,h", "this text");
  return all;
}

/// The flags that each verb takes beside those of all (-q, -v, --progress, --version, -h): a flag without effect would mislead.
const std::vector<std::pair<std::string, std::vector<std::string>>>& flags_of_verbs() {
  static const std::vector<std::pair<std::string, std::vector<std::string>>> all{
      {"tune", {"output", "force", "print-config", "json", "seed", "threads", "time"}},
      {"compare", {"output", "force", "print-config", "json", "seed", "threads", "time"}},
      {"curve", {"output", "force", "print-config", "json", "seed", "threads"}},
      {"check", {"output", "force", "print-config", "json", "gradient", "seed", "threads", "time"}},
      {"predict", {"output"}},
      {"report", {"output", "force", "json"}},
      {"init", {}},
      {"describe", {}},
      {"schema", {}}};
  return all;
}

void check_flags(const std::string& verb, const po::variables_map& given) {
  static const std::vector<std::string> special{"output", "force", "print-config", "json", "gradient", "seed", "threads", "time"};
  for (const auto& [name, taken] : flags_of_verbs()) {
    if (name != verb) continue;
    for (const std::string& flag : special) {
      if (given.count(flag) > 0 && std::find(taken.begin(), taken.end(), flag) == taken.end())
        throw UsageError("tacit " + verb + " does not take --" + flag + "; see tacit --help");
    }
  }
}

/// A word with a dotted key before the first '='; paths with '=' in them are rare and can be written ./a=b.
bool is_override(const std::string& word) {
  const auto equals = word.find('=');
  if (equals == std::string::npos || equals == 0) return false;
  return word.find_first_of("/\\ ") >= equals;
}

void take_words(const std::vector<std::string>& words, CommandLine& line) {
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
  if (verb.empty()) return;
  for (const std::string& known : verbs()) {
    if (verb == known) return;
  }
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
  if (line.help || line.version) return line;
  check_verb(line.verb);
  check_flags(line.verb, given);
  if (line.print_config && line.json)
    throw UsageError("--print-config prints YAML and --json one JSON object: give one of the two");
  return line;
}

std::string help_text() {
  std::ostringstream text;
  text << "Tacit tunes the hyperparameters of a model by hypergradients.\n\n"
          "  tacit tune CONFIG          tune, refit, write a run folder\n"
          "  tacit compare CONFIG       several estimators on the same problem: error, time, memory and work of each\n"
          "  tacit curve CONFIG         error of iterate and derivative over the inner iterations, with the theory's bounds\n"
          "  tacit check CONFIG         validate run file and data, print the plan; --gradient also tests the hypergradient\n"
          "  tacit predict MODEL DATA   -o FILE or standard output; MODEL: run folder or model.json\n"
          "  tacit report DIR...        (re)build report.html and plots/ of a run folder; several side by side, in a new folder\n"
          "  tacit init [KIND]          a commented starter run file; data.train=FILE fills it in from that file\n"
          "  tacit describe [NAME]      a key, an error code, or what can be named, with fields, ranges, defaults\n"
          "  tacit schema               JSON Schema of the run file\n\n"
          "key.path=value after the file overrides a key of it; the last one wins.\n\n"
       << flags()
       << "\nExit codes: 0 done, 1 internal or I/O failure, 2 usage or run file, 3 data, 4 numerical failure, 5 quality gate, 6 "
          "memory limit,\n"
          "130/143 interrupted.\n";
  return text.str();
}

}  // namespace tacit
