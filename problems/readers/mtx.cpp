#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <numeric>
#include <sstream>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::int64_t kMostEntries = std::numeric_limits<std::int32_t>::max();

struct Entry {
  std::int32_t row, column;
  double value;
  std::size_t at;
};

class MtxParser {
public:
  explicit MtxParser(const TextFile& file) : file_(file), p_(file.bytes().data()), end_(p_ + file.bytes().size()) {}

  NumberFile run() {
    out_.path = file_.path();
    read_banner();
    next_line();
    rows_ = count("the number of rows");
    columns_ = count("the number of columns");
    if (coordinate_) entries_ = count("the number of entries");
    end_line();
    if (rows_ == 0 || columns_ == 0)
      throw file_.error("D102", "the file '" + file_.path() + "' holds no number", size_at_, "name a file with data");
    if (symmetric_ && rows_ != columns_)
      throw file_.error("D103", "a symmetric matrix has as many rows as columns", size_at_,
                        "correct the sizes, or the first line");
    if (coordinate_)
      read_entries();
    else
      read_array();
    if (more()) throw file_.error("D105", "there are more entries than the line of sizes says", offset(p_), "correct the sizes");
    return std::move(out_);
  }

private:
  std::size_t offset(const char* at) const { return static_cast<std::size_t>(at - file_.bytes().data()); }
  std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }
  void skip_blanks() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }
  /// Goes on to the next line that holds something; false: there is none. Comments may stand anywhere.
  bool more() {
    while (true) {
      skip_blanks();
      if (p_ == end_) return false;
      if (*p_ != '\n' && *p_ != '%') return true;
      p_ = std::find(p_, end_, '\n');
      if (p_ < end_) ++p_;
    }
  }
  void next_line() {
    if (!more()) throw file_.error("D103", "the file '" + file_.path() + "' is cut off", "copy or write it again");
    size_at_ = offset(p_);
  }
  void end_line() {
    skip_blanks();
    if (p_ < end_ && *p_ != '\n' && *p_ != '%')
      throw file_.error("D117", "more stands in the line than belongs there", offset(p_), line_remedy());
  }
  std::string line_remedy() const {
    return coordinate_ ? (pattern_ ? "every line is 'row column'" : "every line is 'row column value'")
                       : "every line is one number";
  }
  std::string_view word() const {
    const char* q = p_;
    while (q < end_ && *q != ' ' && *q != '\t' && *q != '\r' && *q != '\n') ++q;
    return {p_, static_cast<std::size_t>(q - p_)};
  }
  std::int64_t count(const std::string& what) {
    skip_blanks();
    const std::string_view text = word();
    std::int64_t value = -1;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec == std::errc::result_out_of_range || value > kMostEntries)
      throw file_.error("D118", what + " is beyond 2^31", offset(p_), "correct it, or cut the file into smaller ones");
    if (ec != std::errc{} || end != text.data() + text.size() || value < 0)
      throw file_.error("D117", quoted_text(text) + " is not " + what, offset(p_), "it is a whole number");
    p_ += text.size();
    return value;
  }

  void read_banner() {
    const std::string_view all = file_.bytes();
    std::istringstream line(lower_case(std::string(all.substr(0, std::min(all.find('\n'), all.size())))));
    std::string banner, object, format, field, symmetry;
    line >> banner >> object >> format >> field >> symmetry;
    const auto refuse = [&](const std::string& what, const std::string& remedy) { throw file_.error("D103", what, 0, remedy); };
    if (banner != "%%matrixmarket" || object.empty()) {
      const Content content = content_of(all);
      refuse("'" + file_.path() + "' is no MatrixMarket file" + (content.title.empty() ? "" : " but " + content.title),
             "its first line is '%%MatrixMarket matrix coordinate real general', or alike; check data.format and the name of the "
             "file");
    }
    if (object != "matrix") refuse("the file holds " + quoted_text(object) + ", not a matrix", "write it as a matrix");
    if (format != "coordinate" && format != "array")
      refuse(quoted_text(format) + " is no format of MatrixMarket", "it is coordinate or array");
    if (field == "complex") refuse("the file holds complex numbers", "write their real and imaginary parts as columns");
    if (field != "real" && field != "integer" && field != "pattern")
      refuse(quoted_text(field) + " are no numbers of MatrixMarket", "they are real, integer or pattern");
    if (symmetry != "general" && symmetry != "symmetric")
      refuse("a matrix of the kind " + quoted_text(symmetry) + " is not read", "write it as general");
    coordinate_ = format == "coordinate";
    pattern_ = field == "pattern";
    whole_ = field == "integer";
    symmetric_ = symmetry == "symmetric";
    if (pattern_ && !coordinate_) refuse("an array has no pattern", "write its numbers: real");
  }

  double number() {
    skip_blanks();
    const std::string_view text = word();
    double value = 0;
    const NumberText kind = read_number(text, '.', value);
    if (text.empty()) throw file_.error("D117", "the value is missing", offset(p_), line_remedy());
    const bool missing = kind == NumberText::not_finite && std::isnan(value) && !coordinate_;
    if (kind != NumberText::number && !missing)
      throw number_error(file_, kind, "", text, offset(p_),
                         {line_remedy(), coordinate_ ? "a sparse row cannot say that a value is missing: leave the row out"
                                                     : "write NaN where a value is missing, and choose data.missing"});
    if (whole_ && std::abs(value) >= kExactWhole) ++out_.inexact;
    p_ += text.size();
    return value;
  }

  DataError too_few(std::int64_t expected) const {
    return file_.error("D105", "the line of sizes says " + std::to_string(expected) + " entries, and the file ends before them",
                       size_at_, "correct the sizes, or copy the file again");
  }

  std::int32_t index(const char* what, std::int64_t most) {
    skip_blanks();
    const char* const begin = p_;
    const std::int64_t value = count(std::string("the ") + what + " of an entry");
    if (value < 1 || value > most) {
      throw file_.error("D118",
                        std::string("the ") + what + " " + std::to_string(value) + " is not from 1 to " + std::to_string(most),
                        offset(begin), "rows and columns are counted from 1: correct the entry, or the line of sizes");
    }
    return static_cast<std::int32_t>(value - 1);
  }

  void read_entries() {
    constexpr std::int64_t kSurely = 1'000'000, kPerEntry = 100, kShortestLine = 4;
    // A slip in the sizes must not ask for gigabytes.
    if (entries_ > static_cast<std::int64_t>(left()) / kShortestLine + 1) throw too_few(entries_);
    const std::int64_t most = symmetric_ ? 2 * entries_ : entries_;
    if (most > kMostEntries) throw file_.error("D118", "more than 2^31 entries", size_at_, "cut the file into smaller ones");
    for (const std::int64_t side : {rows_, columns_}) {
      if (side > kSurely && side > kPerEntry * std::max<std::int64_t>(entries_, 1))
        throw file_.error("D118", "a side of " + std::to_string(side) + " for " + std::to_string(entries_) + " entries", size_at_,
                          "correct the sizes");
    }
    std::vector<Entry> entries;
    entries.reserve(static_cast<std::size_t>(most));
    for (std::int64_t k = 0; k < entries_; ++k) {
      if (!more()) throw too_few(entries_);
      const std::size_t at = offset(p_);
      const std::int32_t row = index("row", rows_), column = index("column", columns_);
      const double value = pattern_ ? 1 : number();
      end_line();
      entries.push_back({row, column, value, at});
      if (symmetric_ && row != column) entries.push_back({column, row, value, at});
    }
    store(std::move(entries));
  }

  /// Counted into rows, each then sorted by column.
  void store(std::vector<Entry> entries) {
    const auto order = [](const Entry& a, const Entry& b) {
      return std::tie(a.row, a.column, a.at) < std::tie(b.row, b.column, b.at);
    };
    if (!std::is_sorted(entries.begin(), entries.end(), order)) std::sort(entries.begin(), entries.end(), order);
    for (std::size_t k = 1; k < entries.size(); ++k) {
      const Entry &a = entries[k - 1], &b = entries[k];
      if (a.row != b.row || a.column != b.column) continue;
      throw file_.error(
          "D116",
          "the entry of row " + std::to_string(b.row + 1) + " and column " + std::to_string(b.column + 1) + " stands twice", b.at,
          symmetric_ ? "a symmetric matrix is written by the entries on and below its diagonal, each once"
                     : "write every entry once");
    }
    CsrMatrix& x = out_.x.csr;
    x.resize(rows_, columns_);
    x.resizeNonZeros(static_cast<Index>(entries.size()));
    std::int32_t kept = 0;
    std::size_t k = 0;
    for (std::int32_t row = 0; row < rows_; ++row) {
      x.outerIndexPtr()[row] = kept;
      for (; k < entries.size() && entries[k].row == row; ++k) {
        if (entries[k].value == 0) continue;
        x.innerIndexPtr()[kept] = entries[k].column;
        x.valuePtr()[kept++] = entries[k].value;
      }
    }
    x.outerIndexPtr()[rows_] = kept;
    x.resizeNonZeros(kept);
    out_.x.sparse = out_.x.sparse_format = true;
  }

  /// Column after column; of a symmetric matrix the diagonal and what is below it.
  void read_array() {
    const std::int64_t all = symmetric_ ? rows_ * (rows_ + 1) / 2 : rows_ * columns_;  // each side is below 2^31
    constexpr std::int64_t kShortestLine = 2;
    if (all > static_cast<std::int64_t>(left()) / kShortestLine + 1) throw too_few(all);
    AlignedRows& x = out_.x.dense;
    x.resize(rows_, columns_);
    for (std::int64_t column = 0; column < columns_; ++column) {
      for (std::int64_t row = symmetric_ ? column : 0; row < rows_; ++row) {
        if (!more()) throw too_few(all);
        x(row, column) = number();
        end_line();
        if (symmetric_) x(column, row) = x(row, column);
      }
    }
  }

  const TextFile& file_;
  const char* p_;
  const char* end_;
  std::size_t size_at_ = 0;
  std::int64_t rows_ = 0, columns_ = 0, entries_ = 0;
  bool coordinate_ = false, pattern_ = false, whole_ = false, symmetric_ = false;
  NumberFile out_;
};

}  // namespace

NumberFile read_mtx(ByteStream in) {
  const TextFile file = TextFile::from_string(in.path(), in.rest(), "mtx");
  NumberFile out = MtxParser(file).run();
  out.digest = in.digest();
  return out;
}

}  // namespace tacit::inline TACIT_ABI
