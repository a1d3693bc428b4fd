#include <algorithm>

#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/describe.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/data_errors.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {

namespace {

struct Topic {
  const char* name;   ///< as it is asked for
  const char* block;  ///< of the catalog
  const char* selector;
};
constexpr Topic kTopics[] = {
    {"solvers", "inner", "solver"}, {"estimators", "hypergradient", "estimator"}, {"optimizers", "outer", "optimizer"}};

// Two columns, the first as wide as its longest entry.
std::string table(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [left, right] : rows) width = std::max(width, left.size());
  std::string out;
  for (const auto& [left, right] : rows) {
    out += "  " + left;
    if (!right.empty()) out += std::string(width - left.size() + 2, ' ') + right;
    out += "\n";
  }
  return out;
}

std::string field_lines(const std::vector<KeyInfo>& fields) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const KeyInfo& k : fields) {
    rows.emplace_back(k.name + ": " + k.value, k.doc);
    rows.emplace_back("", k.grammar);
  }
  return table(rows);
}

std::string describe_key(const KeyInfo& k, const std::vector<std::string>& strategies) {
  std::string out = k.path + "\n  " + k.doc + "\n";
  std::vector<std::pair<std::string, std::string>> rows = {{"values", k.grammar}, {"default", k.value}};
  if (!strategies.empty()) rows.emplace_back("used by", join(strategies));
  rows.emplace_back("override", k.path + "=VALUE after the run file");
  return out + table(rows);
}

std::string describe_block(const std::string& path, const std::vector<KeyInfo>& keys) {
  std::string out;
  std::vector<std::pair<std::string, std::string>> rows;
  std::vector<std::string> done;
  for (const KeyInfo& k : keys) {
    if (k.path == path) out = path + "\n  " + k.doc + "\n\n";
    const bool inside = k.path.size() > path.size() && k.path.compare(0, path.size() + 1, path + ".") == 0;
    if (!inside || k.block || std::find(done.begin(), done.end(), k.path) != done.end()) continue;
    done.push_back(k.path);
    std::string doc = k.doc;
    if (!k.strategy.empty()) doc += " [some strategies]";
    rows.emplace_back(k.path.substr(path.size() + 1) + ": " + k.value, doc);
    rows.emplace_back("", k.grammar);
  }
  return out + table(rows);
}

std::string describe_strategy(const Topic& topic, const std::string& name, const StrategyCatalog& catalog) {
  std::string out = name + " (" + topic.block + "." + topic.selector + ")\n  " + catalog.doc(topic.block, name) + "\n";
  auto object = catalog.make(topic.block, name);
  const std::vector<KeyInfo> fields = list_fields(*object);
  if (fields.empty()) return out + "\nIt has no keys of its own.\n";
  return out + "\nIts keys in the block " + topic.block + ", with their defaults:\n" + field_lines(fields);
}

std::string describe_topic(const Topic& topic, const StrategyCatalog& catalog) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const std::string& name : catalog.names(topic.block)) rows.emplace_back(name, catalog.doc(topic.block, name));
  return std::string(topic.name) + " (" + topic.block + "." + topic.selector + ")\n" + table(rows);
}

std::string describe_models() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const ModelKind& k : model_kinds()) {
    if (k.available()) rows.emplace_back(k.name, k.doc);
  }
  return "models (model.kind)\n" + table(rows);
}

std::string describe_model(const ModelKind& kind) {
  std::string out = std::string(kind.name) + " (model.kind)\n  " + kind.doc + "\n";
  if (!kind.available()) return out + "  " + later_version("model.kind", kind.name) + "\n";
  return out + table({{"hyperparameters", join(kind.hyper)},
                      {"target", kind.classifier ? "two classes, numbers or texts" : "a number"}});
}

constexpr int kDataExit = 3;

// Of run files and warnings, and of data.
std::vector<CodeDoc> every_code() {
  std::vector<CodeDoc> all = error_codes();
  for (const DataCode& code : data_codes()) all.push_back({code.code, code.meaning, "", kDataExit});
  return all;
}

std::string describe_code(const CodeDoc& code) {
  std::string out = std::string(code.code) + ": " + code.title + "\n";
  if (*code.text != '\0') out += std::string("  ") + code.text + "\n";
  return out + (code.exit == 0 ? "  a warning: the run goes on\n" : "  exit code " + std::to_string(code.exit) + "\n");
}

std::string overview(const StrategyCatalog& catalog) {
  std::string out = "The blocks of a run file\n";
  std::vector<std::pair<std::string, std::string>> rows;
  for (const KeyInfo& k : list_keys(RunConfig{}, catalog, Listed::all)) {
    if (k.block && k.path.find('.') == std::string::npos) rows.emplace_back(k.path, k.doc);
  }
  out += table(rows) + "\n" + describe_models();
  for (const Topic& topic : kTopics) out += "\n" + describe_topic(topic, catalog);
  return out +
         "\nMore: tacit describe NAME with a block, a key (inner.max_steps), one of the names above, an error code (E201), or "
         "one of: keys, codes, formats.\n";
}

std::string all_keys(const std::vector<KeyInfo>& keys) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const KeyInfo& k : keys) {
    const auto same = [&](const auto& row) { return row.first.compare(0, k.path.size() + 2, k.path + ": ") == 0; };
    if (!k.block && std::none_of(rows.begin(), rows.end(), same)) rows.emplace_back(k.path + ": " + k.value, k.doc);
  }
  return "keys of the run file, with their defaults\n" + table(rows);
}

std::string all_codes() {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const CodeDoc& code : every_code()) rows.emplace_back(code.code, code.title);
  return "error codes\n" + table(rows);
}

// The keys of that path, or of that last name when it has no point.
std::string matching_keys(const std::string& name, const std::vector<KeyInfo>& keys) {
  std::string out;
  std::vector<std::string> done;
  for (const KeyInfo& k : keys) {
    if ((k.path != name && k.name != name) || std::find(done.begin(), done.end(), k.path) != done.end()) continue;
    done.push_back(k.path);
    std::vector<std::string> strategies;
    for (const KeyInfo& other : keys) {
      if (other.path == k.path && !other.strategy.empty()) strategies.push_back(other.strategy);
    }
    out += (out.empty() ? "" : "\n") + (k.block ? describe_block(k.path, keys) : describe_key(k, strategies));
  }
  return out;
}

std::string describe_formats() {
  std::string out = "formats of data files (data.format), told by the end of the name, each also with .gz:\n";
  for (const FileFormat& f : file_formats())
    out += "  " + f.name + std::string(8 - f.name.size(), ' ') + join(f.endings) + "\n          " + f.doc + "\n";
  return out;
}

}  // namespace

std::string describe(const std::string& name, const StrategyCatalog& catalog) {
  if (name.empty()) return overview(catalog);
  const std::vector<KeyInfo> keys = list_keys(RunConfig{}, catalog, Listed::all);
  std::vector<std::string> known = {"keys", "codes", "models", "formats"};
  if (name == "keys") return all_keys(keys);
  if (name == "codes") return all_codes();
  if (name == "models") return describe_models();
  if (name == "formats") return describe_formats();
  std::string out;
  for (const Topic& topic : kTopics) {
    if (name == topic.name) return describe_topic(topic, catalog);
    known.emplace_back(topic.name);
    for (const std::string& strategy : catalog.names(topic.block)) {
      known.push_back(strategy);
      if (name == strategy) out += (out.empty() ? "" : "\n") + describe_strategy(topic, strategy, catalog);
    }
  }
  if (!out.empty()) return out;
  for (const CodeDoc& code : every_code()) {
    known.emplace_back(code.code);
    if (name == code.code) return describe_code(code);
  }
  if (const ModelKind* kind = find_model_kind(name)) return describe_model(*kind);
  if (out = matching_keys(name, keys); !out.empty()) return out;
  for (const ModelKind& kind : model_kinds()) known.emplace_back(kind.name);
  for (const KeyInfo& k : keys) known.push_back(k.path);
  const std::string near = closest(name, known);
  throw UsageError("there is nothing named '" + name + "' to describe; " +
                   (near.empty() ? std::string("`tacit describe` alone prints the names") : "did you mean '" + near + "'?"));
}

namespace {

// `key: value` with a comment in a fixed column.
std::string entry(const std::string& text, const std::string& comment) {
  if (comment.empty()) return text + "\n";
  return text + std::string(text.size() < 34 ? 34 - text.size() : 1, ' ') + "# " + comment + "\n";
}

std::string data_block(const DataSummary& d) {
  std::string out = "data:\n";
  out += entry("  train: " + yaml_text(d.file), "relative to this file");
  if (!d.format_told) out += entry("  format: " + d.format, "the name of the file does not say it");
  if (d.format == "libsvm") return out + "  # a libsvm file: the first entry of a row is the target\n";
  if (d.skip_rows > 0) out += entry("  skip_rows: " + std::to_string(d.skip_rows), "lines before the table");
  if (d.header && !d.header_sure) out += entry("  header: present", "the first line may hold names or data: absent if data");
  if (!d.header) out += entry("  header: absent", "columns are called by their number");
  if (d.delimiter != "auto") out += entry("  delimiter: " + yaml_text(d.delimiter), "");
  if (d.decimal != ".") out += entry("  decimal: " + yaml_text(d.decimal), "");
  std::vector<std::string> texts;
  bool missing = false, row_unusable = false;
  for (const DataSummary::Column& c : d.columns) {
    missing = missing || c.missing;
    // What is to be predicted, or how much it counts, cannot be filled in.
    const bool target = c.name == d.target || (d.target == "last" && &c == &d.columns.back());
    row_unusable = row_unusable || (c.missing && (target || c.name == d.weight.value_or(d.target)));
    if (!c.numeric && !target && c.name != d.target && c.name != d.split_column.value_or("")) texts.push_back(c.name);
  }
  std::string target = "column name, 1-based number, or last";
  if (!d.classes.empty()) target = "classes: " + join(d.classes);
  out += entry("  target: " + yaml_text(d.target.empty() ? "last" : d.target), target);
  if (d.weight) out += entry("  weight: " + yaml_text(*d.weight), "row weights");
  if (!texts.empty()) out += entry("  categorical: auto", "one-hot: " + join(texts));
  if (missing)
    out += entry(row_unusable ? "  missing: drop-row" : "  missing: median",
                 "error | drop-row | mean | median; there are missing cells");
  return out;
}

// Comments must not break the line: a class label may hold anything.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

std::string rest_of_file(const std::string& kind, const std::optional<std::string>& split_column) {
  std::string out = "validation:\n";
  if (split_column) {
    out += entry("  split_column: " + yaml_text(*split_column), "names each row's part: train, validation or test");
  } else {
    out += entry("  scheme: holdout", "validate on a part of the rows, drawn with seed");
    out += entry("  fraction: 0.25", "");
  }
  const ModelKind& model = *find_model_kind(kind);
  out += "model:\n" + entry("  kind: " + kind, model.doc);
  out += entry("  intercept: true", "free, never penalised");
  out += "hyper:\n" + entry("  " + model.hyper.front() + ": {per: all}", "per: feature tunes one penalty for each feature");
  out += "inner:\n" + entry("  solver: auto", "gradient-descent, heavy-ball, nesterov log their truncation");
  out += "hypergradient:\n" + entry("  estimator: auto", "tacit describe estimators");
  out += "outer:\n" + entry("  optimizer: lbfgs", "tacit describe optimizers");
  out += entry("  max_steps: 50", "");
  return out;
}

void check_kind(const std::string& kind) {
  const ModelKind* known = find_model_kind(kind);
  if (known && known->available()) return;
  std::vector<std::string> names;
  for (const ModelKind& k : model_kinds()) {
    if (k.available()) names.emplace_back(k.name);
  }
  if (known) throw UsageError(later_version("model.kind", kind), "model.kind");
  throw UsageError(unknown_name("model", kind, names), "model.kind");
}

}  // namespace

std::string starter_file(const std::string& kind) {
  const std::string chosen = kind.empty() ? usual_model(false).name : kind;
  check_kind(chosen);
  std::string out =
      "# A starter run file: tacit check FILE tests it, tacit tune FILE runs it, tacit describe explains every key.\n";
  out += entry("tacit: 1", "version of this file's schema");
  out += "data:\n" + entry("  train: train.csv", "your data, relative to this file: .csv .tsv .svm, also .gz");
  out += entry("  target: last", "column name, 1-based number, or last");
  return out + rest_of_file(chosen, std::nullopt);
}

std::string starter_file(const std::string& kind, const DataSummary& data) {
  const std::string chosen = kind.empty() ? usual_model(!data.classes.empty()).name : kind;
  check_kind(chosen);
  DataSummary shown = data;
  for (std::string& label : shown.classes) label = one_line(label);
  if (shown.classes.size() > 6) {
    shown.classes.resize(5);
    shown.classes.push_back("...");
  }
  std::string out = "# tacit check FILE tests this file, tacit tune FILE runs it, tacit describe explains every key.\n";
  for (const std::string& line : data.note) out += "# " + one_line(line) + "\n";
  out += entry("tacit: 1", "version of this file's schema") + data_block(shown);
  std::string rest = rest_of_file(chosen, data.split_column);
  const std::vector<std::string>& labels = data.classes.empty() ? data.labels : data.classes;
  if (find_model_kind(chosen)->classifier && (labels.size() > 2 || data.positive)) {
    const std::string label = data.positive ? *data.positive : labels.back();
    const std::string at = "  intercept: true";
    rest.insert(rest.find(at), entry("  positive: " + yaml_text(label), "several classes: this one against the rest"));
  }
  return out + rest;
}

}  // namespace tacit
