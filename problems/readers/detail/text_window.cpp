#include <tacit/problems/readers/detail/text_window.hpp>

#include <algorithm>

namespace tacit::inline TACIT_ABI {

TextWindow::TextWindow(const TextFile& file) : file_(file) {
  if (file.whole()) return;
  at_end_ = false;
  stream_.emplace(ByteStream::open(file.path(), file.limits()));
  constexpr std::size_t kMark = 3;  // a byte order mark
  buffer_.resize(kMark);
  buffer_.resize(stream_->read(buffer_.data(), kMark));
  if (buffer_ == "\xef\xbb\xbf") buffer_.clear();
  advance(0);
}

bool TextWindow::read_piece(std::size_t size) {
  const std::size_t before = buffer_.size();
  buffer_.resize(before + size);
  buffer_.resize(before + stream_->read(buffer_.data() + before, size));
  at_end_ = buffer_.size() < before + size;
  // Rows and cells are found again by their places: in another text they would be others.
  if (at_end_ && file_.digest() != 0 && stream_->digest() != file_.digest())
    throw file_.error("D101", "'" + file_.path() + "' changed while it was read", "run again when nothing writes to it");
  const std::string_view fresh = std::string_view(buffer_).substr(checked_);
  checked_ += file_.require_text(fresh, base_ + checked_, at_end_);
  const std::size_t feed = buffer_.rfind('\n');
  if (feed == std::string::npos || feed < before) return false;
  lines_ = feed + 1;
  return true;
}

void TextWindow::advance(std::size_t done) {
  if (at_end_) {  // the text stays where it is, for the rows that lie in it
    return;
  }
  buffer_.erase(0, done);
  base_ += done;
  lines_ -= std::min(lines_, done);
  checked_ -= std::min(checked_, done);
  const std::size_t piece = std::max<std::size_t>(file_.limits().piece, 1);
  while (!read_piece(done == 0 ? std::max(piece, buffer_.size()) : std::max(piece, buffer_.size() - lines_)) && !at_end_) {
  }
}

}  // namespace tacit::inline TACIT_ABI
