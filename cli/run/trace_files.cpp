#include <tacit/cli/run/trace_files.hpp>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run/files.hpp>
#include <tacit/cli/run/text_tables.hpp>

namespace tacit {

namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

TraceFiles::TraceFiles(std::filesystem::path folder, const HyperSpace& space) : folder_(std::move(folder)), space_(space) {
  csv_ = csv_line(trace_columns());
}

void TraceFiles::add(const StepRecord& record) {
  csv_ += csv_line(trace_row(record));
  jsonl_ += trace_json(record, space_) + '\n';
  if (Clock::now() - written_ > std::chrono::seconds(1)) finish();
}

void TraceFiles::finish() {
  write_atomically(folder_ / "trace.csv", csv_);
  write_atomically(folder_ / "trace.jsonl", jsonl_);
  written_ = Clock::now();
}

}  // namespace tacit
