#include <tacit/problems/data/dataset.hpp>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <numeric>
#include <set>
#include <tacit/core/support/text.hpp>
#include <tacit/problems/data/detail/columns.hpp>
#include <tacit/problems/data/detail/remarks.hpp>
#include <tacit/problems/readers/formats.hpp>

namespace tacit {
namespace {

constexpr std::size_t kMostLevels = 50;

/// One table of the set with the columns that are no features.
struct Source {
  Table table;
  Origin origin = Origin::train;
  Index target = -1, weight = -1, split = -1;
  std::vector<Index> columns;  // of the encoder's columns
  std::vector<Index> kept;     // rows in use
};

/// The numbers of a file with one column, as many as `rows`.
Vec read_weight_file(const std::string& path, Index rows, const std::string& training) {
  const Table table = Table::read(path);
  if (table.cols() != 1) {
    throw table.file().error("D105", "the weight file has " + std::to_string(table.cols()) + " columns, not one",
                             "keep the weights alone");
  }
  if (table.rows() != rows) {
    throw table.file().error(
        "D123",
        "the weight file has " + std::to_string(table.rows()) + " rows, but '" + training + "' has " + std::to_string(rows),
        "give one weight for every row of the training file");
  }
  require_numbers(table, 0, "weights are numbers");
  kept_rows(table, {0}, {}, Missing::error);
  Vec out(rows);
  for (Index r = 0; r < rows; ++r) {
    out[r] = table.value(r, 0);
    if (out[r] < 0) throw table.error("D112", "the weight " + table.cell(r, 0) + " is negative", r, 0, "weights are 0 or more");
  }
  return out;
}

void require_positive_weight(const Dataset& data, const std::string& path) {
  if (data.weighted && !(data.weight.maxCoeff() > 0)) {
    throw DataError("D112", "all row weights are 0", SourceLocation{path, 0, 0},
                    "give at least the training rows a positive weight");
  }
}

void require_two_classes(const std::vector<std::string>& classes, const std::string& path, const std::string& target) {
  if (classes.size() >= 2) return;
  throw DataError(
      "D113", "all rows have the same class, " + quoted_text(classes.empty() ? "" : classes[0]) + ", in column '" + target + "'",
      SourceLocation{path, 0, 0}, "a classifier needs two; check data.target");
}

/// Reads tables and turns them into a Dataset.
class TableLoader {
public:
  explicit TableLoader(const DataOptions& options) : o_(options), format_(table_format(o_.format, o_.train)) {}

  Dataset run() {
    add_source(o_.train, Origin::train, o_.target);
    find_roles();
    add_other(o_.validation_file, Origin::validation, o_.validation_target);
    add_other(o_.test_file, Origin::test, o_.test_target);
    plan_encoder();
    Index rows = 0;
    for (Source& s : sources_) {
      s.columns = locate_columns(encoder(), s.table);
      std::vector<Index> required{s.target};
      if (s.weight >= 0) required.push_back(s.weight);
      s.kept = kept_rows(s.table, s.columns, required, o_.missing);
      rows += static_cast<Index>(s.kept.size());
    }
    d_.x.dense.resize(rows, encoder().features());
    d_.y.resize(rows);
    d_.weight = Vec::Ones(rows);
    plan_target();
    Index at = 0;
    for (const Source& s : sources_) at = load_rows(s, at);
    require_positive_weight(d_, sources_[0].table.file().path());
    d_.feature_names = encoder().feature_names();
    require_unique_names();
    d_.groups = make_groups(o_, d_.feature_names, parents(), d_.warnings);
    remark_table(train().table, train().columns, train().target, encoder(), d_.remarks);
    remark_same_rows(d_);
    return std::move(d_);
  }

private:
  Encoder& encoder() { return d_.encoder; }
  Source& train() { return sources_[0]; }

  void add_source(const std::string& path, Origin origin, const std::string& target) {
    TableOptions reading = o_.table;
    if (format_ == "tsv" && reading.delimiter == "auto") reading.delimiter = "tab";
    encoder().table = reading;
    // The columns of further files are found by the names in their first line, whatever these look like.
    if (origin != Origin::train && encoder().had_header) reading.header = Header::present;
    Source s;
    s.table = Table::read(resolve_path(o_.base_dir, path), reading);
    s.origin = origin;
    if (origin != Origin::train && !encoder().had_header) require_same_columns(s.table, train().table.cols(), false);
    remark_header(s.table, d_.remarks);
    s.target = find_column(s.table, target, "data.target");
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
    encoder().target = table.names()[static_cast<std::size_t>(train().target)];
    if (!o_.split_column.empty()) {
      if (!o_.validation_file.empty()) {
        throw UsageError("validation.file and validation.split_column both say which rows validate; keep one",
                         "validation.split_column");
      }
      train().split = find_column(table, o_.split_column, "validation.split_column");
      require_apart(train().target, "data.target", train().split, "validation.split_column");
    }
    d_.weighted = !o_.weight.empty();
    if (!d_.weighted) return;
    const std::string path = resolve_path(o_.base_dir, o_.weight);
    if (table.find(o_.weight) < 0 && std::filesystem::is_regular_file(path)) {
      weights_ = read_weight_file(path, table.rows(), table.file().path());
      d_.weight_file = path;
    } else {
      if (format_extension(o_.weight) != "" && table.find(o_.weight) < 0) {
        throw table.file().error("D107", "data.weight: " + quoted_text(o_.weight) + " is neither a column nor a file",
                                 "name a column, or a file with one weight a row; its path is relative to the run file");
      }
      train().weight = find_column(table, o_.weight, "data.weight");
      d_.weight_column = table.names()[static_cast<std::size_t>(train().weight)];
      require_apart(train().target, "data.target", train().weight, "data.weight");
      require_apart(train().split, "validation.split_column", train().weight, "data.weight");
    }
  }

  /// Columns of another file are found by the names of the training file.
  void add_other(const std::string& path, Origin origin, const std::string& target) {
    if (path.empty()) return;
    add_source(path, origin, target.empty() ? encoder().target : target);
    (origin == Origin::validation ? d_.validation_target : d_.test_target) =
        sources_.back().table.names()[static_cast<std::size_t>(sources_.back().target)];
    if (train().weight < 0) return;
    Source& s = sources_.back();
    s.weight = find_column(s.table, train().table.names()[static_cast<std::size_t>(train().weight)], "data.weight");
  }

  void plan_encoder() {
    const Table& table = train().table;
    std::vector<Index> candidates;
    std::vector<std::string> names;
    for (Index c = 0; c < table.cols(); ++c) {
      if (c == train().target || c == train().weight || c == train().split) continue;
      candidates.push_back(c);
      names.push_back(table.names()[static_cast<std::size_t>(c)]);
    }
    const std::string& path = table.file().path();
    const std::vector<bool> wanted = o_.features.empty() ? std::vector<bool>(names.size(), true)
                                                         : match_names(names, o_.features, "data.features", "D107", path);
    const std::vector<bool> dropped = match_names(names, o_.drop, "data.drop", "D107", path);
    const std::vector<bool> listed =
        match_names(names, o_.categorical.value_or(std::vector<std::string>{}), "data.categorical", "D107", path);
    Index first = 0;
    for (std::size_t k = 0; k < names.size(); ++k) {
      if (!wanted[k] || dropped[k]) continue;
      EncodedColumn column;
      column.name = names[k];
      column.first = first;
      column.categorical = o_.categorical ? static_cast<bool>(listed[k]) : holds_words(candidates[k], names[k]);
      if (column.categorical) plan_levels(column, candidates[k]);
      first += column.width();
      encoder().columns.push_back(std::move(column));
    }
    if (first > 0) return;
    const bool one = table.cols() == 1;
    throw table.file().error("D120", one ? "the file has one column, the target, so no feature is left" : "no feature is left",
                             one ? "check data.delimiter" : "check data.features and data.drop");
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

  void plan_levels(EncodedColumn& column, Index c) {
    std::set<std::string> levels;
    bool missing = false;
    for (const auto& [table, at] : fitted(c, column.name)) {
      const TextColumn text = table->text(at);
      levels.insert(text.levels.begin(), text.levels.end());
      missing |= table->cells(at).missing > 0;
    }
    if (!o_.categorical) {
      for (const auto& [table, at] : fitted(c, column.name)) require_no_numbers(*table, at);
    }
    if (!o_.categorical && levels.size() > kMostLevels) {
      throw train().table.error("D111",
                                "the text column '" + column.name + "' has " + std::to_string(levels.size()) +
                                    " levels, more than " + std::to_string(kMostLevels),
                                0, c, "leave it out (data.drop), or name it in data.categorical if it is meant");
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

  Index load_rows(const Source& s, Index at) {
    encode_rows(encoder(), s.table, s.columns, s.kept, d_.x.dense, at, d_.missing, d_.warnings);
    load_target(s, at);
    load_weight(s, at);
    load_split(s);
    for (const Index r : s.kept) {
      d_.row.push_back(r + 1);
      d_.origin.push_back(s.origin);
    }
    const auto rows = static_cast<Index>(s.kept.size());
    if (rows < s.table.rows()) {
      d_.warnings.push_back(std::to_string(s.table.rows() - rows) + " of " + std::to_string(s.table.rows()) + " rows of '" +
                            s.table.file().path() + "' have missing cells and were dropped");
    }
    d_.files.push_back({s.table.file().path(), s.table.file().digest(), rows});
    return at + rows;
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

  void load_split(const Source& s) {
    if (train().split < 0) return;
    if (s.split < 0) {
      d_.split.insert(d_.split.end(), s.kept.size(), "");
      return;
    }
    const TextColumn text = s.table.text(s.split);
    for (const Index r : s.kept) {
      const std::int32_t code = text.codes[static_cast<std::size_t>(r)];
      const std::string value = code < 0 ? "" : text.levels[static_cast<std::size_t>(code)];
      double number = 0;
      const bool fold = read_number(value, '.', number) == NumberText::number && number == std::floor(number) && number >= 0;
      if (!fold && value != "train" && value != "validation" && value != "test") {
        throw s.table.error("D119", "the split column holds " + quoted_text(value), r, s.split,
                            "write train, validation or test (or a fold number) in every row");
      }
      d_.split.push_back(value);
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
  Vec weights_;  // of a weight file
  Dataset d_;
};

/// Reads LIBSVM files and turns them into a Dataset.
class LibsvmLoader {
public:
  explicit LibsvmLoader(const DataOptions& options) : o_(options) {}

  Dataset run() {
    if (!o_.split_column.empty()) {
      throw UsageError(
          "a LIBSVM file has no column that could say which rows validate; use validation.file or validation.fraction",
          "validation.split_column");
    }
    std::vector<std::string> paths{resolve_path(o_.base_dir, o_.train)};
    std::vector<Origin> origins{Origin::train};
    for (const auto& [path, origin] :
         {std::pair{o_.validation_file, Origin::validation}, std::pair{o_.test_file, Origin::test}}) {
      if (path.empty()) continue;
      paths.push_back(resolve_path(o_.base_dir, path));
      origins.push_back(origin);
    }
    LibsvmSet set = read_libsvm(paths, {o_.index_base, o_.features_total, false});
    if (!set.remark.empty()) {
      d_.remarks.push_back({"W217", set.remark + ".",
                            "If one of them counts from 1, number it anew; if all count from 0, say so: data.index_base=0."});
    }
    choose_features(set);
    std::vector<double> labels;
    for (std::size_t k = 0; k < set.parts.size(); ++k) {
      const LibsvmPart& part = set.parts[k];
      labels.insert(labels.end(), part.label.begin(), part.label.end());
      for (Index r = 0; r < part.x.rows(); ++r) {
        d_.row.push_back(r + 1);
        d_.origin.push_back(origins[k]);
      }
      d_.files.push_back({part.path, part.digest, part.x.rows()});
    }
    stack(set);
    load_target(labels);
    load_weight(set.parts[0].x.rows());
    d_.groups = make_groups(o_, d_.feature_names, d_.feature_names, d_.warnings);
    remark_same_rows(d_);
    return std::move(d_);
  }

private:
  void choose_features(LibsvmSet& set) {
    Encoder& encoder = d_.encoder;
    encoder.sparse = true;
    encoder.index_base = set.index_base;
    encoder.features_total = set.features;
    encoder.missing = o_.missing;
    encoder.target = "label";
    d_.feature_names = encoder.feature_names();
    if (o_.features.empty() && o_.drop.empty()) return;
    const std::vector<std::string> all = d_.feature_names;
    const std::vector<bool> wanted = o_.features.empty() ? std::vector<bool>(all.size(), true)
                                                         : match_names(all, o_.features, "data.features", "D107", o_.train);
    const std::vector<bool> dropped = match_names(all, o_.drop, "data.drop", "D107", o_.train);
    for (std::size_t j = 0; j < all.size(); ++j) {
      if (wanted[j] && !dropped[j]) encoder.kept_features.push_back(static_cast<Index>(j));
    }
    if (encoder.kept_features.empty()) {
      throw DataError("D120", "no feature is left", SourceLocation{o_.train, 0, 0}, "check data.features and data.drop");
    }
    for (LibsvmPart& part : set.parts) part.x = keep_columns(part.x, encoder.kept_features);
    d_.feature_names = encoder.feature_names();
  }

  /// All rows below each other.
  void stack(LibsvmSet& set) {
    d_.x.sparse = true;
    if (set.parts.size() == 1) {
      d_.x.csr = std::move(set.parts[0].x);
      return;
    }
    Index rows = 0, entries = 0;
    for (const LibsvmPart& part : set.parts) rows += part.x.rows(), entries += part.x.nonZeros();
    if (entries > std::numeric_limits<std::int32_t>::max()) {
      throw DataError("D118", "the files together have more than 2^31 entries", SourceLocation{o_.train, 0, 0}, "use fewer rows");
    }
    CsrMatrix& x = d_.x.csr;
    x.resize(rows, set.parts[0].x.cols());
    x.resizeNonZeros(entries);
    std::int32_t row = 0, entry = 0;
    for (const LibsvmPart& part : set.parts) {
      const auto n = static_cast<std::int32_t>(part.x.nonZeros());
      std::copy_n(part.x.innerIndexPtr(), n, x.innerIndexPtr() + entry);
      std::copy_n(part.x.valuePtr(), n, x.valuePtr() + entry);
      for (Index r = 0; r < part.x.rows(); ++r) x.outerIndexPtr()[row++] = entry + part.x.outerIndexPtr()[r];
      entry += n;
    }
    x.outerIndexPtr()[rows] = entry;
  }

  void load_target(const std::vector<double>& labels) {
    d_.y = Eigen::Map<const Vec>(labels.data(), static_cast<Index>(labels.size()));
    if (o_.target_kind != TargetKind::classes) return;
    std::set<double> known;
    for (std::size_t i = 0; i < labels.size() && d_.origin[i] == Origin::train; ++i) known.insert(labels[i]);
    for (const double label : known) d_.classes.push_back(number_label(label));
    require_two_classes(d_.classes, d_.files[0].path, "label");
    d_.encoder.classes = d_.classes;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      const auto at = known.find(labels[i]);
      if (at == known.end()) {
        const std::string& path = d_.files[d_.origin[i] == Origin::test ? d_.files.size() - 1 : 1].path;
        throw DataError("D121",
                        "the class '" + number_label(labels[i]) + "' of row " + std::to_string(d_.row[i]) +
                            " does not occur in the training data",
                        SourceLocation{path, 0, 0}, "correct the label, or leave the row out");
      }
      d_.y[static_cast<Index>(i)] = static_cast<double>(std::distance(known.begin(), at));
    }
  }

  void load_weight(Index training_rows) {
    d_.weight = Vec::Ones(d_.y.size());
    d_.weighted = !o_.weight.empty();
    if (!d_.weighted) return;
    d_.weight_file = resolve_path(o_.base_dir, o_.weight);
    d_.weight.head(training_rows) = read_weight_file(d_.weight_file, training_rows, o_.train);
    require_positive_weight(d_, d_.weight_file);
  }

  const DataOptions& o_;
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

Dataset load_dataset(const DataOptions& options) {
  if (options.train.empty()) throw UsageError("no training file is named", "data.train");
  if (table_format(options.format, options.train) == "libsvm") return LibsvmLoader(options).run();
  return TableLoader(options).run();
}

}  // namespace tacit
