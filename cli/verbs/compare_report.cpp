#include <tacit/cli/verbs/compare_report.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/trace.hpp>
#include <tacit/bilevel/verdict.hpp>
#include <tacit/cli/report/chart/sample.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/run/run_json.hpp>
#include <tacit/cli/run/session.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

std::string cell(double v) { return std::isnan(v) ? "" : number_text(v); }

const char* mode_of(bool own_run) { return own_run ? "own-run" : "same-path"; }

bool both_modes(const CompareResults& r) { return r.plan.same_path && r.plan.own_run; }

std::string sci_or_none(double v) { return std::isnan(v) ? "-" : sci(v); }
std::string range_text(const Sample& s) {
  return s.values.empty() ? "-" : sci(s.quantile(0.25)) + " .. " + sci(s.quantile(0.75));
}
std::string count_text(double v) { return std::isnan(v) ? "-" : brief_number(v); }

/// "converged", or how many there were of each.
class Statuses {
public:
  void add(Status s) { ++counts_[s]; }
  std::string text() const {
    if (counts_.size() == 1) return to_string(counts_.begin()->first);
    std::string out;
    for (const auto& [status, n] : counts_) out += (out.empty() ? "" : ", ") + std::to_string(n) + " " + to_string(status);
    return out;
  }

private:
  std::map<Status, int> counts_;
};

/// What one row of the table is made of.
struct Group {
  std::size_t case_index = 0, entry = 0;
  bool own_run = false;
  Sample error, cosine, seconds, tape, gradients, products, linear;
  Statuses status;
};

std::vector<Group> groups_of(const CompareResults& r) {
  std::map<std::tuple<bool, std::size_t, std::size_t>, Group> all;
  for (const CompareRow& row : r.rows) {
    Group& g = all[{row.own_run, row.case_index, row.entry}];
    g.case_index = row.case_index;
    g.entry = row.entry;
    g.own_run = row.own_run;
    const Observation& o = row.seen;
    g.error.add(o.relative_error);
    g.cosine.add(o.cosine);
    g.seconds.add(o.seconds);
    g.tape.add(o.tape_bytes);
    if (!std::isnan(o.seconds)) {  // it was computed at all
      g.gradients.add(static_cast<double>(o.work.gradients));
      g.products.add(static_cast<double>(o.work.hessian_products));
    }
    g.linear.add(o.linear_steps);
    g.status.add(o.status);
  }
  std::vector<Group> list;
  for (auto& [key, group] : all) list.push_back(std::move(group));
  return list;
}

const CompareEntry& entry_of(const CompareResults& r, std::size_t case_index, std::size_t entry) {
  return r.plan.cases[case_index].entries[entry];
}

void append(std::vector<std::string>& to, std::vector<std::string> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

json place_json(const CompareResults& r, std::size_t case_index) {
  json j = json::object();
  for (std::size_t k = 0; k < r.plan.keys.size(); ++k) j[r.plan.keys[k]] = r.plan.cases[case_index].values[k];
  return j;
}

json spread_json(const Sample& s) {
  return {{"median", number_json(s.median())},
          {"lower_quartile", number_json(s.quantile(0.25))},
          {"upper_quartile", number_json(s.quantile(0.75))}};
}

/// The solves of one setup and combination.
struct SolveGroup {
  std::size_t case_index = 0;
  std::string label;
  Sample steps, residual, seconds, gradients, products;
  Statuses status;
};

std::vector<SolveGroup> solve_groups(const CompareResults& r) {
  std::vector<SolveGroup> all;
  for (const CompareSolveRow& row : r.solves) {
    auto at = std::find_if(all.begin(), all.end(),
                           [&](const SolveGroup& g) { return g.case_index == row.case_index && g.label == row.label; });
    if (at == all.end()) {
      all.push_back({row.case_index, row.label, {}, {}, {}, {}, {}, {}});
      at = std::prev(all.end());
    }
    at->steps.add(static_cast<double>(row.solve.steps));
    at->residual.add(row.solve.residual);
    at->seconds.add(row.solve.seconds);
    at->gradients.add(static_cast<double>(row.solve.work.gradients));
    at->products.add(static_cast<double>(row.solve.work.hessian_products));
    at->status.add(row.solve.status);
  }
  return all;
}

json own_run_json(const CompareResults& r, const CompareOwnRun& o) {
  return {{"label", entry_of(r, o.case_index, o.entry).label},
          {"optimizer", entry_of(r, o.case_index, o.entry).config.outer.optimizer},
          {"sweep", place_json(r, o.case_index)},
          {"repeat", o.repeat},
          {"status", status_word(o.summary)},
          {"message", o.summary.message},
          {"outer_steps", o.summary.steps},
          {"outer_loss", number_json(o.summary.best.outer_loss)},
          {"worst_hypergradient_error", number_json(o.summary.worst_error)},
          {"seconds", o.seconds},
          {"work", work_json(o.summary.work)},
          {"folder", o.folder}};
}

}  // namespace

std::vector<std::string> place_heads(const CompareResults& r) {
  std::vector<std::string> heads = r.plan.keys;
  if (both_modes(r)) heads.insert(heads.begin(), "mode");
  return heads;
}

std::vector<std::string> place_cells(const CompareResults& r, std::size_t case_index, bool own_run) {
  std::vector<std::string> cells = r.plan.cases[case_index].values;
  if (both_modes(r)) cells.insert(cells.begin(), mode_of(own_run));
  return cells;
}

std::string compare_csv(const CompareResults& r) {
  std::string text = "label,estimator,point,repeat";
  for (const std::string& head : place_heads(r)) text += "," + csv_cell(head);
  text += ",relative_error,cosine,seconds,tape_bytes,gradients,hessian_products,linear_steps,status\n";
  for (const CompareRow& row : r.rows) {
    const Observation& o = row.seen;
    const CompareEntry& e = entry_of(r, row.case_index, row.entry);
    const bool computed = !std::isnan(o.seconds);
    text += csv_cell(e.label) + "," + e.estimator + "," + std::to_string(o.point) + "," + std::to_string(row.repeat);
    for (const std::string& value : place_cells(r, row.case_index, row.own_run)) text += "," + csv_cell(value);
    text += "," + cell(o.relative_error) + "," + cell(o.cosine) + "," + cell(o.seconds) + "," + cell(o.tape_bytes);
    text += "," + (computed ? std::to_string(o.work.gradients) : "") + "," +
            (computed ? std::to_string(o.work.hessian_products) : "");
    text += "," + cell(o.linear_steps) + "," + to_string(o.status) + "\n";
  }
  return text;
}

std::string compare_table(const CompareResults& r) {
  std::vector<std::string> heads{"estimator"};
  append(heads, place_heads(r));
  append(heads, {"error", "quartiles", "least cosine", "time", "tape bytes", "gradients", "products", "linear steps", "status"});
  std::vector<std::vector<std::string>> rows;
  for (const Group& g : groups_of(r)) {
    std::vector<std::string> row{entry_of(r, g.case_index, g.entry).label};
    append(row, place_cells(r, g.case_index, g.own_run));
    const double angle = g.cosine.quantile(0);
    append(row, {sci_or_none(g.error.median()), range_text(g.error), std::isnan(angle) ? "-" : digits(angle, 6),
                 std::isnan(g.seconds.median()) ? "-" : sci(g.seconds.median()) + " s", count_text(g.tape.quantile(1)),
                 count_text(g.gradients.median()), count_text(g.products.median()), count_text(g.linear.median()),
                 entry_of(r, g.case_index, g.entry).values_alone ? "none asked for" : g.status.text()});
    rows.push_back(std::move(row));
  }
  return columns_text(heads, rows);
}

std::string solve_table(const CompareResults& r) {
  if (r.solves.empty()) return "";
  std::vector<std::string> heads{"inner solve"};
  append(heads, r.plan.keys);
  append(heads, {"steps", "residual", "time", "gradients", "products", "status"});
  std::vector<std::vector<std::string>> rows;
  for (const SolveGroup& g : solve_groups(r)) {
    std::vector<std::string> row{g.label};
    append(row, r.plan.cases[g.case_index].values);
    append(row, {count_text(g.steps.median()), sci_or_none(g.residual.median()), sci(g.seconds.median()) + " s",
                 count_text(g.gradients.median()), count_text(g.products.median()), g.status.text()});
    rows.push_back(std::move(row));
  }
  return columns_text(heads, rows);
}

std::string own_run_table(const CompareResults& r) {
  if (r.own_runs.empty()) return "";
  std::vector<std::string> heads{"own run"};
  append(heads, r.plan.keys);
  append(heads, {"repeat", "outer steps", "outer loss", "time", "gradients", "products", "stopped by"});
  std::vector<std::vector<std::string>> rows;
  for (const CompareOwnRun& o : r.own_runs) {
    const Summary& s = o.summary;
    std::vector<std::string> row{entry_of(r, o.case_index, o.entry).label};
    append(row, r.plan.cases[o.case_index].values);
    append(row, {std::to_string(o.repeat), std::to_string(s.steps), brief_number(s.best.outer_loss), sci(o.seconds) + " s",
                 std::to_string(s.work.gradients), std::to_string(s.work.hessian_products), to_string(s.reason)});
    rows.push_back(std::move(row));
  }
  return columns_text(heads, rows);
}

std::string ways_text(const CompareResults& r) {
  return r.plan.iterates ? "central differences of the loss after the steps and the derivative of the steps"
                         : "implicit differentiation at a Newton-polished point and central differences";
}

std::string check_text(const CompareResults& r, const std::string& reference) {
  const TruthCheck& c = r.check;
  const bool swapped = r.plan.truth == TruthBy::differences;
  const std::string second = r.plan.iterates ? "the derivative of all steps"
                             : swapped       ? "implicit differentiation"
                                             : "central differences";
  std::string text = reference + (r.plan.iterates ? " of the loss after the steps; " : " at a Newton-polished point; ");
  if (!c.failure.empty()) return text + "NOT CONFIRMED: " + c.failure;
  if (c.checked == 0) return text + "not checked";
  text += second + (c.along ? " along two directions" : "") +
          ((r.plan.iterates ? c.confirmed() ? " agrees to " : " DISAGREES by "
            : c.confirmed() ? " agree to "
                            : " DISAGREE by ")) +
          sci(c.worst);
  return text + " at " + std::to_string(c.checked) + (c.checked == 1 ? " point" : " points");
}

json compare_json(const CompareResults& r) {
  json table = json::array(), solves = json::array(), runs = json::array();
  for (const Group& g : groups_of(r)) {
    const CompareEntry& e = entry_of(r, g.case_index, g.entry);
    table.push_back({{"label", e.label},
                     {"estimator", e.estimator},
                     {"mode", mode_of(g.own_run)},
                     {"sweep", place_json(r, g.case_index)},
                     {"relative_error", spread_json(g.error)},
                     {"least_cosine", number_json(g.cosine.quantile(0))},
                     {"seconds", number_json(g.seconds.median())},
                     {"tape_bytes", number_json(g.tape.quantile(1))},
                     {"gradients", number_json(g.gradients.median())},
                     {"hessian_products", number_json(g.products.median())},
                     {"linear_steps", number_json(g.linear.median())},
                     {"status", g.status.text()}});
  }
  for (const SolveGroup& g : solve_groups(r)) {
    solves.push_back({{"label", g.label},
                      {"sweep", place_json(r, g.case_index)},
                      {"steps", number_json(g.steps.median())},
                      {"residual", number_json(g.residual.median())},
                      {"seconds", number_json(g.seconds.median())},
                      {"gradients", number_json(g.gradients.median())},
                      {"hessian_products", number_json(g.products.median())},
                      {"status", g.status.text()}});
  }
  for (const CompareOwnRun& o : r.own_runs) runs.push_back(own_run_json(r, o));
  const TruthCheck& c = r.check;
  return {{"table", table},
          {"inner_solves", solves},
          {"own_runs", runs},
          {"reference",
           {{"points", c.points},
            {"checked", c.checked},
            {"disagreement", c.checked > 0 ? number_json(c.worst) : json(nullptr)},
            {"confirmed", c.confirmed()}}}};
}

json solve_points_json(const CompareResults& r) {
  json list = json::array();
  for (const CompareSolveRow& row : r.solves) {
    list.push_back({{"label", row.label},
                    {"sweep", place_json(r, row.case_index)},
                    {"repeat", row.repeat},
                    {"point", row.solve.point},
                    {"steps", row.solve.steps},
                    {"residual", number_json(row.solve.residual)},
                    {"seconds", row.solve.seconds},
                    {"work", work_json(row.solve.work)},
                    {"status", to_string(row.solve.status)}});
  }
  return list;
}

}  // namespace tacit
