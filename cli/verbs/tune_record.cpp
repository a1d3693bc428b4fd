#include <tacit/cli/verbs/tune_record.hpp>

#include <algorithm>
#include <numeric>

#include <nlohmann/json.hpp>

#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/verbs/data_view.hpp>
#include <tacit/cli/verbs/model_pictures.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

void write_predictions(const TuneResults& r, const Assembly& a, VerbSession& session) {
  const Prepared& p = a.prepared;
  const Validation& v = a.validation;
  const HeldOut rows = held_out(v, r.chosen, r.chosen_u(a.problem.space));
  std::vector<std::size_t> order(rows.row.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) { return rows.row[i] < rows.row[j]; });
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
  session.write("predictions.csv", predictions_csv(r.fit->model, margin, extra));
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

json point_json(const HyperSpace& space, const OneSe& at) {
  return {{"factor", number_json(at.factor)},
          {"outer_loss", number_json(at.loss.mean)},
          {"loss_standard_error", number_json(at.loss.standard_error)},
          {"hyperparameters", hyper_json(space, natural_values(space, at.theta))}};
}

}  // namespace

void write_results(const TuneResults& r, const Assembly& a, VerbSession& session) {
  if (a.config.output.predictions) write_predictions(r, a, session);
  session.write("hyper.csv", hyper_csv(r.hyper));
  if (!r.selection.path.empty()) session.write("path.csv", r.selection.path_csv());
  write_model(r.fit->model, session.file("model.json"));
  if (!a.config.inner.iterates())
    write_elsewhere([&session](const std::string& name) { return session.file(name); }, r.fit->model, elsewhere_fit(*r.fit));
}

std::vector<std::string> elsewhere_lines(const TuneResults& r, const Assembly& a) {
  if (!r.fit || a.config.inner.iterates()) return {};  // no other tool makes these steps
  return lambda_elsewhere_lines(lambda_elsewhere(r.fit->model.kind, r.fit->l2, r.fit->weight_sum, r.fit->sd_y,
                                                 r.fit->prepared.model().reduction == Reduction::mean));
}

json result_json(const TuneResults& r, const Assembly& a, const VerbSession& session) {
  const json all = summary_json(r.summary, a.problem.space, r.start);
  json j{{"metrics", r.final_score ? score_json(*r.final_score) : json(nullptr)},
         {"test", r.test ? score_json(*r.test) : json(nullptr)},
         {"gain", r.best ? gains_json(r.gains) : json(nullptr)},
         {"seconds", session.seconds()},
         {"warnings", session.warnings().json()},
         {"output", session.folder().string()}};
  j["nested"] = r.nested ? r.nested->json() : json(nullptr);
  for (const char* key : {"status", "message", "doubt", "best", "outer_steps", "work"}) j[key] = all.at(key);
  if (r.best && j["best"].is_object()) {
    j["best"]["factor"] = 1;
    j["best"]["loss_standard_error"] = number_json(r.best->loss.standard_error);
  }
  const auto& one_se = r.selection.one_se;
  j["one_se"] = one_se ? point_json(a.problem.space, *one_se) : json(nullptr);
  if (r.beside && r.beside->other) j[r.one_se_taken ? "best" : "one_se"]["test"] = score_json(r.beside->other->test);
  j["selected"] = a.config.outer.select;
  j["path_evaluations"] = r.selection.evaluations;
  j["pull"] = r.pull.json();
  j.update(r.beside ? r.beside->json() : json{{"intercept_alone", nullptr}, {"single_penalty", nullptr}});
  return j;
}

json run_json(const TuneResults& r, const Assembly& a, const VerbSession& session) {
  json j = run_facts(a, session);
  j["phase_seconds"] = {{"reading_and_start", r.begun}, {"outer_steps", r.summary.seconds}};
  j["phases"] = r.phases.json();
  j["work_in_all"] = work_json(a.account->read());
  j.update(summary_json(r.summary, a.problem.space, r.start));
  j.update(thresholds_json(a.config.diagnostics.warn_error, a.config.diagnostics.fail_error));
  j.update(result_json(r, a, session));
  j["elsewhere"] = elsewhere_lines(r, a);
  j["target"] = target_json(a.prepared);
  j["coefficients"] = r.fit ? coefficients_json(*r.fit) : json(nullptr);
  j["held_out"] = r.best ? held_out_json(a.validation, r.chosen, r.chosen_u(a.problem.space)) : json(nullptr);
  const Refit* refit = r.fit && r.fit->solve ? &*r.fit->solve : nullptr;
  j["refit"] =
      refit ? json{{"status", to_string(refit->status)}, {"gradient_norm", number_json(refit->gradient_norm)}} : json(nullptr);
  return j;
}

}  // namespace tacit
