// The trace of an outer run on the disk.
#pragma once
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include <tacit/bilevel/driver.hpp>
#include <tacit/cli/run/files.hpp>

namespace tacit {

/// A matrix of doubles that grows by rows, as NumPy stores it (.npy, version 1.0, C order); its head names the rows that are
/// whole.
class NpyRows {
public:
  NpyRows(std::filesystem::path file, Index columns);
  void append(In row);
  void flush() { file_.flush(); }

private:
  static std::string head(Index columns, Index rows);
  GrowingFile file_;
  Index columns_, rows_ = 0;
};

/// trace.csv and trace.jsonl: every row is appended at once, and on the disk a second later or at the end. With more than
/// kMostListed hyperparameters theta and hypergradient are rows of theta.npy and hypergradient.npy instead (step k: row k; a step
/// without a hypergradient has a row of NaN).
class TraceFiles {
public:
  /// Throws IoError, as the rest does.
  TraceFiles(const FilesOf& files, const HyperSpace& space);
  void add(const StepRecord& record);
  void finish();

  static constexpr Index kMostListed = 1000;

private:
  const HyperSpace& space_;
  GrowingFile csv_;
  std::filesystem::path jsonl_name_;
  std::optional<GrowingFile> jsonl_;  ///< from the first row on
  std::optional<NpyRows> theta_, hypergradient_;
  std::chrono::steady_clock::time_point flushed_ = std::chrono::steady_clock::now();
};

}  // namespace tacit
