// Files of numbers without names: NumPy's .npy, MatrixMarket, IDX. Rows of them as they stand.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <tacit/core/linear/aligned_rows.hpp>
#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/byte_stream.hpp>

namespace tacit::inline TACIT_ABI {

/// Dense rows, in memory or where they lie, or sparse ones; exactly one of the three is filled. Moving one leaves its numbers
/// where they are in memory.
struct Features {
  Features() = default;
  Features(const Features&) = default;
  Features(Features&& from) noexcept { *this = std::move(from); }
  Features& operator=(const Features&) = default;
  Features& operator=(Features&& from) noexcept {
    sparse = from.sparse;
    sparse_format = from.sparse_format;
    dense = std::move(from.dense);
    outside.swap(from.outside);
    csr.swap(from.csr);  // Eigen 3.4 copies a sparse matrix that is moved
    return *this;
  }
  ~Features() = default;

  bool sparse = false;
  AlignedRows dense;
  SharedRows outside;  ///< dense rows that stay in a file (packed_file.hpp)
  CsrMatrix csr;
  /// Whether the file's format is one for sparse data, however its numbers are stored here.
  bool sparse_format = false;
  Index rows() const { return sparse ? csr.rows() : outside ? outside->rows() : dense.rows(); }
  Index cols() const { return sparse ? csr.cols() : outside ? outside->cols() : dense.cols(); }
};

/// One file.
struct NumberFile {
  std::string path;
  std::uint64_t digest = 0;
  /// NaN where a dense entry is missing.
  Features x;
  /// Whole numbers beyond 2^53, whose last digits a double cannot hold.
  Index inexact = 0;
  /// Each row is an array of more than one dimension (an image), written as one row.
  bool arrays = false;
};

/// NumPy's .npy, versions 1 to 3: C and Fortran order, real, whole and truth numbers of 1 to 8 bytes in either byte order (no
/// half, complex, text, object or record). One dimension is a column; further ones beyond the second lie flat in the row, in C
/// order. Sizes are checked against the length of the file before memory is asked for. Throws DataError D102, D103, D109.
/// Source: numpy.lib.format.
TACIT_EXPORT NumberFile read_npy(ByteStream in);
/// IDX, big-endian: all types of its description; the first dimension counts the rows, all others lie flat in the row. Throws as
/// read_npy. Source: LeCun, Cortes and Burges, "The MNIST database".
TACIT_EXPORT NumberFile read_idx(ByteStream in);
/// MatrixMarket: `coordinate` (sparse) and `array` (dense), real, integer and pattern (all 1), general and symmetric. Entries of
/// a coordinate file may stand in any order, each once. Throws DataError D102, D103, D105, D109, D116-D118. Source: Boisvert,
/// Pozo and Remington, "The Matrix Market Exchange Formats" (1996).
TACIT_EXPORT NumberFile read_mtx(ByteStream in);

/// The file by the reader of its format ("npy", "mtx", "idx").
TACIT_EXPORT NumberFile read_number_file(const std::string& path, std::string_view format, const ReadLimits& limits = {});

}  // namespace tacit::inline TACIT_ABI
