// The runs of configs/*.yaml as choices in code, so that the benchmarks need nothing but the library. tests/cli/test_shipped.cpp
// holds them against the run files.
#pragma once
#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <tacit/bilevel/driver.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/hypergrad/automatic.hpp>
#include <tacit/hypergrad/estimators.hpp>
#include <tacit/problems/data/prepare.hpp>

namespace shipped {

using namespace tacit;

/// A run before anything is read.
struct Choices {
  DataOptions data;
  SplitOptions split;
  PrepareChoices prepare;
  std::string solver = "newton-cg";
  std::map<std::string, double> solver_options{};  ///< by the names of its fields
  std::string estimator = "auto";
  bool window_auto = false;
  double accuracy = 1e-2;
  std::map<std::string, double> estimator_options{};
  std::string optimizer = "lbfgs";
  std::map<std::string, double> optimizer_options{};
  DriverOptions driver;
  std::optional<double> start;  ///< of every penalty; none: searched for
};

inline const std::vector<std::string>& names() {
  static const std::vector<std::string> all = {
      "ridge_diabetes",  "ridge_diabetes_per_feature", "logistic_breast_cancer", "logistic_breast_cancer_per_feature",
      "logistic_libsvm", "compare_estimators",         "compare_warm_start"};
  return all;
}

/// source: the checkout. Throws UsageError for a name that is none of these.
inline Choices choices(const std::string& name, const std::string& source) {
  if (std::find(names().begin(), names().end(), name) == names().end())
    throw UsageError(unknown_name("shipped run", name, names()));
  const bool logistic = name.rfind("logistic", 0) == 0;
  Choices c;
  c.prepare.task = make_task(logistic ? "logistic" : "ridge");
  c.data.target_kind = logistic ? TargetKind::classes : TargetKind::number;
  c.data.train = source + (name == "logistic_libsvm" ? "/data/breast_cancer.svm"
                           : logistic                ? "/data/breast_cancer.csv"
                                                     : "/data/diabetes.csv");
  if (!logistic) c.data.target = "target";
  if (logistic && name != "logistic_libsvm") {
    c.data.table.header = Header::absent;
    c.data.table.skip_rows = 1;
  }
  const auto range = [&](PenaltyPer per, double start, double lower, double upper) {
    c.prepare.model.per = per;
    c.start = start;
    c.prepare.model.lower = lower;
    c.prepare.model.upper = upper;
  };
  if (!logistic) c.solver = "gradient-descent", c.solver_options["max_steps"] = 20000;
  if (logistic) c.estimator = "implicit-cg";
  if (name == "ridge_diabetes") c.start = 0.1, c.driver.tolerance = 1e-6;
  if (name == "ridge_diabetes_per_feature") range(PenaltyPer::feature, 0.1, 1e-4, 1e2);
  if (name == "logistic_breast_cancer_per_feature") range(PenaltyPer::feature, 0.01, 1e-3, 10), c.driver.tolerance = 1e-6;
  if (name == "logistic_libsvm") c.solver = "lbfgs", c.prepare.standardize = Standardize::yes;
  if (name == "compare_estimators") {
    range(PenaltyPer::feature, 0.1, 1e-2, 3);
    c.solver_options = {{"max_steps", 2000}, {"tolerance", 1e-6}};
  }
  if (name == "compare_warm_start") {
    range(PenaltyPer::all, 1, 3e-2, 10);
    c.solver_options = {{"tolerance", 0}};
    c.optimizer = "gradient-descent";
    c.optimizer_options["step"] = 1e-4;
    c.driver.max_steps = 15;
  }
  return c;
}

/// Sets options by the names of their fields.
class Setter final : public FieldVisitor {
public:
  explicit Setter(std::map<std::string, double> options) : left(std::move(options)) {}
  std::map<std::string, double> left;  ///< that no field has

protected:
  void visit(std::string_view n, double& v, const Range&, std::string_view) override { set(n, v); }
  void visit(std::string_view n, Index& v, const Range&, std::string_view) override { set(n, v); }
  void visit(std::string_view n, bool& v, std::string_view) override { set(n, v); }
  void visit(std::string_view, std::string&, const std::vector<std::string>&, std::string_view) override {}
  void visit(std::string_view n, std::optional<double>& v, const Range&, std::string_view, std::string_view) override {
    set(n, v);
  }
  void visit(std::string_view, std::optional<Index>&, const Range&, std::string_view, std::string_view) override {}
  void visit(std::string_view, Count&, const Range&, CountWords, std::string_view) override {}
  void visit(std::string_view, std::vector<std::string>&, std::string_view) override {}

private:
  template <class T>
  void set(std::string_view name, T& value) {
    const auto at = left.find(std::string(name));
    if (at == left.end()) return;
    if constexpr (std::is_same_v<T, std::optional<double>>)
      value = at->second;
    else
      value = static_cast<T>(at->second);
    left.erase(at);
  }
};

/// A strategy by name with some options. Throws UsageError for an option that it does not have.
template <class T>
std::unique_ptr<T> configured(void (*fill)(Registry<T>&), const std::string& name, const std::map<std::string, double>& options) {
  Registry<T> registry;
  fill(registry);
  auto made = registry.make(name);
  Setter setter(options);
  made->fields(setter);
  if (!setter.left.empty()) throw UsageError(name + " has no option " + setter.left.begin()->first);
  return made;
}

/// theta at which start: auto begins.
inline Vec searched_start(const Prepared& prepared) {
  const Problem one = centred_problem(prepared, PenaltyPer::all);
  FoundStart found = search_common(*exact_oracle(one), one.space, prepared.problem.space.size() > 1);
  if (prepared.problem.space.size() == 1) return found.theta;
  const Problem many = centred_problem(prepared, prepared.model().per);
  return search_many(*exact_oracle(many), many.space, std::move(found)).theta;
}

/// Choices with their data read, and all that a run needs.
struct Run {
  Choices choices;
  Prepared prepared;
  std::shared_ptr<const InnerSolver> solver;
  std::shared_ptr<const HypergradientEstimator> estimator;

  explicit Run(Choices c) : choices(std::move(c)) {
    const auto data = std::make_shared<const Dataset>(load_dataset(choices.data));
    prepared = prepare_problem(data, make_split(*data, choices.split), choices.prepare);
    solver = configured(&register_solvers, choices.solver, choices.solver_options);
    estimator = make_estimator();
  }
  const Problem& problem() const { return prepared.problem; }
  std::unique_ptr<Oracle> oracle(const OracleOptions& options = {}) const {
    return make_oracle(problem(), solver, estimator, options);
  }
  std::unique_ptr<OuterOptimizer> optimizer() const {
    return configured(&register_optimizers, choices.optimizer, choices.optimizer_options);
  }
  /// theta at which it starts.
  Vec start() const {
    const HyperSpace& space = problem().space;
    Vec theta(space.size());
    if (!choices.start) return searched_start(prepared);
    space.from_model(Vec::Constant(space.size(), *choices.start), theta);
    space.project(theta);
    return theta;
  }
  /// Nothing measured beside.
  static OracleOptions quiet() {
    OracleOptions options;
    options.error_estimate = false;
    options.reference_every = 0;
    return options;
  }

private:
  std::unique_ptr<HypergradientEstimator> make_estimator() const {
    std::unique_ptr<HypergradientEstimator> made;
    if (choices.window_auto) {
      auto sweep = std::make_unique<UnrollEstimator>(true);
      sweep->window = Count::automatic();
      made = std::move(sweep);
    } else if (choices.estimator == "auto") {
      made = automatic_estimator(problem()).estimator;
    } else {
      return configured(&register_estimators, choices.estimator, choices.estimator_options);
    }
    made->aim(choices.accuracy);
    return made;
  }
};

}  // namespace shipped
