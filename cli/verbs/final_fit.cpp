// The model that a run leaves behind.
#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

FinalFit final_fit(const Assembly& a, In u, In x_tuned) {
  FinalFit f;
  f.prepared = a.prepared;
  f.x = x_tuned;
  if (a.config.outer.refit) {
    f.prepared = prepare_again(a.prepared, rows_of_refit(a.prepared.rows));
    f.prepared.problem.name = a.prepared.problem.name;
    Refit solved = refit(f.prepared.problem, u, x_tuned);
    f.x = solved.x;
    f.solve = std::move(solved);
  }
  const Vec y = pick(f.prepared.y, f.prepared.rows.train), weight = pick(f.prepared.weight, f.prepared.rows.train);
  f.model = fitted_model(f.prepared, u, f.x);
  f.l2 = penalty_of_features(f.prepared, u);
  f.weight_sum = weight.sum();
  f.sd_y = weighted_sd(y, weight, f.prepared.model().intercept);
  return f;
}

}  // namespace tacit
