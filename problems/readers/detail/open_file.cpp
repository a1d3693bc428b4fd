#include <tacit/problems/readers/detail/open_file.hpp>

#include <algorithm>
#include <cerrno>

#include <tacit/core/support/errors.hpp>

#if __has_include(<sys/mman.h>) && __has_include(<unistd.h>)
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#define TACIT_HAS_PREAD 1
#else
#include <filesystem>
#include <fstream>
#include <mutex>
#endif

namespace tacit::inline TACIT_ABI {
namespace {

DataError unreadable(const std::string& path) {
  return DataError("D101", "the file '" + path + "' cannot be opened", SourceLocation{path, 0, 0}, "check its permissions");
}

}  // namespace

#ifdef TACIT_HAS_PREAD

struct OpenFile::State {
  int fd = -1;
  struct stat opened {};
};

OpenFile::OpenFile(const std::string& path) : path_(path), state_(std::make_unique<State>()) {
  state_->fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (state_->fd < 0) throw unreadable(path);
  if (::fstat(state_->fd, &state_->opened) == 0) return;
  ::close(state_->fd);
  throw unreadable(path);
}

OpenFile::~OpenFile() { ::close(state_->fd); }

std::uint64_t OpenFile::size() const { return static_cast<std::uint64_t>(state_->opened.st_size); }

bool OpenFile::read(std::uint64_t offset, void* to, std::size_t n) const {
  constexpr std::size_t kAtOnce = std::size_t{1} << 30U;  // Linux gives no more than 2 GiB
  char* at = static_cast<char*>(to);
  while (n > 0) {
    const ssize_t got = ::pread(state_->fd, at, std::min(n, kAtOnce), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0)
      throw DataError("D101", "reading '" + path_ + "' failed", SourceLocation{path_, 0, 0}, "check the disk, then try again");
    if (got == 0) return false;
    at += got;
    offset += static_cast<std::uint64_t>(got);
    n -= static_cast<std::size_t>(got);
  }
  return true;
}

std::shared_ptr<const char> OpenFile::map(std::size_t n) const {
  void* const at = ::mmap(nullptr, n, PROT_READ, MAP_SHARED, state_->fd, 0);
  if (at == MAP_FAILED) return nullptr;
  return {static_cast<const char*>(at), [at, n](const char*) { ::munmap(at, n); }};
}

bool OpenFile::unchanged() const {
  struct stat now {};
  const struct stat& then = state_->opened;
  return ::stat(path_.c_str(), &now) == 0 && now.st_dev == then.st_dev && now.st_ino == then.st_ino &&
         now.st_size == then.st_size && now.st_mtime == then.st_mtime;
}

#else

struct OpenFile::State {
  std::ifstream in;
  std::mutex one_at_a_time;
  std::uint64_t size = 0;
  std::filesystem::file_time_type written{};
};

OpenFile::OpenFile(const std::string& path) : path_(path), state_(std::make_unique<State>()) {
  std::error_code ec;
  state_->in.open(path, std::ios::binary);
  state_->size = std::filesystem::file_size(path, ec);
  if (!ec) state_->written = std::filesystem::last_write_time(path, ec);
  if (!state_->in || ec) throw unreadable(path);
}

OpenFile::~OpenFile() = default;

std::uint64_t OpenFile::size() const { return state_->size; }

bool OpenFile::read(std::uint64_t offset, void* to, std::size_t n) const {
  const std::lock_guard guard(state_->one_at_a_time);
  state_->in.clear();
  state_->in.seekg(static_cast<std::streamoff>(offset));
  state_->in.read(static_cast<char*>(to), static_cast<std::streamsize>(n));
  return static_cast<std::size_t>(state_->in.gcount()) == n;
}

std::shared_ptr<const char> OpenFile::map(std::size_t) const { return nullptr; }

bool OpenFile::unchanged() const {
  std::error_code ec;
  return std::filesystem::file_size(path_, ec) == state_->size && std::filesystem::last_write_time(path_, ec) == state_->written;
}

#endif

}  // namespace tacit::inline TACIT_ABI
