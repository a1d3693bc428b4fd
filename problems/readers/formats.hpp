// The formats of data files: one table of their names, of how their files are called and how they begin, and of their readers.
#pragma once
#include <string>
#include <string_view>
#include <vector>

#include <tacit/problems/readers/number_file.hpp>

namespace tacit::inline TACIT_ABI {

/// Names of columns stand in tables alone; the rows of all others are numbered features.
struct TACIT_EXPORT FileFormat {
  std::string name;                  ///< "csv"
  std::string title;                 ///< for sentences: "a NumPy array"
  std::vector<std::string> endings;  ///< of file names, in small letters, .gz left out
  std::string magic;                 ///< the first bytes of every such file; empty: text that begins in any way
  NumberFile (*read)(ByteStream);    ///< null: a table, or LIBSVM text, whose readers take options
  std::string doc;                   ///< what is read, in one line
  bool table() const { return name == "csv" || name == "tsv" || name == "tacit"; }
};
TACIT_EXPORT const std::vector<FileFormat>& file_formats();
/// All endings, in the order of the formats.
TACIT_EXPORT std::vector<std::string> file_endings();

/// The format of this name, or null.
TACIT_EXPORT const FileFormat* find_format(std::string_view name);
/// The format that the name of a file tells, its .gz left out; null when it tells none.
TACIT_EXPORT const FileFormat* format_of_file(const std::string& path);
/// The name of path without .gz, in small letters, from its last dot on: ".csv", or "".
TACIT_EXPORT std::string format_extension(const std::string& path);

/// What bytes are by the way they begin.
struct Content {
  const FileFormat* format = nullptr;  ///< null: none of the table
  std::string title, remedy;           ///< "a NumPy array", what to do; empty: nothing that is known
};
/// The formats of the table that have a magic, IDX only where its sizes fit the length, and others that people send (Excel,
/// Parquet, HDF5, ...). `bytes` may be the beginning alone of `length` ones (0: not known)
TACIT_EXPORT Content content_of(std::string_view bytes, std::uint64_t length);
inline Content content_of(std::string_view bytes) { return content_of(bytes, bytes.size()); }

}  // namespace tacit::inline TACIT_ABI
