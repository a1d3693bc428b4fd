// The page of a report: everything about a run in one file that needs no other and no script.
#pragma once
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <tacit/cli/report/chart/html_writer.hpp>
#include <tacit/cli/report/report_figures.hpp>
#include <tacit/cli/report/run_folder.hpp>

namespace tacit {

/// The page of one run. Throws DataError E602 for files that hold what no run writes.
std::string run_page(const RunRecord& r, const std::vector<Figure>& figures);
/// Every key of a run file by its path, with its value on one line.
using Settings = std::map<std::string, std::string>;
/// Several runs of one verb side by side; `settings`: of each run.
std::string side_by_side_page(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels,
                              const std::vector<Settings>& settings, const std::vector<Figure>& figures);

/// A sentence on an error of hypergradients: the number and what it means.
std::string error_in_words(double error);

// ---- what pages are made of

enum class Mood { good, attention, bad };

/// One thing that has a name: a row of a table of two columns.
using Fact = std::pair<std::string, std::string>;

/// Head, style and title.
void write_head(HtmlWriter& w, const std::string& title);

/// The verdict in a box, its mood in words too.
void write_verdict(HtmlWriter& w, Mood mood, const std::string& word, const std::vector<std::string>& sentences);
void write_facts(HtmlWriter& w, const std::string& caption, const std::vector<Fact>& facts);
/// A table in a box that scrolls; the first column names the rows, a column without content is left out.
void write_table(HtmlWriter& w, const std::string& caption, const std::vector<std::string>& heads,
                 const std::vector<std::vector<std::string>>& rows);
/// A section with all of them, or with a word where none has anything to show.
void write_figures(HtmlWriter& w, const std::string& heading, const std::vector<Figure>& figures);
/// The figures alone, two and two where there is room.
void write_figure_grid(HtmlWriter& w, const std::vector<Figure>& figures);
/// The model of a run of tune, a section each: what was gained, the path, the coefficients, the predictions. Nothing where it
/// left no model.
void write_model_parts(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures);
/// The figures that are of no model.
void write_method_figures(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures);
void write_warnings(HtmlWriter& w, const RunRecord& r);
void write_run_file(HtmlWriter& w, const RunRecord& r);
/// The problem in formulas, with the choices of the run.
void write_problem(HtmlWriter& w, const RunRecord& r);

/// Verdict, facts and tables of each verb.
void write_tune(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures);
void write_compare(HtmlWriter& w, const RunRecord& r);
void write_curve(HtmlWriter& w, const RunRecord& r);

/// Of a comparison, which estimator to use, in a sentence: the fastest of those whose error is within
/// hypergradient.accuracy at three quarters of the points, or why that cannot be told. Empty where nothing was compared.
std::string estimator_to_use(const RunRecord& r);
/// Of several runs of tune, which is best, and whether by more than chance, in sentences. Losses row by row are those of
/// predictions.csv.
std::string best_of_runs(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels);
/// The runs whose status is no good reason to trust their losses; empty where there are none.
std::string doubtful_runs(const std::vector<RunRecord>& runs, const std::vector<std::string>& labels);

/// Facts that every verb has: data, split, model, methods, time, versions.
std::vector<Fact> setting_facts(const RunRecord& r);
/// "" when the run came to its end, else a sentence on what stopped it.
std::string interruption(const RunRecord& r);
/// 6 digits, a whole number as it is, or "" for what is not known.
std::string known(double v);

}  // namespace tacit
