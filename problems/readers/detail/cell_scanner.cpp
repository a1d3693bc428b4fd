#include <tacit/problems/readers/detail/cell_scanner.hpp>

namespace tacit::inline TACIT_ABI {

CellScanner::Cell CellScanner::scan_quoted() {
  Cell cell{pos_ + 1, pos_ + 1, true, false};
  const std::size_t open = pos_++;
  while (true) {
    pos_ = text_.find('"', pos_);
    if (pos_ == std::string_view::npos) {
      throw file_.error("D104", "this quotation mark is never closed", base_ + open,
                        "close it, or double it when it belongs to the text");
    }
    if (pos_ + 1 < text_.size() && text_[pos_ + 1] == '"') {
      cell.escaped = true;
      pos_ += 2;
      continue;
    }
    cell.end = pos_++;
    skip_blanks();
    const bool separated = delimiter_ == ' ' && is_blank(text_[pos_ - 1]);
    if (at_line_end() || text_[pos_] == delimiter_ || separated) return cell;
    throw file_.error("D104", "text follows a closing quotation mark", base_ + pos_,
                      "double a quotation mark that belongs to the text, and quote the whole cell");
  }
}

std::string CellScanner::content(const Cell& cell) const {
  std::string s(text_.substr(cell.begin, cell.end - cell.begin));
  if (!cell.escaped) return s;
  std::string plain;
  for (std::size_t i = 0; i < s.size(); ++i) {
    plain += s[i];
    if (s[i] == '"') ++i;
  }
  return plain;
}

}  // namespace tacit::inline TACIT_ABI
