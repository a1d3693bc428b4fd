#include <tacit/cli/verbs/model_pictures.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/json_text.hpp>
#include <tacit/problems/models/curves.hpp>

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

json scatter_json(const HeldOutRows& rows) {
  const std::vector<Index> some = spread_over(rows.z, rows.weight, kMostRows);
  return {{"observed", list_of(some, [&](Index i) { return rows.y[i]; })},
          {"predicted", list_of(some, [&](Index i) { return rows.z[i]; })}};
}

json roc_json(const HeldOutRows& rows) {
  const std::vector<RocPoint> whole = roc_curve(rows.y, rows.z, rows.weight);
  if (whole.empty()) return nullptr;
  const std::vector<RocPoint> few = thinned(whole, kMostPoints);
  return {{"auc", area_below(whole)},
          {"points", whole.size()},
          {"false_positive", list_of(few, [](const RocPoint& p) { return p.false_positive; })},
          {"true_positive", list_of(few, [](const RocPoint& p) { return p.true_positive; })},
          {"threshold", list_of(few, [](const RocPoint& p) { return p.threshold; })}};
}

json calibration_json(const ModelTask& task, const HeldOutRows& rows) {
  if (!task.probabilities()) return nullptr;
  const std::vector<CalibrationBin> bins = calibration(rows.y, rows.z.unaryExpr(&sigmoid), rows.weight, kBins);
  return {{"rows", list_of(bins, [](const CalibrationBin& b) { return b.rows; })},
          {"weight", list_of(bins, [](const CalibrationBin& b) { return b.weight; })},
          {"predicted", list_of(bins, [](const CalibrationBin& b) { return b.predicted; })},
          {"observed", list_of(bins, [](const CalibrationBin& b) { return b.observed; })},
          {"lo", list_of(bins, [](const CalibrationBin& b) { return b.lo; })},
          {"hi", list_of(bins, [](const CalibrationBin& b) { return b.hi; })}};
}

}  // namespace

HeldOutRows held_out_of(const Prepared& p, In x) {
  const std::vector<Index>& rows = p.rows.validation;
  return {"validation", pick(p.y, rows), p.margins(rows, x), pick(p.weight, rows), p.weighted(), p.labels};
}

json held_out_json(const ModelTask& task, const HeldOutRows& rows) {
  json j{{"of", rows.of},
         {"rows", (rows.weight.array() > 0).count()},
         {"weight", number_json(rows.weight.sum())},
         {"weighted", rows.weighted}};
  if (!task.classifier()) {
    j["scatter"] = scatter_json(rows);
    return j;
  }
  const Confusion table = confusion(rows.y, rows.z, rows.weight);
  j["negative"] = rows.labels.at(0);
  j["positive"] = rows.labels.at(1);
  j["roc"] = roc_json(rows);
  j["confusion"] = {{"rows", table.rows}, {"weight", table.weight}};
  j["calibration"] = calibration_json(task, rows);
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
