#include <tacit/cli/verbs/compare_plan.hpp>

#include <algorithm>
#include <memory>
#include <set>
#include <sstream>

#include <tacit/cli/nlopt/nlopt_optimizers.hpp>
#include <tacit/cli/runfile/field_list.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

Node scalar(std::string text, const Node& place) {
  Node node;
  node.source = place.source;
  node.line = place.line;
  node.column = place.column;
  node.width = place.width;
  node.kind = Node::Kind::scalar;
  node.text = std::move(text);
  return node;
}

bool has_field(Configurable& strategy, const std::string& name) {
  const std::vector<KeyInfo> fields = list_fields(strategy);
  return std::any_of(fields.begin(), fields.end(), [&](const KeyInfo& k) { return k.name == name; });
}

std::string text_of(const Node& value) { return value.is_scalar() ? value.text : value.flow(); }

constexpr std::string_view kEstimatorPrefix = "hypergradient.";
bool of_estimator(const std::string& key) { return key.rfind(kEstimatorPrefix, 0) == 0; }

/// One value of each swept key.
using Values = std::vector<std::pair<std::string, Node>>;

class Planner {
public:
  Planner(const RunConfig& config, const Strategies& strategies) : config_(config), strategies_(strategies) {}

  ComparePlan plan() {
    ComparePlan p;
    if (asks_for_values_alone(config_.outer.optimizer))
      throw UsageError("entries of compare.estimators follow outer.optimizer, and '" + config_.outer.optimizer +
                           "' asks for no hypergradient; use lbfgs, and give an entry 'optimizer: " + config_.outer.optimizer +
                           "'",
                       "outer.optimizer");
    p.truth = truth();
    p.iterates = config_.inner.iterates();
    p.same_path = config_.compare.mode != "own-run";
    p.own_run = config_.compare.mode != "same-path";
    require_entries();
    check_sweep();
    if (config_.compare.sweep.node) {
      for (const Node::Entry& e : config_.compare.sweep.node->entries) p.keys.push_back(e.key.text);
    }
    for (const Values& values : combinations()) p.cases.push_back(make_case(values));
    if (!issues_.empty()) throw RunFileError(std::move(issues_));
    return p;
  }

private:
  void report(const Node& at, const char* code, std::string what, std::string remedy) {
    issues_.push_back(issue_at(at, code, std::move(what), std::move(remedy)));
  }
  void stop_if_wrong() {
    if (!issues_.empty()) throw RunFileError(std::move(issues_));
  }

  TruthBy truth() const {
    const std::string& name = config_.compare.reference;
    if (config_.inner.iterates()) return TruthBy::differences;
    if (name == "implicit-direct" || name == "auto") return TruthBy::direct;
    if (name == "implicit-cg") return TruthBy::cg;
    if (name == "finite-difference") return TruthBy::differences;
    throw UsageError("the reference is taken at the exact inner solution, where '" + name +
                         "' has no steps to differentiate; use implicit-direct, implicit-cg or finite-difference, and put '" +
                         name + "' among compare.estimators",
                     "compare.reference");
  }

  const std::vector<Node>& nodes() const { return config_.compare.estimators.node->items; }

  static std::string label_of(const Node& entry) {
    for (const char* key : {"label", "estimator", "optimizer"}) {
      const Node* name = entry.find(key);
      if (name && name->is_scalar()) return name->text;
    }
    return "entry";
  }

  void require_entries() {
    if (!config_.compare.estimators.node || nodes().empty())
      throw UsageError(
          "there is nothing to compare; name the estimators: compare: {estimators: [{label: full, estimator: full-unroll}, "
          "{label: cg, estimator: implicit-cg}]}",
          "compare.estimators");
    std::set<std::string> seen;
    for (const Node& entry : nodes()) {
      if (!seen.insert(label_of(entry)).second)
        report(entry, "E208", "two entries of 'compare.estimators' have the label '" + label_of(entry) + "'",
               "give each a label of its own");
      if (const Node* inner = entry.find("inner"); inner && inner->is_map()) check_inner(entry, *inner);
      if (entry.find("optimizer")) check_optimizer(entry);
      if (config_.inner.iterates() && !values_alone(entry)) check_steps(entry);
    }
    stop_if_wrong();
  }

  static bool values_alone(const Node& entry) {
    const Node* optimizer = entry.find("optimizer");
    return optimizer && asks_for_values_alone(optimizer->text);
  }

  /// On a shared path there is no step that an outer optimizer could make, and one that asks for values takes no estimator.
  void check_optimizer(const Node& entry) {
    const std::string label = "'" + label_of(entry) + "': ";
    if (config_.compare.mode != "own-run")
      report(*entry.find_key("optimizer"), "E208",
             label + "an outer optimizer of its own has an effect on a run of its own alone, and compare.mode is " +
                 config_.compare.mode,
             "write compare.mode: own-run, or remove it");
    require_built(entry.find("optimizer")->text);
    if (!values_alone(entry)) return;
    for (const Node::Entry& e : entry.entries) {
      if (e.key.text != "label" && e.key.text != "optimizer" && e.key.text != "inner")
        report(e.key, "E205",
               label + "'" + e.key.text + "' is not used: the optimizer is " + entry.find("optimizer")->text +
                   ", which asks for no hypergradient",
               "remove it");
    }
  }

  /// What is meant is one thing for all, and for an iterate the steps are part of it.
  void check_inner(const Node& entry, const Node& inner) {
    const std::string label = "'" + label_of(entry) + "': ";
    if (const Node* key = inner.find_key("response"))
      report(*key, "E208", label + "'response' is what all entries are compared at", "write inner.response in the run file");
    else if (config_.inner.iterates())
      report(entry, "E208", label + "a block 'inner' of its own and 'inner.response: iterate' exclude each other",
             "with other steps another derivative would be meant: remove it, or write its keys to compare.sweep");
  }

  /// Does the estimator differentiate the steps?
  void check_steps(const Node& entry) {
    const auto estimator = strategies_.estimators.make(estimator_of(entry));
    const Node* window = entry.find("window");
    const bool aims = window && is_word(*window, "auto");
    if (estimator->of_iterate() && !aims) return;
    report(aims ? *window : *entry.find("estimator"), "E220",
           "'" + label_of(entry) + "': " +
               (aims ? "window: auto aims at the hypergradient of the solution"
                     : "'" + estimator_of(entry) + "' takes x for the solution") +
               ", and inner.response: iterate means x after its steps",
           "use full-unroll, forward, finite-difference, or truncated-unroll with a number as window");
  }

  void check_sweep() {
    if (!config_.compare.sweep.node) return;
    for (const Node::Entry& e : config_.compare.sweep.node->entries) {
      const std::string& key = e.key.text;
      const std::string block = key.substr(0, key.find('.'));
      if (block == "compare" || block == "output" || block == "tacit" || block == "name" || block == "curve" ||
          key == "inner.response")
        report(e.key, "E208", "'" + key + "' cannot be swept", "sweep a key of the problem, the inner solver or the estimator");
      if (key == "hypergradient.estimator")
        report(e.key, "E208", "'" + key + "' cannot be swept", "give each estimator an entry of compare.estimators");
      else if (of_estimator(key) && std::none_of(nodes().begin(), nodes().end(), [&](const Node& n) { return takes(n, key); }))
        report(e.key, "E205", "'" + key + "' is not used by any entry of 'compare.estimators'", "remove it from the sweep");
      if (e.value.items.empty()) report(e.value, "E203", "'" + key + "' has no value to sweep over", "list its values");
    }
    stop_if_wrong();
  }

  /// Every choice of one value from each list, the last key moving fastest.
  std::vector<Values> combinations() const {
    std::vector<Values> all{{}};
    if (!config_.compare.sweep.node) return all;
    for (const Node::Entry& e : config_.compare.sweep.node->entries) {
      std::vector<Values> longer;
      for (const Values& values : all) {
        for (const Node& item : e.value.items) {
          longer.push_back(values);
          longer.back().emplace_back(e.key.text, item);
        }
      }
      all = std::move(longer);
    }
    return all;
  }

  std::string estimator_of(const Node& entry) const {
    if (values_alone(entry)) return "none";
    const Node* given = entry.find("estimator");
    const std::string name = given ? given->text : "auto";
    return name != "auto" ? name : config_.inner.iterates() ? "full-unroll" : "implicit-cg";
  }
  bool takes(const Node& entry, const std::string& key) const {
    return !values_alone(entry) &&
           has_field(*strategies_.estimators.make(estimator_of(entry)), key.substr(kEstimatorPrefix.size()));
  }

  CompareCase make_case(const Values& values) {
    CompareCase c;
    std::vector<Edit> common;
    for (const auto& [key, value] : values) {
      c.values.push_back(text_of(value));
      if (!of_estimator(key)) common.push_back({key, value});
    }
    const RunConfig swept = edited(config_, common, strategies_.catalog);
    // Data and start must not depend on what is compared.
    std::vector<Edit> edits{{"hypergradient", {}}, {"compare", {}}};
    if (!config_.inner.iterates()) {
      edits.push_back({"inner", {}});
      edits.push_back({"hypergradient.estimator", scalar("implicit-cg", *config_.node)});
    }
    c.config = edited(swept, edits, strategies_.catalog);
    for (const Node& entry : nodes()) c.entries.push_back(make_entry(swept, entry, values));
    settle_solvers(c);
    for (std::size_t i = 0; i < c.entries.size(); ++i) check_pair_of(c.entries[i], nodes()[i]);
    return c;
  }

  CompareEntry make_entry(const RunConfig& swept, const Node& entry, const Values& values) const {
    CompareEntry e;
    e.label = label_of(entry);
    e.estimator = estimator_of(entry);
    std::vector<Edit> edits{{"compare", {}}};
    Node own = entry;
    std::erase_if(own.entries, [](const Node::Entry& x) {
      return x.key.text == "label" || x.key.text == "inner" || x.key.text == "optimizer";
    });
    e.values_alone = values_alone(entry);
    if (own.entries.empty())
      edits.push_back({"hypergradient", {}});
    else
      edits.push_back({"hypergradient", std::move(own)});
    if (const Node* optimizer = entry.find("optimizer")) put_optimizer(swept, *optimizer, edits);
    for (const auto& [key, value] : values) {
      if (of_estimator(key) && takes(entry, key)) edits.push_back({key, value});
    }
    const Node* inner = entry.find("inner");
    e.own_inner = inner && inner->is_map() && !inner->entries.empty();
    if (e.own_inner) {
      const Node* solver = inner->find("solver");
      if (solver) drop_foreign(swept, solver->text, edits);
      for (const Node::Entry& x : inner->entries) edits.push_back({"inner." + x.key.text, x.value});
    }
    e.config = edited(swept, edits, strategies_.catalog);
    return e;
  }

  /// The optimizer in the place of the run file's, without the keys that only that one has.
  void put_optimizer(const RunConfig& config, const Node& optimizer, std::vector<Edit>& edits) const {
    const auto object = strategies_.optimizers.make(optimizer.text);
    const auto given = [&](const char* block) { return config.node->find(block); };
    std::set<std::string> foreign;
    if (!object->differentiates())
      foreign = {"outer.tolerance", "outer.schedule", "diagnostics.reference", "diagnostics.audit", "diagnostics.fail_error"};
    if (const Node* outer = given("outer"); outer && outer->is_map() && config.outer.optimizer != optimizer.text) {
      const auto before = strategies_.optimizers.make(config.outer.optimizer);
      for (const KeyInfo& k : list_fields(*before)) {
        if (!has_field(*object, k.name)) foreign.insert("outer." + k.name);
      }
    }
    for (const std::string& key : foreign) edits.push_back({key, {}});
    edits.push_back({"outer.optimizer", optimizer});
  }

  /// Keys of the block inner that belong to another solver than this one.
  void drop_foreign(const RunConfig& config, const std::string& solver, std::vector<Edit>& edits) const {
    const Node* inner = config.node->find("inner");
    if (!inner || !inner->is_map() || !strategies_.solvers.contains(solver)) return;
    const auto object = strategies_.solvers.make(solver);
    for (const Node::Entry& x : inner->entries) {
      const std::string& key = x.key.text;
      if (key != "solver" && key != "start" && key != "warm_start" && !has_field(*object, key))
        edits.push_back({"inner." + key, {}});
    }
  }

  /// `auto` is a solver that every entry can use: a map, when one of them differentiates steps.
  void settle_solvers(CompareCase& c) {
    bool map = false;
    for (std::size_t i = 0; i < c.entries.size(); ++i) {
      if (c.entries[i].values_alone) continue;
      try {
        const auto estimator = strategies_.estimators.make(c.entries[i].estimator);
        c.entries[i].config.hypergradient.configure(*estimator);
        const Needs needs = estimator->needs();
        map = map || needs.map || needs.tape.wanted();
      } catch (const UsageError& e) {
        refuse(nodes()[i], c.entries[i], e);
      }
    }
    if (!map) return;
    for (CompareEntry& e : c.entries) {
      if (e.config.inner.solver != "auto") continue;
      std::vector<Edit> edits{{"inner.solver", scalar("gradient-descent", *config_.node)}};
      drop_foreign(e.config, "gradient-descent", edits);
      e.config = edited(e.config, edits, strategies_.catalog);
    }
  }

  void check_pair_of(const CompareEntry& entry, const Node& node) {
    if (entry.config.inner.solver == "auto" || entry.values_alone) return;
    try {
      const auto solver = strategies_.solvers.make(entry.config.inner.solver);
      const auto estimator = strategies_.estimators.make(entry.estimator);
      entry.config.hypergradient.configure(*estimator);
      check_pair(entry.estimator, *estimator, entry.config.inner.solver, *solver);
    } catch (const UsageError& e) {
      refuse(node, entry, e);
    }
  }

  /// A sweep meets the same trouble many times: it is said once.
  void refuse(const Node& node, const CompareEntry& entry, const UsageError& e) {
    const std::string what = "'" + entry.label + "': " + e.what();
    auto cut = what.find("; use ");
    if (cut == std::string::npos) cut = what.find("; ");
    if (!refused_.insert(what).second) return;
    report(node, "E220", what.substr(0, cut), cut == std::string::npos ? "see: tacit describe " + e.key() : what.substr(cut + 2));
  }

  const RunConfig& config_;
  const Strategies& strategies_;
  std::vector<Issue> issues_;
  std::set<std::string> refused_;
};

}  // namespace

std::string CompareCase::name() const { return join(values); }

namespace {

/// The lines of the blocks inner and hypergradient without those that say warm_start.
void find_twins(CompareEntry& e, const StrategyCatalog& catalog) {
  e.warm_iterate = e.config.inner.warm_start;
  std::istringstream lines(to_yaml(e.config, catalog));
  std::string block;
  for (std::string line; std::getline(lines, line);) {
    if (!line.empty() && line[0] != ' ') block = line;
    if (block != "inner:" && block != "hypergradient:" && block != "outer:") continue;
    if (line.find(" warm_start:") == std::string::npos)
      e.otherwise += line + "\n";
    else if (block == "hypergradient:")
      e.warm_adjoint = line.find("true") != std::string::npos;
  }
}

}  // namespace

ComparePlan plan_comparison(const RunConfig& config, const Strategies& strategies) {
  ComparePlan plan = Planner(config, strategies).plan();
  for (CompareCase& c : plan.cases) {
    for (CompareEntry& e : c.entries) find_twins(e, strategies.catalog);
  }
  return plan;
}

RunConfig with_resolved_sweep(const RunConfig& config, const Strategies& strategies) {
  RunConfig resolved = config;
  if (!resolved.compare.sweep.node) return resolved;
  for (Node::Entry& e : resolved.compare.sweep.node->entries) {
    for (Node& item : e.value.items) {
      if (of_estimator(e.key.text)) continue;  // no paths there, and the key may belong to another estimator than the block's
      const RunConfig swept = edited(config, {{e.key.text, item}}, strategies.catalog);
      for (const KeyInfo& k : list_keys(swept, strategies.catalog, Listed::chosen)) {
        if (k.path != e.key.text || k.value == item.flow()) continue;
        auto source = std::make_shared<SourceText>();
        source->text = k.value;
        std::vector<Issue> issues;
        if (auto value = parse_yaml(source, issues)) item = std::move(*value);
      }
    }
  }
  return resolved;
}

}  // namespace tacit
