// How the passes of a design share their rows between threads, and the buffers that they use. Not part of the public interface.
#pragma once
#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/linear/detail/buffer.hpp>
#include <tacit/core/linear/detail/row_kernels.hpp>
#include <tacit/core/linear/detail/sparse_rows.hpp>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/threads.hpp>

namespace tacit::inline TACIT_ABI {
namespace detail {

/// A chunk of rows has so many times the bytes of its sums at least, or clearing and adding them would cost more than it does;
/// all sums together are then no more than a sixteenth of X. Two sums count as one, so that a product has the same bits alone and
/// before another.
inline constexpr double kChunkOverSums = 16;

/// Buffers of a pass. They grow to what the thread needs and stay, so that no iteration allocates.
struct Scratch {
  kernels::Buffer v, offset, sums, t, w;
  std::vector<const double*> rows;
  // Of rows that do not lie in memory: room for some, their numbers, and where those of one piece of the file are.
  kernels::Buffer room;
  std::vector<Index> wanted;
  std::vector<const double*> in_piece;
};

inline double* room(kernels::Buffer& buffer, Index n) {
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

inline void require_size(Index have, Index want, const char* what) {
  if (have != want)
    throw UsageError(std::string("a product with a design matrix got ") + std::to_string(have) + ' ' + what + " instead of " +
                     std::to_string(want));
}

}  // namespace detail

inline kernels::SparseRow Design::sparse_row(Index i) const {
  const std::int32_t* const start = csr_->outerIndexPtr() + source_row(i);
  return {csr_->valuePtr() + start[0], csr_->innerIndexPtr() + start[0], start[1] - start[0]};
}

/// s.rows[k] = where dense row which(k) of this design is, k < count, until the next call.
template <class Which>
void Design::fetch(Index count, const Which& which, detail::Scratch& s) const {
  if (static_cast<Index>(s.rows.size()) < count) s.rows.resize(static_cast<std::size_t>(count));
  const double** const rows = s.rows.data();
  if (begin_) {
    for (Index k = 0; k < count; ++k) rows[k] = begin_ + source_row(which(k)) * stride_;
    return;
  }
  s.wanted.resize(static_cast<std::size_t>(count));
  for (Index k = 0; k < count; ++k) s.wanted[static_cast<std::size_t>(k)] = source_row(which(k));
  read_rows(count, s);
}

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
    double* first = detail::room(buffer, apart * chunks);
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

/// Where the rows of the blocks of a chunk are, one block after the other. Pointers to rows in memory are listed for many blocks
/// at a time, with those that may be fetched meanwhile; rows that do not lie there are read for many blocks.
class Design::BlockRows {
public:
  /// ahead: rows_ahead. s is nobody else's while this one lives.
  BlockRows(const Design& design, const Cut& cut, Index chunk, Index ahead, detail::Scratch& s)
      : a_(design), cut_(cut), s_(s), chunk_(chunk), ahead_(ahead) {}
  /// Goes to the block that begins with row0.
  void list(Index row0) {
    if (row0 >= end_) next(row0);
    at_ = row0 - first_;
  }
  /// Its rows.
  const double* const* here() const { return s_.rows.data() + at_; }
  /// Those that are fetched while they are worked on.
  kernels::Fetch fetch(kernels::Fetch::Part part) const { return {ahead_, listed_ - at_ - ahead_, part}; }

private:
  void next(Index row0);
  const Design& a_;
  const Cut& cut_;
  detail::Scratch& s_;
  Index chunk_, ahead_, first_ = 0, end_ = 0, at_ = 0, listed_ = 0;
};

}  // namespace tacit::inline TACIT_ABI
