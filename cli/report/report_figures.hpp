// The figures of a run, each defined once: the page, plots/NAME.svg and plots/NAME.csv are made from the same chart.
#pragma once
#include <string>
#include <vector>

#include <tacit/cli/report/chart/chart.hpp>
#include <tacit/cli/report/run_folder.hpp>

namespace tacit {

/// Where on the page of a run a figure stands: among those of its model, or of how it was found.
enum class Part { method, gains, path, coefficients, predictions };

struct Figure {
  std::string name;  ///< of its files
  Chart chart;
  std::string shows;    ///< what is to be seen, and what to do when it looks bad
  std::string missing;  ///< not empty: why there is nothing to draw
  Part part = Part::method;
};

/// In the order of the page. Throws DataError E602 for a file that holds no numbers where it should.
std::vector<Figure> tune_figures(const RunRecord& r);  ///< those of the model first
/// Of the model that a run of tune leaves, from run.json and path.csv. None of a run that left no model.
std::vector<Figure> model_figures(const RunRecord& r);
/// "validation rows", or "out-of-fold rows" of a run with folds.
std::string held_out_in_words(const RunRecord& r);
/// Those of them that figures of predictions show: of several draws of folds the first, so that each row is there once.
std::string drawn_rows_in_words(const RunRecord& r);
std::vector<Figure> compare_figures(const RunRecord& r);
std::vector<Figure> curve_figures(const RunRecord& r);
/// Several runs of one verb in the same charts; `labels`: a name for each.
std::vector<Figure> overlaid_figures(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels);

/// Is every height above 0, and the largest 30 times the least? Then the axis is better logarithmic.
bool spans_decades(const Chart& chart);
/// The numbers of a chart, tidy: series,x,y with every digit, and lo,hi where a series has intervals. What is not known is empty.
std::string chart_csv(const Chart& chart);
/// "Here 'a' and 'b' lie on one another.": series that cannot be told apart; empty where all can.
std::string coinciding(const Chart& chart);
/// A figure with `missing` set where its chart would be empty: `otherwise` says why.
Figure figure(std::string name, Chart chart, std::string shows, std::string otherwise);
/// A line through the points, with the marks that tell it from others; or marks alone.
Series line(const std::string& name, int colour, std::vector<double> x, std::vector<double> y);
Series points(const std::string& name, int colour, std::vector<double> x, std::vector<double> y);
/// A line from the first to the last of `x` at one height: a tolerance, a limit. Nothing where it is not known.
void add_level(Chart& chart, const std::vector<double>& x, double level, const std::string& name, int colour);

}  // namespace tacit
