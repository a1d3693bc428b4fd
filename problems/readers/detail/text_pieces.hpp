// The text of a file in pieces of whole rows, which may be read beside each other. (internal to this folder)
#pragma once
#include <cstddef>
#include <string_view>
#include <vector>

#include <tacit/problems/readers/detail/text_window.hpp>

namespace tacit::inline TACIT_ABI {

/// Some whole rows.
struct TextPiece {
  std::string_view text;
  std::size_t base = 0;   ///< where text begins in the file
  std::vector<char> own;  ///< holds text, where it is kept with the piece: no string, whose bytes may move with it
};

/// Cuts the text from a byte on into pieces; they depend on the file and on ReadLimits::piece alone.
class TextPieces {
public:
  /// `first`: where a row, or a line without one, begins. With a delimiter a line end within quotation marks ends no row, without
  /// one every line is a row.
  TextPieces(const TextFile& file, std::size_t first, char delimiter = '\0');
  /// False: nothing is left. The text stays where it is until the next call, or with the piece.
  bool take(TextPiece& piece, bool keep);
  /// Of the file, once all was taken.
  std::uint64_t digest() { return window_.digest(); }

private:
  std::size_t whole_rows(std::string_view text) const;
  const TextFile& file_;
  TextWindow window_;
  char delimiter_;
  std::size_t at_;
};

/// ReadLimits::threads, where the file has pieces for as many: one for a short text.
Index reading_threads(const TextFile& file);

}  // namespace tacit::inline TACIT_ABI
