// Files without names of columns: LIBSVM text and files of numbers (internal to this folder).
#pragma once
#include <string>

#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// Reads and encodes everything options name, where the training file is of such a format.
Dataset load_numbered(const DataOptions& options);

/// The features of another such file, as the encoder of a LIBSVM or of a headerless data set has them: by the number of the
/// column.
EncodedFile encode_numbered(const Encoder& encoder, const std::string& path, const std::string& format);

/// The share of entries from which on data of a sparse format are stored dense. A dense entry takes 8 bytes, a sparse one 12, and
/// a pass reads a sparse one two to five times slower (docs/data.md).
constexpr double kDenseFrom = 0.5;

}  // namespace tacit::inline TACIT_ABI
