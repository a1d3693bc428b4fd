#include <tacit/problems/data/validation.hpp>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// Of ascending rows those that are not among the others.
std::vector<Index> rows_without(const std::vector<Index>& rows, const std::vector<Index>& others) {
  std::vector<Index> left;
  std::set_difference(rows.begin(), rows.end(), others.begin(), others.end(), std::back_inserter(left));
  return left;
}

/// The rows that train in no part, part by part, and last those which train in all; empty where two parts leave the same row out,
/// or one trains on a row that `whole` does not have: then their moments are no sums of such sets.
std::vector<std::vector<Index>> sets_of_draw(const Prepared& whole, const std::vector<Split>& parts) {
  std::vector<std::vector<Index>> sets;
  std::vector<Index> left_out;
  for (const Split& part : parts) {
    sets.push_back(rows_without(whole.rows.train, part.train));
    if (sets.back().size() + part.train.size() != whole.rows.train.size()) return {};
    left_out.insert(left_out.end(), sets.back().begin(), sets.back().end());
  }
  std::sort(left_out.begin(), left_out.end());
  if (std::adjacent_find(left_out.begin(), left_out.end()) != left_out.end()) return {};
  sets.push_back(rows_without(whole.rows.train, left_out));
  return sets;
}

/// Of the parts of one draw, from the moments of the rows that each leaves out, and of those which train in all. A set with cells
/// to fill has none, since what fills them differs from part to part; nor one whose squares leave double precision. So no row has
/// a say in how a part that leaves it out is fitted.
std::vector<PartMoments> moments_of_draw(const Prepared& whole, const std::vector<Split>& parts) {
  std::vector<PartMoments> out(parts.size());
  const std::vector<std::vector<Index>> sets = sets_of_draw(whole, parts);
  if (sets.empty()) return out;
  std::vector<RowMoments> moments;
  std::vector<bool> none;
  for (const auto& rows : sets) {
    moments.push_back(moments_of_rows(whole, rows));
    none.push_back(!(moments.back().weight > 0) && pick(whole.weight, rows).sum() > 0);
  }
  std::vector<RowMoments> others = all_but_one(moments);
  const auto without = std::count(none.begin(), none.end(), true);
  for (std::size_t k = 0; k < parts.size(); ++k) {
    // Rows may be kept aside from those that validate (outer.patience).
    out[k].validation = parts[k].validation == sets[k] ? std::move(moments[k]) : moments_of_rows(whole, parts[k].validation);
    if (without == (none[k] ? 1 : 0) && others[k].holds_squares()) out[k].training = std::move(others[k]);
  }
  return out;
}

/// Of all rows of `whole`, from those of a part; null where they are not known.
std::shared_ptr<const PartMoments> moments_of_whole(const Prepared& whole, const Split& part, const PartMoments& moments) {
  const bool all = part.train.size() + part.validation.size() == whole.rows.train.size();
  if (!all || !(moments.training.weight > 0 && moments.validation.weight > 0)) return nullptr;
  RowMoments merged_rows = merged(moments.training, moments.validation);
  if (!merged_rows.holds_squares()) return nullptr;
  return std::make_shared<const PartMoments>(PartMoments{std::move(merged_rows), {}});
}

/// Do the folds of this model go through moments? Ridge regression, where they pay.
bool by_moments(const Prepared& whole, const Folds& folds) {
  const LinearModel* f = whole.problem.f->linear();
  if (!f || !f->quadratic()) return false;
  // Raw and scaled, of the held-out and of the training rows of each part of a draw, and those of the parts of other draws.
  return moments_pay(f->design(), folds.parts.size() * 2 + static_cast<std::size_t>(folds.folds) * 2 + 2);
}

}  // namespace

Validation hold_out(Prepared prepared) {
  Validation v;
  v.parts.push_back(std::move(prepared));
  v.names = {"validation"};
  v.weight = {1};
  return v;
}

Validation row_scored(const Prepared& whole, RowScore score) {
  if (whole.model().outer_loss)
    throw UsageError(
        "leave-one-out and generalized cross-validation in closed form judge by squares; use validation.scheme=kfold "
        "for another validation.loss",
        "validation.loss");
  Validation v = hold_out(whole);
  Prepared& part = v.parts.front();
  part.rows.validation = part.rows.train;
  part.row_score = row_score_loss(whole.problem, score, whole.model().reduction);
  part.problem = row_score_problem(whole.problem, part.row_score);
  v.names = {score == RowScore::gcv ? "generalized cross-validation" : "leave-one-out"};
  return v;
}

Split rows_of_folds(const Folds& folds) {
  Split all = folds.parts.front();
  all.train = rows_of_refit(all);
  all.validation.clear();
  return all;
}

Validation cross_validation(const Prepared& whole, const Folds& folds) {
  Validation v;
  v.folds = folds.folds;
  v.repeats = folds.repeats;
  v.names = folds.names;
  PrepareChoices choices = whole.choices;
  if (!whole.problem.space.blocks().empty()) {
    choices.model.lower = whole.problem.space.blocks().front().lower;
    choices.model.upper = whole.problem.space.blocks().front().upper;
  }
  double total = 0;
  const auto folds_of_draw = static_cast<std::size_t>(folds.folds);
  const bool moments = by_moments(whole, folds);
  std::vector<PartMoments> of_draw;
  for (std::size_t k = 0; k < folds.parts.size(); ++k) {
    if (moments && k % folds_of_draw == 0) {
      const auto first = folds.parts.begin() + static_cast<std::ptrdiff_t>(k);
      of_draw = moments_of_draw(whole, std::vector<Split>(first, first + static_cast<std::ptrdiff_t>(folds_of_draw)));
      if (k == 0) v.raw_moments = moments_of_whole(whole, folds.parts.front(), of_draw.front());
    }
    try {
      v.parts.push_back(prepare_problem(whole.data, folds.parts[k], choices, moments ? &of_draw[k % folds_of_draw] : nullptr));
    } catch (const DataError& e) {
      throw DataError(e.code(), folds.names[k] + ": " + e.what(), e.where(), e.remedy(), e.source_line());
    }
    v.weight.push_back(pick(v.parts.back().weight, folds.parts[k].validation).sum());
    total += v.weight.back();
  }
  for (double& w : v.weight) w /= total;
  return v;
}

}  // namespace tacit::inline TACIT_ABI
