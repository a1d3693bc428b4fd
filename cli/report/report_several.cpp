// Several runs of one verb on one page: key facts side by side, overlaid figures, the keys in which their run files differ.
#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

const std::string kComparable = "The runs read the same data files and split them with the same seed.";

/// A row of a table of facts: its name, and a cell for each run.
struct FactRow {
  const char* name;
  std::string (*cell)(const RunRecord&);
};

std::string number_cell(const RunRecord& r, const char* path) { return known(number_at(r, path)); }

/// Of a measurement that another run would not repeat to more than this.
std::string rounded_cell(const RunRecord& r, const char* path, double unit) {
  return known(std::round(number_at(r, path) / unit) * unit);
}

const FactRow kCommon[] = {{"status", [](const RunRecord& r) { return text_at(r, "status"); }},
                           {"model", [](const RunRecord& r) { return text_at(r, "model.kind"); }},
                           {"training rows", [](const RunRecord& r) { return number_cell(r, "rows.train"); }},
                           {"validation rows", [](const RunRecord& r) { return number_cell(r, "rows.validation"); }},
                           {"features", [](const RunRecord& r) { return number_cell(r, "features"); }},
                           {"hyperparameters", [](const RunRecord& r) { return number_cell(r, "model.penalty.count"); }},
                           {"inner solver", [](const RunRecord& r) { return text_at(r, "method.inner_solver"); }}};

const FactRow kTune[] = {
    {"hypergradient", [](const RunRecord& r) { return text_at(r, "method.estimator"); }},
    {"outer optimizer", [](const RunRecord& r) { return text_at(r, "method.optimizer"); }},
    {"best validation loss", [](const RunRecord& r) { return number_cell(r, "best.outer_loss"); }},
    {"its standard error", [](const RunRecord& r) { return number_cell(r, "metrics.loss_standard_error"); }},
    {"test loss", [](const RunRecord& r) { return number_cell(r, "test.loss"); }},
    {"outer steps", [](const RunRecord& r) { return number_cell(r, "outer_steps"); }},
    {"worst hypergradient error", [](const RunRecord& r) { return number_cell(r, "worst_hypergradient_error"); }},
    {"gradients", [](const RunRecord& r) { return number_cell(r, "work.gradients"); }},
    {"Hessian products", [](const RunRecord& r) { return number_cell(r, "work.hessian_products"); }}};

const FactRow kEnd[] = {{"seconds", [](const RunRecord& r) { return rounded_cell(r, "seconds", 1e-3); }},
                        {"warnings",
                         [](const RunRecord& r) {
                           const json& all = value_at(r, "warnings");
                           return all.is_array() ? std::to_string(all.size()) : std::string();
                         }},
                        {"seed", [](const RunRecord& r) { return number_cell(r, "seed"); }},
                        {"started", [](const RunRecord& r) { return text_at(r, "started"); }},
                        {"tacit", [](const RunRecord& r) { return text_at(r, "tacit"); }}};

template <std::size_t N>
void add_rows(const FactRow (&facts)[N], const std::vector<RunRecord>& runs, std::vector<std::vector<std::string>>& rows) {
  for (const FactRow& f : facts) {
    std::vector<std::string> cells{f.name};
    for (const RunRecord& r : runs) cells.push_back(f.cell(r));
    const bool any = std::any_of(cells.begin() + 1, cells.end(), [](const std::string& c) { return !c.empty(); });
    if (any) rows.push_back(std::move(cells));
  }
}

std::vector<std::string> heads(const char* first, const std::vector<std::string>& labels) {
  std::vector<std::string> all{first};
  all.insert(all.end(), labels.begin(), labels.end());
  return all;
}

/// The keys that not all runs have with the same value.
std::vector<std::vector<std::string>> differing_keys(const std::vector<Settings>& values) {
  std::set<std::string> names;
  for (const Settings& of : values) {
    for (const auto& [key, value] : of) names.insert(key);
  }
  std::vector<std::vector<std::string>> rows;
  for (const std::string& name : names) {
    std::vector<std::string> row{name};
    for (const auto& of : values) row.push_back(of.count(name) > 0 ? of.at(name) : "(not in use)");
    if (std::any_of(row.begin() + 2, row.end(), [&](const std::string& v) { return v != row[1]; }))
      rows.push_back(std::move(row));
  }
  return rows;
}

/// Median errors of `compare` runs, a row for each estimator and combination.
void write_medians(HtmlWriter& w, const std::vector<RunRecord>& runs, const std::vector<std::string>& labels) {
  std::map<std::string, std::vector<std::string>> rows;
  std::vector<std::string> order;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::string what = (runs[i].folder / "run.json").string() + ", table";
    for (const json& row : value_at(runs[i], "table")) {
      std::string name = text_of(row.at("label"), what);
      for (const auto& [key, value] : row.at("sweep").items()) name += ", " + key + " " + text_of(value, what);
      if (text_of(row.at("mode"), what) == "own-run") name += ", own run";  // beside the shared path, in `mode: both`
      auto& cells = rows[name];
      if (cells.empty()) order.push_back(name), cells.assign(runs.size() + 1, ""), cells[0] = name;
      const double error = number_of(row.at("relative_error").at("median"), what);
      cells[i + 1] = std::isnan(error) ? "" : sci(error);
    }
  }
  std::vector<std::vector<std::string>> table;
  for (const std::string& name : order) table.push_back(rows[name]);
  w.leaf("h2", "Median errors");
  write_table(w, "Median relative error of each estimator", heads("estimator", labels), table);
}

/// What makes a comparison of the losses wrong, or right.
std::string comparable(const std::vector<RunRecord>& runs) {
  const auto same = [&](const char* path) {
    return std::all_of(runs.begin(), runs.end(),
                       [&](const RunRecord& r) { return value_at(r, path) == value_at(runs.front(), path); });
  };
  const bool files = std::all_of(runs.begin(), runs.end(), [&](const RunRecord& r) {
    const json &a = value_at(r, "data"), &b = value_at(runs.front(), "data");
    if (!a.is_array() || !b.is_array() || a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      const json digest = a[i].value("xxh3_64", json());
      if (digest.is_null() || digest != b[i].value("xxh3_64", json())) return false;
    }
    return true;
  });
  if (!files) return "The runs read different data files, so their losses and errors cannot be compared in height.";
  if (!same("rows") || !same("folds") || !same("seed"))
    return "The runs read the same data but split them differently (rows or seed), so small differences of the losses mean "
           "nothing.";
  const bool loss =
      std::all_of(runs.begin(), runs.end(), [&](const RunRecord& r) { return outer_loss_of(r) == outer_loss_of(runs.front()); });
  if (!same("model.loss") || !loss)
    return "The runs read the same data but have different losses, which cannot be compared in height.";
  return kComparable;
}

/// Which run is best where that is a question, which are in doubt, and whether the heights may be compared at all.
void write_judgement(HtmlWriter& w, const std::vector<RunRecord>& runs, const std::vector<std::string>& labels) {
  const std::string fair = comparable(runs), doubtful = doubtful_runs(runs, labels);
  const bool same = fair == kComparable;
  const std::string best = same && runs.front().verb == "tune" ? best_of_runs(runs, labels) : "";
  write_verdict(w, same && doubtful.empty() ? Mood::good : Mood::attention,
                !same          ? "Not compared"
                : best.empty() ? "Side by side"
                               : "Compared",
                {best, doubtful, fair});
}

}  // namespace

std::string side_by_side_page(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels,
                              const std::vector<Settings>& settings, const std::vector<Figure>& figures) {
  HtmlWriter w;
  w.begin();
  {
    const auto html = w.open("html", {{"xmlns", "http://www.w3.org/1999/xhtml"}, {"lang", "en"}});
    const std::string title = std::to_string(runs.size()) + " runs of tacit " + runs.front().verb + " side by side";
    write_head(w, title);
    const auto body = w.open("body");
    const auto main = w.open("main");
    w.leaf("h1", title);
    write_judgement(w, runs, labels);
    w.leaf("h2", "Key facts");
    std::vector<std::vector<std::string>> rows;
    add_rows(kCommon, runs, rows);
    if (runs.front().verb == "tune") add_rows(kTune, runs, rows);
    add_rows(kEnd, runs, rows);
    write_table(w, "Key facts of each run", heads("", labels), rows);
    if (runs.front().verb == "compare") write_medians(w, runs, labels);
    w.leaf("h2", "Keys in which the run files differ");
    const std::vector<std::vector<std::string>> keys = differing_keys(settings);
    if (keys.empty())
      w.leaf("p", "None: the runs differ in nothing but chance and time.");
    else
      write_table(w, "Keys of config.resolved.yaml that differ", heads("key", labels), keys);
    if (!figures.empty()) write_figures(w, figures);
  }
  return w.result();
}

}  // namespace tacit
