#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <new>
#include <tacit/core/support/errors.hpp>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/detail/in_order.hpp>
#include <tacit/problems/readers/detail/quick_number.hpp>
#include <tacit/problems/readers/detail/text_pieces.hpp>
#include <tacit/problems/readers/libsvm.hpp>
#include <utility>
#if __has_include(<sys/mman.h>)
#include <sys/mman.h>
#endif

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::int64_t kMostEntries = std::numeric_limits<std::int32_t>::max();

/// Room for numbers that comes from the system and goes back to it at once: malloc may keep up to 32 MiB of what is freed.
template <class T>
class Room {
public:
  Room() = default;
  explicit Room(std::size_t n) : bytes_(n * sizeof(T)) {
#if __has_include(<sys/mman.h>)
    void* const at = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) throw std::bad_alloc();
    at_ = static_cast<T*>(at);
#else
    at_ = static_cast<T*>(::operator new(bytes_));
#endif
  }
  Room(Room&& from) noexcept : at_(std::exchange(from.at_, nullptr)), bytes_(from.bytes_) {}
  Room& operator=(Room&& from) noexcept {
    std::swap(at_, from.at_);
    std::swap(bytes_, from.bytes_);
    return *this;
  }
  ~Room() {
    if (!at_) return;
#if __has_include(<sys/mman.h>)
    munmap(at_, bytes_);
#else
    ::operator delete(at_);
#endif
  }
  T& operator[](std::size_t i) const { return at_[i]; }
  std::size_t size() const { return bytes_ / sizeof(T); }

private:
  T* at_ = nullptr;
  std::size_t bytes_ = 0;
};

/// Numbers one after the other, in blocks of their own: never copied to grow, and let go of one by one. A block holds an eighth
/// of what stands before it, so that little is asked for in vain, and little is kept while it is taken.
template <class T>
class Blocks {
public:
  void push_back(T value) {
    if (blocks_.empty() || used_ == blocks_.back().size()) {
      blocks_.emplace_back(std::clamp<std::size_t>(count_ / 8, kFirst, kLargest));
      used_ = 0;
    }
    blocks_.back()[used_++] = value;
    ++count_;
  }
  void append(const std::vector<T>& values) {
    for (std::size_t done = 0; done < values.size();) {
      push_back(values[done++]);
      const std::size_t n = std::min(values.size() - done, blocks_.back().size() - used_);
      std::copy_n(values.data() + done, n, &blocks_.back()[used_]);
      used_ += n;
      count_ += n;
      done += n;
    }
  }
  std::size_t size() const { return count_; }
  /// The first number that was not taken yet; its block is given back with its last one.
  T take() {
    if (taken_ == blocks_[block_].size()) {
      blocks_[block_++] = Room<T>();
      taken_ = 0;
    }
    return blocks_[block_][taken_++];
  }

private:
  static constexpr std::size_t kFirst = 1U << 13U, kLargest = std::size_t{1} << 24U;
  std::vector<Room<T>> blocks_;
  std::size_t used_ = 0, count_ = 0, block_ = 0, taken_ = 0;
};

/// Rows with indices as written, which may start at 0 or 1: those of one file, or of a piece of it.
struct RowFacts {
  Index inexact = 0;                                // labels and values
  std::size_t zero_at = std::string_view::npos;     // where an index 0 stands
  std::size_t largest_at = std::string_view::npos;  // where the largest index stands
  std::int64_t largest = -1, smallest = kMostEntries;
  Index zero_rows = 0;  // rows with an index 0

  /// With those of the rows that follow.
  void add(const RowFacts& next) {
    inexact += next.inexact;
    zero_at = std::min(zero_at, next.zero_at);
    if (next.largest > largest) {
      largest = next.largest;
      largest_at = next.largest_at;
    }
    smallest = std::min(smallest, next.smallest);
    zero_rows += next.zero_rows;
  }
};

struct RawRows : RowFacts {
  std::vector<double> label;
  Blocks<double> value;
  Blocks<std::int32_t> index;
  std::vector<std::int32_t> start{0};
  std::uint64_t digest = 0;
};

/// A piece of a file and its rows.
struct SparsePiece : TextPiece {
  RowFacts facts;
  std::vector<double> label, value;
  std::vector<std::int32_t> index, end;  // end: of each row, among the entries of the piece
  std::exception_ptr wrong;              // the rows before it are there
};

/// Reads the rows of a piece. Errors are left in it.
class LibsvmParser {
public:
  LibsvmParser(const TextFile& file, SparsePiece& rows)
      : file_(file), rows_(rows), p_(rows.text.data()), end_(p_ + rows.text.size()) {}

  void run() {
    rows_.facts = {};
    rows_.wrong = nullptr;
    rows_.label.clear();
    rows_.value.clear();
    rows_.index.clear();
    rows_.end.clear();
    try {
      while (p_ < end_) read_line();
    } catch (...) {
      rows_.wrong = std::current_exception();
    }
  }

private:
  std::size_t offset(const char* at) const { return rows_.base + static_cast<std::size_t>(at - rows_.text.data()); }
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
      rows_.end.push_back(static_cast<std::int32_t>(rows_.index.size()));
    }
    p_ = std::find(p_, end_, '\n');
    if (p_ < end_) ++p_;
  }

  double number(const char* what) {
    double value = 0;
    // The common case: a number, and a blank or the end of the line right behind it.
    const bool plus = *p_ == '+';
    const char* const first = p_ + (plus ? 1 : 0);
    const char* const stop = quick_number(first, end_, '.', value);
    if (stop && (*stop == ' ' || *stop == '\n') && std::abs(value) < kExactWhole && !(plus && *first == '-')) {
      p_ = stop;
      return value;
    }
    return any_number(what);
  }

  double any_number(const std::string& what) {
    const std::string_view text = word();
    double value = 0;
    const NumberText kind = read_number(text, '.', value);
    if (kind != NumberText::number)
      throw number_error(file_, kind, what + " ", text, offset(p_),
                         {text.find(',') == std::string_view::npos ? "every row is 'label index:value index:value ...'"
                                                                   : "a row has one label, and '.' is the decimal sign",
                          "LIBSVM files cannot say that a value is missing: leave the row out"});
    if (std::abs(value) >= kExactWhole && !lost_digits(text, '.', value).empty()) ++rows_.facts.inexact;
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
    RowFacts& facts = rows_.facts;
    if (index == 0) ++facts.zero_rows;
    if (index == 0 && facts.zero_at == std::string_view::npos) facts.zero_at = offset(begin);
    facts.smallest = std::min(facts.smallest, index);
    if (index > facts.largest) {
      facts.largest = index;
      facts.largest_at = offset(begin);
    }
    if (value == 0) return;
    rows_.index.push_back(static_cast<std::int32_t>(index));
    rows_.value.push_back(value);
  }

  const TextFile& file_;
  SparsePiece& rows_;
  const char* p_;
  const char* end_;
  std::int64_t previous_ = -1;
};

void append_piece(const TextFile& file, const SparsePiece& piece, RawRows& rows) {
  if (piece.wrong) std::rethrow_exception(piece.wrong);
  if (rows.index.size() + piece.index.size() > static_cast<std::size_t>(kMostEntries))
    throw file.error("D118", "more than 2^31 entries", "cut the file into smaller ones");
  const auto before = static_cast<std::int32_t>(rows.index.size());
  for (const std::int32_t end : piece.end) rows.start.push_back(before + end);
  rows.label.insert(rows.label.end(), piece.label.begin(), piece.label.end());
  rows.index.append(piece.index);
  rows.value.append(piece.value);
  rows.add(piece.facts);
}

RawRows read_rows(const TextFile& file) {
  RawRows rows;
  const Index threads = reading_threads(file);
  TextPieces pieces(file, 0);
  in_order<SparsePiece>(
      threads, [&](SparsePiece& piece) { return pieces.take(piece, threads > 1); },
      [&](SparsePiece& piece) { LibsvmParser(file, piece).run(); },
      [&](const SparsePiece& piece) { append_piece(file, piece, rows); }, [](const SparsePiece&) {});
  rows.digest = pieces.digest();
  if (rows.label.empty())
    throw file.error("D102", "the file '" + file.path() + "' holds no row of data", "name a file with data");
  return rows;
}

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

/// Takes the rows of one file over into x, from `row` and the entry where it starts on. Returns how many entries were beyond the
/// last feature.
Index append_rows(RawRows& raw, int base, CsrMatrix& x, Index row) {
  Index ignored = 0;
  std::int32_t kept = x.outerIndexPtr()[row];
  for (std::size_t i = 0; i < raw.label.size(); ++i) {
    for (std::int32_t k = raw.start[i]; k < raw.start[i + 1]; ++k) {
      const std::int32_t column = raw.index.take() - base;
      const double value = raw.value.take();
      if (column >= x.cols()) {
        ++ignored;
        continue;
      }
      x.innerIndexPtr()[kept] = column;
      x.valuePtr()[kept++] = value;
    }
    x.outerIndexPtr()[++row] = kept;
  }
  return ignored;
}

LibsvmPart part_of(const TextFile& file, const RawRows& raw) {
  LibsvmPart part;
  part.path = file.path();
  part.digest = raw.digest;
  part.inexact = raw.inexact;
  part.smallest = raw.largest < 0 ? -1 : raw.smallest;
  part.largest = raw.largest;
  part.label = Eigen::Map<const Vec>(raw.label.data(), static_cast<Index>(raw.label.size()));
  return part;
}

/// All files into one matrix. What was read is let go of while it is taken over, so that the numbers are not there twice.
void join_files(const std::vector<TextFile>& files, std::vector<RawRows> raw, LibsvmSet& set) {
  Index rows = 0, entries = 0;
  for (std::size_t i = 0; i < files.size(); ++i) {
    rows += static_cast<Index>(raw[i].label.size());
    entries += static_cast<Index>(raw[i].index.size());
    set.parts.push_back(part_of(files[i], raw[i]));
  }
  if (entries > kMostEntries) throw files[0].error("D118", "the files together have more than 2^31 entries", "use fewer rows");
  set.x.resize(rows, set.features);
  set.x.resizeNonZeros(entries);
  Index row = 0;
  for (std::size_t i = 0; i < raw.size(); ++i) {
    set.parts[i].ignored = append_rows(raw[i], set.index_base, set.x, row);
    row += set.parts[i].label.size();
    raw[i] = RawRows{};
  }
  set.x.resizeNonZeros(set.x.outerIndexPtr()[rows]);
}

}  // namespace

LibsvmSet parse_libsvm(const std::vector<TextFile>& files, const LibsvmOptions& options) {
  std::vector<RawRows> raw;
  for (const TextFile& file : files) raw.push_back(read_rows(file));
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
  }
  join_files(files, std::move(raw), set);
  return set;
}

LibsvmSet read_libsvm(const std::vector<std::string>& paths, const LibsvmOptions& options) {
  std::vector<TextFile> files;
  for (const std::string& path : paths) files.push_back(TextFile::open(path, options.limits));
  return parse_libsvm(files, options);
}

}  // namespace tacit::inline TACIT_ABI
