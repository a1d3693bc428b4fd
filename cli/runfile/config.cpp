#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <tacit/cli/runfile/config_reader.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/runfile/field_values.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

struct Context {
  const StrategyCatalog& catalog;
  std::vector<Issue>& issues;
};

// How a block may be written when somebody wrote a single value in its place.
std::string block_example(const std::string& key, const Node& node) {
  static const std::vector<std::pair<std::string, std::string>> main_keys = {
      {"data", "train"},          {"model", "kind"},   {"validation", "scheme"},
      {"prepare", "standardize"}, {"inner", "solver"}, {"hypergradient", "estimator"},
      {"outer", "optimizer"},     {"output", "dir"},   {"limits", "time"}};
  if (!node.is_scalar()) return "write its keys, one in a line, indented";
  const auto written = [&](const std::string& main) {
    return "write " + key.substr(key.rfind('.') + 1) + ": {" + main + ": " + node.flow() + "}";
  };
  if (key.starts_with("hyper.")) return written("start");
  for (const auto& [block, main] : main_keys) {
    if (block == key) return written(main);
  }
  return "write its keys, one in a line, indented";
}

// Assigns the values of one map to the fields that are visited, and reports what is left over.
class FieldReader final : public BlockVisitor {
public:
  FieldReader(const Node* map, std::string prefix, const Context& context)
      : map_(map), prefix_(std::move(prefix)), context_(context) {}

  std::vector<std::string> seen;  ///< fields that were visited
  std::string selector;           ///< field that is not read here
  std::string shown;              ///< what messages say in place of the prefix; empty: the prefix

  const Node* take(std::string_view name) {
    seen.emplace_back(name);
    if (!map_ || name == selector) return nullptr;
    const Node* node = map_->find(name);
    return node && !refuse_later(path(name), *node, context_.issues) ? node : nullptr;
  }
  // Keys of the map that no visited field has.
  template <class Report>
  void leftover(Report report) const {
    if (!map_) return;
    for (const auto& [key, value] : map_->entries) {
      if (std::find(seen.begin(), seen.end(), key.text) == seen.end()) report(key, value);
    }
  }

private:
  using BlockVisitor::visit;
  std::string path(std::string_view name) const { return prefix_ + std::string(name); }
  Reading reading(std::string_view name) const {
    return Reading{(shown.empty() ? prefix_ : shown) + std::string(name), context_.issues};
  }

  void visit(std::string_view name, double& value, const Range& range, std::string_view) override {
    if (const Node* n = take(name)) {
      if (auto v = read_number(*n, range, reading(name))) value = *v;
    }
  }
  void visit(std::string_view name, Index& value, const Range& range, std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    if (auto v = read_integer(*n, range, reading(name))) value = *v;
  }
  void visit(std::string_view name, bool& value, std::string_view) override {
    if (const Node* n = take(name)) {
      if (auto v = read_bool(*n, reading(name))) value = *v;
    }
  }
  void visit(std::string_view name, std::string& value, const std::vector<std::string>& choices, std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    if (auto v = choices.empty() ? read_text(*n, reading(name))
                                 : read_choice(*n, available_choices(path(name), choices), reading(name)))
      value = *v;
  }
  void visit(std::string_view name, std::optional<double>& value, const Range& range, std::string_view empty,
             std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    if (is_word(*n, empty) && !n->implicit) {
      value.reset();
    } else if (auto v = read_number(*n, range, reading(name), std::string(empty))) {
      value = *v;
    }
  }
  void visit(std::string_view name, std::optional<Index>& value, const Range& range, std::string_view empty,
             std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    if (is_word(*n, empty) && !n->implicit) {
      value.reset();
    } else if (auto v = read_integer(*n, range, reading(name), std::string(empty))) {
      value = *v;
    }
  }
  void visit(std::string_view name, Count& value, const Range& range, CountWords words, std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    std::vector<std::string> others;
    if (words.all) others.emplace_back("all");
    if (words.automatic) others.emplace_back("auto");
    if (words.all && is_word(*n, "all")) {
      value = Count::all();
    } else if (words.automatic && is_word(*n, "auto")) {
      value = Count::automatic();
    } else if (auto v = read_integer(*n, range, reading(name), join(others, " or "))) {
      value = Count::of(*v);
    }
  }
  void visit(std::string_view name, std::vector<std::string>& value, std::string_view) override {
    const Node* n = take(name);
    if (!n) return;
    if (auto v = read_names(*n, reading(name))) value = *v;
  }
  void visit(std::string_view name, Value& value, std::string_view) override {
    if (const Node* n = take(name)) value.read(*n, reading(name));
  }
  void visit(std::string_view name, Block& value, std::string_view) override;
  void visit(std::string_view name, StrategyBlock& value, std::string_view) override;
  // The map of a block, null when it is not there or no map (which is reported).
  const Node* open(std::string_view name, Block& block);

  const Node* map_;
  std::string prefix_;
  Context context_;
};

const Node* FieldReader::open(std::string_view name, Block& block) {
  const Node* n = take(name);
  if (!n || n->is_null()) return nullptr;
  if (!n->is_map()) {
    reading(name).error(*n, "E202", "'" + path(name) + "' is a block of keys, not " + n->kind_text(),
                        block_example(path(name), *n));
    return nullptr;
  }
  block.node = *n;
  return n;
}

void read_block(Block& block, const Node* map, const std::string& prefix, const Context& context) {
  FieldReader reader(map, prefix, context);
  block.fields(reader);
  reader.leftover(
      [&](const Node& key, const Node&) { refuse_unknown(key, prefix, reader.seen, context.catalog, context.issues); });
}

void FieldReader::visit(std::string_view name, Block& value, std::string_view) {
  const Node* map = open(name, value);
  read_block(value, map, path(name) + ".", context_);
}

bool has(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

// The keys of a strategy block that are not the block's own.
class StrategyKeys {
public:
  /// shown: the block's path in messages, with a point at its end. own: the block's own keys.
  StrategyKeys(StrategyBlock& block, std::string name, std::string shown, const Node& map, std::vector<std::string> own,
               const Context& context)
      : block_(block), name_(std::move(name)), shown_(std::move(shown)), rest_(map), own_(std::move(own)), context_(context) {
    std::erase_if(rest_.entries, [&](const Node::Entry& e) { return has(own_, e.key.text); });
  }

  // The strategy is chosen: all its keys are read into it.
  void read_chosen() {
    block_.strategy = context_.catalog.make(name_, block_.chosen());
    const std::vector<std::string> seen = read_into(*block_.strategy, rest_);
    for (const auto& [key, value] : rest_.entries) {
      if (has(seen, key.text)) continue;
      const std::vector<std::string> users = users_of(key.text);
      if (users.empty())
        refuse_unknown(key, shown_, joined(own_, seen), context_.catalog, context_.issues);
      else
        refuse_unused(key, users);
    }
  }

  // Under auto, and after a wrong name, any strategy may be meant: each key is tried on one that has it, and kept.
  void read_any() {
    for (const auto& [key, value] : rest_.entries) {
      const std::vector<std::string> users = users_of(key.text);
      if (users.empty()) {
        std::vector<std::string> here = own_;
        for (const std::string& known : context_.catalog.names(name_)) here = joined(here, names_of(known));
        refuse_unknown(key, shown_, here, context_.catalog, context_.issues);
        continue;
      }
      Node one = rest_;
      one.entries = {Node::Entry{key, value}};
      const std::size_t before = context_.issues.size();
      read_into(*context_.catalog.make(name_, users.front()), one);
      if (context_.issues.size() == before) block_.options.emplace_back(key.text, value);
    }
  }

private:
  std::vector<std::string> read_into(Configurable& strategy, const Node& map) {
    FieldReader reader(&map, name_ + ".", context_);
    reader.shown = shown_;
    strategy.fields(reader);
    return reader.seen;
  }
  // In the order of the object's own list.
  std::vector<std::string> names_of(const std::string& known) const {
    std::vector<std::string> names;
    for (const KeyInfo& k : list_fields(*context_.catalog.make(name_, known))) names.push_back(k.name);
    return names;
  }
  std::vector<std::string> users_of(const std::string& key) const {
    std::vector<std::string> users;
    for (const std::string& known : context_.catalog.names(name_)) {
      if (has(names_of(known), key)) users.push_back(known);
    }
    return users;
  }
  static std::vector<std::string> joined(std::vector<std::string> names, const std::vector<std::string>& more) {
    for (const std::string& name : more) {
      if (!has(names, name)) names.push_back(name);
    }
    return names;
  }
  void refuse_unused(const Node& key, const std::vector<std::string>& users) {
    context_.issues.push_back(issue_at(
        key, "E205", "'" + shown_ + key.text + "' is not used by the " + block_.selector() + " '" + block_.chosen() + "'",
        "remove it; it is used by " + join(users)));
  }

  StrategyBlock& block_;
  std::string name_, shown_;
  Node rest_;
  std::vector<std::string> own_;
  const Context& context_;
};

// Is the name of the strategy one that is known? Reports it when not.
bool good_selector(const StrategyBlock& block, const std::string& name, const Node& map, const Context& context) {
  const Node* node = map.find(block.selector());
  if (!node) return true;
  const std::string key = name + "." + block.selector();
  if (refuse_later(key, *node, context.issues)) return false;
  const auto given = read_text(*node, Reading{key, context.issues});
  if (!given) return false;
  const std::vector<std::string> names = context.catalog.names(name);
  if (has(names, *given) || (block.has_auto() && *given == "auto")) return true;
  const std::string near = closest(*given, names);
  context.issues.push_back(issue_at(*node, "E204", "unknown " + std::string(block.selector()) + " '" + *given + "'",
                                    (near.empty() ? "the names are: " : "did you mean '" + near + "'? The names are: ") +
                                        (block.has_auto() ? "auto, " : "") + join(names)));
  return false;
}

// The keys of a strategy block: its own and those of the strategies that may be meant.
void read_strategy_block(StrategyBlock& value, const std::string& block, const std::string& shown, const Node& map,
                         const Context& context) {
  FieldReader reader(&map, block + ".", context);
  reader.shown = shown;
  // After a wrong name the other keys of the block are still read, and those of any strategy allowed.
  const bool good = good_selector(value, block, map, context);
  if (!good) reader.selector = value.selector();
  value.fields(reader);
  StrategyKeys keys(value, block, shown, map, reader.seen, context);
  if (good && value.chosen() != "auto")
    keys.read_chosen();
  else
    keys.read_any();
}

void FieldReader::visit(std::string_view name, StrategyBlock& value, std::string_view) {
  const std::string block(name);
  Node none;
  none.kind = Node::Kind::map;
  const Node* map = open(name, value);
  read_strategy_block(value, block, block + ".", map ? *map : none, context_);
}

std::string read_file(const std::string& path) {
  namespace fs = std::filesystem;
  Issue issue;
  issue.code = "E101";
  issue.file = path;
  std::error_code ec;
  if (fs::is_directory(path, ec)) {
    issue.what = "the run file is a folder";
    issue.remedy = "name a file; `tacit init` prints a starter run file";
    throw RunFileError({issue});
  }
  std::ifstream in(path, std::ios::binary);
  // A device or a pipe may never end; what is longer than a run file can be is refused below by its length.
  std::string all;
  std::array<char, 4096> piece{};
  while (in && all.size() <= kMostBytes) {
    in.read(piece.data(), piece.size());
    all.append(piece.data(), static_cast<std::size_t>(in.gcount()));
  }
  if (in.bad() || !in.is_open() || (all.empty() && fs::file_size(path, ec) != 0 && !ec)) {
    issue.what = std::string("the run file cannot be read: ") + std::strerror(errno);
    issue.remedy = "check the path; `tacit init` prints a starter run file";
    throw RunFileError({issue});
  }
  return all;
}

// Errors of the file first, by place; then those of arguments in their order.
void sort_issues(std::vector<Issue>& issues, const std::vector<std::string>& arguments) {
  const auto rank = [&](const Issue& i) { return std::find(arguments.begin(), arguments.end(), i.file) - arguments.begin(); };
  std::stable_sort(issues.begin(), issues.end(), [&](const Issue& a, const Issue& b) {
    if (a.argument != b.argument) return b.argument;
    if (a.argument) return rank(a) < rank(b);
    return a.line != b.line ? a.line < b.line : a.column < b.column;
  });
}

RunConfig read_tree(Node root, const std::vector<std::string>& overrides, const StrategyCatalog& catalog,
                    std::vector<Issue> issues, bool whole) {
  if (!root.is_map()) {
    issues.push_back(issue_at(root, "E109", "a run file is a block of keys, not " + root.kind_text(),
                              "begin with `tacit: 1`; `tacit init` prints a starter run file"));
    throw RunFileError(std::move(issues));
  }
  const std::string working_folder = std::filesystem::current_path().string();
  for (const std::string& argument : overrides) apply_override(root, argument, working_folder, issues);
  RunConfig config;
  config.node = root;
  const Node all = with_implied(root, catalog);
  read_block(config, &all, "", Context{catalog, issues});
  if (whole) check_whole(config, catalog, issues);
  if (!issues.empty()) {
    sort_issues(issues, overrides);
    throw RunFileError(std::move(issues));
  }
  return config;
}

void remove_value(Node& root, const std::string& path) {
  const auto dot = path.find('.');
  const std::string head = path.substr(0, dot);
  for (Node::Entry& e : root.entries) {
    if (e.key.text == head && dot != std::string::npos) remove_value(e.value, path.substr(dot + 1));
  }
  if (dot == std::string::npos) std::erase_if(root.entries, [&](const Node::Entry& e) { return e.key.text == head; });
}

}  // namespace

void check_compare_entry(const Node& entry, const StrategyCatalog& catalog, std::vector<Issue>& issues) {
  const Context context{catalog, issues};
  const std::string shown = "compare.estimators.";
  Node estimator = entry;
  std::erase_if(estimator.entries,
                [](const Node::Entry& e) { return e.key.text == "label" || e.key.text == "inner" || e.key.text == "optimizer"; });
  if (const Node* optimizer = entry.find("optimizer"))
    read_choice(*optimizer, catalog.names("outer"), Reading{shown + "optimizer", issues});
  HypergradientBlock hypergradient;
  read_strategy_block(hypergradient, "hypergradient", shown, estimator, context);
  if (const Node* label = entry.find("label")) read_text(*label, Reading{shown + "label", issues});
  const Node* inner = entry.find("inner");
  if (!inner || inner->is_null()) return;
  if (!inner->is_map()) {
    issues.push_back(issue_at(*inner, "E202", "'" + shown + "inner' is a block of keys, not " + inner->kind_text(),
                              "write inner: {key: value}"));
    return;
  }
  InnerBlock block;
  read_strategy_block(block, "inner", shown + "inner.", *inner, context);
}

void check_value(const std::string& path, const Node& value, const StrategyCatalog& catalog, std::vector<Issue>& issues) {
  Node root = value;
  for (std::size_t end = path.size(); end != std::string::npos;) {
    const std::size_t dot = path.rfind('.', end - 1);
    Node map, key;
    map.kind = Node::Kind::map;
    key.kind = Node::Kind::scalar;
    key.text = path.substr(dot == std::string::npos ? 0 : dot + 1, dot == std::string::npos ? end : end - dot - 1);
    map.entries.push_back({std::move(key), std::move(root)});
    root = std::move(map);
    end = dot;
  }
  RunConfig config;
  read_block(config, &root, "", Context{catalog, issues});
}

void StrategyBlock::configure(Configurable& fresh) const {
  if (strategy) return copy_fields(*strategy, fresh);
  struct NoCatalog final : StrategyCatalog {
    std::vector<std::string> names(std::string_view) const override { return {}; }
    std::string doc(std::string_view, std::string_view) const override { return {}; }
    std::unique_ptr<Configurable> make(std::string_view, std::string_view) const override { return nullptr; }
  };
  Node map;
  map.kind = Node::Kind::map;
  for (const auto& [name, value] : options) {
    Node key;
    key.kind = Node::Kind::scalar;
    key.text = name;
    map.entries.push_back({key, value});
  }
  const NoCatalog none;
  std::vector<Issue> issues;
  FieldReader reader(&map, "", Context{none, issues});
  fresh.fields(reader);
  if (!issues.empty()) throw RunFileError(std::move(issues));
}

void StrategyBlock::choose(const std::string& name, const std::string& block, const StrategyCatalog& catalog) {
  std::shared_ptr<Configurable> fresh = catalog.make(block, name);
  configure(*fresh);
  strategy = std::move(fresh);
  options.clear();
  choice() = name;
}

void StrategyBlock::settle(std::string_view field, double value, const std::string& block, const StrategyCatalog& catalog) {
  std::shared_ptr<Configurable> fresh = catalog.make(block, chosen());
  configure(*fresh);
  const FieldMap fields = fields_of(*fresh);
  const auto at = fields.find(field);
  if (at == fields.end()) return;
  if (auto* number = std::get_if<std::optional<double>*>(&at->second); number && !**number) **number = value;
  strategy = std::move(fresh);
}

Issue RunConfig::issue_at_key(std::string_view key, std::string code, std::string what, std::string remedy) const {
  const Node* at = node ? &*node : nullptr;
  Node found;  // no source: no place
  std::istringstream parts{std::string(key)};
  std::string part;
  while (at && at->is_map() && std::getline(parts, part, '.')) {
    const Node* next = at->find(part);
    if (!next) break;
    // The value of the last key, the name of a block above it.
    found = next->is_scalar() || next->is_list() ? *next : *at->find_key(part);
    at = next;
  }
  Issue issue = tacit::issue_at(found, std::move(code), std::move(what), std::move(remedy));
  if (issue.file.empty()) issue.file = file;
  return issue;
}

Issue RunConfig::issue_of(const UsageError& error) const {
  const Issue plain = tacit::issue_of(error);
  return error.key().empty() ? plain : issue_at_key(error.key(), plain.code, plain.what, plain.remedy);
}

RunConfig read_run_text(const std::string& name, const std::string& text, const std::string& folder,
                        const std::vector<std::string>& overrides, const StrategyCatalog& catalog) {
  auto source = std::make_shared<SourceText>();
  source->name = name;
  source->text = text;
  source->base = folder;
  std::vector<Issue> issues;
  std::optional<Node> root = parse_yaml(source, issues);
  if (!root) throw RunFileError(std::move(issues));  // missing keys would be false alarms
  RunConfig config = read_tree(std::move(*root), overrides, catalog, std::move(issues), true);
  config.file = name;
  config.text = text;
  config.run_name = config.name.text ? *config.name.text : std::filesystem::path(name).stem().string();
  return config;
}

RunConfig load_run_file(const std::string& path, const std::vector<std::string>& overrides, const StrategyCatalog& catalog) {
  const std::string text = read_file(path);
  const std::string folder = std::filesystem::absolute(path).parent_path().string();
  return read_run_text(path, text, folder, overrides, catalog);
}

RunConfig edited(const RunConfig& config, const std::vector<Edit>& edits, const StrategyCatalog& catalog) {
  Node root = *config.node;
  std::vector<Issue> issues;
  for (const Edit& e : edits) {
    if (!e.value)
      remove_value(root, e.path);
    else if (!set_value(root, e.path, *e.value, *e.value))
      issues.push_back(issue_at(*e.value, "E211", "the key '" + e.path + "' goes into something that is no block of keys",
                                "name a key of the run file by its path"));
  }
  RunConfig changed = read_tree(std::move(root), {}, catalog, std::move(issues), true);
  changed.file = config.file;
  changed.text = config.text;
  changed.run_name = changed.name.text ? *changed.name.text : config.run_name;
  return changed;
}

RunConfig read_overrides(const std::vector<std::string>& overrides, const StrategyCatalog& catalog) {
  Node root;
  root.kind = Node::Kind::map;
  return read_tree(root, overrides, catalog, {}, false);
}

}  // namespace tacit
