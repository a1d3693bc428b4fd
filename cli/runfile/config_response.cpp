// inner.response: iterate, x after exactly inner.max_steps steps: what the key implies for others, and which it excludes.
#include <algorithm>

#include <tacit/cli/runfile/config_reader.hpp>
#include <tacit/cli/runfile/field_values.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/estimator.hpp>

namespace tacit {

namespace {

const Node* value_at(const Node& root, std::string_view block, std::string_view key) {
  const Node* map = root.is_map() ? root.find(block) : nullptr;
  return map && map->is_map() ? map->find(key) : nullptr;
}

bool left_open(const Node* value) { return !value || is_word(*value, "auto"); }

/// Writes inner.KEY and the like where nobody did. True: it was open.
bool imply(Node& root, const std::string& block, const std::string& key, const char* text) {
  if (!left_open(value_at(root, block, key))) return false;
  Node value;
  value.kind = Node::Kind::scalar;
  value.text = text;
  set_value(root, block + "." + key, Node{}, std::move(value));
  return true;
}

std::unique_ptr<Configurable> made(const StrategyCatalog& catalog, const std::string& block, const std::string& name) {
  const std::vector<std::string> names = catalog.names(block);
  return std::find(names.begin(), names.end(), name) == names.end() ? nullptr : catalog.make(block, name);
}

bool has_field(Configurable* strategy, std::string_view field) { return strategy && fields_of(*strategy).count(field) > 0; }

/// What a given key says against the iterate.
class Contrary {
public:
  Contrary(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues)
      : config_(config), catalog_(catalog), issues_(issues) {}

  void find() {
    const InnerBlock& inner = config_.inner;
    if (inner.warm_start) exclude("inner", "warm_start", "each run has its steps from the cold start: remove it, or write false");
    if (tolerance() > 0)
      exclude("inner", "tolerance", "exactly inner.max_steps steps are meant, whatever is left: remove it, or write 0");
    if (config_.outer.schedule != "fixed")
      exclude("outer", "schedule", "exactly inner.max_steps steps leave nothing to loosen: remove it, or write fixed");
    if (solver_without_steps())
      exclude("inner", "solver",
              "it makes no steps of a fixed-point map: use gradient-descent, heavy-ball or nesterov, or remove response");
    if (!follows_steps())
      exclude("hypergradient", "estimator",
              "it takes x for the solution: use full-unroll, forward, finite-difference, or truncated-unroll with a number as "
              "window");
    else if (config_.hypergradient.aims())
      exclude_window();
    if (const std::string& r = config_.compare.reference; config_.compare.node && r != "finite-difference" && r != "auto")
      exclude("compare", "reference",
              "the truth is the derivative of the steps that are made: remove it, or write finite-difference");
  }

private:
  double tolerance() const {
    if (!config_.inner.strategy) return 0;
    const FieldMap fields = fields_of(*config_.inner.strategy);
    const auto at = fields.find("tolerance");
    const auto* value = at == fields.end() ? nullptr : std::get_if<double*>(&at->second);
    return value ? **value : 0;
  }
  bool solver_without_steps() const {
    const auto solver = made(catalog_, "inner", config_.inner.solver);
    const auto* known = dynamic_cast<const InnerSolver*>(solver.get());
    return known && !known->can_record();
  }
  /// window: auto counts as it does with a number, since another message is its own.
  bool follows_steps() const {
    const auto* known = dynamic_cast<const HypergradientEstimator*>(config_.hypergradient.strategy.get());
    return !known || known->of_iterate() || config_.hypergradient.aims();
  }
  void exclude(const char* block, const char* key, const char* remedy) {
    const Node* given = value_at(*config_.node, block, key);
    if (!given || !given->is_scalar()) return;  // implied, or refused as no value of the key
    issues_.push_back(
        issue_at(*given, "E208",
                 "'" + std::string(block) + "." + key + ": " + given->text + "' and 'inner.response: iterate' exclude each other",
                 remedy));
  }
  /// `auto` is the default of the window too.
  void exclude_window() {
    const Node* given = value_at(*config_.node, "hypergradient", "window");
    const Node* at = given ? given : value_at(*config_.node, "hypergradient", "estimator");
    if (!at) return;
    issues_.push_back(issue_at(*at, "E208", "'hypergradient.window: auto' and 'inner.response: iterate' exclude each other",
                               "it aims at the hypergradient of the solution: write a number of steps, or use full-unroll"));
  }

  const RunConfig& config_;
  const StrategyCatalog& catalog_;
  std::vector<Issue>& issues_;
};

}  // namespace

Node with_implied(const Node& given, const StrategyCatalog& catalog) {
  Node root = given;
  const Node* response = value_at(given, "inner", "response");
  if (!response || !is_word(*response, "iterate")) return root;
  imply(root, "inner", "solver", "gradient-descent");
  imply(root, "inner", "warm_start", "false");
  if (has_field(made(catalog, "inner", value_at(root, "inner", "solver")->text).get(), "tolerance"))
    imply(root, "inner", "tolerance", "0");
  imply(root, "outer", "schedule", "fixed");
  if (imply(root, "hypergradient", "estimator", "full-unroll")) imply(root, "hypergradient", "stride", "auto");
  if (value_at(given, "compare", "estimators")) imply(root, "compare", "reference", "finite-difference");
  return root;
}

void check_iterate(const RunConfig& config, const StrategyCatalog& catalog, std::vector<Issue>& issues) {
  if (config.inner.iterates()) Contrary(config, catalog, issues).find();
}

}  // namespace tacit
