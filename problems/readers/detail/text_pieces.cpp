#include <tacit/problems/readers/detail/text_pieces.hpp>

#include <algorithm>

#include <tacit/problems/readers/detail/cell_scanner.hpp>

namespace tacit::inline TACIT_ABI {

Index reading_threads(const TextFile& file) {
  const ReadLimits& limits = file.limits();
  if (file.whole() && file.bytes().size() <= limits.kept_text) return 1;
  const std::size_t length = std::max(file.length(), static_cast<std::uint64_t>(file.bytes().size()));
  const auto pieces = static_cast<Index>(length / std::max<std::size_t>(limits.piece, 1)) + 1;
  const bool known = file.whole() || file.length() > 0;  // a packed file has more than is seen of it
  return std::max<Index>(1, known ? std::min(limits.threads, pieces) : limits.threads);
}

TextPieces::TextPieces(const TextFile& file, std::size_t first, char delimiter)
    : file_(file), window_(file), delimiter_(delimiter), at_(first) {
  while (window_.base() + window_.text().size() <= at_ && !window_.at_end()) window_.advance(window_.text().size());
}

bool TextPieces::take(TextPiece& piece, bool keep) {
  for (std::size_t wanted = std::max<std::size_t>(file_.limits().piece, 1);;) {
    const std::string_view all = window_.text().substr(std::min(at_ - window_.base(), window_.text().size()));
    if (all.empty() && window_.at_end()) return false;
    std::string_view text = all;
    if (all.size() > 2 * wanted) text = all.substr(0, std::min(all.find('\n', wanted), all.size() - 1) + 1);
    const bool last = window_.at_end() && text.size() == all.size();
    if (const std::size_t size = last ? text.size() : whole_rows(text); size > 0) {
      piece.base = at_;
      piece.text = text.substr(0, size);
      at_ += size;
      if (keep) piece.text = window_.hand_over(piece.own, piece.text);
      return true;
    }
    if (text.size() < all.size())
      wanted *= 2;
    else
      window_.advance(window_.text().size() - all.size());
  }
}

/// Bytes of the rows, and lines without one, that surely end within a text of whole lines that begins with one; without quotation
/// marks these are all.
std::size_t TextPieces::whole_rows(std::string_view text) const {
  if (delimiter_ == '\0' || text.find('"') == std::string_view::npos) return text.size();  // much faster than to look from behind
  const std::size_t quote = text.rfind('"');
  CellScanner scanner(file_, delimiter_, text, at_, 0);
  std::size_t start = 0;
  try {
    while (scanner.skip_blank_lines(), start = scanner.position(), start <= quote) scanner.count_cells();
  } catch (const DataError&) {  // said when the row is read, unless what follows may close the quotation mark
    if (scanner.position() == std::string_view::npos) return start;
  }
  return text.size();
}

}  // namespace tacit::inline TACIT_ABI
