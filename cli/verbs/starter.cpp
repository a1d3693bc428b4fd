#include <tacit/cli/verbs/starter.hpp>

#include <algorithm>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/tasks.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit {

namespace {

/// `key: value  # comment`; without a key a comment alone.
struct Entry {
  std::string key, value, comment;
};

/// The keys of a block, or under the name "" those of the file itself.
struct EntryBlock {
  std::string name;
  std::vector<Entry> entries;
};

std::string entry_line(const Entry& e, const std::string& indent) {
  if (e.key.empty()) return indent + "# " + e.comment + "\n";
  const std::string text = indent + e.key + ": " + e.value;
  if (e.comment.empty()) return text + "\n";
  return text + std::string(text.size() < 34 ? 34 - text.size() : 1, ' ') + "# " + e.comment + "\n";
}

std::string text_of(const std::vector<EntryBlock>& file) {
  std::string out;
  for (const EntryBlock& block : file) {
    if (!block.name.empty()) out += block.name + ":\n";
    for (const Entry& e : block.entries) out += entry_line(e, block.name.empty() ? "" : "  ");
  }
  return out;
}

/// Comments must not break the line: a class label may hold anything.
std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = ' ';
  }
  return text;
}

/// The first few of many labels.
std::string label_list(const std::vector<std::string>& labels) {
  std::vector<std::string> shown;
  for (const std::string& label : labels) shown.push_back(one_line(label));
  if (shown.size() > 6) {
    shown.resize(5);
    shown.push_back("...");
  }
  return join(shown);
}

EntryBlock data_block(const DataSummary& d) {
  EntryBlock out{"data", {{"train", yaml_text(d.file), "relative to this file"}}};
  std::vector<Entry>& keys = out.entries;
  if (!d.format_told) keys.push_back({"format", d.format, "the name of the file does not say it"});
  if (d.format == "libsvm" && d.target.empty()) {
    keys.push_back({"", "", "a libsvm file: the first entry of a row is the target"});
    return out;
  }
  if (d.skip_rows > 0) keys.push_back({"skip_rows", std::to_string(d.skip_rows), "lines before the table"});
  if (d.header && !d.header_sure) keys.push_back({"header", "present", "the first line may hold names or data: absent if data"});
  if (!d.header) keys.push_back({"header", "absent", "columns are called by their number"});
  std::vector<std::string> texts;
  bool missing = false, row_unusable = false;
  for (std::size_t j = 0; j < d.columns.size(); ++j) {
    const DataSummary::Column& c = d.columns[j];
    const bool target = static_cast<Index>(j) == d.target_column;
    missing = missing || c.missing;
    // What is to be predicted, or how much it counts, cannot be filled in.
    row_unusable = row_unusable || (c.missing && (target || c.name == d.weight));
    if (!c.numeric && !target && c.name != d.split_column) texts.push_back(c.name);
  }
  keys.push_back({"target", yaml_text(d.target.empty() ? "last" : d.target),
                  d.classes.empty() ? "column name, 1-based number, or last" : "classes: " + label_list(d.classes)});
  if (d.weight) keys.push_back({"weight", yaml_text(*d.weight), "row weights"});
  if (d.maybe_weight)
    keys.push_back({"", "", "weight: " + yaml_text(*d.maybe_weight) + ", if that column says how much a row counts"});
  if (!texts.empty()) keys.push_back({"categorical", "auto", "one-hot: " + one_line(join(texts))});
  if (missing)
    keys.push_back(
        {"missing", row_unusable ? "drop-row" : "median", "error | drop-row | mean | median; there are missing cells"});
  return out;
}

EntryBlock model_block(const std::string& kind, const std::vector<std::string>& labels) {
  const ModelKind& model = *find_model_kind(kind);
  EntryBlock out{"model", {{"kind", kind, model.doc}}};
  if (model.classifier && labels.size() > 2)
    out.entries.push_back({"positive", yaml_text(labels.back()), "several classes: this one against the rest"});
  out.entries.push_back({"intercept", "true", "free, never penalised"});
  return out;
}

std::vector<EntryBlock> starter_blocks(const std::string& kind, EntryBlock data, const std::optional<std::string>& split_column,
                                       const std::vector<std::string>& labels) {
  EntryBlock validation{"validation", {}};
  if (split_column) {
    validation.entries = {
        {"split_column", yaml_text(*split_column), "names each row's part: train, validation or test, or its fold"}};
  } else {
    validation.entries = {{"scheme", "auto", "5 folds up to 5000 rows, beyond that a hold-out, drawn with seed"}};
  }
  return {{"", {{"tacit", "1", "version of this file's schema"}}},
          std::move(data),
          validation,
          model_block(kind, labels),
          {"hyper", {{find_model_kind(kind)->hyper.front(), "{per: all}", "per: feature tunes one penalty for each feature"}}},
          {"inner", {{"solver", "auto", "gradient-descent, heavy-ball, nesterov log their truncation"}}},
          {"hypergradient", {{"estimator", "auto", "tacit describe estimators"}}},
          {"outer", {{"optimizer", "lbfgs", "tacit describe optimizers"}, {"max_steps", "50", ""}}}};
}

/// A value as a run file has it. An argument holds texts without quotes that YAML would take for something else.
std::string written(const Node& value) {
  if (!value.is_scalar() || value.quoted) return value.flow();
  double number = 0;
  const bool plain = value.text == "true" || value.text == "false" || read_number(value.text, '.', number) == NumberText::number;
  return plain ? value.text : yaml_text(value.text);
}

/// Sets a key, where the block has it already in its place.
void set(EntryBlock& block, const std::string& key, const std::string& value) {
  for (Entry& e : block.entries) {
    if (e.key != key) continue;
    if (e.value != value && e.comment.rfind("classes: ", 0) != 0) e.comment.clear();
    e.value = value;
    return;
  }
  block.entries.push_back({key, value, ""});
}

/// Takes out what was guessed of the split where another one is given.
void drop_contrary(EntryBlock& validation, const Node& given) {
  const bool parts = given.find("file") || given.find("split_column");
  std::erase_if(validation.entries, [&](const Entry& e) {
    return e.key == "split_column" ? !given.entries.empty() : parts && (e.key == "scheme" || e.key == "fraction");
  });
}

void set_given(std::vector<EntryBlock>& file, const Node& given) {
  for (const auto& [key, value] : given.entries) {
    const std::string name = value.is_map() ? key.text : "";
    auto block = std::find_if(file.begin(), file.end(), [&](const EntryBlock& b) { return b.name == name; });
    if (block == file.end()) block = file.insert(file.end(), {name, {}});
    if (name == "validation") drop_contrary(*block, value);
    if (name.empty()) set(*block, key.text, written(value));
    for (const auto& [inner, v] : value.entries) {
      if (name != "data" || inner.text != "train") set(*block, inner.text, written(v));
    }
  }
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
  const EntryBlock data{"data",
                        {{"train", "train.csv", "your data, relative to this file: .csv .tsv .svm, also .gz"},
                         {"target", "last", "column name, 1-based number, or last"}}};
  return "# A starter run file: tacit check FILE tests it, tacit tune FILE runs it, tacit describe explains every key.\n" +
         text_of(starter_blocks(chosen, data, std::nullopt, {}));
}

std::string starter_file(const std::string& kind, const DataSummary& data, const Node& given) {
  const Node* model = given.find("model");
  const Node* named = model ? model->find("kind") : nullptr;
  const std::string chosen = !kind.empty() ? kind : named ? named->text : usual_model(!data.classes.empty()).name;
  check_kind(chosen);
  std::vector<EntryBlock> file =
      starter_blocks(chosen, data_block(data), data.split_column, data.classes.empty() ? data.labels : data.classes);
  set_given(file, given);
  return "# tacit check FILE tests this file, tacit tune FILE runs it, tacit describe explains every key.\n" + text_of(file);
}

}  // namespace tacit
