#include <tacit/problems/data/scaling.hpp>

#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>

namespace tacit {

Design design_of(std::shared_ptr<const Features> x) {
  return x->sparse ? Design(std::shared_ptr<const CsrMatrix>(x, &x->csr)) : Design(std::shared_ptr<const Mat>(x, &x->dense));
}

Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode) {
  Scaling out;
  if (mode == Standardize::no || (mode == Standardize::automatic && (x.sparse || x.sparse_format))) return out;
  const std::vector<Index> list(rows.begin(), rows.end());
  Vec w(static_cast<Index>(list.size()));
  for (std::size_t i = 0; i < list.size(); ++i) w[static_cast<Index>(i)] = weight[list[i]];
  if (!(w.size() > 0 && w.maxCoeff() > 0))
    throw UsageError("columns cannot be standardized: no training row has a positive weight", "prepare.standardize");
  const ColumnMoments m =
      design_of(std::shared_ptr<const Features>(std::shared_ptr<void>(), &x)).row_list(list).column_moments(w);
  out.scale = m.deviation;
  for (Index j = 0; j < x.cols(); ++j) {
    if (m.low[j] == m.high[j] || !(out.scale[j] > 0)) out.scale[j] = 1;
  }
  out.shift = x.sparse ? Vec(Vec::Zero(x.cols())) : m.mean;
  return out;
}

namespace {

std::string and_more(std::size_t count) {
  return count > 1 ? " (and " + std::to_string(count - 1) + (count == 2 ? " more column alike)" : " more columns alike)") : "";
}

std::string column_name(const std::vector<std::string>& names, Index j) {
  const auto i = static_cast<std::size_t>(j);
  return "the column '" + (i < names.size() ? names[i] : std::to_string(j + 1)) + "'";
}

std::optional<ScaleRemark> mean_remark(const ColumnMoments& m, const std::vector<std::string>& names, bool sparse) {
  std::size_t count = 0;
  Index worst = -1;
  double most = 0;
  for (Index j = 0; j < m.mean.size(); ++j) {
    const double ratio = m.deviation[j] > 0 ? std::abs(m.mean[j]) / m.deviation[j] : 0;
    if (!(ratio >= kFarMean)) continue;
    ++count;
    if (ratio > most) worst = j, most = ratio;
  }
  if (worst < 0) return std::nullopt;
  return ScaleRemark{column_name(names, worst) + " is used as it is, with a mean of " + brief_number(m.mean[worst]) + ", " +
                         brief_number(most) + " times its spread of " + brief_number(m.deviation[worst]) + and_more(count) +
                         "; beside the intercept that makes the inner problem ill-conditioned: gradient methods hardly move it, "
                         "and digits are lost.",
                     sparse ? "Sparse columns are never centred: subtract a number near its mean from the column, in the file."
                            : "Use prepare.standardize=true, which centres and scales the columns."};
}

std::optional<ScaleRemark> unit_remark(const ColumnMoments& m, const std::vector<std::string>& names, bool sparse) {
  std::vector<double> sizes;
  for (const double size : m.size) {
    if (size > 0) sizes.push_back(size);
  }
  if (sizes.size() < 2) return std::nullopt;
  std::sort(sizes.begin(), sizes.end());
  const double low = sizes[(sizes.size() - 1) / 2], high = sizes[sizes.size() / 2];
  std::size_t count = 0;
  Index worst = -1;
  double most = 0, other = low;
  for (Index j = 0; j < m.size.size(); ++j) {
    if (!(m.size[j] > 0)) continue;
    // Of two columns that are apart both are: neither is the median.
    const double against = m.size[j] > high ? low : high, ratio = std::max(m.size[j] / against, against / m.size[j]);
    if (!(ratio >= kFarUnit)) continue;
    ++count;
    if (ratio > most) worst = j, most = ratio, other = against;
  }
  if (worst < 0) return std::nullopt;
  return ScaleRemark{column_name(names, worst) + " is used as it is, with deviations of about " + brief_number(m.size[worst]) +
                         ", where the median column has " + brief_number(other) + and_more(count) +
                         "; one penalty weighs them very differently, and the inner problem is ill-conditioned.",
                     sparse ? "Use prepare.standardize=true, which scales sparse columns too (it does not centre them)."
                            : "Use prepare.standardize=true."};
}

}  // namespace

std::optional<ScaleRemark> scale_remark(const ColumnMoments& moments, const std::vector<std::string>& names, bool intercept,
                                        bool sparse) {
  std::optional<ScaleRemark> remark;
  if (intercept) remark = mean_remark(moments, names, sparse);
  return remark ? remark : unit_remark(moments, names, sparse);
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
