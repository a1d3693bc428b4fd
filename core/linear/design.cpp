#include <tacit/core/linear/design.hpp>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>
#include <tacit/core/linear/detail/kernels.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr Index kBlockBytes = 64 * 1024;  // of X: read from memory once, still in the cache for the way back
constexpr Index kMaxBlockRows = 2048;
constexpr Index kCached = 1 << 20;  // bytes of X: so much stays in the second-level cache from pass to pass

/// Buffers of a pass. They grow to what the thread needs and stay, so that no iteration allocates.
struct Scratch {
  kernels::Buffer v, acc, offset, sums, t, w;
  std::vector<const double*> rows;
};

double* room(kernels::Buffer& buffer, Index n) {
  if (buffer.size() < n) buffer.resize(n);
  return buffer.data();
}

/// One scratch a level: a block function may itself use a design.
class Lease {
public:
  Lease() {
    if (depth() == pool().size()) pool().push_back(std::make_unique<Scratch>());
    scratch_ = pool()[depth()++].get();
  }
  ~Lease() { --depth(); }
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;
  Scratch& operator*() const { return *scratch_; }

private:
  static std::vector<std::unique_ptr<Scratch>>& pool() {
    thread_local std::vector<std::unique_ptr<Scratch>> p;
    return p;
  }
  static std::size_t& depth() {
    thread_local std::size_t d = 0;
    return d;
  }
  Scratch* scratch_;
};

void require_size(Index have, Index want, const char* what) {
  if (have != want)
    throw UsageError(std::string("a product with a design matrix got ") + std::to_string(have) + ' ' + what + " instead of " +
                     std::to_string(want));
}

}  // namespace

/// One pass over the rows: columns in are loaded (scaled), blocks are worked on, columns out are stored.
class Design::Pass {
public:
  Pass(const Design& design, Index k_in, Index k_out)
      : a_(design), s_(*lease_), p_(design.features()), k_in_(k_in), k_out_(k_out), block_(design.block_rows()) {
    room(s_.v, std::max<Index>(1, p_ * k_in));
    room(s_.acc, std::max<Index>(1, p_ * k_out));
    room(s_.offset, std::max<Index>(1, k_in));
    room(s_.sums, std::max<Index>(1, k_out));
    room(s_.t, std::max<Index>(1, block_ * k_in));
    room(s_.w, std::max<Index>(1, block_ * k_out));
    s_.rows.resize(static_cast<std::size_t>(block_ + kernels::kRowsAhead));
    s_.acc.head(p_ * k_out).setZero();
    s_.sums.head(k_out).setZero();
    a_.count_pass();
  }

  /// Where dense rows are, `count` from row0 on, and behind them those which are to be fetched ahead; returns how many of all may
  /// be fetched.
  static Index list_rows(const Design& a, Index row0, Index count, std::vector<const double*>& rows) {
    const bool large = 8 * a.features() * a.rows_ > kCached;
    const Index listed = large ? std::min(count + kernels::kRowsAhead, a.rows_ - row0) : 0;
    for (Index r = 0; r < std::max(count, listed); ++r) rows[static_cast<std::size_t>(r)] = a.dense_row(row0 + r);
    return listed;
  }

  // A v = X (v / scale) - 1 shift'(v / scale) + 1 v_last: standardization and intercept act on v and on a constant.
  void load(Index c, const double* v, Index stride) {
    double* to = a_.sparse() ? s_.v.data() + c : s_.v.data() + c * p_;
    const Index step = a_.sparse() ? k_in_ : 1;
    double offset = a_.intercept_ ? v[p_ * stride] : 0;
    if (a_.inverse_.size() == 0) {
      for (Index j = 0; j < p_; ++j) to[j * step] = v[j * stride];
    } else {
      for (Index j = 0; j < p_; ++j) to[j * step] = v[j * stride] * a_.inverse_[j];
      for (Index j = 0; j < p_; ++j) offset -= a_.shift_[j] * to[j * step];
    }
    s_.offset[c] = offset;
  }

  /// Returns the sum of what the blocks return, in their order.
  double run(BlockFunction fn) {
    double total = 0;
    for (Index row0 = 0; row0 < a_.rows_; row0 += block_) {
      const Index m = std::min(block_, a_.rows_ - row0);
      point_at(row0, m);
      forward(row0, m, s_.t.data(), m);
      total +=
          fn(row0, Eigen::Map<const Eigen::MatrixXd>(s_.t.data(), m, k_in_), Eigen::Map<Eigen::MatrixXd>(s_.w.data(), m, k_out_));
      if (k_out_ > 0) backward(row0, m);
    }
    return total;
  }
  /// t = A v, columns ld apart.
  void forward_all(double* t, Index ld) {
    for (Index row0 = 0; row0 < a_.rows_; row0 += block_) {
      const Index m = std::min(block_, a_.rows_ - row0);
      point_at(row0, m);
      forward(row0, m, t + row0, ld);
    }
  }

  // A' w = (X' w - shift 1'w) / scale, and 1'w for the intercept.
  void store(Index c, double* out, Index stride) const {
    const double* from = a_.sparse() ? s_.acc.data() + c : s_.acc.data() + c * p_;
    const Index step = a_.sparse() ? k_out_ : 1;
    const double sum = s_.sums[c];
    if (a_.inverse_.size() == 0) {
      for (Index j = 0; j < p_; ++j) out[j * stride] = from[j * step];
    } else {
      for (Index j = 0; j < p_; ++j) out[j * stride] = (from[j * step] - a_.shift_[j] * sum) * a_.inverse_[j];
    }
    if (a_.intercept_) out[p_ * stride] = sum;
  }

private:
  /// At the rows of a block, and at those behind it which are to be fetched ahead.
  void point_at(Index row0, Index m) {
    if (!a_.sparse()) listed_ = list_rows(a_, row0, m, s_.rows);
  }

  void forward(Index row0, Index m, double* t, Index ld) {
    if (a_.sparse()) {
      forward_sparse(row0, m, t, ld);
    } else {
      const double* v = s_.v.data();
      Index c = 0;
      for (; c + 4 <= k_in_; c += 4) kernels::dot_rows4(s_.rows.data(), m, p_, v + c * p_, p_, t + c * ld, ld);
      for (; c + 2 <= k_in_; c += 2)
        kernels::dot_rows2(s_.rows.data(), m, listed_, p_, v + c * p_, v + (c + 1) * p_, t + c * ld, t + (c + 1) * ld);
      if (c < k_in_) kernels::dot_rows(s_.rows.data(), m, listed_, p_, v + c * p_, t + c * ld);
    }
    for (Index c = 0; c < k_in_; ++c) {
      if (s_.offset[c] != 0) Eigen::Map<Vec>(t + c * ld, m).array() += s_.offset[c];
    }
  }

  void backward(Index row0, Index m) {
    if (a_.sparse()) {
      backward_sparse(row0, m);
    } else {
      const double* w = s_.w.data();
      double* acc = s_.acc.data();
      Index c = 0;
      for (; c + 4 <= k_out_; c += 4) kernels::axpy_rows4(s_.rows.data(), m, p_, w + c * m, m, acc + c * p_, p_);
      for (; c + 2 <= k_out_; c += 2)
        kernels::axpy_rows2(s_.rows.data(), m, p_, w + c * m, w + (c + 1) * m, acc + c * p_, acc + (c + 1) * p_);
      if (c < k_out_) kernels::axpy_rows(s_.rows.data(), m, p_, w + c * m, acc + c * p_);
    }
    if (a_.intercept_ || a_.inverse_.size() > 0) {
      for (Index c = 0; c < k_out_; ++c) s_.sums[c] += Eigen::Map<const Vec>(s_.w.data() + c * m, m).sum();
    }
  }

  void forward_sparse(Index row0, Index m, double* t, Index ld) const {
    const std::int32_t* start = a_.csr_->outerIndexPtr();
    const std::int32_t* column = a_.csr_->innerIndexPtr();
    const double* value = a_.csr_->valuePtr();
    for (Index r = 0; r < m; ++r) {
      const Index i = a_.source_row(row0 + r), begin = start[i], end = start[i + 1];
      for (Index c0 = 0; c0 < k_in_; c0 += 8) {
        const Index k = std::min<Index>(8, k_in_ - c0);
        double sum[8] = {};
        const double* v = s_.v.data() + c0;
        if (k == 1) {
          for (Index e = begin; e < end; ++e) sum[0] += value[e] * v[column[e] * k_in_];
        } else {
          for (Index e = begin; e < end; ++e) {
            const double* at = v + column[e] * k_in_;
            for (Index c = 0; c < k; ++c) sum[c] += value[e] * at[c];
          }
        }
        for (Index c = 0; c < k; ++c) t[(c0 + c) * ld + r] = sum[c];
      }
    }
  }

  void backward_sparse(Index row0, Index m) {
    const std::int32_t* start = a_.csr_->outerIndexPtr();
    const std::int32_t* column = a_.csr_->innerIndexPtr();
    const double* value = a_.csr_->valuePtr();
    double* acc = s_.acc.data();
    const double* w = s_.w.data();
    for (Index r = 0; r < m; ++r) {
      const Index i = a_.source_row(row0 + r), begin = start[i], end = start[i + 1];
      if (k_out_ == 1) {
        for (Index e = begin; e < end; ++e) acc[column[e]] += value[e] * w[r];
      } else {
        for (Index e = begin; e < end; ++e) {
          double* at = acc + column[e] * k_out_;
          for (Index c = 0; c < k_out_; ++c) at[c] += value[e] * w[c * m + r];
        }
      }
    }
  }

  const Design& a_;
  Lease lease_;
  Scratch& s_;
  Index p_, k_in_, k_out_, block_, listed_ = 0;
};

Design::Design(std::shared_ptr<const Mat> x) : dense_(std::move(x)) {
  if (!dense_) throw UsageError("a design needs a matrix, got none");
  rows_ = dense_->rows();
}

Design::Design(std::shared_ptr<const CsrMatrix> x) : csr_(std::move(x)) {
  if (!csr_) throw UsageError("a design needs a matrix, got none");
  if (!csr_->isCompressed()) throw UsageError("a design needs a compressed sparse matrix: call makeCompressed() first");
  rows_ = csr_->rows();
}

Index Design::features() const { return dense_ ? dense_->cols() : csr_ ? csr_->cols() : 0; }

Index Design::stored() const {
  if (!csr_) return rows_ * features();
  const std::int32_t* start = csr_->outerIndexPtr();
  Index total = 0;
  for (Index i = 0; i < rows_; ++i) total += start[source_row(i) + 1] - start[source_row(i)];
  return total;
}

Index Design::block_rows() const {
  Index bytes = 8 * features();
  if (csr_) bytes = 12 * (csr_->nonZeros() / std::max<Index>(1, csr_->rows()));
  return std::min(rows_, std::clamp<Index>(kBlockBytes / std::max<Index>(8, bytes), 8, kMaxBlockRows));
}

void Design::count_pass() const {
  for (const auto& counter : counters_) counter->data_passes.fetch_add(1, std::memory_order_relaxed);
}

Design Design::row_range(Index first, Index count) const {
  if (first < 0 || count < 0 || first + count > rows_)
    throw UsageError("rows " + std::to_string(first) + " to " + std::to_string(first + count - 1) +
                     " were asked of a design with " + std::to_string(rows_) + " rows");
  Design part = *this;
  part.rows_ = count;
  if (list_)
    part.list_ = std::make_shared<std::vector<Index>>(list_->begin() + first, list_->begin() + first + count);
  else
    part.first_ = first_ + first;
  return part;
}

Design Design::row_list(const std::vector<Index>& rows) const {
  auto list = std::make_shared<std::vector<Index>>();
  list->reserve(rows.size());
  bool consecutive = !rows.empty();
  for (const Index i : rows) {
    if (i < 0 || i >= rows_)
      throw UsageError("row " + std::to_string(i) + " was asked of a design with " + std::to_string(rows_) + " rows");
    list->push_back(source_row(i));
    consecutive = consecutive && list->back() == list->front() + static_cast<Index>(list->size()) - 1;
  }
  Design part = *this;
  part.rows_ = static_cast<Index>(rows.size());
  part.first_ = consecutive ? list->front() : 0;
  part.list_ = consecutive ? nullptr : list;
  return part;
}

Design Design::standardized(In shift, In scale) const {
  if (shift.size() != features() || scale.size() != features())
    throw UsageError("standardizing " + std::to_string(features()) + " columns needs as many shifts and scales, got " +
                     std::to_string(shift.size()) + " and " + std::to_string(scale.size()));
  if (!shift.allFinite() || !scale.allFinite() || (scale.array() <= 0).any())
    throw UsageError("standardizing needs finite shifts and positive finite scales; give a constant column the scale 1");
  Design part = *this;
  part.shift_ = shift;
  part.scale_ = scale;
  part.inverse_ = scale.cwiseInverse();
  return part;
}

Design Design::with_intercept() const {
  Design part = *this;
  part.intercept_ = true;
  return part;
}

Design Design::counted(std::shared_ptr<WorkCounter> counter) const {
  Design part = *this;
  if (!counter || std::find(counters_.begin(), counters_.end(), counter) != counters_.end()) return part;
  counter->passes_known = true;
  part.counters_.push_back(std::move(counter));
  return part;
}

double Design::sweep(In v, BlockFunction fn, Out out) const {
  require_size(v.size(), cols(), "entries");
  require_size(out.size(), cols(), "entries for the result");
  Pass pass(*this, 1, 1);
  pass.load(0, v.data(), 1);
  const double total = pass.run(fn);
  pass.store(0, out.data(), 1);
  return total;
}

double Design::sweep_pair(In v1, In v2, BlockFunction fn, Out out) const {
  require_size(v1.size(), cols(), "entries");
  require_size(v2.size(), cols(), "entries");
  require_size(out.size(), cols(), "entries for the result");
  Pass pass(*this, 2, 1);
  pass.load(0, v1.data(), 1);
  pass.load(1, v2.data(), 1);
  const double total = pass.run(fn);
  pass.store(0, out.data(), 1);
  return total;
}

double Design::sweep_batch(InM v, BlockFunction fn, OutM out) const {
  require_size(v.rows(), cols(), "entries");
  require_size(out.rows(), cols(), "entries for the result");
  Pass pass(*this, v.cols(), out.cols());
  for (Index c = 0; c < v.cols(); ++c) pass.load(c, v.data() + c, v.outerStride());
  const double total = pass.run(fn);
  for (Index c = 0; c < out.cols(); ++c) pass.store(c, out.data() + c, out.outerStride());
  return total;
}

double Design::sweep_more(In v, InM more_v, BlockFunction fn, Out out, OutM more_out) const {
  require_size(v.size(), cols(), "entries");
  require_size(more_v.rows(), cols(), "entries");
  require_size(out.size(), cols(), "entries for the result");
  require_size(more_out.rows(), cols(), "entries for the result");
  Pass pass(*this, 1 + more_v.cols(), 1 + more_out.cols());
  pass.load(0, v.data(), 1);
  for (Index c = 0; c < more_v.cols(); ++c) pass.load(1 + c, more_v.data() + c, more_v.outerStride());
  const double total = pass.run(fn);
  pass.store(0, out.data(), 1);
  for (Index c = 0; c < more_out.cols(); ++c) pass.store(1 + c, more_out.data() + c, more_out.outerStride());
  return total;
}

double Design::visit(In v, BlockFunction fn) const {
  require_size(v.size(), cols(), "entries");
  Pass pass(*this, 1, 0);
  pass.load(0, v.data(), 1);
  return pass.run(fn);
}

void Design::multiply(In v, Out t) const {
  require_size(v.size(), cols(), "entries");
  require_size(t.size(), rows_, "entries for the result");
  Pass pass(*this, 1, 0);
  pass.load(0, v.data(), 1);
  pass.forward_all(t.data(), rows_);
}

void Design::multiply_t(In w, Out out) const {
  require_size(w.size(), rows_, "entries");
  require_size(out.size(), cols(), "entries for the result");
  Pass pass(*this, 0, 1);
  pass.run([&](Index row0, BlockIn, BlockOut block) { block.col(0) = w.segment(row0, block.rows()); });
  pass.store(0, out.data(), 1);
}

void Design::dense_gram(In w, const double* beside, OutM h) const {
  kernels::GramColumns columns{features(), nullptr, nullptr, intercept_, beside != nullptr};
  if (inverse_.size() > 0) {
    columns.shift = shift_.data();
    columns.inverse = inverse_.data();
  }
  kernels::GramSum sum(columns, rows_, h);
  for (Index i = 0; i < rows_; ++i) sum.add(dense_row(i), w[i], beside ? beside[i] : 0);
  sum.finish();
}

// G = X' W X, g = X' w and 1'w of the stored numbers; then (G - g shift' - shift g' + 1'w shift shift') / (scale scale').
void Design::sparse_gram(In w, OutM h) const {
  const Index p = features();
  const std::int32_t* start = csr_->outerIndexPtr();
  const std::int32_t* column = csr_->innerIndexPtr();
  const double* value = csr_->valuePtr();
  Vec g = Vec::Zero(p);
  kernels::GramSum sum({p}, rows_, h.topLeftCorner(p, p));
  for (Index i = 0; i < rows_; ++i) {
    if (w[i] == 0) continue;
    const Index begin = start[source_row(i)], count = start[source_row(i) + 1] - begin;
    sum.add_sparse(column + begin, value + begin, count, w[i]);
    for (Index e = begin; e < begin + count; ++e) g[column[e]] += w[i] * value[e];
  }
  sum.finish();
  const double total = w.sum();
  if (inverse_.size() > 0) {
    for (Index j = 0; j < p; ++j) {
      for (Index k = j; k < p; ++k)
        h(j, k) = (h(j, k) - g[j] * shift_[k] - shift_[j] * g[k] + total * shift_[j] * shift_[k]) * inverse_[j] * inverse_[k];
    }
    g = (g - total * shift_).cwiseProduct(inverse_).eval();
  }
  if (intercept_) {
    h.col(p).head(p) = g;
    h(p, p) = total;
  }
}

void Design::weighted_gram(In w, OutM h) const {
  require_size(w.size(), rows_, "weights");
  require_size(h.rows(), cols(), "rows for the result");
  require_size(h.cols(), cols(), "columns for the result");
  count_pass();
  if (sparse())
    sparse_gram(w, h);
  else
    dense_gram(w, nullptr, h);
  kernels::mirror_upper(h);
}

void Design::weighted_gram_beside(In w, In y, OutM h) const {
  if (sparse()) throw UsageError("a column beside the others is for dense rows");
  require_size(w.size(), rows_, "weights");
  require_size(y.size(), rows_, "entries of the column beside the others");
  require_size(h.rows(), cols() + 1, "rows for the result");
  require_size(h.cols(), cols() + 1, "columns for the result");
  count_pass();
  dense_gram(w, y.data(), h);
  kernels::mirror_upper(h);
}

void Design::sparse_squares(In w, Out d) const {
  const Index p = features();
  Vec g = Vec::Zero(p);
  for (Index i = 0; i < rows_; ++i) {
    for (CsrMatrix::InnerIterator a(*csr_, source_row(i)); a; ++a) {
      const double wa = w[i] * a.value();
      g[a.col()] += wa;
      d[a.col()] += wa * a.value();
    }
  }
  if (inverse_.size() == 0) return;
  const double total = w.sum();
  for (Index j = 0; j < p; ++j) d[j] = (d[j] - 2 * shift_[j] * g[j] + total * shift_[j] * shift_[j]) * inverse_[j] * inverse_[j];
}

void Design::weighted_squares(In w, Out d) const {
  require_size(w.size(), rows_, "weights");
  require_size(d.size(), cols(), "entries for the result");
  count_pass();
  const Index p = features();
  d.setZero();
  if (sparse()) {
    sparse_squares(w, d);
  } else {
    Lease lease;
    std::vector<const double*>& rows = (*lease).rows;
    const Index block = block_rows();
    rows.resize(static_cast<std::size_t>(block + kernels::kRowsAhead));
    for (Index row0 = 0; row0 < rows_; row0 += block) {
      const Index m = std::min(block, rows_ - row0), listed = Pass::list_rows(*this, row0, m, rows);
      kernels::squares_rows(rows.data(), m, listed, p, w.data() + row0, inverse_.size() > 0 ? shift_.data() : nullptr, d.data());
    }
    if (inverse_.size() > 0) d.head(p).array() *= inverse_.array().square();
  }
  if (intercept_) d[p] = w.sum();
}

// each(j, weight, entry as it acts) for what is stored of the rows that count, and rest(j, weight, entry) for the others of a
// column together, whose entry is that of a 0.
template <class Each, class Rest>
void Design::each_entry(In w, const Each& each, const Rest& rest) const {
  const Index p = features();
  const bool scaled = inverse_.size() > 0;
  const auto acting = [&](Index j, double value) { return scaled ? (value - shift_[j]) * inverse_[j] : value; };
  if (!sparse()) {
    for (Index i = 0; i < rows_; ++i) {
      if (!(w[i] > 0)) continue;
      const double* a = dense_row(i);
      for (Index j = 0; j < p; ++j) each(j, w[i], acting(j, a[j]));
    }
    return;
  }
  Vec stored = Vec::Zero(p);
  std::vector<Index> count(static_cast<std::size_t>(p), 0);
  Index used = 0;
  double total = 0;
  for (Index i = 0; i < rows_; ++i) {
    if (!(w[i] > 0)) continue;
    ++used;
    total += w[i];
    for (CsrMatrix::InnerIterator a(*csr_, source_row(i)); a; ++a) {
      each(a.col(), w[i], acting(a.col(), a.value()));
      stored[a.col()] += w[i];
      ++count[static_cast<std::size_t>(a.col())];
    }
  }
  for (Index j = 0; j < p; ++j) {
    if (count[static_cast<std::size_t>(j)] < used) rest(j, total - stored[j], acting(j, 0));
  }
}

ColumnMoments Design::column_moments(In w) const {
  require_size(w.size(), rows_, "weights");
  if (!(w.maxCoeff() > 0)) throw UsageError("moments of columns need a row with a positive weight");
  count_pass();
  const Index p = features();
  ColumnMoments m;
  m.low = Vec::Constant(p, std::numeric_limits<double>::infinity());
  m.high = -m.low;
  double total = 0;
  for (Index i = 0; i < rows_; ++i) total += std::max(w[i], 0.0);
  const auto span = [&](Index j, double, double a) {
    m.low[j] = std::min(m.low[j], a);
    m.high[j] = std::max(m.high[j], a);
  };
  each_entry(w, span, span);
  Vec inverse(p), unit(p);  // powers of two, which round nothing
  for (Index j = 0; j < p; ++j) {
    const double largest = std::max(std::abs(m.low[j]), std::abs(m.high[j]));
    unit[j] = std::ldexp(1.0, std::isfinite(largest) && largest > 0 ? std::clamp(std::ilogb(largest), -1000, 1000) : 0);
    inverse[j] = 1 / unit[j];
  }
  m.mean = Vec::Zero(p);
  Vec square = Vec::Zero(p), second = Vec::Zero(p), fourth = Vec::Zero(p);
  const auto first_pass = [&](Index j, double weight, double a) {
    const double t = a * inverse[j];
    m.mean[j] += weight * t;
    square[j] += weight * t * t;
  };
  each_entry(w, first_pass, first_pass);
  m.mean /= total;
  for (Index j = 0; j < p; ++j) {
    if (m.low[j] == m.high[j]) m.mean[j] = m.low[j] * inverse[j];  // exactly, or rounding would leave a column of noise
  }
  const auto second_pass = [&](Index j, double weight, double a) {
    const double t = a * inverse[j] - m.mean[j], tt = t * t;
    second[j] += weight * tt;
    fourth[j] += weight * tt * tt;
  };
  each_entry(w, second_pass, second_pass);
  m.mean = m.mean.cwiseProduct(unit);
  m.rms = (square / total).cwiseSqrt().cwiseProduct(unit);
  m.deviation = (second / total).cwiseSqrt().cwiseProduct(unit);
  m.size = Vec::Zero(p);
  for (Index j = 0; j < p; ++j) {
    if (second[j] > 0) m.size[j] = std::sqrt(fourth[j] / second[j]) * unit[j];
  }
  return m;
}

Vec Design::row(Index i) const {
  if (i < 0 || i >= rows_)
    throw UsageError("row " + std::to_string(i) + " was asked of a design with " + std::to_string(rows_) + " rows");
  const Index p = features();
  Vec a = Vec::Zero(cols());
  if (sparse()) {
    for (CsrMatrix::InnerIterator e(*csr_, source_row(i)); e; ++e) a[e.col()] = e.value();
  } else {
    a.head(p) = Eigen::Map<const Vec>(dense_row(i), p);
  }
  if (inverse_.size() > 0) a.head(p) = (a.head(p) - shift_).cwiseProduct(inverse_).eval();
  if (intercept_) a[p] = 1;
  return a;
}

}  // namespace tacit::inline TACIT_ABI
