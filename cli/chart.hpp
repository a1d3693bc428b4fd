// Line and scatter charts as SVG that reads by itself: light and dark, colours that colour-blind readers tell apart, no script.
#pragma once
#include <string>
#include <vector>

namespace tacit {

/// One line of a chart. Points that cannot be drawn (not finite, or not positive on a log axis) leave a gap.
struct Series {
  std::string name;
  std::vector<double> x, y;
  int colour = 0;       ///< 0, 1, 2, ...: a palette of seven, then again from the start
  bool dashed = false;  ///< a bound, not a measurement
  bool legend = true;   ///< has an entry of its own in the legend
  bool points = false;  ///< a mark at each point, of a shape that goes with the colour, instead of a line
};

/// A vertical line: an instant that matters.
struct Marker {
  double x = 0;
  std::string name;
  int colour = 0;
};

struct Chart {
  std::string title, x_label, y_label;
  bool log_y = true;
  std::vector<Series> series;
  std::vector<Marker> markers;
  bool log_x = false;
};

/// The chart as a document of its own, 760 units wide, the legend below the lines.
std::string chart_svg(const Chart& chart);
/// Its numbers, tidy: series,x,y with every digit.
std::string chart_csv(const Chart& chart);
/// Text as XML content: & < > and quotation marks escaped.
std::string xml_text(const std::string& text);

}  // namespace tacit
