// Line and scatter charts as SVG that reads by itself: light and dark, colours that colour-blind readers tell apart, marks that
// tell lines apart without any colour, no script.
#pragma once
#include <string>
#include <string_view>
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
  /// Empty, or the interval of each point: a bar, or the edge of a band. An end that is not finite is open: it runs to the frame.
  /// NaN: not known, no bar.
  std::vector<double> lo{}, hi{};
  bool band = false;   ///< the intervals are a band below the lines, not a bar at each point
  bool bars = false;   ///< in a chart with rows: a filled bar from 0 to x in each of its rows
  bool faint = false;  ///< one of many, or of many points: thin, without marks of its own, and others shine through
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
  bool whole_x = false;       ///< counts, from 0 on: no numbers between whole ones
  std::string description{};  ///< for who cannot see it
  /// Not empty: things that have names stand below each other, y of a series is the number of its row from 0 at the top, and
  /// intervals lie along x. There is no vertical axis, so y_label is not shown and log_y is of no use.
  std::vector<std::string> rows{};
  /// Both axes have one range, and a unit of one is as long as a unit of the other: of numbers of the same kind.
  bool square = false;
};

/// A finished piece of SVG: what only this file makes, so that a page can take it as it is.
struct SvgText {
  std::string text;
};

/// The chart as a document of its own, 760 units wide, the legend below the lines.
std::string chart_svg(const Chart& chart);
/// The same for a page that holds chart_style() once, drawn for a wide screen and for a narrow one, of which the page shows the
/// one that fits; `id` is that of no other chart there.
SvgText chart_element(const Chart& chart, const std::string& id);
/// The rules that give every chart its colours, light and dark; on paper always light.
std::string chart_style();
/// Does the chart show anything at all?
bool has_points(const Chart& chart);
/// Text as XML content or attribute value: & < > and quotation marks escaped, what XML does not allow (control characters, bytes
/// that are no UTF-8) as U+FFFD or a blank.
std::string xml_text(std::string_view text);
/// The first `most` characters of a text in UTF-8, with an ellipsis where something was cut off.
std::string shortened(const std::string& text, std::size_t most);
/// Lines of at most `most` characters each, broken at blanks where there are some; at most `lines` of them, the last with an
/// ellipsis where something was cut off.
std::vector<std::string> wrapped(const std::string& text, std::size_t most, std::size_t lines);

}  // namespace tacit
