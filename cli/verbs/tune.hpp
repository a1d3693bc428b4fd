// The parts of `tacit tune` that other verbs share.
#pragma once
#include <tacit/cli/model/metrics.hpp>
#include <tacit/cli/model/model_file.hpp>
#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/cli/verbs/verbs.hpp>

namespace tacit {

/// The run file of a command line with its overrides; prints the notice for a missing argument. Throws RunFileError, UsageError.
RunConfig load_config(const CommandLine& line, const Strategies& strategies);

/// How well the coefficients x (scaled, intercept last when there is one) do on some rows.
struct Score {
  MeanLoss loss;
  NamedValues metrics;
};
Score score(const Assembly& a, const std::vector<Index>& rows, const Scaling& scaling, In x);
/// Mean loss on the validation rows of the best constant prediction of the training rows.
MeanLoss intercept_alone(const Assembly& a);

/// The final model: refitted on training and validation rows to rounding (refit), or the tuned one.
struct FinalFit {
  FittedModel model;
  Scaling scaling;
  Vec x;
  std::vector<Index> rows;
  double weight_sum = 0;
  double sd_y = 0;
  Vec l2;  ///< one, or one per feature
};
FinalFit final_fit(Assembly& a, In u, In x_tuned);

}  // namespace tacit
