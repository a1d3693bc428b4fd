#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/text_window.hpp>
#include <tacit/problems/readers/libsvm.hpp>

namespace tacit {
namespace {

constexpr std::int64_t kMostEntries = std::numeric_limits<std::int32_t>::max();

/// Numbers one after the other, in blocks of their own: never copied to grow, and let go of one by one.
template <class T>
class Blocks {
public:
  void push_back(T value) {
    if (used_ == size_) {
      size_ = std::clamp<std::size_t>(4 * size_, kFirst, kLargest);
      blocks_.push_back(std::make_unique_for_overwrite<T[]>(size_));
      sizes_.push_back(size_);
      used_ = 0;
    }
    blocks_.back()[used_++] = value;
    ++count_;
  }
  std::size_t size() const { return count_; }
  /// The first number that was not taken yet; its block is given back with its last one.
  T take() {
    if (taken_ == sizes_[block_]) {
      blocks_[block_++].reset();
      taken_ = 0;
    }
    return blocks_[block_][taken_++];
  }

private:
  // So large a block comes from the system, and goes back to it (malloc keeps up to 32 MiB to itself).
  static constexpr std::size_t kFirst = 1U << 10U, kLargest = (std::size_t{1} << 25U) / sizeof(T) + 1;
  std::vector<std::unique_ptr<T[]>> blocks_;
  std::vector<std::size_t> sizes_;
  std::size_t size_ = 0, used_ = 0, count_ = 0, block_ = 0, taken_ = 0;
};

/// The rows of one file with indices as written, which may start at 0 or 1.
struct RawRows {
  std::vector<double> label;
  Blocks<double> value;
  Blocks<std::int32_t> index;
  std::vector<std::int32_t> start{0};
  std::uint64_t digest = 0;
  Index inexact = 0;                                // labels and values
  std::size_t zero_at = std::string_view::npos;     // where an index 0 stands
  std::size_t largest_at = std::string_view::npos;  // where the largest index stands
  std::int64_t largest = -1, smallest = kMostEntries;
  Index zero_rows = 0;  // rows with an index 0
};

class LibsvmParser {
public:
  explicit LibsvmParser(const TextFile& file) : file_(file), window_(file) {}

  RawRows run() {
    look_through();
    while (p_ < end_ || !window_.at_end()) {
      while (p_ < end_) read_line();
      if (window_.at_end()) break;
      window_.advance(window_.text().size());
      look_through();
    }
    rows_.digest = window_.digest();
    if (rows_.label.empty()) {
      throw file_.error("D102", "the file '" + file_.path() + "' holds no row of data", "name a file with data");
    }
    return std::move(rows_);
  }

private:
  void look_through() {
    p_ = window_.text().data();
    end_ = p_ + window_.text().size();
  }
  std::size_t offset(const char* at) const { return window_.base() + static_cast<std::size_t>(at - window_.text().data()); }
  bool line_ends() const { return p_ == end_ || *p_ == '\n' || *p_ == '#'; }
  void skip_blanks() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }
  std::string_view word() const {
    const char* q = p_;
    while (q < end_ && *q != ' ' && *q != '\t' && *q != '\r' && *q != '\n') ++q;
    return {p_, static_cast<std::size_t>(q - p_)};
  }

  void read_line() {
    skip_blanks();
    if (!line_ends()) {
      rows_.label.push_back(number("the label"));
      previous_ = -1;
      while (skip_blanks(), !line_ends()) read_entry();
      rows_.start.push_back(static_cast<std::int32_t>(rows_.index.size()));
    }
    p_ = std::find(p_, end_, '\n');
    if (p_ < end_) ++p_;
  }

  double number(const std::string& what) {
    const std::string_view text = word();
    double value = 0;
    const NumberText kind = read_number(text, '.', value);
    if (kind != NumberText::number)
      throw number_error(file_, kind, what + " ", text, offset(p_),
                         {text.find(',') == std::string_view::npos ? "every row is 'label index:value index:value ...'"
                                                                   : "a row has one label, and '.' is the decimal sign",
                          "LIBSVM files cannot say that a value is missing: leave the row out"});
    if (std::abs(value) >= kExactWhole && !lost_digits(text, '.', value).empty()) ++rows_.inexact;
    p_ += text.size();
    return value;
  }

  void read_entry() {
    const char* const begin = p_;
    std::int64_t index = -1;
    const auto [colon, ec] = std::from_chars(p_, end_, index);
    if (ec == std::errc::result_out_of_range || (ec == std::errc{} && index >= kMostEntries)) {
      throw file_.error("D118", "an index beyond 2^31", offset(begin), "indices are kept in 32 bits: number the features anew");
    }
    if (ec != std::errc{} || colon == end_ || *colon != ':' || *begin == '-') {
      const bool query = word().rfind("qid:", 0) == 0;
      throw file_.error("D117", quoted_text(word()) + " is no index:value", offset(begin),
                        query ? "leave the groups of a ranking out (qid:...): there is no model for them"
                              : "every row is 'label index:value index:value ...', indices are whole numbers from 0 or 1 on");
    }
    if (index <= previous_) {
      throw file_.error("D116", "index " + std::to_string(index) + " follows index " + std::to_string(previous_), offset(begin),
                        "sort the entries of every row by index, each index once");
    }
    previous_ = index;
    p_ = colon + 1;
    skip_blanks();  // LIBLINEAR's reader allows them here, though not before the colon
    if (line_ends()) {
      throw file_.error("D117", "index " + std::to_string(index) + " has no value", offset(begin),
                        "every row is 'label index:value index:value ...', a number after every colon");
    }
    const double value = number("the value");
    if (index == 0) ++rows_.zero_rows;
    if (index == 0 && rows_.zero_at == std::string_view::npos) rows_.zero_at = offset(begin);
    rows_.smallest = std::min(rows_.smallest, index);
    if (index > rows_.largest) {
      rows_.largest = index;
      rows_.largest_at = offset(begin);
    }
    if (value == 0) return;
    if (static_cast<std::int64_t>(rows_.index.size()) == kMostEntries)
      throw file_.error("D118", "more than 2^31 entries", "cut the file into smaller ones");
    rows_.index.push_back(static_cast<std::int32_t>(index));
    rows_.value.push_back(value);
  }

  const TextFile& file_;
  TextWindow window_;
  const char* p_ = nullptr;
  const char* end_ = nullptr;
  std::int64_t previous_ = -1;
  RawRows rows_;
};

/// "'a' and 'b'"
std::string paths_of(const std::vector<TextFile>& files, const std::vector<RawRows>& raw, bool with_zero) {
  std::vector<std::string> paths;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    if ((raw[i].zero_rows > 0) == with_zero && raw[i].largest >= 0) paths.push_back("'" + files[i].path() + "'");
  }
  return join(paths, " and ");
}

/// Files with an index 0 beside files without one: where all count from 0, the rows with an index 0 lie in the first by chance.
/// With k such rows among the n of all files, m of them in the second, that chance is C(n - m, k) / C(n, k) (hypergeometric):
/// below kOneInTenThousand the files count differently, and are refused; else a remark says what is assumed.
void compare_bases(const std::vector<TextFile>& files, const std::vector<RawRows>& raw, std::string& remark) {
  constexpr double kOneInTenThousand = 1e-4;
  Index all = 0, zero = 0, without = 0;
  std::size_t first = raw.size();
  for (std::size_t i = 0; i < raw.size(); ++i) {
    const auto rows = static_cast<Index>(raw[i].label.size());
    all += rows;
    zero += raw[i].zero_rows;
    if (raw[i].zero_rows > 0 || raw[i].largest < 0) continue;
    without += rows;
    first = std::min(first, i);
  }
  if (zero == 0 || without == 0) return;
  double chance = 1;
  for (Index k = 0; k < zero && chance >= kOneInTenThousand; ++k)
    chance *= static_cast<double>(std::max<Index>(0, all - without - k)) / static_cast<double>(all - k);
  const std::string with = paths_of(files, raw, true), other = paths_of(files, raw, false);
  const std::string counts =
      "index 0 stands in " + std::to_string(zero) + (zero == 1 ? " row" : " rows") + " of " + with + " and in no row of " + other;
  if (chance < kOneInTenThousand) {
    throw files[first].error(
        "D115",
        counts + ", where indices start at " + std::to_string(raw[first].smallest) +
            ": the files do not count from the same number",
        "number the features of one of them anew, since data.index_base is one for all files; if all of them do "
        "count from 0, set data.index_base: 0");
  }
  remark = counts + "; all are read as counting from 0";
}

int find_base(const std::vector<TextFile>& files, const std::vector<RawRows>& raw, const LibsvmOptions& options) {
  const auto zero = std::find_if(raw.begin(), raw.end(), [](const RawRows& r) { return r.zero_at != std::string_view::npos; });
  if (!options.index_base) return zero == raw.end() ? 1 : 0;
  if (*options.index_base != 0 && *options.index_base != 1)
    throw UsageError("index_base must be auto, 0 or 1", "data.index_base");
  if (*options.index_base == 1 && zero != raw.end()) {
    throw files[static_cast<std::size_t>(zero - raw.begin())].error(
        "D115", "index 0, but indices start at 1", zero->zero_at,
        options.of_model ? "the data of the model count from 1: add 1 to the indices of this file"
                         : "set data.index_base to 0 or auto");
  }
  return *options.index_base;
}

/// Throws D118 for an index beyond the last feature, unless such entries may be left out.
void check_largest(const TextFile& file, const RawRows& raw, int base, Index features, const LibsvmOptions& options) {
  if (raw.largest - base < features || options.ignore_beyond) return;
  throw file.error("D118", "index " + std::to_string(raw.largest) + ", but there are " + std::to_string(features) + " features",
                   raw.largest_at, "raise data.features_total, or leave it out");
}

/// A slip in one index must not ask for gigabytes: far more features than entries are believed when features_total says them.
void check_features(const std::vector<TextFile>& files, const std::vector<RawRows>& raw, Index features) {
  constexpr Index kSurely = 10'000'000, kPerEntry = 100;
  std::size_t entries = 0;
  for (const RawRows& r : raw) entries += r.index.size();
  if (features <= kSurely || features <= kPerEntry * static_cast<Index>(entries)) return;
  const auto widest =
      std::max_element(raw.begin(), raw.end(), [](const auto& a, const auto& b) { return a.largest < b.largest; });
  throw files[static_cast<std::size_t>(widest - raw.begin())].error(
      "D118",
      "index " + std::to_string(widest->largest) + " makes " + std::to_string(features) + " features of " +
          std::to_string(entries) + " entries",
      widest->largest_at, "correct it, or set data.features_total if so many are meant");
}

LibsvmPart finish(const TextFile& file, RawRows raw, int base, Index features) {
  LibsvmPart part;
  part.path = file.path();
  part.digest = raw.digest;
  part.inexact = raw.inexact;
  part.smallest = raw.largest < 0 ? -1 : raw.smallest;
  part.largest = raw.largest;
  const auto rows = static_cast<Index>(raw.label.size());
  part.label = Eigen::Map<const Vec>(raw.label.data(), rows);
  part.x.resize(rows, features);
  part.x.resizeNonZeros(static_cast<Index>(raw.index.size()));
  std::int32_t kept = 0;
  for (std::size_t i = 0; i < raw.label.size(); ++i) {
    part.x.outerIndexPtr()[i] = kept;
    for (auto k = static_cast<std::size_t>(raw.start[i]); k < static_cast<std::size_t>(raw.start[i + 1]); ++k) {
      const std::int32_t column = raw.index.take() - base;
      const double value = raw.value.take();
      if (column >= features) {
        ++part.ignored;
        continue;
      }
      part.x.innerIndexPtr()[kept] = column;
      part.x.valuePtr()[kept++] = value;
    }
  }
  part.x.outerIndexPtr()[rows] = kept;
  part.x.resizeNonZeros(kept);
  return part;
}

}  // namespace

LibsvmSet parse_libsvm(const std::vector<TextFile>& files, const LibsvmOptions& options) {
  std::vector<RawRows> raw;
  for (const TextFile& file : files) raw.push_back(LibsvmParser(file).run());
  LibsvmSet set;
  set.index_base = find_base(files, raw, options);
  if (!options.index_base) compare_bases(files, raw, set.remark);
  for (const RawRows& r : raw) set.features = std::max<Index>(set.features, r.largest - set.index_base + 1);
  if (options.features_total) {
    if (*options.features_total < 1 || *options.features_total > kMostEntries) {
      throw UsageError("features_total must be 1 or more and less than 2^31", "data.features_total");
    }
    set.features = *options.features_total;
  } else {
    check_features(files, raw, set.features);
  }
  if (set.features == 0) throw files[0].error("D120", "no row has an entry, so there is no feature", "check the file");
  for (std::size_t i = 0; i < files.size(); ++i) {
    check_largest(files[i], raw[i], set.index_base, set.features, options);
    set.parts.push_back(finish(files[i], std::move(raw[i]), set.index_base, set.features));
  }
  return set;
}

LibsvmSet read_libsvm(const std::vector<std::string>& paths, const LibsvmOptions& options) {
  std::vector<TextFile> files;
  for (const std::string& path : paths) files.push_back(TextFile::open(path, options.limits));
  return parse_libsvm(files, options);
}

}  // namespace tacit
