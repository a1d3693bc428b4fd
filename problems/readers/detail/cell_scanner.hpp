// The cells of a text table by their bytes (RFC 4180). (internal to this folder)
#pragma once
#include <string>
#include <string_view>

#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {

inline bool is_blank(char c) { return c == ' ' || c == '\t'; }

/// Walks over the cells of a text; knows quotation marks and line ends, not what cells mean.
class CellScanner {
public:
  struct Cell {
    std::size_t begin = 0, end = 0;  // without quotation marks and outer blanks
    bool quoted = false, escaped = false;
  };

  CellScanner(const TextFile& file, char delimiter, std::size_t start) : CellScanner(file, delimiter, file.bytes(), 0, start) {}
  /// A part of the file that begins at its byte `base`.
  CellScanner(const TextFile& file, char delimiter, std::string_view text, std::size_t base, std::size_t start)
      : file_(file), text_(text), pos_(start), base_(base), delimiter_(delimiter) {}

  bool at_line_end() const {
    if (pos_ >= text_.size() || text_[pos_] == '\n') return true;
    if (text_[pos_] != '\r') return false;
    const std::size_t after = text_.find_first_not_of('\r', pos_);  // some programs write more than one
    return after == std::string_view::npos || text_[after] == '\n';
  }
  void end_line() {
    while (pos_ < text_.size() && text_[pos_] == '\r') ++pos_;
    if (pos_ < text_.size()) ++pos_;
  }
  void skip_blanks() {
    while (pos_ < text_.size() && is_blank(text_[pos_]) && (text_[pos_] != delimiter_ || delimiter_ == ' ')) ++pos_;
  }
  void skip_blank_lines() {
    while (pos_ < text_.size()) {
      const std::size_t start = pos_;
      skip_blanks();
      if (!at_line_end()) {
        if (delimiter_ != ' ') pos_ = start;
        return;
      }
      end_line();
    }
  }
  /// True when another cell follows on this line.
  bool step_over_delimiter() {
    if (delimiter_ == ' ') {
      skip_blanks();
      return !at_line_end();
    }
    if (at_line_end()) return false;
    ++pos_;
    return true;
  }

  Cell scan() {
    skip_blanks();
    if (pos_ < text_.size() && text_[pos_] == '"') return scan_quoted();
    Cell cell{pos_, pos_};
    while (!at_line_end() && text_[pos_] != delimiter_) {
      if (delimiter_ == ' ' && is_blank(text_[pos_])) break;
      ++pos_;
    }
    cell.end = pos_;
    while (cell.end > cell.begin && is_blank(text_[cell.end - 1])) --cell.end;
    return cell;
  }

  /// Cells of the line at pos_, which is left behind; line ends inside quotation marks belong to it.
  std::size_t count_cells() {
    std::size_t n = 0;
    do ++n, scan();
    while (step_over_delimiter());
    end_line();
    return n;
  }
  bool at_end() const { return pos_ >= text_.size(); }
  std::size_t position() const { return pos_; }

  /// The text of a cell, doubled quotation marks taken for one.
  std::string content(const Cell& cell) const;

private:
  Cell scan_quoted();

protected:
  const TextFile& file_;
  std::string_view text_;
  std::size_t pos_ = 0;   // in text_
  std::size_t base_ = 0;  // where text_ begins in the file
  char delimiter_ = ',';
};

}  // namespace tacit::inline TACIT_ABI
