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
  /// Only these rows of the data set are there, ascending; empty: all. Rows of other files stay out then.
  std::vector<Index> among{};
};

/// Ascending row numbers. train and validation are never empty; test may be.
struct Split {
  std::vector<Index> train, validation, test;
};

/// The split of a data set: rows of a validation or test file stay what they are, then the split column decides, else a seeded
/// draw, in which the rows of a group (data.group) stay together. Throws DataError D113 (training rows of one class), D114 (an
/// empty part), D119, UsageError for shares out of range.
TACIT_EXPORT Split make_split(const Dataset& data, const SplitOptions& options);

/// How rows are drawn: with the shares of the classes where class_of is not empty, and groups whole where group_of is not. Both
/// are indexed by row.
struct DrawBy {
  std::span<const Index> class_of{}, group_of{};
};

/// Draws round(fraction n) of the rows (at least 1, at most n - 1), stratified by class where there are some: the share of
/// every class differs from the whole by less than one row. Of groups as many as come nearest to these shares, at least one and
/// not all. The drawn rows are ascending and leave `rows`.
TACIT_EXPORT std::vector<Index> draw_rows(std::vector<Index>& rows, double fraction, const DrawBy& by, SplitMix64& random);

/// Folds of K-fold cross-validation.
struct FoldOptions {
  Index folds = 5;
  Index repeats = 1;         ///< so many draws of folds
  double test_fraction = 0;  ///< share of all rows that test; 0: none
  Stratify stratify = Stratify::automatic;
  std::uint64_t seed = 0;
  std::vector<Index> among{};  ///< as SplitOptions::among
};

/// One split a fold, those of one draw after those of the other. The test rows are the same in all, and no fold has them.
struct Folds {
  std::vector<Split> parts;
  std::vector<std::string> names;  ///< "fold 2", or "fold 2 of draw 3"
  Index folds = 0, repeats = 1;
};

/// Each row of the training file that does not test is held out by one fold of every draw. The split column decides where it
/// holds numbers: its rows of one number are a fold; `train` beside them is in no fold and trains in all, `test` tests. Else
/// folds are drawn from the seed: their sizes differ by one row at most, and so do the rows that each has of a class; with groups
/// each group goes, largest first, where the sizes (and classes) then are most even. Test rows are those of make_split. Throws as
/// make_split, and UsageError for fewer than two folds or more than there are rows or groups.
TACIT_EXPORT Folds make_folds(const Dataset& data, const FoldOptions& options);

/// Does the split column hold numbers of folds?
TACIT_EXPORT bool names_folds(const Dataset& data);

}  // namespace tacit::inline TACIT_ABI
