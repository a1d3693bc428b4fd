#include <tacit/cli/verbs/verb_docs.hpp>

#include <algorithm>

#include <boost/program_options.hpp>

namespace tacit {

namespace po = boost::program_options;

const std::vector<VerbDoc>& verb_docs() {
  static const std::vector<std::string> run{"output", "force", "print-config", "json", "seed", "threads", "time"};
  static const std::vector<VerbDoc> all{
      {"tune", "CONFIG [KEY.PATH=VALUE ...]", "tune, refit, write a run folder",
       "Finds the hyperparameters of the run file's model at which its loss on the validation rows is least, fits the model once "
       "more on training and validation rows, and leaves everything in a folder: model.json, hyper.csv, trace.csv, report.html.",
       "tacit tune run.yaml hyper.l2.per=feature -o out", Operand::run_file, run},
      {"compare", "CONFIG [KEY.PATH=VALUE ...]", "several estimators on the same problem: error, time, memory and work of each",
       "The estimators are those of compare.estimators in the run file.", "tacit compare configs/compare_estimators.yaml -o out",
       Operand::run_file, run},
      {"curve",
       "CONFIG [KEY.PATH=VALUE ...]",
       "error of iterate and derivative over the inner iterations, with the theory's bounds",
       "All rows train; the hyperparameters stay at their start.",
       "tacit curve configs/curve_late_start.yaml -o out",
       Operand::run_file,
       {"output", "force", "print-config", "json", "seed", "threads"}},
      {"check",
       "CONFIG [KEY.PATH=VALUE ...]",
       "validate run file and data, print the plan; --gradient also tests the hypergradient",
       "Reads the data as tune would and says how: header and names, target and classes, columns, missing cells. Nothing is "
       "fitted or written.",
       "tacit check run.yaml --gradient",
       Operand::run_file,
       {"output", "force", "print-config", "json", "gradient", "seed", "threads", "time"}},
      {"predict",
       "MODEL DATA [data.KEY=VALUE ...]",
       "predictions for new rows, to -o FILE or standard output; MODEL: run folder or model.json",
       "Columns are found by name; without a header, by number. How DATA is written may differ from the training data: "
       "data.delimiter, decimal, header, skip_rows, missing, missing_values, format, index_base, unpack_ratio.",
       "tacit predict out next.csv data.decimal=, -o predictions.csv",
       Operand::model_and_data,
       {"output"}},
      {"pack",
       "DATA -o FILE [data.KEY=VALUE ...]",
       "a table as numbers in a checked file (.tacit) that data.train takes, so that no text is read again",
       "DATA is read as tune would read it, before anything is chosen, split or scaled, and never in memory as a whole. Runs on "
       "FILE "
       "give the numbers of runs on DATA, to the bit unless --float32 rounds them, and FILE may be larger than memory. Keys say "
       "how DATA is written: data.delimiter, "
       "decimal, header, skip_rows, missing_values, format, unpack_ratio.",
       "tacit pack train.csv -o train.tacit",
       Operand::data,
       {"output", "float32", "threads"}},
      {"report",
       "DIR...",
       "(re)build report.html and plots/ of a run folder; several side by side, in a new folder",
       "",
       "tacit report runs/one runs/two -o both",
       Operand::folders,
       {"output", "force", "json"}},
      {"init", "[KIND] [data.train=FILE] [KEY.PATH=VALUE ...]",
       "a commented starter run file; data.train=FILE fills it in from that file",
       "The file is read and checked as tacit check would. Every other key stands in the run file as it is given, and "
       "data.target=NAME says what is to be predicted.",
       "tacit init data.train=data.csv data.target=price > run.yaml", Operand::model_kind},
      {"describe", "[NAME]", "a key, an error code, or what can be named, with fields, ranges, defaults", "",
       "tacit describe inner.solver", Operand::topic},
      {"schema", "", "JSON Schema of the run file", "", "tacit schema > tacit.schema.json", Operand::none},
      {"completion", "SHELL", "a script that completes verbs, flags and keys; SHELL: bash, zsh, fish",
       "An installed program comes with these scripts. Otherwise: bash reads this one with `source`; zsh finds it as _tacit in a "
       "folder of fpath; fish as tacit.fish in ~/.config/fish/completions.",
       "source <(tacit completion bash)", Operand::shell},
      {"help", "[VERB]", "this text, or that of a verb", "", "tacit help tune", Operand::verb}};
  return all;
}

const VerbDoc* find_verb(std::string_view name) {
  for (const VerbDoc& doc : verb_docs()) {
    if (doc.name == name) return &doc;
  }
  return nullptr;
}

std::vector<std::string> verb_names() {
  std::vector<std::string> names;
  for (const VerbDoc& doc : verb_docs()) names.emplace_back(doc.name);
  return names;
}

po::options_description flags() {
  po::options_description all("Flags");
  auto add = all.add_options();
  add("output,o", po::value<std::string>()->value_name("DIR"),
      "run folder (predict, pack: file; report: folder) to write; a folder must be empty without --force");
  add("force", "replace what an earlier run left in the folder given with -o");
  add("print-config", "print the run file with every key in use, and stop");
  add("json", "one JSON object on standard output, nothing else");
  add("gradient", "check: also test the hypergradient against finite differences");
  add("float32", "pack: 4 bytes a number instead of 8, each rounded to the nearest such number");
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

bool takes(const VerbDoc& doc, const std::string& flag) {
  static const std::vector<std::string> every{"progress", "quiet", "verbose", "version", "help"};
  const auto in = [&](const std::vector<std::string>& list) { return std::find(list.begin(), list.end(), flag) != list.end(); };
  return in(doc.flags) || in(every);
}

std::vector<FlagDoc> flag_docs() {
  const po::options_description all = flags();
  std::vector<FlagDoc> out;
  for (const auto& option : all.options()) {
    FlagDoc doc{option->long_name(), "", "", option->description()};
    const std::string name = option->canonical_display_name(po::command_line_style::allow_dash_for_short);
    if (name.size() == 2 && name[0] == '-') doc.letter = name.substr(1);
    if (option->semantic()->max_tokens() > 0) doc.value = option->semantic()->name();
    out.push_back(std::move(doc));
  }
  return out;
}

std::vector<std::string> flag_choices(std::string_view flag) {
  return flag == "progress" ? std::vector<std::string>{"auto", "bar", "plain", "none"} : std::vector<std::string>{};
}

const std::vector<std::pair<std::string, std::string>>& exit_codes() {
  static const std::vector<std::pair<std::string, std::string>> all{
      {"0", "done"},         {"1", "internal or I/O failure"}, {"2", "usage or run file"},
      {"3", "data"},         {"4", "numerical failure"},       {"5", "quality gate"},
      {"6", "memory limit"}, {"130/143", "interrupted"}};
  return all;
}

const std::vector<std::string>& shells() {
  static const std::vector<std::string> all{"bash", "zsh", "fish"};
  return all;
}

}  // namespace tacit
