// The bytes of one file in order: plain or unpacked from gzip on the way, with the digest of what is stored.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace tacit {

/// The 64-bit FNV-1a hash (Fowler, Noll and Vo 1991) of the bytes, going on from `hash`.
std::uint64_t fnv1a(std::string_view bytes, std::uint64_t hash = 0xcbf29ce484222325ULL);

/// Reads a file once from its beginning to its end. Bytes that start like gzip (RFC 1952) are unpacked: any number of members,
/// zero bytes behind them are padding; anything else behind them, and a damaged or cut member, is a DataError D103.
class ByteStream {
public:
  /// Throws DataError D101 for a file that cannot be read.
  static ByteStream open(const std::string& path);
  /// Bytes that come from elsewhere; path is for messages.
  static ByteStream from_string(std::string path, std::string bytes);
  ByteStream(ByteStream&&) noexcept;
  ByteStream& operator=(ByteStream&&) noexcept;
  ~ByteStream();

  const std::string& path() const;
  /// Fills `to` with up to n bytes and returns how many there were: fewer than n at the end alone.
  std::size_t read(char* to, std::size_t n);
  /// All that is left.
  std::string rest();
  /// At most so many bytes can be left: what is stored, times what gzip can save; 2^64 - 2 where that is not known.
  std::uint64_t at_most_left() const;
  /// Of the file as stored (packed when it is gzip). Reads to the end first.
  std::uint64_t digest();

private:
  struct State;
  explicit ByteStream(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace tacit
