#include <tacit/cli/verbs/baselines.hpp>

#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/json_text.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

using nlohmann::json;

std::string loss_text(const MeanLoss& l) {
  return brief_number(l.mean) + (std::isfinite(l.standard_error) ? " +- " + brief_number(l.standard_error) : "");
}

std::string metrics_text(const NamedValues& values) {
  std::string text;
  for (const auto& [name, value] : values)
    text += (text.empty() ? "" : ", ") + name + " " + (std::isnan(value) ? "undefined" : brief_number(value));
  return text;
}

namespace {

json loss_json(const MeanLoss& l) {
  return {{"loss", number_json(l.mean)}, {"loss_standard_error", number_json(l.standard_error)}};
}

}  // namespace

json score_json(const Score& s) {
  json j = loss_json(s.loss);
  for (const auto& [name, value] : s.metrics) j[name] = number_json(value);
  return j;
}

namespace {

void add_single(Baselines& b, const Assembly& a, const std::vector<Vec>& x, const Nearby& near) {
  if (!a.single) return;
  const double single = std::exp(a.single->theta);
  const Vec u = Vec::Constant(a.problem.space.size(), single);
  b.single_x = fits_of_parts(a, u, x, near);
  b.single = single;
  b.single_score = score(a.validation, b.single_x, u);
  if (a.prepared.rows.test.empty()) return;
  const FinalFit again = final_fit(a, u, b.single_x.front(), near);
  b.single_test = score(again.prepared, a.prepared.rows.test, again.x);
  b.single_x_test = again.x;
}

}  // namespace

Baselines baselines(const Assembly& a, const std::vector<Vec>& x, const FinalFit& fit,
                    const std::optional<std::pair<const char*, Vec>>& other, const Nearby& near) {
  const std::vector<Index>& test = a.prepared.rows.test;
  Baselines b;
  const HeldOut constant = held_out_constant(a.validation);
  b.constant = mean_loss(a.validation, constant, row_losses(a.validation, constant));
  if (!test.empty()) b.constant_test = intercept_alone(fit.prepared, test);
  try {
    add_single(b, a, x, near);
    if (test.empty() || !other) return b;
    const FinalFit again = final_fit(a, natural_values(a.problem.space, other->second), x.front(), near);
    b.other = {other->first, score(again.prepared, test, again.x), again.x};
  } catch (const Interruption&) {
    // What was fitted by then stands.
  }
  return b;
}

std::vector<std::pair<std::string, std::string>> Baselines::rows() const {
  std::vector<std::pair<std::string, std::string>> rows;
  if (single) rows.push_back({"single penalty", loss_text(single_score.loss) + " (one for all, " + brief_number(*single) + ")"});
  rows.push_back({"intercept alone", loss_text(constant)});
  return rows;
}

std::vector<std::pair<std::string, std::string>> Baselines::test_rows() const {
  std::vector<std::pair<std::string, std::string>> rows;
  if (single_test)
    rows.push_back({"test, single penalty", loss_text(single_test->loss) + ", " + metrics_text(single_test->metrics)});
  if (other)
    rows.push_back({std::string("test, ") + other->name, loss_text(other->test.loss) + ", " + metrics_text(other->test.metrics)});
  if (constant_test) rows.push_back({"test, intercept alone", loss_text(*constant_test)});
  return rows;
}

json Baselines::json() const {
  nlohmann::json j{{"intercept_alone", loss_json(constant)}, {"single_penalty", nullptr}};
  j["intercept_alone"]["test"] = constant_test ? loss_json(*constant_test) : nlohmann::json(nullptr);
  if (!single) return j;
  nlohmann::json& one = j["single_penalty"];
  one = score_json(single_score);
  one["hyperparameters"] = {{"l2", *single}};
  one["test"] = single_test ? score_json(*single_test) : nlohmann::json(nullptr);
  return j;
}

}  // namespace tacit
