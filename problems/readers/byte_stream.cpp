#include <tacit/problems/readers/byte_stream.hpp>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#define XXH_INLINE_ALL
#include <xxhash.h>
#ifndef TACIT_NO_GZIP
#include <zlib.h>
#endif

namespace tacit::inline TACIT_ABI {

namespace fs = std::filesystem;

std::uint64_t digest_of(std::string_view bytes) { return XXH3_64bits(bytes.data(), bytes.size()); }

namespace {

constexpr std::size_t kBuffer = std::size_t{1} << 18U;
constexpr std::uint64_t kUnknown = std::numeric_limits<std::uint64_t>::max();

DataError file_error(const char* code, const std::string& message, const std::string& path, std::string remedy) {
  return DataError(code, message, SourceLocation{path, 0, 0}, std::move(remedy));
}

std::unique_ptr<std::istream> open_file(const std::string& path, std::uint64_t& size) {
  std::error_code ec;
  const fs::file_status status = fs::status(path, ec);
  if (!fs::exists(status)) {
    throw file_error("D101", "there is no file '" + path + "'", path,
                     "check the path: in a run file it is relative to that file, on the command line to the working folder");
  }
  if (fs::is_directory(status)) throw file_error("D101", "'" + path + "' is a folder, not a file", path, "name a file in it");
  auto in = std::make_unique<std::ifstream>(path, std::ios::binary);
  if (!*in) throw file_error("D101", "the file '" + path + "' cannot be opened", path, "check its permissions");
  if (fs::is_regular_file(status)) {  // a pipe has no size
    const auto found = fs::file_size(path, ec);
    if (!ec) size = found;
  }
  return in;
}

std::string size_text(std::uint64_t bytes) {
  const bool whole = bytes % (std::uint64_t{1} << 20U) == 0;
  return whole ? std::to_string(bytes >> 20U) + " MiB" : std::to_string(bytes) + " bytes";
}

}  // namespace

/// Bytes as stored, and the unpacking of them.
struct ByteStream::State {
  std::string path;
  std::unique_ptr<std::istream> in;
  std::uint64_t stored = kUnknown, taken = 0;
  XXH3_state_t hash{};
  std::string buffer;
  std::size_t at = 0, filled = 0;
  bool packed = false;
  ReadLimits limits;
  std::uint64_t given = 0;  // bytes that were read from here

  State() { XXH3_64bits_reset(&hash); }

  /// What was just given out is counted, and refused where it is too much.
  void count(std::size_t n) {
    given += n;
    if (stored == kUnknown && given > limits.from_pipe) {
      throw file_error("D133", "'" + path + "' is no regular file and does not end within " + size_text(limits.from_pipe), path,
                       "write it to a file first, which may have any length");
    }
    if (!packed || given <= limits.unpacked_freely) return;
    const auto read = static_cast<double>(taken - (filled - at));
    if (static_cast<double>(given) <= limits.unpack_ratio * read) return;
    throw file_error("D133",
                     "the gzip file '" + path + "' unpacks to more than " + brief_number(limits.unpack_ratio) +
                         " times what is stored, which data seldom do",
                     path,
                     "if it is what it should be, raise data.unpack_ratio (gzip never saves more than 1032 times), or unpack it");
  }

  /// The next piece of the file; false at its end.
  bool refill() {
    if (at < filled) return true;
    if (buffer.empty()) buffer.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, stored) + 1));
    at = 0;
    filled = fetch(buffer.data(), buffer.size());
    return filled > 0;
  }

  /// Bytes as stored, up to n of them.
  std::size_t fetch(char* to, std::size_t n) {
    in->read(to, static_cast<std::streamsize>(n));
    const auto got = static_cast<std::size_t>(in->gcount());
    if (in->bad()) throw file_error("D101", "reading '" + path + "' failed", path, "check the disk, then try again");
    XXH3_64bits_update(&hash, to, got);
    taken += got;
    return got;
  }

  std::size_t read_plain(char* to, std::size_t n) {
    std::size_t done = 0;
    while (done < n) {
      if (at == filled && n - done >= kBuffer) {  // no need to go through the buffer
        const std::size_t got = fetch(to + done, kBuffer);
        if (got == 0) break;
        done += got;
        continue;
      }
      if (!refill()) break;
      const std::size_t piece = std::min(n - done, filled - at);
      std::memcpy(to + done, buffer.data() + at, piece);
      at += piece;
      done += piece;
    }
    count(done);
    return done;
  }

  DataError damaged() const {
    return file_error("D103", "the gzip file '" + path + "' is damaged or cut off", path, "copy it again, or unpack it by hand");
  }

#ifdef TACIT_NO_GZIP
  void begin_unpacking() {
    throw file_error("D103", "'" + path + "' is packed with gzip, and this build of Tacit reads none", path,
                     "unpack it, or build with TACIT_GZIP=ON");
  }
  std::size_t read_packed(char*, std::size_t) { return 0; }
#else
  z_stream z{};
  bool started = false, in_member = false;

  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() {
    if (started) inflateEnd(&z);
  }

  void begin_unpacking() {
    constexpr int kGzipAlone = 16 + MAX_WBITS;
    if (inflateInit2(&z, kGzipAlone) != Z_OK) throw damaged();
    started = in_member = true;
  }

  /// After a member: another one, padding of zero bytes, or the end.
  bool next_member() {
    while (refill() && buffer[at] == '\0') ++at;
    if (at == filled) return false;
    if (buffer[at] != '\x1f' || inflateReset(&z) != Z_OK) {
      throw file_error("D103", "the gzip file '" + path + "' goes on after its end with bytes that are no gzip", path,
                       "copy it again, or unpack it by hand (gzip -dc says what it leaves out)");
    }
    return in_member = true;
  }

  std::size_t read_packed(char* to, std::size_t n) {
    std::size_t done = 0;
    while (done < n) {
      if (!in_member && !next_member()) break;
      if (!refill()) throw damaged();
      z.next_in = reinterpret_cast<Bytef*>(buffer.data() + at);
      z.avail_in = static_cast<uInt>(filled - at);
      const std::size_t room = std::min(n - done, kBuffer);
      z.next_out = reinterpret_cast<Bytef*>(to + done);
      z.avail_out = static_cast<uInt>(room);
      const int status = inflate(&z, Z_NO_FLUSH);
      at = filled - z.avail_in;
      done += room - z.avail_out;
      count(room - z.avail_out);
      if (status == Z_STREAM_END)
        in_member = false;
      else if (status != Z_OK)
        throw damaged();
    }
    return done;
  }
#endif

  void begin() {
    packed = refill() && filled >= 2 && buffer[0] == '\x1f' && buffer[1] == '\x8b';
    if (packed) begin_unpacking();
  }
};

ByteStream::ByteStream(std::unique_ptr<State> state) : state_(std::move(state)) { state_->begin(); }
ByteStream::ByteStream(ByteStream&&) noexcept = default;
ByteStream& ByteStream::operator=(ByteStream&&) noexcept = default;
ByteStream::~ByteStream() = default;

ByteStream ByteStream::open(const std::string& path, const ReadLimits& limits) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  state->path = path;
  state->in = open_file(path, state->stored);
  return ByteStream(std::move(state));
}

ByteStream ByteStream::from_string(std::string path, std::string bytes, const ReadLimits& limits) {
  auto state = std::make_unique<State>();
  state->limits = limits;
  state->path = std::move(path);
  state->stored = bytes.size();
  state->in = std::make_unique<std::istringstream>(std::move(bytes), std::ios::binary);
  return ByteStream(std::move(state));
}

const std::string& ByteStream::path() const { return state_->path; }

bool ByteStream::regular() const { return state_->stored != kUnknown; }
std::uint64_t ByteStream::stored() const { return state_->stored; }
bool ByteStream::packed() const { return state_->packed; }

std::size_t ByteStream::read(char* to, std::size_t n) {
  return state_->packed ? state_->read_packed(to, n) : state_->read_plain(to, n);
}

std::string ByteStream::rest() {
  std::string out;
  if (!state_->packed && state_->stored != kUnknown) out.reserve(static_cast<std::size_t>(at_most_left()) + 1);
  const auto piece = static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, at_most_left() + 1));
  for (std::size_t got = piece; got > 0;) {
    const std::size_t size = out.size();
    out.resize(size + piece);
    got = read(out.data() + size, piece);
    out.resize(size + got);
  }
  return out;
}

std::uint64_t ByteStream::at_most_left() const {
  constexpr std::uint64_t kMostSaved = 1032;  // of deflate: 258 bytes for two bits
  const State& s = *state_;
  if (s.stored == kUnknown || s.stored > kUnknown / (4 * kMostSaved)) return kUnknown - 1;
  const std::uint64_t left = s.stored - std::min(s.stored, s.taken) + (s.filled - s.at);
  constexpr std::uint64_t kInside = 64;  // taken, and still to come out of the unpacker
  return s.packed ? kMostSaved * (left + kInside) : left;
}

std::uint64_t ByteStream::digest() {
  State& s = *state_;
  if (s.packed) {
    std::string skipped(static_cast<std::size_t>(std::min<std::uint64_t>(kBuffer, at_most_left() + 1)), '\0');
    while (read(skipped.data(), skipped.size()) > 0) {
    }
  }
  while (s.refill()) s.at = s.filled;
  return XXH3_64bits_digest(&s.hash);
}

}  // namespace tacit::inline TACIT_ABI
