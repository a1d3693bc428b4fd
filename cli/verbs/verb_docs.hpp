// What the verbs of the program are called with, do and take: for the parser, the help, the manual page and the shells.
#pragma once
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/program_options/options_description.hpp>

namespace tacit {

/// What the words after a verb name.
enum class Operand { none, run_file, model_and_data, data, folders, model_kind, topic, verb, shell };

/// Flags beside those that every verb takes: a flag without effect would mislead.
struct VerbDoc {
  const char *name, *words, *what, *more, *example;
  Operand operand;
  std::vector<std::string> flags{};
};

/// The verbs in the order of the help.
const std::vector<VerbDoc>& verb_docs();
const VerbDoc* find_verb(std::string_view name);  ///< or null
std::vector<std::string> verb_names();

/// Every flag of every verb.
boost::program_options::options_description flags();
bool takes(const VerbDoc& verb, const std::string& flag);
/// The same as words.
struct FlagDoc {
  std::string name;    ///< "output"
  std::string letter;  ///< "o", or empty
  std::string value;   ///< "DIR"; empty: it takes none
  std::string doc;
};
std::vector<FlagDoc> flag_docs();
/// The words that a flag takes; empty: a value of another kind, or none.
std::vector<std::string> flag_choices(std::string_view flag);

/// The exit codes and what they mean: {"0", "done"}, ...
const std::vector<std::pair<std::string, std::string>>& exit_codes();

/// The shells that tacit completion knows.
const std::vector<std::string>& shells();

}  // namespace tacit
