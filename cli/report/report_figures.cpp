#include <algorithm>
#include <cmath>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

Figure figure(std::string name, Chart chart, std::string shows, std::string otherwise) {
  chart.description = shows;
  Figure f{std::move(name), std::move(chart), std::move(shows), ""};
  if (!has_points(f.chart)) f.missing = std::move(otherwise);
  return f;
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
  std::string out = intervals ? "series,x,y,lo,hi\n" : "series,x,y\n";
  for (const Series& s : chart.series) {
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
      out += csv_cell(s.name) + "," + number(s.x[i]) + "," + number(s.y[i]);
      if (intervals) out += "," + (i < s.lo.size() ? number(s.lo[i]) : "") + "," + (i < s.hi.size() ? number(s.hi[i]) : "");
      out += "\n";
    }
  }
  return out;
}

}  // namespace tacit
