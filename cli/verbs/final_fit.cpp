// The model that a run leaves behind.
#include <tacit/bilevel/sum.hpp>
#include <tacit/cli/model/elsewhere.hpp>
#include <tacit/cli/verbs/tune.hpp>

namespace tacit {

namespace {

/// What is known of a fit once its coefficients are.
FinalFit complete(FinalFit f, In u) {
  const Vec y = pick(f.prepared.y, f.prepared.rows.train), weight = pick(f.prepared.weight, f.prepared.rows.train);
  f.model = fitted_model(f.prepared, u, f.x);
  f.l2 = penalty_of_features(f.prepared, u);
  f.weight_sum = weight.sum();
  f.sd_y = weighted_sd(y, weight, f.prepared.model().intercept);
  return f;
}

FinalFit tuned(const Assembly& a, In x_tuned) {
  FinalFit f;
  f.prepared = a.validation.parts.front();
  f.x = x_tuned;
  return f;
}

}  // namespace

Refit fit_of(const Assembly& a, Problem problem, In u, In x, const Nearby& near, std::size_t part) {
  problem.response = a.problem.response;
  problem.start = a.problem.start;
  problem = of_run(std::move(problem), a, near.stop);
  if (problem.response == Response::iterate) return refit_iterate(problem, u, *a.method.solver);
  return refit(problem, u, x, solution_of(near.point, part));
}

std::vector<Vec> fits_of_parts(const Assembly& a, In u, const std::vector<Vec>& x, const Nearby& near) {
  std::vector<Vec> fits(a.validation.parts.size());
  run_parallel(fits.size(), threads_beside(a, fits.size()),
               [&](std::size_t k) { fits[k] = fit_of(a, a.validation.parts[k].problem, u, x[k], near, k).x; });
  return fits;
}

FinalFit unrefitted(const Assembly& a, In u, In x_tuned) { return complete(tuned(a, x_tuned), u); }

FinalFit final_fit(const Assembly& a, In u, In x_tuned, const Nearby& near) {
  FinalFit f = tuned(a, x_tuned);
  if (a.config.outer.refit) {
    f.prepared = prepare_again(a.prepared, rows_of_refit(a.prepared.rows));
    f.prepared.problem.name = a.prepared.problem.name;
    Refit solved = fit_of(a, f.prepared.problem, u, x_tuned, near, 0);
    f.x = solved.x;
    f.solve = std::move(solved);
  }
  return complete(std::move(f), u);
}

}  // namespace tacit
