// The bytes of one file in order: plain or unpacked from gzip on the way, with the digest of what is stored.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <tacit/core/support/abi.hpp>
#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// The 64-bit XXH3 hash of the bytes, without a seed (Collet, xxHash 0.8): tells files apart, and guards against no forger.
TACIT_EXPORT std::uint64_t digest_of(std::string_view bytes);

/// What a file may ask for.
struct ReadLimits {
  /// Bytes that a gzip file may unpack to for each that is stored. Tables and images are packed to between a half and a
  /// thirtieth, zeros and ones to a hundredth; deflate ends at 1032.
  double unpack_ratio = 200;
  /// So many bytes are unpacked whatever the ratio.
  std::uint64_t unpacked_freely = std::uint64_t{1} << 24U;
  /// Bytes, unpacked, of what is no regular file (a pipe, a device), which may never end.
  std::uint64_t from_pipe = std::uint64_t{1} << 28U;
  /// A longer text is read piece by piece and not kept: its first bytes are, and what a message shows is read again.
  std::size_t kept_text = std::size_t{1} << 21U;
  std::size_t piece = std::size_t{1} << 18U;
  /// Threads that read such pieces beside each other; what is read does not depend on them.
  Index threads = 1;
};

/// Reads a file once from its beginning to its end. Bytes that start like gzip (RFC 1952) are unpacked: any number of members,
/// zero bytes behind them are padding; anything else behind them, and a damaged or cut member, is a DataError D103; what goes
/// beyond the limits is one of D133.
class TACIT_EXPORT ByteStream {
public:
  /// Throws DataError D101 for a file that cannot be read.
  static ByteStream open(const std::string& path, const ReadLimits& limits = {});
  /// Bytes that come from elsewhere; path is for messages.
  static ByteStream from_string(std::string path, std::string bytes, const ReadLimits& limits = {});
  ByteStream(ByteStream&&) noexcept;
  ByteStream& operator=(ByteStream&&) noexcept;
  ~ByteStream();

  const std::string& path() const;
  /// Fills `to` with up to n bytes and returns how many there were: fewer than n at the end alone.
  std::size_t read(char* to, std::size_t n);
  /// Whether it can be opened again and holds the same: a regular file, or bytes from elsewhere.
  bool regular() const;
  /// Bytes as stored; 2^64 - 1 where that is not known.
  std::uint64_t stored() const;
  bool packed() const;
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

}  // namespace tacit::inline TACIT_ABI
