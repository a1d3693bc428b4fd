#include <tacit/problems/readers/detail/text_window.hpp>

#include <algorithm>

namespace tacit::inline TACIT_ABI {

TextWindow::TextWindow(const TextFile& file) : file_(file) {
  if (file.whole()) return;
  at_end_ = false;
  stream_.emplace(ByteStream::open(file.path(), file.limits()));
  constexpr std::size_t kMark = 3;  // a byte order mark
  fill(kMark);
  if (rest() == "\xef\xbb\xbf") filled_ = 0;
  advance(0);
}

void TextWindow::fill(std::size_t size) {
  if (buffer_.size() < filled_ + size) buffer_.resize(filled_ + size);
  filled_ += stream_->read(buffer_.data() + filled_, size);
}

bool TextWindow::read_piece(std::size_t size) {
  const std::size_t before = filled_;
  fill(size);
  at_end_ = filled_ < before + size;
  // Rows and cells are found again by their places: in another text they would be others.
  if (at_end_ && file_.digest() != 0 && stream_->digest() != file_.digest())
    throw file_.error("D101", "'" + file_.path() + "' changed while it was read", "run again when nothing writes to it");
  const std::string_view fresh = rest().substr(checked_);
  checked_ += file_.require_text(fresh, base_ + checked_, at_end_);
  const std::size_t feed = rest().rfind('\n');
  if (feed == std::string::npos || feed < before) return false;
  lines_ = feed + 1;
  return true;
}

void TextWindow::moved_on(std::size_t done) {
  filled_ -= done;
  base_ += done;
  lines_ -= std::min(lines_, done);
  checked_ -= std::min(checked_, done);
}

std::string_view TextWindow::hand_over(std::vector<char>& own, std::string_view part) {
  const std::size_t end = static_cast<std::size_t>(part.data() - rest().data()) + part.size();
  if (!stream_ || at_end_ || part.size() < filled_ - end) {
    own.assign(part.begin(), part.end());
    return {own.data(), own.size()};
  }
  const std::string_view behind = rest().substr(end);
  if (own.size() < behind.size()) own.resize(behind.size());
  behind.copy(own.data(), behind.size());
  own.swap(buffer_);
  moved_on(end);
  return {own.data() + (end - part.size()), part.size()};
}

void TextWindow::advance(std::size_t done) {
  if (at_end_) {  // the text stays where it is, for the rows that lie in it
    return;
  }
  std::copy(buffer_.data() + done, buffer_.data() + filled_, buffer_.data());
  moved_on(done);
  const std::size_t piece = std::max<std::size_t>(file_.limits().piece, 1);
  while (!read_piece(done == 0 ? std::max(piece, filled_) : std::max(piece, filled_ - lines_)) && !at_end_) {
  }
}

}  // namespace tacit::inline TACIT_ABI
