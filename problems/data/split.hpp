// Which rows train, which validate, which test.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <tacit/core/support/types.hpp>

namespace tacit::inline TACIT_ABI {

struct Dataset;

/// SplitMix64 (Steele, Lea and Flood 2014): the same numbers on every machine and with every compiler.
class TACIT_EXPORT SplitMix64 {
public:
  explicit SplitMix64(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// Uniform on 0 .. n - 1, n > 0, by rejection, so without bias.
  std::uint64_t below(std::uint64_t n);
  /// Fisher-Yates shuffle (Durstenfeld 1964).
  void shuffle(std::vector<Index>& items);

private:
  std::uint64_t state_;
};

/// Keep the shares of the classes in every part? automatic: when the target is classes.
enum class Stratify { automatic, yes, no };

struct SplitOptions {
  /// share of the rows that validate, of those that do not test; ignored when a file or the split column says which
  double fraction = 0.25;
  /// share of all rows that test; 0: none
  double test_fraction = 0;
  Stratify stratify = Stratify::automatic;
  std::uint64_t seed = 0;
};

/// Ascending row numbers. train and validation are never empty; test may be.
struct Split {
  std::vector<Index> train, validation, test;
};

/// The split of a data set: rows of a validation or test file stay what they are, then the split column decides, else a seeded
/// draw. Throws DataError D113 (training rows of one class), D114 (an empty part), D119, UsageError for shares out of range.
TACIT_EXPORT Split make_split(const Dataset& data, const SplitOptions& options);

/// Draws round(fraction n) of the rows (at least 1, at most n - 1), stratified by class when class_of is not empty: the share of
/// every class differs from the whole by less than one row. class_of is indexed by row. The drawn rows are ascending and leave
/// `rows`.
TACIT_EXPORT std::vector<Index> draw_rows(std::vector<Index>& rows, double fraction, std::span<const Index> class_of,
                                          SplitMix64& random);

}  // namespace tacit::inline TACIT_ABI
