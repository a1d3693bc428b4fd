// The trace of an outer run on the disk.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>

#include <tacit/bilevel/driver.hpp>

namespace tacit {

/// trace.csv and trace.jsonl, both whole at every instant: rewritten under a temporary name, at most once a second and at the
/// end.
class TraceFiles {
public:
  TraceFiles(std::filesystem::path folder, const HyperSpace& space);
  void add(const StepRecord& record);
  void finish();

private:
  std::filesystem::path folder_;
  const HyperSpace& space_;
  std::string csv_, jsonl_;
  std::chrono::steady_clock::time_point written_{};
};

}  // namespace tacit
