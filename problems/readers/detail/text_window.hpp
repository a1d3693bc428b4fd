// A moving window over the text of a file (internal to this folder).
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include <tacit/problems/readers/byte_stream.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {

/// Whole lines of a text in order; of a file that is in memory all of them at once. What is read is checked as TextFile does.
class TACIT_EXPORT TextWindow {
public:
  explicit TextWindow(const TextFile& file);
  /// Whole lines; at_end(): all that is left.
  std::string_view text() const { return at_end_ ? rest() : rest().substr(0, lines_); }
  /// The place in the file where text() begins.
  std::size_t base() const { return base_; }
  bool at_end() const { return at_end_; }
  /// Lets go of the first bytes of text() and reads on until there is at least one more line. Where none was let go of, as much
  /// again is read as is there, so that a long row costs no square of its length. Throws DataError D103, D133,
  /// and D101 at the end of a file that is not what it was when its digest was taken.
  void advance(std::size_t done);
  /// Part of text(), in the memory of `own` from now on: in that of the window, where little of its text lies behind the part.
  std::string_view hand_over(std::vector<char>& own, std::string_view part);
  /// Of the file, when all of it has been walked over.
  std::uint64_t digest() { return stream_ ? stream_->digest() : file_.digest(); }

private:
  std::string_view rest() const { return stream_ ? std::string_view(buffer_.data(), filled_) : file_.bytes(); }
  bool read_piece(std::size_t size);
  /// So many bytes more from the file, or as many as there are.
  void fill(std::size_t size);
  /// The first bytes of the buffer are no longer there.
  void moved_on(std::size_t done);
  const TextFile& file_;
  std::optional<ByteStream> stream_;
  std::vector<char> buffer_;  // never shorter than before: what it grows by is set to 0
  std::size_t filled_ = 0;
  std::size_t base_ = 0, lines_ = 0, checked_ = 0;  // the last two count from base_
  bool at_end_ = true;
};

}  // namespace tacit::inline TACIT_ABI
