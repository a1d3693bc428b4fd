#include <tacit/cli/verbs/tuning.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <iterator>

#include <tacit/bilevel/optimizers.hpp>
#include <tacit/bilevel/refit.hpp>
#include <tacit/bilevel/start_search.hpp>
#include <tacit/core/model/interrupt.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/models/held_out.hpp>
#include <tacit/problems/models/scores.hpp>

namespace tacit {

namespace {

constexpr double kOne = std::numeric_limits<double>::infinity();
constexpr Index kFolds = 3;
constexpr double kShareOfTime = 0.2;  // of limits.time
constexpr double kMostWork = 3e8;     // cells times penalties from which on the choice would take minutes

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

Folds folds_among(const Assembly& a, const std::vector<Index>& rows, Index count) {
  SplitMix64 random(static_cast<std::uint64_t>(a.config.seed));
  const std::vector<Index> classes = classes_of(a);
  const DrawBy by{classes, a.prepared.data->group};
  std::vector<std::vector<Index>> held_out;
  std::vector<Index> left = rows;
  for (Index k = count; k > 1; --k) held_out.push_back(draw_rows(left, 1.0 / static_cast<double>(k), by, random));
  held_out.push_back(std::move(left));
  Folds folds;
  folds.folds = count;
  for (std::size_t k = 0; k < held_out.size(); ++k) {
    Split part;
    part.validation = held_out[k];
    std::set_difference(rows.begin(), rows.end(), part.validation.begin(), part.validation.end(), std::back_inserter(part.train));
    folds.parts.push_back(std::move(part));
    folds.names.push_back("fold " + std::to_string(k + 1));
  }
  return folds;
}

Validation validation_among(const Assembly& a, const std::vector<Index>& rows) {
  const Prepared whole = prepare_again(a.prepared, rows);
  if (!a.validation.holdout()) return cross_validation(whole, folds_among(a, rows, a.validation.folds));
  const double share = static_cast<double>(a.prepared.rows.validation.size()) / static_cast<double>(tuned_rows(a).size());
  SplitMix64 random(static_cast<std::uint64_t>(a.config.seed));
  const std::vector<Index> classes = classes_of(a);
  Folds one;
  one.folds = 1;
  one.names = {"validation"};
  one.parts.resize(1);
  one.parts[0].train = rows;
  one.parts[0].validation = draw_rows(one.parts[0].train, share, {classes, a.prepared.data->group}, random);
  return cross_validation(whole, one);
}

double pull_scale(const Validation& validation) {
  const HeldOut constant = held_out_constant(validation);
  const Index count = validation.parts.front().problem.space.size();
  return count > 0 ? mean_loss(validation, constant, row_losses(validation, constant)).mean / static_cast<double>(count) : 0;
}

Tuned tune_rows(const Assembly& a, const std::vector<Index>& rows, const RowTuning& options) {
  const Validation validation = validation_among(a, rows);
  const HyperSpace one = problem_with(validation.parts.front(), PenaltyPer::all).space;
  SearchOptions search = search_options(a);
  search.seconds = options.seconds;
  const FoundStart found = search_common(*search_oracle(a, validation, PenaltyPer::all), one, true, search);
  Tuned tuned;
  tuned.common = found.common;
  tuned.cut = found.cut;
  const HyperSpace& many = a.problem.space;
  Vec start = Vec::Constant(many.size(), found.common);
  many.project(start);
  const std::shared_ptr<const Oracle> oracle = search_oracle(a, validation, a.prepared.model().per);
  const double scale = pull_scale(validation);
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
    std::vector<FoldLosses> all;
    for (const Split& fold : folds_among(a_, tuned_rows(a_), kFolds).parts) {
      RowTuning tuning;
      tuning.pulls = pulls_;
      tuning.seconds = left();
      const Tuned tuned = tune_rows(a_, fold.train, tuning);
      if (tuned.cut || !(left() > 0)) return {};
      all.push_back(losses_of(fold.validation, fold.train, tuned));
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
