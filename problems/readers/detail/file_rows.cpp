#include <tacit/problems/readers/detail/file_rows.hpp>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/memory_limits.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

class MappedRows final : public RowSource {
public:
  MappedRows(std::shared_ptr<const char> mapped, const RowPlaces& places)
      : RowSource(places.rows, places.columns), mapped_(std::move(mapped)),
        data_(reinterpret_cast<const double*>(mapped_.get() + places.offset)) {}
  const double* data() const override { return data_; }

private:
  std::shared_ptr<const char> mapped_;
  const double* data_;
};

/// Floats at the end of `count` doubles become these doubles.
void widen(double* to, std::size_t count) {
  constexpr std::size_t kAtOnce = 64;  // read before anything is written over what follows them
  std::array<float, kAtOnce> some;
  const char* from = reinterpret_cast<const char*>(to) + count * sizeof(float);
  for (std::size_t at = 0; at < count; at += kAtOnce) {
    const std::size_t n = std::min(kAtOnce, count - at);
    std::memcpy(some.data(), from + at * sizeof(float), n * sizeof(float));
    for (std::size_t k = 0; k < n; ++k) to[at + k] = static_cast<double>(some[k]);
  }
}

class ReadRows final : public RowSource {
public:
  ReadRows(std::shared_ptr<const OpenFile> file, const RowPlaces& places)
      : RowSource(places.rows, places.columns), file_(std::move(file)), offset_(places.offset),
        number_bytes_(static_cast<std::size_t>(places.number_bytes)) {}
  void read(Index first, Index count, double* room, const double** at) const override {
    const auto numbers = static_cast<std::size_t>(count * cols());
    const auto offset = offset_ + static_cast<std::uint64_t>(first * cols()) * number_bytes_;
    char* const to = reinterpret_cast<char*>(room) + numbers * (sizeof(double) - number_bytes_);
    if (!file_->read(offset, to, numbers * number_bytes_))
      throw DataError("D101", "'" + file_->path() + "' became shorter while it was used", SourceLocation{file_->path(), 0, 0},
                      "run again when nothing writes to it");
    if (number_bytes_ == sizeof(float)) widen(room, numbers);
    for (Index k = 0; k < count; ++k) at[k] = room + k * cols();
  }

private:
  std::shared_ptr<const OpenFile> file_;
  std::uint64_t offset_;
  std::size_t number_bytes_;
};

}  // namespace

SharedRows file_rows(std::shared_ptr<const OpenFile> file, const RowPlaces& places) {
  const double numbers = static_cast<double>(places.rows) * static_cast<double>(places.columns);
  if (places.number_bytes == static_cast<int>(sizeof(double)) && 2 * sizeof(double) * numbers <= address_space()) {
    const auto bytes = static_cast<std::size_t>(places.rows * places.columns) * sizeof(double);
    if (auto mapped = file->map(static_cast<std::size_t>(places.offset) + bytes))
      return std::make_shared<MappedRows>(std::move(mapped), places);
  }
  return std::make_shared<ReadRows>(std::move(file), places);
}

}  // namespace tacit::inline TACIT_ABI
