// How the bytes of a packed file lie (docs/data.md). (internal to this folder)
#pragma once
#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <tacit/problems/readers/byte_stream.hpp>
#include <tacit/problems/readers/packed_file.hpp>

namespace tacit::inline TACIT_ABI::packed {

/// The first bytes: one beyond ASCII, the name, and line ends that a transfer as text would change.
inline constexpr std::string_view kMagic = "\x89TACIT\r\n";
inline constexpr std::uint32_t kOrder = 0x01020304;  ///< as the writing machine stores it
inline constexpr std::uint32_t kOtherOrder = 0x04030201;
inline constexpr std::uint64_t kRowsAt = 4096;  ///< where the rows begin; the header ends before
inline constexpr std::size_t kHeaderBytes = 88;

/// The beginning of the file. What follows the header up to `checks` is cut into blocks, each with its checksum there.
struct Head {
  std::uint32_t order = kOrder, version = kPackedVersion;
  std::uint64_t number_bytes = 8, rows = 0, columns = 0;
  std::uint64_t facts = 0, facts_bytes = 0;      ///< where the PackedFacts are
  std::uint64_t checks = 0, block = 0, all = 0;  ///< where the checksums are, bytes of a block, bytes of the file
};

/// Numbers and texts, in the byte order of the machine.
class Writer {
public:
  template <class T>
  void put(T value) {
    std::array<char, sizeof(T)> bytes;
    std::memcpy(bytes.data(), &value, sizeof(T));
    out_.append(bytes.data(), bytes.size());
  }
  void text(std::string_view s) {
    put(static_cast<std::uint64_t>(s.size()));
    out_.append(s);
  }
  const std::string& bytes() const { return out_; }

private:
  std::string out_;
};

/// The same back; what goes beyond the end sets good() to false and reads as 0.
class Reader {
public:
  explicit Reader(std::string_view bytes) : in_(bytes) {}
  template <class T>
  T take() {
    T value{};
    if (in_.size() < sizeof(T)) {
      good_ = false;
      return value;
    }
    std::memcpy(&value, in_.data(), sizeof(T));
    in_.remove_prefix(sizeof(T));
    return value;
  }
  std::string text() {
    const auto n = take<std::uint64_t>();
    if (n > in_.size()) {
      good_ = false;
      return {};
    }
    const std::string s(in_.substr(0, static_cast<std::size_t>(n)));
    in_.remove_prefix(static_cast<std::size_t>(n));
    return s;
  }
  /// A count of things that take at least a byte each.
  std::size_t count() {
    const auto n = take<std::uint64_t>();
    if (n <= in_.size()) return static_cast<std::size_t>(n);
    good_ = false;
    return 0;
  }
  bool good() const { return good_; }
  bool at_end() const { return in_.empty(); }

private:
  std::string_view in_;
  bool good_ = true;
};

/// The header with its checksum behind it.
std::string header_bytes(const Head& h);
std::string facts_bytes(const PackedFacts& facts);
/// False where they are not what facts_bytes wrote.
bool read_facts(std::string_view bytes, PackedFacts& facts);

}  // namespace tacit::inline TACIT_ABI::packed
