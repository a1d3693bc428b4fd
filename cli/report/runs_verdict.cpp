// Which of several runs is best, and whether that is more than chance.
#include <algorithm>
#include <cmath>
#include <map>
#include <optional>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using Losses = std::map<double, double>;  ///< by the row of the data file

/// -ln of the probability of the class that was there.
std::optional<Losses> log_losses(const Table& t, const std::vector<double>& row) {
  const std::vector<std::string> target = text_column(t, "target");
  Losses all;
  for (std::size_t i = 0; i < row.size(); ++i) {
    const Index c = t.find("probability_" + target[i]);
    const double p = c < 0 ? std::nan("") : t.value(static_cast<Index>(i), c);
    if (!(p > 0)) return {};
    all[row[i]] = -std::log(p);
  }
  return all;
}

std::optional<Losses> squared_losses(const Table& t, const std::vector<double>& row) {
  const std::vector<double> target = column(t, "target"), prediction = column(t, "prediction");
  Losses all;
  for (std::size_t i = 0; i < row.size(); ++i) all[row[i]] = std::pow(target[i] - prediction[i], 2) / 2;
  return all;
}

/// The validation losses row by row, where predictions.csv was asked for; with weights they are not those of the run.
std::optional<Losses> row_losses(const RunRecord& r) {
  const nlohmann::json& weights = value_at(r, "model.weights");
  if (!r.predictions || (weights.is_boolean() && weights.get<bool>())) return {};
  const std::vector<double> row = column(*r.predictions, "row");
  const std::string loss = outer_loss_of(r);
  if (loss != text_at(r, "model.loss")) return {};  // predictions.csv has what the model's own loss is of
  if (loss == "logistic") return log_losses(*r.predictions, row);
  if (loss == "squared") return squared_losses(*r.predictions, row);
  return {};
}

/// Mean and standard error of a - b over the rows; nothing where they are not the same rows.
std::optional<std::pair<double, double>> paired(const Losses& a, const Losses& b) {
  if (a.size() != b.size() || a.size() < 2) return {};
  double sum = 0, squares = 0;
  const auto n = static_cast<double>(a.size());
  std::vector<double> gap;
  for (const auto& [row, loss] : a) {
    const auto at = b.find(row);
    if (at == b.end()) return {};
    gap.push_back(loss - at->second);
    sum += gap.back();
  }
  for (const double g : gap) squares += std::pow(g - sum / n, 2);
  return std::pair(sum / n, std::sqrt(squares / (n - 1) / n));
}

/// What is to be said of the best against another; empty where the losses row by row are not known.
std::string against(const RunRecord& best, const RunRecord& other, const std::string& label, double best_loss, double loss) {
  const std::vector<std::string> losses = short_numbers({loss, best_loss});
  const std::string head = "'" + label + "' has " + losses[0];
  if (loss == best_loss) return head + ", the same.";
  const std::optional<Losses> a = row_losses(other), b = row_losses(best);
  const auto gap = a && b ? paired(*a, *b) : std::nullopt;
  if (!gap) return "";
  const std::string size = short_number(gap->first) + " \xC2\xB1 " + short_number(gap->second) + " more on the same rows";
  if (gap->first > 2 * gap->second) return head + ", " + size + ": more than chance.";
  return head + ", " + size + ": no more than chance can do.";
}

}  // namespace

std::string doubtful_runs(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels) {
  std::vector<std::string> all;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string status = text_at(runs[i], "status");
    if (status == "doubtful" || status == "failed" || status == "running" || status == "interrupted" || status == "stalled")
      all.push_back("'" + labels[i] + "' (" + status + ")");
  }
  return all.empty() ? "" : "Not to be relied on without a look at their own reports: " + join(all) + ".";
}

std::string best_of_runs(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels) {
  constexpr std::size_t kShown = 5;
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const double loss = number_at(runs[i], "best.outer_loss");
    if (!std::isnan(loss)) order.emplace_back(loss, i);
  }
  if (order.empty()) return "None of the runs has a loss.";
  std::sort(order.begin(), order.end());
  const std::size_t best = order.front().second;
  std::string text = "'" + labels[best] + "' has the least validation loss, " +
                     (order.size() > 1 ? short_numbers({order[0].first, order[1].first})[0] : short_number(order[0].first)) + ".";
  std::vector<std::string> blind;  // said once for all of them
  for (std::size_t k = 1; k < std::min(order.size(), kShown + 1); ++k) {
    const auto [loss, i] = order[k];
    const std::string known = against(runs[best], runs[i], labels[i], order.front().first, loss);
    if (known.empty())
      blind.push_back("'" + labels[i] + (blind.empty() ? "' has " : "' ") + short_numbers({loss, order.front().first})[0]);
    else
      text += " " + known;
  }
  if (!blind.empty())
    text += " " + join(blind) + "; whether that is more than chance cannot be told without the losses row by row.";
  if (order.size() > kShown + 1) text += " And " + std::to_string(order.size() - kShown - 1) + " more have larger ones.";
  if (!blind.empty()) text += " With output.predictions=true runs leave what each row's loss is computed from.";
  return text + " These rows chose the penalties, so all of it is optimistic; a test part is not.";
}

}  // namespace tacit
