#include <tacit/cli/verbs/compare_steps.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <tacit/bilevel/trace.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/report/chart/sample.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

/// The audited steps of one entry, in one mode and combination.
struct Steps {
  Sample error, forgetting, curse, k_eff, k_match, inner_steps, window;
};
using Key = std::tuple<bool, std::size_t, std::size_t>;  ///< own run, combination, entry
using Medians = std::map<Key, Steps>;

bool audited(const Observation& o) { return !std::isnan(o.forgetting) || !std::isnan(o.head_start.nats); }

Medians steps_of(const CompareResults& r) {
  Medians all;
  for (const CompareRow& row : r.rows) {
    if (!audited(row.seen) || row.seen.point == 0) continue;
    Steps& s = all[{row.own_run, row.case_index, row.entry}];
    s.error.add(row.seen.relative_error);
    s.forgetting.add(row.seen.forgetting);
    s.curse.add(row.seen.curse);
    s.inner_steps.add(static_cast<double>(row.seen.inner_steps));
    s.window.add(static_cast<double>(row.seen.window));
    if (!row.seen.head_start.own_map) continue;  // in iterations of a solver that is no map it is worth nothing countable
    s.k_eff.add(row.seen.head_start.k_eff);
    s.k_match.add(row.seen.head_start.k_match);
  }
  return all;
}

const CompareEntry& entry_at(const CompareResults& r, const Key& key) {
  return r.plan.cases[std::get<1>(key)].entries[std::get<2>(key)];
}

std::string number_or_none(double v) { return std::isnan(v) ? "-" : sci(v); }
std::string steps_or_none(double v) { return std::isnan(v) ? "-" : short_number(std::round(10 * v) / 10); }

/// Two significant digits.
std::string two(double v) {
  if (!std::isfinite(v) || v == 0) return short_number(v);
  const double unit = std::pow(10.0, std::floor(std::log10(std::abs(v))) - 1);
  return short_number(std::round(v / unit) * unit);
}

/// Up to here two measured terms count as the same.
constexpr double kAlike = 2;

/// The ratios of one kind of comparison, over all combinations and modes.
struct Ratios {
  Sample forgetting, curse;
};

std::string verdict(const Sample& ratios, const std::string& term) {
  const double least = ratios.quantile(0), most = ratios.quantile(1);
  const std::string numbers = " (times " + (two(least) == two(most) ? two(least) : two(least) + " .. " + two(most)) + ")";
  if (least >= 1 / kAlike && most <= kAlike) return "leaves the " + term + " term as it is" + numbers;
  if (most < 1 / kAlike) return "shrinks the " + term + " term" + numbers;
  if (least > kAlike) return "enlarges the " + term + " term" + numbers;
  return "does not always move the " + term + " term the same way" + numbers;
}

/// Two entries of the same combination and mode that differ in one thing.
enum class Change { iterate, adjoint, late_start };
struct Twins {
  Key changed, plain;
  Change change;
};

std::string subject(Change change) {
  switch (change) {
    case Change::iterate:
      return "a warm iterate, against a cold one,";
    case Change::adjoint:
      return "a warm adjoint, against a cold one,";
    case Change::late_start:
      return "an explicit late start of the cold run, against the warm run,";
  }
  return "";
}

/// As many differentiated steps, after a cold start with more of them before.
bool late_start_of(const Steps& late, const Steps& warm, const CompareEntry& x, const CompareEntry& y) {
  const bool unrolled = x.estimator == "truncated-unroll" && y.estimator == "full-unroll";
  return unrolled && !x.warm_iterate && y.warm_iterate && late.window.median() == warm.window.median() &&
         late.inner_steps.median() > warm.inner_steps.median();
}

std::vector<Twins> twins_of(const CompareResults& r, const Medians& table) {
  std::vector<Twins> all;
  for (const auto& [a, steps_a] : table) {
    for (const auto& [b, steps_b] : table) {
      if (std::get<0>(a) != std::get<0>(b) || std::get<1>(a) != std::get<1>(b) || a == b) continue;
      if (steps_a.forgetting.values.empty() || steps_b.forgetting.values.empty()) continue;
      const CompareEntry &x = entry_at(r, a), &y = entry_at(r, b);
      const bool same = x.otherwise == y.otherwise;
      if (same && x.warm_adjoint == y.warm_adjoint && x.warm_iterate && !y.warm_iterate) all.push_back({a, b, Change::iterate});
      if (same && x.warm_iterate == y.warm_iterate && x.warm_adjoint && !y.warm_adjoint) all.push_back({a, b, Change::adjoint});
      if (late_start_of(steps_a, steps_b, x, y)) all.push_back({a, b, Change::late_start});
    }
  }
  std::stable_sort(all.begin(), all.end(), [](const Twins& a, const Twins& b) { return a.change < b.change; });
  return all;
}

std::string terms(const char* name, const Sample& a, const Sample& b) {
  return std::string(name) + " " + number_or_none(a.median()) + " against " + number_or_none(b.median()) + " (times " +
         two(a.median() / b.median()) + ")";
}

std::string finding(const CompareResults& r, const Medians& table, const Twins& t) {
  const Steps &a = table.at(t.changed), &b = table.at(t.plain);
  const std::vector<std::string> heads = place_heads(r), cells = place_cells(r, std::get<1>(t.changed), std::get<0>(t.changed));
  std::string text;
  for (std::size_t i = 0; i < heads.size(); ++i) text += (heads[i] == "mode" ? "" : heads[i] + " ") + cells[i] + ", ";
  text += "'" + entry_at(r, t.changed).label + "' against '" + entry_at(r, t.plain).label + "': ";
  text += terms("forgetting", a.forgetting, b.forgetting) + ", " + terms("curse", a.curse, b.curse);
  const Steps& warm = t.change == Change::late_start ? b : a;
  if (t.change == Change::late_start) text += "; late by " + steps_or_none(a.inner_steps.median() - a.window.median()) + " steps";
  if (t.change != Change::adjoint && !warm.k_eff.values.empty())
    text += "; the warm start is " + warm_start_worth(warm.k_eff.median()) + " (k_eff), audited " +
            steps_or_none(warm.k_match.median());
  return text;
}

}  // namespace

bool audited(const CompareResults& r) {
  return std::any_of(r.rows.begin(), r.rows.end(), [](const CompareRow& row) { return audited(row.seen); });
}

std::string steps_csv(const CompareResults& r) {
  const auto cell = [](double v) { return "," + (std::isnan(v) ? std::string() : number_text(v)); };
  std::string text = "label,estimator,point,repeat";
  for (const std::string& head : place_heads(r)) text += "," + csv_cell(head);
  text += ",inner_steps,window,relative_error,forgetting,curse,head_start_nats,contraction,k_eff,k_eff_lo,k_eff_hi,k_match\n";
  for (const CompareRow& row : r.rows) {
    const Observation& o = row.seen;
    if (!audited(o)) continue;
    const CompareEntry& e = r.plan.cases[row.case_index].entries[row.entry];
    text += csv_cell(e.label) + "," + e.estimator + "," + std::to_string(o.point) + "," + std::to_string(row.repeat);
    for (const std::string& value : place_cells(r, row.case_index, row.own_run)) text += "," + csv_cell(value);
    text += "," + std::to_string(o.inner_steps) + "," + std::to_string(o.window);
    text += cell(o.relative_error) + cell(o.forgetting) + cell(o.curse);
    const HeadStartSeen& h = o.head_start;
    text += cell(h.nats) + cell(h.contraction) + cell(h.k_eff) + cell(h.k_eff_lo) + cell(h.k_eff_hi) + cell(h.k_match) + "\n";
  }
  return text;
}

std::string steps_table(const CompareResults& r) {
  std::vector<std::string> heads{"after the first point"};
  for (const std::string& head : place_heads(r)) heads.push_back(head);
  for (const char* head : {"error", "forgetting", "curse", "k_eff", "audited"}) heads.push_back(head);
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, s] : steps_of(r)) {
    std::vector<std::string> row{entry_at(r, key).label};
    for (const std::string& value : place_cells(r, std::get<1>(key), std::get<0>(key))) row.push_back(value);
    for (const Sample* part : {&s.error, &s.forgetting, &s.curse}) row.push_back(number_or_none(part->median()));
    for (const Sample* k : {&s.k_eff, &s.k_match}) row.push_back(steps_or_none(k->median()));
    rows.push_back(std::move(row));
  }
  return rows.empty() ? "" : columns_text(heads, rows);
}

std::vector<std::string> findings(const CompareResults& r) {
  const Medians table = steps_of(r);
  std::vector<std::string> lines;
  std::map<Change, Ratios> ratios;
  for (const Twins& t : twins_of(r, table)) {
    const Steps &a = table.at(t.changed), &b = table.at(t.plain);
    lines.push_back(finding(r, table, t));
    ratios[t.change].forgetting.add(a.forgetting.median() / b.forgetting.median());
    ratios[t.change].curse.add(a.curse.median() / b.curse.median());
  }
  for (const auto& [change, all] : ratios) {
    if (all.forgetting.values.empty() || all.curse.values.empty()) continue;
    lines.push_back(subject(change) + " " + verdict(all.forgetting, "forgetting") + " and " + verdict(all.curse, "curse"));
  }
  return lines;
}

}  // namespace tacit
