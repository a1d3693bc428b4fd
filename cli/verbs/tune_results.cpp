#include <tacit/cli/verbs/tune_results.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <utility>

#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/warnings.hpp>
#include <tacit/cli/verbs/model_pictures.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

Vec TuneResults::chosen_u(const HyperSpace& space) const {
  if (theta == summary.best_evaluation.theta) return summary.best_evaluation.u;
  return natural_values(space, theta);
}

namespace {

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

/// The same of the run's own final model. begun: solutions of the parts at the start, none where it has none.
PairedGains test_gains(const TuneResults& r, const Assembly& a, const std::vector<Vec>& begun, const Nearby& near) {
  const std::vector<Index>& rows = a.prepared.rows.test;
  const Prepared& fitted = r.fit->prepared;
  std::optional<Vec> from;
  if (!begun.empty()) from = begun.front();
  try {
    const Vec& theta = r.summary.start_evaluation.theta;
    if (from) from = r.left_start() ? final_fit(a, natural_values(a.problem.space, theta, &r.start), *from, near).x : r.fit->x;
  } catch (const Interruption&) {
    from.reset();
  }
  PairedGains g = gains_on(fitted, rows, r.fit->x, from, a.held_equal ? std::nullopt : r.beside->single_x_test);
  if (r.two_points() && r.beside->other)
    (r.one_se_taken ? g.over_best : g.over_one_se) =
        gain_over(fitted, rows, row_losses(fitted, rows, r.beside->other->x), r.fit->x);
  return g;
}

Gains all_gains(const TuneResults& r, const Assembly& a, const Nearby& near) {
  const HyperSpace& space = a.problem.space;
  const Evaluation& start = r.summary.start_evaluation;
  const bool tunes = space.size() > 0;
  Gains g;
  g.folded = !a.validation.holdout();
  g.searched = tunes && !a.first_point && a.config.penalty().start.is_auto();
  g.chosen = r.left_start() || g.searched || a.first_point;
  const std::vector<Vec> begun = tunes && std::isfinite(start.value) ? solutions(start) : std::vector<Vec>{};
  // Penalties that are held equal are the single one.
  const Solved single =
      !a.held_equal && r.beside->single ? Solved{r.beside->single_x, Vec::Constant(space.size(), *r.beside->single)} : Solved{};
  g.validation = held_out_gains(a.validation, {r.chosen, r.chosen_u(space)}, {begun, start.u}, single);
  if (r.two_points()) {
    const MeanLoss& gain = r.selection.one_se->best_gain;
    if (r.one_se_taken)
      g.validation.over_best = {-gain.mean, gain.standard_error};
    else
      g.validation.over_one_se = gain;
  }
  if (!a.prepared.rows.test.empty()) g.test = test_gains(r, a, begun, near);
  return g;
}

/// Where its time is over, or a signal asks for the end, the tuned model is what is left.
void fit_final_model(TuneResults& r, Assembly& a, VerbSession& session, In u, In x, const FinalWork& work) {
  try {
    r.fit = final_fit(a, u, x, {r.summary.best_evaluation, [&] { return work.due(); }});
    return;
  } catch (const Interruption&) {
    r.fit = unrefitted(a, u, x);
  }
  const bool signalled = work.signalled();
  if (signalled && r.summary.reason != StopReason::interrupted) {
    r.summary.reason = StopReason::interrupted;
    r.summary.message = "interrupted while the final model was fitted; the best point is kept";
  }
  session.warn(
      {"W312", "result", std::string("the final fit was ended by ") + (signalled ? "a signal." : "limits.time."),
       (a.validation.row_score() ? std::string("model.json has the coefficients that were tuned, fitted on all rows.")
        : a.validation.holdout() ? "model.json has the coefficients that were tuned, fitted on the training rows without "
                                   "the validation rows. outer.refit=false asks for just that" +
                                       std::string(signalled ? "." : "; a larger limits.time leaves time for the fit.")
                                 : "model.json has the coefficients of " + a.validation.names.front() +
                                       ", fitted without the rows that it holds out. " +
                                       (signalled ? "Run it again for a fit on all rows."
                                                  : "A larger limits.time leaves time for the fit on all rows."))});
}

/// The path and one-se, within half of what is left of limits.time; then the point of the final model.
void select(TuneResults& r, Assembly& a, VerbSession& session) {
  const Evaluation& best = r.summary.best_evaluation;
  r.theta = best.theta;
  r.chosen = solutions(best);
  r.best = r.final_score = score(a.validation, r.chosen, best.u);
  if (r.summary.reason == StopReason::interrupted || a.problem.space.size() == 0) return;
  session.progress().begin("the path over the penalty, and one standard error");
  a.interrupter = std::make_shared<Interrupter>();
  if (const auto limit = a.config.limits.time.seconds) a.interrupter->limit(std::max(0.0, (*limit - session.seconds()) / 2));
  r.selection = select_around(a, best, [asked = a.interrupter] { return asked->asked(); });
  if (a.config.outer.select != "one-se") return;
  try {
    if (!r.selection.one_se) throw Interruption();
    r.chosen = fits_of_parts(a, natural_values(a.problem.space, r.selection.one_se->theta), r.chosen, {best});
    r.theta = r.selection.one_se->theta;
    r.one_se_taken = true;
    r.final_score = score(a.validation, r.chosen, r.chosen_u(a.problem.space));
  } catch (const Interruption&) {
    session.warn({"W315", "result", "one-se is not known, so the final model is that of the best row.",
                  "Give the run more time (limits.time), or more rows that validate."});
  }
}

/// validation.outer_folds: the run again on each part of the rows, within what is left of limits.time.
void judge_procedure(TuneResults& r, Assembly& a, VerbSession& session) {
  const Index folds = a.config.validation.outer_folds;
  if (folds == 0 || r.summary.reason == StopReason::interrupted) return;
  const auto limit = a.config.limits.time.seconds;
  a.interrupter = std::make_shared<Interrupter>();
  if (limit) a.interrupter->limit(std::max(0.0, *limit - session.seconds()));
  std::string why;
  const auto begin = [&](std::size_t k) {
    session.progress().begin("the whole procedure without outer fold " + std::to_string(k + 1) + " of " + std::to_string(folds));
  };
  r.nested = nested_loss(a, session.strategies(), begin, why);
  if (!r.nested)
    session.warn({"W318", "result", "the loss of the whole procedure on outer folds is not known: " + why + ".",
                  "Use fewer folds (validation.folds, validation.outer_folds), or give the run more time (limits.time)."});
}

/// More freedom than the rows can pay for.
void warn_of_many(const TuneResults& r, const Assembly& a, VerbSession& session) {
  constexpr Index kRowsEach = 10;
  const Index count = a.problem.space.size(), rows = static_cast<Index>(held_out_rows(a.validation));
  if (count < 2 || a.held_equal) return;
  if (rows < kRowsEach * count)
    session.warn({"W311", "result",
                  "there are " + std::to_string(count) + " hyperparameters for " + std::to_string(rows) +
                      " validation rows, fewer than " + std::to_string(kRowsEach) +
                      " rows each; the validation loss is then fitted by them, and says little of new rows.",
                  "Use " + a.config.penalty_key("per") + "=all or group, or more validation rows."});
  if (const auto remark = remark_on_many(r.gains)) session.warn({"W314", "result", remark->what, remark->advice});
}

}  // namespace

void compute_results(TuneResults& r, Assembly& a, VerbSession& session) {
  if (r.summary.reason == StopReason::interrupted && a.config.outer.refit)
    session.say("interrupted; the final model is being fitted, and another signal ends that too");
  // What closes a run has a moment even where its limit is passed.
  const double grace = std::chrono::duration<double>(Interrupter::kGrace).count();
  const auto limit = a.config.limits.time.seconds;
  const FinalWork work(limit ? std::max(grace, *limit - session.seconds()) : std::numeric_limits<double>::infinity());
  const auto stop = [&] { return work.due(); };
  const Nearby near{r.summary.best_evaluation, stop};
  const Prepared& p = a.prepared;
  select(r, a, session);
  if (a.config.output.predictions || a.problem.space.size() > 0) r.hyper = hyper_rows(a.problem.space, r.theta, r.start);
  fit_final_model(r, a, session, natural_values(a.problem.space, r.theta, &r.start), r.chosen.front(), work);
  if (!p.rows.test.empty()) r.test = score(r.fit->prepared, p.rows.test, r.fit->x);
  add_coefficients(r.selection, a, r.fit->model.coefficients.cwiseProduct(column_deviations(*r.fit)), stop);
  std::optional<std::pair<const char*, Vec>> other;
  if (r.one_se_taken)
    other = {"best", r.summary.best_evaluation.theta};
  else if (r.selection.one_se)
    other = {"one-se", r.selection.one_se->theta};
  r.beside = baselines(a, r.chosen, *r.fit, other, near);
  r.gains = all_gains(r, a, near);
  judge_procedure(r, a, session);
  r.fit->model.metrics = r.final_score->metrics;
}

void warn_of_results(const TuneResults& r, const Assembly& a, VerbSession& session) {
  const Prepared& p = a.prepared;
  if (r.fit->solve && !r.fit->solve->reached())
    session.warn(
        {"W312", "result", r.fit->solve->message + ".",
         "The coefficients of model.json are the best that were found. Try prepare.standardize=true, a stronger penalty, "
         "or outer.refit=false."});
  // Where there is nothing to learn a wider range is no remedy.
  if (target_warnings(p).empty())
    for (const Warning& w : bound_warnings(r.hyper, a.first_point.has_value())) session.warn(w);
  warn_of_many(r, a, session);
}

}  // namespace tacit
