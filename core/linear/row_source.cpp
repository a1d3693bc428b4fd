#include <tacit/core/linear/row_source.hpp>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

RowSource::~RowSource() = default;

void RowSource::read(Index first, Index count, double* /*room*/, const double** at) const {
  for (Index k = 0; k < count; ++k) at[k] = data() + (first + k) * stride();
}

namespace {

template <class Matrix>
class MatrixRows final : public RowSource {
public:
  explicit MatrixRows(std::shared_ptr<const Matrix> x) : RowSource(x->rows(), x->cols()), x_(std::move(x)) {}
  const double* data() const override { return x_->data(); }
  Index stride() const override { return x_->outerStride(); }

private:
  std::shared_ptr<const Matrix> x_;
};

/// Columns that stand next to each other, which stay where they are.
class NextColumns final : public RowSource {
public:
  NextColumns(SharedRows rows, Index first, Index count)
      : RowSource(rows->rows(), count), rows_(std::move(rows)), first_(first) {}
  const double* data() const override { return rows_->data() ? rows_->data() + first_ : nullptr; }
  Index stride() const override { return rows_->stride(); }
  void read(Index first, Index count, double* room, const double** at) const override {
    rows_->read(first, count, room, at);
    for (Index k = 0; k < count; ++k) at[k] += first_;
  }

private:
  SharedRows rows_;
  Index first_;
};

/// What is done to each row on the way. Rows are read to the end of the room and come to its beginning, changed.
class ChangedRows : public RowSource {
public:
  ChangedRows(SharedRows rows, Index cols) : RowSource(rows->rows(), cols), rows_(std::move(rows)) {}
  Index stride() const override { return cols() + rows_->stride(); }
  void read(Index first, Index count, double* room, const double** at) const override {
    rows_->read(first, count, room + count * cols(), at);
    for (Index k = 0; k < count; ++k) {
      double* const to = room + k * cols();
      change(at[k], to);
      at[k] = to;
    }
  }

protected:
  virtual void change(const double* from, double* to) const = 0;

private:
  SharedRows rows_;
};

class ApartColumns final : public ChangedRows {
public:
  ApartColumns(SharedRows rows, std::vector<Index> columns)
      : ChangedRows(std::move(rows), static_cast<Index>(columns.size())), columns_(std::move(columns)) {}

protected:
  void change(const double* from, double* to) const override {
    for (const Index j : columns_) *to++ = from[j];
  }

private:
  std::vector<Index> columns_;
};

class ShiftedRows final : public ChangedRows {
public:
  ShiftedRows(SharedRows rows, Vec centre) : ChangedRows(std::move(rows), centre.size()), centre_(std::move(centre)) {}

protected:
  void change(const double* from, double* to) const override {
    Eigen::Map<Vec>(to, cols()) = Eigen::Map<const Vec>(from, cols()) - centre_;
  }

private:
  Vec centre_;
};

class StackedRows final : public RowSource {
public:
  StackedRows(Index rows, std::vector<SharedRows> parts) : RowSource(rows, parts.front()->cols()), parts_(std::move(parts)) {
    for (Index first = 0; const SharedRows& part : parts_) {
      first_.push_back(first);
      first += part->rows();
      stride_ = std::max(stride_, part->stride());
    }
  }
  Index stride() const override { return stride_; }
  void read(Index first, Index count, double* room, const double** at) const override {
    for (std::size_t p = 0; p < parts_.size(); ++p) {
      const Index begin = std::max(first, first_[p]), end = std::min(first + count, first_[p] + parts_[p]->rows());
      if (begin < end) parts_[p]->read(begin - first_[p], end - begin, room + (begin - first) * stride_, at + (begin - first));
    }
  }

private:
  std::vector<SharedRows> parts_;
  std::vector<Index> first_;
  Index stride_ = 0;
};

}  // namespace

SharedRows matrix_rows(std::shared_ptr<const Mat> x) { return std::make_shared<MatrixRows<Mat>>(std::move(x)); }

SharedRows matrix_rows(std::shared_ptr<const AlignedRows> x) { return std::make_shared<MatrixRows<AlignedRows>>(std::move(x)); }

SharedRows chosen_columns(SharedRows rows, std::vector<Index> columns) {
  bool next = !columns.empty();
  for (std::size_t k = 0; k < columns.size(); ++k) {
    if (columns[k] < 0 || columns[k] >= rows->cols())
      throw UsageError("column " + std::to_string(columns[k]) + " was asked of rows with " + std::to_string(rows->cols()));
    next = next && columns[k] == columns[0] + static_cast<Index>(k);
  }
  if (!next) return std::make_shared<ApartColumns>(std::move(rows), std::move(columns));
  const Index first = columns.front(), count = static_cast<Index>(columns.size());
  return std::make_shared<NextColumns>(std::move(rows), first, count);
}

SharedRows stacked_rows(std::vector<SharedRows> parts) {
  if (parts.empty()) throw UsageError("rows below each other need at least one source");
  Index rows = 0;
  for (const SharedRows& part : parts) {
    if (part->cols() != parts.front()->cols())
      throw UsageError("rows below each other need as many columns: " + std::to_string(part->cols()) + " and " +
                       std::to_string(parts.front()->cols()));
    rows += part->rows();
  }
  if (parts.size() == 1) return parts.front();
  return std::make_shared<StackedRows>(rows, std::move(parts));
}

SharedRows shifted_rows(SharedRows rows, Vec centre) {
  if (centre.size() != rows->cols())
    throw UsageError("a centre of " + std::to_string(centre.size()) + " entries for rows of " + std::to_string(rows->cols()));
  return std::make_shared<ShiftedRows>(std::move(rows), std::move(centre));
}

AlignedRows matrix_of(const SharedRows& rows) {
  AlignedRows x(rows->rows(), rows->cols());
  RowCursor cursor(rows);
  for (Index i = 0; i < x.rows(); ++i) std::copy_n(cursor.row(i), x.cols(), x.begin_of(i));
  return x;
}

RowCursor::RowCursor(SharedRows rows) : rows_(std::move(rows)) {}

void RowCursor::load(Index i) {
  constexpr Index kBytes = Index{1} << 18U;
  const Index row_bytes = Index{sizeof(double)} * std::max<Index>(1, rows_->stride());
  const Index count = std::min(std::max<Index>(1, kBytes / row_bytes), rows_->rows() - i);
  count_ = 0;  // in case that reading fails
  if (!rows_->data()) room_.resize(static_cast<std::size_t>(count * rows_->stride()));
  at_.resize(static_cast<std::size_t>(count));
  rows_->read(i, count, room_.data(), at_.data());
  first_ = i;
  count_ = count;
}

}  // namespace tacit::inline TACIT_ABI
