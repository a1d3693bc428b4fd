// tacit check.
#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/verbs/data_view.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/threads.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit {

namespace {

using nlohmann::json;

/// The hypergradient at the start. Throws RunFileError (E401) where there is none.
Evaluation differentiated_start(const Assembly& a, const Oracle& oracle, In theta) {
  Evaluation e = oracle.evaluate(theta, oracle.tightest());
  if (std::isfinite(e.value)) e = oracle.differentiate(std::move(e), oracle.tightest());
  if (e.finite() && e.gradient.size() == theta.size()) return e;
  const Diagnostics& d = e.diagnostics;
  const std::string& why = std::isfinite(e.value) ? d.hypergradient_message : d.inner_message;
  throw RunFileError({failure_issue(a, "the start is no usable point: " + (why.empty() ? "it is not finite" : why))});
}

/// What rounding can leave of a loss, and of differences of it: a share of the loss at zero coefficients.
double rounding_of_loss(const Validation& v) {
  HeldOut rows = held_out_constant(v);
  rows.margin.setZero();
  return std::numeric_limits<double>::epsilon() * mean_loss(v, rows, row_losses(v, rows)).mean;
}

/// The hypergradient by another way than the estimator's own, in u: differences, or beside these the derivative. Throws
/// RunFileError (E401) where there is none.
Vec other_way(const Assembly& a, const Strategies& strategies, const Problem& problem, const Evaluation& e, bool implicit) {
  const bool iterates = problem.response == Response::iterate;
  const Hypergradient other =
      implicit && iterates ? iterate_hypergradient(problem, e.u, e.state->inner, true)
      : implicit           ? reference_hypergradient(problem, e.u, e.state->inner.x())
                           : strategies.estimators.make("finite-difference")->estimate(problem, e.u, e.state->inner, nullptr, 0);
  if (other.gradient.size() == problem.f->outer_dim() && other.gradient.allFinite()) return other.gradient;
  throw RunFileError({failure_issue(a, std::string("there ") + (implicit ? "is no derivative" : "are no finite differences") +
                                           " to compare with at the start: " + other.message)});
}

/// The same of all parts of the validation.
Vec other_way(const Assembly& a, const Strategies& strategies, const Evaluation& e, bool implicit) {
  if (a.validation.holdout()) return other_way(a, strategies, a.problem, e, implicit);
  Vec sum = Vec::Zero(e.u.size());
  for (std::size_t k = 0; k < e.parts.size(); ++k)
    sum += a.validation.weight[k] * other_way(a, strategies, a.problems[k], e.parts[k], implicit);
  return sum;
}

/// The hypergradient of the chosen estimator at the start against finite differences; finite differences themselves against
/// implicit differentiation at a polished solution, or, of an iterate, forward mode.
int check_gradient(Assembly& a, const Strategies& strategies, const CommandLine& line, Streams& io) {
  OracleOptions options;
  options.error_estimate = false;
  const Vec theta = starting_point(a, strategies);  // the steps of an iterate are numbers from here on
  const auto oracle = run_oracle(a, options);
  const Evaluation e = differentiated_start(a, *oracle, theta);
  const bool implicit = a.method.estimator_name == "finite-difference";
  Vec expected(e.theta.size());
  a.problem.space.pull_back(e.theta, other_way(a, strategies, e, implicit), expected);
  const std::string derivative = a.config.inner.iterates() ? "forward mode" : "implicit differentiation";
  const double floor = std::max(a.config.outer.tolerance * std::abs(e.value), rounding_of_loss(a.validation));
  const double error = hypergradient_error(e.gradient, expected, floor);
  const double limit = a.config.diagnostics.fail_error.value_or(a.config.diagnostics.warn_error.value_or(0.1));
  const bool good = error <= limit;
  if (line.json)
    io.out << json_text({{"relative_error", number_json(error)},
                         {"limit", limit},
                         {"passed", good},
                         {"against", implicit ? derivative : "finite differences"}});
  else
    io.out << aligned(
        {{"hypergradient", "relative error " + short_numbers({error, limit})[0] + " against " +
                               (implicit ? derivative + ", since finite differences are the estimator" : "finite differences") +
                               ", limit " + exact_number(limit) + (good ? ": passed" : ": FAILED")}});
  return good ? kDone : kQuality;
}

/// What `tune` with the same arguments would say of its folder; nothing is made.
void check_folder(const CommandLine& line, const RunConfig& config) {
  const bool fresh = !line.output && config.output.dir.find("{name}") != std::string::npos;
  const std::string refusal = fresh ? "" : folder_in_use(line.output.value_or(config.output.dir), line.force);
  if (!refusal.empty()) throw UsageError(refusal, "output.dir");
}

/// "331 train, 111 validation, 0 test", or "442 train and validate in 5 folds, 0 test".
std::string rows_text(const Assembly& a) {
  const Split& rows = a.prepared.rows;
  const std::string test = ", " + std::to_string(rows.test.size()) + " test";
  if (!a.validation.holdout() || a.validation.row_score())
    return "validate on " + validation_text(a) + ", train on " + training_text(a) + test;
  return std::to_string(rows.train.size()) + " train, " + std::to_string(rows.validation.size()) + " validation" + test;
}

void print_plan(const Assembly& a, const Warnings& warnings, bool as_json, std::ostream& out) {
  const Split& rows = a.prepared.rows;
  if (as_json) {
    out << json_text({{"status", "ok"},
                      {"objective", a.prepared.objective_text()},
                      {"train", rows.train.size()},
                      {"validation", held_out_rows(a.validation)},
                      {"folds", folds_json(a.validation)},
                      {"test", rows.test.size()},
                      {"features", a.prepared.x->cols()},
                      {"data", data_json(a)},
                      {"hyperparameters", hyper_plan_json(a)},
                      {"inner_solver", a.method.solver_name},
                      {"estimator", a.method.estimator_name},
                      {"optimizer", a.config.outer.optimizer},
                      {"notes", a.method.notes},
                      {"warnings", warnings.json()}});
    return;
  }
  std::vector<std::pair<std::string, std::string>> table{{"objective", a.prepared.objective_text()}};
  for (auto& row : data_rows(a)) table.push_back(std::move(row));
  for (auto& row : std::vector<std::pair<std::string, std::string>>{{"rows", rows_text(a)},
                                                                    {"features", std::to_string(a.prepared.x->cols())},
                                                                    {"hyperparameters", std::to_string(a.problem.space.size())},
                                                                    {"inner solver", a.method.solver_name},
                                                                    {"estimator", a.method.estimator_name},
                                                                    {"outer optimizer", a.config.outer.optimizer}})
    table.push_back(std::move(row));
  out << aligned(table);
  for (const std::string& note : a.method.notes) out << "  " << note << '\n';
}

}  // namespace

int check(const CommandLine& line, Streams& io) {
  const Strategies strategies;
  RunConfig config = load_config(line, strategies);
  if (line.print_config) {
    io.out << to_yaml(config, strategies.catalog);
    return kDone;
  }
  const ThreadScope threads(threads_asked(config));
  ProgressLine progress(io.err, progress_kind(line, io));
  const Heartbeat heartbeat(progress);
  progress.begin("reading the data");
  try {
    check_folder(line, config);
    const std::unique_ptr<Assembly> a = assemble(config, strategies);
    // Refused as tune does; a search is not made.
    if (const auto given = given_point(*a))
      fix_steps(*a, *given, strategies);
    else
      trial_steps(*a, strategies);
    Warnings warnings;
    for (const Warning& w : data_warnings(a->prepared)) {
      if (warnings.add(w)) progress.message(render_warning(w.code, w.context, w.what, w.more, {io.colour}));
    }
    if (line.gradient) {
      progress.begin("the hypergradient by another way");
      return check_gradient(*a, strategies, line, io);
    }
    print_plan(*a, warnings, line.json, io.out);
  } catch (const UsageError& e) {
    throw RunFileError({config.issue_of(e)});
  }
  return kDone;
}

}  // namespace tacit
