// An array of numbers as bytes: what .npy and IDX share (internal to this folder).
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include <tacit/core/support/errors.hpp>
#include <tacit/problems/readers/number_file.hpp>

namespace tacit::inline TACIT_ABI {

/// How the numbers of an array lie in a file.
struct ArrayLayout {
  char kind = 'f';  ///< f: real, i: whole, u: whole and not negative, b: truth
  int size = 8;     ///< bytes of a number
  bool big_endian = false;
  bool fortran = false;  ///< the first index runs fastest
  std::vector<std::uint64_t> shape;
};

/// A DataError about the file as a whole.
DataError array_error(const char* code, const std::string& message, const std::string& path, const std::string& remedy);

/// The numbers that follow in the stream, which must end with them. Throws D102 for no row or column, D103 for another length.
NumberFile read_array(ByteStream in, const ArrayLayout& layout);

}  // namespace tacit::inline TACIT_ABI
