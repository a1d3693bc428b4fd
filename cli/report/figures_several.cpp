// Figures that lay several runs over one another.
#include <algorithm>
#include <cmath>

#include <tacit/cli/report/report_figures.hpp>

namespace tacit {

namespace {

/// One line a run: a column of its table against another.
struct Overlay {
  const char* name;
  const char* title;
  const char* x;
  const char* y;
  const char* x_label;
  const char* y_label;
  bool log_y;
  const char* shows;
};

/// In steps of another map than the one that ran.
bool counted_otherwise(const Table& trace) {
  const std::vector<std::string> map = text_column(trace, "truncation_map");
  return std::find(map.begin(), map.end(), "reference") != map.end();
}

Figure overlaid(const Overlay& o, const std::vector<RunRecord>& runs, const std::vector<std::string>& labels,
                const std::optional<Table> RunRecord::*table) {
  Chart c;
  c.title = o.title;
  c.x_label = o.x_label;
  c.y_label = o.y_label;
  c.log_y = o.log_y;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    const std::optional<Table>& t = runs[i].*table;
    if (!t || (std::string(o.y) == "implicit_truncation" && counted_otherwise(*t))) continue;
    Series s;
    s.name = labels[i];
    s.colour = static_cast<int>(i);
    s.x = column(*t, o.x);
    s.y = column(*t, o.y);
    c.series.push_back(std::move(s));
  }
  c.whole_x = o.x_label == std::string("outer step");
  const bool decades = !o.log_y && o.y == std::string("outer_loss") && spans_decades(c);
  c.log_y = o.log_y || decades;
  return figure(o.name, std::move(c), std::string(o.shows) + (decades ? " The axis is logarithmic." : ""),
                "none of the runs has measured this.");
}

const Overlay kTune[] = {
    {"loss_steps", "Validation loss over outer steps", "step", "outer_loss", "outer step", "validation loss", false,
     "The validation loss of each run. Compare only runs that validate on the same rows with the same loss (see the differing "
     "keys): "
     "otherwise the heights mean different things."},
    {"loss_time", "Validation loss over time", "seconds", "outer_loss", "seconds", "validation loss", false,
     "The same over time, measured on whatever machine each run had."},
    {"hypergradient_error", "Error of the hypergradient", "step", "hypergradient_error", "outer step", "relative error", true,
     "The estimated error of each hypergradient. A run that ends at a higher loss with a larger error may have been led astray "
     "by it: repeat "
     "it with a smaller inner.tolerance."},
    {"implicit_truncation", "Implicit truncation by the warm start", "step", "implicit_truncation", "outer step",
     "inner iterations", false,
     "How many inner iterations each warm start was worth, of the runs whose solver is a fixed-point map. It matters for "
     "unrolled "
     "estimators, which do not see them."},
    {"hypergradient_error_time", "Error of the hypergradient over time", "seconds", "hypergradient_error", "seconds",
     "relative error", true, "The estimated error over time: what a tighter tolerance costs."},
    {"implicit_truncation_time", "Implicit truncation over time", "seconds", "implicit_truncation", "seconds", "inner iterations",
     false, "The worth of the warm starts over time."}};

const Overlay kCurve[] = {
    {"iterate_error", "Error of the iterate", "k", "iterate_error", "inner iteration k", "error of x", true,
     "How fast each map finds the solution. Errors in different units (another model, other data) cannot be compared in height."},
    {"derivative_error", "Error of the derivative, full recursion", "k", "derivative_error_0", "inner iteration k",
     "error of dx/du", true, "How fast the unrolled derivative does, and how far it goes wrong before: the curse of unrolling."}};

}  // namespace

std::vector<Figure> overlaid_figures(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels) {
  std::vector<Figure> all;
  if (runs.front().verb == "tune") {
    for (const Overlay& o : kTune) all.push_back(overlaid(o, runs, labels, &RunRecord::trace));
  }
  if (runs.front().verb == "curve") {
    for (const Overlay& o : kCurve) all.push_back(overlaid(o, runs, labels, &RunRecord::curve));
  }
  return all;
}

}  // namespace tacit
