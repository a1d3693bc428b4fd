// Bytes of .npy, IDX and gzip, written from the descriptions of the formats, for tests.
#pragma once
#include <algorithm>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include <zlib.h>

namespace tacit_test {

/// Numbers as bytes of a type, least byte first unless `big`.
template <class T>
std::string raw(const std::vector<double>& values, bool big = false) {
  std::string out;
  for (const double v : values) {
    const T value = static_cast<T>(v);
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    if (big) std::reverse(bytes, bytes + sizeof(T));
    out.append(bytes, sizeof(T));
  }
  return out;
}

/// A .npy file: version 1 to 3, shape as Python writes it ("(2, 3)").
inline std::string npy(const std::string& type, const std::string& shape, const std::string& data, bool fortran = false,
                       int version = 1) {
  std::string header =
      "{'descr': '" + type + "', 'fortran_order': " + (fortran ? "True" : "False") + ", 'shape': " + shape + ", }";
  header.resize((header.size() + 64) / 64 * 64, ' ');
  header.back() = '\n';
  std::string out = "\x93NUMPY";
  out += static_cast<char>(version);
  out += '\0';
  const std::size_t digits = version == 1 ? 2 : 4;
  for (std::size_t i = 0; i < digits; ++i) out += static_cast<char>(header.size() >> (8 * i) & 255U);
  return out + header + data;
}

/// An IDX file of a type (8: unsigned bytes, ...).
inline std::string idx(int type, const std::vector<double>& shape, const std::string& data) {
  std::string out{'\0', '\0', static_cast<char>(type), static_cast<char>(shape.size())};
  return out + raw<std::uint32_t>(shape, true) + data;
}

/// One member of gzip.
inline std::string gzip(const std::string& bytes) {
  z_stream z{};
  if (deflateInit2(&z, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK) throw std::runtime_error("deflateInit2");
  std::string out(deflateBound(&z, static_cast<uLong>(bytes.size())) + 64, '\0');
  std::string in = bytes;
  z.next_in = reinterpret_cast<Bytef*>(in.data());
  z.avail_in = static_cast<uInt>(in.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  const int status = deflate(&z, Z_FINISH);
  out.resize(z.total_out);
  deflateEnd(&z);
  if (status != Z_STREAM_END) throw std::runtime_error("deflate");
  return out;
}

}  // namespace tacit_test
