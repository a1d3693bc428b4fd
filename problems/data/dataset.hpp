// From files to numbers: features, target, weights, groups, and the encoder that reads a new file in the same way.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <tacit/core/support/types.hpp>
#include <tacit/problems/readers/libsvm.hpp>
#include <tacit/problems/readers/number_file.hpp>
#include <tacit/problems/readers/table.hpp>

namespace tacit::inline TACIT_ABI {

enum class Missing { error, drop_row, mean, median };
/// automatic: classes when the target holds words, else numbers.
enum class TargetKind { automatic, number, classes };
/// Where a row comes from: the file data.train, validation.file or data.test.
enum class Origin : std::uint8_t { train, validation, test };

/// The block `data` of a run file, and the files named in `validation`. Relative paths are taken from base_dir.
struct DataOptions {
  std::string base_dir;
  std::string train;
  std::string format = "auto";  ///< auto (by name) | the name of a format (formats.hpp)
  /// Column name, 1-based number, last, or a file with one value a row; a name of a column before a file. Empty: last, of tables.
  /// LIBSVM has its own.
  std::string target;
  std::string target_path;  ///< target as a path; empty: target, from base_dir
  TargetKind target_kind = TargetKind::automatic;
  std::vector<std::string> features{};                               ///< names or globs; empty: all
  std::vector<std::string> drop{};                                   ///< names or globs
  std::optional<std::vector<std::string>> categorical{};             ///< names or globs; none: auto, columns without a number
  std::map<std::string, std::vector<std::string>> feature_groups{};  ///< group -> names or globs of columns or features
  std::string feature_groups_file;                                   ///< instead: a table with the columns feature, group
  std::string weight;    ///< column, or a file with one number a row of the training file
  std::string group;     ///< column, or a file with one value a row of the training file: equal rows stay in one part
  TableOptions table{};  ///< header, skip_rows, delimiter, decimal, missing_values
  Missing missing = Missing::error;
  std::optional<int> index_base{};
  std::optional<Index> features_total{};
  std::string test_file;
  std::string test_target;  ///< the same for the test file; empty: the column as in training
  std::string test_target_path;
  std::string validation_file;
  std::string validation_target;
  std::string validation_target_path;
  /// train | validation | test, or a fold number, in every row of the training file: a column, which is no feature, or a file
  /// with one value a row.
  std::string split_column;
};

/// A column of a table and the features made of it: itself, or one per level ("city=Oslo").
struct EncodedColumn {
  std::string name;
  bool categorical = false;
  std::vector<std::string> levels{};  ///< sorted
  bool missing_level = false;         ///< a last feature "city=(missing)"
  double fill = 0;                    ///< for a missing number; from fit_fills
  bool has_fill = false;
  Index first = 0;  ///< its first feature
  Index width() const { return categorical ? static_cast<Index>(levels.size()) + (missing_level ? 1 : 0) : 1; }
};

/// What a file was turned into.
struct EncodedFile {
  Features x;
  std::vector<Index> row;  ///< 1-based number of each row among the file's data rows (rows may have been dropped)
  std::string path;
  std::uint64_t digest = 0;
  std::vector<std::string> warnings{};
};

/// How a file becomes features, by column name. Plain data, so that it can be stored with a model.
struct TACIT_EXPORT Encoder {
  /// Of a sparse format (LIBSVM, MatrixMarket coordinate): kept_features of features_total, numbered from index_base on. Files of
  /// dense numbers are tables without a header.
  bool sparse = false;
  int index_base = 1;
  Index features_total = 0;
  std::vector<Index> kept_features{};  ///< ascending; empty: all
  TableOptions table{};
  std::string format = "auto";  ///< of the next file, a name of formats.hpp; auto: by the name of the file
  Missing missing = Missing::error;
  bool had_header = true;
  Index source_columns = 0;            ///< of the training file
  Index target_column = -1;            ///< its number there, -1 when there is none
  std::string target;                  ///< its name
  std::vector<std::string> classes{};  ///< sorted, the last of two is the positive; empty: numbers
  std::vector<EncodedColumn> columns{};

  Index features() const;
  std::vector<std::string> feature_names() const;
  /// The features of another file, columns found by name; the target need not be there. Unknown levels become zeros and a
  /// warning. Throws DataError D101-D110, D117, D131, UsageError when there is no fill for a missing cell yet.
  EncodedFile encode(const std::string& path) const;
};

struct FeatureGroup {
  std::string name;
  std::vector<Index> columns;  ///< features, ascending
};

struct FileDigest {
  std::string path;
  std::uint64_t digest = 0;  ///< digest_of the file as stored
  Index rows = 0;            ///< rows used
  std::string format{};      ///< of the rows' own files: its name
};

/// Something in the data that is worth a look, with the code of its kind.
struct DataRemark {
  std::string code, what, remedy;
};

/// A cell without a value.
struct MissingCell {
  Index row = 0, feature = 0;
};

/// All rows of all files. Missing numbers are NaN; what fills them belongs to a choice of training rows (fit_fills).
struct TACIT_EXPORT Dataset {
  Features x;
  std::vector<std::string> feature_names;
  Vec y;                             ///< numbers, or the number of the class (0, 1, ... in the order of classes)
  std::vector<std::string> classes;  ///< labels, sorted (as numbers when all are numbers); empty for numbers
  Vec weight;                        ///< row weights, 1 without data.weight
  bool weighted = false;
  std::string weight_column;                   ///< its name, empty when the weights come from weight_file
  std::string weight_file;                     ///< the file of the weights; empty when they are a column, or all 1
  std::string validation_target, test_target;  ///< names of the target columns of these files, empty without them
  std::string target_file, validation_target_file, test_target_file;  ///< the files of the targets; empty when they are columns
  std::vector<Origin> origin;
  std::vector<Index> row;                 ///< 1-based number of each row among the data rows of its file
  std::vector<std::string> split;         ///< value of split_column, empty text for rows of other files; empty without one
  std::vector<Index> group;               ///< number of each row's group (data.group), -1 in other files; empty without groups
  std::string group_file, split_file;     ///< the files of groups and split; empty when they are columns, or none
  std::vector<FeatureGroup> groups;       ///< of feature_groups; features in none make up a last group "(no group)"
  std::vector<MissingCell> missing;       ///< numeric cells to be filled
  std::vector<FileDigest> files;          ///< in the order of their rows
  std::vector<FileDigest> beside;         ///< files of targets and weights
  std::vector<std::string> notes;         ///< how the data are kept, where that is not plain
  std::vector<std::string> source_names;  ///< of a table: all columns of the training file, in order
  Encoder encoder;
  std::vector<std::string> warnings;
  std::vector<DataRemark> remarks;  ///< warnings with a code of their own
  Index rows() const { return y.size(); }
  /// -1 for the first of two classes, +1 for the second. Throws UsageError unless there are two classes.
  Vec signed_target() const;
  /// The number of the group of every feature; empty without groups.
  std::vector<Index> group_of_feature() const;
};

/// Reads and encodes everything options name. Levels of text columns come from the training and validation files.
/// Throws DataError (data_errors.hpp), UsageError for options that cannot be.
TACIT_EXPORT Dataset load_dataset(const DataOptions& options);

/// What a choice of training rows puts in the missing cells.
struct Filled {
  std::shared_ptr<const Features> x;  ///< a copy with its cells filled; null: none is missing, the data set's own serves
  Encoder encoder;                    ///< that of the data set, which fills a new file alike
};

/// Fills missing numbers with the weighted mean or median of the given (training) rows, in a copy: the data set is not written.
/// Median: the middle of the values, each counted as often as its weight says. Throws DataError D110 for a column without any
/// value.
TACIT_EXPORT Filled fit_fills(const Dataset& data, std::span<const Index> training_rows);

/// True when text matches the pattern, in which * stands for any text and ? for one character.
TACIT_EXPORT bool glob_match(std::string_view pattern, std::string_view text);

}  // namespace tacit::inline TACIT_ABI
