// What a run file says that cannot hold: reserved names, keys nobody knows, keys without effect, keys that exclude each other.
#include <algorithm>
#include <sstream>

#include <tacit/bilevel/outer.hpp>
#include <tacit/cli/runfile/config_reader.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {

namespace {

struct Later {
  std::string_view key, value;  ///< value *: whatever it is
  std::string_view instead;
};

constexpr Later kLater[] = {
    {"verb", "resume", "run `tacit tune` again"},
    {"data.synthetic", "*", "write the data to a file and name it in data.train"},
    {"validation.scheme", "sure", "use kfold"},
    {"validation.loss", "softmax", "use auto, squared or logistic"},
    {"hyper.gamma", "*", "use hyper.l2"},
    {"hyper.sample_weight", "*", "use hyper.l2, and data.weight for known weights"},
    {"hyper.l2.per", "class", "use all, feature or group"},
    {"hyper.l2.per", "sample", "use all, feature or group"},
    {"inner.solver", "proximal-gradient", "use gradient-descent, or auto"},
    {"inner.solver", "fista", "use nesterov, or auto"},
    {"inner.solver", "coordinate-descent", "use newton-cg, or auto"},
};

/// Keys whose default is all that this version does: another value would be without effect.
constexpr Later kLaterKeys[] = {
    {"output.checkpoint", "*", "remove it: a run that was interrupted leaves what it reached"},
};

struct Alias {
  std::string_view word;  ///< what other tools call it, in lower case
  std::string_view path;
  std::string_view note;
};

constexpr Alias kAliases[] = {
    {"alpha", "hyper.l2.start", "scikit-learn's Ridge alpha is n * l2"},
    {"lambda", "hyper.l2.start", "glmnet's lambda for ridge is l2 * sd(y)"},
    {"reg_lambda", "hyper.l2.start", ""},
    {"weight_decay", "hyper.l2.start", ""},
    {"c", "hyper.l2.start", "C of scikit-learn's LogisticRegression is 1 / (n * l2)"},
    {"cv", "validation.folds", ""},
    {"folds", "validation.folds", ""},
    {"kfold", "validation.folds", ""},
    {"k_folds", "validation.folds", ""},
    {"nfolds", "validation.folds", ""},
    {"n_folds", "validation.folds", ""},
    {"n_splits", "validation.folds", ""},
    {"test_size", "validation.fraction", ""},
    {"validation_fraction", "validation.fraction", ""},
    {"max_iter", "inner.max_steps", ""},
    {"max_iterations", "inner.max_steps", ""},
    {"maxiter", "inner.max_steps", ""},
    {"n_iter", "inner.max_steps", ""},
    {"iterations", "inner.max_steps", ""},
    {"steps", "inner.max_steps", ""},
    {"n_trials", "outer.max_steps", ""},
    {"epochs", "outer.max_steps", ""},
    {"tol", "inner.tolerance", ""},
    {"eps", "inner.tolerance", ""},
    {"lr", "outer.step", ""},
    {"learning_rate", "outer.step", ""},
    {"step_size", "outer.step", ""},
    {"eta", "outer.step", ""},
    {"k", "hypergradient.window", ""},
    {"unroll", "hypergradient.window", ""},
    {"method", "hypergradient.estimator", ""},
    {"algorithm", "inner.solver", ""},
    {"beta", "inner.momentum", ""},
    {"fit_intercept", "model.intercept", ""},
    {"normalize", "prepare.standardize", ""},
    {"scale", "prepare.standardize", ""},
    {"standardise", "prepare.standardize", ""},
    {"n_jobs", "limits.threads", ""},
    {"threads", "limits.threads", ""},
    {"timeout", "limits.time", ""},
    {"random_state", "seed", ""},
    {"label", "data.target", ""},
    {"y", "data.target", ""},
    {"sample_weight", "data.weight", ""},
    {"file", "data.train", ""},
    {"path", "data.train", ""},
    {"sep", "data.delimiter", ""},
    {"na_values", "data.missing_values", ""},
    {"output_dir", "output.dir", ""},
};

const Node* find_path(const Node* at, std::string_view path) {
  while (at && at->is_map()) {
    const auto dot = path.find('.');
    at = at->find(path.substr(0, dot));
    if (dot == std::string_view::npos) return at;
    path.remove_prefix(dot + 1);
  }
  return nullptr;
}

const Node* find_key_path(const Node* root, std::string_view path) {
  const auto dot = path.rfind('.');
  if (dot == std::string_view::npos) return root->find_key(path);
  const Node* block = find_path(root, path.substr(0, dot));
  return block && block->is_map() ? block->find_key(path.substr(dot + 1)) : nullptr;
}

// "'max_steps'" when the path lies in the block of the prefix, else the whole path.
std::string meant(std::string_view path, const std::string& prefix) {
  if (!prefix.empty() && path.substr(0, prefix.size()) == prefix) path.remove_prefix(prefix.size());
  return "did you mean '" + std::string(path) + "'?";
}

std::string suggestion(const Node& key, const std::string& prefix, const std::vector<std::string>& here,
                       const StrategyCatalog& catalog) {
  std::string lower = lower_case(key.text);
  std::replace(lower.begin(), lower.end(), '-', '_');
  for (const Alias& alias : kAliases) {
    if (alias.word != lower) continue;
    const std::string note = alias.note.empty() ? std::string() : " (" + std::string(alias.note) + ")";
    const std::string last(alias.path.substr(alias.path.rfind('.') + 1));
    // The start of a penalty has nothing in common with the start of another block.
    const bool penalty = alias.path.substr(0, 6) == "hyper.";
    const bool near = std::find(here.begin(), here.end(), last) != here.end() && (!penalty || prefix.substr(0, 6) == "hyper.");
    // hyper.alpha: the block beneath is meant.
    if (prefix == "hyper." && penalty)
      return "did you mean '" + std::string(alias.path.substr(6, alias.path.find('.', 6) - 6)) + "'?" + note;
    return (near ? "did you mean '" + last + "'?" : meant(alias.path, prefix)) + note;
  }
  if (const std::string near = closest(key.text, here); !near.empty()) return "did you mean '" + near + "'?";
  std::vector<std::string> names;
  std::string elsewhere;
  const std::vector<KeyInfo> all = list_keys(RunConfig{}, catalog, Listed::all);
  for (const KeyInfo& k : all) {
    if (k.name == key.text && elsewhere.empty()) elsewhere = k.path;
    names.push_back(k.name);
  }
  if (!elsewhere.empty()) return meant(elsewhere, prefix);
  if (const std::string near = closest(key.text, names); !near.empty()) {
    const auto k = std::find_if(all.begin(), all.end(), [&](const KeyInfo& info) { return info.name == near; });
    return meant(k->path, prefix);
  }
  return here.empty() ? "remove it" : "the keys here are: " + join(here);
}

// The name of the format as far as configuration and file name tell, else "".
std::string format_of(const RunConfig& config) {
  if (config.data.format != "auto") return config.data.format;
  const FileFormat* told = config.data.train.path ? format_of_file(*config.data.train.path) : nullptr;
  return told ? told->name : "";
}

bool one_of(std::string_view word, std::initializer_list<std::string_view> words) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::string data_unused(const RunConfig& config, std::string_view key) {
  const std::string format = format_of(config);
  const FileFormat* known = find_format(format);
  if (known && format != "libsvm" && one_of(key, {"data.index_base", "data.features_total"}))
    return "it belongs to libsvm files, and the data are " + format;
  if (format == "libsvm" && one_of(key, {"data.target", "data.header", "data.skip_rows", "data.delimiter", "data.decimal",
                                         "data.missing", "data.missing_values", "data.categorical"})) {
    return "libsvm files have no such thing: their first entry of a row is the target, all others are numbered features";
  }
  if (known && known->read &&
      one_of(key,
             {"data.header", "data.skip_rows", "data.delimiter", "data.decimal", "data.missing_values", "data.categorical"})) {
    return "the data are " + known->title + ", numbers without names and words";
  }
  if (format == "tacit" &&
      one_of(key, {"data.header", "data.skip_rows", "data.delimiter", "data.decimal", "data.missing_values"}))
    return "the data are packed, and their text was read when that was done";
  if (key == "data.test_target" && !config.data.test.file) return "there is no test file";
  if (key == "data.synthetic" && !config.data.synthetic.node) return "there are no made-up data";
  return {};
}

std::string validation_unused(const RunConfig& config, std::string_view key) {
  const std::string& scheme = config.validation.scheme;
  const std::string reason = "the scheme is " + scheme;
  if (key == "validation.target" && !config.validation.file.path) return "there is no validation file";
  const bool column = config.validation.split_column.text.has_value();
  const bool named = column || (config.validation.file.path && one_of(scheme, {"auto", "files"}));
  const std::string those = std::string(column ? "split_column" : "file");
  // A share of the rows that tests is drawn class by class, and group by group, too.
  const bool drawn = one_of(key, {"validation.stratify", "data.group"}) && !config.data.test.fraction;
  if (named && (key == "validation.fraction" || drawn) && one_of(scheme, {"auto", "holdout"}))
    return "the validation rows are those of validation." + those;
  if (named && (one_of(key, {"validation.folds", "validation.repeats"}) || (drawn && scheme == "kfold")))
    return (column ? "the folds are those of validation." : "the validation rows are those of validation.") + those;
  if (scheme == "auto") return {};
  if (key == "validation.fraction" && scheme != "holdout") return reason;
  if (one_of(key, {"validation.folds", "validation.repeats"}) && scheme != "kfold") return reason;
  if (one_of(key, {"validation.file", "validation.target"}) && scheme != "files") return reason;
  if (drawn && one_of(scheme, {"loo", "gcv"})) return reason;
  if (key == "validation.stratify" && !one_of(scheme, {"holdout", "kfold"})) return reason;
  if (key == "validation.split_column" && !one_of(scheme, {"holdout", "kfold", "files"})) return reason;
  return {};
}

std::string model_unused(const RunConfig& config, std::string_view key) {
  const ModelKind* kind = find_model_kind(config.model.kind);
  if (!kind) return {};
  const std::string reason = "the model is " + config.model.kind;
  if (key == "model.delta" && config.model.kind != "huber") return reason;
  if (one_of(key, {"model.class_weight", "model.positive"}) && !kind->classifier) return reason;
  if (key.substr(0, 6) == "hyper." && !kind->has(key.substr(6, key.find('.', 6) - 6))) return reason;
  return {};
}

}  // namespace

std::string why_unused(const RunConfig& config, std::string_view key) {
  for (const auto& reason : {data_unused(config, key), validation_unused(config, key), model_unused(config, key)}) {
    if (!reason.empty()) return reason;
  }
  for (const auto& [block, entry] : config.hyper.entries) {
    const std::string name = "hyper." + block;
    if (key == name + ".fix" && !entry.fixed()) return "nothing is fixed";
    if (key == name + ".pull" && entry.fixed()) return "its value is fixed";
    if (key == name + ".pull" && entry.per == "all" && entry.pull.value_or(1) != 0) return "there is one penalty";
    if (entry.fixed() && (key == name + ".start" || key == name + ".range")) return "its value is fixed";
    if (entry.fix.kind == HyperValue::Kind::number && entry.fixed() && key == name + ".per" && entry.per != "all")
      return "its value is fixed, one number for all";
  }
  if (config.inner.iterates()) {
    if (key == "hypergradient.accuracy") return "inner.response is iterate, where no estimator aims at an accuracy";
    if (key == "diagnostics.audit") return "inner.response is iterate, which has no warm start to measure";
  }
  if (asks_for_values_alone(config.outer.optimizer)) {
    const std::string reason = "outer.optimizer is " + config.outer.optimizer;
    if (key.substr(0, 13) == "hypergradient") return reason + ", which asks for no hypergradient";
    if (one_of(key, {"diagnostics.reference", "diagnostics.audit", "diagnostics.fail_error"}))
      return reason + ", and there is no hypergradient to measure";
    if (key == "outer.tolerance") return reason + ", which evaluates its points whatever they gain";
    if (key == "outer.schedule") return reason + ", whose points are all solved to inner.tolerance";
  }
  if (key == "hypergradient.accuracy" && !config.hypergradient.aims()) {
    return "the estimator is " + config.hypergradient.estimator +
           ", whose accuracy its own keys set (auto, or window: auto, aims at one)";
  }
  // Refused where it is given (choose_method), so no resolved file may hold it. Under auto it may be meant for full-unroll.
  if (key == "hypergradient.stride" && config.hypergradient.estimator != "auto" && config.hypergradient.aims())
    return "window: auto keeps every state";
  if (key == "hypergradient.max_steps" && config.hypergradient.estimator == "truncated-unroll" && !config.hypergradient.aims())
    return "the window is fixed";
  if (one_of(key, {"diagnostics.reference", "diagnostics.audit"}) && config.diagnostics.level != "full")
    return "diagnostics.level is " + config.diagnostics.level;
  if (key.substr(0, 7) == "compare" && !config.compare.node) return "the verb is another";
  if (key == "compare.path" && config.compare.mode == "own-run") return "the mode is own-run";
  if (key.substr(0, 5) == "curve" && !config.curve.node) return "the verb is another";
  return {};
}

std::string later_version(std::string_view key, std::string_view value) {
  const auto sentence = [&](const std::string& what, std::string_view instead) {
    return what + " is not available in this version; " + std::string(instead);
  };
  const std::string choice = "'" + std::string(key) + ": " + std::string(value) + "'";
  const ModelKind* kind = key == "model.kind" ? find_model_kind(value) : nullptr;
  if (kind && !kind->available()) return sentence(choice, kind->instead);
  for (const Later& later : kLater) {
    if (later.key != key || (later.value != "*" && later.value != value)) continue;
    if (key == "verb") return sentence("'tacit " + std::string(value) + "'", later.instead);
    return sentence(later.value == "*" ? "'" + std::string(key) + "'" : choice, later.instead);
  }
  return {};
}

bool not_yet_here(std::string_view key) {
  return std::any_of(std::begin(kLaterKeys), std::end(kLaterKeys), [&](const Later& later) { return later.key == key; });
}

std::vector<std::string> available_choices(std::string_view key, const std::vector<std::string>& choices) {
  std::vector<std::string> here;
  for (const std::string& choice : choices) {
    if (later_version(key, choice).empty()) here.push_back(choice);
  }
  return here;
}

bool refuse_later(const std::string& key, const Node& value, std::vector<Issue>& issues) {
  if (value.is_null()) return false;
  const std::string sentence = later_version(key, value.is_scalar() ? value.text : std::string());
  if (sentence.empty()) return false;
  const auto cut = sentence.find("; ");
  issues.push_back(issue_at(value, "E207", sentence.substr(0, cut), sentence.substr(cut + 2)));
  return true;
}

void refuse_unknown(const Node& key, const std::string& prefix, const std::vector<std::string>& here,
                    const StrategyCatalog& catalog, std::vector<Issue>& issues) {
  if (issues.size() >= kMaxIssues) return;
  const std::string sentence = later_version(prefix + key.text, "");
  if (!sentence.empty()) {
    const auto cut = sentence.find("; ");
    issues.push_back(issue_at(key, "E207", sentence.substr(0, cut), sentence.substr(cut + 2)));
    return;
  }
  issues.push_back(issue_at(key, "E201", "unknown key '" + prefix + key.text + "'", suggestion(key, prefix, here, catalog)));
}

namespace {

class WholeCheck {
public:
  WholeCheck(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues)
      : config_(config), catalog_(catalog), issues_(issues), root_(&*config.node) {}

  void run() {
    required();
    empty();
    unused();
    later();
    exclusive();
    selection();
    check_iterate(config_, catalog_, issues_);
    compare();
  }

private:
  const Node* given(std::string_view path) const { return find_path(root_, path); }
  // Was the value taken (not refused before)? Else what follows from it is not known.
  bool taken(std::string_view path, const std::string& value) const {
    const Node* n = given(path);
    return !n || (n->is_scalar() && n->text == value);
  }
  void report(const Node& at, const char* code, std::string what, std::string remedy) {
    issues_.push_back(issue_at(at, code, std::move(what), std::move(remedy)));
  }
  // A missing key is shown at the block that should have it, else at the beginning.
  void missing(const std::string& path, const std::string& remedy) {
    const auto dot = path.rfind('.');
    const Node* block = dot == std::string::npos ? nullptr : find_key_path(root_, path.substr(0, dot));
    report(block ? *block : *root_, "E206", "the key '" + path + "' is missing", remedy);
  }

  void required() {
    if (!given("tacit")) missing("tacit", "add `tacit: 1` as the first line: the version of the run file's schema");
    const Node* data = given("data");
    const bool readable = !data || data->is_map() || data->is_null();
    if (readable && !given("data.train") && !given("data.synthetic"))
      missing("data.train", "name the data file: data: {train: FILE}");
    if (config_.validation.scheme == "files" && !given("validation.file") && !given("validation.split_column")) {
      missing("validation.file", "name the file of the validation rows, or a validation.split_column");
    }
    for (const auto& named : config_.hyper.entries) {
      const std::string path = "hyper." + named.name + ".per";
      const Node* per = given(path);
      if (per && per->is_scalar() && per->text == "group" && !given("data.feature_groups")) {
        report(*per, "E206", "the key 'data.feature_groups' is missing",
               "name the features of each group: feature_groups: {name: [names or globs]}");
      }
    }
  }

  // An empty list or text is the library's sign for "not given": passed on, it would mean the default.
  void empty() {
    const Node* features = given("data.features");
    if (features && features->is_list() && features->items.empty())
      report(*features, "E203", "'data.features' names no feature", "name the features, or write all");
    for (const char* path : {"data.weight", "data.group", "data.test_target", "validation.target", "validation.split_column"}) {
      const Node* column = given(path);
      if (column && column->is_scalar() && column->text.empty())
        report(*column, "E203", "'" + std::string(path) + "' is an empty text", "name a column, or write null");
    }
  }

  void unused() {
    const bool model = taken("model.kind", config_.model.kind);
    const bool scheme = taken("validation.scheme", config_.validation.scheme);
    const bool estimator = taken("hypergradient.estimator", config_.hypergradient.estimator);
    std::string done = " ";
    for (const KeyInfo& k : list_keys(config_, catalog_, Listed::chosen)) {
      const Node* key = find_key_path(root_, k.path);
      if (!later_version(k.path, "").empty()) continue;  // refused as such
      if (!key || !k.strategy.empty() || k.path.substr(0, done.size()) == done) continue;
      if (!model && (k.path.substr(0, 6) == "model." || k.path.substr(0, 6) == "hyper.")) continue;
      if (!scheme && k.path.substr(0, 11) == "validation.") continue;
      if (!estimator && k.path.substr(0, 14) == "hypergradient.") continue;
      const std::string reason = why_unused(config_, k.path);
      // What is set to null or auto says nothing; a value that excludes another is the business of exclusive().
      const Node* value = given(k.path);
      if (reason.empty() || value->is_null() || reason == "its value is fixed" || reason == "nothing is fixed") continue;
      report(*key, "E205", "'" + k.path + "' is not used: " + reason, "remove it");
      if (k.block) done = k.path + ".";
    }
  }

  // What is worth its default is as good as not given. Folds of a scheme that was refused are no second mistake.
  void later() {
    const std::vector<KeyInfo> now = list_keys(config_, catalog_, Listed::chosen),
                               otherwise = list_keys(RunConfig{}, catalog_, Listed::chosen);
    const auto value = [](const std::vector<KeyInfo>& keys, std::string_view path) {
      return std::find_if(keys.begin(), keys.end(), [&](const KeyInfo& k) { return k.path == path; })->value;
    };
    for (const Later& key : kLaterKeys) {
      const Node* n = given(key.key);
      const bool scheme = taken("validation.scheme", config_.validation.scheme) || key.key.substr(0, 11) != "validation.";
      if (!n || n->is_null() || !scheme || !why_unused(config_, key.key).empty()) continue;
      if (value(now, key.key) != value(otherwise, key.key))
        report(*n, "E207", "'" + std::string(key.key) + "' is not available in this version", std::string(key.instead));
    }
  }

  void exclusive() {
    for (const auto& [block, entry] : config_.hyper.entries) {
      const std::string name = "hyper." + block;
      for (const char* other : {".start", ".range"}) {
        const Node* key = find_key_path(root_, name + other);
        if (entry.fixed() && key) {
          report(*key, "E208", "'" + name + other + "' and '" + name + ".fix' exclude each other",
                 "a fixed value is not tuned: remove one of the two");
        }
      }
    }
    if (config_.validation.file.path && config_.validation.split_column.text) {
      report(*find_key_path(root_, "validation.split_column"), "E208",
             "'validation.split_column' and 'validation.file' exclude each other",
             "the validation rows come from one place: remove one of the two");
    }
    if (config_.data.train.path && config_.data.synthetic.node) {
      report(*find_key_path(root_, "data.synthetic"), "E208", "'data.synthetic' and 'data.train' exclude each other",
             "remove one of the two");
    }
  }

  // What tells the best row has to fit the model, and needs validation rows.
  void selection() {
    const OuterBlock& outer = config_.outer;
    const ModelKind* kind = find_model_kind(config_.model.kind);
    const bool model = kind && taken("model.kind", config_.model.kind);
    if (const Node* metric = given("outer.metric"); metric && outer.metric.word && model) {
      const bool of_numbers = one_of(*outer.metric.word, {"rmse", "mae"});
      if (of_numbers == kind->classifier)
        report(*metric, "E208",
               "'outer.metric: " + *outer.metric.word + "' is a metric of " + (of_numbers ? "numbers" : "classes") + ", and '" +
                   config_.model.kind + "' predicts " + (of_numbers ? "classes" : "numbers"),
               kind->classifier ? "use auc, accuracy or f1" : "use rmse or mae");
    }
    const Node* patience = given("outer.patience");
    if (!patience || !outer.patience) return;
    if (one_of(config_.validation.scheme, {"loo", "gcv"}))
      report(*patience, "E208",
             "'outer.patience' keeps a part of the validation rows aside, and validation.scheme: " + config_.validation.scheme +
                 " has no such rows",
             "remove it, or use holdout or kfold");
    if (const Node* metric = given("outer.metric"); metric && outer.metric.word)
      report(*metric, "E208", "'outer.metric' and 'outer.patience' exclude each other",
             "either tells the best row of the run: remove one of the two");
  }

  void compare_entry(const Node& entry) {
    if (!entry.is_map()) {
      report(entry, "E202", "'compare.estimators' takes blocks of keys in its list, not " + entry.kind_text(),
             "write {label: cg, estimator: implicit-cg}");
      return;
    }
    check_compare_entry(entry, catalog_, issues_);
    if (!entry.find("estimator") && !entry.find("optimizer"))
      report(entry, "E206", "an entry of 'compare.estimators' names no estimator", "add estimator: NAME");
  }
  void estimator_name(const Node& value, const std::string& key) {
    std::vector<std::string> names = catalog_.names("hypergradient");
    names.insert(names.begin(), "auto");
    read_choice(value, names, Reading{key, issues_});
  }
  void sweep_entry(const Node& key, const Node& value, const std::vector<std::string>& paths) {
    const bool known = std::find(paths.begin(), paths.end(), key.text) != paths.end();
    if (!known) {
      const std::string near = closest(key.text, paths);
      report(key, "E201", "unknown key '" + key.text + "' in 'compare.sweep'",
             near.empty() ? "name a key of the run file by its path" : "did you mean '" + near + "'?");
    }
    if (!value.is_list())
      report(value, "E202", "'compare.sweep' takes a list of values for each key, not " + value.kind_text(),
             "write [" + value.flow() + "]");
    else if (known)
      for (const Node& item : value.items) check_value(key.text, item, catalog_, issues_);
  }
  void compare() {
    if (const Node* n = given("compare.reference")) estimator_name(*n, "compare.reference");
    if (config_.compare.estimators.node) {
      for (const Node& entry : config_.compare.estimators.node->items) compare_entry(entry);
    }
    if (!config_.compare.sweep.node) return;
    std::vector<std::string> paths;
    for (const KeyInfo& k : list_keys(RunConfig{}, catalog_, Listed::all)) paths.push_back(k.path);
    for (const auto& [key, value] : config_.compare.sweep.node->entries) sweep_entry(key, value, paths);
  }

  const RunConfig& config_;
  const StrategyCatalog& catalog_;
  std::vector<Issue>& issues_;
  const Node* root_;
};

}  // namespace

void check_whole(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues) {
  WholeCheck(config, catalog, issues).run();
}

}  // namespace tacit
