#include <tacit/problems/data/prepare.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

void weigh_classes(Prepared& p) {
  const ClassWeights& w = p.choices.class_weight;
  if (p.labels.empty() || (!w.balanced && w.weights.empty())) return;
  double side[2] = {1, 1};
  if (w.balanced) {
    double total[2] = {0, 0};
    for (const Index i : p.rows.train) total[p.y[i] > 0] += p.weight[i];
    for (int k = 0; k < 2; ++k) side[k] = (total[0] + total[1]) / (2 * total[k]);
  }
  for (const auto& [label, value] : w.weights) {
    const auto at = std::find(p.labels.begin(), p.labels.end(), label);
    if (at == p.labels.end()) throw UsageError(unknown_name("class", label, p.labels), "model.class_weight");
    side[at - p.labels.begin()] = value;
  }
  for (Index i = 0; i < p.y.size(); ++i) p.weight[i] *= side[p.y[i] > 0];
  p.class_weights = {{p.labels[0], side[0]}, {p.labels[1], side[1]}};
}

constexpr double kLargest = 1e100, kSmallest = 1e-100, kLeastScale = 1e-305;

std::string too_far(const std::string& what, double size) {
  return what + " holds numbers of size " + short_number(size) + ", whose squares double precision " +
         (size > 1 ? "cannot hold" : "takes for 0");
}

/// Sums of squares must not overflow, and those of the target not vanish. A raw column that is as small merely counts for
/// nothing.
void require_workable(const Prepared& p) {
  const SourceLocation file{p.data->files.empty() ? "" : p.data->files.front().path, 0, 0};
  if (p.labels.empty() && p.y.size() > 0) {
    const double largest = p.y.cwiseAbs().maxCoeff();
    if (largest > kLargest || (largest > 0 && largest < kSmallest))
      throw DataError("D124", too_far("the target '" + p.data->encoder.target + "'", largest), file,
                      "give the target in another unit (divide it by " + short_number(largest) + ")");
  }
  const std::vector<std::string>& names = p.data->feature_names;
  const auto column = [&](Index j) { return "the column '" + names[static_cast<std::size_t>(j)] + "'"; };
  if (p.scaling.active()) {
    for (Index j = 0; j < p.scaling.scale.size(); ++j) {
      if (p.scaling.scale[j] < kLeastScale)
        throw DataError("D124", too_far(column(j), p.scaling.scale[j]), file, "give the column in another unit");
    }
  }
  Vec largest = Vec::Zero(p.x->cols());
  if (p.x->sparse) {
    for (Index i = 0; i < p.x->rows(); ++i) {
      for (CsrMatrix::InnerIterator a(p.x->csr, i); a; ++a) largest[a.col()] = std::max(largest[a.col()], std::abs(a.value()));
    }
  } else {
    RowCursor rows(dense_rows(p.x));
    for (Index i = 0; i < p.x->rows(); ++i)
      largest = largest.cwiseMax(Eigen::Map<const Vec>(rows.row(i), largest.size()).cwiseAbs());
  }
  // Rows that do not train can lie far beyond those that do, which standardization has brought to size 1.
  if (p.scaling.active()) largest = largest.cwiseQuotient(p.scaling.scale);
  for (Index j = 0; j < largest.size(); ++j) {
    if (largest[j] > kLargest)
      throw DataError("D124", too_far(column(j), largest[j]), file,
                      std::string(p.x->sparse || p.scaling.active() ? "" : "use prepare.standardize=true, or ") +
                          "give the column in another unit");
  }
}

ColumnMoments training_moments(const Prepared& p) {
  const Vec weight = pick(p.weight, p.rows.train);
  if (!(weight.size() > 0 && weight.maxCoeff() > 0))
    throw UsageError("columns cannot be centred or standardized: no training row has a positive weight", "prepare.standardize");
  return design_of(p.x).row_list(p.rows.train).column_moments(weight);
}

/// Takes the means of columns off that are `far` or constant, in a copy, and returns what was taken; empty: nothing. The
/// intercept takes it up, or the shift of their standardization: without either a column is another one when it is moved.
Vec centre(Prepared& p, const ColumnMoments& moments, double far) {
  if (!p.model().intercept && !(p.scaling.active() && !p.x->sparse)) return {};
  Vec taken = far_means(moments, far);
  if (taken.size() > 0) p.x = less_centre(*p.x, taken);
  return taken;
}

/// Centre and scaling of the training rows, by their moments where these are known.
void fit_columns(Prepared& p, const RowMoments* known) {
  const ColumnMoments moments = known ? known->column_moments() : training_moments(p);
  p.scaling = fit_scaling(moments, *p.x, p.choices.standardize);
  Vec taken = centre(p, moments, kFarMean);
  if (taken.size() == 0) return;
  const ColumnMoments centred = known ? standardized(*known, Vec(), Vec(), taken).column_moments() : training_moments(p);
  p.scaling = fit_scaling(centred, *p.x, p.choices.standardize);
  p.scaling.centre = std::move(taken);
}

/// The options of its model with the range that its problem has.
ModelOptions range_of(const Prepared& p) {
  ModelOptions options = p.model();
  if (p.problem.space.blocks().empty()) return options;
  options.lower = p.problem.space.blocks().front().lower;
  options.upper = p.problem.space.blocks().front().upper;
  return options;
}

Problem make_problem(const Prepared& p, const ModelOptions& options) {
  const Problem through_rows = p.task().make(p.parts(), options);
  if (p.row_score) return row_score_problem(through_rows, row_score_loss(through_rows, p.row_score->score(), options.reduction));
  return p.moments.training || p.moments.validation ? by_moments(through_rows, p.moments) : through_rows;
}

/// What depends on the training rows: fills, centre and scaling of the filled columns, the problem.
void fit_to_rows(Prepared& p, const PartMoments* known, bool many_points = true) {
  Filled filled = fit_fills(*p.data, p.rows.train);
  p.x = filled.x ? std::move(filled.x) : std::shared_ptr<const Features>(p.data, &p.data->x);
  p.encoder = std::move(filled.encoder);
  fit_columns(p, known && known->training.weight > 0 ? &known->training : nullptr);
  require_workable(p);
  if (p.model().per == PenaltyPer::group && p.data->groups.empty())
    throw UsageError("hyper.l2.per=group needs data.feature_groups", "hyper.l2.per");
  const Scaling& s = p.scaling;
  p.moments =
      known ? problem_moments(known->training, known->validation, s.shift, s.scale, s.centre, p.model()) : ProblemMoments{};
  p.moments.many_points = many_points;
  if (p.model().outer_loss) p.moments.validation = nullptr;  // it need not be one of squares
  p.problem = make_problem(p, p.model());
}

/// What is the same for any rows that train: coded target and weights.
Prepared begin(std::shared_ptr<const Dataset> data, Split rows, PrepareChoices choices) {
  if (!data || !choices.task) throw UsageError("a problem is prepared from a data set and a model; one of them is missing");
  Prepared p;
  p.data = std::move(data);
  p.rows = std::move(rows);
  p.choices = std::move(choices);
  CodedTarget coded = p.task().code(*p.data, p.choices.positive);
  p.y = std::move(coded.y);
  p.labels = std::move(coded.labels);
  p.weight = p.data->weight;
  weigh_classes(p);
  return p;
}

Design raw_rows(const Prepared& p, const std::vector<Index>& rows) {
  return design_of(std::shared_ptr<const Features>(p.data, &p.data->x)).row_list(rows);
}

/// Of training and validation rows together, as a final fit takes them; a weight of 0: not known.
PartMoments moments_of_all(const PartMoments& parts, const Split& rows) {
  if (rows.validation.empty()) return {parts.training, {}};
  if (!(parts.training.weight > 0 && parts.validation.weight > 0)) return {};
  RowMoments all = merged(parts.training, parts.validation);
  return all.holds_squares() ? PartMoments{std::move(all), {}} : PartMoments{};
}

}  // namespace

bool any_filled(const Dataset& data, const std::vector<Index>& rows) {
  if (data.missing.empty()) return false;
  std::vector<bool> asked(static_cast<std::size_t>(data.rows()));
  for (const Index i : rows) asked[static_cast<std::size_t>(i)] = true;
  return std::any_of(data.missing.begin(), data.missing.end(),
                     [&](const MissingCell& cell) { return asked[static_cast<std::size_t>(cell.row)]; });
}

RowMoments moments_of_rows(const Prepared& p, const std::vector<Index>& rows) {
  if (rows.empty() || any_filled(*p.data, rows)) return {};
  RowMoments m = row_moments(raw_rows(p, rows), pick(p.y, rows), pick(p.weight, rows));
  return m.holds_squares() ? m : RowMoments{};
}

Design Prepared::design(const std::vector<Index>& which) const {
  Design d = design_of(x).row_list(which);
  if (scaling.active()) d = d.standardized(scaling.shift, scaling.scale);
  return d;
}

Vec Prepared::margins(const std::vector<Index>& which, In coefficients) const {
  Design d = design(which);
  if (model().intercept) d = d.with_intercept();
  Vec z(d.rows());
  d.multiply(coefficients, z);
  return z;
}

Vec Prepared::losses(In target, In margin) const {
  if (!model().outer_loss) return task().losses(target, margin);
  Vec phi(target.size());
  model().outer_loss->evaluate(target.size(), margin.data(), target.data(), phi.data(), nullptr, nullptr);
  return phi;
}

ModelParts Prepared::parts() const {
  ModelParts p;
  p.train = design(rows.train);
  p.y = pick(y, rows.train);
  p.weights = pick(weight, rows.train);
  p.validation = design(rows.validation);
  p.validation_y = pick(y, rows.validation);
  p.validation_weights = pick(weight, rows.validation);
  p.feature_names = data->feature_names;
  p.groups = data->groups;
  return p;
}

std::optional<ScaleRemark> Prepared::scale_remark() const {
  if (scaling.active() && !x->sparse) return std::nullopt;
  return tacit::scale_remark(design(rows.train).column_moments(pick(weight, rows.train)), data->feature_names, x->sparse);
}

std::string Prepared::centre_remark() const {
  return scaling.centre.size() > 0 ? tacit::centre_remark(scaling, training_moments(*this), data->feature_names) : "";
}

std::string Prepared::objective_text() const {
  const ModelOptions& o = model();
  const std::string prediction = o.intercept ? "a_i.w + b" : "a_i.w";
  return std::string(o.reduction == Reduction::mean ? "1/n " : "") + "sum_i " + (weighted() ? "s_i " : "") +
         task().loss_text(prediction) + " + " + (o.per == PenaltyPer::all ? "l2/2 |w|^2" : "sum_j l2_j/2 w_j^2");
}

Vec pick(In values, const std::vector<Index>& rows) {
  Vec out(static_cast<Index>(rows.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) out[static_cast<Index>(i)] = values[rows[i]];
  return out;
}

Split all_rows(Index rows) {
  Split split;
  split.train.resize(static_cast<std::size_t>(rows));
  std::iota(split.train.begin(), split.train.end(), Index{0});
  return split;
}

std::vector<Index> rows_of_refit(const Split& rows) {
  std::vector<Index> all = rows.train;
  all.insert(all.end(), rows.validation.begin(), rows.validation.end());
  std::sort(all.begin(), all.end());
  return all;
}

Prepared prepare_problem(std::shared_ptr<const Dataset> data, Split rows, PrepareChoices choices, const PartMoments* moments) {
  Prepared p = begin(std::move(data), std::move(rows), std::move(choices));
  fit_to_rows(p, moments);
  return p;
}

Prepared prepare_holdout(std::shared_ptr<const Dataset> data, Split rows, PrepareChoices choices) {
  constexpr std::size_t kSets = 6;  // raw and scaled, of training rows, validation rows and both
  Prepared p = begin(std::move(data), std::move(rows), std::move(choices));
  const Design train = raw_rows(p, p.rows.train);
  if (p.task().loss()->quadratic() && train.features() <= MomentModel::kTridiagonalDim && moments_pay(train, kSets))
    p.raw_moments =
        std::make_shared<const PartMoments>(PartMoments{moments_of_rows(p, p.rows.train), moments_of_rows(p, p.rows.validation)});
  fit_to_rows(p, p.raw_moments.get());
  return p;
}

Prepared prepare_again(const Prepared& earlier, std::vector<Index> training_rows) {
  Prepared p = earlier;
  PartMoments all;
  if (earlier.raw_moments && training_rows == rows_of_refit(earlier.rows))
    all = moments_of_all(*earlier.raw_moments, earlier.rows);
  p.raw_moments.reset();
  p.rows.train = std::move(training_rows);
  p.rows.validation.clear();
  p.row_score.reset();
  if (!earlier.problem.space.blocks().empty()) {
    const HyperBlock& block = earlier.problem.space.blocks().front();
    p.choices.model.lower = block.lower;
    p.choices.model.upper = block.upper;
  }
  fit_to_rows(p, &all, false);
  return p;
}

Prepared centred(const Prepared& prepared) {
  constexpr double kFar = 3;
  if (prepared.moments.training) return prepared;
  Prepared p = prepared;
  // What is standardized and dense is centred already.
  if (p.x->sparse || !p.scaling.active()) centre(p, training_moments(p), kFar);
  if (p.row_score) p.row_score = row_score_loss(p.task().make(p.parts(), range_of(p)), p.row_score->score(), p.model().reduction);
  return p;
}

Problem centred_problem(const Prepared& prepared, PenaltyPer per) { return problem_with(centred(prepared), per); }

Problem problem_with(const Prepared& p, PenaltyPer per) {
  ModelOptions options = range_of(p);
  options.per = per;
  return make_problem(p, options);
}

}  // namespace tacit::inline TACIT_ABI
