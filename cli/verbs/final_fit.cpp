// Scores, and the model that a run leaves behind.
#include <algorithm>
#include <cmath>

#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/verbs/predict.hpp>
#include <tacit/cli/verbs/tune.hpp>
#include <tacit/core/support/version.hpp>
#include <tacit/hypergrad/reference.hpp>

namespace tacit {

namespace {

Vec margins_of(const Assembly& a, const std::vector<Index>& rows, const Scaling& scaling, In x) {
  Design d = a.design(rows, scaling);
  if (a.options.intercept) d = d.with_intercept();
  Vec z(d.rows());
  d.multiply(x, z);
  return z;
}

std::vector<ModelHyper> model_hyper(const Assembly& a, In u) {
  std::vector<ModelHyper> list;
  Index at = 0;
  for (const HyperBlock& b : a.problem.space.blocks()) {
    ModelHyper h{b.name, b.size > 1 ? b.labels : std::vector<std::string>{}, {}};
    for (Index i = 0; i < b.size; ++i) h.values.push_back(u[at++]);
    list.push_back(std::move(h));
  }
  if (a.options.fixed) list.push_back({"l2", {}, {*a.options.fixed}});
  return list;
}

Vec penalty_of_features(const Assembly& a, In u) {
  if (a.options.fixed) return Vec::Constant(1, *a.options.fixed);
  if (a.options.per != PenaltyPer::group) return u;
  Vec l2(a.data.x.cols());
  for (std::size_t g = 0; g < a.parts.groups.size(); ++g) {
    for (const Index j : a.parts.groups[g].columns) l2[j] = u[static_cast<Index>(g)];
  }
  return l2;
}

}  // namespace

Score score(const Assembly& a, const std::vector<Index>& rows, const Scaling& scaling, In x) {
  const Vec z = margins_of(a, rows, scaling, x);
  const Vec y = a.pick(a.y, rows), w = a.pick(a.weight, rows);
  const bool classes = a.family->classifier();
  return {mean_loss(classes ? logistic_losses(y, z) : squared_losses(y, z), w),
          classes ? binary_metrics(y, z, w) : regression_metrics(y, z, w)};
}

MeanLoss intercept_alone(const Assembly& a) {
  const Vec y = a.pick(a.y, a.split.train), w = a.pick(a.weight, a.split.train);
  const double mean = y.dot(w) / w.sum();
  const bool classes = a.family->classifier();
  const double constant = classes ? std::log((1 + mean) / (1 - mean)) : mean;
  const Vec yv = a.pick(a.y, a.split.validation), wv = a.pick(a.weight, a.split.validation);
  const Vec z = Vec::Constant(yv.size(), constant);
  return mean_loss(classes ? logistic_losses(yv, z) : squared_losses(yv, z), wv);
}

FinalFit final_fit(Assembly& a, In u, In x_tuned) {
  FinalFit f;
  f.scaling = a.scaling;
  f.rows = a.split.train;
  f.x = x_tuned;
  if (a.config.outer.refit) {
    f.rows.insert(f.rows.end(), a.split.validation.begin(), a.split.validation.end());
    std::sort(f.rows.begin(), f.rows.end());
    fit_fills(a.data, f.rows);
    if (a.scaling.active()) f.scaling = fit_scaling(a.data.x, a.weight, f.rows, Standardize::yes);
    ModelParts parts = a.parts;
    parts.train = a.design(f.rows, f.scaling);
    parts.y = a.pick(a.y, f.rows);
    parts.weights = a.pick(a.weight, f.rows);
    parts.validation = parts.train.row_range(0, 0);
    parts.validation_y.resize(0);
    parts.validation_weights.resize(0);
    ModelOptions options = a.options;
    if (!a.problem.space.blocks().empty()) {
      options.lower = a.problem.space.blocks().front().lower;
      options.upper = a.problem.space.blocks().front().upper;
    }
    f.x = polish(a.family->make(parts, options), u, x_tuned).x;
  }
  const Index d = a.data.x.cols();
  const auto original = to_original(f.scaling, f.x.head(d), a.options.intercept ? f.x[d] : 0.0);
  f.weight_sum = a.pick(a.weight, f.rows).sum();
  f.sd_y = weighted_sd(a.pick(a.y, f.rows), a.pick(a.weight, f.rows), a.options.intercept);
  f.l2 = penalty_of_features(a, u);
  f.model.tacit_version = kVersion;
  f.model.name = a.config.run_name;
  f.model.kind = a.config.model.kind;
  f.model.task = a.family->classifier() ? Task::binary : Task::regression;
  f.model.objective = a.objective_text();
  f.model.features = a.data.feature_names;
  f.model.coefficients = original.w;
  f.model.intercept = original.intercept;
  f.model.classes = a.labels;
  if (!a.labels.empty()) f.model.positive = a.labels[1];
  f.model.hyperparameters = model_hyper(a, u);
  f.model.encoder = a.data.encoder;
  return f;
}

}  // namespace tacit
