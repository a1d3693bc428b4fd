// The page of one run: verdict, facts and tables of its verb, then what all pages have.
#include <cmath>

#include <tacit/cli/report/chart/sample.hpp>
#include <tacit/cli/report/report_page.hpp>
#include <tacit/cli/run/gains.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

std::string score_text(const RunRecord& r, const std::string& path) {
  if (!value_at(r, path).is_object()) return "";
  std::string text;
  const double loss = number_at(r, path + ".loss"), se = number_at(r, path + ".loss_standard_error");
  text = "loss " + known(loss) + (std::isnan(se) ? "" : " \xC2\xB1 " + known(se));
  for (const char* metric : {"rmse", "mae", "r2", "log_loss", "accuracy", "auc"}) {
    const double v = number_at(r, path + "." + metric);
    const json& block = value_at(r, path);
    if (std::isnan(v) && block.contains(metric)) text += std::string(", ") + metric + " undefined";
    if (!std::isnan(v)) text += std::string(", ") + metric + " " + known(v);
  }
  return text;
}

std::string work_text(const RunRecord& r, const std::string& path) {
  std::string text;
  for (const auto& [key, name] : {std::pair{"gradients", "gradients"},
                                  {"hessian_products", "Hessian products"},
                                  {"cross_products", "cross products"},
                                  {"map_steps", "map steps"},
                                  {"data_passes", "passes over the data"}}) {
    const std::string count = known(number_at(r, path + "." + key));
    if (!count.empty()) text += (text.empty() ? "" : ", ") + count + " " + name;
  }
  return text;
}

/// Of the whole command up to this page, and of what it is made of where the run says so.
std::string time_text(const RunRecord& r) {
  const double all = number_at(r, "seconds"), start = number_at(r, "phase_seconds.reading_and_start"),
               steps = number_at(r, "phase_seconds.outer_steps");
  if (std::isnan(all)) return "";
  const bool fitted = value_at(r, "metrics").is_object();
  const auto text = [](double seconds) { return short_number(std::round(1000 * seconds) / 1000) + " s"; };
  if (std::isnan(start) || std::isnan(steps)) return text(all);
  return text(all) + ": " + text(start) + " reading and start, " + text(steps) + " outer steps, " +
         text(std::max(0.0, all - start - steps)) + (fitted ? " final fit" : " the rest");
}

std::vector<Fact> run_facts_of(const RunRecord& r) {
  const double bytes = number_at(r, "peak_memory_bytes");
  return {{"time", time_text(r)},
          {"started", text_at(r, "started")},
          {"peak memory", std::isnan(bytes) ? "" : short_number(bytes / 1e6) + " MB"},
          {"seed", known(number_at(r, "seed"))},
          {"threads", known(number_at(r, "threads"))},
          {"versions", "tacit " + text_at(r, "versions.tacit") + ", Eigen " + text_at(r, "versions.eigen") + ", compiler " +
                           text_at(r, "versions.compiler")}};
}

void append(std::vector<Fact>& to, const std::vector<Fact>& more) { to.insert(to.end(), more.begin(), more.end()); }

std::size_t warning_count(const RunRecord& r) { return value_at(r, "warnings").is_array() ? value_at(r, "warnings").size() : 0; }

std::string warnings_in_words(const RunRecord& r) {
  const std::size_t n = warning_count(r);
  if (n == 0) return "There are no warnings.";
  std::string codes;
  for (const json& one : value_at(r, "warnings"))
    codes += (codes.empty() ? "" : ", ") + text_of(one.value("code", json()), "warnings");
  return (n == 1 ? "There is a warning: " : "There are " + std::to_string(n) + " warnings: ") + codes + ", in full below.";
}

// ---- tune

/// The column that is predicted; of classes, which one is +1 and how many rows each has.
std::string target_text(const RunRecord& r) {
  constexpr std::size_t kShown = 5;
  const std::string what = (r.folder / "run.json").string() + ", target";
  std::string text = text_at(r, "target.name");
  const json& classes = value_at(r, "target.classes");
  if (!classes.is_array()) return text;
  text += ": '" + text_at(r, "target.positive") + "' is +1, " + (classes.size() > 2 ? "the rest" : "the other") + " -1 (";
  for (std::size_t k = 0; k < std::min(classes.size(), kShown); ++k) {
    if (!classes[k].is_object()) refuse_file(what, "something else than a class");
    text += (k == 0 ? "'" : ", '") + text_of(classes[k].value("label", json()), what) + "' in " +
            known(number_of(classes[k].value("rows", json()), what)) + " rows";
  }
  return text + (classes.size() > kShown ? ", ... " + std::to_string(classes.size()) + " classes in all)" : ")");
}

std::string loss_in_words(const RunRecord& r) {
  const double best = number_at(r, "best.outer_loss"), start = number_at(r, "start_loss"),
               constant = number_at(r, "intercept_alone.loss");
  if (std::isnan(best)) return "";
  const double single = number_at(r, "single_penalty.loss");
  // What rounding alone makes of the best loss is the best loss, or all digits would have to tell them apart.
  const auto rounded = [best](double loss) { return std::abs(loss - best) <= 1e-12 * std::abs(best) ? best : loss; };
  const std::vector<std::string> losses = short_numbers({best, rounded(start), rounded(single), rounded(constant)});
  std::string text = "It reached a validation loss of " + losses[0] + " at step " + known(number_at(r, "best.step"));
  if (!std::isnan(start)) text += ", from " + losses[1] + " at the start";
  if (!std::isnan(single)) text += "; one penalty for all, tuned, has " + losses[2];
  if (!std::isnan(constant)) text += "; the intercept alone has " + losses[3];
  return text + ".";
}

PairedGains paired_gains_of(const RunRecord& r, const std::string& path) {
  const auto gain = [&](const char* over) {
    return MeanLoss{number_at(r, path + over + ".mean"), number_at(r, path + over + ".standard_error")};
  };
  return {gain(".over_intercept"), gain(".over_start"), gain(".over_single"), gain(".over_one_se"), gain(".over_best")};
}

Gains gains_of(const RunRecord& r) {
  const auto says = [&](const char* path) { return value_at(r, path).is_boolean() && value_at(r, path).get<bool>(); };
  Gains g{paired_gains_of(r, "gain"), std::nullopt, says("gain.optimistic"), says("gain.start_searched")};
  g.folded = value_at(r, "folds").is_object();
  if (value_at(r, "gain.test").is_object()) g.test = paired_gains_of(r, "gain.test");
  return g;
}

/// A page has the sign for it.
std::string with_sign(std::string text) {
  for (std::size_t at = 0; (at = text.find(" +- ", at)) != std::string::npos;) text.replace(at, 4, " \xC2\xB1 ");
  return text;
}

/// What the run says is in doubt; else, where a hypergradient on the way was far off, that the row which counts is not.
std::string doubt_in_words(const RunRecord& r, double worst) {
  constexpr double kLarge = 0.3;  // from here on error_in_words warns of steps that go the wrong way
  const json& doubt = value_at(r, "doubt");
  if (doubt.is_string()) return "In doubt: " + doubt.get<std::string>() + ".";
  const double reported = number_at(r, "best.hypergradient_error");
  if (!(worst >= kLarge) || !(reported < kLarge)) return "";
  return "In the row that is reported it was " + short_number(reported) +
         ", so the result can be trusted more than the way to it.";
}

struct Judgement {
  Mood mood;
  const char* word;
};

/// Many penalties that are no better than one are no success, whatever they gained over less.
const char* many_in_words(const PairedGains& g) {
  switch (std::isnan(g.over_single.mean) ? Evidence::clear : evidence_of(g.over_single)) {
    case Evidence::chance:
      return "Converged, but gained no more over the single penalty than chance can";
    case Evidence::worse:
      return "Converged, but the many penalties are worse than the single one";
    default:
      return nullptr;
  }
}

/// A run that came to its end is as good as what it gained is sure.
Judgement judge_gain(const RunRecord& r) {
  if (const char* word = many_in_words(deciding(gains_of(r)))) return {Mood::attention, word};
  switch (evidence_of(gains_of(r))) {
    case Evidence::clear:
      return {warning_count(r) > 0 ? Mood::attention : Mood::good, "Converged"};
    case Evidence::chance:
      return {Mood::attention, evidence_of(deciding(gains_of(r)).over_intercept) == Evidence::clear
                                   ? "Converged, but gained no more over its start than chance can"
                                   : "Converged, but gained no more than chance can"};
    case Evidence::worse:
      return {Mood::attention, "Converged, but lost"};
    case Evidence::unknown:
      break;
  }
  return {Mood::attention, "Converged"};
}

/// diagnostics.fail_error is set, and an error above it, or not known.
bool gate_failed(const RunRecord& r, double worst) {
  const double fail = number_at(r, "fail_error");
  return !std::isnan(fail) && (!(worst <= fail) || number_at(r, "unknown_errors") > 0);
}

/// The run's own verdict, its status, in a colour.
Judgement judge_tune(const RunRecord& r, double worst) {
  const std::string status = text_at(r, "status");
  const bool doubt = value_at(r, "doubt").is_string();
  if (status == "failed") return {Mood::bad, "Failed"};
  if (status == "running") return {Mood::bad, "Not finished"};
  if (status == "interrupted") return {Mood::attention, "Interrupted"};
  if (gate_failed(r, worst)) return {Mood::bad, "The quality gate failed"};
  if (status == "doubtful") return {Mood::bad, "Doubtful"};
  if (status == "converged") return judge_gain(r);
  if (status == "stalled") return {Mood::attention, "Stalled"};
  return {doubt ? Mood::bad : Mood::attention, doubt ? "Stopped by its budget, and in doubt" : "Stopped by its budget"};
}

std::string gate_in_words(const RunRecord& r, double worst) {
  if (!gate_failed(r, worst)) return "";
  return "The worst error is above diagnostics.fail_error, " + exact_number(number_at(r, "fail_error")) +
         ", or one is not known.";
}

void write_hyper(HtmlWriter& w, const RunRecord& r) {
  if (!r.hyper) return;
  const std::vector<std::string> name = text_column(*r.hyper, "name"), edge = text_column(*r.hyper, "at_bound");
  const std::vector<double> value = column(*r.hyper, "value"), start = column(*r.hyper, "start"),
                            lower = column(*r.hyper, "lower"), upper = column(*r.hyper, "upper");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < name.size(); ++i)
    rows.push_back(
        {name[i], known(value[i]), known(start[i]), known(lower[i]), known(upper[i]), edge[i] == "true" ? "at the edge" : ""});
  const auto section = w.open("section");
  w.leaf("h2", "The tuned penalties");
  if (rows.size() <= 12)
    return write_table(w, "Final values with their start and range (hyper.csv)",
                       {"name", "value", "start", "lowest", "highest", "remark"}, rows);
  Sample spread;
  for (const double v : value) spread.add(v);
  const auto at_edge = std::count(edge.begin(), edge.end(), "true");
  const std::vector<std::string> at =
      short_numbers({spread.quantile(0), spread.quantile(1), spread.quantile(0.25), spread.quantile(0.75)});
  w.leaf("p", std::to_string(rows.size()) + " values from " + at[0] + " to " + at[1] + ", half of them between " + at[2] +
                  " and " + at[3] + "; " + (at_edge == 0 ? "none" : std::to_string(at_edge)) + " at the edge of its range.");
  const auto details = w.open("details");
  // A page with a row for each of 100,000 is of no use to anybody.
  constexpr std::size_t kMostRows = 200;
  const std::string count = std::to_string(rows.size());
  w.leaf("summary", rows.size() <= kMostRows
                        ? "All " + count + " values"
                        : "The first " + std::to_string(kMostRows) + " of " + count + " values; hyper.csv has all");
  rows.resize(std::min(rows.size(), kMostRows));
  write_table(w, "Final values with their start and range (hyper.csv)", {"name", "value", "start", "lowest", "highest", "remark"},
              rows);
}

}  // namespace

void write_tune(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures) {
  const double worst = number_at(r, "worst_hypergradient_error");
  const Judgement j = judge_tune(r, worst);
  const Gains gains = gains_of(r);
  const std::string stopped = interruption(r);
  const bool ran = r.trace.has_value();
  const std::string steps = known(number_at(r, "outer_steps"));
  write_verdict(w, j.mood, j.word,
                {stopped.empty() ? "Stopped after " + steps + (steps == "1" ? " outer step: " : " outer steps: ") +
                                       text_at(r, "message") + "."
                                 : stopped,
                 loss_in_words(r), with_sign(gains_in_words(gains)),
                 ran && text_at(r, "status") != "running" && !of_values_alone(r) ? error_in_words(worst) : "",
                 doubt_in_words(r, worst), gate_in_words(r, worst), warnings_in_words(r)});
  write_warnings(w, r);
  write_model_parts(w, r, figures);
  write_hyper(w, r);
  const auto section = w.open("section");
  w.leaf("h2", "Key facts");
  std::vector<Fact> facts{{"status", text_at(r, "status")},
                          {"outer steps", known(number_at(r, "outer_steps"))},
                          {"validation", score_text(r, "metrics")},
                          {"single penalty", score_text(r, "single_penalty")},
                          {"intercept alone", score_text(r, "intercept_alone")},
                          {"gain", with_sign(gains_text(gains.validation, gains.chosen))},
                          {"test", score_text(r, "test")},
                          {"test, single penalty", score_text(r, "single_penalty.test")},
                          {"test, intercept alone", score_text(r, "intercept_alone.test")},
                          {"gain on test rows", gains.test ? with_sign(gains_text(*gains.test, false)) : ""}};
  facts.insert(facts.begin() + 2, {"target", target_text(r)});
  for (const json& line : value_at(r, "elsewhere")) facts.push_back({"the same in", text_of(line, "run.json, elsewhere")});
  append(facts, setting_facts(r));
  append(facts, {{"schedule", text_at(r, "schedule")},
                 {"worst error", known(worst)},
                 {"work", work_text(r, "work")},
                 {"diagnostics", work_text(r, "diagnostic_work")}});
  append(facts, run_facts_of(r));
  write_facts(w, "What was run, on what, and what came out (run.json)", facts);
}

// ---- compare

namespace {

std::string reference_in_words(const RunRecord& r) {
  const double worst = number_at(r, "reference.disagreement"), checked = number_at(r, "reference.checked"),
               points = number_at(r, "reference.points");
  const std::string name = text_at(r, "reference.estimator");
  const json& confirmed = value_at(r, "reference.confirmed");
  if (confirmed.is_boolean() && confirmed.get<bool>())
    return "The reference (" + name +
           (of_steps(r) ? " of the loss after the steps) is confirmed: an independent way, the derivative of all steps,"
                        : " at a Newton-polished point) is confirmed: an independent way, central differences,") +
           " agrees with it to " + sci(worst) + " at " + known(checked) + " of " + known(points) +
           " points. Errors far below that mean nothing.";
  if (checked > 0)
    return "The reference (" + name + ") is NOT confirmed: two independent ways to the exact hypergradient differ by " +
           (std::isnan(worst) ? std::string("an unknown amount") : sci(worst)) + ", so smaller errors mean nothing here.";
  return "The reference (" + name + ") was not checked at any point.";
}

std::string sci_or(double v) { return std::isnan(v) ? "" : sci(v); }

/// "key value, key value", and the mode where there are two.
std::string place_of(const json& row, bool modes, const std::string& what) {
  std::string text = modes ? text_of(row.at("mode"), what) : "";
  for (const auto& [key, value] : row.at("sweep").items()) text += (text.empty() ? "" : ", ") + key + " " + text_of(value, what);
  return text;
}

void write_comparison(HtmlWriter& w, const RunRecord& r) {
  const std::string what = (r.folder / "run.json").string() + ", table";
  const bool modes = text_at(r, "mode") == "both";
  std::vector<std::vector<std::string>> rows;
  for (const json& row : value_at(r, "table")) {
    const json& error = row.at("relative_error");
    const auto number = [&](const char* key) { return number_of(row.at(key), what); };
    rows.push_back({text_of(row.at("label"), what), place_of(row, modes, what), sci_or(number_of(error.at("median"), what)),
                    sci_or(number_of(error.at("lower_quartile"), what)), sci_or(number_of(error.at("upper_quartile"), what)),
                    std::isnan(number("least_cosine")) ? "" : digits(number("least_cosine"), 6), sci_or(number("seconds")),
                    known(number("tape_bytes")), known(number("gradients")), known(number("hessian_products")),
                    known(number("linear_steps")), text_of(row.at("status"), what)});
  }
  const auto section = w.open("section");
  w.leaf("h2", "The estimators");
  w.leaf(
      "p",
      "Medians over points and repeats. The error is the whole one: of the inner solution, of the adjoint, of the truncation. A "
      "cosine below 1 is a direction that is off; a status other than converged is what the estimator itself says of its "
      "result.");
  write_table(w, "Error, time, memory and work of each estimator (compare.csv)",
              {"estimator", "combination", "median error", "lower quartile", "upper quartile", "least cosine", "seconds",
               "tape bytes", "gradients", "Hessian products", "linear steps", "status"},
              rows);
}

/// What the audited steps say in words, with their numbers (steps.csv).
void write_findings(HtmlWriter& w, const RunRecord& r) {
  const json& found = value_at(r, "findings");
  if (!found.is_array() || found.empty()) return;
  const std::string what = (r.folder / "run.json").string() + ", findings";
  const auto section = w.open("section");
  w.leaf("h2", "What warm starts did");
  w.leaf("p",
         "Forgetting is what the derivative still lacks of its start at zero, curse what inexact iterates bring into it; both in "
         "the "
         "units of the error. Medians of steps.csv, which has them step by step beside k_eff and its audited value.");
  const auto list = w.open("ul");
  for (const json& line : found) w.leaf("li", text_of(line, what));
}

void write_solves(HtmlWriter& w, const RunRecord& r) {
  const json& solves = value_at(r, "inner_solves");
  if (!solves.is_array() || solves.empty()) return;
  const std::string what = (r.folder / "run.json").string() + ", inner_solves";
  std::vector<std::vector<std::string>> rows;
  for (const json& s : solves) {
    const auto number = [&](const char* key) { return number_of(s.at(key), what); };
    rows.push_back({text_of(s.at("label"), what), place_of(s, false, what), known(number("steps")), sci_or(number("residual")),
                    sci_or(number("seconds")), known(number("gradients")), known(number("hessian_products")),
                    text_of(s.at("status"), what)});
  }
  write_table(w, "The inner solves that the estimators were fed, apart (medians)",
              {"inner solve", "combination", "steps", "residual", "seconds", "gradients", "Hessian products", "status"}, rows);
}

void write_own_runs(HtmlWriter& w, const RunRecord& r) {
  const json& runs = value_at(r, "own_runs");
  if (!runs.is_array() || runs.empty()) return;
  const std::string what = (r.folder / "run.json").string() + ", own_runs";
  std::vector<std::vector<std::string>> rows;
  for (const json& o : runs)
    rows.push_back({text_of(o.at("label"), what), place_of(o, false, what), known(number_of(o.at("repeat"), what)),
                    known(number_of(o.at("outer_steps"), what)), known(number_of(o.at("outer_loss"), what)),
                    sci_or(number_of(o.at("worst_hypergradient_error"), what)), sci_or(number_of(o.at("seconds"), what)),
                    text_of(o.at("status"), what)});
  write_table(w, "Each estimator on a run of its own",
              {"own run", "combination", "repeat", "outer steps", "outer loss", "worst error", "seconds", "ended by"}, rows);
}

}  // namespace

void write_compare(HtmlWriter& w, const RunRecord& r) {
  const std::string status = text_at(r, "status"), stopped = interruption(r);
  const json& confirmed = value_at(r, "reference.confirmed");
  const bool trusted = confirmed.is_boolean() && confirmed.get<bool>();
  const Mood mood = status == "failed" || status == "running" ? Mood::bad
                    : trusted && stopped.empty()              ? Mood::good
                                                              : Mood::attention;
  const char* word = status == "failed"        ? "Failed"
                     : status == "running"     ? "Not finished"
                     : status == "interrupted" ? "Interrupted"
                                               : "Done";
  const double steps = number_at(r, "path_points");
  write_verdict(
      w, mood, word,
      {stopped.empty() ? "Every estimator was asked at " + known(steps) + " points of a run with exact hypergradients." : stopped,
       status == "running" ? "" : estimator_to_use(r), status == "running" ? "" : reference_in_words(r), warnings_in_words(r)});
  write_warnings(w, r);
  write_comparison(w, r);
  write_findings(w, r);
  write_solves(w, r);
  write_own_runs(w, r);
  const auto section = w.open("section");
  w.leaf("h2", "Key facts");
  std::vector<Fact> facts{{"status", status}, {"mode", text_at(r, "mode")}, {"stopped", text_at(r, "message")}};
  append(facts, setting_facts(r));
  append(facts, run_facts_of(r));
  write_facts(w, "What was compared, on what (run.json)", facts);
}

std::string run_page(const RunRecord& r, const std::vector<Figure>& figures) {
  HtmlWriter w;
  w.begin();
  {
    const auto html = w.open("html", {{"xmlns", "http://www.w3.org/1999/xhtml"}, {"lang", "en"}});
    write_head(w, r.name + " \xE2\x80\x93 tacit " + r.verb);
    const auto body = w.open("body");
    const auto main = w.open("main");
    w.leaf("h1", r.name);
    if (r.verb == "tune") write_tune(w, r, figures);
    if (r.verb == "compare") write_compare(w, r);
    if (r.verb == "curve") write_curve(w, r);
    write_problem(w, r);
    write_method_figures(w, r, figures);
    write_run_file(w, r);
  }
  return w.result();
}

}  // namespace tacit
