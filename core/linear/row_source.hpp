// Rows of numbers wherever they lie: in a matrix, in a file that is mapped into memory, or in one that is read when they
// are needed.
#pragma once
#include <memory>
#include <vector>

#include <tacit/core/linear/aligned_rows.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// n rows of d numbers, which stay what they are. Const, and safe to share between threads.
class TACIT_EXPORT RowSource {
public:
  RowSource(Index rows, Index cols) : rows_(rows), cols_(cols) {}
  RowSource(const RowSource&) = delete;
  RowSource& operator=(const RowSource&) = delete;
  virtual ~RowSource();
  Index rows() const { return rows_; }
  Index cols() const { return cols_; }
  /// The first row where all of them lie in memory, stride() numbers from one to the next; else null.
  virtual const double* data() const { return nullptr; }
  virtual Index stride() const { return cols_; }
  /// at[k] = where row first + k is, k < count: in `room`, of count * stride() numbers, or elsewhere in memory, where it stays.
  /// Throws DataError where reading fails.
  virtual void read(Index first, Index count, double* room, const double** at) const;

private:
  Index rows_, cols_;
};

using SharedRows = std::shared_ptr<const RowSource>;

/// Those of a matrix.
TACIT_EXPORT SharedRows matrix_rows(std::shared_ptr<const Mat> x);
TACIT_EXPORT SharedRows matrix_rows(std::shared_ptr<const AlignedRows> x);
/// The named columns of some rows, in this order.
TACIT_EXPORT SharedRows chosen_columns(SharedRows rows, std::vector<Index> columns);
/// The rows of several sources below each other. Throws UsageError for none, or where they have not as many columns.
TACIT_EXPORT SharedRows stacked_rows(std::vector<SharedRows> parts);
/// Each row less `centre`, one entry a column, to the bit what a matrix of these differences holds.
TACIT_EXPORT SharedRows shifted_rows(SharedRows rows, Vec centre);
/// All rows, in memory.
TACIT_EXPORT AlignedRows matrix_of(const SharedRows& rows);

/// Goes through rows one by one, for one thread: what it reads at once is some 256 KiB.
class TACIT_EXPORT RowCursor {
public:
  explicit RowCursor(SharedRows rows);
  const RowSource& source() const { return *rows_; }
  /// Where row i is, until the next call. In ascending order every row is read once.
  const double* row(Index i) {
    if (i < first_ || i >= first_ + count_) load(i);
    return at_[static_cast<std::size_t>(i - first_)];
  }

private:
  void load(Index i);
  SharedRows rows_;
  Index first_ = 0, count_ = 0;
  std::vector<double> room_;
  std::vector<const double*> at_;
};

}  // namespace tacit::inline TACIT_ABI
