// tacit compare: estimators side by side, on one trajectory or each on its own run.
#include <algorithm>
#include <cmath>
#include <set>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/run/trace_files.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/compare_report.hpp>
#include <tacit/cli/verbs/compare_steps.hpp>
#include <tacit/cli/verbs/report.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/threads.hpp>

namespace tacit {

namespace {

using nlohmann::json;

/// The entries of one combination, made for one problem.
struct Field {
  std::vector<InnerSetup> setups;
  std::vector<std::string> setup_labels;
  std::vector<Contender> contenders;
};

/// inner: the block of all entries where iterates are meant, its steps being numbers.
Field make_field(CompareCase c, const InnerBlock& inner, const Assembly& a, const Strategies& strategies) {
  if (inner.iterates())
    for (CompareEntry& e : c.entries) e.config.inner = inner;
  Field field;
  std::size_t shared = c.entries.size();
  for (const CompareEntry& e : c.entries) {
    Method m = choose_method(e.config, a.problem, strategies, a.problems.size());
    const bool joins = !e.own_inner && shared < c.entries.size();
    field.contenders.push_back({e.label, m.estimator, joins ? shared : field.setups.size()});
    if (joins) {
      field.setup_labels[shared] = "shared";
      continue;
    }
    if (!e.own_inner) shared = field.setups.size();
    InnerSetup setup{m.solver_name, as_one(a, m.start), m.solver, e.config.inner.warm_start};
    if (!a.validation.holdout()) {
      setup.parts = problems_from(a, m.start);
      setup.weights = a.validation.weight;
    }
    field.setups.push_back(std::move(setup));
    field.setup_labels.push_back(e.label);
  }
  return field;
}

/// What reading the data has settled, so that a run file repeats the run from any folder: threads, files of columns, and the
/// scheme that `auto` is.
void take_settled(RunConfig& to, const RunConfig& from) {
  to.limits.threads = from.limits.threads;
  to.data.weight = from.data.weight;
  to.data.group = from.data.group;
  to.validation.split_column = from.validation.split_column;
  to.validation.scheme = from.validation.scheme;
}

/// A label as the name of a folder.
std::string folder_name(const std::string& label) {
  std::string name;
  for (const char c : label) {
    const bool plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
    name += plain ? c : '-';
  }
  return name.empty() || name.front() == '.' ? "run" + name : name;
}

/// A solve at the loosest tolerance and an estimate from it, at the middle of the box: what cannot work shows before anything is
/// written.
void rehearse(const Field& field) {
  for (const Contender& c : field.contenders) {
    const InnerSetup& setup = field.setups[c.setup];
    const HyperSpace& space = setup.problem.space;
    Vec u(space.size());
    space.to_model((space.lower() + space.upper()) / 2, u);
    try {
      const InnerSolution x = setup.solver->solve(setup.problem, u, nullptr, Accuracy{1}, c.estimator->needs().tape);
      if (x.z.allFinite()) (void)c.estimator->estimate(setup.problem, u, x, nullptr, 1);
    } catch (const UsageError& e) {
      throw UsageError("'" + c.label + "': " + e.what(), e.key());
    }
  }
}

/// Whose steps are meant; null: the solution is.
std::shared_ptr<const InnerSolver> steps_of(const Assembly& a) {
  return a.problem.response == Response::iterate ? a.method.solver : nullptr;
}

class CompareRun {
public:
  CompareRun(const CommandLine& line, Streams& io) : session_(line, io) {}
  int run();

private:
  void prepare();
  std::unique_ptr<Assembly> assembled(std::size_t case_index, Index repeat);
  void run_all();
  void run_all_or_keep();
  void run_case(std::size_t case_index, Index repeat, Assembly& a);
  std::vector<Truth> truths(const Assembly& a, const ReferencePath& path);
  void judge(const std::vector<Truth>& all, double floor, const std::string& where);
  void same_path(std::size_t case_index, Index repeat, const Field& field, const std::vector<Truth>& path, double floor);
  void own_run(std::size_t case_index, Index repeat, std::size_t entry, const Field& field, Assembly& a,
               const StartValues& start);
  std::string own_folder(std::size_t case_index, Index repeat, const std::string& label);
  void write_own_config(const std::string& folder, const CompareEntry& entry, const Assembly& a, const StartValues& start);
  void write_own_results(const std::string& folder, const CompareEntry& entry, const Assembly& a, const StartValues& start,
                         const Summary& s, const Warnings& warnings);
  void leave_files();
  std::string place(std::size_t case_index, Index repeat) const;
  bool stopped();
  Ending ending() const;
  json result_json() const;
  std::string table() const;

  VerbSession session_;
  RunConfig config_;
  CompareResults results_;
  std::unique_ptr<Assembly> first_;
  json facts_;
  Work work_;  ///< of all combinations
  std::set<std::string> folders_;
  StopReason reason_ = StopReason::not_run;
  std::string message_;
  Index path_points_ = 0;
  std::string path_end_;  ///< why a path is shorter than asked
  ReportLeft report_;
};

/// Time and signals are asked for between points and between evaluations; what is there by then is reported.
bool CompareRun::stopped() {
  if (interrupting_signal() != 0) {
    reason_ = StopReason::interrupted;
    message_ = "interrupted; what was compared by then is kept";
  } else if (config_.limits.time.seconds && session_.seconds() >= *config_.limits.time.seconds) {
    reason_ = StopReason::time_limit;
    message_ = "the time limit is reached; what was compared by then is kept";
  }
  return reason_ != StopReason::not_run;
}

std::string CompareRun::place(std::size_t case_index, Index repeat) const {
  const std::string values = results_.plan.cases[case_index].name();
  return (values.empty() ? "" : "sweep " + values + ", ") + "repeat " + std::to_string(repeat);
}

std::unique_ptr<Assembly> CompareRun::assembled(std::size_t case_index, Index repeat) {
  RunConfig config = results_.plan.cases[case_index].config;
  config.seed += repeat;
  session_.progress().begin("reading the data");
  auto a = assemble(std::move(config), session_.strategies(), RowsUsed::compared);
  a->method.notes.clear();  // of a solver and an estimator that are not compared
  if (a->problem.space.size() == 0)
    throw UsageError("nothing is tuned, so there is no hypergradient to compare; give " + a->config.penalty_key("start") +
                         " instead of " + a->config.penalty_key("fix"),
                     a->config.penalty_key("fix"));
  return a;
}

void CompareRun::prepare() {
  results_.plan = plan_comparison(config_, session_.strategies());
  first_ = assembled(0, 0);
  const Strategies& strategies = session_.strategies();
  rehearse(make_field(results_.plan.cases.front(), trial_steps(*first_, strategies), *first_, strategies));
  RunConfig resolved = with_resolved_sweep(config_, session_.strategies());
  take_settled(resolved, first_->config);
  session_.open(resolved);
  facts_ = run_facts(*first_, session_);
  facts_["method"] = {{"optimizer", config_.outer.optimizer}};  // solvers and estimators are in the table
  session_.write("run.json", begun_text(facts_));
}

void CompareRun::judge(const std::vector<Truth>& all, double floor, const std::string& where) {
  TruthCheck& check = results_.check;
  for (std::size_t k = 0; k < all.size(); ++k) {
    const Truth& t = all[k];
    ++check.points;
    const std::string context = where + ", point " + std::to_string(k);
    if (!t.known()) {
      check.failure = t.message.empty() ? "the reference failed" : t.message;
      session_.warn({"W320", context, "there is no reference: " + check.failure + ".", "No error can be given at this point."});
      continue;
    }
    const double off = t.disagreement(floor);
    if (!t.checked()) continue;
    check.along = check.along || t.second.size() == 0;
    ++check.checked;
    check.worst = std::isfinite(off) ? std::max(check.worst, off) : std::numeric_limits<double>::infinity();
    if (off <= TruthCheck::kLimit) continue;
    const bool finite = std::isfinite(off);
    session_.warn({"W320", context,
                   "two independent ways to the exact hypergradient, " + ways_text(results_) + ", " +
                       (finite ? "differ by " + sci(off) : std::string("cannot be compared: one of them failed")) + ".",
                   (finite ? "Errors below " + sci(off) + " mean nothing here." : "No error can be trusted here.") +
                       std::string(results_.plan.iterates
                                       ? " Try a smaller inner.step."
                                       : " Try prepare.standardize=true, a stronger penalty, or another compare.reference.")});
  }
}

std::vector<Truth> CompareRun::truths(const Assembly& a, const ReferencePath& path) {
  session_.progress().begin("the exact hypergradients along the path, two ways");
  std::vector<Truth> all;
  const Problem problem = as_one(a, a.problem.start);
  for (const Vec& theta : path.theta) {
    if (stopped()) break;
    try {
      TruthOptions options{results_.plan.truth};
      options.steps = steps_of(a);
      all.push_back(truth_at(problem, theta, options));
    } catch (const Interruption&) {
      (void)stopped();
      break;
    }
  }
  return all;
}

void CompareRun::same_path(std::size_t case_index, Index repeat, const Field& field, const std::vector<Truth>& path,
                           double floor) {
  session_.progress().begin("comparing on the path");
  Comparison c = compare_on_path(
      field.setups, field.contenders, path, floor, [this] { return stopped(); }, config_.diagnostics.audit);
  if (!c.complete) (void)stopped();  // says why
  for (Observation& o : c.observations) {
    CompareRow row{case_index, o.contender, repeat, false, {}, kMissing};
    const std::size_t setup = field.contenders[o.contender].setup;
    for (const SharedSolve& s : c.solves) {
      if (s.setup == setup && s.point == o.point) row.solve_units = static_cast<double>(s.work.inner_units());
    }
    if (!o.message.empty())
      session_.log(field.contenders[o.contender].label + ", point " + std::to_string(o.point) + ": " + o.message);
    row.seen = std::move(o);
    results_.rows.push_back(std::move(row));
  }
  for (SharedSolve& s : c.solves) {
    std::string label = field.setup_labels[s.setup];
    results_.solves.push_back({case_index, repeat, std::move(label), std::move(s)});
  }
}

std::string CompareRun::own_folder(std::size_t case_index, Index repeat, const std::string& label) {
  std::string name = folder_name(label);
  if (results_.plan.cases.size() > 1) name += "-sweep" + std::to_string(case_index);
  if (config_.compare.repeats > 1) name += "-repeat" + std::to_string(repeat);
  const std::string wanted = name;
  for (int n = 2; !folders_.insert(name).second; ++n) name = wanted + "-" + std::to_string(n);
  return "own-run/" + name;
}

/// `tacit tune` with this file repeats the run: the start is the one that all runs had.
void CompareRun::write_own_config(const std::string& folder, const CompareEntry& entry, const Assembly& a,
                                  const StartValues& start) {
  RunConfig own = entry.config;
  if (own.inner.iterates()) own.inner = a.config.inner;
  own.seed = a.config.seed;
  take_settled(own, a.config);
  own.penalty().pull = 0;  // methods are compared on the loss itself
  const Vec& u = start.given;
  HyperValue& value = own.penalty().start;
  value.kind = u.size() == 1 ? HyperValue::Kind::number : HyperValue::Kind::list;
  value.number = u[0];
  value.list.assign(u.data(), u.data() + u.size());
  session_.write(folder + "/config.resolved.yaml", to_yaml(own, session_.strategies().catalog));
}

/// So that `tacit report` makes a report of it, or lays several side by side.
void CompareRun::write_own_results(const std::string& folder, const CompareEntry& entry, const Assembly& a,
                                   const StartValues& start, const Summary& s, const Warnings& warnings) {
  json j = run_facts(a, session_);
  j.update(summary_json(s, a.problem.space, start));
  j.update(thresholds_json(entry.config.diagnostics.warn_error, entry.config.diagnostics.fail_error));
  j["verb"] = "tune";
  j["name"] = entry.label;
  j["method"] = {{"inner_solver", entry.config.inner.solver},
                 {"estimator", entry.values_alone ? "none" : entry.config.hypergradient.estimator},
                 {"optimizer", entry.config.outer.optimizer}};
  j["seconds"] = s.seconds;
  j["warnings"] = warnings.json();
  j["output"] = (session_.folder() / folder).string();
  session_.write(folder + "/run.json", json_text(j));
  if (!solutions(s.best_evaluation).empty())
    session_.write(folder + "/hyper.csv", hyper_csv(hyper_rows(a.problem.space, s.best_evaluation.theta, start)));
}

void CompareRun::own_run(std::size_t case_index, Index repeat, std::size_t entry, const Field& field, Assembly& a,
                         const StartValues& start) {
  const CompareEntry& e = results_.plan.cases[case_index].entries[entry];
  const Contender& contender = field.contenders[entry];
  session_.progress().begin("the run of " + e.label);
  const std::string folder = own_folder(case_index, repeat, e.label);
  write_own_config(folder, e, a, start);
  Vec theta0(start.given.size());
  a.problem.space.from_model(start.given, theta0);  // as tune reads it from that file, to the bit
  auto optimizer = make_optimizer(e.config, session_.strategies());
  StartValues own_start = start;
  OwnRunOptions options;
  options.driver = driver_options(a, e.config);
  options.oracle = oracle_options(e.config);
  options.truth = results_.plan.truth;
  TraceFiles trace([&](const std::string& name) { return session_.file(folder + "/" + name); }, a.problem.space);
  Warnings warnings;
  const InnerSetup& setup = field.setups[contender.setup];
  RunFacts facts = run_facts_of(a, e.config);
  facts.asked = {setup.solver->tolerance(), contender.estimator->tolerance()};
  facts.target = contender.estimator->target();
  const auto observer = [&](const StepRecord& r) {
    trace.add(r);
    for (Warning& w : step_warnings(r, facts)) warnings.add(std::move(w));
  };
  OwnRun run = compare_own_run(setup, contender, *optimizer, theta0, options, {observer}, [this] { return stopped(); });
  trace.finish();
  if (const Vec& first = run.summary.start_evaluation.theta; !optimizer->takes_start() && first.size() > 0)
    own_start = {first, natural_values(a.problem.space, first)};
  write_own_results(folder, e, a, own_start, run.summary, warnings);
  if (run.summary.reason == StopReason::interrupted) (void)stopped();
  session_.log("own run of " + e.label + ": " + run.summary.brief());
  double seconds = 0;
  for (Observation& o : run.observations) {
    seconds += o.seconds;
    results_.rows.push_back({case_index, entry, repeat, true, std::move(o), 0});
  }
  results_.own_runs.push_back({case_index, entry, repeat, std::move(run.summary), seconds, folder});
}

void CompareRun::run_case(std::size_t case_index, Index repeat, Assembly& a) {
  const std::string where = place(case_index, repeat);
  session_.progress().begin("looking for the start of the hyperparameters");
  Vec theta0 = starting_point(a, session_.strategies());
  a.problem.space.project(theta0);
  for (const std::string& note : a.method.notes) session_.log(where + ": " + note);
  const Field field = make_field(results_.plan.cases[case_index], a.config.inner, a, session_.strategies());
  session_.progress().begin("the reference run");
  ReferencePath path;
  if (results_.plan.same_path) {
    const auto optimizer = make_optimizer(a.config, session_.strategies());
    path = reference_path(
        as_one(a, a.problem.start), *optimizer, theta0, config_.compare.path, a.config.outer.tolerance,
        [this] { return stopped(); }, steps_of(a));
    if (path.reason == StopReason::interrupted) (void)stopped();
    session_.log(where + ": reference run, " + std::to_string(path.theta.size()) + " points: " + path.message);
    if (path.reason == StopReason::failed) {
      reason_ = StopReason::failed;
      message_ = "the reference run failed: " + path.message;
      if (path.theta.empty()) return;
    }
    path_points_ = std::max(path_points_, static_cast<Index>(path.theta.size()));
    if (static_cast<Index>(path.theta.size()) < config_.compare.path) path_end_ = path.message;
  } else {
    path.theta.push_back(theta0);
  }
  const std::vector<Truth> all = truths(a, path);
  if (all.empty()) return;
  const double floor = a.config.outer.tolerance * std::abs(all.front().value);
  judge(all, floor, where);
  if (results_.plan.same_path) same_path(case_index, repeat, field, all, floor);
  for (std::size_t e = 0; e < field.contenders.size() && results_.plan.own_run && !stopped(); ++e)
    own_run(case_index, repeat, e, field, a, start_values(a, theta0));
}

void CompareRun::run_all() {
  for (std::size_t c = 0; c < results_.plan.cases.size(); ++c) {
    for (Index repeat = 0; repeat < config_.compare.repeats; ++repeat) {
      if (stopped()) return;
      std::unique_ptr<Assembly> a = first_ ? std::move(first_) : assembled(c, repeat);
      if (const auto& time = config_.limits.time.seconds) a->interrupter->limit(*time - session_.seconds());
      try {
        run_case(c, repeat, *a);
      } catch (const Interruption&) {
        (void)stopped();  // says why
        work_ += a->account->read();
        return;
      }
      work_ += a->account->read();
    }
  }
}

/// A combination that cannot be run (a swept file that is missing) does not take the others with it.
void CompareRun::run_all_or_keep() {
  try {
    run_all();
  } catch (const std::exception& e) {
    reason_ = StopReason::failed;
    message_ = e.what();
    if (!results_.rows.empty()) leave_files();
    throw;
  }
}

Ending CompareRun::ending() const { return reason_ == StopReason::not_run ? Ending{"done", kDone} : ending_of(reason_); }

json CompareRun::result_json() const {
  json j = compare_json(results_);
  j["findings"] = findings(results_);
  j["status"] = ending().status;
  j["message"] = message_;
  j["mode"] = config_.compare.mode;
  j["accuracy"] = config_.hypergradient.accuracy;
  j["reference"]["estimator"] = config_.compare.reference;
  j["path_points"] = path_points_;
  j["seconds"] = session_.seconds();
  j["warnings"] = session_.warnings().json();
  j["output"] = session_.folder().string();
  return j;
}

std::string CompareRun::table() const {
  std::vector<std::pair<std::string, std::string>> rows{{"objective", facts_.at("objective").get<std::string>()},
                                                        {"reference", check_text(results_, config_.compare.reference)}};
  if (results_.plan.same_path)
    rows.push_back({"path", std::to_string(path_points_) + (path_points_ == 1 ? " point" : " points") +
                                " of a run with exact hypergradients" +
                                std::string(results_.plan.iterates ? " of the steps" : "") +
                                (path_end_.empty() ? "" : "; fewer than asked: " + path_end_)});
  for (const std::string& line : findings(results_)) rows.push_back({"finding", line});
  rows.push_back({"warnings", session_.warnings().all().empty() ? "none" : std::to_string(session_.warnings().all().size())});
  rows.push_back({"run folder", session_.folder().string()});
  rows.push_back(report_.row);
  std::string text;
  if (!results_.rows.empty()) text += compare_table(results_) + "\n";
  if (audited(results_)) text += steps_table(results_) + "\n";
  if (!results_.solves.empty()) text += solve_table(results_) + "\n";
  if (!results_.own_runs.empty()) text += own_run_table(results_) + "\n";
  return text + aligned(rows);
}

void CompareRun::leave_files() {
  session_.write("compare.csv", compare_csv(results_));
  if (audited(results_)) session_.write("steps.csv", steps_csv(results_));
  json run = facts_;
  run.update(result_json());
  run["inner_solve_points"] = solve_points_json(results_);
  run["work_in_all"] = work_json(work_);
  session_.write("run.json", json_text(run));
  report_ = leave_report(session_);
}

int CompareRun::run() {
  const CommandLine& line = session_.line();
  config_ = load_config(line, session_.strategies());
  if (line.print_config) {
    session_.io().out << to_yaml(config_, session_.strategies().catalog);
    return kDone;
  }
  const ThreadScope threads(threads_asked(config_));
  try {
    prepare();
    session_.say("minimise over w" + std::string(first_->prepared.model().intercept ? ", b" : "") + ":  " +
                 first_->prepared.objective_text());
    warn_of_data(session_, first_->prepared);
    run_all_or_keep();
  } catch (const UsageError& e) {
    throw RunFileError({config_.issue_of(e)});
  }
  leave_files();
  session_.progress().clear();
  if (line.json)
    session_.io().out << json_text(result_json());
  else if (!line.quiet)
    session_.io().out << table();
  if (ending().code == kNumerical)
    session_.progress().message(
        render(config_.issue_at_key("", "E401", message_,
                                    "look at the scale of the data; try prepare.standardize=true or a "
                                    "larger " +
                                        config_.penalty_key("start") + "; what was reached is in the run folder"),
               {session_.io().colour}));
  return report_.code(ending().code);
}

}  // namespace

int compare(const CommandLine& line, Streams& io) { return CompareRun(line, io).run(); }

}  // namespace tacit
