// The outer loss along one value for all penalties, and along a common factor on many: which penalty is as good as the best.
#pragma once
#include <functional>
#include <limits>
#include <vector>

#include <tacit/bilevel/oracle.hpp>
#include <tacit/core/model/model.hpp>

namespace tacit::inline TACIT_ABI {

/// The standard error of an evaluation's value, in its unit; NaN where it is not known.
using LossDeviation = std::function<double(const Evaluation&)>;

/// One value for all penalties, and the outer loss there; infinite where it is no number.
struct PathPoint {
  double theta = kMissing, value = kMissing, standard_error = kMissing;
};

struct PathOptions {
  Index points = 50;                                         ///< with those that are there already
  double seconds = std::numeric_limits<double>::infinity();  ///< after which nothing new is begun
  /// Asked between evaluations; an oracle that throws Interruption in the middle of one is heard alike.
  std::function<bool()> interrupted{};
  LossDeviation deviation{};  ///< empty: standard errors stay missing
};

struct CommonPath {
  std::vector<PathPoint> points;  ///< ascending in theta
  Index evaluations = 0;          ///< of the oracle, each one solve of the inner problem without a hypergradient
  bool cut = false;               ///< ended before all points were there
};

/// Adds points to a path until it has as many as asked, at a cost of one evaluation a point: the widest gap is halved first, one
/// that is d decades further than two from the lowest point counting as 1 + d times narrower, so that the two decades on either
/// side of it are equally dense. Each point is solved from the one above it. Throws UsageError for a space of more than one entry
/// and a path of fewer than two points.
TACIT_EXPORT CommonPath refine_path(const Oracle& oracle, const HyperSpace& one, std::vector<PathPoint> path,
                                    const PathOptions& options = {});

/// ln c of a factor on all penalties, and the outer loss there where it is known already.
struct FactorPoint {
  double log_factor = 0, value = kMissing;
};
/// The factors from theta0 up to the end of the box along a path: of one penalty, theta0 being on it, with the path's values
/// (known), of many without, and on in steps of 3/4 of a decade until the last of them is at the upper end of its range.
TACIT_EXPORT std::vector<FactorPoint> factors_along(const std::vector<PathPoint>& path, double common, In theta0,
                                                    const HyperSpace& space);

/// The one-standard-error rule (Breiman et al. 1984) along a factor on all penalties.
struct OneStandardError {
  double factor = 1;        ///< c
  Evaluation at;            ///< at c u_best; `best` itself where c is 1
  double limit = kMissing;  ///< loss of the best plus its standard error; NaN: not known, and c is 1
  bool edge = false;        ///< the largest factor of the box is within the limit: every penalty is at its upper end
  bool cut = false;         ///< ended early: there may be a larger factor
  Index evaluations = 0;
};

/// The largest c >= 1 with loss(c u_best) <= loss(u_best) + standard error, entries clamped at their upper ends: the largest of
/// the factors that is within, also where the loss was higher in between, then bisection towards the next one to 1 % of c.
/// best: an evaluation of this oracle; factors ascending, above 1; each is solved from the one before. Throws UsageError for a
/// space that is not on log scales.
TACIT_EXPORT OneStandardError one_standard_error(const Oracle& oracle, const HyperSpace& space, const Evaluation& best,
                                                 double standard_error, const std::vector<FactorPoint>& factors,
                                                 const PathOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
