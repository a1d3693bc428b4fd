#include <algorithm>

#include <nlohmann/json.hpp>

#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/cli/verbs/schema.hpp>

namespace tacit {

using nlohmann::json;
using nlohmann::ordered_json;

namespace {

json any_of(std::initializer_list<json> choices) { return {{"anyOf", json::array_t(choices)}}; }
json type(const char* name) { return {{"type", name}}; }
json positive() { return {{"type", "number"}, {"exclusiveMinimum", 0}}; }
json null() { return type("null"); }
// A YAML scalar that is taken as text.
json scalar() { return {{"type", {"string", "number", "boolean"}}}; }
json texts() { return {{"type", "array"}, {"items", {{"type", {"string", "number", "boolean", "null"}}}}}; }
json list_of(json item) { return {{"type", "array"}, {"items", std::move(item)}, {"minItems", 1}}; }
json map_of(json item) { return {{"type", "object"}, {"additionalProperties", std::move(item)}, {"minProperties", 1}}; }

}  // namespace

json Text::schema() const { return none_ == "null" ? any_of({null(), scalar()}) : scalar(); }
json FilePath::schema() const { return any_of({null(), type("string")}); }
json NameList::schema() const { return any_of({{{"const", word_}}, texts()}); }
json Tristate::schema() const { return {{"enum", {"auto", true, false}}}; }
json WordOrNull::schema() const { return any_of({null(), {{"enum", words_}}}); }
json FeatureGroups::schema() const { return any_of({null(), type("string"), map_of(texts())}); }
json TestPart::schema() const {
  return any_of({null(), type("string"), {{"type", "number"}, {"exclusiveMinimum", 0}, {"exclusiveMaximum", 1}}});
}
json ClassWeight::schema() const { return any_of({{{"enum", {"none", "balanced"}}}, map_of(positive())}); }
json Duration::schema() const {
  return any_of({null(), positive(), {{"type", "string"}, {"pattern", "^[0-9.]+([eE][+-]?[0-9]+)? *(s|ms|min|m|h|d)?$"}}});
}
json Bytes::schema() const {
  return any_of({null(),
                 positive(),
                 {{"type", "string"}, {"pattern", "^[0-9.]+([eE][+-]?[0-9]+)? *(B|kB|KB|MB|GB|TB|KiB|MiB|GiB|M|G)?$"}}});
}
json HyperValue::schema() const {
  const json amount = fixed_ ? json{{"type", "number"}, {"minimum", 0}} : positive();
  return any_of({{{"const", "auto"}}, amount, list_of(amount), map_of(amount), {{"type", "string"}, {"pattern", "\\.csv$"}}});
}
json HyperRange::schema() const {
  return any_of({{{"const", "auto"}}, {{"type", "array"}, {"items", positive()}, {"minItems", 2}, {"maxItems", 2}}});
}
json StartPoint::schema() const { return any_of({type("number"), list_of(type("number")), type("string")}); }
json IntegerList::schema() const { return list_of(type("integer")); }
json Opaque::schema() const { return any_of({null(), type(wanted_ == Node::Kind::list ? "array" : "object")}); }

namespace {

// A default as JSON: words and lists as they read in YAML.
json default_of(const KeyInfo& k) {
  if (k.value == "null") return nullptr;
  const json parsed = json::parse(k.value, nullptr, false);
  if (!parsed.is_discarded()) return parsed;
  if (k.value.front() == '[' || k.value.front() == '{') return {};  // names without quotes are no JSON
  return k.value;
}

void add_property(ordered_json& block, const KeyInfo& k) {
  ordered_json property = k.schema;
  property["description"] = k.doc;
  const json fallback = default_of(k);
  const bool list = !k.value.empty() && (k.value.front() == '[' || k.value.front() == '{');
  if (!list || !fallback.is_null()) property["default"] = fallback;
  block["properties"][k.name] = std::move(property);
}

ordered_json& open(ordered_json& root, const std::string& path) {
  ordered_json* at = &root;
  std::size_t from = 0;
  while (from < path.size()) {
    const auto dot = path.find('.', from);
    if (dot == std::string::npos) break;
    at = &(*at)["properties"][path.substr(from, dot - from)];
    from = dot + 1;
  }
  return *at;
}

// {if the selector is NAME, then only these keys}
ordered_json only_keys(const std::string& selector, const std::string& name, std::vector<std::string> keys) {
  ordered_json rule;
  rule["if"] = {{"properties", {{selector, {{"const", name}}}}}, {"required", {selector}}};
  rule["then"] = {{"propertyNames", {{"enum", keys}}}};
  return rule;
}

void add_rules(ordered_json& block, const std::string& name, const std::vector<KeyInfo>& keys, const StrategyCatalog& catalog,
               const std::string& selector) {
  std::vector<std::string> own;
  for (const KeyInfo& k : keys) {
    if (k.strategy.empty() && !k.block && k.path == name + "." + k.name) own.push_back(k.name);
  }
  block["allOf"] = ordered_json::array();
  for (const std::string& strategy : catalog.names(name)) {
    std::vector<std::string> allowed = own;
    for (const KeyInfo& k : keys) {
      if (k.strategy == strategy && k.path == name + "." + k.name) allowed.push_back(k.name);
    }
    block["allOf"].push_back(only_keys(selector, strategy, allowed));
  }
}

}  // namespace

std::string json_schema(const StrategyCatalog& catalog) {
  ordered_json root;
  root["$schema"] = "https://json-schema.org/draft/2020-12/schema";
  root["title"] = "Tacit run file";
  root["type"] = "object";
  root["required"] = {"tacit", "data"};
  root["additionalProperties"] = false;
  const std::vector<KeyInfo> keys = list_keys(RunConfig{}, catalog, Listed::all);
  for (const KeyInfo& k : keys) {
    ordered_json& block = open(root, k.path);
    if (k.block) {
      ordered_json& inner = block["properties"][k.name];
      inner["type"] = {"object", "null"};
      inner["description"] = k.doc;
      inner["additionalProperties"] = false;
      inner["properties"] = ordered_json::object();
    } else if (!block["properties"].contains(k.name)) {
      add_property(block, k);
    }
  }
  const RunConfig config;
  for (const auto& [name, block] : {std::pair<std::string, const StrategyBlock*>{"inner", &config.inner},
                                    {"hypergradient", &config.hypergradient},
                                    {"outer", &config.outer}}) {
    add_rules(root["properties"][name], name, keys, catalog, block->selector());
  }
  return root.dump(2) + "\n";
}

}  // namespace tacit
