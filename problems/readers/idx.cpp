#include <tacit/problems/readers/detail/array_bytes.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// The type byte of IDX; false: none.
bool read_type(unsigned char code, ArrayLayout& layout) {
  struct Type {
    unsigned char code;
    char kind;
    int size;
  };
  constexpr Type kTypes[] = {{0x08, 'u', 1}, {0x09, 'i', 1}, {0x0B, 'i', 2}, {0x0C, 'i', 4}, {0x0D, 'f', 4}, {0x0E, 'f', 8}};
  for (const Type& t : kTypes) {
    if (t.code != code) continue;
    layout.kind = t.kind;
    layout.size = t.size;
    return true;
  }
  return false;
}

}  // namespace

NumberFile read_idx(ByteStream in) {
  unsigned char start[4] = {1, 1, 0, 0};
  char* const to = reinterpret_cast<char*>(start);
  const std::size_t got = in.read(to, 4);
  ArrayLayout layout;
  layout.big_endian = true;
  if (got < 4 || start[0] != 0 || start[1] != 0 || start[3] == 0 || !read_type(start[2], layout)) {
    const Content content = content_of(std::string(to, got) + in.rest());
    throw array_error("D103", "'" + in.path() + "' is no IDX file" + (content.title.empty() ? "" : " but " + content.title),
                      in.path(), content.title.empty() ? "check data.format and the name of the file" : content.remedy);
  }
  const int dimensions = start[3];
  for (int d = 0; d < dimensions; ++d) {
    if (in.read(to, 4) < 4) throw array_error("D103", "the IDX file '" + in.path() + "' is cut off", in.path(), "copy it again");
    layout.shape.push_back(std::uint64_t{start[0]} << 24U | std::uint64_t{start[1]} << 16U | std::uint64_t{start[2]} << 8U |
                           std::uint64_t{start[3]});
  }
  return read_array(std::move(in), layout);
}

}  // namespace tacit::inline TACIT_ABI
