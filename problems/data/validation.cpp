#include <tacit/problems/data/validation.hpp>

#include <algorithm>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

Validation hold_out(Prepared prepared) {
  Validation v;
  v.parts.push_back(std::move(prepared));
  v.names = {"validation"};
  v.weight = {1};
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
  for (std::size_t k = 0; k < folds.parts.size(); ++k) {
    try {
      v.parts.push_back(prepare_problem(whole.data, folds.parts[k], choices));
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
