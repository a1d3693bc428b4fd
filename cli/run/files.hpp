// Files and folders of a run: atomic writes, the choice of the run folder.
#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tacit {

/// A file or folder that could not be read or written: exit code 1. what() names the operation, the path and the text of errno.
class IoError : public std::runtime_error {
public:
  IoError(const std::string& operation, const std::filesystem::path& path, int error_number);
  const std::filesystem::path& path() const { return path_; }
  int error_number() const { return error_number_; }

private:
  std::filesystem::path path_;
  int error_number_;
};

/// Whether a file is on the disk when it has been written, or whenever the system sees to that: of what can be made again.
enum class Flush { now, later };

/// Writes `content` to a temporary name beside `file`, flushes it to the disk, renames it over `file` and flushes the folder: a
/// crash at any instant leaves either the previous file or the new one, whole; with Flush::later one of the program, not one of
/// the machine. A symbolic link is followed, so that its target is replaced; what is no regular file (a pipe, /dev/null) is
/// written in place. Throws IoError, after which no temporary file is left.
void write_atomically(const std::filesystem::path& file, std::string_view content, Flush when = Flush::now);

/// A file that is written piece by piece to a temporary name beside it and appears whole, as write_atomically leaves it; nothing
/// is left of one that is not finished. Throws IoError.
class PendingFile {
public:
  explicit PendingFile(const std::filesystem::path& file);
  PendingFile(const PendingFile&) = delete;
  PendingFile& operator=(const PendingFile&) = delete;
  ~PendingFile();
  void append(std::string_view bytes);
  /// Writes over what was appended before.
  void replace(std::uint64_t offset, std::string_view bytes);
  void finish();

private:
  std::filesystem::path file_, temporary_;
  int fd_ = -1;
};

/// Writes `content` over an existing file, in place and cut off after it, where it is shorter than what is there: what a full
/// disk still lets one do. False where it cannot be.
bool overwrite_shorter(const std::filesystem::path& file, std::string_view content) noexcept;

/// A file that grows: made anew with its beginning, whole or not at all; then each append is one write at its end, so that a
/// crash leaves all that was there before and at most a part of the last. Throws IoError.
class GrowingFile {
public:
  GrowingFile(std::filesystem::path file, std::string_view begin);
  GrowingFile(const GrowingFile&) = delete;
  GrowingFile& operator=(const GrowingFile&) = delete;
  ~GrowingFile();
  void append(std::string_view bytes);
  /// Writes over what stands at `offset`.
  void replace(std::size_t offset, std::string_view bytes);
  /// To the disk.
  void flush();

private:
  std::filesystem::path file_;
  int fd_ = -1;
};

/// The whole file as bytes. Throws IoError.
std::string read_whole(const std::filesystem::path& file);

/// A run folder that belongs to this process while the object lives: it holds a lock on the folder, which the system drops when
/// the process ends, however it ends. Where the file system knows no locks the folder is used without.
class RunFolder {
public:
  RunFolder() = default;
  RunFolder(RunFolder&& other) noexcept;
  RunFolder& operator=(RunFolder&& other) noexcept;
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  ~RunFolder();

  /// The folder of `pattern` with {name} replaced by `name`, else by name-2, name-3, ...: the first that does not exist yet.
  /// mkdir decides, so two runs at once never share one. A pattern without {name} gets -2, -3 at its end. Throws UsageError for a
  /// name that is no file name, IoError otherwise.
  static RunFolder next_free(const std::string& pattern, const std::string& name);
  /// Exactly `dir`, made when missing. Throws UsageError (key "output.dir") when it is a file, is not empty and `force` is false,
  /// or when another run is writing in it. With `force` what the manifest of an earlier run names is removed, nothing else, and a
  /// folder that holds a file in a run's way which no manifest names is refused all the same.
  static RunFolder given(const std::filesystem::path& dir, bool force);
  /// An existing run folder, to go on in it: nothing is removed. Throws UsageError when it is none or another run is writing in
  /// it.
  static RunFolder existing(const std::filesystem::path& dir);

  const std::filesystem::path& path() const { return path_; }
  /// The path of a file of this run by its name in the folder ("plots/loss.svg"), written to the manifest before the file is
  /// there: what --force may remove one day. Throws IoError.
  std::filesystem::path file(const std::string& name) const;
  /// Removes the folder when this object made it and it is still empty: a run that ended before its first file writes nothing.
  void discard_if_empty() noexcept;

private:
  RunFolder(std::filesystem::path path, bool made);
  bool lock();
  void release() noexcept;

  std::filesystem::path path_;
  int lock_ = -1;
  bool made_ = false;
  mutable std::set<std::string> named_;  ///< what the manifest is known to name
};

/// The manifest of a run folder: a name a line.
inline constexpr const char* kManifest = ".tacit-files";

/// The path of a file of a run folder by its name there, as RunFolder::file gives it.
using FilesOf = std::function<std::filesystem::path(const std::string& name)>;

/// folder.file(name), with the folders that the name has made. Throws IoError.
std::filesystem::path file_in(const RunFolder& folder, const std::string& name);

/// What `given` would refuse, without touching anything: empty when `dir` can be used, else the sentence of the UsageError.
std::string folder_in_use(const std::filesystem::path& dir, bool force);

/// The names, relative to a run folder, of all that a run may leave there at its top.
const std::vector<std::string>& run_file_names();

}  // namespace tacit
