// The figures of `tacit compare`, from compare.csv, steps.csv and the inner solves in run.json.
#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <map>

#include <tacit/cli/report/chart/sample.hpp>
#include <tacit/cli/report/report_figures.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// One row of compare.csv.
struct Row {
  std::size_t entry = 0, combination = 0;  ///< numbered in order of appearance
  bool own_run = false;
  double point = 0, error = 0, seconds = 0, tape = 0, units = 0;
  double solve_units = kNaN;  ///< of the inner solve before it
};

/// What is in the file, with the names that rows refer to.
struct Observations {
  std::vector<Row> rows;
  std::vector<std::string> labels, combinations;
  bool same_path = false, own_run = false;
};

std::size_t number_in(std::vector<std::string>& names, const std::string& name) {
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<std::size_t>(at - names.begin());
  names.push_back(name);
  return names.size() - 1;
}

/// The columns of the swept keys stand between `repeat` (and `mode`) and `relative_error`.
std::vector<std::string> swept_keys(const Table& t) {
  std::vector<std::string> keys;
  const std::vector<std::string>& names = t.names();
  const auto from = std::find(names.begin(), names.end(), "repeat"), to = std::find(names.begin(), names.end(), "relative_error");
  for (auto at = from; at < to; ++at) {
    if (at != from && *at != "mode") keys.push_back(*at);
  }
  return keys;
}

/// "key value, key value"
std::vector<std::string> combinations_of(const Table& t, const std::vector<std::string>& keys) {
  std::vector<std::string> all(static_cast<std::size_t>(t.rows()));
  for (const std::string& key : keys) {
    const std::vector<std::string> values = text_column(t, key);
    for (std::size_t i = 0; i < all.size(); ++i) all[i] += (all[i].empty() ? "" : ", ") + key + " " + values[i];
  }
  return all;
}

/// The same of a part of run.json.
std::string combination_text(const json& sweep, const std::vector<std::string>& keys, const std::string& what) {
  std::string text;
  for (const std::string& key : keys) text += (text.empty() ? "" : ", ") + key + " " + text_of(sweep.at(key), what);
  return text;
}

using SolveKey = std::tuple<std::string, std::string, double, double>;  // label, combination, repeat, point

/// Gradients and Hessian products of each inner solve of run.json.
std::map<SolveKey, double> solves_of(const RunRecord& r, const std::vector<std::string>& keys) {
  std::map<SolveKey, double> all;
  const std::string what = (r.folder / "run.json").string() + ", inner_solve_points";
  for (const json& s : value_at(r, "inner_solve_points")) {
    const std::string combination = combination_text(s.at("sweep"), keys, what);
    const json& work = s.at("work");
    all[{text_of(s.at("label"), what), combination, number_of(s.at("repeat"), what), number_of(s.at("point"), what)}] =
        number_of(work.at("gradients"), what) + number_of(work.at("hessian_products"), what);
  }
  return all;
}

Observations observations(const RunRecord& r) {
  Observations o;
  if (!r.compare) return o;
  const Table& t = *r.compare;
  const std::vector<std::string> label = text_column(t, "label"), combination = combinations_of(t, swept_keys(t)),
                                 mode = text_column(t, "mode");
  const std::vector<double> point = column(t, "point"), repeat = column(t, "repeat"), error = column(t, "relative_error"),
                            seconds = column(t, "seconds"), tape = column(t, "tape_bytes"), gradients = column(t, "gradients"),
                            products = column(t, "hessian_products");
  const std::map<SolveKey, double> solves = solves_of(r, swept_keys(t));
  const bool only_own = text_at(r, "mode") == "own-run";
  for (std::size_t i = 0; i < label.size(); ++i) {
    Row row{number_in(o.labels, label[i]),
            number_in(o.combinations, combination[i]),
            only_own || mode[i] == "own-run",
            point[i],
            error[i],
            seconds[i],
            tape[i],
            gradients[i] + products[i]};
    for (const std::string& of : {label[i], std::string("shared")}) {
      const auto solve = solves.find({of, combination[i], repeat[i], point[i]});
      if (solve == solves.end()) continue;
      row.solve_units = solve->second;
      break;
    }
    (row.own_run ? o.own_run : o.same_path) = true;
    o.rows.push_back(row);
  }
  return o;
}

using Axis = std::function<double(const Row&)>;

Chart scatter(const Observations& o, const std::string& title, const std::string& x_label, bool own_run, const Axis& x) {
  Chart chart;
  chart.title = title;
  chart.x_label = x_label;
  chart.y_label = "relative error of the hypergradient";
  chart.log_x = true;
  for (std::size_t e = 0; e < o.labels.size(); ++e) {
    Series s;
    s.name = o.labels[e];
    s.colour = static_cast<int>(e);
    s.points = true;
    bool drawn = false;
    for (const Row& row : o.rows) {
      if (row.entry != e || row.own_run != own_run || std::isnan(row.error)) continue;
      s.x.push_back(x(row));
      s.y.push_back(row.error);
      drawn = drawn || (s.x.back() > 0 && row.error > 0);
    }
    // A logarithm has no place for 0, and an estimator that is not there must not look forgotten.
    if (!drawn) s.name += s.x.empty() ? " (no error known)" : " (0: off the axis)";
    chart.series.push_back(std::move(s));
  }
  return chart;
}

/// The error of each estimator from outer step to outer step (median over repeats), for one combination.
Chart over_steps(const Observations& o, const std::string& title, std::size_t combination, bool own_run) {
  Chart chart;
  chart.title = title;
  chart.x_label = "outer step";
  chart.whole_x = true;
  chart.y_label = "relative error of the hypergradient";
  for (std::size_t e = 0; e < o.labels.size(); ++e) {
    std::map<double, Sample> at;
    for (const Row& row : o.rows) {
      if (row.combination == combination && row.entry == e && row.own_run == own_run) at[row.point].add(row.error);
    }
    Series s;
    s.name = o.labels[e];
    s.colour = static_cast<int>(e);
    for (const auto& [point, errors] : at) {
      s.x.push_back(point);
      s.y.push_back(errors.median());
    }
    chart.series.push_back(std::move(s));
  }
  return chart;
}

/// A figure over steps is drawn for each combination; of more than a dozen nobody looks at each.
std::size_t drawn_combinations(const Observations& o) { return std::min<std::size_t>(o.combinations.size(), 12); }
std::string name_of_combination(const std::string& name, const Observations& o, std::size_t c) {
  return name + (o.combinations.size() > 1 ? "_" + std::to_string(c) : "");
}
std::string title_of_combination(const std::string& title, const Observations& o, std::size_t c) {
  return title + (o.combinations[c].empty() ? "" : ", " + o.combinations[c]);
}

/// What the warm starts of one entry were worth at each point, medians over repeats.
struct Worth {
  std::vector<std::string> labels;  ///< entries that share the inner solutions share the line
  std::vector<double> point, k, lo, hi, audit;
  bool warm() const {
    return std::any_of(k.begin(), k.end(), [](double v) { return v > 0; });
  }
};

std::vector<Worth> worths(const RunRecord& r, const std::string& combination, bool own_run) {
  const Table& t = *r.audit;
  const std::vector<std::string> label = text_column(t, "label"), place = combinations_of(t, swept_keys(*r.compare)),
                                 mode = text_column(t, "mode");
  const std::vector<double> point = column(t, "point"), k = column(t, "k_eff"), lo = column(t, "k_eff_lo"),
                            hi = column(t, "k_eff_hi"), audit = column(t, "k_match");
  const bool only_own = text_at(r, "mode") == "own-run";
  std::vector<std::string> names;
  std::vector<std::map<double, std::array<Sample, 4>>> at;
  for (std::size_t i = 0; i < label.size(); ++i) {
    if (place[i] != combination || (only_own || mode[i] == "own-run") != own_run) continue;
    const std::size_t e = number_in(names, label[i]);
    if (e == at.size()) at.emplace_back();
    std::array<Sample, 4>& samples = at[e][point[i]];
    for (const auto& [which, value] : {std::pair(0, k[i]), {1, lo[i]}, {2, hi[i]}, {3, audit[i]}})
      samples[static_cast<std::size_t>(which)].add(value);
  }
  std::vector<Worth> all;
  for (std::size_t e = 0; e < names.size(); ++e) {
    Worth w{{names[e]}, {}, {}, {}, {}, {}};
    for (const auto& [where, s] : at[e]) {
      w.point.push_back(where);
      w.k.push_back(s[0].median());
      w.lo.push_back(s[1].median());
      w.hi.push_back(s[2].median());
      w.audit.push_back(s[3].median());
    }
    const auto same = std::find_if(all.begin(), all.end(), [&](const Worth& o) { return o.point == w.point && o.k == w.k; });
    if (same != all.end())
      same->labels.push_back(names[e]);
    else if (w.warm())
      all.push_back(std::move(w));
  }
  return all;
}

/// k_eff beside its audit, from outer step to outer step.
Chart truncation(const std::vector<Worth>& worths, const std::string& title) {
  Chart chart;
  chart.title = title;
  chart.x_label = "outer step";
  chart.whole_x = true;
  chart.y_label = "inner iterations";
  chart.log_y = false;
  int colour = 0;
  for (const Worth& w : worths) {
    std::string name;
    for (const std::string& l : w.labels) name += (name.empty() ? "" : ", ") + l;
    Series k, audit;
    k.name = name + " (k_eff)";
    k.x = audit.x = w.point;
    k.y = w.k;
    k.lo = w.lo;
    k.hi = w.hi;
    k.colour = colour++;
    audit.name = name + ", audited (k_match)";
    audit.y = w.audit;
    audit.colour = colour++;
    audit.points = true;
    chart.series.push_back(std::move(k));
    if (std::any_of(w.audit.begin(), w.audit.end(), [](double v) { return std::isfinite(v); }))
      chart.series.push_back(std::move(audit));
  }
  return chart;
}

void add_truncation_figures(const RunRecord& r, const Observations& o, const std::string& name, const std::string& title,
                            bool own_run, std::vector<Figure>& figures) {
  for (std::size_t c = 0; c < drawn_combinations(o); ++c) {
    figures.push_back(figure(
        name_of_combination(name, o, c), truncation(worths(r, o.combinations[c], own_run), title_of_combination(title, o, c)),
        "What the warm start of each inner solve was worth, in iterations of a cold one that an unrolled hypergradient does not "
        "see (k_eff, the bars being its interval), beside the audit: the start at which the cold run's iterate comes as near to "
        "the solution (k_match). The two should agree; where they do not, the rate of the last iterations does not describe "
        "the first ones. Entries that start cold are not drawn: theirs is 0.",
        "every inner solve started cold."));
  }
}

const char* kNoError = "no error is known: there was no reference at any point.";

void add_step_figures(const Observations& o, const std::string& name, const std::string& title, bool own_run,
                      std::vector<Figure>& figures) {
  for (std::size_t c = 0; c < drawn_combinations(o); ++c) {
    figures.push_back(figure(
        name_of_combination(name, o, c), over_steps(o, title_of_combination(title, o, c), c, own_run),
        "The error of each estimator from one outer step to the next, the median over repeats. A line that rises on the way is "
        "an estimator that the later, better conditioned or harder, problems do not suit; lines on top of one another share "
        "the error of the inner solution, which no estimator can undo: solve more tightly (inner.tolerance).",
        kNoError));
  }
}

void add_path_figures(const Observations& o, std::vector<Figure>& figures) {
  const std::string unit = "gradients + Hessian products";
  const auto add = [&](const char* name, const std::string& what, const std::string& x_label, const Axis& x, const char* shows,
                       const char* otherwise) {
    figures.push_back(figure(name, scatter(o, what, x_label, false, x), shows, otherwise));
  };
  add(
      "error_cost", "Error against work", unit + " of the estimator alone", [](const Row& r) { return r.units; },
      "Each mark is one hypergradient: to the left is cheap, low is exact. Marks far above the others at the same cost are an "
      "estimator that wastes its work here. A warm adjoint may cost nothing at some points, which a logarithm cannot show: see "
      "the table.",
      kNoError);
  add(
      "error_cost_with_solve", "Error against work, inner solve included", unit + ", inner solve included",
      [](const Row& r) { return r.solve_units + r.units; },
      "The same with the work of the inner solve that came before, shared by all that use it. Where everything moves into one "
      "column the solve is what costs, and the choice of the estimator matters little.",
      "the work of the inner solves is not known.");
  add(
      "error_time", "Error against time", "seconds of the estimator alone", [](const Row& r) { return r.seconds; },
      "The same against the time on this machine, the median of repeated timings. Times of small problems are mostly overhead; "
      "the "
      "counts above carry over to other machines, the times do not.",
      kNoError);
  add(
      "error_tape", "Error against memory", "bytes of stored states", [](const Row& r) { return r.tape; },
      "What an estimator has to store for its error. Estimators that store nothing are named in the legend, not drawn: a "
      "logarithm "
      "has no place for 0. If the full unroll stores too much, stride: auto gives the same numbers from less.",
      "no estimator here stores states of the inner iteration.");
}

/// Sums of the work of the steps, and the least loss up to each.
Series best_so_far(const Table& trace) {
  const std::vector<double> loss = column(trace, "outer_loss"), gradients = column(trace, "gradients"),
                            products = column(trace, "hessian_products");
  Series s;
  double units = 0, best = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < loss.size(); ++i) {
    units += gradients[i] + products[i];
    if (loss[i] < best) best = loss[i];
    if (!std::isfinite(best)) continue;
    s.x.push_back(units);
    s.y.push_back(best);
  }
  return s;
}

/// The runs of one combination: a line an entry and repeat, of one colour an entry.
Chart loss_against_work(const RunRecord& r, const Observations& o, std::size_t combination) {
  Chart chart;
  chart.title = title_of_combination("Own runs: outer loss against work", o, combination);
  chart.x_label = "gradients + Hessian products so far";
  chart.y_label = "outer loss, best so far";
  chart.log_x = true;
  chart.log_y = false;
  const std::vector<std::string> keys = r.compare ? swept_keys(*r.compare) : std::vector<std::string>();
  const std::string what = (r.folder / "run.json").string() + ", own_runs";
  std::size_t i = 0;
  for (const json& own : value_at(r, "own_runs")) {
    const std::optional<Table>& trace = r.own_runs[i++];
    if (!trace || combination_text(own.at("sweep"), keys, what) != o.combinations[combination]) continue;
    const std::string label = text_of(own.at("label"), what);
    const double repeat = number_of(own.at("repeat"), what);
    Series s = best_so_far(*trace);
    const auto entry = std::find(o.labels.begin(), o.labels.end(), label);
    s.name = label + (repeat > 0 ? ", repeat " + std::to_string(static_cast<int>(repeat)) : "");
    s.colour = static_cast<int>(entry - o.labels.begin());
    chart.series.push_back(std::move(s));
  }
  chart.log_y = spans_decades(chart);
  return chart;
}

void add_loss_figures(const RunRecord& r, const Observations& o, std::vector<Figure>& figures) {
  for (std::size_t c = 0; c < drawn_combinations(o); ++c) {
    figures.push_back(
        figure(name_of_combination("own_run_loss_work", o, c), loss_against_work(r, o, c),
               "The least validation loss that each run had found after so much work, inner solves and hypergradients included, "
               "diagnostics and the search for a start not. The line that is lowest at the left is the method that is best where "
               "work is "
               "dear; where lines end at one height all found the same minimum. Points of a grid are evaluated several at a "
               "time, so that "
               "its line moves to the right by leaps.",
               "no run of its own left a trace."));
  }
}

}  // namespace

std::vector<Figure> compare_figures(const RunRecord& r) {
  const Observations o = observations(r);
  std::vector<Figure> figures;
  if (o.same_path) add_path_figures(o, figures);
  if (o.own_run) add_loss_figures(r, o, figures);
  if (o.own_run)
    figures.push_back(figure(
        "own_run_error_cost",
        scatter(o, "Own runs: error against work", "gradients + Hessian products of an outer step", true,
                [](const Row& row) { return row.units; }),
        "Each mark is an outer step of a run that the estimator made by itself, inner solves and line search included. The runs "
        "go different ways, so compare where they end (the table) before comparing their errors.",
        kNoError));
  if (o.same_path) add_step_figures(o, "error_steps", "Error over the path", false, figures);
  if (o.own_run) add_step_figures(o, "own_run_error_steps", "Own runs: error over outer steps", true, figures);
  if (r.audit && o.same_path)
    add_truncation_figures(r, o, "implicit_truncation", "Implicit truncation over the path", false, figures);
  if (r.audit && o.own_run)
    add_truncation_figures(r, o, "own_run_implicit_truncation", "Own runs: implicit truncation", true, figures);
  return figures;
}

}  // namespace tacit
