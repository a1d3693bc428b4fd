// The parts of `tacit tune` that other verbs share.
#pragma once
#include <functional>
#include <optional>

#include <tacit/bilevel/refit.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verbs.hpp>
#include <tacit/problems/models/fitted_model.hpp>
#include <tacit/problems/models/held_out.hpp>
#include <tacit/problems/models/scores.hpp>

namespace tacit {

/// The run file of a command line with its overrides; prints the notice for a missing argument. Throws RunFileError, UsageError.
RunConfig load_config(const CommandLine& line, const Strategies& strategies);

/// What ended for a numerical reason (E401); `where`: more to look at.
Issue failure_issue(const Assembly& a, const std::string& message, const std::string& where = "");

/// The final model: refitted on training and validation rows (outer.refit) to rounding, or by the steps of the run where the
/// iterate is meant; or the tuned one.
struct FinalFit {
  Prepared prepared;           ///< its training rows are those of the fit
  Vec x;                       ///< scaled, intercept last when there is one
  std::optional<Refit> solve;  ///< how the refit went
  FittedModel model;
  Vec l2;  ///< one, or one per feature
  double weight_sum = 0, sd_y = 0;
};
/// What fits near a point of the run begin with: the point, whose solvers may have kept f_xx, and when to end.
struct Nearby {
  const Evaluation& point;
  std::function<bool()> stop{};  ///< asked during fits; Interruption is thrown where it says yes
};
/// The solutions of the parts of the validation at u, each from x of the part.
std::vector<Vec> fits_of_parts(const Assembly& a, In u, const std::vector<Vec>& x, const Nearby& near);
/// The fit of a problem of the run at u: its solution to rounding, from x, or, where the run means the iterate, the steps of its
/// solver from its start. part: of the point that is near.
Refit fit_of(const Assembly& a, Problem problem, In u, In x, const Nearby& near, std::size_t part);
FinalFit final_fit(const Assembly& a, In u, In x_tuned, const Nearby& near);
/// The tuned model as it is, whatever outer.refit says; of folds that of the first, whose x_tuned is.
FinalFit unrefitted(const Assembly& a, In u, In x_tuned);

}  // namespace tacit
