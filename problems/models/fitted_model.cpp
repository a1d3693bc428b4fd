#include <tacit/problems/models/fitted_model.hpp>

#include <algorithm>
#include <cmath>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/version.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

std::vector<ModelHyper> hyper_of(const Prepared& p, In u) {
  std::vector<ModelHyper> list;
  Index at = 0;
  for (const HyperBlock& b : p.problem.space.blocks()) {
    ModelHyper h{b.name, b.size > 1 ? b.labels : std::vector<std::string>{}, {}};
    for (Index i = 0; i < b.size; ++i) h.values.push_back(u[at++]);
    list.push_back(std::move(h));
  }
  if (p.model().fixed) list.push_back({"l2", {}, {*p.model().fixed}});
  return list;
}

/// X w of rows that need not lie in memory, to the bit what it is of those that do.
Vec block_by_block(const SharedRows& x, In w) {
  constexpr Index kRows = 256;
  RowCursor rows(x);
  Mat block(std::min(kRows, x->rows()), x->cols());
  Vec out(x->rows());
  for (Index at = 0; at < x->rows(); at += kRows) {
    const Index count = std::min(kRows, x->rows() - at);
    for (Index k = 0; k < count; ++k) std::copy_n(rows.row(at + k), x->cols(), block.data() + k * x->cols());
    out.segment(at, count) = block.topRows(count) * w;
  }
  return out;
}

}  // namespace

FittedModel fitted_model(const Prepared& p, In u, In x) {
  const Index d = p.x->cols();
  OriginalCoefficients original = to_original(p.scaling, x.head(d), p.model().intercept ? x[d] : 0.0);
  FittedModel m;
  m.tacit_version = kVersion;
  m.name = p.problem.name;
  m.kind = p.task().kind().name;
  m.task = p.task().classifier() ? Task::binary : Task::regression;
  m.objective = p.objective_text();
  m.features = p.data->feature_names;
  m.coefficients = std::move(original.w);
  m.intercept = original.intercept;
  if (p.scaling.centre.size() > 0) {
    m.centre = p.scaling.centre;
    m.intercept_at_centre = original.at_centre;
  }
  m.classes = p.labels;
  if (!p.labels.empty()) m.positive = p.labels[1];
  m.hyperparameters = hyper_of(p, u);
  m.encoder = p.encoder;
  return m;
}

Vec penalty_of_features(const Prepared& p, In u) {
  if (p.model().fixed) return Vec::Constant(1, *p.model().fixed);
  if (p.model().per != PenaltyPer::group) return u;
  Vec l2(p.x->cols());
  const std::vector<Index> group = p.data->group_of_feature();
  for (std::size_t j = 0; j < group.size(); ++j) l2[static_cast<Index>(j)] = u[group[j]];
  return l2;
}

Margins margins(const FittedModel& model, const std::string& data) {
  EncodedFile file = model.encoder.encode(data);
  if (file.x.cols() != model.coefficients.size())
    throw UsageError("the encoder of the model makes " + std::to_string(file.x.cols()) + " features of '" + data +
                     "', but the model has " + std::to_string(model.coefficients.size()));
  Margins result;
  const bool centred = model.centre.size() > 0;
  const std::shared_ptr<const Features> moved = centred ? less_centre(file.x, model.centre) : nullptr;
  const Features& x = centred ? *moved : file.x;
  result.values = x.sparse    ? Vec(x.csr * model.coefficients)
                  : x.outside ? block_by_block(x.outside, model.coefficients)
                              : Vec(x.dense * model.coefficients);
  result.values.array() += centred ? model.intercept_at_centre : model.intercept;
  result.row = std::move(file.row);
  result.warnings = std::move(file.warnings);
  return result;
}

double sigmoid(double margin) {
  if (margin >= 0) return 1 / (1 + std::exp(-margin));
  const double e = std::exp(margin);
  return e / (1 + e);
}

}  // namespace tacit::inline TACIT_ABI
