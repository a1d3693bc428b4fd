// Is the first row of a table names or data? (internal to this folder)
#pragma once
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

/// A cell of the first row.
struct FirstCell {
  enum class Kind { number, missing, word, other };
  Kind kind = Kind::other;
  std::string text;
  bool quoted = false;
  double value = 0;
};

/// What stands below it, in the rows that were looked at.
struct ColumnBelow {
  Index rows = 0, numbers = 0, words = 0, whole = 0, quoted_numbers = 0;
  Index same = 0;                 ///< cells with the text of the first one
  std::set<std::string> texts{};  ///< the different words
  double least = std::numeric_limits<double>::infinity(), most = -std::numeric_limits<double>::infinity();
  bool counts = true;  ///< 0, 1, 2, ... or 1, 2, 3, ... from the second row on
  bool numeric() const { return numbers > 0 && words == 0; }
  bool broken() const { return whole < numbers; }
  bool mostly_broken() const { return 5 * whole < numbers; }
  /// Is a value further off than the range of the column is wide?
  bool beyond(double value) const { return value < least - (most - least) || value > most + (most - least) || rows == 0; }
};

struct HeaderGuess {
  bool header = false;
  bool sure = true;
};

/// Decides by evidence: words above numbers are names, words that occur below again are data; whole numbers in order (0, 1, 2,
/// ..., years) above columns that hold others are names. `rows_in_order`: the rows below, of `rows`, whose numbers go on by equal
/// steps, too.
HeaderGuess guess_header(const std::vector<FirstCell>& first, const std::vector<ColumnBelow>& below, Index rows,
                         Index rows_in_order);

/// Do the numbers go on by equal steps (not 0)? False for fewer than two.
bool in_order(const std::vector<double>& values);

}  // namespace tacit::inline TACIT_ABI
