// What `tacit compare` found, as CSV, JSON and tables.
#pragma once
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <tacit/cli/verbs/compare_plan.hpp>

namespace tacit {

/// An observation with its place in the plan.
struct CompareRow {
  std::size_t case_index = 0, entry = 0;
  Index repeat = 0;
  bool own_run = false;
  Observation seen;
  double solve_units =
      kMissing;  ///< gradients and Hessian products of the inner solve that came before; own run: counted in seen
};

struct CompareSolveRow {
  std::size_t case_index = 0;
  Index repeat = 0;
  std::string label;  ///< of the entry; "shared" for that of several
  SharedSolve solve;
};

struct CompareOwnRun {
  std::size_t case_index = 0, entry = 0;
  Index repeat = 0;
  Summary summary;
  double seconds = 0;  ///< of inner solves and estimator: diagnostics and the reference are apart
  std::string folder;
};

/// How far two ways to the truth agree, over all points.
struct TruthCheck {
  Index points = 0, checked = 0;
  double worst = 0;
  bool along = false;   ///< along two directions: the hyperparameters are too many for each
  std::string failure;  ///< of a point at which there is no truth
  static constexpr double kLimit = 1e-6;
  bool confirmed() const { return checked > 0 && failure.empty() && worst <= kLimit; }
};

struct CompareResults {
  ComparePlan plan;
  std::vector<CompareRow> rows;
  std::vector<CompareSolveRow> solves;
  std::vector<CompareOwnRun> own_runs;
  TruthCheck check;
};

/// The columns label, estimator, point, repeat, [mode when both are there,] swept keys, and the numbers.
std::string compare_csv(const CompareResults& r);
/// Median and quartiles over points and repeats: a row an estimator and combination.
std::string compare_table(const CompareResults& r);
/// The inner solves, apart; empty when there are none.
std::string solve_table(const CompareResults& r);
/// The runs of their own; empty when there are none.
std::string own_run_table(const CompareResults& r);
/// "implicit-direct at a Newton-polished point; central differences agree to 3.2e-11 at 8 points"
std::string check_text(const CompareResults& r, const std::string& reference);
/// The two ways that have to agree.
std::string ways_text(const CompareResults& r);
nlohmann::json compare_json(const CompareResults& r);
/// Every inner solve of the shared paths, one by one.
nlohmann::json solve_points_json(const CompareResults& r);

/// The heads of the columns that say which combination and mode a row belongs to, and their cells.
std::vector<std::string> place_heads(const CompareResults& r);
std::vector<std::string> place_cells(const CompareResults& r, std::size_t case_index, bool own_run);

}  // namespace tacit
