#include <tacit/problems/readers/detail/array_bytes.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include <tacit/problems/readers/text_file.hpp>

namespace tacit {

DataError array_error(const char* code, const std::string& message, const std::string& path, const std::string& remedy) {
  return DataError(code, message, SourceLocation{path, 0, 0}, remedy);
}

namespace {

template <class T>
T number_at(const char* at, bool swap) {
  char bytes[sizeof(T)];
  std::memcpy(bytes, at, sizeof(T));
  if (swap) std::reverse(bytes, bytes + sizeof(T));
  T value;
  std::memcpy(&value, bytes, sizeof(T));
  return value;
}

template <class T>
double converted(const char* at, bool swap) {
  return static_cast<double>(number_at<T>(at, swap));
}

double truth(const char* at, bool) { return *at == 0 ? 0 : 1; }

/// The function that reads one number; null: no such type.
double (*reader(const ArrayLayout& a))(const char*, bool) {
  if (a.kind == 'f') return a.size == 4 ? converted<float> : a.size == 8 ? converted<double> : nullptr;
  if (a.kind == 'b') return a.size == 1 ? truth : nullptr;
  const bool sign = a.kind == 'i';
  switch (a.size) {
    case 1:
      return sign ? converted<std::int8_t> : converted<std::uint8_t>;
    case 2:
      return sign ? converted<std::int16_t> : converted<std::uint16_t>;
    case 4:
      return sign ? converted<std::int32_t> : converted<std::uint32_t>;
    case 8:
      return sign ? converted<std::int64_t> : converted<std::uint64_t>;
    default:
      return nullptr;
  }
}

/// Whether the whole number is the double: 2^53 + 1 becomes 2^53.
bool exact(const char* at, bool swap, bool sign, double value) {
  if (std::abs(value) < kExactWhole) return true;
  if (sign) return value < 0x1p63 && static_cast<std::int64_t>(value) == number_at<std::int64_t>(at, swap);
  return value < 0x1p64 && static_cast<std::uint64_t>(value) == number_at<std::uint64_t>(at, swap);
}

/// first * ... * last and factor; the largest number where it is larger than any file.
std::uint64_t product(const std::vector<std::uint64_t>& counts, std::size_t first, std::uint64_t factor) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (std::find(counts.begin() + static_cast<std::ptrdiff_t>(first), counts.end(), 0U) != counts.end()) return 0;
  for (std::size_t i = first; i < counts.size(); ++i) {
    if (factor > kMost / counts[i]) return std::numeric_limits<std::uint64_t>::max();
    factor *= counts[i];
  }
  return factor;
}

/// Where the entries of a row go when they come with the first of their indices fastest: to C order.
std::vector<Index> flat_columns(const std::vector<std::uint64_t>& shape, Index columns) {
  std::vector<Index> to(static_cast<std::size_t>(columns));
  for (Index k = 0; k < columns; ++k) {
    Index rest = k, flat = 0;
    for (std::size_t d = 1; d < shape.size(); ++d) {
      const auto count = static_cast<Index>(shape[d]);
      flat = flat * count + rest % count;
      rest /= count;
    }
    to[static_cast<std::size_t>(k)] = flat;
  }
  return to;
}

std::string shape_text(const std::vector<std::uint64_t>& shape) {
  std::string text;
  for (const std::uint64_t n : shape) text += (text.empty() ? "" : " x ") + std::to_string(n);
  return text;
}

DataError unusable(const std::string& path, Index row, Index column, double value) {
  const std::string what = std::isinf(value) ? "not finite" : "too large";
  return array_error(
      "D109",
      "the number in row " + std::to_string(row + 1) + ", column " + std::to_string(column + 1) + " of '" + path + "' is " + what,
      path,
      std::isinf(value) ? "write NaN where a value is missing, and choose data.missing"
                        : "numbers are at most 1e150, so that their squares are numbers too: correct it, or use another unit");
}

}  // namespace

NumberFile read_array(ByteStream in, const ArrayLayout& a) {
  NumberFile out;
  out.path = in.path();
  double (*const number)(const char*, bool) = reader(a);
  if (!number || a.shape.empty()) {
    throw array_error("D103", "'" + out.path + "' holds no array of numbers that can be read", out.path,
                      "save real numbers of 4 or 8 bytes, or whole numbers of 1 to 8 bytes");
  }
  const std::uint64_t bytes = product(a.shape, 0, static_cast<std::uint64_t>(a.size));
  if (bytes == 0) {
    throw array_error("D102", "'" + out.path + "' holds no number: its sizes are " + shape_text(a.shape), out.path,
                      "name a file with data");
  }
  const auto wrong_length = [&](const std::string& how) {
    return array_error("D103",
                       "'" + out.path + "' says that it holds " + shape_text(a.shape) + " numbers of " + std::to_string(a.size) +
                           (a.size == 1 ? " byte" : " bytes") + ", but it is " + how,
                       out.path, "copy or write it again");
  };
  if (bytes > in.at_most_left()) throw wrong_length("shorter");
  const auto rows = static_cast<Index>(a.shape[0]);
  const auto columns = static_cast<Index>(product(a.shape, 1, 1));
  out.arrays = a.shape.size() > 2;
  out.x.dense.resize(rows, columns);
  const bool swap = a.big_endian != (std::endian::native == std::endian::big);
  const std::vector<Index> to = a.fortran ? flat_columns(a.shape, columns) : std::vector<Index>{};
  const bool wide = a.size == 8 && (a.kind == 'i' || a.kind == 'u');
  const auto size = static_cast<std::size_t>(a.size);
  const Index all = rows * columns;
  std::string piece(static_cast<std::size_t>(std::min<std::uint64_t>(std::uint64_t{1} << 16U, bytes)), '\0');
  for (Index k = 0; k < all;) {
    const std::size_t wanted = std::min(piece.size() / size, static_cast<std::size_t>(all - k)) * size;
    if (in.read(piece.data(), wanted) < wanted) throw wrong_length("shorter");
    for (std::size_t at = 0; at < wanted; at += size, ++k) {
      const double value = number(piece.data() + at, swap);
      const Index row = a.fortran ? k % rows : k / columns;
      const Index column = a.fortran ? to[static_cast<std::size_t>(k / rows)] : k % columns;
      if (std::abs(value) > kLargestNumber) throw unusable(out.path, row, column, value);
      if (wide && !exact(piece.data() + at, swap, a.kind == 'i', value)) ++out.inexact;
      out.x.dense(row, column) = value;
    }
  }
  if (in.read(piece.data(), 1) > 0) throw wrong_length("longer");
  out.digest = in.digest();
  return out;
}

}  // namespace tacit
