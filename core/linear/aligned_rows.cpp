#include <tacit/core/linear/aligned_rows.hpp>

#include <algorithm>
#include <new>

#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/huge_pages.hpp>
#include <tacit/core/linear/detail/row_kernels.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

/// From one row to the next.
Index stride_of(Index cols) {
  constexpr Index kMostMore = 16;
  const Index padded = kernels::padded(cols);
  return (padded - cols) * kMostMore <= cols ? padded : cols;
}

}  // namespace

AlignedRows::AlignedRows(Index rows, Index cols)
    : Base(nullptr, 0, 0, Eigen::OuterStride<>(0)), memory_(std::make_shared<kernels::Buffer>()) {
  const Index stride = stride_of(cols);
  // What begins with a large page has them all: 20000 x 500 takes 0.9 of the time then.
  const auto bytes = static_cast<std::size_t>(rows * stride) * sizeof(double);
  constexpr std::size_t kLine = 64, kMany = 4 * kHugePage;
  memory_->resize(rows * stride, bytes >= kMany ? kHugePage : kLine);
  prefer_huge_pages(memory_->data(), bytes);
  see(rows, cols, stride);
}

AlignedRows::AlignedRows(const AlignedRows& other) : AlignedRows(other.rows(), other.cols()) { Base::operator=(other); }

AlignedRows::AlignedRows(AlignedRows&& other) noexcept : Base(nullptr, 0, 0, Eigen::OuterStride<>(0)) { swap(other); }

AlignedRows::~AlignedRows() = default;

AlignedRows& AlignedRows::operator=(const AlignedRows& other) {
  if (this != &other) *this = AlignedRows(other);
  return *this;
}

AlignedRows& AlignedRows::operator=(AlignedRows&& other) noexcept {
  AlignedRows taken(std::move(other));  // what was here is given back now
  swap(taken);
  return *this;
}

void AlignedRows::swap(AlignedRows& other) noexcept {
  const Index rows = this->rows(), cols = this->cols(), stride = outerStride();
  std::swap(memory_, other.memory_);
  std::swap(first_, other.first_);
  see(other.rows(), other.cols(), other.outerStride());
  other.see(rows, cols, stride);
}

void AlignedRows::resize(Index rows, Index cols) {
  if (rows != this->rows() || cols != this->cols()) *this = AlignedRows(rows, cols);
}

void AlignedRows::conserve(Index rows, Index cols) {
  if (memory_ && this->rows() > 0 && first_ + rows * outerStride() <= memory_->size()) {
    see(rows, cols, outerStride());
    return;
  }
  AlignedRows more(rows, cols);
  if (const Index n = std::min(rows, this->rows()); n > 0) more.topRows(n) = topLeftCorner(n, cols);
  swap(more);
}

AlignedRows AlignedRows::behind(Index rows) const {
  AlignedRows out(0, cols());
  if (!memory_ || outerStride() == 0) return out;
  out.memory_ = memory_;
  out.first_ = first_ + rows * outerStride();
  out.see(std::max<Index>(0, memory_->size() - out.first_) / outerStride(), cols(), outerStride());
  return out;
}

void AlignedRows::see(Index rows, Index cols, Index stride) {
  // A map is moved to other numbers by making it anew (Eigen's documentation of Map).
  new (static_cast<Base*>(this)) Base(memory_ ? memory_->data() + first_ : nullptr, rows, cols, Eigen::OuterStride<>(stride));
}

}  // namespace tacit::inline TACIT_ABI
