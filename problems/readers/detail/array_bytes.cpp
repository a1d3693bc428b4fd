#include <tacit/problems/readers/detail/array_bytes.hpp>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {

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

/// n numbers of a type as doubles.
template <class T>
void convert(const char* from, std::size_t n, bool swap, double* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = static_cast<double>(number_at<T>(from + i * sizeof(T), swap));
}

void convert_truth(const char* from, std::size_t n, bool, double* to) {
  for (std::size_t i = 0; i < n; ++i) to[i] = from[i] == 0 ? 0 : 1;
}

using Converter = void (*)(const char*, std::size_t, bool, double*);

/// null: no such type.
Converter converter(const ArrayLayout& a) {
  if (a.kind == 'f') return a.size == 4 ? convert<float> : a.size == 8 ? convert<double> : nullptr;
  if (a.kind == 'b') return a.size == 1 ? convert_truth : nullptr;
  const bool sign = a.kind == 'i';
  switch (a.size) {
    case 1:
      return sign ? convert<std::int8_t> : convert<std::uint8_t>;
    case 2:
      return sign ? convert<std::int16_t> : convert<std::uint16_t>;
    case 4:
      return sign ? convert<std::int32_t> : convert<std::uint32_t>;
    case 8:
      return sign ? convert<std::int64_t> : convert<std::uint64_t>;
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

/// Numbers of an array as they come, and where they go.
class ArrayReader {
public:
  ArrayReader(ByteStream in, const ArrayLayout& a) : in_(std::move(in)), a_(a), convert_(converter(a)) {
    out_.path = in_.path();
    if (!convert_ || a.shape.empty()) {
      throw array_error("D103", "'" + out_.path + "' holds no array of numbers that can be read", out_.path,
                        "save real numbers of 4 or 8 bytes, or whole numbers of 1 to 8 bytes");
    }
    const std::uint64_t bytes = product(a.shape, 0, static_cast<std::uint64_t>(a.size));
    if (bytes == 0) {
      throw array_error("D102", "'" + out_.path + "' holds no number: its sizes are " + shape_text(a.shape), out_.path,
                        "name a file with data");
    }
    if (bytes > in_.at_most_left()) throw wrong_length("shorter");
    rows_ = static_cast<Index>(a.shape[0]);
    columns_ = static_cast<Index>(product(a.shape, 1, 1));
    out_.arrays = a.shape.size() > 2;
    out_.x.dense.resize(rows_, columns_);
    if (a.fortran) to_ = flat_columns(a.shape, columns_);
  }

  NumberFile run() {
    const auto size = static_cast<std::size_t>(a_.size);
    const Index all = rows_ * columns_;
    const bool swap = a_.big_endian != (std::endian::native == std::endian::big);
    const bool wide = a_.size == 8 && (a_.kind == 'i' || a_.kind == 'u');
    constexpr std::size_t kPiece = 1U << 13U;
    std::vector<char> piece(kPiece * size);
    std::vector<double> numbers(kPiece);
    for (Index k = 0; k < all;) {
      const std::size_t n = std::min(kPiece, static_cast<std::size_t>(all - k));
      if (in_.read(piece.data(), n * size) < n * size) throw wrong_length("shorter");
      convert_(piece.data(), n, swap, numbers.data());
      require_usable(numbers.data(), n, k);
      for (std::size_t i = 0; wide && i < n; ++i)
        out_.inexact += exact(piece.data() + i * size, swap, a_.kind == 'i', numbers[i]) ? 0 : 1;
      place(numbers.data(), n, k);
      k += static_cast<Index>(n);
    }
    if (in_.read(piece.data(), 1) > 0) throw wrong_length("longer");
    out_.digest = in_.digest();
    return std::move(out_);
  }

private:
  DataError wrong_length(const std::string& how) const {
    return array_error("D103",
                       "'" + out_.path + "' says that it holds " + shape_text(a_.shape) + " numbers of " +
                           std::to_string(a_.size) + (a_.size == 1 ? " byte" : " bytes") + ", but it is " + how,
                       out_.path, "copy or write it again");
  }
  Index row(Index k) const { return a_.fortran ? k % rows_ : k / columns_; }
  Index column(Index k) const { return a_.fortran ? to_[static_cast<std::size_t>(k / rows_)] : k % columns_; }

  /// The numbers from the k-th of the file on.
  void require_usable(const double* numbers, std::size_t n, Index k) const {
    const auto too_large = [](double v) { return std::abs(v) > kLargestNumber; };
    if (std::none_of(numbers, numbers + n, too_large)) return;
    const double* wrong = std::find_if(numbers, numbers + n, too_large);
    k += wrong - numbers;
    throw unusable(out_.path, row(k), column(k), *wrong);
  }

  void place(const double* numbers, std::size_t n, Index k) {
    AlignedRows& x = out_.x.dense;
    if (!a_.fortran) {
      for (std::size_t at = 0; at < n;) {  // what is left of a row, or of the numbers
        const Index i = row(k), j = column(k);
        const std::size_t part = std::min(n - at, static_cast<std::size_t>(columns_ - j));
        std::copy_n(numbers + at, part, x.begin_of(i) + j);
        at += part;
        k += static_cast<Index>(part);
      }
      return;
    }
    Index i = row(k), j = column(k);
    for (std::size_t at = 0; at < n; ++at, ++k) {
      x(i, j) = numbers[at];
      if (++i < rows_) continue;
      i = 0;
      if (k + 1 < rows_ * columns_) j = column(k + 1);
    }
  }

  ByteStream in_;
  const ArrayLayout& a_;
  Converter convert_;
  NumberFile out_;
  Index rows_ = 0, columns_ = 0;
  std::vector<Index> to_;  // where a column in Fortran order goes
};

}  // namespace

NumberFile read_array(ByteStream in, const ArrayLayout& a) { return ArrayReader(std::move(in), a).run(); }

}  // namespace tacit::inline TACIT_ABI
