#include <tacit/problems/readers/detail/table_rows.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <utility>

#include <tacit/problems/readers/detail/quick_number.hpp>
#include <tacit/problems/readers/detail/written_number.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

bool is_digit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

CellMeaning::CellMeaning(const std::vector<std::string>& missing, char decimal) : missing_(missing), decimal_(decimal) {
  for (const std::string& m : missing_) {
    double value = 0;
    if (read_number(m, decimal_, value) == NumberText::number) missing_numbers_.push_back(value);
  }
}

CellKind CellMeaning::classify(std::string_view s, double& value) const {
  const CellKind kind = classify_as_it_is(s, value);
  std::string plain;
  if (kind != CellKind::word || !plain_signs(s, plain)) return kind;
  return classify_as_it_is(plain, value);
}

CellKind CellMeaning::classify_as_it_is(std::string_view s, double& value) const {
  for (const std::string& m : missing_) {
    if (s == m) return CellKind::missing;
  }
  switch (read_number(s, decimal_, value)) {
    case NumberText::word:
      return CellKind::word;
    case NumberText::number:
      return is_missing_number(value) ? CellKind::missing : CellKind::number;
    default:
      return CellKind::not_finite;
  }
}

void NumberRows::reserve(Index rows) {
  if (rows <= x_.rows()) return;
  x_.conserve(rows_, columns_);  // what nobody has written to is not copied
  x_.conserve(rows, columns_);
}

Index NumberRows::add(Index rows) {
  const Index at = rows_, all = rows_ + rows;
  if (all > x_.rows()) reserve(std::max(all, rows_ + rows_ / 2));
  rows_ = all;
  return at;
}

void NumberRows::put(Index at, const NumberRows& rows) {
  std::copy_n(rows.x_.data(), rows.rows_ * x_.outerStride(), x_.begin_of(at));
}

Index GatheredRows::place(Index rows) {
  if (!all_.has_room(rows)) {
    for (Index open = open_; open > 0; open = open_) open_.wait(open);
  }
  const Index at = all_.add(rows);
  ++open_;
  return at;
}

void GatheredRows::put(Index at, const NumberRows& rows) {
  all_.put(at, rows);
  --open_;
  open_.notify_all();
}

void NumberRows::begin(Index columns) {
  if (columns != columns_) *this = NumberRows(columns);
  rows_ = 0;
}

AlignedRows NumberRows::take() {
  rows_ = 0;
  return std::move(x_);
}

void RowReader::run() {
  block_.starts.clear();
  block_.notes.clear();
  block_.ragged.reset();
  block_.wrong = nullptr;
  try {
    while (skip_blank_lines(), pos_ < text_.size()) {
      block_.starts.push_back(base_ + pos_);
      if (!read_row(to_.next())) return;
      to_.keep();
      ++row_;
    }
  } catch (...) {
    block_.wrong = std::current_exception();
  }
}

/// False for a row with another number of cells.
bool RowReader::read_row(double* to) {
  const std::size_t start = pos_;
  const char* const end = text_.data() + text_.size();
  std::size_t column = 0, line_end = pos_;
  for (bool more = true; more; ++column) {
    if (column == width_) {
      block_.ragged = {start, pos_};
      return false;
    }
    const char* const p = text_.data() + pos_;
    const char* const stop = quick_number(p, end, meaning_.decimal(), to[column]);
    // The common case: a number, and right behind it the sign that ends its cell.
    const bool cut = stop && *stop == delimiter_ && delimiter_ != ' ';
    const bool ended = stop && !cut && (*stop == '\n' || (*stop == '\r' && stop[1] == '\n'));
    if ((cut || ended) && !meaning_.is_missing_number(to[column])) {
      if (std::abs(to[column]) >= kExactWhole || (*p == '0' && is_digit(p[1])))
        note_number(column, {p, static_cast<std::size_t>(stop - p)}, to[column]);
      line_end = static_cast<std::size_t>(stop - text_.data());
      pos_ = line_end + (*stop == '\r' ? 2 : 1);
      more = cut;
    } else {
      to[column] = cell(column);
      more = step_over_delimiter();
      line_end = pos_;
      if (!more) end_line();
    }
  }
  if (column == width_) return true;
  block_.ragged = {start, line_end};
  return false;
}

/// Any cell at all.
double RowReader::cell(std::size_t column) {
  double value = kNaN;
  if (meaning_.decimal() == '.') {  // a plain number needs no second look at its characters
    const char* const p = text_.data() + pos_;
    const auto [stop, ec] = std::from_chars(p, text_.data() + text_.size(), value);
    if (ec == std::errc{} && std::abs(value) <= kLargestNumber && !meaning_.is_missing_number(value)) {
      const std::size_t begin = std::exchange(pos_, static_cast<std::size_t>(stop - text_.data()));
      if (at_line_end() || text_[pos_] == delimiter_) {
        note_number(column, text_.substr(begin, pos_ - begin), value);
        return value;
      }
      pos_ = begin;
    }
  }
  const Cell cell = scan();
  const std::string_view token = text_.substr(cell.begin, cell.end - cell.begin);
  switch (meaning_.classify(cell.escaped ? content(cell) : token, value)) {
    case CellKind::number:
      note_number(column, token, value);
      return value;
    case CellKind::missing:
      note(column, CellNote::Kind::missing);
      return kNaN;
    case CellKind::not_finite:
      note(column, CellNote::Kind::not_finite);
      return kInf;
    case CellKind::word:
      note(column, CellNote::Kind::word);
  }
  return kNaN;
}

void RowReader::note_number(std::size_t column, std::string_view token, double value) {
  if (std::abs(value) >= kExactWhole && !lost_digits(token, meaning_.decimal(), value).empty())
    note(column, CellNote::Kind::inexact);
  if (token.size() >= 3 && token[0] == '0' && token.find_first_not_of("0123456789") == std::string_view::npos)
    note(column, CellNote::Kind::code);
}

void CellCounts::add(const std::vector<CellNote>& notes, Index first_row) {
  const auto count = [](Index& n, Index& first, Index row) {
    if (n++ == 0) first = row;
  };
  for (const CellNote& note : notes) {
    const Index row = first_row + note.row;
    ColumnCells& of = cells_[note.column];
    if (note.kind == CellNote::Kind::inexact) {
      count(of.inexact, of.first_inexact, row);
      continue;
    }
    if (note.kind == CellNote::Kind::code) {
      count(of.codes, of.first_code, row);
      continue;
    }
    if (note.kind == CellNote::Kind::missing) count(of.missing, of.first_missing, row);
    if (note.kind == CellNote::Kind::not_finite) count(of.not_finite, of.first_not_finite, row);
    if (note.kind == CellNote::Kind::word) count(of.words, of.first_word, row);
    if (lead_[note.column] == row) ++lead_[note.column];
  }
}

std::vector<ColumnCells> CellCounts::finish(Index rows) {
  for (std::size_t c = 0; c < cells_.size(); ++c) {
    ColumnCells& of = cells_[c];
    of.numbers = rows - of.missing - of.not_finite - of.words;
    of.first_number = of.numbers > 0 ? lead_[c] : -1;
  }
  return std::move(cells_);
}

}  // namespace tacit::inline TACIT_ABI
