// Charts: well-formed, with every point where it belongs.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <tacit/cli/chart.hpp>

using namespace tacit;

namespace {

std::size_t count(const std::string& text, const std::string& what) {
  std::size_t n = 0;
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// The d of the path of the first colour.
std::string first_line(const std::string& svg) {
  const auto end = svg.find("\" class=\"l c0\"/>");
  const auto begin = svg.rfind("<path d=\"", end) + 9;
  return svg.substr(begin, end - begin);
}

/// Every tag that is opened is closed, in order.
bool well_formed(const std::string& xml) {
  std::vector<std::string> open;
  for (auto at = xml.find('<'); at != std::string::npos; at = xml.find('<', at + 1)) {
    const auto end = xml.find('>', at);
    if (end == std::string::npos) return false;
    const std::string tag = xml.substr(at + 1, end - at - 1);
    if (tag.back() == '/') continue;
    const std::string name = tag.substr(0, tag.find(' '));
    if (name[0] != '/') {
      open.push_back(name);
    } else {
      if (open.empty() || open.back() != name.substr(1)) return false;
      open.pop_back();
    }
  }
  return open.empty();
}

}  // namespace

TEST_CASE("chart: one path a series, dashed where it is a bound, with a gap where a point cannot be drawn") {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  Chart chart{"a < b & \"c\"", "k", "error", true, {}, {}};
  chart.series.push_back({"measured", {0, 1, 2, 3, 4}, {1, 0.1, nan, 1e-3, 0}, 0, false, true});
  chart.series.push_back({"bound", {0, 1, 2, 3, 4}, {2, 1, 0.5, 0.25, 0.125}, 0, true, false});
  chart.markers.push_back({2, "2", 1});
  chart.markers.push_back({7, "outside", 1});
  const std::string svg = chart_svg(chart);
  CHECK(well_formed(svg));
  CHECK(count(svg, "class=\"l c0\"/>") == 2);  // the line and its entry in the legend
  CHECK(count(svg, "class=\"l c0 d\"/>") == 1);
  CHECK(svg.find("dashed: bounds") != std::string::npos);
  CHECK(count(svg, "class=\"v c1\"/>") == 1);
  CHECK(svg.find("outside") == std::string::npos);
  CHECK(svg.find("a &lt; b &amp; &quot;c&quot;") != std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
  // 1 - 0.1 | gap | 1e-3 alone: two moves, one line.
  const std::string line = first_line(svg);
  CHECK(count(line, "M") == 2);
  CHECK(count(line, "L") == 1);
}

TEST_CASE("chart: a decade is as high as another, and the axis names powers of ten") {
  Chart chart{"decades", "k", "error", true, {{"e", {0, 1, 2}, {1, 0.1, 0.01}, 0, false, true}}, {}};
  const std::string svg = chart_svg(chart);
  const std::string line = first_line(svg);
  double y[3];
  const char* p = line.c_str();
  for (double& v : y) {
    p = std::strchr(p, ' ') + 1;
    v = std::strtod(p, nullptr);
  }
  CHECK(y[1] - y[0] == doctest::Approx(y[2] - y[1]).epsilon(1e-3));
  CHECK(y[1] > y[0]);
  CHECK(svg.find(">0.1<") != std::string::npos);
  CHECK(svg.find(">1<") != std::string::npos);
}

TEST_CASE("chart: long series are thinned and keep their last point, and nothing at all is still a picture") {
  Chart chart{"long", "k", "y", false, {{"s", {}, {}, 3, false, true}}, {}};
  for (int i = 0; i < 50000; ++i) {
    chart.series[0].x.push_back(i);
    chart.series[0].y.push_back(std::sin(i * 1e-3));
  }
  const std::string svg = chart_svg(chart);
  CHECK(svg.size() < 40000);
  CHECK(well_formed(svg));
  CHECK(svg.find("L740 ") != std::string::npos);
  CHECK(well_formed(chart_svg({})));
  Chart flat{"flat", "k", "y", false, {{"s", {0, 1}, {5, 5}, 0, false, true}}, {}};
  CHECK(chart_svg(flat).find("nan") == std::string::npos);
}

TEST_CASE("chart: the numbers are there with every digit") {
  const Chart chart{"t", "x", "y", true, {{"a, b", {0, 1}, {0.1, 1.0 / 3}, 0, false, true}}, {}};
  CHECK(chart_csv(chart) == "series,x,y\n\"a, b\",0,0.1\n\"a, b\",1,0.3333333333333333\n");
}

TEST_CASE("chart: marks stand where their numbers are, on two logarithmic axes, and what has no logarithm is left out") {
  Chart chart;
  chart.log_x = true;
  Series a;
  a.name = "a";
  a.points = true;
  a.x = {1, 10, 100, 0, 1e9};
  a.y = {1e-2, 1e-4, 1e-6, 1e-3, 0};
  Series b = a;
  b.name = "b";
  b.colour = 1;
  b.x = {10};
  b.y = {1e-4};
  chart.series = {a, b};
  const std::string svg = chart_svg(chart);
  CHECK(well_formed(svg));
  // Three circles and that of the legend; a square at the same place as the second, and that of the legend.
  CHECK(count(svg, "<circle ") == 4);
  CHECK(count(svg, "class=\"c1f\"/>") == 2);
  std::vector<double> cx, cy;
  for (auto at = svg.find("<circle "); at != std::string::npos; at = svg.find("<circle ", at + 1)) {
    cx.push_back(std::strtod(svg.c_str() + svg.find("cx=\"", at) + 4, nullptr));
    cy.push_back(std::strtod(svg.c_str() + svg.find("cy=\"", at) + 4, nullptr));
  }
  // Equal factors are equal distances, and 1e9, whose error is 0, takes no room.
  CHECK(cx[1] - cx[0] == doctest::Approx(cx[2] - cx[1]).epsilon(1e-3));
  CHECK(cy[1] - cy[0] == doctest::Approx(cy[2] - cy[1]).epsilon(1e-3));
  CHECK(cx[2] - cx[0] > 500);
  CHECK(cy[2] - cy[0] > 250);
  CHECK(svg.find(">100</text>") != std::string::npos);
  CHECK(count(chart_csv(chart), "\n") == 7);
}
