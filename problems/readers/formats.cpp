#include <algorithm>
#include <filesystem>
#include <limits>

#include <tacit/core/support/text.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit::inline TACIT_ABI {

namespace {

/// The name of the file alone, without .gz.
std::string plain_name(const std::string& path) {
  std::string name = lower_case(std::filesystem::path(path).filename().string());
  if (name.size() > 3 && name.ends_with(".gz")) name.resize(name.size() - 3);
  return name;
}

}  // namespace

const std::vector<FileFormat>& file_formats() {
  using namespace std::string_literals;
  static const std::vector<FileFormat> formats = {
      {"csv", "a table with commas or semicolons", {".csv", ".txt"}, "", nullptr, "a table; text columns become one-hot columns"},
      {"tsv", "a table with tabs", {".tsv"}, "", nullptr, "a table whose cells are parted by tabs"},
      {"libsvm", "LIBSVM text", {".svm", ".libsvm"}, "", nullptr, "sparse rows `label index:value ...`, indices from 0 or 1"},
      {"npy",
       "a NumPy array",
       {".npy"},
       "\x93NUMPY",
       read_npy,
       "versions 1 to 3, C and Fortran order, real, whole and truth numbers, either byte order; further dimensions lie flat in "
       "the row"},
      {"mtx",
       "a MatrixMarket file",
       {".mtx"},
       "%%MatrixMarket",
       read_mtx,
       "coordinate (sparse) and array (dense); real, integer, pattern; general, symmetric"},
      {"idx",
       "an IDX file",
       {"-ubyte", ".idx"},
       "\0\0"s,
       read_idx,
       "big-endian arrays of all its types; images lie flat in the row"},
      {"tacit",
       "a packed data set",
       {".tacit"},
       "\x89TACIT",
       nullptr,
       "a table as `tacit pack` leaves it: its numbers as they are, checked, so that no text is read"}};
  return formats;
}

std::vector<std::string> file_endings() {
  std::vector<std::string> all;
  for (const FileFormat& f : file_formats()) all.insert(all.end(), f.endings.begin(), f.endings.end());
  return all;
}

const FileFormat* find_format(std::string_view name) {
  const auto& all = file_formats();
  const auto at = std::find_if(all.begin(), all.end(), [&](const FileFormat& f) { return f.name == name; });
  return at == all.end() ? nullptr : &*at;
}

const FileFormat* format_of_file(const std::string& path) {
  const std::string name = plain_name(path);
  for (const FileFormat& f : file_formats()) {
    if (std::any_of(f.endings.begin(), f.endings.end(), [&](const std::string& e) { return name.ends_with(e); })) return &f;
  }
  return nullptr;
}

std::string format_extension(const std::string& path) {
  const std::string name = plain_name(path);
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? "" : name.substr(dot);
}

namespace {

/// Two zero bytes are little evidence: type and sizes must fit the length of the file to the byte.
bool is_idx(std::string_view bytes, std::uint64_t length) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() < 8 || byte(0) != 0 || byte(1) != 0 || byte(3) == 0 || bytes.size() < 4 + 4 * byte(3)) return false;
  const std::uint64_t type = byte(2);
  std::uint64_t size = type == 8 || type == 9 ? 1 : type == 11 ? 2 : type == 12 || type == 13 ? 4 : type == 14 ? 8 : 0;
  if (size == 0) return false;
  const std::uint64_t most = length > 0 ? length : std::numeric_limits<std::uint64_t>::max();
  for (std::size_t d = 0; d < byte(3); ++d) {
    const std::size_t at = 4 + 4 * d;
    const std::uint64_t count = byte(at) << 24U | byte(at + 1) << 16U | byte(at + 2) << 8U | byte(at + 3);
    if (count != 0 && size > most / count) return false;
    size *= count;
  }
  const std::uint64_t all = size + 4 + 4 * byte(3);
  return length > 0 ? length == all : bytes.size() <= all;
}

struct Foreign {
  std::string_view magic, title, remedy;
};
constexpr Foreign kForeign[] = {
    {"PK\x03\x04", "a packed archive (an Excel workbook, or .npz)", "save the sheet as CSV, or each array with numpy.save"},
    {"\xd0\xcf\x11\xe0", "an old Excel workbook", "save the sheet as CSV"},
    {"PAR1", "a Parquet file", "write it as CSV (pandas.read_parquet(FILE).to_csv(...))"},
    {"ARROW1", "an Arrow file", "write it as CSV (pandas.read_feather(FILE).to_csv(...))"},
    {"\x89HDF", "an HDF5 file", "write its table as CSV, or its array with numpy.save"},
    {"BZh", "packed with bzip2", "unpack it (bunzip2), or pack it with gzip"},
    {"\xfd"
     "7zXZ",
     "packed with xz", "unpack it (unxz), or pack it with gzip"},
    {"\x28\xb5\x2f\xfd", "packed with Zstandard", "unpack it (unzstd), or pack it with gzip"},
    {"SQLite format 3", "an SQLite database", "write its table as CSV (sqlite3 -csv -header FILE 'select * from TABLE')"},
    {"$FL2", "an SPSS file", "write it as CSV (pandas.read_spss(FILE).to_csv(...))"},
    {"<stata_dta>", "a Stata file", "write it as CSV (pandas.read_stata(FILE).to_csv(...))"},
    {"RDX", "a file of R objects", "write the table as CSV (write.csv in R)"},
};

/// Texts that are no table by how they begin, in small letters and without blanks.
constexpr Foreign kForeignTexts[] = {
    {"<!doctypehtml", "an HTML page", "download the file itself, not the page that shows it"},
    {"<html", "an HTML page", "download the file itself, not the page that shows it"},
    {"<?xml", "an XML file", "save its table as CSV"},
    {"{\"", "JSON", "write it as CSV (pandas.read_json(FILE).to_csv(...))"},
    {"[{", "JSON", "write it as CSV (pandas.read_json(FILE).to_csv(...))"},
    {"[[", "JSON", "write it as CSV (pandas.read_json(FILE).to_csv(...))"},
    {"@relation", "an ARFF file", "save the lines below @data as CSV, with the names of the attributes above"},
};

/// The beginning of a text as kForeignTexts has it; comments of ARFF left out.
std::string begin_of(std::string_view text) {
  constexpr std::size_t kLooked = 32;
  while (!text.empty() && text[0] == '%' && text.find('\n') != std::string_view::npos) text.remove_prefix(text.find('\n') + 1);
  std::string begin;
  for (std::size_t i = 0; i < text.size() && begin.size() < kLooked; ++i) {
    if (std::string_view(" \t\r\n").find(text[i]) == std::string_view::npos) begin += text[i];
  }
  return lower_case(begin);
}

}  // namespace

Content content_of(std::string_view bytes, std::uint64_t length) {
  for (const FileFormat& f : file_formats()) {
    if (f.magic.empty() || bytes.substr(0, f.magic.size()) != f.magic || (f.name == "idx" && !is_idx(bytes, length))) continue;
    return {&f, f.title, "end its name in " + f.endings.front() + ", or set data.format: " + f.name};
  }
  for (const Foreign& f : kForeign) {
    if (bytes.substr(0, f.magic.size()) == f.magic) return {nullptr, std::string(f.title), std::string(f.remedy)};
  }
  const std::string begin = begin_of(bytes);
  for (const Foreign& f : kForeignTexts) {
    if (begin.rfind(f.magic, 0) == 0) return {nullptr, std::string(f.title), std::string(f.remedy)};
  }
  return {};
}

NumberFile read_number_file(const std::string& path, std::string_view format, const ReadLimits& limits) {
  return find_format(format)->read(ByteStream::open(path, limits));
}

}  // namespace tacit::inline TACIT_ABI
