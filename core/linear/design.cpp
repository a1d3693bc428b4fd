#include <tacit/core/linear/design.hpp>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>

#include <tacit/core/linear/detail/design_cut.hpp>
#include <tacit/core/linear/detail/row_kernels.hpp>
#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

using detail::kChunkOverSums;
using detail::Lease;
using detail::require_size;
using detail::room;
using detail::Scratch;

// A block of rows is read from memory once and is still in the cache for the way back. With up to kFewVectors there and back
// together that is the first-level cache, as long as eight rows fit beside the vectors. Of longer rows the first level has too
// few for the losses to be evaluated at once, and with more vectors what counts is that those stay. On the way there the hardware
// sees what comes next; the way back, which finds its rows in the cache, asks for those of the next block, so that memory is
// never idle. With more vectors there is so much to compute on the way there that it has the time to ask.
constexpr Index kFirstLevelBytes = 20 * 1024, kBlockBytes = 128 * 1024, kSparseBlockBytes = 64 * 1024;
constexpr Index kMostFirstLevelBytes = 28 * 1024, kLossRows = 32;  // whose losses take no longer than those of 24
constexpr Index kFewVectors = 4;
constexpr Index kGroup = 8;  // rows that the kernels take at a time
constexpr Index kLeastBlockRows = 8, kMaxBlockRows = 2048;
// On the way there rows are fetched so far ahead.
constexpr Index kFarBytes = 128 * 1024, kMostAhead = 16;
constexpr Index kWindow = 256;  // rows that are listed at a time
// Rows that do not lie in memory. Measured (400 MB, of which three quarters or one are wanted): pieces of 1 MiB take 0.7 of the
// time that those of 64 KiB take, and 8 KiB cost less than a read of its own for what is behind them.
constexpr Index kReadBytes = Index{1} << 20U, kReadOver = 8192;
constexpr Index kCached = 1 << 20;  // bytes of X: so much stays in the second-level cache from pass to pass

// Threads take chunks of rows, each of which leaves sums of its own. A chunk has so many bytes of X at least, or waking a thread
// costs more than it does.
constexpr double kChunkBytes = 512 * 1024;
constexpr Index kMostChunks = 32;

Index bytes_apart(const RowSource& rows) { return Index{sizeof(double)} * std::max<Index>(1, rows.stride()); }
/// Rows between two wanted ones that are read with them.
Index rows_read_over(const RowSource& rows) { return kReadOver / bytes_apart(rows); }

}  // namespace

/// One pass over the rows: columns in are loaded (scaled), blocks are worked on, columns out are stored.
class Design::Pass {
public:
  Pass(const Design& design, Index k_in, Index k_out)
      : a_(design), s_(*lease_), p_(design.features()), apart_(design.sparse() ? p_ : kernels::padded(p_)), k_in_(k_in),
        k_out_(k_out), first_level_(k_in > 0 && k_out > 0 && k_in + k_out <= kFewVectors && design.first_level()),
        ahead_(way_of_fetching()), cut_(design.cut((p_ + 1) * (k_out <= 2 ? std::min<Index>(k_out, 1) : k_out), first_level_)) {
    room(s_.v, std::max<Index>(1, apart_ * k_in));
    room(s_.offset, std::max<Index>(1, k_in));
    a_.count_pass();
  }

  // A v = X (v / scale) - 1 shift'(v / scale) + 1 v_last: standardization and intercept act on v and on a constant.
  void load(Index c, const double* v, Index stride) {
    double* to = a_.sparse() ? s_.v.data() + c : s_.v.data() + c * apart_;
    const Index step = a_.sparse() ? k_in_ : 1;
    double offset = a_.intercept_ ? v[p_ * stride] : 0;
    if (a_.inverse_.size() == 0) {
      for (Index j = 0; j < p_; ++j) to[j * step] = v[j * stride];
    } else {
      for (Index j = 0; j < p_; ++j) to[j * step] = v[j * stride] * a_.inverse_[j];
      for (Index j = 0; j < p_; ++j) offset -= a_.shift_[j] * to[j * step];
    }
    if (!a_.sparse()) std::fill(to + p_, to + apart_, 0.0);
    s_.offset[c] = offset;
  }

  /// Returns the sum of what the blocks return, in their order.
  double run(BlockFunction fn);
  /// t = A v, columns ld apart.
  void forward_all(double* t, Index ld);

  // A' w = (X' w - shift 1'w) / scale, and 1'w for the intercept.
  void store(Index c, double* out, Index stride) const {
    const double* from = a_.sparse() ? acc_ + c : acc_ + c * apart_;
    const Index step = a_.sparse() ? k_out_ : 1;
    const double sum = acc_[apart_ * k_out_ + c];
    if (a_.inverse_.size() == 0) {
      for (Index j = 0; j < p_; ++j) out[j * stride] = from[j * step];
    } else {
      for (Index j = 0; j < p_; ++j) out[j * stride] = (from[j * step] - a_.shift_[j] * sum) * a_.inverse_[j];
    }
    if (a_.intercept_) out[p_ * stride] = sum;
  }

private:
  class Worker;
  /// On which way the rows that come next are fetched from memory.
  enum class Ahead : std::uint8_t { nowhere, there, back, both };

  // The hardware sees long rows coming where nothing but them is read: 20000 x 500 there alone takes 2.4 ms then, and 2.9 when
  // they are asked for.
  Ahead way_of_fetching() const {
    if (k_out_ == 0) return a_.first_level() ? Ahead::there : Ahead::nowhere;
    if (k_in_ == 2 && first_level_) return Ahead::both;
    return k_in_ <= kFewVectors / 2 ? Ahead::back : Ahead::there;
  }

  const Design& a_;
  Lease lease_;
  Scratch& s_;
  Index p_, apart_, k_in_, k_out_;  // apart: columns of dense rows lie so far from each other
  bool first_level_;                // blocks are those of the first-level cache
  Ahead ahead_;
  Cut cut_;
  double* acc_ = nullptr;  // k_out sums of A' w (p x k_out for sparse rows), k_out sums of w, and that of what the blocks return
};

/// The blocks of one chunk, on the thread that it falls to, whose scratch it uses.
class Design::Pass::Worker {
public:
  /// sums: where the chunk leaves its own; null: it leaves none.
  Worker(const Pass& pass, Index chunk, double* sums)
      : pass_(pass), a_(pass.a_), s_(*lease_), chunk_(chunk), p_(pass.p_), k_in_(pass.k_in_), k_out_(pass.k_out_), acc_(sums),
        rows_(a_, pass.cut_, chunk, a_.rows_ahead(pass.cut_.block, pass.ahead_ >= Ahead::back), s_) {
    const Index block = pass.cut_.block;
    room(s_.t, std::max<Index>(1, block * k_in_));
    room(s_.w, std::max<Index>(1, block * k_out_));
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
      if (!a_.sparse()) rows_.list(row0);
      work(row0, m);
    }
  }

  void forward(Index row0, Index m, double* t, Index ld) const {
    if (a_.sparse()) {
      forward_sparse(row0, m, t, ld);
    } else {
      const double* v = pass_.s_.v.data();
      kernels::dot_rows(rows_.here(), m, fetch(Ahead::there), p_, k_in_, {v, pass_.apart_}, {t, ld});
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
      kernels::axpy_rows(rows_.here(), m, fetch(Ahead::back), p_, k_out_, {w, m}, {acc_, pass_.apart_});
    }
    if (a_.intercept_ || a_.inverse_.size() > 0) {
      for (Index c = 0; c < k_out_; ++c) acc_[pass_.apart_ * k_out_ + c] += Eigen::Map<const Vec>(w + c * m, m).sum();
    }
  }

private:
  kernels::Fetch fetch(Ahead way) const {
    using Part = kernels::Fetch::Part;
    if (pass_.ahead_ == Ahead::both) return rows_.fetch(way == Ahead::there ? Part::first_half : Part::second_half);
    return pass_.ahead_ == way ? rows_.fetch(Part::all) : kernels::Fetch();
  }

  void forward_sparse(Index row0, Index m, double* t, Index ld) const {
    const double* v = pass_.s_.v.data();
    for (Index r = 0; r < m; ++r) {
      const kernels::SparseRow row = a_.sparse_row(row0 + r);
      kernels::in_parts(
          k_in_, [&](Index c, auto width, auto apart) { kernels::dot_entries<width>(row, v + c, apart, t + c * ld + r, ld); });
    }
  }

  void backward_sparse(Index row0, Index m) const {
    const double* w = s_.w.data();
    for (Index r = 0; r < m; ++r) {
      const kernels::SparseRow row = a_.sparse_row(row0 + r);
      kernels::in_parts(
          k_out_, [&](Index c, auto width, auto apart) { kernels::axpy_entries<width>(row, w + c * m + r, m, acc_ + c, apart); });
    }
  }

  const Pass& pass_;
  const Design& a_;
  Lease lease_;
  Scratch& s_;
  Index chunk_, p_, k_in_, k_out_;
  double* acc_;
  BlockRows rows_;
};

double Design::Pass::run(BlockFunction fn) {
  const Index shares = (apart_ + 1) * k_out_;
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

Design::Design(std::shared_ptr<const Mat> x) : Design(x ? matrix_rows(std::move(x)) : SharedRows()) {}

Design::Design(std::shared_ptr<const AlignedRows> x) : Design(x ? matrix_rows(std::move(x)) : SharedRows()) {}

Design::Design(SharedRows x) : dense_(std::move(x)) {
  if (!dense_) throw UsageError("a design needs a matrix, got none");
  rows_ = dense_->rows();
  begin_ = dense_->data();
  stride_ = dense_->stride();
}

Design::Design(std::shared_ptr<const CsrMatrix> x) : csr_(std::move(x)) {
  if (!csr_) throw UsageError("a design needs a matrix, got none");
  if (!csr_->isCompressed()) throw UsageError("a design needs a compressed sparse matrix: call makeCompressed() first");
  rows_ = csr_->rows();
  for (Index i = 0; i < rows_; ++i) {
    if (!kernels::ascending(sparse_row(i)))
      throw UsageError("row " + std::to_string(i) +
                       " of a sparse matrix has columns that do not ascend; sort them, and add up those that are there twice");
  }
}

Index Design::features() const { return dense_ ? dense_->cols() : csr_ ? csr_->cols() : 0; }

Index Design::stored() const {
  if (!csr_) return rows_ * features();
  Index total = 0;
  for (Index i = 0; i < rows_; ++i) total += sparse_row(i).count;
  return total;
}

bool Design::first_level() const {
  const Index row = 8 * features();
  return !csr_ && row * rows_ > kCached && row * kLeastBlockRows <= kFirstLevelBytes;
}

Index Design::block_rows(bool first_level) const {
  const Index bytes = csr_ ? kSparseBlockBytes : first_level ? kFirstLevelBytes : kBlockBytes;
  const Index row = csr_ ? 12 * (csr_->nonZeros() / std::max<Index>(1, csr_->rows())) : 8 * features();
  Index block = bytes / std::max<Index>(8, row) / kGroup * kGroup;
  if (first_level && row * kLossRows <= kMostFirstLevelBytes) block = std::max(block, kLossRows);
  return std::min(rows_, std::clamp(block, kLeastBlockRows, kMaxBlockRows));
}

double Design::entries_in_row() const {
  if (!csr_) return static_cast<double>(features());
  return static_cast<double>(csr_->nonZeros()) / static_cast<double>(std::max<Index>(1, csr_->rows()));
}

double Design::bytes() const { return (csr_ ? 12 : 8) * entries_in_row() * static_cast<double>(rows_); }

Design::Cut Design::cut_into(double chunks, bool first_level) const {
  const Index block = std::max<Index>(1, block_rows(first_level)), most = std::min(kMostChunks, (rows_ + block - 1) / block);
  chunks = std::min({chunks, bytes() / kChunkBytes, static_cast<double>(most)});
  return {rows_, block, std::max<Index>(1, static_cast<Index>(chunks)), threads_here()};
}

Design::Cut Design::cut(Index sums, bool first_level) const {
  return cut_into(bytes() / (kChunkOverSums * 8 * static_cast<double>(std::max<Index>(1, sums))), first_level);
}

Index Design::chunks() const { return cut(cols()).chunks; }

Index Design::rows_ahead(Index block, bool way_back) const {
  const Index row = 8 * features();
  if (!begin_ || row * rows_ <= kCached) return 0;
  if (way_back) return block;
  return std::clamp<Index>(kFarBytes / row / kGroup * kGroup, kGroup, kMostAhead);
}

/// How many rows from row0 on are read at once, with those between them that are not wanted.
Index Design::rows_at_once(Index row0, Index end) const {
  const Index most = kReadBytes / bytes_apart(*dense_), over = rows_read_over(*dense_);
  Index count = 1;
  for (Index read = 1; row0 + count < end && read < most; ++count)
    read += std::clamp<Index>(source_row(row0 + count) - source_row(row0 + count - 1), 1, 1 + over);
  return count;
}

void Design::BlockRows::next(Index row0) {
  const Index end = cut_.end(chunk_), wanted = a_.begin_ ? kWindow : a_.rows_at_once(row0, end);
  const Index count = std::min(std::max(wanted / cut_.block, Index{1}) * cut_.block, end - row0);
  listed_ = ahead_ > 0 ? std::min(count + ahead_, cut_.readable(chunk_) - row0) : 0;
  a_.fetch(
      std::max(count, listed_), [row0](Index k) { return row0 + k; }, s_);
  first_ = row0;
  end_ = row0 + count;
}

/// s.rows from s.wanted: rows that ascend without a large gap are one piece, which is read with what lies between them.
void Design::read_rows(Index count, Scratch& s) const {
  const Index* const wanted = s.wanted.data();
  const Index stride = dense_->stride(), gap = rows_read_over(*dense_);
  const auto end_of_piece = [&](Index k) {
    while (k + 1 < count && wanted[k + 1] >= wanted[k] && wanted[k + 1] - wanted[k] - 1 <= gap) ++k;
    return k + 1;
  };
  const auto length = [&](Index k, Index end) { return wanted[end - 1] - wanted[k] + 1; };
  Index all = 0;
  for (Index k = 0, end = 0; k < count; k = end) all += length(k, end = end_of_piece(k));
  double* room = detail::room(s.room, all * stride);
  for (Index k = 0, end = 0; k < count; k = end) {
    end = end_of_piece(k);
    const Index first = wanted[k], rows = length(k, end);
    s.in_piece.resize(static_cast<std::size_t>(rows));
    dense_->read(first, rows, room, s.in_piece.data());
    for (Index r = k; r < end; ++r) s.rows[static_cast<std::size_t>(r)] = s.in_piece[static_cast<std::size_t>(wanted[r] - first)];
    room += rows * stride;
  }
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

Vec Design::row(Index i) const {
  if (i < 0 || i >= rows_)
    throw UsageError("row " + std::to_string(i) + " was asked of a design with " + std::to_string(rows_) + " rows");
  const Index p = features();
  Vec a = Vec::Zero(cols());
  if (sparse()) {
    const kernels::SparseRow row = sparse_row(i);
    for (Index e = 0; e < row.count; ++e) a[row.column[e]] = row.value[e];
  } else {
    const Lease lease;
    fetch(
        1, [i](Index) { return i; }, *lease);
    a.head(p) = Eigen::Map<const Vec>((*lease).rows.front(), p);
  }
  if (inverse_.size() > 0) a.head(p) = (a.head(p) - shift_).cwiseProduct(inverse_).eval();
  if (intercept_) a[p] = 1;
  return a;
}

}  // namespace tacit::inline TACIT_ABI
