// tacit report, and the report that tune, compare and curve leave: always made from the files of the run folder alone, so that it
// can be made again.
#pragma once
#include <filesystem>

#include <tacit/cli/run/session.hpp>
#include <tacit/cli/verbs/verbs.hpp>

namespace tacit {

/// Reads the run folder `from` and writes report.html and plots/ into `to`. Throws DataError for a folder that cannot be read,
/// IoError.
void write_report(const std::filesystem::path& from, const std::filesystem::path& to);

/// The report at the end of a run. One that cannot be written is a warning (W330): the results are there already.
/// Returns the row of the closing table.
std::pair<std::string, std::string> leave_report(Session& session);

}  // namespace tacit
