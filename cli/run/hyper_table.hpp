// The hyperparameters of a run as a table: hyper.csv.
#pragma once
#include <string>
#include <vector>

#include <tacit/core/model/model.hpp>

namespace tacit {

/// One hyperparameter as hyper.csv lists it, in natural units.
struct HyperRow {
  std::string block, name;  ///< the name is that of the block, or "BLOCK[LABEL]" in one of several
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

}  // namespace tacit
