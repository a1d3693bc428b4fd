#include <tacit/problems/data/validation.hpp>

#include <algorithm>
#include <iterator>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// Has one of these rows a cell that is filled, and with what the training rows of a part say?
bool any_filled(const Dataset& data, const std::vector<Index>& rows) {
  return std::any_of(data.missing.begin(), data.missing.end(),
                     [&](const MissingCell& cell) { return std::binary_search(rows.begin(), rows.end(), cell.row); });
}

/// Rows that train in every part of a draw.
std::vector<Index> never_held_out(const std::vector<Index>& all, const std::vector<std::vector<Index>>& held_out) {
  std::vector<Index> held;
  for (const auto& rows : held_out) held.insert(held.end(), rows.begin(), rows.end());
  std::sort(held.begin(), held.end());
  std::vector<Index> left;
  std::set_difference(all.begin(), all.end(), held.begin(), held.end(), std::back_inserter(left));
  return left;
}

/// Of the parts of one draw, from the moments of the rows that each holds out, and of those which train in all. A set with cells
/// to fill has none: what fills them differs from part to part. So no row has a say in how a part that holds it out is fitted.
std::vector<PartMoments> moments_of_draw(const Prepared& whole, std::vector<std::vector<Index>> sets) {
  const std::size_t parts = sets.size();
  sets.push_back(never_held_out(whole.rows.train, sets));
  const Design x = design_of(std::shared_ptr<const Features>(whole.data, &whole.data->x));
  std::vector<RowMoments> moments;
  std::vector<bool> filled;
  for (const auto& rows : sets) {
    filled.push_back(any_filled(*whole.data, rows));
    moments.push_back(filled.back() || rows.empty()
                          ? RowMoments{}
                          : row_moments(x.row_list(rows), pick(whole.y, rows), pick(whole.weight, rows)));
  }
  std::vector<RowMoments> others = all_but_one(moments);
  const auto all_filled = std::count(filled.begin(), filled.end(), true);
  std::vector<PartMoments> out(parts);
  for (std::size_t k = 0; k < parts; ++k) {
    out[k].validation = std::move(moments[k]);
    if (all_filled == (filled[k] ? 1 : 0)) out[k].training = std::move(others[k]);
  }
  return out;
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
    throw UsageError("leave-one-out and generalized cross-validation in closed form judge by squares; use validation.scheme=kfold "
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
      std::vector<std::vector<Index>> sets;
      for (std::size_t i = 0; i < folds_of_draw; ++i) sets.push_back(folds.parts[k + i].validation);
      of_draw = moments_of_draw(whole, std::move(sets));
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
