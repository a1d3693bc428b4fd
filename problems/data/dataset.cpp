#include <tacit/problems/data/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/detail/numbered.hpp>
#include <tacit/problems/data/detail/remarks.hpp>
#include <tacit/problems/data/detail/targets.hpp>
#include <tacit/problems/readers/detail/table_scan.hpp>
#include <tacit/problems/readers/formats.hpp>
#include <tacit/problems/readers/packed_file.hpp>
#include <tacit/problems/readers/table_start.hpp>

namespace tacit::inline TACIT_ABI {
namespace {

constexpr std::size_t kMostLevels = 50;

/// One table of the set with the columns that are no features.
struct Source {
  Table table;
  bool packed = false;
  Origin origin = Origin::train;
  Index target = -1, weight = -1, split = -1, group = -1;
  std::vector<Index> columns;             // of the encoder's columns
  std::vector<Index> kept;                // rows in use
  std::optional<ColumnFile> target_file;  // instead of a column
};

/// Reads tables and turns them into a Dataset.
class TableLoader {
public:
  explicit TableLoader(const DataOptions& options) : o_(options), format_(table_format(o_.format, o_.train)) {}

  Dataset run() {
    add_source(o_.train, Origin::train, o_.target.empty() ? "last" : o_.target, o_.target_path);
    find_roles();
    add_other(o_.validation_file, Origin::validation, o_.validation_target, o_.validation_target_path);
    add_other(o_.test_file, Origin::test, o_.test_target, o_.test_target_path);
    plan_encoder();
    Index rows = 0;
    for (Source& s : sources_) {
      s.columns = locate_columns(encoder(), s.table);
      std::vector<Index> required;
      if (!s.target_file) required.push_back(s.target);
      if (s.weight >= 0) required.push_back(s.weight);
      s.kept = kept_rows(s.table, s.columns, required, o_.missing);
      rows += static_cast<Index>(s.kept.size());
    }
    // Numbers alone stay in the memory that they were read into; words take more columns than they have cells.
    in_place_ =
        std::none_of(encoder().columns.begin(), encoder().columns.end(), [](const EncodedColumn& c) { return c.categorical; });
    if (!in_place_) {
      if (train().table.outside()) require_memory(rows, encoder().features(), train().table);
      d_.x.dense.resize(rows, encoder().features());
    }
    d_.y.resize(rows);
    d_.weight = Vec::Ones(rows);
    d_.row.reserve(static_cast<std::size_t>(rows));
    d_.origin.reserve(static_cast<std::size_t>(rows));
    const bool apart = std::any_of(sources_.begin(), sources_.end(), [](const Source& s) { return s.target_file.has_value(); });
    if (apart)
      load_targets_apart();
    else
      plan_target();
    Index at = 0;
    for (const Source& s : sources_) at = load_rows(s, at, !apart);
    require_positive_weight(d_, sources_[0].table.file().path());
    d_.feature_names = encoder().feature_names();
    require_unique_names();
    d_.groups = make_groups(o_, d_.feature_names, parents(), d_.warnings);
    remark_table(train().table, train().columns, train().target, encoder(), d_.remarks);
    if (!o_.categorical) remark_levels(train().table, encoder(), d_.remarks);
    if (in_place_) take_numbers(rows);
    remark_same_rows(d_);
    return std::move(d_);
  }

private:
  Encoder& encoder() { return d_.encoder; }
  Source& train() { return sources_[0]; }

  /// The target: a column by name or number, or else a file.
  void find_target(Source& s, const std::string& selector, const std::string& as_path) {
    const std::string key = s.origin == Origin::train  ? "data.target"
                            : s.origin == Origin::test ? "data.test_target"
                                                       : "validation.target";
    const bool number = selector == "last" || selector.find_first_not_of("0123456789") == std::string::npos;
    const std::string file = number || s.table.find(selector) >= 0 ? "" : file_of_selector(o_, selector, as_path);
    if (file.empty()) {
      s.target = find_column(s.table, selector, key);
      return;
    }
    s.target_file = read_column_file(file, s.table.rows(), "targets", s.table.file().path(), o_.table.limits);
    d_.beside.push_back({file, s.target_file->digest, s.table.rows()});
    (s.origin == Origin::train  ? d_.target_file
     : s.origin == Origin::test ? d_.test_target_file
                                : d_.validation_target_file) = file;
  }

  void add_source(const std::string& path, Origin origin, const std::string& target, const std::string& target_path) {
    TableOptions reading = o_.table;
    reading.keep_text = false;
    if (format_ == "tsv" && reading.delimiter == "auto") reading.delimiter = "tab";
    // The columns of further files are found by the names in their first line, whatever these look like.
    if (origin != Origin::train && encoder().had_header) reading.header = Header::present;
    Source s;
    const std::string file = resolve_path(o_.base_dir, path);
    TableOptions as_read = reading;
    s.packed = is_packed(file);
    // The numbers of all files end below each other, and are read to where they stay.
    if (s.packed)
      s.table = packed_table(file, &as_read);
    else
      s.table = sources_.empty() ? Table::read(file, reading) : read_behind(sources_.back().table, file, reading);
    if (origin == Origin::train) {  // other files are read as this one, or the text that it was made of, was
      as_read.keep_text = false;
      as_read.limits = reading.limits;
      encoder().table = as_read;
    }
    s.origin = origin;
    if (origin != Origin::train && !encoder().had_header) require_same_columns(s.table, train().table.cols(), false);
    remark_header(s.table, d_.remarks);
    find_target(s, target, target_path);
    sources_.push_back(std::move(s));
  }

  /// A column 'city=Oslo' beside the level 'Oslo' of 'city' would make two features that no file can tell apart.
  void require_unique_names() const {
    std::set<std::string> seen;
    for (const std::string& name : d_.feature_names) {
      if (seen.insert(name).second) continue;
      throw sources_[0].table.file().error("D106", "two features have the name " + quoted_text(name) + ", a column and a level",
                                           "rename the column, or leave it out: data.drop");
    }
  }

  static void require_apart(Index a, const char* key_a, Index b, const char* key_b) {
    if (a < 0 || a != b) return;
    throw UsageError(std::string(key_a) + " and " + key_b + " name the same column; a column has one part", key_b);
  }

  void find_roles() {
    const Table& table = train().table;
    encoder().missing = o_.missing;
    encoder().had_header = table.has_header();
    d_.source_names = table.names();
    encoder().source_columns = table.cols();
    encoder().target_column = train().target;
    encoder().target = train().target_file ? std::filesystem::path(d_.target_file).filename().string()
                                           : table.names()[static_cast<std::size_t>(train().target)];
    if (!o_.split_column.empty()) {
      if (!o_.validation_file.empty()) {
        throw UsageError("validation.file and validation.split_column both say which rows validate; keep one",
                         "validation.split_column");
      }
      split_ = role_column(o_.split_column, "validation.split_column", "parts of the split", train().split, d_.split_file);
      require_apart(train().target, "data.target", train().split, "validation.split_column");
    }
    if (!o_.group.empty()) {
      groups_ = role_column(o_.group, "data.group", "groups", train().group, d_.group_file);
      require_apart(train().target, "data.target", train().group, "data.group");
      require_apart(train().split, "validation.split_column", train().group, "data.group");
    }
    d_.weighted = !o_.weight.empty();
    if (!d_.weighted) return;
    const std::string path = resolve_path(o_.base_dir, o_.weight);
    if (table.find(o_.weight) < 0 && std::filesystem::is_regular_file(path)) {
      const ColumnFile weights = read_weights(path, table.rows(), table.file().path(), o_.table.limits);
      weights_ = weights.value;
      d_.weight_file = path;
      d_.beside.push_back({path, weights.digest, weights.rows()});
    } else {
      if (format_extension(o_.weight) != "" && table.find(o_.weight) < 0) {
        throw table.file().error("D107", "data.weight: " + quoted_text(o_.weight) + " is neither a column nor a file",
                                 "name a column, or a file with one weight a row; its path is relative to the run file");
      }
      train().weight = find_column(table, o_.weight, "data.weight");
      d_.weight_column = table.names()[static_cast<std::size_t>(train().weight)];
      require_apart(train().target, "data.target", train().weight, "data.weight");
      require_apart(train().split, "validation.split_column", train().weight, "data.weight");
      require_apart(train().group, "data.group", train().weight, "data.weight");
    }
  }

  /// What a key names that says something of every training row: a column (its number goes to `column`), or a file.
  ColumnFile role_column(const std::string& name, const char* key, const char* what, Index& column, std::string& file) {
    const Table& table = train().table;
    const std::string path = resolve_path(o_.base_dir, name);
    if (table.find(name) < 0 && std::filesystem::is_regular_file(path)) {
      file = path;
      return read_beside(d_, path, table.rows(), what, table.file().path(), o_.table.limits);
    }
    if (format_extension(name) != "" && table.find(name) < 0)
      throw table.file().error(
          "D107", std::string(key) + ": " + quoted_text(name) + " is neither a column nor a file",
          std::string("name a column, or a file with one value a row; its path is relative to the run file"));
    column = find_column(table, name, key);
    return column_of(table, column);
  }

  /// Columns of another file are found by the names of the training file.
  void add_other(const std::string& path, Origin origin, const std::string& target, const std::string& target_path) {
    if (path.empty()) return;
    if (target.empty() && train().target_file) {
      throw UsageError("the targets of the training rows are in a file of their own; name that of the rows of '" + path + "' too",
                       origin == Origin::test ? "data.test_target" : "validation.target");
    }
    add_source(path, origin, target.empty() ? encoder().target : target, target_path);
    if (!sources_.back().target_file) {
      (origin == Origin::validation ? d_.validation_target : d_.test_target) =
          sources_.back().table.names()[static_cast<std::size_t>(sources_.back().target)];
    }
    if (train().weight < 0) return;
    Source& s = sources_.back();
    s.weight = find_column(s.table, train().table.names()[static_cast<std::size_t>(train().weight)], "data.weight");
  }

  void plan_encoder() {
    const Table& table = train().table;
    std::vector<Index> candidates;
    std::vector<std::string> names;
    for (Index c = 0; c < table.cols(); ++c) {
      if (c == train().target || c == train().weight || c == train().split || c == train().group) continue;
      candidates.push_back(c);
      names.push_back(table.names()[static_cast<std::size_t>(c)]);
    }
    const std::string& path = table.file().path();
    const std::vector<bool> wanted = o_.features.empty() ? std::vector<bool>(names.size(), true)
                                                         : match_names(names, o_.features, "data.features", "D107", path);
    const std::vector<bool> dropped = match_names(names, o_.drop, "data.drop", "D107", path);
    const std::vector<bool> listed =
        match_names(names, o_.categorical.value_or(std::vector<std::string>{}), "data.categorical", "D107", path);
    std::vector<Index> at;
    std::vector<std::string> words;
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (!wanted[k] || dropped[k]) continue;
      EncodedColumn column;
      column.name = names[k];
      column.categorical = o_.categorical ? static_cast<bool>(listed[k]) : holds_words(candidates[k], names[k]);
      if (column.categorical) words.push_back(column.name);
      encoder().columns.push_back(std::move(column));
      at.push_back(candidates[k]);
    }
    Index first = 0;
    for (std::size_t k = 0; k < at.size(); ++k) {
      EncodedColumn& column = encoder().columns[k];
      column.first = first;
      if (column.categorical) plan_levels(column, at[k], words);
      first += column.width();
    }
    if (first > 0) return;
    if (table.cols() > 1) throw table.file().error("D120", "no feature is left", "check data.features and data.drop");
    const char sign = other_delimiter(table.file(), o_.table);
    throw table.file().error("D120", "the file has one column, the target, so no feature is left",
                             sign == '\0'  ? "check data.delimiter"
                             : sign == ' ' ? "if blanks part the cells, set data.delimiter: space"
                                           : "if '" + std::string(1, sign) + "' parts the cells, set data.delimiter: \"" +
                                                 std::string(1, sign) + "\"");
  }

  /// Column c of the training file and the column of this name in the validation file.
  std::vector<std::pair<const Table*, Index>> fitted(Index c, const std::string& name) const {
    std::vector<std::pair<const Table*, Index>> out{{&sources_[0].table, c}};
    for (const Source& s : sources_) {
      if (s.origin != Origin::validation) continue;
      if (const Index there = s.table.find(name); there >= 0) out.emplace_back(&s.table, there);
    }
    return out;
  }

  bool holds_words(Index c, const std::string& name) const {
    bool words = false;
    for (const auto& [table, at] : fitted(c, name)) {
      const ColumnCells& cells = table->cells(at);
      if (cells.numbers + cells.not_finite > 0) return false;
      words |= cells.words > 0;
    }
    return words;
  }

  /// `words`: all columns of words.
  void plan_levels(EncodedColumn& column, Index c, const std::vector<std::string>& words) {
    std::set<std::string> levels;
    bool missing = false;
    for (const auto& [table, at] : fitted(c, column.name)) {
      const TextColumn text = table->text(at);
      levels.insert(text.levels.begin(), text.levels.end());
      missing |= table->cells(at).missing > 0;
    }
    if (!o_.categorical) {
      for (const auto& [table, at] : fitted(c, column.name)) require_no_numbers(*table, at, words);
    }
    if (!o_.categorical && levels.size() > kMostLevels) {
      throw train().table.error(
          "D111",
          "the text column '" + column.name + "' has " + std::to_string(levels.size()) + " levels, more than " +
              std::to_string(kMostLevels),
          0, c,
          "leave it out (" + drop_key(column.name) + "), or, if they are meant, set " + categorical_key(column.name, words));
    }
    column.levels = sorted_levels({levels.begin(), levels.end()});
    column.missing_level = missing && (o_.missing == Missing::mean || o_.missing == Missing::median);
  }

  void plan_target() {
    const Table& table = train().table;
    const bool words = table.cells(train().target).text();
    if (o_.target_kind == TargetKind::number || (o_.target_kind == TargetKind::automatic && !words)) return;
    const TextColumn text = table.text(train().target);
    std::set<std::string> labels;
    for (const Index r : train().kept)
      labels.insert(text.levels[static_cast<std::size_t>(text.codes[static_cast<std::size_t>(r)])]);
    d_.classes = sorted_levels({labels.begin(), labels.end()});
    require_two_classes(d_.classes, table.file().path(), encoder().target);
    encoder().classes = d_.classes;
  }

  /// Some targets lie in a file of their own; those that are columns are taken out of their tables, so that all are alike.
  void load_targets_apart() {
    std::vector<TargetPart> parts;
    for (const Source& s : sources_) {
      parts.push_back({s.target_file ? *s.target_file : column_of(s.table, s.target), s.kept, s.origin});
    }
    code_targets(d_, parts, o_.target_kind);
  }

  Index load_rows(const Source& s, Index at, bool with_target) {
    if (in_place_)
      require_feature_numbers(encoder(), s.table, s.columns);
    else
      encode_rows(encoder(), s.table, s.columns, s.kept, d_.x.dense, at, d_.missing, d_.warnings);
    if (with_target) load_target(s, at);
    load_weight(s, at);
    const auto at_cell = [&](const std::optional<ColumnFile>& column, Index number) -> RowError {
      return [&column, &s, number](const char* code, const std::string& message, Index row, const std::string& remedy) {
        return number >= 0 ? s.table.error(code, message, row, number, remedy) : column->error(code, message, row, remedy);
      };
    };
    if (split_) add_split(d_, *split_, s.kept, s.origin, at_cell(split_, train().split));
    if (groups_) add_groups(d_, *groups_, s.kept, s.origin, group_numbers_, at_cell(groups_, train().group));
    for (const Index r : s.kept) {
      d_.row.push_back(r + 1);
      d_.origin.push_back(s.origin);
    }
    const auto rows = static_cast<Index>(s.kept.size());
    if (rows < s.table.rows()) {
      d_.warnings.push_back(dropped_text(s.table.rows() - rows, s.table.rows(), s.table.file().path()));
    }
    d_.files.push_back({s.table.file().path(), s.table.file().digest(), rows,
                        s.packed             ? "tacit"
                        : format_ == "tacit" ? "csv"
                                             : format_});
    return at + rows;
  }

  /// The features of all tables, where all are numbers: those of the first one move together where they stand, so that there is
  /// no second copy of them.
  void take_numbers(Index rows) {
    // What fills missing cells is asked of memory, also where none is missing now.
    const bool fills = o_.missing == Missing::mean || o_.missing == Missing::median;
    std::vector<TablePart> parts;
    for (const Source& s : sources_) parts.push_back({s.table, s.columns, s.kept});
    if (!fills) d_.x.outside = numbers_in_place(parts);
    if (d_.x.outside) return;
    Source& first = train();
    Index at = 0;
    std::size_t k = 0;
    if (first.table.outside()) {
      require_memory(rows, static_cast<Index>(first.columns.size()), first.table);
      d_.x.dense.resize(rows, static_cast<Index>(first.columns.size()));
    } else {
      list_missing(first.table, first.columns, first.kept, 0, d_.missing);
      d_.x.dense = first.table.take_values();
      keep_entries(d_.x.dense, first.kept, first.columns, rows);
      at = static_cast<Index>(first.kept.size());
      k = 1;
    }
    for (; k < sources_.size(); ++k) {
      const Table table = std::move(sources_[k].table);  // given back when it is taken over
      list_missing(table, sources_[k].columns, sources_[k].kept, at, d_.missing);
      copy_entries(table, sources_[k].kept, sources_[k].columns, d_.x.dense, at);
      at += static_cast<Index>(sources_[k].kept.size());
    }
  }

  void load_target(const Source& s, Index at) {
    if (d_.classes.empty()) {
      require_numbers(s.table, s.target, "correct it, or choose a model for classes (model.kind: logistic)");
      for (const Index r : s.kept) d_.y[at++] = s.table.value(r, s.target);
      return;
    }
    if (const ColumnCells& cells = s.table.cells(s.target); cells.not_finite > 0 && cells.words == 0) {
      require_numbers(s.table, s.target, "");
    }
    const TextColumn text = s.table.text(s.target);
    for (const Index r : s.kept) {
      const std::string& label = text.levels[static_cast<std::size_t>(text.codes[static_cast<std::size_t>(r)])];
      const auto known = std::find(d_.classes.begin(), d_.classes.end(), label);
      if (known == d_.classes.end()) {
        throw s.table.error("D121", "the class " + quoted_text(label) + " does not occur in the training data", r, s.target,
                            "correct the label, or leave the row out");
      }
      d_.y[at++] = static_cast<double>(known - d_.classes.begin());
    }
  }

  void load_weight(const Source& s, Index at) {
    if (s.weight < 0 && (s.origin != Origin::train || weights_.size() == 0)) return;
    if (s.weight >= 0) require_numbers(s.table, s.weight, "weights are numbers");
    for (const Index r : s.kept) {
      const double w = s.weight >= 0 ? s.table.value(r, s.weight) : weights_[r];
      if (w < 0) {
        throw s.table.error("D112", "the weight " + s.table.cell(r, s.weight) + " is negative", r, s.weight,
                            "weights are 0 or more");
      }
      d_.weight[at++] = w;
    }
  }

  /// For every feature the column it comes from.
  std::vector<std::string> parents() {
    std::vector<std::string> out;
    for (const EncodedColumn& c : encoder().columns) out.insert(out.end(), static_cast<std::size_t>(c.width()), c.name);
    return out;
  }

  const DataOptions& o_;
  std::string format_;
  std::vector<Source> sources_;
  bool in_place_ = false;
  Vec weights_;  // of a weight file
  std::optional<ColumnFile> split_, groups_;
  std::map<std::string, Index> group_numbers_;
  Dataset d_;
};

}  // namespace

Vec Dataset::signed_target() const {
  if (classes.size() != 2) {
    throw UsageError("the target has " + std::to_string(classes.size()) + " classes, and this model needs two", "data.target");
  }
  return (2 * y.array() - 1).matrix();
}

std::vector<Index> Dataset::group_of_feature() const {
  std::vector<Index> out(groups.empty() ? 0 : feature_names.size(), 0);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    for (const Index j : groups[g].columns) out[static_cast<std::size_t>(j)] = static_cast<Index>(g);
  }
  return out;
}

namespace {

/// Tables, LIBSVM text and files of numbers do not go together, as their columns are found in different ways.
void require_one_kind(const DataOptions& o) {
  const auto kind = [](const FileFormat& f) { return f.table() ? "table" : f.read ? "numbers" : "libsvm"; };
  const FileFormat* train = format_of_file(o.train);
  if (o.format != "auto" || !train) return;
  for (const std::string& path : {o.validation_file, o.test_file}) {
    const FileFormat* other = path.empty() ? nullptr : format_of_file(path);
    const bool any_text = format_extension(path) == ".txt" && !train->read;  // a table or LIBSVM text
    if (!other || any_text || std::string(kind(*other)) == kind(*train)) continue;
    throw DataError("D103", "'" + path + "' is " + other->title + " by its name, and the training data are " + train->title,
                    SourceLocation{resolve_path(o.base_dir, path), 0, 0}, "write both in one format, with the same columns");
  }
}

}  // namespace

Dataset load_dataset(const DataOptions& options) {
  if (options.train.empty()) throw UsageError("no training file is named", "data.train");
  require_one_kind(options);
  return find_format(table_format(options.format, options.train))->table() ? TableLoader(options).run() : load_numbered(options);
}

}  // namespace tacit::inline TACIT_ABI
