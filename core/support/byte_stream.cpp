#include <tacit/core/support/byte_stream.hpp>

#include <cstdint>
#include <cstring>

#include <tacit/core/support/errors.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

constexpr char kDouble = 'd', kIndex = 'i', kBool = 'b', kText = 't', kVec = 'v', kList = 'l', kVecs = 'w';

}  // namespace

void StateWriter::count(std::size_t n) {
  const std::uint64_t fixed = n;
  bytes_.append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
}

void StateWriter::numbers(const double* data, std::size_t n) {
  count(n);
  bytes_.append(reinterpret_cast<const char*>(data), n * sizeof(double));
}

void StateWriter::head(char kind, std::string_view name) {
  bytes_ += kind;
  count(name.size());
  bytes_ += name;
}

void StateWriter::state(std::string_view name, double& value) {
  head(kDouble, name);
  numbers(&value, 1);
}

void StateWriter::state(std::string_view name, Index& value) {
  head(kIndex, name);
  const std::int64_t fixed = value;
  bytes_.append(reinterpret_cast<const char*>(&fixed), sizeof fixed);
}

void StateWriter::state(std::string_view name, bool& value) {
  head(kBool, name);
  bytes_ += static_cast<char>(value);
}

void StateWriter::state(std::string_view name, std::string& value) {
  head(kText, name);
  count(value.size());
  bytes_ += value;
}

void StateWriter::state(std::string_view name, Vec& value) {
  head(kVec, name);
  numbers(value.data(), static_cast<std::size_t>(value.size()));
}

void StateWriter::state(std::string_view name, std::vector<double>& value) {
  head(kList, name);
  numbers(value.data(), value.size());
}

void StateWriter::state(std::string_view name, std::vector<Vec>& value) {
  head(kVecs, name);
  count(value.size());
  for (const Vec& v : value) numbers(v.data(), static_cast<std::size_t>(v.size()));
}

void StateReader::take(void* to, std::size_t bytes, std::string_view name) {
  if (bytes > rest_.size()) throw UsageError("the saved state ends within '" + std::string(name) + "'; it is damaged");
  if (bytes > 0) std::memcpy(to, rest_.data(), bytes);
  rest_.remove_prefix(bytes);
}

// How many units follow; never more than there are bytes for, so that damage asks for no memory.
std::size_t StateReader::count(std::size_t unit, std::string_view name) {
  std::uint64_t n = 0;
  take(&n, sizeof n, name);
  if (n > rest_.size() / unit) throw UsageError("the saved state ends within '" + std::string(name) + "'; it is damaged");
  return static_cast<std::size_t>(n);
}

void StateReader::head(char kind, std::string_view name) {
  char there = 0;
  take(&there, 1, name);
  std::string found(count(1, name), ' ');
  take(found.data(), found.size(), name);
  if (there != kind || found != name)
    throw UsageError("the saved state holds '" + found + "' where '" + std::string(name) +
                     "' is expected; it was written by another version, or for other methods");
}

void StateReader::state(std::string_view name, double& value) {
  head(kDouble, name);
  if (count(sizeof(double), name) != 1) throw UsageError("the saved state of '" + std::string(name) + "' is damaged");
  take(&value, sizeof value, name);
}

void StateReader::state(std::string_view name, Index& value) {
  head(kIndex, name);
  std::int64_t fixed = 0;
  take(&fixed, sizeof fixed, name);
  value = static_cast<Index>(fixed);
}

void StateReader::state(std::string_view name, bool& value) {
  head(kBool, name);
  char c = 0;
  take(&c, 1, name);
  value = c != 0;
}

void StateReader::state(std::string_view name, std::string& value) {
  head(kText, name);
  value.resize(count(1, name));
  take(value.data(), value.size(), name);
}

void StateReader::state(std::string_view name, Vec& value) {
  head(kVec, name);
  value.resize(static_cast<Index>(count(sizeof(double), name)));
  take(value.data(), static_cast<std::size_t>(value.size()) * sizeof(double), name);
}

void StateReader::state(std::string_view name, std::vector<double>& value) {
  head(kList, name);
  value.resize(count(sizeof(double), name));
  take(value.data(), value.size() * sizeof(double), name);
}

void StateReader::state(std::string_view name, std::vector<Vec>& value) {
  head(kVecs, name);
  value.resize(count(sizeof(std::uint64_t), name));
  for (Vec& v : value) {
    v.resize(static_cast<Index>(count(sizeof(double), name)));
    take(v.data(), static_cast<std::size_t>(v.size()) * sizeof(double), name);
  }
}

}  // namespace tacit::inline TACIT_ABI
