// What the columns of a design look like over its rows: their squares and moments.
#include <algorithm>
#include <cmath>
#include <limits>
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

double Design::acting(Index j, double value) const { return inverse_.size() > 0 ? (value - shift_[j]) * inverse_[j] : value; }

// each(own, j, weight, entry as it acts) for what is stored of the rows that count; a chunk begins with own = zero, and
// merge(own, next) puts those of the next chunk to them.
template <class Each, class Merge>
Mat Design::column_sums(In w, const Mat& zero, const Each& each, const Merge& merge) const {
  const Lease lease;
  const Cut cut = this->cut(zero.size());
  const auto of_chunk = [&](Index chunk, double* own) {
    std::copy_n(zero.data(), zero.size(), own);
    const bool scaled = inverse_.size() > 0;
    const double *shift = shift_.data(), *inverse = inverse_.data();
    const Index p = features();
    const Lease of_chunk_rows;
    BlockRows rows(*this, cut, chunk, 0, *of_chunk_rows);
    for (Index row0 = cut.first(chunk); row0 < cut.end(chunk); row0 += cut.block) {
      const Index end = std::min(cut.end(chunk), row0 + cut.block);
      if (!sparse()) rows.list(row0);
      for (Index i = row0; i < end; ++i) {
        const double weight = w[i];
        if (!(weight > 0)) continue;
        if (sparse()) {
          const kernels::SparseRow row = sparse_row(i);
          for (Index e = 0; e < row.count; ++e) each(own, row.column[e], weight, acting(row.column[e], row.value[e]));
        } else {
          const double* a = rows.here()[i - row0];
          for (Index j = 0; j < p; ++j) each(own, j, weight, scaled ? (a[j] - shift[j]) * inverse[j] : a[j]);
        }
      }
    }
  };
  return Eigen::Map<const Mat>(cut.merged((*lease).sums, zero.size(), of_chunk, merge), zero.rows(), zero.cols());
}

namespace {

/// The power of two next to the largest entry of a column, in whose units it neither overflows nor underflows, and which rounds
/// nothing.
double unit_of(double low, double high) {
  const double largest = std::max(std::abs(low), std::abs(high));
  return std::ldexp(1.0, std::isfinite(largest) && largest > 0 ? std::clamp(std::ilogb(largest), -1000, 1000) : 0);
}

}  // namespace

// Lowest and highest entry of each column, and of sparse ones the weight and the number of the rows that are stored.
Mat Design::column_range(In w) const {
  constexpr double kNone = std::numeric_limits<double>::infinity();
  const Index p = features();
  Mat zero = Mat::Zero(sparse() ? 4 : 2, p);
  zero.row(0).setConstant(kNone);
  zero.row(1).setConstant(-kNone);
  const auto add = [p, filled = sparse()](double* range, Index j, double weight, double a) {
    range[j] = std::min(range[j], a);
    range[p + j] = std::max(range[p + j], a);
    if (!filled) return;
    range[2 * p + j] += weight;
    range[3 * p + j] += 1;
  };
  return column_sums(w, zero, add, [p, end = zero.size()](double* range, const double* next) {
    for (Index j = 0; j < p; ++j) {
      range[j] = std::min(range[j], next[j]);
      range[p + j] = std::max(range[p + j], next[p + j]);
    }
    for (Index j = 2 * p; j < end; ++j) range[j] += next[j];
  });
}

ColumnMoments Design::column_moments(In w) const {
  require_size(w.size(), rows_, "weights");
  if (!(w.maxCoeff() > 0)) throw UsageError("moments of columns need a row with a positive weight");
  count_pass();
  const Index p = features();
  double total = 0, used = 0;
  for (Index i = 0; i < rows_; ++i) {
    total += std::max(w[i], 0.0);
    used += w[i] > 0 ? 1 : 0;
  }
  Mat range = column_range(w);
  // each() for the entries of a sparse column that are not stored, together: all of them are that of a 0.
  const auto rest = [&](const auto& each) {
    for (Index j = 0; sparse() && j < p; ++j) {
      if (range(3, j) < used) each(j, total - range(2, j), acting(j, 0));
    }
  };
  rest([&](Index j, double, double a) {
    range(0, j) = std::min(range(0, j), a);
    range(1, j) = std::max(range(1, j), a);
  });
  ColumnMoments m;
  m.low = range.row(0);
  m.high = range.row(1);
  Vec unit(p);
  for (Index j = 0; j < p; ++j) unit[j] = unit_of(m.low[j], m.high[j]);
  const Vec inverse = unit.cwiseInverse();

  const Mat zero = Mat::Zero(2, p);
  const auto merge = [p](double* sums, const double* next) {
    for (Index j = 0; j < 2 * p; ++j) sums[j] += next[j];
  };
  const auto about_zero = [p, &inverse](double* sums, Index j, double weight, double a) {
    const double t = a * inverse[j];
    sums[j] += weight * t;
    sums[p + j] += weight * t * t;
  };
  Mat first = column_sums(w, zero, about_zero, merge);
  rest([&](Index j, double weight, double a) { about_zero(first.data(), j, weight, a); });
  m.mean = first.row(0) / total;
  for (Index j = 0; j < p; ++j) {
    if (m.low[j] == m.high[j]) m.mean[j] = m.low[j] * inverse[j];  // exactly, or rounding would leave a column of noise
  }
  const auto about_mean = [p, &inverse, &mean = m.mean](double* sums, Index j, double weight, double a) {
    const double t = a * inverse[j] - mean[j], tt = t * t;
    sums[j] += weight * tt;
    sums[p + j] += weight * tt * tt;
  };
  Mat second = column_sums(w, zero, about_mean, merge);
  rest([&](Index j, double weight, double a) { about_mean(second.data(), j, weight, a); });
  m.mean = m.mean.cwiseProduct(unit);
  m.rms = (first.row(1).transpose() / total).cwiseSqrt().cwiseProduct(unit);
  m.deviation = (second.row(0).transpose() / total).cwiseSqrt().cwiseProduct(unit);
  m.size = Vec::Zero(p);
  for (Index j = 0; j < p; ++j) {
    if (second(0, j) > 0) m.size[j] = std::sqrt(second(1, j) / second(0, j)) * unit[j];
  }
  return m;
}

}  // namespace tacit::inline TACIT_ABI
