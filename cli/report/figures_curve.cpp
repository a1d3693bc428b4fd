// The figure of `tacit curve`, from curve.csv and curve.json.
#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

/// Below this share of its start an error is the rounding of the reference.
constexpr double kRounding = 1e-15;

std::vector<double> above_rounding(std::vector<double> error, double scale) {
  for (double& e : error) e = e > kRounding * scale ? e : std::numeric_limits<double>::quiet_NaN();
  return error;
}

void add_bound(Chart& chart, const std::string& name, int colour, const std::vector<double>& k, std::vector<double> y) {
  if (std::all_of(y.begin(), y.end(), [](double v) { return std::isnan(v); })) return;
  Series s = line(name, colour, k, std::move(y));
  s.dashed = true;
  s.legend = false;
  chart.series.push_back(std::move(s));
}

/// The starts that have a column derivative_error_START, in order.
std::vector<std::string> starts_of(const Table& t) {
  static const std::string head = "derivative_error_";
  std::vector<std::string> all;
  for (const std::string& name : t.names()) {
    if (name.rfind(head, 0) == 0) all.push_back(name.substr(head.size()));
  }
  return all;
}

double constant(const RunRecord& r, const char* name) {
  const auto at = r.constants.find(name);
  return at == r.constants.end() ? std::numeric_limits<double>::quiet_NaN()
                                 : number_of(*at, (r.folder / "curve.json").string() + ", " + name);
}

std::string title(const RunRecord& r) {
  const double momentum = constant(r, "momentum");
  return "Error of the iterate and of its derivative: " + text_at(r, "method.inner_solver") + ", step " +
         short_number(constant(r, "step_size")) +
         (momentum != 0 && std::isfinite(momentum) ? ", momentum " + short_number(momentum) : "");
}

/// The error of late starts that cost what the full unroll does, over the steps that are not differentiated.
Figure equal_cost_figure(const RunRecord& r) {
  const std::string what = (r.folder / "curve.json").string() + ", equal_cost";
  const nlohmann::json block = r.constants.value("equal_cost", nlohmann::json::object());
  if (!block.is_object()) refuse_file(what, "something else than a block of numbers");
  const auto field = [&](const nlohmann::json& of, const char* key) {
    if (!of.is_object()) refuse_file(what, "something else than a block of numbers");
    return number_of(of.value(key, nlohmann::json()), what + ", " + key);
  };
  Chart c;
  const double cost = field(block, "cost_of_differentiating");
  c.title = "Late starts at the cost of the full unroll" +
            (std::isfinite(cost) ? "; differentiating a step costs " + short_number(cost) + " more" : std::string());
  c.x_label = "plain steps before the first that is differentiated";
  c.whole_x = true;
  c.y_label = "error of the derivative at the end";
  std::vector<double> x, error, bound;
  const nlohmann::json starts = block.value("starts", nlohmann::json::array());
  if (!starts.is_array()) refuse_file(what + ", starts", "something else than a list");
  for (const nlohmann::json& s : starts) {
    x.push_back(field(s, "plain_steps"));
    error.push_back(field(s, "error"));
    bound.push_back(field(s, "bound"));
  }
  const double scale = constant(r, "M");
  if (!x.empty()) {
    c.series.push_back(line("late start at equal cost", 1, x, above_rounding(error, scale)));
    if (!std::all_of(bound.begin(), bound.end(), [](double v) { return std::isnan(v); })) {
      Series s = line("its bound", 1, x, above_rounding(bound, scale));
      s.dashed = true;
      c.series.push_back(std::move(s));
    }
    add_level(c, x, error.front(), "full unroll", 2);
  }
  if (const nlohmann::json planned = block.value("planned", nlohmann::json()); planned.is_object())
    c.markers.push_back({field(planned, "plain_steps"), "theorem 6", 1});
  return figure(
      "equal_cost", std::move(c),
      "Each point spends what the full unroll spends, whose error is the dashed line: some of the last steps are not "
      "differentiated, and plain steps come first for what that saves (c each, and one). Where the line lies below, "
      "starting late is better for the same money; the vertical line is the split that the theory proposes (theorem 6).",
      "the run left no late starts at equal cost.");
}

}  // namespace

std::vector<Figure> curve_figures(const RunRecord& r) {
  Chart c;
  c.title = title(r);
  c.x_label = "inner iteration k";
  c.whole_x = true;
  const bool log = text_of(r.constants.value("variable", nlohmann::json()), "curve.json, variable") == "log";
  c.y_label = log ? "error of x, of dx/d ln u" : "error of x, of dx/du";
  if (r.curve) {
    const std::vector<double> k = column(*r.curve, "k");
    c.series.push_back(line("iterate", 0, k, above_rounding(column(*r.curve, "iterate_error"), constant(r, "e_0"))));
    add_bound(c, "its bound", 0, k, column(*r.curve, "iterate_bound"));
    const std::vector<std::string> starts = starts_of(*r.curve);
    int colour = 1;
    for (const std::string& s : starts) {
      const std::string from = starts.size() > 1 || s != "0" ? ", from step " + s : "";
      c.series.push_back(
          line("derivative" + from, colour, k, above_rounding(column(*r.curve, "derivative_error_" + s), constant(r, "M"))));
      add_bound(c, "bound" + from, colour, k, column(*r.curve, "derivative_bound_" + s));
      const double at = std::atof(s.c_str());
      if (at > 0) c.markers.push_back({at, s, colour});
      ++colour;
    }
  }
  return {figure("curve", std::move(c),
                 "The distance of the iterate and of its derivative from their limits, iteration by iteration, and dashed the "
                 "bounds of the "
                 "theory. A derivative that rises before it falls is the curse of unrolling: stopped early, the full unroll is "
                 "worse than "
                 "no "
                 "derivative at all. Vertical lines are late starts; a later one forgets the early, wrong part. If every line is "
                 "still high at the end, the map is slow: standardize the data, take a larger penalty, or a map with momentum.",
                 "the run left no curve."),
          equal_cost_figure(r)};
}

}  // namespace tacit
