// What a data file shows of itself, for a starter run file.
#pragma once
#include <tacit/cli/runfile/config.hpp>
#include <tacit/cli/verbs/starter.hpp>

namespace tacit {

/// Reads data.train (with the other keys given) and guesses target, weight, split column and classes. Throws DataError.
DataSummary summarize_data(const RunConfig& config);

}  // namespace tacit
