// Charts: well-formed, with every point where it belongs.
#include <doctest/doctest.h>

#include <regex>

#include <cmath>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include <tacit/cli/report/chart/chart.hpp>
#include <tacit/cli/report/report_figures.hpp>

#include "xml_check.hpp"

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

bool well_formed(const std::string& xml) { return xml_test::what_is_wrong(xml).empty(); }

Series series(const std::string& name, std::vector<double> x, std::vector<double> y) {
  Series s;
  s.name = name;
  s.x = std::move(x);
  s.y = std::move(y);
  return s;
}

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

/// No number of a picture may be one that a browser does not know.
void check_drawn(const Chart& chart) {
  const std::string svg = chart_svg(chart);
  CHECK(xml_test::what_is_wrong(svg) == "");
  for (const char* word : {"nan", "inf", "NaN", "e+"}) {
    CAPTURE(word);
    CHECK(svg.substr(svg.find("<rect")).find(word) == std::string::npos);
  }
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
  CHECK(svg.find(">1e-1<") != std::string::npos);
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
  CHECK(svg.find(">1e2</text>") != std::string::npos);
  CHECK(count(chart_csv(chart), "\n") == 7);
}

TEST_CASE("chart: numbers that are not finite, tiny, huge, equal or alone still make a picture") {
  const double tiny = std::numeric_limits<double>::denorm_min(), huge = std::numeric_limits<double>::max();
  const std::vector<std::vector<double>> all{{},
                                             {0},
                                             {1},
                                             {-3, -3},
                                             {kNaN, kNaN, kNaN},
                                             {kInf, -kInf, 1},
                                             {tiny, huge},
                                             {-huge, huge, 0},
                                             {1e-300, 1e300},
                                             {-1e300, 1e300},
                                             {tiny, tiny},
                                             {0, 0, 0},
                                             {1e15, 1e15 + 1},
                                             {1, kNaN, 1, kNaN, 1},
                                             {-1, 0, 1e-9, 5}};
  for (const auto& y : all) {
    for (const bool log : {false, true}) {
      std::vector<double> x(y.size());
      for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<double>(i);
      Chart chart{"edge", "x", "y", log, {series("a", x, y), series("b", y, x)}, {}};
      chart.log_x = log;
      check_drawn(chart);
      chart.series[0].points = true;
      chart.series[0].lo = chart.series[0].hi = y;
      check_drawn(chart);
      chart.series[0].band = true;
      check_drawn(chart);
    }
  }
}

TEST_CASE("chart: what cannot be drawn on an axis is known to be no point") {
  CHECK_FALSE(has_points({}));
  CHECK_FALSE(has_points({"t", "x", "y", true, {series("a", {0, 1}, {0, -1})}, {}}));
  CHECK(has_points({"t", "x", "y", false, {series("a", {0, 1}, {0, -1})}, {}}));
  CHECK_FALSE(has_points({"t", "x", "y", false, {series("a", {0, kNaN}, {kInf, 1})}, {}}));
  Chart level{"t", "x", "y", true, {series("tolerance", {0, 1}, {1, 1})}, {}};
  level.series[0].dashed = true;
  CHECK_FALSE(has_points(level));  // a limit alone is no measurement
}

TEST_CASE("chart: a point without neighbours is seen, also of a line") {
  const std::string svg = chart_svg({"t", "x", "y", false, {series("a", {0, 1, 2, 3}, {1, kNaN, 2, 3})}, {}});
  CHECK(count(svg, "<circle ") == 1);
}

TEST_CASE("chart: an interval is a bar with caps, an open end has none, and an unknown one is left out") {
  Series s = series("k", {0, 1, 2}, {5, 5, 5});
  s.points = true;
  s.lo = {4, 4, kNaN};
  s.hi = {6, kInf, kNaN};
  const Chart chart{"t", "x", "y", false, {s}, {}};
  const std::string svg = chart_svg(chart);
  CHECK(count(svg, "class=\"b c0\"/>") == 5);  // a bar with two caps, a bar with one
  CHECK(chart_csv(chart) == "series,x,y,lo,hi\nk,0,5,4,6\nk,1,5,4,inf\nk,2,5,,\n");
}

TEST_CASE("chart: a band is an area that a gap divides") {
  Series s = series("spread", {0, 1, 2, 3, 4}, {1, 1, 1, 1, 1});
  s.band = true;
  s.lo = {0, 0, kNaN, 0, 0};
  s.hi = {2, 2, 2, 2, 2};
  const std::string svg = chart_svg({"t", "x", "y", false, {s}, {}});
  CHECK(count(svg, "class=\"k c0f\"/>") == 3);  // two areas and the legend
  CHECK(count(svg, "class=\"l c0\"/>") == 0);
}

TEST_CASE("chart: numbers beside the axes are round, and short") {
  const std::string tenths = chart_svg({"t", "x", "y", false, {series("a", {0, 0.3}, {0.1, 0.3})}, {}});
  CHECK(tenths.find(">0.3<") != std::string::npos);
  CHECK(tenths.find("0.30000000000000004") == std::string::npos);
  const std::string small = chart_svg({"t", "x", "y", true, {series("a", {0, 1}, {2e-4, 9e-4})}, {}});
  CHECK(small.find(">5e-4<") != std::string::npos);
}

TEST_CASE("chart: an axis of counts has whole numbers from 0 on, whatever is drawn") {
  for (const std::vector<double>& x : std::vector<std::vector<double>>{{0}, {0, 1}, {0, 1, 2}, {3}, {7}, {0, 4}, {0, 57}}) {
    CAPTURE(x);
    for (const bool marks : {false, true}) {
      Chart c{"t", "outer step", "y", false, {series("a", x, std::vector<double>(x.size(), 0.37))}, {}};
      c.series[0].points = marks;
      c.whole_x = true;
      const std::string all = chart_svg(c) + chart_element(c, "f").text;
      std::size_t numbers = 0;
      const std::regex below("text-anchor=\"middle\" class=\"t\">([^<]*)</text>");
      for (std::sregex_iterator i(all.begin(), all.end(), below); i != std::sregex_iterator(); ++i) {
        const std::string text = (*i)[1];
        if (text == "outer step" || text == "y") continue;
        CAPTURE(text);
        CHECK(text.find_first_not_of("0123456789") == std::string::npos);
        ++numbers;
      }
      CHECK(numbers >= 3);  // one at least in each of the three pictures
    }
  }
}

TEST_CASE("chart: the last number below a chart stays inside the picture") {
  Chart c{"t", "seconds", "y", false, {series("a", {1.9e-4, 2.5e-4}, {1, 2})}, {}};
  const std::string narrow = chart_element(c, "f").text;
  const std::regex number("<text x=\"([0-9.]+)\" y=\"294\" text-anchor=\"middle\" class=\"t\">([^<]*)</text>");
  std::size_t seen = 0;
  for (std::sregex_iterator i(narrow.begin(), narrow.end(), number); i != std::sregex_iterator(); ++i) {
    const double half = 7.3 * static_cast<double>((*i)[2].length()) / 2;
    CHECK(std::stod((*i)[1]) + half <= 380.01);
    ++seen;
  }
  CHECK(seen >= 2);
}

TEST_CASE("chart: names of data are text, whatever they hold") {
  const std::string hostile = "</text><script>alert(\"x\")</script> & 'q' \x01\xff\xC3\xA9";
  Chart chart{hostile, hostile, hostile, false, {series(hostile, {0, 1}, {0, 1})}, {{0.5, hostile, 1}}};
  chart.description = hostile;
  const std::string svg = chart_svg(chart);
  CHECK(xml_test::what_is_wrong(svg) == "");
  CHECK(svg.find("<script") == std::string::npos);
  CHECK(svg.find("\xff") == std::string::npos);
  CHECK(xml_text("\xC3\xA9 \xff \xC3 \x01|\xED\xA0\x80|\xE2\x80\xAE") ==
        "\xC3\xA9 \xEF\xBF\xBD \xEF\xBF\xBD  |\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD|\xEF\xBF\xBD");
  CHECK(shortened("\xC3\xA9\xC3\xA9\xC3\xA9", 2) == "\xC3\xA9\xC3\xA9\xE2\x80\xA6");
  CHECK(shortened("abc", 3) == "abc");
}

TEST_CASE("chart: a page has it for a wide screen and for a narrow one, and of many points no more than can be seen") {
  Chart c;
  Series s;
  s.points = true;
  s.name = "many";
  for (int i = 1; i <= 50000; ++i) {
    s.x.push_back(i);
    s.y.push_back(i);
    s.lo.push_back(i / 2.0);
    s.hi.push_back(2.0 * i);
  }
  c.series.push_back(s);
  c.markers.push_back({49900, "at the right", 1});
  c.markers.push_back({100, "at the left", 1});
  const std::string page = chart_element(c, "x").text;
  CHECK(page.find("viewBox=\"0 28 760 ") != std::string::npos);
  CHECK(page.find("viewBox=\"0 28 380 ") != std::string::npos);
  CHECK(page.find("id=\"x-t\"") != std::string::npos);
  CHECK(page.find("id=\"x-narrow-t\"") != std::string::npos);
  CHECK(page.size() < 600000);
  // A name stands on the side where it has room.
  const auto anchor = [&](const std::string& name) {
    const auto end = page.find(">" + name);
    const auto at = page.rfind("text-anchor=\"", end) + 13;
    return page.substr(at, page.find('"', at) - at);
  };
  CHECK(anchor("at the right") == "end");
  CHECK(anchor("at the left") == "start");
}

TEST_CASE("chart: things with names stand below each other, bars begin at 0 and intervals lie along x") {
  Chart chart{"effects", "size", "", false, {}, {}};
  chart.rows = {"a < b", "second", "a name of so many letters that there is no room for it beside a chart"};
  Series up = series("up", {4}, {0}), down = series("down", {-2}, {2}), dot = series("dot", {1}, {1});
  up.bars = down.bars = true;
  down.colour = 1;
  dot.points = true;
  dot.colour = 2;
  dot.lo = {0};
  dot.hi = {3};
  chart.series = {up, down, dot};
  check_drawn(chart);
  const std::string svg = chart_svg(chart);
  CHECK(svg.find(">a &lt; b</text>") != std::string::npos);
  CHECK(svg.find("there is no room for it beside") == std::string::npos);
  CHECK(count(svg, "class=\"c0f\"/>") == 2);  // the bar and its entry in the legend
  CHECK(count(svg, "class=\"c1f\"/>") == 2);
  CHECK(count(svg, "class=\"b c2\"/>") == 3);  // the interval and its two ends
  // Both bars begin at the same place, one to each side.
  const std::regex bar("<rect x=\"([0-9.]+)\" y=\"([0-9.]+)\" width=\"([0-9.]+)\" height=\"11\" class=\"c([01])f\"/>");
  std::vector<std::smatch> found;
  for (std::sregex_iterator at(svg.begin(), svg.end(), bar), end; at != end; ++at) found.push_back(*at);
  REQUIRE(found.size() == 2);
  const double left = std::stod(found[0][1]), width = std::stod(found[0][3]), low = std::stod(found[1][1]),
               length = std::stod(found[1][3]);
  CHECK(std::abs(low + length - left) <= 0.02);
  CHECK(std::abs(width - 2 * length) <= 0.02);
  CHECK(std::stod(found[1][2]) > std::stod(found[0][2]));
  CHECK(chart_csv(chart).rfind("series,x,y,lo,hi,name\nup,4,0,,,a < b\n", 0) == 0);
  // As high as its rows need.
  Chart more = chart;
  more.rows.assign(30, "row");
  const auto height = [](const std::string& text) {
    std::smatch box;
    REQUIRE(std::regex_search(text, box, std::regex("viewBox=\"0 0 760 ([0-9.]+)\"")));
    return std::stod(box[1]);
  };
  CHECK(height(chart_svg(more)) - height(svg) == doctest::Approx(27 * 22));
}

TEST_CASE("chart: a long name in a legend is broken into lines, and nothing of it is cut where four are enough") {
  CHECK(wrapped("short", 10, 4) == std::vector<std::string>{"short"});
  CHECK(wrapped("runs/one: per feature, solver cholesky", 14, 4) ==
        std::vector<std::string>{"runs/one: per", "feature,", "solver", "cholesky"});
  CHECK(wrapped("abcdefghij klm", 4, 9) == std::vector<std::string>{"abcd", "efgh", "ij", "klm"});
  CHECK(wrapped("one two three", 5, 2) == std::vector<std::string>{"one", "two t\xE2\x80\xA6"});
  CHECK(wrapped("\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F", 2, 4) == std::vector<std::string>{"\xC3\xA4\xC3\xB6", "\xC3\xBC\xC3\x9F"});
  CHECK(wrapped("", 5, 2) == std::vector<std::string>{""});
  Chart chart{"t", "x", "y", false, {}, {}};
  const std::string name = "ridge_diabetes_per_feature: range [0.0001, 100], solver gradient-descent, tolerance 1e-10";
  chart.series.push_back(series(name, {1, 2}, {1, 2}));
  chart.series.push_back(series("other", {1, 2}, {2, 1}));
  const std::string both = chart_element(chart, "id").text, narrow = both.substr(both.find("id-narrow-t"));
  for (const std::string& line : wrapped(name, 44, 4)) CHECK(narrow.find(">" + line + "</text>") != std::string::npos);
  CHECK(narrow.find("\xE2\x80\xA6") == std::string::npos);
}

TEST_CASE("chart: of many lines and points those without a name are thin and have no marks") {
  Chart chart{"t", "x", "y", false, {}, {}};
  Series thin = series("thin", {1, 2, 3}, {1, 2, 3}), cloud = series("cloud", {1, 2}, {3, 1});
  thin.faint = cloud.faint = true;
  thin.legend = false;
  cloud.points = true;
  cloud.colour = 1;
  chart.series = {thin, cloud, series("named", {1, 2, 3}, {2, 2, 1})};
  const std::string svg = chart_svg(chart);
  check_drawn(chart);
  CHECK(count(svg, "class=\"l c0 n\"/>") == 1);
  CHECK(count(svg, "class=\"c1f n\"/>") == 2);
  CHECK(count(svg, "class=\"c0f\"/>") == 4);  // marks of the named line, one in the legend
  CHECK(svg.find(">thin<") == std::string::npos);
}

TEST_CASE("chart: a square has one range on both axes, and a unit is as long on both") {
  const std::regex frame("<path d=\"M([0-9.]+) ([0-9.]+)V([0-9.]+)H([0-9.]+)\" class=\"a\"/>");
  // The diagonal of all that is drawn leaves room at one side, and the mark that is alone widens the axes.
  Chart chart{"t", "x", "y", false, {series("a", {0.25, 0.5}, {-0.5, 0.75}), series("mark", {0.3}, {2})}, {}};
  chart.series[1].points = true;
  chart.square = true;
  check_drawn(chart);
  const std::string page = chart_element(chart, "f").text;
  for (const std::string& svg : {chart_svg(chart), page.substr(0, page.find("</svg>")), page.substr(page.find("</svg>") + 6)}) {
    std::smatch at;
    REQUIRE(std::regex_search(svg, at, frame));
    const double left = std::stod(at[1]), top = std::stod(at[2]), bottom = std::stod(at[3]), right = std::stod(at[4]);
    CHECK(right - left == doctest::Approx(bottom - top).epsilon(1e-4));
    CHECK(right - left > 250);
    const double width =
        std::stod(svg.substr(svg.find("viewBox=\"0 ") + 11 + svg.substr(svg.find("viewBox=\"0 ") + 11).find(' ')));
    CHECK(right < width);
    // From 0.25, -0.5 to 0.5, 0.75: five times as far up as to the right.
    const std::string line = first_line(svg);
    double x1, y1, x2, y2;
    REQUIRE(std::sscanf(line.c_str(), "M%lf %lfL%lf %lf", &x1, &y1, &x2, &y2) == 4);
    CHECK((y1 - y2) / (x2 - x1) == doctest::Approx(5).epsilon(1e-3));
    // Both axes go from -0.5 to 2, and 4 % beyond.
    CHECK((x1 - left) / (right - left) == doctest::Approx(0.85 / 2.7).epsilon(1e-3));
    CHECK((bottom - y1) / (bottom - top) == doctest::Approx(0.1 / 2.7).epsilon(1e-2));
  }
  // In the middle of its sheet, within the room that the numbers leave.
  std::smatch at;
  const std::string wide = chart_svg(chart);
  REQUIRE(std::regex_search(wide, at, frame));
  chart.square = false;
  const std::string full = chart_svg(chart);
  std::smatch all;
  REQUIRE(std::regex_search(full, all, frame));
  CHECK(std::stod(at[1]) - std::stod(all[1]) == doctest::Approx(std::stod(all[4]) - std::stod(at[4])).epsilon(1e-3));
  CHECK(std::stod(at[4]) < std::stod(all[4]));
}
