#include <doctest/doctest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include <tacit/cli/run/files.hpp>
#include <tacit/core/support/errors.hpp>

namespace fs = std::filesystem;
using tacit::IoError;
using tacit::RunFolder;
using tacit::UsageError;

namespace {

/// A folder of its own for a test, gone at its end.
struct Scratch {
  fs::path path;
  Scratch() {
    std::string name = (fs::temp_directory_path() / "tacit-files-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Scratch() { fs::remove_all(path); }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path), fs::directory_iterator()));
  }
};

}  // namespace

TEST_CASE("write_atomically replaces the whole file, keeps its permissions and leaves nothing else") {
  const Scratch dir;
  const fs::path file = dir.path / "model.json";
  tacit::write_atomically(file, std::string(100000, 'a'));
  CHECK(tacit::read_whole(file) == std::string(100000, 'a'));
  REQUIRE(::chmod(file.c_str(), 0640) == 0);
  const std::string bytes("short \0 \n", 9);
  tacit::write_atomically(file, bytes);
  CHECK(tacit::read_whole(file) == bytes);
  CHECK((fs::status(file).permissions() & fs::perms::mask) == fs::perms(0640));
  CHECK(dir.entries() == 1);
}

TEST_CASE("a reader that has the old file open keeps the old content") {
  const Scratch dir;
  const fs::path file = dir.path / "trace.csv";
  tacit::write_atomically(file, "old");
  const int fd = ::open(file.c_str(), O_RDONLY);
  tacit::write_atomically(file, "new one");
  char buffer[16] = {};
  CHECK(::read(fd, buffer, sizeof buffer) == 3);
  CHECK(std::string(buffer) == "old");
  ::close(fd);
}

TEST_CASE("write_atomically follows links and writes into what is no regular file") {
  const Scratch dir;
  tacit::write_atomically(dir.path / "target", "1");
  fs::create_symlink("target", dir.path / "link");
  tacit::write_atomically(dir.path / "link", "2");
  CHECK(fs::is_symlink(dir.path / "link"));
  CHECK(tacit::read_whole(dir.path / "target") == "2");
  CHECK_NOTHROW(tacit::write_atomically("/dev/null", "3"));
  CHECK(fs::is_character_file("/dev/null"));
}

TEST_CASE("errors of writing and reading name the path and the reason") {
  const Scratch dir;
  const auto message = [](auto&& action) {
    try {
      action();
    } catch (const IoError& error) {
      return std::to_string(error.error_number()) + " " + error.what();
    }
    return std::string("no error");
  };
  const std::string missing = message([&] { tacit::write_atomically(dir.path / "no" / "file", "x"); });
  CHECK(missing.find(std::to_string(ENOENT)) == 0);
  CHECK(missing.find((dir.path / "no" / "file").string()) != std::string::npos);
  CHECK(missing.find("No such file or directory") != std::string::npos);
  CHECK(message([&] { tacit::write_atomically(dir.path, "x"); }).find(std::to_string(EISDIR)) == 0);
  CHECK(message([&] { tacit::read_whole(dir.path / "nothing"); }).find(std::to_string(ENOENT)) == 0);
  CHECK(dir.entries() == 0);
  // A full disk: the old file stays, the temporary one goes.
  if (fs::exists("/dev/full"))
    CHECK(message([&] { tacit::write_atomically("/dev/full", "x"); }).find(std::to_string(ENOSPC)) == 0);
}

TEST_CASE("the next free run folder: name, name-2, name-3") {
  const Scratch dir;
  const std::string pattern = (dir.path / "runs" / "{name}").string();
  const RunFolder a = RunFolder::next_free(pattern, "ridge");
  RunFolder b = RunFolder::next_free(pattern, "ridge");
  const RunFolder c = RunFolder::next_free(pattern, "ridge");
  CHECK(a.path() == dir.path / "runs" / "ridge");
  CHECK(b.path() == dir.path / "runs" / "ridge-2");
  CHECK(c.path() == dir.path / "runs" / "ridge-3");
  b.discard_if_empty();
  CHECK(RunFolder::next_free(pattern, "ridge").path() == dir.path / "runs" / "ridge-2");
  CHECK(RunFolder::next_free((dir.path / "fixed").string(), "ridge").path() == dir.path / "fixed");
  CHECK(RunFolder::next_free((dir.path / "fixed/").string(), "ridge").path() == dir.path / "fixed-2");
  CHECK(RunFolder::next_free((dir.path / "{name}" / "out-{name}").string(), "x").path() == dir.path / "x" / "out-x");
  for (const char* name : {"", "..", "a/b"}) CHECK_THROWS_AS(RunFolder::next_free(pattern, name), UsageError);
}

TEST_CASE("a name that holds the mark itself is not replaced again") {
  const Scratch dir;
  CHECK(RunFolder::next_free((dir.path / "{name}").string(), "{name}").path() == dir.path / "{name}");
  CHECK(RunFolder::next_free((dir.path / "{name}").string(), "{name}").path() == dir.path / "{name}-2");
}

TEST_CASE("processes that start at once never share a run folder") {
  const Scratch dir;
  const std::string pattern = (dir.path / "{name}").string();
  constexpr int processes = 8, each = 10;
  std::vector<pid_t> children;
  for (int p = 0; p < processes; ++p) {
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
      int status = 0;
      for (int i = 0; i < each; ++i) {
        try {
          const RunFolder run = RunFolder::next_free(pattern, "run");
          const int fd = ::open((run.path() / "mine").c_str(), O_CREAT | O_EXCL | O_WRONLY, 0666);
          if (fd < 0) status = 1;
          ::close(fd);
        } catch (...) {
          status = 2;
        }
      }
      ::_exit(status);
    }
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    CHECK(status == 0);
  }
  CHECK(dir.entries() == processes * each);
}

TEST_CASE("a given folder must be free, or --force clears what a run left there and nothing else") {
  const Scratch dir;
  const fs::path out = dir.path / "out";
  {
    const RunFolder run = RunFolder::given(out, false);
    CHECK(run.path() == out);
    CHECK_THROWS_WITH_AS(RunFolder::given(out, true), doctest::Contains("another run is writing"), UsageError);
  }
  {
    const RunFolder run = RunFolder::given(out, false);  // empty and no longer locked
    for (const char* name : {"model.json", "plots/a.svg", "own-run/x/run.json"}) {
      fs::create_directories((out / name).parent_path());
      tacit::write_atomically(run.file(name), "{}");
    }
    run.file("hyper.csv");  // named, and never written
  }
  tacit::write_atomically(out / "notes.md", "mine");
  tacit::write_atomically(out / "plots" / "mine.svg", "mine");
  tacit::write_atomically(out / ".model.json.17-0.tmp", "left by a run that was killed");
  tacit::write_atomically(out / ".notes.md.17-0.tmp", "mine");
  CHECK_THROWS_WITH_AS(RunFolder::given(out, false), doctest::Contains("--force"), UsageError);
  CHECK(tacit::folder_in_use(out, false).find(out.string()) != std::string::npos);
  CHECK(fs::exists(out / "model.json"));
  CHECK(RunFolder::given(out / "", true).path() == out);
  CHECK_FALSE(fs::exists(out / "model.json"));
  CHECK_FALSE(fs::exists(out / "own-run"));
  CHECK_FALSE(fs::exists(out / "plots" / "a.svg"));
  CHECK_FALSE(fs::exists(out / ".model.json.17-0.tmp"));
  CHECK_FALSE(fs::exists(out / tacit::kManifest));
  for (const char* name : {"notes.md", "plots/mine.svg", ".notes.md.17-0.tmp"}) CHECK(tacit::read_whole(out / name) == "mine");
  CHECK_THROWS_WITH_AS(RunFolder::given(out / "notes.md", true), doctest::Contains("is a file"), UsageError);
  CHECK(tacit::folder_in_use(dir.path / "not-there", false).empty());
}

TEST_CASE("--force never removes what no manifest names, and a manifest never reaches beyond its folder") {
  for (const std::string& name : tacit::run_file_names()) {
    CAPTURE(name);
    const Scratch dir;
    tacit::write_atomically(dir.path / name, "mine");
    CHECK(tacit::folder_in_use(dir.path, true).find("'" + name + "'") != std::string::npos);
    CHECK_THROWS_AS(RunFolder::given(dir.path, true), UsageError);
    CHECK(tacit::read_whole(dir.path / name) == "mine");
  }
  const Scratch dir;
  tacit::write_atomically(dir.path / "notes.md", "mine");
  CHECK_NOTHROW(RunFolder::given(dir.path, true));  // nothing of the run's is in its way
  CHECK(fs::exists(dir.path / "notes.md"));
  const fs::path out = dir.path / "out";
  fs::create_directories(out / "sub");
  tacit::write_atomically(out / tacit::kManifest, "../notes.md\nsub/../../notes.md\n" + (dir.path / "notes.md").string() +
                                                      "\n.\n\nsub\nlink/notes.md\nlog.txt\n");
  fs::create_directory_symlink(dir.path, out / "link");
  tacit::write_atomically(out / "log.txt", "");
  CHECK_NOTHROW(RunFolder::given(out, true));
  CHECK(tacit::read_whole(dir.path / "notes.md") == "mine");
  CHECK_FALSE(fs::exists(out / "log.txt"));
}

TEST_CASE("a growing file is whole but for its end, and a full disk still takes what is shorter") {
  const Scratch dir;
  const fs::path file = dir.path / "t";
  tacit::GrowingFile grows(file, "head\n");
  grows.append("row\n");
  CHECK(tacit::read_whole(file) == "head\nrow\n");
  grows.replace(0, "HEAD");
  grows.append("row\n");
  CHECK(tacit::read_whole(file) == "HEAD\nrow\nrow\n");
  CHECK_FALSE(tacit::overwrite_shorter(file, std::string(100, 'x')));
  CHECK(tacit::overwrite_shorter(file, "short\n"));
  CHECK(tacit::read_whole(file) == "short\n");
  CHECK_FALSE(tacit::overwrite_shorter(dir.path / "none", ""));
  CHECK_THROWS_AS(tacit::GrowingFile(dir.path / "no" / "t", ""), tacit::IoError);
}

TEST_CASE("an existing folder is entered as it is, and discard_if_empty spares what was there before") {
  const Scratch dir;
  CHECK_THROWS_AS(RunFolder::existing(dir.path / "no"), UsageError);
  RunFolder run = RunFolder::existing(dir.path);
  CHECK_THROWS_AS(RunFolder::existing(dir.path), UsageError);
  run.discard_if_empty();
  CHECK(fs::exists(dir.path));
  RunFolder moved = std::move(run);
  CHECK_THROWS_AS(RunFolder::existing(dir.path), UsageError);
  moved = RunFolder::given(dir.path / "new", false);
  CHECK_NOTHROW(RunFolder::existing(dir.path));
  tacit::write_atomically(dir.path / "new" / "log.txt", "");
  moved.discard_if_empty();
  CHECK(fs::exists(dir.path / "new" / "log.txt"));
}
