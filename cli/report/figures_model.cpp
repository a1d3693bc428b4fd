// The figures of the model that a run of `tacit tune` leaves, from run.json (metrics, coefficients, held_out) and path.csv.
#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <map>

#include <tacit/cli/report/report_figures.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// Coefficients along the path that have a name in the legend.
constexpr std::size_t kNamed = 6;
const char* kEarlier = "this run folder is of a version of Tacit that kept nothing to draw it from.";

Chart chart_of(const char* title, const std::string& x_label, const std::string& y_label) {
  Chart c;
  c.title = title;
  c.x_label = x_label;
  c.y_label = y_label;
  c.log_y = false;
  return c;
}

/// A number of run.json where there is one: an entry may also be a list, one for each feature.
double single_number(const RunRecord& r, const std::string& path) {
  const json& v = value_at(r, path);
  return v.is_number() ? v.get<double>() : kNaN;
}

/// A place on the path: a penalty and the loss that goes with it.
struct Place {
  double l2 = kNaN, loss = kNaN;
  bool known() const { return std::isfinite(l2) && std::isfinite(loss); }
};

/// path.csv: one penalty for all features, ascending, with the loss of each.
struct Path {
  std::vector<double> l2, loss, error;
  explicit Path(const RunRecord& r) {
    if (!r.path) return;
    l2 = column(*r.path, "l2");
    loss = column(*r.path, "outer_loss");
    error = column(*r.path, "standard_error");
  }
  /// The row of the least loss; the number of rows where no loss is known.
  std::size_t least() const {
    std::size_t best = l2.size();
    for (std::size_t i = 0; i < l2.size(); ++i)
      if (std::isfinite(loss[i]) && (best == l2.size() || loss[i] < loss[best])) best = i;
    return best;
  }
  Place at(std::size_t i) const { return i < l2.size() ? Place{l2[i], loss[i]} : Place{}; }
  /// The strongest penalty of the path whose loss is within one standard error of the least.
  Place one_se() const {
    const std::size_t best = least();
    Place p;
    for (std::size_t i = best; i < l2.size(); ++i)
      if (loss[i] <= loss[best] + error[best] && !(l2[i] < p.l2)) p = at(i);
    return p;
  }
};

/// What the figures of a model are made of.
class ModelFigures {
public:
  explicit ModelFigures(const RunRecord& r) : r_(r), path_(r) {}
  std::vector<Figure> all() const {
    std::vector<Figure> list{losses(), path_loss(), path_coefficients(), coefficients()};
    if (many()) list.push_back(penalties());
    for (Figure& f : predictions()) list.push_back(std::move(f));
    return list;
  }

private:
  Figure in(Part part, Figure f) const {
    f.part = part;
    return f;
  }
  bool many() const { return number_at(r_, "coefficients.penalties") > 1; }
  std::string rows() const { return held_out_in_words(r_); }
  Place best() const;
  Place one_se() const;
  void mark_chosen(Chart& c) const;
  void add_paths(Chart& c) const;

  Figure losses() const;
  Figure path_loss() const;
  Figure path_coefficients() const;
  Figure coefficients() const;
  Figure penalties() const;
  std::vector<Figure> predictions() const;
  Figure observed() const;
  Figure residuals() const;
  Figure roc() const;
  Figure calibration() const;

  const RunRecord& r_;
  Path path_;
};

// ---- what was gained

struct ModelLoss {
  const char* name;
  std::string loss, error, test, test_error;
};

/// A row for each model whose loss is known.
struct LossRows {
  std::vector<std::string> names;
  Series validation, test;
  void add(const RunRecord& r, const ModelLoss& m) {
    const double loss = number_at(r, m.loss), held = number_at(r, m.test);
    if (std::isnan(loss) && std::isnan(held)) return;
    put(validation, loss, number_at(r, m.error));
    put(test, held, number_at(r, m.test_error));
    names.emplace_back(m.name);
  }

private:
  void put(Series& s, double loss, double error) const {
    s.x.push_back(loss);
    s.y.push_back(static_cast<double>(names.size()));
    s.lo.push_back(loss - error);
    s.hi.push_back(loss + error);
  }
};

Figure ModelFigures::losses() const {
  LossRows all;
  const auto add = [&](const char* name, const std::string& at, const char* loss = ".loss") {
    all.add(r_, {name, at + loss, at + ".loss_standard_error", at + ".test.loss", at + ".test.loss_standard_error"});
  };
  add("intercept alone", "intercept_alone");
  add("single penalty", "single_penalty");
  all.add(r_, {many() ? "many penalties" : "tuned", "metrics.loss", "metrics.loss_standard_error", "test.loss",
               "test.loss_standard_error"});
  add("one-se", "one_se", ".outer_loss");
  Chart c = chart_of("Loss of the tuned model and of what it is held against", "loss", "");
  c.rows = all.names;
  const bool tested = std::any_of(all.test.x.begin(), all.test.x.end(), [](double v) { return std::isfinite(v); });
  const auto put = [&](Series s, const std::string& name, int colour, double beside) {
    s.name = name;
    s.colour = colour;
    s.points = true;
    for (double& y : s.y) y += tested ? beside : 0;
    c.series.push_back(std::move(s));
  };
  put(all.validation, rows(), 0, -0.15);
  if (tested) put(all.test, "test rows", 1, 0.15);
  return in(
      Part::gains,
      figure("model_losses", std::move(c),
             "Each loss with one standard error of its own. The errors of two models on the same rows go together, so what one "
             "gains over the other is known better than either: the paired differences below have that. The " +
                 rows() +
                 (tested ? " chose the penalty; the test rows had no part in it, and decide."
                         : " chose the penalty, so the tuned model looks better on them than it is."),
             "no loss is known."));
}

// ---- along the common penalty

Place ModelFigures::best() const {
  if (!r_.path) return {};
  const Place tuned = many() ? Place{single_number(r_, "single_penalty.hyperparameters.l2"), number_at(r_, "single_penalty.loss")}
                             : Place{single_number(r_, "best.hyperparameters.l2"), number_at(r_, "best.outer_loss")};
  return tuned.known() ? tuned : path_.at(path_.least());
}

Place ModelFigures::one_se() const {
  const Place said{single_number(r_, "one_se.hyperparameters.l2"), number_at(r_, "one_se.outer_loss")};
  return said.known() && !many() ? said : path_.one_se();
}

void ModelFigures::mark_chosen(Chart& c) const {
  if (best().known()) c.markers.push_back({best().l2, "best", 1});
  if (one_se().known() && one_se().l2 > best().l2) c.markers.push_back({one_se().l2, "one-se", 2});
}

const char* kNoPath = "the run folder holds no path.csv, which has losses and coefficients along one common penalty.";

Figure ModelFigures::path_loss() const {
  Chart c = chart_of("Validation loss against the common penalty", "common penalty l2, weak to strong", "validation loss");
  c.log_x = true;
  Series band = line("one standard error", 0, path_.l2, path_.loss);
  band.band = true;
  for (std::size_t i = 0; i < path_.l2.size(); ++i) {
    band.lo.push_back(path_.loss[i] - path_.error[i]);
    band.hi.push_back(path_.loss[i] + path_.error[i]);
  }
  Series loss = line("validation loss", 0, path_.l2, path_.loss);
  if (std::any_of(path_.error.begin(), path_.error.end(), [](double e) { return std::isfinite(e); }))
    c.series.push_back(std::move(band));
  c.series.push_back(std::move(loss));
  const double tuned = many() ? number_at(r_, "metrics.loss") : kNaN;
  add_level(c, path_.l2, tuned, "many penalties, tuned", 3);
  if (best().known()) c.series.push_back(points("best", 1, {best().l2}, {best().loss}));
  if (one_se().known()) c.series.push_back(points("one-se", 2, {one_se().l2}, {one_se().loss}));
  std::string shows =
      "The loss on the " + rows() +
      " of one penalty for all features, from weak on the left to strong on the right; the band is one standard error to each "
      "side. 'best' is the least loss" +
      (best().known() ? ", at " + short_number(best().l2) : std::string()) +
      "; 'one-se' is the strongest penalty whose loss is within one standard error of it" +
      (one_se().known() ? ", " + short_number(one_se().l2) : std::string()) +
      ": no worse as far as these rows can tell, and the simpler model. A minimum at an end of the axis wants a wider range "
      "(hyper." +
      penalty_name(r_) + ".range).";
  if (std::isfinite(tuned))
    shows +=
        " The dashed line is what the many penalties reach on the same rows, which they can fit harder: test rows tell what that "
        "is worth.";
  return in(Part::path, figure("path_loss", std::move(c), shows, kNoPath));
}

/// The name in "coefficient[NAME]"; empty for another column.
std::string feature_of(const std::string& head) {
  static const std::string begin = "coefficient[";
  if (head.rfind(begin, 0) != 0 || head.back() != ']') return {};
  return head.substr(begin.size(), head.size() - begin.size() - 1);
}

/// Deviation of the column of each feature that run.json lists.
std::map<std::string, double> deviations(const RunRecord& r) {
  const std::string what = (r.folder / "run.json").string() + ", coefficients";
  std::map<std::string, double> all;
  for (const json& c : value_at(r, "coefficients.largest"))
    all[text_of(c.value("name", json()), what)] = number_of(c.value("deviation", json()), what);
  return all;
}

/// The coefficients of path.csv as lines, the largest at the chosen penalty first and by name.
void ModelFigures::add_paths(Chart& c) const {
  const std::map<std::string, double> deviation = deviations(r_);
  std::vector<Series> all;
  bool comparable = true;
  for (const std::string& head : r_.path->names()) {
    const std::string name = feature_of(head);
    if (name.empty()) continue;
    std::vector<double> values = column(*r_.path, head);
    const bool used = std::any_of(values.begin(), values.end(), [](double v) { return v != 0; });
    if (!used) continue;  // of a column that is constant, say
    all.push_back(line(name, 6, path_.l2, std::move(values)));
    comparable = comparable && deviation.count(name) > 0;
  }
  if (comparable)
    for (Series& s : all)
      for (double& v : s.y) v *= deviation.at(s.name);
  std::size_t chosen = 0;
  for (std::size_t i = 0; i < path_.l2.size(); ++i)
    if (std::abs(std::log(path_.l2[i] / best().l2)) < std::abs(std::log(path_.l2[chosen] / best().l2))) chosen = i;
  const auto size = [&](const Series& s) { return std::isfinite(s.y[chosen]) ? std::abs(s.y[chosen]) : 0; };
  std::stable_sort(all.begin(), all.end(), [&](const Series& a, const Series& b) { return size(a) > size(b); });
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i].faint = all.size() > kNamed + 1 && i >= kNamed;
    all[i].legend = !all[i].faint;
    if (all[i].legend) all[i].colour = static_cast<int>(i);
  }
  if (comparable) c.y_label = "coefficient for one deviation";
  // The named ones are drawn last, on top.
  std::rotate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kNamed)), all.end());
  std::move(all.begin(), all.end(), std::back_inserter(c.series));
}

Figure ModelFigures::path_coefficients() const {
  Chart c = chart_of("Coefficients against the common penalty", "common penalty l2, weak to strong", "coefficient");
  c.log_x = true;
  if (r_.path && best().known()) add_paths(c);
  const std::size_t shown = c.series.size();
  mark_chosen(c);
  const double total = number_at(r_, "coefficients.total");
  std::string shows = "How the coefficients shrink as one penalty for all features grows. ";
  shows +=
      c.y_label == "coefficient"
          ? "Each is in the unit of its own feature, so their sizes cannot be compared with each other. "
          : "Each is times the deviation of its column: what the prediction changes by where the feature changes by that much. ";
  if (total > static_cast<double>(shown))
    shows += "Shown are " + std::to_string(shown) + " of " + number_text(total) + " features, the largest. ";
  if (shown > kNamed + 1)
    shows += "The " + std::to_string(kNamed) + " largest at the best penalty have names, the others are thin. ";
  shows += "Lines that cross 0 or change places belong to features that say much the same.";
  return in(Part::path, figure("path_coefficients", std::move(c), shows, r_.path ? "path.csv has no coefficients." : kNoPath));
}

// ---- coefficients

/// A list of one key of each of the coefficients that run.json has.
std::vector<double> of_coefficients(const RunRecord& r, const char* key) {
  const std::string what = (r.folder / "run.json").string() + ", coefficients";
  std::vector<double> all;
  for (const json& c : value_at(r, "coefficients.largest")) all.push_back(number_of(c.value(key, json()), what));
  return all;
}

/// A chart with the features as its rows.
Chart feature_chart(const RunRecord& r, const char* title, const std::string& x_label) {
  Chart c = chart_of(title, x_label, "");
  const std::string what = (r.folder / "run.json").string() + ", coefficients";
  for (const json& one : value_at(r, "coefficients.largest")) c.rows.push_back(text_of(one.value("name", json()), what));
  return c;
}

/// "the 30 largest of 50000 coefficients"; all of them where there are few.
std::string largest_in_words(const RunRecord& r, std::size_t shown) {
  const double total = number_at(r, "coefficients.total");
  return total > static_cast<double>(shown)
             ? "the " + std::to_string(shown) + " largest of " + number_text(total) + " coefficients"
             : "all " + std::to_string(shown) + " coefficients";
}

Figure ModelFigures::coefficients() const {
  Chart c = feature_chart(r_, "Coefficients of the model", "coefficient times the deviation of its column");
  const std::vector<double> value = of_coefficients(r_, "value"), deviation = of_coefficients(r_, "deviation");
  Series up = line("raises the prediction", 0, {}, {}), down = line("lowers it", 1, {}, {});
  up.bars = down.bars = true;
  for (std::size_t i = 0; i < value.size(); ++i) {
    Series& s = value[i] < 0 ? down : up;
    s.x.push_back(value[i] * deviation[i]);
    s.y.push_back(static_cast<double>(i));
  }
  for (Series* s : {&up, &down})
    if (!s->x.empty()) c.series.push_back(std::move(*s));
  const std::string unit = text_at(r_, "model.loss") == "squared" ? "the prediction" : "the log-odds of the class that is +1";
  const std::string shows = "Of the final model, " + largest_in_words(r_, value.size()) +
                            ", each times the deviation of its column in the rows of the fit: what " + unit + " change" +
                            (unit.find("odds") == std::string::npos ? "s" : "") +
                            " by where the feature changes by that much. So they can be compared whatever the units of the "
                            "features; model.json has all, in their own units. Features that go together share an effect between "
                            "them, and a small bar is then no sign of a feature without use.";
  return in(Part::coefficients, figure("coefficients", std::move(c), shows,
                                       value_at(r_, "coefficients").is_null() ? kEarlier
                                                                              : "the model has no coefficients but its "
                                                                                "intercept."));
}

Figure ModelFigures::penalties() const {
  Chart c = feature_chart(r_, "The penalties of the same features", "penalty l2, weak to strong");
  c.log_x = true;
  std::vector<double> row(c.rows.size());
  for (std::size_t i = 0; i < row.size(); ++i) row[i] = static_cast<double>(i);
  c.series.push_back(points("penalty", 3, of_coefficients(r_, "l2"), row));
  return in(
      Part::coefficients,
      figure("penalties", std::move(c),
             "The tuned penalty of each feature of the figure before, in its order. A weak penalty leaves its coefficient to the "
             "data, a strong one holds it near 0. hyper.csv has all of them with their start and range.",
             kEarlier));
}

// ---- predictions

std::vector<Figure> ModelFigures::predictions() const {
  if (value_at(r_, "held_out.scatter").is_object()) return {observed(), residuals()};
  if (value_at(r_, "held_out.confusion").is_object()) return {roc(), calibration()};
  return {in(Part::predictions, figure("predictions", chart_of("Predictions of held-out rows", "", ""), "", kEarlier))};
}

/// How many rows are shown of how many, and of which.
std::string sampled(const RunRecord& r, std::size_t shown) {
  const double all = number_at(r, "held_out.rows");
  const std::string which = drawn_rows_in_words(r);
  if (!(all > static_cast<double>(shown))) return "All " + std::to_string(shown) + " " + which + ". ";
  return "Shown are " + std::to_string(shown) + " of the " + number_text(all) + " " + which +
         ", evenly spread over the ranks of their predictions. ";
}

Series rows_of_scatter(std::vector<double> x, std::vector<double> y) {
  Series s = points("rows", 0, std::move(x), std::move(y));
  s.faint = s.x.size() > 50;
  return s;
}

/// From the least to the largest of what is finite.
std::vector<double> ends(std::vector<double> values) {
  std::erase_if(values, [](double v) { return !std::isfinite(v); });
  if (values.empty()) return {};
  const auto [lo, hi] = std::minmax_element(values.begin(), values.end());
  return {*lo, *hi};
}

void add_line(Chart& c, const char* name, std::vector<double> x, std::vector<double> y) {
  Series s = line(name, 6, std::move(x), std::move(y));
  s.dashed = true;
  c.series.push_back(std::move(s));
}

Figure ModelFigures::observed() const {
  Chart c = chart_of("Observed against predicted", "prediction", "observed");
  const std::vector<double> seen = numbers_at(r_, "held_out.scatter.observed"),
                            predicted = numbers_at(r_, "held_out.scatter.predicted");
  c.series.push_back(rows_of_scatter(predicted, seen));
  add_line(c, "observed = predicted", ends(predicted), ends(predicted));
  return in(
      Part::predictions,
      figure("observed_predicted", std::move(c),
             sampled(r_, seen.size()) +
                 "Each was predicted by a model that had not seen it. On the dashed line a prediction is right. A cloud that is "
                 "flatter than the line is what shrinking does; one that bends away from it says that the features act "
                 "otherwise than in a sum.",
             "no prediction is known."));
}

Figure ModelFigures::residuals() const {
  Chart c = chart_of("Residuals against predicted", "prediction", "observed - prediction");
  const std::vector<double> seen = numbers_at(r_, "held_out.scatter.observed"),
                            predicted = numbers_at(r_, "held_out.scatter.predicted");
  std::vector<double> residual;
  for (std::size_t i = 0; i < std::min(seen.size(), predicted.size()); ++i) residual.push_back(seen[i] - predicted[i]);
  c.series.push_back(rows_of_scatter(predicted, std::move(residual)));
  const std::vector<double> x = ends(predicted);
  add_line(c, "no error", x, std::vector<double>(x.size(), 0));
  return in(
      Part::predictions,
      figure("prediction_residuals", std::move(c),
             sampled(r_, seen.size()) +
                 "What the model missed, against what it said. A cloud of the same height everywhere is what it should be; a "
                 "funnel says that large values are known less well (a target on a log scale may help), a bend that a feature "
                 "is missing or acts otherwise.",
             "no prediction is known."));
}

Figure ModelFigures::roc() const {
  const double area = number_at(r_, "held_out.roc.auc");
  Chart c = chart_of("ROC curve", "share of the negatives called positive", "share of the positives found");
  c.square = true;
  c.series.push_back(line("ROC", 0, numbers_at(r_, "held_out.roc.false_positive"), numbers_at(r_, "held_out.roc.true_positive")));
  if (!c.series[0].x.empty()) add_line(c, "chance", {0, 1}, {0, 1});
  const json& table = value_at(r_, "held_out.confusion.weight");
  const std::string what = (r_.folder / "run.json").string() + ", held_out.confusion";
  const auto share = [&](std::size_t is) {
    const double wrong = number_of(table.at(is).at(0), what), said = number_of(table.at(is).at(1), what);
    return said / (wrong + said);
  };
  if (!c.series[0].x.empty()) c.series.push_back(points("as predicted (margin 0)", 1, {share(0)}, {share(1)}));
  const double kept = static_cast<double>(c.series[0].x.size()), all = number_at(r_, "held_out.roc.points");
  std::string shows =
      "On the " + number_text(number_at(r_, "held_out.rows")) + " " + drawn_rows_in_words(r_) +
      ", how many of the positives are found as the threshold falls, against how many negatives are called positive with "
      "them. The area below is " +
      short_number(area) +
      ": the probability that a positive row has the larger margin than a negative one; chance has 0.5. The mark is the "
      "threshold in use: positive where the margin is above 0.";
  if (all > kept)
    shows += " Drawn are " + number_text(kept) + " of its " + number_text(all) + " points, those that matter for the area.";
  return in(Part::predictions, figure("roc", std::move(c), shows, "there is no curve where one class alone is among the rows."));
}

Figure ModelFigures::calibration() const {
  Chart c = chart_of("Calibration", "predicted probability", "observed share");
  Series bins = points("rows with like predictions", 0, numbers_at(r_, "held_out.calibration.predicted"),
                       numbers_at(r_, "held_out.calibration.observed"));
  bins.lo = numbers_at(r_, "held_out.calibration.lo");
  bins.hi = numbers_at(r_, "held_out.calibration.hi");
  const std::size_t count = bins.x.size();
  c.series.push_back(std::move(bins));
  if (count > 0) add_line(c, "observed = predicted", {0, 1}, {0, 1});
  return in(Part::predictions,
            figure("calibration", std::move(c),
                   "The " + number_text(number_at(r_, "held_out.rows")) + " " + drawn_rows_in_words(r_) + " in " +
                       std::to_string(count) + " bins of about equal weight, by rising probability of '" +
                       text_at(r_, "held_out.positive") +
                       "': the share that was of that class, with its 95 % interval (Wilson), against the mean probability. By "
                       "chance one interval "
                       "in twenty misses the dashed line; more say that the probabilities are off: above it they are too small, "
                       "below it too large. The table below has the counts.",
                   "this model predicts no probabilities."));
}

}  // namespace

std::string held_out_in_words(const RunRecord& r) {
  return text_at(r, "held_out.of") == "out_of_fold" ? "out-of-fold rows" : "validation rows";
}

std::string drawn_rows_in_words(const RunRecord& r) {
  return held_out_in_words(r) + (number_at(r, "held_out.draws") > 1 ? " of the first draw of folds" : "");
}

std::vector<Figure> model_figures(const RunRecord& r) {
  return value_at(r, "metrics").is_object() ? ModelFigures(r).all() : std::vector<Figure>();
}

}  // namespace tacit
