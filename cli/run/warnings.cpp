#include <tacit/cli/run/warnings.hpp>

#include <algorithm>
#include <cmath>

#include <nlohmann/json.hpp>

#include <tacit/cli/run/hyper_table.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

std::string percent(double share) {
  return share >= 10 ? "more than 1000 %" : "about " + brief_number(std::round(share * 1000) / 10) + " %";
}

}  // namespace

bool Warnings::add(Warning w) {
  const auto same = std::find_if(entries_.begin(), entries_.end(),
                                 [&](const Entry& e) { return e.warning.code == w.code && e.warning.passing == w.passing; });
  if (same != entries_.end()) {
    ++same->count;
    return false;
  }
  entries_.push_back({std::move(w), 1});
  return true;
}

nlohmann::json Warnings::json() const {
  auto list = nlohmann::json::array();
  for (const Entry& e : entries_) {
    const Warning& w = e.warning;
    list.push_back({{"code", w.code}, {"where", w.context}, {"message", w.what}, {"remedy", w.more}, {"count", e.count}});
  }
  return list;
}

std::vector<Warning> step_warnings(const StepRecord& record, double warn_error, const Tolerance& asked) {
  std::vector<Warning> found;
  const Diagnostics& d = record.diagnostics;
  const std::string context = "step " + std::to_string(record.step);
  const bool known = !std::isnan(d.hypergradient_error);
  const std::string damage = known ? "The hypergradient is off by " + percent(d.hypergradient_error) + "." : "";
  const bool off = known && d.hypergradient_error > warn_error;
  const bool loose = looser(record.solved, asked);
  if (!usable(d.inner_status) && (asked.inner > 0 || off))
    found.push_back({"W301", context,
                     "the inner problem has not converged (residual " + brief_number(d.inner_residual) + ", asked " +
                         brief_number(asked.inner) + " after " + std::to_string(d.inner_steps) + " steps).",
                     damage + " Try a larger inner.max_steps, another inner.solver, or prepare.standardize=true."});
  else if (!usable(d.hypergradient_status) && !d.hypergradient_message.empty() && (off || !known))
    found.push_back({"W302", context, "the hypergradient is not exact: " + d.hypergradient_message,
                     damage + " Try a larger hypergradient.max_steps, a larger window, or hypergradient.estimator=implicit-cg."});
  else if (off)
    found.push_back(
        {"W303", context, "the hypergradient has an estimated relative error of " + brief_number(d.hypergradient_error) + ".",
         loose ? "The schedule still solves loosely at this step (inner tolerance " + brief_number(record.solved.inner) +
                     ") and tightens from step to step; outer.schedule=fixed solves tightly from the start."
               : "Try a smaller inner.tolerance, a larger window, or hypergradient.estimator=implicit-cg.",
         loose});
  return found;
}

std::vector<Warning> bound_warnings(const std::vector<HyperRow>& rows) {
  std::string names, key;
  for (const HyperRow& r : rows) {
    if (!r.at_bound) continue;
    if (names.empty()) key = "hyper." + r.block + ".range";
    names += (names.empty() ? "" : ", ") + r.name + " = " + brief_number(r.value);
  }
  if (names.empty()) return {};
  return {{"W310", "result", "the best value sits on the edge of its range: " + names + ".",
           "At the upper end a feature is switched off, which can be right; else widen the range (" + key + ")."}};
}

std::vector<Warning> target_warnings(const Prepared& p) {
  const auto on = [&](const std::vector<Index>& rows) {
    return rows.empty() ? std::optional<double>() : constant_value(pick(p.y, rows), pick(p.weight, rows));
  };
  const std::optional<double> train = on(p.rows.train);
  if (!train) return {};
  std::vector<Index> all = rows_of_refit(p.rows);
  all.insert(all.end(), p.rows.test.begin(), p.rows.test.end());
  const std::string value = p.labels.empty() ? brief_number(*train) : "'" + p.labels[*train > 0] + "'";
  if (on(all))
    return {{"W202", "data",
             "the target is " + value + " in every row: there is nothing to learn, and no penalty is better than another.",
             "Look at data.target; r2 and the like are not defined."}};
  return {{"W202", "data",
           "the target is " + value + " in all " + std::to_string(p.rows.train.size()) +
               " training rows, though not in the others: the model can predict nothing else, whatever the penalty.",
           "Train on other rows (another seed, a larger training part, validation.split_column)."}};
}

std::string render_warning(std::string_view code, std::string_view context, std::string_view what, std::string_view more,
                           Style style) {
  const std::string head = "warning[" + std::string(code) + "]";
  std::string out = painted(head, kYellow, style) + " ";
  if (!context.empty()) out += std::string(context) + ": ";
  const std::string indent(head.size() + 1, ' ');
  out += indented(what, indent) + "\n";
  if (!more.empty()) out += indent + indented(more, indent) + "\n";
  return out;
}

}  // namespace tacit
