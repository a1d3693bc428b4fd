#include <tacit/cli/verbs/command_line.hpp>

#include <algorithm>
#include <sstream>

#include <boost/program_options.hpp>

#include <tacit/cli/verbs/verb_docs.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

namespace po = boost::program_options;

const std::vector<std::string>& later_verbs() {
  static const std::vector<std::string> all{"resume"};
  return all;
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
    if (verb == later)
      throw UsageError("the verb '" + verb + "' is not available in this version; available: " + join(verb_names()));
  }
  throw UsageError(unknown_name("verb", verb, verb_names()) + "; see tacit --help");
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
  const std::vector<std::string> kinds = flag_choices("progress");
  if (std::find(kinds.begin(), kinds.end(), line.progress) == kinds.end())
    throw UsageError("--progress takes " + join(kinds) + ", not '" + line.progress + "'");
  line.force = given.count("force") > 0;
  line.print_config = given.count("print-config") > 0;
  line.json = given.count("json") > 0;
  line.gradient = given.count("gradient") > 0;
  line.float32 = given.count("float32") > 0;
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

constexpr std::size_t kWidth = 100;

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
  std::vector<std::string> codes;
  for (const auto& [code, meaning] : exit_codes()) codes.push_back(code + " " + meaning);
  std::ostringstream text;
  text << "Tacit tunes the hyperparameters of a model by hypergradients.\n\n";
  for (const VerbDoc& doc : verb_docs()) {
    const std::string words = doc.words;
    const std::string head = "  tacit " + std::string(doc.name) + " " + words.substr(0, words.find(" ["));
    text << head << std::string(head.size() < 29 ? 29 - head.size() : 1, ' ') << doc.what << "\n";
  }
  text << "\nkey.path=value after the file overrides a key of it; the last one wins. tacit help VERB: more on a verb.\n\n"
       << flags() << "\n"
       << wrapped("Exit codes: " + join(codes) + ".", kWidth);
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
