#include <tacit/cli/verbs/tune_table.hpp>

#include <algorithm>
#include <cmath>

#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/verbs/data_view.hpp>
#include <tacit/cli/verbs/tune_record.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

void print_plan(const Assembly& a, VerbSession& session) {
  session.say("minimise over w" + std::string(a.prepared.model().intercept ? ", b" : "") + ":  " + a.prepared.objective_text());
  session.say("validate on " + validation_text(a) + ", train on " + training_text(a) + ", " +
              std::to_string(a.prepared.x->cols()) + " features, " + std::to_string(a.problem.space.size()) + " hyperparameters");
  session.say("inner solver " + a.method.solver_name + ", hypergradient " + a.method.estimator_name + ", outer optimizer " +
              a.config.outer.optimizer);
  for (const std::string& note : a.method.notes) session.say(note);
  const std::string caution = a.prepared.task().caution();
  if (a.problem.space.size() > 0 && !caution.empty()) session.say(caution);
}

namespace {

/// What the coefficients are where they are no solution.
std::string iterate_text(const Assembly& a) {
  return "after exactly " + std::to_string(a.config.inner.max_steps().value_or(0)) + " steps of " + a.method.solver_name +
         " from the start (inner.response: iterate), as asked; no solution";
}

/// "1.3 s: 0.2 s reading and start, 0.9 s outer steps, 0.2 s final fit and report"
std::string times_text(const TuneResults& r, const VerbSession& session) {
  const auto text = [](double s) { return short_number(std::round(1000 * s) / 1000) + " s"; };
  const double all = session.seconds();
  return text(all) + ": " + text(r.begun) + " reading and start, " + text(r.summary.seconds) + " outer steps, " +
         text(std::max(0.0, all - r.begun - r.summary.seconds)) + " final fit and report";
}

/// "3.2 +- 0.1 (the penalties times 2.5)"
std::string one_se_text(const Selection& s) {
  const OneSe& o = *s.one_se;
  return loss_text(o.loss) + (o.factor > 1 ? " (the penalties times " + short_number(o.factor) + ")" : " (the best itself)") +
         (o.edge ? ", the end of their range" : "") + (s.cut ? "; time ended the search" : "");
}

}  // namespace

std::vector<std::pair<std::string, std::string>> closing_table(const TuneResults& r, const Assembly& a,
                                                               const VerbSession& session,
                                                               std::pair<std::string, std::string> report) {
  std::vector<std::pair<std::string, std::string>> rows;
  const std::string status = status_word(r.summary);
  rows.push_back({"status", status + (r.summary.doubt.empty() ? "" : ": " + r.summary.doubt)});
  rows.push_back({"stopped", r.summary.message.empty() ? to_string(r.summary.reason) : r.summary.message});
  rows.push_back({"outer steps", std::to_string(r.summary.steps)});
  rows.push_back({"time", times_text(r, session)});
  if (r.best) {
    rows.push_back({"best loss", loss_text(r.best->loss) + " (step " + std::to_string(r.summary.best.step) + ")"});
    if (r.selection.one_se) rows.push_back({"one-se loss", one_se_text(r.selection)});
    for (auto& row : r.beside->rows()) rows.push_back(std::move(row));
    rows.push_back({"gain", gains_text(r.gains.validation, r.gains.chosen)});
    rows.push_back({"validation", metrics_text(r.final_score->metrics)});
    if (!r.pull.text().empty()) rows.push_back({"pull", r.pull.text()});
  }
  if (r.nested) rows.push_back(r.nested->row());
  if (r.test) rows.push_back({"test", loss_text(r.test->loss) + ", " + metrics_text(r.test->metrics)});
  if (r.test)
    for (auto& row : r.beside->test_rows()) rows.push_back(std::move(row));
  if (r.gains.test) rows.push_back({"gain on test rows", gains_text(*r.gains.test, false)});
  if (a.config.inner.iterates()) rows.push_back({"coefficients", iterate_text(a)});
  const std::size_t shown = std::min<std::size_t>(r.hyper.size(), 12);
  for (std::size_t i = 0; i < shown; ++i)
    rows.push_back({r.hyper[i].name, brief_number(r.hyper[i].value) + (r.hyper[i].at_bound ? "  (end of its range)" : "")});
  if (shown < r.hyper.size()) rows.push_back({"...", std::to_string(r.hyper.size() - shown) + " more in hyper.csv"});
  for (const std::string& text : elsewhere_lines(r, a)) rows.push_back({"the same in", text});
  // In iterations of a solver that is no map it is worth nothing that could be counted.
  if (const Diagnostics& d = r.summary.last.diagnostics;
      !asks_for_values_alone(a.config.outer.optimizer) && std::isfinite(d.implicit_truncation) && d.truncation_map == "own")
    rows.push_back({"warm start", warm_start_worth(d.implicit_truncation) + " at the last step, which ran " +
                                      std::to_string(d.inner_steps) + " of its own"});
  rows.push_back({"hypergradient", asks_for_values_alone(a.config.outer.optimizer) ? "none was asked for"
                                   : !std::isnan(r.summary.worst_error)
                                       ? "worst estimated error " + short_number(r.summary.worst_error)
                                   : a.config.diagnostics.level == "off" ? "its error was not estimated (diagnostics.level)"
                                                                         : "error not known"});
  rows.push_back(
      {"work", std::to_string(r.summary.work.gradients) + " gradients, " + std::to_string(r.summary.work.hessian_products) +
                   " Hessian products; diagnostics apart: " + std::to_string(r.summary.diagnostic_work.inner_units())});
  rows.push_back({"warnings", session.warnings().all().empty() ? "none" : std::to_string(session.warnings().all().size())});
  rows.push_back({"run folder", session.folder().string()});
  rows.push_back(std::move(report));
  return rows;
}

}  // namespace tacit
