// Dense rows in memory as products read them fastest.
#pragma once
#include <memory>
#include <utility>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

namespace kernels {
class Buffer;
}

/// n x d numbers in memory of its own: a matrix in every expression of Eigen, whose first row begins at a cache line. So do all
/// others where that takes at most a sixteenth more memory (from 112 columns on, and for 8, 16, 24, ... before): no load of eight
/// numbers crosses two lines then, and a product with rows from memory takes 0.8 of the time (docs/performance.md, "Kernel
/// ratio"). Copies are deep. Numbers that nobody has written are not set.
class TACIT_EXPORT AlignedRows : public Eigen::Map<Mat, Eigen::Unaligned, Eigen::OuterStride<>> {
public:
  using Base = Eigen::Map<Mat, Eigen::Unaligned, Eigen::OuterStride<>>;

  AlignedRows() : AlignedRows(0, 0) {}
  /// Throws std::bad_alloc where there is no memory for them.
  AlignedRows(Index rows, Index cols);
  template <class Derived>
  explicit AlignedRows(const Eigen::MatrixBase<Derived>& x) : AlignedRows(x.rows(), x.cols()) {
    Base::operator=(x);
  }
  AlignedRows(const AlignedRows& other);
  AlignedRows(AlignedRows&& other) noexcept;
  ~AlignedRows();
  AlignedRows& operator=(const AlignedRows& other);
  AlignedRows& operator=(AlignedRows&& other) noexcept;
  template <class Derived>
  AlignedRows& operator=(const Eigen::MatrixBase<Derived>& x) {
    return *this = AlignedRows(x);
  }

  void swap(AlignedRows& other) noexcept;
  /// The numbers that are there are lost, unless the sizes are these.
  void resize(Index rows, Index cols);
  /// The numbers of rows and columns that were there and are there still stay, and where memory has room for all rows they stay
  /// where they are. No more columns than before, or there is no row.
  void conserve(Index rows, Index cols);
  /// Row i, outerStride() numbers before the next.
  double* begin_of(Index i) { return data() + i * outerStride(); }
  const double* begin_of(Index i) const { return data() + i * outerStride(); }
  /// What this memory has room for behind row rows - 1, as rows that share it: conserve() of more rows here takes theirs, with
  /// the numbers that they were given.
  AlignedRows behind(Index rows) const;

private:
  /// The matrix that is seen: so many rows and columns of the memory.
  void see(Index rows, Index cols, Index stride);
  std::shared_ptr<kernels::Buffer> memory_;
  Index first_ = 0;  ///< where row 0 begins in it
};

}  // namespace tacit::inline TACIT_ABI
