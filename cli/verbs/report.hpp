// tacit report, and the report that tune, compare and curve leave: always made from the files of the run folder alone, so that it
// can be made again.
#pragma once
#include <filesystem>

#include <tacit/cli/run/session.hpp>
#include <tacit/cli/verbs/verbs.hpp>

namespace tacit {

/// Reads the run folder `from` and writes report.html and plots/ as the files `to`. Throws DataError for a folder that cannot be
/// read, IoError.
void write_report(const std::filesystem::path& from, const FilesOf& to);

/// The report at the end of a run. One that cannot be written is a warning (W330), since the results are there already, and makes
/// the exit code 1 where it would be 0.
struct ReportLeft {
  bool written = false;
  std::pair<std::string, std::string> row;  ///< of the closing table
  int code(int otherwise) const { return written || otherwise != kDone ? otherwise : kInternal; }
};
ReportLeft leave_report(Session& session);

}  // namespace tacit
