// tacit tune.
#include <tacit/cli/verbs/tune.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <optional>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/trace.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/gains.hpp>
#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/run/trace_files.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/baselines.hpp>
#include <tacit/cli/verbs/data_view.hpp>
#include <tacit/cli/verbs/model_pictures.hpp>
#include <tacit/cli/verbs/nested.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/cli/verbs/report.hpp>
#include <tacit/cli/verbs/selection.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tuning.hpp>
#include <tacit/cli/verbs/verb_session.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>

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

using nlohmann::json;

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
  void select();
  void print_plan();
  Summary follow(Vec theta0);
  void compute_results();
  void judge_procedure();
  void write_results();
  void warn_of_results();
  void warn_of_many();
  void leave_files();
  void write_predictions();
  Gains gains(const std::function<bool()>& stop) const;
  void fit_final_model(In u, In x, const FinalWork& work);
  std::string times_text() const;
  std::string one_se_text() const;
  json point_json(In theta, double factor, const MeanLoss& loss) const;
  std::vector<std::string> elsewhere() const;
  std::vector<std::pair<std::string, std::string>> table() const;
  json run_json() const;
  json result_json() const;

  VerbSession session_;
  std::unique_ptr<Assembly> a_;
  StartValues start_;
  PullChoice pull_;
  double begun_ = 0;  ///< seconds from the begin of the command to that of the outer steps
  Summary summary_;
  std::vector<HyperRow> hyper_;
  Selection selection_;
  bool one_se_taken_ = false;                 ///< the final model is that of one-se
  Vec theta_;                                 ///< of the final model: the best row's, or one-se
  Vec chosen_u() const;                       ///< theta_ in natural units, to the bit those of the row
  std::vector<Vec> chosen_;                   ///< its solutions of the parts
  std::optional<Score> best_, final_, test_;  ///< of the best row; of the final model's point; of the final model
  std::optional<Baselines> beside_;
  std::optional<Nested> nested_;
  Gains gains_;
  std::optional<FinalFit> fit_;
  ReportLeft report_;
  std::optional<IoError> disk_;  ///< why the run folder cannot be written any more
};

void TuneRun::print_plan() {
  const Assembly& a = *a_;
  session_.say("minimise over w" + std::string(a.prepared.model().intercept ? ", b" : "") + ":  " + a.prepared.objective_text());
  session_.say("validate on " + validation_text(a) + ", train on " + training_text(a) + ", " +
               std::to_string(a.prepared.x->cols()) + " features, " + std::to_string(a.problem.space.size()) +
               " hyperparameters");
  session_.say("inner solver " + a.method.solver_name + ", hypergradient " + a.method.estimator_name + ", outer optimizer " +
               a.config.outer.optimizer);
  for (const std::string& note : a.method.notes) session_.say(note);
  const std::string caution = a.prepared.task().caution();
  if (a.problem.space.size() > 0 && !caution.empty()) session_.say(caution);
}

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

Vec TuneRun::chosen_u() const {
  if (theta_ == summary_.best_evaluation.theta) return summary_.best_evaluation.u;
  return natural_values(a_->problem.space, theta_);
}

void TuneRun::write_predictions() {
  const Prepared& p = a_->prepared;
  const Validation& v = a_->validation;
  const HeldOut rows = held_out(v, chosen_, chosen_u());
  std::vector<std::size_t> order(rows.row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return rows.row[a] < rows.row[b]; });
  PredictionExtra extra;
  Vec margin(rows.margin.size());
  for (std::size_t k = 0; k < order.size(); ++k) {
    const std::size_t i = order[k];
    margin[static_cast<Index>(k)] = rows.margin[static_cast<Index>(i)];
    extra.row.push_back(p.data->row[static_cast<std::size_t>(rows.row[i])]);
    extra.fold.push_back(v.row_score() ? std::to_string(k + 1)
                         : v.holdout() ? "validation"
                                       : std::to_string(rows.part[i] % v.folds + 1));
    if (v.repeats > 1) extra.repeat.push_back(rows.part[i] / v.folds + 1);
    const double y = rows.y[static_cast<Index>(i)];
    extra.target.push_back(p.labels.empty() ? number_text(y) : p.labels[y > 0]);
  }
  session_.write("predictions.csv", predictions_csv(fit_->model, margin, extra));
}

/// Solutions of the parts, and where.
struct Solved {
  std::vector<Vec> x;
  Vec u;
};

/// What tuning gained on the rows that are held out: over the intercept alone, and over start and single penalty with these
/// solutions.
PairedGains held_out_gains(const Validation& v, const Solved& chosen, const Solved& start, const Solved& single) {
  const HeldOut rows = held_out(v, chosen.x, chosen.u);
  const Vec loss = row_losses(v, rows);
  PairedGains g;
  g.over_intercept = paired_gain(v, rows, row_losses(v, held_out_constant(v)), loss);
  const auto over = [&](const Solved& other) { return paired_gain(v, rows, row_losses(v, held_out(v, other.x, other.u)), loss); };
  if (!single.x.empty()) g.over_single = over(single);
  if (!start.x.empty()) g.over_start = over(start);
  return g;
}

/// What tuning gained on rows that its final model and those of start and single penalty have in common.
PairedGains gains_on(const Prepared& p, const std::vector<Index>& rows, In x, const std::optional<Vec>& start,
                     const std::optional<Vec>& single) {
  PairedGains g;
  g.over_intercept = gain_over(p, rows, intercept_losses(p, rows), x);
  if (single) g.over_single = gain_over(p, rows, row_losses(p, rows, *single), x);
  if (start) g.over_start = gain_over(p, rows, row_losses(p, rows, *start), x);
  return g;
}

Gains TuneRun::gains(const std::function<bool()>& stop) const {
  const HyperSpace& space = a_->problem.space;
  const Prepared& p = a_->prepared;
  const Evaluation& start = summary_.start_evaluation;
  const bool moved = summary_.best.step > 0, tunes = space.size() > 0;
  Gains g;
  g.folded = !a_->validation.holdout();
  g.searched = tunes && !a_->first_point && a_->config.penalty().start.is_auto();
  g.chosen = moved || g.searched || a_->first_point;
  const std::vector<Vec> begun = tunes && std::isfinite(start.value) ? solutions(start) : std::vector<Vec>{};
  // Penalties that are held equal are the single one.
  const bool many = !a_->held_equal;
  const Solved single =
      many && beside_->single ? Solved{beside_->single_x, Vec::Constant(space.size(), *beside_->single)} : Solved{};
  g.validation = held_out_gains(a_->validation, {chosen_, chosen_u()}, {begun, start.u}, single);
  const bool two = selection_.one_se && selection_.one_se->factor > 1;  // best and one-se are not the same point
  if (two) {
    const MeanLoss& gain = selection_.one_se->best_gain;
    if (one_se_taken_)
      g.validation.over_best = {-gain.mean, gain.standard_error};
    else
      g.validation.over_one_se = gain;
  }
  if (p.rows.test.empty()) return g;
  std::optional<Vec> from;
  if (!begun.empty()) from = begun.front();
  try {
    if (from) from = moved ? final_fit(*a_, natural_values(space, start.theta, &start_), *from, stop).x : fit_->x;
  } catch (const Interruption&) {
    from.reset();
  }
  g.test = gains_on(fit_->prepared, p.rows.test, fit_->x, from, many ? beside_->single_x_test : std::nullopt);
  if (two && beside_->other)
    (one_se_taken_ ? g.test->over_best : g.test->over_one_se) =
        gain_over(fit_->prepared, p.rows.test, row_losses(fit_->prepared, p.rows.test, beside_->other->x), fit_->x);
  return g;
}

ElsewhereFit elsewhere_fit(const FinalFit& f) {
  const Dataset& data = *f.prepared.data;
  ElsewhereFit e;
  // Weights of a file go into the script number by number.
  e.weight_column = data.weight_column;
  e.data = fit_rows(data, f.prepared.rows.train, e.weight_column, data.validation_target, data.test_target);
  e.class_weight = f.prepared.class_weights;
  e.intercept = f.prepared.model().intercept;
  e.standardize = f.prepared.scaling.active();
  e.centre = !f.prepared.x->sparse;
  e.mean_reduction = f.prepared.model().reduction == Reduction::mean;
  e.l2 = f.l2;
  return e;
}

/// Where its time is over, or a signal asks for the end, the tuned model is what is left.
void TuneRun::fit_final_model(In u, In x, const FinalWork& work) {
  try {
    fit_ = final_fit(*a_, u, x, [&] { return work.due(); });
    return;
  } catch (const Interruption&) {
    fit_ = unrefitted(*a_, u, x);
  }
  const bool signalled = work.signalled();
  if (signalled && summary_.reason != StopReason::interrupted) {
    summary_.reason = StopReason::interrupted;
    summary_.message = "interrupted while the final model was fitted; the best point is kept";
  }
  session_.warn(
      {"W312", "result", std::string("the final fit was ended by ") + (signalled ? "a signal." : "limits.time."),
       (a_->validation.row_score() ? std::string("model.json has the coefficients that were tuned, fitted on all rows.")
        : a_->validation.holdout() ? "model.json has the coefficients that were tuned, fitted on the training rows without "
                                     "the validation rows. outer.refit=false asks for just that" +
                                         std::string(signalled ? "." : "; a larger limits.time leaves time for the fit.")
                                   : "model.json has the coefficients of " + a_->validation.names.front() +
                                         ", fitted without the rows that it holds out. " +
                                         (signalled ? "Run it again for a fit on all rows."
                                                    : "A larger limits.time leaves time for the fit on all rows."))});
}

void TuneRun::compute_results() {
  if (summary_.reason == StopReason::interrupted && a_->config.outer.refit)
    session_.say("interrupted; the final model is being fitted, and another signal ends that too");
  // What closes a run has a moment even where its limit is passed.
  const double grace = std::chrono::duration<double>(Interrupter::kGrace).count();
  const auto limit = a_->config.limits.time.seconds;
  const FinalWork work(limit ? std::max(grace, *limit - session_.seconds()) : std::numeric_limits<double>::infinity());
  const auto stop = [&] { return work.due(); };
  const Prepared& p = a_->prepared;
  select();
  if (a_->config.output.predictions || a_->problem.space.size() > 0) hyper_ = hyper_rows(a_->problem.space, theta_, start_);
  fit_final_model(natural_values(a_->problem.space, theta_, &start_), chosen_.front(), work);
  if (!p.rows.test.empty()) test_ = score(fit_->prepared, p.rows.test, fit_->x);
  add_coefficients(selection_, *a_, fit_->model.coefficients.cwiseProduct(column_deviations(*fit_)), stop);
  std::optional<std::pair<const char*, Vec>> other;
  if (one_se_taken_)
    other = {"best", summary_.best_evaluation.theta};
  else if (selection_.one_se)
    other = {"one-se", selection_.one_se->theta};
  beside_ = baselines(*a_, chosen_, *fit_, other, stop);
  gains_ = gains(stop);
  judge_procedure();
  fit_->model.metrics = final_->metrics;
}

/// The path and one-se, within half of what is left of limits.time; then the point of the final model.
void TuneRun::select() {
  const Evaluation& best = summary_.best_evaluation;
  theta_ = best.theta;
  chosen_ = solutions(best);
  best_ = final_ = score(a_->validation, chosen_, best.u);
  if (summary_.reason == StopReason::interrupted || a_->problem.space.size() == 0) return;
  session_.progress().begin("the path over the penalty, and one standard error");
  a_->interrupter = std::make_shared<Interrupter>();
  if (const auto limit = a_->config.limits.time.seconds) a_->interrupter->limit(std::max(0.0, (*limit - session_.seconds()) / 2));
  selection_ = select_around(*a_, theta_, [asked = a_->interrupter] { return asked->asked(); });
  if (a_->config.outer.select != "one-se") return;
  try {
    if (!selection_.one_se) throw Interruption();
    chosen_ = fits_of_parts(*a_, natural_values(a_->problem.space, selection_.one_se->theta), chosen_, {});
    theta_ = selection_.one_se->theta;
    one_se_taken_ = true;
    final_ = score(a_->validation, chosen_, chosen_u());
  } catch (const Interruption&) {
    session_.warn({"W315", "result", "one-se is not known, so the final model is that of the best row.",
                   "Give the run more time (limits.time), or more rows that validate."});
  }
}

/// validation.outer_folds: the run again on each part of the rows, within what is left of limits.time.
void TuneRun::judge_procedure() {
  const Index folds = a_->config.validation.outer_folds;
  if (folds == 0 || summary_.reason == StopReason::interrupted) return;
  const auto limit = a_->config.limits.time.seconds;
  a_->interrupter = std::make_shared<Interrupter>();
  if (limit) a_->interrupter->limit(std::max(0.0, *limit - session_.seconds()));
  std::string why;
  const auto begin = [&](std::size_t k) {
    session_.progress().begin("the whole procedure without outer fold " + std::to_string(k + 1) + " of " + std::to_string(folds));
  };
  nested_ = nested_loss(*a_, session_.strategies(), begin, why);
  if (!nested_)
    session_.warn({"W318", "result", "the loss of the whole procedure on outer folds is not known: " + why + ".",
                   "Use fewer folds (validation.folds, validation.outer_folds), or give the run more time (limits.time)."});
}

void TuneRun::write_results() {
  if (a_->config.output.predictions) write_predictions();
  session_.write("hyper.csv", hyper_csv(hyper_));
  if (!selection_.path.empty()) session_.write("path.csv", selection_.path_csv());
  write_model(fit_->model, session_.file("model.json"));
  if (!a_->config.inner.iterates())
    write_elsewhere([this](const std::string& name) { return session_.file(name); }, fit_->model, elsewhere_fit(*fit_));
}

/// What is to be known of the result.
void TuneRun::warn_of_results() {
  const Prepared& p = a_->prepared;
  if (fit_->solve && !fit_->solve->reached())
    session_.warn(
        {"W312", "result", fit_->solve->message + ".",
         "The coefficients of model.json are the best that were found. Try prepare.standardize=true, a stronger penalty, "
         "or outer.refit=false."});
  // Where there is nothing to learn a wider range is no remedy.
  if (target_warnings(p).empty())
    for (const Warning& w : bound_warnings(hyper_, a_->first_point.has_value())) session_.warn(w);
  warn_of_many();
}

/// More freedom than the rows can pay for.
void TuneRun::warn_of_many() {
  constexpr Index kRowsEach = 10;
  const Index count = a_->problem.space.size(), rows = static_cast<Index>(held_out_rows(a_->validation));
  if (count < 2 || a_->held_equal) return;
  if (rows < kRowsEach * count)
    session_.warn({"W311", "result",
                   "there are " + std::to_string(count) + " hyperparameters for " + std::to_string(rows) +
                       " validation rows, fewer than " + std::to_string(kRowsEach) +
                       " rows each; the validation loss is then fitted by them, and says little of new rows.",
                   "Use " + a_->config.penalty_key("per") + "=all or group, or more validation rows."});
  if (const auto remark = remark_on_many(gains_)) session_.warn({"W314", "result", remark->what, remark->advice});
}

/// What the coefficients are where they are no solution.
std::string iterate_text(const Assembly& a) {
  return "after exactly " + std::to_string(a.config.inner.max_steps().value_or(0)) + " steps of " + a.method.solver_name +
         " from the start (inner.response: iterate), as asked; no solution";
}

/// The final penalty in the units of other tools, a line each.
std::vector<std::string> TuneRun::elsewhere() const {
  if (!fit_ || a_->config.inner.iterates()) return {};  // no other tool makes these steps
  return lambda_elsewhere_lines(lambda_elsewhere(fit_->model.kind, fit_->l2, fit_->weight_sum, fit_->sd_y,
                                                 fit_->prepared.model().reduction == Reduction::mean));
}

std::vector<std::pair<std::string, std::string>> TuneRun::table() const {
  std::vector<std::pair<std::string, std::string>> rows;
  const std::string status = status_word(summary_);
  rows.push_back({"status", status + (summary_.doubt.empty() ? "" : ": " + summary_.doubt)});
  rows.push_back({"stopped", summary_.message.empty() ? to_string(summary_.reason) : summary_.message});
  rows.push_back({"outer steps", std::to_string(summary_.steps)});
  rows.push_back({"time", times_text()});
  if (best_) {
    rows.push_back({"best loss", loss_text(best_->loss) + " (step " + std::to_string(summary_.best.step) + ")"});
    if (selection_.one_se) rows.push_back({"one-se loss", one_se_text()});
    for (auto& row : beside_->rows()) rows.push_back(std::move(row));
    rows.push_back({"gain", gains_text(gains_.validation, gains_.chosen)});
    rows.push_back({"validation", metrics_text(final_->metrics)});
    if (!pull_.text().empty()) rows.push_back({"pull", pull_.text()});
  }
  if (nested_) rows.push_back(nested_->row());
  if (test_) rows.push_back({"test", loss_text(test_->loss) + ", " + metrics_text(test_->metrics)});
  if (test_)
    for (auto& row : beside_->test_rows()) rows.push_back(std::move(row));
  if (gains_.test) rows.push_back({"gain on test rows", gains_text(*gains_.test, false)});
  if (a_->config.inner.iterates()) rows.push_back({"coefficients", iterate_text(*a_)});
  const std::size_t shown = std::min<std::size_t>(hyper_.size(), 12);
  for (std::size_t i = 0; i < shown; ++i)
    rows.push_back({hyper_[i].name, brief_number(hyper_[i].value) + (hyper_[i].at_bound ? "  (end of its range)" : "")});
  if (shown < hyper_.size()) rows.push_back({"...", std::to_string(hyper_.size() - shown) + " more in hyper.csv"});
  for (const std::string& text : elsewhere()) rows.push_back({"the same in", text});
  // In iterations of a solver that is no map it is worth nothing that could be counted.
  if (const Diagnostics& d = summary_.last.diagnostics;
      !asks_for_values_alone(a_->config.outer.optimizer) && std::isfinite(d.implicit_truncation) && d.truncation_map == "own")
    rows.push_back({"warm start", warm_start_worth(d.implicit_truncation) + " at the last step, which ran " +
                                      std::to_string(d.inner_steps) + " of its own"});
  rows.push_back({"hypergradient", asks_for_values_alone(a_->config.outer.optimizer) ? "none was asked for"
                                   : !std::isnan(summary_.worst_error)
                                       ? "worst estimated error " + short_number(summary_.worst_error)
                                   : a_->config.diagnostics.level == "off" ? "its error was not estimated (diagnostics.level)"
                                                                           : "error not known"});
  rows.push_back({"work", std::to_string(summary_.work.gradients) + " gradients, " +
                              std::to_string(summary_.work.hessian_products) +
                              " Hessian products; diagnostics apart: " + std::to_string(summary_.diagnostic_work.inner_units())});
  rows.push_back({"warnings", session_.warnings().all().empty() ? "none" : std::to_string(session_.warnings().all().size())});
  rows.push_back({"run folder", session_.folder().string()});
  rows.push_back(report_.row);
  return rows;
}

/// "1.3 s: 0.2 s reading and start, 0.9 s outer steps, 0.2 s final fit and report"
std::string TuneRun::times_text() const {
  const auto text = [](double s) { return short_number(std::round(1000 * s) / 1000) + " s"; };
  const double all = session_.seconds();
  return text(all) + ": " + text(begun_) + " reading and start, " + text(summary_.seconds) + " outer steps, " +
         text(std::max(0.0, all - begun_ - summary_.seconds)) + " final fit and report";
}

/// "3.2 +- 0.1 (the penalties times 2.5)"
std::string TuneRun::one_se_text() const {
  const OneSe& o = *selection_.one_se;
  return loss_text(o.loss) + (o.factor > 1 ? " (the penalties times " + short_number(o.factor) + ")" : " (the best itself)") +
         (o.edge ? ", the end of their range" : "") + (selection_.cut ? "; time ended the search" : "");
}

json TuneRun::point_json(In theta, double factor, const MeanLoss& loss) const {
  return {{"factor", number_json(factor)},
          {"outer_loss", number_json(loss.mean)},
          {"loss_standard_error", number_json(loss.standard_error)},
          {"hyperparameters", hyper_json(a_->problem.space, natural_values(a_->problem.space, theta))}};
}

json TuneRun::result_json() const {
  const json all = summary_json(summary_, a_->problem.space, start_);
  json j{{"metrics", final_ ? score_json(*final_) : json(nullptr)},
         {"test", test_ ? score_json(*test_) : json(nullptr)},
         {"gain", best_ ? gains_json(gains_) : json(nullptr)},
         {"seconds", session_.seconds()},
         {"warnings", session_.warnings().json()},
         {"output", session_.folder().string()}};
  j["nested"] = nested_ ? nested_->json() : json(nullptr);
  for (const char* key : {"status", "message", "doubt", "best", "outer_steps", "work"}) j[key] = all.at(key);
  if (best_ && j["best"].is_object()) {
    j["best"]["factor"] = 1;
    j["best"]["loss_standard_error"] = number_json(best_->loss.standard_error);
  }
  const auto& one_se = selection_.one_se;
  j["one_se"] = one_se ? point_json(one_se->theta, one_se->factor, one_se->loss) : json(nullptr);
  if (beside_ && beside_->other) j[one_se_taken_ ? "best" : "one_se"]["test"] = score_json(beside_->other->test);
  j["selected"] = a_->config.outer.select;
  j["path_evaluations"] = selection_.evaluations;
  j["pull"] = pull_.json();
  j.update(beside_ ? beside_->json() : json{{"intercept_alone", nullptr}, {"single_penalty", nullptr}});
  return j;
}

json TuneRun::run_json() const {
  json j = run_facts(*a_, session_);
  j["phase_seconds"] = {{"reading_and_start", begun_}, {"outer_steps", summary_.seconds}};
  j.update(summary_json(summary_, a_->problem.space, start_));
  j.update(thresholds_json(a_->config.diagnostics.warn_error, a_->config.diagnostics.fail_error));
  j.update(result_json());
  j["elsewhere"] = elsewhere();
  j["target"] = target_json(a_->prepared);
  j["coefficients"] = fit_ ? coefficients_json(*fit_) : json(nullptr);
  j["held_out"] = best_ ? held_out_json(a_->validation, chosen_, chosen_u()) : json(nullptr);
  const Refit* refit = fit_ && fit_->solve ? &*fit_->solve : nullptr;
  j["refit"] =
      refit ? json{{"status", to_string(refit->status)}, {"gradient_norm", number_json(refit->gradient_norm)}} : json(nullptr);
  return j;
}

/// The files of the end. On a disk that is full what the run found is still shown, and run.json does not say "running" for ever.
void TuneRun::leave_files() {
  report_.row = {"report", "not written"};
  try {
    if (!disk_) {
      if (best_) write_results();
      session_.write("run.json", json_text(run_json()));
      report_ = leave_report(session_);
    }
  } catch (const IoError& e) {
    disk_ = e;
  }
  if (!disk_) return;
  summary_.reason = StopReason::failed;
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
  pull_ = settle_pull(*a_, session_.strategies());
  session_.progress().begin("looking for the start of the hyperparameters");
  start_ = start_values(*a_, given ? *given : starting_point(*a_, session_.strategies()));
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
  try {
    session_.progress().begin("reading the data");
    a_ = assemble(config, session_.strategies());
    find_start();
  } catch (const UsageError& e) {
    throw RunFileError({config.issue_of(e)});
  }
  print_plan();
  warn_of_data(session_, a_->prepared);
  session_.progress().begin("evaluating the start");
  begun_ = session_.seconds();
  summary_ = follow(start_.theta);
  session_.progress().begin("fitting the final model");
  if (!solutions(summary_.best_evaluation).empty()) {
    compute_results();
    warn_of_results();
  }
  const Ending ending = ending_of(summary_.reason, !summary_.doubt.empty());
  leave_files();
  session_.progress().clear();
  if (session_.line().json)
    session_.io().out << json_text(result_json());
  else if (!session_.line().quiet)
    session_.io().out << aligned(table());
  if (disk_) return kInternal;
  if (ending.code == kNumerical) {  // said even where no table is printed
    const Issue issue = failure_issue(*a_, summary_.message, "; what was reached is in the run folder");
    session_.progress().message(render(issue, {session_.io().colour}));
  }
  const auto& fail = a_->config.diagnostics.fail_error;
  const double worst = summary_.unknown_errors > 0 ? kMissing : summary_.worst_error;
  if (ending.code == kDone && fail && !(worst <= *fail)) {
    session_.progress().message(render(fail_issue(*a_, worst), {session_.io().colour}));
    return kQuality;
  }
  return report_.code(ending.code);
}

}  // namespace

int tune(const CommandLine& line, Streams& io) { return TuneRun(line, io).run(); }

}  // namespace tacit
