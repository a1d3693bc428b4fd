// tacit tune.
#include <tacit/cli/verbs/tune.hpp>

#include <algorithm>
#include <cmath>
#include <optional>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/run/trace_files.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/report.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tune_record.hpp>
#include <tacit/cli/verbs/tune_results.hpp>
#include <tacit/cli/verbs/tune_table.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/threads.hpp>

namespace tacit {

RunConfig load_config(const CommandLine& line, const Strategies& strategies) {
  require_files(line, 1, 1, "tacit " + line.verb + " CONFIG [key.path=value ...]");
  return load_run_file(line.files.front(), line.overrides, strategies.catalog);
}

Issue failure_issue(const Assembly& a, const std::string& message, const std::string& where) {
  const char* scale = a.prepared.scaling.active() ? "try " : "look at the scale of the data; try prepare.standardize=true, ";
  return a.config.issue_at_key("", "E401", message,
                               scale + std::string("another inner.solver, or a larger ") + a.config.penalty_key("start") + where);
}

namespace {

Issue fail_issue(const Assembly& a, double worst) {
  const double limit = *a.config.diagnostics.fail_error;
  return a.config.issue_at_key(
      "diagnostics.fail_error", "E501",
      (std::isnan(worst) ? "a hypergradient error that is not known counts as above diagnostics.fail_error, "
                         : "the worst estimated hypergradient error, " + short_numbers({worst, limit})[0] +
                               ", is above diagnostics.fail_error, ") +
          exact_number(limit),
      "give the inner solver and the estimator more steps or tighter tolerances; trace.csv has the error "
      "of every step");
}

/// One run of `tune`, step by step.
class TuneRun {
public:
  TuneRun(const CommandLine& line, Streams& io) : session_(line, io) {}
  int run();

private:
  void find_start();
  Summary follow(Vec theta0);
  void leave_files();
  void phase_ends(const char* name) { results_.phases.end(name, session_.seconds(), a_ ? a_->account->read() : Work{}); }

  VerbSession session_;
  std::unique_ptr<Assembly> a_;
  TuneResults results_;
  ReportLeft report_;
  std::optional<IoError> disk_;  ///< why the run folder cannot be written any more
};

/// What an estimator with a target did in a step.
std::string aimed_text(const Diagnostics& d) {
  if (std::isnan(d.sensitivity)) return {};
  const std::string taped = std::isnan(d.window) ? "" : ", " + number_text(d.window) + " of them at taped states";
  return "; " + std::to_string(d.inner_steps) + " inner steps, " + number_text(d.linear_steps) + " steps of the adjoint" + taped +
         ", sensitivity " + short_number(d.sensitivity);
}

/// Of limits.time, which is that of the whole command: for the final fit and the report.
double kept_for_the_end(const RunConfig& c) {
  constexpr double kShare = 0.1, kMost = 10;  // seconds
  return c.limits.time.seconds ? std::min(kShare * *c.limits.time.seconds, kMost) : 0;
}

Summary TuneRun::follow(Vec theta0) {
  const RunConfig& c = a_->config;
  const auto oracle = run_oracle(*a_, oracle_options(c));
  auto optimizer = make_optimizer(c, session_.strategies());
  DriverOptions driver = driver_options(*a_, c);
  driver.near = a_->kept;
  driver.time_limit = c.limits.time.seconds;
  driver.time_used = session_.seconds() + kept_for_the_end(c);
  TraceFiles trace([&](const std::string& name) { return session_.file(name); }, a_->problem.space);
  const RunFacts facts = run_facts_of(*a_, c);
  const auto observer = [&](const StepRecord& r) {
    try {
      trace.add(r);
    } catch (const IoError& e) {
      disk_ = e;
    }
    session_.log("step " + std::to_string(r.step) + " outer_loss " + number_text(r.outer_loss) +
                 (r.hypergradient.size() > 0 ? " hypergradient_norm " + number_text(r.hypergradient_norm) : "") +
                 aimed_text(r.diagnostics));
    for (const Warning& w : step_warnings(r, facts)) session_.warn(w);
    session_.progress().show(r, driver.max_steps);
  };
  if (driver.time_limit) a_->interrupter->limit(std::max(0.0, *driver.time_limit - driver.time_used));
  Summary s = solve(driver, a_->problem.space, *oracle, *optimizer, theta0, {observer},
                    [this] { return disk_ || interrupting_signal() != 0; });
  try {
    trace.finish();
  } catch (const IoError& e) {
    disk_ = e;
  }
  if (a_->held_equal && s.reason == StopReason::step_limit) {
    s.reason = StopReason::tolerance;
    s.message = "the penalties are held equal, as " + c.penalty_key("pull") + " chose, and their common value is tuned";
  }
  if (disk_) {
    s.reason = StopReason::failed;
    s.message = "the run folder can no longer be written; the best point so far is shown";
  }
  return s;
}

/// The files of the end. On a disk that is full what the run found is still shown, and run.json does not say "running" for ever.
void TuneRun::leave_files() {
  report_.row = {"report", "not written"};
  try {
    if (!disk_) {
      if (results_.best) write_results(results_, *a_, session_);
      session_.write("run.json", json_text(run_json(results_, *a_, session_)));
      report_ = leave_report(session_);
    }
  } catch (const IoError& e) {
    disk_ = e;
  }
  if (!disk_) return;
  results_.summary.reason = StopReason::failed;
  session_.progress().message(std::string("error: ") + disk_->what());
  overwrite_shorter(session_.folder() / "run.json", failed_text(run_facts(*a_, session_), disk_->what()));
}

/// What is wrong with a given start is said before there is a folder; a search may take long, and has one.
void TuneRun::find_start() {
  const std::optional<Vec> given = given_point(*a_);
  if (given)
    fix_steps(*a_, *given, session_.strategies());
  else
    trial_steps(*a_, session_.strategies());
  session_.open(a_->config);
  session_.write("run.json", begun_text(run_facts(*a_, session_)));
  if (a_->problem.space.size() > 1) session_.progress().begin("choosing how far the penalties are pulled together");
  results_.pull = settle_pull(*a_, session_.strategies());
  session_.progress().begin("looking for the start of the hyperparameters");
  results_.start = start_values(*a_, given ? *given : starting_point(*a_, session_.strategies()));
  if (!given && a_->config.inner.iterates())  // steps are numbers by now
    session_.write("config.resolved.yaml", to_yaml(a_->config, session_.strategies().catalog));
  tune_single_penalty(*a_);
}

int TuneRun::run() {
  RunConfig config = load_config(session_.line(), session_.strategies());
  if (session_.line().print_config) {
    session_.io().out << to_yaml(config, session_.strategies().catalog);
    return kDone;
  }
  const ThreadScope threads(threads_asked(config));
  try {
    session_.progress().begin("reading the data");
    a_ = assemble(config, session_.strategies(), RowsUsed::train_part, [this] { phase_ends("reading"); });
    phase_ends("preparation");
    find_start();
  } catch (const UsageError& e) {
    throw RunFileError({config.issue_of(e)});
  }
  print_plan(*a_, session_);
  warn_of_data(session_, a_->prepared);
  session_.progress().begin("evaluating the start");
  results_.begun = session_.seconds();
  phase_ends("start");
  results_.summary = follow(results_.start.theta);
  phase_ends("outer_steps");
  session_.progress().begin("fitting the final model");
  if (!solutions(results_.summary.best_evaluation).empty()) {
    compute_results(results_, *a_, session_);
    warn_of_results(results_, *a_, session_);
  }
  phase_ends("closing");
  const Ending ending = ending_of(results_.summary.reason, !results_.summary.doubt.empty());
  leave_files();
  session_.progress().clear();
  if (session_.line().json)
    session_.io().out << json_text(result_json(results_, *a_, session_));
  else if (!session_.line().quiet)
    session_.io().out << aligned(closing_table(results_, *a_, session_, report_.row));
  if (disk_) return kInternal;
  if (ending.code == kNumerical) {  // said even where no table is printed
    const Issue issue = failure_issue(*a_, results_.summary.message, "; what was reached is in the run folder");
    session_.progress().message(render(issue, {session_.io().colour}));
  }
  const auto& fail = a_->config.diagnostics.fail_error;
  const double worst = results_.summary.unknown_errors > 0 ? kMissing : results_.summary.worst_error;
  if (ending.code == kDone && fail && !(worst <= *fail)) {
    session_.progress().message(render(fail_issue(*a_, worst), {session_.io().colour}));
    return kQuality;
  }
  return report_.code(ending.code);
}

}  // namespace

int tune(const CommandLine& line, Streams& io) { return TuneRun(line, io).run(); }

}  // namespace tacit
