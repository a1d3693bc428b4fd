// The text format of LIBSVM: "label index:value index:value ...", sparse rows of 32-bit indices.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tacit/core/linear/design.hpp>
#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/text_file.hpp>

namespace tacit::inline TACIT_ABI {

struct LibsvmOptions {
  /// Index of the first feature, 0 or 1; without it: 0 when any of the files has an index 0, else 1. A file whose indices must
  /// then count from 1 beside one with an index 0 is refused (D115), where that is less than sure there is a remark.
  std::optional<int> index_base{};
  /// Number of features; without it: what the largest index of all files needs.
  std::optional<Index> features_total{};
  /// Entries beyond features_total are left out and counted instead of refused.
  bool ignore_beyond = false;
  /// The first two are those of a model: what a message advises is another file then, not another key.
  bool of_model = false;
  ReadLimits limits{};
};

/// One file of a set.
struct LibsvmPart {
  /// The number at the start of each row.
  Vec label;
  std::string path;
  std::uint64_t digest = 0;
  /// Labels and values that are whole numbers beyond 2^53 and no doubles.
  Index inexact = 0;
  /// Entries left out because of ignore_beyond.
  Index ignored = 0;
  /// The smallest and the largest index as written, -1 without an entry.
  std::int64_t smallest = -1, largest = -1;
};

struct LibsvmSet {
  /// The rows of all files, one file below the other.
  CsrMatrix x;
  std::vector<LibsvmPart> parts;
  int index_base = 1;
  Index features = 0;
  /// What is doubtful in the index base, empty when nothing is.
  std::string remark;
};

/// Reads files that share index base and number of features; entries that are 0 are not stored, a # starts a comment, blanks may
/// stand between a colon and its value.
/// Throws DataError D101-D103, D109, D115-D118.
TACIT_EXPORT LibsvmSet read_libsvm(const std::vector<std::string>& paths, const LibsvmOptions& options = {});
/// The same from texts in memory.
TACIT_EXPORT LibsvmSet parse_libsvm(const std::vector<TextFile>& files, const LibsvmOptions& options = {});

}  // namespace tacit::inline TACIT_ABI
