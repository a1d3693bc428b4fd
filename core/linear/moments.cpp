#include <tacit/core/linear/moments.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <mutex>
#include <string>
#include <utility>

#include <tacit/core/linear/eigen.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// G = sum w (a, y, 1)(a, y, 1)' about the anchors, which are taken off before anything is multiplied.
Mat dense_sums(const Design& rows, In y, In w, const RowMoments& m) {
  const Index d = rows.features();
  const Vec from_anchor = y.array() - m.y_anchor;
  Mat sums(d + 2, d + 2);
  rows.standardized(m.anchor, Vec::Ones(d)).with_intercept().weighted_gram_beside(w, from_anchor, sums);
  return sums;
}

/// Mean and centred sums from those about the anchors, which are the mean to rounding.
void fill_dense(RowMoments& m, const Design& rows, In y, In w) {
  const Index d = rows.features();
  const Mat sums = dense_sums(rows, y, w, m);
  m.mean = sums.col(d + 1).head(d) / m.weight;
  m.y_mean = sums(d, d + 1) / m.weight;
  m.gram = sums.topLeftCorner(d, d) - m.weight * m.mean * m.mean.transpose();
  m.cross = sums.col(d).head(d) - m.weight * m.y_mean * m.mean;
  m.square = std::max(sums(d, d) - m.weight * m.y_mean * m.y_mean, 0.0);
}

/// The same about 0, where rows keep their empty cells; what cancels is noted.
void fill_sparse(RowMoments& m, const Design& rows, In y, In w) {
  const Index d = rows.features();
  Mat sums(d, d);
  rows.weighted_gram(w, sums);
  const Vec from_mean = w.cwiseProduct((y.array() - m.y_anchor).matrix());
  m.y_mean = from_mean.sum() / m.weight;
  const Vec centred = from_mean - m.y_mean * w;
  m.gram = sums;
  m.gram -= m.weight * m.anchor * m.anchor.transpose();
  m.mean = Vec::Zero(d);
  m.cross.resize(d);
  rows.multiply_t(centred, m.cross);
  m.cross -= centred.sum() * m.anchor;
  m.square = centred.dot((y.array() - m.y_anchor - m.y_mean).matrix());
  m.cancelled = m.weight * m.anchor.cwiseAbs2();
}

/// The weighted mean of a target; one that is constant among the rows that count is that number to the bit.
double mean_of(In y, In w, double weight) {
  double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
  for (Index i = 0; i < y.size(); ++i) {
    if (!(w[i] > 0)) continue;
    low = std::min(low, y[i]);
    high = std::max(high, y[i]);
    sum += w[i] * y[i];
  }
  return low == high ? low : sum / weight;
}

void require_rows(const Design& rows, In y, In w) {
  if (rows.intercept()) throw UsageError("moments are taken of the columns alone; leave the intercept to what uses them");
  if (y.size() != rows.rows() || w.size() != rows.rows())
    throw UsageError("moments of " + std::to_string(rows.rows()) + " rows need as many targets and weights; got " +
                     std::to_string(y.size()) + " and " + std::to_string(w.size()));
  if (!w.allFinite() || (w.array() < 0).any()) throw UsageError("weights of rows must be finite and not negative");
}

}  // namespace

double RowMoments::lost() const {
  double most = 0;
  for (Index j = 0; j < columns(); ++j) {
    if (cancelled[j] > 0 && low[j] < high[j]) most = std::max(most, cancelled[j] / gram(j, j));
  }
  return most;
}

bool RowMoments::holds_squares() const {
  for (Index j = 0; j < columns(); ++j) {
    if (low[j] < high[j] && !std::isnormal(gram(j, j) / weight)) return false;
  }
  return true;
}

ColumnMoments RowMoments::column_moments() const {
  ColumnMoments m;
  m.mean = anchor + mean;
  m.deviation = (gram.diagonal() / weight).cwiseMax(0).cwiseSqrt();
  m.low = low;
  m.high = high;
  return m;
}

RowMoments row_moments(const Design& rows, In y, In w) {
  require_rows(rows, y, w);
  RowMoments m;
  m.weight = w.sum();
  const Index d = rows.features();
  if (!(m.weight > 0)) return m;
  const ColumnMoments columns = rows.column_means(w);
  m.low = columns.low;
  m.high = columns.high;
  m.anchor = columns.mean.unaryExpr([](double mean) { return std::isfinite(mean) ? mean : 0; });  // NaN is in the sums anyway
  m.y_anchor = mean_of(y, w, m.weight);
  m.cancelled = Vec::Zero(d);
  if (rows.sparse())
    fill_sparse(m, rows, y, w);
  else
    fill_dense(m, rows, y, w);
  for (Index j = 0; j < d; ++j) {
    if (m.low[j] != m.high[j] || std::isnan(m.gram(j, j))) continue;  // or what cancels would leave a column of noise
    m.mean[j] = m.cross[j] = m.cancelled[j] = 0;
    m.gram.row(j).setZero();
    m.gram.col(j).setZero();
  }
  return m;
}

RowMoments merged(const RowMoments& a, const RowMoments& b) {
  if (!(a.weight > 0)) return b;
  if (!(b.weight > 0)) return a;
  if (a.columns() != b.columns())
    throw UsageError("moments of " + std::to_string(a.columns()) + " and of " + std::to_string(b.columns()) +
                     " columns cannot be merged");
  RowMoments m = a;
  m.weight = a.weight + b.weight;
  const Vec apart = (b.anchor - a.anchor) + (b.mean - a.mean);
  const double y_apart = (b.y_anchor - a.y_anchor) + (b.y_mean - a.y_mean);
  const double share = b.weight / m.weight, between = a.weight * share;
  m.mean += share * apart;
  m.y_mean += share * y_apart;
  m.gram += b.gram;
  m.gram.noalias() += between * apart * apart.transpose();
  m.cross += b.cross + between * y_apart * apart;
  m.square += b.square + between * y_apart * y_apart;
  m.low = a.low.cwiseMin(b.low);
  m.high = a.high.cwiseMax(b.high);
  m.cancelled += b.cancelled;
  return m;
}

std::vector<RowMoments> all_but_one(const std::vector<RowMoments>& sets) {
  std::vector<RowMoments> others(sets.size());
  for (std::size_t k = sets.size(); k-- > 1;) others[k - 1] = merged(sets[k], others[k]);
  RowMoments before;
  for (std::size_t k = 0; k < sets.size(); ++k) {
    others[k] = merged(before, others[k]);
    before = merged(before, sets[k]);
  }
  return others;
}

RowMoments standardized(RowMoments m, In shift, In scale, In centre) {
  if (!(m.weight > 0)) return m;
  for (const auto* offset : {&centre, &shift}) {
    if (offset->size() == 0) continue;
    for (Vec* values : {&m.anchor, &m.low, &m.high}) *values -= *offset;
  }
  if (scale.size() == 0) return m;
  const Vec inverse = scale.cwiseInverse();
  for (Vec* values : {&m.anchor, &m.mean, &m.low, &m.high}) *values = values->cwiseProduct(inverse);
  m.gram = inverse.asDiagonal() * m.gram * inverse.asDiagonal();
  m.cross = m.cross.cwiseProduct(inverse);
  m.cancelled = m.cancelled.cwiseProduct(inverse.cwiseAbs2());
  return m;
}

struct MomentSquares::Kept {
  std::once_flag form_once, extremes_once, largest_once;
  TridiagonalForm form;
  std::pair<double, double> extremes;
  double largest = 0;
};

MomentSquares::MomentSquares(RowMoments moments, bool intercept, double factor)
    : moments_(std::move(moments)), mean_(moments_.anchor + moments_.mean), y_mean_(moments_.y_anchor + moments_.y_mean),
      intercept_(intercept), factor_(factor), kept_(std::make_shared<Kept>()) {
  if (!(moments_.weight > 0)) throw UsageError("moments of rows need a row with a positive weight");
}

MomentSquares::Value MomentSquares::gradient(In x, Out g) const {
  const Index d = mean_.size();
  const auto w = x.head(d);
  const Vec cw = moments_.gram * w;
  const double curved = w.dot(cw), along = w.dot(moments_.cross);
  const double t = mean_.dot(w) + (intercept_ ? x[d] : 0) - y_mean_;
  const double level = moments_.weight * t * t, sum = std::max(curved - 2 * along + moments_.square, 0.0) + level;
  g.head(d) = factor_ * (cw - moments_.cross + moments_.weight * t * mean_);
  if (intercept_) g[d] = factor_ * moments_.weight * t;
  const double terms = std::abs(curved) + 2 * std::abs(along) + moments_.square + level;
  return {factor_ / 2 * sum, terms > 0 ? sum / terms : 1};
}

void MomentSquares::product(In p, Out out) const {
  const Index d = mean_.size();
  const double t = mean_.dot(p.head(d)) + (intercept_ ? p[d] : 0);
  out.head(d) = factor_ * (moments_.gram * p.head(d) + moments_.weight * t * mean_);
  if (intercept_) out[d] = factor_ * moments_.weight * t;
}

void MomentSquares::products(InM p, OutM out) const {
  const Index d = mean_.size();
  Eigen::RowVectorXd t = mean_.transpose() * p.topRows(d);
  if (intercept_) t += p.row(d);
  t *= moments_.weight;
  out.topRows(d).noalias() = moments_.gram * p.topRows(d);
  out.topRows(d) += mean_ * t;
  if (intercept_) out.row(d) = t;
  out *= factor_;
}

void MomentSquares::diagonal(Out out) const {
  const Index d = mean_.size();
  out.head(d) = factor_ * (moments_.gram.diagonal() + moments_.weight * mean_.cwiseAbs2());
  if (intercept_) out[d] = level();
}

void MomentSquares::dense(OutM h) const {
  const Index d = mean_.size();
  h.topLeftCorner(d, d) = factor_ * (moments_.gram + moments_.weight * mean_ * mean_.transpose());
  if (!intercept_) return;
  h.row(d).head(d) = level() * mean_.transpose();
  h.col(d).head(d) = level() * mean_;
  h(d, d) = level();
}

Eigen::MatrixXd MomentSquares::core() const {
  Eigen::MatrixXd h = factor_ * moments_.gram;
  if (!intercept_) h += level() * mean_ * mean_.transpose();
  return h;
}

const TridiagonalForm& MomentSquares::form() const {
  std::call_once(kept_->form_once, [&] { kept_->form = TridiagonalForm(core()); });
  return kept_->form;
}

std::pair<double, double> MomentSquares::extreme_eigenvalues() const {
  std::call_once(kept_->extremes_once, [&] { kept_->extremes = form().extreme_eigenvalues(); });
  return kept_->extremes;
}

double MomentSquares::largest_eigenvalue() const {
  std::call_once(kept_->largest_once, [&] { kept_->largest = lanczos_largest([&](In v, Out out) { product(v, out); }, dim()); });
  return kept_->largest;
}

double MomentSquares::gradient_terms() const {
  const double y = moments_.square + moments_.weight * y_mean_ * y_mean_;
  const double a = moments_.gram.trace() + moments_.weight * (mean_.squaredNorm() + (intercept_ ? 1 : 0));
  return factor_ * std::sqrt(y * a);
}

}  // namespace tacit::inline TACIT_ABI
