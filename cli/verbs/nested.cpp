#include <tacit/cli/verbs/nested.hpp>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/gains.hpp>
#include <tacit/cli/run/interrupter.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/verbs/baselines.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/cli/verbs/tuning.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

using nlohmann::json;

TunedRows tune_rows(const Assembly& a, RunConfig config, const std::vector<Index>& rows, const Strategies& strategies) {
  config.validation.outer_folds = 0;
  config.diagnostics.level = "off";  // of runs that nobody looks at
  TunedRows t;
  t.assembly = assemble_among(std::move(config), a, rows, strategies);
  Assembly& b = *t.assembly;
  (void)settle_pull(b, strategies);
  const auto given = given_point(b);
  if (given) fix_steps(b, *given, strategies);
  const Vec theta0 = given ? *given : starting_point(b, strategies);
  const auto oracle = run_oracle(b, oracle_options(b.config));
  const auto optimizer = make_optimizer(b.config, strategies);
  const auto asked = [&] { return a.interrupter->asked(); };
  t.summary = solve(driver_options(b, b.config), b.problem.space, *oracle, *optimizer, theta0, {}, asked);
  const std::vector<Vec> x = solutions(t.summary.best_evaluation);
  if (t.summary.reason == StopReason::interrupted || asked()) throw Interruption();
  if (!t.summary.usable() || x.empty()) throw NumericalError("a run on some of the rows has failed: " + t.summary.message);
  t.fit = final_fit(b, natural_values(b.problem.space, t.summary.best.theta), x.front(), {t.summary.best_evaluation, asked});
  return t;
}

std::optional<Nested> nested_loss(const Assembly& a, const Strategies& strategies,
                                  const std::function<void(std::size_t fold)>& begin, std::string& why) {
  const Folds folds = outer_folds_of(a, a.config.validation.outer_folds);
  Prepared whole = a.prepared;
  if (!whole.rows.validation.empty()) whole = prepare_again(whole, rows_of_refit(whole.rows));
  const Validation outer = cross_validation(whole, folds);
  Nested n;
  std::vector<Vec> x;
  try {
    for (std::size_t k = 0; k < outer.parts.size(); ++k) {
      begin(k);
      const TunedRows t = tune_rows(a, a.config, outer.parts[k].rows.train, strategies);
      const Vec u = natural_values(t.assembly->problem.space, t.summary.best.theta);
      n.rows.push_back(outer.parts[k].rows.train.size());
      n.u.emplace_back(u.data(), u.data() + u.size());
      x.push_back(t.fit.x);
    }
  } catch (const Interruption&) {
    why = "they were not finished";
    return std::nullopt;
  } catch (const std::runtime_error& e) {
    why = outer.names[x.size()] + ": " + e.what();
    return std::nullopt;
  }
  const HeldOut rows = held_out(outer, x), constant = held_out_constant(outer);
  n.score = score(outer, x);
  n.gain = paired_gain(outer, rows, row_losses(outer, constant), row_losses(outer, rows));
  return n;
}

std::pair<std::string, std::string> Nested::row() const {
  const auto [least, most] = std::minmax_element(rows.begin(), rows.end());
  const std::string each = std::to_string(*least) + (*least == *most ? "" : " to " + std::to_string(*most));
  return {"whole procedure", short_number(score.loss.mean) + " +- " + short_number(score.loss.standard_error) +
                                 " on rows it never saw (" + std::to_string(rows.size()) + " outer folds, tuned on " + each +
                                 " rows each); " + gain_text(gain) + ", over the intercept alone"};
}

json Nested::json() const {
  nlohmann::json j = score_json(score);
  j["folds"] = rows.size();
  j["rows"] = rows;
  j["gain"] = {{"mean", number_json(gain.mean)}, {"standard_error", number_json(gain.standard_error)}};
  j["hyperparameters"] = u;
  return j;
}

}  // namespace tacit
