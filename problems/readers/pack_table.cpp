#include <tacit/problems/readers/pack_table.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <limits>

#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/packed_layout.hpp>
#include <tacit/problems/readers/detail/table_scan.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

ByteSink::~ByteSink() = default;

namespace {

/// Cuts what is written into blocks and keeps their checksums.
class CheckedBlocks {
public:
  CheckedBlocks(ByteSink& to, std::uint64_t block) : to_(to), block_(static_cast<std::size_t>(block)) {}
  void append(std::string_view bytes) {
    while (!bytes.empty()) {
      const std::size_t n = std::min(bytes.size(), block_ - held_.size());
      held_.append(bytes.substr(0, n));
      bytes.remove_prefix(n);
      if (held_.size() == block_) write();
    }
  }
  /// Returns the checksums of all blocks.
  std::string finish() {
    if (!held_.empty()) write();
    return checks_.bytes();
  }
  std::uint64_t written() const { return written_ + held_.size(); }

private:
  void write() {
    checks_.put(digest_of(held_));
    to_.append(held_);
    written_ += held_.size();
    held_.clear();
  }
  ByteSink& to_;
  std::size_t block_;
  std::string held_;
  packed::Writer checks_;
  std::uint64_t written_ = 0;
};

/// Mean and deviation of columns as their rows pass by (Welford's updates).
class RunningMoments {
public:
  void add(const double* x, Index columns) {
    if (mean_.size() == 0) {
      mean_ = squares_ = Vec::Zero(columns);
      count_.assign(static_cast<std::size_t>(columns), 0);
    }
    for (Index j = 0; j < columns; ++j) {
      if (!std::isfinite(x[j])) continue;
      const double off = x[j] - mean_[j];
      mean_[j] += off / static_cast<double>(++count_[static_cast<std::size_t>(j)]);
      squares_[j] += off * (x[j] - mean_[j]);
    }
  }
  void finish(Vec& mean, Vec& deviation) const {
    mean = mean_;
    deviation = squares_;
    for (Index j = 0; j < mean.size(); ++j) {
      const auto n = static_cast<double>(count_[static_cast<std::size_t>(j)]);
      deviation[j] = n > 0 ? std::sqrt(squares_[j] / n) : std::numeric_limits<double>::quiet_NaN();
      if (n == 0) mean[j] = deviation[j];
    }
  }

private:
  Vec mean_, squares_;
  std::vector<Index> count_;
};

/// The numbers of a row as bytes; its number is for messages.
std::string_view as_stored(const double* x, Index columns, Index row, bool float32, const std::string& path,
                           std::vector<float>& room) {
  if (!float32) return {reinterpret_cast<const char*>(x), static_cast<std::size_t>(columns) * sizeof(double)};
  room.resize(static_cast<std::size_t>(columns));
  for (Index j = 0; j < columns; ++j) {
    room[static_cast<std::size_t>(j)] = static_cast<float>(x[j]);
    if (std::isfinite(x[j]) && !std::isfinite(room[static_cast<std::size_t>(j)]))
      throw DataError("D109",
                      "the number " + number_text(x[j]) + " in row " + std::to_string(row + 1) + ", column " +
                          std::to_string(j + 1) + " of '" + path + "' is too large for 4 bytes",
                      SourceLocation{path, 0, 0}, "pack it without --float32");
  }
  return {reinterpret_cast<const char*>(room.data()), room.size() * sizeof(float)};
}

void require_table(const std::string& path) {
  const FileFormat* told = format_of_file(path);
  if (is_packed(path))
    throw DataError("D103", "'" + path + "' is packed already", SourceLocation{path, 0, 0}, "name the table that it was made of");
  if (told && !told->table())
    throw DataError("D103", "'" + path + "' is " + told->title + " by its name, and tables alone are packed",
                    SourceLocation{path, 0, 0}, "use it as it is: data.train: FILE");
}

PackedFacts facts_of(const Table& table, const TableOptions& options) {
  PackedFacts f;
  f.rows = table.rows();
  f.columns = table.cols();
  f.names = table.names();
  f.has_header = table.has_header();
  f.header_sure = table.header_sure();
  f.first_line = table.first_line();
  f.first_line_number = table.first_line_number();
  f.options = options;
  f.source = table.file().path();
  f.source_digest = table.file().digest();
  std::error_code ec;
  f.source_bytes = std::filesystem::file_size(f.source, ec);
  if (ec) f.source_bytes = 0;
  f.text_of.assign(f.names.size(), -1);
  for (Index c = 0; c < f.columns; ++c) {
    const ColumnCells& cells = table.cells(c);
    f.cells.push_back(cells);
    f.unnamed.push_back(table.unnamed(c));
    if (cells.words == 0 && cells.inexact == 0 && cells.not_finite == 0) continue;
    f.text_of[static_cast<std::size_t>(c)] = static_cast<std::int32_t>(f.text.size());
    f.text.push_back(table.text(c));
  }
  return f;
}

}  // namespace

PackedFacts pack_table(const std::string& from, ByteSink& to, const TableOptions& options, const PackOptions& packing) {
  if (packing.block == 0 || packing.block % sizeof(double) != 0)
    throw UsageError("PackOptions::block is " + std::to_string(packing.block) + " and has to be a multiple of 8");
  require_table(from);
  to.append(std::string(packed::kRowsAt, '\0'));  // what the header is, is known at the end
  CheckedBlocks blocks(to, packing.block);
  RunningMoments moments;
  std::vector<float> room;
  Index rows = 0;
  const Table table = scan_table(from, options, [&](InM some) {
    for (Index i = 0; i < some.rows(); ++i, ++rows) {
      const double* const x = some.row(i).data();
      moments.add(x, some.cols());
      blocks.append(as_stored(x, some.cols(), rows, packing.float32, from, room));
    }
  });
  PackedFacts facts = facts_of(table, options);
  facts.number_bytes = packing.float32 ? 4 : 8;
  moments.finish(facts.mean, facts.deviation);
  packed::Head h;
  h.number_bytes = static_cast<std::uint64_t>(facts.number_bytes);
  h.rows = static_cast<std::uint64_t>(facts.rows);
  h.columns = static_cast<std::uint64_t>(facts.columns);
  h.facts = packed::kRowsAt + blocks.written();
  const std::string about = packed::facts_bytes(facts);
  h.facts_bytes = about.size();
  blocks.append(about);
  h.block = packing.block;
  h.checks = packed::kRowsAt + blocks.written();
  const std::string checks = blocks.finish();
  to.append(checks);
  h.all = h.checks + checks.size();
  to.replace(0, packed::header_bytes(h));
  return facts;
}

}  // namespace tacit::inline TACIT_ABI
