// What every fuzz target does with its bytes: reads them as one format and looks at what came of it. Shared by the libFuzzer
// targets and by the replay of their corpora in the ordinary tests.
#pragma once
#include <unistd.h>

#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/libsvm.hpp>

#include "problems/in_pieces.hpp"

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

/// The bytes as a file of this process, which goes away with it.
inline std::string file_of(const std::string& bytes) {
  struct File {
    std::string path = (std::filesystem::temp_directory_path() / ("tacit_fuzz_" + std::to_string(getpid()))).string();
    ~File() { std::filesystem::remove(path); }
  };
  static const File file;
  std::ofstream(file.path, std::ios::binary) << bytes;
  return file.path;
}

/// Of several faults a whole text tells the bytes that are no text first, one in pieces the first of all.
inline void require_same(const std::string& whole, const std::string& in_pieces, std::size_t piece) {
  if (whole == in_pieces || (whole.starts_with("D103") && in_pieces.starts_with("D1"))) return;
  std::fprintf(stderr, "whole:\n%s\nin pieces of %zu:\n%s\n", whole.c_str(), piece, in_pieces.c_str());
  std::abort();
}

/// A table or LIBSVM text must say the same, or be refused in the same words, whatever the pieces that it is read in; the first
/// byte says how large they are, and which signs part and point.
inline Outcome read_in_pieces(const std::string& format, const std::string& bytes) {
  const unsigned char how = bytes.empty() ? 0 : static_cast<unsigned char>(bytes[0]);
  const std::string path = file_of(bytes.substr(bytes.empty() ? 0 : 1));
  const std::size_t piece = 1 + how % 61;
  if (format == "libsvm-pieces") {
    const std::string whole = tacit_test::told_libsvm(path, 0);
    require_same(whole, tacit_test::told_libsvm(path, piece), piece);
    return whole[0] == 'D' ? Outcome::refused : Outcome::read;
  }
  tacit::TableOptions options;
  options.decimal = how % 2 == 1 ? ',' : '.';
  options.delimiter = how % 3 == 0 ? "auto" : how % 3 == 1 ? ";" : "space";
  const std::string whole = tacit_test::told(path, options, 0);
  require_same(whole, tacit_test::told(path, options, piece), piece);
  return whole[0] == 'D' ? Outcome::refused : Outcome::read;
}

/// Reads bytes as "npy", "mtx", "idx", "libsvm", "gzip", or in pieces. Aborts on anything but a sound result or a DataError that
/// leads on.
inline Outcome read_bytes(const std::string& format, const std::string& bytes) {
  using namespace tacit;
  if (format == "table" || format == "libsvm-pieces") return read_in_pieces(format, bytes);
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
      require_sound(set.x);
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
