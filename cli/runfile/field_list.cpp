#include <algorithm>
#include <cmath>

#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

json number_schema(const Range& range, const char* type) {
  json s = {{"type", type}};
  const auto bound = [&](double value) {
    return type == std::string_view("integer") ? json(static_cast<std::int64_t>(value)) : json(value);
  };
  if (std::isfinite(range.lo)) s[range.lo_open ? "exclusiveMinimum" : "minimum"] = bound(range.lo);
  if (std::isfinite(range.hi)) s[range.hi_open ? "exclusiveMaximum" : "maximum"] = bound(range.hi);
  return s;
}

json word_or(const std::string& word, json other) {
  if (word == "null") return {{"anyOf", {{{"type", "null"}}, std::move(other)}}};
  return {{"anyOf", {{{"const", word}}, std::move(other)}}};
}

std::string number_grammar(const Range& range, const char* noun) {
  const std::string text = range.text();
  return text == "any number" ? noun : std::string(noun) + " " + text;
}

std::string names_yaml(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& n : names) out += (out.empty() ? "" : ", ") + yaml_text(n);
  return "[" + out + "]";
}

std::string count_yaml(const Count& count) {
  if (count.is_number()) return std::to_string(count.n);
  return count.is_all() ? "all" : "auto";
}

// Appends what it visits to a list.
class Lister final : public BlockVisitor {
public:
  Lister(std::vector<KeyInfo>& out, const StrategyCatalog* catalog, Listed which) : out_(out), catalog_(catalog), which_(which) {}

  std::string prefix, strategy;

private:
  using BlockVisitor::visit;
  void add(std::string_view name, std::string_view doc, std::string grammar, std::string value, json schema) {
    KeyInfo k;
    k.name = name;
    k.path = prefix + k.name;
    k.strategy = strategy;
    k.doc = doc;
    k.grammar = std::move(grammar);
    k.value = std::move(value);
    k.schema = std::move(schema);
    out_.push_back(std::move(k));
  }
  void visit(std::string_view name, double& value, const Range& range, std::string_view doc) override {
    add(name, doc, number_grammar(range, "number"), yaml_number(value), number_schema(range, "number"));
  }
  void visit(std::string_view name, Index& value, const Range& range, std::string_view doc) override {
    add(name, doc, number_grammar(range, "whole number"), std::to_string(value), number_schema(range, "integer"));
  }
  void visit(std::string_view name, bool& value, std::string_view doc) override {
    add(name, doc, "true | false", value ? "true" : "false", {{"type", "boolean"}});
  }
  void visit(std::string_view name, std::string& value, const std::vector<std::string>& choices, std::string_view doc) override {
    if (selector_ == name && strategy.empty()) {
      std::vector<std::string> names = catalog_->names(block_);
      if (has_auto_) names.insert(names.begin(), "auto");
      add(name, doc, join(names, " | "), yaml_text(value), {{"enum", names}});
    } else if (choices.empty()) {
      add(name, doc, "text", yaml_text(value), {{"type", {"string", "number"}}});
    } else {
      // A choice like 0 is written as a number.
      json all = json::array();
      const std::vector<std::string> here = available_choices(prefix + std::string(name), choices);
      for (const std::string& c : here) {
        all.push_back(c);
        if (c.find_first_not_of("0123456789") == std::string::npos) all.push_back(std::stoi(c));
      }
      add(name, doc, join(here, " | "), yaml_text(value), {{"enum", all}});
    }
  }
  void visit(std::string_view name, std::optional<double>& value, const Range& range, std::string_view empty,
             std::string_view doc) override {
    const std::string word(empty);
    add(name, doc, word + " | " + number_grammar(range, "number"), value ? yaml_number(*value) : word,
        word_or(word, number_schema(range, "number")));
  }
  void visit(std::string_view name, std::optional<Index>& value, const Range& range, std::string_view empty,
             std::string_view doc) override {
    const std::string word(empty);
    add(name, doc, word + " | " + number_grammar(range, "whole number"), value ? std::to_string(*value) : word,
        word_or(word, number_schema(range, "integer")));
  }
  void visit(std::string_view name, Count& value, const Range& range, CountWords words, std::string_view doc) override {
    json schema = {{"anyOf", {number_schema(range, "integer")}}};
    std::string grammar = number_grammar(range, "whole number");
    words.automatic = words.automatic && later_version(prefix + std::string(name), "auto").empty();
    if (words.all) grammar += " | all";
    if (words.all) schema["anyOf"].push_back({{"const", "all"}});
    if (words.automatic) grammar += " | auto";
    if (words.automatic) schema["anyOf"].push_back({{"const", "auto"}});
    add(name, doc, grammar, count_yaml(value), schema);
  }
  void visit(std::string_view name, std::vector<std::string>& value, std::string_view doc) override {
    add(name, doc, "[texts]", names_yaml(value),
        {{"type", "array"}, {"items", {{"type", {"string", "number", "boolean", "null"}}}}});
  }
  void visit(std::string_view name, Value& value, std::string_view doc) override {
    add(name, doc, value.grammar(), value.yaml(), value.schema());
  }
  void open(std::string_view name, std::string_view doc) {
    add(name, doc, "", "", {});
    out_.back().block = true;
    prefix += std::string(name) + ".";
  }
  void visit(std::string_view name, Block& value, std::string_view doc) override {
    const std::string outer = prefix;
    open(name, doc);
    value.fields(*this);
    prefix = outer;
  }
  void visit(std::string_view name, StrategyBlock& value, std::string_view doc) override {
    const std::string outer = prefix;
    open(name, doc);
    block_ = name;
    selector_ = value.selector();
    has_auto_ = value.has_auto();
    value.fields(*this);
    selector_.clear();
    for (const std::string& known : catalog_->names(name)) {
      if (which_ == Listed::chosen && known != value.chosen()) continue;
      strategy = known;
      if (value.strategy && known == value.chosen())
        value.strategy->fields(*this);
      else
        catalog_->make(name, known)->fields(*this);
    }
    strategy.clear();
    // Under auto nobody is chosen yet: what was given is kept for the one that will be.
    if (which_ == Listed::chosen && !catalog_->names(name).empty() && value.chosen() == "auto") {
      for (const auto& [key, node] : value.options) add(key, "", "", node.flow(), {});
    }
    prefix = outer;
  }

  std::vector<KeyInfo>& out_;
  const StrategyCatalog* catalog_;
  Listed which_;
  std::string block_, selector_;
  bool has_auto_ = true;
};

}  // namespace

std::vector<KeyInfo> list_keys(const RunConfig& config, const StrategyCatalog& catalog, Listed which) {
  std::vector<KeyInfo> out;
  RunConfig copy = config;  // fields() hands out references
  Lister lister(out, &catalog, which);
  copy.fields(lister);
  return out;
}

std::vector<KeyInfo> list_fields(Configurable& strategy) {
  std::vector<KeyInfo> out;
  Lister lister(out, nullptr, Listed::all);
  lister.strategy = "it";
  strategy.fields(lister);
  return out;
}

std::string to_yaml(const RunConfig& config, const StrategyCatalog& catalog) {
  std::string out;
  std::vector<std::string> headers;  // of blocks that may turn out to have no key in use
  for (const KeyInfo& k : list_keys(config, catalog, Listed::chosen)) {
    if (not_yet_here(k.path) || !why_unused(config, k.path).empty()) continue;
    const auto depth = static_cast<std::size_t>(std::count(k.path.begin(), k.path.end(), '.'));
    const std::string indent(2 * depth, ' ');
    if (k.block) {
      headers.resize(depth);
      headers.push_back(indent + k.name + ":\n");
      continue;
    }
    if (k.path == "inner.tolerance" && config.follows_target()) continue;  // written, it would be a given one, which stays
    for (std::string& header : headers) {
      out += header;
      header.clear();
    }
    // Read back from another file, the stem would be another name.
    const bool unnamed = k.path == "name" && !config.name.text;
    out += indent + k.name + ": " + (unnamed ? yaml_text(config.run_name) : k.value) + "\n";
  }
  return out;
}

}  // namespace tacit
