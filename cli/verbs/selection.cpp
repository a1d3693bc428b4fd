#include <tacit/cli/verbs/selection.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include <tacit/bilevel/refit.hpp>
#include <tacit/cli/run/text_tables.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/fitted_model.hpp>
#include <tacit/problems/models/held_out.hpp>

namespace tacit {

bool quickly_solved(const Prepared& p) {
  constexpr double kMostWork = 2e7, kFactored = 200;
  const double cells = p.x->sparse ? static_cast<double>(p.x->csr.nonZeros())
                                   : static_cast<double>(p.x->rows()) * static_cast<double>(p.x->cols());
  return cells * std::min({static_cast<double>(p.x->rows()), static_cast<double>(p.x->cols()), kFactored}) <= kMostWork;
}

namespace {

/// The parts as an oracle of the search has them.
std::shared_ptr<const Validation> searched(const Assembly& a, bool iterates) {
  return std::make_shared<const Validation>(iterates ? a.validation : a.centred());
}

LossDeviation deviation_over(std::shared_ptr<const Validation> v) {
  return [v = std::move(v)](const Evaluation& e) {
    const std::vector<Vec> x = solutions(e);
    if (x.size() != v->parts.size()) return kMissing;
    const HeldOut rows = held_out(*v, x, e.u);
    return mean_loss(*v, rows, row_losses(*v, rows)).standard_error;
  };
}

/// What the solutions of one point gain over those of another on the rows that are held out.
MeanLoss held_out_gain(const Validation& v, const Evaluation& other, const Evaluation& best) {
  const std::vector<Vec> x = solutions(best), y = solutions(other);
  if (x.size() != v.parts.size() || y.size() != v.parts.size()) return {kMissing, kMissing};
  const HeldOut rows = held_out(v, x, best.u);
  return paired_gain(v, rows, row_losses(v, held_out(v, y, other.u)), row_losses(v, rows));
}

void keep_path(Selection& s, const Assembly& a, const PathOptions& options, bool iterates) {
  s.path = a.path;
  PathOptions more = options;
  more.points = quickly_solved(a.prepared) ? options.points : 0;
  const HyperSpace one = problem_with(a.prepared, PenaltyPer::all).space;
  const auto oracle = search_oracle(a, PenaltyPer::all, iterates);
  if (s.path.size() < 2 && quickly_solved(a.prepared)) {  // a start that was given left none
    SearchOptions search = search_options(a);
    search.deviation = options.deviation;
    search.interrupted = options.interrupted;
    s.path = search_common(*oracle, one, false, search).path;
    s.evaluations += static_cast<Index>(s.path.size());
  }
  if (s.path.size() < 2) return;
  CommonPath refined = refine_path(*oracle, one, std::move(s.path), more);
  s.path = std::move(refined.points);
  s.evaluations += refined.evaluations;
  s.cut = refined.cut;
}

void find_one_se(Selection& s, const Assembly& a, const Evaluation& tuned, const PathOptions& options, const Validation& v,
                 bool iterates) {
  const Vec& theta = tuned.theta;
  const HyperSpace& space = a.problem.space;
  const auto oracle = search_oracle(a, a.prepared.model().per, iterates);
  const bool same = !iterates && a.centres_nothing();
  const Evaluation best = oracle->evaluate(theta, oracle->tightest(), same ? &tuned : nullptr);
  s.best = {best.value, options.deviation(best)};
  double common = space.size() == 1 ? theta[0] : theta.mean();
  if (space.size() > 1 && !s.path.empty())
    common = std::min_element(s.path.begin(), s.path.end(), [](auto& x, auto& y) { return x.value < y.value; })->theta;
  const OneStandardError rule =
      one_standard_error(*oracle, space, best, s.best.standard_error, factors_along(s.path, common, theta, space), options);
  s.evaluations += rule.evaluations + 1;
  s.cut = s.cut || rule.cut;
  if (std::isnan(rule.limit)) return;
  s.one_se = OneSe{rule.at.theta, rule.factor, {rule.at.value, options.deviation(rule.at)}, rule.edge};
  if (rule.factor > 1) s.one_se->best_gain = held_out_gain(v, rule.at, best);
}

}  // namespace

LossDeviation deviation_of(const Assembly& a, bool iterates) { return deviation_over(searched(a, iterates)); }

Selection select_around(const Assembly& a, const Evaluation& tuned, const std::function<bool()>& stop) {
  Selection s;
  if (a.problem.space.size() == 0) return s;
  const bool iterates = a.problem.response == Response::iterate;
  PathOptions options;
  options.interrupted = stop;
  const auto v = searched(a, iterates);
  options.deviation = deviation_over(v);
  try {
    keep_path(s, a, options, iterates);
    find_one_se(s, a, tuned, options, *v, iterates);
  } catch (const Interruption&) {
    s.cut = true;
  }
  return s;
}

void add_coefficients(Selection& s, const Assembly& a, In effect, const std::function<bool()>& stop) {
  constexpr std::size_t kMost = 30;
  if (s.path.empty() || a.problem.response == Response::iterate || !quickly_solved(a.prepared)) return;
  std::vector<Index> order(static_cast<std::size_t>(effect.size()));
  std::iota(order.begin(), order.end(), Index{0});
  std::stable_sort(order.begin(), order.end(), [&](Index i, Index j) { return std::abs(effect[i]) > std::abs(effect[j]); });
  order.resize(std::min(order.size(), kMost));
  const Prepared whole = prepare_again(a.prepared, rows_of_refit(a.prepared.rows));
  Prepared one = whole;
  one.choices.model.per = PenaltyPer::all;
  one.problem = of_run(problem_with(whole, PenaltyPer::all), a, stop);
  const auto points = static_cast<Index>(s.path.size()), shown = static_cast<Index>(order.size());
  Mat coefficients(points, shown);
  Vec x = Vec::Zero(one.problem.f->inner_dim());
  try {
    for (Index k = points - 1; k >= 0; --k) {
      const Vec u = natural_values(one.problem.space, Vec::Constant(1, s.path[static_cast<std::size_t>(k)].theta));
      x = refit(one.problem, u, x).x;
      const Vec all = fitted_model(one, u, x).coefficients;
      for (Index j = 0; j < shown; ++j) coefficients(k, j) = all[order[static_cast<std::size_t>(j)]];
    }
  } catch (const Interruption&) {
    return;
  }
  const std::vector<std::string> names = whole.data->encoder.feature_names();
  for (const Index j : order) s.features.push_back(names[static_cast<std::size_t>(j)]);
  s.coefficients = std::move(coefficients);
}

std::string Selection::path_csv() const {
  const auto cell = [](double value) { return std::isfinite(value) ? number_text(value) : std::string(); };
  std::vector<std::string> head{"l2", "outer_loss", "standard_error"};
  for (const std::string& name : features) head.push_back(csv_cell("coefficient[" + name + "]"));
  std::string text = csv_line(head);
  for (std::size_t k = 0; k < path.size(); ++k) {
    std::vector<std::string> cells{cell(std::exp(path[k].theta)), cell(path[k].value), cell(path[k].standard_error)};
    for (Index j = 0; j < coefficients.cols(); ++j) cells.push_back(cell(coefficients(static_cast<Index>(k), j)));
    text += csv_line(cells);
  }
  return text;
}

namespace {

struct Metric {
  const char* name;
  double (*value)(In y, In margin, In weight);
  double sign;  ///< -1: more is better
};

const Metric kMetrics[] = {{"auc", auc, -1}, {"accuracy", accuracy, -1}, {"f1", f1, -1}, {"rmse", rmse, 1}, {"mae", mae, 1}};

/// Of the rows of each draw of folds together, averaged over the draws.
double metric_of(const Validation& v, const HeldOut& rows, const Metric& metric) {
  double sum = 0;
  for (Index draw = 0; draw < v.repeats; ++draw) {
    std::vector<Index> its;
    for (std::size_t i = 0; i < rows.part.size(); ++i) {
      if (rows.part[i] / v.folds == draw) its.push_back(static_cast<Index>(i));
    }
    sum += metric.value(rows.y(its), rows.margin(its), rows.weight(its));
  }
  return metric.sign * sum / static_cast<double>(v.repeats);
}

}  // namespace

std::function<double(const Evaluation&)> judge_of(const Assembly& a) {
  const auto v = std::make_shared<const Validation>(a.validation);
  if (!a.stopping.empty()) {
    return [v, rows = a.stopping](const Evaluation& e) {
      const std::vector<Vec> x = solutions(e);
      double loss = 0, weight = 0;
      for (std::size_t k = 0; k < x.size(); ++k) {
        const Vec w = pick(v->parts[k].weight, rows[k]);
        loss += w.dot(row_losses(v->parts[k], rows[k], x[k]));
        weight += w.sum();
      }
      return loss / weight;
    };
  }
  if (!a.config.outer.metric.word) return {};
  const Metric* metric = std::find_if(std::begin(kMetrics), std::end(kMetrics),
                                      [&](const Metric& m) { return m.name == *a.config.outer.metric.word; });
  return [v, metric](const Evaluation& e) { return metric_of(*v, held_out(*v, solutions(e), e.u), *metric); };
}

}  // namespace tacit
