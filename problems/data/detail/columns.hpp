// Choosing columns by name, number or glob (internal to this folder).
#pragma once
#include <string>
#include <vector>

#include <tacit/problems/data/dataset.hpp>

namespace tacit::inline TACIT_ABI {

/// The column of a table by name, 1-based number or `last`. Throws DataError D107 with the near name; key is the run-file key.
TACIT_EXPORT Index find_column(const Table& table, const std::string& selector, const std::string& key);
/// The error for a column that is not there.
TACIT_EXPORT DataError no_column(const Table& table, const std::string& name, const std::string& wanted_by);
/// For every name whether one of the patterns matches; a pattern that matches none throws DataError `code`.
TACIT_EXPORT std::vector<bool> match_names(const std::vector<std::string>& names, const std::vector<std::string>& patterns,
                                           const std::string& key, const char* code, const std::string& path);
/// path, or base_dir/path when path is relative and base_dir is not empty.
TACIT_EXPORT std::string resolve_path(const std::string& base_dir, const std::string& path);
/// The name of the format, "auto" by the name of the file. Throws UsageError where there is none.
TACIT_EXPORT std::string table_format(const std::string& format, const std::string& path);
/// The groups of feature_groups; names are those of the features, parents the columns they come from.
TACIT_EXPORT std::vector<FeatureGroup> make_groups(const DataOptions& options, const std::vector<std::string>& names,
                                                   const std::vector<std::string>& parents, std::vector<std::string>& warnings);

/// Throws unless the column can be read as numbers (missing cells apart): D108, D109.
TACIT_EXPORT void require_numbers(const Table& table, Index column, const std::string& remedy);
/// "data.drop: ['it''s']", for a run file.
TACIT_EXPORT std::string drop_key(const std::string& name);
/// "data.categorical: ['a', 'b']", all columns of words, since the key names those and no others; of many `name` alone.
TACIT_EXPORT std::string categorical_key(const std::string& name, const std::vector<std::string>& words);
/// Throws D130 when most cells of a column of words mean numbers, written in a way that is not read (1,5 or 12 %). `words`: all
/// columns of words, which data.categorical would have to name.
TACIT_EXPORT void require_no_numbers(const Table& table, Index column, const std::vector<std::string>& words);
/// For a file without a header beside, or after, a training file without one: D131 for another number of columns. One fewer may
/// be meant to be the target (`or_without_target`). D131 too where its first row holds names.
TACIT_EXPORT void require_same_columns(const Table& table, Index columns, bool or_without_target);
/// Levels of a column, sorted: as numbers when all of them are numbers, else by their bytes.
TACIT_EXPORT std::vector<std::string> sorted_levels(std::vector<std::string> levels);
/// The column of each encoder column in another table. Throws D107.
TACIT_EXPORT std::vector<Index> locate_columns(const Encoder& encoder, const Table& table);
/// In what follows, `fitted`: the columns are those of a model that is there, so that no remedy changes them.
/// Rows that stay under a rule for missing cells; cells of `always` (target, weight) may be missing under drop_row alone. Throws
/// D110.
TACIT_EXPORT std::vector<Index> kept_rows(const Table& table, const std::vector<Index>& columns, const std::vector<Index>& always,
                                          Missing rule, bool fitted = false);
/// Writes the features of the kept rows of one table to x, from row `at` on; missing numbers become NaN and are listed. Throws
/// D108, D109.
TACIT_EXPORT void encode_rows(const Encoder& encoder, const Table& table, const std::vector<Index>& sources,
                              const std::vector<Index>& kept, AlignedRows& x, Index at, std::vector<MissingCell>& missing,
                              std::vector<std::string>& warnings, bool fitted = false);
/// Throws D108, D109 as encode_rows does, for an encoder without categories.
TACIT_EXPORT void require_feature_numbers(const Encoder& encoder, const Table& table, const std::vector<Index>& sources,
                                          bool fitted = false);
/// Of the kept rows and the columns of a table the cells without a number; rows are counted from `at`, columns in their order
/// here.
TACIT_EXPORT void list_missing(const Table& table, const std::vector<Index>& columns, const std::vector<Index>& kept, Index at,
                               std::vector<MissingCell>& missing);
/// What is used of a table: rows and columns.
struct TablePart {
  const Table& table;
  const std::vector<Index>& columns;
  const std::vector<Index>& kept;
};
/// The numbers of packed tables below each other, where they lie. Null where they are to be copied: one is a text, has rows that
/// are left out or cells without a number, or, where they are not mapped into memory as they are wanted, memory has room for a
/// copy.
TACIT_EXPORT SharedRows numbers_in_place(const std::vector<TablePart>& parts);
/// D134 unless memory holds so many numbers, which are made of the packed table.
TACIT_EXPORT void require_memory(Index rows, Index columns, const Table& table);
/// Writes these rows and columns of a table to x, from row `at` on; rows ascend. Their numbers may lie in the memory of x, where
/// they go or behind it.
TACIT_EXPORT void copy_entries(const Table& table, const std::vector<Index>& kept, const std::vector<Index>& columns,
                               AlignedRows& x, Index at);
/// The given columns of x, ascending, in the memory of x.
TACIT_EXPORT void keep_columns(CsrMatrix& x, const std::vector<Index>& kept);
/// The given rows and columns of x, both ascending, in the memory of x where it is enough; x has `all` rows then, if these are
/// more, of which the others are not set.
TACIT_EXPORT void keep_entries(AlignedRows& x, const std::vector<Index>& rows, const std::vector<Index>& columns, Index all = 0);
/// Whether a number is missing (NaN), at the speed of reading them.
TACIT_EXPORT bool any_missing(const AlignedRows& x);
/// 3 for "x3", the name of a column without one; 0 for any other.
TACIT_EXPORT Index number_of_name(const std::string& name);
/// "2 of 9 rows of 'a.csv' have missing cells and were dropped"
TACIT_EXPORT std::string dropped_text(Index dropped, Index all, const std::string& path);
/// True where a cell of the column is missing.
TACIT_EXPORT std::vector<bool> missing_cells(const Table& table, Index column);

}  // namespace tacit::inline TACIT_ABI
