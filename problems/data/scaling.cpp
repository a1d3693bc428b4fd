#include <tacit/problems/data/scaling.hpp>

#include <cmath>
#include <tacit/core/support/errors.hpp>
#include <vector>

namespace tacit {
namespace {

/// Smallest and largest entry of each column over the rows that count.
struct Span {
  Vec low, high;
  explicit Span(Index columns)
      : low(Vec::Constant(columns, std::numeric_limits<double>::infinity())),
        high(Vec::Constant(columns, -std::numeric_limits<double>::infinity())) {}
  void add(Index j, double value) {
    low[j] = std::min(low[j], value);
    high[j] = std::max(high[j], value);
  }
};

/// Mean, then the mean square of what is left of it: two passes, so that a large mean does not cost digits.
void dense_moments(const Mat& x, In weight, const std::vector<Index>& rows, double total, Vec& mean, Vec& variance, Span& span) {
  for (const Index r : rows) {
    mean += weight[r] * x.row(r).transpose();
    span.low = span.low.cwiseMin(x.row(r).transpose());
    span.high = span.high.cwiseMax(x.row(r).transpose());
  }
  mean /= total;
  for (const Index r : rows) variance.array() += weight[r] * (x.row(r).transpose() - mean).array().square();
  variance /= total;
}

/// The same for sparse rows; entries that are not stored are 0.
void sparse_moments(const CsrMatrix& x, In weight, const std::vector<Index>& rows, double total, Vec& mean, Vec& variance,
                    Span& span) {
  Vec stored = Vec::Zero(x.cols());  // weight of the rows with an entry in the column
  std::vector<Index> count(static_cast<std::size_t>(x.cols()), 0);
  for (const Index r : rows) {
    for (CsrMatrix::InnerIterator it(x, r); it; ++it) {
      mean[it.col()] += weight[r] * it.value();
      stored[it.col()] += weight[r];
      ++count[static_cast<std::size_t>(it.col())];
      span.add(it.col(), it.value());
    }
  }
  mean /= total;
  for (const Index r : rows) {
    for (CsrMatrix::InnerIterator it(x, r); it; ++it) variance[it.col()] += weight[r] * std::pow(it.value() - mean[it.col()], 2);
  }
  for (Index j = 0; j < x.cols(); ++j) {
    if (count[static_cast<std::size_t>(j)] == static_cast<Index>(rows.size())) continue;
    variance[j] += (total - stored[j]) * mean[j] * mean[j];
    span.add(j, 0);
  }
  variance /= total;
}

}  // namespace

Scaling fit_scaling(const Features& x, In weight, std::span<const Index> rows, Standardize mode) {
  Scaling out;
  if (mode == Standardize::no || (mode == Standardize::automatic && x.sparse)) return out;
  std::vector<Index> used;
  double total = 0;
  for (const Index r : rows) {
    if (!(weight[r] > 0)) continue;
    used.push_back(r);
    total += weight[r];
  }
  if (used.empty())
    throw UsageError("columns cannot be standardized: no training row has a positive weight", "prepare.standardize");
  Vec mean = Vec::Zero(x.cols()), variance = Vec::Zero(x.cols());
  Span span(x.cols());
  if (x.sparse) {
    sparse_moments(x.csr, weight, used, total, mean, variance, span);
  } else {
    dense_moments(x.dense, weight, used, total, mean, variance, span);
  }
  out.scale = variance.cwiseSqrt();
  for (Index j = 0; j < x.cols(); ++j) {
    if (span.low[j] == span.high[j]) mean[j] = span.low[j];  // exactly, or rounding would leave a column of noise
    if (span.low[j] == span.high[j] || !(out.scale[j] > 0)) out.scale[j] = 1;
  }
  out.shift = x.sparse ? Vec(Vec::Zero(x.cols())) : mean;
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
