#include <algorithm>
#include <charconv>

#include <tacit/problems/readers/detail/array_bytes.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::string_view kMagic = "\x93NUMPY";

/// The header: a Python dictionary with the keys descr, fortran_order and shape.
class HeaderParser {
public:
  HeaderParser(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  ArrayLayout run() {
    expect('{');
    bool descr = false, order = false, shape = false;
    while (!skip('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr" && !descr) {
        descr = true;
        read_type();
      } else if (key == "fortran_order" && !order) {
        order = true;
        layout_.fortran = truth();
      } else if (key == "shape" && !shape) {
        shape = true;
        read_shape();
      } else {
        throw damaged();
      }
      if (!skip(',') && peek() != '}') throw damaged();
    }
    if (!descr || !order || !shape || peek() != '\0') throw damaged();
    if (layout_.shape.empty()) {
      throw array_error("D103", "'" + path_ + "' holds a single number, not an array", path_, "save rows (numpy.atleast_2d)");
    }
    return layout_;
  }

private:
  DataError damaged() const {
    return array_error("D103", "the header of the .npy file '" + path_ + "' is damaged", path_, "write it again with numpy.save");
  }
  DataError refused(const std::string& what, const std::string& remedy) const {
    return array_error("D103", "'" + path_ + "' holds " + what + ", which are no numbers to compute with", path_, remedy);
  }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool skip(char c) {
    if (peek() != c || at_ == text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!skip(c)) throw damaged();
  }
  std::string_view quoted() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') throw damaged();
    const std::size_t stop = text_.find(quote, at_ + 1);
    if (stop == std::string_view::npos) throw damaged();
    const std::string_view word = text_.substr(at_ + 1, stop - at_ - 1);
    at_ = stop + 1;
    return word;
  }
  bool truth() {
    peek();
    for (const std::string_view word : {"True", "False"}) {
      if (text_.substr(at_, word.size()) != word) continue;
      at_ += word.size();
      return word == "True";
    }
    throw damaged();
  }
  void read_shape() {
    expect('(');
    while (!skip(')')) {
      peek();
      std::uint64_t count = 0;
      const auto [end, ec] = std::from_chars(text_.data() + at_, text_.data() + text_.size(), count);
      if (ec != std::errc{} || layout_.shape.size() == 32) throw damaged();
      at_ = static_cast<std::size_t>(end - text_.data());
      skip('L');  // as Python 2 wrote
      layout_.shape.push_back(count);
      if (!skip(',') && peek() != ')') throw damaged();
    }
  }
  void read_type() {
    if (peek() == '[') throw refused("records (a structured array)", "save its fields as one plain array, or write a CSV file");
    const std::string_view type = quoted();
    const std::size_t order = !type.empty() && std::string_view("<>|=").find(type[0]) != std::string_view::npos ? 1 : 0;
    layout_.big_endian = order == 1 && type[0] == '>';
    if (type.size() <= order) throw damaged();
    layout_.kind = type[order];
    const auto [end, ec] = std::from_chars(type.data() + order + 1, type.data() + type.size(), layout_.size);
    const bool number = ec == std::errc{} && end == type.data() + type.size();
    switch (layout_.kind) {
      case 'O':
        throw refused("Python objects", "save numbers (numpy.save(FILE, a.astype(float)))");
      case 'c':
        throw refused("complex numbers", "save their real and imaginary parts as columns");
      case 'U':
      case 'S':
        throw refused("texts", "save numbers, or write the texts to a text file, one a line");
      case 'M':
      case 'm':
        throw refused("points in time", "save them as numbers (a.astype('int64'))");
      case 'V':
        throw refused("raw bytes", "save numbers (a.astype(float))");
      default:
        break;
    }
    const bool real = layout_.kind == 'f', whole = layout_.kind == 'i' || layout_.kind == 'u';
    if (real && number && (layout_.size == 2 || layout_.size > 8)) {
      throw array_error("D103", "'" + path_ + "' holds real numbers of " + std::to_string(layout_.size) + " bytes", path_,
                        "save them with 4 or 8 bytes (a.astype('float64'))");
    }
    const bool known = (real && (layout_.size == 4 || layout_.size == 8)) || (layout_.kind == 'b' && layout_.size == 1) ||
                       (whole && (layout_.size == 1 || layout_.size == 2 || layout_.size == 4 || layout_.size == 8));
    if (!number || !known) {
      throw array_error("D103", "'" + path_ + "' holds numbers of the type " + quoted_text(type) + ", which is not known", path_,
                        "save them as float64");
    }
  }

  std::string_view text_;
  const std::string& path_;
  std::size_t at_ = 0;
  ArrayLayout layout_;
};

}  // namespace

NumberFile read_npy(ByteStream in) {
  constexpr std::uint64_t kLongest = 1U << 20U;
  char start[12];
  std::string first(start, in.read(start, 8));
  const auto byte = [](char c) { return static_cast<std::uint64_t>(static_cast<unsigned char>(c)); };
  if (first.substr(0, kMagic.size()) != kMagic) {
    first += in.rest();
    const Content content = content_of(first);
    throw array_error("D103", "'" + in.path() + "' is no .npy file" + (content.title.empty() ? "" : " but " + content.title),
                      in.path(), content.title.empty() ? "check data.format and the name of the file" : content.remedy);
  }
  const bool wide = first.size() == 8 && first[6] != 1;  // the length of the header takes 4 bytes
  const std::size_t digits = wide ? 4 : 2;
  if (first.size() < 8 || in.read(start, digits) < digits)
    throw array_error("D103", "the .npy file '" + in.path() + "' is cut off", in.path(), "copy it again");
  if (first[6] < 1 || first[6] > 3) {
    throw array_error("D103", "'" + in.path() + "' is a .npy file of version " + std::to_string(byte(first[6])), in.path(),
                      "versions 1 to 3 are read: write it with numpy.save");
  }
  std::uint64_t length = byte(start[0]) | byte(start[1]) << 8U;
  if (wide) length |= byte(start[2]) << 16U | byte(start[3]) << 24U;
  std::string header(static_cast<std::size_t>(std::min(length, kLongest)), '\0');
  if (length > kLongest || in.read(header.data(), header.size()) < header.size())
    throw array_error("D103", "the header of the .npy file '" + in.path() + "' is cut off", in.path(), "copy it again");
  const ArrayLayout layout = HeaderParser(header, in.path()).run();
  return read_array(std::move(in), layout);
}

}  // namespace tacit::inline TACIT_ABI
