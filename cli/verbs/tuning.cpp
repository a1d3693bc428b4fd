#include <tacit/cli/verbs/tuning.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/refit.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/scores.hpp>

namespace tacit {

namespace {

constexpr double kOne = std::numeric_limits<double>::infinity();
constexpr Index kFolds = 3;
constexpr double kShareOfTime = 0.2;  // of limits.time
constexpr double kMostWork = 3e8;     // cells times penalties from which on the choice would take minutes

double weight_of(const Prepared& p, const std::vector<Index>& rows) { return pick(p.weight, rows).sum(); }

/// Stored numbers of the features.
double cells(const Prepared& p) {
  return p.x->sparse ? static_cast<double>(p.x->csr.nonZeros()) : static_cast<double>(p.x->dense.size());
}

std::vector<Index> classes_of(const Assembly& a) {
  std::vector<Index> classes;
  const Dataset& data = *a.prepared.data;
  const auto& stratify = a.config.validation.stratify.value;
  if (data.classes.empty() || !stratify.value_or(true)) return classes;
  for (Index r = 0; r < data.rows(); ++r) classes.push_back(static_cast<Index>(data.y[r]));
  return classes;
}

}  // namespace

std::vector<Index> tuned_rows(const Assembly& a) { return rows_of_refit(a.prepared.rows); }

std::vector<std::vector<Index>> row_folds(const Assembly& a, std::vector<Index> rows, Index count) {
  SplitMix64 random(static_cast<std::uint64_t>(a.config.seed));
  const std::vector<Index> classes = classes_of(a);
  std::vector<std::vector<Index>> folds;
  for (Index left = count; left > 1; --left) folds.push_back(draw_rows(rows, 1.0 / static_cast<double>(left), classes, random));
  folds.push_back(std::move(rows));
  return folds;
}

std::vector<Prepared> parts_among(const Assembly& a, const std::vector<Index>& rows) {
  SplitMix64 random(static_cast<std::uint64_t>(a.config.seed));
  Split split;
  split.train = rows;
  split.validation = draw_rows(split.train, a.config.validation.fraction, classes_of(a), random);
  PrepareChoices choices = a.prepared.choices;
  if (const HyperSpace& space = a.problem.space; space.size() > 0) {
    choices.model.lower = space.blocks().front().lower;
    choices.model.upper = space.blocks().front().upper;
  }
  return {prepare_problem(a.prepared.data, std::move(split), std::move(choices))};
}

double pull_scale(const std::vector<Prepared>& parts) {
  double loss = 0, all = 0;
  for (const Prepared& p : parts) {
    const double weight = weight_of(p, p.rows.validation);
    loss += weight * intercept_alone(p, p.rows.validation).mean;
    all += weight;
  }
  const Index count = parts.empty() ? 0 : parts.front().problem.space.size();
  return count > 0 && all > 0 ? loss / all / static_cast<double>(count) : 0;
}

Tuned tune_rows(const Assembly& a, const std::vector<Index>& rows, const RowTuning& options) {
  const std::vector<Prepared> parts = parts_among(a, rows);
  const HyperSpace one = problem_with(parts.front(), PenaltyPer::all).space;
  SearchOptions search = search_options(a);
  search.seconds = options.seconds;
  const FoundStart found = search_common(*search_oracle(a, parts, PenaltyPer::all), one, true, search);
  Tuned tuned;
  tuned.common = found.common;
  tuned.cut = found.cut;
  const HyperSpace& many = a.problem.space;
  Vec start = Vec::Constant(many.size(), found.common);
  many.project(start);
  const std::shared_ptr<const Oracle> oracle = search_oracle(a, parts, a.prepared.model().per);
  const double scale = pull_scale(parts);
  for (const double pull : options.pulls) {
    if (many.size() < 2 || tuned.cut) {
      tuned.theta.push_back(start);
      continue;
    }
    LbfgsOuter optimizer;
    DriverOptions driver;
    driver.max_steps = options.steps;
    driver.tolerance = options.tolerance;
    const Summary s = solve(driver, many, *pulled_oracle(oracle, many, {pull, scale}), optimizer, start, {}, search.interrupted);
    tuned.cut = s.reason == StopReason::interrupted;
    tuned.theta.push_back(s.best.theta.size() > 0 ? s.best.theta : start);
  }
  return tuned;
}

namespace {

/// Losses of the rows of one fold, of each candidate.
struct FoldLosses {
  std::vector<Vec> losses;
  Vec weight;
};

class PullSearch {
public:
  PullSearch(const Assembly& a, std::vector<double> pulls, double seconds) : a_(a), pulls_(std::move(pulls)), seconds_(seconds) {}

  /// Empty where time or a signal ended it.
  std::vector<PullChoice::Candidate> run() {
    const std::vector<std::vector<Index>> folds = row_folds(a_, tuned_rows(a_), kFolds);
    std::vector<FoldLosses> all;
    for (const std::vector<Index>& fold : folds) {
      std::vector<Index> rest;
      for (const std::vector<Index>& other : folds) {
        if (&other != &fold) rest.insert(rest.end(), other.begin(), other.end());
      }
      std::sort(rest.begin(), rest.end());
      RowTuning tuning;
      tuning.pulls = pulls_;
      tuning.seconds = left();
      const Tuned tuned = tune_rows(a_, rest, tuning);
      if (tuned.cut || !(left() > 0)) return {};
      all.push_back(losses_of(fold, rest, tuned));
    }
    return joined(all);
  }

private:
  double left() const { return seconds_ - std::chrono::duration<double>(std::chrono::steady_clock::now() - begun_).count(); }

  FoldLosses losses_of(const std::vector<Index>& fold, const std::vector<Index>& rest, const Tuned& tuned) const {
    const HyperSpace& space = a_.problem.space;
    const Prepared fitted = prepare_again(a_.prepared, rest);
    FoldLosses out;
    out.weight = pick(fitted.weight, fold);
    Vec x = Vec::Zero(fitted.problem.f->inner_dim());
    const auto add = [&](const Vec& theta) {
      x = refit(interruptible(fitted.problem, [asked = a_.interrupter] { return asked->due(); }), natural_values(space, theta), x)
              .x;
      out.losses.push_back(row_losses(fitted, fold, x));
    };
    Vec single = Vec::Constant(space.size(), tuned.common);
    space.project(single);
    add(single);
    for (const Vec& theta : tuned.theta) add(theta);
    return out;
  }

  std::vector<PullChoice::Candidate> joined(const std::vector<FoldLosses>& folds) const {
    std::vector<PullChoice::Candidate> candidates;
    for (std::size_t c = 0; c <= pulls_.size(); ++c) {
      std::vector<double> loss, weight;
      for (const FoldLosses& f : folds) {
        loss.insert(loss.end(), f.losses[c].begin(), f.losses[c].end());
        weight.insert(weight.end(), f.weight.begin(), f.weight.end());
      }
      const auto vector = [](std::vector<double>& v) { return Eigen::Map<const Vec>(v.data(), static_cast<Index>(v.size())); };
      candidates.push_back({c == 0 ? kOne : pulls_[c - 1], mean_loss(vector(loss), vector(weight))});
    }
    return candidates;
  }

  const Assembly& a_;
  std::vector<double> pulls_;
  double seconds_;
  std::chrono::steady_clock::time_point begun_ = std::chrono::steady_clock::now();
};

PullChoice none(std::string why) {
  PullChoice choice;
  choice.why = std::move(why);
  return choice;
}

}  // namespace

PullChoice choose_pull(const Assembly& a) {
  PullChoice choice;
  const Index count = a.problem.space.size();
  if (count < 2) return choice;
  if (a.config.penalty().pull) {
    choice.value = *a.config.penalty().pull;
    return choice;
  }
  if (a.problem.response == Response::iterate) return none("0, since the iterate is meant, not the solution");
  if (cells(a.prepared) * static_cast<double>(count) > kMostWork)
    return none("0, since on data of this size the choice would take too long");
  const auto limit = a.config.limits.time.seconds;
  const double seconds = limit ? kShareOfTime * *limit : std::numeric_limits<double>::infinity();
  a.interrupter->limit(seconds);
  try {
    choice.candidates = PullSearch(a, {1, 0.1, 0.01, 0}, seconds).run();
  } catch (const Interruption&) {
  }
  a.interrupter->limit(std::numeric_limits<double>::infinity());
  if (choice.candidates.empty()) return none("0, since the choice was ended before its folds were done");
  // The first of equal ones: the one that leaves least freedom.
  const auto best = std::min_element(choice.candidates.begin(), choice.candidates.end(),
                                     [](const auto& x, const auto& y) { return x.loss.mean < y.loss.mean; });
  choice.value = best->pull;
  choice.why = (std::isinf(best->pull) ? std::string("one penalty for all") : short_number(best->pull)) +
               ", the best of one penalty, 1, 0.1, 0.01 and 0 on " + std::to_string(kFolds) +
               " folds of the rows that do not test";
  return choice;
}

}  // namespace tacit
