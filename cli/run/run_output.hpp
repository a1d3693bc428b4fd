// What a run leaves behind and says on the way: trace files, hyper.csv, warnings in plain words.
#pragma once
#include <chrono>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

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

/// One hyperparameter as hyper.csv lists it, in natural units.
struct HyperRow {
  std::string name;  ///< "l2", "l2[bmi]"
  double value = 0, start = 0, lower = 0, upper = 0;
  bool at_bound = false;
};
/// Where a run started: theta, and the values as they were given, which theta has only up to rounding.
struct StartValues {
  Vec theta, given;
};
/// theta in natural units, what was given as it was given: an entry at the end of its range, and one that is still that of the
/// start.
Vec natural_values(const HyperSpace& space, In theta, const StartValues* start = nullptr);
std::vector<HyperRow> hyper_rows(const HyperSpace& space, In theta, const StartValues& start);
std::string hyper_csv(const std::vector<HyperRow>& rows);

/// A warning as it is printed and as run.json keeps it.
struct Warning {
  std::string code, context, what, more;
  bool passing = false;  ///< the run itself mends it as it goes on; the same code without this is another kind
};

/// Gathers warnings: each kind is printed when it first happens and counted afterwards.
class Warnings {
public:
  struct Entry {
    Warning warning;
    long count = 1;
  };
  /// True when this is the first of its kind.
  bool add(Warning w);
  const std::vector<Entry>& all() const { return entries_; }
  nlohmann::json json() const;

private:
  std::vector<Entry> entries_;
};

/// What a step gives reason to warn of: inner problem or adjoint not converged, hypergradient error above `warn_error`.
std::vector<Warning> step_warnings(const StepRecord& record, double warn_error, const Tolerance& asked);
/// What the end of a run gives reason to warn of: values at the end of their range.
std::vector<Warning> bound_warnings(const std::vector<HyperRow>& rows);

/// An aligned two-column block: "  name   value".
std::string aligned(const std::vector<std::pair<std::string, std::string>>& rows);
/// Columns under their heads, the first to the left, the others to the right.
std::string columns_text(const std::vector<std::string>& heads, const std::vector<std::vector<std::string>>& rows);
/// A cell of a CSV after RFC 4180: in quotation marks where it must be.
std::string csv_cell(const std::string& text);
/// A number for people: 6 significant digits.
std::string brief_number(double value);

}  // namespace tacit
