// A file that is read at any place, by any thread. (internal to this folder)
#pragma once
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include <tacit/core/support/abi.hpp>

namespace tacit::inline TACIT_ABI {

class OpenFile {
public:
  /// Throws DataError D101.
  explicit OpenFile(const std::string& path);
  ~OpenFile();
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  const std::string& path() const { return path_; }
  std::uint64_t size() const;
  /// n bytes from `offset` on; false where there are fewer. Throws DataError D101 where reading fails.
  bool read(std::uint64_t offset, void* to, std::size_t n) const;
  /// The first n bytes in memory, which the system fills and takes back as it likes; null where there is no room.
  std::shared_ptr<const char> map(std::size_t n) const;
  /// Is it what its path names now, and nobody wrote to it since it was opened?
  bool unchanged() const;

private:
  struct State;
  std::string path_;
  std::unique_ptr<State> state_;
};

}  // namespace tacit::inline TACIT_ABI
