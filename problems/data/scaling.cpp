#include <tacit/problems/data/scaling.hpp>

#include <memory>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit {

Design design_of(std::shared_ptr<const Features> x) {
  return x->sparse ? Design(std::shared_ptr<const CsrMatrix>(x, &x->csr)) : Design(std::shared_ptr<const Mat>(x, &x->dense));
}

Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode) {
  Scaling out;
  if (mode == Standardize::no || (mode == Standardize::automatic && x.sparse)) return out;
  const std::vector<Index> list(rows.begin(), rows.end());
  Vec w(static_cast<Index>(list.size()));
  for (std::size_t i = 0; i < list.size(); ++i) w[static_cast<Index>(i)] = weight[list[i]];
  if (!(w.size() > 0 && w.maxCoeff() > 0))
    throw UsageError("columns cannot be standardized: no training row has a positive weight", "prepare.standardize");
  const ColumnMoments m = design_of(std::shared_ptr<const Features>(std::shared_ptr<void>(), &x)).row_list(list).column_moments(w);
  out.scale = m.deviation;
  for (Index j = 0; j < x.cols(); ++j) {
    if (m.low[j] == m.high[j] || !(out.scale[j] > 0)) out.scale[j] = 1;
  }
  out.shift = x.sparse ? Vec(Vec::Zero(x.cols())) : m.mean;
  return out;
}

OriginalCoefficients to_original(const Scaling& scaling, In w, double intercept) {
  OriginalCoefficients out{w, intercept};
  if (!scaling.active()) return out;
  out.w = out.w.cwiseQuotient(scaling.scale);
  out.intercept -= out.w.dot(scaling.shift);
  return out;
}

OriginalCoefficients to_scaled(const Scaling& scaling, In w, double intercept) {
  OriginalCoefficients out{w, intercept};
  if (!scaling.active()) return out;
  out.intercept += w.dot(scaling.shift);
  out.w = out.w.cwiseProduct(scaling.scale);
  return out;
}

}  // namespace tacit
