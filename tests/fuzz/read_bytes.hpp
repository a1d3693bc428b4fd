// What every fuzz target does with its bytes: reads them as one format and looks at what came of it. Shared by the libFuzzer
// targets and by the replay of their corpora in the ordinary tests.
#pragma once
#include <cmath>
#include <cstdlib>
#include <string>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/libsvm.hpp>

namespace fuzz {

enum class Outcome { read, refused };

inline void require(bool good) {
  if (!good) std::abort();
}

/// A sparse matrix as products rely on it: compressed, columns ascending and inside, no stored zero.
inline void require_sound(const tacit::CsrMatrix& x) {
  require(x.isCompressed() && x.outerIndexPtr()[0] == 0 && x.outerIndexPtr()[x.rows()] == x.nonZeros());
  for (tacit::Index i = 0; i < x.rows(); ++i) {
    tacit::Index before = -1;
    for (tacit::CsrMatrix::InnerIterator a(x, i); a; ++a) {
      require(a.col() > before && a.col() < x.cols() && std::isfinite(a.value()) && a.value() != 0);
      before = a.col();
    }
  }
}

inline void require_sound(const tacit::NumberFile& file) {
  require(file.x.rows() > 0 && file.x.cols() > 0);
  if (file.x.sparse) return require_sound(file.x.csr);
  for (tacit::Index i = 0; i < file.x.rows(); ++i) {
    for (tacit::Index j = 0; j < file.x.cols(); ++j)  // NaN is a missing number
      require(!(std::abs(file.x.dense(i, j)) > tacit::kLargestNumber));
  }
}

/// Reads bytes as "npy", "mtx", "idx", "libsvm" or "gzip". Aborts on anything but a sound result or a DataError that leads on.
inline Outcome read_bytes(const std::string& format, const std::string& bytes) {
  using namespace tacit;
  try {
    if (format == "gzip") {
      ByteStream in = ByteStream::from_string("f.gz", bytes);
      const std::string all = in.rest();
      require(all.size() <= 1032 * (bytes.size() + 64));
      in.digest();
    } else if (format == "libsvm") {
      std::vector<TextFile> files;  // a zero byte parts two files, as no text holds one
      for (std::size_t at = 0; at <= bytes.size() && files.size() < 3;) {
        const std::size_t stop = std::min(bytes.find('\0', at), bytes.size());
        files.push_back(TextFile::from_string("f.svm", bytes.substr(at, stop - at)));
        at = stop + 1;
      }
      const LibsvmSet set = parse_libsvm(files);
      for (const LibsvmPart& part : set.parts) require_sound(part.x);
    } else {
      require_sound(find_format(format)->read(ByteStream::from_string("f", bytes)));
    }
  } catch (const DataError& e) {
    require(!std::string(e.what()).empty() && !e.remedy().empty());
    return Outcome::refused;
  }
  return Outcome::read;
}

}  // namespace fuzz
