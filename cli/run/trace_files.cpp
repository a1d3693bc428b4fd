#include <tacit/cli/run/trace_files.hpp>

#include <bit>
#include <limits>
#include <string_view>

#include <tacit/bilevel/trace.hpp>
#include <tacit/cli/run/text_tables.hpp>

namespace tacit {

NpyRows::NpyRows(std::filesystem::path file, Index columns) : file_(std::move(file), head(columns, 0)), columns_(columns) {}

std::string NpyRows::head(Index columns, Index rows) {
  constexpr std::size_t kSize = 128, kBefore = 10;
  const char* order = std::endian::native == std::endian::little ? "<" : ">";
  std::string text = "{'descr': '" + std::string(order) + "f8', 'fortran_order': False, 'shape': (" + std::to_string(rows) +
                     ", " + std::to_string(columns) + "), }";
  text.resize(kSize - kBefore - 1, ' ');
  const auto length = static_cast<unsigned>(kSize - kBefore);
  return std::string("\x93NUMPY\x01\0", 8) + static_cast<char>(length & 0xff) + static_cast<char>(length >> 8) + text + "\n";
}

void NpyRows::append(In row) {
  const Vec values = row;
  file_.append({reinterpret_cast<const char*>(values.data()), static_cast<std::size_t>(values.size()) * sizeof(double)});
  ++rows_;
  file_.replace(0, head(columns_, rows_));
}

TraceFiles::TraceFiles(const FilesOf& files, const HyperSpace& space)
    : space_(space), csv_(files("trace.csv"), csv_line(trace_columns())), jsonl_name_(files("trace.jsonl")) {
  if (space.size() <= kMostListed) return;
  theta_.emplace(files("theta.npy"), space.size());
  hypergradient_.emplace(files("hypergradient.npy"), space.size());
}

void TraceFiles::add(const StepRecord& record) {
  if (theta_) {
    theta_->append(record.theta);
    const bool known = record.hypergradient.size() == space_.size();
    hypergradient_->append(known ? record.hypergradient
                                 : Vec(Vec::Constant(space_.size(), std::numeric_limits<double>::quiet_NaN())));
  }
  csv_.append(csv_line(trace_row(record)));
  const std::string line = trace_json(record, space_, !theta_) + '\n';
  if (jsonl_)
    jsonl_->append(line);
  else
    jsonl_.emplace(jsonl_name_, line);
  if (std::chrono::steady_clock::now() - flushed_ > std::chrono::seconds(1)) finish();
}

void TraceFiles::finish() {
  if (!jsonl_) jsonl_.emplace(jsonl_name_, "");
  csv_.flush();
  jsonl_->flush();
  if (theta_) {
    theta_->flush();
    hypergradient_->flush();
  }
  flushed_ = std::chrono::steady_clock::now();
}

}  // namespace tacit
