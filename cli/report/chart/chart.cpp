#include <tacit/cli/report/chart/chart.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <tacit/cli/report/chart/chart_axis.hpp>

namespace tacit {

namespace {

/// What a chart is drawn on, in units that are pixels where it is shown in full.
struct Sheet {
  double width, height;  ///< without the legend
  int ticks;             ///< on an axis, about
  std::size_t points;    ///< of a line, at most
  std::size_t letters;   ///< of a line of a name in the legend, at most
  std::size_t row;       ///< of the name of a row
  double inset = 0;      ///< left free at both sides of a square, in the middle
};
constexpr Sheet kWide{760, 440, 8, 1000, 60, 30};
/// For a telephone: the letters are as large, and nothing has to be scrolled.
constexpr Sheet kNarrow{380, 330, 5, 300, 44, 16};
constexpr std::size_t kLegendLines = 4;  // of one name
constexpr double kRowHeight = 22;
constexpr double kTall = 460;  // from here on a chart has so many rows that it needs a page of its own on paper
constexpr double kRight = 20, kTop = 42, kBottom = 54;
constexpr double kSide = 360;       // of a square, where there is room: about as high as its neighbours
constexpr double kCharacter = 7.3;  // width of a digit or letter, on average
constexpr std::size_t kMarksOnALine = 10;
constexpr int kColours = 7;

// Okabe and Ito's palette (2008), and lighter relatives of it for a dark ground.
constexpr std::array<const char*, kColours> kLight{"#0072b2", "#d55e00", "#009e73", "#b0508e", "#8c6d00", "#3a8fc4", "#4d4d4d"};
constexpr std::array<const char*, kColours> kDark{"#5ab4f0", "#ff8f52", "#35cf9f", "#eba6d0", "#f0c541", "#9bd4f7", "#cfcfcf"};

/// The rules of the seven colours, for strokes and fills.
std::string colours(const std::array<const char*, kColours>& palette) {
  std::string rules;
  for (std::size_t i = 0; i < palette.size(); ++i) {
    const std::string name = ".chart .c" + std::to_string(i);
    rules += name + "{stroke:" + palette[i] + "}" + name + "f{fill:" + palette[i] + "}";
  }
  return rules;
}

/// Two decimals are enough for a screen, in every locale.
std::string coordinate(double v) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::round(v * 100) / 100).ptr;
  return {buffer, end};
}

/// Where the frame ends.
double right_edge(const Sheet& sheet) { return sheet.width - kRight - sheet.inset; }

/// Calls `at(x, y)` for every number that has to find room: the points, the known ends of their intervals, and where bars begin.
template <class At>
void each_point(const Series& s, bool along_x, const At& at) {
  for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
    at(s.x[i], s.y[i]);
    if (s.bars) at(0, s.y[i]);
    if (i >= std::min(s.lo.size(), s.hi.size())) continue;
    for (const double end : {s.lo[i], s.hi[i]}) along_x ? at(end, s.y[i]) : at(s.x[i], end);
  }
}

/// One place for each row, the first at the top.
Axis axis_of_rows(const Chart& chart, const Sheet& sheet) {
  return {-0.5, static_cast<double>(chart.rows.size()) - 0.5, kTop, sheet.height - kBottom, false, true};
}

std::size_t letters_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

/// The range of all points, widened so that nothing sits on the frame, without a place on the sheet. A log axis spans 18 decades
/// at most: what lies below is rounding.
Axis range_of(const Chart& chart, bool vertical) {
  Axis axis;
  axis.log = vertical ? chart.log_y : chart.log_x;
  axis.whole = !vertical && chart.whole_x;
  bool marks = false;
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  for (const Series& s : chart.series) {
    marks = marks || s.points || s.bars;
    each_point(s, !chart.rows.empty(), [&](double x, double y) {
      const double v = vertical ? y : x, other = vertical ? x : y;
      // A mark that cannot be drawn for its other number takes no room.
      if (!drawable(v, axis.log) || (s.points && !drawable(other, vertical ? chart.log_x : chart.log_y))) return;
      lo = std::min(lo, axis.scaled(v));
      hi = std::max(hi, axis.scaled(v));
    });
  }
  if (!(lo <= hi)) lo = 0, hi = 1;
  if (axis.log) lo = std::max(lo, hi - 18);
  widen_flat(lo, hi, axis.log, axis.whole);
  if (vertical || marks) {
    const double margin = 0.04 * (hi - lo);
    lo -= margin;
    hi += margin;
  }
  axis.lo = lo;
  axis.hi = hi;
  return axis;
}

Axis fit(const Chart& chart, const Sheet& sheet, bool vertical, double left = 0) {
  if (vertical && !chart.rows.empty()) return axis_of_rows(chart, sheet);
  Axis axis = range_of(chart, vertical);
  if (chart.square) {
    const Axis other = range_of(chart, !vertical);
    axis.lo = std::min(axis.lo, other.lo);
    axis.hi = std::max(axis.hi, other.hi);
  }
  axis.at_lo = vertical ? sheet.height - kBottom : left;
  axis.at_hi = vertical ? kTop : right_edge(sheet);
  return axis;
}

/// Where the frame begins: beyond the longest number of the vertical axis.
double left_edge(const Chart& chart, const Axis& y, const Sheet& sheet) {
  std::size_t longest = 4;
  if (!chart.rows.empty()) {
    for (const std::string& name : chart.rows) longest = std::max(longest, letters_of(shortened(name, sheet.row)));
    return 20 + kCharacter * static_cast<double>(longest);
  }
  for (const Tick& t : ticks(y, sheet.ticks)) longest = std::max(longest, t.text.size());
  return sheet.inset + 38 + kCharacter * static_cast<double>(longest);
}

/// A chart with rows is as high as they need; a square is as large as its width allows, and in the middle.
Sheet sheet_of(const Chart& chart, Sheet sheet) {
  if (!chart.rows.empty()) sheet.height = kTop + kBottom + kRowHeight * static_cast<double>(chart.rows.size());
  if (chart.square) {
    const double room = right_edge(sheet) - left_edge(chart, fit(chart, sheet, true), sheet), side = std::min(room, kSide);
    sheet.height = kTop + side + kBottom;
    sheet.inset = (room - side) / 2;
  }
  return sheet;
}

std::string tag_line(double x1, double y1, double x2, double y2, const std::string& cls) {
  return "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" + coordinate(x2) + "\" y2=\"" +
         coordinate(y2) + "\" class=\"" + cls + "\"/>\n";
}

std::string tag_text(double x, double y, const std::string& text, const char* anchor, const std::string& more = {}) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\" class=\"t" + more + "\">" +
         xml_text(text) + "</text>\n";
}

/// The names of the rows, each with a line to find its mark by, and where 0 is.
std::string row_names(const Chart& chart, const Sheet& sheet, const Axis& x, const Axis& y) {
  const bool zero = !x.log && x.lo < 0 && x.hi > 0;
  std::string out = zero ? tag_line(x(0), kTop, x(0), sheet.height - kBottom, "a") : "";
  for (std::size_t i = 0; i < chart.rows.size(); ++i) {
    const double at = y(static_cast<double>(i));
    out += tag_line(x.at_lo, at, right_edge(sheet), at, "g") +
           tag_text(x.at_lo - 8, at + 4, shortened(chart.rows[i], sheet.row), "end");
  }
  return out;
}

/// The numbers of the vertical axis and its label.
std::string vertical_scale(const Chart& chart, const Sheet& sheet, const Axis& x, const Axis& y) {
  std::string out;
  for (const Tick& t : ticks(y, sheet.ticks)) {
    const double at = y.place(t.at);
    out += tag_line(x.at_lo, at, right_edge(sheet), at, "g") + tag_text(x.at_lo - 8, at + 4, t.text, "end");
  }
  const double middle = (kTop + sheet.height - kBottom) / 2;
  return out + "<g transform=\"translate(" + coordinate(sheet.inset + 18) + " " + coordinate(middle) + ") rotate(-90)\">" +
         tag_text(0, 0, shortened(chart.y_label, static_cast<std::size_t>((sheet.height - kBottom) / kCharacter)), "middle") +
         "</g>\n";
}

std::string frame(const Chart& chart, const Sheet& sheet, const Axis& x, const Axis& y, bool titled) {
  const double left = x.at_lo, bottom = sheet.height - kBottom;
  std::string out;
  for (const Tick& t : ticks(x, sheet.ticks)) {
    const double at = x.place(t.at);
    const double half = kCharacter * static_cast<double>(t.text.size()) / 2;  // the last number stays inside the picture
    out += tag_line(at, kTop, at, bottom, "g") + tag_text(std::min(at, sheet.width - half), bottom + 18, t.text, "middle");
  }
  out += chart.rows.empty() ? vertical_scale(chart, sheet, x, y) : row_names(chart, sheet, x, y);
  out += "<path d=\"M" + coordinate(left) + " " + coordinate(kTop) + "V" + coordinate(bottom) + "H" +
         coordinate(right_edge(sheet)) + "\" class=\"a\"/>\n";
  if (titled) out += tag_text(20, 22, shortened(chart.title, 84), "start", " h");
  // In the middle of the axis, or as near to that as the label has room.
  const double half = kCharacter * static_cast<double>(letters_of(chart.x_label)) / 2;
  out += tag_text(std::min((left + right_edge(sheet)) / 2, std::max(sheet.width - half, half)), bottom + 38, chart.x_label,
                  "middle");
  return out;
}

std::string class_of(const Series& s) {
  return "l c" + std::to_string(s.colour % kColours) + (s.dashed ? " d" : "") + (s.faint ? " n" : "");
}

/// Of an area: a band, which others shine through, or bars.
std::string area_class(const Series& s) { return (s.bars ? "c" : "k c") + std::to_string(s.colour % kColours) + "f"; }

std::string path(const Series& s, const Axis& x, const Axis& y, std::size_t most) {
  const std::size_t n = std::min(s.x.size(), s.y.size()), step = n / most + 1;
  std::string d;
  bool pen_down = false;
  for (std::size_t i = 0; i < n; i = i + step < n || i + 1 == n ? i + step : n - 1) {
    const bool visible = drawable(s.y[i], y.log) && drawable(s.x[i], x.log) && y.scaled(s.y[i]) >= y.lo;
    if (visible) d += (pen_down ? "L" : "M") + coordinate(x(s.x[i])) + " " + coordinate(y(s.y[i]));
    pen_down = visible;
  }
  return d.empty() ? "" : "<path d=\"" + d + "\" class=\"" + class_of(s) + "\"/>\n";
}

struct Entry {
  std::vector<std::string> name;  ///< line by line
  std::string cls;
  int marked = -1;   ///< colour of the mark; -1: none
  bool line = true;  ///< with a line
  bool area = false;
};

/// A line carries a few marks where there are others from which it must be told apart.
bool wants_marks(const Chart& chart, const Series& s) {
  if (s.points || s.dashed || s.band || s.bars || s.faint || s.y.empty()) return false;
  const auto lines = std::count_if(chart.series.begin(), chart.series.end(),
                                   [](const Series& other) { return !other.dashed && !other.band && !other.bars; });
  return lines > 1;
}

std::vector<Entry> legend_entries(const Chart& chart, const Sheet& sheet) {
  std::vector<Entry> all;
  bool bounds = false;
  for (const Series& s : chart.series) {
    const bool mark = s.points || wants_marks(chart, s), area = s.band || s.bars;
    if (s.legend)
      all.push_back({wrapped(s.name, sheet.letters, kLegendLines), area ? area_class(s) : class_of(s), mark ? s.colour : -1,
                     !s.points, area});
    bounds = bounds || (s.dashed && !s.legend);
  }
  if (bounds) all.push_back({{"dashed: bounds"}, "l d a", -1, true});
  return all;
}

/// A mark whose shape tells it from others where its colour does not: circle, square, triangle, diamond.
std::string mark(int colour, double x, double y, bool faint = false) {
  const std::string cls = "\" class=\"c" + std::to_string(colour % kColours) + (faint ? "f n\"/>" : "f\"/>");
  const auto at = [&](double dx, double dy) { return coordinate(x + dx) + " " + coordinate(y + dy); };
  switch (colour % 4) {
    case 0:
      return "<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"3.5" + cls;
    case 1:
      return "<path d=\"M" + at(-3.2, -3.2) + "h6.4v6.4h-6.4z" + cls;
    case 2:
      return "<path d=\"M" + at(0, -4) + "L" + at(4, 3.2) + "L" + at(-4, 3.2) + "z" + cls;
    default:
      return "<path d=\"M" + at(0, -4.4) + "L" + at(4.4, 0) + "L" + at(0, 4.4) + "L" + at(-4.4, 0) + "z" + cls;
  }
}

bool visible(const Series& s, std::size_t i, const Axis& x, const Axis& y) {
  return drawable(s.x[i], x.log) && drawable(s.y[i], y.log) && x.scaled(s.x[i]) >= x.lo && y.scaled(s.y[i]) >= y.lo;
}

/// Of the points that are to be seen no more than can be told apart, evenly: of a million marks a page would have a gigabyte.
class Thinned {
public:
  Thinned(const Series& s, const Axis& x, const Axis& y, std::size_t most) {
    std::size_t seen = 0;
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) seen += visible(s, i, x, y) ? 1 : 0;
    every_ = seen / most + 1;
  }
  /// Asked once for every point that is to be seen, in order.
  bool keeps() { return next_++ % every_ == 0; }

private:
  std::size_t every_ = 1, next_ = 0;
};

/// Every point, or of a line some: the few that tell it apart, and those without a neighbour, which a line would not show.
std::string marks(const Series& s, const Axis& x, const Axis& y, bool some, std::size_t most) {
  const std::size_t n = std::min(s.x.size(), s.y.size());
  Thinned thinned(s, x, y, most);
  const std::size_t every = some ? n / kMarksOnALine + 1 : 1;
  // Lines that lie on one another show their marks in turn.
  const std::size_t offset = every > 1 ? static_cast<std::size_t>(s.colour) * every / 7 % every : 0;
  std::string out;
  for (std::size_t i = 0; i < n; ++i) {
    if (!visible(s, i, x, y) || (s.points && !thinned.keeps())) continue;
    const bool alone = (i == 0 || !visible(s, i - 1, x, y)) && (i + 1 == n || !visible(s, i + 1, x, y));
    if (alone || (i % every == offset && (some || s.points))) out += mark(s.colour, x(s.x[i]), y(s.y[i]), s.faint) + "\n";
  }
  return out;
}

/// In a chart with rows: filled bars from 0, and intervals along x, which have caps at both ends.
std::string in_rows(const Series& s, const Axis& x, const Axis& y) {
  std::string out;
  for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
    if (!visible(s, i, x, y)) continue;
    const double zero = s.bars ? x(0) : 0, end = x(s.x[i]), at = y(s.y[i]);
    if (s.bars)
      out += "<rect x=\"" + coordinate(std::min(zero, end)) + "\" y=\"" + coordinate(at - kRowHeight / 4) + "\" width=\"" +
             coordinate(std::max(std::abs(end - zero), 1.0)) + "\" height=\"" + coordinate(kRowHeight / 2) + "\" class=\"" +
             area_class(s) + "\"/>\n";
    if (i >= std::min(s.lo.size(), s.hi.size()) || !drawable(s.lo[i], x.log) || !drawable(s.hi[i], x.log)) continue;
    const std::string cls = "b c" + std::to_string(s.colour % kColours);
    out += tag_line(x(s.lo[i]), at, x(s.hi[i]), at, cls);
    for (const double cap : {s.lo[i], s.hi[i]}) out += tag_line(x(cap), at - 4, x(cap), at + 4, cls);
  }
  return out;
}

/// Bars from lo to hi; an end that is known has a cap, one that is open or beyond the frame has none.
std::string bars(const Series& s, const Axis& x, const Axis& y, std::size_t most) {
  std::string out;
  Thinned thinned(s, x, y, most);
  for (std::size_t i = 0; i < std::min({s.x.size(), s.lo.size(), s.hi.size()}); ++i) {
    const double lo = s.lo[i], hi = s.hi[i];
    if (visible(s, i, x, y) && !thinned.keeps()) continue;
    if (!drawable(s.x[i], x.log) || std::isnan(lo) || std::isnan(hi)) continue;
    const bool low_end = drawable(lo, y.log) && y.scaled(lo) >= y.lo, high_end = drawable(hi, y.log) && y.scaled(hi) <= y.hi;
    const double at = x(s.x[i]), low = low_end ? y(lo) : y.at_lo, high = high_end ? y(hi) : y.at_hi;
    const std::string cls = "b c" + std::to_string(s.colour % kColours);
    out += tag_line(at, low, at, high, cls);
    if (low_end) out += tag_line(at - 4, low, at + 4, low, cls);
    if (high_end) out += tag_line(at - 4, high, at + 4, high, cls);
  }
  return out;
}

/// The area between lo and hi, in pieces where an end is not known.
std::string band(const Series& s, const Axis& x, const Axis& y) {
  std::string out, there, back;
  const auto close = [&] {
    if (!there.empty()) out += "<path d=\"M" + there + back + "z\" class=\"" + area_class(s) + "\"/>\n";
    there.clear();
    back.clear();
  };
  for (std::size_t i = 0; i < std::min({s.x.size(), s.lo.size(), s.hi.size()}); ++i) {
    if (!drawable(s.x[i], x.log) || !drawable(s.lo[i], y.log) || !drawable(s.hi[i], y.log)) {
      close();
      continue;
    }
    const std::string at = coordinate(x(s.x[i])) + " ";
    there += (there.empty() ? "" : "L") + at + coordinate(y(s.lo[i]));
    back = "L" + at + coordinate(y(s.hi[i])) + back;
  }
  close();
  return out;
}

/// Below the picture, where it hides no line: entries from left to right, in as many rows as they need. Returns the height used.
double legend(const Chart& chart, const Sheet& sheet, std::string& out) {
  const std::vector<Entry> entries = legend_entries(chart, sheet);
  if (entries.empty()) return 0;
  constexpr double kLine = 16;  // from one line of a name to the next
  const double left = sheet.width < kWide.width ? 8 : 40;
  double x = left, y = sheet.height + 2;
  std::size_t lines = 1;  // of the highest entry in a row
  for (const Entry& e : entries) {
    std::size_t letters = 0;
    for (const std::string& line : e.name) letters = std::max(letters, letters_of(line));
    const double width = 58 + kCharacter * static_cast<double>(letters);
    if (x > left && x + width > sheet.width) {
      x = left;
      y += 4 + kLine * static_cast<double>(lines);
      lines = 1;
    }
    if (e.area)
      out += "<rect x=\"" + coordinate(x) + "\" y=\"" + coordinate(y - 6) + "\" width=\"30\" height=\"12\" class=\"" + e.cls +
             "\"/>\n";
    else if (e.line)
      out += tag_line(x, y, x + 30, y, e.cls);
    if (e.marked >= 0) out += mark(e.marked, x + (e.line ? 15 : 24), y) + "\n";
    for (std::size_t i = 0; i < e.name.size(); ++i)
      out += tag_text(x + 36, y + 4 + kLine * static_cast<double>(i), e.name[i], "start");
    lines = std::max(lines, e.name.size());
    x += width;
  }
  return y + kLine * static_cast<double>(lines) - sheet.height;
}

/// Vertical lines; the names of neighbours stand at different heights.
std::string marker_lines(const Chart& chart, const Sheet& sheet, const Axis& x) {
  std::string out;
  int nth = 0;
  for (const Marker& m : chart.markers) {
    if (!drawable(m.x, x.log) || x.scaled(m.x) < x.lo || x.scaled(m.x) > x.hi) continue;
    const double at = x(m.x);
    out += tag_line(at, kTop, at, sheet.height - kBottom, "v c" + std::to_string(m.colour % kColours));
    const std::string name = shortened(m.name, 24);
    const bool room = at + 3 + kCharacter * static_cast<double>(name.size()) < sheet.width;
    out += tag_text(room ? at + 3 : at - 3, sheet.height - kBottom - 6 - 15 * (nth++ % 3), name, room ? "start" : "end");
  }
  return out;
}

/// Everything inside the svg element; `height` becomes that of the whole.
std::string body(const Chart& chart, const Sheet& sheet, bool titled, double& height) {
  const Axis y = fit(chart, sheet, true), x = fit(chart, sheet, false, left_edge(chart, y, sheet));
  std::string out;
  for (const Series& s : chart.series) out += s.band ? band(s, x, y) : "";
  out += frame(chart, sheet, x, y, titled) + marker_lines(chart, sheet, x);
  for (const Series& s : chart.series) {
    if (s.band) continue;
    out += chart.rows.empty() ? bars(s, x, y, sheet.points) : in_rows(s, x, y);
    if (!s.points && !s.bars) out += path(s, x, y, sheet.points);
    if (!s.bars) out += marks(s, x, y, wants_marks(chart, s), sheet.points);
  }
  height = sheet.height + legend(chart, sheet, out);
  return out;
}

std::string svg(const Chart& chart, const Sheet& on, const std::string& id, bool alone) {
  const Sheet sheet = sheet_of(chart, on);
  double height = 0;
  const std::string inside = body(chart, sheet, alone, height), width = coordinate(sheet.width);
  // On a page the heading above is the title, and the room for it is cut off.
  const std::string top = alone ? "0" : "28", high = coordinate(alone ? height : height - 28);
  const std::string name = xml_text(id);
  std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 " + top + " " + width + " " + high +
                    "\" role=\"img\" class=\"chart" +
                    (alone                       ? ""
                     : sheet.width < kWide.width ? " for-narrow"
                                                 : " for-wide") +
                    (sheet.height > kTall ? " tall" : "") + "\" aria-labelledby=\"" + name + "-t " + name +
                    "-d\">\n<title id=\"" + name + "-t\">" + xml_text(chart.title) + "</title>\n<desc id=\"" + name + "-d\">" +
                    xml_text(chart.description.empty() ? chart.y_label + " against " + chart.x_label : chart.description) +
                    "</desc>\n";
  if (alone) out += "<style>" + chart_style() + "</style>\n";
  return out + "<rect y=\"" + top + "\" width=\"" + width + "\" height=\"" + high + "\" class=\"bg\"/>\n" + inside + "</svg>\n";
}

}  // namespace

std::string chart_style() {
  return ".chart.for-narrow{display:none}@media screen and (max-width:36rem){.chart.for-wide{display:none}"
         ".chart.for-narrow{display:block}}"
         ".chart .bg{fill:#fff}.chart .t{font:13px system-ui,sans-serif;fill:#222}.chart .h{font-weight:600;font-size:15px}"
         ".chart .g{stroke:#ddd;stroke-width:1}.chart .a{stroke:#555;stroke-width:1;fill:none}"
         ".chart .l{fill:none;stroke-width:2;stroke-linejoin:round}.chart .b{stroke-width:1.4}.chart .k{fill-opacity:.2}"
         ".chart .d{stroke-dasharray:7 5;stroke-width:1.5}.chart .v{stroke-width:1.2;stroke-dasharray:2 3}"
         ".chart .n{stroke-width:1;stroke-opacity:.7;fill-opacity:.8}" +
         colours(kLight) +
         "@media screen and (prefers-color-scheme:dark){.chart .bg{fill:#16181c}.chart .t{fill:#e4e4e4}.chart .g{stroke:#34383f}"
         ".chart .a{stroke:#aaa}" +
         colours(kDark) + "}";
}

std::string chart_svg(const Chart& chart) { return svg(chart, kWide, "chart", true); }

SvgText chart_element(const Chart& chart, const std::string& id) {
  return {svg(chart, kWide, id, false) + svg(chart, kNarrow, id + "-narrow", false)};
}

bool has_points(const Chart& chart) {
  for (const Series& s : chart.series) {
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
      if (!s.dashed && drawable(s.x[i], chart.log_x) && drawable(s.y[i], chart.log_y)) return true;
    }
  }
  return false;
}

}  // namespace tacit
