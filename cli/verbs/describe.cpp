#include <algorithm>

#include <tacit/cli/nlopt/nlopt_optimizers.hpp>
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

/// What nelder-mead, direct and crs come from: the names are there in every build.
std::string about_nlopt() {
  return has_nlopt() ? "\nThis tacit was built with NLopt.\n"
                     : "\nThis tacit was built without NLopt (Debian: libnlopt-dev): its optimizers are refused.\n";
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

std::vector<std::string> describable(const StrategyCatalog& catalog) {
  std::vector<std::string> names = {"keys", "codes", "models", "formats"};
  for (const Topic& topic : kTopics) {
    names.emplace_back(topic.name);
    for (const std::string& strategy : catalog.names(topic.block)) names.push_back(strategy);
  }
  for (const CodeDoc& code : every_code()) names.emplace_back(code.code);
  for (const ModelKind& kind : model_kinds()) names.emplace_back(kind.name);
  for (const KeyInfo& k : list_keys(RunConfig{}, catalog, Listed::all)) names.push_back(k.path);
  std::vector<std::string> once;
  for (std::string& name : names) {
    if (std::find(once.begin(), once.end(), name) == once.end()) once.push_back(std::move(name));
  }
  return once;
}

std::string describe(const std::string& name, const StrategyCatalog& catalog) {
  if (name.empty()) return overview(catalog);
  if (name == "keys" || name == "codes" || name == "models" || name == "formats") {
    if (name == "keys") return all_keys(list_keys(RunConfig{}, catalog, Listed::all));
    return name == "codes" ? all_codes() : name == "models" ? describe_models() : describe_formats();
  }
  std::string out;
  for (const Topic& topic : kTopics) {
    if (name == topic.name) return describe_topic(topic, catalog) + (name == "optimizers" ? about_nlopt() : "");
    for (const std::string& strategy : catalog.names(topic.block)) {
      if (name == strategy) out += (out.empty() ? "" : "\n") + describe_strategy(topic, strategy, catalog);
    }
  }
  if (!out.empty()) return out;
  for (const CodeDoc& code : every_code()) {
    if (name == code.code) return describe_code(code);
  }
  if (const ModelKind* kind = find_model_kind(name)) return describe_model(*kind);
  if (out = matching_keys(name, list_keys(RunConfig{}, catalog, Listed::all)); !out.empty()) return out;
  const std::string near = closest(name, describable(catalog));
  throw UsageError("there is nothing named '" + name + "' to describe; " +
                   (near.empty() ? std::string("`tacit describe` alone prints the names") : "did you mean '" + near + "'?"));
}

}  // namespace tacit
