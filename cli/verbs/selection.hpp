// Around the best point of a run: the path over a common penalty, and the strongest penalties that are as good as the best.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/assembly.hpp>
#include <tacit/problems/models/metrics.hpp>

namespace tacit {

/// Few enough numbers for what costs many exact solves: cells times the smaller of rows and features, 200 at most, up to 2e7.
bool quickly_solved(const Prepared& prepared);

/// Point c u of the one-standard-error rule.
struct OneSe {
  Vec theta;
  double factor = 1;  ///< c
  MeanLoss loss;
  bool edge = false;                       ///< the end of the box
  MeanLoss best_gain{kMissing, kMissing};  ///< of the best point over it, in paired differences; not known where it is that
};

/// The path over the common penalty that found the start, refined to 50 points where the problem is quickly solved, with standard
/// errors; and one-se of the best point.
struct Selection {
  std::vector<PathPoint> path;  ///< ascending
  std::vector<std::string> features;
  Mat coefficients;  ///< points x features, original scale, of the fits on all rows that do not test; may be empty
  MeanLoss best;     ///< of the exact solution at the best point
  std::optional<OneSe> one_se;
  Index evaluations = 0;  ///< of the outer loss, for the refinement and the rule
  bool cut = false;       ///< time ended the refinement or the rule
  /// l2, outer_loss, standard_error, coefficient[NAME]...
  std::string path_csv() const;
};

/// At most 50 solves of the parts for the path, as many again for the rule of many penalties, and 50 fits for the coefficients of
/// the 30 features that are largest in `effect` (of all features: coefficient times the deviation of its column, so that units do
/// not matter). tuned: the best point of the run, by its own oracle. stop: asked between and in the middle of them.
Selection select_around(const Assembly& a, const Evaluation& tuned, const std::function<bool()>& stop);
void add_coefficients(Selection& selection, const Assembly& a, In effect, const std::function<bool()>& stop);

/// The standard error of the outer loss over the rows that are held out, of the solutions that an oracle of the search has.
LossDeviation deviation_of(const Assembly& a, bool iterates);

/// outer.metric of the rows that the parts hold out, as a number of which lower is better; empty where the loss decides.
std::function<double(const Evaluation&)> judge_of(const Assembly& a);

}  // namespace tacit
