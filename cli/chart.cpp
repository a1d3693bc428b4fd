#include <tacit/cli/chart.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run_output.hpp>

namespace tacit {

namespace {

constexpr double kWidth = 760, kHeight = 440;  // without the legend
constexpr double kLeft = 78, kRight = 20, kTop = 42, kBottom = 54;
constexpr std::size_t kMostPoints = 1000;
constexpr int kColours = 7;

// Okabe and Ito's palette (2008), and lighter relatives of it for a dark ground.
constexpr std::array<const char*, kColours> kLight{"#0072b2", "#d55e00", "#009e73", "#b0508e", "#8c6d00", "#3a8fc4", "#4d4d4d"};
constexpr std::array<const char*, kColours> kDark{"#5ab4f0", "#ff8f52", "#35cf9f", "#eba6d0", "#f0c541", "#9bd4f7", "#cfcfcf"};

std::string style() {
  std::string light, dark;
  for (int i = 0; i < kColours; ++i) {
    const std::string name = ".c" + std::to_string(i);
    light += name + "{stroke:" + kLight[static_cast<std::size_t>(i)] + "}" + name +
             "f{fill:" + kLight[static_cast<std::size_t>(i)] + "}";
    dark += name + "{stroke:" + kDark[static_cast<std::size_t>(i)] + "}" + name + "f{fill:" + kDark[static_cast<std::size_t>(i)] +
            "}";
  }
  return "<style>.bg{fill:#fff}.t{font:13px system-ui,sans-serif;fill:#222}.h{font-weight:600;font-size:15px}"
         ".g{stroke:#ddd;stroke-width:1}.a{stroke:#555;stroke-width:1;fill:none}.l{fill:none;stroke-width:2;stroke-linejoin:"
         "round}"
         ".d{stroke-dasharray:7 5}.v{stroke-width:1.2;stroke-dasharray:2 3}" +
         light + "@media(prefers-color-scheme:dark){.bg{fill:#16181c}.t{fill:#e4e4e4}.g{stroke:#34383f}.a{stroke:#aaa}" + dark +
         "}</style>";
}

/// Two decimals are enough for a screen, in every locale.
std::string coordinate(double v) {
  char buffer[40];
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, std::round(v * 100) / 100).ptr;
  return {buffer, end};
}

bool drawable(double v, bool log) { return std::isfinite(v) && (!log || v > 0); }

/// From data to the screen along one axis.
struct Axis {
  double lo = 0, hi = 1, at_lo = 0, at_hi = 1;
  bool log = false;
  double scaled(double v) const { return log ? std::log10(v) : v; }
  double operator()(double v) const { return at_lo + (scaled(v) - lo) / (hi - lo) * (at_hi - at_lo); }
};

/// Steps of 1, 2 or 5 times a power of ten, at most `most` of them.
double tick_step(double span, int most) {
  const double raw = span / most, base = std::pow(10, std::floor(std::log10(raw)));
  for (const double m : {1.0, 2.0, 5.0}) {
    if (m * base >= raw * (1 - 1e-9)) return m * base;
  }
  return 10 * base;
}

std::vector<double> ticks(const Axis& axis, int most) {
  const double step = axis.log ? std::max(1.0, tick_step(axis.hi - axis.lo, most)) : tick_step(axis.hi - axis.lo, most);
  std::vector<double> all;
  for (double t = std::ceil(axis.lo / step - 1e-9) * step; t <= axis.hi + 1e-9 * step; t += step)
    all.push_back(std::abs(t) < 1e-12 * step ? 0 : t);
  return all;
}

/// The range of all points, widened so that nothing sits on the frame. A log axis spans 18 decades at most: what lies below is
/// rounding.
Axis fit(const Chart& chart, bool vertical) {
  Axis axis;
  axis.log = vertical ? chart.log_y : chart.log_x;
  bool marks = false;
  double lo = std::numeric_limits<double>::infinity(), hi = -lo;
  for (const Series& s : chart.series) {
    marks = marks || s.points;
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
      const double v = vertical ? s.y[i] : s.x[i], other = vertical ? s.x[i] : s.y[i];
      // A mark that cannot be drawn for its other number takes no room.
      if (!drawable(v, axis.log) || (s.points && !drawable(other, vertical ? chart.log_x : chart.log_y))) continue;
      lo = std::min(lo, axis.scaled(v));
      hi = std::max(hi, axis.scaled(v));
    }
  }
  if (!(lo <= hi)) lo = 0, hi = 1;
  if (axis.log) lo = std::max(lo, hi - 18);
  if (hi - lo < 1e-12 * std::max(1.0, std::abs(hi))) lo -= 0.5, hi += 0.5;
  if (vertical || marks) {
    const double margin = 0.04 * (hi - lo);
    lo -= margin;
    hi += margin;
  }
  axis.lo = lo;
  axis.hi = hi;
  axis.at_lo = vertical ? kHeight - kBottom : kLeft;
  axis.at_hi = vertical ? kTop : kWidth - kRight;
  return axis;
}

std::string tag_line(double x1, double y1, double x2, double y2, const std::string& cls) {
  return "<line x1=\"" + coordinate(x1) + "\" y1=\"" + coordinate(y1) + "\" x2=\"" + coordinate(x2) + "\" y2=\"" +
         coordinate(y2) + "\" class=\"" + cls + "\"/>\n";
}

std::string tag_text(double x, double y, const std::string& text, const char* anchor, const std::string& more = {}) {
  return "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" text-anchor=\"" + anchor + "\" class=\"t" + more + "\">" +
         xml_text(text) + "</text>\n";
}

std::string tick_text(double t, bool log) {
  if (!log) return number_text(t);
  const auto power = static_cast<long>(std::lround(t));
  return power == 0 ? "1" : "1e" + std::to_string(power);
}

std::string frame(const Chart& chart, const Axis& x, const Axis& y) {
  std::string out;
  for (const double t : ticks(x, 8)) {
    const double at = x.at_lo + (t - x.lo) / (x.hi - x.lo) * (x.at_hi - x.at_lo);
    out += tag_line(at, kTop, at, kHeight - kBottom, "g") + tag_text(at, kHeight - kBottom + 18, tick_text(t, x.log), "middle");
  }
  for (const double t : ticks(y, 8)) {
    const double at = y.at_lo + (t - y.lo) / (y.hi - y.lo) * (y.at_hi - y.at_lo);
    out += tag_line(kLeft, at, kWidth - kRight, at, "g") + tag_text(kLeft - 8, at + 4, tick_text(t, y.log), "end");
  }
  out += "<path d=\"M" + coordinate(kLeft) + " " + coordinate(kTop) + "V" + coordinate(kHeight - kBottom) + "H" +
         coordinate(kWidth - kRight) + "\" class=\"a\"/>\n";
  out += tag_text(kLeft, 22, chart.title, "start", " h");
  out += tag_text((kLeft + kWidth - kRight) / 2, kHeight - kBottom + 38, chart.x_label, "middle");
  const double middle = (kTop + kHeight - kBottom) / 2;
  out += "<g transform=\"translate(18 " + coordinate(middle) + ") rotate(-90)\">" + tag_text(0, 0, chart.y_label, "middle") +
         "</g>\n";
  return out;
}

std::string class_of(const Series& s) { return "l c" + std::to_string(s.colour % kColours) + (s.dashed ? " d" : ""); }

std::string path(const Series& s, const Axis& x, const Axis& y) {
  const std::size_t n = std::min(s.x.size(), s.y.size()), step = n / kMostPoints + 1;
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
  std::string name, cls;
  int marked = -1;  ///< colour of the mark; -1: a line
};

std::vector<Entry> legend_entries(const Chart& chart) {
  std::vector<Entry> all;
  bool bounds = false;
  for (const Series& s : chart.series) {
    if (s.legend) all.push_back({s.name, class_of(s), s.points ? s.colour : -1});
    bounds = bounds || (s.dashed && !s.legend);
  }
  if (bounds) all.push_back({"dashed: bounds", "l d a"});
  return all;
}

/// A mark whose shape tells it from others where its colour does not: circle, square, triangle, diamond.
std::string mark(int colour, double x, double y) {
  const std::string cls = "\" class=\"c" + std::to_string(colour % kColours) + "f\"/>";
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

std::string marks(const Series& s, const Axis& x, const Axis& y) {
  std::string out;
  for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i) {
    if (drawable(s.x[i], x.log) && drawable(s.y[i], y.log) && x.scaled(s.x[i]) >= x.lo && y.scaled(s.y[i]) >= y.lo)
      out += mark(s.colour, x(s.x[i]), y(s.y[i])) + "\n";
  }
  return out;
}

/// Below the picture, where it hides no line: entries from left to right, in as many rows as they need. Returns the height used.
double legend(const Chart& chart, std::string& out) {
  const std::vector<Entry> entries = legend_entries(chart);
  if (entries.empty()) return 0;
  double x = kLeft, y = kHeight + 2;
  for (const Entry& e : entries) {
    const double width = 58 + 7 * static_cast<double>(e.name.size());
    if (x > kLeft && x + width > kWidth - kRight + 20) {
      x = kLeft;
      y += 20;
    }
    out += e.marked < 0 ? tag_line(x, y, x + 30, y, e.cls) : mark(e.marked, x + 24, y) + "\n";
    out += tag_text(x + 36, y + 4, e.name, "start");
    x += width;
  }
  return y + 16 - kHeight;
}

}  // namespace

std::string xml_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return out;
}

std::string chart_svg(const Chart& chart) {
  const Axis x = fit(chart, false), y = fit(chart, true);
  std::string body = frame(chart, x, y);
  for (const Marker& m : chart.markers) {
    if (!drawable(m.x, x.log) || x.scaled(m.x) < x.lo || x.scaled(m.x) > x.hi) continue;
    const double at = x(m.x);
    body += tag_line(at, kTop, at, kHeight - kBottom, "v c" + std::to_string(m.colour % kColours));
    body += tag_text(at + 3, kHeight - kBottom - 6, m.name, "start");
  }
  for (const Series& s : chart.series) body += s.points ? marks(s, x, y) : path(s, x, y);
  const std::string width = coordinate(kWidth), height = coordinate(kHeight + legend(chart, body));
  return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 " + width + " " + height + "\" role=\"img\">\n<title>" +
         xml_text(chart.title) + "</title>\n" + style() + "\n<rect width=\"" + width + "\" height=\"" + height +
         "\" class=\"bg\"/>\n" + body + "</svg>\n";
}

std::string chart_csv(const Chart& chart) {
  std::string out = "series,x,y\n";
  for (const Series& s : chart.series) {
    for (std::size_t i = 0; i < std::min(s.x.size(), s.y.size()); ++i)
      out += csv_cell(s.name) + "," + number_text(s.x[i]) + "," + number_text(s.y[i]) + "\n";
  }
  return out;
}

}  // namespace tacit
