#include <tacit/cli/verbs/tuning.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

#include <nlohmann/json.hpp>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/refit.hpp>
#include <tacit/cli/run/gains.hpp>
#include <tacit/cli/run/json_text.hpp>
#include <tacit/cli/verbs/selection.hpp>
#include <tacit/cli/verbs/start.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/held_out.hpp>

namespace tacit {

using nlohmann::json;

namespace {

constexpr double kOne = std::numeric_limits<double>::infinity();
constexpr Index kFolds = 3, kSteps = 15;
constexpr double kTolerance = 1e-3;
constexpr double kShareOfTime = 0.2;
const std::vector<double> kPulls{1, 0.1, 0.01, 0};

/// s of a pull: the outer loss of the intercept alone over the number of penalties.
double pull_scale(const Validation& v) {
  const HeldOut constant = held_out_constant(v);
  const Index count = v.parts.front().problem.space.size();
  return count > 0 ? mean_loss(v, constant, row_losses(v, constant)).mean / static_cast<double>(count) : 0;
}

class Seconds {
public:
  explicit Seconds(double most) : most_(most) {}
  double left() const { return most_ - std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(); }

private:
  double most_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

/// theta of the single penalty, then of the many with each pull, tuned on the rows of an assembly. Throws Interruption.
std::vector<Vec> tuned_points(const Assembly& a, double seconds) {
  const HyperSpace& many = a.problem.space;
  SearchOptions search = search_options(a);
  search.seconds = seconds;
  const HyperSpace one = problem_with(a.prepared, PenaltyPer::all).space;
  const FoundStart found = search_common(*search_oracle(a, PenaltyPer::all), one, true, search);
  if (found.cut) throw Interruption();
  Vec single = Vec::Constant(many.size(), found.common);
  many.project(single);
  std::vector<Vec> points{single};
  const std::shared_ptr<const Oracle> oracle = search_oracle(a, a.prepared.model().per);
  const double scale = pull_scale(a.validation);
  for (const double pull : kPulls) {
    LbfgsOuter optimizer;
    DriverOptions driver;
    driver.max_steps = kSteps;
    driver.tolerance = kTolerance;
    const Summary s = solve(driver, many, *pulled_oracle(oracle, many, {pull, scale}), optimizer, single, {}, search.interrupted);
    if (s.reason == StopReason::interrupted) throw Interruption();
    points.push_back(s.best.theta.size() > 0 ? s.best.theta : single);
  }
  return points;
}

/// Losses of the held-out rows of all folds, for each candidate. Throws Interruption.
std::vector<PullChoice::Candidate> candidates_on(const Assembly& a, const Folds& folds, const Strategies& strategies,
                                                 const Seconds& seconds) {
  Prepared whole = prepare_again(a.prepared, rows_of_refit(a.prepared.rows));
  const Validation outer = cross_validation(whole, folds);
  std::vector<std::vector<Vec>> x(kPulls.size() + 1);  // of each candidate, fold by fold
  for (const Prepared& fold : outer.parts) {
    RunConfig config = a.config;
    config.validation.outer_folds = 0;
    const auto inside = assemble_among(std::move(config), a, fold.rows.train, strategies);
    const std::vector<Vec> points = tuned_points(*inside, seconds.left());
    const Prepared fitted = prepare_again(fold, fold.rows.train);
    Vec from = Vec::Zero(fitted.problem.f->inner_dim());
    for (std::size_t c = 0; c < points.size(); ++c) {
      const Vec u = natural_values(inside->problem.space, points[c]);
      from = refit(of_run(fitted.problem, a), u, from).x;
      x[c].push_back(from);
    }
    if (!(seconds.left() > 0)) throw Interruption();
  }
  std::vector<PullChoice::Candidate> all;
  const Vec single = row_losses(outer, held_out(outer, x[0]));
  for (std::size_t c = 0; c < x.size(); ++c) {
    const HeldOut rows = held_out(outer, x[c]);
    const Vec loss = row_losses(outer, rows);
    all.push_back({c == 0 ? kOne : kPulls[c - 1], mean_loss(outer, rows, loss), paired_gain(single, loss, rows.weight)});
  }
  return all;
}

PullChoice none(const std::string& why) {
  PullChoice choice;
  choice.why = "0, since " + why;
  return choice;
}

PullChoice choose_pull(const Assembly& a, const Strategies& strategies) {
  if (a.problem.response == Response::iterate) return none("the iterate is meant, not the solution");
  if (!quickly_solved(a.prepared)) return none("on data of this size the choice would take long");
  const auto limit = a.config.limits.time.seconds;
  const Seconds seconds(limit ? kShareOfTime * *limit : std::numeric_limits<double>::infinity());
  PullChoice choice;
  try {
    const Folds folds = outer_folds_of(a, kFolds);
    a.interrupter->limit(seconds.left());
    choice.candidates = candidates_on(a, folds, strategies, seconds);
  } catch (const Interruption&) {
  } catch (const UsageError&) {
    return none("the parts are named in the data, and folds inside of them are not drawn");
  }
  a.interrupter->limit(std::numeric_limits<double>::infinity());
  if (choice.candidates.empty()) return none("the choice was ended before its folds were done");
  // The first of equal ones: the one that leaves least freedom. Freedom that does not clearly pay is lost on new rows as often.
  auto best = std::min_element(choice.candidates.begin(), choice.candidates.end(),
                               [](const auto& x, const auto& y) { return x.loss.mean < y.loss.mean; });
  if (evidence_of(best->gain) != Evidence::clear) best = choice.candidates.begin();
  choice.value = best->pull;
  const std::string folds = " on " + std::to_string(kFolds) + " folds of the rows that do not test";
  choice.why = std::isinf(best->pull)
                   ? "one penalty for all, since no pull is clearly better" + folds
                   : short_number(best->pull) + ", the best" + folds + ", where it is clearly better than one penalty";
  return choice;
}

}  // namespace

PullChoice settle_pull(Assembly& a, const Strategies& strategies) {
  PullChoice choice;
  if (a.problem.space.size() < 2) return choice;
  if (const auto given = a.config.penalty().pull)
    choice.value = *given;
  else
    choice = choose_pull(a, strategies);
  choice.many = true;
  if (!choice.why.empty()) a.method.notes.push_back(a.config.penalty_key("pull") + ": auto is " + choice.why);
  const bool one = std::isinf(choice.value);
  a.held_equal = one && a.config.penalty().start.is_auto();
  if (one && !a.held_equal) choice.value = kPulls.front();  // from a start that differs entry by entry the strongest pull
  if (choice.value > 0 && !a.held_equal) a.pull = Pull{choice.value, pull_scale(a.validation)};
  return choice;
}

std::string PullChoice::text() const {
  if (!many) return {};
  return why.empty() ? short_number(value) + ", as given" : why;
}

json PullChoice::json() const {
  if (!many) return nullptr;
  const auto named = [](double pull) { return std::isinf(pull) ? nlohmann::json("one") : nlohmann::json(pull); };
  nlohmann::json list = nlohmann::json::array();
  for (const Candidate& c : candidates)
    list.push_back({{"pull", named(c.pull)},
                    {"loss", number_json(c.loss.mean)},
                    {"loss_standard_error", number_json(c.loss.standard_error)},
                    {"gain", {{"mean", number_json(c.gain.mean)}, {"standard_error", number_json(c.gain.standard_error)}}}});
  return {{"value", named(value)}, {"candidates", std::move(list)}};
}

}  // namespace tacit
