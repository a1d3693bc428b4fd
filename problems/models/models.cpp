#include <tacit/problems/models/models.hpp>

#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/models/criteria.hpp>
#include <tacit/problems/models/penalties.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

Vec or_ones(const Vec& weights, Index rows) { return weights.size() == 0 ? Vec(Vec::Ones(rows)) : weights; }

void check_parts(const ModelParts& parts, const ModelOptions& options) {
  const Index d = parts.train.features();
  if (parts.train.intercept() || parts.validation.intercept())
    throw UsageError("the designs of a model come without an intercept; set the option intercept instead", "model.intercept");
  if (parts.train.rows() == 0) throw UsageError("a model needs training rows, got none");
  if (parts.validation.rows() > 0 && parts.validation.features() != d)
    throw UsageError("the training rows have " + std::to_string(d) + " features, the validation rows " +
                     std::to_string(parts.validation.features()));
  if (!parts.feature_names.empty() && static_cast<Index>(parts.feature_names.size()) != d)
    throw UsageError(std::to_string(d) + " features have " + std::to_string(parts.feature_names.size()) + " names");
  if (options.per == PenaltyPer::group && parts.groups.empty())
    throw UsageError("a penalty per group needs groups of features: give data.feature_groups", "hyper.l2.per");
}

Penalty make_penalty(const ModelParts& parts, const ModelOptions& options) {
  const Index d = parts.train.features();
  if (options.fixed) return fixed_penalty(d, options.intercept, *options.fixed);
  switch (options.per) {
    case PenaltyPer::all:
      return one_penalty(d, options.intercept);
    case PenaltyPer::feature:
      return penalty_per_feature(d, options.intercept);
    case PenaltyPer::group:
      return penalty_per_group(d, options.intercept, parts.groups);
  }
  throw UsageError("unknown grouping of the penalties", "hyper.l2.per");
}

std::vector<std::string> labels(const ModelParts& parts, PenaltyPer per) {
  if (per == PenaltyPer::feature) return parts.feature_names;
  std::vector<std::string> names;
  if (per == PenaltyPer::group) {
    for (const FeatureGroup& g : parts.groups) names.push_back(g.name);
  }
  return names;
}

}  // namespace

L2Range default_l2_range(const LinearModel& model) {
  const Design& train = model.design();
  const ColumnMoments& m = model.column_moments();
  const Vec& spread = train.intercept() ? m.deviation : m.rms;
  double mean = 0, largest = 0, least_size = std::numeric_limits<double>::infinity();
  Index used = 0;
  for (Index j = 0; j < train.features(); ++j) {
    if (!(spread[j] > 0)) continue;
    ++used;
    mean += spread[j] * spread[j];
    largest = std::max(largest, spread[j]);
    least_size = std::min(least_size, std::max(m.size[j], spread[j]));
  }
  if (used == 0) return {1e-6, 1e3};
  // A constant column is one of the model; an empty sparse one is a name that no row has.
  const double columns = static_cast<double>(train.sparse() ? used : train.features());
  const double unit = model.loss().curvature_bound() * model.row_weights().sum(), most = 1e300;
  if (!std::isfinite(unit))
    throw UsageError(
        "no range of the penalties can be proposed: the curvature bound of the loss is not known; give "
        "ModelOptions::lower and upper, or LossFacts::curvature_bound");
  const double lower = unit * std::min(mean / columns, least_size * least_size);
  return {std::clamp(1e-6 * lower, 1 / most, most), std::clamp(1e3 * unit * largest * largest, 1 / most, most)};
}

Vec row_weights(In weights, Index rows, Reduction reduction) {
  Vec s = or_ones(weights, rows);
  if (s.size() != rows)
    throw UsageError(std::to_string(rows) + " rows have " + std::to_string(s.size()) + " weights", "data.weight");
  if (!s.allFinite() || (s.array() < 0).any() || !(s.sum() > 0))
    throw UsageError("row weights must be finite, not negative, and not all zero", "data.weight");
  if (reduction == Reduction::mean) s /= s.sum();
  return s;
}

Problem linear_problem(std::shared_ptr<const Loss> phi, const ModelParts& parts, const ModelOptions& options) {
  check_parts(parts, options);
  const auto columns = [&](const Design& a) { return options.intercept ? a.with_intercept() : a; };
  const Design train = columns(parts.train);
  const Vec s = row_weights(parts.weights, train.rows(), options.reduction);
  Penalty penalty = make_penalty(parts, options);
  const Index m = penalty.outer_dim();
  Problem problem;
  const auto model = std::make_shared<const LinearModel>(train, phi, parts.y, s, std::move(penalty));
  problem.f = model;
  if (options.outer_loss) {
    if (const std::string wrong = options.outer_loss->check(parts.y); !wrong.empty())
      throw UsageError("the outer loss is of another kind of target: " + wrong, "validation.loss");
  }
  if (parts.validation.rows() > 0)
    problem.l = std::make_shared<HoldoutLoss>(columns(parts.validation), options.outer_loss ? options.outer_loss : phi,
                                              parts.validation_y, or_ones(parts.validation_weights, parts.validation.rows()));
  if (m > 0) {
    L2Range range{options.lower.value_or(0), options.upper.value_or(0)};
    if (!options.lower || !options.upper) {
      const L2Range usual = default_l2_range(*model);
      range = {options.lower.value_or(usual.lower), options.upper.value_or(usual.upper)};
    }
    problem.space = HyperSpace({{"l2", m, Scale::log, range.lower, range.upper, labels(parts, options.per)}});
  }
  return problem;
}

}  // namespace tacit::inline TACIT_ABI
