// The figures of a run of `tacit tune`, from trace.csv and trace.jsonl.
#include <algorithm>
#include <cmath>
#include <limits>

#include <tacit/cli/report/chart/sample.hpp>
#include <tacit/cli/report/report_figures.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

namespace {

using nlohmann::json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// More penalties than this are shown by their spread.
constexpr std::size_t kMostLines = 7;
constexpr std::size_t kMostMoved = 4;

bool any_finite(const std::vector<double>& v) {
  return std::any_of(v.begin(), v.end(), [](double x) { return std::isfinite(x); });
}

bool all_zero(const std::vector<double>& v) {
  return std::none_of(v.begin(), v.end(), [](double x) { return x != 0 && !std::isnan(x); });
}

/// Leaves out what was never measured, so that the legend names only what is there.
void add_measured(Chart& chart, Series s) {
  if (any_finite(s.y)) chart.series.push_back(std::move(s));
}

const char* kStep = "outer step";

Chart chart_of(const std::string& title, const std::string& x_label, const std::string& y_label, bool log_y) {
  Chart c;
  c.title = title;
  c.x_label = x_label;
  c.y_label = y_label;
  c.log_y = log_y;
  c.whole_x = x_label == kStep;
  return c;
}

const char* kNoRow = "the trace holds no row: the run ended before its first point was evaluated.";

/// The columns of the trace, and what of them is asked for.
class TuneFigures {
public:
  explicit TuneFigures(const RunRecord& r) : r_(r), step_(of("step")) {}
  std::vector<Figure> all() const {
    return {loss("loss_steps", kStep, step_),
            loss("loss_time", "seconds", of("seconds")),
            hyperparameters(),
            gradient(),
            error(),
            residuals(),
            truncation(),
            work(),
            times(),
            tape()};
  }

private:
  std::vector<double> of(const char* name) const { return r_.trace ? column(*r_.trace, name) : std::vector<double>(); }
  Figure done(const char* name, Chart chart, const std::string& shows, const std::string& otherwise) const {
    return figure(name, std::move(chart), shows, r_.trace ? otherwise : kNoRow);
  }

  Figure loss(const char* name, const char* x_label, const std::vector<double>& x) const;
  Figure hyperparameters() const;
  Figure gradient() const;
  Figure error() const;
  Figure residuals() const;
  Figure truncation() const;
  Figure work() const;
  Figure times() const;
  Figure tape() const;

  const RunRecord& r_;
  std::vector<double> step_;
};

Figure TuneFigures::loss(const char* name, const char* x_label, const std::vector<double>& x) const {
  const bool time = std::string(name) == "loss_time";
  Chart c = chart_of(time ? "Validation loss over time" : "Validation loss over outer steps", x_label, "validation loss", false);
  const std::vector<double> loss = of("outer_loss");
  c.series.push_back(line("validation loss", 0, x, loss));
  const double best = number_at(r_, "best.step");
  for (std::size_t i = 0; i < step_.size(); ++i) {
    if (step_[i] == best) c.series.push_back(points("best", 1, {x[i]}, {loss[i]}));
  }
  c.log_y = spans_decades(c);
  std::string shows;
  if (time) {
    shows =
        "The same losses over the time since the start. A long flat end is time that bought nothing: a larger outer.tolerance "
        "would have ended the run earlier. Times differ from run to run; the steps do not.";
  } else {
    shows =
        "The loss on the validation rows at the start and after each outer step. If it still falls at the end, give the run more "
        "steps (outer.max_steps); if it jumps up, the hypergradients may be wrong: see their error below.";
    const double se = number_at(r_, "metrics.loss_standard_error");
    if (std::isfinite(se))
      shows += " The best loss is itself known only to a standard error of " + short_number(se) +
               " over the validation rows. What one point gains over another on these rows is known better, since the rows are "
               "the same: the verdict has it.";
  }
  if (c.log_y) shows += " The axis is logarithmic.";
  return done(name, std::move(c), shows, "no loss is finite.");
}

/// Every value of a block of the trace's "u", flattened in the order of hyper.csv.
std::vector<std::vector<double>> paths(const RunRecord& r, std::vector<double>& step) {
  std::vector<std::vector<double>> all;
  const std::string what = (r.folder / "trace.jsonl").string();
  if (r.theta) {
    all.resize(static_cast<std::size_t>(r.theta->cols()));
    for (Index i = 0; i < r.theta->rows(); ++i) {
      step.push_back(static_cast<double>(i));
      for (Index j = 0; j < r.theta->cols(); ++j) all[static_cast<std::size_t>(j)].push_back(std::exp((*r.theta)(i, j)));
    }
    return all;
  }
  for (const json& row : r.steps) {
    if (!row.contains("u") || !row["u"].is_object()) refuse_file(what, "a line without the hyperparameters u");
    step.push_back(number_of(row.value("step", json()), what));
    std::size_t j = 0;
    const auto put = [&](const json& v) {
      if (all.size() <= j) all.emplace_back(step.size() - 1, kNaN);
      all[j++].push_back(number_of(v, what));
    };
    for (const auto& [name, block] : row["u"].items()) {
      if (!block.is_array()) put(block);
      for (const json& v : block.is_array() ? block : json::array()) put(v);
    }
    for (auto& path : all) path.resize(step.size(), kNaN);
  }
  return all;
}

/// The names of hyper.csv; of a run that did not get as far, numbers.
std::vector<std::string> hyper_names(const RunRecord& r, std::size_t count) {
  std::vector<std::string> names = r.hyper ? text_column(*r.hyper, "name") : std::vector<std::string>();
  if (names.size() == count) return names;
  names.clear();
  for (std::size_t j = 0; j < count; ++j) names.push_back("hyperparameter " + std::to_string(j + 1));
  return names;
}

Series spread(const char* name, int colour, const std::vector<double>& step, const std::vector<std::vector<double>>& paths,
              double q) {
  Series s = line(name, colour, step, {});
  s.band = true;
  for (std::size_t i = 0; i < step.size(); ++i) {
    Sample at;
    for (const auto& path : paths) at.add(path[i]);
    s.y.push_back(at.median());
    s.lo.push_back(at.quantile(q));
    s.hi.push_back(at.quantile(1 - q));
  }
  return s;
}

/// Is a band nowhere wider than a line, on an axis of a few decades?
bool narrow(const Series& band) {
  constexpr double kLine = 1.1;
  for (std::size_t i = 0; i < band.lo.size(); ++i) {
    if (band.hi[i] > kLine * band.lo[i]) return false;
  }
  return true;
}

/// The numbers of the paths that moved most between their ends, by factor.
std::vector<std::size_t> most_moved(const std::vector<std::vector<double>>& paths) {
  std::vector<std::size_t> order(paths.size());
  for (std::size_t j = 0; j < order.size(); ++j) order[j] = j;
  const auto moved = [&](std::size_t j) {
    const double factor = std::abs(std::log(paths[j].back() / paths[j].front()));
    return std::isfinite(factor) ? factor : 0;
  };
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return moved(a) > moved(b); });
  order.resize(std::min(order.size(), kMostMoved));
  return order;
}

Figure TuneFigures::hyperparameters() const {
  std::vector<double> step;
  const std::vector<std::vector<double>> all = paths(r_, step);
  const std::vector<std::string> names = hyper_names(r_, all.size());
  Chart c = chart_of("Hyperparameters over outer steps", kStep, "value", true);
  std::string shows = "The value of each penalty after each outer step, on a logarithmic axis. ";
  if (all.size() <= kMostLines) {
    for (std::size_t j = 0; j < all.size(); ++j) c.series.push_back(line(names[j], static_cast<int>(j), step, all[j]));
  } else {
    shows = "The " + std::to_string(all.size()) +
            " penalties after each outer step, on a logarithmic axis: the wide band from the smallest "
            "to the largest, the narrow one the middle half, and the " +
            std::to_string(kMostMoved) + " that moved by the largest factor. ";
    c.series.push_back(spread("smallest to largest", 6, step, all, 0));
    c.series.push_back(spread("middle half", 0, step, all, 0.25));
    if (narrow(c.series.back())) shows += "The middle half is no wider than the line of the median. ";
    Series median = line("median", 0, step, c.series.back().y);
    c.series.push_back(std::move(median));
    int colour = 1;
    for (const std::size_t j : most_moved(all)) c.series.push_back(line(names[j], colour++, step, all[j]));
  }
  shows +=
      "A line that is still moving at the end has not found its value; one that runs flat into the end of its range (see the "
      "table) "
      "may want a wider range (hyper." +
      penalty_name(r_) + ".range) or its feature left out.";
  return done("hyperparameters", std::move(c), shows, "nothing was tuned in this run.");
}

Figure TuneFigures::gradient() const {
  Chart c = chart_of("Norm of the hypergradient", kStep, "norm, in ln of the hyperparameters", true);
  c.series.push_back(line("hypergradient", 0, step_, of("hypergradient_norm")));
  add_level(c, step_, number_at(r_, "gradient_target"), "ends the run", 1);
  return done(
      "hypergradient_norm", std::move(c),
      "How steep the validation loss still is in the hyperparameters. The dashed line, where there is one, is outer.tolerance "
      "times the loss at the start. A run ends when no more than that can be gained: the slopes times the ways that are open, "
      "each "
      "at most a factor of 10 or to the end of the range. With values on the edge of their range the norm may therefore stay "
      "above "
      "it. If it stops falling far above, the inner problem or the adjoint is solved too loosely.",
      "no hypergradient was computed.");
}

Figure TuneFigures::error() const {
  Chart c = chart_of("Error of the hypergradient", kStep, "relative error", true);
  add_measured(c, line("estimate", 0, step_, of("hypergradient_error")));
  Series bound = line("rigorous bound", 2, step_, of("hypergradient_error_bound"));
  bound.dashed = true;
  const bool bounded = any_finite(bound.y);
  if (bounded) c.series.push_back(std::move(bound));
  add_measured(c, points("measured against a reference", 1, step_, of("hypergradient_error_reference")));
  add_level(c, step_, number_at(r_, "warn_error"), "diagnostics.warn_error", 3);
  return done(
      "hypergradient_error", std::move(c),
      std::string(
          "How far each hypergradient is from the true one, as a share of its length: 0.1 is 10 %, and above 1 not even its "
          "direction can be trusted. The estimate is made at every step; the marks are measured. ") +
          (bounded ? "The dashed bound is proved and usually pessimistic. " : "No bound could be proved for this problem. ") +
          (of_steps(r_)
               ? "The true one is the derivative of the loss after the steps of the inner solver (inner.response: iterate). "
                 "If the estimate is too high: a larger window, or hypergradient.estimator=full-unroll."
               : "If the estimate is too high: a smaller inner.tolerance, a larger window, or "
                 "hypergradient.estimator=implicit-cg. Loose early steps are meant under a schedule (outer.schedule)."),
      "no error was estimated or measured.");
}

Figure TuneFigures::residuals() const {
  Chart c = chart_of("How well the two linear levels are solved", kStep, "relative residual", true);
  c.title = "Residuals of the training problem and of the adjoint";
  add_measured(c, line("training problem", 0, step_, of("inner_residual")));
  add_measured(c, line("adjoint equation", 1, step_, of("linear_residual")));
  add_level(c, step_, number_at(r_, "tolerances.inner"), "inner.tolerance", 0);
  add_level(c, step_, number_at(r_, "tolerances.adjoint"), "hypergradient.tolerance", 1);
  if (of_steps(r_))
    return done(
        "residuals", std::move(c),
        "What the steps leave of the optimality condition of the training problem, relative to that at zero, and what the "
        "steps that are differentiated leave of the adjoint equation of its solution. Neither is an error here, since x "
        "after the steps is what is meant (inner.response: iterate): they show how far from the solution that is. Above 1 "
        "the steps diverge.",
        "no residual was measured.");
  return done(
      "residuals", std::move(c),
      "What is left of the optimality condition of the training problem, relative to that at zero, and of the adjoint equation, "
      "relative to its right-hand side. The dashed lines are the tightest tolerances; a schedule asks for less in early steps. A "
      "small "
      "residual is no small error: with a badly conditioned problem the figure above tells more. If a line stays above its "
      "tolerance, raise inner.max_steps or hypergradient.max_steps.",
      "no residual was measured: the solvers are direct.");
}

Figure TuneFigures::truncation() const {
  Chart c = chart_of("Implicit truncation by the warm start", kStep, "inner iterations", false);
  const std::vector<double> worth = of("implicit_truncation");
  const std::vector<std::string> map = r_.trace ? text_column(*r_.trace, "truncation_map") : std::vector<std::string>();
  // Counted in steps of another map than the one that ran it says nothing that could be used.
  const bool reference = std::find(map.begin(), map.end(), "reference") != map.end();
  Series k = line("worth of the warm start (k_eff)", 0, step_, worth);
  k.lo = of("k_eff_lo");
  k.hi = of("k_eff_hi");
  k.points = true;
  if (!all_zero(worth) && !reference) {
    c.series.push_back(std::move(k));
    add_measured(c, points("audited (k_match)", 1, step_, of("k_match")));
    const std::vector<std::string> reliable = r_.trace ? text_column(*r_.trace, "rate_reliable") : std::vector<std::string>();
    Series doubtful = points("rate not reliable", 3, {}, {});
    for (std::size_t i = 0; i < reliable.size(); ++i) {
      if (reliable[i] != "false") continue;
      doubtful.x.push_back(step_[i]);
      doubtful.y.push_back(worth[i]);
    }
    add_measured(c, std::move(doubtful));
    Series ran = line("iterations that ran", 2, step_, of("inner_steps"));
    ran.dashed = true;
    if (any_finite(ran.y)) c.series.push_back(std::move(ran));
  }
  return done(
      "implicit_truncation", std::move(c),
      "Each inner solve begins at the solution of the step before. That is worth so many iterations of a cold start, and an "
      "unrolled hypergradient does not see them: it is truncated without anybody having decided so. Bars are the interval in "
      "which the number lies (narrow ones hide behind their mark; a bar without a cap is open). "
      "With an implicit estimator nothing is lost by it. With an unrolled one, compare with the error above; "
      "inner.warm_start=false removes the effect, at the price of longer solves.",
      reference
          ? "the inner solver is no fixed-point map, so that there are no iterations in which the worth of a warm start could "
            "be counted; trace.csv has it in steps of gradient descent."
          : "every inner solve started cold, or the worth of its start was not measured: nothing is truncated implicitly.");
}

std::vector<double> running_sum(std::vector<double> v) {
  double sum = 0;
  for (double& x : v) {
    if (std::isnan(x)) continue;
    sum += x;
    x = sum;
  }
  return v;
}

Figure TuneFigures::work() const {
  Chart c = chart_of("Work so far", kStep, "count", true);
  int colour = 0;
  for (const auto& [column, name] : {std::pair{"gradients", "gradients"},
                                     {"hessian_products", "Hessian products"},
                                     {"cross_products", "cross products"},
                                     {"map_steps", "map steps"},
                                     {"data_passes", "passes over the data"}}) {
    const std::vector<double> per_step = of(column);
    if (!all_zero(per_step)) add_measured(c, line(name, colour, step_, running_sum(per_step)));
    ++colour;
  }
  return done("work", std::move(c),
              "What the run has asked of the training problem up to each step, line searches included; a gradient and a Hessian "
              "product cost "
              "about the same. Lines on top of one another are equal counts. Diagnostics (error estimates, references) are not "
              "in it; the key facts name "
              "them apart. A steep piece is an expensive step: look there for a small penalty, where the problem is hardest.",
              "no work was counted.");
}

Figure TuneFigures::times() const {
  Chart c = chart_of("Time of each outer step", kStep, "seconds", true);
  add_measured(c, line("whole step", 0, step_, of("outer_seconds")));
  add_measured(c, line("inner solves", 1, step_, of("inner_seconds")));
  add_measured(c, line("hypergradient", 2, step_, of("hypergradient_seconds")));
  return done("times", std::move(c),
              "Where the time goes. The whole step also holds line search and diagnostics, so it is more than the sum of the "
              "other two; if it is "
              "far more, diagnostics.reference=0 or a larger number there saves time. If the inner solves dominate, another "
              "inner.solver may be faster; if the hypergradient does, another estimator.",
              "no time was measured.");
}

Figure TuneFigures::tape() const {
  Chart c = chart_of("Memory of the stored states", kStep, "bytes", false);
  const std::vector<double> bytes = of("tape_bytes");
  if (!all_zero(bytes)) c.series.push_back(line("tape", 0, step_, bytes));
  return done(
      "tape", std::move(c),
      "Bytes of inner iterates that were kept for the backward sweep, at their peak in each step. If this is too much: "
      "hypergradient.stride=auto stores every few states and computes the others again, a window stores only the last ones, "
      "and implicit-cg stores none.",
      "no inner iterates were stored: this estimator needs none.");
}

}  // namespace

std::vector<Figure> tune_figures(const RunRecord& r) {
  std::vector<Figure> all = model_figures(r);
  for (Figure& f : TuneFigures(r).all()) all.push_back(std::move(f));
  return all;
}

}  // namespace tacit
