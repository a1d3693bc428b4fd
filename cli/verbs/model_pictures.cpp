#include <tacit/cli/verbs/model_pictures.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/json_text.hpp>
#include <tacit/problems/models/curves.hpp>
#include <tacit/problems/models/held_out.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr Index kMostRows = 400, kBins = 10, kMostFeatures = 30;
constexpr std::size_t kMostPoints = 200;

/// One number of each of many things.
template <class Things, class Number>
json list_of(const Things& things, Number number) {
  json list = json::array();
  for (const auto& one : things) list.push_back(number_json(static_cast<double>(number(one))));
  return list;
}

HeldOut first_draw(const Validation& v, const HeldOut& all) {
  HeldOut some;
  std::vector<Index> kept;
  for (std::size_t i = 0; i < all.part.size(); ++i) {
    if (all.part[i] >= v.folds) continue;
    kept.push_back(static_cast<Index>(i));
    some.row.push_back(all.row[i]);
    some.part.push_back(all.part[i]);
  }
  some.y = pick(all.y, kept);
  some.weight = pick(all.weight, kept);
  some.margin = pick(all.margin, kept);
  return some;
}

json scatter_json(const HeldOut& rows) {
  const std::vector<Index> some = spread_over(rows.margin, rows.weight, kMostRows);
  return {{"observed", list_of(some, [&](Index i) { return rows.y[i]; })},
          {"predicted", list_of(some, [&](Index i) { return rows.margin[i]; })}};
}

json roc_json(const HeldOut& rows) {
  const std::vector<RocPoint> whole = roc_curve(rows.y, rows.margin, rows.weight);
  if (whole.empty()) return nullptr;
  const std::vector<RocPoint> few = thinned(whole, kMostPoints);
  return {{"auc", area_below(whole)},
          {"points", whole.size()},
          {"false_positive", list_of(few, [](const RocPoint& p) { return p.false_positive; })},
          {"true_positive", list_of(few, [](const RocPoint& p) { return p.true_positive; })},
          {"threshold", list_of(few, [](const RocPoint& p) { return p.threshold; })}};
}

json calibration_json(const ModelTask& task, const HeldOut& rows) {
  if (!task.probabilities()) return nullptr;
  const std::vector<CalibrationBin> bins = calibration(rows.y, rows.margin.unaryExpr(&sigmoid), rows.weight, kBins);
  return {{"rows", list_of(bins, [](const CalibrationBin& b) { return b.rows; })},
          {"weight", list_of(bins, [](const CalibrationBin& b) { return b.weight; })},
          {"predicted", list_of(bins, [](const CalibrationBin& b) { return b.predicted; })},
          {"observed", list_of(bins, [](const CalibrationBin& b) { return b.observed; })},
          {"lo", list_of(bins, [](const CalibrationBin& b) { return b.lo; })},
          {"hi", list_of(bins, [](const CalibrationBin& b) { return b.hi; })}};
}

}  // namespace

json held_out_json(const Validation& v, const std::vector<Vec>& x, In u) {
  const HeldOut rows = first_draw(v, held_out(v, x, u));
  const Prepared& part = v.parts.front();
  json j{{"of", v.holdout() ? "validation" : "out_of_fold"},
         {"draws", v.repeats},
         {"rows", (rows.weight.array() > 0).count()},
         {"weight", number_json(rows.weight.sum())},
         {"weighted", part.weighted()}};
  if (!part.task().classifier()) {
    j["scatter"] = scatter_json(rows);
    return j;
  }
  const Confusion table = confusion(rows.y, rows.margin, rows.weight);
  j["negative"] = part.labels.at(0);
  j["positive"] = part.labels.at(1);
  j["roc"] = roc_json(rows);
  j["confusion"] = {{"rows", table.rows}, {"weight", table.weight}};
  j["calibration"] = calibration_json(part.task(), rows);
  return j;
}

Vec column_deviations(const FinalFit& fit) {
  const Prepared& p = fit.prepared;
  return design_of(p.x).row_list(p.rows.train).column_moments(pick(p.weight, p.rows.train)).deviation;
}

std::vector<Index> largest_coefficients(const FinalFit& fit, In deviation, Index most) {
  const Vec size = fit.model.coefficients.cwiseProduct(deviation).cwiseAbs();
  std::vector<Index> order(static_cast<std::size_t>(size.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::erase_if(order, [&](Index j) { return !(size[j] > 0); });
  std::stable_sort(order.begin(), order.end(), [&](Index a, Index b) { return size[a] > size[b]; });
  order.resize(std::min(order.size(), static_cast<std::size_t>(most)));
  return order;
}

json coefficients_json(const FinalFit& fit) {
  const Vec deviation = column_deviations(fit);
  json largest = json::array();
  for (const Index j : largest_coefficients(fit, deviation, kMostFeatures))
    largest.push_back({{"name", fit.model.features[static_cast<std::size_t>(j)]},
                       {"value", number_json(fit.model.coefficients[j])},
                       {"deviation", number_json(deviation[j])},
                       {"l2", number_json(fit.l2.size() == 1 ? fit.l2[0] : fit.l2[j])}});
  return {{"total", fit.model.coefficients.size()}, {"penalties", fit.prepared.problem.space.size()}, {"largest", largest}};
}

}  // namespace tacit
