#include <tacit/cli/run/files.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <system_error>
#include <utility>

#include <tacit/core/support/errors.hpp>

namespace tacit {

namespace fs = std::filesystem;

namespace {

/// A file descriptor that is closed at the end of its scope.
class Descriptor {
public:
  explicit Descriptor(int fd) : fd_(fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  int get() const { return fd_; }
  /// Closes now; false with errno set when the system reports that writing failed after all.
  bool close() {
    const int fd = fd_;
    fd_ = -1;
    return ::close(fd) == 0;
  }

private:
  int fd_;
};

/// Removes a temporary file unless it was renamed away.
class TemporaryFile {
public:
  explicit TemporaryFile(fs::path path) : path_(std::move(path)) {}
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (!path_.empty()) ::unlink(path_.c_str());
  }
  void keep() { path_.clear(); }

private:
  fs::path path_;
};

bool write_all(int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = ::write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(n));
  }
  return true;
}

void write_at_end(int fd, const fs::path& file, std::string_view bytes) {
  if (::lseek(fd, 0, SEEK_END) < 0 || !write_all(fd, bytes)) throw IoError("write", file, errno);
}
void write_over(int fd, const fs::path& file, std::uint64_t offset, std::string_view bytes) {
  if (::lseek(fd, static_cast<off_t>(offset), SEEK_SET) < 0 || !write_all(fd, bytes)) throw IoError("write", file, errno);
}

/// fsync, where the file system has it.
bool flush(int fd) { return ::fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EROFS; }

fs::path folder_of(const fs::path& file) { return file.has_parent_path() ? file.parent_path() : fs::path("."); }

void flush_folder(const fs::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  // A folder that may be written but not read cannot be opened; the rename has happened all the same.
  if (fd.get() < 0 && errno == EACCES) return;
  if (fd.get() < 0 || !flush(fd.get())) throw IoError("flush the folder", folder, errno);
}

void write_in_place(const fs::path& file, std::string_view content) {
  Descriptor fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  if (fd.get() < 0) throw IoError("open", file, errno);
  if (!write_all(fd.get(), content) || !fd.close()) throw IoError("write", file, errno);
}

/// The file that a chain of symbolic links ends at; its last part need not exist.
fs::path follow_links(fs::path file) {
  std::error_code none;
  for (int i = 0; i < 40 && fs::is_symlink(file, none); ++i) {
    const fs::path next = fs::read_symlink(file, none);
    if (none) break;
    file = next.is_absolute() ? next : folder_of(file) / next;
  }
  return file;
}

/// Opens a new file beside `file`; its name is returned in `temporary`.
int open_temporary(const fs::path& file, mode_t mode, fs::path& temporary) {
  for (int i = 0;; ++i) {
    temporary =
        folder_of(file) / ("." + file.filename().string() + "." + std::to_string(::getpid()) + "-" + std::to_string(i) + ".tmp");
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd >= 0 || errno != EEXIST || i >= 1000) return fd;
  }
}

}  // namespace

IoError::IoError(const std::string& operation, const fs::path& path, int error_number)
    : std::runtime_error("cannot " + operation + " '" + path.string() + "': " + std::system_category().message(error_number)),
      path_(path), error_number_(error_number) {}

void write_atomically(const fs::path& given, std::string_view content, Flush when) {
  const fs::path file = follow_links(given);
  struct stat old {};
  const bool exists = ::stat(file.c_str(), &old) == 0;
  if (exists && S_ISDIR(old.st_mode)) throw IoError("write", file, EISDIR);
  if (exists && !S_ISREG(old.st_mode)) return write_in_place(file, content);
  fs::path name;
  Descriptor fd(open_temporary(file, 0666, name));
  if (fd.get() < 0) throw IoError("write", file, errno);
  TemporaryFile temporary(name);
  // The permissions of the file that is replaced stay; a file system that has none is no reason to fail.
  if (exists && ::fchmod(fd.get(), old.st_mode & 07777) != 0 && errno != EPERM && errno != ENOTSUP)
    throw IoError("write", file, errno);
  if (!write_all(fd.get(), content) || (when == Flush::now && !flush(fd.get())) || !fd.close())
    throw IoError("write", file, errno);
  if (::rename(name.c_str(), file.c_str()) != 0) throw IoError("write", file, errno);
  temporary.keep();
  if (when == Flush::now) flush_folder(folder_of(file));
}

PendingFile::PendingFile(const fs::path& file) : file_(follow_links(file)) {
  if (fs::is_directory(file_)) throw IoError("write", file_, EISDIR);
  fd_ = open_temporary(file_, 0666, temporary_);
  if (fd_ < 0) throw IoError("write", file_, errno);
}

PendingFile::~PendingFile() {
  if (fd_ >= 0) ::close(fd_);
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

void PendingFile::append(std::string_view bytes) { write_at_end(fd_, file_, bytes); }

void PendingFile::replace(std::uint64_t offset, std::string_view bytes) { write_over(fd_, file_, offset, bytes); }

void PendingFile::finish() {
  if (!tacit::flush(fd_)) throw IoError("write", file_, errno);
  const int fd = std::exchange(fd_, -1);
  if (::close(fd) != 0) throw IoError("write", file_, errno);
  if (::rename(temporary_.c_str(), file_.c_str()) != 0) throw IoError("write", file_, errno);
  temporary_.clear();
  flush_folder(folder_of(file_));
}

bool overwrite_shorter(const fs::path& file, std::string_view content) noexcept {
  struct stat old {};
  if (::stat(file.c_str(), &old) != 0 || !S_ISREG(old.st_mode) || static_cast<std::size_t>(old.st_size) < content.size())
    return false;
  const Descriptor fd(::open(file.c_str(), O_WRONLY | O_CLOEXEC));
  return fd.get() >= 0 && write_all(fd.get(), content) && ::ftruncate(fd.get(), static_cast<off_t>(content.size())) == 0;
}

GrowingFile::GrowingFile(fs::path file, std::string_view begin) : file_(std::move(file)) {
  write_atomically(file_, begin);
  fd_ = ::open(file_.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd_ < 0) throw IoError("write", file_, errno);
}
GrowingFile::~GrowingFile() { ::close(fd_); }

void GrowingFile::append(std::string_view bytes) { write_at_end(fd_, file_, bytes); }

void GrowingFile::replace(std::size_t offset, std::string_view bytes) { write_over(fd_, file_, offset, bytes); }

void GrowingFile::flush() {
  if (!tacit::flush(fd_)) throw IoError("write", file_, errno);
}

std::string read_whole(const fs::path& file) {
  const Descriptor fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) throw IoError("open", file, errno);
  std::string text;
  std::array<char, 65536> buffer;
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw IoError("read", file, errno);
    if (n == 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(n));
  }
}

// ---- the run folder

const std::vector<std::string>& run_file_names() {
  static const std::vector<std::string> names{
      "config.yaml", "config.resolved.yaml", "run.json",        "trace.csv",   "trace.jsonl", "theta.npy", "hypergradient.npy",
      "hyper.csv",   "model.json",           "predictions.csv", "report.html", "plots",       "log.txt",   "elsewhere.py",
      "elsewhere.R", "compare.csv",          "steps.csv",       "own-run",     "curve.csv",   "curve.json"};
  return names;
}

namespace {

void make_parents(const fs::path& folder) {
  if (!folder.has_parent_path()) return;
  std::error_code error;
  fs::create_directories(folder.parent_path(), error);
  if (error) throw IoError("make the folder", folder.parent_path(), error.value());
}

/// What the manifest of a folder names: paths below it alone, whoever wrote the file.
std::set<std::string> manifest_of(const fs::path& dir) {
  std::set<std::string> names;
  std::error_code none;
  if (!fs::is_regular_file(dir / kManifest, none)) return names;
  std::istringstream in(read_whole(dir / kManifest));
  for (std::string line; std::getline(in, line);) {
    const fs::path path = fs::path(line).lexically_normal();
    if (!line.empty() && path.is_relative() && *path.begin() != ".." && path != ".") names.insert(path.generic_string());
  }
  return names;
}

/// Removes a file, or a link itself; folders stay.
void clear_away(const fs::path& file) {
  std::error_code none;
  if (fs::symlink_status(file, none).type() == fs::file_type::directory) return;
  if (::unlink(file.c_str()) != 0 && errno != ENOENT && errno != ENOTDIR) throw IoError("remove", file, errno);
}

/// Does the folder of a file lie in `dir`, whatever links are on the way?
bool inside(const fs::path& file, const fs::path& dir) {
  std::error_code none;
  const fs::path folder = fs::weakly_canonical(folder_of(file), none), root = fs::weakly_canonical(dir, none);
  return std::mismatch(root.begin(), root.end(), folder.begin(), folder.end()).first == root.end();
}

/// Is it a file of the manifest under its temporary name (open_temporary), as a run that was killed leaves it?
bool abandoned(const std::string& name, const std::set<std::string>& names) {
  if (name.size() < 4 || name.front() != '.' || name.compare(name.size() - 4, 4, ".tmp") != 0) return false;
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& k) { return name.compare(1, k.size() + 1, k + ".") == 0; });
}

/// The files that the manifest names, and their folders as far as nothing else is in them.
void remove_earlier_run(const fs::path& dir) {
  std::set<std::string> names = manifest_of(dir);
  std::set<fs::path> folders;
  for (const std::string& name : names) {
    if (!inside(dir / name, dir)) continue;
    clear_away(dir / name);
    for (fs::path p = fs::path(name).parent_path(); !p.empty(); p = p.parent_path()) folders.insert(p);
  }
  if (!names.empty()) names.insert(run_file_names().begin(), run_file_names().end());
  std::vector<fs::path> left;
  for (const auto& entry : fs::directory_iterator(dir)) {
    if (abandoned(entry.path().filename().string(), names)) left.push_back(entry.path());
  }
  for (const fs::path& path : left) clear_away(path);
  for (auto p = folders.rbegin(); p != folders.rend(); ++p) {             // deeper ones sort after
    if (inside(dir / *p / kManifest, dir)) remove_earlier_run(dir / *p);  // a report that was made of a run in the run
    ::rmdir((dir / *p).c_str());
  }
  clear_away(dir / kManifest);
}

/// A file in the way of a run that none wrote: "" when there is none.
std::string foreign_file(const fs::path& dir) {
  const std::set<std::string> names = manifest_of(dir);
  std::error_code none;
  for (const std::string& name : run_file_names()) {
    const auto at = names.lower_bound(name);
    const bool ours = at != names.end() && (*at == name || at->compare(0, name.size() + 1, name + "/") == 0);
    if (!ours && fs::exists(fs::symlink_status(dir / name, none))) return name;
  }
  return {};
}

/// Part of a folder name that every file system takes, with room for "-2".
bool good_name(const std::string& name) {
  const bool plain = std::none_of(name.begin(), name.end(), [](char c) { return c == '/' || (c >= 0 && c < ' ') || c == 0x7F; });
  return plain && !name.empty() && name.size() <= 200 && name != "." && name != "..";
}

void refuse_no_name(const fs::path& dir) {
  if (dir.empty()) throw UsageError("the output folder has no name", "output.dir");
}

std::string in_use_by_run(const fs::path& dir) {
  return "another run is writing in the output folder '" + dir.string() + "'; wait until it ends or give another folder with -o";
}

}  // namespace

std::string folder_in_use(const fs::path& dir, bool force) {
  std::error_code error;
  const fs::file_status status = fs::status(dir, error);
  if (status.type() == fs::file_type::not_found) return {};
  if (status.type() == fs::file_type::none) throw IoError("look at", dir, error.value());
  if (status.type() != fs::file_type::directory)
    return "the output folder '" + dir.string() + "' is a file; give another folder with -o";
  if (!force) {
    const bool empty = fs::is_empty(dir, error);
    if (error) throw IoError("read the folder", dir, error.value());
    if (!empty)
      return "the output folder '" + dir.string() +
             "' is not empty; give another one with -o, or --force to replace what a run left there";
    return {};
  }
  const std::string foreign = foreign_file(dir);
  if (foreign.empty()) return {};
  return "the output folder '" + dir.string() + "' holds '" + foreign + "', which no run wrote as far as its manifest (" +
         kManifest + ") tells; give another folder with -o, or move it away";
}

RunFolder::RunFolder(fs::path path, bool made) : path_(std::move(path)), made_(made) {}

RunFolder::RunFolder(RunFolder&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)), made_(std::exchange(other.made_, false)),
      named_(std::move(other.named_)) {}

RunFolder& RunFolder::operator=(RunFolder&& other) noexcept {
  if (this != &other) {
    release();
    path_ = std::move(other.path_);
    lock_ = std::exchange(other.lock_, -1);
    made_ = std::exchange(other.made_, false);
    named_ = std::move(other.named_);
  }
  return *this;
}

RunFolder::~RunFolder() { release(); }

void RunFolder::release() noexcept {
  if (lock_ >= 0) ::close(lock_);
  lock_ = -1;
}

bool RunFolder::lock() {
  lock_ = ::open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (lock_ < 0) throw IoError("open the folder", path_, errno);
  while (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    if (errno == EINTR) continue;
    return errno != EWOULDBLOCK;  // any other errno: no locks on this file system
  }
  return true;
}

RunFolder RunFolder::next_free(const std::string& pattern, const std::string& name) {
  if (!good_name(name))
    throw UsageError("the name '" + name + "' cannot be part of a folder name; use up to 200 letters, digits, '-' and '_'",
                     "name");
  refuse_no_name(pattern);
  const auto folder = [&](const std::string& ending) {
    static constexpr std::string_view mark = "{name}";
    std::string text = pattern;
    std::size_t at = text.find(mark);
    while (text.size() > 1 && text.back() == '/') text.pop_back();
    if (at == std::string::npos) return fs::path(text + ending);
    for (; at != std::string::npos; at = text.find(mark, at + name.size() + ending.size()))
      text.replace(at, mark.size(), name + ending);
    return fs::path(text);
  };
  for (long i = 1;; ++i) {
    const fs::path path = folder(i == 1 ? "" : "-" + std::to_string(i));
    make_parents(path);
    if (::mkdir(path.c_str(), 0777) == 0) {
      RunFolder run(path, true);
      // Nobody else may think this folder free: it exists. A lock that fails belongs to a run with -o on this very path.
      if (run.lock()) return run;
      continue;
    }
    if (errno != EEXIST) throw IoError("make the folder", path, errno);
  }
}

RunFolder RunFolder::given(const fs::path& dir, bool force) {
  refuse_no_name(dir);
  const std::string refusal = folder_in_use(dir, force);
  if (!refusal.empty()) throw UsageError(refusal, "output.dir");
  // "runs/x/" names the folder "x": without its last separator mkdir and the parent are the ones that are meant.
  const fs::path path = dir.has_filename() || !dir.has_relative_path() ? dir : dir.parent_path();
  make_parents(path);
  const bool made = ::mkdir(path.c_str(), 0777) == 0;
  if (!made && errno != EEXIST) throw IoError("make the folder", path, errno);
  RunFolder run(path, made);
  if (!run.lock()) throw UsageError(in_use_by_run(path), "output.dir");
  // Looked at again under the lock: a run that was faster may have come and gone in between.
  const std::string second = folder_in_use(path, force);
  if (!second.empty()) throw UsageError(second, "output.dir");
  if (force) remove_earlier_run(path);
  return run;
}

RunFolder RunFolder::existing(const fs::path& dir) {
  std::error_code error;
  if (!fs::is_directory(dir, error)) throw UsageError("'" + dir.string() + "' is not a run folder: there is no such folder");
  RunFolder run(dir, false);
  if (!run.lock()) throw UsageError(in_use_by_run(dir), "output.dir");
  return run;
}

fs::path RunFolder::file(const std::string& name) const {
  if (named_.empty()) named_ = manifest_of(path_);
  if (named_.insert(name).second) {
    const fs::path manifest = path_ / kManifest;
    const Descriptor fd(::open(manifest.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666));
    if (fd.get() < 0 || !write_all(fd.get(), name + "\n")) throw IoError("write", manifest, errno);
  }
  return path_ / name;
}

fs::path file_in(const RunFolder& folder, const std::string& name) {
  fs::path path = folder.file(name);
  make_parents(path);
  return path;
}

void RunFolder::discard_if_empty() noexcept {
  if (made_) ::rmdir(path_.c_str());
}

}  // namespace tacit
