#include <tacit/core/linear/design.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <string>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/gram_kernel.hpp>
#include <tacit/core/linear/detail/kernels.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/threads.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr Index kBlockBytes = 64 * 1024;  // of X: read from memory once, still in the cache for the way back
constexpr Index kMaxBlockRows = 2048;
constexpr Index kCached = 1 << 20;  // bytes of X: so much stays in the second-level cache from pass to pass

// Threads take chunks of rows, each of which leaves sums of its own. A chunk has so many bytes of X at least, or waking a thread
// costs more than it does, and so many times those of its sums, or clearing and adding them would; all sums together are then
// no more than a sixteenth of X.
constexpr double kChunkBytes = 512 * 1024, kChunkOverSums = 16;
constexpr Index kMostChunks = 32;
// Sums of Gram matrices are long: a chunk has so many dense rows at least, and of sparse ones so many products of two entries
// for each of its sums.
constexpr double kGramRows = 4096, kPairsOverSums = 64;

/// Buffers of a pass. They grow to what the thread needs and stay, so that no iteration allocates.
struct Scratch {
  kernels::Buffer v, offset, sums, t, w;
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

/// Rows cut into chunks of whole blocks, by their sizes alone.
struct Design::Cut {
  Index rows, block, chunks, threads;
  Index first(Index chunk) const {
    const Index blocks = (rows + block - 1) / block;
    return std::min(rows, blocks * chunk / chunks * block);
  }
  Index end(Index chunk) const { return first(chunk + 1); }
  /// How far rows may be fetched ahead: what follows the chunk is read next where one thread has all.
  Index readable(Index chunk) const { return threads > 1 ? end(chunk) : rows; }

  /// job(chunk) for each, beside each other where there are threads for it.
  template <class Job>
  void each(const Job& job) const {
    const auto one = [&](std::size_t chunk) { job(static_cast<Index>(chunk)); };
    if (chunks > 1 && threads > 1) {
      run_parallel(static_cast<std::size_t>(chunks), threads, std::ref(one));
    } else {
      for (Index chunk = 0; chunk < chunks; ++chunk) job(chunk);
    }
  }
  /// The same for chunks that leave `size` numbers each, in memory of their own: merge(those of the first, those of another) is
  /// called in the order of the chunks. Returns those of the first.
  template <class Job, class Merge>
  double* merged(kernels::Buffer& buffer, Index size, const Job& job, const Merge& merge) const {
    constexpr Index kLine = 8;  // no two chunks write to the same cache line
    const Index apart = (size + kLine - 1) / kLine * kLine;
    double* first = room(buffer, apart * chunks);
    each([&](Index chunk) { job(chunk, first + chunk * apart); });
    for (Index chunk = 1; chunk < chunks; ++chunk) merge(first, first + chunk * apart);
    return first;
  }
  /// The same for sums, which are 0 before.
  template <class Job>
  double* sum(kernels::Buffer& buffer, Index size, const Job& job) const {
    const auto from_zero = [&](Index chunk, double* own) {
      std::fill_n(own, size, 0.0);
      job(chunk, own);
    };
    return merged(buffer, size, from_zero,
                  [size](double* sums, const double* next) { Eigen::Map<Vec>(sums, size) += Eigen::Map<const Vec>(next, size); });
  }
};

/// One pass over the rows: columns in are loaded (scaled), blocks are worked on, columns out are stored.
class Design::Pass {
public:
  Pass(const Design& design, Index k_in, Index k_out)
      : a_(design), s_(*lease_), p_(design.features()), k_in_(k_in), k_out_(k_out), cut_(design.cut((p_ + 1) * k_out)) {
    room(s_.v, std::max<Index>(1, p_ * k_in));
    room(s_.offset, std::max<Index>(1, k_in));
    a_.count_pass();
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
  double run(BlockFunction fn);
  /// t = A v, columns ld apart.
  void forward_all(double* t, Index ld);

  // A' w = (X' w - shift 1'w) / scale, and 1'w for the intercept.
  void store(Index c, double* out, Index stride) const {
    const double* from = a_.sparse() ? acc_ + c : acc_ + c * p_;
    const Index step = a_.sparse() ? k_out_ : 1;
    const double sum = acc_[p_ * k_out_ + c];
    if (a_.inverse_.size() == 0) {
      for (Index j = 0; j < p_; ++j) out[j * stride] = from[j * step];
    } else {
      for (Index j = 0; j < p_; ++j) out[j * stride] = (from[j * step] - a_.shift_[j] * sum) * a_.inverse_[j];
    }
    if (a_.intercept_) out[p_ * stride] = sum;
  }

private:
  class Worker;

  const Design& a_;
  Lease lease_;
  Scratch& s_;
  Index p_, k_in_, k_out_;
  Cut cut_;
  double* acc_ = nullptr;  // p x k_out sums of A' w, k_out sums of w, and that of what the blocks return
};

/// The blocks of one chunk, on the thread that it falls to, whose scratch it uses.
class Design::Pass::Worker {
public:
  /// sums: where the chunk leaves its own; null: it leaves none.
  Worker(const Pass& pass, Index chunk, double* sums)
      : pass_(pass), a_(pass.a_), s_(*lease_), chunk_(chunk), p_(pass.p_), k_in_(pass.k_in_), k_out_(pass.k_out_), acc_(sums) {
    const Index block = pass.cut_.block;
    room(s_.t, std::max<Index>(1, block * k_in_));
    room(s_.w, std::max<Index>(1, block * k_out_));
    s_.rows.resize(static_cast<std::size_t>(block + kernels::kRowsAhead));
  }
  double* t() { return s_.t.data(); }
  double* w() { return s_.w.data(); }

  /// work(row0, rows) for each block, in their order.
  template <class Work>
  void each_block(const Work& work) {
    const Cut& cut = pass_.cut_;
    const Index end = cut.end(chunk_);
    for (Index row0 = cut.first(chunk_); row0 < end; row0 += cut.block) {
      const Index m = std::min(cut.block, end - row0);
      if (!a_.sparse()) listed_ = a_.list_rows(row0, m, cut.readable(chunk_), s_.rows);
      work(row0, m);
    }
  }

  void forward(Index row0, Index m, double* t, Index ld) const {
    if (a_.sparse()) {
      forward_sparse(row0, m, t, ld);
    } else {
      const double* v = pass_.s_.v.data();
      Index c = 0;
      for (; c + 4 <= k_in_; c += 4) kernels::dot_rows4(s_.rows.data(), m, p_, v + c * p_, p_, t + c * ld, ld);
      for (; c + 2 <= k_in_; c += 2)
        kernels::dot_rows2(s_.rows.data(), m, listed_, p_, v + c * p_, v + (c + 1) * p_, t + c * ld, t + (c + 1) * ld);
      if (c < k_in_) kernels::dot_rows(s_.rows.data(), m, listed_, p_, v + c * p_, t + c * ld);
    }
    for (Index c = 0; c < k_in_; ++c) {
      const double offset = pass_.s_.offset[c];
      if (offset != 0) Eigen::Map<Vec>(t + c * ld, m).array() += offset;
    }
  }

  void backward(Index row0, Index m) const {
    const double* w = s_.w.data();
    if (a_.sparse()) {
      backward_sparse(row0, m);
    } else {
      Index c = 0;
      for (; c + 4 <= k_out_; c += 4) kernels::axpy_rows4(s_.rows.data(), m, p_, w + c * m, m, acc_ + c * p_, p_);
      for (; c + 2 <= k_out_; c += 2)
        kernels::axpy_rows2(s_.rows.data(), m, p_, w + c * m, w + (c + 1) * m, acc_ + c * p_, acc_ + (c + 1) * p_);
      if (c < k_out_) kernels::axpy_rows(s_.rows.data(), m, p_, w + c * m, acc_ + c * p_);
    }
    if (a_.intercept_ || a_.inverse_.size() > 0) {
      for (Index c = 0; c < k_out_; ++c) acc_[p_ * k_out_ + c] += Eigen::Map<const Vec>(w + c * m, m).sum();
    }
  }

private:
  void forward_sparse(Index row0, Index m, double* t, Index ld) const {
    const std::int32_t* start = a_.csr_->outerIndexPtr();
    const std::int32_t* column = a_.csr_->innerIndexPtr();
    const double* value = a_.csr_->valuePtr();
    for (Index r = 0; r < m; ++r) {
      const Index i = a_.source_row(row0 + r), begin = start[i], end = start[i + 1];
      for (Index c0 = 0; c0 < k_in_; c0 += 8) {
        const Index k = std::min<Index>(8, k_in_ - c0);
        double sum[8] = {};
        const double* v = pass_.s_.v.data() + c0;
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

  void backward_sparse(Index row0, Index m) const {
    const std::int32_t* start = a_.csr_->outerIndexPtr();
    const std::int32_t* column = a_.csr_->innerIndexPtr();
    const double* value = a_.csr_->valuePtr();
    const double* w = s_.w.data();
    for (Index r = 0; r < m; ++r) {
      const Index i = a_.source_row(row0 + r), begin = start[i], end = start[i + 1];
      if (k_out_ == 1) {
        for (Index e = begin; e < end; ++e) acc_[column[e]] += value[e] * w[r];
      } else {
        for (Index e = begin; e < end; ++e) {
          double* at = acc_ + column[e] * k_out_;
          for (Index c = 0; c < k_out_; ++c) at[c] += value[e] * w[c * m + r];
        }
      }
    }
  }

  const Pass& pass_;
  const Design& a_;
  Lease lease_;
  Scratch& s_;
  Index chunk_, p_, k_in_, k_out_, listed_ = 0;
  double* acc_;
};

double Design::Pass::run(BlockFunction fn) {
  const Index shares = (p_ + 1) * k_out_;
  acc_ = cut_.sum(s_.sums, shares + 1, [&](Index chunk, double* own) {
    Worker worker(*this, chunk, own);
    worker.each_block([&](Index row0, Index m) {
      double *t = worker.t(), *w = worker.w();
      worker.forward(row0, m, t, m);
      own[shares] += fn(row0, Eigen::Map<const Eigen::MatrixXd>(t, m, k_in_), Eigen::Map<Eigen::MatrixXd>(w, m, k_out_));
      if (k_out_ > 0) worker.backward(row0, m);
    });
  });
  return acc_[shares];
}

void Design::Pass::forward_all(double* t, Index ld) {
  cut_.each([&](Index chunk) {
    Worker worker(*this, chunk, nullptr);
    worker.each_block([&](Index row0, Index m) { worker.forward(row0, m, t + row0, ld); });
  });
}

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

double Design::entries_in_row() const {
  if (!csr_) return static_cast<double>(features());
  return static_cast<double>(csr_->nonZeros()) / static_cast<double>(std::max<Index>(1, csr_->rows()));
}

double Design::bytes() const { return (csr_ ? 12 : 8) * entries_in_row() * static_cast<double>(rows_); }

Design::Cut Design::cut_into(double chunks) const {
  const Index block = std::max<Index>(1, block_rows()), most = std::min(kMostChunks, (rows_ + block - 1) / block);
  chunks = std::min({chunks, bytes() / kChunkBytes, static_cast<double>(most)});
  return {rows_, block, std::max<Index>(1, static_cast<Index>(chunks)), threads_here()};
}

Design::Cut Design::cut(Index sums) const {
  return cut_into(bytes() / (kChunkOverSums * 8 * static_cast<double>(std::max<Index>(1, sums))));
}

Index Design::chunks() const { return cut(cols()).chunks; }

Index Design::list_rows(Index row0, Index count, Index end, std::vector<const double*>& rows) const {
  const bool large = 8 * features() * rows_ > kCached;
  const Index listed = large ? std::min(count + kernels::kRowsAhead, end - row0) : 0;
  for (Index r = 0; r < std::max(count, listed); ++r) rows[static_cast<std::size_t>(r)] = dense_row(row0 + r);
  return listed;
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

// The chunks behind the first have matrices of their own.
template <class Add>
void Design::sum_grams(const Cut& cut, OutM h, const Add& add) {
  std::vector<Mat> others(static_cast<std::size_t>(cut.chunks - 1));
  cut.each([&](Index chunk) {
    if (chunk == 0) return add(chunk, h);
    Mat& own = others[static_cast<std::size_t>(chunk - 1)];
    own.resize(h.rows(), h.cols());
    add(chunk, own);
  });
  for (const Mat& other : others) {
    for (Index i = 0; i < h.rows(); ++i) h.row(i).tail(h.cols() - i) += other.row(i).tail(h.cols() - i);
  }
}

void Design::dense_gram(In w, const double* beside, OutM h) const {
  kernels::GramColumns columns{features(), nullptr, nullptr, intercept_, beside != nullptr};
  if (inverse_.size() > 0) {
    columns.shift = shift_.data();
    columns.inverse = inverse_.data();
  }
  const double at_least = std::max(kGramRows, kChunkOverSums * static_cast<double>(h.cols()));
  const Cut cut = cut_into(static_cast<double>(rows_) / at_least);
  sum_grams(cut, h, [&](Index chunk, OutM own) {
    kernels::GramSum sum(columns, rows_, own);
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) sum.add(dense_row(i), w[i], beside ? beside[i] : 0);
    sum.finish();
  });
}

// G = X' W X, g = X' w and 1'w of the stored numbers; then (G - g shift' - shift g' + 1'w shift shift') / (scale scale').
void Design::sparse_gram(In w, OutM h) const {
  const Index p = features();
  const std::int32_t* start = csr_->outerIndexPtr();
  const std::int32_t* column = csr_->innerIndexPtr();
  const double* value = csr_->valuePtr();
  const double in_row = entries_in_row(), numbers = static_cast<double>(std::max<Index>(1, p * p));
  const double pairs = static_cast<double>(rows_) * in_row * in_row / 2;
  const Cut cut = cut_into(std::min(pairs / kPairsOverSums, bytes() / 8) / numbers);
  std::vector<Vec> first_order(static_cast<std::size_t>(cut.chunks));
  sum_grams(cut, h.topLeftCorner(p, p), [&](Index chunk, OutM own) {
    Vec& own_g = first_order[static_cast<std::size_t>(chunk)];
    own_g = Vec::Zero(p);
    kernels::GramSum sum({p}, rows_, own);
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      if (w[i] == 0) continue;
      const Index begin = start[source_row(i)], count = start[source_row(i) + 1] - begin;
      sum.add_sparse(column + begin, value + begin, count, w[i]);
      for (Index e = begin; e < begin + count; ++e) own_g[column[e]] += w[i] * value[e];
    }
    sum.finish();
  });
  Vec& g = first_order.front();
  for (std::size_t chunk = 1; chunk < first_order.size(); ++chunk) g += first_order[chunk];
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

void Design::dense_squares(In w, Out d) const {
  const Lease lease;
  const Index p = features();
  const Cut cut = this->cut(p);
  const double* sums = cut.sum((*lease).sums, p, [&](Index chunk, double* own) {
    const Lease of_chunk;
    std::vector<const double*>& rows = (*of_chunk).rows;
    rows.resize(static_cast<std::size_t>(cut.block + kernels::kRowsAhead));
    for (Index row0 = cut.first(chunk); row0 < cut.end(chunk); row0 += cut.block) {
      const Index m = std::min(cut.block, cut.end(chunk) - row0), listed = list_rows(row0, m, cut.readable(chunk), rows);
      kernels::squares_rows(rows.data(), m, listed, p, w.data() + row0, inverse_.size() > 0 ? shift_.data() : nullptr, own);
    }
  });
  d.head(p) = Eigen::Map<const Vec>(sums, p);
  if (inverse_.size() > 0) d.head(p).array() *= inverse_.array().square();
}

void Design::sparse_squares(In w, Out d) const {
  const Lease lease;
  const Index p = features();
  const Cut cut = this->cut(2 * p);
  const double* sums = cut.sum((*lease).sums, 2 * p, [&](Index chunk, double* own) {
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      for (CsrMatrix::InnerIterator a(*csr_, source_row(i)); a; ++a) {
        const double wa = w[i] * a.value();
        own[a.col()] += wa * a.value();
        own[p + a.col()] += wa;
      }
    }
  });
  d.head(p) = Eigen::Map<const Vec>(sums, p);
  if (inverse_.size() == 0) return;
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
    for (Index i = cut.first(chunk); i < cut.end(chunk); ++i) {
      if (!(w[i] > 0)) continue;
      if (sparse()) {
        for (CsrMatrix::InnerIterator a(*csr_, source_row(i)); a; ++a) each(own, a.col(), w[i], acting(a.col(), a.value()));
      } else {
        const double* a = dense_row(i);
        const double weight = w[i];
        for (Index j = 0; j < p; ++j) each(own, j, weight, scaled ? (a[j] - shift[j]) * inverse[j] : a[j]);
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
