// The parts that all pages share: head and style, tables, figures, warnings, the run file.
#include <algorithm>
#include <cmath>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/core/support/version.hpp>

namespace tacit {

namespace {

// Contrasts of text and ground are at least 4.5 (WCAG AA) in both schemes; docs/report.md has the numbers.
constexpr const char* kStyle =
    ":root{--ground:#fff;--text:#222;--soft:#595959;--line:#d0d0d0;--box:#f5f6f8;--link:#00558a;"
    "--good:#00674b;--attention:#8a4b00;--bad:#a1261b}"
    "@media screen and "
    "(prefers-color-scheme:dark){:root{--ground:#16181c;--text:#e4e4e4;--soft:#a9adb5;--line:#3a3f47;--box:#1f2227;"
    "--link:#7cc4f5;--good:#4fd6a8;--attention:#ffb066;--bad:#ff8f84}}"
    "*{box-sizing:border-box}html{color-scheme:light dark}"
    "body{margin:0 auto;max-width:88rem;padding:1rem;background:var(--ground);color:var(--text);"
    "font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}"
    "h1{font-size:1.6rem;line-height:1.25;margin:.5rem 0 1rem}h2{font-size:1.25rem;margin:2rem 0 "
    ".5rem}h3{font-size:1.05rem;margin:1.5rem 0 .25rem}"
    "h1,h2,h3,p,ul,figure,details,.verdict,.facts,.formula{max-width:58rem}p{margin:.5rem "
    "0}a{color:var(--link)}.soft,figcaption,caption{color:var(--soft)}"
    ".verdict{border:1px solid var(--line);border-left:.5rem solid var(--mood);background:var(--box);padding:.5rem "
    "1rem;margin:1rem 0}"
    ".verdict strong{color:var(--mood)}.good{--mood:var(--good)}.attention{--mood:var(--attention)}.bad{--mood:var(--bad)}"
    ".scroll{overflow-x:auto;max-width:100%}.scroll:focus-visible{outline:2px solid var(--link)}"
    "table{border-collapse:collapse;margin:.5rem 0 1rem;font-size:.95rem}caption{text-align:left;padding:.25rem 0}"
    "th,td{text-align:left;vertical-align:top;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--line)}"
    "th{font-weight:600}.wide{overflow-wrap:normal}.wide thead th{vertical-align:bottom}.wide td.text{min-width:6rem}.wide "
    "td.text:last-child{min-width:11rem}"
    ".wide{min-width:min(100%,27rem)}.wide caption{max-width:calc(100vw - 2rem)}"
    // a table that goes on has a shade at that side, and the names of its rows stay
    ".scroll{background:linear-gradient(90deg,var(--ground) 1rem,transparent) 0/3rem 100% no-repeat local,"
    "linear-gradient(270deg,var(--ground) 1rem,transparent) 100%/3rem 100% no-repeat local,"
    "linear-gradient(90deg,var(--line),transparent) 0/.8rem 100% no-repeat scroll,"
    "linear-gradient(270deg,var(--line),transparent) 100%/.8rem 100% no-repeat scroll}"
    ".wide tbody th{position:sticky;left:0;background:var(--ground)}"
    ".wide td.number{white-space:nowrap}th.number,td.number{text-align:right;font-variant-numeric:tabular-nums}"
    ".facts{width:100%;table-layout:fixed}.facts th{width:11rem}"
    "figure{margin:1rem 0 1.5rem}figure .scroll{border:1px solid var(--line);margin-bottom:.4rem}"
    ".chart{display:block;width:100%;height:auto}"
    "@media screen and (min-width:86rem){.figures{display:grid;grid-template-columns:1fr 1fr;column-gap:2rem}}"
    "pre{background:var(--box);border:1px solid var(--line);padding:.75rem;overflow-x:auto;font-size:.85rem;overflow-wrap:normal}"
    "summary{cursor:pointer}math{font-size:1.1rem}.formula math{text-align:left;width:fit-content}"
    "@media (max-width:30rem){h1{font-size:1.35rem}math{font-size:.95rem}.facts "
    "th{width:7.5rem}body{padding:.6rem}.wide{font-size:.8rem}.wide "
    "th,.wide td{padding-right:"
    ".45rem}.wide td.text,.wide td.text:last-child{min-width:5rem}}"
    "@media "
    "print{html{font-size:11px}body{max-width:none;padding:0;font-size:1rem}.chart{min-width:0;width:auto;max-width:100%;max-"
    "height:38vh}"
    ".chart.tall{max-height:80vh}.scroll{overflow:visible}.wide{font-size:.8em;overflow-wrap:anywhere}.wide th,.wide "
    "td{white-space:normal;padding-right:.3rem}"
    "figure,tr,.verdict{break-inside:avoid}h2,h3,caption{break-after:avoid}"
    "pre{white-space:pre-wrap}}";

bool is_number(const std::string& cell) {
  return !cell.empty() && cell.find_first_not_of("0123456789.+-e") == std::string::npos && cell != "-";
}

std::string as_sentence(const std::string& text) {
  return text.empty() || text.back() == '.' || text.back() == ':' ? text : text + ".";
}

HtmlWriter::Element scroll_box(HtmlWriter& w, const std::string& what) {
  return w.open("div", {{"class", "scroll"}, {"tabindex", "0"}, {"role", "group"}, {"aria-label", what}});
}

enum class Column { empty, text, numbers };

/// What stands in a column: decides whether it is shown, and to which side.
Column kind_of(const std::vector<std::vector<std::string>>& rows, std::size_t column) {
  Column kind = Column::empty;
  for (const auto& cells : rows) {
    if (cells[column].empty()) continue;
    if (!is_number(cells[column])) return Column::text;
    kind = Column::numbers;
  }
  return kind;
}

void write_cells(HtmlWriter& w, const std::vector<std::string>& cells, const std::vector<Column>& kinds, bool head) {
  const auto row = w.open("tr");
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const bool names = head || i == 0;
    const char* side = kinds[i] == Column::numbers && i > 0 ? "number" : "text";
    if (i == 0 || kinds[i] != Column::empty)
      names ? w.leaf("th", cells[i], {{"scope", head ? "col" : "row"}, {"class", side}})
            : w.leaf("td", cells[i], {{"class", side}});
  }
}

}  // namespace

std::string known(double v) {
  constexpr double kCounted = 1e15;  // what a double holds to the last one
  if (v == std::floor(v) && std::abs(v) < kCounted) return std::to_string(static_cast<long long>(v));
  return std::isnan(v) ? "" : brief_number(v);
}

std::string error_in_words(double error) {
  if (std::isnan(error)) return "The error of the hypergradients is not known.";
  const std::string size = error < 1e-3 ? short_number(error) : percent_text(std::round(1000 * error) / 1000);
  const std::string head = "The worst hypergradient was off by an estimated " + size + " of its length, ";
  if (error < 1e-3) return head + "which is negligible.";
  if (error < 0.03) return head + "which is small: its direction is right.";
  if (error < 0.3) return head + "which slows the descent but does not mislead it.";
  if (error < 1) return head + "which is large: steps may go the wrong way.";
  return head + "so that not even its direction can be trusted.";
}

void write_head(HtmlWriter& w, const std::string& title) {
  const auto head = w.open("head");
  w.single("meta", {{"charset", "utf-8"}});
  w.single("meta", {{"name", "viewport"}, {"content", "width=device-width, initial-scale=1"}});
  w.single("meta", {{"name", "generator"}, {"content", std::string("tacit ") + kVersion}});
  w.leaf("title", title);
  w.style(kStyle + chart_style());
}

void write_verdict(HtmlWriter& w, Mood mood, const std::string& word, const std::vector<std::string>& sentences) {
  const char* cls = mood == Mood::good ? "verdict good" : mood == Mood::attention ? "verdict attention" : "verdict bad";
  const auto box = w.open("div", {{"class", cls}});
  bool first = true;
  for (const std::string& s : sentences) {
    if (s.empty()) continue;
    const auto p = w.open("p");
    if (first) w.leaf("strong", word + ". ");
    w.text(s);
    first = false;
  }
}

void write_facts(HtmlWriter& w, const std::string& caption, const std::vector<Fact>& facts) {
  const auto table = w.open("table", {{"class", "facts"}});
  w.leaf("caption", caption);
  const auto body = w.open("tbody");
  for (const auto& [name, value] : facts) {
    if (value.empty()) continue;
    const auto row = w.open("tr");
    w.leaf("th", name, {{"scope", "row"}});
    w.leaf("td", value);
  }
}

void write_table(HtmlWriter& w, const std::string& caption, const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows) {
  const auto box = scroll_box(w, caption);
  const auto table = w.open("table", {{"class", "wide"}});
  w.leaf("caption", caption);
  std::vector<Column> kinds;
  for (std::size_t i = 0; i < heads.size(); ++i) kinds.push_back(kind_of(rows, i));
  {
    const auto head = w.open("thead");
    write_cells(w, heads, kinds, true);
  }
  const auto body = w.open("tbody");
  for (const auto& cells : rows) write_cells(w, cells, kinds, false);
}

void write_figures(HtmlWriter& w, const std::string& heading, const std::vector<Figure>& figures) {
  const auto section = w.open("section");
  w.leaf("h2", heading);
  w.leaf("p",
         "Each figure is also plots/NAME.svg beside this page, and its numbers are plots/NAME.csv. What was not measured leaves "
         "a gap.",
         {{"class", "soft"}});
  // A run that left nothing to draw says so once.
  const auto as_the_first = [&](const Figure& f) { return !f.missing.empty() && f.missing == figures.front().missing; };
  if (figures.size() > 1 && std::all_of(figures.begin(), figures.end(), as_the_first))
    return w.leaf("p", "No figures: " + figures.front().missing);
  write_figure_grid(w, figures);
}

void write_figure_grid(HtmlWriter& w, const std::vector<Figure>& figures) {
  const auto grid = w.open("div", {{"class", "figures"}});
  for (const Figure& f : figures) {
    const auto cell = w.open("div");
    w.leaf("h3", f.chart.title, {{"id", f.name}});
    if (!f.missing.empty()) {
      w.leaf("p", "No figure: " + f.missing);
      continue;
    }
    const auto frame = w.open("figure");
    {
      const auto box = scroll_box(w, f.chart.title);
      w.chart(chart_element(f.chart, "figure-" + f.name));
    }
    const auto caption = w.open("figcaption");
    w.text(f.shows + " Numbers: ");
    w.leaf("code", "plots/" + f.name + ".csv");
  }
}

void write_warnings(HtmlWriter& w, const RunRecord& r) {
  const nlohmann::json& all = value_at(r, "warnings");
  if (!all.is_array() || all.empty()) return;  // the verdict says so
  const auto section = w.open("section");
  w.leaf("h2", "Warnings");
  const std::string what = (r.folder / "run.json").string() + ", warnings";
  const auto list = w.open("ul");
  for (const nlohmann::json& one : all) {
    const auto item = w.open("li");
    const double count = number_of(one.value("count", nlohmann::json()), what);
    w.leaf("code", text_of(one.value("code", nlohmann::json()), what));
    w.text(" " + text_of(one.value("where", nlohmann::json()), what) + ": " +
           as_sentence(text_of(one.value("message", nlohmann::json()), what)) + " " +
           text_of(one.value("remedy", nlohmann::json()), what));
    if (count > 1) w.text(" (" + known(count) + " times; this is the first)");
  }
}

void write_run_file(HtmlWriter& w, const RunRecord& r) {
  const auto section = w.open("section");
  w.leaf("h2", "The run file");
  if (r.config.empty()) {
    w.leaf("p", "The folder holds no config.resolved.yaml.");
    return;
  }
  w.leaf("p", "Every key in use. Running config.resolved.yaml repeats the run.");
  const auto details = w.open("details");
  w.leaf("summary", "config.resolved.yaml");
  w.leaf("pre", r.config);
}

std::string interruption(const RunRecord& r) {
  const std::string status = text_at(r, "status");
  if (status == "running")
    return std::string("The run had not ended when this was written: it is still at work, or it was killed. ") +
           (r.verb == "tune" && !r.trace ? "No point had been evaluated by then." : "What it had reached by then is below.");
  const std::string message = text_at(r, "message");
  const bool nothing = std::isnan(number_at(r, "best.outer_loss")) && message.rfind("interrupted before", 0) == 0;
  if (status == "interrupted")
    return nothing ? as_sentence("The run was " + message) : "The run was interrupted; what it had reached by then is below.";
  if (status == "failed") return as_sentence("The run failed: " + message);
  return "";
}

std::vector<Fact> setting_facts(const RunRecord& r) {
  std::vector<Fact> facts;
  const std::string what = (r.folder / "run.json").string() + ", data";
  for (const nlohmann::json& f : value_at(r, "data")) {
    const std::string digest = text_of(f.value("xxh3_64", nlohmann::json()), what);
    facts.push_back({"data", text_of(f.value("path", nlohmann::json()), what) + ", " +
                                 known(number_of(f.value("rows", nlohmann::json()), what)) + " rows" +
                                 (digest.empty() ? "" : ", XXH3 " + digest)});
  }
  const auto rows = [&](const char* part) { return known(number_at(r, std::string("rows.") + part)); };
  facts.push_back({"rows", rows("train") + " train" +
                               (r.verb == "curve" ? "" : ", " + rows("validation") + " validation, " + rows("test") + " test")});
  facts.push_back({"features", known(number_at(r, "features"))});
  facts.push_back({"model", text_at(r, "model.kind")});
  facts.push_back({"inner solver", text_at(r, "method.inner_solver")});
  if (r.verb == "tune") facts.push_back({"estimator", text_at(r, "method.estimator")});
  if (r.verb != "curve") facts.push_back({"outer optimizer", text_at(r, "method.optimizer")});
  const nlohmann::json& notes = value_at(r, "notes");
  for (const nlohmann::json& note : notes) facts.push_back({"choice", text_of(note, what)});
  return facts;
}

}  // namespace tacit
