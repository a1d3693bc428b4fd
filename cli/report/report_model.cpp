// The sections of a page on the model that a run of `tacit tune` leaves: what was gained, the path, the coefficients,
// predictions.
#include <algorithm>
#include <cmath>

#include <tacit/cli/report/report_page.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

const char* const kPlusMinus = " \xC2\xB1 ";

std::vector<Figure> of_part(const std::vector<Figure>& figures, Part part) {
  std::vector<Figure> some;
  for (const Figure& f : figures)
    if (f.part == part) some.push_back(f);
  return some;
}

/// "0.12 +- 0.05, 2.4 of them": a paired difference and how many of its own standard errors it is; empty where it is not known.
std::string difference(const RunRecord& r, const std::string& path) {
  const double mean = number_at(r, path + ".mean"), error = number_at(r, path + ".standard_error"),
               units = number_at(r, path + ".in_standard_errors");
  if (std::isnan(mean)) return {};
  return short_number(mean) + (std::isnan(error) ? "" : kPlusMinus + short_number(error)) +
         (std::isnan(units) ? "" : " (" + short_number(std::round(10 * units) / 10) + ")");
}

/// What the tuned model gains over each other, on the same rows: mean, standard error, and the one in units of the other.
void write_differences(HtmlWriter& w, const RunRecord& r) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [key, name] : {std::pair{"over_intercept", "the intercept alone"},
                                  {"over_single", "the single penalty"},
                                  {"over_one_se", "one-se"},
                                  {"over_best", "the best row"},
                                  {"over_start", "the start"}}) {
    const std::string held = difference(r, std::string("gain.") + key), tested = difference(r, std::string("gain.test.") + key);
    if (!held.empty() || !tested.empty()) rows.push_back({name, held, tested});
  }
  if (rows.empty()) return;
  w.leaf(
      "p",
      "Paired differences on the same rows: how much less loss the tuned model has, its standard error, and in brackets how many "
      "standard errors that is. From 2 on it is more than chance; below 0 it is a loss.");
  write_table(w, "What the tuned model gains over others on the same rows (run.json, gain)",
              {"over", "on the " + held_out_in_words(r), "on the test rows"}, rows);
}

/// Do the rows have weights?
bool weighted(const RunRecord& r) {
  const json& said = value_at(r, "held_out.weighted");
  return said.is_boolean() && said.get<bool>();
}

/// The share of a class that was predicted as such, by weight.
std::string share_right(const RunRecord& r, std::size_t is) {
  const std::string what = (r.folder / "run.json").string() + ", held_out.confusion";
  const json& row = value_at(r, "held_out.confusion.weight").at(is);
  const double right = number_of(row.at(is), what), all = number_of(row.at(0), what) + number_of(row.at(1), what);
  return all > 0 ? percent_text(right / all) : "";
}

/// "12", and the weight where rows have one.
std::string count_text(const RunRecord& r, std::size_t is, std::size_t said) {
  const std::string what = (r.folder / "run.json").string() + ", held_out.confusion";
  const auto at = [&](const char* key) {
    return number_of(value_at(r, std::string("held_out.confusion.") + key).at(is).at(said), what);
  };
  return known(at("rows")) + (weighted(r) ? " (weight " + short_number(at("weight")) + ")" : "");
}

void write_confusion(HtmlWriter& w, const RunRecord& r) {
  if (!value_at(r, "held_out.confusion").is_object()) return;
  const std::string positive = text_at(r, "held_out.positive"), negative = text_at(r, "held_out.negative");
  w.leaf("h3", "Confusion table", {{"id", "confusion"}});
  write_table(w,
              "The " + drawn_rows_in_words(r) + " by class and by what was predicted, positive where the margin is above 0" +
                  (weighted(r) ? "; rows, and in brackets their weight, which the metrics count" : ""),
              {"class", "predicted '" + negative + "'", "predicted '" + positive + "'", "share right"},
              {{"'" + negative + "'", count_text(r, 0, 0), count_text(r, 0, 1), share_right(r, 0)},
               {"'" + positive + "'", count_text(r, 1, 0), count_text(r, 1, 1), share_right(r, 1)}});
}

void write_bins(HtmlWriter& w, const RunRecord& r) {
  const std::string at = "held_out.calibration.";
  const auto list = [&](const char* key) { return numbers_at(r, at + key); };
  const std::vector<double> count = list("rows"), predicted = list("predicted"), observed = list("observed"), lo = list("lo"),
                            hi = list("hi");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t k = 0; k < std::min({count.size(), predicted.size(), observed.size(), lo.size(), hi.size()}); ++k)
    rows.push_back({std::to_string(k + 1), known(count[k]), short_number(predicted[k]), short_number(observed[k]),
                    short_number(lo[k]), short_number(hi[k])});
  if (rows.empty()) return;
  const auto details = w.open("details");
  w.leaf("summary", "The bins of the calibration");
  write_table(w, "Rows, mean probability and observed share with its 95 % interval (run.json, held_out.calibration)",
              {"bin", "rows", "predicted", "observed", "from", "to"}, rows);
}

void write_part(HtmlWriter& w, const char* heading, const std::vector<Figure>& figures) {
  w.leaf("h2", heading);
  write_figure_grid(w, figures);
}

}  // namespace

void write_model_parts(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures) {
  if (of_part(figures, Part::gains).empty()) return;  // no model was left, and the verdict says why
  {
    const auto section = w.open("section");
    write_part(w, "What was gained", of_part(figures, Part::gains));
    write_differences(w, r);
  }
  {
    const auto section = w.open("section");
    write_part(w, "The path", of_part(figures, Part::path));
  }
  {
    const auto section = w.open("section");
    write_part(w, "The coefficients", of_part(figures, Part::coefficients));
  }
  const auto section = w.open("section");
  write_part(w, "The predictions", of_part(figures, Part::predictions));
  write_confusion(w, r);
  write_bins(w, r);
}

void write_method_figures(HtmlWriter& w, const RunRecord& r, const std::vector<Figure>& figures) {
  const bool tune = r.verb == "tune";
  write_figures(w, tune ? "How the optimizer got there" : "Figures", of_part(figures, Part::method));
}

}  // namespace tacit
