// The design matrix A of a linear model: rows of a shared X, dense or sparse, standardized and with an intercept, without a copy.
// Dense rows need not lie in memory.
#pragma once
#include <Eigen/SparseCore>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>
#include <vector>

#include <tacit/core/linear/row_source.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/core/support/work.hpp>

namespace tacit::inline TACIT_ABI {

namespace kernels {
struct SparseRow;
}

/// Compressed rows with 32-bit indices.
using CsrMatrix = Eigen::SparseMatrix<double, Eigen::RowMajor, std::int32_t>;

/// A block of rows with k columns, each column contiguous.
using BlockIn = const Eigen::Ref<const Eigen::MatrixXd>&;
using BlockOut = Eigen::Ref<Eigen::MatrixXd>;

/// What is done with t = A_b v of the rows row0 .. row0 + t.rows() - 1: fills w, which is added as A_b' w, and returns the share
/// of these rows in a sum (nothing: 0). A reference to any callable (Index row0, BlockIn t, BlockOut w) that outlives the call.
/// It adds to nothing that other blocks add to: where a pass runs on several threads, so do its blocks. What it throws leaves the
/// pass.
class TACIT_EXPORT BlockFunction {
public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, BlockFunction>) BlockFunction(F&& f)  // NOLINT: converts on purpose
      : object_(const_cast<void*>(static_cast<const void*>(&f))), call_([](void* o, Index row0, BlockIn t, BlockOut w) -> double {
          auto& fn = *static_cast<std::remove_reference_t<F>*>(o);
          if constexpr (std::is_void_v<decltype(fn(row0, t, w))>) {
            fn(row0, t, w);
            return 0;
          } else {
            return fn(row0, t, w);
          }
        }) {}
  double operator()(Index row0, BlockIn t, BlockOut w) const { return call_(object_, row0, t, w); }

private:
  void* object_;
  double (*call_)(void*, Index, BlockIn, BlockOut);
};

namespace detail {
struct Scratch;
}

/// What the columns of a design look like over its rows, each row counted by its weight. No column overflows or underflows on
/// the way: each is taken in units of its largest entry.
struct ColumnMoments {
  Vec mean, deviation;  ///< weighted mean, and square root of the weighted mean square about it, in two passes
  Vec rms;              ///< the same about 0
  Vec size;             ///< sqrt(m4 / m2) of the deviations: how large they are where there are some, however rare
  Vec low, high;        ///< smallest and largest entry; where they agree the column is constant, mean is it and deviation is 0
};

/// n x d matrix A: chosen rows of X, column j acting as (x_j - shift_j) / scale_j, and when wanted a last column of ones. A light
/// value: copies share X. Each full read of the rows adds one to data_passes of every counter.
/// Sums over rows have a fixed order: large ones are cut into chunks by their sizes alone, whose sums are added in their order.
/// Chunks are computed beside each other where the calling thread may use several threads (ThreadScope); no bit depends on it.
class TACIT_EXPORT Design {
public:
  Design() = default;
  /// All rows of X. Throws UsageError without a matrix, or when a sparse one is not compressed.
  explicit Design(std::shared_ptr<const Mat> x);
  explicit Design(std::shared_ptr<const AlignedRows> x);
  explicit Design(std::shared_ptr<const CsrMatrix> x);
  /// Dense rows wherever they lie; results have the bits of those in memory. Rows that do not lie there are read in each pass,
  /// block by block, and throw what reading throws. Row lists that ascend are read in long pieces.
  explicit Design(SharedRows x);

  /// Rows first .. first + count - 1 of this design.
  Design row_range(Index first, Index count) const;
  /// The named rows of this design, in this order (repetitions allowed); consecutive ones become a range.
  Design row_list(const std::vector<Index>& rows) const;
  /// Column j of X acts as (x_j - shift_j) / scale_j. Throws UsageError unless both have a finite entry per column of X and scale
  /// > 0.
  Design standardized(In shift, In scale) const;
  /// The same with a last column of ones.
  Design with_intercept() const;
  /// The same, its reads counted, by the counters that it has and by this one.
  Design counted(std::shared_ptr<WorkCounter> counter) const;

  Index rows() const { return rows_; }
  /// Columns, the intercept included.
  Index cols() const { return features() + (intercept_ ? 1 : 0); }
  /// Columns of X.
  Index features() const;
  /// Numbers that its rows keep of X: rows times features, or the stored entries of sparse rows.
  Index stored() const;
  /// Chunks that a product is computed in, by the sizes alone: more threads than that are of no use to it. 1 where the rows have
  /// less than 1 MiB.
  Index chunks() const;
  bool sparse() const { return csr_ != nullptr; }
  /// False where dense rows are read in each pass.
  bool in_memory() const { return csr_ || begin_ || rows_ == 0; }
  bool intercept() const { return intercept_; }
  /// Empty when the columns are as they are in X.
  const Vec& shift() const { return shift_; }
  const Vec& scale() const { return scale_; }

  /// One pass: for each block of rows t = A_b v, w = fn(t), out = sum of A_b' w. v and out have cols() entries. Returns the sum
  /// of what fn returned, added in the order of the blocks. Their number depends on the sizes alone, never on who runs them.
  double sweep(In v, BlockFunction fn, Out out) const;
  /// The same with k_in columns v (cols() x k_in) and k_out columns out. Of two columns there and back the first has the
  /// bits that sweep() gives it.
  double sweep_batch(InM v, BlockFunction fn, OutM out) const;
  /// Two columns in, one out: t = A_b [v1 v2].
  double sweep_pair(In v1, In v2, BlockFunction fn, Out out) const;
  /// 1 + k columns in and out: t = A_b [v more_v], [out more_out] = sum of A_b' w.
  double sweep_more(In v, InM more_v, BlockFunction fn, Out out, OutM more_out) const;
  /// One pass without a way back: the sum of fn(row0, t, w), w without columns.
  double visit(In v, BlockFunction fn) const;
  /// t = A v, n entries.
  void multiply(In v, Out t) const;
  /// out = A' w.
  void multiply_t(In w, Out out) const;
  /// H = A' diag(w) A, full and symmetric, cols() x cols(): one pass, the work of about cols()/12 products. w may have any sign.
  void weighted_gram(In w, OutM h) const;
  /// The same with y as one more column behind those of X, before that of ones. Throws UsageError where the rows are sparse.
  void weighted_gram_beside(In w, In y, OutM h) const;
  /// k = X diag(scale) X', full and symmetric, rows x rows, of the features alone; scale >= 0, one entry a feature. One pass, and
  /// the work of about rows()/30 products with dense rows, of no more than a few with sparse ones. All rows are in memory then,
  /// wherever they lie (see in_memory()).
  void row_gram(In scale, OutM k) const;
  /// d = diagonal of A' diag(w) A, one pass.
  void weighted_squares(In w, Out d) const;
  /// Of the columns of X as they act, without the intercept; rows of weight 0 do not count. Throws UsageError where no row has
  /// a positive weight. Sparse rows are not filled.
  ColumnMoments column_moments(In w) const;
  /// The same without deviation and size, which stay empty: one pass instead of two.
  ColumnMoments column_means(In w) const;
  /// Row i as A has it, cols() entries.
  Vec row(Index i) const;

private:
  class Pass;
  struct Cut;
  class BlockRows;
  class Columns;
  /// For sums of so many numbers a chunk; first_level: in blocks that stay in the first-level cache.
  Cut cut(Index sums, bool first_level = false) const;
  Cut cut_into(double chunks, bool first_level = false) const;
  double entries_in_row() const;
  double bytes() const;
  void count_pass() const;
  /// The entries that are stored of row i of a sparse design.
  kernels::SparseRow sparse_row(Index i) const;
  Index source_row(Index i) const { return list_ ? (*list_)[static_cast<std::size_t>(i)] : first_ + i; }
  /// Whether there is a use for blocks of the first-level cache: rows come from memory, and enough of them fit.
  bool first_level() const;
  Index block_rows(bool first_level) const;
  /// How many rows ahead others are fetched from memory; way_back: on the way back of a block. 0: all lie in the cache, or none
  /// in memory.
  Index rows_ahead(Index block, bool way_back) const;
  template <class Which>
  void fetch(Index count, const Which& which, detail::Scratch& s) const;
  void read_rows(Index count, detail::Scratch& s) const;
  Index rows_at_once(Index row0, Index end) const;
  template <class Add>
  static void sum_grams(const Cut& cut, OutM h, const Add& add);
  void dense_gram(In w, const double* beside, OutM h) const;
  void sparse_gram(In w, OutM h) const;
  void dense_row_gram(In scale, OutM k) const;
  void sparse_row_gram(In scale, OutM k) const;
  void dense_squares(In w, Out d) const;
  void sparse_squares(In w, Out d) const;

  SharedRows dense_;
  const double* begin_ = nullptr;  // of dense rows that lie in memory, stride_ numbers apart
  Index stride_ = 0;
  std::shared_ptr<const CsrMatrix> csr_;
  Index first_ = 0, rows_ = 0;
  std::shared_ptr<const std::vector<Index>> list_;
  Vec shift_, scale_, inverse_;  // inverse_: 1 / scale
  bool intercept_ = false;
  std::vector<std::shared_ptr<WorkCounter>> counters_;
};

}  // namespace tacit::inline TACIT_ABI
