// What the columns of a design look like over its rows: their squares and moments.
#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/detail/design_cut.hpp>
#include <tacit/core/linear/detail/kernels.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

using detail::Lease;
using detail::require_size;

}  // namespace

void Design::dense_squares(In w, Out d) const {
  const Lease lease;
  const Index p = features();
  const Cut cut = this->cut(p);
  const double* sums = cut.sum((*lease).sums, p, [&](Index chunk, double* own) {
    const Lease of_chunk;
    BlockRows rows(*this, cut, chunk, rows_ahead(cut.block, false), *of_chunk);
    for (Index row0 = cut.first(chunk); row0 < cut.end(chunk); row0 += cut.block) {
      const Index m = std::min(cut.block, cut.end(chunk) - row0);
      rows.list(row0);
      kernels::squares_rows(rows.here(), m, rows.fetch(kernels::Fetch::Part::all), p, w.data() + row0,
                            inverse_.size() > 0 ? shift_.data() : nullptr, own);
    }
  });
  d.head(p) = Eigen::Map<const Vec>(sums, p);
  if (inverse_.size() > 0) d.head(p).array() *= inverse_.array().square();
}

void Design::sparse_squares(In w, Out d) const {
  const Lease lease;
  const Index p = features();
  const bool scaled = inverse_.size() > 0;
  const Index size = scaled ? 2 * p : p;  // the weighted sums of the entries behind those of their squares
  const Cut cut = this->cut(size);
  const double* sums = cut.sum((*lease).sums, size, [&](Index chunk, double* own) {
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      const kernels::SparseRow row = sparse_row(i);
      const double weight = w[i];
      kernels::add_entries<1>(
          row, [weight](double value, int) { return weight * value * value; }, own, 1);
      if (scaled) kernels::axpy_entries<1>(row, &weight, 1, own + p, 1);
    }
  });
  d.head(p) = Eigen::Map<const Vec>(sums, p);
  if (!scaled) return;
  const double* g = sums + p;
  const double total = w.sum();
  for (Index j = 0; j < p; ++j) d[j] = (d[j] - 2 * shift_[j] * g[j] + total * shift_[j] * shift_[j]) * inverse_[j] * inverse_[j];
}

void Design::weighted_squares(In w, Out d) const {
  require_size(w.size(), rows_, "weights");
  require_size(d.size(), cols(), "entries for the result");
  count_pass();
  if (sparse())
    sparse_squares(w, d);
  else
    dense_squares(w, d);
  if (intercept_) d[features()] = w.sum();
}

namespace {

/// The power of two by which the largest entry of a column is brought next to 1, where its powers neither overflow nor underflow;
/// it rounds nothing. 1 where they do neither anyway.
double unit_of(double low, double high) {
  constexpr double kSafe = 0x1p100;
  const double largest = std::max(std::abs(low), std::abs(high));
  if (!std::isfinite(largest) || largest == 0 || (largest > 1 / kSafe && largest < kSafe)) return 1;
  return std::ldexp(1.0, -std::clamp(std::ilogb(largest), -1000, 1000));
}

}  // namespace

/// Moments of the columns as they act, over the rows of positive weight. What is not stored of a sparse column are zeros, which
/// are counted together.
class Design::Columns {
public:
  Columns(const Design& a, In w);
  /// All but deviation and size, in one pass; in two where squares would leave the range of numbers.
  void measure();
  /// Deviation and size, after the others.
  void spread();
  ColumnMoments moments;

private:
  Mat measures();
  template <class Dense, class Stored, class Merge>
  Mat sums(const Mat& zero, const Dense& dense, const Stored& stored, const Merge& merge) const;
  double acting(Index j, double value) const { return acting_.inverse ? (value - acting_.shift[j]) * acting_.inverse[j] : value; }

  const Design& a_;
  const Eigen::Ref<const Vec> w_;
  kernels::Acting acting_;
  const Index p_;
  double total_ = 0, used_ = 0;
  Vec unit_, mean_;  ///< what entries are multiplied by, and the mean of that
  struct Rest {
    Index column;
    double weight;
  };
  std::vector<Rest> rest_;  ///< of sparse columns, what is not stored
};

Design::Columns::Columns(const Design& a, In w) : a_(a), w_(w), p_(a.features()), unit_(Vec::Ones(p_)) {
  require_size(w.size(), a.rows_, "weights");
  if (!(w.maxCoeff() > 0)) throw UsageError("moments of columns need a row with a positive weight");
  if (a.inverse_.size() > 0) acting_ = {a.shift_.data(), a.inverse_.data()};
  for (Index i = 0; i < a.rows_; ++i) {
    total_ += std::max(w[i], 0.0);
    used_ += w[i] > 0 ? 1 : 0;
  }
}

// dense(own, rows, weights, count) for some rows, or stored(own, j, weight, entry as it acts) for each entry of sparse ones. A
// chunk begins with own = zero, and merge(own, next) puts those of the next chunk to them.
template <class Dense, class Stored, class Merge>
Mat Design::Columns::sums(const Mat& zero, const Dense& dense, const Stored& stored, const Merge& merge) const {
  a_.count_pass();
  const Lease lease;
  const Cut cut = a_.cut(zero.size());
  const auto of_sparse = [&](Index chunk, double* own) {
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      if (!(w_[i] > 0)) continue;
      const kernels::SparseRow row = a_.sparse_row(i);
      for (Index e = 0; e < row.count; ++e) stored(own, row.column[e], w_[i], acting(row.column[e], row.value[e]));
    }
  };
  const auto of_dense = [&](Index chunk, double* own) {
    const Lease of_chunk;
    BlockRows rows(a_, cut, chunk, 0, *of_chunk);
    std::vector<const double*> counting(static_cast<std::size_t>(cut.block));
    std::vector<double> weights(counting.size());
    for (Index row0 = cut.first(chunk); row0 < cut.end(chunk); row0 += cut.block) {
      rows.list(row0);
      std::size_t count = 0;
      for (Index i = row0; i < std::min(cut.end(chunk), row0 + cut.block); ++i) {
        if (!(w_[i] > 0)) continue;
        counting[count] = rows.here()[i - row0];
        weights[count++] = w_[i];
      }
      dense(own, counting.data(), weights.data(), static_cast<Index>(count));
    }
  };
  const auto of_chunk = [&](Index chunk, double* own) {
    std::copy_n(zero.data(), zero.size(), own);
    if (a_.sparse())
      of_sparse(chunk, own);
    else
      of_dense(chunk, own);
  };
  return Eigen::Map<const Mat>(cut.merged((*lease).sums, zero.size(), of_chunk, merge), zero.rows(), zero.cols());
}

// Least and largest entry, sum w t and sum w t^2 of t = entry times unit; of sparse columns weight and number of what is stored.
Mat Design::Columns::measures() {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  Mat none = Mat::Zero(a_.sparse() ? 6 : 4, p_);
  none.row(0).setConstant(kNone);
  none.row(1).setConstant(-kNone);
  const Index p = p_;
  const auto dense = [this, p](double* own, const double* const* rows, const double* weights, Index count) {
    kernels::measure_rows(rows, count, p, weights, acting_, unit_.data(), own, own + p, own + 2 * p, own + 3 * p);
  };
  const auto add = [this, p](double* own, Index j, double weight, double a) {
    own[j] = std::min(own[j], a);
    own[p + j] = std::max(own[p + j], a);
    const double t = a * unit_[j];
    own[2 * p + j] += weight * t;
    own[3 * p + j] += weight * t * t;
  };
  const auto stored = [&add, p](double* own, Index j, double weight, double a) {
    add(own, j, weight, a);
    own[4 * p + j] += weight;
    own[5 * p + j] += 1;
  };
  Mat m = sums(none, dense, stored, [p, end = none.size()](double* own, const double* next) {
    for (Index j = 0; j < p; ++j) {
      own[j] = std::min(own[j], next[j]);
      own[p + j] = std::max(own[p + j], next[p + j]);
    }
    for (Index j = 2 * p; j < end; ++j) own[j] += next[j];
  });
  rest_.clear();
  for (Index j = 0; a_.sparse() && j < p; ++j) {
    if (m(5, j) < used_) rest_.push_back({j, total_ - m(4, j)});
  }
  for (const Rest& r : rest_) add(m.data(), r.column, r.weight, acting(r.column, 0));
  return m;
}

void Design::Columns::measure() {
  Mat m = measures();
  moments.low = m.row(0);
  moments.high = m.row(1);
  for (Index j = 0; j < p_; ++j) unit_[j] = unit_of(moments.low[j], moments.high[j]);
  if ((unit_.array() != 1).any()) m = measures();
  mean_ = m.row(2) / total_;
  for (Index j = 0; j < p_; ++j) {
    if (moments.low[j] == moments.high[j]) mean_[j] = moments.low[j] * unit_[j];  // exactly, or rounding would leave noise
  }
  moments.mean = mean_.cwiseQuotient(unit_);
  moments.rms = (m.row(3).transpose() / total_).cwiseSqrt().cwiseQuotient(unit_);
}

void Design::Columns::spread() {
  const Index p = p_;
  const auto dense = [this, p](double* own, const double* const* rows, const double* weights, Index count) {
    kernels::spread_rows(rows, count, p, weights, acting_, unit_.data(), mean_.data(), own, own + p);
  };
  const auto add = [this, p](double* own, Index j, double weight, double a) {
    const double t = a * unit_[j] - mean_[j], tt = t * t;
    own[j] += weight * tt;
    own[p + j] += weight * tt * tt;
  };
  Mat m = sums(Mat::Zero(2, p), dense, add, [p](double* own, const double* next) {
    for (Index j = 0; j < 2 * p; ++j) own[j] += next[j];
  });
  for (const Rest& r : rest_) add(m.data(), r.column, r.weight, acting(r.column, 0));
  moments.deviation = (m.row(0).transpose() / total_).cwiseSqrt().cwiseQuotient(unit_);
  moments.size = Vec::Zero(p);
  for (Index j = 0; j < p; ++j) {
    if (m(0, j) > 0) moments.size[j] = std::sqrt(m(1, j) / m(0, j)) / unit_[j];
  }
}

ColumnMoments Design::column_moments(In w) const {
  Columns columns(*this, w);
  columns.measure();
  columns.spread();
  return std::move(columns.moments);
}

ColumnMoments Design::column_means(In w) const {
  Columns columns(*this, w);
  columns.measure();
  return std::move(columns.moments);
}

}  // namespace tacit::inline TACIT_ABI
