#include <tacit/problems/readers/packed_file.hpp>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <memory>
#include <utility>
#include <vector>

#include <tacit/problems/readers/detail/file_rows.hpp>
#include <tacit/problems/readers/detail/packed_layout.hpp>

namespace tacit::inline TACIT_ABI {

bool is_packed(const std::string& path) {
  std::error_code ec;
  if (!std::filesystem::is_regular_file(path, ec)) return false;
  std::array<char, packed::kMagic.size()> first{};
  std::ifstream in(path, std::ios::binary);
  in.read(first.data(), static_cast<std::streamsize>(first.size()));
  constexpr std::size_t kName = 6;  // what a transfer as text leaves
  return in.gcount() >= static_cast<std::streamsize>(kName) && std::memcmp(first.data(), packed::kMagic.data(), kName) == 0;
}

namespace {

using packed::Head;

DataError unusable(const std::string& path, const std::string& what, const std::string& remedy) {
  return DataError("D103", "the packed file '" + path + "' " + what, SourceLocation{path, 0, 0}, remedy);
}
DataError damaged(const std::string& path, const std::string& how) {
  return unusable(path, "is damaged: " + how, "copy it again, or pack the data again (tacit pack)");
}

std::uint64_t blocks_of(const Head& h) { return (h.checks - packed::kRowsAt + h.block - 1) / h.block; }

/// Do the places of the header fit together, and to the length of the file?
bool places_fit(const Head& h) {
  constexpr std::uint64_t kMost = std::uint64_t{1} << 48U;
  if ((h.number_bytes != 4 && h.number_bytes != 8) || h.rows == 0 || h.columns == 0 || h.rows > kMost || h.columns > kMost)
    return false;
  if (h.block == 0 || h.block % sizeof(double) != 0 || h.block > (std::uint64_t{1} << 28U) || h.facts > kMost ||
      h.facts_bytes > kMost || h.all > kMost)
    return false;
  if (h.rows > kMost / h.number_bytes / h.columns) return false;
  return h.facts == packed::kRowsAt + h.rows * h.columns * h.number_bytes && h.checks == h.facts + h.facts_bytes &&
         h.all == h.checks + blocks_of(h) * sizeof(std::uint64_t);
}

Head read_header(const OpenFile& file) {
  const std::string& path = file.path();
  std::array<char, packed::kHeaderBytes> bytes{};
  if (!file.read(0, bytes.data(), bytes.size())) throw damaged(path, "it is cut off");
  packed::Reader r({bytes.data(), bytes.size()});
  for (const char c : packed::kMagic) {
    if (r.take<char>() != c) throw damaged(path, "its line ends were changed, as a transfer as text does");
  }
  Head h;
  h.order = r.take<std::uint32_t>();
  h.version = r.take<std::uint32_t>();
  if (h.order == packed::kOtherOrder)
    throw unusable(path, "was written on a machine with the other byte order", "pack the data on this machine (tacit pack)");
  if (h.order == packed::kOrder && h.version > kPackedVersion)
    throw unusable(path,
                   "has version " + std::to_string(h.version) + " of its layout, and this program reads versions up to " +
                       std::to_string(kPackedVersion),
                   "use a newer Tacit, or pack the data again with this one");
  for (std::uint64_t* n : {&h.number_bytes, &h.rows, &h.columns, &h.facts, &h.facts_bytes, &h.checks, &h.block, &h.all})
    *n = r.take<std::uint64_t>();
  const auto check = r.take<std::uint64_t>();
  if (check != digest_of({bytes.data(), bytes.size() - sizeof check}))
    throw damaged(path, "its header does not fit its checksum");
  if (h.order != packed::kOrder || h.version == 0 || !places_fit(h)) throw damaged(path, "the places in its header do not fit");
  if (file.size() != h.all) throw damaged(path, "it has " + std::to_string(file.size()) + " bytes, not " + std::to_string(h.all));
  return h;
}

}  // namespace

PackedData read_packed(const std::string& path) {
  auto file = std::make_shared<const OpenFile>(path);
  const Head h = read_header(*file);
  std::vector<std::uint64_t> checks(static_cast<std::size_t>(blocks_of(h)));
  if (!file->read(h.checks, checks.data(), checks.size() * sizeof(std::uint64_t))) throw damaged(path, "it is cut off");
  ByteStream stream = ByteStream::open(path);
  std::string facts;
  std::vector<char> block(static_cast<std::size_t>(std::max(h.block, packed::kRowsAt)));
  stream.read(block.data(), static_cast<std::size_t>(packed::kRowsAt));
  const std::uint64_t row_bytes = h.facts - packed::kRowsAt, all = h.checks - packed::kRowsAt;
  for (std::uint64_t from = 0, k = 0; from < all; from += h.block, ++k) {
    const auto n = static_cast<std::size_t>(std::min(h.block, all - from));
    if (stream.read(block.data(), n) < n || digest_of({block.data(), n}) != checks[static_cast<std::size_t>(k)])
      throw damaged(path, "the bytes from " + std::to_string(packed::kRowsAt + from + 1) + " on do not fit their checksum");
    const auto of_rows = from < row_bytes ? static_cast<std::size_t>(std::min<std::uint64_t>(n, row_bytes - from)) : 0;
    facts.append(block.data() + of_rows, n - of_rows);
  }
  PackedData out;
  out.digest = stream.digest();
  if (!file->unchanged())
    throw DataError("D101", "'" + path + "' changed while it was read", SourceLocation{path, 0, 0},
                    "run again when nothing writes to it");
  out.facts.rows = static_cast<Index>(h.rows);
  out.facts.columns = static_cast<Index>(h.columns);
  out.facts.number_bytes = static_cast<int>(h.number_bytes);
  if (!packed::read_facts(facts, out.facts)) throw damaged(path, "what it says of its columns cannot be read");
  out.numbers = file_rows(std::move(file), {packed::kRowsAt, out.facts.rows, out.facts.columns, out.facts.number_bytes});
  return out;
}

}  // namespace tacit::inline TACIT_ABI
