#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

/// The extent of what is drawn on the vertical axis, scaled as it is.
double extent(const Chart& chart) {
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  for (const Series& s : chart.series) {
    for (const double v : s.y) {
      if (!std::isfinite(v) || (chart.log_y && !(v > 0))) continue;
      lo = std::min(lo, chart.log_y ? std::log10(v) : v);
      hi = std::max(hi, chart.log_y ? std::log10(v) : v);
    }
  }
  return hi - lo;
}

/// Nobody could tell one from the other: the same places, and heights that differ by less than a line is wide.
bool on_one_another(const Series& a, const Series& b, const Chart& chart, double extent) {
  constexpr double kLineWidth = 0.005;  // of the height of a chart
  if (a.band || b.band || a.x.size() < 2 || a.x != b.x || a.y.size() != b.y.size()) return false;
  std::size_t drawn = 0;
  for (std::size_t i = 0; i < a.y.size(); ++i) {
    const auto there = [&](double v, bool log) { return std::isfinite(v) && (!log || v > 0); };
    if (there(a.y[i], chart.log_y) != there(b.y[i], chart.log_y)) return false;
    if (!there(a.y[i], chart.log_y) || !there(a.x[i], chart.log_x)) continue;
    const double gap = chart.log_y ? std::log10(a.y[i] / b.y[i]) : a.y[i] - b.y[i];
    if (!(std::abs(gap) <= kLineWidth * extent)) return false;
    ++drawn;
  }
  return drawn > 1;
}

}  // namespace

std::string coinciding(const Chart& chart) {
  if (!chart.rows.empty()) return {};
  const double height = extent(chart);
  std::vector<bool> told(chart.series.size(), false);
  std::string text;
  for (std::size_t i = 0; i < chart.series.size(); ++i) {
    if (told[i] || !chart.series[i].legend) continue;
    std::vector<std::string> names{"'" + chart.series[i].name + "'"};
    for (std::size_t j = i + 1; j < chart.series.size(); ++j) {
      if (told[j] || !chart.series[j].legend || !on_one_another(chart.series[i], chart.series[j], chart, height)) continue;
      told[j] = true;
      names.push_back("'" + chart.series[j].name + "'");
    }
    if (names.size() == 1) continue;
    const std::string last = names.back();
    names.pop_back();
    text += (text.empty() ? "Here " : "; ") + join(names) + " and " + last + " lie on one another";
  }
  return text.empty() ? text : text + ".";
}

bool spans_decades(const Chart& chart) {
  constexpr double kFactor = 30;
  double lo = std::numeric_limits<double>::infinity(), hi = 0;
  for (const Series& s : chart.series) {
    for (const double v : s.y) {
      if (!std::isfinite(v)) continue;
      lo = std::min(lo, v);
      hi = std::max(hi, v);
    }
  }
  return lo > 0 && hi > kFactor * lo;
}

Figure figure(std::string name, Chart chart, std::string shows, std::string otherwise) {
  if (const std::string same = coinciding(chart); !same.empty()) shows += " " + same;
  chart.description = shows;
  Figure f{std::move(name), std::move(chart), std::move(shows), ""};
  if (!has_points(f.chart)) f.missing = std::move(otherwise);
  return f;
}

Series line(const std::string& name, int colour, std::vector<double> x, std::vector<double> y) {
  Series s;
  s.name = name;
  s.colour = colour;
  s.x = std::move(x);
  s.y = std::move(y);
  return s;
}

Series points(const std::string& name, int colour, std::vector<double> x, std::vector<double> y) {
  Series s = line(name, colour, std::move(x), std::move(y));
  s.points = true;
  return s;
}

void add_level(Chart& chart, const std::vector<double>& x, double level, const std::string& name, int colour) {
  if (x.empty() || !(level > 0) || !std::isfinite(level)) return;
  Series s;
  s.name = name;
  s.x = {x.front(), x.back()};
  s.y = {level, level};
  s.colour = colour;
  s.dashed = true;
  chart.series.push_back(std::move(s));
}

std::string chart_csv(const Chart& chart) {
  const auto number = [](double v) { return std::isnan(v) ? std::string() : number_text(v); };
  const bool intervals = std::any_of(chart.series.begin(), chart.series.end(), [](const Series& s) { return !s.lo.empty(); });
  const bool rows = !chart.rows.empty();
  std::string out = std::string("series,x,y") + (intervals ? ",lo,hi" : "") + (rows ? ",name\n" : "\n");
  for (const Series& s : chart.series) {
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
      out += csv_cell(s.name) + "," + number(s.x[i]) + "," + number(s.y[i]);
      if (intervals) out += "," + (i < s.lo.size() ? number(s.lo[i]) : "") + "," + (i < s.hi.size() ? number(s.hi[i]) : "");
      if (rows) out += "," + csv_cell(chart.rows[static_cast<std::size_t>(std::lround(s.y[i]))]);
      out += "\n";
    }
  }
  return out;
}

}  // namespace tacit
