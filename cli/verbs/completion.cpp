#include <algorithm>

#include <nlohmann/json.hpp>

#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/describe.hpp>
#include <tacit/cli/verbs/pack.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/cli/verbs/shell_files.hpp>
#include <tacit/cli/verbs/verb_docs.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

/// A key of the run file as a shell completes it.
struct KeyWords {
  std::string path, doc;
  std::vector<std::string> values{};
  bool file = false;  ///< takes the name of a file
};

/// The words among the values that a schema allows.
void collect_words(const nlohmann::json& schema, std::vector<std::string>& words) {
  const auto add = [&](const nlohmann::json& value) {
    const std::string word = value.is_string() ? value.get<std::string>() : value.is_boolean() ? value.dump() : "";
    const bool known = std::find(words.begin(), words.end(), word) != words.end();
    if (!known && word.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-_") == std::string::npos && !word.empty())
      words.push_back(word);
  };
  if (schema.contains("const")) add(schema["const"]);
  if (schema.contains("enum")) std::for_each(schema["enum"].begin(), schema["enum"].end(), add);
  if (schema.contains("anyOf")) {
    for (const nlohmann::json& choice : schema["anyOf"]) collect_words(choice, words);
  }
  if (schema.contains("type") && schema["type"] == "boolean") {
    add(true);
    add(false);
  }
}

std::vector<KeyWords> key_words(const StrategyCatalog& catalog) {
  std::vector<KeyWords> out;
  for (const KeyInfo& k : list_keys(RunConfig{}, catalog, Listed::all)) {
    if (k.block) continue;
    auto known = std::find_if(out.begin(), out.end(), [&](const KeyWords& w) { return w.path == k.path; });
    if (known == out.end()) known = out.insert(out.end(), KeyWords{k.path, k.doc});
    collect_words(k.schema, known->values);
    known->file = known->file || k.grammar.find("file") != std::string::npos || k.path == "data.target";
  }
  return out;
}

bool takes_key(const VerbDoc& verb, const std::string& path) {
  const auto& reading = reading_keys();
  const bool reads = path.rfind("data.", 0) == 0 && std::find(reading.begin(), reading.end(), path.substr(5)) != reading.end();
  return verb.operand == Operand::run_file || verb.operand == Operand::model_kind ||
         (verb.operand == Operand::model_and_data && reads) ||
         (verb.operand == Operand::data && std::find(pack_keys().begin(), pack_keys().end(), path) != pack_keys().end());
}

/// The words that may stand after a verb, where they are no files.
std::vector<std::string> operand_words(const VerbDoc& verb, const StrategyCatalog& catalog) {
  if (verb.operand == Operand::topic) return describable(catalog);
  if (verb.operand == Operand::verb) return verb_names();
  if (verb.operand == Operand::shell) return shells();
  std::vector<std::string> kinds;
  if (verb.operand != Operand::model_kind) return kinds;
  for (const ModelKind& kind : model_kinds()) {
    if (kind.available()) kinds.emplace_back(kind.name);
  }
  return kinds;
}

/// How many words that are files come first.
int leading_files(Operand operand) {
  constexpr int kMany = 99;
  return operand == Operand::run_file || operand == Operand::data ? 1
         : operand == Operand::model_and_data                     ? 2
         : operand == Operand::folders                            ? kMany
                                                                  : 0;
}

bool flag_takes_file(const FlagDoc& flag) { return flag.value == "DIR"; }

std::vector<std::string> flag_words(const VerbDoc& verb) {
  std::vector<std::string> words;
  for (const FlagDoc& flag : flag_docs()) {
    if (!takes(verb, flag.name)) continue;
    words.push_back("--" + flag.name);
    if (!flag.letter.empty()) words.push_back("-" + flag.letter);
  }
  return words;
}

/// In single quotes, for all three shells.
std::string quoted(std::string text) {
  for (std::size_t at = 0; (at = text.find('\'', at)) != std::string::npos; at += 4) text.replace(at, 1, "'\\''");
  return "'" + text + "'";
}

/// A function of a shell script that says the words for the name it is given, one case a line.
std::string case_function(const std::string& name, const std::vector<std::pair<std::string, std::vector<std::string>>>& cases) {
  std::string out = name + "() {\n  case $1 in\n";
  for (const auto& [word, words] : cases) {
    if (!words.empty()) out += "    " + word + ") echo " + quoted(join(words, " ")) + " ;;\n";
  }
  return out + "  esac\n}\n";
}

/// What bash and zsh share: functions with the words for a verb, a key or a flag.
std::string word_functions(const StrategyCatalog& catalog) {
  using Cases = std::vector<std::pair<std::string, std::vector<std::string>>>;
  const std::vector<KeyWords> keys = key_words(catalog);
  Cases flags_of, words_of, keys_of, files_of, values_of;
  for (const VerbDoc& verb : verb_docs()) {
    flags_of.emplace_back(verb.name, flag_words(verb));
    words_of.emplace_back(verb.name, operand_words(verb, catalog));
    if (const int files = leading_files(verb.operand)) files_of.push_back({verb.name, {std::to_string(files)}});
    std::vector<std::string> taken;
    for (const KeyWords& key : keys) {
      if (takes_key(verb, key.path)) taken.push_back(key.path + "=");
    }
    keys_of.emplace_back(verb.name, taken);
  }
  for (const FlagDoc& flag : flag_docs()) {
    const std::string names = "--" + flag.name + (flag.letter.empty() ? "" : "|-" + flag.letter);
    if (!flag.value.empty())
      values_of.push_back({names, flag_takes_file(flag) ? std::vector<std::string>{"FILE"} : flag_choices(flag.name)});
  }
  for (const KeyWords& key : keys) {
    std::vector<std::string> words = key.values;
    if (key.file) words.push_back("FILE");
    values_of.emplace_back(key.path, words);
  }
  return case_function("_tacit_flags", flags_of) + case_function("_tacit_words", words_of) +
         case_function("_tacit_files", files_of) + case_function("_tacit_keys", keys_of) +
         "# FILE among the words stands for the names of files.\n" + case_function("_tacit_values", values_of);
}

// What the shells do with the words is the same in every script, so it stands here as it is.
constexpr const char* kBash = R"sh(_tacit_verbs=@VERBS@
_tacit_valued=@VALUED@
_tacit_reply() { # words, files or not, what is typed, what stands before it on the command line
  local words=" $1 "
  mapfile -t COMPREPLY < <(compgen -W "${words/ FILE / }" -- "$3")
  if [[ $2 == yes || $words == *" FILE "* ]]; then
    compopt -o filenames 2>/dev/null
    mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$3")
  fi
  [[ -z $4 ]] || COMPREPLY=("${COMPREPLY[@]/#/$4}")
}
_tacit() {
  local line=${COMP_LINE:0:COMP_POINT} verb='' before='' word current='' key prefix words i
  local -a typed
  local -i operands=0 files
  COMPREPLY=()
  read -ra typed <<<"$line"
  [[ $line == *[[:space:]] ]] || { current=${typed[-1]} && unset 'typed[-1]'; }
  for ((i = 1; i < ${#typed[@]}; ++i)); do
    word=${typed[i]}
    if [[ $word == -* || $word == *=* || -n $before && " $_tacit_valued " == *" $before "* ]]; then
      :
    elif [[ -z $verb ]]; then
      verb=$word
    else
      operands+=1
    fi
    before=$word
  done
  files=$(_tacit_files "$verb")
  if [[ -n $before && " $_tacit_valued " == *" $before "* ]]; then
    _tacit_reply "$(_tacit_values "$before")" no "$current" ''
  elif [[ $current == *=* ]]; then
    key=${current%%=*}
    # Where bash cuts words at '=', only what follows is replaced.
    [[ $COMP_WORDBREAKS == *=* ]] && prefix='' || prefix=$key=
    _tacit_reply "$(_tacit_values "$key")" no "${current#*=}" "$prefix"
  elif [[ $current == -* ]]; then
    _tacit_reply "$(_tacit_flags "${verb:-help}")" no "$current" ''
  elif [[ -z $verb ]]; then
    _tacit_reply "$_tacit_verbs" no "$current" ''
  elif ((operands < files)); then
    _tacit_reply '' yes "$current" ''
  else
    words=$(_tacit_keys "$verb")
    ((operands == 0)) && words="$(_tacit_words "$verb") $words"
    _tacit_reply "$words" no "$current" ''
    [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null
  fi
  return 0
}
complete -F _tacit tacit
)sh";

constexpr const char* kZsh = R"sh(_tacit() {
  local verb='' before='' word key=''
  local -i operands=0 files i
  local -a valued verbs rest
  valued=(${=:-@VALUED@})
  verbs=(${=:-@VERBS@})
  for ((i = 2; i < CURRENT; ++i)); do
    word=$words[i]
    if [[ $word == -* || $word == *=* ]] || (( ${valued[(Ie)$before]} )); then
      :
    elif [[ -z $verb ]]; then
      verb=$word
    else
      operands+=1
    fi
    before=$word
  done
  files=${$(_tacit_files $verb):-0}
  if (( ${valued[(Ie)$before]} )); then
    key=$before
  elif [[ $PREFIX == *=* ]]; then
    key=${PREFIX%%=*}
    compset -P '*='
  fi
  if [[ -n $key ]]; then
    rest=(${=:-$(_tacit_values $key)})
    (( ${rest[(Ie)FILE]} )) && _files
    compadd -- ${rest:#FILE}
  elif [[ $PREFIX == -* ]]; then
    compadd -- ${=:-$(_tacit_flags ${verb:-help})}
  elif [[ -z $verb ]]; then
    compadd -- $verbs
  elif (( operands < files )); then
    _files
  else
    compadd -S '' -- ${=:-$(_tacit_keys $verb)}
    (( operands == 0 )) && compadd -- ${=:-$(_tacit_words $verb)}
  fi
}
if [[ $funcstack[1] == _tacit ]]; then
  _tacit "$@"
else
  compdef _tacit tacit
fi
)sh";

std::string with_words(std::string script) {
  std::vector<std::string> valued;
  for (const FlagDoc& flag : flag_docs()) {
    if (flag.value.empty()) continue;
    valued.push_back("--" + flag.name);
    if (!flag.letter.empty()) valued.push_back("-" + flag.letter);
  }
  for (const auto& [mark, words] : {std::pair{std::string("@VERBS@"), verb_names()}, {std::string("@VALUED@"), valued}}) {
    for (std::size_t at; (at = script.find(mark)) != std::string::npos;)
      script.replace(at, mark.size(), quoted(join(words, " ")));
  }
  return script;
}

/// fish completes from a list of words, each under a condition.
std::string fish_script(const StrategyCatalog& catalog) {
  std::string out = "complete -c tacit -f\n";
  const auto line = [&](const std::string& condition, const std::string& what, const std::string& doc) {
    out += "complete -c tacit -n " + quoted(condition) + " " + what + (doc.empty() ? "" : " -d " + quoted(doc)) + "\n";
  };
  const std::vector<KeyWords> keys = key_words(catalog);
  for (const VerbDoc& verb : verb_docs()) {
    const std::string seen = std::string("__fish_seen_subcommand_from ") + verb.name;
    line("__fish_use_subcommand", std::string("-a ") + verb.name, verb.what);
    for (const FlagDoc& flag : flag_docs()) {
      if (!takes(verb, flag.name)) continue;
      const std::string choices = join(flag_choices(flag.name), " ");
      const std::string value = flag.value.empty()      ? ""
                                : flag_takes_file(flag) ? " -r -F"
                                                        : " -x" + (choices.empty() ? "" : " -a " + quoted(choices));
      line(seen, "-l " + flag.name + (flag.letter.empty() ? "" : " -s " + flag.letter) + value, flag.doc);
    }
    if (const auto words = operand_words(verb, catalog); !words.empty()) line(seen, "-a " + quoted(join(words, " ")), "");
    if (leading_files(verb.operand) > 0) line(seen, "-F", "");
  }
  for (const KeyWords& key : keys) {
    std::vector<std::string> verbs, words{key.path + "="};
    for (const VerbDoc& verb : verb_docs()) {
      if (takes_key(verb, key.path)) verbs.emplace_back(verb.name);
    }
    for (const std::string& value : key.values) words.push_back(key.path + "=" + value);
    line("__fish_seen_subcommand_from " + join(verbs, " "), "-a " + quoted(join(words, " ")), key.doc);
  }
  return out;
}

}  // namespace

std::string completion_script(const std::string& shell, const StrategyCatalog& catalog) {
  if (std::find(shells().begin(), shells().end(), shell) == shells().end())
    throw UsageError(unknown_name("shell", shell, shells()));
  const std::string head = (shell == "zsh" ? "#compdef tacit\n" : "") + ("# " + shell) +
                           " completion of tacit; `tacit completion " + shell + "` makes it from the program's own tables.\n";
  if (shell == "fish") return head + fish_script(catalog);
  return head + word_functions(catalog) + with_words(shell == "bash" ? kBash : kZsh);
}

int completion_verb(const CommandLine& line, Streams& io) {
  require_files(line, 1, 1, "tacit completion " + join(shells(), "|"));
  refuse_overrides(line);
  const Strategies strategies;
  io.out << completion_script(line.files.front(), strategies.catalog);
  return kDone;
}

}  // namespace tacit
